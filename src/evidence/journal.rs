//! The journal of a run: one closed type of events, each chained to the one before it by digest.
//!
//! [`next`] is the one table of what may follow what; writing and reading both go through it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::history::History;
use super::outcome::Outcome;
use super::store::{EvidenceError, EvidenceFolder};
use crate::decide::verdict::{HaltCode, Stage};
use crate::mask::masked::{MaskGate, PublicDocument};
use crate::model::digest::Digest;
use crate::model::ids::{ChangeId, DraftReference, PersonId, RunId, TabId};
use crate::model::residue::{PortalResidue, TabProgress};
use crate::model::time::{ChangeWindow, Instant};

/// Name of the journal in a run's folder.
pub const JOURNAL: &str = "journal.jsonl";

/// What a run is about, as its journal opens with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    pub run: RunId,
    pub change: ChangeId,
    /// Digest of the packet.
    pub packet: Digest,
    /// The deployment window.
    pub window: ChangeWindow,
    /// Origin of the portal.
    pub portal: String,
    /// Where the change record was read, for whoever resumes.
    pub record: String,
}

/// Which run is continued, by whom and why, and what it left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumption {
    /// The earlier run.
    pub of: RunId,
    /// Digest of its last entry: what this run knows of it.
    pub head: Digest,
    /// Who resumes it.
    pub by: PersonId,
    /// Why.
    pub reason: String,
    /// What it may have left at the portal.
    #[serde(flatten)]
    pub left: PortalResidue,
    /// Whether that was looked up, and stayed in doubt.
    pub in_doubt: bool,
    /// What it put into which tab.
    pub work: TabProgress,
    /// Packet that it was taken from.
    pub filled_from: Digest,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The run began.
    Opened(Opening),
    /// It continues an earlier run.
    Resumed(Resumption),
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
    SignedIn,
    /// A look-up shows that nothing was left.
    NothingFound,
    /// Every tab was looked at.
    Surveyed,
    /// A draft of the earlier run is open and was compared; these tabs hold what the record says.
    DraftAdopted {
        /// Its reference.
        draft: DraftReference,
        /// Tabs that hold what the record says.
        tabs: BTreeSet<TabId>,
    },
    /// The next step types into this tab.
    EntryBegins {
        tab: TabId,
    },
    /// The tab holds its values.
    TabFilled {
        tab: TabId,
    },
    /// The next step uploads on this tab.
    UploadBegins {
        tab: TabId,
    },
    /// The tab lists its files.
    Uploaded {
        tab: TabId,
    },
    /// The next step saves a draft.
    SaveBegins,
    /// The portal named the draft, of which tabs are still to be entered.
    DraftBegun {
        /// Its reference.
        draft: DraftReference,
    },
    /// The portal named the draft, and all that was entered is in it.
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
    /// The next step is the last reading of the sources and, if they still agree, the release. On disk before it happens.
    CommitIntent {
        /// Digest of what it carries.
        content: Digest,
        /// What the portal's own clock showed, where the portal dates its answers: what it stores is dated by that clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        portal_time: Option<Instant>,
    },
    /// The held request was refused after all: it never left.
    CommitWithdrawn,
    /// The portal answered, or did not.
    CommitAnswered {
        /// HTTP status; none without an answer.
        status: Option<u16>,
        /// Whether it led on to the page for signing in.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        sign_in: bool,
        /// Whether anything was sent.
        sent: bool,
    },
    /// A look-up proves the submission.
    Confirmed {
        number: String,
    },
    /// A person said how an in-doubt run ended, and a look-up agrees.
    Resolved {
        /// What stands at the portal.
        #[serde(flatten)]
        left: PortalResidue,
    },
    /// The run halts.
    Halted {
        /// At which stage.
        stage: Stage,
        /// Why.
        codes: Vec<HaltCode>,
    },
    /// The live browser is a person's now; commits stay refused.
    HandedOver,
    /// The person closed it.
    TakenBack {
        /// Commit requests refused meanwhile.
        blocked: u64,
        /// Changes that passed to the portal meanwhile.
        changes: u64,
    },
    /// Another run works on from here. Written by that run, into the shared copies alone: the run of this journal, should it
    /// still be alive, finds its next place taken.
    TakenOver {
        /// The other run.
        by_run: RunId,
    },
    /// The run is over.
    Ended {
        /// How, as in the run's document.
        outcome: Outcome,
    },
}

impl Event {
    /// Whether the entry must be in the shared store before the run goes on: before everything that changes the portal, and
    /// after everything that another host would have to look up otherwise.
    pub(crate) fn is_shared_at_once(&self) -> bool {
        match self {
            Self::Opened(_)
            | Self::Resumed(_)
            | Self::NothingFound
            | Self::DraftAdopted { .. }
            | Self::EntryBegins { .. }
            | Self::UploadBegins { .. }
            | Self::SaveBegins
            | Self::DraftBegun { .. }
            | Self::DraftSaved { .. }
            | Self::CommitIntent { .. }
            | Self::CommitWithdrawn
            | Self::CommitAnswered { .. }
            | Self::Confirmed { .. }
            | Self::Resolved { .. }
            | Self::Halted { .. }
            | Self::Ended { .. } => true,
            Self::Claimed
            | Self::PacketJudged
            | Self::BrowserStarted { .. }
            | Self::PathProven
            | Self::SignedIn
            | Self::Surveyed
            | Self::TabFilled { .. }
            | Self::Uploaded { .. }
            | Self::DraftVerified
            | Self::Reviewed
            | Self::PanelRechecked
            | Self::CommitHeld { .. }
            | Self::HandedOver
            | Self::TakenBack { .. }
            | Self::TakenOver { .. } => false,
        }
    }
}

/// Where a run stands, as far as the journal tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing written.
    Empty,
    /// Before any entry.
    Preparing,
    /// An earlier run may have committed: nothing may be entered, only looked up.
    Doubting,
    /// A draft of an earlier run is open, or a tab of this one's was saved; nothing was typed since.
    Reopened,
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
    let when = |allowed: bool, to: Progress| allowed.then_some(to);
    let under_way = !matches!(now, P::Empty | P::Ended);
    match event {
        Event::Opened(_) => when(now == P::Empty, P::Preparing),
        Event::Resumed(resumption) => {
            let doubt = matches!(resumption.left, PortalResidue::PerhapsASubmission { .. });
            when(now == P::Preparing, if doubt { P::Doubting } else { P::Preparing })
        }
        Event::Claimed | Event::PacketJudged | Event::BrowserStarted { .. } | Event::PathProven => {
            when(matches!(now, P::Preparing | P::Doubting), now)
        }
        // Signing in again is allowed wherever only reading follows; the flow sees to that.
        Event::SignedIn => when(under_way, now),
        Event::Surveyed => when(now == P::Preparing, P::Preparing),
        // Also where a session ended while values were entered: the run begins anew, or goes on with what the portal has.
        Event::NothingFound => when(matches!(now, P::Preparing | P::Entering | P::Saving), P::Preparing),
        Event::DraftAdopted { .. } => {
            when(matches!(now, P::Preparing | P::Entering | P::Saving | P::Reopened), P::Reopened)
        }
        Event::EntryBegins { .. } | Event::UploadBegins { .. } => {
            when(matches!(now, P::Preparing | P::Reopened | P::Entering), P::Entering)
        }
        Event::TabFilled { .. } | Event::Uploaded { .. } => when(now == P::Entering, P::Entering),
        Event::SaveBegins => when(matches!(now, P::Entering | P::Saving), P::Saving),
        Event::DraftBegun { .. } => when(now == P::Saving, P::Reopened),
        // Also where what was entered last needs no saving: a portal that takes files at once.
        Event::DraftSaved { .. } => when(matches!(now, P::Saving | P::Entering), P::Drafted),
        Event::DraftVerified => when(matches!(now, P::Drafted | P::Reopened), P::Drafted),
        Event::Reviewed | Event::PanelRechecked => when(now == P::Drafted, P::Drafted),
        Event::CommitHeld { .. } => when(now == P::Drafted, P::Held),
        Event::CommitIntent { .. } => when(now == P::Held, P::Released),
        Event::CommitWithdrawn => when(now == P::Released, P::Drafted),
        Event::CommitAnswered { .. } => when(now == P::Released, P::Answered),
        // Also where the answer could not be written down.
        Event::Confirmed { .. } => when(matches!(now, P::Released | P::Answered | P::Doubting), P::Answered),
        Event::Resolved { .. } => when(now == P::Doubting, P::Answered),
        Event::Halted { .. } | Event::HandedOver | Event::TakenBack { .. } => when(under_way, now),
        Event::TakenOver { .. } => when(now != P::Empty, now),
        Event::Ended { .. } => when(under_way, P::Ended),
    }
}

/// One entry, as it is digested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Number, from 1.
    pub seq: u64,
    /// When.
    pub at: Instant,
    /// Digest of the entry before.
    pub prev: Digest,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// SHA-256 over the entry's canonical JSON (RFC 8785).
    ///
    /// # Errors
    ///
    /// When it cannot be serialised.
    pub fn digest(&self) -> Result<Digest, EvidenceError> {
        let canonical = serde_json_canonicalizer::to_vec(self).map_err(|_| EvidenceError::Json(JOURNAL.into()))?;
        Ok(Digest::of(&canonical))
    }

    /// With its digest, as a line.
    pub(super) fn chained(self, hash: Digest) -> Chained {
        Chained { entry: self, hash }
    }
}

/// One line of the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Chained {
    #[serde(flatten)]
    pub(super) entry: Entry,
    pub(super) hash: Digest,
}
impl PublicDocument for Chained {}

impl Event {
    /// The stable name.
    pub(crate) fn name(&self) -> String {
        let value = serde_json::to_value(self).unwrap_or_default();
        value.get("event").and_then(|name| name.as_str()).unwrap_or("an event").to_owned()
    }
}

/// What the first entry is chained to.
pub fn origin() -> Digest {
    Digest::of(b"portal-agent/journal/2")
}

/// The journal of one run, open for writing.
#[derive(Debug, Default)]
pub struct Journal {
    history: Option<History>,
}

impl Journal {
    /// Where the run stands.
    pub fn progress(&self) -> Progress {
        self.history.as_ref().map_or(Progress::Empty, |history| history.progress)
    }

    /// What the run may have left at the portal.
    pub fn left(&self) -> PortalResidue {
        self.history.as_ref().map_or(PortalResidue::Nothing, |history| history.left.clone())
    }

    /// Everything it tells.
    pub fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// Appends an event; on disk when this returns. Returns the line, for the shared copies.
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
    ) -> Result<Vec<u8>, EvidenceError> {
        let (seq, prev) = self.history.as_ref().map_or((0, origin()), |history| (history.seq, history.head));
        let entry = Entry { seq: seq + 1, at, prev, event: event.clone() };
        let hash = entry.digest()?;
        let after = History::after(self.history.clone(), &entry, hash)
            .map_err(|why| EvidenceError::IllegalEvent(why.to_string()))?;
        let line = gate.document(entry.chained(hash)).map_err(|_| EvidenceError::Withheld(JOURNAL.into()))?;
        let bytes = folder.line(JOURNAL, &line, true)?;
        self.history = Some(after);
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Progress; 11] = [
        Progress::Empty,
        Progress::Preparing,
        Progress::Doubting,
        Progress::Reopened,
        Progress::Entering,
        Progress::Saving,
        Progress::Drafted,
        Progress::Held,
        Progress::Released,
        Progress::Answered,
        Progress::Ended,
    ];

    #[test]
    fn a_commit_can_be_intended_only_while_its_request_is_held() {
        let intent = Event::CommitIntent { content: Digest::of(b"x"), portal_time: None };
        for now in ALL {
            assert_eq!(next(now, &intent), (now == Progress::Held).then_some(Progress::Released), "{now:?}");
        }
    }

    #[test]
    fn nothing_is_entered_once_a_draft_was_saved_or_a_commit_may_have_been_sent() {
        let tab = TabId::parse("t").unwrap();
        for now in [
            Progress::Doubting,
            Progress::Drafted,
            Progress::Held,
            Progress::Released,
            Progress::Answered,
            Progress::Ended,
        ] {
            assert_eq!(next(now, &Event::EntryBegins { tab: tab.clone() }), None, "{now:?}");
            assert_eq!(next(now, &Event::SaveBegins), None, "{now:?}");
        }
    }

    #[test]
    fn a_commit_is_taken_back_only_before_an_answer_and_then_the_draft_stands() {
        for now in ALL {
            let led = next(now, &Event::CommitWithdrawn);
            assert_eq!(led, (now == Progress::Released).then_some(Progress::Drafted), "{now:?}");
        }
    }
}
