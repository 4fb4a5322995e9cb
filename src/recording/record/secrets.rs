//! The last look at every byte before it is written: no secret is in it, in any form in which files and requests carry texts.

use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, BuildError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Shortest text that is searched for: shorter ones occur by chance.
const SHORTEST: usize = 8;

/// Texts that must not be written, in every form.
pub(crate) struct Secrets(Option<AhoCorasick>);

fn forms(text: &str) -> Vec<String> {
    let quoted = serde_json::to_string(text).unwrap_or_default();
    let quoted = quoted.trim_start_matches('"').trim_end_matches('"').to_owned();
    let twice = serde_json::to_string(&quoted).unwrap_or_default();
    let html = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    vec![
        text.to_owned(),
        quoted,
        twice.trim_start_matches('"').trim_end_matches('"').to_owned(),
        html,
        form_urlencoded::byte_serialize(text.as_bytes()).collect(),
        utf8_percent_encode(text, NON_ALPHANUMERIC).to_string(),
    ]
}

fn replaced(pairs: &[(String, String)]) -> impl Iterator<Item = &str> {
    pairs.iter().filter(|(real, stand_in)| !stand_in.contains(real.as_str())).map(|(real, _)| real.as_str())
}

impl Secrets {
    /// Of texts that have a stand-in, those that are long enough to be told from chance and that do not stand in `public` text.
    ///
    /// # Errors
    ///
    /// When there are too many to be searched for.
    pub fn new(pairs: &[(String, String)], public: &str) -> Result<Self, BuildError> {
        let long = replaced(pairs).filter(|real| real.chars().count() >= SHORTEST);
        Self::search(long.filter(|real| !public.contains(*real)))
    }

    /// Of texts that the person who records wants replaced: everywhere, however short and wherever they come from.
    ///
    /// # Errors
    ///
    /// When there are too many to be searched for.
    pub(crate) fn of_given(pairs: &[(String, String)]) -> Result<Self, BuildError> {
        Self::search(replaced(pairs))
    }

    fn search<'t>(texts: impl Iterator<Item = &'t str>) -> Result<Self, BuildError> {
        let all: BTreeSet<String> = texts.flat_map(forms).collect();
        if all.is_empty() { Ok(Self(None)) } else { AhoCorasick::new(all).map(|search| Self(Some(search))) }
    }

    /// Whether one of them is there.
    pub(crate) fn are_in(&self, bytes: &[u8]) -> bool {
        self.0.as_ref().is_some_and(|search| search.is_match(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form_and_what_is_short_is_left_to_the_scrubber() {
        let pairs = [("pa\"ss & word/1".to_owned(), "stand-in".to_owned()), ("4".to_owned(), "7".to_owned())];
        let secrets = Secrets::new(&pairs, "").unwrap();
        for form in [
            "x pa\"ss & word/1 x",
            r#"{"p":"pa\"ss & word/1"}"#,
            "<b>pa&quot;ss &amp; word/1</b>",
            "p=pa%22ss+%26+word%2F1",
            "/pa%22ss%20%26%20word%2F1",
        ] {
            assert!(secrets.are_in(form.as_bytes()), "{form}");
        }
        assert!(!secrets.are_in(b"chapter 4, and nothing else"));
        assert!(Secrets::of_given(&pairs).unwrap().are_in(b"chapter 4, and nothing else"));
        assert!(!Secrets::new(&pairs[..1], "the map says pa\"ss & word/1").unwrap().are_in(b"pa\"ss & word/1"));
    }
}
