//! What else a portal tells: its list of exceptions, and the commit request the browser made.

use super::digest::Digest;
use super::ids::DraftReference;
use super::private::{Exposure, Fact, Private};
use super::time::Instant;

/// State of an exception in the portal's list, by the selector map's table of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListedState {
    Draft,
    /// Submitted, or further along.
    Submitted,
    /// Closed, withdrawn or rejected: no obstacle.
    Closed,
    /// A word that the map does not list.
    Unknown,
}

/// When an exception was created, as far as the list tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// Then.
    At(Instant),
    /// The list has no such column.
    NotListed,
    /// The list has one, and it cannot be read.
    Unreadable,
}

/// One row of the portal's list of exceptions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedException {
    /// Number or draft reference, as listed.
    pub number: String,
    /// Change id, as listed.
    pub change_id: String,
    pub state: ListedState,
    /// When it was created or submitted.
    pub created: Created,
    /// Whether number and change id are of the forms that the map and the record know, so that they can be shown.
    pub recognised: bool,
    /// Whether the list says that it is for another service.
    pub other_service: bool,
}

/// A request that could finalise a submission, as the gateway holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitContent {
    /// Parameters of path, query and body, in that order.
    pub parameters: Vec<(String, Private<String>)>,
    /// Digest over method, URL, content type and body.
    pub digest: Digest,
}

/// What a look-up after the release found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUp {
    /// Rows for this change.
    pub rows: Vec<ListedException>,
}

impl ListedException {
    /// A text about this row, shown only if everything in it is of a known form.
    pub(crate) fn fact(&self, text: impl Into<String>) -> Fact {
        Fact::new(text, if self.recognised { Exposure::Public } else { Exposure::Hidden })
    }
}

impl LookedUp {
    /// Rows that are submitted or further along.
    pub fn submitted(&self) -> impl Iterator<Item = &ListedException> {
        self.rows.iter().filter(|row| row.state == ListedState::Submitted)
    }

    /// The draft of this reference, if it is listed as one.
    pub fn draft(&self, reference: &DraftReference) -> Option<&ListedException> {
        self.rows.iter().find(|row| row.state == ListedState::Draft && row.number == reference.as_str())
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// An origin outside the map: the browser's own traffic, or a link of the page.
    ForeignOrigin,
    /// A page of the portal tried to change something elsewhere, or something undeclared.
    Undeclared,
    /// Something undeclared whose answer no page can read: a beacon, a ping, a report.
    Beacon,
    /// A commit at the wrong time.
    Commit,
    /// WebSocket or another upgrade.
    Upgrade,
    /// A tunnel that is not TLS.
    Tunnel,
    /// No `Host`, a second one, or one that is not the address.
    Host,
    /// A reading that carries a body, or a header that a server could take for the end of the request: the beginning of a second
    /// one.
    Framing,
    /// A header that asks for another method or address than the request's own.
    OverrideHeader,
    /// A parameter that asks for another method, and that the map does not declare.
    MethodOverride,
    /// A body that is not what its content type says, or that two servers could read differently.
    Unreadable,
    /// A page that is a file to be stored: the agent needs none.
    Download,
    /// A body with more bytes or parameters than can be judged.
    TooLarge,
}

/// A refused request, without anything it carried: a page can put data into every part of one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Refused {
    pub why: Refusal,
    /// Its method, where it is one that HTTP defines.
    pub method: &'static str,
    /// Its origin; of hosts that the map does not name, the shape alone.
    pub origin: String,
    /// Shape of its path: what looks like data is replaced by a place, so that it can be shown and pasted into a map.
    pub path: String,
}

/// Methods that HTTP defines (RFC 9110, RFC 5789).
const METHODS: [&str; 9] = ["CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"];

/// Segments of a path that are shown.
const SEGMENTS: usize = 12;

impl Refused {
    /// A method of HTTP as it is, any other as `(custom)`.
    pub(crate) fn shape_of_method(method: &str) -> &'static str {
        METHODS.into_iter().find(|known| *known == method).unwrap_or("(custom)")
    }

    /// The shape of a host: how many labels it has.
    pub(crate) fn shape_of_host(host: &str) -> String {
        if host.contains(':') || host.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return "{address}".to_owned();
        }
        let labels = host.split('.').take(SEGMENTS).enumerate();
        labels.map(|(count, _)| format!("{{{}}}", count + 1)).collect::<Vec<_>>().join(".")
    }

    /// What stands for all further ones, where there are too many different ones to keep.
    pub fn further(why: Refusal) -> Self {
        Self { why, method: "(any)", origin: "(further ones)".to_owned(), path: String::new() }
    }

    /// The shape of `path`: segments that are words stay, all others become `{1}`, `{2}` and so on.
    pub(crate) fn shape_of(path: &str) -> String {
        let word = |segment: &str| {
            segment.len() <= 24 && segment.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '-' | '_'))
        };
        let mut places = 0;
        path.split('/')
            .take(SEGMENTS + 1)
            .map(|segment| {
                if word(segment) {
                    return segment.to_owned();
                }
                places += 1;
                format!("{{{places}}}")
            })
            .collect::<Vec<_>>()
            .join("/")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_of_a_path_holds_no_data() {
        assert_eq!(Refused::shape_of("/api/autosave"), "/api/autosave");
        assert_eq!(Refused::shape_of("/e/DRF-000012/customers/jane.doe/v2"), "/e/{1}/customers/{2}/{3}");
        assert_eq!(Refused::shape_of(&"/a".repeat(99)), "/a".repeat(SEGMENTS));
    }

    #[test]
    fn the_shape_of_a_method_or_a_host_holds_no_data() {
        assert_eq!(Refused::shape_of_method("PATCH"), "PATCH");
        assert_eq!(Refused::shape_of_method("JANE.DOE"), "(custom)");
        assert_eq!(Refused::shape_of_host("jane-doe.example.test"), "{1}.{2}.{3}");
        assert_eq!(Refused::shape_of_host("10.0.0.7"), "{address}");
    }
}
