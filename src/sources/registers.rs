//! Registers in files, TOML or JSON: delegates, holds, service ownership. Read whole, or not at all.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::read_text;
use crate::diagnostic::Diagnostic;
use crate::model::digest::Digest;
use crate::model::gates::{Delegation, Hold, Resolved};
use crate::model::ids::{ChangeId, HoldId, PersonId};
use crate::model::record::Ownership;
use crate::model::strict_json::unmarked;
use crate::model::text::Line;
use crate::model::time::Instant;

const LIMIT: u64 = 4 << 20;

/// Reads a file of one schema: JSON when it is called `*.json`, TOML otherwise.
///
/// # Errors
///
/// A [`Diagnostic`] naming file, line and field: unreadable, another schema, unknown keys, values that are none.
pub fn read<T: DeserializeOwned>(path: &Path, help: &str) -> Result<T, Diagnostic> {
    let text = read_text(path, LIMIT, help)?;
    let text = unmarked(&text);
    let place = |line: usize, column: usize| {
        let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        (start + column.saturating_sub(1)).min(text.len())
    };
    let field = |path: &serde_path_to_error::Path| Some(path.to_string()).filter(|field| field != ".");
    if path.extension().is_some_and(|extension| extension == "json") {
        let mut reader = serde_json::Deserializer::from_str(text);
        let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let named = field(error.path());
            let inner = error.into_inner();
            let at = place(inner.line(), inner.column());
            Diagnostic::at(path, text, at..at, named, inner.to_string(), help)
        })?;
        reader.end().map_err(|error| {
            let at = place(error.line(), error.column());
            Diagnostic::at(path, text, at..at, None, "something follows the register", help)
        })?;
        return Ok(read);
    }
    let wrong = |error: &toml::de::Error, field| {
        Diagnostic::at(path, text, error.span().unwrap_or(0..0), field, error.message(), help)
    };
    let reader = toml::Deserializer::parse(text).map_err(|error| wrong(&error, None))?;
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let named = field(error.path());
        wrong(error.inner(), named)
    })
}

#[derive(Deserialize)]
enum DelegatesSchema {
    #[serde(rename = "portal-agent/delegates/1")]
    V1,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Delegates {
    #[serde(rename = "schema")]
    _schema: DelegatesSchema,
    #[serde(default, rename = "delegation")]
    delegations: Vec<Delegation>,
}

/// The delegate mapping at `path`.
///
/// # Errors
///
/// A [`Diagnostic`]; also for a mapping that ends before it starts.
pub fn delegations(path: &Path) -> Result<Vec<Delegation>, Diagnostic> {
    let help =
        "a delegate mapping has `schema` and [[delegation]] entries with `from`, `to`, `role`, `start` and `end`";
    let delegations = read::<Delegates>(path, help)?.delegations;
    match delegations.iter().position(|mapping| mapping.end <= mapping.start) {
        Some(place) => {
            let message = format!("delegation[{place}].end: the mapping ends before it starts");
            Err(Diagnostic::whole(path, message, "write an end after the start"))
        }
        None => Ok(delegations),
    }
}

#[derive(Deserialize)]
enum HoldsSchema {
    #[serde(rename = "portal-agent/hold-register/1")]
    V1,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Holds {
    #[serde(rename = "schema")]
    _schema: HoldsSchema,
    #[serde(default, rename = "hold")]
    holds: Vec<RawHold>,
}

/// A hold as people write it. Their words about it stay in the register.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHold {
    id: HoldId,
    change_id: ChangeId,
    packet: Option<Digest>,
    raised_by: PersonId,
    raised_at: Instant,
    #[serde(rename = "reason")]
    _reason: String,
    resolved_by: Option<PersonId>,
    resolved_at: Option<Instant>,
    #[serde(rename = "resolution")]
    _resolution: Option<String>,
}

/// The hold register at `path`.
///
/// # Errors
///
/// A [`Diagnostic`]; also for a hold that stands there twice, is settled by nobody, or before it was raised.
pub fn holds(path: &Path) -> Result<Vec<Hold>, Diagnostic> {
    let help = "a hold register has `schema` and [[hold]] entries with `id`, `change_id`, `raised_by`, `raised_at`, `reason`, and \
                `resolved_by`, `resolved_at`, `resolution` once it is settled";
    let mut known = BTreeSet::new();
    let mut holds = Vec::new();
    for raw in read::<Holds>(path, help)?.holds {
        let wrong = |what: &str| Diagnostic::whole(path, format!("hold {}: {what}", raw.id), help);
        if !known.insert(raw.id.clone()) {
            return Err(wrong("stands here twice"));
        }
        let resolved = match (raw.resolved_by.clone(), raw.resolved_at) {
            (None, None) => None,
            (Some(_), Some(at)) if at < raw.raised_at => return Err(wrong("was settled before it was raised")),
            (Some(by), Some(at)) => Some(Resolved { by, at }),
            (Some(_), None) | (None, Some(_)) => return Err(wrong("`resolved_by` and `resolved_at` go together")),
        };
        holds.push(Hold {
            id: raw.id.clone(),
            change_id: raw.change_id,
            packet: raw.packet,
            raised_by: raw.raised_by,
            raised_at: raw.raised_at,
            resolved,
        });
    }
    Ok(holds)
}

#[derive(Deserialize)]
enum OwnershipSchema {
    #[serde(rename = "portal-agent/service-ownership/1")]
    V1,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Owners {
    #[serde(rename = "schema")]
    _schema: OwnershipSchema,
    #[serde(default, rename = "entry")]
    entries: Vec<Ownership>,
}

/// The service ownership record at `path`.
///
/// # Errors
///
/// A [`Diagnostic`]; also for a service that stands there twice.
pub fn owners(path: &Path) -> Result<Vec<Ownership>, Diagnostic> {
    let help = "a service ownership record has `schema` and [[entry]] entries with `service` and `owner`";
    let mut known = BTreeSet::new();
    let entries = read::<Owners>(path, help)?.entries;
    if let Some(twice) = entries.iter().find(|entry| !known.insert(entry.service.as_str())) {
        let message = format!("service {} stands here twice", twice.service.as_str());
        return Err(Diagnostic::whole(path, message, "a service has one owner"));
    }
    Ok(entries)
}

/// The entry of `service` in the ownership record at `path`; none when it does not know the service.
///
/// # Errors
///
/// As [`owners`].
pub fn owner(path: &Path, service: &Line) -> Result<Option<Ownership>, Diagnostic> {
    Ok(owners(path)?.into_iter().find(|entry| &entry.service == service))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str, text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        (folder, path)
    }

    const HOLD: &str = "schema = \"portal-agent/hold-register/1\"\n[[hold]]\nid = \"H-1\"\nchange_id = \"CHG1\"\n\
                        raised_by = \"a.b\"\nraised_at = \"2026-11-20T10:00:00Z\"\nreason = \"test results are missing\"\n";

    #[test]
    fn a_hold_is_open_until_somebody_settled_it_at_some_time() {
        let (_kept, path) = file("h.toml", HOLD);
        assert_eq!(holds(&path).unwrap()[0].resolved, None);
        let settled = format!("{HOLD}resolved_by = \"c.d\"\nresolved_at = \"2026-11-20T11:00:00Z\"\n");
        let (_kept, path) = file("h.toml", &settled);
        assert_eq!(holds(&path).unwrap()[0].resolved.as_ref().unwrap().by.as_str(), "c.d");
        for (wrong, told) in [
            (format!("{HOLD}resolved_by = \"c.d\"\n"), "go together"),
            (settled.replace("11:00", "09:00"), "before it was raised"),
            (format!("{HOLD}{}", &HOLD[HOLD.find("[[").unwrap()..]), "twice"),
            (format!("{HOLD}until = \"x\"\n"), "h.toml:8"),
            (HOLD.replace("register/1", "register/2"), "h.toml:1"),
            (HOLD.replace("\"CHG1\"", "7"), "hold[0].change_id"),
        ] {
            let (_kept, path) = file("h.toml", &wrong);
            let error = holds(&path).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn a_delegate_mapping_without_an_end_is_refused() {
        let mapping = |end: &str| {
            format!(
                r#"{{"schema":"portal-agent/delegates/1","delegation":[{{"from":"a.b","to":"c.d","start":"2026-11-20T10:00:00Z"{end}}}]}}"#
            )
        };
        let (_kept, path) = file("d.json", &mapping(r#","end":"2026-11-21T10:00:00Z""#));
        assert_eq!(delegations(&path).unwrap().len(), 1);
        for end in ["", r#","end":"2026-11-20T10:00:00Z""#] {
            let (_kept, path) = file("d.json", &mapping(end));
            assert!(delegations(&path).is_err(), "{end}");
        }
    }

    #[test]
    fn a_service_has_one_owner_or_none_that_is_known() {
        let text =
            "schema = \"portal-agent/service-ownership/1\"\n[[entry]]\nservice = \"checkout-api\"\nowner = \"m.c\"\n";
        let (_kept, path) = file("o.toml", text);
        let service = |name: &str| Line::parse(name).unwrap();
        assert_eq!(owner(&path, &service("checkout-api")).unwrap().unwrap().owner.as_str(), "m.c");
        assert_eq!(owner(&path, &service("other")).unwrap(), None);
        let (_kept, path) = file("o.toml", &format!("{text}{}", &text[text.find("[[").unwrap()..]));
        assert!(owner(&path, &service("other")).unwrap_err().to_string().contains("twice"));
    }
}
