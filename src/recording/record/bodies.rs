//! What is kept of the bodies of requests and answers, and of what their headers say about them.

use std::borrow::Cow;

use bytes::Bytes;
use encoding_rs::{Encoding, WINDOWS_1252};

use crate::model::digest::Digest;
use crate::recording::scrub::Scrubber;
use crate::recording::traffic::exchange::{Answer, Body, Part};

/// A content type as it is kept: what is text was read as UTF-8, and is written so.
pub(crate) fn known_kind(kind: &str) -> String {
    let kind = essence(Some(kind));
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || b"-+.x2".contains(&byte));
    match kind.split_once('/') {
        Some(("text", _)) => format!("{kind}; charset=utf-8"),
        Some((a, b)) if plain(a) && plain(b) => kind,
        Some(_) | None => "application/octet-stream".to_owned(),
    }
}

/// A content type without its parameters.
pub(crate) fn essence(kind: Option<&str>) -> String {
    kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether a `Cache-Control` holds nothing but what the standard knows.
pub(crate) fn declared_cache(value: &str) -> bool {
    const KNOWN: [&str; 9] = [
        "public",
        "private",
        "no-store",
        "no-cache",
        "must-revalidate",
        "max-age",
        "immutable",
        "proxy-revalidate",
        "s-maxage",
    ];
    value.split(',').all(|part| {
        let (name, number) = part.trim().split_once('=').unwrap_or((part.trim(), "0"));
        KNOWN.contains(&name) && number.len() <= 10 && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

pub(crate) fn body(scrubber: &Scrubber, body: &Body) -> Body {
    match body {
        Body::Empty => Body::Empty,
        Body::Form(pairs) => {
            let one = |(name, value): &(String, String)| (scrubber.name(name), scrubber.value(value));
            Body::Form(pairs.iter().map(one).collect())
        }
        Body::Parts(parts) => {
            Body::Parts(parts.iter().map(|(name, one)| (scrubber.name(name), part(scrubber, one))).collect())
        }
        Body::Json(text) => Body::Json(scrubber.json(text)),
        Body::Opaque(digest) => Body::Opaque(other(scrubber, *digest)),
    }
}

fn part(scrubber: &Scrubber, part: &Part) -> Part {
    match part {
        Part::Text(text) => Part::Text(scrubber.value(text)),
        Part::File { name, size, sha256 } => {
            Part::File { name: scrubber.value(name), size: *size, sha256: other(scrubber, *sha256) }
        }
    }
}

/// The digest that stands for another.
fn other(scrubber: &Scrubber, digest: Digest) -> Digest {
    let text = scrubber.value(&digest.hex());
    Digest::parse_hex(&text).unwrap_or_else(|_| Digest::of(text.as_bytes()))
}

/// A body as text, in the encoding that its content type names; what is not UTF-8 and names none is read as browsers do.
/// Nothing where it is no text in that encoding.
pub(crate) fn text_of(answer: &Answer) -> Option<Cow<'_, str>> {
    if let Ok(text) = std::str::from_utf8(&answer.body) {
        return Some(Cow::Borrowed(text));
    }
    if !is_text(&essence(answer.kind.as_deref())) {
        return None;
    }
    let parameters = answer.kind.as_deref().unwrap_or_default().split(';').skip(1);
    let charset =
        parameters.filter_map(|one| one.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let named = charset.map(|(_, label)| Encoding::for_label(label.trim().trim_matches('"').as_bytes()));
    let encoding = named.unwrap_or(Some(WINDOWS_1252))?;
    encoding.decode_without_bom_handling_and_without_replacement(&answer.body)
}

/// What is kept of the body of an answer.
pub(crate) fn answered(scrubber: &Scrubber, answer: &Answer) -> Bytes {
    let kind = essence(answer.kind.as_deref());
    let read = text_of(answer);
    let Some(text) = read.as_deref() else { return Bytes::new() };
    let scrubbed = match kind.as_str() {
        "text/html" | "application/xhtml+xml" => scrubber.html(text),
        "text/javascript" | "application/javascript" | "application/x-javascript" => scrubber.script(text),
        "text/css" => scrubber.style(text),
        json if json == "application/json" || json.ends_with("+json") => scrubber.json(text),
        plain if plain.starts_with("text/") => scrubber.text(text),
        // Pictures, fonts, downloads: nothing of them is declared.
        _ => return Bytes::new(),
    };
    Bytes::from(scrubbed)
}

/// Whether its bytes are a text in some encoding.
fn is_text(kind: &str) -> bool {
    let application = kind.strip_prefix("application/").unwrap_or_default();
    kind.starts_with("text/")
        || matches!(application, "xhtml+xml" | "javascript" | "x-javascript" | "json")
        || application.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: &str, body: &[u8]) -> Answer {
        let body = Bytes::copy_from_slice(body);
        Answer { status: 200, kind: Some(kind.to_owned()), location: None, cache: None, body }
    }

    #[test]
    fn a_page_is_read_in_the_encoding_that_it_names() {
        let read = |kind: &str, body: &[u8]| text_of(&answer(kind, body)).map(Cow::into_owned);
        assert_eq!(read("text/html", "é".as_bytes()).as_deref(), Some("é"));
        assert_eq!(read("text/html; charset=iso-8859-1", b"caf\xe9").as_deref(), Some("café"));
        assert_eq!(read("text/html;Charset=\"Shift_JIS\"", b"\x93\xfa").as_deref(), Some("日"));
        assert_eq!(read("text/html", b"caf\xe9").as_deref(), Some("café"));
        // Not what it says: nothing is guessed, and a picture is no text.
        assert_eq!(read("text/html; charset=utf-8", b"caf\xe9"), None);
        assert_eq!(read("text/html; charset=unheard-of", b"caf\xe9"), None);
        assert_eq!(read("image/png", b"\x89PNG\xff"), None);
    }

    #[test]
    fn a_page_that_is_not_utf_8_is_scrubbed_and_kept() {
        let scrubber = Scrubber::new(crate::recording::scrub::Permission::default(), [1; 32]).unwrap();
        let kept = answered(&scrubber, &answer("text/html; charset=iso-8859-1", b"<p>caf\xe9 Haverkamp</p>"));
        let kept = std::str::from_utf8(&kept).unwrap();
        assert!(kept.starts_with("<p>") && !kept.contains("Haverkamp"), "{kept}");
    }
}
