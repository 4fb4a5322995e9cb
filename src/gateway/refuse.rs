//! What the browser gets for a request that does not pass.

use bytes::Bytes;
use http::header::HeaderMap;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;

use super::policy::Origin;
use super::proxy::{Answer, Rules};
use super::upstream::Passing;
use crate::model::portal_facts::{Refusal, Refused};

pub(super) fn refuse(rules: &Rules, why: Refusal, request: &Request<Incoming>, origin: Option<&Origin>) -> Answer {
    refusal(rules, why, request.method(), request.uri(), request.headers(), origin)
}

pub(super) fn refuse_parts(
    rules: &Rules,
    why: Refusal,
    head: &http::request::Parts,
    origin: Option<&Origin>,
) -> Answer {
    refusal(rules, why, &head.method, &head.uri, &head.headers, origin)
}

/// Whether a page is asked for, not something for a script.
pub fn navigates(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match text("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => text("accept").is_some_and(|accept| accept.starts_with("text/html")),
    }
}

/// Whether no page can read the answer to a request: the browser alone writes these headers.
pub(super) fn is_beacon(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let destination = text("sec-fetch-dest");
    destination == "report" || (text("sec-fetch-mode") == "no-cors" && destination == "empty")
}

/// A navigation gets 204, which leaves the page as it is; a script gets 409, which no script takes for success.
fn refusal(
    rules: &Rules,
    why: Refusal,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    origin: Option<&Origin>,
) -> Answer {
    let origin = match origin {
        Some(origin) => format!("{}://{}:{}", origin.scheme, origin.host, origin.port),
        None => shape_of_origin(rules, uri),
    };
    let method = Refused::shape_of_method(method.as_str());
    rules.control.refuse(Refused { why, method, origin, path: Refused::shape_of(uri.path()) });
    let status = match why {
        Refusal::Commit
        | Refusal::Undeclared
        | Refusal::Beacon
        | Refusal::OverrideHeader
        | Refusal::MethodOverride
        | Refusal::Unreadable
        | Refusal::Download => StatusCode::CONFLICT,
        Refusal::ForeignOrigin | Refusal::Upgrade | Refusal::Tunnel | Refusal::Host | Refusal::Framing => {
            StatusCode::FORBIDDEN
        }
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
    };
    if navigates(headers) && status != StatusCode::FORBIDDEN {
        let mut response = Response::new(empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return response;
    }
    plain(status, "refused by portal-agent")
}

/// A foreign origin: its host and port as they are only where the map names that host.
fn shape_of_origin(rules: &Rules, uri: &Uri) -> String {
    let Some(authority) = uri.authority() else { return String::new() };
    let scheme = match uri.scheme_str() {
        Some("http") => "http://",
        Some(_) | None => "https://",
    };
    let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
    if !rules.names_host(&host) {
        return format!("{scheme}{}", Refused::shape_of_host(&host));
    }
    let port = authority.port_u16().map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}{host}{port}")
}

pub(super) fn plain(status: StatusCode, text: &'static str) -> Answer {
    let mut response = Response::new(full(text));
    *response.status_mut() = status;
    response
}

pub(super) fn full(text: impl Into<Bytes>) -> Passing {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

pub(super) fn empty() -> Passing {
    full(Bytes::new())
}
