//! Decides, word by word, what of a text is kept.

use std::collections::HashSet;
use std::ops::Range;

use super::permission::{Permission, ScrubError};
use super::phrases::{Marked, Phrases, matches};
use super::times::tokens;
use super::vocabulary;
use super::words::{Key, is_count, words};
use crate::model::time::Instant;

/// A part of a text, in bytes, and what replaces it.
pub(super) type Edit = (Range<usize>, String);

/// What counts as known in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    /// Phrases.
    Text,
    /// Words that are names, and small numbers.
    Name,
    /// Words that are names. For what cannot be decoded with certainty, where a number may be a letter.
    Strict,
}

impl Level {
    /// The level of a name. One that holds what may be an escape of some other notation is judged strictly.
    pub(super) fn of_name(text: &str) -> Self {
        if text.contains(['\\', '%']) || text.contains("&#") { Self::Strict } else { Self::Name }
    }
}

/// Everything that is known about a recording, and its key.
pub(super) struct Judge {
    pub(super) key: Key,
    pub(super) phrases: Phrases,
    patterns: Vec<regex::Regex>,
    span: Option<(Instant, Instant)>,
    names: HashSet<String>,
    /// Strings of public scripts, which are kept as whole values.
    literals: HashSet<String>,
}

impl Judge {
    pub(super) fn new(permission: &Permission, key: [u8; 32]) -> Result<Self, ScrubError> {
        let mut names: HashSet<String> = vocabulary::all().map(str::to_owned).collect();
        for text in permission.names.iter().chain(&permission.phrases) {
            let mut found = words(text);
            if let (Some(word), None) = (found.next(), found.next()) {
                names.insert(text[word].to_owned());
            }
        }
        Ok(Self {
            key: Key::new(key),
            phrases: Phrases::new(permission)?,
            patterns: permission.patterns.clone(),
            span: permission.span,
            names,
            literals: HashSet::new(),
        })
    }

    /// Makes every word of `text` a name.
    pub(super) fn learn_words(&mut self, text: &str) {
        self.names.extend(words(text).map(|word| text[word].to_owned()));
    }

    /// Makes `text` a value that may be kept.
    pub(super) fn learn_literal(&mut self, text: &str) {
        self.literals.insert(text.trim().to_owned());
    }

    pub(super) fn is_name(&self, word: &str) -> bool {
        self.names.contains(word)
    }

    /// Whether `text` as a whole is a permitted phrase or a string of a public script.
    pub(super) fn permits(&self, text: &str) -> bool {
        self.literals.contains(text.trim()) || self.phrases.permit(&Marked::new(text))
    }

    /// What has to be replaced in `text`, in order.
    pub(super) fn edits(&self, text: &str, level: Level) -> Vec<Edit> {
        let marked = Marked::new(text);
        let whole = std::iter::once(0..text.len());
        let kept = match level {
            Level::Text if self.phrases.permit(&marked) => whole.collect(),
            Level::Text => [self.phrases.inside(&marked), matches(&self.patterns, text)].concat(),
            Level::Name | Level::Strict => self.phrases.inside_name(&marked),
        };
        self.replace(text, &marked, kept, level)
    }

    /// Replaces in `text` what has a stand-in, and nothing else.
    pub(super) fn with_stand_ins(&self, text: &str) -> Vec<Edit> {
        let whole = std::iter::once(0..text.len()).collect();
        self.replace(text, &Marked::new(text), whole, Level::Text)
    }

    fn replace(&self, text: &str, marked: &Marked, mut kept: Vec<Range<usize>>, level: Level) -> Vec<Edit> {
        // Part of a date is not kept for being part of some phrase, such as a year: the date would no longer be one.
        let times: Vec<Range<usize>> = tokens(text).into_iter().map(|token| token.place).collect();
        let cuts = |range: &Range<usize>| {
            let near = times.partition_point(|time| time.end <= range.start);
            times[near..]
                .iter()
                .take_while(|time| time.start < range.end)
                .any(|t| t.start < range.start || range.end < t.end)
        };
        kept.retain(|range| !cuts(range));
        kept.sort_by_key(|range| range.start);
        let mut edits = Vec::new();
        let mut kept = kept.into_iter().peekable();
        let mut done = 0;
        for (range, stand_in) in self.phrases.pairs(marked) {
            self.fill(text, done..range.start, &mut kept, level, &mut edits);
            done = range.end + zeros(&text[range.end..]);
            edits.push((range, stand_in.to_owned()));
        }
        self.fill(text, done..text.len(), &mut kept, level, &mut edits);
        edits
    }

    /// Replaces what is not kept in one part of a text.
    fn fill(
        &self,
        text: &str,
        part: Range<usize>,
        kept: &mut std::iter::Peekable<std::vec::IntoIter<Range<usize>>>,
        level: Level,
        edits: &mut Vec<Edit>,
    ) {
        let mut place = part.start;
        while let Some(range) = kept.peek().cloned().filter(|range| range.start < part.end) {
            if range.start > place {
                self.unknown(text, place..range.start, level, edits);
            }
            place = place.max(range.end);
            if range.end > part.end {
                return;
            }
            kept.next();
        }
        if place < part.end {
            self.unknown(text, place..part.end, level, edits);
        }
    }

    fn unknown(&self, text: &str, part: Range<usize>, level: Level, edits: &mut Vec<Edit>) {
        let slice = &text[part.clone()];
        let mut place = 0;
        for token in tokens(slice) {
            self.unknown_words(slice, place..token.place.start, part.start, level, edits);
            place = token.place.end;
            if !token.within(self.span) {
                let range = part.start + token.place.start..part.start + token.place.end;
                edits.push((range, token.pseudonym(&self.key)));
            }
        }
        self.unknown_words(slice, place..slice.len(), part.start, level, edits);
    }

    fn unknown_words(&self, text: &str, part: Range<usize>, offset: usize, level: Level, edits: &mut Vec<Edit>) {
        let slice = &text[part.clone()];
        let long = match level {
            Level::Name => long_numbers(slice),
            Level::Text | Level::Strict => Vec::new(),
        };
        for range in words(slice) {
            let word = &slice[range.clone()];
            let in_long = long.iter().any(|number| number.start <= range.start && range.end <= number.end);
            let known = match level {
                Level::Text => false,
                Level::Name => (is_count(word) && !in_long) || self.is_name(word),
                Level::Strict => self.is_name(word),
            };
            if !known {
                let start = offset + part.start;
                edits.push((start + range.start..start + range.end, self.key.word(word)));
            }
        }
    }
}

/// Where counts stand side by side, with nothing but blanks and punctuation between, and have this many digits together, they are
/// no counts: a telephone number, a date, a code.
const LONG: usize = 6;

fn long_numbers(text: &str) -> Vec<Range<usize>> {
    let mut runs: Vec<(Range<usize>, usize)> = Vec::new();
    let mut ended = true;
    for range in words(text) {
        let word = &text[range.clone()];
        if !is_count(word) {
            ended = true;
            continue;
        }
        match runs.last_mut() {
            Some((run, digits)) if !ended => {
                run.end = range.end;
                *digits += word.len();
            }
            Some(_) | None => runs.push((range, word.len())),
        }
        ended = false;
    }
    runs.into_iter().filter(|(_, digits)| *digits >= LONG).map(|(run, _)| run).collect()
}

/// Length of the seconds and offset with which a time goes on after the part of it that has a stand-in, when they say
/// nothing.
fn zeros(rest: &str) -> usize {
    let Some(after) = rest.strip_prefix(":00") else { return 0 };
    let after = after.strip_prefix('.').map_or(after, |fraction| fraction.trim_start_matches('0'));
    let after = after.strip_prefix('Z').unwrap_or(after);
    if after.starts_with(char::is_alphanumeric) { 0 } else { rest.len() - after.len() }
}

/// `text` with `edits` made in it.
pub(super) fn apply(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (range, replacement) in edits {
        out.push_str(&text[done..range.start]);
        out.push_str(replacement);
        done = range.end;
    }
    out.push_str(&text[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(permission: &Permission) -> Judge {
        Judge::new(permission, [3; 32]).unwrap()
    }

    fn scrubbed(judge: &Judge, text: &str, level: Level) -> String {
        apply(text, &judge.edits(text, level))
    }

    #[test]
    fn a_stand_in_wins_over_a_permitted_phrase_around_it() {
        let judge = judge(&Permission {
            phrases: ["Signed in as Jane Doe".to_owned()].into(),
            pairs: vec![("Jane".into(), "Xena".into()), ("Jane Doe".into(), "Ann Other".into())],
            ..Permission::default()
        });
        assert_eq!(scrubbed(&judge, "Signed in as  Jane Doe!", Level::Text), "Signed in as  Ann Other!");
        assert!(scrubbed(&judge, "Then: Signed in as Jane Doe", Level::Text).ends_with(": Signed in as Ann Other"));
        assert_eq!(scrubbed(&judge, "/Jane/12", Level::Name), "/Xena/12");
    }

    #[test]
    fn a_year_that_is_permitted_keeps_no_part_of_a_date() {
        let judge =
            judge(&Permission { phrases: ["© 2026 Acme".into(), "2026".into()].into(), ..Permission::default() });
        assert_eq!(scrubbed(&judge, "© 2026", Level::Text), "© 2026");
        let other = scrubbed(&judge, "born 2026-03-04", Level::Text);
        assert_eq!(tokens(&other).len(), 1);
        assert!(!other.contains("-03-04"));
    }

    #[test]
    fn the_seconds_after_a_time_with_a_stand_in_leave_it_a_time() {
        let pairs = vec![("2026-12-04T02:00".to_owned(), "2031-01-01T10:00".to_owned())];
        let judge = judge(&Permission { pairs, ..Permission::default() });
        assert_eq!(scrubbed(&judge, "2026-12-04T02:00:00.000Z", Level::Text), "2031-01-01T10:00:00.000Z");
    }

    #[test]
    fn a_name_of_several_words_permits_none_of_them_alone() {
        let judge = judge(&Permission { names: ["secret_end".into()].into(), ..Permission::default() });
        assert_eq!(scrubbed(&judge, "v-secret_end", Level::Name).split_once('-').unwrap().1, "secret_end");
        assert!(!scrubbed(&judge, "secret", Level::Name).contains("secret"));
    }

    #[test]
    fn a_number_that_is_written_in_groups_is_no_count() {
        let judge = judge(&Permission::default());
        for text in ["12-34-56-78", "06 12 34 56 78", "12/05/81", "10.12.34.56"] {
            let out = scrubbed(&judge, text, Level::Name);
            let groups = |text: &str| text.split(|c: char| !c.is_ascii_digit()).map(str::to_owned).collect::<Vec<_>>();
            let kept = groups(text).iter().zip(groups(&out)).filter(|(before, after)| *before == after).count();
            assert!(kept < 2 && out != text, "{text} -> {out}");
        }
        for text in ["row-74", "tab-2-12", "1.12.3", "12-a-34-b-56"] {
            let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
            assert_eq!(digits(&scrubbed(&judge, text, Level::Name)), digits(text), "{text}");
        }
    }

    #[test]
    fn what_may_be_an_escape_is_judged_strictly() {
        assert_eq!(Level::of_name("&#74;"), Level::Strict);
        let judge = judge(&Permission::default());
        assert!(!scrubbed(&judge, "&#74;", Level::Strict).contains("74"));
        assert_eq!(scrubbed(&judge, "row-74", Level::Name).split_once('-').unwrap().1, "74");
    }
}
