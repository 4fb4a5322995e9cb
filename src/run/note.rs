//! The takeover note: everything that a person needs who was not there.

use super::ending::Ending;
use super::facts::RunFacts;
use super::run_log::RunLog;
use crate::decide::advice::advice;
use crate::decide::verdict::HaltCode;
use crate::evidence::documents::TakeoverDocument;
use crate::evidence::outcome::{DraftState, Outcome};
use crate::model::form::Part;
use crate::model::ids::RunId;

/// The note of a run that ended with a person's work left; none for the others.
pub fn takeover(run: &RunId, ending: &Ending, facts: &RunFacts<'_>, log: &RunLog<'_>) -> Option<TakeoverDocument> {
    let in_doubt = match ending.outcome {
        Outcome::HaltedDraft | Outcome::HaltedAbandoned => false,
        Outcome::InDoubt => true,
        Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::DraftSaved | Outcome::Environment => return None,
    };
    let enterable = facts
        .plan
        .tabs
        .iter()
        .flat_map(|tab| &tab.fields)
        .filter(|field| field.widget.part() == Part::Entered && !field.value.expose().is_blank());
    let (entered, not_entered): (Vec<_>, Vec<_>) =
        enterable.map(|field| field.id.clone()).partition(|id| log.entered.contains(id));
    let draft_path = |draft: &crate::model::ids::DraftReference| {
        let path = facts.map.file.form.draft_path.replace("{draft}", draft.as_str());
        facts.portal.join(&path).map(|url| url.to_string()).ok()
    };
    let mut decide: Vec<String> = Vec::new();
    for reason in &ending.halt {
        let line = format!("{}: {}", reason.code, advice(reason.code));
        if !decide.contains(&line) {
            decide.push(line);
        }
    }
    let mut must_not = vec![if ending.outcome == Outcome::HaltedDraft {
        "Do not submit the draft as it is: the reasons above still stand.".to_owned()
    } else {
        "Do not enter the exception by hand instead: the reasons above still stand.".to_owned()
    }];
    if in_doubt {
        must_not = vec![
            "Do not submit again. The request was released once and may have been stored.".to_owned(),
            "A second submission would page the on-call again, write the compliance log twice and reserve the deployment \
             window twice."
                .to_owned(),
        ];
    }
    let holder = &log.holder;
    let next = match ending.outcome {
        Outcome::InDoubt => format!(
            "Look at the portal's list of exceptions with your own account. Then say what you found, and the portal is asked once \
             more: `portal-agent resolve {holder} --by WHO --reason TEXT --submitted NUMBER`, or `--not-submitted`. Until then \
             nothing else can be done with this change."
        ),
        Outcome::HaltedDraft => format!(
            "`portal-agent takeover {holder} --open` opens the draft in a browser of your own. Mend the cause, in the portal or in \
             the record, and let the agent go on: `portal-agent resume {holder} --by WHO --reason TEXT`. It passes every gate \
             again, compares the draft with the record, and enters what is missing. If you finish the draft by hand or discard \
             it, the same command finds that out and ends the run."
        ),
        Outcome::HaltedAbandoned if ending.halt.first().is_some_and(|reason| refuses(reason.code)) => {
            "This run left nothing. What the run before it left is named above, with the command that goes on from there; \
             `portal-agent takeover` lists every run that waits."
                .to_owned()
        }
        Outcome::HaltedAbandoned
        | Outcome::Submitted
        | Outcome::AlreadySubmitted
        | Outcome::DraftSaved
        | Outcome::Environment => {
            "Nothing is left to clear up: run `portal-agent submit RECORD` once the cause is mended.".to_owned()
        }
    };
    Some(TakeoverDocument {
        run_id: run.clone(),
        change_id: facts.record.record.exception.change_id.clone(),
        window: facts.record.record.exception.window,
        edits: ending.edits.iter().map(|edited| log.gate.edit(edited)).collect(),
        outcome: ending.outcome,
        halt: ending.halt.iter().map(|reason| log.gate.halt(reason)).collect(),
        stood_on: ending.stood_on.clone(),
        draft_reference: ending.draft.clone(),
        draft_state: ending.draft_state,
        open: ending.draft.as_ref().and_then(draft_path),
        entered,
        not_entered,
        tabs_filled: log.tabs_filled.clone(),
        uploaded: log.uploaded.iter().cloned().collect(),
        approvals: log.readings.last().map(|reading| reading.approvals.clone()).unwrap_or_default(),
        decide,
        must_not,
        next,
    })
}

/// Whether a run is refused with this code because of another one, which may have left something.
fn refuses(code: HaltCode) -> bool {
    matches!(code, HaltCode::ClaimedByAnotherRun | HaltCode::EarlierRunInDoubt)
}

/// The note for people to read.
pub(crate) fn markdown(note: &TakeoverDocument) -> String {
    let mut out = String::new();
    let mut line = |text: String| {
        out.push_str(&text);
        out.push('\n');
    };
    let title = match note.outcome {
        Outcome::InDoubt => "in doubt: submitted or not, nobody knows yet",
        Outcome::HaltedDraft if note.draft_reference.is_none() => "halted, a draft may be in the portal",
        Outcome::HaltedDraft => "halted, a draft is in the portal",
        Outcome::HaltedAbandoned if note.halt.first().is_some_and(|reason| refuses(reason.get().code)) => {
            "halted: an earlier run waits for somebody"
        }
        Outcome::HaltedAbandoned
        | Outcome::Submitted
        | Outcome::AlreadySubmitted
        | Outcome::DraftSaved
        | Outcome::Environment => "halted, nothing is left in the portal",
    };
    line(format!("# {} {title}\n", note.change_id));
    line(format!("Run `{}`, stood on {}. The window is {}.\n", note.run_id, note.stood_on, note.window));
    line("## Why\n".into());
    for reason in &note.halt {
        let reason = reason.get();
        line(format!("- **{}** ({}, {})", reason.code, reason.stage, reason.subject));
        line(format!("  - expected: {}", quoted(reason.expected.get())));
        line(format!("  - observed: {}", quoted(reason.observed.get())));
    }
    if !note.edits.is_empty() {
        line("\n## What became of the draft since the agent saw it\n".into());
        for edit in &note.edits {
            let edit = edit.get();
            line(format!("- **{}** {}", edit.field, edit.edit.as_str()));
            line(format!("  - record: {}", quoted(edit.record.get())));
            line(format!("  - draft: {}", quoted(edit.draft.get())));
        }
    }
    line("\n## The draft\n".into());
    match (&note.draft_reference, &note.open) {
        (Some(draft), open) => {
            line(format!("- reference: `{draft}`"));
            if let Some(open) = open {
                line(format!("- open it: <{open}>"));
            }
        }
        (None, _) => line("- none is known".into()),
    }
    line(format!(
        "- state: {}",
        match note.draft_state {
            Some(DraftState::Verified) => "verified: reopened from the server, equal to the record",
            Some(DraftState::Partial) => "partial: saved before everything was entered",
            Some(DraftState::Differs) => "differs: the portal stored something else than was entered",
            Some(DraftState::Unread) => "unread: it may exist, and was not compared",
            None => "none",
        }
    ));
    let list = |ids: &mut dyn Iterator<Item = String>| {
        let text = ids.collect::<Vec<_>>().join(", ");
        if text.is_empty() { "none".to_owned() } else { text }
    };
    line(format!("- entered and read back: {}", list(&mut note.entered.iter().map(ToString::to_string))));
    line(format!("- not entered: {}", list(&mut note.not_entered.iter().map(ToString::to_string))));
    line(format!("- uploaded: {}", list(&mut note.uploaded.iter().cloned())));
    line("\n## Approvals as they stood\n".into());
    for approval in &note.approvals {
        let decision = serde_json::to_string(&approval.decision).unwrap_or_default();
        line(format!(
            "- {}: {} {} at {}",
            approval.role,
            approval.approver,
            decision.trim_matches('"'),
            approval.decided_at
        ));
    }
    line("\n## What to decide\n".into());
    note.decide.iter().for_each(|text| line(format!("- {text}")));
    line("\n## What must not be done\n".into());
    note.must_not.iter().for_each(|text| line(format!("- {text}")));
    line("\n## How to go on\n".into());
    line(note.next.clone());
    out
}

/// A text of the portal inside Markdown: in code quotes, so that it can neither become markup nor a link.
fn quoted(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("`{}`", one_line.replace('`', "'"))
}
