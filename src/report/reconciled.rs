//! Every field of the exception, with what was approved and what it held at each stage.

use super::facts::{Facts, Field};
use crate::model::form::Part;

/// What a field held at one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// It was not looked at.
    Unseen,
    /// What was approved.
    Equal,
    /// Something else.
    Other(String),
    /// It was not there, or several times.
    Count(usize),
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// Name in the selector map.
    pub field: String,
    /// What the portal calls it.
    pub label: String,
    /// What the record says.
    pub approved: String,
    /// After it was entered.
    pub entered: Cell,
    /// In the draft, reopened from the server.
    pub stored: Cell,
    /// In the portal's own summary.
    pub reviewed: Cell,
    /// In the submitted exception.
    pub submitted: Cell,
}

/// The fields in the order in which they were first seen, those that differ at the head; a later look at the same stage counts.
pub(super) fn rows(facts: &Facts) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for seen in &facts.observations {
        // What became of files is told with their digests.
        for field in seen.fields.iter().filter(|field| field.kind.part() != Part::Uploaded) {
            let at = rows.iter().position(|row| row.field == field.field).unwrap_or_else(|| {
                rows.push(fresh(facts, field));
                rows.len() - 1
            });
            let Some(row) = rows.get_mut(at) else { continue };
            let place = match (seen.stage.as_str(), seen.judged.as_str()) {
                ("fill" | "attach", _) => &mut row.entered,
                ("draft", _) => &mut row.stored,
                ("review" | "recheck", _) => &mut row.reviewed,
                ("confirm", _) => &mut row.submitted,
                (_, _) => continue,
            };
            *place = cell(field);
        }
    }
    let cells = |row: &Row| [row.entered.clone(), row.stored.clone(), row.reviewed.clone(), row.submitted.clone()];
    rows.retain(|row| cells(row).iter().any(|cell| *cell != Cell::Unseen));
    // What differs comes first.
    rows.sort_by_key(|row| cells(row).iter().all(|cell| matches!(cell, Cell::Unseen | Cell::Equal)));
    rows
}

fn fresh(facts: &Facts, field: &Field) -> Row {
    Row {
        field: field.field.clone(),
        label: facts.label(&field.field).to_owned(),
        approved: field.expected.clone(),
        entered: Cell::Unseen,
        stored: Cell::Unseen,
        reviewed: Cell::Unseen,
        submitted: Cell::Unseen,
    }
}

fn cell(field: &Field) -> Cell {
    match (field.matches, &field.observed) {
        (1, None) => Cell::Equal,
        (1, Some(other)) => Cell::Other(other.clone()),
        (count, _) => Cell::Count(count),
    }
}
