//! Copies of a run's journal in the shared store, `.journals/RUN/000001.jsonl` and on, each named by its first entry and
//! created only if it is absent.
//!
//! They are what another host reads when it takes over, and they are the fence: whoever takes a run over writes the next entry
//! itself. The run, should it still be alive, then finds its place taken before it can change the portal again or commit.

use super::history::{BrokenJournal, Found, History};
use super::shared::{Created, SharedStore, StoreError};
use crate::model::ids::RunId;
use crate::model::time::Instant;

/// Why entries could not be copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Another run took this one over.
    #[error("another run has taken over")]
    TakenOver,
}

/// Why a run's journal cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What it holds cannot be believed.
    #[error("the journal of run {run} cannot be believed: {why}")]
    Broken {
        run: RunId,
        #[source]
        why: BrokenJournal,
    },
    /// The local journal and its copies tell different stories.
    #[error("the journal of run {0} and its copies in the evidence store differ")]
    Differs(RunId),
    /// There is none.
    #[error("no journal of run {0} is known here")]
    Unknown(RunId),
}

fn folder(run: &RunId) -> String {
    format!(".journals/{run}")
}

/// Copies of the journal of the run under way.
#[derive(Debug)]
pub struct Copies {
    store: SharedStore,
    run: RunId,
    copied: u64,
    waiting: Vec<u8>,
}

impl Copies {
    /// For a new run.
    pub fn new(store: SharedStore, run: RunId) -> Self {
        Self { store, run, copied: 0, waiting: Vec::new() }
    }

    /// Remembers a line for the next time.
    pub fn remember(&mut self, line: &[u8]) {
        self.waiting.extend_from_slice(line);
    }

    /// Copies what waits. In the store when this returns; after an error it waits on.
    ///
    /// # Errors
    ///
    /// [`CopyError`].
    pub async fn share(&mut self) -> Result<(), CopyError> {
        while !self.waiting.is_empty() {
            let key = format!("{}/{:06}.jsonl", folder(&self.run), self.copied + 1);
            match self.store.create(&key, self.waiting.clone()).await? {
                Created::Ours => self.arrived(self.waiting.len()),
                // An earlier try whose answer was lost, before more came to wait.
                Created::Taken(there) if !there.is_empty() && self.waiting.starts_with(&there) => {
                    self.arrived(there.len())
                }
                Created::Taken(_) => return Err(CopyError::TakenOver),
            }
        }
        Ok(())
    }

    fn arrived(&mut self, length: usize) {
        let lines = self.waiting.drain(..length).filter(|byte| *byte == b'\n').count();
        self.copied += lines as u64;
    }
}

/// The journal of a run from its copies, as one text.
async fn copies_of(store: &SharedStore, run: &RunId) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    for key in store.list(&folder(run)).await? {
        bytes.extend(store.read(&key).await?.unwrap_or_default());
    }
    Ok(bytes)
}

/// An earlier run, as far as it can be known here.
#[derive(Debug, Clone)]
pub struct Past {
    /// What its journal tells: the local one where there is one, which may go further than the copies.
    pub history: History,
    /// What the copies tell.
    shared: History,
    /// Whether a torn last line was left out.
    pub torn: bool,
}

/// Reads the journal of `run`: from the copies, and from `local`, the bytes of the local journal, where there is one.
///
/// # Errors
///
/// [`ReadError`]: a broken chain is refused, wherever it is.
pub async fn read(store: &SharedStore, run: &RunId, local: Option<&[u8]>) -> Result<Past, ReadError> {
    let broken = |why| ReadError::Broken { run: run.clone(), why };
    let copies = copies_of(store, run).await?;
    let Found { history: shared, own, .. } = History::read(&copies).map_err(broken)?;
    let shared = shared.ok_or_else(|| ReadError::Unknown(run.clone()))?;
    let Some(local) = local else { return Ok(Past { history: shared.clone(), shared, torn: false }) };
    let Found { history, whole, torn, .. } = History::read(local).map_err(broken)?;
    let (copied, local) = (copies.get(..own).unwrap_or_default(), local.get(..whole).unwrap_or_default());
    if !local.starts_with(copied) && !copied.starts_with(local) {
        return Err(ReadError::Differs(run.clone()));
    }
    let history = history.filter(|_| local.len() >= copied.len()).unwrap_or_else(|| shared.clone());
    Ok(Past { history, shared, torn })
}

impl Past {
    /// Fences the earlier run off: whatever it does next, it will find its place taken. False when it was faster, which shows
    /// that it lives.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store does not answer.
    pub async fn fence(&self, store: &SharedStore, by_run: &RunId, at: Instant) -> Result<bool, StoreError> {
        let run = &self.shared.opening.run;
        let Some((seq, line)) = self.shared.tombstone(by_run, at) else { return Ok(false) };
        let key = format!("{}/{seq:06}.jsonl", folder(run));
        Ok(store.create(&key, line).await? == Created::Ours)
    }
}
