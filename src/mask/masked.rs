//! The gate that every kept, logged or printed value passes.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::model::ids::FieldId;
use crate::model::private::{Exposure, Fact, Private};

/// Longest text that is shown whole, in characters.
const LONGEST: usize = 2_000;

/// Something that has passed the gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Masked<T>(T);

impl<T> Masked<T> {
    /// What may be seen.
    pub fn get(&self) -> &T {
        &self.0
    }

    pub(super) fn passed(value: T) -> Self {
        Self(value)
    }
}

impl Masked<String> {
    /// No text at all.
    pub fn nothing() -> Self {
        Self(String::new())
    }
}

impl<T: fmt::Display> fmt::Display for Masked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A document made of public values and of [`Masked`] ones alone. Whoever implements this has looked at every field.
pub trait PublicDocument: Serialize {}

/// A document that can be cut down to identifiers, counts and times, in which nothing can be hidden.
pub trait BareDocument: PublicDocument {
    /// Takes out every text that came from a record, a person or a portal.
    fn strip(&mut self);
}

/// What the selector map lets be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permissions {
    /// Fields whose values may be shown.
    pub fields: BTreeSet<FieldId>,
    /// Whether the portal's wording may be shown.
    pub wording: bool,
    /// Whether banners and messages may be shown.
    pub messages: bool,
}

/// A text that must not be there was found in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a document holds a value that may not be shown, and was withheld")]
pub struct Leak;

/// The gate of one run.
///
/// Hidden values are replaced by a digest under a key that exists in memory only: equal values can be told to be equal within
/// a run, and nothing can be guessed back from the evidence.
pub struct MaskGate {
    permissions: Permissions,
    key: [u8; 32],
    canaries: Vec<Private<String>>,
}

impl MaskGate {
    /// A gate with a key of its own. `canaries` are texts that no document may hold: passwords, hidden values.
    pub fn new(permissions: Permissions, key: [u8; 32], canaries: Vec<Private<String>>) -> Self {
        let canaries = canaries.into_iter().filter(|text| !text.expose().is_empty()).collect();
        Self { permissions, key, canaries }
    }

    /// The permissions in force.
    pub fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// Whether a fact of this exposure may be shown.
    pub(crate) fn may_show(&self, exposure: &Exposure) -> bool {
        match exposure {
            Exposure::Public => true,
            Exposure::Field(field) => self.permissions.fields.contains(field),
            Exposure::Wording => self.permissions.wording,
            Exposure::Message => self.permissions.messages,
            Exposure::Hidden => false,
        }
    }

    /// The fact, or its keyed digest and its length.
    pub(crate) fn fact(&self, fact: &Fact) -> Masked<String> {
        let text = fact.text().expose();
        if self.may_show(fact.exposure()) && self.is_clean(text.as_bytes()) {
            Masked(self.cut(text))
        } else {
            let told = fact.otherwise().filter(|told| self.is_clean(told.as_bytes()));
            let told = told.map_or(String::new(), |told| format!("; {told}"));
            Masked(format!("[hidden {}, {} characters{told}]", self.keyed(text), text.chars().count()))
        }
    }

    /// A document of public and masked values.
    ///
    /// # Errors
    ///
    /// [`Leak`] when it holds a canary nevertheless; `None` of it may be kept then.
    pub fn document<T: PublicDocument>(&self, document: T) -> Result<Masked<T>, Leak> {
        let bytes = serde_json::to_vec(&document).map_err(|_| Leak)?;
        if self.is_clean(&bytes) { Ok(Masked(document)) } else { Err(Leak) }
    }

    /// A document cut down to what cannot hide anything; for saying how a run ended when the whole may not be shown.
    pub fn bare<T: BareDocument>(&self, mut document: T) -> Masked<T> {
        document.strip();
        Masked(document)
    }

    /// A text made of public and masked values.
    ///
    /// # Errors
    ///
    /// [`Leak`], as for [`Self::document`].
    pub fn text(&self, text: String) -> Result<Masked<String>, Leak> {
        if self.is_clean(text.as_bytes()) { Ok(Masked(text)) } else { Err(Leak) }
    }

    /// Whether a text may be in a picture: it holds no hidden value, with whatever white space, or none, in between.
    pub(crate) fn may_be_seen(&self, text: &str) -> bool {
        let fold = |text: &str| text.split_whitespace().collect::<String>();
        let seen = fold(text);
        self.canaries
            .iter()
            .map(|canary| fold(canary.expose()))
            .all(|canary| canary.is_empty() || !seen.contains(&canary))
    }

    /// A long text is shown by its beginning, its length and a digest, so that two of them are still told apart.
    fn cut(&self, text: &str) -> String {
        match text.char_indices().nth(LONGEST) {
            None => text.to_owned(),
            Some((end, _)) => {
                format!("{}… [{} characters, {}]", &text[..end], text.chars().count(), self.keyed(text))
            }
        }
    }

    fn is_clean(&self, bytes: &[u8]) -> bool {
        self.canaries.iter().all(|canary| {
            let plain = canary.expose();
            // As it stands, and as JSON would escape it.
            let quoted = serde_json::to_string(plain).unwrap_or_default();
            [plain.as_bytes(), quoted.trim_matches('"').as_bytes()]
                .into_iter()
                .all(|needle| needle.is_empty() || !bytes.windows(needle.len()).any(|window| window == needle))
        })
    }

    fn keyed(&self, text: &str) -> String {
        let digest = Sha256::new().chain_update(self.key).chain_update(text.as_bytes()).finalize();
        digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Document {
        text: String,
    }
    impl PublicDocument for Document {}

    fn gate() -> MaskGate {
        let fields = [FieldId::parse("shown").unwrap()].into();
        let permissions = Permissions { fields, wording: true, messages: false };
        MaskGate::new(permissions, [7; 32], vec![Private::new("hunter2 \"quoted\"".into())])
    }

    fn field(name: &str, text: &str) -> Fact {
        Fact::field(&FieldId::parse(name).unwrap(), text)
    }

    #[test]
    fn a_value_is_shown_only_where_the_map_permits_it() {
        assert_eq!(gate().fact(&field("shown", "production")).get(), "production");
        let hidden = gate().fact(&field("other", "production"));
        assert!(!hidden.get().contains("production") && hidden.get().contains("10 characters"));
        assert!(!gate().fact(&Fact::new("text of a banner", Exposure::Message)).get().contains("banner"));
    }

    #[test]
    fn a_hidden_value_is_known_in_a_picture_however_its_lines_are_broken() {
        let gate =
            MaskGate::new(Permissions::default(), [7; 32], vec![Private::new("4,711 payments\n\nwere lost".into())]);
        assert!(!gate.may_be_seen("today 4,711  payments were\tlost at peak"));
        assert!(gate.may_be_seen("4,711 payments"));
    }

    #[test]
    fn a_long_text_is_cut_and_told_apart_from_another_one() {
        let shown = |text: String| gate().fact(&field("shown", &text)).get().clone();
        assert_eq!(shown("x".repeat(LONGEST)), "x".repeat(LONGEST));
        let (one, other) = (shown("x".repeat(LONGEST + 1)), shown("x".repeat(LONGEST) + "y"));
        assert!(one.contains("[2001 characters, ") && one.len() < LONGEST + 40, "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn equal_hidden_values_look_equal_and_only_within_one_key() {
        let one = gate().fact(&field("a", "x")).get().clone();
        assert_eq!(one, *gate().fact(&field("b", "x")).get());
        assert_ne!(one, *gate().fact(&field("a", "y")).get());
        let other = MaskGate::new(Permissions::default(), [8; 32], Vec::new());
        assert_ne!(one, *other.fact(&field("a", "x")).get());
    }

    #[test]
    fn a_document_with_a_planted_secret_is_withheld_in_plain_and_in_escaped_form() {
        for text in ["the password is hunter2 \"quoted\"", "clean"] {
            let result = gate().document(Document { text: text.into() });
            assert_eq!(result.is_ok(), text == "clean", "{text}");
        }
        assert!(gate().text("hunter2 \"quoted\"".into()).is_err());
    }

    #[test]
    fn a_showable_fact_that_holds_a_secret_is_hidden_all_the_same() {
        assert!(gate().fact(&field("shown", "hunter2 \"quoted\"")).get().starts_with("[hidden"));
    }
}
