//! What a page and the frames in it answered, read into types.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::bounds;
use super::rectangles::Rectangles;
use super::wire::ElementRef;
use crate::model::digest::Digest;
use crate::model::form::{FormValue, PlannedField, WidgetKind};
use crate::model::ids::FieldId;
use crate::model::observed::{Found, ListedFile, ObservedBanner, ObservedControl, UnmappedRequired};
use crate::model::private::Private;
use crate::portal::PortalError;

/// State of the page.
#[derive(Debug, Clone, Deserialize)]
pub struct State {
    /// Start of the document's time, which tells two documents apart, in milliseconds since 1970: of the latest, where there are frames.
    pub origin_time: f64,
    /// `document.readyState`.
    pub ready: String,
    /// Path of the page.
    #[serde(deserialize_with = "bounds::one")]
    pub path: String,
    /// Account shown, if signed in.
    #[serde(deserialize_with = "bounds::perhaps_one")]
    pub signed_in: Option<String>,
    /// Whether the sign-in page is shown.
    pub signed_out: bool,
    /// Whether the page says that it works.
    pub busy: bool,
    /// Texts of open dialogs of the page.
    #[serde(deserialize_with = "bounds::several")]
    pub dialogs: Vec<String>,
}

impl State {
    /// The state of a page with a frame in it: neither is ready before the other.
    fn and(mut self, frame: Self) -> Self {
        self.origin_time = self.origin_time.max(frame.origin_time);
        if frame.ready == "loading" {
            self.ready = frame.ready;
        }
        self.signed_in = self.signed_in.or(frame.signed_in);
        self.signed_out |= frame.signed_out;
        self.busy |= frame.busy;
        self.dialogs.extend(frame.dialogs);
        self
    }
}

#[derive(Debug, Clone, Deserialize)]
struct RawTarget {
    count: usize,
    element: Value,
    usable: bool,
    origin_time: f64,
    #[serde(default, deserialize_with = "bounds::perhaps_one")]
    text: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct RawField {
    count: usize,
    element: Option<Value>,
    handle: Option<Value>,
    #[serde(default, deserialize_with = "bounds::one")]
    label: String,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    editable: bool,
    #[serde(default, deserialize_with = "bounds::perhaps_one")]
    complaint: Option<String>,
    #[serde(default, deserialize_with = "bounds::options")]
    options: Vec<String>,
    #[serde(default)]
    targets: Vec<Value>,
    #[serde(default, deserialize_with = "bounds::value")]
    text: Option<String>,
    #[serde(default, deserialize_with = "bounds::choices")]
    choices: Option<Vec<String>>,
    checked: Option<bool>,
}

#[derive(Debug, Clone, Deserialize)]
struct RawFrame {
    count: usize,
    element: Value,
}

#[derive(Debug, Clone, Deserialize)]
struct RawUnnamed {
    element: Value,
    at: usize,
    of: usize,
}

#[derive(Debug, Clone, Deserialize)]
struct RawPart {
    element: Value,
    #[serde(deserialize_with = "bounds::one")]
    text: String,
}

#[derive(Debug, Clone, Deserialize)]
struct RawFile {
    name: Option<String>,
    size: Option<String>,
    sha256: Option<String>,
}

/// A control that no field of the map found, for whoever writes the map: never what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct SeenControl {
    /// Its label, or the words before it.
    #[serde(deserialize_with = "bounds::one")]
    pub label: String,
    /// What the page calls it: identifier, name, test id.
    #[serde(deserialize_with = "bounds::one")]
    pub names: String,
    /// What kind of control it looks like, in the words of a map.
    #[serde(deserialize_with = "bounds::one")]
    pub widget: String,
    /// Whether it is a list that a component draws.
    #[serde(default)]
    pub component: bool,
    /// What finds it and nothing else.
    pub locate: Option<SeenWay>,
    /// Whether it is marked as mandatory.
    pub required: bool,
}

/// A way to find a control.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "by", content = "value")]
pub(crate) enum SeenWay {
    Label(String),
    TestId(String),
    Css(String),
}

/// Where somebody signs in.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawSignIn {
    pub account: Value,
    pub password: Value,
    /// What finds the two.
    pub ways: [Option<SeenWay>; 2],
    /// Name of the button.
    #[serde(deserialize_with = "bounds::one")]
    pub button: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawTab {
    pub element: Value,
    #[serde(deserialize_with = "bounds::one")]
    pub name: String,
    /// Identifier of its panel, or nothing.
    #[serde(deserialize_with = "bounds::one")]
    pub panel: String,
}

/// What stands on a page.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct RawOutline {
    pub sign_in: Option<RawSignIn>,
    /// Whether it asks for a password.
    pub locked: bool,
    pub tabs: Vec<RawTab>,
    #[serde(deserialize_with = "bounds::several")]
    pub buttons: Vec<String>,
    pub controls: Vec<SeenControl>,
}

/// What the page answered.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PageSnapshot {
    /// State of the page.
    pub state: State,
    #[serde(default)]
    frames: BTreeMap<String, RawFrame>,
    /// Frames that a person sees and the map does not name.
    #[serde(default)]
    unnamed: Vec<RawUnnamed>,
    #[serde(default)]
    targets: BTreeMap<String, RawTarget>,
    #[serde(default)]
    parts: Vec<RawPart>,
    #[serde(default)]
    fields: BTreeMap<String, RawField>,
    #[serde(default, deserialize_with = "bounds::several")]
    banners: Vec<String>,
    /// How many panels match.
    pub panel: Option<usize>,
    #[serde(default, deserialize_with = "bounds::several")]
    strange: Vec<String>,
    /// What stands on the page, if asked for.
    pub(super) outline: Option<RawOutline>,
    /// Controls that no field found, if asked for.
    #[serde(default)]
    pub(super) inventory: Vec<SeenControl>,
    #[serde(default, deserialize_with = "bounds::several")]
    complaints: Vec<String>,
    /// Rows of each table asked for.
    #[serde(default)]
    pub tables: BTreeMap<String, Vec<BTreeMap<String, Option<String>>>>,
    /// Whether a step of covering was taken; in the last one, whether the page was covered all the time.
    pub held: Option<bool>,
    /// Rectangles, if asked for.
    pub rectangles: Option<Rectangles>,
}

/// Something to click: matched exactly once, or how often else, with its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// How often it matches.
    pub count: usize,
    /// The first match.
    pub element: Option<ElementRef>,
    /// Whether the one match would take a click.
    pub usable: bool,
    /// Start of its document's time, in milliseconds since 1970.
    pub origin_time: f64,
    pub text: Option<String>,
}

impl Target {
    /// Whether there is no use in waiting: it can be pressed, or is not there exactly once.
    pub(super) fn may_be_pressed(&self) -> bool {
        self.count != 1 || self.usable
    }
}

/// What to press to enter a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Handles {
    /// The control.
    pub element: ElementRef,
    /// Its label, which a styled box puts over itself.
    pub label: Option<ElementRef>,
    /// The options or buttons that carry the wanted values and are not chosen yet.
    pub options: Vec<ElementRef>,
}

/// The element of a target that must match exactly once.
pub(super) fn one(what: &str, target: Target) -> Result<ElementRef, PortalError> {
    match (target.count, target.element) {
        (1, Some(element)) => Ok(element),
        (0, _) | (1, None) => Err(PortalError::Missing(what.to_owned())),
        (several, _) => Err(PortalError::Ambiguous(what.to_owned(), several)),
    }
}

impl PageSnapshot {
    /// A target asked for.
    pub fn target(&self, name: &str) -> Target {
        match self.targets.get(name) {
            Some(raw) => Target {
                count: raw.count,
                element: ElementRef::from_json(&raw.element),
                usable: raw.usable,
                origin_time: raw.origin_time,
                text: raw.text.clone(),
            },
            None => Target { count: 0, element: None, usable: false, origin_time: 0.0, text: None },
        }
    }

    /// What was asked for and is not there exactly once, or cannot be used.
    pub(super) fn wanting(&self) -> Vec<String> {
        let panel = self.panel.filter(|count| *count != 1).map(|count| format!("its panel is there {count} times"));
        let targets = self.targets.iter().filter_map(|(name, raw)| match (raw.count, raw.usable) {
            (1, true) => None,
            (1, false) => Some(format!("`{name}` is disabled")),
            (0, _) => Some(format!("`{name}` is not there")),
            (several, _) => Some(format!("`{name}` is there {several} times")),
        });
        let frames = self.frames.iter().filter(|(_, raw)| raw.count != 1);
        let frames = frames.map(|(name, raw)| format!("the frame of place `{name}` is there {} times", raw.count));
        frames.chain(panel).chain(targets).collect()
    }

    /// The elements that hold the frames of places, each there exactly once.
    pub(super) fn frames(&self) -> impl Iterator<Item = (&str, ElementRef)> {
        let one = self.frames.iter().filter(|(_, raw)| raw.count == 1);
        one.filter_map(|(name, raw)| Some((name.as_str(), ElementRef::from_json(&raw.element)?)))
    }

    /// The elements that hold frames which a person sees and no place names, and which of all frames each is.
    pub(super) fn unnamed(&self) -> impl Iterator<Item = (ElementRef, String)> {
        let which = |raw: &RawUnnamed| format!("frame {} of {}", raw.at, raw.of);
        self.unnamed.iter().filter_map(move |raw| Some((ElementRef::from_json(&raw.element)?, which(raw))))
    }

    /// What a frame holds that a run must not pass over: controls and alerts, counted.
    pub(super) fn holds(&self) -> Option<String> {
        let alerts = self.banners.len() + self.state.dialogs.len();
        let counted = [(self.inventory.len(), "control"), (alerts, "alert")];
        let told = counted.iter().filter(|(count, _)| *count > 0);
        let told: Vec<_> =
            told.map(|(count, what)| format!("{count} {what}{}", if *count == 1 { "" } else { "s" })).collect();
        (!told.is_empty()).then(|| told.join(" and "))
    }

    /// What the page answered, and what the frame of a place in it did.
    pub(super) fn and(mut self, place: &str, frame: Self) -> Self {
        self.state = self.state.and(frame.state);
        self.held = self.held.zip(frame.held).map(|(page, frame)| page && frame);
        self.rectangles = self.rectangles.zip(frame.rectangles).map(|(page, inner)| page.and(place, inner));
        self.frames.extend(frame.frames);
        self.unnamed.extend(frame.unnamed);
        self.targets.extend(frame.targets);
        self.parts.extend(frame.parts);
        self.fields.extend(frame.fields);
        self.banners.extend(frame.banners);
        self.panel = self.panel.or(frame.panel);
        self.strange.extend(frame.strange);
        self.inventory.extend(frame.inventory);
        self.complaints.extend(frame.complaints);
        self.tables.extend(frame.tables);
        self
    }

    /// The parts that were asked for, each with its text.
    pub(super) fn parts(&self) -> Vec<(ElementRef, String)> {
        let part = |raw: &RawPart| Some((ElementRef::from_json(&raw.element)?, raw.text.clone()));
        self.parts.iter().filter_map(part).collect()
    }

    /// What to press for a field that was found exactly once.
    pub(crate) fn handles(&self, id: &FieldId) -> Option<Handles> {
        let raw = self.fields.get(id.as_str())?;
        let element = ElementRef::from_json(raw.element.as_ref()?)?;
        let label = raw.handle.as_ref().and_then(ElementRef::from_json);
        Some(Handles { element, label, options: raw.targets.iter().filter_map(ElementRef::from_json).collect() })
    }

    /// One field as it was found.
    pub fn found(&self, planned: &PlannedField) -> Found<ObservedControl> {
        let Some(raw) = self.fields.get(planned.id.as_str()) else { return Found::Absent };
        match raw.count {
            0 => Found::Absent,
            1 => Found::One(ObservedControl {
                label: Private::new(raw.label.clone()),
                required: raw.required,
                editable: raw.editable,
                options: raw.options.iter().cloned().map(Private::new).collect(),
                value: Private::new(value(planned.widget, raw)),
                complaint: raw.complaint.clone().map(Private::new),
            }),
            several => Found::Several(several),
        }
    }

    /// All fields as they were found.
    pub(crate) fn found_all(&self, planned: &[PlannedField]) -> BTreeMap<FieldId, Found<ObservedControl>> {
        planned.iter().map(|field| (field.id.clone(), self.found(field))).collect()
    }

    /// Banners on the page.
    pub fn banners(&self) -> Vec<ObservedBanner> {
        self.banners.iter().map(|text| ObservedBanner { text: Private::new(text.clone()) }).collect()
    }

    /// What the page marks as invalid.
    pub(crate) fn complaints(&self) -> Vec<Private<String>> {
        self.complaints.iter().cloned().map(Private::new).collect()
    }

    /// Mandatory controls that no field matched.
    pub fn strange(&self) -> Vec<UnmappedRequired> {
        self.strange.iter().map(|label| UnmappedRequired { label: Private::new(label.clone()) }).collect()
    }

    /// The rows of a list of uploads. A row without a name is a file without a name, which fits no attachment.
    pub fn files(&self, name: &str) -> Vec<ListedFile> {
        let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
        self.tables
            .get(name)
            .into_iter()
            .flatten()
            .take(bounds::ROWS)
            .map(|row| {
                let cell = |cell: &str| row.get(cell).cloned().flatten().map(bounds::text);
                let raw = RawFile { name: cell("name"), size: cell("size"), sha256: cell("sha256") };
                ListedFile {
                    name: Private::new(raw.name.unwrap_or_default()),
                    size: raw.size.and_then(|size| digits(&size).parse().ok()),
                    // A digest that is none differs from every attachment's.
                    sha256: raw
                        .sha256
                        .map(|hex| Digest::parse_hex(&hex).unwrap_or_else(|_| Digest::of(hex.as_bytes()))),
                }
            })
            .collect()
    }
}

fn value(widget: WidgetKind, raw: &RawField) -> FormValue {
    match (&raw.choices, raw.checked) {
        (Some(choices), _) => FormValue::Choices(choices.iter().cloned().collect()),
        (None, Some(checked)) => FormValue::Checked(checked),
        (None, None) => {
            let text = raw.text.clone().unwrap_or_default();
            match widget {
                // Browsers keep line breaks of a text area as LF, whatever was typed.
                WidgetKind::LongText => FormValue::Text(text.replace("\r\n", "\n")),
                WidgetKind::Text
                | WidgetKind::Select
                | WidgetKind::MultiSelect
                | WidgetKind::Checkbox
                | WidgetKind::Radio
                | WidgetKind::Date
                | WidgetKind::Time
                | WidgetKind::DateTime
                | WidgetKind::Number
                | WidgetKind::File
                | WidgetKind::ReadOnly => FormValue::Text(text),
            }
        }
    }
}
