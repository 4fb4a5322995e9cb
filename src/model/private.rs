//! Values that came from a record, a person or a portal, and that nobody may see unless the selector map declares so.
//!
//! [`Private`] implements neither `Serialize` nor `Display`, and its `Debug` shows nothing: the only way to a report,
//! a log or a file leads through the mask.

use std::fmt;

use super::ids::FieldId;

/// A value that must pass the mask before anything is kept or shown of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Private<T>(T);

impl<T> Private<T> {
    /// Wraps `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for comparing and for typing. Never for keeping.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[private]")
    }
}

/// Who may see a [`Fact`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exposure {
    /// Known to the change record's readers: identifiers, times, digests, roles, counts.
    Public,
    /// As visible as the selector map declares this field.
    Field(FieldId),
    /// Wording of the portal itself: labels, headings, options.
    Wording,
    /// Text of banners, toasts, dialogs and validation messages.
    Message,
    /// Never shown.
    Hidden,
}

/// One side of a comparison: a text and who may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    text: Private<String>,
    exposure: Exposure,
    otherwise: Option<String>,
}

impl Fact {
    /// A fact with the given exposure.
    pub fn new(text: impl Into<String>, exposure: Exposure) -> Self {
        Self { text: Private::new(text.into()), exposure, otherwise: None }
    }

    /// The same, with what may be told of it where it may not be shown itself.
    #[must_use]
    pub(crate) fn or_tell(self, otherwise: Option<String>) -> Self {
        Self { otherwise, ..self }
    }

    /// What may be told where the text may not be shown.
    pub(crate) fn otherwise(&self) -> Option<&str> {
        self.otherwise.as_deref()
    }

    /// A fact that is no secret by its kind: an identifier, a time, a digest, a role, a count.
    pub fn public(text: impl ToString) -> Self {
        Self::new(text.to_string(), Exposure::Public)
    }

    /// A value of a form field.
    pub fn field(field: &FieldId, text: impl Into<String>) -> Self {
        Self::new(text, Exposure::Field(field.clone()))
    }

    /// The text, for comparing.
    pub fn text(&self) -> &Private<String> {
        &self.text
    }

    /// Who may see it.
    pub(crate) fn exposure(&self) -> &Exposure {
        &self.exposure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_of_private_values_shows_nothing() {
        let fact = Fact::new("canary-7f3a", Exposure::Public);
        assert!(!format!("{fact:?}").contains("canary"));
    }
}
