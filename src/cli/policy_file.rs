//! A policy in a file of its own, so that past runs can be judged by another one than theirs.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::settings::{SettingsError, check_keys};
use crate::diagnostic::Diagnostic;
use crate::model::gates::SignaturePolicy;
use crate::model::ids::Role;

/// Keys that make up the policy; a policy file holds nothing else.
const POLICY_KEYS: [&str; 4] = ["approval_roles", "approval_max_age_hours", "signatures", "freeze_policy"];

/// Settings that make up a policy, alone in a file of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PolicyFile {
    /// Roles that must have approved.
    pub approval_roles: Option<Vec<Role>>,
    /// Oldest approval that still counts, in hours.
    pub approval_max_age_hours: Option<u32>,
    /// Whether approvals must be signed.
    pub signatures: Option<SignaturePolicy>,
    /// The freeze policy's file.
    pub freeze_policy: Option<PathBuf>,
}

/// Reads a policy file.
///
/// # Errors
///
/// [`SettingsError`] naming the file and line.
pub(crate) fn read_policy(path: &Path) -> Result<PolicyFile, SettingsError> {
    let help =
        "a policy file is TOML with `approval_roles`, `approval_max_age_hours`, `signatures` and `freeze_policy`";
    let text = std::fs::read_to_string(path)
        .map_err(|error| SettingsError::File(Diagnostic::whole(path, format!("cannot be read: {error}"), help)))?;
    check_keys(path, &text, &POLICY_KEYS)?;
    let mut policy: PolicyFile = toml::from_str(&text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        SettingsError::File(Diagnostic::at(path, &text, span, None, error.message(), help))
    })?;
    if let (Some(freeze_policy), Some(folder)) = (&mut policy.freeze_policy, path.parent()) {
        *freeze_policy = folder.join(&*freeze_policy);
    }
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_file_holds_the_approval_policy_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.toml");
        let policy = |text: &str| {
            std::fs::write(&path, text).unwrap();
            read_policy(&path).map_err(|error| error.to_string())
        };
        let read = policy("approval_max_age_hours = 24\n").unwrap();
        assert_eq!(read, PolicyFile { approval_max_age_hours: Some(24), ..PolicyFile::default() });
        let told = policy("aproval_roles = []\n").unwrap_err();
        assert!(told.contains("p.toml:1:1") && told.contains("did you mean `approval_roles`"), "{told}");
        assert!(policy("operator = \"op.night\"\n").is_err(), "a setting, and none of the policy");
        assert!(policy("approval_max_age_hours = -1\n").is_err());
    }
}
