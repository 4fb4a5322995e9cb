//! Parameters by which a server lets a request name another method than its own. Rails, Laravel and Symfony send one with every
//! edit; a map that declares it says so, and from then on every rule takes the request for the method that it names.

/// The parameter that a map may declare, as a property of a request's body.
pub(crate) const METHOD: &str = "_method";

const NAMES: [&str; 4] = [METHOD, "x_http_method", "x_http_method_override", "x_method_override"];

/// Whether some server takes a parameter of this name for an override. Rack leaves brackets out; PHP leaves leading spaces out,
/// and takes space, dot and bracket for `_`.
pub(crate) fn is_override(name: &str) -> bool {
    let name = name.split('\0').next().unwrap_or_default().to_ascii_lowercase();
    let bracket = |c: char| matches!(c, '[' | ']');
    let blank = |c: char| c.is_whitespace() || c.is_control();
    let as_rack = name.trim_start_matches(|c| blank(c) || bracket(c)).split(bracket).next().unwrap_or_default();
    let as_php = name.trim_start_matches(blank);
    let underscored = |text: &str| text.replace([' ', '.', '[', '-'], "_");
    // A hyphen is one only within the headers' names.
    let known = |text: &str| {
        let spelt = underscored(text);
        NAMES.contains(&spelt.as_str()) && !text.starts_with('-')
    };
    known(as_rack) || known(as_php) || as_php.strip_prefix("_method").is_some_and(|rest| rest.starts_with(bracket))
}

/// Whether a query or a form holds an override where a server takes `;` for `&`.
pub(crate) fn after_semicolon(text: &[u8]) -> bool {
    if !text.contains(&b';') {
        return false;
    }
    let parted: Vec<u8> = text.iter().map(|byte| if *byte == b';' { b'&' } else { *byte }).collect();
    form_urlencoded::parse(&parted).any(|(name, _)| is_override(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_is_one_in_every_spelling_that_a_server_reads() {
        for name in [
            "_method",
            "_METHOD",
            "_method[]",
            "[_method]",
            "]_method",
            " _method",
            ".method",
            "[method",
            "_method\0x",
            "X-HTTP-Method-Override",
            "x_http_method_override",
        ] {
            assert!(is_override(name), "{name:?}");
        }
        for name in ["method", "payment_method", "_methods", "a[_method]", "-method", " method", "delivery._method"] {
            assert!(!is_override(name), "{name:?}");
        }
        assert!(after_semicolon(b"a=1;_method=put"));
        assert!(!after_semicolon(b"a=1;b=_method"));
    }
}
