//! The tables of the report: values, approvals, files.

use maud::{Markup, html};

use super::facts::Facts;
use super::page::{at, text};
use super::reconciled::{Cell, rows};

fn cell(cell: &Cell) -> Markup {
    match cell {
        Cell::Unseen => html! { td.unseen { "—" } },
        Cell::Equal => html! { td.equal { "✓ equal" } },
        Cell::Other(other) if other.is_empty() => html! { td.other { "✗ nothing" } },
        Cell::Other(other) => html! { td.other { "✗ " (text(other)) } },
        Cell::Count(count) => html! { td.other { "✗ found " (count) " times" } },
    }
}

pub(super) fn reconciliation(facts: &Facts) -> Markup {
    let rows = rows(facts);
    let sent = facts.observations.iter().rfind(|seen| seen.judged == "commit");
    html! {
        section aria-labelledby="reconciled" {
            h2 id="reconciled" { "What was approved, and what the portal held" }
            @if rows.is_empty() {
                p { "Nothing was entered." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Approved and held values" {
                    table {
                        caption { "What differs comes first. A value that may not be shown stands as [hidden …]: equal values have equal marks." }
                        thead {
                            tr {
                                @for name in ["Field", "Approved", "Entered", "Stored in the draft", "In the summary", "Submitted"] {
                                    th scope="col" { (name) }
                                }
                            }
                        }
                        tbody {
                            @for row in &rows {
                                tr {
                                    th scope="row" { (text(&row.label)) }
                                    td { (text(&row.approved)) }
                                    (cell(&row.entered)) (cell(&row.stored)) (cell(&row.reviewed)) (cell(&row.submitted))
                                }
                            }
                        }
                    }
                }
            }
            @match sent.map(|seen| seen.verdict.as_slice()) {
                None => p { "No commit request was held." },
                Some([]) => p { "The commit request was held, and each of its parameters was compared: it carried what was approved." },
                Some(codes) => p { "The held commit request was refused: " code { (text(&codes.join(", "))) } },
            }
        }
    }
}

pub(super) fn approvals(facts: &Facts) -> Markup {
    let all = &facts.approvals;
    let unlocked = all.unlocked_by.and_then(|at| all.readings.get(at));
    let shown = unlocked.or(all.readings.last());
    html! {
        section aria-labelledby="approvals" {
            h2 id="approvals" { "Approvals" }
            @match (shown, unlocked.is_some()) {
                (None, _) => p { "None were read." },
                (Some(reading), unlocked) => {
                    p {
                        @if unlocked { "These unlocked the commit, read while it was held, at " } @else { "As they were last read, at " (text(&reading.stage)) ", " }
                        (at(reading.at))
                        @if let Some(expires) = reading.manifest.expires_at { ". The manifest expires at " (at(expires)) }
                        @if !reading.verdict.is_empty() { ". They did not suffice: " code { (text(&reading.verdict.join(", "))) } }
                        "."
                    }
                    div.scroll tabindex="0" role="region" aria-label="Table of approvals" {
                        table {
                            thead {
                                tr { @for name in ["Role", "Approver", "Decision", "At", "Signature"] { th scope="col" { (name) } } }
                            }
                            tbody {
                                @for approval in &reading.approvals {
                                    tr {
                                        th scope="row" { (approval.role) }
                                        td {
                                            (text(approval.approver.as_str()))
                                            @if let Some(of) = &approval.on_behalf_of { ", for " (text(of.as_str())) }
                                        }
                                        td { (approval.decision.as_str()) }
                                        td { (at(approval.decided_at)) }
                                        td { @if approval.signature.is_some() { "SSH" } @else { "—" } }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn attachments(facts: &Facts) -> Markup {
    html! {
        section aria-labelledby="files" {
            h2 id="files" { "Attachments" }
            @if facts.attachments.attachments.is_empty() {
                p { "None." }
            } @else {
                div.scroll tabindex="0" role="region" aria-label="Table of attachments" {
                    table {
                        thead { tr { @for name in ["Role", "File", "Bytes", "SHA-256", "Listed by the portal"] { th scope="col" { (name) } } } }
                        tbody {
                            @for file in &facts.attachments.attachments {
                                tr {
                                    th scope="row" { (text(&file.role)) }
                                    td { (text(&file.name)) }
                                    td { (file.size) }
                                    td { code { (text(&file.sha256)) } }
                                    td { @if file.uploaded { "yes" } @else { "no" } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
