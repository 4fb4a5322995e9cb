//! How much is taken from a page. What is longer is cut and says so, so that it equals nothing that was wanted.

use serde::{Deserialize, Deserializer};

/// Longest value of a control, in characters.
const VALUE: usize = 100_000;

/// Longest of every other text, in characters.
const TEXT: usize = 2_000;

/// Most texts of one list; one more says how many there were.
const TEXTS: usize = 100;

/// Most options of a control.
const OPTIONS: usize = 20_000;

/// Most rows of the list of exceptions. A longer one cannot be judged.
pub(crate) const ROWS: usize = 2_000;

/// Cuts a text after `most` characters, and tells how many it had.
fn cut(text: String, most: usize) -> String {
    // No text has more characters than bytes.
    if text.len() <= most {
        return text;
    }
    match text.char_indices().nth(most) {
        None => text,
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
    }
}

/// A text of the page or of the browser.
pub fn text(text: String) -> String {
    cut(text, TEXT)
}

fn of_list(list: Vec<String>) -> Vec<String> {
    let further = list.len().saturating_sub(TEXTS);
    let mut kept: Vec<String> = list.into_iter().take(TEXTS).map(text).collect();
    if further > 0 {
        kept.push(format!("… ({further} more)"));
    }
    kept
}

pub(super) fn one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map(text)
}

pub(super) fn perhaps_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(text))
}

pub(super) fn several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Vec::deserialize(deserializer).map(of_list)
}

pub(super) fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(|text| cut(text, VALUE)))
}

pub(super) fn choices<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    Ok(Option::<Vec<String>>::deserialize(deserializer)?.map(of_list))
}

pub(super) fn options<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let list = Vec::<String>::deserialize(deserializer)?;
    Ok(list.into_iter().take(OPTIONS).map(text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_with_its_length_told_and_is_no_shorter_one() {
        let (short, long) = ("ä".repeat(TEXT), "ä".repeat(TEXT + 1));
        assert_eq!(text(short.clone()), short);
        assert_eq!(text(long), format!("{short}… ({} characters)", TEXT + 1));
    }

    #[test]
    fn a_list_is_cut_with_its_count_told() {
        let list = |count: usize| vec!["alert".to_owned(); count];
        assert_eq!(of_list(list(TEXTS)), list(TEXTS));
        let cut = of_list(list(20_000));
        assert_eq!((cut.len(), cut[TEXTS].as_str()), (TEXTS + 1, "… (19900 more)"));
    }
}
