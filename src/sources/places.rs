//! Where the gates are read from, as far as they are files.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::freeze_files::{Absence, StatePlace, read_freeze, read_override};
use super::icalendar::ZoneNames;
use super::{SourceError, calendar_file, registers, signer_keys};
use crate::diagnostic::Diagnostic;
use crate::model::calendar::FreezeCalendar;
use crate::model::freeze_terms::FreezeMode;
use crate::model::gates::{Gates, RegisteredOwner};
use crate::model::record::FreezeException;
use crate::model::time::ChangeWindow;
use crate::signatures::SignerKeys;

/// Where the gates are read from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GatePlaces {
    /// Freeze calendars in files; all blackouts are joined.
    pub calendars: Vec<PathBuf>,
    /// Freeze calendars at addresses.
    pub addresses: Vec<url::Url>,
    /// Zones that calendars may mean.
    pub zones: ZoneNames,
    /// Who may decide for whom.
    pub delegates: Option<PathBuf>,
    /// The hold register.
    pub holds: Option<PathBuf>,
    /// The service ownership record.
    pub ownership: Option<PathBuf>,
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

impl GatePlaces {
    /// One calendar and a freeze state.
    pub fn of_files(calendar: PathBuf, freeze_state: PathBuf) -> Self {
        let freeze_mode = Some(FreezePlaces { state: freeze_state, release_override: None });
        Self { calendars: vec![calendar], freeze_mode, ..Self::default() }
    }

    /// Everything of it that is files, but for the findings on signatures: these are of a record. Of calendars whose events
    /// repeat, what overlaps the `horizon`.
    ///
    /// # Errors
    ///
    /// [`SourceError`] naming which of them cannot be read or is not valid.
    pub fn read(
        &self,
        exception: &FreezeException,
        horizon: ChangeWindow,
    ) -> Result<(Gates, Option<SignerKeys>), SourceError> {
        let delegations = match &self.delegates {
            Some(path) => registers::delegations(path).map_err(SourceError::invalid("the delegate mapping"))?,
            None => Vec::new(),
        };
        let holds = match &self.holds {
            Some(path) => {
                let mut holds = registers::holds(path).map_err(SourceError::invalid("the hold register"))?;
                holds.retain(|hold| hold.change_id.as_str().eq_ignore_ascii_case(exception.change_id.as_str()));
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
        let calendars = self.calendars.iter().map(|path| calendar_file::read_calendar(path, &self.zones, horizon));
        let calendar = calendars.collect::<Result<_, _>>().and_then(joined);
        let keys = self.keys.as_ref().map(KeyPlaces::read).transpose()?;
        let gates = Gates {
            calendar: calendar.map_err(SourceError::invalid("the freeze calendar"))?,
            delegations,
            holds,
            owner,
            signatures: Vec::new(),
            freeze_mode: self.freeze_mode.as_ref().map_or_else(FreezeMode::default, FreezePlaces::read),
        };
        Ok((gates, keys))
    }
}

impl GatePlaces {
    /// Whether each file of it can be read, by name; `horizon` is for calendars whose events repeat.
    pub(crate) fn examine(&self, horizon: ChangeWindow) -> Vec<(&'static str, Result<String, Diagnostic>)> {
        let count = |number: usize, what: &str| format!("{number} {what}");
        let mut found = Vec::new();
        for path in &self.calendars {
            let read = calendar_file::read_calendar(path, &self.zones, horizon);
            found.push(("calendar", read.map(|calendar| count(calendar.blackouts.len(), "blackouts"))));
        }
        if let Some(path) = &self.delegates {
            found.push(("delegates", registers::delegations(path).map(|all| count(all.len(), "mappings"))));
        }
        if let Some(path) = &self.holds {
            found.push(("holds", registers::holds(path).map(|all| count(all.len(), "holds"))));
        }
        if let Some(path) = &self.ownership {
            found.push(("ownership", registers::owners(path).map(|all| count(all.len(), "services"))));
        }
        if let Some(keys) = &self.keys {
            let read = signer_keys::read(&keys.allowed_signers, keys.revoked_keys.as_deref(), &keys.zone);
            found.push(("signers", read.map(|_| "can be read".to_owned())));
        }
        if let Some(places) = &self.freeze_mode {
            let named = StatePlace { path: places.state.clone(), absence: Absence::Named };
            let read = read_freeze(&named);
            let told = match read.mistake() {
                Some(mistake) => Err(mistake.clone()),
                None => Ok("can be read".to_owned()),
            };
            found.push(("freeze", told));
        }
        found
    }
}

/// One calendar of several.
///
/// # Errors
///
/// A [`Diagnostic`] when a blackout stands in two of them.
pub fn joined(calendars: Vec<FreezeCalendar>) -> Result<FreezeCalendar, Diagnostic> {
    let mut known = BTreeSet::new();
    let mut all = FreezeCalendar::default();
    for blackout in calendars.into_iter().flat_map(|calendar| calendar.blackouts) {
        if !known.insert(blackout.id.clone()) {
            let message = format!("blackout {} stands in two of them", blackout.id);
            return Err(Diagnostic::whole(Path::new("freeze calendars"), message, "name blackouts apart"));
        }
        all.blackouts.push(blackout);
    }
    Ok(all)
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
