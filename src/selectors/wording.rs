//! How a value of the record is written in the portal's own form: by the map's words, in its zone, as its controls hold it.

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

use super::plan::PlanError;
use super::schema::Field;
use super::shapes::wire_format;
use crate::model::form::{FormValue, RecordPath, WidgetKind};
use crate::model::time::Instant;

/// A value as the record has it.
pub(super) enum Taken {
    Text(String),
    Moment(Instant),
    Flag(bool),
    Number(i64),
    List(Vec<String>),
}

/// A day of the record as the portal writes it; none where the pattern is one for moments, or the text is no day.
pub(super) fn day(pattern: &str, text: &str) -> Option<String> {
    strtime::format(pattern, text.parse::<Date>().ok()?).ok()
}

/// Writes values for the controls of one portal.
pub(super) struct Wording<'a> {
    /// The portal's zone.
    pub zone: &'a TimeZone,
}

impl Wording<'_> {
    fn moment(&self, field: &Field, path: &RecordPath, at: Instant) -> Result<String, PlanError> {
        let local = at.in_zone(self.zone);
        let pattern = match &field.format {
            Some(pattern) => pattern.get_ref().as_str(),
            None => wire_format(field.widget).unwrap_or("%Y-%m-%dT%H:%M"),
        };
        let unfit = |because| PlanError::Unfit {
            field: field.id.get_ref().clone(),
            widget: field.widget,
            path: path.to_string(),
            because,
        };
        let entered = field.widget != WidgetKind::ReadOnly;
        if entered && (local.second() != 0 || local.subsec_nanosecond() != 0) {
            return Err(unfit("it has seconds, and the portal's controls hold minutes"));
        }
        if entered && Instant::from_civil(local.datetime(), self.zone) != Ok(at) {
            return Err(unfit("clocks in the portal's zone show this time twice, and the portal could take either"));
        }
        Ok(local.strftime(pattern).to_string())
    }

    fn word(&self, field: &Field, path: &RecordPath, word: String) -> Result<String, PlanError> {
        if field.values.is_empty() {
            return Ok(word);
        }
        field
            .values
            .get(&word)
            .cloned()
            .ok_or_else(|| PlanError::NoWord { field: field.id.get_ref().clone(), path: path.to_string() })
    }

    /// What a field's control has to hold.
    ///
    /// # Errors
    ///
    /// [`PlanError`]: the map has no word for it, or the control cannot hold it.
    pub(super) fn value(&self, field: &Field, path: &RecordPath, taken: Taken) -> Result<FormValue, PlanError> {
        let unfit = |because| PlanError::Unfit {
            field: field.id.get_ref().clone(),
            widget: field.widget,
            path: path.to_string(),
            because,
        };
        let shown = field.widget == WidgetKind::ReadOnly;
        match taken {
            Taken::Flag(flag) if field.widget == WidgetKind::Checkbox => Ok(FormValue::Checked(flag)),
            Taken::Flag(flag) => {
                let word = if flag { "yes" } else { "no" };
                Ok(FormValue::Text(self.word(field, path, word.to_owned())?))
            }
            Taken::List(list) if shown || field.widget == WidgetKind::MultiSelect => {
                let words: Result<BTreeSet<String>, PlanError> =
                    list.into_iter().map(|word| self.word(field, path, word)).collect();
                Ok(FormValue::Choices(words?))
            }
            Taken::List(_) => Err(unfit("it is a list")),
            Taken::Moment(at) => Ok(FormValue::Text(self.moment(field, path, at)?)),
            Taken::Number(number) => Ok(FormValue::Text(self.word(field, path, number.to_string())?)),
            Taken::Text(text) => match field.widget {
                WidgetKind::Date | WidgetKind::ReadOnly => {
                    let written = field.format.as_ref().and_then(|pattern| day(pattern.get_ref(), &text));
                    Ok(FormValue::Text(written.map_or_else(|| self.word(field, path, text), Ok)?))
                }
                WidgetKind::Checkbox => Err(unfit("it is a text, and a box takes true or false")),
                WidgetKind::MultiSelect => Err(unfit("it is one text, and the control takes a list")),
                WidgetKind::Text | WidgetKind::Number if text.contains('\n') => {
                    Err(unfit("it has several lines, and a line break can submit a form"))
                }
                WidgetKind::Number if text.parse::<f64>().is_err() => Err(unfit("it is no number")),
                WidgetKind::Text
                | WidgetKind::LongText
                | WidgetKind::Select
                | WidgetKind::Radio
                | WidgetKind::Time
                | WidgetKind::DateTime
                | WidgetKind::Number
                | WidgetKind::File => Ok(FormValue::Text(self.word(field, path, text)?)),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_as_the_portal_writes_days_and_nothing_else_is() {
        assert_eq!(day("%d.%m.%Y", "2026-11-19").as_deref(), Some("19.11.2026"));
        assert_eq!(day("%Y-%m-%dT%H:%M", "2026-11-19"), None);
        assert_eq!(day("%d.%m.%Y", "soon"), None);
    }
}
