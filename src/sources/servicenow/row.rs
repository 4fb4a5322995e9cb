//! One row of a table: for every column what the database holds and what a person sees.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::column::{Column, DetailPart, Origin, Part, Shape, Table, Take};
use crate::diagnostic::Diagnostic;
use crate::model::ids::PersonId;
use crate::model::time::Instant;

/// A cell, as `sysparm_display_value=all` gives it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Cell {
    #[serde(deserialize_with = "text_or_nothing")]
    value: String,
    #[serde(deserialize_with = "text_or_nothing")]
    display_value: String,
}

fn text_or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// A row, and where it is from, for messages.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Row {
    cells: BTreeMap<String, Cell>,
    place: PathBuf,
}

impl Row {
    /// Takes a row of an answer apart; none when a cell is not of the documented shape.
    pub(super) fn new(host: &str, table: &Table, row: &Value) -> Option<Self> {
        let cells = BTreeMap::<String, Cell>::deserialize(row).ok()?;
        let key = cells.get("sys_id").map_or("", |cell| cell.value.as_str());
        let shown: String = key.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
        let place = PathBuf::from(format!("{host}/{table}/{shown}"));
        Some(Self { cells, place })
    }

    /// A mistake in this row. No message holds a value.
    pub(super) fn wrong(&self, field: &str, message: &str, help: &str) -> Diagnostic {
        Diagnostic::whole(&self.place, format!("{field}: {message}"), help)
    }

    fn cell(&self, column: &Column) -> Result<&Cell, Diagnostic> {
        self.cells.get(column.as_str()).ok_or_else(|| {
            let message = format!("the answer has no column {column}");
            self.wrong(column.as_str(), &message, "there is none, or the account may not read it; see the mapping")
        })
    }

    /// What the database holds; empty where it holds nothing.
    pub(super) fn value(&self, column: &Column) -> Result<&str, Diagnostic> {
        Ok(&self.cell(column)?.value)
    }

    /// What a person sees.
    pub(super) fn display(&self, column: &Column) -> Result<&str, Diagnostic> {
        Ok(&self.cell(column)?.display_value)
    }

    /// The key of the row: letters and digits alone, since it becomes part of an address.
    pub(super) fn sys_id(&self) -> Result<&str, Diagnostic> {
        let key = self.value(&Column::known("sys_id"))?;
        let good = (1..=32).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        good.then_some(key).ok_or_else(|| self.wrong("sys_id", "is no key", "ask the instance's administrators"))
    }

    /// A value that must be there.
    pub(super) fn needed(&self, column: &Column) -> Result<&str, Diagnostic> {
        let value = self.value(column)?;
        if value.is_empty() {
            return Err(self.wrong(column.as_str(), "is empty", "fill it in, or map another column"));
        }
        Ok(value)
    }

    /// A person's account.
    pub(super) fn person(&self, column: &Column) -> Result<PersonId, Diagnostic> {
        PersonId::parse(self.needed(column)?)
            .map_err(|error| self.wrong(column.as_str(), &error.to_string(), "map the column that holds account names"))
    }

    /// A person's account; none where the cell holds something else, or nothing.
    pub(super) fn account(&self, column: &Column) -> Result<Option<PersonId>, Diagnostic> {
        Ok(PersonId::parse(self.value(column)?).ok())
    }

    /// A time: `YYYY-MM-DD HH:MM:SS`, which ServiceNow keeps in UTC whatever zone it shows.
    pub(super) fn time(&self, column: &Column) -> Result<Instant, Diagnostic> {
        let text = self.needed(column)?;
        let read = DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok().filter(|_| text.len() == 19);
        read.and_then(|civil| Instant::from_civil(civil, &TimeZone::UTC).ok()).ok_or_else(|| {
            let help = "map a column of type Date/Time: its value is YYYY-MM-DD HH:MM:SS in UTC";
            self.wrong(column.as_str(), "is not a time in UTC", help)
        })
    }

    /// A tick.
    pub(super) fn flag(&self, column: &Column) -> Result<bool, Diagnostic> {
        match self.value(column)? {
            "true" => Ok(true),
            "false" => Ok(false),
            "" => {
                let help = "set it in the change request: True/False columns can be NULL in rows older than they";
                Err(self.wrong(column.as_str(), "is empty (NULL)", help))
            }
            _ => Err(self.wrong(column.as_str(), "is neither true nor false", "map a column of type True/False")),
        }
    }

    /// The text that `origin` means; none where the cell is empty.
    pub(super) fn text(&self, field: &str, origin: &Origin) -> Result<Option<String>, Diagnostic> {
        let (column, take, values) = match origin {
            Origin::Constant(text) => return Ok(Some(text.clone())),
            Origin::Column { column, take, values } => (column, take, values),
        };
        let found = match take {
            Take::Value => self.value(column)?,
            Take::DisplayValue => self.display(column)?,
        };
        if found.is_empty() {
            return Ok(None);
        }
        if values.is_empty() {
            // Line breaks are kept as the instance's form sent them.
            return Ok(Some(found.replace("\r\n", "\n")));
        }
        values.get(found).cloned().map(Some).ok_or_else(|| {
            let message = format!("column {column} holds what `values` does not list");
            self.wrong(field, &message, "add it to the mapping, or correct it in the change request")
        })
    }

    /// The text of a part that must be there.
    pub(super) fn part(&self, field: &str, part: &Part) -> Result<String, Diagnostic> {
        self.text(field, &part.0)?.ok_or_else(|| {
            let column = part.0.column().map_or("", Column::as_str);
            self.wrong(field, &format!("column {column} is empty"), "fill it in, or map another column")
        })
    }

    /// A further answer; none where the cell is empty.
    pub(super) fn detail(&self, field: &str, part: &DetailPart) -> Result<Option<Value>, Diagnostic> {
        let Some(text) = self.text(field, &part.origin)? else { return Ok(None) };
        let mapped = |message: &str| self.wrong(field, message, "correct it there, or its `as` in the mapping");
        match &part.shape {
            Shape::Text => Ok(Some(text.into())),
            Shape::Number => text.parse::<i64>().map(|n| Some(n.into())).map_err(|_| mapped("is no whole number")),
            Shape::Flag => {
                text.parse::<bool>().map(|b| Some(b.into())).map_err(|_| mapped("is neither true nor false"))
            }
            Shape::List(separator) => {
                Ok(Some(text.split(separator.as_str()).map(str::trim).collect::<Vec<_>>().into()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(value: &str) -> Row {
        let key = json!({ "value": "1", "display_value": "1" });
        let cell = json!({ "value": value, "display_value": "Shown" });
        Row::new("x.example", &Table::known("t"), &json!({ "sys_id": key, "c": cell })).unwrap()
    }

    fn column() -> Column {
        Column::known("c")
    }

    #[test]
    fn a_time_is_read_in_utc_and_in_its_one_form_alone() {
        assert_eq!(row("2026-12-04 07:00:00").time(&column()).unwrap().to_string(), "2026-12-04T07:00:00Z");
        for bad in
            ["", "2026-12-04", "04.12.2026 07:00:00", "2026-12-04 07:00", "2026-12-04T07:00:00Z", "2026-12-04 7:00:00"]
        {
            assert!(row(bad).time(&column()).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_wording_that_is_not_listed_is_an_error_that_does_not_show_it() {
        let values = [("3".to_owned(), "emergency-fix".to_owned())].into();
        let origin = Origin::Column { column: column(), take: Take::Value, values };
        assert_eq!(row("3").text("exception.category", &origin).unwrap().as_deref(), Some("emergency-fix"));
        let told = row("canary").text("exception.category", &origin).unwrap_err().to_string();
        assert!(told.contains("exception.category") && !told.contains("canary"), "{told}");
    }

    #[test]
    fn a_cell_of_another_shape_is_no_row() {
        let table = Table::known("t");
        for bad in [
            json!({ "c": "text" }),
            json!({ "c": { "value": 7, "display_value": "7" } }),
            json!([]),
            json!({ "c": { "value": "x" } }),
        ] {
            assert!(Row::new("h", &table, &bad).is_none(), "{bad} was accepted");
        }
        assert!(Row::new("h", &table, &json!({ "c": { "value": null, "display_value": null } })).is_some());
    }

    #[test]
    fn a_key_that_would_lead_elsewhere_is_refused() {
        for bad in ["../x", "", "a/b", "a?b", &"a".repeat(33)] {
            let key = json!({ "value": bad, "display_value": bad });
            let row = Row::new("x.example", &Table::known("t"), &json!({ "sys_id": key })).unwrap();
            assert!(row.sys_id().is_err(), "{bad:?} was accepted");
        }
    }
}
