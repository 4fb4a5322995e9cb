//! JSON, scrubbed where it stands: order, white space and doubled keys stay as they were.

use serde::de::IgnoredAny;

use super::Scrubber;
use super::judge::Level;
use super::units::{Units, escape_json};

/// What some portals write before JSON so that it is no script.
const GUARD: &str = ")]}'";

impl Scrubber {
    /// JSON: keys as names, strings as values, numbers of two digits and more as other numbers. What is no JSON is
    /// treated as a text.
    pub fn json(&self, json: &str) -> String {
        if let Some((guard, rest)) = json.split_once('\n')
            && guard.starts_with(GUARD)
            && guard[GUARD.len()..].trim_matches([',', '\r']).is_empty()
        {
            return format!("{guard}\n{}", self.json(rest));
        }
        if serde_json::from_str::<IgnoredAny>(json).is_err() {
            return self.text(json);
        }
        self.valid_json(json)
    }

    fn valid_json(&self, json: &str) -> String {
        let mut out = String::with_capacity(json.len());
        let mut place = 0;
        while let Some(first) = json[place..].chars().next() {
            let rest = &json[place..];
            let length = match first {
                '"' => string_length(rest),
                '-' | '0'..='9' => {
                    rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(rest.len())
                }
                other => other.len_utf8(),
            };
            let piece = &rest[..length];
            place += length;
            match first {
                '"' => {
                    let raw = &piece[1..length.max(2) - 1];
                    let key = json[place..].trim_start().starts_with(':');
                    out.push('"');
                    out.push_str(&self.json_string(raw, key));
                    out.push('"');
                }
                '-' | '0'..='9' => out.push_str(&self.json_number(piece)),
                other => out.push(other),
            }
        }
        out
    }

    fn json_string(&self, raw: &str, key: bool) -> String {
        let units = Units::script(raw);
        if key {
            let units = units.percent();
            units.apply(raw, &self.judge.edits(&units.text, Level::of_name(&units.text)), escape_json)
        } else {
            units.apply(raw, &self.value_edits(&units.text), escape_json)
        }
    }

    fn json_number(&self, number: &str) -> String {
        if let Some(stand_in) = self.judge.phrases.stand_in(number)
            && serde_json::from_str::<serde_json::Number>(stand_in).is_ok()
        {
            return stand_in.to_owned();
        }
        if self.judge.permits(number) || number.bytes().filter(u8::is_ascii_digit).count() <= 1 {
            return number.to_owned();
        }
        let end = number.find(['e', 'E']).unwrap_or(number.len());
        let (digits, exponent) = number.split_at(end);
        let parts: Vec<String> = digits.split('.').map(|part| self.digits(part)).collect();
        parts.join(".") + exponent
    }

    /// A run of digits, with or without a sign.
    pub(super) fn digits(&self, part: &str) -> String {
        let unsigned = part.trim_start_matches('-');
        let sign = &part[..part.len() - unsigned.len()];
        if unsigned.is_empty() { part.to_owned() } else { format!("{sign}{}", self.judge.key.word(unsigned)) }
    }
}

/// Length of the string that starts `text`, with its quotes.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::scrub::Permission;

    fn scrubber() -> Scrubber {
        let permission = Permission {
            phrases: ["Draft".into(), "42".into()].into(),
            names: ["state".into(), "id".into()].into(),
            pairs: vec![("CHG-77".into(), "CHG-11".into())],
            ..Permission::default()
        };
        Scrubber::new(permission, [5; 32]).unwrap()
    }

    #[test]
    fn keys_values_and_numbers_keep_what_is_permitted_alone() {
        let json = r#"{"state": "Draft", "Quimby": "Jane \u0051uimby", "id": [42, 7, 4711, -12.50e3, true, null], "x": "CHG-77"}"#;
        let out = scrubber().json(json);
        for secret in ["Quimby", "u0051", "Jane", "uimby", "4711", "12.50"] {
            assert!(!out.contains(secret), "{secret} in {out}");
        }
        assert!(out.starts_with(r#"{"state": "Draft", ""#), "{out}");
        assert!(out.contains("[42, 7, ") && out.contains("e3, true, null]") && out.contains("\"CHG-11\"}"), "{out}");
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        let key = value.as_object().unwrap().keys().nth(1).unwrap();
        assert!(value[key].as_str().unwrap().ends_with(key.as_str()));
    }

    #[test]
    fn what_is_no_json_is_scrubbed_as_text() {
        let out = scrubber().json(r#"{"state": Jane"#);
        assert!(!out.contains("state") && !out.contains("Jane"), "{out}");
        let out = scrubber().json(")]}',\n{\"state\":\"Jane\"}");
        assert!(out.starts_with(")]}',\n{\"state\":\"") && !out.contains("Jane"), "{out}");
    }

    #[test]
    fn an_escape_hides_no_word_and_a_number_stays_one() {
        let out = scrubber().json(r#"{"\u004aane":"\/\u004a\u0061\u006e\u0065","n":100000}"#);
        assert!(!out.contains("u004a") && !out.contains("u0061") && !out.contains("100000"), "{out}");
        assert!(serde_json::from_str::<serde_json::Value>(&out).is_ok(), "{out}");
    }
}
