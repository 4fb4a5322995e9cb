//! Takes out of what a portal sent everything that was not expressly permitted.
//!
//! Nothing is looked for and nothing recognised: a word stays when it is permitted, and otherwise becomes a pseudonym of
//! the same shape under the key of the recording. The same word becomes the same pseudonym everywhere, so that ids, labels,
//! scripts, paths and values still refer to each other, and what was scrubbed still works in a browser.
//!
//! [`Scrubber`] is the interface; [`Permission`] says what may be kept. Every notation is decoded before it is judged, and
//! what cannot be read keeps nothing but names.

mod attributes;
mod html;
mod json;
mod judge;
mod permission;
mod phrases;
mod regular;
mod script;
mod style;
mod times;
mod tokens;
mod units;
mod url;
mod vocabulary;
mod words;

use std::collections::BTreeMap;

use scraper::Selector;

use judge::{Judge, Level, apply};
pub use permission::{Permission, ScrubError};
use units::Units;

/// Scrubs one recording.
///
/// Learn what is public first, then every page, and scrub after that: what is learnt in between is missing from what was
/// scrubbed before.
pub(crate) struct Scrubber {
    judge: Judge,
    wording: Option<Selector>,
    origins: BTreeMap<String, String>,
}

impl Scrubber {
    /// A scrubber that keeps what `permission` says. `key` has to be random, and to be forgotten after the recording.
    ///
    /// # Errors
    ///
    /// [`ScrubError::Selector`] when the wording is no CSS, [`ScrubError::Phrases`] when there are too many phrases.
    pub fn new(permission: Permission, key: [u8; 32]) -> Result<Self, ScrubError> {
        let selector = |css: &String| Selector::parse(css).map_err(|_| ScrubError::Selector(css.clone()));
        let wording = permission.wording.as_ref().map(selector).transpose()?;
        let judge = Judge::new(&permission, key)?;
        Ok(Self { judge, wording, origins: permission.origins })
    }

    /// Learns from a script or stylesheet that is the same for everyone: its words are names, and its strings may be kept
    /// as whole values.
    pub(crate) fn learn_public(&mut self, code: &str) {
        self.judge.learn_words(code);
        let literals = script::literals(code).unwrap_or_else(|| style::literals(code));
        for literal in literals {
            self.judge.learn_words(&literal);
            self.judge.learn_literal(&literal);
        }
    }

    /// A text that is shown: permitted phrases are kept in it.
    pub fn text(&self, text: &str) -> String {
        apply(text, &self.judge.edits(text, Level::Text))
    }

    /// A name, path or similar: known words and numbers of at most two digits are kept in it.
    pub fn name(&self, text: &str) -> String {
        let units = Units::plain(text).percent();
        units.apply(text, &self.judge.edits(&units.text, Level::of_name(&units.text)), str::to_owned)
    }

    /// A value, such as that of a parameter: as [`Scrubber::text`], but a whole string of a public script is kept as well,
    /// and an address or path is treated as [`Scrubber::url`] does.
    pub fn value(&self, text: &str) -> String {
        if url::is_address(text) && !self.judge.permits(text) {
            return self.url(text);
        }
        apply(text, &self.value_edits(text))
    }

    /// As [`Scrubber::value`], for a text that is part of some notation.
    fn value_edits(&self, text: &str) -> Vec<judge::Edit> {
        if self.judge.permits(text) {
            self.judge.with_stand_ins(text)
        } else if url::is_address(text) {
            vec![(0..text.len(), self.url(text))]
        } else {
            self.judge.edits(text, Level::Text)
        }
    }

    /// The value of a control that offers a choice, such as an option: known names are kept in it, too.
    fn choice(&self, text: &str) -> String {
        if self.judge.permits(text) { self.value(text) } else { self.name(text) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [42; 32];

    fn scrubber(permission: Permission) -> Scrubber {
        Scrubber::new(permission, KEY).unwrap()
    }

    #[test]
    fn wording_that_is_no_css_is_refused() {
        let permission = Permission { wording: Some("h1,,".into()), ..Permission::default() };
        assert_eq!(Scrubber::new(permission, KEY).err(), Some(ScrubError::Selector("h1,,".into())));
    }

    #[test]
    fn a_text_keeps_its_punctuation_and_no_word_of_its_own() {
        let text =
            "Jane Quimby-Doe <jane@quimby.example>,\n born 1984-03-07; IBAN DE89 3704 0044 0532 0130 00: input, value!";
        let marks = |text: &str| text.chars().filter(|c| !c.is_alphanumeric()).collect::<String>();
        for key in 0..100 {
            let out = Scrubber::new(Permission::default(), [key; 32]).unwrap().text(text);
            let kept: Vec<&str> =
                words::words(text).map(|w| &text[w]).filter(|w| w.len() > 3 && out.contains(*w)).collect();
            assert!(kept.is_empty(), "{kept:?} in {out}");
            assert_eq!(marks(text), marks(&out));
        }
    }

    #[test]
    fn a_name_is_no_reason_to_keep_a_value() {
        let mut scrubber = scrubber(Permission { names: ["owner".into()].into(), ..Permission::default() });
        scrubber.learn_public("var state = 'Sent back'; function rejected() {}");
        assert_eq!(scrubber.name("owner-rejected-2"), "owner-rejected-2");
        for value in ["owner", "rejected", "2", "Sent", "state: Sent back"] {
            assert!(!scrubber.value(value).contains(value), "{value}");
        }
        assert_eq!(scrubber.value("Sent back"), "Sent back");
        assert_ne!(scrubber.text("Sent back"), "Sent back");
    }

    #[test]
    fn a_path_in_a_value_is_the_path_that_it_is_elsewhere() {
        let scrubber = scrubber(Permission { names: ["exceptions".into()].into(), ..Permission::default() });
        let path = scrubber.url("/exceptions/QX-1234?name=Jane");
        assert_eq!(scrubber.value("/exceptions/QX-1234?name=Jane"), path);
        assert!(path.starts_with("/exceptions/") && !path.contains("1234") && !path.contains("Jane"));
    }

    #[test]
    fn a_thousand_phrases_are_found_in_a_megabyte() {
        let phrases = (0..1000).map(|n| format!("Permitted wording number {n} of the portal")).collect();
        let scrubber = scrubber(Permission { phrases, ..Permission::default() });
        let row = "<tr><td class=\"number\">QX-4711</td><td>Permitted wording number 7 of the portal</td></tr>\n";
        let page = format!("<table>{}</table>", row.repeat(1_000_000 / row.len()));
        // A quadratic search would take minutes here.
        let out = scrubber.html(&page);
        assert!(out.contains("Permitted wording number 7 of the portal") && !out.contains("4711"));
    }
}
