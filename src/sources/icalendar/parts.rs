//! The parts of a recurrence rule, read strictly: the library behind takes some texts for another rule, and stops at others.

use super::values;
use super::weekdays;

/// Why a rule is not read, and what to do.
#[derive(Debug)]
pub struct Fault {
    /// What is wrong with the rule.
    pub message: String,
    /// What to do.
    pub help: &'static str,
}

impl Fault {
    /// With this message and advice.
    pub fn new(message: impl Into<String>, help: &'static str) -> Self {
        Self { message: message.into(), help }
    }
}

/// Names and values of a rule, in upper case, each name once.
#[derive(Debug)]
pub(crate) struct Parts(Vec<(String, String)>);

/// What the value of a part is.
enum Kind {
    /// Checked by whoever uses it.
    Plain,
    /// Numbers between commas.
    Numbers,
    /// Weekdays between commas, numbered or not.
    Weekdays,
    Weekday,
}

fn kind(name: &str) -> Result<Kind, Fault> {
    match name {
        "FREQ" | "UNTIL" | "COUNT" | "INTERVAL" => Ok(Kind::Plain),
        "BYSECOND" | "BYMINUTE" | "BYHOUR" | "BYMONTHDAY" | "BYYEARDAY" | "BYMONTH" | "BYSETPOS" => Ok(Kind::Numbers),
        "BYDAY" => Ok(Kind::Weekdays),
        "WKST" => Ok(Kind::Weekday),
        // The library leaves out January days of the last week of a year, and takes all seven days where no BYDAY is.
        "BYWEEKNO" => Err(Fault::new("BYWEEKNO is not read", "list the dates, or use BYMONTH and BYDAY")),
        other => Err(Fault::new(format!("{other} is not read"), "write the rule with the parts of RFC 5545")),
    }
}

impl Parts {
    /// Takes the text of a rule apart.
    pub fn read(text: &str) -> Result<Self, Fault> {
        let mut parts: Vec<(String, String)> = Vec::new();
        for part in text.trim().split(';') {
            let Some((name, value)) = part.split_once('=') else {
                let help = "write NAME=VALUE between semicolons";
                return Err(Fault::new(format!("{part:?} is no part of a rule"), help));
            };
            let (name, value) = (name.to_ascii_uppercase(), value.to_ascii_uppercase());
            match kind(&name)? {
                Kind::Plain => {}
                Kind::Numbers if value.split(',').all(is_number) => {}
                Kind::Numbers => {
                    let help = "write numbers between commas and nothing else, such as 1,15,-1";
                    return Err(Fault::new(format!("{name} {value:?} is no list of numbers"), help));
                }
                Kind::Weekdays => drop(weekdays::read(&value)?),
                Kind::Weekday if weekdays::is_weekday(&value) => {}
                Kind::Weekday => {
                    return Err(Fault::new(format!("{name} {value:?} is no weekday"), "write MO, TU or the like"));
                }
            }
            if parts.iter().any(|(found, _)| *found == name) {
                return Err(Fault::new(format!("{name} stands in it twice"), "write each part once"));
            }
            parts.push((name, value));
        }
        Ok(Self(parts))
    }

    /// The value of this part.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The value of a part that is a number from 1.
    pub(crate) fn positive(&self, name: &str) -> Result<Option<i64>, Fault> {
        match self.get(name).map(values::digits) {
            None => Ok(None),
            Some(Some(number)) if number > 0 => Ok(Some(number)),
            Some(_) => Err(Fault::new(format!("{name} is no positive number"), "write a number from 1")),
        }
    }

    /// The rule without its end, written so that the library takes every one of its weekdays.
    pub(crate) fn for_library(&self) -> Result<String, Fault> {
        let plain = self.0.iter().filter(|(name, _)| !matches!(name.as_str(), "UNTIL" | "COUNT" | "BYDAY"));
        let mut written: Vec<String> = plain.map(|(name, value)| format!("{name}={value}")).collect();
        if let Some(days) = self.get("BYDAY") {
            written.extend(weekdays::for_library(weekdays::read(days)?, self)?);
        }
        Ok(written.join(";"))
    }
}

/// A number of at most three digits, with or without a sign.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.len() <= 3 && values::digits(digits).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_empty_or_holds_anything_but_numbers_is_refused() {
        for name in ["BYSECOND", "BYMINUTE", "BYHOUR", "BYMONTHDAY", "BYYEARDAY", "BYMONTH", "BYSETPOS"] {
            for bad in ["", ",", "1,", "1, 2", " 1", "1\u{200b}", "--1", "1-", "x", "1000", "\u{661}"] {
                let text = format!("FREQ=YEARLY;{name}={bad};COUNT=1");
                let message = Parts::read(&text).expect_err(&text).message;
                assert!(message.starts_with(name), "{message}");
            }
            assert!(Parts::read(&format!("FREQ=YEARLY;{name}=1,-2,+03")).is_ok());
        }
    }

    #[test]
    fn the_start_of_a_week_is_one_weekday() {
        for bad in ["", "M", "MON", "1MO", "MO,TU", "MO\u{200b}", "\u{e9}\u{e9}"] {
            assert!(Parts::read(&format!("FREQ=WEEKLY;WKST={bad}")).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(Parts::read("FREQ=WEEKLY;wkst=su").unwrap().get("WKST"), Some("SU"));
    }
}
