//! Reads the freeze policy from a file, TOML or JSON.

use std::path::Path;

use serde::Deserialize;

use super::registers;
use crate::diagnostic::Diagnostic;
use crate::model::freeze_policy::{BlackoutPolicy, CategoryPolicy, FreezePolicy, PagesPolicy};

#[derive(Deserialize)]
enum Schema {
    #[serde(rename = "portal-agent/freeze-policy/1")]
    V1,
}

/// The policy as it stands in its file: with a schema.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "schema")]
    _schema: Schema,
    longest_window_hours: Option<u32>,
    #[serde(default)]
    lead_hours: u32,
    #[serde(default)]
    pages: PagesPolicy,
    #[serde(default, rename = "category")]
    categories: Vec<CategoryPolicy>,
    #[serde(default, rename = "blackout")]
    blackouts: Vec<BlackoutPolicy>,
}

/// Reads the freeze policy at `path`.
///
/// # Errors
///
/// A [`Diagnostic`] naming file, line and field; also for a category with two rules and a rule that is about no blackout.
pub fn read(path: &Path) -> Result<FreezePolicy, Diagnostic> {
    let help = "a freeze policy has `schema`, `longest_window_hours`, `lead_hours`, `pages`, [[category]] entries with `name`, `mode`, \
                `lead_hours`, `longest_window_hours`, and [[blackout]] entries with `id` or `kind`, `admits` and `environments`";
    let file: File = registers::read(path, help)?;
    for (place, category) in file.categories.iter().enumerate() {
        if file.categories[..place].iter().any(|known| known.name == category.name) {
            let message = format!("category[{place}].name: {} has rules already", category.name);
            return Err(Diagnostic::whole(path, message, "write all rules of a category in one entry"));
        }
    }
    if let Some(place) = file.blackouts.iter().position(|rule| rule.id.is_none() && rule.kind.is_none()) {
        let message = format!("blackout[{place}]: the rule names neither `id` nor `kind`");
        return Err(Diagnostic::whole(path, message, "say which blackouts it is about"));
    }
    let File { _schema: _, longest_window_hours, lead_hours, pages, categories, blackouts } = file;
    Ok(FreezePolicy { longest_window_hours, lead_hours, pages, categories, blackouts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::freeze_terms::ReleaseMode;

    fn policy(text: &str) -> Result<FreezePolicy, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        std::fs::write(&path, format!("schema = \"portal-agent/freeze-policy/1\"\n{text}")).unwrap();
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_policy_is_read_whole_or_refused_by_line() {
        let read = policy("[[category]]\nname = \"emergency-fix\"\nmode = \"hotfix\"\nlead_hours = 1\n").unwrap();
        assert_eq!((read.mode("emergency-fix"), read.lead_hours("emergency-fix")), (ReleaseMode::Hotfix, 1));
        for (text, told) in [
            ("[[category]]\nname = \"a\"\nmode = \"fast\"\n", "p.toml:4"),
            ("[[category]]\nname = \"a\"\n[[category]]\nname = \"a\"\n", "has rules already"),
            ("[[blackout]]\nadmits = [\"a\"]\n", "neither `id` nor `kind`"),
            ("lead_hours = -1\n", "p.toml:2"),
            ("longest_window = 3\n", "longest_window"),
        ] {
            let error = policy(text).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
