//! What a request carries, as parameters: from its query and its body. Counted while they are read, so that no body takes more
//! memory than its limit.

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName};
use tokio::io::AsyncReadExt as _;

use super::intake::TakenIn;
use super::json;
use crate::model::digest::Digest;
use crate::selectors::overrides::{after_semicolon, is_override};

/// Largest body of a form or of JSON, in bytes. Only files in a multipart body make a larger one.
pub(crate) const TEXT_LIMIT: u64 = 24 << 20;

/// Most parameters of one request.
pub(crate) const MOST: usize = 20_000;

/// Most bytes that names and values of one request have together, long values counted by their digests.
pub(crate) const TEXT: usize = 4 << 20;

/// A value of more bytes is told by its length and its digest. No name is longer.
pub const LONG: usize = 64 << 10;

/// Why a body cannot be compared with anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// A content type that is neither form nor JSON.
    #[error("body of type {0:?}; only forms and JSON can be compared")]
    Type(String),
    /// Not what its headers say, or two readers could read it differently.
    #[error("body is not what its content type says")]
    Malformed,
    /// It names another method where some servers look for one and others do not.
    #[error("body names another method")]
    Override,
    /// More than can be compared.
    #[error("body has more than {MOST} parameters, or than {} MiB of them", TEXT >> 20)]
    TooMany,
}

/// Parameters as they are found, within the limits.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    found: Vec<(String, String)>,
    text: usize,
    too_many: bool,
}

impl Parameters {
    /// One more.
    ///
    /// # Errors
    ///
    /// [`ContentError::TooMany`], from then on for good.
    pub fn add(&mut self, name: &str, value: &str) -> Result<(), ContentError> {
        let value = if value.len() > LONG {
            format!("({} bytes, {})", value.len(), Digest::of(value.as_bytes()))
        } else {
            value.to_owned()
        };
        self.text = self.text.saturating_add(name.len()).saturating_add(value.len());
        if self.found.len() >= MOST || self.text > TEXT || name.len() > LONG {
            return Err(self.give_up());
        }
        self.found.push((name.to_owned(), value));
        Ok(())
    }

    pub(super) fn give_up(&mut self) -> ContentError {
        self.too_many = true;
        self.found = Vec::new();
        ContentError::TooMany
    }

    pub(super) fn too_many(&self) -> bool {
        self.too_many
    }

    /// All of them.
    ///
    /// # Errors
    ///
    /// [`ContentError::TooMany`] when there were more.
    pub fn all(self) -> Result<Vec<(String, String)>, ContentError> {
        if self.too_many { Err(ContentError::TooMany) } else { Ok(self.found) }
    }
}

/// The parameters of a query, or of a form's body.
///
/// # Errors
///
/// [`ContentError::TooMany`], and [`ContentError::Override`] where one stands behind a `;`.
pub fn form(text: &[u8]) -> Result<Vec<(String, String)>, ContentError> {
    if after_semicolon(text) {
        return Err(ContentError::Override);
    }
    let mut found = Parameters::default();
    for (name, value) in form_urlencoded::parse(text) {
        found.add(&name, &value)?;
    }
    found.all()
}

/// What a body is, by its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/form-data`, with its boundary.
    Parts(String),
    /// `application/json` and its relatives.
    Json,
    /// No type is given. Some servers read it as a form.
    Unnamed,
    /// Of another type, which is never taken apart.
    Opaque(String),
}

impl Kind {
    /// Reads the headers as every server reads them.
    ///
    /// # Errors
    ///
    /// [`ContentError::Malformed`] where two servers could read them differently: two types, two boundaries, a body that is
    /// packed, a character set in which letters are not those of ASCII.
    pub fn of(headers: &HeaderMap) -> Result<Self, ContentError> {
        let Some(given) = only(headers, CONTENT_TYPE)? else { return Ok(Self::Unnamed) };
        let mut parts = given.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let kind = match kind.as_str() {
            "application/x-www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Parts(boundary(given)?),
            json if json == "application/json" || json.ends_with("+json") => Self::Json,
            "" => Self::Unnamed,
            _ => return Ok(Self::Opaque(given.chars().take(80).collect::<String>().to_ascii_lowercase())),
        };
        let packed = only(headers, CONTENT_ENCODING)?.is_some_and(|how| !how.eq_ignore_ascii_case("identity"));
        if packed || !parts.all(keeps_ascii) {
            return Err(ContentError::Malformed);
        }
        Ok(kind)
    }
}

/// The one value of a header.
fn only(headers: &HeaderMap, name: HeaderName) -> Result<Option<&str>, ContentError> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ContentError::Malformed),
        (Some(_), Some(_)) => Err(ContentError::Malformed),
    }
}

/// Whether a parameter of a content type leaves the letters of ASCII what they are.
fn keeps_ascii(parameter: &str) -> bool {
    let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
    if !name.trim().eq_ignore_ascii_case("charset") {
        return !name.trim().to_ascii_lowercase().starts_with("charset");
    }
    let value = value.trim().trim_matches('"').to_ascii_lowercase();
    ["utf-8", "utf8", "us-ascii", "ascii"].contains(&value.as_str())
        || ["iso-8859-", "windows-125"].iter().any(|family| value.starts_with(family))
}

fn boundary(content_type: &str) -> Result<String, ContentError> {
    // A boundary may have the word in it: browsers do.
    let names = content_type.split(';').skip(1).map(|parameter| parameter.trim_start().to_ascii_lowercase());
    if names.filter(|name| name.starts_with("boundary")).count() != 1 {
        return Err(ContentError::Malformed);
    }
    multer::parse_boundary(content_type).map_err(|_| ContentError::Malformed)
}

/// The parameters of a body. A file in a multipart body is carried as `file:NAME`; an empty body has no parameters.
///
/// # Errors
///
/// [`ContentError`] when the body cannot be taken apart.
pub async fn body(kind: &Kind, taken: &mut TakenIn) -> Result<Vec<(String, String)>, ContentError> {
    if taken.length() == 0 {
        return Ok(Vec::new());
    }
    match kind {
        Kind::Form => form(&text(taken).await?),
        Kind::Json => json::parameters(&text(taken).await?),
        Kind::Parts(boundary) => multipart(boundary, taken).await,
        Kind::Unnamed => Err(untyped(&text(taken).await?, "")),
        Kind::Opaque(kind) if kind.starts_with("text/") => Err(untyped(&text(taken).await?, kind)),
        Kind::Opaque(kind) => Err(ContentError::Type(kind.clone())),
    }
}

/// What a text is that some servers read as a form or as JSON, and others not at all.
fn untyped(text: &[u8], kind: &str) -> ContentError {
    for read in [form(text), json::parameters(text)] {
        match read {
            Ok(pairs) if pairs.iter().any(|(name, _)| is_override(name)) => return ContentError::Override,
            Err(error @ (ContentError::Override | ContentError::TooMany)) => return error,
            Ok(_) | Err(ContentError::Malformed | ContentError::Type(_)) => {}
        }
    }
    ContentError::Type(kind.to_owned())
}

/// All of a body that cannot have files in it.
async fn text(taken: &mut TakenIn) -> Result<Bytes, ContentError> {
    let read = taken.bytes(TEXT_LIMIT).await.map_err(|_| ContentError::Malformed)?;
    read.ok_or(ContentError::TooMany)
}

async fn multipart(boundary: &str, taken: &mut TakenIn) -> Result<Vec<(String, String)>, ContentError> {
    let malformed = |_| ContentError::Malformed;
    let reader = taken.read().await.map_err(|_| ContentError::Malformed)?;
    let pieces = futures_util::stream::try_unfold(reader, |mut reader| async move {
        let mut piece = vec![0; LONG];
        let read = reader.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), reader)))
    });
    let mut given = multer::Multipart::new(Box::pin(pieces), boundary);
    let mut found = Parameters::default();
    while let Some(mut part) = given.next_field().await.map_err(malformed)? {
        if named_twice(part.headers()) {
            return Err(ContentError::Malformed);
        }
        let name = part.name().ok_or(ContentError::Malformed)?.to_owned();
        if let Some(file) = part.file_name() {
            found.add(&name, &format!("file:{file}"))?;
            while part.chunk().await.map_err(malformed)?.is_some() {}
            continue;
        }
        let mut value = Vec::new();
        while let Some(piece) = part.chunk().await.map_err(malformed)? {
            if (value.len() + piece.len()) as u64 > TEXT_LIMIT {
                return Err(ContentError::TooMany);
            }
            value.extend_from_slice(&piece);
        }
        found.add(&name, &String::from_utf8_lossy(&value))?;
    }
    found.all()
}

/// Whether a part has two names, or one that only some servers read.
fn named_twice(headers: &HeaderMap) -> bool {
    let mut dispositions = headers.get_all(http::header::CONTENT_DISPOSITION).iter();
    let Some(Ok(text)) = dispositions.next().map(|value| std::str::from_utf8(value.as_bytes())) else { return true };
    let text = text.to_ascii_lowercase();
    let names = text.split(';').filter(|part| part.trim_start().starts_with("name")).count();
    names != 1 || text.contains("name*") || dispositions.next().is_some()
}

/// One part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A value.
    Text(String),
    File {
        name: String,
        content: Bytes,
    },
}

/// The parts of a multipart body, by name, with the content of its files.
///
/// # Errors
///
/// [`ContentError::Malformed`].
pub async fn parts(content_type: &str, bytes: &Bytes) -> Result<Vec<(String, Part)>, ContentError> {
    let malformed = |_| ContentError::Malformed;
    let boundary = multer::parse_boundary(content_type).map_err(malformed)?;
    let whole = bytes.clone();
    let stream = futures_util::stream::once(async move { Ok::<_, std::convert::Infallible>(whole) });
    let mut given = multer::Multipart::new(stream, boundary);
    let mut found = Vec::new();
    while let Some(part) = given.next_field().await.map_err(malformed)? {
        let name = part.name().ok_or(ContentError::Malformed)?.to_owned();
        let part = match part.file_name().map(str::to_owned) {
            Some(file) => Part::File { name: file, content: part.bytes().await.map_err(malformed)? },
            None => Part::Text(part.text().await.map_err(malformed)?),
        };
        found.push((name, part));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http_body_util::Full;

    use super::super::intake::{BODY_LIMIT, Intake};
    use super::*;

    async fn read(kind: &str, text: &str) -> Result<Vec<(String, String)>, ContentError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(kind).unwrap());
        let body = Full::new(Bytes::copy_from_slice(text.as_bytes()));
        let mut taken = Intake::default().take(body, BODY_LIMIT).await.unwrap();
        super::body(&Kind::of(&headers)?, &mut taken).await
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    #[tokio::test]
    async fn forms_and_json_are_taken_apart() {
        let form = read("application/x-www-form-urlencoded; charset=utf-8", "a=1&b=x+y&a=2").await;
        assert_eq!(form.unwrap(), pairs(&[("a", "1"), ("b", "x y"), ("a", "2")]));
        let json =
            read("application/json", r#"{"q":"m","v":{"id":7,"l":[true,null],"a.b":[],"c":{}},"n":-1.50}"#).await;
        let flat = [
            ("q", "m"),
            ("v.id", "7"),
            ("v.l.0", "true"),
            ("v.l.1", ""),
            ("v.a\\.b", "[]"),
            ("v.c", "{}"),
            ("n", "-1.5"),
        ];
        assert_eq!(json.unwrap(), pairs(&flat));
        let multipart = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b\r\n\
                         Content-Disposition: form-data; name=\"f\"; filename=\"p.pdf\"\r\n\r\nx\r\n--b--\r\n";
        let boundary = "multipart/form-data; boundary=----WebKitFormBoundaryx";
        let read = read(boundary, &multipart.replace("--b", "------WebKitFormBoundaryx")).await;
        assert_eq!(read.unwrap(), pairs(&[("a", "1"), ("f", "file:p.pdf")]));
    }

    #[tokio::test]
    async fn a_body_that_two_readers_could_read_differently_is_refused() {
        assert_eq!(read("application/json", r#"{"op":"save","op":"submit"}"#).await, Err(ContentError::Malformed));
        assert!(matches!(read("text/plain", "op=submit").await, Err(ContentError::Type(_))));
        assert_eq!(read("application/json", "{").await, Err(ContentError::Malformed));
        assert_eq!(read("application/json", "{} {}").await, Err(ContentError::Malformed));
        for kind in ["charset=utf-16", "charset=ibm037", "charset*=utf-8''utf-16"] {
            assert_eq!(read(&format!("{FORM}; {kind}"), "a=1").await, Err(ContentError::Malformed), "{kind}");
        }
        let two = read("multipart/form-data; boundary=a; boundary=b", "--a--\r\n").await;
        assert_eq!(two, Err(ContentError::Malformed));
        for names in ["name=a; name=b", "name*=utf-8''a", "filename=x"] {
            let body = format!("--b\r\nContent-Disposition: form-data; {names}\r\n\r\n1\r\n--b--\r\n");
            assert_eq!(read("multipart/form-data; boundary=b", &body).await, Err(ContentError::Malformed), "{names}");
        }
    }

    #[tokio::test]
    async fn parameters_are_counted_while_they_are_read() {
        assert_eq!(read(FORM, &"a&".repeat(MOST + 1)).await, Err(ContentError::TooMany));
        assert_eq!(read(FORM, &"a&".repeat(MOST)).await.unwrap().len(), MOST);
        let nested = format!("[{}[]]", "[],".repeat(MOST));
        assert_eq!(read("application/json", &nested).await, Err(ContentError::TooMany));
        // A long name above many values would be repeated for each of them.
        let name = "n".repeat(LONG / 2);
        let members = (0..200).map(|count| format!("\"{count}\":1")).collect::<Vec<_>>().join(",");
        let repeated = format!("{{\"{name}\":{{{members}}}}}");
        assert_eq!(read("application/json", &repeated).await, Err(ContentError::TooMany));
    }

    #[tokio::test]
    async fn a_long_value_is_told_by_its_digest() {
        let value = "v".repeat(LONG + 1);
        let told = format!("({} bytes, {})", LONG + 1, Digest::of(value.as_bytes()));
        assert_eq!(
            read("application/json", &format!("{{\"file\":\"{value}\"}}")).await,
            Ok(vec![("file".into(), told)])
        );
    }
}
