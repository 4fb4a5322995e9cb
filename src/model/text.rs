//! Text that is safe to type into a form.
//!
//! A newline in a single-line field can submit a form, and the characters U+E000 to U+F8FF are keys, not letters, to
//! WebDriver (U+E007 is Enter). Neither can be represented by [`Line`]; [`Paragraph`] admits newlines alone.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// Longest [`Line`], in characters.
pub(crate) const LINE_LIMIT: usize = 500;
/// Longest [`Paragraph`], in characters.
pub(crate) const PARAGRAPH_LIMIT: usize = 32_768;

/// Why a text cannot be typed into a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// Nothing, or nothing but white space.
    #[error("text is empty")]
    Empty,
    /// A control character, or a line break where only one line is allowed.
    #[error("text holds the control character U+{0:04X} at character {1}, which a form could take for a command")]
    Control(u32, usize),
    /// A character that WebDriver reads as a key.
    #[error("text holds U+{0:04X} at character {1}, which a browser driver reads as a key press")]
    Key(u32, usize),
    /// Bidirectional overrides and line separators, which make a reader see another text than the portal stores.
    #[error("text holds the invisible formatting character U+{0:04X} at character {1}")]
    Invisible(u32, usize),
    /// Leading or trailing white space, which portals trim and which would then differ on reading back.
    #[error("text starts or ends with white space")]
    Padded,
    /// More characters than the limit.
    #[error("text has {0} characters, {1} at most are allowed")]
    TooLong(usize, usize),
}

fn check(text: &str, limit: usize, line_breaks: bool) -> Result<(), TextError> {
    let length = text.chars().count();
    if length > limit {
        return Err(TextError::TooLong(length, limit));
    }
    if text.trim().is_empty() {
        return Err(TextError::Empty);
    }
    for (place, character) in text.chars().enumerate() {
        let code = character as u32;
        match character {
            '\n' if line_breaks => {}
            '\u{E000}'..='\u{F8FF}' => return Err(TextError::Key(code, place + 1)),
            '\u{2028}' | '\u{2029}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{200B}' | '\u{FEFF}' => {
                return Err(TextError::Invisible(code, place + 1));
            }
            _ if character.is_control() => return Err(TextError::Control(code, place + 1)),
            _ => {}
        }
    }
    if text.trim() != text {
        return Err(TextError::Padded);
    }
    Ok(())
}

macro_rules! typed_text {
    ($(#[$doc:meta])* $name:ident, $limit:expr, $breaks:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and wraps it.
            ///
            /// # Errors
            ///
            /// [`TextError`] naming the offending character and its place, counted in characters from 1.
            pub fn parse(text: &str) -> Result<Self, TextError> {
                check(text, $limit, $breaks)?;
                Ok(Self(text.to_owned()))
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} characters)", stringify!($name), self.0.chars().count())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::model::parsed::parsed(deserializer, Self::parse)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "minLength": 1, "maxLength": $limit})
            }
        }
    };
}

typed_text!(
    /// One line of text: no line break, no control character, no WebDriver key, at most [`LINE_LIMIT`] characters.
    Line,
    LINE_LIMIT,
    false
);
typed_text!(
    /// Text over several lines, broken by `\n` alone; otherwise as [`Line`], at most [`PARAGRAPH_LIMIT`] characters.
    Paragraph,
    PARAGRAPH_LIMIT,
    true
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webdriver_key_code_is_never_text() {
        for code in ['\u{E000}', '\u{E006}', '\u{E007}', '\u{E05D}', '\u{F8FF}'] {
            assert!(matches!(Line::parse(&format!("a{code}b")), Err(TextError::Key(_, 2))));
            assert!(matches!(Paragraph::parse(&format!("a{code}b")), Err(TextError::Key(_, 2))));
        }
    }

    #[test]
    fn a_line_break_is_refused_in_a_line_and_kept_in_a_paragraph() {
        assert_eq!(Line::parse("a\nb"), Err(TextError::Control(10, 2)));
        assert_eq!(Paragraph::parse("a\nb").unwrap().as_str(), "a\nb");
        assert_eq!(Paragraph::parse("a\r\nb"), Err(TextError::Control(13, 2)));
    }

    #[test]
    fn text_of_ten_megabytes_is_refused_by_its_length() {
        let text = "x".repeat(10_000_000);
        assert_eq!(Paragraph::parse(&text), Err(TextError::TooLong(10_000_000, PARAGRAPH_LIMIT)));
    }

    #[test]
    fn debug_output_never_shows_the_text() {
        assert_eq!(format!("{:?}", Line::parse("secret").unwrap()), "Line(6 characters)");
    }
}
