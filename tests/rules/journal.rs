//! What is written while a run goes on, and what a later run makes of it.

use std::path::Path;

use portal_agent::decide::recovery::{Recovery, recovery};
use portal_agent::decide::verdict::{HaltCode, Stage};
use portal_agent::evidence::copies::{Copies, CopyError, ReadError, read};
use portal_agent::evidence::history::{BrokenJournal, History};
use portal_agent::evidence::journal::{Event, JOURNAL, Journal, Opening, Progress, Resumption};
use portal_agent::evidence::outcome::Outcome;
use portal_agent::evidence::shared::SharedStore;
use portal_agent::evidence::store::{EvidenceError, EvidenceFolder};
use portal_agent::mask::masked::{MaskGate, Permissions};
use portal_agent::model::digest::Digest;
use portal_agent::model::ids::{ChangeId, DraftReference, PersonId, RunId, TabId};
use portal_agent::model::residue::{PortalResidue, StepState, TabProgress};
use portal_agent::model::time::{ChangeWindow, Instant};
use tempfile::TempDir;

fn at(second: i64) -> Instant {
    Instant::from(jiff::Timestamp::from_second(1_800_000_000 + second).unwrap())
}

fn run(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

fn tab() -> TabId {
    TabId::parse("window").unwrap()
}

fn draft() -> DraftReference {
    DraftReference::parse("DRF-000001").unwrap()
}

fn content() -> Digest {
    Digest::of(b"commit")
}

fn opened(name: &str) -> Event {
    Event::Opened(Opening {
        run: run(name),
        change: ChangeId::parse("CHG1").unwrap(),
        packet: Digest::of(b"packet"),
        window: ChangeWindow { start: at(0), end: at(60) },
        portal: "https://portal.example.test".into(),
        record: "record.json".into(),
    })
}

/// Every event of a run that goes well, in order.
pub fn whole() -> Vec<Event> {
    vec![
        opened("r1"),
        Event::Claimed,
        Event::PacketJudged,
        Event::BrowserStarted { group: Some(7) },
        Event::PathProven,
        Event::SignedIn,
        Event::Surveyed,
        Event::EntryBegins { tab: tab() },
        Event::TabFilled { tab: tab() },
        Event::UploadBegins { tab: tab() },
        Event::Uploaded { tab: tab() },
        Event::SaveBegins,
        Event::DraftSaved { draft: draft() },
        Event::DraftVerified,
        Event::Reviewed,
        Event::PanelRechecked,
        Event::CommitHeld { content: content() },
        Event::CommitIntent { content: content(), portal_time: None },
        Event::CommitAnswered { status: Some(303), sign_in: false, sent: true },
        Event::Confirmed { number: "FEX-1".into() },
        Event::Ended { outcome: Outcome::Submitted },
    ]
}

#[test]
fn a_record_that_is_saved_part_by_part_is_written_down_as_one_draft() {
    let mut events = whole();
    // Files that the portal takes at once; before them a part that is saved, and another.
    events.remove(11);
    let begun = [Event::SaveBegins, Event::DraftBegun { draft: draft() }];
    events.splice(9..9, [&begun[..], &[events[7].clone(), events[8].clone()], &begun[..]].concat());
    Desk::of(&events);
    // Nothing is typed once the draft was read again.
    let verified = events.iter().position(|event| *event == Event::DraftVerified).unwrap();
    let mut desk = Desk::of(&events[..=verified]);
    assert!(desk.write(&Event::EntryBegins { tab: tab() }).is_err());
}

/// A run's folder while it is written.
pub struct Desk {
    pub root: TempDir,
    pub folder: EvidenceFolder,
    gate: MaskGate,
    journal: Journal,
    lines: Vec<Vec<u8>>,
}

impl Desk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let folder = EvidenceFolder::create(root.path(), &ChangeId::parse("CHG1").unwrap(), &run("r1")).unwrap();
        let gate = MaskGate::new(Permissions::default(), [1; 32], Vec::new());
        Self { root, folder, gate, journal: Journal::default(), lines: Vec::new() }
    }

    fn write(&mut self, event: &Event) -> Result<(), EvidenceError> {
        let at = at(self.lines.len().try_into().unwrap());
        let line = self.journal.write(&mut self.folder, &self.gate, at, event)?;
        self.lines.push(line);
        Ok(())
    }

    pub fn of(events: &[Event]) -> Self {
        let mut desk = Self::new();
        events.iter().for_each(|event| desk.write(event).unwrap());
        desk
    }

    fn bytes(&self) -> Vec<u8> {
        std::fs::read(self.root.path().join("CHG1/r1").join(JOURNAL)).unwrap()
    }
}

fn history(bytes: &[u8]) -> History {
    History::read(bytes).unwrap().history.unwrap()
}

#[test]
fn the_state_of_a_run_is_what_reading_its_journal_back_tells() {
    let mut desk = Desk::new();
    for event in whole() {
        desk.write(&event).unwrap();
        let read = history(&desk.bytes());
        assert_eq!(Some(&read), desk.journal.history());
        assert_eq!(read.progress, desk.journal.progress());
    }
    let read = history(&desk.bytes());
    assert_eq!((read.outcome, read.progress), (Some(Outcome::Submitted), Progress::Ended));
    assert_eq!(read.left, PortalResidue::Submission { number: "FEX-1".into() });
}

#[test]
fn a_last_line_that_is_torn_anywhere_is_cut_and_the_run_stands_where_it_stood_before() {
    let desk = Desk::of(&whole());
    let bytes = desk.bytes();
    let last = desk.lines.last().unwrap().len();
    let before = history(&bytes[..bytes.len() - last]);
    for missing in 1..last {
        let found = History::read(&bytes[..bytes.len() - missing]).unwrap();
        assert!(found.torn);
        assert_eq!(found.whole, bytes.len() - last);
        assert_eq!(found.history.as_ref(), Some(&before));
    }
    // Not even the first line is whole: nothing is known, and nothing has happened.
    assert_eq!(History::read(b"{\"seq\":1").unwrap().history, None);
}

#[test]
fn a_journal_in_which_anything_was_changed_left_out_or_moved_is_refused() {
    let desk = Desk::of(&whole());
    let text = String::from_utf8(desk.bytes()).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (place, line) in lines.iter().enumerate().take(lines.len() - 1) {
        let without = [&lines[..place], &lines[place + 1..]].concat().concat();
        assert!(History::read(without.as_bytes()).is_err(), "line {place} could be left out");
        let mut moved = lines.clone();
        moved.swap(place, place + 1);
        assert!(History::read(moved.concat().as_bytes()).is_err(), "line {place} could be moved");
        let changed = line.replacen("2027-", "2028-", 1);
        assert_ne!(&changed, line);
        let changed = text.replacen(line, &changed, 1);
        let number = place + 1;
        assert_eq!(History::read(changed.as_bytes()), Err(BrokenJournal::Chain { line: number }));
    }
    let strange = text.replacen("path-proven", "path-guessed", 1);
    assert!(matches!(History::read(strange.as_bytes()), Err(BrokenJournal::Unreadable { line: 5, .. })));
}

#[test]
fn an_event_that_may_not_happen_is_an_error_and_leaves_no_line() {
    let mut desk = Desk::of(&whole()[..14]);
    let before = desk.bytes();
    for event in [
        Event::CommitIntent { content: content(), portal_time: None },
        Event::SaveBegins,
        Event::Confirmed { number: "1".into() },
    ] {
        assert!(matches!(desk.write(&event), Err(EvidenceError::IllegalEvent(_))), "{event:?}");
    }
    assert_eq!(desk.bytes(), before);
}

#[test]
fn what_may_follow_a_run_that_died_is_decided_by_its_last_entry() {
    let mut desk = Desk::new();
    let mut seen = Vec::new();
    for event in whole() {
        desk.write(&event).unwrap();
        let history = history(&desk.bytes());
        let next = recovery(&history.left, history.in_doubt);
        seen.push(match next {
            Recovery::StartAgain => "start again",
            Recovery::LookUpDraft { .. } => "look up draft",
            Recovery::ResumeAt(_) => "resume",
            Recovery::LookUpSubmission { .. } => "look up submission",
            Recovery::OnlyResolve { .. } => "resolve",
            Recovery::Done => "done",
        });
    }
    let expected = [
        vec!["start again"; 7],
        vec!["look up draft"; 5],
        vec!["resume"; 5],
        vec!["look up submission"; 2],
        vec!["done"; 2],
    ];
    assert_eq!(seen, expected.concat());
}

#[test]
fn a_commit_that_was_withdrawn_or_never_sent_leaves_the_draft() {
    for event in [Event::CommitWithdrawn, Event::CommitAnswered { status: None, sign_in: false, sent: false }] {
        let mut desk = Desk::of(&whole()[..18]);
        assert!(matches!(history(&desk.bytes()).left, PortalResidue::PerhapsASubmission { .. }));
        desk.write(&event).unwrap();
        assert_eq!(history(&desk.bytes()).left, PortalResidue::Draft { draft: draft() }, "{event:?}");
    }
}

#[test]
fn only_what_a_save_was_answered_for_counts_as_saved() {
    let reached = |events: usize| history(&Desk::of(&whole()[..events]).bytes()).work.fields.get(&tab()).copied();
    assert_eq!(
        (reached(8), reached(9), reached(13)),
        (Some(StepState::Begun), Some(StepState::Entered), Some(StepState::Saved))
    );
    // Entered anew on a draft that was adopted: known again only when it is saved.
    let resumed = Event::Resumed(Resumption {
        of: run("r0"),
        head: content(),
        by: PersonId::parse("someone").unwrap(),
        reason: "mended".into(),
        left: PortalResidue::Draft { draft: draft() },
        in_doubt: false,
        work: TabProgress::of_complete([tab()]),
        filled_from: Digest::of(b"packet"),
    });
    let mut desk = Desk::of(&[opened("r1"), resumed, Event::Claimed]);
    assert_eq!(history(&desk.bytes()).work, TabProgress::of_complete([tab()]));
    desk.write(&Event::DraftAdopted { draft: draft(), tabs: [].into() }).unwrap();
    desk.write(&Event::EntryBegins { tab: tab() }).unwrap();
    let history = history(&desk.bytes());
    assert_eq!(
        (history.left, history.work.fields[&tab()]),
        (PortalResidue::Draft { draft: draft() }, StepState::Begun)
    );
}

#[test]
fn a_run_that_may_have_committed_can_only_look_and_be_resolved() {
    let left = PortalResidue::PerhapsASubmission { draft: draft(), since: at(0) };
    let resumed = Event::Resumed(Resumption {
        of: run("r0"),
        head: content(),
        by: PersonId::parse("someone").unwrap(),
        reason: "died".into(),
        left: left.clone(),
        in_doubt: false,
        work: TabProgress::default(),
        filled_from: Digest::of(b"packet"),
    });
    let mut desk = Desk::of(&[opened("r1"), resumed, Event::Claimed, Event::PathProven, Event::SignedIn]);
    for event in [
        Event::Surveyed,
        Event::NothingFound,
        Event::DraftAdopted { draft: draft(), tabs: [].into() },
        Event::EntryBegins { tab: tab() },
        Event::SaveBegins,
        Event::CommitHeld { content: content() },
        Event::CommitIntent { content: content(), portal_time: None },
    ] {
        assert!(desk.write(&event).is_err(), "{event:?}");
    }
    let codes = vec![HaltCode::ConfirmationMissing];
    desk.write(&Event::Halted { stage: Stage::Confirm, codes }).unwrap();
    desk.write(&Event::Ended { outcome: Outcome::InDoubt }).unwrap();
    let history = history(&desk.bytes());
    assert_eq!(history.left, left);
    assert!(matches!(recovery(&history.left, history.in_doubt), Recovery::OnlyResolve { .. }));
}

async fn copied(store: &SharedStore, desk: &Desk, lines: std::ops::Range<usize>, copies: &mut Copies) {
    for line in &desk.lines[lines] {
        copies.remember(line);
    }
    copies.share().await.unwrap();
    let _ = store;
}

#[tokio::test]
async fn a_run_that_was_taken_over_finds_its_place_taken() {
    let folder = tempfile::tempdir().unwrap();
    let store = SharedStore::folder(folder.path());
    let desk = Desk::of(&whole());
    let mut copies = Copies::new(store.clone(), run("r1"));
    copied(&store, &desk, 0..1, &mut copies).await;
    copied(&store, &desk, 1..8, &mut copies).await;
    let past = read(&store, &run("r1"), None).await.unwrap();
    assert_eq!(past.history.seq, 8);
    assert!(past.fence(&store, &run("r2"), at(99)).await.unwrap());
    copies.remember(&desk.lines[8]);
    assert!(matches!(copies.share().await, Err(CopyError::TakenOver)));
    // A second one to take it over goes behind the first.
    let past = read(&store, &run("r1"), None).await.unwrap();
    assert_eq!(past.history.taken_over_by, Some(run("r2")));
    assert!(past.fence(&store, &run("r3"), at(100)).await.unwrap());
}

#[tokio::test]
async fn a_run_that_has_just_written_cannot_be_fenced_off() {
    let folder = tempfile::tempdir().unwrap();
    let store = SharedStore::folder(folder.path());
    let desk = Desk::of(&whole());
    let mut copies = Copies::new(store.clone(), run("r1"));
    copied(&store, &desk, 0..17, &mut copies).await;
    let past = read(&store, &run("r1"), None).await.unwrap();
    copied(&store, &desk, 17..18, &mut copies).await;
    assert!(!past.fence(&store, &run("r2"), at(99)).await.unwrap());
}

#[tokio::test]
async fn the_local_journal_counts_where_it_goes_further_and_is_refused_where_it_differs() {
    let folder = tempfile::tempdir().unwrap();
    let store = SharedStore::folder(folder.path());
    let desk = Desk::of(&whole()[..13]);
    let mut copies = Copies::new(store.clone(), run("r1"));
    copied(&store, &desk, 0..12, &mut copies).await;
    let known = read(&store, &run("r1"), None).await.unwrap().history;
    assert!(matches!(known.left, PortalResidue::PerhapsADraft { .. }));
    let local = desk.bytes();
    let known = read(&store, &run("r1"), Some(&local)).await.unwrap().history;
    assert_eq!(known.left, PortalResidue::Draft { draft: draft() });
    // A local journal that lost its end does not make the copies forget.
    let lost = local[..desk.lines[0].len() + 5].to_vec();
    let known = read(&store, &run("r1"), Some(&lost)).await.unwrap().history;
    assert_eq!(known.seq, 12);
    let other = Desk::of(&[opened("r1"), Event::PacketJudged]).bytes();
    assert!(matches!(read(&store, &run("r1"), Some(&other)).await, Err(ReadError::Differs(_))));
    assert!(matches!(read(&store, &run("r9"), None).await, Err(ReadError::Unknown(_))));
}

#[test]
fn evidence_can_be_read_by_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::of(&whole());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = desk.root.path().join("CHG1/r1");
    assert_eq!((mode(&folder), mode(&folder.join(JOURNAL))), (0o700, 0o600));
}
