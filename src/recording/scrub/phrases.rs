//! Finds permitted phrases, and texts that have a stand-in, inside a text.
//!
//! Words are marked at both ends, so that one search over the marked text finds whole words only, the longest phrase first.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};

use super::permission::{Permission, ScrubError};
use super::words::{is_count, words};

const MARK: char = '\u{1}';
/// Shortest word, in characters, that is kept inside a text for being a phrase of its own.
const SHORT: usize = 3;

/// A text with its white space folded and its words marked.
pub(super) struct Marked {
    text: String,
    /// Where each byte of it came from.
    origin: Vec<usize>,
    end: usize,
}

impl Marked {
    pub(super) fn new(text: &str) -> Self {
        let mut marked = Self { text: String::new(), origin: Vec::new(), end: text.len() };
        let mut inside = false;
        for (place, c) in text.char_indices() {
            if c.is_alphanumeric() != inside {
                inside = !inside;
                marked.push(MARK, place);
            }
            if !c.is_whitespace() {
                marked.push(c, place);
            } else if !marked.text.ends_with(' ') {
                marked.push(' ', place);
            }
        }
        if inside {
            marked.push(MARK, text.len());
        }
        marked
    }

    fn push(&mut self, c: char, place: usize) {
        self.text.push(c);
        self.origin.resize(self.text.len(), place);
    }

    fn original(&self, range: Range<usize>) -> Range<usize> {
        let at = |place: usize| self.origin.get(place).copied().unwrap_or(self.end);
        at(range.start)..at(range.end)
    }

    /// From the first word to the last.
    fn core(&self) -> &str {
        match (self.text.find(MARK), self.text.rfind(MARK)) {
            (Some(start), Some(end)) => &self.text[start..=end],
            (None, _) | (_, None) => "",
        }
    }
}

/// What is searched for.
pub(super) struct Phrases {
    pairs: AhoCorasick,
    stand_ins: Vec<String>,
    exact: HashMap<String, String>,
    inside: AhoCorasick,
    names: AhoCorasick,
    whole: HashSet<String>,
    permitted: Vec<String>,
    /// Where a word stands in the permitted phrases: which phrase, and from which byte on.
    index: HashMap<String, Vec<(usize, usize)>>,
}

fn search(patterns: &[String]) -> Result<AhoCorasick, ScrubError> {
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::LeftmostLongest);
    builder.build(patterns).map_err(|error| ScrubError::Phrases(error.to_string()))
}

fn marked(text: &str) -> String {
    Marked::new(text.trim()).text
}

fn is_one_word(text: &str) -> bool {
    words(text).count() == 1
}

impl Phrases {
    pub(super) fn new(permission: &Permission) -> Result<Self, ScrubError> {
        let pairs: Vec<_> = permission.pairs.iter().filter(|(from, _)| words(from).next().is_some()).collect();
        let phrases: Vec<&String> = permission.phrases.iter().filter(|text| words(text).next().is_some()).collect();
        let short = |text: &&&String| is_one_word(text) && words(text).all(|word| text[word].chars().count() < SHORT);
        let inside: Vec<String> = phrases.iter().filter(|text| !short(text)).map(|text| marked(text)).collect();
        let longer = permission.names.iter().filter(|name| words(name).count() > 1).map(|name| marked(name));
        let names: Vec<String> = inside.iter().cloned().chain(longer).collect();
        let permitted: Vec<String> = phrases.iter().map(|text| Marked::new(text).core().to_owned()).collect();
        let mut index: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        for (number, phrase) in permitted.iter().enumerate() {
            for word in words(phrase) {
                index.entry(phrase[word.clone()].to_owned()).or_default().push((number, word.start - MARK.len_utf8()));
            }
        }
        Ok(Self {
            pairs: search(&pairs.iter().map(|(from, _)| marked(from)).collect::<Vec<_>>())?,
            stand_ins: pairs.iter().map(|(_, to)| to.clone()).collect(),
            exact: pairs.iter().rev().map(|(from, to)| (from.trim().to_owned(), to.clone())).collect(),
            inside: search(&inside)?,
            names: search(&names)?,
            whole: permitted.iter().cloned().collect(),
            permitted,
            index,
        })
    }

    /// The stand-in for a text that is one of the pairs as it stands.
    pub(super) fn stand_in(&self, text: &str) -> Option<&str> {
        self.exact.get(text).map(String::as_str)
    }

    /// Texts that have a stand-in, with where they stand.
    pub(super) fn pairs(&self, text: &Marked) -> Vec<(Range<usize>, &str)> {
        let found = self.pairs.find_iter(&text.text);
        found.map(|hit| (text.original(hit.range()), self.stand_ins[hit.pattern().as_usize()].as_str())).collect()
    }

    /// Whether the text as a whole is a permitted phrase, or part of one. A small number is part of too many to count.
    pub(super) fn permit(&self, text: &Marked) -> bool {
        let core = text.core();
        if core.is_empty() || self.whole.contains(core) {
            return true;
        }
        let Some(first) = words(core).next() else { return true };
        if words(core).all(|word| is_count(&core[word])) {
            return false;
        }
        let places = self.index.get(&core[first]).map(Vec::as_slice).unwrap_or_default();
        places.iter().any(|(number, start)| self.permitted[*number][*start..].starts_with(core))
    }

    /// Where permitted phrases stand inside a text.
    pub(super) fn inside(&self, text: &Marked) -> Vec<Range<usize>> {
        self.inside.find_iter(&text.text).map(|hit| text.original(hit.range())).collect()
    }

    /// Where permitted phrases, and names of several words, stand inside a name.
    pub(super) fn inside_name(&self, text: &Marked) -> Vec<Range<usize>> {
        self.names.find_iter(&text.text).map(|hit| text.original(hit.range())).collect()
    }
}

/// What `patterns` match in `text`, its white space folded. A match that cuts a number in two does not count: digits would
/// be part of some other number.
pub(super) fn matches(patterns: &[regex::Regex], text: &str) -> Vec<Range<usize>> {
    if patterns.is_empty() {
        return Vec::new();
    }
    let mut folded = String::with_capacity(text.len());
    let mut origin = Vec::with_capacity(text.len());
    for (place, c) in text.char_indices() {
        if !c.is_whitespace() || !folded.ends_with(' ') {
            folded.push(if c.is_whitespace() { ' ' } else { c });
            origin.resize(folded.len(), place);
        }
    }
    origin.push(text.len());
    let digit = |place: Option<usize>| place.and_then(|p| text.as_bytes().get(p)).is_some_and(u8::is_ascii_digit);
    let cut = |place: usize| digit(place.checked_sub(1)) && digit(Some(place));
    let hits = patterns.iter().flat_map(|pattern| pattern.find_iter(&folded));
    let ranges = hits.map(|hit| origin[hit.start()]..origin[hit.end()]);
    ranges.filter(|range| !range.is_empty() && !cut(range.start) && !cut(range.end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(list: &[&str]) -> Phrases {
        let phrases = list.iter().map(|text| (*text).to_owned()).collect();
        Phrases::new(&Permission { phrases, ..Permission::default() }).unwrap()
    }

    fn kept(list: &[&str], text: &str) -> Vec<String> {
        phrases(list).inside(&Marked::new(text)).into_iter().map(|range| text[range].to_owned()).collect()
    }

    #[test]
    fn the_longest_phrase_of_whole_words_is_found_across_folded_white_space() {
        assert_eq!(kept(&["Save", "Save draft"], "Now: Save \n draft!"), ["Save \n draft"]);
        assert_eq!(kept(&["Save", "Save draft"], "Save drafts, Saved"), ["Save"]);
    }

    #[test]
    fn a_short_word_is_kept_as_the_whole_text_alone() {
        assert!(kept(&["on", "3"], "on 3").is_empty());
        assert!(phrases(&["on", "3"]).permit(&Marked::new(" on ")));
        assert!(phrases(&["on", "3"]).permit(&Marked::new("(3)")));
    }

    #[test]
    fn part_of_a_permitted_phrase_is_permitted_but_not_a_small_number_of_it() {
        let known = phrases(&["Severity 3, no outage"]);
        assert!(known.permit(&Marked::new("no outage")));
        assert!(!known.permit(&Marked::new("3")));
        assert!(!known.permit(&Marked::new("no out")));
        assert!(!known.permit(&Marked::new("outage no")));
    }

    #[test]
    fn a_pattern_never_keeps_part_of_a_longer_number() {
        let patterns = [regex::Regex::new("[0-9]{6}").unwrap(), regex::Regex::new("also authori[sz]e").unwrap()];
        let matched =
            |text: &str| matches(&patterns, text).into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>();
        assert_eq!(matched("123456 4111111111111111"), ["123456"]);
        assert_eq!(matched("will also\n authorised"), ["also\n authorise"]);
    }
}
