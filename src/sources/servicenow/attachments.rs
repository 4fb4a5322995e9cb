//! Attachments of rows: which there are, and their content in files that are whole or not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use serde_json::{Value, json};

use super::ServiceNow;
use super::column::{Column, Table};
use super::row::Row;
use super::table::{Condition, Question};
use crate::diagnostic::Diagnostic;
use crate::model::digest::Digest;
use crate::model::record::FileName;
use crate::sources::SourceError;
use crate::sources::fetch::{Session, Wanted};

/// Longest signature, in bytes.
const SIGNATURE: u64 = 64 << 10;

/// An attachment as its row describes it.
pub(super) struct Listed {
    row: Row,
    key: String,
    /// Row that it is attached to.
    owner: String,
    pub name: FileName,
    size: u64,
}

fn column(name: &'static str) -> Column {
    Column::known(name)
}

impl ServiceNow {
    /// Those attachments of these rows of `table` whose name is `wanted`. What the others are called is nobody's concern.
    pub(super) async fn attached(
        &self,
        session: &mut Session<'_>,
        table: &Table,
        rows: &[String],
        wanted: impl Fn(&str) -> bool,
    ) -> Result<Vec<Listed>, SourceError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let question = Question {
            table: self.mapping.tables.sys_attachment.clone(),
            conditions: vec![
                Condition::Is(column("table_name"), table.as_str().to_owned()),
                Condition::OneOf(column("table_sys_id"), rows.to_vec()),
            ],
            columns: ["file_name", "size_bytes"].into_iter().map(column).collect::<BTreeSet<_>>(),
        };
        let mut listed = Vec::new();
        for row in self.tables().rows(session, &question).await? {
            let name = row.value(&column("file_name"))?;
            if !wanted(name) {
                continue;
            }
            let name = FileName::parse(name).map_err(|error| {
                row.wrong("file_name", &error.to_string(), "attach the file again under a plain name")
            })?;
            let size = row
                .value(&column("size_bytes"))?
                .parse()
                .map_err(|_| row.wrong("size_bytes", "is no length", "ask the instance's administrators"))?;
            let owner = row.value(&column("table_sys_id"))?.to_owned();
            let twice = listed.iter().any(|other: &Listed| other.owner == owner && other.name == name);
            if twice {
                let message = "two attachments have this one's name";
                return Err(row.wrong("file_name", message, "remove the one that is not meant").into());
            }
            listed.push(Listed { key: row.sys_id()?.to_owned(), owner, name, size, row });
        }
        Ok(listed)
    }

    fn content_address(&self, file: &Listed) -> url::Url {
        let mut url = self.mapping.url.clone();
        url.set_path(&format!("{}api/now/attachment/{}/file", self.mapping.url.path(), file.key));
        url
    }

    fn other_length(&self) -> SourceError {
        self.fetcher.unavailable("an attachment", "its content has another length than its row says; try again")
    }

    /// A small attachment as text.
    pub(super) async fn attached_text(
        &self,
        session: &mut Session<'_>,
        file: &Listed,
        largest: u64,
    ) -> Result<String, SourceError> {
        if file.size > largest {
            let message = format!("is longer than {largest} bytes");
            return Err(file.row.wrong("size_bytes", &message, "attach the file that is meant").into());
        }
        let (_, bytes) = session.bytes(&self.content_address(file), "an attachment", Wanted::Bytes).await?;
        if bytes.len() as u64 != file.size {
            return Err(self.other_length());
        }
        String::from_utf8(bytes)
            .map_err(|_| file.row.wrong("content", "is not UTF-8 text", "attach the file that is meant").into())
    }

    /// Whether the record needs an attachment of the change request that is called so.
    pub(super) fn wants(&self, name: &str) -> bool {
        name == self.mapping.attachments.manifest || self.mapping.attachments.role(name).is_some()
    }

    /// Puts those attachments that have a role below `folder` and describes them as the record does.
    pub(super) async fn download(
        &self,
        session: &mut Session<'_>,
        files: &[Listed],
        folder: &Path,
    ) -> Result<Vec<Value>, SourceError> {
        let rules = &self.mapping.attachments;
        let largest = u64::from(self.mapping.limits.largest_attachment_mb) << 20;
        let mut found = BTreeMap::new();
        for file in files {
            let Some(role) = rules.role(file.name.as_str()).filter(|_| file.name.as_str() != rules.manifest) else {
                continue;
            };
            if file.size > largest {
                let message = format!("is longer than {largest} bytes");
                let help = "attach less, or raise limits.largest_attachment_mb";
                return Err(file.row.wrong("size_bytes", &message, help).into());
            }
            let own = |error: std::io::Error| {
                SourceError::from(Diagnostic::whole(folder, format!("cannot be written: {error}"), "make room"))
            };
            let below = folder.join(role.as_str());
            fs::DirBuilder::new().mode(0o700).recursive(true).create(&below).map_err(own)?;
            // A file name never starts with a dot, so this one is nobody's.
            let partial = below.join(".partial");
            session.file(&self.content_address(file), "an attachment", largest, &partial).await?;
            let reading = partial.clone();
            let digested = tokio::task::spawn_blocking(move || Digest::of_reader(fs::File::open(reading)?));
            let (sha256, size) = digested.await.map_err(std::io::Error::other).and_then(|read| read).map_err(own)?;
            if size != file.size {
                return Err(self.other_length());
            }
            fs::rename(&partial, below.join(file.name.as_str())).map_err(own)?;
            let described = json!({
                "role": role,
                "name": file.name,
                "path": format!("{role}/{}", file.name.as_str()),
                "size": size,
                "sha256": sha256,
            });
            if found.insert(role, described).is_some() {
                let message = format!("two attachments have the role {role}");
                return Err(file.row.wrong("file_name", &message, "remove the one that is not meant").into());
            }
        }
        // In the order of their roles: the packet digest depends on it, and keys of attachments do not matter to anybody.
        Ok(found.into_values().collect())
    }

    /// The signatures attached to these rows, by the row's key.
    pub(super) async fn signatures(
        &self,
        session: &mut Session<'_>,
        rows: &[Row],
    ) -> Result<BTreeMap<String, String>, SourceError> {
        let mut signatures = BTreeMap::new();
        if !self.mapping.approvals.signature_files {
            return Ok(signatures);
        }
        let keys = rows.iter().map(|row| row.sys_id().map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
        let files = self
            .attached(session, &self.mapping.tables.sysapproval_approver, &keys, |name| name.ends_with(".sig"))
            .await?;
        for file in &files {
            let text = self.attached_text(session, file, SIGNATURE).await?;
            if signatures.insert(file.owner.clone(), text).is_some() {
                let message = "two signatures are attached to one approval";
                return Err(file.row.wrong("file_name", message, "remove the one that is not meant").into());
            }
        }
        Ok(signatures)
    }
}
