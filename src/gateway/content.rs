//! What a request carries, as parameters: from its path, its query and its body.

use bytes::Bytes;
use serde_json::Value;

/// Largest body that is read whole, in bytes, at an address that serves several requests: attachments are sent to such ones
/// too. Larger ones are refused. Where the address says which request it is, a body of any size is streamed and never read.
pub const READ_LIMIT: usize = 64 << 20;

/// Why a body cannot be compared with anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// A content type that is neither form nor JSON.
    #[error("body of type {0:?}; only forms and JSON can be compared")]
    Type(String),
    /// Not what its content type says.
    #[error("body is not what its content type says")]
    Malformed,
}

/// The parameters of the query of a URL.
pub fn query(query: Option<&str>) -> Vec<(String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect()
}

/// Whether a parameter asks the server to take the request for another method.
pub fn overrides_method(parameters: &[(String, String)]) -> bool {
    parameters.iter().any(|(name, _)| name.eq_ignore_ascii_case("_method"))
}

/// The parameters of a body. A file in a multipart body is carried as `file:NAME`.
///
/// # Errors
///
/// [`ContentError`] when the body cannot be taken apart; an empty body has no parameters.
pub async fn body(content_type: Option<&str>, bytes: &Bytes) -> Result<Vec<(String, String)>, ContentError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let given = content_type.unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/x-www-form-urlencoded" => Ok(form_urlencoded::parse(bytes).into_owned().collect()),
        "multipart/form-data" => multipart(given, bytes).await,
        json if json == "application/json" || json.ends_with("+json") => self::json(bytes),
        _ => Err(ContentError::Type(given.chars().take(80).collect())),
    }
}

/// The parameters of a JSON text.
///
/// # Errors
///
/// [`ContentError::Malformed`].
pub fn json(bytes: &[u8]) -> Result<Vec<(String, String)>, ContentError> {
    // serde_json keeps the last of two equal keys, a portal may keep the first: such a body is not comparable.
    let value: Strict = serde_json::from_slice(bytes).map_err(|_| ContentError::Malformed)?;
    let mut found = Vec::new();
    flatten("", &value.0, &mut found);
    Ok(found)
}

async fn multipart(content_type: &str, bytes: &Bytes) -> Result<Vec<(String, String)>, ContentError> {
    let told = |(name, part)| match part {
        Part::Text(text) => (name, text),
        Part::File { name: file, .. } => (name, format!("file:{file}")),
    };
    Ok(parts(content_type, bytes).await?.into_iter().map(told).collect())
}

/// One part of a multipart body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// A value.
    Text(String),
    /// A file.
    File {
        /// Its name.
        name: String,
        /// Its content.
        content: Bytes,
    },
}

/// The parts of a multipart body, by name.
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

fn flatten(prefix: &str, value: &Value, found: &mut Vec<(String, String)>) {
    // A dot inside a name is not the dot between names.
    let below = |name: &str| {
        let name = name.replace('.', "\\.");
        if prefix.is_empty() { name } else { format!("{prefix}.{name}") }
    };
    match value {
        Value::Object(members) if members.is_empty() => found.push((prefix.to_owned(), "{}".to_owned())),
        Value::Array(members) if members.is_empty() => found.push((prefix.to_owned(), "[]".to_owned())),
        Value::Object(members) => {
            for (name, member) in members {
                flatten(&below(name), member, found);
            }
        }
        Value::Array(members) => {
            for (place, member) in members.iter().enumerate() {
                flatten(&below(&place.to_string()), member, found);
            }
        }
        Value::String(text) => found.push((prefix.to_owned(), text.clone())),
        Value::Null => found.push((prefix.to_owned(), String::new())),
        Value::Bool(_) | Value::Number(_) => found.push((prefix.to_owned(), value.to_string())),
    }
}

/// JSON in which no object names a key twice.
struct Strict(Value);

impl<'de> serde::Deserialize<'de> for Strict {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrictVisitor;
        impl<'de> serde::de::Visitor<'de> for StrictVisitor {
            type Value = Strict;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON without doubled keys")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }
            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }
            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Strict, A::Error> {
                let mut members = Vec::new();
                while let Some(Strict(member)) = seq.next_element()? {
                    members.push(member);
                }
                Ok(Strict(Value::Array(members)))
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Strict, A::Error> {
                let mut members = serde_json::Map::new();
                while let Some((name, Strict(member))) = map.next_entry::<String, Strict>()? {
                    if members.insert(name, member).is_some() {
                        return Err(serde::de::Error::custom("a key stands twice"));
                    }
                }
                Ok(Strict(Value::Object(members)))
            }
        }
        deserializer.deserialize_any(StrictVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(kind: &str, text: &str) -> Result<Vec<(String, String)>, ContentError> {
        body(Some(kind), &Bytes::copy_from_slice(text.as_bytes())).await
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    }

    #[tokio::test]
    async fn forms_and_json_are_taken_apart() {
        let form = read("application/x-www-form-urlencoded; charset=utf-8", "a=1&b=x+y&a=2").await;
        assert_eq!(form.unwrap(), pairs(&[("a", "1"), ("b", "x y"), ("a", "2")]));
        let json = read("application/json", r#"{"q":"m","v":{"id":7,"l":[true]}}"#).await;
        assert_eq!(json.unwrap(), pairs(&[("q", "m"), ("v.id", "7"), ("v.l.0", "true")]));
        let multipart = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--b--\r\n";
        assert_eq!(read("multipart/form-data; boundary=b", multipart).await.unwrap(), pairs(&[("a", "1")]));
    }

    #[tokio::test]
    async fn a_body_that_two_readers_could_read_differently_is_refused() {
        assert_eq!(read("application/json", r#"{"op":"save","op":"submit"}"#).await, Err(ContentError::Malformed));
        assert!(matches!(read("text/plain", "op=submit").await, Err(ContentError::Type(_))));
        assert_eq!(read("application/json", "{").await, Err(ContentError::Malformed));
    }
}
