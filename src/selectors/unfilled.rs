//! Places of a map that are still to be filled in, as `selectors init` leaves them.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::model::record::UNFILLED;

/// The first place that is still to be filled in, with its key, and how many there are after it.
pub(super) fn first(text: &str) -> Option<(Range<usize>, String, usize)> {
    // What is no TOML is told by the reader.
    let table = DeTable::parse(text).ok()?;
    let mut open = Vec::new();
    within(table.get_ref(), &mut open);
    open.sort_by_key(|(span, _)| span.start);
    let further = open.len().saturating_sub(1);
    open.into_iter().next().map(|(span, key)| (span, key, further))
}

fn within(table: &DeTable<'_>, open: &mut Vec<(Range<usize>, String)>) {
    table.iter().for_each(|(key, value)| below(key.get_ref(), value, open));
}

fn below(key: &str, value: &Spanned<DeValue<'_>>, open: &mut Vec<(Range<usize>, String)>) {
    match value.get_ref() {
        DeValue::String(text) if text.starts_with(UNFILLED) => open.push((value.span(), key.to_owned())),
        DeValue::Table(table) => within(table, open),
        DeValue::Array(values) => values.iter().for_each(|value| below(key, value, open)),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}
