//! What the portal showed, as it was read; nothing here can be serialised without passing the mask.

use std::collections::BTreeMap;

use super::digest::Digest;
use super::form::FormValue;
use super::ids::{FieldId, TabId};
use super::private::Private;

/// How often a locator matched, and what the one match was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found<T> {
    /// Matched exactly once.
    One(T),
    /// Matched nothing.
    Absent,
    /// Matched this many elements.
    Several(usize),
}

/// One control as the browser shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedControl {
    /// Text of its label, white space folded.
    pub label: Private<String>,
    /// Whether the portal marks it as mandatory.
    pub required: bool,
    /// Whether a person could change it.
    pub editable: bool,
    /// Visible options of a select or radio group.
    pub options: Vec<Private<String>>,
    /// Value it holds.
    pub value: Private<FormValue>,
    /// The portal's validation message beside it.
    pub complaint: Option<Private<String>>,
}

/// A control that the selector map does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnmappedRequired {
    pub label: Private<String>,
}

/// A file as the portal lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    pub name: Private<String>,
    /// Length in bytes, where listed.
    pub size: Option<u64>,
    /// Digest, where listed or computed from a download.
    pub sha256: Option<Digest>,
}

/// Text in a declared banner region, or an alert anywhere on the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedBanner {
    /// Its text, white space folded.
    pub text: Private<String>,
}

/// One tab as the browser shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedTab {
    /// Which tab.
    pub tab: TabId,
    /// Mapped controls.
    pub controls: BTreeMap<FieldId, Found<ObservedControl>>,
    /// Mandatory controls that no field of the map matched.
    pub strange_required: Vec<UnmappedRequired>,
    pub banners: Vec<ObservedBanner>,
    /// Listed uploads, per file field.
    pub files: BTreeMap<FieldId, Vec<ListedFile>>,
}

impl ObservedTab {
    /// A tab of which nothing is known.
    pub(crate) fn unknown(tab: TabId) -> Self {
        let (controls, files) = (BTreeMap::new(), BTreeMap::new());
        Self { tab, controls, strange_required: Vec::new(), banners: Vec::new(), files }
    }
}

/// Lines of a page that only shows values: review, recheck panel, submitted exception.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedPage {
    /// Mapped lines.
    pub lines: BTreeMap<FieldId, Found<ObservedControl>>,
    pub banners: Vec<ObservedBanner>,
    /// Listed uploads, where the page lists any.
    pub files: Option<Vec<ListedFile>>,
}
