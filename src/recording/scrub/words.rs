//! Words, and the pseudonyms that stand for them under a key.

use std::ops::Range;

use sha2::{Digest as _, Sha256};

/// Shortest run of hexadecimal digits that is taken for a digest.
const DIGEST_LENGTH: usize = 32;
const ROUNDS: u8 = 4;
const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz";
const DIGITS: &[u8] = b"0123456789";

/// Where the words of a text stand, in bytes. A word is a maximal run of letters and digits.
pub(super) fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut characters = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, _) = characters.find(|(_, c)| c.is_alphanumeric())?;
        while characters.next_if(|(_, c)| c.is_alphanumeric()).is_some() {}
        Some(start..characters.peek().map_or(text.len(), |(place, _)| *place))
    })
}

/// Whether `word` is a number of one or two digits.
pub(super) fn is_count(word: &str) -> bool {
    (1..=2).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_digit())
}

/// How one character of a word may be replaced: by one of so many.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    /// The first digit of a number, which is never 0.
    Lead,
    Hex,
}

impl Class {
    fn size(self) -> u8 {
        match self {
            Self::Letter => 26,
            Self::Digit => 10,
            Self::Lead => 9,
            Self::Hex => 16,
        }
    }

    fn value(self, character: char) -> u8 {
        let code = character.to_ascii_lowercase() as u8;
        match self {
            Self::Letter => code.wrapping_sub(b'a'),
            Self::Digit => code.wrapping_sub(b'0'),
            Self::Lead => code.wrapping_sub(b'1'),
            Self::Hex => code.wrapping_sub(if code.is_ascii_digit() { b'0' } else { b'a' - 10 }),
        }
    }

    fn character(self, value: u8, upper: bool) -> char {
        let code = match self {
            Self::Letter => b'a' + value,
            Self::Digit => b'0' + value,
            Self::Lead => b'1' + value,
            Self::Hex if value < 10 => b'0' + value,
            Self::Hex => b'a' - 10 + value,
        };
        char::from(if upper { code.to_ascii_uppercase() } else { code })
    }
}

/// The key of one recording. Who does not have it cannot say what a pseudonym stands for.
pub(super) struct Key([u8; 32]);

impl Key {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// Pseudonym of a word: as long, with letters for letters and digits for digits, and never the word itself.
    ///
    /// ASCII words of one shape never share a pseudonym, so that ids and options that differ still differ, and words that
    /// differ in their case alone still do so.
    pub(super) fn word(&self, word: &str) -> String {
        let characters: Vec<char> = word.chars().collect();
        if let [one] = characters[..]
            && one.is_ascii_alphanumeric()
        {
            return self.next_of(one).to_string();
        }
        let classes = classes(word, &characters);
        let ascii = word.bytes().all(|b| b.is_ascii_alphanumeric());
        // A number that starts with a zero has no place among those that do not.
        if ascii && !(classes[0] == Class::Lead && characters[0] == '0') {
            let values = classes.iter().zip(&characters).map(|(class, c)| class.value(*c)).collect();
            return written(&self.next_in_order(values, &classes), &classes, &characters);
        }
        (0..=u8::MAX)
            .map(|attempt| {
                let message = [&[attempt], b"drawn".as_slice(), word.to_lowercase().as_bytes()].concat();
                let stream = self.stream(&message, classes.len());
                let values: Vec<u8> = stream.iter().zip(&classes).map(|(draw, class)| reduced(*draw, *class)).collect();
                written(&values, &classes, &characters)
            })
            .find(|found| found != word)
            // Not to be expected: 256 draws that all gave the word back.
            .unwrap_or_else(|| "x".repeat(characters.len()))
    }

    /// Digits of a number in `base`, each drawn anew.
    pub(super) fn digits(&self, digits: &str, base: u32) -> String {
        let stream = self.stream(&[b"digits", digits.as_bytes()].concat(), digits.len());
        stream.iter().filter_map(|draw| char::from_digit(u32::from(*draw) % base, base)).collect()
    }

    /// A number below `limit` that belongs to `text`.
    pub(super) fn pick(&self, purpose: &str, text: &str, limit: u32) -> u32 {
        let stream = self.stream(&[purpose.as_bytes(), b"\0", text.as_bytes()].concat(), 2);
        stream.iter().fold(0_u32, |sum, draw| (sum << 16) | u32::from(*draw)) % limit
    }

    /// The character that follows in a cycle through all of its kind. So no two single letters share a pseudonym, and
    /// none is its own.
    fn next_of(&self, one: char) -> char {
        let mut cycle = if one.is_ascii_digit() { DIGITS.to_vec() } else { LETTERS.to_vec() };
        let stream = self.stream(b"cycle", cycle.len());
        for (place, draw) in (1..cycle.len()).rev().zip(stream) {
            cycle.swap(place, usize::from(draw) % (place + 1));
        }
        let place = cycle.iter().position(|c| char::from(*c) == one.to_ascii_lowercase()).unwrap_or(0);
        let next = char::from(cycle[(place + 1) % cycle.len()]);
        if one.is_ascii_uppercase() { next.to_ascii_uppercase() } else { next }
    }

    /// The word that follows in a secret order of all words of one shape, which the last leads back to the first of. Hence
    /// no word is its own, and no two share one.
    fn next_in_order(&self, mut values: Vec<u8>, classes: &[Class]) -> Vec<u8> {
        for round in 0..ROUNDS {
            self.round(&mut values, classes, round, false);
        }
        for (value, class) in values.iter_mut().zip(classes) {
            *value = (*value + 1) % class.size();
            if *value != 0 {
                break;
            }
        }
        for round in (0..ROUNDS).rev() {
            self.round(&mut values, classes, round, true);
        }
        values
    }

    /// One round of a Feistel network: adds to each character of one half what the other half says, within its class.
    fn round(&self, values: &mut [u8], classes: &[Class], round: u8, back: bool) {
        let half = values.len() / 2;
        let shape: Vec<u8> = classes.iter().map(|class| class.size()).collect();
        let (left, right) = values.split_at_mut(half);
        let (left_classes, right_classes) = classes.split_at(half);
        let (source, target, classes) =
            if round.is_multiple_of(2) { (right, left, left_classes) } else { (left, right, right_classes) };
        let message = [&[round], b"round".as_slice(), &shape, &[0], source].concat();
        for ((value, class), draw) in target.iter_mut().zip(classes).zip(self.stream(&message, classes.len())) {
            let step = reduced(draw, *class);
            *value = (*value + if back { class.size() - step } else { step }) % class.size();
        }
    }

    fn stream(&self, message: &[u8], length: usize) -> Vec<u16> {
        let mut stream = Vec::with_capacity(length + 16);
        let mut block = 0_u32;
        while stream.len() < length {
            let digest = Sha256::new().chain_update(self.0).chain_update(block.to_be_bytes()).chain_update(message);
            stream.extend(digest.finalize().chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
            block += 1;
        }
        stream.truncate(length);
        stream
    }
}

fn classes(word: &str, characters: &[char]) -> Vec<Class> {
    let number = word.bytes().all(|b| b.is_ascii_digit());
    let digest = !number && word.len() >= DIGEST_LENGTH && word.bytes().all(|b| b.is_ascii_hexdigit());
    let class = |(place, c): (usize, &char)| match c {
        _ if digest => Class::Hex,
        _ if number && place == 0 => Class::Lead,
        c if c.is_numeric() => Class::Digit,
        _ => Class::Letter,
    };
    characters.iter().enumerate().map(class).collect()
}

/// Letters in the case of those that they replace, and a digest in one case.
fn written(values: &[u8], classes: &[Class], characters: &[char]) -> String {
    let shout = characters.iter().any(char::is_ascii_uppercase);
    let shown = values.iter().zip(classes).zip(characters);
    shown
        .map(|((value, class), c)| {
            class.character(*value, if *class == Class::Hex { shout } else { c.is_ascii_uppercase() })
        })
        .collect()
}

fn reduced(draw: u16, class: Class) -> u8 {
    // A class has at most 26 members.
    (draw % u16::from(class.size())) as u8
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn key() -> Key {
        Key::new([7; 32])
    }

    #[test]
    fn a_word_is_a_run_of_letters_and_digits_of_any_script() {
        let text = "Jürgen's form_2, ид-7";
        let found: Vec<&str> = words(text).map(|word| &text[word]).collect();
        assert_eq!(found, ["Jürgen", "s", "form", "2", "ид", "7"]);
    }

    #[test]
    fn a_pseudonym_has_the_shape_of_its_word_and_is_another() {
        for word in ["Quimby", "DOE", "x7Kp", "4711", "7", "z", "Zoë", "ΩMEGA", "007"] {
            let found = key().word(word);
            assert_ne!(found, word);
            assert_eq!(found, key().word(word));
            assert_eq!(found.chars().count(), word.chars().count());
            for (a, b) in word.chars().zip(found.chars()) {
                assert!(b.is_ascii_alphanumeric());
                assert_eq!(a.is_numeric(), b.is_ascii_digit(), "{word} {found}");
                assert_eq!(a.is_ascii_uppercase(), b.is_ascii_uppercase(), "{word} {found}");
            }
        }
    }

    #[test]
    fn words_that_differ_get_pseudonyms_that_differ() {
        for shape in [0..10, 10..100, 100..1000] {
            let found: BTreeSet<String> = shape.clone().map(|n| key().word(&n.to_string())).collect();
            assert_eq!(found.len(), shape.len());
        }
    }

    #[test]
    fn another_key_gives_another_pseudonym() {
        assert_ne!(key().word("Quimby"), Key::new([8; 32]).word("Quimby"));
        assert_ne!(key().word("Zoë Quimby"), Key::new([8; 32]).word("Zoë Quimby"));
    }

    #[test]
    fn words_that_differ_in_case_alone_still_do() {
        assert_eq!(key().word("QUIMBY").to_lowercase(), key().word("quimby"));
        assert_eq!(key().word("Quimby").to_lowercase(), key().word("quimby"));
    }

    #[test]
    fn a_number_never_starts_with_a_zero_and_a_digest_stays_hexadecimal() {
        for number in 10..500 {
            assert!(!key().word(&number.to_string()).starts_with('0'));
        }
        assert!(!key().word("000012").starts_with('0'));
        let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
        let found = key().word(digest);
        assert_ne!(found, digest);
        assert!(found.len() == 64 && found.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)));
    }
}
