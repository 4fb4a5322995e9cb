//! JavaScript: names in code are kept, what code says in strings is judged.
//!
//! A script that does not parse without an error, or holds a construct that is not known here, keeps nothing but known names.

use std::ops::Range;

use tree_sitter::{Node, Parser, Tree};

use super::Scrubber;
use super::judge::{Edit, Level, apply};
use super::units::{Units, escape_script};
use super::url::is_address;
use super::vocabulary;

/// One piece of a script that is more than code.
enum Piece {
    Comment,
    /// What stands between the quotes of a string, or in a template between two substitutions.
    Literal {
        whole: bool,
    },
    Number,
    Regular,
    Name,
}

fn parsed(code: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_javascript::LANGUAGE.into()).ok()?;
    parser.parse(code, None).filter(|tree| !tree.root_node().has_error())
}

/// The pieces of a script in their order, or nothing when it cannot be read with certainty.
fn pieces(code: &str) -> Option<Vec<(Range<usize>, Piece)>> {
    let tree = parsed(code)?;
    let mut pieces = Vec::new();
    let mut cursor = tree.walk();
    let mut covered = 0;
    loop {
        let node = cursor.node();
        if visit(node, code, &mut covered, &mut pieces)? && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                let blank = !code[covered..].contains(char::is_alphanumeric);
                pieces.sort_by_key(|(range, _): &(Range<usize>, Piece)| range.start);
                return blank.then_some(pieces);
            }
        }
    }
}

/// Collects what a node is; answers whether to look inside it.
fn visit(node: Node<'_>, code: &str, covered: &mut usize, pieces: &mut Vec<(Range<usize>, Piece)>) -> Option<bool> {
    let range = node.byte_range();
    let piece = match node.kind() {
        "comment" | "html_comment" | "hash_bang_line" => Piece::Comment,
        "string" => Piece::Literal { whole: true },
        "number" => Piece::Number,
        "regex_pattern" => Piece::Regular,
        "identifier"
        | "property_identifier"
        | "private_property_identifier"
        | "shorthand_property_identifier"
        | "shorthand_property_identifier_pattern"
        | "statement_identifier" => Piece::Name,
        "template_string" => {
            template(node, pieces);
            return Some(true);
        }
        kind if kind.starts_with("jsx") => return None,
        _ if node.child_count() > 0 => return Some(true),
        // Parts of templates, which were collected with their template; and what can say nothing.
        "string_fragment" | "escape_sequence" | "regex_flags" | "this" | "super" | "true" | "false" | "null"
        | "undefined" | "import" | "optional_chain" | "empty_statement" | "debugger_statement" | "meta_property"
        | "program" | "statement_block" | "class_body" => {
            return pass(range, code, covered).then_some(false);
        }
        // Keywords and operators.
        _ if !node.is_named() => return pass(range, code, covered).then_some(false),
        _ => return None,
    };
    if !pass(range.clone(), code, covered) {
        return None;
    }
    // The quotes of a string are not part of what it says.
    let range = if matches!(piece, Piece::Literal { .. }) { range.start + 1..range.end - 1 } else { range };
    pieces.push((range, piece));
    Some(false)
}

/// Whether no word stands between what was looked at before and `range`.
fn pass(range: Range<usize>, code: &str, covered: &mut usize) -> bool {
    let blank = range.start <= *covered || !code[*covered..range.start].contains(char::is_alphanumeric);
    *covered = range.end.max(*covered);
    blank
}

fn template(node: Node<'_>, pieces: &mut Vec<(Range<usize>, Piece)>) {
    let mut start = node.start_byte() + 1;
    let mut cursor = node.walk();
    let mut chunks = Vec::new();
    for child in node.children(&mut cursor).filter(|child| child.kind() == "template_substitution") {
        chunks.push(start..child.start_byte());
        start = child.end_byte();
    }
    let whole = chunks.is_empty();
    chunks.push(start..node.end_byte() - 1);
    pieces.extend(chunks.into_iter().map(|range| (range, Piece::Literal { whole })));
}

/// The strings of a script, decoded. Nothing when it cannot be read with certainty.
pub(super) fn literals(code: &str) -> Option<Vec<String>> {
    let found = pieces(code)?.into_iter().filter(|(_, piece)| matches!(piece, Piece::Literal { whole: true }));
    Some(found.map(|(range, _)| Units::script(&code[range]).text).collect())
}

/// The names in the code of a script. None when it cannot be read with certainty.
pub(super) fn identifiers(code: &str) -> Vec<&str> {
    let found = pieces(code).unwrap_or_default().into_iter().filter(|(_, piece)| matches!(piece, Piece::Name));
    found.map(|(range, _)| &code[range]).collect()
}

impl Scrubber {
    /// JavaScript. Its names, keywords and small numbers are kept, comments are dropped; words in strings, templates and
    /// regular expressions are kept when they are known names.
    pub fn script(&self, code: &str) -> String {
        let Some(pieces) = pieces(code) else {
            return apply(code, &self.judge.edits(code, Level::Strict));
        };
        let edits: Vec<Edit> = pieces
            .into_iter()
            .filter_map(|(range, piece)| {
                let raw = &code[range.clone()];
                let new = match piece {
                    Piece::Name => return None,
                    // A comment may stand between two words, or end a line.
                    Piece::Comment => {
                        if raw.contains(['\n', '\r', '\u{2028}', '\u{2029}']) { "\n" } else { " " }.to_owned()
                    }
                    Piece::Literal { .. } => self.literal(raw),
                    Piece::Number => self.number(raw),
                    Piece::Regular => self.regular(raw),
                };
                Some((range, new))
            })
            .collect();
        apply(code, &edits)
    }

    fn literal(&self, raw: &str) -> String {
        let units = Units::script(raw);
        if is_address(&units.text) && !units.text.starts_with('/') {
            return escape_script(&self.url(&units.text));
        }
        if self.judge.phrases.permit(&super::phrases::Marked::new(&units.text)) {
            return units.apply(raw, &self.judge.with_stand_ins(&units.text), escape_script);
        }
        let units = units.percent();
        units.apply(raw, &self.judge.edits(&units.text, Level::of_name(&units.text)), escape_script)
    }

    fn number(&self, raw: &str) -> String {
        if let Some(stand_in) = self.judge.phrases.stand_in(raw)
            && stand_in.parse::<f64>().is_ok_and(f64::is_finite)
        {
            return stand_in.to_owned();
        }
        if self.judge.permits(raw) || self.judge.is_name(raw) || vocabulary::holds(vocabulary::STATUS, raw) {
            return raw.to_owned();
        }
        let (prefix, base) = match raw.get(..2).map(str::to_ascii_lowercase).as_deref() {
            Some("0x") => (2, 16),
            Some("0o") => (2, 8),
            Some("0b") => (2, 2),
            Some(_) | None => (0, 10),
        };
        let big = raw.ends_with('n');
        let digits = raw[prefix..].trim_end_matches('n').replace('_', "");
        if digits.chars().filter(|c| c.is_digit(base)).count() <= 2 {
            return raw.to_owned();
        }
        let other = if base == 10 {
            let (digits, exponent) = digits.split_at(digits.find(['e', 'E']).unwrap_or(digits.len()));
            digits.split('.').map(|part| self.digits(part)).collect::<Vec<_>>().join(".") + exponent
        } else {
            self.judge.key.digits(&digits, base)
        };
        format!("{}{other}{}", &raw[..prefix], if big { "n" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use crate::recording::scrub::{Permission, Scrubber};

    fn scrubber() -> Scrubber {
        let permission = Permission {
            phrases: ["Saving failed.".into(), "2500".into()].into(),
            names: ["exceptions".into(), "window_end".into()].into(),
            pairs: vec![("Jane Doe".into(), "Ann O'Ther".into())],
            origins: [("https://portal.example".into(), "https://stand.invalid".into())].into(),
            ..Permission::default()
        };
        Scrubber::new(permission, [4; 32]).unwrap()
    }

    fn parses(code: &str) -> bool {
        super::parsed(code).is_some()
    }

    #[test]
    fn code_is_kept_and_what_it_says_is_not() {
        let code = "// Quimby\nconst form = document.getElementById('exceptions'); /* a\nb Quimby */ let n = 7 + 4711;\n\
                    form.window_end.title = `Hi Quimby ${form.id + 'Quimby'} x`; fetch('/exceptions/Quimby?q=1');\n\
                    if (/^(Quimby|post)\\d{6}$/i.test(x)) told(\"Saving failed.\", 'Jane Doe', 2500);";
        let out = scrubber().script(code);
        assert!(!out.contains("Quimby") && !out.contains("4711") && !out.contains("Jane"), "{out}");
        for kept in [
            "form.window_end.title",
            "getElementById('exceptions')",
            "let n = 7 + ",
            "${form.id + '",
            "\"Saving failed.\"",
        ] {
            assert!(out.contains(kept), "{kept} in {out}");
        }
        assert!(out.contains("'/exceptions/") && out.contains("|post)\\d{6}$/i") && out.contains("2500"), "{out}");
        assert!(out.contains("'Ann O\\'Ther'") && parses(&out), "{out}");
    }

    #[test]
    fn an_escape_in_a_string_hides_no_word() {
        for literal in [
            r"'\u0051uimby'",
            r"'\x51uimby'",
            r"'\u{51}uimby'",
            r"'\121uimby'",
            r"'Q\uimby'",
            "'Qui\\\nmby'",
            r"'%51uimby'",
            r"`\u0051uimby`",
            r"/\u0051uimby/",
            r"/[Q]uimby/",
            r"'\x25\x35\x31uimby'",
            r"'&#81;&#117;imby'",
            r"/\x51uimby/",
        ] {
            let out = scrubber().script(&format!("f({literal});"));
            for part in ["uimby", "imby", "0051", "x51", "{51}", "%51", "x35", "#81"] {
                assert!(!out.contains(part), "{part} of {literal} in {out}");
            }
            assert!(parses(&out), "{out}");
        }
    }

    #[test]
    fn a_script_that_does_not_parse_keeps_no_name_of_its_own() {
        for code in ["const quimby = ;; {", "let a = <p>Quimby</p>;", "a = 'Quimby"] {
            let out = scrubber().script(code);
            assert!(!out.to_lowercase().contains("quimby"), "{out}");
        }
        assert!(!scrubber().script("x = '\\u{51}\\u{75}' {{").contains("51"));
    }

    #[test]
    fn an_absolute_address_in_a_string_gets_the_stand_in_of_its_origin() {
        let out = scrubber().script("go('https://portal.example/exceptions', 'https://quimby.example/')");
        assert_eq!(out, "go('https://stand.invalid/exceptions', 'https://elsewhere.invalid/')");
    }

    #[test]
    fn numbers_of_every_notation_stay_numbers() {
        let out = scrubber().script("f(0xCAFE12, 1_000_000, 4711n, 12.75e3, 0b101010, 0.5, 10, .125, 1e3)");
        for secret in ["CAFE12", "1_000", "4711", "12.75", "101010", ".125"] {
            assert!(!out.contains(secret), "{secret} in {out}");
        }
        assert!(parses(&out) && out.contains("0.5, 10, .") && out.ends_with("1e3)"), "{out}");
    }
}
