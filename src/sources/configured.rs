//! The sources that the settings name, read together.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;

use super::fetch::{Fetcher, place};
use super::places::{GatePlaces, joined};
use super::record_file::{self, ReadRecord};
use super::servicenow::ServiceNow;
use super::{SourceError, SourceFacts, Sources, calendar_file};
use crate::model::calendar::FreezeCalendar;
use crate::model::gates::{Gates, RegisteredOwner};
use crate::model::ids::{ChangeId, PersonId};
use crate::model::time::ChangeWindow;
use crate::signatures::{SignerKeys, findings};

/// Where everything is read from.
#[derive(Debug, Clone)]
pub struct ConfiguredSources {
    /// The change record, where it is a file.
    pub record: PathBuf,
    /// What gates it.
    pub gates: GatePlaces,
    /// Change management, where the record comes from there.
    pub change_management: Option<ChangeManagement>,
    /// Reads freeze calendars at addresses.
    pub fetcher: Option<Fetcher>,
    /// How long reading all of them may take.
    pub within: Duration,
}

/// A change in a change-management system.
#[derive(Debug, Clone)]
pub struct ChangeManagement {
    /// The system.
    pub service: Arc<ServiceNow>,
    pub change: ChangeId,
    /// What must last as long as the record's attachments are used: the private folder in which they lie.
    pub keeps: Arc<dyn Any + Send + Sync>,
}

/// How long reading all sources may take unless the settings say otherwise.
pub const WITHIN: Duration = Duration::from_secs(30);

/// What a change's number is written behind, where a record is named that is no file.
const CHANGE: &str = "change:";

/// The change that a record's name stands for, where it stands for none in a file.
pub(crate) fn change_named(record: &Path) -> Option<&str> {
    record.to_str()?.strip_prefix(CHANGE)
}

impl ConfiguredSources {
    /// Of a record, one calendar and a freeze state in local files.
    pub fn of_files(record: PathBuf, calendar: PathBuf, freeze_state: PathBuf) -> Self {
        let gates = GatePlaces::of_files(calendar, freeze_state);
        Self { record, gates, change_management: None, fetcher: None, within: WITHIN }
    }

    async fn record(&self) -> Result<ReadRecord, SourceError> {
        match &self.change_management {
            Some(ChangeManagement { service, change, keeps: _ }) => service.record(change, self.within).await,
            None => {
                let path = self.record.clone();
                off_the_run(move || record_file::read(&path).map_err(SourceError::invalid("the change record"))).await
            }
        }
    }

    /// Everything. What gates a `known` record is read before the record is: approvals are what is most likely to be taken
    /// back, and whatever else differs of a record that has changed stops the run anyway.
    async fn all(&self, known: Option<&ReadRecord>) -> Result<SourceFacts, SourceError> {
        match known {
            None => {
                let record = self.record().await?;
                let (gates, keys) = self.gates(&record).await?;
                Ok(SourceFacts { gates: signed(gates, &record, keys.as_ref()), record })
            }
            Some(known) => {
                let (gates, keys) = self.gates(known).await?;
                let record = self.record().await?;
                Ok(SourceFacts { gates: signed(gates, &record, keys.as_ref()), record })
            }
        }
    }

    async fn gates(&self, record: &ReadRecord) -> Result<(Gates, Option<SignerKeys>), SourceError> {
        let horizon = horizon(record);
        let (places, exception) = (self.gates.clone(), record.record.exception.clone());
        let files = off_the_run(move || places.read(&exception, horizon));
        let ((gates, keys), fetched, said) =
            futures_util::future::try_join3(files, self.fetched(horizon), self.said(record)).await?;
        let calendars = std::iter::once(gates.calendar.clone()).chain(fetched).collect();
        let calendar = joined(calendars).map_err(SourceError::invalid("the freeze calendar"))?;
        let Said { delegations, holds, owner } = said;
        let owner = match gates.owner {
            // A register of its own goes before the change-management system.
            RegisteredOwner::AsRecorded => owner,
            RegisteredOwner::Unknown | RegisteredOwner::Entry(_) => gates.owner,
        };
        let delegations = gates.delegations.into_iter().chain(delegations).collect();
        let holds = gates.holds.into_iter().chain(holds).collect();
        Ok((Gates { calendar, delegations, holds, owner, ..gates }, keys))
    }

    /// Calendars at addresses.
    async fn fetched(&self, horizon: ChangeWindow) -> Result<Vec<FreezeCalendar>, SourceError> {
        let one = async |url: &url::Url| {
            let name = "the freeze calendar";
            let Some(fetcher) = &self.fetcher else {
                let what = "nothing is set up to read addresses".to_owned();
                return Err(SourceError::Unavailable { name: name.to_owned(), what });
            };
            let text = fetcher.text(url, name, self.within).await?;
            let (place, zones) = (place(url), self.gates.zones.clone());
            off_the_run(move || {
                calendar_file::read_calendar_text(&place, &text, &zones, horizon).map_err(SourceError::invalid(name))
            })
            .await
        };
        try_join_all(self.gates.addresses.iter().map(one)).await
    }

    /// What change management says beside the record.
    async fn said(&self, record: &ReadRecord) -> Result<Said, SourceError> {
        let Some(ChangeManagement { service, change, keeps: _ }) = &self.change_management else {
            return Ok(Said::default());
        };
        let exception = &record.record.exception;
        let signers = record.record.manifest.signers.iter().map(|signer| signer.approver.clone());
        let mut people: Vec<PersonId> = signers.collect();
        people.sort();
        people.dedup();
        let (delegations, holds, owner) = futures_util::future::try_join3(
            service.delegations(&people, self.within),
            service.holds(change, self.within),
            service.owner(exception.service.id.as_str(), self.within),
        )
        .await?;
        Ok(Said { delegations, holds, owner: owner.map_or(RegisteredOwner::Unknown, RegisteredOwner::Entry) })
    }
}

#[derive(Default)]
struct Said {
    delegations: Vec<crate::model::gates::Delegation>,
    holds: Vec<crate::model::gates::Hold>,
    owner: RegisteredOwner,
}

fn signed(gates: Gates, record: &ReadRecord, keys: Option<&SignerKeys>) -> Gates {
    Gates { signatures: findings(&record.record, keys), ..gates }
}

/// From the earliest to the latest moment that matters to the record: its window, and the blackouts that it excepts.
fn horizon(record: &ReadRecord) -> ChangeWindow {
    let exception = &record.record.exception;
    let all = exception.excepts.iter().map(|named| named.window());
    all.fold(exception.window, |hull, next| ChangeWindow {
        start: hull.start.min(next.start),
        end: hull.end.max(next.end),
    })
}

/// Reads files on another thread: a mount that hangs must not hang the run.
async fn off_the_run<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, SourceError> {
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read,
        Err(_) => Err(unavailable("reading them failed".to_owned())),
    }
}

fn unavailable(what: String) -> SourceError {
    SourceError::Unavailable { name: "the sources".to_owned(), what }
}

#[async_trait(?Send)]
impl Sources for ConfiguredSources {
    async fn read(&self, known: Option<&ReadRecord>) -> Result<SourceFacts, SourceError> {
        match tokio::time::timeout(self.within, self.all(known)).await {
            Ok(read) => read,
            Err(_) => Err(unavailable(format!("not within {} s", self.within.as_secs()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_named_by_its_number_behind_a_word() {
        assert_eq!(change_named(Path::new("change:CHG0041877")), Some("CHG0041877"));
        assert_eq!(change_named(Path::new("records/change.json")), None);
    }

    #[tokio::test]
    async fn a_record_that_hangs_is_given_up_and_the_run_is_not_held() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("record.json");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        let sources = ConfiguredSources::of_files(pipe, folder.path().join("c.toml"), folder.path().join("f.json"));
        let error = sources.read(None).await.unwrap_err();
        assert!(error.to_string().contains("is not a file"), "{error}");
    }
}
