//! Banners and dialogs whose meaning is recorded and whose text may be hidden.
//!
//! The recorded meaning is written in front of the text as one character of the private use area, and a fixed set of banner
//! rules reads it back: so the rules that judge banners are the same as in a run.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::text::Text;
use crate::decide::verdict::{HaltCode, HaltReason};
use crate::model::banner::{BannerMeaning, BannerRule};
use crate::model::private::Private;

const HARMLESS: char = '\u{E000}';
const UNEXPECTED: char = '\u{E001}';
const WARNINGS: [(char, HaltCode, BannerMeaning); 4] = [
    ('\u{E002}', HaltCode::ScopeBroadening, BannerMeaning::ScopeBroadening),
    ('\u{E003}', HaltCode::ValidationRejected, BannerMeaning::ValidationRejected),
    ('\u{E004}', HaltCode::SessionLost, BannerMeaning::SessionLost),
    ('\u{E005}', HaltCode::PortalError, BannerMeaning::PortalError),
];

static RULES: LazyLock<Vec<BannerRule>> = LazyLock::new(|| {
    let rule = |pattern: String, meaning| {
        // Written here, and therefore valid.
        Regex::new(&pattern).ok().map(|pattern| BannerRule { pattern, meaning })
    };
    let harmless = rule(format!(r"(?s)\A{HARMLESS}.*\z"), BannerMeaning::Harmless);
    let warnings = WARNINGS.iter().map(|(mark, _, meaning)| rule(format!(r"\A{mark}"), *meaning));
    warnings.chain([harmless]).flatten().collect()
});

/// The rules that read recorded meanings back.
pub fn rules() -> &'static [BannerRule] {
    &RULES
}

/// A banner's or dialog's text, and why it halted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wording<'a> {
    #[serde(borrow)]
    text: Text<'a>,
    means: Option<HaltCode>,
}

impl Wording<'_> {
    /// The text with its meaning in front; none when it means what no wording can mean.
    pub(crate) fn marked(&self) -> Option<Private<String>> {
        let mark = match self.means {
            None => HARMLESS,
            Some(HaltCode::UnexpectedBanner) => UNEXPECTED,
            Some(code) => WARNINGS.iter().find(|(_, known, _)| *known == code)?.0,
        };
        let mut text = String::with_capacity(self.text.len() + mark.len_utf8());
        text.push(mark);
        text.push_str(&self.text);
        Some(Private::new(text))
    }
}

/// What a reason says it observed, without the mark that this module put in front.
pub fn observed(reason: &HaltReason) -> &str {
    let text = reason.observed.text().expose();
    let ours = |c: char| (HARMLESS..=WARNINGS[3].0).contains(&c);
    match reason.subject.as_str() {
        "banner" | "dialog" => text.strip_prefix(ours).unwrap_or(text),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::rules::controls::banner_meaning;

    #[test]
    fn every_recorded_meaning_is_read_back_whatever_the_text_says() {
        let meanings = [None, Some(HaltCode::UnexpectedBanner)];
        for means in meanings.into_iter().chain(WARNINGS.map(|(_, code, _)| Some(code))) {
            // A text that begins with a mark of its own must not be taken at its word.
            for text in ["[hidden 1a2b3c4d, 12 characters]", "\u{E000}all is well", "two\nlines"] {
                let json = serde_json::json!({ "text": text, "means": means }).to_string();
                let wording: Wording<'_> = serde_json::from_str(&json).unwrap();
                let marked = wording.marked().unwrap();
                assert_eq!(banner_meaning(marked.expose(), rules()), means, "{text}");
            }
        }
        assert_eq!(rules().len(), 5);
    }

    #[test]
    fn a_meaning_that_no_wording_can_have_is_refused() {
        let json = r#"{"text":"x","means":"owner-mismatch"}"#;
        assert!(serde_json::from_str::<Wording<'_>>(json).unwrap().marked().is_none());
    }
}
