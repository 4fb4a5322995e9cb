//! What the journal tells, by stages.

use crate::decide::verdict::Stage;
use crate::evidence::history::Told;
use crate::evidence::journal::Event;
use crate::model::time::Instant;

/// One stage as it went on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StageTold {
    pub stage: Stage,
    pub from: Instant,
    /// Until the next one began, in milliseconds.
    pub took_ms: i64,
    /// What was written down meanwhile.
    pub events: Vec<String>,
}

/// The stages in their order; one that is come back to is told again.
pub(crate) fn stages(journal: &[Told]) -> Vec<StageTold> {
    let mut all: Vec<StageTold> = Vec::new();
    for Told { at, event } in journal {
        let stage = stage_of(event);
        if let Some(last) = all.last_mut() {
            last.took_ms =
                i64::try_from(at.timestamp().duration_since(last.from.timestamp()).as_millis()).unwrap_or_default();
            if last.stage == stage {
                last.events.push(words(event));
                continue;
            }
        }
        all.push(StageTold { stage, from: *at, took_ms: 0, events: vec![words(event)] });
    }
    all
}

/// The stage that an event belongs to.
fn stage_of(event: &Event) -> Stage {
    match event {
        Event::Opened(_) | Event::Resumed(_) | Event::Claimed | Event::PacketJudged => Stage::Packet,
        Event::BrowserStarted { .. } | Event::PathProven | Event::SignedIn | Event::NothingFound | Event::Surveyed => {
            Stage::Survey
        }
        Event::EntryBegins { .. } | Event::TabFilled { .. } => Stage::Fill,
        Event::UploadBegins { .. } | Event::Uploaded { .. } => Stage::Attach,
        Event::DraftAdopted { .. }
        | Event::SaveBegins
        | Event::DraftBegun { .. }
        | Event::DraftSaved { .. }
        | Event::DraftVerified => Stage::Draft,
        Event::Reviewed => Stage::Review,
        Event::PanelRechecked | Event::CommitHeld { .. } | Event::CommitWithdrawn => Stage::Recheck,
        Event::CommitIntent { .. } | Event::CommitAnswered { .. } => Stage::Commit,
        Event::Confirmed { .. } | Event::Resolved { .. } => Stage::Confirm,
        Event::Halted { stage, .. } => *stage,
        Event::HandedOver | Event::TakenBack { .. } | Event::TakenOver { .. } | Event::Ended { .. } => Stage::Seal,
    }
}

fn words(event: &Event) -> String {
    match event {
        Event::Opened(_) => "opened".to_owned(),
        Event::Resumed(earlier) => format!("continues {}", earlier.of),
        Event::Claimed => "change claimed".to_owned(),
        Event::PacketJudged => "record judged".to_owned(),
        Event::BrowserStarted { .. } => "browser started".to_owned(),
        Event::PathProven => "browser goes through the gateway".to_owned(),
        Event::SignedIn => "signed in".to_owned(),
        Event::NothingFound => "a look-up shows nothing left".to_owned(),
        Event::Surveyed => "every tab looked at".to_owned(),
        Event::DraftAdopted { draft, .. } => format!("draft {draft} compared"),
        Event::EntryBegins { tab } => format!("entering {tab}"),
        Event::TabFilled { tab } => format!("{tab} holds its values"),
        Event::UploadBegins { tab } => format!("uploading in {tab}"),
        Event::Uploaded { tab } => format!("{tab} lists its files"),
        Event::SaveBegins => "saving".to_owned(),
        Event::DraftBegun { draft } => format!("draft {draft} begun"),
        Event::DraftSaved { draft } => format!("draft {draft} saved"),
        Event::DraftVerified => "draft reopened, equal to the record".to_owned(),
        Event::Reviewed => "summary equal to the record".to_owned(),
        Event::PanelRechecked => "approvers and freeze window read again".to_owned(),
        Event::CommitHeld { .. } => "commit request held".to_owned(),
        Event::CommitIntent { .. } => "intent to commit written down".to_owned(),
        Event::CommitWithdrawn => "held request refused: it never left".to_owned(),
        Event::CommitAnswered { sent: false, .. } => "nothing was sent".to_owned(),
        Event::CommitAnswered { status: Some(status), .. } => format!("commit released, answered {status}"),
        Event::CommitAnswered { status: None, .. } => "commit released, no answer".to_owned(),
        Event::Confirmed { number } => format!("submission {number} proven"),
        Event::Resolved { .. } => "resolved by a person, and the portal agrees".to_owned(),
        Event::Halted { codes, .. } => {
            format!("halted: {}", codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(", "))
        }
        Event::HandedOver => "browser handed over".to_owned(),
        Event::TakenBack { blocked, changes } => {
            format!("browser closed; {changes} changes passed meanwhile, {blocked} commits were refused")
        }
        Event::TakenOver { by_run } => format!("taken over by {by_run}"),
        Event::Ended { outcome } => format!("ended: {}", outcome.as_str()),
    }
}
