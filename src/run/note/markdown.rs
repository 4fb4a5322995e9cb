//! The takeover note as people read it.

use super::situation::standing;
use crate::decide::advice::meaning_at;
use crate::evidence::documents::TakeoverDocument;
use crate::evidence::outcome::Outcome;
use crate::model::ids::FieldId;
use crate::model::time::{Instant, duration};

/// The note for people to read.
pub(crate) fn markdown(note: &TakeoverDocument) -> String {
    let sections = [
        head(note),
        why(note),
        numbered("What to do", &note.steps),
        listed("What not to do", &note.must_not),
        format!("## To go on\n\n```sh\n{}\n```\n", note.next),
        draft(note),
        edits(note),
        approvals(note),
    ];
    sections.into_iter().filter(|section| !section.is_empty()).collect::<Vec<_>>().join("\n")
}

fn head(note: &TakeoverDocument) -> String {
    let account =
        note.account.as_ref().map_or(String::new(), |account| format!(", portal account {}", quoted(account.get())));
    let (start, end, now) = (note.window.start, note.window.end, note.written_at);
    [
        format!("# {}: {}\n", note.change_id, note.headline),
        format!("- submitted: **{}**", note.submitted),
        format!("- window: opens at {start} ({}), closes at {end} ({})", away(start, now), away(end, now)),
        format!("- written: at {now}, on host {}", quoted(&note.host)),
        format!("- run: `{}`, operator {}{account}", note.run_id, quoted(note.operator.as_str())),
        format!("- record: {}", quoted(&note.record)),
        "- everything on one page: report.html, beside this note\n".to_owned(),
    ]
    .join("\n")
}

/// How far away a time is.
fn away(at: Instant, now: Instant) -> String {
    match at.seconds_since(now) {
        ahead @ 0.. => format!("in {}", duration(ahead)),
        past @ ..0 => format!("{} ago", duration(past.saturating_neg())),
    }
}

fn why(note: &TakeoverDocument) -> String {
    let mut lines = vec!["## Why\n".to_owned()];
    if let Some(answer) = note.commit_answer.filter(|_| note.outcome == Outcome::InDoubt) {
        lines.push(format!("The commit was released once, and {}.\n", answer.told()));
    }
    for reason in &note.halt {
        let reason = reason.get();
        let label = FieldId::parse(&reason.subject).ok().and_then(|field| note.labels.get(&field));
        let subject =
            label.map_or_else(|| plain(&reason.subject), |label| format!("{} (`{}`)", plain(label), reason.subject));
        lines.push(format!(
            "- **{subject}**: {} `{}`, at {}",
            meaning_at(reason.code, reason.stage),
            reason.code,
            reason.stage
        ));
        lines.push(format!("  - expected: {}", quoted(reason.expected.get())));
        lines.push(format!("  - observed: {}", quoted(reason.observed.get())));
    }
    if note.halt.is_empty() {
        lines.push("- A person said that nothing was submitted, and the portal agrees.".to_owned());
    }
    lines.extend(note.pictures.iter().map(|path| format!("\n![what the portal showed]({path})")));
    lines.join("\n") + "\n"
}

fn draft(note: &TakeoverDocument) -> String {
    let mut lines = vec!["## The portal\n".to_owned()];
    let before = if note.outcome == Outcome::InDoubt { "before the commit " } else { "" };
    lines.push(match (&note.draft_reference, note.draft_state) {
        (Some(draft), state) => format!("- draft: `{draft}`, {before}{}", standing(state)),
        (None, Some(_)) => "- draft: not known; one of this change may stand in the portal's list".to_owned(),
        (None, None) => "- draft: none".to_owned(),
    });
    lines.extend(note.open.iter().map(|url| format!("- address: <{url}>")));
    lines.extend(note.list.iter().map(|url| format!("- list of exceptions: <{url}>")));
    let named = |fields: &[FieldId]| {
        let label = |field: &FieldId| note.labels.get(field).map_or_else(|| format!("`{field}`"), |label| plain(label));
        joined(&fields.iter().map(label).collect::<Vec<_>>())
    };
    lines.push(format!("- entered into the form, and held by it: {}", named(&note.entered)));
    lines.push(format!("- not entered, or not held: {}", named(&note.not_entered)));
    let kept = if note.draft_reference.is_none() && !note.uploaded.is_empty() {
        "; the portal may keep them without a draft"
    } else {
        ""
    };
    lines.push(format!("- files uploaded, and listed then: {}{kept}", joined(&note.uploaded)));
    lines.join("\n") + "\n"
}

fn edits(note: &TakeoverDocument) -> String {
    if note.edits.is_empty() {
        return String::new();
    }
    let mut lines = vec!["## What became of the draft since the agent saw it\n".to_owned()];
    for edit in &note.edits {
        let edit = edit.get();
        let label = note.labels.get(&edit.field).map_or(String::new(), |label| format!("{}, ", plain(label)));
        lines.push(format!("- {label}**{}** {}", edit.field, edit.edit.as_str()));
        lines.push(format!("  - record: {}", quoted(edit.record.get())));
        lines.push(format!("  - draft: {}", quoted(edit.draft.get())));
    }
    lines.join("\n") + "\n"
}

fn approvals(note: &TakeoverDocument) -> String {
    if note.approvals.is_empty() {
        return String::new();
    }
    let at = note.approvals_read_at.map_or(String::new(), |at| format!(", read at {at}"));
    let mut lines = vec![format!("## Approvals in the change record{at}\n")];
    for approval in &note.approvals {
        let decision = approval.decision.as_str();
        lines.push(format!(
            "- {}: {} {decision} at {}",
            approval.role,
            approval.approver,
            approval.decided_at.whole_seconds()
        ));
    }
    lines.join("\n") + "\n"
}

fn numbered(title: &str, steps: &[String]) -> String {
    let steps = steps.iter().enumerate().map(|(at, step)| format!("{}. {step}", at + 1));
    format!("## {title}\n\n{}\n", steps.collect::<Vec<_>>().join("\n"))
}

fn listed(title: &str, lines: &[String]) -> String {
    let lines = lines.iter().map(|line| format!("- {line}"));
    format!("## {title}\n\n{}\n", lines.collect::<Vec<_>>().join("\n"))
}

fn joined(texts: &[String]) -> String {
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

/// A text of the portal inside Markdown: in code quotes, so that it can neither become markup nor a link.
fn quoted(text: &str) -> String {
    let one_line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("`{}`", one_line.replace('`', "'"))
}

/// A text of the map inside Markdown: as it is written, whatever characters it has.
fn plain(text: &str) -> String {
    let special = |one: &char| one.is_ascii_punctuation() && !".,;:-()/'\"?".contains(*one);
    text.chars()
        .map(|one| if one.is_control() { ' ' } else { one })
        .flat_map(|one| special(&one).then_some('\\').into_iter().chain([one]))
        .collect()
}
