//! JSON in which every key of an object stands once, at any depth: which of two equal keys counts differs between readers,
//! and a state, or an answer, that two readers understand differently is none.

use std::fmt;

use serde::de::{DeserializeOwned, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::shown::escape_for_terminal;

/// A text without the byte order mark that some editors and shells put before it.
pub(crate) fn unmarked(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Reads the one JSON object that is `text`.
///
/// # Errors
///
/// Why not, in words that may be shown: no JSON, no object, a key twice, something behind it, or not what `T` needs.
pub fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let told = |error: serde_json::Error| escape_for_terminal(&error.to_string());
    let Strict(value) = serde_json::from_str(unmarked(text)).map_err(told)?;
    if !value.is_object() {
        return Err("it holds no JSON object".to_owned());
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let field = error.path().to_string();
        let inner = error.into_inner();
        if field == "." {
            escape_for_terminal(&inner.to_string())
        } else {
            escape_for_terminal(&format!("{field}: {inner}"))
        }
    })
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(Strict(value)) = rows.next_element()? {
            list.push(value);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            let Strict(value) = members.next_value()?;
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} stands here twice")));
            }
            object.insert(key, value);
        }
        Ok(object.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_twice_is_refused_at_any_depth_and_however_it_is_spelt() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"x":[{"a":1,"b":2,"a":3}]}"#, r#"{"a":1,"\u0061":2}"#] {
            let told = read::<Value>(text).unwrap_err();
            assert!(told.contains("\"a\" stands here twice"), "{told}");
        }
        assert!(read::<Value>(r#"{"a":{"a":1},"A":[{"a":1},{"a":1}]}"#).is_ok());
    }

    #[test]
    fn only_one_whole_object_is_read() {
        for text in [
            "",
            " ",
            "null",
            "[]",
            "1",
            "{} {}",
            "{}x",
            "{\"a\":1",
            "\u{feff}\u{feff}{}",
            "{'a':1}",
            "{\"a\":1,}",
            "// {}",
        ] {
            assert!(read::<Value>(text).is_err(), "{text:?} was read");
        }
        assert!(read::<Value>(&format!("{}{}", "[".repeat(10_000), "]".repeat(10_000))).is_err());
    }

    #[test]
    fn a_byte_order_mark_is_no_mistake() {
        assert_eq!(read::<Value>("\u{feff}{\"a\":1}").unwrap()["a"], 1);
    }

    #[test]
    fn a_message_never_carries_what_steers_a_terminal() {
        let told = read::<Value>("{\"\\u001b[2J\":1,\"\\u001b[2J\":2}").unwrap_err();
        assert!(!told.contains('\u{1b}'), "{told:?}");
    }
}
