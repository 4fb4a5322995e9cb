//! Reads the mapping file `servicenow.toml`; every mistake names file, line and field.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;
use url::Url;

use super::mapping::{
    ApprovalColumns, AttachmentRules, Auth, ChangeColumns, DelegateColumns, Limits, Mapping, ServiceColumns, Tables,
};
use crate::diagnostic::{Diagnostic, unvalued};
use crate::sources::fetch::is_safe;
use crate::sources::read_text;

/// Largest mapping file, in bytes.
const LIMIT: u64 = 1 << 20;

#[derive(Deserialize)]
enum Schema {
    #[serde(rename = "portal-agent/servicenow/1")]
    V1,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AuthKind {
    Basic,
    Bearer,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAuth {
    kind: Spanned<AuthKind>,
    user: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "schema")]
    _schema: Schema,
    url: Spanned<Url>,
    ca: Option<PathBuf>,
    auth: RawAuth,
    #[serde(default)]
    limits: Option<Spanned<Limits>>,
    #[serde(default)]
    tables: Tables,
    #[serde(default)]
    change: ChangeColumns,
    approvals: Spanned<ApprovalColumns>,
    #[serde(default)]
    service: ServiceColumns,
    #[serde(default)]
    delegates: DelegateColumns,
    #[serde(default)]
    attachments: Option<Spanned<AttachmentRules>>,
}

const HELP: &str = "the documentation of `sources::servicenow` shows a whole mapping";

/// Reads the mapping at `path`.
///
/// # Errors
///
/// A [`Diagnostic`] naming file, line and field: not there, no TOML, unknown or missing keys, an address that is neither `https` nor
/// this host, names that name nothing.
pub fn read(path: &Path) -> Result<Mapping, Diagnostic> {
    parse(path, &read_text(path, LIMIT, "a ServiceNow mapping in TOML")?)
}

/// The reader's message names an unknown key, and all that it knows.
fn unknown(message: &str) -> Option<(&str, String)> {
    let (name, known) = message.strip_prefix("unknown field `")?.split_once('`')?;
    let nearest = known.split('`').skip(1).step_by(2).min_by_key(|known| strsim::damerau_levenshtein(known, name));
    Some((name, nearest.map_or_else(|| HELP.to_owned(), |nearest| format!("did you mean `{nearest}`?"))))
}

/// What to write where a key of the approvals, or all of them, are missing.
fn missing(message: &str) -> Option<(&'static str, &'static str)> {
    match message.strip_prefix("missing field `")?.strip_suffix('`')? {
        "approvals" => Some((
            "approvals",
            "write a section [approvals] with `packet` and `decided_at`, columns that only the approval itself fills",
        )),
        "packet" => Some((
            "approvals.packet",
            "write packet = \"COLUMN\", one that only the approval itself fills; or packet = \"comments\", where whoever may \
             comment can bind an approval to another packet",
        )),
        "decided_at" => Some((
            "approvals.decided_at",
            "write decided_at = \"COLUMN\", one that is stamped when the state changes; \"sys_updated_on\" moves with every edit, \
             so that an old approval looks young",
        )),
        _ => None,
    }
}

/// Reads the mapping in `text`; paths in it are relative to the folder of `path`.
///
/// # Errors
///
/// See [`read`].
pub fn parse(path: &Path, text: &str) -> Result<Mapping, Diagnostic> {
    // No line is quoted: it may hold what should not stand there.
    let told = |field: Option<String>, error: &toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        if let Some((field, help)) = missing(error.message()) {
            return Diagnostic::unquoted(path, text, at, Some(field.to_owned()), "is missing", help);
        }
        let (message, help) = match unknown(error.message()) {
            Some((name, _)) if ["password", "secret", "token"].iter().any(|word| name.contains(word)) => {
                ("no such key".to_owned(), "a secret never stands in this file; give it as the settings say".to_owned())
            }
            Some((_, nearest)) => ("no such key".to_owned(), nearest),
            // The reader's message quotes the address, credentials and all.
            None if field.as_deref() == Some("url") => ("is no address".to_owned(), HELP.to_owned()),
            None => (unvalued(error.message()), HELP.to_owned()),
        };
        Diagnostic::unquoted(path, text, at, field, message, help)
    };
    let reader = toml::Deserializer::parse(text).map_err(|error| told(None, &error))?;
    let file: File = serde_path_to_error::deserialize(reader).map_err(|error| {
        // How the reader passes a value on together with its place shows in the path.
        let field = error.path().to_string().replace(".$__serde_spanned_private_value", "");
        let field = Some(field).filter(|field| field != ".");
        told(field, error.inner())
    })?;
    check(path, text, file)
}

fn check(path: &Path, text: &str, file: File) -> Result<Mapping, Diagnostic> {
    let wrong = |span: std::ops::Range<usize>, field: &str, message: &str, help: &str| {
        Diagnostic::unquoted(path, text, span.start, Some(field.to_owned()), message, help)
    };
    let (span, mut url) = (file.url.span(), file.url.into_inner());
    if !is_safe(&url) || url.query().is_some() || url.fragment().is_some() {
        let help = "write the instance's own address, for instance \"https://example.service-now.com\"";
        return Err(wrong(span, "url", "needs https (or this host), and neither account nor query", help));
    }
    if !url.path().ends_with('/') {
        let with_slash = format!("{}/", url.path());
        url.set_path(&with_slash);
    }
    let auth = match (file.auth.kind.get_ref(), file.auth.user) {
        (AuthKind::Basic, Some(user)) if !user.get_ref().is_empty() && !user.get_ref().contains(':') => {
            Auth::Basic { user: user.into_inner() }
        }
        (AuthKind::Basic, user) => {
            let span = user.map_or(file.auth.kind.span(), |user| user.span());
            return Err(wrong(span, "auth.user", "needs an account without ':'", "name the agent's account"));
        }
        (AuthKind::Bearer, None) => Auth::Bearer,
        (AuthKind::Bearer, Some(user)) => {
            return Err(wrong(user.span(), "auth.user", "goes with kind = \"basic\"", "leave it out"));
        }
    };
    let limits = match file.limits {
        None => Limits::default(),
        Some(limits) => {
            let (span, limits) = (limits.span(), limits.into_inner());
            if let Some(field) = limits.bad() {
                return Err(wrong(span, &format!("limits.{field}"), "is out of range", "leave it out for the default"));
            }
            limits
        }
    };
    let (span, approvals) = (file.approvals.span(), file.approvals.into_inner());
    if approvals.decided_by.is_some() && approvals.on_behalf_of.is_some() {
        let help = "name `decided_by` where rows keep who was asked, `on_behalf_of` where they name who decided";
        return Err(wrong(span, "approvals", "names both `decided_by` and `on_behalf_of`", help));
    }
    if approvals.signature.is_some() && approvals.signature_files {
        return Err(wrong(span, "approvals", "names two places of signatures", "keep one of them"));
    }
    let attachments = match file.attachments {
        None => AttachmentRules::default(),
        Some(rules) => {
            let (span, rules) = (rules.span(), rules.into_inner());
            if let Some(name) = rules.roles.keys().find(|name| name.matches('*').count() > 1 || name.is_empty()) {
                let field = format!("attachments.roles.{name}");
                return Err(wrong(span, &field, "has more than one '*', or nothing", "write a file name with one '*'"));
            }
            rules
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(Mapping {
        url,
        ca: file.ca.map(|ca| folder.join(ca)),
        auth,
        limits,
        tables: file.tables,
        change: file.change,
        approvals,
        service: file.service,
        delegates: file.delegates,
        attachments,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::AttachmentRole;
    use crate::sources::servicenow::PacketPlace;

    const HEAD: &str = "schema = \"portal-agent/servicenow/1\"\nurl = \"https://x.example\"\n";
    const AUTH: &str = "[auth]\nkind = \"bearer\"\n";
    const APPROVALS: &str = "[approvals]\npacket = \"u_packet\"\ndecided_at = \"u_decided_at\"\n";

    fn mapping(text: &str) -> Result<Mapping, String> {
        parse(Path::new("/etc/pa/servicenow.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_small_mapping_suffices() {
        let read = mapping(&format!("{HEAD}ca = \"ca.pem\"\n{AUTH}{APPROVALS}")).unwrap();
        assert_eq!(read.url.as_str(), "https://x.example/");
        assert_eq!(read.ca, Some(PathBuf::from("/etc/pa/ca.pem")));
        assert_eq!(read.change, ChangeColumns::default());
        assert_eq!(read.limits.page_size, 100);
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one_and_its_line() {
        let told = mapping(&format!("{HEAD}{AUTH}[limits]\nconect_s = 1\n")).unwrap_err();
        assert!(told.contains("servicenow.toml:6:1") && told.contains("did you mean `connect_s`"), "{told}");
        assert!(told.contains("limits.conect_s"), "{told}");
        let told = mapping(&format!("{HEAD}{AUTH}[change]\ntitle = {{ colum = \"x\" }}\n")).unwrap_err();
        assert!(told.contains("servicenow.toml:6:") && told.contains("did you mean `column`"), "{told}");
    }

    #[test]
    fn a_secret_in_the_file_is_refused_and_not_shown() {
        for key in ["password", "token", "client_secret"] {
            let told = mapping(&format!("{HEAD}[auth]\nkind = \"bearer\"\n{key} = \"canary-7f3a\"\n")).unwrap_err();
            assert!(told.contains("a secret never stands in this file") && !told.contains("canary"), "{told}");
        }
        let told = mapping(&HEAD.replace("https://", "https://me:canary-7f3a@")).unwrap_err();
        assert!(!told.contains("canary"), "{told}");
        let told = mapping(&format!("{}{AUTH}{APPROVALS}", HEAD.replace("https://x.example", "me:canary-7f3a@:x")))
            .unwrap_err();
        assert!(told.contains("url") && !told.contains("canary"), "{told}");
        let told = mapping(&format!("{HEAD}{AUTH}password = \"canary-7f3a\n")).unwrap_err();
        assert!(told.contains(":5:") && !told.contains("canary"), "{told}");
        let head = HEAD.replace("https://", "https://me:canary-7f3a@");
        let told = mapping(&format!("{head}{AUTH}{APPROVALS}")).unwrap_err();
        assert!(told.contains("url: needs https") && !told.contains("canary"), "{told}");
    }

    #[test]
    fn every_mistake_names_its_line_and_field() {
        let good = format!("{HEAD}{AUTH}{APPROVALS}");
        assert!(mapping(&good).is_ok());
        for (text, place, field) in [
            (good.replace("https", "http"), ":2:", "url"),
            (good.replace("bearer", "basic"), ":4:", "auth.user"),
            (good.replace("bearer", "oauth"), ":4:", "auth.kind"),
            (good.replace("servicenow/1", "servicenow/2"), ":1:", "schema"),
            (format!("{good}[limits]\npage_size = 0\n"), ":8:", "limits.page_size"),
            (format!("{good}[limits]\nattempts = 0\n"), ":8:", "limits.attempts"),
            (format!("{good}[change]\ntitle = \"Short Description\"\n"), ":9:", "change.title"),
            (format!("{good}[change]\nwindow_start = \"a,b\"\n"), ":9:", "change.window_start"),
            (format!("{good}[tables]\nchange_request = \"../x\"\n"), ":9:", "tables.change_request"),
            (format!("{good}[change]\ntitle = {{ column = \"a\", constant = \"b\" }}\n"), ":9:", "change.title"),
            (
                format!("{good}[change.details]\nn = {{ column = \"a\", separator = \";\" }}\n"),
                ":9:",
                "change.details.n",
            ),
            (format!("{good}decided_by = \"a\"\non_behalf_of = \"b\"\n"), ":5:", "approvals"),
            (format!("{good}[attachments.roles]\n\"*x*\" = \"a\"\n"), ":8:", "attachments.roles.*x*"),
        ] {
            let told = mapping(&text).expect_err(&text);
            assert!(told.contains(&format!("servicenow.toml{place}")) && told.contains(field), "{text}\n{told}");
        }
    }

    #[test]
    fn where_a_decision_names_its_packet_and_its_time_must_be_said() {
        let told = mapping(&format!("{HEAD}{AUTH}[approvals]\ndecided_at = \"u_at\"\n")).unwrap_err();
        assert!(told.contains("servicenow.toml:5:") && told.contains("approvals.packet: is missing"), "{told}");
        assert!(told.contains("packet = \"COLUMN\"") && told.contains("whoever may comment"), "{told}");
        let told = mapping(&format!("{HEAD}{AUTH}[approvals]\npacket = \"comments\"\n")).unwrap_err();
        assert!(told.contains("servicenow.toml:5:") && told.contains("approvals.decided_at: is missing"), "{told}");
        assert!(told.contains("decided_at = \"COLUMN\"") && told.contains("sys_updated_on"), "{told}");
        let told = mapping(&format!("{HEAD}{AUTH}")).unwrap_err();
        assert!(told.contains("approvals: is missing") && told.contains("write a section [approvals]"), "{told}");
        let comments = format!("{HEAD}{AUTH}{APPROVALS}").replace("u_packet", "comments");
        assert_eq!(mapping(&comments).unwrap().approvals.packet, PacketPlace::Comments);
        let empty = comments.replace("\"comments\"", "\"\"");
        assert!(mapping(&empty).unwrap_err().contains("approvals.packet"));
    }

    #[test]
    fn an_address_under_a_wrong_key_is_not_shown() {
        let address = "\"https://x.example/canary?key=canary\"";
        for text in [
            HEAD.replace("\"portal-agent/servicenow/1\"", address),
            format!("{HEAD}auth = {address}\n"),
            format!("{HEAD}[auth]\nkind = {address}\n"),
            format!("{HEAD}{AUTH}[limits]\nread_s = {address}\n"),
            format!("{HEAD}{AUTH}[tables]\nchange_request = {address}\n"),
            format!("{HEAD}{AUTH}[approvals]\npacket = {address}\n"),
            format!("{}{AUTH}{APPROVALS}", HEAD.replace("x.example", "x.example/canary?key=canary")),
        ] {
            let told = mapping(&text).expect_err(&text);
            assert!(told.contains("servicenow.toml:") && !told.contains("canary"), "{told}");
        }
    }

    #[test]
    fn an_exact_file_name_goes_over_a_pattern_and_a_long_pattern_over_a_short_one() {
        let roles =
            "[attachments.roles]\n\"*.pdf\" = \"other\"\n\"plan*.pdf\" = \"plan\"\n\"plan-b.pdf\" = \"exact\"\n";
        let rules = mapping(&format!("{HEAD}{AUTH}{APPROVALS}{roles}")).unwrap().attachments;
        let role = |name| rules.role(name).map(AttachmentRole::as_str);
        assert_eq!(role("plan-b.pdf"), Some("exact"));
        assert_eq!(role("plan-a.pdf"), Some("plan"));
        assert_eq!(role("x.pdf"), Some("other"));
        assert_eq!(role("screenshot.png"), None);
    }
}
