//! The journal of a run: one closed type of events, each chained to the one before it by digest.

use serde::Serialize;

use super::store::{EvidenceError, EvidenceFolder};
use crate::decide::verdict::{HaltCode, Stage};
use crate::mask::masked::{MaskGate, PublicDocument};
use crate::model::digest::Digest;
use crate::model::ids::{ChangeId, DraftReference, RunId, TabId};
use crate::model::time::Instant;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run began.
    Opened {
        /// The run.
        run: RunId,
        /// The change.
        change: ChangeId,
        /// Digest of the packet.
        packet: Digest,
    },
    /// The claim is ours.
    Claimed,
    /// The record was judged without a browser.
    PacketJudged,
    /// The driver was started as this process group.
    BrowserStarted {
        /// Process group, for ending it after a crash.
        group: Option<i32>,
    },
    /// The browser's traffic passes the gateway.
    PathProven,
    /// Signed in.
    SignedIn,
    /// Every tab was looked at.
    Surveyed,
    /// The next step types into this tab.
    EntryBegins {
        /// Tab.
        tab: TabId,
    },
    /// The tab holds its values.
    TabFilled {
        /// Tab.
        tab: TabId,
    },
    /// The next step uploads on this tab.
    UploadBegins {
        /// Tab.
        tab: TabId,
    },
    /// The tab lists its files.
    Uploaded {
        /// Tab.
        tab: TabId,
    },
    /// The next step saves a draft.
    SaveBegins,
    /// The portal named the draft.
    DraftSaved {
        /// Its reference.
        draft: DraftReference,
    },
    /// The draft, reopened, equals the record.
    DraftVerified,
    /// The summary equals the record.
    Reviewed,
    /// Approver panel and freeze window still reconcile.
    PanelRechecked,
    /// The commit request waits at the gateway.
    CommitHeld {
        /// Digest of what it carries.
        content: Digest,
    },
    /// Everything reconciles; the next step releases the request. On disk before it happens.
    CommitIntent {
        /// Digest of what it carries.
        content: Digest,
    },
    /// The portal answered, or did not.
    CommitAnswered {
        /// HTTP status; none without an answer.
        status: Option<u16>,
        /// Whether anything was sent.
        sent: bool,
    },
    /// A look-up proves the submission.
    Confirmed {
        /// Its number.
        number: String,
    },
    /// The run halts.
    Halted {
        /// At which stage.
        stage: Stage,
        /// Why.
        codes: Vec<HaltCode>,
    },
    /// The run is over.
    Ended {
        /// How, as in the run's document.
        outcome: &'static str,
    },
}

/// Where a run stands, as far as the journal tells. Order is order of progress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// Nothing written.
    Empty,
    /// Before any entry.
    Preparing,
    /// Values may have been typed.
    Entering,
    /// A save may have been sent.
    Saving,
    /// A draft is known.
    Drafted,
    /// The commit request waits.
    Held,
    /// The commit may have been sent.
    Released,
    /// The portal's answer is known.
    Answered,
    /// Over.
    Ended,
}

/// The transition table: where `event` leads from `now`, or nothing if it may not happen there.
pub fn next(now: Progress, event: &Event) -> Option<Progress> {
    use Progress as P;
    let preparing = now == P::Preparing;
    let entering = matches!(now, P::Preparing | P::Entering);
    let when = |allowed: bool, to: Progress| allowed.then_some(to);
    match event {
        Event::Opened { .. } => when(now == P::Empty, P::Preparing),
        Event::Claimed
        | Event::PacketJudged
        | Event::BrowserStarted { .. }
        | Event::PathProven
        | Event::SignedIn
        | Event::Surveyed => when(preparing, P::Preparing),
        Event::EntryBegins { .. } | Event::UploadBegins { .. } => when(entering, P::Entering),
        Event::TabFilled { .. } | Event::Uploaded { .. } => when(now == P::Entering, P::Entering),
        Event::SaveBegins => when(matches!(now, P::Entering | P::Saving), P::Saving),
        Event::DraftSaved { .. } => when(now == P::Saving, P::Drafted),
        Event::DraftVerified | Event::Reviewed | Event::PanelRechecked => when(now == P::Drafted, P::Drafted),
        Event::CommitHeld { .. } => when(now == P::Drafted, P::Held),
        Event::CommitIntent { .. } => when(now == P::Held, P::Released),
        Event::CommitAnswered { .. } => when(now == P::Released, P::Answered),
        Event::Confirmed { .. } => when(now == P::Answered, P::Answered),
        Event::Halted { .. } => when(!matches!(now, P::Empty | P::Ended), now),
        Event::Ended { .. } => when(!matches!(now, P::Empty | P::Ended), P::Ended),
    }
}

#[derive(Serialize)]
struct Entry<'a> {
    seq: u64,
    at: Instant,
    prev: Digest,
    #[serde(flatten)]
    event: &'a Event,
}

#[derive(Serialize)]
struct Chained<'a> {
    #[serde(flatten)]
    entry: Entry<'a>,
    hash: Digest,
}
impl PublicDocument for Chained<'_> {}

/// The journal of one run.
#[derive(Debug)]
pub struct Journal {
    progress: Progress,
    seq: u64,
    last: Digest,
}

impl Default for Journal {
    fn default() -> Self {
        Self { progress: Progress::Empty, seq: 0, last: Digest::of(b"portal-agent/journal/1") }
    }
}

impl Journal {
    /// Where the run stands.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Appends an event; on disk when this returns.
    ///
    /// # Errors
    ///
    /// [`EvidenceError::IllegalEvent`] when it may not follow, [`EvidenceError::Write`] when it cannot be written.
    pub fn write(
        &mut self,
        folder: &mut EvidenceFolder,
        gate: &MaskGate,
        at: Instant,
        event: &Event,
    ) -> Result<(), EvidenceError> {
        let next = next(self.progress, event)
            .ok_or_else(|| EvidenceError::IllegalEvent(format!("{event:?} may not follow {:?}", self.progress)))?;
        let entry = Entry { seq: self.seq + 1, at, prev: self.last, event };
        let canonical =
            serde_json_canonicalizer::to_vec(&entry).map_err(|_| EvidenceError::Json("journal.jsonl".into()))?;
        let hash = Digest::of(&canonical);
        let line =
            gate.document(Chained { entry, hash }).map_err(|_| EvidenceError::Withheld("journal.jsonl".into()))?;
        folder.line("journal.jsonl", &line, true)?;
        self.progress = next;
        self.seq += 1;
        self.last = hash;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_can_be_intended_only_while_its_request_is_held() {
        let content = Digest::of(b"x");
        for now in [Progress::Preparing, Progress::Entering, Progress::Drafted, Progress::Released, Progress::Ended] {
            assert_eq!(next(now, &Event::CommitIntent { content }), None, "{now:?}");
        }
        assert_eq!(next(Progress::Held, &Event::CommitIntent { content }), Some(Progress::Released));
    }

    #[test]
    fn nothing_is_entered_after_a_draft_is_known() {
        let tab = TabId::parse("t").unwrap();
        for now in [Progress::Drafted, Progress::Held, Progress::Released, Progress::Answered] {
            assert_eq!(next(now, &Event::EntryBegins { tab: tab.clone() }), None, "{now:?}");
            assert_eq!(next(now, &Event::SaveBegins), None, "{now:?}");
        }
    }
}
