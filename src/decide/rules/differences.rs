//! In what way two values differ, told without either: for a person who may see neither, and has to know what the portal did.

use jiff::civil::{Date, DateTime};

use crate::model::form::FormValue;
use crate::model::time::duration;

/// In what way `held` is not `wanted`; nothing where they are equal.
pub(crate) fn difference(wanted: &FormValue, held: &FormValue) -> Option<String> {
    if wanted == held {
        return None;
    }
    if held.is_blank() {
        return Some("nothing is there".to_owned());
    }
    match (wanted, held) {
        (FormValue::Choices(wanted), FormValue::Choices(held)) => {
            let (missing, more) = (wanted.difference(held).count(), held.difference(wanted).count());
            Some(format!("of {} choices {missing} are missing, and {more} are there instead", wanted.len()))
        }
        (FormValue::Checked(_), FormValue::Checked(_)) => Some("the other state".to_owned()),
        (FormValue::Text(_) | FormValue::Choices(_) | FormValue::Checked(_), _) => {
            Some(of_texts(&wanted.as_text(), &held.as_text()))
        }
    }
}

fn of_texts(wanted: &str, held: &str) -> String {
    let (long, short) = (wanted.chars().count(), held.chars().count());
    let cut = held.trim_end_matches(['…', '.']).trim_end();
    if let Some(apart) = apart(wanted, held) {
        return apart;
    }
    if folded(wanted, str::to_owned) == folded(held, str::to_owned) {
        return "the same but for white space".to_owned();
    }
    if folded(wanted, str::to_lowercase) == folded(held, str::to_lowercase) {
        return "the same but for upper and lower case".to_owned();
    }
    if unescaped(held) == wanted {
        return "the same, with characters written as HTML does".to_owned();
    }
    if !cut.is_empty() && wanted.starts_with(cut) {
        return format!("cut after {} of {long} characters", cut.chars().count());
    }
    if !held.is_empty() && wanted.ends_with(held) {
        return format!("its first {} characters are gone", long - short);
    }
    if held.starts_with(wanted) {
        return format!("{} characters more at its end", short - long);
    }
    if !letters(wanted).is_empty() && letters(wanted) == letters(held) {
        return "the same but for punctuation".to_owned();
    }
    let same = wanted.chars().zip(held.chars()).take_while(|(one, other)| one == other).count();
    if same == 0 { "another text".to_owned() } else { format!("otherwise from character {} on", same + 1) }
}

/// How far two times or two days lie apart; nothing where one is neither.
fn apart(wanted: &str, held: &str) -> Option<String> {
    let moment = |text: &str| {
        let day = || text.parse::<Date>().map(|day| day.at(0, 0, 0, 0));
        text.parse::<DateTime>().or_else(|_| day()).ok()
    };
    let apart = moment(wanted)?.duration_until(moment(held)?).as_secs();
    let hours = if apart % 900 == 0 && apart.abs() <= 14 * 3_600 { ", as in another time zone" } else { "" };
    let way = if apart < 0 { "earlier" } else { "later" };
    (apart != 0).then(|| format!("{} {way}{hours}", duration(apart.abs())))
}

fn folded(text: &str, case: impl Fn(&str) -> String) -> String {
    case(&text.split_whitespace().collect::<String>())
}

fn letters(text: &str) -> String {
    text.chars().filter(|one| one.is_alphanumeric()).collect()
}

fn unescaped(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&#x27;", "'"), ("&amp;", "&")];
    pairs.into_iter().fold(text.to_owned(), |text, (written, meant)| text.replace(written, meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(wanted: &str, held: &str) -> String {
        difference(&FormValue::Text(wanted.into()), &FormValue::Text(held.into())).unwrap_or_default()
    }

    #[test]
    fn the_kind_of_a_difference_is_told_and_neither_value() {
        for (wanted, held, kind) in [
            ("roll back to 41", "", "nothing is there"),
            ("roll back to 41", "roll back", "cut after 9 of 15 characters"),
            ("roll back to 41", "roll ba…", "cut after 7 of 15 characters"),
            ("roll back to 41", "back to 41", "its first 5 characters are gone"),
            ("roll back", "roll back to 41", "6 characters more at its end"),
            ("roll  back\nto 41", "roll back to 41", "the same but for white space"),
            ("Roll Back", "ROLL BACK", "the same but for upper and lower case"),
            ("a < b & c", "a &lt; b &amp; c", "the same, with characters written as HTML does"),
            ("say \"no\" - now", "say “no” – now", "the same but for punctuation"),
            ("2026-11-21T22:00", "2026-11-21T21:00", "60 min earlier, as in another time zone"),
            ("2026-11-21T22:00", "2026-11-23T22:00", "48 h later"),
            ("2026-11-21", "2026-11-22", "24 h later"),
            ("INC0098123", "INC0098132", "otherwise from character 9 on"),
            ("yes", "no", "another text"),
        ] {
            let is = told(wanted, held);
            assert_eq!(is, kind, "{wanted:?} {held:?}");
            assert!(held.chars().count() < 3 || !is.contains(held), "{is}");
        }
        assert_eq!(told("same", "same"), "");
    }

    #[test]
    fn choices_are_counted() {
        let choices = |all: &[&str]| FormValue::Choices(all.iter().map(|one| (*one).to_owned()).collect());
        let is = difference(&choices(&["a", "b", "c"]), &choices(&["a", "d"]));
        assert_eq!(is.as_deref(), Some("of 3 choices 2 are missing, and 1 are there instead"));
    }
}
