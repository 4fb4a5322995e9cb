//! CSS: names and measures are kept; strings, addresses and custom properties are judged.

use super::Scrubber;
use super::judge::{Level, apply};
use super::tokens::{Kind, Token, tokens};
use super::units::{Units, escape_style};

/// Longest run of digits that is a measure, and no number of something.
const MEASURE: usize = 4;
/// The same in a custom property, which may hold anything.
const COUNT: usize = 2;

/// The strings of a stylesheet, decoded.
pub(super) fn literals(code: &str) -> Vec<String> {
    let found = tokens(code).unwrap_or_default().into_iter().filter(|token| token.kind == Kind::Text);
    found.map(|token| Units::style(unquoted(token.raw)).text).collect()
}

/// The names in a stylesheet or declaration, decoded; those in custom properties excepted.
pub(super) fn identifiers(code: &str) -> Vec<String> {
    let found = tokens(code).unwrap_or_default();
    let custom = custom(&found);
    let names =
        found.iter().zip(custom).filter(|(token, custom)| !custom && matches!(token.kind, Kind::Name | Kind::Function));
    names.map(|(token, _)| Units::style(token.raw).text).collect()
}

/// For each token, whether it is part of the value of a custom property.
fn custom(tokens: &[Token<'_>]) -> Vec<bool> {
    let mut inside = vec![false; tokens.len()];
    let mut depth = 0_usize;
    let mut value = false;
    let mut name = false;
    let mut start = true;
    for (token, inside) in tokens.iter().zip(&mut inside) {
        if matches!(token.kind, Kind::Space | Kind::Comment) {
            *inside = value;
            continue;
        }
        if value {
            match token.raw {
                "{" | "[" | "(" => depth += 1,
                _ if token.kind == Kind::Function => depth += 1,
                "}" if depth == 0 => value = false,
                ";" if depth == 0 => value = false,
                "}" | "]" | ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            *inside = value;
        } else if name && token.raw == ":" {
            (value, depth) = (true, 0);
        }
        // A name that starts a declaration, and not one inside `var()`.
        name = start && token.kind == Kind::Name && Units::style(token.raw).text.starts_with("--");
        start = !value && matches!(token.raw, "{" | "}" | ";");
    }
    inside
}

fn unquoted(raw: &str) -> &str {
    &raw[1..raw.len() - 1]
}

impl Scrubber {
    /// CSS, whole stylesheets or the declarations of an attribute. Comments are dropped, names are kept; words in strings,
    /// addresses and custom properties are kept when they are known names.
    pub fn style(&self, code: &str) -> String {
        let Some(found) = tokens(code) else {
            return apply(code, &self.judge.edits(code, Level::Strict));
        };
        let custom = custom(&found);
        let mut out = String::with_capacity(code.len());
        let mut before = "";
        for (token, custom) in found.iter().zip(custom) {
            let raw = token.raw;
            match token.kind {
                Kind::Comment => out.push(' '),
                Kind::Space | Kind::Mark => out.push_str(raw),
                Kind::Name | Kind::Function if custom => out.push_str(&self.style_words(raw)),
                Kind::Name | Kind::Function => out.push_str(raw),
                Kind::Number => out.push_str(&self.measure(raw, if custom { COUNT } else { MEASURE })),
                Kind::Text if ends_with_address(before) => {
                    let url = self.url(&Units::style(unquoted(raw)).text);
                    out.push_str(&format!("{0}{1}{0}", &raw[..1], escape_style(&url)));
                }
                Kind::Text => out.push_str(&format!("{0}{1}{0}", &raw[..1], self.style_words(unquoted(raw)))),
                Kind::Address => {
                    let (function, address) = raw.split_once('(').unwrap_or((raw, ")"));
                    let url = self.url(&Units::style(address[..address.len() - 1].trim()).text);
                    out.push_str(&format!("{function}(\"{}\")", escape_style(&url)));
                }
            }
            if !matches!(token.kind, Kind::Space | Kind::Comment) {
                before = raw;
            }
        }
        out
    }

    fn style_words(&self, raw: &str) -> String {
        let units = Units::style(raw).percent();
        units.apply(raw, &self.judge.edits(&units.text, Level::of_name(&units.text)), escape_style)
    }

    /// A number with its unit. Long numbers measure nothing.
    fn measure(&self, raw: &str, longest: usize) -> String {
        let end = raw.rfind(|c: char| c.is_ascii_digit()).map_or(0, |place| place + 1);
        let number_end = raw.find(|c: char| !c.is_ascii_digit() && !"+-.".contains(c)).unwrap_or(end);
        let (number, unit) = raw.split_at(number_end);
        let unsigned = number.trim_start_matches(['+', '-']);
        let sign = &number[..number.len() - unsigned.len()];
        let long = |part: &str| if part.len() > longest { self.digits(part) } else { part.to_owned() };
        let parts: Vec<String> = unsigned.split('.').map(long).collect();
        format!("{sign}{}{}", parts.join("."), if unit == "%" { "%".to_owned() } else { self.style_words(unit) })
    }
}

fn ends_with_address(before: &str) -> bool {
    ["url(", "src(", "@import"].iter().any(|known| before.eq_ignore_ascii_case(known))
}

#[cfg(test)]
mod tests {
    use crate::recording::scrub::{Permission, Scrubber};

    fn scrubber() -> Scrubber {
        let permission = Permission { names: ["assets".into(), "owner".into()].into(), ..Permission::default() };
        Scrubber::new(permission, [2; 32]).unwrap()
    }

    #[test]
    fn rules_are_kept_and_what_they_say_is_not() {
        let code = "/* Quimby */ #owner > .row[data-x=\"owner\"] { color: #ff00ff; width: calc(100% - 1.5rem) }\
                    .a::before { content: \"Jane \\51uimby\"; background: url(/assets/Quimby.png) }\
                    .b { background: url('/assets/%51uimby.png'); --name: Quimby 4711; --next: var(--name); margin: 0 }";
        let out = scrubber().style(code);
        for secret in ["uimby", "Jane", "\\51", "%51", "4711"] {
            assert!(!out.contains(secret), "{secret} in {out}");
        }
        for kept in [
            "#owner > .row[data-x=\"owner\"] { color: #ff00ff; width: calc(100% - 1.5rem) }",
            ".a::before { content: \"",
            "url(\"/assets/",
            "--name: ",
            "margin: 0 }",
        ] {
            assert!(out.contains(kept), "{kept} in {out}");
        }
    }

    #[test]
    fn a_stylesheet_that_cannot_be_read_keeps_no_name_of_its_own() {
        for code in [".quimby { content: 'a\nb' }", ".quimby { } /* Quimby", "@import 'https://quimby.example/a.css';"]
        {
            assert!(!scrubber().style(code).to_lowercase().contains("quimby"), "{code}");
        }
    }

    #[test]
    fn a_long_number_measures_nothing() {
        let out = scrubber().style("order: 4711471; width: 12px; height: 12quimby");
        assert!(!out.contains("4711471") && out.contains("width: 12px") && !out.contains("quimby"), "{out}");
    }
}
