//! Content lines of an iCalendar stream: unfolded, split into name, parameters and value, each with its place.

use std::ops::Range;

use super::Wrong;

/// One content line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Name in upper case.
    pub name: String,
    /// Parameters: name in upper case, value without its quotes.
    parameters: Vec<(String, String)>,
    /// Value as written, escapes included.
    pub value: String,
    /// Where it stands in the file, folds included.
    pub span: Range<usize>,
}

impl Line {
    /// The parameter of this name, which is in upper case.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Whether both say the same, wherever they stand.
    pub(crate) fn says_the_same_as(&self, other: &Self) -> bool {
        (&self.name, &self.parameters, &self.value) == (&other.name, &other.parameters, &other.value)
    }
}

const HELP: &str = "write NAME;PARAMETER=VALUE:VALUE, and begin folded lines with a space";

/// All content lines of `text`.
pub fn lines(text: &str) -> Result<Vec<Line>, Wrong> {
    if let Some(at) = text.find('\0') {
        return Err(Wrong::at(&(at..at + 1), "NUL", "a calendar is text and holds no NUL byte", "publish it anew"));
    }
    // A byte order mark says nothing in UTF-8; some programs write it.
    let mut at = text.len() - text.trim_start_matches('\u{feff}').len();
    let mut folded: Vec<(String, Range<usize>)> = Vec::new();
    for raw in text[at..].split_inclusive('\n') {
        let line = raw.strip_suffix('\n').unwrap_or(raw);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let span = at..at + line.len();
        at += raw.len();
        match line.strip_prefix([' ', '\t']) {
            Some(rest) => match folded.last_mut() {
                Some((whole, place)) => {
                    whole.push_str(rest);
                    place.end = span.end;
                }
                None if rest.trim().is_empty() => {}
                None => return Err(Wrong::at(&span, "line", "continues a line that is not there", HELP)),
            },
            None if line.is_empty() => {}
            None => folded.push((line.to_owned(), span)),
        }
    }
    folded.into_iter().map(|(line, span)| split(&line, span)).collect()
}

fn split(line: &str, span: Range<usize>) -> Result<Line, Wrong> {
    let wrong = |message: &str| Wrong::at(&span, "line", message, HELP);
    let name_end = line.find([':', ';']).ok_or_else(|| wrong("is neither a property nor the rest of one"))?;
    let name = &line[..name_end];
    if !is_name(name) {
        return Err(wrong("does not start with the name of a property"));
    }
    let mut parameters: Vec<(String, String)> = Vec::new();
    let mut rest = &line[name_end..];
    while let Some(parameter) = rest.strip_prefix(';') {
        let (name, behind) = parameter.split_once('=').ok_or_else(|| wrong("has a parameter without a value"))?;
        if !is_name(name) {
            return Err(wrong("has a parameter without a name"));
        }
        let name = name.to_ascii_uppercase();
        if parameters.iter().any(|(found, _)| *found == name) {
            return Err(wrong("has a parameter twice"));
        }
        let mut quoted = false;
        let end = behind.find(|c| {
            quoted ^= c == '"';
            !quoted && matches!(c, ';' | ':')
        });
        let end = end.ok_or_else(|| wrong("has no value"))?;
        parameters.push((name, behind[..end].replace('"', "")));
        rest = &behind[end..];
    }
    // What is left starts with the colon.
    let value = rest.get(1..).unwrap_or_default().to_owned();
    Ok(Line { name: name.to_ascii_uppercase(), parameters, value, span })
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folded_line_is_joined_and_keeps_its_place() {
        let text = "\u{feff}A:1\r\nDTSTART;TZID=\"a:b\r\n ;c\":20260\r\n\t101T000000\r\nB:\r\n";
        let read = lines(text).unwrap();
        let names: Vec<&str> = read.iter().map(|line| line.name.as_str()).collect();
        assert_eq!(names, ["A", "DTSTART", "B"]);
        assert_eq!(read[1].value, "20260101T000000");
        assert_eq!(read[1].parameter("TZID"), Some("a:b;c"));
        assert!(text[read[1].span.clone()].starts_with("DTSTART"));
        assert_eq!(&text[read[2].span.clone()], "B:");
    }

    #[test]
    fn what_is_not_a_content_line_is_refused() {
        for bad in [" A:1", "no colon", "A B:1", ":1", "A;X:1", "A;=1:1", "A;X=1;X=2:1", "A;X=\"1:1", "A:\0"] {
            assert!(lines(bad).is_err(), "{bad:?} was accepted");
        }
    }
}
