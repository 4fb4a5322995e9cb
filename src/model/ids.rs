//! Identifiers, each a type of its own so that one cannot stand in for another.
//!
//! Every identifier is checked when it is made: [`ChangeId`] and [`RunId`] become folder names in the evidence store and
//! therefore admit no separator, no leading dot and no control character.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{kind} must be 1 to {longest} characters of letters, digits, '.', '_' or '-', starting with a letter or digit"
)]
pub struct IdError {
    kind: &'static str,
    longest: usize,
}

const LONGEST: usize = 80;

fn check(kind: &'static str, text: &str) -> Result<(), IdError> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let all_allowed = text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    if starts_well && all_allowed && text.len() <= LONGEST { Ok(()) } else { Err(IdError { kind, longest: LONGEST }) }
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and wraps it.
            ///
            /// # Errors
            ///
            /// [`IdError`] when it is empty, too long, or holds a character outside letters, digits, `.`, `_`, `-`.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check($kind, text)?;
                Ok(Self(text.to_owned()))
            }

            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::model::parsed::parsed(deserializer, Self::parse)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$"})
            }
        }
    };
}

identifier!(
    /// Number of a change request in the change-management system, for instance `CHG0041877`.
    ChangeId,
    "a change id"
);
identifier!(
    /// Account name of a person, as the change record and the portal both write it.
    PersonId,
    "a person's account name"
);

impl PersonId {
    /// Whether both are one person: accounts that differ in case alone are.
    pub fn is(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}
identifier!(
    /// One run of the agent: UTC start to the second, then random hex digits.
    RunId,
    "a run id"
);
identifier!(
    /// A tab of the portal's form, named by the selector map.
    TabId,
    "a tab id"
);
identifier!(
    /// A field of the portal's form, named by the selector map.
    FieldId,
    "a field id"
);
identifier!(
    /// A blackout in the freeze calendar.
    BlackoutId,
    "a blackout id"
);
identifier!(
    /// A hold in the hold register.
    HoldId,
    "a hold id"
);
identifier!(
    /// The part an approver plays, for instance `service-owner`.
    Role,
    "a role"
);
identifier!(
    /// What an attachment is for, for instance `rollback-plan`.
    AttachmentRole,
    "an attachment role"
);
identifier!(
    /// The portal's own reference of a saved draft; it becomes a URL segment.
    DraftReference,
    "a draft reference"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_that_could_leave_its_folder_is_refused() {
        for bad in ["", "..", ".hidden", "a/b", "a\\b", "a b", "a\n", "é", &"x".repeat(81)] {
            assert!(ChangeId::parse(bad).is_err(), "{bad:?} was accepted");
        }
        assert_eq!(ChangeId::parse("CHG0041877").unwrap().as_str(), "CHG0041877");
    }
}
