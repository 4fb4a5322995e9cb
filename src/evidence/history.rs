//! A journal read back: what a run did, where it stands, and what it may have left at the portal.

use super::journal::{Chained, Entry, Event, Opening, Progress, Resumption, next, origin};
use super::outcome::{CommitAnswer, Outcome};
use crate::decide::verdict::{HaltCode, Stage};
use crate::model::digest::Digest;
use crate::model::ids::RunId;
use crate::model::residue::{PortalResidue, StepState, TabProgress, reach};
use crate::model::time::Instant;

/// Everything that a journal tells of its run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    /// What it is about.
    pub opening: Opening,
    /// Which run it continues.
    pub resumption: Option<Resumption>,
    /// When it began.
    pub started_at: Instant,
    /// When its last entry was made.
    pub last_at: Instant,
    /// Where it stands.
    pub progress: Progress,
    /// What it may have left at the portal.
    pub left: PortalResidue,
    /// Whether a look-up left it in doubt, in this run or a forerunner.
    pub in_doubt: bool,
    /// What this run and its forerunners put into which tab.
    pub work: TabProgress,
    /// Packet that it was taken from.
    pub filled_from: Digest,
    /// What the released commit was answered.
    pub answer: Option<CommitAnswer>,
    /// Why it halted.
    pub halted: Option<(Stage, Vec<HaltCode>)>,
    /// Process group of its driver.
    pub group: Option<i32>,
    /// Which run took it over.
    pub taken_over_by: Option<RunId>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Number of the last entry.
    pub seq: u64,
    /// Digest of the last entry.
    pub head: Digest,
}

/// Why a journal cannot be believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenJournal {
    /// A line is not an entry that this version knows.
    #[error("line {line} is no journal entry: {why}")]
    Unreadable {
        /// Line, from 1.
        line: usize,
        why: String,
    },
    /// An entry has other bytes than its digest says, or another entry before it.
    #[error("line {line} does not follow the one before it: the chain is broken")]
    Chain {
        /// Line, from 1.
        line: usize,
    },
    /// An entry stands in another place than it was written in.
    #[error("line {line} is entry {seq} of the run: lines were removed or put into another order")]
    Order {
        /// Line, from 1.
        line: usize,
        /// Its number.
        seq: u64,
    },
    /// An event that may not happen there.
    #[error("line {line}: {event} may not happen while the run is {progress:?}")]
    Illegal {
        /// Line, from 1.
        line: usize,
        event: String,
        /// Where the run stood.
        progress: Progress,
    },
}

/// A journal as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it tells; nothing when not even its first line is whole.
    pub history: Option<History>,
    /// Length of the whole lines, in bytes.
    pub whole: usize,
    /// Length of the lines before the first takeover by another run, in bytes: what the run itself wrote.
    pub own: usize,
    /// Whether a torn last line was cut: the process died, or the disk was full, while it was written. Nothing that it announces
    /// has happened.
    pub torn: bool,
}

impl History {
    /// What is known after one more entry.
    pub(super) fn after(before: Option<Self>, entry: &Entry, hash: Digest) -> Result<Self, BrokenJournal> {
        let line = usize::try_from(entry.seq).unwrap_or(usize::MAX);
        let progress = before.as_ref().map_or(Progress::Empty, |history| history.progress);
        let (seq, head) = before.as_ref().map_or((0, origin()), |history| (history.seq, history.head));
        if entry.seq != seq + 1 || entry.prev != head {
            return Err(BrokenJournal::Chain { line });
        }
        let illegal = || BrokenJournal::Illegal { line, event: entry.event.name(), progress };
        let progress = next(progress, &entry.event).ok_or_else(illegal)?;
        let mut history = match before {
            Some(history) => history,
            None => {
                let Event::Opened(opening) = &entry.event else { return Err(illegal()) };
                Self {
                    opening: opening.clone(),
                    resumption: None,
                    started_at: entry.at,
                    last_at: entry.at,
                    progress,
                    left: PortalResidue::Nothing,
                    in_doubt: false,
                    work: TabProgress::default(),
                    filled_from: opening.packet,
                    answer: None,
                    halted: None,
                    group: None,
                    taken_over_by: None,
                    outcome: None,
                    seq: 0,
                    head: origin(),
                }
            }
        };
        history.take(entry.at, &entry.event);
        history.progress = progress;
        history.last_at = entry.at;
        history.seq = entry.seq;
        history.head = hash;
        Ok(history)
    }

    fn take(&mut self, at: Instant, event: &Event) {
        match event {
            Event::Resumed(resumption) => {
                self.left = resumption.left.clone();
                self.work = resumption.work.clone();
                self.in_doubt = resumption.in_doubt;
                self.filled_from = resumption.filled_from;
                self.resumption = Some(resumption.clone());
            }
            Event::BrowserStarted { group } => self.group = *group,
            Event::NothingFound => {
                self.left = PortalResidue::Nothing;
                self.work = TabProgress::default();
                self.filled_from = self.opening.packet;
            }
            Event::DraftAdopted { draft, tabs } => {
                self.left = PortalResidue::Draft { draft: draft.clone() };
                // Where not all is there yet, what is there may be the agent's all the same.
                let begun = std::mem::take(&mut self.work.fields).into_keys();
                self.work = TabProgress::of_complete(tabs.iter().cloned());
                begun.for_each(|tab| reach(&mut self.work.fields, &tab, StepState::Begun));
                self.filled_from = self.opening.packet;
            }
            Event::EntryBegins { tab } => {
                reach(&mut self.work.fields, tab, StepState::Begun);
                self.touched(at);
            }
            Event::UploadBegins { tab } => {
                reach(&mut self.work.files, tab, StepState::Begun);
                self.touched(at);
            }
            Event::SaveBegins => self.touched(at),
            Event::TabFilled { tab } => reach(&mut self.work.fields, tab, StepState::Entered),
            Event::Uploaded { tab } => reach(&mut self.work.files, tab, StepState::Entered),
            Event::DraftBegun { draft } | Event::DraftSaved { draft } => {
                self.left = PortalResidue::Draft { draft: draft.clone() };
                self.work.saved();
            }
            Event::CommitIntent { portal_time, .. } => {
                if let PortalResidue::Draft { draft } = &self.left {
                    let since = portal_time.unwrap_or(at);
                    self.left = PortalResidue::PerhapsASubmission { draft: draft.clone(), since };
                }
            }
            Event::CommitWithdrawn | Event::CommitAnswered { sent: false, .. } => {
                if let PortalResidue::PerhapsASubmission { draft, .. } = &self.left {
                    self.left = PortalResidue::Draft { draft: draft.clone() };
                }
            }
            Event::CommitAnswered { sent: true, status, sign_in } => {
                self.answer = Some(CommitAnswer::of(*status, *sign_in))
            }
            Event::Confirmed { number } => self.left = PortalResidue::Submission { number: number.clone() },
            Event::Resolved { left } => {
                self.left = left.clone();
                self.in_doubt = false;
            }
            // A person had the browser: what they did is to be looked up.
            Event::TakenBack { changes: 1.., .. } => self.touched(at),
            Event::Halted { stage, codes } => self.halted = Some((*stage, codes.clone())),
            Event::TakenOver { by_run } => self.taken_over_by = Some(by_run.clone()),
            Event::Ended { outcome } => {
                self.outcome = Some(*outcome);
                self.in_doubt |= *outcome == Outcome::InDoubt;
            }
            Event::Opened(_)
            | Event::Claimed
            | Event::PacketJudged
            | Event::PathProven
            | Event::SignedIn
            | Event::Surveyed
            | Event::DraftVerified
            | Event::Reviewed
            | Event::PanelRechecked
            | Event::CommitHeld { .. }
            | Event::HandedOver
            | Event::TakenBack { changes: 0, .. } => {}
        }
    }

    /// The portal may keep something of this run from now on.
    fn touched(&mut self, at: Instant) {
        match self.left {
            PortalResidue::Nothing | PortalResidue::PerhapsADraft { .. } => {
                self.left = PortalResidue::PerhapsADraft { since: at }
            }
            // Saving a known draft changes that draft and makes no other.
            PortalResidue::Draft { .. }
            | PortalResidue::PerhapsASubmission { .. }
            | PortalResidue::Submission { .. } => {}
        }
    }

    /// Reads a journal.
    ///
    /// # Errors
    ///
    /// [`BrokenJournal`], naming the line: a line that is no entry, a chain that does not hold, an event that may not happen. A
    /// last line without its line feed is torn, not broken, and is left out.
    pub fn read(bytes: &[u8]) -> Result<Found, BrokenJournal> {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let mut history = None;
        let (mut own, mut taken_over) = (0, false);
        let lines = bytes.get(..whole).unwrap_or_default().split_inclusive(|byte| *byte == b'\n');
        for (number, text) in lines.enumerate() {
            let line = number + 1;
            let parsed: Result<Chained, _> = serde_json::from_slice(text);
            let Chained { entry, hash } =
                parsed.map_err(|error| BrokenJournal::Unreadable { line, why: error.to_string() })?;
            if entry.digest().ok() != Some(hash) {
                return Err(BrokenJournal::Chain { line });
            }
            if entry.seq != line as u64 {
                return Err(BrokenJournal::Order { line, seq: entry.seq });
            }
            taken_over |= matches!(entry.event, Event::TakenOver { .. });
            own += if taken_over { 0 } else { text.len() };
            history = Some(Self::after(history, &entry, hash)?);
        }
        Ok(Found { history, whole, own, torn: whole < bytes.len() })
    }

    /// The line that another run writes to take this one over, and its number.
    pub(crate) fn tombstone(&self, by_run: &RunId, at: Instant) -> Option<(u64, Vec<u8>)> {
        let event = Event::TakenOver { by_run: by_run.clone() };
        let entry = Entry { seq: self.seq + 1, at, prev: self.head, event };
        let (seq, hash) = (entry.seq, entry.digest().ok()?);
        let mut line = serde_json::to_vec(&entry.chained(hash)).ok()?;
        line.push(b'\n');
        Some((seq, line))
    }
}

/// One entry, told to people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub at: Instant,
    pub event: Event,
}

/// The entries of a journal as far as they can be read. Whether they are to be believed is for [`History::read`] to say.
pub(crate) fn told(bytes: &[u8]) -> Vec<Told> {
    let lines = bytes.split(|byte| *byte == b'\n');
    let entries = lines.filter_map(|line| serde_json::from_slice::<Chained>(line).ok());
    entries.map(|Chained { entry, .. }| Told { at: entry.at, event: entry.event }).collect()
}
