//! Further answers of a change record: a tick, a whole number, a text, or a list of texts.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, IntoDeserializer as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::text::{Line, Paragraph};

/// Further answers by name. A name given twice is refused.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct Details(pub BTreeMap<String, Detail>);

/// One further answer.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum Detail {
    /// A tick.
    Flag(bool),
    /// A whole number, at most 2^53 - 1 in size, so that canonical JSON can hold it.
    Number(#[schemars(range(min = -9_007_199_254_740_991_i64, max = 9_007_199_254_740_991_i64))] SafeInteger),
    /// Text over one or several lines.
    Text(Paragraph),
    /// A choice of several.
    List(Vec<Line>),
}

impl<'de> Deserialize<'de> for Detail {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DetailVisitor)
    }
}

struct DetailVisitor;

impl<'de> Visitor<'de> for DetailVisitor {
    type Value = Detail;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number below 2^53, true or false, or a list of texts")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Detail, E> {
        Ok(Detail::Flag(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Detail, E> {
        SafeInteger::deserialize(value.into_deserializer()).map(Detail::Number)
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Detail, E> {
        SafeInteger::deserialize(value.into_deserializer()).map(Detail::Number)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Detail, E> {
        Paragraph::parse(value).map(Detail::Text).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Detail, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Detail::List)
    }
}

/// A whole number that JSON carries exactly everywhere (RFC 8785 section 3.2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct SafeInteger(i64);

impl SafeInteger {
    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl<'de> Deserialize<'de> for SafeInteger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        if number.unsigned_abs() < 1 << 53 {
            Ok(Self(number))
        } else {
            Err(serde::de::Error::custom("whole numbers from 2^53 on cannot be digested exactly"))
        }
    }
}

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct DetailsVisitor;
        impl<'de> Visitor<'de> for DetailsVisitor {
            type Value = Details;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of further answers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Details, A::Error> {
                let mut details = BTreeMap::new();
                while let Some(name) = map.next_key::<String>()? {
                    let detail = map.next_value()?;
                    if details.insert(name.clone(), detail).is_some() {
                        return Err(serde::de::Error::custom(format!("duplicate key {name:?}")));
                    }
                }
                Ok(Details(details))
            }
        }
        deserializer.deserialize_map(DetailsVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_given_twice_is_refused() {
        let twice = serde_json::from_str::<Details>(r#"{"a": "x", "a": "y"}"#);
        assert!(twice.unwrap_err().to_string().contains("duplicate key \"a\""));
    }

    #[test]
    fn a_number_that_canonical_json_would_round_is_refused() {
        assert!(serde_json::from_str::<Details>(r#"{"a": 9007199254740991}"#).is_ok());
        assert!(serde_json::from_str::<Details>(r#"{"a": 9007199254740992}"#).is_err());
        let told = |text: &str| serde_json::from_str::<Details>(text).unwrap_err().to_string();
        assert!(told(r#"{"a": 1.5}"#).contains("expected a text, a whole number"));
        for (text, why) in [
            ("", "text is empty"),
            (" x", "starts or ends with white space"),
            ("a\u{2028}b", "U+2028"),
            ("a\u{7f}b", "U+007F"),
            ("a\u{202e}b", "U+202E"),
        ] {
            let told = told(&serde_json::json!({ "a": text }).to_string());
            assert!(told.contains(why), "{text:?}: {told}");
        }
        assert!(told(r#"{"a": ["x", ""]}"#).contains("text is empty"));
    }
}
