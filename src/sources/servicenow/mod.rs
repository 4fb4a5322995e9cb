//! Change management over HTTP in the shape of ServiceNow's Table API: read, never written, and read anew at every call.
//!
//! A change request, its approvals, its attachments, the service's owner and the approvers' delegates become the same record that
//! a file holds, checked by the same reader. Which column is what stands in a mapping file:
//!
//! ```toml
#![doc = include_str!("example.toml")]
//! ```
//!
//! - Every key but `schema`, `url`, `auth`, `approvals.packet` and `approvals.decided_at` may be left out. A part of the record is the
//!   name of a column (`requested_by.user_name` walks to another table), or a table with `column`, `take` (`value`, what the database
//!   holds, unless `display_value` is said) and `values` (their wording and ours), or with `constant`.
//! - Times are read from `value`, which ServiceNow documents as UTC, `YYYY-MM-DD HH:MM:SS`; what a person sees depends on who asks.
//! - The approval manifest, the approved remediation and the excepted blackouts have no columns: they are attached to the change
//!   request as `approval-manifest.json`, an object with `manifest`, `remediation` and `excepts`.
//! - An attachment is part of the record when a pattern of `attachments.roles` fits its name, and ordered by its role. All others
//!   are left alone: what the packet lacks or has too much shows in its digest, which approvers have approved.
//! - A decision names its packet in the column `approvals.packet`, which only the approval itself should fill. With
//!   `packet = "comments"` it is a line `packet: sha256:…` of the comments instead, and that is dangerous: whoever may comment on a
//!   row that was approved for one packet can bind it to another; demand signatures then. A withdrawn approval that names the approved
//!   packet was decided once, and is a revoked one.
//! - What was approved or rejected of another packet is left out where the same signer, in the same role, approved this one later: so
//!   a change may be rejected, corrected and approved. What names the approved packet always counts.
//! - `approvals.decided_at` is a column that is stamped when the state changes, and by nothing else. `sys_updated_on` can be named, but
//!   any edit of the row moves it, so an old approval can look young; and with `packet = "comments"` one comment does both.
//! - The role is that of the manifest's signer unless a column holds it. A row that can be no signer's, since its account is none, or
//!   the manifest does not name its role (without such a column, its account), counts as nothing unless it is a rejection: that stops
//!   the change whoever it is by.
//! - Accounts that differ in case alone are one person, spelt as the manifest spells them.
//! - Where delegates decide, ServiceNow leaves `approver` as it was: name the column of who decided as `decided_by`. A delegate's row
//!   that cannot be read counts as nothing: it could only permit.
//! - ServiceNow leaves out rows and columns that the account may not read, and conditions that it does not understand. Rows are
//!   therefore counted (`X-Total-Count`) and held against the question once more; a missing column is an error.
//! - A change request that is edited while it is read is read again, three times at most.

mod approvals;
mod attachments;
mod column;
mod gates;
pub mod mapping;
pub mod mapping_file;
mod people;
mod record;
mod row;
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use super::SourceError;
use super::fetch::{Fetcher, Pace};
use crate::diagnostic::Diagnostic;
pub use column::{Column, DetailPart, NameError, Origin, PacketPlace, Part, Shape, Table, Take};
use mapping::{Auth, Mapping};
use table::Tables;

impl From<Diagnostic> for SourceError {
    /// Whatever is not valid here, change management said.
    fn from(mistake: Diagnostic) -> Self {
        Self::Invalid { name: "change management".to_owned(), mistake }
    }
}

/// One instance, seen by one account.
#[derive(Debug, Clone)]
pub struct ServiceNow {
    mapping: Mapping,
    fetcher: Fetcher,
    folder: PathBuf,
}

impl ServiceNow {
    /// An instance as `mapping` describes it. `secret` is the account's password, or the token; `folder` is private, there already,
    /// and where attachments go.
    ///
    /// # Errors
    ///
    /// A [`Diagnostic`] when the secret cannot be sent, or the file of certificate authorities cannot be used.
    pub fn new(mapping: Mapping, secret: SecretString, folder: PathBuf) -> Result<Self, Diagnostic> {
        let name = format!("change management at {}", mapping.url.host_str().unwrap_or_default());
        let proof = match &mapping.auth {
            Auth::Basic { user } => {
                format!("Basic {}", STANDARD.encode(format!("{user}:{}", secret.expose_secret())))
            }
            Auth::Bearer => format!("Bearer {}", secret.expose_secret()),
        };
        let help = "give it without line breaks, as the settings say";
        let unusable = |message: &str| Diagnostic::whole(std::path::Path::new(&name), message, help);
        if secret.expose_secret().is_empty() {
            return Err(unusable("the secret is empty"));
        }
        let proof = HeaderValue::from_str(&proof).map_err(|_| unusable("the secret cannot be sent"))?;
        let fetcher = Fetcher::new(&name, mapping.limits.fetch(), mapping.ca.as_deref())?;
        let fetcher = fetcher.with_authorization(&mapping.url, proof);
        Ok(Self { mapping, fetcher, folder })
    }

    /// The same, waiting otherwise between attempts.
    #[must_use]
    pub fn with_pace(self, pace: Arc<dyn Pace>) -> Self {
        Self { fetcher: self.fetcher.with_pace(pace), ..self }
    }

    fn tables(&self) -> Tables<'_> {
        Tables { fetcher: &self.fetcher, url: &self.mapping.url, page_size: self.mapping.limits.page_size }
    }
}
