//! Who may sign with which key: the allowed-signers file of OpenSSH (`man ssh-keygen`, ALLOWED SIGNERS).
//!
//! Lines mean what they mean to `ssh-keygen -Y verify`, with one difference: OpenSSH passes over a line that it cannot read,
//! here the whole file is refused, so that nobody believes a line to count that does not.

use std::path::Path;

use jiff::tz::TimeZone;

use super::patterns::matches_list;
use super::public_key::KeyBlob;
use super::statement::NAMESPACE;
use super::validity;
use crate::diagnostic::Diagnostic;
use crate::model::gates::SignatureFault;
use crate::model::ids::PersonId;
use crate::model::time::Instant;

/// The lines of an allowed-signers file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedSigners(Vec<AllowedSigner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct AllowedSigner {
    /// Pattern list.
    principals: String,
    options: Options,
    key: KeyBlob,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Options {
    /// The key signs certificates. It is no signer itself then.
    authority: bool,
    /// Pattern list; any namespace when there is none.
    namespaces: Option<String>,
    valid_after: Option<Instant>,
    valid_before: Option<Instant>,
}

/// What is wrong with a line, from which byte of it on.
struct Wrong {
    at: usize,
    message: String,
    help: &'static str,
}

const BLANK: [char; 2] = [' ', '\t'];
const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
const FORM: &str = "a line is: principals, options if any, key type, key in base64 (`man ssh-keygen`, ALLOWED SIGNERS)";

impl AllowedSigners {
    /// Reads the text of the file at `path`. Times without `Z` are read on the clocks of `zone`.
    ///
    /// # Errors
    ///
    /// A [`Diagnostic`] with the first line that cannot be read: no key, an unknown option, an option given twice, a time that
    /// does not exist, an end before the beginning.
    pub fn parse(path: &Path, text: &str, zone: &TimeZone) -> Result<Self, Diagnostic> {
        let mut lines = Vec::new();
        let mut start = 0;
        for whole in text.split_inclusive('\n') {
            let line = whole.trim_start_matches(SPACE);
            let indent = whole.len() - line.len();
            let line = line.trim_end_matches(SPACE);
            if !line.is_empty() && !line.starts_with('#') {
                let read = read_line(line, zone).map_err(|wrong| {
                    let at = start + indent + wrong.at;
                    let end = start + indent + line.len();
                    Diagnostic::at(path, text, at..end, None, wrong.message, wrong.help)
                })?;
                lines.push(read);
            }
            start += whole.len();
        }
        Ok(Self(lines))
    }

    /// Whether `key` may sign as `principal` at `at`, judged to the second.
    ///
    /// # Errors
    ///
    /// The fault of the line that comes nearest: the person and the key fit but not the time, or not the namespace; or
    /// [`SignatureFault::NoSuchSigner`].
    pub fn admits(&self, key: &KeyBlob, principal: &PersonId, at: Instant) -> Result<(), SignatureFault> {
        let mut nearest = SignatureFault::NoSuchSigner;
        let lines = self.0.iter().filter(|line| {
            !line.options.authority && line.key == *key && matches_list(principal.as_str(), &line.principals)
        });
        for line in lines {
            match line.options.admit(at) {
                Ok(()) => return Ok(()),
                // A key that misses by its time alone is nearer than one for another purpose.
                Err(SignatureFault::OtherNamespace) if nearest != SignatureFault::NoSuchSigner => {}
                Err(fault) => nearest = fault,
            }
        }
        Err(nearest)
    }
}

impl Options {
    fn admit(&self, at: Instant) -> Result<(), SignatureFault> {
        if self.namespaces.as_ref().is_some_and(|list| !matches_list(NAMESPACE, list)) {
            return Err(SignatureFault::OtherNamespace);
        }
        // OpenSSH counts whole seconds, and both ends are inside.
        let second = at.timestamp().as_second();
        if self.valid_after.is_some_and(|first| second < first.timestamp().as_second()) {
            return Err(SignatureFault::NotYetValid);
        }
        if self.valid_before.is_some_and(|last| second > last.timestamp().as_second()) {
            return Err(SignatureFault::NoLongerValid);
        }
        Ok(())
    }
}

fn read_line(line: &str, zone: &TimeZone) -> Result<AllowedSigner, Wrong> {
    let (principals, rest) = read_principals(line)?;
    let rest_at = line.len() - rest.len();
    if let Some(key) = KeyBlob::from_text(rest) {
        return Ok(AllowedSigner { principals, options: Options::default(), key });
    }
    let length = options_length(rest);
    let (options, key) = rest.split_at(length);
    let key = key.trim_start_matches(BLANK);
    if key.is_empty() {
        return Err(Wrong { at: rest_at, message: "this line names no key".into(), help: FORM });
    }
    let key_at = line.len() - key.len();
    let key = KeyBlob::from_text(key).ok_or_else(|| Wrong {
        at: key_at,
        message: "this is no public key".into(),
        help: "write the key type and the key as the .pub file has them",
    })?;
    // The key first: where it is damaged, its type would pass for an option that nobody knows.
    let options = read_options(options, zone).map_err(|wrong| Wrong { at: rest_at + wrong.at, ..wrong })?;
    Ok(AllowedSigner { principals, options, key })
}

/// The first word; quotes keep blanks in it and end it.
fn read_principals(line: &str) -> Result<(String, &str), Wrong> {
    let wrong = |message: &str| Wrong { at: 0, message: message.into(), help: FORM };
    let delimiter = line.find(|c| SPACE.contains(&c) || c == '"').ok_or_else(|| wrong("this line names no key"))?;
    let (first, rest) = line.split_at(delimiter);
    let (principals, rest) = match rest.strip_prefix('"') {
        Some(quoted) => {
            let (quoted, rest) = quoted.split_once('"').ok_or_else(|| wrong("this quote is not closed"))?;
            (format!("{first}{quoted}"), rest)
        }
        None => (first.to_owned(), rest),
    };
    if principals.is_empty() {
        return Err(wrong("this line names nobody"));
    }
    Ok((principals, rest.trim_start_matches(SPACE)))
}

/// Length of the options before the first blank outside of quotes.
fn options_length(text: &str) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' if escaped => {}
            '"' => quoted = !quoted,
            _ if !quoted && SPACE.contains(&character) => return at,
            _ => {}
        }
        escaped = character == '\\';
    }
    text.len()
}

fn read_options(text: &str, zone: &TimeZone) -> Result<Options, Wrong> {
    const KNOWN: &str = "known options: cert-authority, namespaces=\"...\", valid-after=\"...\", valid-before=\"...\"";
    let mut options = Options::default();
    let mut rest = text;
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let wrong = |message: String| Wrong { at, message, help: KNOWN };
        if let Some(after) = named(rest, "cert-authority") {
            options.authority = true;
            rest = after;
        } else if let Some(after) = named(rest, "namespaces=") {
            let (value, after) = dequoted(after).map_err(|message| wrong(message.into()))?;
            once(&mut options.namespaces, value).map_err(wrong)?;
            rest = after;
        } else if let Some((slot, after)) = named(rest, "valid-after=")
            .map(|after| (&mut options.valid_after, after))
            .or_else(|| named(rest, "valid-before=").map(|after| (&mut options.valid_before, after)))
        {
            let (value, after) = dequoted(after).map_err(|message| wrong(message.into()))?;
            once(slot, validity::parse(&value, zone).map_err(wrong)?).map_err(wrong)?;
            rest = after;
        }
        match rest.strip_prefix(',') {
            Some("") => return Err(wrong("an option is missing after the comma".into())),
            Some(after) => rest = after,
            None if rest.is_empty() => {}
            None => return Err(wrong("this is neither a key nor a known option".into())),
        }
    }
    match (options.valid_after, options.valid_before) {
        (Some(first), Some(last)) if last <= first => {
            Err(Wrong { at: 0, message: "valid-before is not after valid-after".into(), help: KNOWN })
        }
        _ => Ok(options),
    }
}

/// What follows `name`, in whatever case it is written.
fn named<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).map(|_| &text[name.len()..])
}

fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), String> {
    if slot.replace(value).is_some() { Err("this option stands here twice".into()) } else { Ok(()) }
}

/// A value in double quotes, `\"` for a quote inside, and what follows it.
fn dequoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut rest = text.strip_prefix('"').ok_or("the value has to stand in double quotes")?;
    let mut value = String::new();
    loop {
        if let Some(after) = rest.strip_prefix("\\\"") {
            value.push('"');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('"') {
            return Ok((value, after));
        } else {
            let mut characters = rest.chars();
            value.push(characters.next().ok_or("this quote is not closed")?);
            rest = characters.as_str();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUzbwGmPMcUxRBvRKM3S6TMoXl8bVbAZ0sxs9OhQLgk";

    fn read(text: &str) -> Result<AllowedSigners, String> {
        AllowedSigners::parse(Path::new("signers"), text, &TimeZone::UTC).map_err(|error| error.to_string())
    }

    fn judged(text: &str, at: &str) -> Result<(), SignatureFault> {
        let text = text.replace("KEY", KEY);
        let person = PersonId::parse("maria.chen").unwrap();
        read(&text).unwrap().admits(&KeyBlob::from_text(KEY).unwrap(), &person, Instant::parse(at).unwrap())
    }

    const NOW: &str = "2026-12-01T12:00:00Z";

    #[test]
    fn a_line_counts_for_its_principals_namespaces_and_times_alone() {
        use SignatureFault::{NoLongerValid, NoSuchSigner, NotYetValid, OtherNamespace};
        for (line, expected) in [
            ("maria.chen KEY", Ok(())),
            ("\t maria.chen  KEY a comment", Ok(())),
            ("\"maria.chen\"KEY", Ok(())),
            ("MARIA.CHEN KEY", Err(NoSuchSigner)),
            ("*,!maria.* KEY", Err(NoSuchSigner)),
            ("maria.chen cert-authority KEY", Err(NoSuchSigner)),
            ("maria.chen NameSpaces=\"file,portal-*\" KEY", Ok(())),
            ("maria.chen namespaces=\"file\" KEY", Err(OtherNamespace)),
            ("maria.chen namespaces=\"\" KEY", Err(OtherNamespace)),
            ("maria.chen namespaces=\"a\\\" b,portal-*\" KEY", Ok(())),
            ("maria.chen valid-after=\"202612011200Z\" KEY", Ok(())),
            ("maria.chen valid-after=\"20261201120001Z\" KEY", Err(NotYetValid)),
            ("maria.chen valid-before=\"202612011200Z\" KEY", Ok(())),
            ("maria.chen valid-before=\"20261201115959Z\" KEY", Err(NoLongerValid)),
            ("maria.chen ,,valid-after=\"20260101Z\",namespaces=\"*\" KEY", Ok(())),
        ] {
            assert_eq!(judged(line, NOW), expected, "{line}");
        }
    }

    #[test]
    fn any_line_that_fits_suffices_and_the_nearest_miss_is_told() {
        let old = "maria.chen valid-before=\"20200101Z\" KEY\n";
        let other = "maria.chen namespaces=\"file\" KEY\n";
        assert_eq!(judged(&format!("# keys\n\n{old}{other}*.chen KEY\n"), NOW), Ok(()));
        assert_eq!(judged(&format!("{old}{other}"), NOW), Err(SignatureFault::NoLongerValid));
        assert_eq!(judged(&format!("{other}{old}"), NOW), Err(SignatureFault::NoLongerValid));
        assert_eq!(judged(&format!("{other}tom.okafor KEY"), NOW), Err(SignatureFault::OtherNamespace));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_with_what_is_wrong() {
        for (line, expected) in [
            ("maria.chen", "names no key"),
            ("maria.chen namespaces=\"file\"", "names no key"),
            ("\"maria.chen KEY", "quote is not closed"),
            ("\"\" KEY", "names nobody"),
            ("maria.chen ssh-ed25519 AAAA", "is no public key"),
            ("maria.chen no-touch-required KEY", "neither a key nor a known option"),
            ("maria.chen namespaces=file KEY", "double quotes"),
            ("maria.chen namespaces=\"file KEY", "names no key"),
            ("maria.chen namespaces=\"a\",namespaces=\"b\" KEY", "stands here twice"),
            ("maria.chen cert-authority, KEY", "missing after the comma"),
            ("maria.chen cert-authorities KEY", "neither a key nor a known option"),
            ("maria.chen valid-after=\"soon\" KEY", "YYYYMMDD"),
            ("maria.chen valid-after=\"20260101Z\",valid-before=\"20260101Z\" KEY", "not after"),
        ] {
            let text = format!("# one\ntom KEY\n  {line}\n").replace("KEY", KEY);
            let told = read(&text).unwrap_err();
            assert!(told.contains(expected) && told.contains("signers:3:"), "{line}: {told}");
        }
    }

    #[test]
    fn a_file_without_lines_admits_nobody() {
        assert_eq!(judged("", NOW), Err(SignatureFault::NoSuchSigner));
        assert_eq!(judged("# maria.chen KEY\n\n", NOW), Err(SignatureFault::NoSuchSigner));
    }
}
