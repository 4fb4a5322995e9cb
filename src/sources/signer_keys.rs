//! Reads whose signatures count: the allowed-signers file, and the file of revoked keys where there is one.

use std::path::Path;

use jiff::tz::TimeZone;

use super::{read_bytes, read_text};
use crate::diagnostic::Diagnostic;
use crate::signatures::{AllowedSigners, RevokedKeys, SignerKeys};

/// Largest file, in bytes: some ten thousand keys.
const LIMIT: u64 = 8 << 20;

/// Reads both files. Times without `Z` in the first are read on the clocks of `zone`.
///
/// # Errors
///
/// A [`Diagnostic`]: a file that is not there or cannot be understood to its end. It never stands for an empty one.
pub fn read(allowed: &Path, revoked: Option<&Path>, zone: &TimeZone) -> Result<SignerKeys, Diagnostic> {
    let text = read_text(allowed, LIMIT, "an allowed-signers file")?;
    let revoked = match revoked {
        Some(path) => RevokedKeys::parse(path, &read_bytes(path, LIMIT, "a file of revoked keys")?)?,
        None => RevokedKeys::default(),
    };
    Ok(SignerKeys { allowed: AllowedSigners::parse(allowed, &text, zone)?, revoked })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_revoked_keys_that_is_missing_is_an_error_and_not_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let (allowed, revoked) = (folder.path().join("allowed"), folder.path().join("revoked"));
        std::fs::write(&allowed, "# nobody yet\n").unwrap();
        assert!(read(&allowed, None, &TimeZone::UTC).is_ok());
        let told = read(&allowed, Some(&revoked), &TimeZone::UTC).unwrap_err().to_string();
        assert!(told.contains("revoked") && told.contains("cannot be read"), "{told}");
        std::fs::write(&revoked, b"SSHKRL\n\0").unwrap();
        assert!(read(&allowed, Some(&revoked), &TimeZone::UTC).is_err());
    }
}
