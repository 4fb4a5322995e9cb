//! Texts in which characters are written as escapes, decoded, with where each character stands in what was written.
//!
//! Only decoded words are judged; what is kept stays written as it was.

use super::judge::Edit;

/// Stands for what decodes to no character. It counts as a letter, so that nothing written so is kept for punctuation.
const UNREADABLE: u32 = 0x4E00;

/// A decoded text.
pub(super) struct Units {
    pub(super) text: String,
    /// Start of each character, in the decoded text and in what was written, and both ends.
    starts: Vec<(usize, usize)>,
}

impl Units {
    fn new() -> Self {
        Self { text: String::new(), starts: Vec::new() }
    }

    fn push(&mut self, c: char, raw: usize) {
        self.starts.push((self.text.len(), raw));
        self.text.push(c);
    }

    fn finish(mut self, raw: usize) -> Self {
        self.starts.push((self.text.len(), raw));
        self
    }

    /// A text without escapes.
    pub(super) fn plain(raw: &str) -> Self {
        let mut units = Self::new();
        raw.char_indices().for_each(|(place, c)| units.push(c, place));
        units.finish(raw.len())
    }

    /// A parameter of a query, in which a plus is a space.
    pub(super) fn form(raw: &str) -> Self {
        let mut units = Self::new();
        raw.char_indices().for_each(|(place, c)| units.push(if c == '+' { ' ' } else { c }, place));
        units.finish(raw.len()).percent()
    }

    fn raw_at(&self, place: usize) -> usize {
        let found = self.starts.binary_search_by_key(&place, |(decoded, _)| *decoded);
        self.starts[found.unwrap_or_else(|next| next.min(self.starts.len() - 1))].1
    }

    /// What was written, with `edits` of the decoded text made in it; `escape` writes a replacement down.
    pub(super) fn apply(&self, raw: &str, edits: &[Edit], escape: impl Fn(&str) -> String) -> String {
        let mut out = String::with_capacity(raw.len());
        let mut done = 0;
        for (range, replacement) in edits {
            out.push_str(&raw[done..self.raw_at(range.start)]);
            out.push_str(&escape(replacement));
            done = self.raw_at(range.end);
        }
        out.push_str(&raw[done..]);
        out
    }

    /// A string of JavaScript or JSON, without its quotes.
    pub(super) fn script(raw: &str) -> Self {
        let mut units = Self::new();
        let mut place = 0;
        while let Some(c) = raw[place..].chars().next() {
            let rest = &raw[place + c.len_utf8()..];
            if c != '\\' {
                units.push(c, place);
                place += c.len_utf8();
                continue;
            }
            let (decoded, length) = script_escape(rest);
            if let Some(decoded) = decoded {
                units.push(decoded, place);
            }
            place += 1 + length;
        }
        units.finish(raw.len())
    }

    /// A string, name or address of CSS.
    pub(super) fn style(raw: &str) -> Self {
        let mut units = Self::new();
        let mut place = 0;
        while let Some(c) = raw[place..].chars().next() {
            let rest = &raw[place + c.len_utf8()..];
            let digits = rest.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
            if c != '\\' {
                units.push(c, place);
                place += c.len_utf8();
            } else if digits > 0 {
                units.push(from_hex(&rest[..digits]), place);
                let after = &rest[digits..];
                let space = if after.starts_with("\r\n") {
                    2
                } else {
                    usize::from(after.starts_with([' ', '\t', '\n', '\r', '\u{c}']))
                };
                place += 1 + digits + space;
            } else {
                let next = rest.chars().next();
                if let Some(next) = next.filter(|next| !matches!(next, '\n' | '\r' | '\u{c}')) {
                    units.push(next, place);
                }
                place += 1 + next.map_or(0, char::len_utf8);
            }
        }
        units.finish(raw.len())
    }

    /// The same text with its percent-encoded characters decoded, too.
    pub(super) fn percent(self) -> Self {
        if !self.text.contains('%') {
            return self;
        }
        let mut units = Self::new();
        let mut place = 0;
        let end = self.raw_at(self.text.len());
        while let Some(c) = self.text[place..].chars().next() {
            let bytes = encoded_bytes(&self.text[place..]);
            if bytes.is_empty() {
                units.push(c, self.raw_at(place));
                place += c.len_utf8();
                continue;
            }
            // A byte that belongs to no character of UTF-8 is unreadable, and the next one is looked at anew.
            let length = (1..=bytes.len().min(4)).find(|length| std::str::from_utf8(&bytes[..*length]).is_ok());
            let decoded = length.and_then(|length| std::str::from_utf8(&bytes[..length]).ok()?.chars().next());
            units.push(decoded.unwrap_or(unreadable(u32::from(bytes[0]))), self.raw_at(place));
            place += 3 * length.unwrap_or(1);
        }
        units.finish(end)
    }
}

fn unreadable(code: u32) -> char {
    char::from_u32(UNREADABLE + code % 0x1000).unwrap_or('x')
}

fn from_hex(digits: &str) -> char {
    let code = u32::from_str_radix(digits, 16).unwrap_or(u32::MAX);
    char::from_u32(code).unwrap_or_else(|| unreadable(code))
}

/// Up to four bytes that stand percent-encoded at the start of `text`.
fn encoded_bytes(text: &str) -> Vec<u8> {
    let triples = text.as_bytes().chunks_exact(3).take(4);
    let hex = |byte: u8| char::from(byte).to_digit(16);
    let decoded = triples.map_while(|triple| match triple {
        [b'%', high, low] => Some((hex(*high)? * 16 + hex(*low)?) as u8),
        _ => None,
    });
    decoded.collect()
}

/// What the escape whose backslash stands before `rest` stands for, and its length without the backslash.
fn script_escape(rest: &str) -> (Option<char>, usize) {
    let hex = |from: usize, length: usize| {
        let digits = rest.get(from..from + length)?;
        digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let Some(first) = rest.chars().next() else { return (None, 0) };
    match first {
        'n' => (Some('\n'), 1),
        't' => (Some('\t'), 1),
        'r' => (Some('\r'), 1),
        'b' => (Some('\u{8}'), 1),
        'f' => (Some('\u{c}'), 1),
        'v' => (Some('\u{b}'), 1),
        '\r' if rest.starts_with("\r\n") => (None, 2),
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => (None, first.len_utf8()),
        '0'..='7' => {
            let mut length = rest.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            if first > '3' {
                length = length.min(2);
            }
            (u32::from_str_radix(&rest[..length], 8).ok().and_then(char::from_u32), length)
        }
        'x' => match hex(1, 2) {
            Some(code) => (char::from_u32(code), 3),
            None => (Some('x'), 1),
        },
        'u' if rest.starts_with("u{") => match rest.find('}') {
            Some(end) => (Some(from_hex(&rest[2..end])), end + 1),
            None => (Some('u'), 1),
        },
        'u' => match hex(1, 4) {
            Some(high @ 0xD800..=0xDBFF) => match hex(7, 4).filter(|_| rest[5..].starts_with("\\u")) {
                Some(low @ 0xDC00..=0xDFFF) => {
                    (char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00)), 11)
                }
                Some(_) | None => (Some(unreadable(high)), 5),
            },
            Some(code) => (Some(char::from_u32(code).unwrap_or_else(|| unreadable(code))), 5),
            None => (Some('u'), 1),
        },
        other => (Some(other), other.len_utf8()),
    }
}

/// Writes a text down as part of a string of JavaScript, whatever quotes it stands in, also inside HTML.
pub(super) fn escape_script(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' | '`' | '$' => out.extend(['\\', c]),
            '<' | '\n' | '\r' | '\0' => out.push_str(&format!("\\x{:02X}", c as u32)),
            '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04X}", c as u32)),
            other => out.push(other),
        }
    }
    out
}

/// Writes a text down as part of a string of JSON, also inside HTML.
pub(super) fn escape_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].replace('<', "\\u003c")
}

/// Writes a text down as part of a string of CSS, also inside HTML.
pub(super) fn escape_style(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' | '(' | ')' => out.extend(['\\', c]),
            '<' | '\0'..='\u{1f}' => out.push_str(&format!("\\{:x} ", c as u32)),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_write_a_letter_in_a_script_is_read() {
        for raw in
            ["Jane", r"\u004aane", r"\u{4a}ane", r"\x4aane", r"\112ane", r"J\ane", "Ja\\\nne", r"\J\u0061\u006e\x65"]
        {
            assert_eq!(Units::script(raw).text, "Jane", "{raw}");
        }
        assert_eq!(Units::script(r"\ud83d\ude00").text, "\u{1F600}");
        assert_eq!(Units::script(r"a\n\/").text, "a\n/");
    }

    #[test]
    fn every_way_to_write_a_letter_in_a_stylesheet_is_read() {
        for raw in ["Jane", r"\4a ane", r"\00004aane", r"\Jane", "Ja\\\nne"] {
            assert_eq!(Units::style(raw).text, "Jane", "{raw}");
        }
    }

    #[test]
    fn percent_encoding_is_read_as_utf_8_and_other_bytes_count_as_letters() {
        assert_eq!(Units::plain("%4A%61ne%20Zo%C3%AB").percent().text, "Jane Zoë");
        assert_eq!(Units::script(r"\x254aane").percent().text, "Jane");
        assert!(Units::plain("%CF%F0%E8").percent().text.chars().all(char::is_alphanumeric));
        assert_eq!(Units::plain("100%").percent().text, "100%");
    }

    #[test]
    fn an_edit_replaces_what_was_written_and_leaves_the_rest_as_it_was() {
        let raw = r"a\u0020\u004aane\n";
        let units = Units::script(raw);
        assert_eq!(units.apply(raw, &[(2..6, "Q<".to_owned())], escape_script), r"a\u0020Q\x3C\n");
    }
}
