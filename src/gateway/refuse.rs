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
        None => uri.authority().map_or_else(String::new, ToString::to_string),
    };
    rules.control.refuse(Refused { why, method: method.to_string(), origin, path: Refused::shape_of(uri.path()) });
    if navigates(headers)
        && matches!(why, Refusal::Commit | Refusal::Undeclared | Refusal::MethodOverride | Refusal::TooLarge)
    {
        let mut response = Response::new(empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        return response;
    }
    let status = match why {
        Refusal::Commit | Refusal::Undeclared | Refusal::MethodOverride => StatusCode::CONFLICT,
        Refusal::ForeignOrigin | Refusal::Upgrade | Refusal::Tunnel => StatusCode::FORBIDDEN,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
    };
    plain(status, "refused by portal-agent")
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
