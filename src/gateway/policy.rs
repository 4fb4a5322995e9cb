//! What may pass: origins, declared unsafe requests, and which request commits.

use std::collections::BTreeSet;

use crate::selectors::overrides::is_override;
use crate::selectors::read::SelectorMap;
use crate::selectors::requests::RequestPattern;
use crate::selectors::schema::Beacons;

/// Scheme, host and port, as browsers compare origins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// `http` or `https`.
    pub scheme: String,
    /// Host in lower case, without brackets.
    pub host: String,
    /// Port, the scheme's own where none is written.
    pub port: u16,
}

impl Origin {
    /// The origin of a URL; none for schemes other than `http` and `https`.
    pub fn of(url: &url::Url) -> Option<Self> {
        if !matches!(url.scheme(), "http" | "https") {
            return None;
        }
        let host = url.host_str()?.trim_matches(['[', ']']).to_ascii_lowercase();
        Some(Self { scheme: url.scheme().to_owned(), host, port: url.port_or_known_default()? })
    }
}

/// The rules of one run, from the selector map and the effective base URL.
#[derive(Debug, Clone)]
pub struct GatewayPolicy {
    /// The portal's own origin: the only one at which anything may be changed.
    pub base: Origin,
    /// Origins that may be read from.
    pub origins: BTreeSet<Origin>,
    /// Declared unsafe requests.
    pub requests: Vec<RequestPattern>,
    /// The request that commits.
    pub commit: RequestPattern,
    /// Path of the sign-in page.
    pub sign_in: String,
    /// What an undeclared request means whose answer no page can read.
    pub beacons: Beacons,
}

/// What a request is, as far as method and path tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByPath {
    /// Cannot change anything: GET, HEAD, OPTIONS.
    Safe,
    /// Declared, if query and body agree.
    PerhapsDeclared,
    /// The commit; its body is read before anything else.
    PerhapsCommit,
    /// Unsafe and undeclared.
    Undeclared,
}

/// What a request is, once its body is known too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByBody {
    Declared {
        /// Whether it only asks, as the map says.
        reads: bool,
    },
    Commit,
    Undeclared,
    /// It asks to be taken for another method, which the map does not declare for it.
    Override,
}

impl GatewayPolicy {
    /// The rules that `map` declares, at `base`.
    ///
    /// None when `base` is no address of a web server.
    pub fn new(map: &SelectorMap, base: &url::Url) -> Option<Self> {
        let further = map.file.origins.iter().filter_map(|url| Origin::of(url.get_ref()));
        let base = Origin::of(base)?;
        Some(Self {
            origins: further.chain([base.clone()]).collect(),
            base,
            requests: map.requests.clone(),
            commit: map.commit.clone(),
            sign_in: map.file.login.path.clone(),
            beacons: map.file.page.beacons,
        })
    }

    /// Judges by method and path. HTTP methods are case-sensitive, and so is this.
    pub(crate) fn by_path(&self, method: &str, path: &str) -> ByPath {
        if matches!(method, "GET" | "HEAD" | "OPTIONS") {
            return ByPath::Safe;
        }
        // Under any method: a body or a query can ask a server for another one.
        if self.commit.match_segments(path).is_some() {
            return ByPath::PerhapsCommit;
        }
        let declared = self.requests.iter().any(|known| known.match_path(method, path).is_some());
        if declared { ByPath::PerhapsDeclared } else { ByPath::Undeclared }
    }

    /// Whether method and path alone say that a request is the commit.
    pub(crate) fn commits_by_path(&self, method: &str, path: &str) -> bool {
        self.commit.body.is_empty() && self.commit.match_path(method, path).is_some()
    }

    /// Judges by query and body too, their parameters given: servers read either first.
    pub(crate) fn by_body(&self, method: &str, path: &str, parameters: &[(String, String)]) -> ByBody {
        let meant = |known: &RequestPattern| known.match_path(method, path).is_some() && known.match_body(parameters);
        if meant(&self.commit) {
            return ByBody::Commit;
        }
        if let Some(known) = self.requests.iter().find(|known| meant(known)) {
            return ByBody::Declared { reads: known.reads };
        }
        if parameters.iter().any(|(name, _)| is_override(name)) { ByBody::Override } else { ByBody::Undeclared }
    }

    /// Judges a body that cannot be taken apart: at the commit's own address it may be the commit.
    pub(crate) fn by_unread_body(&self, method: &str, path: &str, query: &[(String, String)]) -> ByBody {
        if self.commit.match_path(method, path).is_some() {
            return ByBody::Commit;
        }
        self.by_body(method, path, query)
    }
}
