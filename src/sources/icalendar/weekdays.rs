//! The weekdays of a rule (`BYDAY`), and how they are written for the library, which would take some of them for fewer.

use jiff::civil;

use super::parts::{Fault, Parts};
use super::values;

/// A weekday, and which one of a month or a year where it has a number: from the end where that is negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Weekday<'a> {
    number: Option<i64>,
    name: &'a str,
}

const NAMES: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Whether `text` is a weekday in upper case.
pub fn is_weekday(text: &str) -> bool {
    NAMES.contains(&text)
}

/// The weekday of this name.
pub fn named(name: &str) -> Option<civil::Weekday> {
    let at = NAMES.iter().position(|known| *known == name)?;
    civil::Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

/// The name of a weekday.
pub fn name(day: civil::Weekday) -> &'static str {
    match day {
        civil::Weekday::Monday => "MO",
        civil::Weekday::Tuesday => "TU",
        civil::Weekday::Wednesday => "WE",
        civil::Weekday::Thursday => "TH",
        civil::Weekday::Friday => "FR",
        civil::Weekday::Saturday => "SA",
        civil::Weekday::Sunday => "SU",
    }
}

/// Reads weekdays between commas, in upper case.
pub fn read(text: &str) -> Result<Vec<Weekday<'_>>, Fault> {
    let item = |item| one(item).ok_or_else(|| Fault::new(format!("BYDAY {item:?} is no weekday"), HELP));
    text.split(',').map(item).collect()
}

const HELP: &str = "write weekdays such as MO, 2TU or -1FR between commas, without spaces";

fn one(item: &str) -> Option<Weekday<'_>> {
    let name = NAMES.into_iter().find(|name| item.ends_with(name))?;
    let (number, name) = item.split_at(item.len() - name.len());
    if number.is_empty() {
        return Some(Weekday { number: None, name });
    }
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    let read = values::digits(digits).filter(|read| digits.len() <= 2 && (1..=53).contains(read))?;
    Some(Weekday { number: Some(if number.starts_with('-') { -read } else { read }), name })
}

/// The parts that make the library expand the union of `days`, as RFC 5545 asks.
///
/// The library intersects plain weekdays with numbered ones. So a number is left out where its weekday stands there without
/// one, and beside other numbers a plain weekday becomes all its numbers.
pub(crate) fn for_library(days: Vec<Weekday<'_>>, rule: &Parts) -> Result<Vec<String>, Fault> {
    let plain: Vec<&str> = days.iter().filter(|day| day.number.is_none()).map(|day| day.name).collect();
    let numbered: Vec<(i64, &str)> = days
        .iter()
        .filter(|day| !plain.contains(&day.name))
        .filter_map(|day| day.number.map(|number| (number, day.name)))
        .collect();
    let by_day = |items: Vec<String>| format!("BYDAY={}", items.join(","));
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    if days.iter().all(|day| day.number.is_none()) {
        return Ok(vec![by_day(names(&plain))]);
    }
    // A number that would be left out is judged as well: where it cannot stand, somebody means another rule.
    // How many of one weekday a period can have, and the days from its end among which the earliest of so many is.
    let (most, days_from, last) = match (rule.get("FREQ"), rule.get("BYMONTH")) {
        (Some("MONTHLY"), _) => (5, "BYMONTHDAY", "-29,-30,-31"),
        (Some("YEARLY"), None) => (53, "BYYEARDAY", "-365,-366"),
        // The library itself counts these five from the end.
        (Some("YEARLY"), Some(_)) => (5, "", ""),
        (_, _) => {
            let help = "write BYDAY without numbers, or FREQ=MONTHLY or YEARLY";
            return Err(Fault::new("numbers weekdays where there is nothing to count them in", help));
        }
    };
    if let Some(number) = days.iter().filter_map(|day| day.number).find(|number| number.abs() > most) {
        return Err(Fault::new(format!("BYDAY numbers a weekday {number}, which no month has"), HELP));
    }
    if numbered.is_empty() {
        return Ok(vec![by_day(names(&plain))]);
    }
    // The library does not read these, and a rule that has nothing else can be written in another way.
    if !last.is_empty() && numbered.iter().any(|(number, _)| *number == -most) {
        if !plain.is_empty() || numbered.iter().any(|(number, _)| *number != -most) || rule.get(days_from).is_some() {
            let message = format!("BYDAY numbers a weekday -{most} beside other days");
            return Err(Fault::new(message, "give this weekday an RRULE of its own"));
        }
        let weekdays: Vec<&str> = numbered.iter().map(|(_, name)| *name).collect();
        return Ok(vec![by_day(names(&weekdays)), format!("{days_from}={last}")]);
    }
    let every = plain.iter().flat_map(|name| (1..=most).map(move |number| (number, *name)));
    Ok(vec![by_day(numbered.iter().copied().chain(every).map(|(number, name)| format!("{number}{name}")).collect())])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(rule: &str) -> Result<String, String> {
        Parts::read(rule).and_then(|parts| parts.for_library()).map_err(|fault| fault.message)
    }

    #[test]
    fn a_weekday_that_cannot_be_read_is_not_taken_for_a_plain_one() {
        for bad in [
            "",
            ",",
            "MO,",
            "1MO, 3MO",
            "1 MO",
            " MO",
            "MO ",
            "0MO",
            "54MO",
            "100MO",
            "+MO",
            "-MO",
            "--1MO",
            "1.5MO",
            "XX",
            "M",
            "MON",
            "1",
            "MO\u{200b}",
            "\u{200b}MO",
            "1\u{200b}MO",
            "\u{661}MO",
            "\u{e9}",
            "MO;TU",
            "٢MO",
        ] {
            assert!(read(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(
            read("MO,+1TU,-53SU,02WE").unwrap().iter().map(|day| day.number).collect::<Vec<_>>(),
            [None, Some(1), Some(-53), Some(2)]
        );
    }

    #[test]
    fn a_plain_weekday_holds_its_numbered_ones() {
        assert_eq!(written("FREQ=MONTHLY;BYDAY=MO,TU,1MO").unwrap(), "FREQ=MONTHLY;BYDAY=MO,TU");
        assert_eq!(written("FREQ=YEARLY;BYDAY=-1SU,SU").unwrap(), "FREQ=YEARLY;BYDAY=SU");
    }

    #[test]
    fn a_plain_weekday_beside_other_numbers_becomes_all_its_numbers() {
        assert_eq!(written("FREQ=MONTHLY;BYDAY=FR,1MO").unwrap(), "FREQ=MONTHLY;BYDAY=1MO,1FR,2FR,3FR,4FR,5FR");
        assert_eq!(
            written("FREQ=YEARLY;BYMONTH=3;BYDAY=FR,-5MO").unwrap(),
            "FREQ=YEARLY;BYMONTH=3;BYDAY=-5MO,1FR,2FR,3FR,4FR,5FR"
        );
        assert!(written("FREQ=YEARLY;BYDAY=FR,1MO").unwrap().ends_with(",52FR,53FR"));
    }

    #[test]
    fn the_earliest_weekday_from_the_end_stands_alone_or_is_refused() {
        assert_eq!(written("FREQ=MONTHLY;BYDAY=-5FR").unwrap(), "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=-29,-30,-31");
        assert_eq!(written("FREQ=YEARLY;BYDAY=-53FR,-53SA").unwrap(), "FREQ=YEARLY;BYDAY=FR,SA;BYYEARDAY=-365,-366");
        for beside in ["BYDAY=-5FR,1MO", "BYDAY=-5FR,MO", "BYDAY=-5FR;BYMONTHDAY=1"] {
            let message = written(&format!("FREQ=MONTHLY;{beside}")).expect_err(beside);
            assert!(message.contains("-5 beside other days"), "{message}");
        }
    }

    #[test]
    fn numbers_are_refused_where_nothing_counts_so_far() {
        for bad in ["FREQ=MONTHLY;BYDAY=6MO", "FREQ=YEARLY;BYMONTH=1;BYDAY=-6MO"] {
            assert!(written(bad).expect_err(bad).contains("no month has"));
        }
        for bad in ["FREQ=WEEKLY;BYDAY=1MO", "FREQ=WEEKLY;BYDAY=MO,1MO", "FREQ=DAILY;BYDAY=1MO"] {
            assert!(written(bad).expect_err(bad).contains("nothing to count them in"));
        }
    }
}
