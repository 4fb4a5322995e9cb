//! The sources that the settings name, read together.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::TimeZone;

use super::freeze_files::{Absence, StatePlace, read_freeze, read_override};
use super::record_file::{self, ReadRecord};
use super::{SourceError, SourceFacts, Sources, calendar_file, registers, signer_keys};
use crate::diagnostic::Diagnostic;
use crate::model::calendar::FreezeCalendar;
use crate::model::freeze_terms::FreezeMode;
use crate::model::gates::{Gates, RegisteredOwner};
use crate::signatures::{SignerKeys, findings};

/// Where everything is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfiguredSources {
    /// The change record.
    pub record: PathBuf,
    /// What gates it.
    pub gates: GatePlaces,
    /// How long reading all of them may take.
    pub within: Duration,
}

/// Where the gates are read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatePlaces {
    /// Freeze calendars; their blackouts are joined.
    pub calendars: Vec<PathBuf>,
    /// Who may decide for whom.
    pub delegates: Option<PathBuf>,
    /// The hold register.
    pub holds: Option<PathBuf>,
    /// The service ownership record.
    pub ownership: Option<PathBuf>,
    /// Freeze mode.
    pub freeze_mode: Option<FreezePlaces>,
    /// Keys of those who sign.
    pub keys: Option<KeyPlaces>,
}

/// Where freeze mode is read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezePlaces {
    /// The freeze state.
    pub state: PathBuf,
    /// The override; beside the state when none is named, and then it may be missing.
    pub release_override: Option<PathBuf>,
}

/// Where the keys are read from by which signatures are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPlaces {
    /// Who may sign with which key, as OpenSSH's allowed signers.
    pub allowed_signers: PathBuf,
    /// Keys that were withdrawn.
    pub revoked_keys: Option<PathBuf>,
    /// Zone of times in the allowed signers that carry none.
    pub zone: TimeZone,
}

impl ConfiguredSources {
    /// Of a record, one calendar and a freeze state in local files.
    pub fn of_files(record: PathBuf, calendar: PathBuf, freeze_state: PathBuf) -> Self {
        let freeze_mode = Some(FreezePlaces { state: freeze_state, release_override: None });
        let gates = GatePlaces { calendars: vec![calendar], freeze_mode, ..GatePlaces::default() };
        Self { record, gates, within: WITHIN }
    }

    fn read_files(&self) -> Result<SourceFacts, SourceError> {
        let record = record_file::read(&self.record).map_err(SourceError::invalid("the change record"))?;
        let gates = self.gates.read(&record)?;
        Ok(SourceFacts { record, gates })
    }
}

/// How long reading all sources may take unless the settings say otherwise.
pub const WITHIN: Duration = Duration::from_secs(30);

impl GatePlaces {
    fn read(&self, record: &ReadRecord) -> Result<Gates, SourceError> {
        let exception = &record.record.exception;
        let delegations = match &self.delegates {
            Some(path) => registers::delegations(path).map_err(SourceError::invalid("the delegate mapping"))?,
            None => Vec::new(),
        };
        let holds = match &self.holds {
            Some(path) => {
                let mut holds = registers::holds(path).map_err(SourceError::invalid("the hold register"))?;
                holds.retain(|hold| hold.change_id == exception.change_id);
                holds
            }
            None => Vec::new(),
        };
        let owner = match &self.ownership {
            Some(path) => {
                let found = registers::owner(path, &exception.service.id);
                let found = found.map_err(SourceError::invalid("the service ownership record"))?;
                found.map_or(RegisteredOwner::Unknown, RegisteredOwner::Entry)
            }
            None => RegisteredOwner::AsRecorded,
        };
        let calendar = self.calendar().map_err(SourceError::invalid("the freeze calendar"))?;
        let keys = self.keys.as_ref().map(KeyPlaces::read).transpose()?;
        let signatures = findings(&record.record, keys.as_ref());
        let freeze_mode = self.freeze_mode.as_ref().map_or_else(FreezeMode::default, FreezePlaces::read);
        Ok(Gates { calendar, delegations, holds, owner, signatures, freeze_mode })
    }

    fn calendar(&self) -> Result<FreezeCalendar, Diagnostic> {
        let mut joined = FreezeCalendar::default();
        let mut known = BTreeSet::new();
        for path in &self.calendars {
            for blackout in calendar_file::read(path)?.blackouts {
                if !known.insert(blackout.id.clone()) {
                    let message = format!("blackout {} stands in another calendar as well", blackout.id);
                    return Err(Diagnostic::whole(path, message, "name blackouts apart"));
                }
                joined.blackouts.push(blackout);
            }
        }
        Ok(joined)
    }
}

impl FreezePlaces {
    fn read(&self) -> FreezeMode {
        let named = |path: &PathBuf| StatePlace { path: path.clone(), absence: Absence::Named };
        let beside = || StatePlace { path: self.state.with_file_name(BESIDE), absence: Absence::NeverSet };
        let over = self.release_override.as_ref().map_or_else(beside, named);
        FreezeMode { state: read_freeze(&named(&self.state)).terms(), release_override: read_override(&over).terms() }
    }
}

/// Name of an override that lies beside its state.
const BESIDE: &str = "release_override.json";

impl KeyPlaces {
    fn read(&self) -> Result<SignerKeys, SourceError> {
        let keys = signer_keys::read(&self.allowed_signers, self.revoked_keys.as_deref(), &self.zone);
        keys.map_err(SourceError::invalid("the approvers' keys"))
    }
}

impl Sources for ConfiguredSources {
    async fn read(&self) -> Result<SourceFacts, SourceError> {
        let unavailable =
            |what: &str| SourceError::Unavailable { name: "the sources".to_owned(), what: what.to_owned() };
        let sources = self.clone();
        // A file on a mount that hangs must not hang the run.
        let reading = tokio::task::spawn_blocking(move || sources.read_files());
        match tokio::time::timeout(self.within, reading).await {
            Err(_) => Err(unavailable(&format!("not within {} s", self.within.as_secs()))),
            Ok(Err(_)) => Err(unavailable("reading them failed")),
            Ok(Ok(read)) => read,
        }
    }
}
