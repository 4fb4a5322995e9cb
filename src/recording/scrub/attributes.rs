//! Attributes of HTML: each is judged by what browsers take it for.

use super::Scrubber;
use super::judge::{Level, apply};
use super::times::tokens;
use super::vocabulary::{ATTRIBUTE_PREFIXES, ATTRIBUTES, ELEMENTS, holds};

/// What browsers take an attribute for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Dropped,
    Script,
    Style,
    Address,
    /// Addresses, each followed by a width or density.
    Candidates,
    Addresses,
    Page,
    Text,
    Value,
    Choice,
    Measure,
    Data,
    Name,
}

/// An element as far as its attributes depend on it.
pub(super) struct Owner<'a> {
    pub(super) tag: &'a str,
    /// Its type, in lower case.
    pub(super) kind: String,
    /// Its `http-equiv`, in lower case.
    pub(super) equivalent: String,
}

fn used_as(name: &str, owner: &Owner<'_>) -> Use {
    let choice = matches!(owner.tag, "option" | "button")
        || owner.tag == "input" && matches!(owner.kind.as_str(), "radio" | "checkbox" | "button" | "submit" | "reset");
    match name {
        "pattern" | "integrity" | "nonce" => Use::Dropped,
        "style" => Use::Style,
        "srcdoc" => Use::Page,
        "srcset" | "imagesrcset" => Use::Candidates,
        "ping" | "archive" => Use::Addresses,
        "href" | "src" | "action" | "formaction" | "poster" | "data" | "cite" | "background" | "codebase"
        | "longdesc" | "manifest" | "profile" | "usemap" => Use::Address,
        "value" if choice => Use::Choice,
        "value" | "content" => Use::Value,
        "title"
        | "alt"
        | "placeholder"
        | "aria-label"
        | "aria-description"
        | "aria-valuetext"
        | "aria-placeholder"
        | "aria-roledescription"
        | "label"
        | "summary"
        | "datetime"
        | "abbr"
        | "download" => Use::Text,
        "maxlength" | "minlength" | "min" | "max" | "step" | "rows" | "cols" | "size" | "tabindex" | "colspan"
        | "rowspan" | "width" | "height" | "aria-level" | "aria-posinset" | "aria-setsize" | "aria-colcount"
        | "aria-rowcount" => Use::Measure,
        event if event.starts_with("on") => Use::Script,
        data if data.starts_with("data-") => Use::Data,
        _ => Use::Name,
    }
}

/// Whether the name of an element says nothing: it belongs to HTML, or was made up by the authors of a page.
pub(super) fn is_public_tag(name: &str) -> bool {
    holds(ELEMENTS, name) || name.contains('-') && is_plain(name)
}

/// Whether the name of an attribute says nothing. Words of a value that lost its quotes become attributes, too.
pub(super) fn is_public_attribute(name: &str) -> bool {
    holds(ATTRIBUTES, name) || ATTRIBUTE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && is_plain(name)
}

/// ASCII without long numbers.
fn is_plain(name: &str) -> bool {
    let long = name.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 3);
    name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) && !long
}

impl Scrubber {
    /// The value of an attribute, or nothing when the attribute is to be dropped.
    pub(super) fn attribute(&self, name: &str, value: &str, owner: &Owner<'_>) -> Option<String> {
        let lower = name.to_ascii_lowercase();
        if owner.tag == "meta" && lower == "content" {
            return Some(self.meta(value, &owner.equivalent));
        }
        Some(match used_as(&lower, owner) {
            Use::Dropped => return None,
            Use::Script => self.script(value),
            Use::Style => self.style(value),
            Use::Address => self.url(value),
            Use::Candidates => self.candidates(value),
            Use::Addresses => value.split_whitespace().map(|url| self.url(url)).collect::<Vec<_>>().join(" "),
            Use::Page => self.html(value),
            Use::Text => self.text(value),
            Use::Value => self.value(value),
            Use::Choice => self.choice(value),
            Use::Measure if is_measure(value) => value.to_owned(),
            Use::Measure | Use::Name => self.name(value),
            Use::Data => self.data(value),
        })
    }

    fn meta(&self, content: &str, equivalent: &str) -> String {
        if equivalent.starts_with("content-security-policy") {
            // It would forbid what was scrubbed: its digests no longer fit.
            return String::new();
        }
        if equivalent == "refresh"
            && let Some((delay, rest)) = content.split_once([';', ','])
        {
            let rest = rest.trim_start();
            let address = match rest.get(..3) {
                Some(url) if url.eq_ignore_ascii_case("url") => {
                    rest[3..].trim_start().trim_start_matches('=').trim_start()
                }
                Some(_) | None => rest,
            };
            return format!("{}; url={}", self.name(delay), self.url(address.trim_matches(['"', '\''])));
        }
        if self.judge.permits(content) {
            self.value(content)
        } else if equivalent.is_empty() {
            self.meta_text(content)
        } else {
            self.name(content)
        }
    }

    /// Settings of the page, such as its viewport, consist of known words; anything else is a text.
    fn meta_text(&self, content: &str) -> String {
        let name = self.name(content);
        if name == content && content.contains('=') { name } else { self.value(content) }
    }

    fn candidates(&self, value: &str) -> String {
        let one = |candidate: &str| {
            let mut parts = candidate.split_whitespace();
            let address = self.url(parts.next().unwrap_or_default());
            parts.fold(address, |out, descriptor| {
                let number = descriptor.trim_end_matches(['w', 'x', 'h']);
                let kept =
                    !number.is_empty() && number.len() <= 5 && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
                if kept { format!("{out} {descriptor}") } else { out }
            })
        };
        value.split(',').filter(|c| !c.trim().is_empty()).map(one).collect::<Vec<_>>().join(", ")
    }

    /// What a script reads from the page: JSON, an address, or names.
    fn data(&self, value: &str) -> String {
        if value.trim_start().starts_with(['{', '[']) && serde_json::from_str::<serde::de::IgnoredAny>(value).is_ok() {
            return self.json(value);
        }
        if super::url::is_address(value) {
            return self.url(value);
        }
        // Names have no white space between them: this is prose.
        if value.trim().contains(char::is_whitespace) {
            return self.text(value);
        }
        if value.contains('\\') { apply(value, &self.judge.edits(value, Level::Strict)) } else { self.name(value) }
    }
}

/// Whether a value is one number, or one date.
fn is_measure(value: &str) -> bool {
    let value = value.trim().trim_end_matches('%');
    let date = tokens(value).first().is_some_and(|token| token.place == (0..value.len()));
    date || value.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use crate::recording::scrub::{Permission, Scrubber};

    fn scrubbed(html: &str) -> String {
        let permission = Permission {
            phrases: ["Save draft".into()].into(),
            names: ["save".into(), "emergency".into(), "fix".into(), "img".into()].into(),
            ..Permission::default()
        };
        Scrubber::new(permission, [8; 32]).unwrap().html(html)
    }

    #[test]
    fn a_choice_may_be_a_name_and_what_was_typed_may_not() {
        let out = scrubbed("<option value=emergency-fix></option><input type=radio value=2><input value=emergency>");
        assert!(
            out.contains("value=\"emergency-fix\"") && out.contains("value=\"2\"") && !out.contains("\"emergency\""),
            "{out}"
        );
    }

    #[test]
    fn what_a_policy_or_digest_would_forbid_is_dropped() {
        let out = scrubbed(
            "<script integrity=sha384-Quimby nonce=Quimby src=/save></script><input pattern=Quimby>\
             <meta http-equiv=Content-Security-Policy content=\"script-src https://quimby.example\">",
        );
        assert!(
            !out.to_lowercase().contains("quimby") && !out.contains("integrity") && !out.contains("pattern"),
            "{out}"
        );
        assert!(out.contains("src=\"/save\""), "{out}");
    }

    #[test]
    fn measures_are_kept_when_they_are_numbers_or_dates() {
        let out = scrubbed("<input maxlength=4000 min=2026-01-01 max=Quimby><td colspan=3 width=50%>");
        assert!(
            out.contains("maxlength=\"4000\"") && out.contains("min=\"2026-01-01\"") && !out.contains("Quimby"),
            "{out}"
        );
    }

    #[test]
    fn words_of_a_value_that_lost_its_quotes_are_no_attributes() {
        let out = scrubbed("<input value=Jane Quimby-Doe Quimby><p data-save-4711=1 data-save>");
        assert!(!out.to_lowercase().contains("quimby") && !out.contains("4711") && out.contains("data-save="), "{out}");
    }

    #[test]
    fn lists_of_addresses_and_refreshes_are_taken_apart() {
        let out = scrubbed(
            "<img srcset=\"/img/Quimby.png 2x, https://quimby.example/a 480w\"><a ping=\"/save /Quimby\"></a>\
             <meta http-equiv=refresh content=\"5; URL='/save?name=Quimby'\"><meta name=viewport content=\"width=device-width\">",
        );
        assert!(!out.to_lowercase().contains("quimby"), "{out}");
        assert!(
            out.contains(".png 2x, https://elsewhere.invalid/")
                && out.contains("480w")
                && out.contains("ping=\"/save /"),
            "{out}"
        );
        assert!(out.contains("content=\"5; url=/save?name=") && out.contains("\"width=device-width\""), "{out}");
    }
}
