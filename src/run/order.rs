//! What a run is asked to do, and what must be right before anything is begun.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::ExposeSecret as _;

use super::session::{BrowserOrder, Target};
use crate::decide::policy::Policy;
use crate::decide::rules::confirmation::Said;
use crate::decide::rules::record::FileState;
use crate::diagnostic::Diagnostic;
use crate::evidence::copies::ReadError;
use crate::evidence::documents::Versions;
use crate::evidence::shared::{SharedStore, StoreError};
use crate::gateway::policy::Origin;
use crate::gateway::upstream::Upstream;
use crate::mask::masked::Permissions;
use crate::model::digest::Digest;
use crate::model::form::{FormPlan, FormValue};
use crate::model::ids::{PersonId, RunId};
use crate::model::private::Private;
use crate::model::time::Instant;
use crate::portal::LocalFile;
use crate::portal::webdriver::Credentials;
use crate::seal::sealer::Sealer;
use crate::selectors::plan::PlanError;
use crate::selectors::read::SelectorMap;
use crate::selectors::schema::Field;
use crate::sources::SourceError;
use crate::sources::attachments::FoundFile;
use crate::sources::record_file::ReadRecord;

/// What a run is asked to do.
#[derive(Clone)]
pub struct Order {
    /// Whether it begins afresh.
    pub begin: Begin,
    /// The change record's file, for messages and attachments.
    pub record: PathBuf,
    /// The selector map.
    pub map: Arc<SelectorMap>,
    /// Base URL in effect.
    pub base: url::Url,
    /// Who runs the agent.
    pub operator: PersonId,
    /// What the organisation demands.
    pub policy: Policy,
    /// Evidence root.
    pub evidence: PathBuf,
    /// What all evidence of a run may have together, in bytes.
    pub evidence_limit: u64,
    /// What is shared with other hosts; the evidence root itself by default.
    pub shared: SharedStore,
    pub browser: BrowserOrder,
    /// Certificate authorities for the portal.
    pub portal_ca: Option<PathBuf>,
    /// What stands in the portal's place, where something does: a recording, or something that records.
    pub upstream: Option<Arc<dyn Upstream>>,
    /// What is left to chance.
    pub chance: RandomSource,
    /// Name and password for the portal.
    pub credentials: Credentials,
    /// Whether to stop at a verified draft.
    pub draft_only: bool,
    /// Whether a run that halts leaves its live browser to a person.
    pub hand_over: bool,
    /// A program and its arguments that are told when the run needs somebody.
    pub notify: Option<Vec<String>>,
    /// What the evidence is sealed with, where anything is.
    pub sealer: Option<Arc<Sealer>>,
}

/// Where the run's name and the key for hidden values come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RandomSource {
    /// Drawn anew: no two runs have the same.
    Drawn,
    /// Given, so that a run can be told again to the byte.
    Given([u8; 32]),
}

impl RandomSource {
    /// A fresh run's name: its start, and some digits of chance.
    pub fn run(self, now: Instant) -> RunId {
        let stamp = now.timestamp().strftime("%Y%m%dT%H%M%SZ");
        let number = match self {
            Self::Drawn => rand::random::<u32>(),
            Self::Given([a, b, c, ..]) => u32::from_be_bytes([0, a, b, c]),
        };
        let text = format!("{stamp}-{:06x}", number & 0x00ff_ffff);
        // Digits, letters and a dash: always an identifier.
        RunId::parse(&text).unwrap_or_else(|_| unreachable!("{text} is a run id"))
    }

    /// The key for hidden values.
    pub fn key(self) -> [u8; 32] {
        match self {
            Self::Drawn => rand::random(),
            Self::Given(key) => key,
        }
    }
}

/// How a run begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    Afresh,
    /// Where an earlier run stopped.
    Resume(Continue),
    /// Only to settle whether an earlier run submitted.
    Resolve(Continue, Said),
}

/// Which run is continued, and on whose word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continue {
    /// The earlier run.
    pub run: RunId,
    /// Who says so.
    pub by: PersonId,
    /// Why.
    pub reason: String,
    /// Name of another host whose process, that person vouches, is gone.
    pub from_host: Option<String>,
}

impl Begin {
    /// What an earlier run is continued by, if one is.
    pub fn continues(&self) -> Option<&Continue> {
        match self {
            Self::Afresh => None,
            Self::Resume(order) | Self::Resolve(order, _) => Some(order),
        }
    }

    /// What a person says of an in-doubt run.
    pub fn said(&self) -> Option<&Said> {
        match self {
            Self::Afresh | Self::Resume(_) => None,
            Self::Resolve(_, said) => Some(said),
        }
    }
}

impl Order {
    /// What a browser session is opened for.
    pub fn target(&self) -> Target<'_> {
        Target {
            browser: &self.browser,
            map: &self.map,
            base: &self.base,
            portal_ca: self.portal_ca.as_deref(),
            upstream: self.upstream.as_ref(),
        }
    }

    /// Origin of the portal.
    pub fn portal(&self) -> String {
        self.base.origin().ascii_serialization()
    }
}

/// Why nothing was begun.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A mistake in a file.
    #[error("{0}")]
    File(#[from] Diagnostic),
    /// The sources gave no facts.
    #[error("{0}")]
    Sources(#[from] SourceError),
    /// Map and record do not fit.
    #[error("error: {0}\n  = help: correct the selector map, or the record's `details`")]
    Plan(#[from] PlanError),
    /// The base URL is none of the map's.
    #[error(
        "error: base URL {0} is outside the selector map's origins\n  = help: add it to `origins` of the map if the map fits that portal"
    )]
    Origin(url::Url),
    /// A private folder cannot be made.
    #[error(
        "error: cannot make a private folder for the run: {0}\n  = help: set TMPDIR to a folder with room for the attachments"
    )]
    Folder(std::io::Error),
    /// What is shared with other hosts cannot be had.
    #[error("error: {0}\n  = help: see `evidence` and `evidence_store` in the settings")]
    Store(#[from] StoreError),
    /// The earlier run's journal cannot be had.
    #[error(
        "error: {0}\n  = help: `portal-agent takeover` lists the runs that wait for somebody; a journal that cannot be believed is for an auditor"
    )]
    Journal(#[from] ReadError),
    /// The run cannot be continued in this way.
    #[error("error: run {run} {why}\n  = help: {help}")]
    NotContinuable {
        run: RunId,
        /// Why not.
        why: String,
        /// What to do.
        help: String,
    },
}

/// Whether `base` is one of the origins that the map declares.
pub(crate) fn check_origin(map: &SelectorMap, base: &url::Url) -> Result<(), InputError> {
    let declared = std::iter::once(&map.file.base_url).chain(&map.file.origins);
    let inside =
        declared.into_iter().any(|known| Origin::of(known.get_ref()).is_some_and(|o| Origin::of(base) == Some(o)));
    if inside { Ok(()) } else { Err(InputError::Origin(base.clone())) }
}

/// Fields whose values the map lets be seen: those that say so everywhere they are declared.
pub fn permissions(map: &SelectorMap) -> Permissions {
    let file = &map.file;
    let forms = file.tabs.iter().flat_map(|tab| &tab.fields);
    let pages = [&file.review, &file.recheck, &file.confirmation.submitted];
    let declared: Vec<&Field> = forms.chain(pages.into_iter().flat_map(|page| &page.fields)).collect();
    let shown = |field: &&&Field| {
        declared.iter().filter(|other| other.id.get_ref() == field.id.get_ref()).all(|other| other.show)
    };
    Permissions {
        fields: declared.iter().filter(shown).map(|field| field.id.get_ref().clone()).collect(),
        wording: file.show.wording,
        messages: file.show.messages,
    }
}

/// Shortest hidden value that is searched for in every document: shorter ones occur by chance.
const SHORTEST_CANARY: usize = 12;

/// Texts that no document may hold: the password, and hidden values long enough not to occur by chance.
///
/// A text that also occurs where nothing is hidden (an account, an identifier, a path) is no canary: every document would
/// hold it.
pub fn canaries(
    plan: &FormPlan,
    permissions: &Permissions,
    credentials: &Credentials,
    public: &str,
) -> Vec<Private<String>> {
    let fields = || plan.tabs.iter().flat_map(|tab| &tab.fields);
    let shown: Vec<String> = fields()
        .filter(|field| permissions.fields.contains(&field.id))
        .map(|field| field.value.expose().as_text())
        .collect();
    let hidden = fields().filter(|field| !permissions.fields.contains(&field.id)).filter_map(|field| {
        let FormValue::Text(text) = field.value.expose() else { return None };
        let long = text.chars().count() >= SHORTEST_CANARY;
        (long && !shown.iter().any(|shown| shown.contains(text))).then(|| text.clone())
    });
    let password = credentials.password.expose_secret().to_owned();
    hidden.chain([password]).filter(|text| !public.contains(text.as_str())).map(Private::new).collect()
}

/// Everything that the documents of a run state openly.
pub(crate) fn public_texts(order: &Order, record: &ReadRecord) -> String {
    let record = &record.record;
    let exception = &record.exception;
    let named = serde_json::json!([exception.service, exception.window, exception.excepts, exception.attachments]);
    let open = serde_json::json!([record.manifest, record.approvals, record.ownership, named]);
    format!(
        "{open} {} {} {} {} {} {}",
        record.exception.change_id,
        order.operator,
        order.credentials.user,
        order.base,
        order.evidence.display(),
        order.record.display()
    )
}

/// Digests of attachments as found.
pub fn states(found: &[FoundFile]) -> Vec<FileState> {
    found.iter().map(|file| FileState { role: file.role.clone(), sha256: file.sha256, size: file.size }).collect()
}

/// Attachments as the plan wants them uploaded, with their private copies.
pub(crate) fn local_files(plan: &FormPlan, found: &[FoundFile]) -> Vec<LocalFile> {
    plan.files()
        .filter_map(|planned| {
            let file = found.iter().find(|file| file.role == planned.role)?;
            Some(LocalFile { planned: planned.clone(), path: file.copy.clone()? })
        })
        .collect()
}

/// Versions and digests of what judges.
pub(crate) fn versions(order: &Order, record: &ReadRecord) -> Versions {
    let Policy { approvals, freeze } = &order.policy;
    let policy = serde_json::json!({
        "approval_roles": approvals.required_roles,
        "approval_max_age_s": approvals.max_age_s,
        "signatures": approvals.signatures,
        "freeze": freeze,
    });
    let policy = serde_json_canonicalizer::to_vec(&policy).unwrap_or_default();
    Versions {
        agent: env!("CARGO_PKG_VERSION"),
        browser: Some(order.browser.kind),
        map: order.map.digest,
        map_name: order.map.file.name.clone(),
        policy: Digest::of(&policy),
        packet: record.packet,
        record: record.file,
        portal: order.portal(),
    }
}
