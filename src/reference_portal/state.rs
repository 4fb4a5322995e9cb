//! What the portal remembers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use super::faults::{Fault, FaultPlan};
use super::oracle::{Oracle, ReceivedFile, Stored};

/// A stored exception, draft or submitted.
#[derive(Debug, Clone)]
pub struct Entry {
    pub values: BTreeMap<String, String>,
    pub files: BTreeMap<String, ReceivedFile>,
    pub state: &'static str,
    pub created_at: Timestamp,
}

/// Who is signed in.
#[derive(Debug, Clone)]
pub struct Session {
    pub account: String,
    pub csrf: String,
}

/// What the portal knows of the world: values of the read-only fields by name.
pub type World = BTreeMap<&'static str, String>;

pub(crate) struct Inner {
    pub faults: FaultPlan,
    pub world: World,
    pub sessions: BTreeMap<String, Session>,
    pub uploads: BTreeMap<String, ReceivedFile>,
    pub entries: BTreeMap<String, Entry>,
    pub order: Vec<String>,
    pub counters: Oracle,
    /// Where the portal stops answering, until it is told to go on or its client is gone.
    pub stops_at: Option<Moment>,
    serial: u64,
}

/// A moment inside a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// An upload arrived; nothing is kept.
    Upload,
    /// A save arrived; nothing is stored.
    SaveBefore,
    /// The save is stored, and not answered.
    SaveAfter,
    /// A commit arrived; nothing is stored.
    CommitBefore,
    /// The commit is stored, and not answered.
    CommitAfter,
    /// The list is asked for once something was submitted.
    LookUp,
}

/// Shared state.
#[derive(Clone)]
pub struct State(Arc<Mutex<Inner>>, watch::Sender<u64>);

impl State {
    pub fn new(faults: FaultPlan, world: World) -> Self {
        let mut inner = Inner {
            faults,
            world,
            sessions: BTreeMap::new(),
            uploads: BTreeMap::new(),
            entries: BTreeMap::new(),
            order: Vec::new(),
            counters: Oracle::default(),
            stops_at: None,
            serial: 0,
        };
        if inner.faults.has(Fault::ExistingException) {
            let values = [("service", "checkout-api"), ("change", "CHG0040001")];
            let values = values.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            inner.insert(
                "DRF-000900",
                Entry { values, files: BTreeMap::new(), state: "Draft", created_at: Timestamp::now() },
            );
        }
        Self(Arc::new(Mutex::new(inner)), watch::Sender::new(0))
    }

    pub fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops here for ever if this is where the portal stops; once.
    pub async fn moment(&self, moment: Moment) {
        let stops = {
            let mut inner = self.lock();
            let stops = inner.stops_at == Some(moment);
            if stops {
                inner.stops_at = None;
            }
            stops
        };
        if stops {
            self.1.send_modify(|count| *count += 1);
            std::future::pending::<()>().await;
        }
    }

    /// Counts the moments at which the portal stopped.
    pub fn stops(&self) -> watch::Receiver<u64> {
        self.1.subscribe()
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.lock().faults.has(fault)
    }
}

impl Inner {
    pub fn next(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    pub fn insert(&mut self, reference: &str, entry: Entry) {
        if self.entries.insert(reference.to_owned(), entry).is_none() {
            self.order.push(reference.to_owned());
        }
    }

    /// Reference of the only draft.
    pub(crate) fn only_draft(&self) -> Option<String> {
        let mut drafts = self.entries.iter().filter(|(_, entry)| entry.state == "Draft");
        let (first, none) = (drafts.next()?, drafts.next());
        none.is_none().then(|| first.0.clone())
    }

    pub fn edit_draft(&mut self, field: &str, value: &str) {
        if let Some(draft) = self.only_draft()
            && let Some(entry) = self.entries.get_mut(&draft)
        {
            entry.values.insert(field.to_owned(), value.to_owned());
        }
    }

    pub fn discard_drafts(&mut self) {
        self.entries.retain(|_, entry| entry.state != "Draft");
    }

    pub fn discard_everything(&mut self) {
        self.entries.clear();
        self.order.clear();
    }

    pub fn oracle(&self) -> Oracle {
        let stored = |wanted: bool| {
            self.order
                .iter()
                .filter_map(|reference| Some((reference, self.entries.get(reference)?)))
                .filter(|(_, entry)| (entry.state == "Submitted") == wanted)
                .map(|(reference, entry)| Stored {
                    reference: reference.clone(),
                    values: entry.values.clone(),
                    files: entry.files.clone(),
                })
                .collect()
        };
        Oracle { drafts: stored(false), submitted: stored(true), ..self.counters.clone() }
    }
}
