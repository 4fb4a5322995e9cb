//! The sources that the settings name, read together.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use super::record_file::{self, ReadRecord};
use super::{SourceError, SourceFacts, Sources, calendar_file, registers};
use crate::diagnostic::Diagnostic;
use crate::model::calendar::FreezeCalendar;
use crate::model::gates::{Gates, RegisteredOwner};

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
}

impl ConfiguredSources {
    /// Of a record and one calendar in local files.
    pub fn of_files(record: PathBuf, calendar: PathBuf) -> Self {
        let gates = GatePlaces { calendars: vec![calendar], ..GatePlaces::default() };
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
        Ok(Gates { calendar, delegations, holds, owner })
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
