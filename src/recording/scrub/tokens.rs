//! The tokens of CSS, as far as scrubbing has to tell them apart.

use super::units::Units;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Comment,
    /// A name, with what marks it as an at-rule or hash.
    Name,
    /// A name with the parenthesis that makes it a function.
    Function,
    /// A string with its quotes.
    Text,
    /// `url(`, an address without quotes, and `)`.
    Address,
    /// A number with its unit.
    Number,
    Space,
    /// Any other character.
    Mark,
}

/// One token, as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) raw: &'a str,
}

/// The tokens of a stylesheet or declaration; nothing when it holds a string or comment without an end.
pub(super) fn tokens(code: &str) -> Option<Vec<Token<'_>>> {
    let mut found = Vec::new();
    let mut place = 0;
    while place < code.len() {
        let rest = &code[place..];
        let (kind, length) = token(rest)?;
        found.push(Token { kind, raw: &rest[..length] });
        place += length;
    }
    Some(found)
}

fn token(rest: &str) -> Option<(Kind, usize)> {
    let first = rest.chars().next()?;
    if let Some(comment) = rest.strip_prefix("/*") {
        return comment.find("*/").map(|end| (Kind::Comment, end + 4));
    }
    if first.is_whitespace() {
        return Some((Kind::Space, rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len())));
    }
    if matches!(first, '"' | '\'') {
        return string_length(rest).map(|length| (Kind::Text, length));
    }
    let number = number_length(rest);
    if number > 0 {
        let unit = if rest[number..].starts_with('%') { 1 } else { name_length(&rest[number..]) };
        return Some((Kind::Number, number + unit));
    }
    let sigil = usize::from(matches!(first, '@' | '#'));
    let name = name_length(&rest[sigil..]);
    if name == 0 {
        return Some((Kind::Mark, first.len_utf8()));
    }
    let end = sigil + name;
    if !rest[end..].starts_with('(') {
        return Some((Kind::Name, end));
    }
    let inside = rest[end + 1..].trim_start();
    if Units::style(&rest[..end]).text.eq_ignore_ascii_case("url") && !inside.starts_with(['"', '\'']) {
        return address_length(&rest[end + 1..]).map(|length| (Kind::Address, end + 1 + length));
    }
    Some((Kind::Function, end + 1))
}

fn string_length(rest: &str) -> Option<usize> {
    let quote = rest.chars().next()?;
    let mut escaped = false;
    for (place, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' | '\r' | '\u{c}' => return None,
            c if c == quote => return Some(place + 1),
            _ => {}
        }
    }
    None
}

fn address_length(rest: &str) -> Option<usize> {
    let mut escaped = false;
    for (place, c) in rest.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ')' => return Some(place + 1),
            '"' | '\'' | '(' => return None,
            _ => {}
        }
    }
    None
}

fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let sign = usize::from(matches!(bytes.first(), Some(b'+' | b'-')));
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = digits(sign);
    let after = sign + whole;
    let fraction = if bytes.get(after) == Some(&b'.') { digits(after + 1) } else { 0 };
    match (whole, fraction) {
        (0, 0) => 0,
        (_, 0) => after,
        (_, fraction) => after + 1 + fraction,
    }
}

fn name_length(rest: &str) -> usize {
    let mut place = 0;
    while let Some(c) = rest[place..].chars().next() {
        if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') || !c.is_ascii() {
            place += c.len_utf8();
        } else if c == '\\' && !rest[place + 1..].starts_with(['\n', '\r', '\u{c}']) {
            let digits = rest[place + 1..].bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
            let next = place + 1 + digits;
            place = match rest[next..].chars().next() {
                Some(space) if digits > 0 => next + usize::from(matches!(space, ' ' | '\t')),
                None => next,
                Some(escaped) => next + escaped.len_utf8(),
            };
        } else {
            break;
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(code: &str) -> Vec<(Kind, &str)> {
        tokens(code).unwrap().into_iter().map(|token| (token.kind, token.raw)).collect()
    }

    #[test]
    fn names_numbers_strings_and_addresses_are_told_apart() {
        use Kind::{Address, Comment, Function, Mark, Name, Number, Space, Text};
        assert_eq!(
            kinds("#a-b{--x:-1.5em/*c*/url( a.png )url('b')'d\\'e'}"),
            [
                (Name, "#a-b"),
                (Mark, "{"),
                (Name, "--x"),
                (Mark, ":"),
                (Number, "-1.5em"),
                (Comment, "/*c*/"),
                (Address, "url( a.png )"),
                (Function, "url("),
                (Text, "'b'"),
                (Mark, ")"),
                (Text, "'d\\'e'"),
                (Mark, "}"),
            ]
        );
        assert_eq!(kinds("a\\4a e f")[..2], [(Name, "a\\4a e"), (Space, " ")]);
    }

    #[test]
    fn what_has_no_end_cannot_be_read() {
        for code in ["/* a", "'a", "\"a\n\"", "url(a", "url(a'b)"] {
            assert_eq!(tokens(code), None, "{code}");
        }
    }
}
