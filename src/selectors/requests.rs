//! Which unsafe requests the portal may make, and which one of them is the commit.
//!
//! Matching is on method, path segments and, where one URL serves several purposes, on properties of the body. Two
//! declarations that could match one request are refused when the map is read.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::overrides::{METHOD, is_override};

/// One part of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Any(String),
}

/// A declared request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPattern {
    /// What it is for.
    pub id: String,
    /// Its method, in capitals.
    pub method: String,
    /// The method that the server takes it for: its own, or the one that its `_method` names.
    taken_for: String,
    segments: Vec<Segment>,
    /// Properties of the body that must have these values.
    pub body: BTreeMap<String, String>,
    /// Whether it only asks, and changes nothing.
    pub reads: bool,
}

/// Why a declaration is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// GET, HEAD and OPTIONS need no declaration and can commit nothing.
    #[error("{0:?} is not an unsafe method; declare POST, PUT, PATCH or DELETE")]
    Method(String),
    /// An override that names no method that changes something, or in a request that is no POST.
    #[error("`_method` names PUT, PATCH or DELETE, and only in a POST")]
    Override,
    /// Not a path.
    #[error("a path starts with '/' and holds neither '?' nor '#'")]
    Path,
}

/// One decoding of one segment, so that an escaped spelling of a literal cannot slip past its pattern.
fn decode(segment: &str) -> Option<String> {
    percent_decode_str(segment).decode_utf8().ok().map(Cow::into_owned)
}

/// Whether a decoded segment is one segment to every reader: a server that decodes before it routes, one that takes `;` or a
/// backslash for a separator, one that resolves dots, and one that decodes twice.
fn plain(segment: &str) -> bool {
    let separates = |c: char| c.is_control() || matches!(c, '/' | '\\' | ';' | '&' | '%' | '?' | '#');
    !segment.is_empty() && segment != "." && segment != ".." && !segment.contains(separates)
}

impl RequestPattern {
    /// Reads a declaration.
    ///
    /// # Errors
    ///
    /// [`PatternError`].
    pub fn parse(id: &str, method: &str, path: &str, body: &BTreeMap<String, String>) -> Result<Self, PatternError> {
        if !matches!(method, "POST" | "PUT" | "PATCH" | "DELETE") {
            return Err(PatternError::Method(method.to_owned()));
        }
        let named = body.get(METHOD).map(|named| named.to_ascii_uppercase());
        if let Some(named) = &named
            && !(method == "POST" && matches!(named.as_str(), "PUT" | "PATCH" | "DELETE"))
        {
            return Err(PatternError::Override);
        }
        let rest = path.strip_prefix('/').filter(|rest| !rest.contains(['?', '#'])).ok_or(PatternError::Path)?;
        let segments = rest
            .split('/')
            .map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => Segment::Any(name.to_owned()),
                None => Segment::Literal(part.to_owned()),
            })
            .collect();
        let taken_for = named.unwrap_or_else(|| method.to_owned());
        Ok(Self { id: id.to_owned(), method: method.to_owned(), taken_for, segments, body: body.clone(), reads: false })
    }

    /// Whether method and path match, with the values of the named segments. The body is not looked at.
    pub(crate) fn match_path(&self, method: &str, path: &str) -> Option<Vec<(String, String)>> {
        if method != self.method {
            return None;
        }
        self.match_segments(path)
    }

    /// Whether the path matches, under whatever method.
    pub(crate) fn match_segments(&self, path: &str) -> Option<Vec<(String, String)>> {
        let parts: Vec<String> = path.strip_prefix('/')?.split('/').map(decode).collect::<Option<_>>()?;
        if parts.len() != self.segments.len() {
            return None;
        }
        let mut named = Vec::new();
        for (segment, part) in self.segments.iter().zip(parts) {
            match segment {
                Segment::Literal(literal) if *literal == part => {}
                Segment::Literal(_) => return None,
                Segment::Any(name) if plain(&part) => named.push((name.clone(), part)),
                Segment::Any(_) => return None,
            }
        }
        Some(named)
    }

    /// Whether the body's properties tell that this pattern is meant. An override that it does not declare tells otherwise.
    pub(crate) fn match_body(&self, parameters: &[(String, String)]) -> bool {
        let declared = |name: &str| !is_override(name) || (name == METHOD && self.body.contains_key(METHOD));
        parameters.iter().all(|(name, _)| declared(name))
            && self.body.iter().all(|(name, value)| {
                parameters.iter().any(|(given, _)| given == name)
                    && parameters.iter().filter(|(given, _)| given == name).all(|(_, carried)| carried == value)
            })
    }

    /// Whether some request could match both.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let same_path = self.taken_for == other.taken_for
            && self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(|pair| match pair {
                (Segment::Literal(a), Segment::Literal(b)) => a == b,
                (Segment::Any(_), _) | (_, Segment::Any(_)) => true,
            });
        let told_apart =
            self.body.iter().any(|(name, value)| other.body.get(name).is_some_and(|theirs| theirs != value));
        same_path && !told_apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(method: &str, path: &str, body: &[(&str, &str)]) -> RequestPattern {
        let body = body.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        RequestPattern::parse("x", method, path, &body).unwrap()
    }

    #[test]
    fn an_escaped_spelling_of_a_path_is_the_same_path() {
        let commit = pattern("POST", "/exceptions/{draft}/submit", &[]);
        assert!(commit.match_path("POST", "/exceptions/D1/submit").is_some());
        assert!(commit.match_path("POST", "/exceptions/D1/%73ubmit").is_some());
        assert!(commit.match_path("PUT", "/exceptions/D1/submit").is_none());
        assert!(commit.match_path("POST", "/exceptions/D1/D2/submit").is_none());
    }

    #[test]
    fn a_place_takes_one_segment_and_nothing_that_a_server_could_read_as_two() {
        let update = pattern("POST", "/api/{draft}", &[]);
        assert!(update.match_path("POST", "/api/DRF-000012").is_some());
        for hidden in
            ["D1%2Fsubmit", "D1%5Csubmit", "..%2Fsubmit", "D1;submit", "D1&x", "%2e%2e", "D1%252Fsubmit", "", "a%00"]
        {
            assert!(update.match_path("POST", &format!("/api/{hidden}")).is_none(), "{hidden} was taken");
        }
    }

    #[test]
    fn patterns_that_could_match_one_request_overlap_unless_the_body_tells_them_apart() {
        let any = pattern("POST", "/a/{x}", &[]);
        assert!(any.overlaps(&pattern("POST", "/a/b", &[])));
        assert!(!any.overlaps(&pattern("PUT", "/a/b", &[])));
        let save = pattern("POST", "/graphql", &[("operationName", "Save")]);
        assert!(!save.overlaps(&pattern("POST", "/graphql", &[("operationName", "Submit")])));
        assert!(save.overlaps(&pattern("POST", "/graphql", &[])));
    }

    #[test]
    fn a_request_counts_as_the_method_that_its_map_declares_for_it() {
        let patch = pattern("POST", "/a/{x}", &[("_method", "patch")]);
        assert!(patch.overlaps(&pattern("PATCH", "/a/b", &[])));
        assert!(!patch.overlaps(&pattern("POST", "/a/b", &[])));
        assert!(!patch.overlaps(&pattern("POST", "/a/b", &[("_method", "put")])));
        let carried = |name: &str, value: &str| [(name.to_owned(), value.to_owned())];
        assert!(patch.match_body(&carried("_method", "patch")));
        assert!(!patch.match_body(&carried("_method", "delete")));
        assert!(!patch.match_body(&carried("_METHOD", "patch")));
        assert!(!patch.match_body(&[]));
        assert!(!pattern("POST", "/a", &[]).match_body(&carried("_method", "patch")));
        for (method, named) in [("POST", "get"), ("POST", "post"), ("PUT", "patch")] {
            let body = [("_method".to_owned(), named.to_owned())].into();
            assert_eq!(RequestPattern::parse("x", method, "/a", &body), Err(PatternError::Override));
        }
    }

    #[test]
    fn a_doubled_discriminator_does_not_match() {
        let save = pattern("POST", "/graphql", &[("operationName", "Save")]);
        let twice =
            [("operationName".to_owned(), "Save".to_owned()), ("operationName".to_owned(), "Submit".to_owned())];
        assert!(save.match_body(&twice[..1]));
        assert!(!save.match_body(&twice));
    }

    #[test]
    fn a_safe_method_cannot_be_declared() {
        assert!(RequestPattern::parse("x", "GET", "/a", &BTreeMap::new()).is_err());
        assert!(RequestPattern::parse("x", "POST", "/a?b=c", &BTreeMap::new()).is_err());
    }
}
