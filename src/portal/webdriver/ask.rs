//! Questions to the page and to the frames in it, written from the selector map.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::model::form::{FormValue, PlannedField};
use crate::selectors::kinds::Kind;
use crate::selectors::locator::{Cell, Locators};
use crate::selectors::schema::{Field, FileList, MapFile};

/// The script that answers: one text, in the order of its files.
pub(crate) const SCRIPT: &str = concat!(
    include_str!("page/finding.js"),
    include_str!("page/reading.js"),
    include_str!("page/covering.js"),
    include_str!("page/inventory.js"),
    include_str!("page/answer.js"),
);

/// A question under construction: what is asked of each document, of the page itself and of every place that the map names.
#[derive(Debug, Clone)]
pub(crate) struct PageQuery {
    page: Map<String, Value>,
    /// Places by name, each with what is asked there. A frame comes after the one that it is in.
    places: Vec<(String, Map<String, Value>)>,
    /// Where locators look that name no place.
    usual: Option<String>,
}

/// What a picture tells of banners, alerts, dialogs and complaints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Messages {
    /// Their text.
    Shown,
    /// That they are there.
    Marked,
    /// Nothing. They may move, and a picture of something else does not fail for that.
    Not,
}

impl PageQuery {
    /// A question about the state of the page alone.
    pub fn state(map: &MapFile) -> Self {
        let frames = map.frames();
        let places = frames.iter().map(|(name, ..)| ((*name).to_owned(), Map::new())).collect();
        let usual = map.page.place.clone();
        let mut query = Self { page: Map::new(), places, usual };
        for (name, locators, outer) in frames {
            below(query.at(outer), "frames")[name] = json!(locators);
        }
        let page = &map.page;
        let parts = [("banners", &page.banners), ("dialogs", &page.dialogs), ("busy", &page.busy)];
        let parts = parts.into_iter().chain([("wording", &page.wording)]);
        let parts = parts.filter_map(|(name, locators)| Some((name, locators.as_ref()?)));
        for (name, locators) in parts.chain([("signed_in", &page.signed_in)]) {
            let place = locators.place_or(query.usual.as_deref()).map(str::to_owned);
            below(query.at(place.as_deref()), "page")[name] = json!(locators);
        }
        // Whatever is inside a frame, a session that ended may show there.
        for question in query.all() {
            below(question, "page")["signed_out"] = json!(page.signed_out);
        }
        query
    }

    /// What is asked of a place. One that the map does not declare has been refused when the map was read.
    fn at(&mut self, place: Option<&str>) -> &mut Map<String, Value> {
        let declared = self.places.iter_mut().find(|(name, _)| Some(name.as_str()) == place);
        declared.map_or(&mut self.page, |(_, question)| question)
    }

    fn where_is(&mut self, locators: &Locators) -> &mut Map<String, Value> {
        let place = locators.place_or(self.usual.as_deref()).map(str::to_owned);
        self.at(place.as_deref())
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Map<String, Value>> {
        std::iter::once(&mut self.page).chain(self.places.iter_mut().map(|(_, question)| question))
    }

    /// Also asks where something to click or to read is.
    pub fn target(mut self, name: &str, locators: &Locators) -> Self {
        below(self.where_is(locators), "targets")[name] = json!(locators);
        self
    }

    /// Also asks for the visible parts by this name of a field, as its kind says.
    pub(super) fn part(mut self, field: FieldQuery, name: &str) -> Self {
        self.at_field(&field).insert("part".into(), json!([field.asked, name]));
        self
    }

    fn at_field(&mut self, field: &FieldQuery) -> &mut Map<String, Value> {
        self.where_is(&field.locate)
    }

    /// Also asks for controls; banners come along, of every place.
    pub fn fields(mut self, fields: Vec<FieldQuery>) -> Self {
        for question in self.all() {
            question.insert("fields".into(), json!([]));
        }
        for field in fields {
            if let Some(Value::Array(asked)) = self.at_field(&field).get_mut("fields") {
                asked.push(field.asked);
            }
        }
        self
    }

    /// Also asks for mandatory controls in this panel that are not among the fields.
    pub fn panel(mut self, panel: &Locators) -> Self {
        self.where_is(panel).insert("panel".into(), json!(panel));
        self
    }

    /// Also asks how the controls of the panel could be found that are not among the fields.
    pub(super) fn inventory(mut self, panel: &Locators) -> Self {
        self.where_is(panel).insert("inventory".into(), json!(panel));
        self
    }

    /// A question about all that a frame holds which no place names.
    pub(super) fn unnamed(map: &MapFile) -> Value {
        let page = json!({ "banners": map.page.banners, "dialogs": map.page.dialogs });
        json!({ "page": page, "fields": [], "inventory": { "ways": [{ "by": "css", "value": "body" }] } })
    }

    /// Also asks what stands on the page, whatever the map says.
    pub(super) fn outline(mut self) -> Self {
        self.page.insert("outline".into(), Value::Bool(true));
        self
    }

    /// Also asks for the rows of a table.
    pub fn table(mut self, name: &str, rows: &Locators, cells: &[(&str, Option<&Cell>)]) -> Self {
        let cells: Map<String, Value> = cells.iter().map(|(name, cell)| ((*name).to_owned(), json!(cell))).collect();
        below(self.where_is(rows), "tables")[name] = json!({ "rows": rows, "cells": cells });
        self
    }

    /// Also asks for the rows of a list of uploads.
    pub fn files(self, name: &str, list: &FileList) -> Self {
        let cells = [("name", Some(&list.name)), ("size", list.size.as_ref()), ("sha256", list.sha256.as_ref())];
        self.table(name, &list.rows, &cells)
    }

    /// Also asks what the page marks as invalid, on any tab.
    pub(crate) fn complaints(mut self) -> Self {
        for question in self.all() {
            question.insert("complaints".into(), Value::Bool(true));
        }
        self
    }

    /// Also asks for the rectangles of what may be shown: these fields, the map's wording where that is permitted, and of what the
    /// portal announces as much as `messages` says.
    pub(crate) fn show(mut self, fields: Vec<FieldQuery>, wording: bool, messages: Messages) -> Self {
        for question in self.all() {
            question.insert("show".into(), json!({ "fields": [], "wording": wording, "messages": messages }));
        }
        for (at, mut field) in fields.into_iter().enumerate() {
            field.asked["at"] = json!(at);
            let shown = self.at_field(&field).get_mut("show").and_then(|show| show["fields"].as_array_mut());
            shown.into_iter().for_each(|fields| fields.push(field.asked.clone()));
        }
        self
    }

    /// Also takes this step of covering the page, between which pictures are taken; `dark` says by place and number what is not
    /// to be shown after all.
    pub(crate) fn cover(mut self, step: Step, token: &str, dark: &[(Option<String>, usize)]) -> Self {
        let here = |place: Option<&str>| {
            let dark = dark.iter().filter(|(other, _)| other.as_deref() == place);
            let dark: Vec<usize> = dark.map(|(_, at)| *at).collect();
            json!({ "step": step, "token": token, "dark": dark })
        };
        self.page.insert("cover".into(), here(None));
        for (name, question) in &mut self.places {
            question.insert("cover".into(), here(Some(name)));
        }
        self
    }

    /// What is asked of the page itself.
    pub(super) fn page(&self) -> Value {
        Value::Object(self.page.clone())
    }

    /// What is asked of each place, by its name. A frame comes after the one that it is in.
    pub(super) fn places(&self) -> impl Iterator<Item = (&str, Value)> {
        self.places.iter().map(|(name, question)| (name.as_str(), Value::Object(question.clone())))
    }
}

/// What is asked below a key.
fn below<'a>(question: &'a mut Map<String, Value>, key: &str) -> &'a mut Value {
    question.entry(key).or_insert_with(|| json!({}))
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

/// How the script is to read one field, and where.
#[derive(Debug, Clone)]
pub(crate) struct FieldQuery {
    locate: Locators,
    asked: Value,
}

impl FieldQuery {
    /// A field of a tab, as its kind says where it has one.
    pub fn worked(planned: &PlannedField, declared: &Field, kind: Option<&Kind>) -> Self {
        let mut query = Self::new(planned, &declared.locate);
        if let Some(Kind { root, parts, read, enter: _, undo: _ }) = kind {
            query.asked["kind"] = json!({ "root": root, "parts": parts, "read": read });
        }
        query
    }

    /// A field, as an element of HTML.
    pub fn new(planned: &PlannedField, locate: &Locators) -> Self {
        let asked = json!({
            "id": planned.id,
            "widget": planned.widget,
            "locate": locate,
            "wanted": planned.options,
            "list": matches!(planned.value.expose(), FormValue::Choices(_)),
        });
        Self { locate: locate.clone(), asked }
    }

    /// Something that a picture may show, or must not.
    pub fn pictured(locate: &Locators, asked: Value) -> Self {
        Self { locate: locate.clone(), asked }
    }

    /// Whether a picture may show it.
    pub fn is_shown(&self) -> bool {
        self.asked["show"] == Value::Bool(true)
    }
}
