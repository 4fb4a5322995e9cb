//! Values that are read by parsing a text, which is looked at where it lies and not copied first.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Reads a text and hands it to `parse`, whose error becomes the reader's own.
///
/// # Errors
///
/// What the reader reports, also where there is no text; and what `parse` reports.
pub fn parsed<'de, D, T, E, P>(deserializer: D, parse: P) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
    P: FnOnce(&str) -> Result<T, E>,
{
    deserializer.deserialize_str(Parsing { parse, makes: PhantomData })
}

struct Parsing<P, T> {
    parse: P,
    makes: PhantomData<T>,
}

impl<T, E: fmt::Display, P: FnOnce(&str) -> Result<T, E>> Visitor<'_> for Parsing<P, T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<R: Error>(self, text: &str) -> Result<T, R> {
        (self.parse)(text).map_err(R::custom)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::digest::Digest;
    use crate::model::ids::ChangeId;

    #[test]
    fn a_text_is_parsed_wherever_it_comes_from() {
        let change = ChangeId::parse("CHG1").unwrap();
        assert_eq!(serde_json::from_str::<ChangeId>(r#""CHG1""#).unwrap(), change);
        // Escaped, and from a reader: nothing can be borrowed.
        assert_eq!(serde_json::from_str::<ChangeId>(r#""\u0043HG1""#).unwrap(), change);
        assert_eq!(serde_json::from_reader::<_, ChangeId>(&br#""CHG1""#[..]).unwrap(), change);
        assert_eq!(serde_json::from_value::<ChangeId>("CHG1".into()).unwrap(), change);
    }

    #[test]
    fn what_is_no_text_or_does_not_parse_is_refused_with_its_reason() {
        let told = serde_json::from_str::<Digest>(r#""sha1:00""#).unwrap_err().to_string();
        assert!(told.contains("64 lowercase hex digits"), "{told}");
        let told = serde_json::from_str::<Digest>("7").unwrap_err().to_string();
        assert!(told.contains("invalid type: integer `7`, expected a string"), "{told}");
    }
}
