//! Where in a JSON text a value stands, so that a mistake found later can point at its line.

use std::ops::Range;

use crate::model::strict_json::unmarked;

/// One step into a JSON document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'a> {
    /// A member of an object.
    Key(&'a str),
    /// An element of an array, from 0.
    Index(usize),
}

/// The byte range of the value at `path` in `text`; none when it is not there. `text` must be valid JSON.
pub fn find(text: &str, path: &[Step<'_>]) -> Option<Range<usize>> {
    let mut scan = Scan { bytes: text.as_bytes(), at: text.len() - unmarked(text).len() };
    for step in path {
        scan.space();
        match step {
            Step::Key(wanted) => scan.enter_object(text, wanted)?,
            Step::Index(wanted) => scan.enter_array(*wanted)?,
        }
    }
    scan.space();
    let start = scan.at;
    scan.skip_value()?;
    Some(start..scan.at)
}

/// Splits `a.b[2].c` into steps.
pub fn steps(path: &str) -> Vec<Step<'_>> {
    path.split('.')
        .flat_map(|part| {
            let (name, rest) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
            let indexes = rest.split('[').filter_map(|index| index.trim_end_matches(']').parse().ok().map(Step::Index));
            let key = (!name.is_empty()).then_some(Step::Key(name));
            key.into_iter().chain(indexes).collect::<Vec<_>>()
        })
        .collect()
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn string(&mut self) -> Option<Range<usize>> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(start..self.at - 1)
    }

    fn enter_object(&mut self, text: &str, wanted: &str) -> Option<()> {
        self.take(b'{')?;
        loop {
            let key = self.string()?;
            self.take(b':')?;
            if text.get(key) == Some(wanted) {
                return Some(());
            }
            self.skip_value()?;
            self.take(b',')?;
        }
    }

    fn enter_array(&mut self, wanted: usize) -> Option<()> {
        self.take(b'[')?;
        for _ in 0..wanted {
            self.skip_value()?;
            self.take(b',')?;
        }
        Some(())
    }

    fn skip_value(&mut self) -> Option<()> {
        self.space();
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' | b'[' => {
                let mut depth = 0_usize;
                loop {
                    match self.peek()? {
                        b'"' => {
                            self.string()?;
                            continue;
                        }
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => depth -= 1,
                        _ => {}
                    }
                    self.at += 1;
                    if depth == 0 {
                        return Some(());
                    }
                }
            }
            _ => {
                while self.peek().is_some_and(|byte| !matches!(byte, b',' | b'}' | b']') && !byte.is_ascii_whitespace())
                {
                    self.at += 1;
                }
                Some(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_behind_strings_that_look_like_structure() {
        let text = r#"{ "a}": "x\"]{", "list": [ {"k": 1}, {"k": [true, "here"]} ] }"#;
        let range = find(text, &steps("list[1].k[1]")).unwrap();
        assert_eq!(&text[range], "\"here\"");
        assert_eq!(find(text, &steps("list[2]")), None);
        assert_eq!(find(text, &steps("none")), None);
    }
}
