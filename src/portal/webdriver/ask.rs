//! Questions to the page, written from the selector map, and the answers read back into types.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::bounds;
use super::wire::ElementRef;
use super::world::SHADOW;
use crate::model::digest::Digest;
use crate::model::form::{FormValue, PlannedField, WidgetKind};
use crate::model::ids::FieldId;
use crate::model::observed::{Found, ListedFile, ObservedBanner, ObservedControl, UnmappedRequired};
use crate::model::private::Private;
use crate::portal::PortalError;
use crate::selectors::kinds::Kind;
use crate::selectors::locator::Locators;
use crate::selectors::schema::{Field, FileList, MapFile};

/// The script that answers: one text, in the order of its files.
pub(crate) const SCRIPT: &str = concat!(
    include_str!("page/finding.js"),
    include_str!("page/reading.js"),
    include_str!("page/covering.js"),
    include_str!("page/answer.js"),
);

/// A question under construction.
#[derive(Debug, Clone)]
pub(crate) struct PageQuery(Map<String, Value>);

impl PageQuery {
    /// A question about the state of the page alone.
    pub fn state(map: &MapFile) -> Self {
        let page = &map.page;
        let page = json!({
            "signed_in": page.signed_in,
            "signed_out": page.signed_out,
            "banners": page.banners,
            "dialogs": page.dialogs,
            "busy": page.busy,
            "wording": page.wording,
        });
        Self([("page".to_owned(), page)].into_iter().collect())
    }

    /// Also asks where something to click or to read is.
    pub fn target(mut self, name: &str, locators: &Locators) -> Self {
        self.0.entry("targets").or_insert_with(|| json!({}))[name] = json!(locators);
        self
    }

    /// Also asks for the visible parts by this name of a field, as its kind says.
    pub(super) fn part(mut self, field: Value, name: &str) -> Self {
        self.0.insert("part".into(), json!([field, name]));
        self
    }

    /// Also asks for controls; banners come along.
    pub fn fields(mut self, fields: Vec<Value>) -> Self {
        self.0.insert("fields".into(), Value::Array(fields));
        self
    }

    /// Also asks for mandatory controls in this panel that are not among the fields.
    pub fn panel(mut self, panel: &Locators) -> Self {
        self.0.insert("panel".into(), json!(panel));
        self
    }

    /// Also asks for the rows of a table.
    pub fn table(mut self, name: &str, rows: &Locators, cells: &[(&str, Option<&str>)]) -> Self {
        let cells: Map<String, Value> = cells.iter().map(|(cell, css)| ((*cell).to_owned(), json!(css))).collect();
        self.0.entry("tables").or_insert_with(|| json!({}))[name] = json!({ "rows": rows, "cells": cells });
        self
    }

    /// Also asks for the rows of a list of uploads.
    pub fn files(self, name: &str, list: &FileList) -> Self {
        let cells =
            [("name", Some(list.name.as_str())), ("size", list.size.as_deref()), ("sha256", list.sha256.as_deref())];
        self.table(name, &list.rows, &cells)
    }

    /// Also asks what the page marks as invalid, on any tab.
    pub(crate) fn complaints(mut self) -> Self {
        self.0.insert("complaints".into(), Value::Bool(true));
        self
    }

    /// Also asks for the rectangles of what may be shown.
    pub fn show(mut self, what: Value) -> Self {
        self.0.insert("show".into(), what);
        self
    }

    /// Also takes this step of covering the page, between which pictures are taken; `dark` numbers what is not to be shown after all.
    pub(crate) fn cover(mut self, step: Step, token: &str, dark: &[usize]) -> Self {
        self.0.insert("cover".into(), json!({ "step": step, "token": token, "dark": dark }));
        self
    }

    /// The question as the script's argument.
    pub(crate) fn into_json(self) -> Value {
        Value::Object(self.0)
    }
}

/// The steps of covering a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Everything becomes invisible.
    Hide,
    /// What may be shown becomes visible.
    Show,
    /// Everything is put back.
    Off,
}

/// How the script is to read one field of a tab, as its kind says where it has one.
pub(super) fn worked_field(planned: &PlannedField, declared: &Field, kind: Option<&Kind>) -> Value {
    let mut asked = field(planned, &declared.locate);
    if let Some(Kind { root, parts, read, enter: _, undo: _ }) = kind {
        asked["kind"] = json!({ "root": root, "parts": parts, "read": read });
    }
    asked
}

/// How the script is to read one field.
pub fn field(planned: &PlannedField, locate: &Locators) -> Value {
    json!({
        "id": planned.id,
        "widget": planned.widget,
        "locate": locate,
        "wanted": planned.options,
        "list": matches!(planned.value.expose(), FormValue::Choices(_)),
    })
}

/// State of the page.
#[derive(Debug, Clone, Deserialize)]
pub struct State {
    /// Start of the document's time, which tells two documents apart, in milliseconds since 1970.
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

#[derive(Debug, Clone, Deserialize)]
struct RawTarget {
    count: usize,
    element: Value,
    usable: bool,
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

/// Where things are on the page, in CSS pixels from its corner.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Rectangles {
    /// Width and height of the page.
    pub page: (f64, f64),
    /// Width and height of the window's content.
    pub window: (f64, f64),
    /// What of the page is to the left of the window, and above it.
    pub scroll: (f64, f64),
    /// Device pixels for one CSS pixel.
    pub scale: f64,
    /// What the map names.
    pub items: Vec<Item>,
}

/// A control or a piece of wording that the map names.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Item {
    /// Its number among all that the map names.
    pub at: usize,
    /// Left, top, right, bottom.
    #[serde(rename = "box")]
    pub place: [f64; 4],
    /// Which of the fields that were asked for; none for wording.
    pub field: Option<usize>,
    /// Whether it may be shown, if its text may.
    pub show: bool,
    /// Where its label is.
    pub label: Option<[f64; 4]>,
    /// Whether it holds nothing.
    pub empty: bool,
    /// What a person would read there, of what may be shown.
    pub text: String,
    /// Whether a shadow root is in it, or too much to tell: its text may be another than what is rendered.
    #[serde(rename = "hosts", deserialize_with = "shadowed")]
    pub shadowed: bool,
}

fn shadowed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let hosts = Option::<Vec<Value>>::deserialize(deserializer)?;
    Ok(hosts.is_none_or(|hosts| hosts.iter().any(|host| host[SHADOW] != Value::Bool(false))))
}

/// What the page answered.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct PageSnapshot {
    /// State of the page.
    pub state: State,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// How often it matches.
    pub count: usize,
    /// The first match.
    pub element: Option<ElementRef>,
    /// Whether the one match would take a click.
    pub usable: bool,
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
                text: raw.text.clone(),
            },
            None => Target { count: 0, element: None, usable: false, text: None },
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
        panel.into_iter().chain(targets).collect()
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
