//! The shapes of a selector map, as read from TOML. `selectors/README.md` explains how to write one.

mod changes;

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use toml::Spanned;

pub use changes::{Commit, Confirmation, Parameter, Request, Submit, SubmitDialog};

use super::kinds::Kind;
use super::locator::{Cell, Locators};
use crate::model::banner::BannerMeaning;
use crate::model::form::WidgetKind;
use crate::model::ids::{FieldId, TabId};

/// A selector map.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapFile {
    /// Version of this format.
    pub schema: MapSchema,
    /// Name for messages and evidence.
    pub name: String,
    /// Where the portal lives, unless the command line says otherwise.
    pub base_url: Spanned<url::Url>,
    /// Further origins the portal may load from and be reached at.
    #[serde(default)]
    pub origins: Vec<Spanned<url::Url>>,
    /// IANA zone in which the portal shows and takes local times.
    pub time_zone: Spanned<String>,
    /// How long the portal may take.
    #[serde(default)]
    pub limits: Limits,
    /// What pictures and notes may show beside declared fields.
    #[serde(default)]
    pub show: Show,
    /// Signing in.
    pub login: Login,
    /// What holds on every page.
    pub page: Page,
    /// Frames of the page that hold what the map names.
    #[serde(default, rename = "place")]
    pub places: BTreeMap<Spanned<String>, Place>,
    /// Known banners. A warning counts wherever it matches; what is harmless must be so to the last word.
    #[serde(default, rename = "banner")]
    pub banners: Vec<Banner>,
    pub form: Form,
    /// How controls are worked that are more than plain elements.
    #[serde(default, rename = "kind")]
    pub kinds: BTreeMap<Spanned<String>, Kind>,
    /// Its tabs, in the order in which to visit them.
    #[serde(rename = "tab")]
    pub tabs: Vec<Tab>,
    /// The list of exceptions.
    pub exceptions: ExceptionList,
    /// Saving a draft.
    pub draft: Draft,
    /// The portal's own summary.
    pub review: ReadPage,
    /// What is read again right before the commit.
    pub recheck: ReadPage,
    /// From the review page to the commit request.
    pub submit: Submit,
    /// The finalising request.
    pub commit: Commit,
    /// After the commit.
    pub confirmation: Confirmation,
    /// Every other unsafe request that the portal needs.
    #[serde(default, rename = "request")]
    pub requests: Vec<Request>,
    /// What a recording may keep beside what the map declares anyway.
    #[serde(default)]
    pub recording: Recording,
}

/// Version of the map format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum MapSchema {
    /// The first version.
    #[serde(rename = "portal-agent/map/1")]
    V1,
    /// The second: everything of the first, kinds and places.
    #[serde(rename = "portal-agent/map/2")]
    V2,
}

/// Bounds on waiting, in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// For a page or tab to become ready.
    pub ready_s: u64,
    /// For an upload to be listed.
    pub upload_s: u64,
    /// For the commit request to arrive at the gateway after the click.
    pub click_s: u64,
    /// For the sources to answer while the commit request is held.
    pub hold_s: u64,
    /// For the portal to answer the commit.
    pub commit_s: u64,
    /// For a change that was sent, answered or not, to show in the portal's list.
    pub arrival_s: u64,
    /// How far the portal's clock, by which it dates its answers, may differ from this machine's, and the clocks of two hosts.
    pub clock_tolerance_s: i64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            ready_s: 20,
            upload_s: 120,
            click_s: 15,
            hold_s: 30,
            commit_s: 60,
            arrival_s: 60,
            clock_tolerance_s: 120,
        }
    }
}

/// What may be shown beside the fields that declare it themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Show {
    /// Wording of the portal: labels, headings, options.
    pub wording: bool,
    /// Banners, validation messages, dialogs.
    pub messages: bool,
}

/// Signing in with a name and a password.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// Path of the sign-in page.
    pub path: String,
    /// Control for the account name.
    pub user: Locators,
    /// Control for the password.
    pub password: Locators,
    /// Button that signs in.
    pub submit: Locators,
}

/// A frame, whatever document it shows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Where it is: in the page itself, unless the locator names another place.
    pub frame: Locators,
}

/// What holds on every page.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Name of the place that locators look in which name none; `top` is the page itself.
    #[serde(default, rename = "in")]
    pub place: Option<String>,
    /// Present while signed in; its text is the portal account.
    pub signed_in: Locators,
    /// Present on the sign-in page, wherever a redirect leads.
    pub signed_out: Locators,
    /// Regions whose text is judged by the banner rules. Elements of role `alert` or `alertdialog` count always.
    #[serde(default)]
    pub banners: Option<Locators>,
    /// Dialogs of the page itself.
    #[serde(default)]
    pub dialogs: Option<Locators>,
    /// Present while the page works: a spinner, `aria-busy`.
    #[serde(default)]
    pub busy: Option<Locators>,
    /// Fixed wording that a picture may show: headings, tab titles.
    #[serde(default)]
    pub wording: Option<Locators>,
    /// What becomes of an undeclared request whose answer no page can read.
    #[serde(default)]
    pub beacons: Beacons,
}

/// What becomes of beacons, pings and reports that the map does not declare. None of them leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Beacons {
    /// They are refused and recorded.
    #[default]
    Refuse,
    /// They also halt the run, as every other undeclared request does.
    Halt,
}

/// A known banner.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Banner {
    /// Regular expression, matched anywhere in the text.
    pub text: Spanned<String>,
    /// What it means.
    pub means: BannerMeaning,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// Path that opens an empty form.
    pub path: String,
    /// Path that opens a saved draft; `{draft}` stands for its reference.
    pub draft_path: String,
    /// Present once the form can be used.
    pub ready: Locators,
}

/// A tab of the form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tab {
    /// Name, unique.
    pub id: Spanned<TabId>,
    /// What to click to reach it. Without it, it is there as soon as the form is.
    #[serde(default)]
    pub open: Option<Locators>,
    /// Present and visible once it is reached; mandatory controls inside that no field matches stop the run.
    pub panel: Locators,
    /// Whether it is there only once a draft is saved.
    #[serde(default)]
    pub after_save: bool,
    /// What saves it, where what was entered would be lost with opening another tab.
    #[serde(default)]
    pub save: Option<Locators>,
    /// Its controls.
    #[serde(default, rename = "field")]
    pub fields: Vec<Field>,
}

/// A control, or a line that shows a value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Name, unique in the map's form.
    pub id: Spanned<FieldId>,
    /// Where in the record the value stands; see the table in `selectors/README.md`.
    #[serde(default)]
    pub record: Option<Spanned<String>>,
    /// A value that is the same for every record.
    #[serde(default, deserialize_with = "constant")]
    pub constant: Option<String>,
    /// Kind of control, or shape of its value where `kind` says how it is worked.
    pub widget: WidgetKind,
    /// Which `[kind]` of the map says how it is worked and read; without it, as an element of HTML.
    #[serde(default)]
    pub kind: Option<Spanned<String>>,
    /// With `kind`: what an option, and the control itself, show of a value; a regular expression for the whole text in which
    /// `{value}` stands for the value as it is.
    #[serde(default)]
    pub shown: Option<Spanned<String>>,
    /// How it is found.
    pub locate: Locators,
    /// Label it must carry.
    #[serde(default)]
    pub label: Option<String>,
    /// Whether the portal marks it as mandatory.
    #[serde(default)]
    pub required: bool,
    /// Whether the record may lack the value; the control must then be empty.
    #[serde(default)]
    pub optional: bool,
    /// Whether pictures and notes may show its value.
    #[serde(default)]
    pub show: bool,
    /// From the record's word to the portal's. Where given, a word it does not list is refused.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// For times that the portal shows as text: a strftime pattern in the map's zone.
    #[serde(default)]
    pub format: Option<Spanned<String>>,
    /// For uploads: how the portal lists them.
    #[serde(default)]
    pub list: Option<FileList>,
    /// For uploads, in place of `record`: the roles of the attachments that this one control takes, one after the other.
    #[serde(default)]
    pub attachments: Vec<Spanned<String>>,
    /// For uploads: what sends a file that was chosen. Without it, choosing does.
    #[serde(default)]
    pub send: Option<Locators>,
}

/// How the portal lists uploads.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileList {
    /// One element a file.
    pub rows: Locators,
    /// The name inside a row.
    pub name: Cell,
    /// The length in bytes inside a row.
    #[serde(default)]
    pub size: Option<Cell>,
    /// The SHA-256 inside a row, as 64 hex digits.
    #[serde(default)]
    pub sha256: Option<Cell>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptionList {
    /// Paths that together list every exception for the service and for the change; `{service}` and `{change}` stand
    /// for their identifiers.
    pub paths: Vec<String>,
    /// Present once the list is complete.
    pub ready: Locators,
    /// One element an exception.
    pub rows: Locators,
    /// What shows further rows: the next page, or more below those that are there. It is gone or disabled after the last.
    #[serde(default)]
    pub next: Option<Locators>,
    /// How many exceptions there are, in digits: the list is complete once as many were read.
    #[serde(default)]
    pub total: Option<Locators>,
    /// The number or draft reference inside a row.
    pub number: Cell,
    /// The change id inside a row.
    pub change_id: Cell,
    /// The service inside a row. A row that names another service is no obstacle; without it, every row is.
    #[serde(default)]
    pub service: Option<Cell>,
    /// The state inside a row.
    pub state: Cell,
    /// A `time` element inside a row, whose `datetime` is RFC 3339.
    #[serde(default)]
    pub created_at: Option<Cell>,
    /// The portal's words for each state.
    pub states: States,
}

/// The portal's words for the states of an exception.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct States {
    pub draft: Vec<String>,
    /// Submitted, or further along.
    pub submitted: Vec<String>,
    /// No obstacle any more.
    #[serde(default)]
    pub closed: Vec<String>,
}

/// Saving a draft.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// What saves the whole form. Without it, every tab that has values to enter is saved by itself.
    #[serde(default)]
    pub save: Option<Locators>,
    /// Shows the draft's reference once it is saved.
    pub reference: Locators,
    /// Regular expression of a reference; the first match in the text counts.
    pub form: Spanned<String>,
}

/// A page that shows values.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPage {
    /// Its path; `{draft}` stands for the draft's reference, `{number}` for the confirmation number.
    pub path: String,
    /// Present once it is complete.
    pub ready: Locators,
    /// Where it states the value of a field of the form.
    #[serde(default)]
    pub lines: BTreeMap<Spanned<FieldId>, Locators>,
    /// Fields of the form that this page does not state at all. Every other enterable field needs a line.
    #[serde(default)]
    pub omits: Vec<Spanned<FieldId>>,
    /// How it states a ticked box.
    #[serde(default = "yes")]
    pub yes: String,
    /// How it states an empty box.
    #[serde(default = "no")]
    pub no: String,
    /// How it states times: a strftime pattern in the map's zone. Without it, as the form's control holds them.
    #[serde(default)]
    pub time_format: Option<Spanned<String>>,
    /// Further values it states.
    #[serde(default, rename = "field")]
    pub fields: Vec<Field>,
    /// Uploads it lists.
    #[serde(default)]
    pub files: Option<FileList>,
}

/// Reads a constant. That of a checkbox may be a truth value, which is `yes` or `no`.
fn constant<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a text, or true or false for a checkbox")]
    enum Constant {
        Text(String),
        Flag(bool),
    }
    Ok(Some(match Constant::deserialize(deserializer)? {
        Constant::Text(text) => text,
        Constant::Flag(true) => "yes".to_owned(),
        Constant::Flag(false) => "no".to_owned(),
    }))
}

fn yes() -> String {
    "Yes".to_owned()
}

fn no() -> String {
    "No".to_owned()
}

/// What a recording of this portal may keep beside what the map declares anyway.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recording {
    /// Paths below which answers are the same for everyone, such as scripts and styles: kept as they are.
    pub public: Vec<Spanned<String>>,
    /// Wordings that may be kept wherever they stand, as regular expressions.
    pub keep: Vec<Spanned<String>>,
    /// Parameters that the page makes anew each time: a replay compares their presence alone.
    pub volatile: Vec<String>,
}
