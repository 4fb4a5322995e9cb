//! What a map says of the commit and of every other change: the last click, the requests, the proof afterwards.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::ReadPage;
use crate::model::ids::FieldId;
use crate::selectors::locator::Locators;

/// From the recheck page to the commit request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Submit {
    /// What to click.
    pub button: Locators,
    /// A dialog of the page that then asks; left out where the button itself commits.
    #[serde(default)]
    pub dialog: Option<SubmitDialog>,
}

/// The dialog before the commit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubmitDialog {
    /// Whether it is the browser's own: then it has no boxes, and is confirmed by accepting it.
    #[serde(default)]
    pub native: bool,
    /// The dialog, where it is the page's.
    #[serde(default)]
    pub locate: Option<Locators>,
    /// Regular expression that its text must match as a whole.
    pub text: Spanned<String>,
    /// Boxes to tick in it.
    #[serde(default)]
    pub attest: Vec<Locators>,
    /// What to click in it, where it is the page's.
    #[serde(default)]
    pub confirm: Option<Locators>,
}

/// The finalising request.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commit {
    pub method: Spanned<String>,
    /// Its path; a segment in braces stands for any one segment and is a parameter by that name.
    pub path: Spanned<String>,
    /// Where one URL serves several purposes: properties of the body that tell this one.
    #[serde(default)]
    pub body: BTreeMap<String, String>,
    /// Its parameters, all of them: of the path, the query and the body.
    #[serde(default, rename = "parameter")]
    pub parameters: Vec<Parameter>,
}

/// A parameter of the commit request: exactly one of the four kinds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Name; for JSON bodies a dotted path.
    pub name: Spanned<String>,
    /// Carries the value of this field of a tab, in the form in which the control holds it.
    #[serde(default)]
    pub field: Option<Spanned<FieldId>>,
    /// With `field`, for a moment or a day that the request carries otherwise than the control shows it: a strftime pattern.
    #[serde(default)]
    pub format: Option<String>,
    /// With `field`: from the control's word to the request's.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// Carries the draft's reference.
    #[serde(default)]
    pub draft: bool,
    /// Carries this text.
    #[serde(default)]
    pub constant: Option<String>,
    /// Carries anything, exactly once.
    #[serde(default)]
    pub volatile: bool,
}

/// After the commit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmation {
    /// Shows the number on the page that answers the commit.
    pub number: Locators,
    /// Regular expression of a number; it must match the whole text.
    pub form: Spanned<String>,
    /// The page of a submitted exception, opened by its number.
    pub submitted: ReadPage,
}

/// An unsafe request (any method but GET, HEAD, OPTIONS) that the portal needs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What it is for; appears in messages.
    pub id: String,
    pub method: Spanned<String>,
    /// Its path; a segment in braces stands for any one segment.
    pub path: Spanned<String>,
    /// Where one URL serves several purposes: properties of the body that tell this one.
    #[serde(default)]
    pub body: BTreeMap<String, String>,
    /// Whether it only asks, and changes nothing.
    #[serde(default)]
    pub reads: bool,
}
