//! One run at a time for a portal and a change.
//!
//! The claim is a row of objects, `.claims/PORTAL--CHANGE/000001.json` and on, each created only if it is absent. The last one
//! says who holds the change, or that nobody does. Nothing is ever changed or deleted, so the row is also the record of who took
//! over from whom, and why; and two hosts that share the store cannot both write the next one.

use serde::{Deserialize, Serialize};

use super::shared::{Created, SharedStore, StoreError};
use crate::model::ids::{ChangeId, PersonId, RunId};
use crate::model::time::Instant;

/// A process, so that its end can be told from afar and from another process of the same number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name of the host, for people.
    pub host: String,
    /// The running system: changes with every start of the host.
    pub boot: String,
    /// Its table of processes: containers have their own.
    pub processes: String,
    /// Process number.
    pub pid: i32,
    /// When the process started, in ticks since the host did.
    pub started: u64,
}

/// Whether a holder can still do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alive {
    /// The process is there.
    Yes,
    /// It is gone.
    Gone,
    /// It belongs to another host or container: not to be told from here.
    Elsewhere,
}

/// Who took over from whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TookOver {
    /// The earlier run.
    pub run: RunId,
    /// Who ordered it.
    pub by: PersonId,
    /// Why.
    pub reason: String,
    /// Whether the earlier run belonged to another host, and the person vouched for its end.
    pub vouched: bool,
}

/// Whether a change is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Holds {
    /// By this run.
    Held,
    /// By nobody any more.
    Freed,
}

/// One object of a claim's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimEntry {
    /// Held or freed.
    pub state: Holds,
    pub run: RunId,
    pub change: ChangeId,
    /// Origin of the portal.
    pub portal: String,
    /// Its process.
    pub holder: Holder,
    /// When this was written.
    pub at: Instant,
    /// Whether any run so far found the change submitted, or submitted it.
    #[serde(default)]
    pub submitted: bool,
    /// From whom it was taken over.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub took_over: Option<TookOver>,
}

/// A claim as it stands: the last object of its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimState {
    /// Number of the last object.
    pub generation: u64,
    /// What it says; nothing when it cannot be read, which counts as held.
    pub entry: Option<ClaimEntry>,
}

impl ClaimState {
    /// Whether nobody holds the change.
    pub fn is_free(&self) -> bool {
        self.entry.as_ref().is_some_and(|entry| entry.state == Holds::Freed)
    }

    /// Whether some run may have submitted the change; of what cannot be read that has to be feared.
    pub fn submitted(&self) -> bool {
        self.entry.as_ref().is_none_or(|entry| entry.submitted)
    }
}

/// A claim that this run holds.
#[derive(Debug, Clone)]
pub struct Claim {
    row: ClaimLog,
    generation: u64,
    entry: ClaimEntry,
}

/// The row of objects of one portal and change.
#[derive(Debug, Clone)]
pub struct ClaimLog {
    store: SharedStore,
    folder: String,
}

/// The folder of all claims.
const CLAIMS: &str = ".claims";

impl ClaimLog {
    /// The row of `change` at the portal of this origin.
    pub fn of(store: &SharedStore, portal: &str, change: &ChangeId) -> Self {
        let host: String =
            portal.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' { c } else { '_' }).collect();
        Self { store: store.clone(), folder: format!("{CLAIMS}/{host}--{change}") }
    }

    /// Every row of the store.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    pub async fn all(store: &SharedStore) -> Result<Vec<Self>, StoreError> {
        let keys = store.list(CLAIMS).await?;
        let mut folders: Vec<String> =
            keys.iter().filter_map(|key| key.rsplit_once('/')).map(|(folder, _)| folder.to_owned()).collect();
        folders.dedup();
        Ok(folders.into_iter().map(|folder| Self { store: store.clone(), folder }).collect())
    }

    fn key(&self, generation: u64) -> String {
        format!("{}/{generation:06}.json", self.folder)
    }

    /// How the claim stands; nothing when the change was never claimed.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    pub async fn standing(&self) -> Result<Option<ClaimState>, StoreError> {
        let keys = self.store.list(&self.folder).await?;
        let number = |key: &String| key.rsplit_once('/')?.1.strip_suffix(".json")?.parse::<u64>().ok();
        let Some(generation) = keys.iter().filter_map(number).max() else { return Ok(None) };
        let bytes = self.store.read(&self.key(generation)).await?.unwrap_or_default();
        Ok(Some(ClaimState { generation, entry: serde_json::from_slice(&bytes).ok() }))
    }

    /// Writes the object after `standing`. Nothing when another run was faster.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    pub async fn take(&self, standing: Option<&ClaimState>, entry: ClaimEntry) -> Result<Option<Claim>, StoreError> {
        let generation = standing.map_or(0, |standing| standing.generation) + 1;
        let bytes = serde_json::to_vec_pretty(&entry).unwrap_or_default();
        Ok(match self.store.create(&self.key(generation), bytes).await? {
            Created::Ours => Some(Claim { row: self.clone(), generation, entry }),
            Created::Taken(_) => None,
        })
    }
}

impl Claim {
    /// Gives the claim back, and says whether the change is submitted. Whoever took the claim over meanwhile keeps it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    pub async fn free(self, at: Instant, submitted: bool) -> Result<(), StoreError> {
        let submitted = submitted || self.entry.submitted;
        let freed = ClaimEntry { state: Holds::Freed, at, submitted, took_over: None, ..self.entry };
        let standing = ClaimState { generation: self.generation, entry: None };
        self.row.take(Some(&standing), freed).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(run: &str) -> ClaimEntry {
        ClaimEntry {
            state: Holds::Held,
            run: RunId::parse(run).unwrap(),
            change: ChangeId::parse("CHG1").unwrap(),
            portal: "https://h:1".into(),
            holder: Holder { host: "h".into(), boot: "b".into(), processes: "p".into(), pid: 7, started: 1 },
            at: Instant::parse("2026-12-01T00:00:00Z").unwrap(),
            submitted: false,
            took_over: None,
        }
    }

    #[tokio::test]
    async fn a_change_can_be_claimed_once_until_it_is_freed() {
        let folder = tempfile::tempdir().unwrap();
        let store = SharedStore::folder(folder.path());
        let row = ClaimLog::of(&store, "https://h:1", &ChangeId::parse("CHG1").unwrap());
        assert_eq!(row.standing().await.unwrap(), None);
        let claim = row.take(None, entry("r1")).await.unwrap().unwrap();
        assert!(row.take(None, entry("r2")).await.unwrap().is_none());
        let standing = row.standing().await.unwrap().unwrap();
        assert!(!standing.is_free());
        assert_eq!(standing.entry.unwrap().run.as_str(), "r1");
        claim.free(entry("r1").at, true).await.unwrap();
        let standing = row.standing().await.unwrap().unwrap();
        assert!(standing.is_free() && standing.submitted());
        assert!(row.take(Some(&standing), entry("r2")).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_claim_that_was_taken_over_cannot_be_freed_by_its_first_holder() {
        let folder = tempfile::tempdir().unwrap();
        let store = SharedStore::folder(folder.path());
        let row = ClaimLog::of(&store, "https://h:1", &ChangeId::parse("CHG1").unwrap());
        let first = row.take(None, entry("r1")).await.unwrap().unwrap();
        let standing = row.standing().await.unwrap();
        assert!(row.take(standing.as_ref(), entry("r2")).await.unwrap().is_some());
        assert!(row.take(standing.as_ref(), entry("r3")).await.unwrap().is_none());
        first.free(entry("r1").at, false).await.unwrap();
        let standing = row.standing().await.unwrap().unwrap();
        assert_eq!(standing.entry.map(|entry| (entry.run.to_string(), entry.state)), Some(("r2".into(), Holds::Held)));
    }

    #[tokio::test]
    async fn a_claim_that_cannot_be_read_counts_as_held() {
        let folder = tempfile::tempdir().unwrap();
        let store = SharedStore::folder(folder.path());
        let row = ClaimLog::of(&store, "https://h:1", &ChangeId::parse("CHG1").unwrap());
        store.create(&row.key(1), b"{".to_vec()).await.unwrap();
        assert!(!row.standing().await.unwrap().unwrap().is_free());
    }
}
