//! Addresses, absolute and relative.

use std::borrow::Cow;

use url::Url;

use super::Scrubber;
use super::judge::Level;
use super::units::Units;

/// Stands for every origin that is not permitted.
const ELSEWHERE: &str = "https://elsewhere.invalid";
/// Schemes whose addresses name a host.
const WITH_HOST: [&str; 5] = ["http", "https", "ws", "wss", "ftp"];

/// Whether a text is surely an address: absolute, or an absolute path.
pub(super) fn is_address(text: &str) -> bool {
    let absolute = || scheme(text).is_some_and(|(scheme, rest)| is_with_host(scheme) && rest.starts_with("//"));
    !text.contains(char::is_whitespace) && text.len() > 1 && (text.starts_with('/') || absolute())
}

fn is_with_host(scheme: &str) -> bool {
    WITH_HOST.iter().any(|known| scheme.eq_ignore_ascii_case(known))
}

fn scheme(url: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = url.split_once(':')?;
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    (scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(letters)).then_some((scheme, rest))
}

impl Scrubber {
    /// An address. Its origin is kept if permitted, its path, names of parameters and fragment as names, the parameters as
    /// values; account and password are dropped, and so is what a `data:` address holds.
    pub fn url(&self, url: &str) -> String {
        // As browsers read it.
        let url: String = url.trim().chars().filter(|c| !matches!(c, '\t' | '\n' | '\r')).collect();
        let Some((scheme, rest)) = scheme(&url) else {
            return match after_slashes(&url) {
                Some(rest) => self.with_host("https", rest, true),
                None => self.relative(&url),
            };
        };
        let lower = scheme.to_ascii_lowercase();
        match (lower.as_str(), after_slashes(rest)) {
            (known, Some(rest)) if is_with_host(known) => self.with_host(known, rest, false),
            // `https:path` is relative to a page of the same scheme.
            (known, None) if is_with_host(known) => format!("{known}:{}", self.relative(rest)),
            ("data", _) => format!("data:{},", self.name(rest.split([',', ';']).next().unwrap_or_default())),
            ("javascript", _) => {
                let code = Units::plain(rest).percent().text;
                format!("javascript:{}", encoded_script(&self.script(&code)))
            }
            ("blob", _) => format!("blob:{}", self.url(rest)),
            (_, _) => format!("{}:{}", self.name(scheme), self.relative(rest)),
        }
    }

    fn with_host(&self, scheme: &str, rest: &str, relative: bool) -> String {
        let end = rest.find(['/', '\\', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let host = authority.rsplit('@').next().unwrap_or_default();
        let web = match scheme {
            "ws" => "http",
            "wss" => "https",
            other => other,
        };
        let origin = |scheme: &str| {
            let origin = Url::parse(&format!("{scheme}://{host}/")).ok()?.origin().ascii_serialization();
            self.origins.get(&origin).map(|stand_in| (scheme.to_owned(), stand_in.trim_end_matches('/').to_owned()))
        };
        let known =
            if relative { origin("https").or_else(|| origin("http")) } else { origin(scheme).or_else(|| origin(web)) };
        let kept: Cow<'_, str> = match known {
            None => ELSEWHERE.into(),
            Some((_, to)) if relative => {
                format!("//{}", to.split_once("://").map_or(to.as_str(), |(_, host)| host)).into()
            }
            Some((found, to)) if found != scheme => to.replacen("http", "ws", 1).into(),
            Some((_, to)) => to.into(),
        };
        format!("{kept}{}", self.relative(rest))
    }

    /// Path, query and fragment.
    fn relative(&self, url: &str) -> String {
        let (before, fragment) = url.split_once('#').map_or((url, None), |(before, after)| (before, Some(after)));
        let (path, query) = before.split_once('?').map_or((before, None), |(before, after)| (before, Some(after)));
        let mut out = self.path(&path.replace('\\', "/"));
        if let Some(query) = query {
            out.push('?');
            out.push_str(&self.query(query));
        }
        if let Some(fragment) = fragment {
            out.push('#');
            out.push_str(&self.path(fragment));
        }
        out
    }

    fn path(&self, path: &str) -> String {
        let units = Units::plain(path).percent();
        units.apply(path, &self.judge.edits(&units.text, Level::of_name(&units.text)), encoded)
    }

    fn query(&self, query: &str) -> String {
        let parts = query.split('&').map(|part| match part.split_once('=') {
            Some((name, value)) => format!("{}={}", self.parameter_name(name), self.parameter(value)),
            None => self.parameter_name(part),
        });
        parts.collect::<Vec<_>>().join("&")
    }

    fn parameter_name(&self, raw: &str) -> String {
        let units = Units::form(raw);
        units.apply(raw, &self.judge.edits(&units.text, Level::of_name(&units.text)), encoded)
    }

    fn parameter(&self, raw: &str) -> String {
        let units = Units::form(raw);
        units.apply(raw, &self.value_edits(&units.text), encoded)
    }
}

/// What follows the two slashes, or backslashes, with which an address names a host.
fn after_slashes(url: &str) -> Option<&str> {
    let slash = ['/', '\\'];
    url.strip_prefix(slash).and_then(|rest| rest.strip_prefix(slash)).map(|rest| rest.trim_start_matches(slash))
}

/// Writes a text down so that it is one parameter, or one segment of a path.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

fn encoded_script(code: &str) -> String {
    code.chars().fold(String::new(), |mut out, c| {
        match c {
            '%' => out.push_str("%25"),
            '\n' => out.push_str("%0A"),
            '#' => out.push_str("%23"),
            other => out.push(other),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use crate::recording::scrub::{Permission, Scrubber};

    fn scrubber() -> Scrubber {
        let permission = Permission {
            phrases: ["Draft".into(), "DRF-000012".into()].into(),
            names: ["exceptions".into(), "state".into(), "edit".into()].into(),
            pairs: vec![("Zoë 7".into(), "Ann & Co".into())],
            origins: [
                ("https://portal.example".into(), "https://portal.invalid".into()),
                ("http://127.0.0.1:8480".into(), "http://127.0.0.1:8480".into()),
            ]
            .into(),
            ..Permission::default()
        };
        Scrubber::new(permission, [9; 32]).unwrap()
    }

    #[test]
    fn an_origin_is_kept_or_replaced_as_permitted_and_any_other_is_elsewhere() {
        let s = scrubber();
        assert_eq!(s.url("http://127.0.0.1:8480/exceptions"), "http://127.0.0.1:8480/exceptions");
        assert_eq!(s.url("HTTPS://jane:s3cret@Portal.example:443/edit"), "https://portal.invalid/edit");
        assert_eq!(s.url("wss://portal.example/edit"), "wss://portal.invalid/edit");
        assert_eq!(s.url("//portal.example/edit"), "//portal.invalid/edit");
        for other in ["https://quimby.example:8443/", "//quimby.example/", "/\\quimby.example/", "https://jane@[/"] {
            assert_eq!(s.url(other), "https://elsewhere.invalid/", "{other}");
        }
    }

    #[test]
    fn path_query_and_fragment_keep_what_is_permitted_alone() {
        let s = scrubber();
        let out = s
            .url("/exceptions/DRF-000012/Quimby/%51uim%62y/12?state=Draft&q=Jane+Quimby&Jane=state&page=2#edit-Quimby");
        assert!(out.starts_with("/exceptions/DRF-000012/"), "{out}");
        assert!(out.contains("/12?state=Draft&") && out.contains("#edit-"), "{out}");
        for secret in ["Quimby", "%51", "uim", "Jane", "=state"] {
            assert!(!out.contains(secret), "{secret} in {out}");
        }
        let segments: Vec<&str> = out.split(['/', '?']).collect();
        assert_eq!(segments[3], segments[4], "one word, written in two ways");
        assert!(s.url("?next=%252Flogin%253Fname%253DQuimby").find("Quimby").is_none());
        assert_eq!(s.url("/exceptions?q=Zo%C3%AB+7"), "/exceptions?q=Ann%20%26%20Co");
    }

    #[test]
    fn what_data_and_script_addresses_hold_is_scrubbed() {
        let s = scrubber();
        assert_eq!(s.url("data:text/plain;base64,SmFuZQ=="), "data:text/plain,");
        assert!(!s.url("java\nscript:alert('%51uimby')").contains("uimby"));
        assert!(!s.url("mailto:jane@quimby.example?subject=Quimby").to_lowercase().contains("quimby"));
        assert!(!s.url("blob:https://quimby.example/4711-8822").contains("quimby"));
    }
}
