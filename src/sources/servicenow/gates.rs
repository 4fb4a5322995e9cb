//! What gates a commit beside the record: delegates, owners of services, changes on hold.

use std::time::Duration;

use super::ServiceNow;
use super::column::Column;
use super::mapping::DelegateColumns;
use super::people::spelt_as;
use super::row::Row;
use super::table::{Condition, Question};
use crate::diagnostic::Diagnostic;
use crate::model::gates::{Delegation, Hold};
use crate::model::ids::{ChangeId, HoldId, PersonId};
use crate::model::record::Ownership;
use crate::model::text::Line;
use crate::model::time::Instant;
use crate::sources::SourceError;
use crate::sources::fetch::Session;

/// Of one of `people`, and spelt as they are; who delegates to another of them too.
fn delegation(row: &Row, mapped: &DelegateColumns, people: &[PersonId]) -> Result<Delegation, Diagnostic> {
    let person = |column: &Column| -> Result<_, Diagnostic> { Ok(spelt_as(row.person(column)?, people.iter())) };
    Ok(Delegation {
        from: person(&mapped.user)?,
        to: person(&mapped.delegate)?,
        role: None,
        start: row.time(&mapped.starts)?,
        end: row.time(&mapped.ends)?,
    })
}

impl ServiceNow {
    /// Who may approve for one of `people`, now or at any other time. Rows that cannot be read are left out.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when the delegates are not had whole `within` this time, or lack a column.
    pub async fn delegations(&self, people: &[PersonId], within: Duration) -> Result<Vec<Delegation>, SourceError> {
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let mapped = &self.mapping.delegates;
        let question = Question {
            table: self.mapping.tables.sys_user_delegate.clone(),
            conditions: vec![
                Condition::Is(mapped.approvals.clone(), "true".to_owned()),
                Condition::OneOfPeople(mapped.user.clone(), people.to_vec()),
            ],
            columns: [&mapped.delegate, &mapped.starts, &mapped.ends].into_iter().cloned().collect(),
        };
        let rows = self.tables().rows(&mut self.fetcher.session(within), &question).await?;
        let mut delegations = Vec::new();
        for row in &rows {
            // A column that is not there is the mapping's mistake, or a right that is missing; that concerns every row.
            for column in [&mapped.user, &mapped.delegate, &mapped.starts, &mapped.ends] {
                row.value(column)?;
            }
            // A row that cannot be read, without an end for instance, permits nothing; nor does it stop anybody else.
            delegations.extend(delegation(row, mapped, people).ok());
        }
        Ok(delegations)
    }

    /// Who owns `service`; none where there is no such service.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when that is not had `within` this time, or several services are called so.
    pub async fn owner(&self, service: &str, within: Duration) -> Result<Option<Ownership>, SourceError> {
        self.owner_of(&mut self.fetcher.session(within), service).await
    }

    pub(super) async fn owner_of(
        &self,
        session: &mut Session<'_>,
        service: &str,
    ) -> Result<Option<Ownership>, SourceError> {
        let mapped = &self.mapping.service;
        let question = Question {
            table: self.mapping.tables.cmdb_ci_service.clone(),
            conditions: vec![Condition::Is(mapped.id.clone(), service.to_owned())],
            columns: [mapped.owner.clone()].into(),
        };
        let rows = self.tables().rows(session, &question).await?;
        let [row] = rows.as_slice() else {
            return match rows.first() {
                None => Ok(None),
                Some(row) => {
                    let help = "name services apart, or map another column as service.id";
                    Err(row.wrong(mapped.id.as_str(), "several services are called so", help).into())
                }
            };
        };
        let help = "correct it, or map another column";
        let name = Line::parse(service).map_err(|error| row.wrong(mapped.id.as_str(), &error.to_string(), help))?;
        Ok(Some(Ownership { service: name, owner: row.person(&mapped.owner)? }))
    }

    /// What holds `change`: one hold while it is on hold, none otherwise. It holds whoever put it on hold, and whenever: it is
    /// raised by `unknown`, or at 1970-01-01T00:00:00Z, where that cannot be read.
    ///
    /// # Errors
    ///
    /// [`SourceError`] when that is not had `within` this time, or there is no such change.
    pub async fn holds(&self, change: &ChangeId, within: Duration) -> Result<Vec<Hold>, SourceError> {
        let (by, at) = (Column::known("sys_updated_by"), Column::known("sys_updated_on"));
        let on_hold = &self.mapping.change.on_hold;
        let columns = [&by, &at, on_hold].into_iter().cloned().collect();
        let row = self.change_request(&mut self.fetcher.session(within), change, columns).await?;
        if !row.flag(on_hold)? {
            return Ok(Vec::new());
        }
        // A number of the greatest length leaves no room for more.
        let id = HoldId::parse(&format!("on-hold-{change}")).or_else(|_| HoldId::parse(change.as_str()));
        let id = id.map_err(|error| row.wrong("number", &error.to_string(), "shorten the number"))?;
        let raised_by = row.person(&by).or_else(|mistake| PersonId::parse("unknown").map_err(|_| mistake))?;
        let raised_at = row.time(&at).or_else(|mistake| Instant::parse("1970-01-01T00:00:00Z").map_err(|_| mistake))?;
        Ok(vec![Hold { id, change_id: change.clone(), packet: None, raised_by, raised_at, resolved: None }])
    }
}
