//! A mistake in a file, shown with the line it stands on and with what to do about it.

use std::fmt;
use std::ops::Range;
use std::path::Path;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};

/// A mistake in an input file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic(Box<Told>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    field: Option<String>,
    rendered: String,
}

/// Longest source line that is quoted; a longer one is cut, so that a megabyte on one line stays readable.
const QUOTED: usize = 160;

impl Diagnostic {
    /// Path of the field that is wrong, for instance `exception.window.end`; none when the file as a whole is.
    pub fn field(&self) -> Option<&str> {
        self.0.field.as_deref()
    }

    /// A mistake in the file as a whole: unreadable, too large, not text.
    pub fn whole(path: &Path, message: impl Into<String>, help: impl Into<String>) -> Self {
        let (message, help) = (message.into(), help.into());
        let rendered = format!(
            "error: {}: {}\n  = help: {}",
            path.display(),
            normalize_untrusted_str(&message),
            normalize_untrusted_str(&help)
        );
        Self(Box::new(Told { field: None, rendered }))
    }

    /// A mistake at a byte range of `source`, which may hold what nobody but its owner should read: the place is named, the
    /// line is not quoted.
    pub(crate) fn unquoted(
        path: &Path,
        source: &str,
        at: usize,
        field: Option<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let start = floor(source, at.min(source.len()));
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line = source[..start].matches('\n').count() + 1;
        let column = source[line_start..start].chars().count() + 1;
        let named = field.as_ref().map_or_else(String::new, |field| format!("{field}: "));
        let message = normalize_untrusted_str(&message.into());
        let help = normalize_untrusted_str(&help.into());
        let rendered = format!("error: {named}{message}\n --> {}:{line}:{column}\n  = help: {help}", path.display());
        Self(Box::new(Told { field, rendered }))
    }

    /// A mistake at a byte range of `source`.
    pub fn at(
        path: &Path,
        source: &str,
        span: Range<usize>,
        field: Option<String>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        let (message, help) = (message.into(), help.into());
        let start = floor(source, span.start.min(source.len()));
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
        let line = source[..start].matches('\n').count() + 1;
        let from = if start - line_start > QUOTED { floor(source, start - QUOTED / 2) } else { line_start };
        let to = floor(source, line_end.min(from + QUOTED)).max(start);
        let end = floor(source, span.end.clamp(start, to));
        let title = match &field {
            Some(field) => format!("{field}: {message}"),
            None => message.clone(),
        };
        let shown_path = path.display().to_string();
        let snippet = Snippet::source(&source[from..to])
            .line_start(line)
            .path(shown_path)
            .annotation(AnnotationKind::Primary.span(start - from..end - from));
        let advice = normalize_untrusted_str(&help);
        let group = Level::ERROR.primary_title(title).element(snippet).element(Level::HELP.message(advice));
        let rendered = Renderer::plain().render(&[group]);
        Self(Box::new(Told { field, rendered }))
    }
}

fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.rendered)
    }
}

impl std::error::Error for Diagnostic {}

/// The reader's message without the value that it quotes: that may be an address with a secret, under a wrong key.
pub(crate) fn unvalued(message: &str) -> String {
    let quotes = ["invalid type: ", "invalid value: ", "unknown variant `"];
    if !quotes.iter().any(|start| message.starts_with(start)) {
        return message.to_owned();
    }
    let expected = message.rsplit_once("expected ").map_or("something else", |(_, expected)| expected);
    format!("is not what belongs here: expected {expected}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_shown_with_file_line_and_field() {
        let source = "{\n  \"a\": 1,\n  \"b\": 2\n}";
        let at = source.find("2").unwrap();
        let shown = Diagnostic::at(Path::new("r.json"), source, at..at + 1, Some("b".into()), "not a text", "quote it");
        let text = shown.to_string();
        assert!(text.contains("r.json:3:8"), "{text}");
        assert!(text.contains("b: not a text") && text.contains("quote it"), "{text}");
    }

    #[test]
    fn a_mistake_in_a_line_of_a_megabyte_quotes_a_piece_of_it() {
        let source = format!("{}é!{}", "x".repeat(500_000), "y".repeat(500_000));
        let text = Diagnostic::at(Path::new("r"), &source, 500_000..900_000, None, "bad", "mend").to_string();
        assert!(text.len() < 2_000, "{}", text.len());
    }
}
