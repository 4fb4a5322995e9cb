//! Judges the head of an answer: is it the whole, fresh answer to what was asked? Pure.

use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, RETRY_AFTER, TRANSFER_ENCODING};
use http::{HeaderName, StatusCode};
use jiff::Timestamp;

use super::cached::cached;

/// Which answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// JSON, declared as such.
    Json,
    /// Any text, but no web page: that would be somebody's login form.
    Text,
    /// Any content; its length and digest are checked elsewhere.
    Bytes,
}

/// Why an attempt gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Another attempt may do better, after the wait that the server asked for.
    Again(String, Option<Duration>),
    /// Every attempt would end like this one.
    Final(String),
}

/// What the head of a good answer tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// `X-Total-Count`: rows on all pages.
    pub total: Option<u64>,
    /// Whether `Link` names a next page.
    pub next: bool,
    /// When it was made, by the server's clock.
    pub(super) date: Option<Timestamp>,
    /// Length in bytes, where it is told.
    pub(super) length: Option<u64>,
}

/// An answer that was made more than this many seconds before it was asked for was kept somewhere. As far may the clocks of the
/// machines differ that share one address.
const BACKWARDS_S: i64 = 60;

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn date(headers: &HeaderMap) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text(headers, &DATE)?).ok().map(|zoned| zoned.timestamp())
}

fn asked_wait(headers: &HeaderMap) -> Option<Duration> {
    let asked = text(headers, &RETRY_AFTER)?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    // Against the server's own clock: ours may differ.
    let until = jiff::fmt::rfc2822::parse(asked).ok()?.timestamp();
    let seconds = until.duration_since(date(headers)?).as_secs();
    u64::try_from(seconds).ok().map(Duration::from_secs)
}

fn refused(status: StatusCode) -> String {
    let why = match status.as_u16() {
        401 => "the account or its secret is not accepted; check both, and that the secret has not expired",
        403 => "the account may not read it; grant it read access",
        404 => "there is no such thing, or the account may not see it",
        400 => "the question was not understood; check the names of tables and columns",
        300..=399 => "it redirects elsewhere, which is never followed; write the final address",
        500..=599 => "it failed at answering; ask its administrators",
        _ => "that is no answer to a question",
    };
    format!("status {}: {why}", status.as_u16())
}

/// Judges status and header fields. `asked` is when it was asked for, by the server's clock as the answers before told it.
pub(super) fn judge(
    status: StatusCode,
    headers: &HeaderMap,
    wanted: Wanted,
    asked: Option<Timestamp>,
) -> Result<Head, Failure> {
    match status.as_u16() {
        200 => {}
        429 => return Err(Failure::Again("status 429: too many questions".into(), asked_wait(headers))),
        code @ (502..=504) => {
            return Err(Failure::Again(format!("status {code}: it is not there at the moment"), asked_wait(headers)));
        }
        _ => return Err(Failure::Final(refused(status))),
    }
    let end = |why: &str| Err(Failure::Final(why.to_owned()));
    if let Some(field) = cached(headers) {
        return end(&format!("a cache answered ({field}) and not the source; take the cache out of the way"));
    }
    let date = date(headers);
    if let (Some(date), Some(asked)) = (date, asked)
        && asked.duration_since(date).as_secs() > BACKWARDS_S
    {
        let why = "an answer is older than the one before it and the time since, so a cache gave it";
        return end(&format!("{why}; take the cache out of the way"));
    }
    if text(headers, &CONTENT_ENCODING).is_some_and(|encoding| !encoding.trim().eq_ignore_ascii_case("identity")) {
        return end("the answer is compressed although nobody asked for that");
    }
    let kind = text(headers, &CONTENT_TYPE).unwrap_or("").split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    let page = kind == "text/html" || kind == "application/xhtml+xml";
    match wanted {
        Wanted::Json if page => return end("a web page came instead of JSON, probably a login form"),
        Wanted::Json if kind != "application/json" => return end("the answer is not declared as JSON"),
        Wanted::Text if page => return end("a web page came instead of the file, probably a login form"),
        Wanted::Json | Wanted::Text | Wanted::Bytes => {}
    }
    let length = text(headers, &CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let chunked = text(headers, &TRANSFER_ENCODING).is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"));
    if length.is_none() && !chunked {
        // It would end with its connection, whenever that breaks.
        return end("the answer does not tell where it ends");
    }
    let total = match headers.get("x-total-count") {
        None => None,
        Some(count) => match count.to_str().ok().and_then(|count| count.parse().ok()) {
            Some(count) => Some(count),
            None => return end("X-Total-Count is no number"),
        },
    };
    let next =
        headers.get_all("link").iter().any(|link| String::from_utf8_lossy(link.as_bytes()).contains("rel=\"next\""));
    Ok(Head { total, next, date, length })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(more: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/json;charset=UTF-8".parse().unwrap());
        headers.insert("content-length", "2".parse().unwrap());
        headers.insert("date", "Sat, 21 Nov 2026 02:00:00 GMT".parse().unwrap());
        for (name, value) in more {
            headers.insert(*name, value.parse().unwrap());
        }
        headers
    }

    fn judged(more: &[(&'static str, &str)]) -> Result<Head, Failure> {
        judge(StatusCode::OK, &headers(more), Wanted::Json, None)
    }

    #[test]
    fn an_answer_that_tells_of_a_cache_is_refused() {
        assert!(judged(&[("x-cache", "Hit from cloudfront")]).is_err());
        assert!(judged(&[("x-cache", "Miss from cloudfront")]).is_ok());
    }

    #[test]
    fn an_answer_made_a_minute_before_it_was_asked_for_is_stale() {
        let at = |text: &str| Some(text.parse().unwrap());
        let judged = |asked| judge(StatusCode::OK, &headers(&[]), Wanted::Json, asked);
        assert!(judged(at("2026-11-21T02:01:00Z")).is_ok());
        assert!(judged(at("2026-11-21T02:01:01Z")).is_err());
    }

    #[test]
    fn the_wait_that_is_asked_for_is_read_in_seconds_and_as_a_date() {
        let wait = |value: &str| asked_wait(&headers(&[("retry-after", value)]));
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sat, 21 Nov 2026 02:00:09 GMT"), Some(Duration::from_secs(9)));
        assert_eq!(wait("Sat, 21 Nov 2026 01:00:00 GMT"), None);
        assert_eq!(wait("later"), None);
    }

    #[test]
    fn an_answer_that_only_ends_with_its_connection_is_refused() {
        let mut headers = headers(&[]);
        headers.remove("content-length");
        assert!(judge(StatusCode::OK, &headers, Wanted::Json, None).is_err());
        headers.insert("transfer-encoding", "chunked".parse().unwrap());
        assert!(judge(StatusCode::OK, &headers, Wanted::Json, None).is_ok());
    }

    #[test]
    fn only_what_may_pass_by_itself_is_asked_again() {
        let again = |code: u16| {
            let status = StatusCode::from_u16(code).unwrap();
            matches!(judge(status, &headers(&[]), Wanted::Json, None), Err(Failure::Again(..)))
        };
        for code in [429, 502, 503, 504] {
            assert!(again(code), "{code}");
        }
        for code in [201, 204, 206, 301, 302, 304, 400, 401, 403, 404, 410, 500, 501] {
            assert!(!again(code), "{code}");
        }
    }

    #[test]
    fn a_total_that_is_no_number_is_refused() {
        assert_eq!(judged(&[("x-total-count", "12")]).unwrap().total, Some(12));
        assert!(judged(&[("x-total-count", "-1")]).is_err());
        assert!(judged(&[("content-encoding", "gzip")]).is_err());
        assert!(judged(&[("content-type", "text/html")]).is_err());
    }
}
