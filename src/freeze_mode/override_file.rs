//! `release_override.json`: read whole with its texts, and written.

use serde::{Deserialize, Serialize};
use url::Url;

use super::override_rules::{ENVIRONMENT, says_who};
use crate::model::freeze_terms::OverrideTerms;
use crate::model::shown::is_invisible;
use crate::model::strict_json;
use crate::model::time::Instant;

/// An override with its texts. Keys that other tools add are passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseOverride {
    /// Whether it is switched on.
    pub active: bool,
    /// When it was set.
    pub set_at: Option<Instant>,
    /// First moment at which it no longer counts.
    pub expires_at: Option<Instant>,
    /// Why releases cannot wait.
    pub justification: Option<String>,
    /// Where this is followed up.
    pub ticket_url: Option<String>,
    /// The environment whose reviewers approved it.
    pub approved_via_environment: Option<String>,
    /// Who approved it there.
    pub approved_by: Option<String>,
    /// Whatever else people should know.
    pub note: Option<String>,
}

impl ReleaseOverride {
    /// Reads an override file. What is missing is for the gate to judge; what is there has to have its type.
    ///
    /// # Errors
    ///
    /// Why not, in words that may be shown: no JSON object, a key twice, something behind it, no `active`, a value of the
    /// wrong type, no time.
    pub fn parse(text: &str) -> Result<Self, String> {
        strict_json::read(text)
    }

    /// What the gate judges.
    pub fn terms(&self) -> OverrideTerms {
        OverrideTerms {
            active: self.active,
            set_at: self.set_at,
            expires_at: self.expires_at,
            justification_chars: justification_chars(self.justification.as_deref().unwrap_or_default()),
            ticket_is_url: is_ticket_url(self.ticket_url.as_deref().unwrap_or_default()),
            via_environment: self.approved_via_environment.as_deref() == Some(ENVIRONMENT),
            names_approver: self.approved_by.as_deref().is_some_and(says_who),
        }
    }
}

/// Length of a justification in characters that say something: trimmed, runs of white space as one, invisible characters
/// as none.
pub fn justification_chars(text: &str) -> usize {
    let words = text.split_whitespace().map(|word| word.chars().filter(|character| !is_invisible(*character)).count());
    let (letters, count) = words.filter(|letters| *letters > 0).fold((0, 0), |(sum, n), word| (sum + word, n + 1));
    letters + usize::saturating_sub(count, 1)
}

/// Whether `text` is an `http` or `https` URL with a host. Nothing is mended first, as browsers do.
pub(crate) fn is_ticket_url(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let Some(rest) = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://")) else { return false };
    if rest.starts_with(['/', '\\'])
        || text.chars().any(|character| character.is_whitespace() || is_invisible(character))
    {
        return false;
    }
    Url::parse(text).is_ok_and(|url| {
        url.host_str().is_some_and(|host| host.chars().any(|character| character.is_ascii_alphanumeric()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_and_invisible_characters_do_not_lengthen_a_justification() {
        assert_eq!(justification_chars("  ab \t\n  cd  "), 5);
        assert_eq!(justification_chars(&" ".repeat(80)), 0);
        assert_eq!(justification_chars(&"\u{200b}".repeat(80)), 0);
        assert_eq!(justification_chars(&"x \u{200b} ".repeat(20)), 39);
        assert_eq!(justification_chars(&"ü".repeat(50)), 50);
    }

    #[test]
    fn a_ticket_is_a_web_address_with_a_host() {
        for good in ["https://tickets.example/INC-1", "http://10.0.0.7:8080/t?id=1", "HTTPS://x/1", "https://[::1]/"] {
            assert!(is_ticket_url(good), "{good}");
        }
        for bad in [
            "",
            "INC-1",
            "https://",
            "https:///x",
            "https://...",
            "ftp://x/1",
            "javascript:alert(1)",
            "https:x",
            " https://x",
            "https://x/a b",
            "https://x/\n1",
            "file:///etc/passwd",
            "https://?q",
            "//x/1",
        ] {
            assert!(!is_ticket_url(bad), "{bad:?}");
        }
    }

    fn approved(environment: Option<&str>, by: Option<&str>) -> OverrideTerms {
        let over = serde_json::json!({
            "active": true, "justification": "PLANTED justification", "ticket_url": "https://planted.example/1",
            "approved_via_environment": environment, "approved_by": by, "note": "PLANTED note",
        });
        ReleaseOverride::parse(&over.to_string()).unwrap().terms()
    }

    #[test]
    fn only_the_exact_environment_counts() {
        assert!(approved(Some("release-override"), None).via_environment);
        for other in [None, Some(""), Some("production"), Some("Release-Override"), Some(" release-override")] {
            assert!(!approved(other, Some("user")).via_environment, "{other:?}");
        }
    }

    #[test]
    fn an_approver_is_somebody() {
        for somebody in ["user", " release.lead ", "図"] {
            assert!(approved(None, Some(somebody)).names_approver, "{somebody:?}");
        }
        for nobody in [None, Some(""), Some(" - "), Some("\u{200b}")] {
            assert!(!approved(Some("release-override"), nobody).names_approver, "{nobody:?}");
        }
    }

    #[test]
    fn no_text_of_an_override_reaches_what_is_kept() {
        let kept = serde_json::to_string(&approved(Some("PLANTED environment"), Some("PLANTED approver"))).unwrap();
        assert!(!kept.to_lowercase().contains("planted"), "{kept}");
    }

    #[test]
    fn what_is_missing_is_read_and_what_has_another_type_is_not() {
        assert!(ReleaseOverride::parse(r#"{"active":false}"#).is_ok());
        assert!(ReleaseOverride::parse(r#"{"active":true,"set_at":null,"approved_by":null,"more":1}"#).is_ok());
        for bad in [
            "{}",
            r#"{"active":"true"}"#,
            r#"{"active":true,"set_at":1}"#,
            r#"{"active":true,"expires_at":"soon"}"#,
            r#"{"active":true,"justification":["x"]}"#,
            r#"{"active":true,"ticket_url":7}"#,
            r#"{"active":true,"approved_by":{}}"#,
            r#"{"active":true,"active":true}"#,
            r#"{"active":true}}"#,
        ] {
            assert!(ReleaseOverride::parse(bad).is_err(), "{bad} was read");
        }
    }
}
