//! Texts of other people on a terminal: nothing in them may steer it, or make it show something else.

/// Longest text that is shown, in characters.
const LONGEST: usize = 1_000;

/// Characters that are not seen, or that change how their neighbours are seen.
pub(crate) fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{AD}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

/// `text` on one line: control and invisible characters are written as `\u{1b}`, and what is too long is cut.
pub(crate) fn escape_for_terminal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(LONGEST));
    for (place, character) in text.chars().enumerate() {
        if place == LONGEST {
            shown.push('…');
            break;
        }
        if is_invisible(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// The same for a text of several lines, however long: ends of lines and tabs stay.
pub(crate) fn shown_lines(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if is_invisible(character) && character != '\n' && character != '\t' {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_shown_raw() {
        let hostile = "\u{1b}[2J\r\n\u{9b}31m\u{202e}evil\u{7f}\u{0}\u{2028}\u{200b}";
        let seen = escape_for_terminal(hostile);
        assert!(seen.chars().all(|character| !is_invisible(character)), "{seen:?}");
        assert!(seen.starts_with("\\u{1b}[2J\\u{d}\\u{a}"), "{seen}");
        assert_eq!(escape_for_terminal("Größe, 図 – ok"), "Größe, 図 – ok");
        let seen = shown_lines(hostile);
        assert!(seen.chars().all(|character| !is_invisible(character) || character == '\n'), "{seen:?}");
        assert_eq!(shown_lines("one\n\ttwo"), "one\n\ttwo");
    }

    #[test]
    fn a_text_of_a_megabyte_is_cut() {
        assert_eq!(escape_for_terminal(&"x".repeat(1 << 20)).chars().count(), LONGEST + 1);
    }
}
