//! Pattern lists as OpenSSH reads them: patterns between commas, `*` and `?`, and `!` for what must not match.

/// Longest pattern in bytes; OpenSSH lets a list with a longer one match nothing.
const LONGEST: usize = 1_023;

/// Whether `text` matches one of the patterns and none of the negated ones. Upper and lower case differ.
pub(super) fn matches_list(text: &str, list: &str) -> bool {
    let mut matched = false;
    for pattern in list.split(',') {
        let (negated, pattern) = match pattern.strip_prefix('!') {
            Some(pattern) => (true, pattern),
            None => (false, pattern),
        };
        if pattern.len() >= LONGEST {
            return false;
        }
        if matches(text.as_bytes(), pattern.as_bytes()) {
            if negated {
                return false;
            }
            matched = true;
        }
    }
    matched
}

/// Byte by byte, as OpenSSH does: `?` stands for one byte. Only the last `*` is ever tried again.
fn matches(text: &[u8], pattern: &[u8]) -> bool {
    let (mut t, mut p) = (0, 0);
    // Where the last star stands, and how much of the text it has taken so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&byte) if byte == b'?' || byte == text[t] => {
                t += 1;
                p += 1;
            }
            Some(_) | None => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    t = taken + 1;
                    p = at + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_other_characters() {
        for (list, text, expected) in [
            ("maria.chen", "maria.chen", true),
            ("maria.chen", "Maria.chen", false),
            ("maria.*", "maria.chen", true),
            ("*.*e?", "maria.chen", true),
            ("m?ria.chen", "maria.chen", true),
            ("maria.chen?", "maria.chen", false),
            ("*", "maria.chen", true),
            ("**n**", "maria.chen", true),
            ("tom,maria*", "maria.chen", true),
            ("", "maria.chen", false),
            (",", "maria.chen", false),
        ] {
            assert_eq!(matches_list(text, list), expected, "{list:?} and {text:?}");
        }
    }

    #[test]
    fn a_negated_pattern_that_matches_wins_wherever_it_stands() {
        assert!(!matches_list("maria.chen", "*,!maria.chen"));
        assert!(!matches_list("maria.chen", "!maria.chen,*"));
        assert!(matches_list("tom.okafor", "*,!maria.chen"));
        // Nothing but a negation admits nobody.
        assert!(!matches_list("tom.okafor", "!maria.chen"));
    }

    #[test]
    fn a_pattern_of_many_stars_ends_soon() {
        let (text, pattern) = ("a".repeat(80), "*a".repeat(500));
        assert!(!matches_list(&text, &format!("{pattern}b")));
    }

    #[test]
    fn a_pattern_too_long_for_openssh_matches_nothing() {
        let text = "a".repeat(10);
        assert!(!matches_list(&text, &format!("*,{}", "a".repeat(LONGEST))));
    }
}
