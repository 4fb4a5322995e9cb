//! What the portal's form should hold: the selector map applied to one change record.

use std::collections::BTreeSet;
use std::fmt;

use super::digest::Digest;
use super::ids::{AttachmentRole, FieldId, TabId};
use super::private::Private;

/// Kinds of control that can be entered and read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum WidgetKind {
    /// One line of text.
    Text,
    /// Text over several lines.
    LongText,
    /// One of a list.
    Select,
    /// Any number of a list.
    MultiSelect,
    /// A tick.
    Checkbox,
    /// One of a group of buttons.
    Radio,
    /// A day.
    Date,
    /// A time of day, to the minute.
    Time,
    /// A day and a time of day, to the minute, in the portal's zone.
    DateTime,
    Number,
    /// An upload.
    File,
    /// Shown by the portal, not enterable.
    ReadOnly,
}

/// What a person does with a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Enters a value.
    Entered,
    /// Reads what the portal states.
    Stated,
    /// Uploads files.
    Uploaded,
}

impl WidgetKind {
    /// What a person does with a control of this kind.
    pub fn part(self) -> Part {
        match self {
            Self::ReadOnly => Part::Stated,
            Self::File => Part::Uploaded,
            Self::Text
            | Self::LongText
            | Self::Select
            | Self::MultiSelect
            | Self::Checkbox
            | Self::Radio
            | Self::Date
            | Self::Time
            | Self::DateTime
            | Self::Number => Part::Entered,
        }
    }

    /// What a control of this kind holds when nothing is entered.
    pub(crate) fn blank(self) -> FormValue {
        match self {
            Self::Checkbox => FormValue::Checked(false),
            Self::MultiSelect => FormValue::Choices(BTreeSet::new()),
            Self::Text
            | Self::LongText
            | Self::Select
            | Self::Radio
            | Self::Date
            | Self::Time
            | Self::DateTime
            | Self::Number
            | Self::File
            | Self::ReadOnly => FormValue::Text(String::new()),
        }
    }
}

/// A value that a control holds.
#[derive(Clone, PartialEq, Eq)]
pub enum FormValue {
    /// Text, number, day or time, in the control's own wire form; for a select or radio the visible option.
    Text(String),
    /// Chosen options of a multi-select, by visible text.
    Choices(BTreeSet<String>),
    /// Whether a box is ticked.
    Checked(bool),
}

impl FormValue {
    /// One text for messages and for comparing with a review page; choices are joined by `, `.
    pub(crate) fn as_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Choices(choices) => choices.iter().cloned().collect::<Vec<_>>().join(", "),
            Self::Checked(true) => "yes".into(),
            Self::Checked(false) => "no".into(),
        }
    }

    /// Whether nothing is entered.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::Choices(choices) => choices.is_empty(),
            Self::Checked(ticked) => !ticked,
        }
    }
}

impl fmt::Debug for FormValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[private]")
    }
}

/// Which part of the record a planned value was taken from; it decides the halt code when the portal shows another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordPath {
    /// `change_id`.
    ChangeId,
    /// `revision`.
    Revision,
    /// `title`.
    Title,
    /// `requester`.
    Requester,
    /// `service.id`.
    ServiceId,
    /// `service.owner`.
    ServiceOwner,
    /// `environment`.
    Environment,
    /// `category`.
    Category,
    /// `incident`.
    Incident,
    /// `scope`.
    Scope,
    /// `rollback.plan`.
    RollbackPlan,
    /// `rollback.version`.
    RollbackVersion,
    /// `window.start`.
    WindowStart,
    /// `window.end`.
    WindowEnd,
    /// `excepts.id`: the first named blackout.
    ExceptsId,
    /// `excepts.start`.
    ExceptsStart,
    /// `excepts.end`.
    ExceptsEnd,
    /// `approver.ROLE`: account of the manifest's signer in that role.
    Approver(String),
    /// `attachment.ROLE`: for file fields.
    Attachment(AttachmentRole),
    /// `details.NAME`.
    Detail(String),
    /// A constant of the selector map.
    Constant,
}

impl RecordPath {
    /// Reads the text that [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(role) = text.strip_prefix("approver.") {
            return (!role.is_empty()).then(|| Self::Approver(role.to_owned()));
        }
        if let Some(role) = text.strip_prefix("attachment.") {
            return AttachmentRole::parse(role).ok().map(Self::Attachment);
        }
        if let Some(name) = text.strip_prefix("details.") {
            return (!name.is_empty()).then(|| Self::Detail(name.to_owned()));
        }
        Some(match text {
            "change_id" => Self::ChangeId,
            "revision" => Self::Revision,
            "title" => Self::Title,
            "requester" => Self::Requester,
            "service.id" => Self::ServiceId,
            "service.owner" => Self::ServiceOwner,
            "environment" => Self::Environment,
            "category" => Self::Category,
            "incident" => Self::Incident,
            "scope" => Self::Scope,
            "rollback.plan" => Self::RollbackPlan,
            "rollback.version" => Self::RollbackVersion,
            "window.start" => Self::WindowStart,
            "window.end" => Self::WindowEnd,
            "excepts.id" => Self::ExceptsId,
            "excepts.start" => Self::ExceptsStart,
            "excepts.end" => Self::ExceptsEnd,
            "constant" => Self::Constant,
            _ => return None,
        })
    }
}

impl fmt::Display for RecordPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::ChangeId => "change_id",
            Self::Revision => "revision",
            Self::Title => "title",
            Self::Requester => "requester",
            Self::ServiceId => "service.id",
            Self::ServiceOwner => "service.owner",
            Self::Environment => "environment",
            Self::Category => "category",
            Self::Incident => "incident",
            Self::Scope => "scope",
            Self::RollbackPlan => "rollback.plan",
            Self::RollbackVersion => "rollback.version",
            Self::WindowStart => "window.start",
            Self::WindowEnd => "window.end",
            Self::ExceptsId => "excepts.id",
            Self::ExceptsStart => "excepts.start",
            Self::ExceptsEnd => "excepts.end",
            Self::Approver(role) => return write!(f, "approver.{role}"),
            Self::Attachment(role) => return write!(f, "attachment.{role}"),
            Self::Detail(name) => return write!(f, "details.{name}"),
            Self::Constant => "constant",
        };
        f.write_str(text)
    }
}

/// One control and the value it should hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedField {
    /// Name in the selector map.
    pub id: FieldId,
    /// Label that the portal must show.
    pub label: Option<String>,
    /// Kind of control.
    pub widget: WidgetKind,
    /// Whether the portal marks it as mandatory.
    pub required: bool,
    /// Where in the record the value comes from.
    pub path: RecordPath,
    /// The value; for files see [`PlannedFile`].
    pub value: Private<FormValue>,
    /// The visible options that the select or radio group must at least offer.
    pub options: Vec<String>,
}

/// One upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedFile {
    /// File field it goes into.
    pub field: FieldId,
    /// Attachment of the record.
    pub role: AttachmentRole,
    /// Name the portal must list.
    pub name: String,
    /// Length in bytes.
    pub size: u64,
    /// Digest the portal must list, where it lists one.
    pub sha256: Digest,
}

/// One tab with its controls, in the order of the selector map.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedTab {
    /// Name in the selector map.
    pub id: TabId,
    /// Controls.
    pub fields: Vec<PlannedField>,
    /// Uploads on this tab.
    pub files: Vec<PlannedFile>,
    /// Whether it is there only once a draft is saved.
    pub after_save: bool,
    /// Whether it is saved by itself, before another tab is opened.
    pub saved_alone: bool,
}

/// Everything the form, the review page, the commit and the independent look-up must show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormPlan {
    /// Tabs in the order in which they are visited.
    pub tabs: Vec<PlannedTab>,
    /// Lines of the review page.
    pub review: Vec<PlannedField>,
    /// What is read again right before the commit.
    pub recheck: Vec<PlannedField>,
    /// Lines of the page of a submitted exception.
    pub submitted: Vec<PlannedField>,
    /// Parameters that the commit request must carry.
    pub commit: Vec<PlannedParameter>,
}

impl FormPlan {
    /// Every upload, over all tabs.
    pub fn files(&self) -> impl Iterator<Item = &PlannedFile> {
        self.tabs.iter().flat_map(|tab| &tab.files)
    }
}

/// A parameter of the commit request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedParameter {
    /// Name in the request.
    pub name: String,
    /// What it must carry.
    pub content: ParameterContent,
}

/// What a parameter of the commit request must carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterContent {
    /// A value of the record, shown as the field is shown.
    Value {
        /// Where in the record it comes from.
        path: RecordPath,
        /// Every value that the request carries under this name, in the request's own words; none for an empty box.
        carried: Private<Vec<String>>,
    },
    /// The reference of the draft being committed.
    DraftReference,
    /// Anything, present exactly once: a token.
    Volatile,
}
