//! Texts as they stand in a file, borrowed wherever nothing is escaped in them.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

/// A text of the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

/// The identifier in `text`. A hidden one becomes an identifier made of its digest, so that equal ones stay equal.
pub fn identifier<T, E>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<T, E> {
    match text.strip_prefix("[hidden ").and_then(|rest| rest.split_once(',')) {
        Some((digest, _)) => parse(&format!("hidden-{digest}")),
        None => parse(text),
    }
}

/// What both files begin with; everything else in them is skipped.
#[derive(Deserialize)]
pub(crate) struct Mark<'a> {
    #[serde(borrow)]
    pub schema: Option<Text<'a>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::PersonId;

    #[test]
    fn a_text_is_borrowed_unless_something_is_escaped_in_it() {
        let plain: Text<'_> = serde_json::from_str(r#""plain""#).unwrap();
        assert!(matches!(plain.0, Cow::Borrowed("plain")));
        let escaped: Text<'_> = serde_json::from_str(r#""two\nlines""#).unwrap();
        assert_eq!(&*escaped, "two\nlines");
    }

    #[test]
    fn hidden_people_stay_apart_and_equal_ones_stay_equal() {
        let person = |text| identifier(text, PersonId::parse).unwrap();
        let (one, other) = ("[hidden 1a2b3c4d, 9 characters]", "[hidden ffffffff, 9 characters]");
        assert_eq!(person(one), person(one));
        assert_ne!(person(one), person(other));
        assert_eq!(person("maria.chen").as_str(), "maria.chen");
        assert!(identifier("[hidden ../x, 9 characters]", PersonId::parse).is_err());
    }
}
