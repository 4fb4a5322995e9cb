//! Regular expressions in scripts: the words in them are judged, what is syntax is kept.

use super::Scrubber;
use super::judge::Level;
use super::units::{Units, escape_script};

/// Properties of characters.
const PROPERTIES: [&str; 12] =
    ["{L}", "{Lu}", "{Ll}", "{M}", "{N}", "{Nd}", "{P}", "{S}", "{Z}", "{Letter}", "{Alphabetic}", "{Script=Latin}"];

impl Scrubber {
    /// What stands between the slashes of a regular expression.
    pub(super) fn regular(&self, raw: &str) -> String {
        // Pieces of syntax become a character that is no letter, so that the words between them can be judged.
        let mut out = String::with_capacity(raw.len());
        let mut plain = String::new();
        let mut in_class = false;
        let mut place = 0;
        while let Some(c) = raw[place..].chars().next() {
            let rest = &raw[place..];
            let syntax = syntax_length(rest, in_class);
            match c {
                '[' => in_class = true,
                ']' => in_class = false,
                _ => {}
            }
            let length = if syntax > 0 { syntax } else { escape_length(rest).max(c.len_utf8()) };
            if syntax > 0 {
                out.push_str(&self.regular_words(&plain));
                plain.clear();
                out.push_str(&rest[..length]);
            } else {
                plain.push_str(&rest[..length]);
            }
            place += length;
        }
        out.push_str(&self.regular_words(&plain));
        out
    }

    fn regular_words(&self, raw: &str) -> String {
        let units = Units::script(raw).percent();
        let level = if raw.contains("\\u") || raw.contains("\\x") { Level::Strict } else { Level::Name };
        // A replacement is not to be taken for syntax.
        let escape = |text: &str| {
            let quoted = if text.chars().all(char::is_alphanumeric) { text.to_owned() } else { regex::escape(text) };
            if quoted == text { escape_script(text) } else { quoted.replace('/', "\\/").replace('<', "\\x3C") }
        };
        units.apply(raw, &self.judge.edits(&units.text, level), escape)
    }
}

/// Length of what stands at the start of `rest` and holds a letter or digit without being one that is matched: an escape
/// for a class of characters, a range, a quantifier.
fn syntax_length(rest: &str, in_class: bool) -> usize {
    let bytes = rest.as_bytes();
    if bytes[0] == b'\\' {
        return match bytes.get(1) {
            Some(b'd' | b'D' | b'w' | b'W' | b's' | b'S' | b'b' | b'B' | b'n' | b'r' | b't' | b'f' | b'v') => 2,
            Some(b'0'..=b'9') => 2,
            Some(b'k') if bytes.get(2) == Some(&b'<') => 2,
            Some(b'p' | b'P') => {
                PROPERTIES.iter().find(|name| rest[2..].starts_with(*name)).map_or(0, |name| 2 + name.len())
            }
            None => 0,
            Some(byte) if byte.is_ascii_alphabetic() => 0,
            // A word ends here only if what is escaped is no letter.
            Some(_) => 1 + rest[1..].chars().next().filter(|c| !c.is_alphanumeric()).map_or(0, char::len_utf8),
        };
    }
    if in_class
        && let [first, b'-', last, ..] = bytes
        && first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
    {
        return 3;
    }
    0
}

/// Length of an escape that stands for one character.
fn escape_length(rest: &str) -> usize {
    if !rest.starts_with('\\') {
        return 0;
    }
    match rest.as_bytes().get(1) {
        Some(b'x') if rest.len() >= 4 && rest.is_char_boundary(4) => 4,
        Some(b'u') if rest.starts_with("\\u{") => rest.find('}').map_or(2, |end| end + 1),
        Some(b'u') if rest.len() >= 6 && rest.is_char_boundary(6) => 6,
        Some(_) => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use crate::recording::scrub::{Permission, Scrubber};

    fn regular(raw: &str) -> String {
        let permission = Permission { names: ["exceptions".into()].into(), ..Permission::default() };
        Scrubber::new(permission, [6; 32]).unwrap().regular(raw)
    }

    #[test]
    fn syntax_is_kept() {
        for raw in [
            r"^[A-Za-z0-9_.\-]+$",
            r"\bexceptions\/(\d{4,6})\s*\1\.$",
            r"[^\w\t]",
            r"(?<exceptions>\p{Lu})\k<exceptions>",
        ] {
            assert_eq!(regular(raw), raw);
        }
    }

    #[test]
    fn a_word_is_replaced_however_it_is_written() {
        for raw in ["Quimby", r"\x51uimby", r"\u0051uimby", r"\u{51}uimby", r"^\Quimby", "(?:Quimby)?", r"Quimby\d+"] {
            let out = regular(raw);
            assert!(!out.contains("uimby") && !out.contains("51"), "{raw}: {out}");
        }
        assert!(regular(r"^Quimby\d+").ends_with(r"\d+"));
    }
}
