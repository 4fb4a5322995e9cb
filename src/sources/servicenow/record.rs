//! The change record: the change request, what is attached to it and its approvals, as they stood together.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::approvals;
use super::column::{Column, Part};
use super::mapping::ChangeColumns;
use super::row::Row;
use super::table::{Condition, Question};
use super::{ServiceNow, attachments::Listed};
use crate::diagnostic::Diagnostic;
use crate::model::ids::ChangeId;
use crate::model::record::{ApprovalManifest, ExceptedBlackout, Remediation};
use crate::sources::SourceError;
use crate::sources::fetch::Session;
use crate::sources::record_file::{self, ReadRecord};

/// How often a record is read again that changed meanwhile.
const READS: u32 = 3;
/// Longest attached manifest, in bytes.
const MANIFEST: u64 = 1 << 20;

/// What the attached manifest holds: all that no column can.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attached {
    manifest: ApprovalManifest,
    remediation: Remediation,
    excepts: Vec<ExceptedBlackout>,
}

fn columns(mapped: &ChangeColumns) -> BTreeSet<Column> {
    let ChangeColumns {
        revision,
        title,
        requester,
        service,
        service_owner,
        environment,
        category,
        incident,
        scope,
        rollback_plan,
        rollback_version,
        window_start,
        window_end,
        on_hold: _,
        details,
    } = mapped;
    let parts = [
        revision,
        title,
        requester,
        service,
        service_owner,
        environment,
        category,
        incident,
        scope,
        rollback_plan,
        rollback_version,
    ];
    let parts = parts.into_iter().map(|part| &part.0).chain(details.values().map(|detail| &detail.origin));
    // Whatever is edited, these two move.
    let edits = ["sys_mod_count", "sys_updated_on"].map(Column::known);
    parts.filter_map(|origin| origin.column()).chain([window_start, window_end]).cloned().chain(edits).collect()
}

impl ServiceNow {
    /// The record of `change`, read anew; its attachments are put into a folder of their own below the private folder, which
    /// stays for as long as that one does. A call that is given up or fails leaves nothing there.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unavailable`] when it is not had whole and unchanging `within` this time, [`SourceError::Invalid`] when it is
    /// no valid record, naming the row and the column.
    pub async fn record(&self, change: &ChangeId, within: Duration) -> Result<ReadRecord, SourceError> {
        let mut session = self.fetcher.session(within);
        for _ in 0..READS {
            if let Some(record) = self.record_once(&mut session, change).await? {
                return Ok(record);
            }
        }
        let what = format!("table {}", self.mapping.tables.change_request);
        Err(self.fetcher.unavailable(&what, "the change request changes while it is read; try again"))
    }

    /// The one change request of this number.
    pub(super) async fn change_request(
        &self,
        session: &mut Session<'_>,
        change: &ChangeId,
        columns: BTreeSet<Column>,
    ) -> Result<Row, SourceError> {
        let table = &self.mapping.tables.change_request;
        let conditions = vec![Condition::Is(Column::known("number"), change.as_str().to_owned())];
        let question = Question { table: table.clone(), conditions, columns };
        let mut rows = self.tables().rows(session, &question).await?;
        match (rows.pop(), rows.pop()) {
            (Some(row), None) => Ok(row),
            (Some(row), Some(_)) => {
                Err(row.wrong("number", "several change requests have this number", "ask the administrators").into())
            }
            (None, _) => {
                let place = PathBuf::from(format!("{}/{table}", self.mapping.url.host_str().unwrap_or_default()));
                let message = format!("there is no {change}, or the account may not read it");
                Err(Diagnostic::whole(&place, message, "check the number, and the account's roles").into())
            }
        }
    }

    /// The record; none when the change request changed meanwhile.
    async fn record_once(
        &self,
        session: &mut Session<'_>,
        change: &ChangeId,
    ) -> Result<Option<ReadRecord>, SourceError> {
        let asked = columns(&self.mapping.change);
        let first = self.change_request(session, change, asked.clone()).await?;
        let key = first.sys_id()?.to_owned();
        let table = &self.mapping.tables.change_request;
        let files = self.attached(session, table, std::slice::from_ref(&key), |name| self.wants(name)).await?;
        let attached = self.manifest(session, change, &first, &files).await?;
        let mut builder = tempfile::Builder::new();
        let private = std::fs::Permissions::from_mode(0o700);
        let folder = builder.prefix("change-").permissions(private).tempdir_in(&self.folder).map_err(|error| {
            Diagnostic::whole(&self.folder, format!("cannot be written: {error}"), "name a folder of this account's")
        })?;
        let downloaded = self.download(session, &files, folder.path()).await?;
        let service = first.part("exception.service.id", &self.mapping.change.service)?;
        let ownership = self.owner_of(session, &service).await?.ok_or_else(|| {
            first.wrong("ownership", "the service is in no table of services", "correct the service, or service.id")
        })?;
        // Decisions last: they are what is taken back at short notice.
        let approvals = Question {
            table: self.mapping.tables.sysapproval_approver.clone(),
            conditions: vec![Condition::Is(self.mapping.approvals.change.clone(), key)],
            columns: approvals::columns(&self.mapping.approvals),
        };
        let rows = self.tables().rows(session, &approvals).await?;
        let signatures = self.signatures(session, &rows).await?;
        let decisions = approvals::decisions(&rows, &self.mapping.approvals, &attached.manifest, &signatures)?;
        if self.change_request(session, change, asked).await? != first {
            return Ok(None);
        }
        let mut exception = self.exception(change, &first)?;
        exception.insert("excepts".into(), json!(attached.excepts));
        exception.insert("attachments".into(), downloaded.into());
        let record = json!({
            "schema": "portal-agent/record/1",
            "exception": exception,
            "remediation": attached.remediation,
            "ownership": ownership,
            "manifest": attached.manifest,
            "approvals": decisions,
        });
        let host = self.mapping.url.host_str().unwrap_or_default();
        let place = PathBuf::from(format!("{host}/{}/{change}", self.mapping.tables.change_request));
        // Read by the same reader as a file, on lines that a message can name.
        let read = record_file::from_text(&place, &format!("{record:#}"), folder.path())?;
        // From here on it is whole and stays.
        let _ = folder.keep();
        Ok(Some(read))
    }

    async fn manifest(
        &self,
        session: &mut Session<'_>,
        change: &ChangeId,
        row: &Row,
        files: &[Listed],
    ) -> Result<Attached, SourceError> {
        let name = &self.mapping.attachments.manifest;
        let Some(file) = files.iter().find(|file| file.name.as_str() == name) else {
            let help = "attach a JSON file with `manifest`, `remediation` and `excepts`";
            return Err(row.wrong("manifest", &format!("{name} is not attached"), help).into());
        };
        let text = self.attached_text(session, file, MANIFEST).await?;
        let help = "it holds `manifest`, `remediation` and `excepts` as `portal-agent schema record` prints them";
        Ok(record_file::parse(Path::new(&format!("{change}/{name}")), &text, "manifest", help)?)
    }

    /// The exception without what is attached.
    fn exception(&self, change: &ChangeId, row: &Row) -> Result<Map<String, Value>, Diagnostic> {
        let mapped = &self.mapping.change;
        let part = |field: &str, part: &Part| row.part(&format!("exception.{field}"), part);
        let revision: u32 = part("revision", &mapped.revision)?.parse().map_err(|_| {
            row.wrong("exception.revision", "is no whole number", "map a column that counts revisions from 1")
        })?;
        let rollback = |field: &str, part: &Part| row.text(&format!("exception.rollback.{field}"), &part.0);
        // Without a rollback the record is readable, and judged; with half of one it is a mistake.
        let rollback = match (rollback("plan", &mapped.rollback_plan)?, rollback("version", &mapped.rollback_version)?)
        {
            (None, None) => Value::Null,
            (Some(plan), Some(version)) => json!({ "plan": plan, "version": version }),
            (Some(_), None) | (None, Some(_)) => {
                let help = "fill in both, plan and version, or neither";
                return Err(row.wrong("exception.rollback", "is there by half", help));
            }
        };
        let mut details = Map::new();
        for (name, detail) in &mapped.details {
            if let Some(value) = row.detail(&format!("exception.details.{name}"), detail)? {
                details.insert(name.clone(), value);
            }
        }
        let exception = json!({
            "change_id": change,
            "revision": revision,
            "title": part("title", &mapped.title)?,
            "requester": part("requester", &mapped.requester)?,
            "service": {
                "id": part("service.id", &mapped.service)?,
                "owner": part("service.owner", &mapped.service_owner)?,
            },
            "environment": part("environment", &mapped.environment)?,
            "category": part("category", &mapped.category)?,
            "incident": part("incident", &mapped.incident)?,
            "scope": part("scope", &mapped.scope)?,
            "rollback": rollback,
            "window": { "start": row.time(&mapped.window_start)?, "end": row.time(&mapped.window_end)? },
            "details": details,
        });
        match exception {
            Value::Object(exception) => Ok(exception),
            // What is written as an object above is one.
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Ok(Map::new()),
        }
    }
}
