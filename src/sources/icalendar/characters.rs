//! Characters that a fold cuts apart: RFC 5545, 3.1, counts a line in bytes and lets it be folded between any two of them.

/// The same bytes, every fold that stands inside a character moved behind that character.
///
/// Nothing is added or left out, and no line: a place in the result is one in the file. What does not begin as a calendar comes
/// back as it is.
pub fn whole_characters(bytes: Vec<u8>) -> Vec<u8> {
    if !begins(&bytes) || std::str::from_utf8(&bytes).is_ok() {
        return bytes;
    }
    let mut whole = Vec::with_capacity(bytes.len());
    // Folds that wait for the end of a character.
    let mut waiting = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((first, behind)) = rest.split_first() {
        let length = fold(rest);
        if length > 0 && rest.get(length).is_some_and(|byte| continues(*byte)) {
            waiting.extend_from_slice(&rest[..length]);
            rest = &rest[length..];
            continue;
        }
        if !waiting.is_empty() && !continues(*first) {
            whole.append(&mut waiting);
        }
        whole.push(*first);
        rest = behind;
    }
    whole.append(&mut waiting);
    whole
}

/// Whether a file begins as a calendar, behind a byte order mark and white space.
pub fn begins(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"BEGIN:VCALENDAR";
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    text.get(..BEGIN.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(BEGIN))
}

/// How many bytes of a fold these are that begin with it; 0 for anything else.
fn fold(bytes: &[u8]) -> usize {
    match bytes {
        [b'\r', b'\n', b' ' | b'\t', ..] => 3,
        [b'\n', b' ' | b'\t', ..] => 2,
        _ => 0,
    }
}

/// Whether a byte goes on with a character of UTF-8.
fn continues(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A calendar with one property, folded before each of these bytes of its value.
    fn folded(value: &[u8], at: &[usize], fold: &[u8]) -> Vec<u8> {
        let mut bytes = b"BEGIN:VCALENDAR\r\nX-A:".to_vec();
        for (number, byte) in value.iter().enumerate() {
            if at.contains(&number) {
                bytes.extend_from_slice(fold);
            }
            bytes.push(*byte);
        }
        bytes.extend_from_slice(b"\r\nEND:VCALENDAR\r\n");
        bytes
    }

    fn read(bytes: Vec<u8>) -> String {
        let length = bytes.len();
        let text = String::from_utf8(whole_characters(bytes)).unwrap();
        assert_eq!(text.len(), length);
        let lines = super::super::lines::lines(&text).unwrap();
        assert_eq!(text[lines[2].span.clone()], *"END:VCALENDAR", "the place of a line has moved");
        lines[1].value.clone()
    }

    #[test]
    fn a_character_that_is_folded_anywhere_is_read_whole() {
        let value = "aé€𝄞z";
        let bytes = value.as_bytes();
        for fold in [b"\r\n ".as_slice(), b"\n\t", b"\r\n\t"] {
            for first in 0..bytes.len() {
                for second in first..bytes.len() {
                    let folded = folded(bytes, &[first, second], fold);
                    assert_eq!(read(folded), value, "folded before {first} and {second}");
                }
            }
            assert_eq!(read(folded(bytes, &(0..bytes.len()).collect::<Vec<_>>(), fold)), value, "folded everywhere");
        }
    }

    #[test]
    fn what_is_no_text_stays_none() {
        for bad in [b"\xff".as_slice(), b"\xc3", b"\xc3\r\n X", b"\xc3\r\n\xa9", b"\xc3\n\n \xa9", b"a\r\n \xa9"] {
            let bytes = folded(bad, &[], b"");
            assert!(String::from_utf8(whole_characters(bytes)).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn only_a_calendar_is_mended() {
        for bytes in [b"id = \"\xc3\r\n \xa9\"".to_vec(), b"X\nBEGIN:VCALENDAR\xc3\r\n \xa9".to_vec()] {
            assert_eq!(whole_characters(bytes.clone()), bytes);
        }
        for begin in ["BEGIN:VCALENDAR", "\u{feff}begin:vcalendar", "\r\n BEGIN:VCALENDAR\r\n"] {
            assert!(begins(begin.as_bytes()), "{begin:?}");
        }
        assert!(!begins(b"BEGIN:VCAL") && !begins(b""));
    }
}
