//! Reads rows of a table over all pages: every row, once, and only such as were asked for.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::column::{Column, Table};
use super::people::one_person;
use super::row::Row;
use crate::diagnostic::Diagnostic;
use crate::model::ids::PersonId;
use crate::model::strict_json;
use crate::sources::SourceError;
use crate::sources::fetch::{Fetcher, Session, Wanted};

/// What rows must be: ServiceNow leaves out a condition that it does not understand and answers the rest, so every row is held
/// against it once more.
#[derive(Debug, Clone)]
pub(super) enum Condition {
    /// The column's value is this one.
    Is(Column, String),
    /// The column's value is one of these.
    OneOf(Column, Vec<String>),
    /// The column's value is the account of one of these, in whatever case.
    OneOfPeople(Column, Vec<PersonId>),
}

impl Condition {
    fn query(&self) -> String {
        match self {
            Self::Is(column, value) => format!("{column}={value}"),
            Self::OneOf(column, values) => format!("{column}IN{}", values.join(",")),
            Self::OneOfPeople(column, people) => {
                let accounts: Vec<&str> = people.iter().map(PersonId::as_str).collect();
                format!("{column}IN{}", accounts.join(","))
            }
        }
    }

    fn column(&self) -> &Column {
        match self {
            Self::Is(column, _) | Self::OneOf(column, _) | Self::OneOfPeople(column, _) => column,
        }
    }

    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Is(_, wanted) => value == wanted,
            Self::OneOf(_, wanted) => wanted.iter().any(|wanted| value == wanted),
            Self::OneOfPeople(_, wanted) => {
                PersonId::parse(value).is_ok_and(|person| wanted.iter().any(|wanted| one_person(wanted, &person)))
            }
        }
    }

    /// Whether a value would be read as part of the question, or run as a script.
    fn is_plain(&self) -> bool {
        let plain = |value: &String| {
            !value.is_empty() && !value.contains('^') && !value.to_ascii_lowercase().contains("javascript:")
        };
        match self {
            Self::Is(_, value) => plain(value),
            Self::OneOf(_, values) => values.iter().all(|value| plain(value) && !value.contains(',')),
            // Letters, digits, '.', '-' and '_' alone.
            Self::OneOfPeople(..) => true,
        }
    }
}

/// A question about a table.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub table: Table,
    /// What the rows must be.
    pub conditions: Vec<Condition>,
    /// The columns that are needed beside those of the conditions.
    pub columns: BTreeSet<Column>,
}

/// Most rows that any question of ours can have as answer; more means that a condition was left out.
const MOST: u64 = 2_000;

#[derive(Deserialize)]
struct Answer {
    result: Vec<Value>,
    // Given beside rows when the instance broke off in their midst.
    error: Option<Value>,
    status: Option<Value>,
}

/// An answer, read with every key of its rows: of one that says a column twice, nobody knows which it means.
fn answer(body: &[u8]) -> Option<Answer> {
    std::str::from_utf8(body).ok().and_then(|text| strict_json::read(text).ok())
}

/// The tables of one instance.
pub(super) struct Tables<'a> {
    pub fetcher: &'a Fetcher,
    pub url: &'a Url,
    pub page_size: u32,
}

impl Tables<'_> {
    /// All rows that `question` asks for, ordered by key.
    pub(super) async fn rows(&self, session: &mut Session<'_>, question: &Question) -> Result<Vec<Row>, SourceError> {
        let what = format!("table {}", question.table);
        if !question.conditions.iter().all(Condition::is_plain) {
            let message = "asked for a value that a question cannot hold";
            let place = std::path::PathBuf::from(&what);
            return Err(Diagnostic::whole(&place, message, "correct the value in the change request").into());
        }
        let (rows, pages) = self.all_pages(session, question, &what).await?;
        // A row that goes while another comes moves the rest by one, over the edge of a page and past both counts.
        if pages > 1 && self.all_pages(session, question, &what).await?.0 != rows {
            return Err(self.fetcher.unavailable(&what, "it changes while it is read; try again"));
        }
        Ok(rows)
    }

    async fn all_pages(
        &self,
        session: &mut Session<'_>,
        question: &Question,
        what: &str,
    ) -> Result<(Vec<Row>, u32), SourceError> {
        let unavailable = |why: &str| Err(self.fetcher.unavailable(what, why));
        let mut rows: Vec<Row> = Vec::new();
        let mut keys = BTreeSet::new();
        let mut expected = None;
        let mut pages = 0;
        loop {
            let offset = rows.len() as u64;
            let (head, body) = session.bytes(&self.address(question, offset), what, Wanted::Json).await?;
            pages += 1;
            let Some(answer) = answer(&body) else {
                return unavailable(
                    "the answer is broken off, says a key twice, or is not in the form of the Table API",
                );
            };
            if answer.error.is_some() || answer.status.is_some() {
                return unavailable("the answer reports a failure beside its rows, so rows may be missing");
            }
            let Some(total) = head.total else {
                return unavailable("X-Total-Count is missing, so nobody can tell whether all rows came");
            };
            if expected.is_some_and(|expected| expected != total) {
                return unavailable("the number of rows changes while they are read; try again");
            }
            expected = Some(total);
            if total > MOST {
                return unavailable("it answers far more rows than were asked for; check the mapping's columns");
            }
            let due = (total - offset).min(u64::from(self.page_size));
            if answer.result.len() as u64 != due {
                return unavailable("fewer or more rows came than it counts; the account may not read all of them");
            }
            for row in &answer.result {
                let row = self.row(question, what, row)?;
                if !keys.insert(row.sys_id()?.to_owned()) {
                    return unavailable("a row came twice, so another one may be missing; try again");
                }
                rows.push(row);
            }
            let done = rows.len() as u64 == total;
            if head.next && done {
                return unavailable("it counts fewer rows than it has pages for");
            }
            if done {
                return Ok((rows, pages));
            }
        }
    }

    fn row(&self, question: &Question, what: &str, row: &Value) -> Result<Row, SourceError> {
        let host = self.url.host_str().unwrap_or_default();
        let Some(row) = Row::new(host, &question.table, row) else {
            return Err(self.fetcher.unavailable(what, "a row is not in the form of the Table API"));
        };
        for condition in &question.conditions {
            let column = condition.column();
            if !condition.holds(row.value(column)?) {
                let help = "check that the mapping names a column that there is";
                return Err(row.wrong(column.as_str(), "is not what was asked for", help).into());
            }
        }
        Ok(row)
    }

    fn address(&self, question: &Question, offset: u64) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}api/now/table/{}", self.url.path(), question.table));
        let mut query: Vec<String> = question.conditions.iter().map(Condition::query).collect();
        query.push("ORDERBYsys_id".to_owned());
        let mut columns = question.columns.clone();
        columns.insert(Column::known("sys_id"));
        columns.extend(question.conditions.iter().map(|condition| condition.column().clone()));
        let columns: Vec<&str> = columns.iter().map(Column::as_str).collect();
        url.query_pairs_mut()
            .append_pair("sysparm_query", &query.join("^"))
            .append_pair("sysparm_fields", &columns.join(","))
            .append_pair("sysparm_display_value", "all")
            .append_pair("sysparm_exclude_reference_link", "true")
            .append_pair("sysparm_limit", &self.page_size.to_string())
            .append_pair("sysparm_offset", &offset.to_string());
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_would_extend_the_question_or_run_as_a_script_is_refused() {
        let column = || Column::known("name");
        for bad in ["a^ORname!=b", "javascript:gs.sleep(1)", "JavaScript:x", ""] {
            assert!(!Condition::Is(column(), bad.into()).is_plain(), "{bad:?} was accepted");
        }
        assert!(!Condition::OneOf(column(), vec!["a".into(), "b,c".into()]).is_plain());
        assert!(Condition::Is(column(), "checkout, payment & co".into()).is_plain());
    }
}
