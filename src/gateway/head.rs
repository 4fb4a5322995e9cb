//! What a request says before its body: to whom, how long, and whether it asks to be taken for another one.

use http::HeaderMap;
use http::header::{self, HeaderName};
use http::request::Parts;

use super::policy::Origin;
use crate::model::portal_facts::Refusal;

/// Headers that concern one connection alone (RFC 9110, section 7.6.1), and those that only an agreement between two hosts means.
const HOP_BY_HOP: [&str; 9] = [
    "alt-svc",
    "connection",
    "http2-settings",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "upgrade",
];

/// Headers by which a server lets a request name another method.
const OTHER_METHOD: [&str; 3] = ["x-http-method", "x-http-method-override", "x-method-override"];

/// Beginnings of headers by which a server behind a proxy lets a request name another address.
const OTHER_ADDRESS: [&str; 6] = ["forwarded", "x-forwarded-", "x-host", "x-original-", "x-override-", "x-rewrite-"];

/// Headers that say where a request ends and to whom it goes, and a few that change how it is read.
const FRAMING: [&str; 5] = ["connection", "content-length", "expect", "host", "transfer-encoding"];

/// How a server may read a header's name that hands it on to programs: CGI knows no difference between `-` and `_`.
fn as_read(name: &HeaderName) -> String {
    name.as_str().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// Why a request for `origin` cannot pass, whatever the map says; nothing when its head is plain.
pub fn fault(head: &Parts, origin: &Origin, safe: bool, carries: bool) -> Option<Refusal> {
    if !goes_to(head, origin) {
        return Some(Refusal::Host);
    }
    if head.headers.contains_key(header::UPGRADE) {
        return Some(Refusal::Upgrade);
    }
    for name in head.headers.keys() {
        let read = as_read(name);
        if OTHER_METHOD.contains(&read.as_str()) {
            return Some(Refusal::OverrideHeader);
        }
        if OTHER_ADDRESS.iter().any(|beginning| read.starts_with(beginning)) {
            return Some(Refusal::OverrideHeader);
        }
        if FRAMING.contains(&read.as_str()) && read != name.as_str() {
            return Some(Refusal::Framing);
        }
    }
    // A portal that leaves such a body unread would take it for the next request.
    (safe && carries).then_some(Refusal::Framing)
}

/// Whether head names a body: a length other than nought, or any other framing.
pub fn carries(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    headers.contains_key(header::TRANSFER_ENCODING) || lengths.any(|length| length.as_bytes() != b"0")
}

/// Whether there is one `Host`, and it is the address.
fn goes_to(head: &Parts, origin: &Origin) -> bool {
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else { return false };
    let named = format!("{}://{host}", origin.scheme).parse().ok();
    named
        .filter(|url: &url::Url| url.path() == "/" && url.query().is_none() && url.fragment().is_none())
        .filter(|url| url.username().is_empty() && url.password().is_none())
        .and_then(|url| Origin::of(&url))
        .as_ref()
        == Some(origin)
}

/// Takes out what concerns one connection alone, also what `Connection` names.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in named {
        headers.remove(name);
    }
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Takes out what says where a request ends: the gateway says it anew.
pub(crate) fn unframe(headers: &mut HeaderMap) {
    for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::EXPECT] {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn judged(headers: &[(&str, &str)]) -> Option<Refusal> {
        let mut request = Request::builder().uri("http://portal.example.test/x");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let origin = Origin { scheme: "http".into(), host: "portal.example.test".into(), port: 80 };
        let (head, ()) = request.body(()).unwrap().into_parts();
        fault(&head, &origin, true, carries(&head.headers))
    }

    const HOST: (&str, &str) = ("host", "portal.example.test");

    #[test]
    fn a_plain_head_passes() {
        assert_eq!(judged(&[HOST, ("content-length", "0"), ("x-requested-with", "fetch")]), None);
        assert_eq!(judged(&[("host", "Portal.Example.Test:80")]), None);
    }

    #[test]
    fn a_request_goes_to_the_host_that_it_names_and_names_one() {
        for hosts in [
            &[][..],
            &[HOST, HOST],
            &[("host", "other.example.test")],
            &[("host", "portal.example.test:81")],
            &[("host", "portal.example.test/x")],
            &[("host", "a@portal.example.test")],
            &[("host", "")],
        ] {
            assert_eq!(judged(hosts), Some(Refusal::Host), "{hosts:?}");
        }
    }

    #[test]
    fn a_header_that_names_another_request_is_refused_however_it_is_spelt() {
        for name in [
            "X-HTTP-Method-Override",
            "X_HTTP_Method_Override",
            "x-http-method",
            "X-Original-URL",
            "X_Rewrite_URL",
            "X-Forwarded-Host",
            "Forwarded",
        ] {
            assert_eq!(judged(&[HOST, (name, "x")]), Some(Refusal::OverrideHeader), "{name}");
        }
    }

    #[test]
    fn what_a_server_could_take_for_framing_is_refused() {
        for header in [
            ("content-length", "1"),
            ("content-length", "00"),
            ("transfer-encoding", "chunked"),
            ("content_length", "0"),
            ("transfer.encoding", "chunked"),
        ] {
            assert_eq!(judged(&[HOST, header]), Some(Refusal::Framing), "{header:?}");
        }
    }

    #[test]
    fn what_concerns_one_connection_goes_with_it() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("connection", "close, x-own"), ("x-own", "1"), ("te", "trailers"), ("x-kept", "1")] {
            headers.insert(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        strip(&mut headers);
        assert_eq!(headers.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-kept"]);
    }
}
