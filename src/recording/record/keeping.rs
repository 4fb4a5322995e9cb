//! What may be kept of a portal's traffic: what the selector map declares, what the record's readers know, and what was read at
//! declared places whose values the map shows. Everything else gets a stand-in.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use regex::Regex;

use crate::decide::verdict::Stage;
use crate::evidence::journal::Event;
use crate::evidence::observations::Observation;
use crate::mask::masked::Permissions;
use crate::model::form::{FormPlan, FormValue, ParameterContent, PlannedField};
use crate::model::ids::FieldId;
use crate::model::observed::{Found, ObservedBanner, ObservedControl};
use crate::model::portal_facts::ListedException;
use crate::model::record::ChangeRecord;
use crate::model::time::Instant;
use crate::recording::scrub::Permission;
use crate::run::watch::{WatchEvent, Watcher};
use crate::selectors::locator::{Locator, Locators};
use crate::selectors::read::SelectorMap;

/// Passes everything on, and remembers what may be kept of what was read at declared places.
pub(crate) struct AllowlistCollector<'a> {
    inner: &'a dyn Watcher,
    permissions: Permissions,
    number_form: Regex,
    dialog_is_literal: bool,
    kept: Mutex<BTreeSet<String>>,
}

impl<'a> AllowlistCollector<'a> {
    /// In front of `inner`, for a portal of this map.
    pub fn new(inner: &'a dyn Watcher, permissions: Permissions, map: &SelectorMap) -> Self {
        let dialog_is_literal = map.dialog_text.as_ref().is_some_and(is_literal);
        let number_form = map.number_form.clone();
        Self { inner, permissions, number_form, dialog_is_literal, kept: Mutex::new(BTreeSet::new()) }
    }

    /// What may be kept.
    pub fn kept(&self) -> BTreeSet<String> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, text: impl Into<String>) {
        self.lock().insert(text.into());
    }

    fn controls(&self, controls: &BTreeMap<FieldId, Found<ObservedControl>>) {
        for (field, found) in controls {
            let Found::One(control) = found else { continue };
            if self.permissions.wording {
                self.keep(control.label.expose().clone());
            }
            // Options are values: what a hidden field offers may name somebody. Those in the map are the map's words.
            if self.permissions.fields.contains(field) {
                self.lock().extend(control.options.iter().map(|option| option.expose().clone()));
                self.lock().extend(texts(control.value.expose()));
            }
            if self.permissions.messages
                && let Some(complaint) = &control.complaint
            {
                self.keep(complaint.expose().clone());
            }
        }
    }

    fn look(&self, look: &Observation<'_>) {
        match look {
            Observation::Exceptions(_, _, rows) => self.rows(rows),
            Observation::Survey(seen)
            | Observation::Fill(seen)
            | Observation::Attach(seen)
            | Observation::Draft(seen)
            | Observation::Resume(seen, ..) => {
                self.controls(&seen.observed.controls);
                self.banners(&seen.observed.banners);
            }
            Observation::Summary(seen) | Observation::Recheck(seen) => {
                self.controls(&seen.page.lines);
                self.banners(&seen.page.banners);
            }
            Observation::Dialog(text, banners) => {
                // The run has compared it with the map's wording; that says it all where nothing in it stands for anything.
                if let Some(text) = text
                    && (self.permissions.messages || self.dialog_is_literal)
                {
                    self.keep(text.expose().clone());
                }
                self.banners(banners);
            }
            Observation::Commit | Observation::Confirmation => {}
        }
    }

    fn rows(&self, rows: &[ListedException]) {
        for row in rows.iter().filter(|row| row.recognised) {
            self.keep(row.number.clone());
            self.keep(row.change_id.clone());
        }
    }

    fn banners(&self, banners: &[ObservedBanner]) {
        if self.permissions.messages {
            self.lock().extend(banners.iter().map(|banner| banner.text.expose().clone()));
        }
    }
}

impl Watcher for AllowlistCollector<'_> {
    fn step(&self, stage: Stage, place: &str) {
        self.inner.step(stage, place);
    }

    fn noted(&self, event: &Event) {
        self.inner.noted(event);
    }

    fn on_observation(&self, event: WatchEvent<'_>) {
        self.inner.on_observation(event);
        match event {
            WatchEvent::Observation(look) => self.look(look),
            WatchEvent::Rows(rows) => self.rows(rows),
            WatchEvent::Account(account) => self.keep(account.expose().clone()),
            WatchEvent::Draft(draft) => self.keep(draft.to_string()),
            WatchEvent::Number(number) if self.number_form.is_match(number) => self.keep(number),
            WatchEvent::Number(_) => {}
        }
    }
}

fn texts(value: &FormValue) -> Vec<String> {
    match value {
        FormValue::Text(text) => vec![text.clone()],
        FormValue::Choices(choices) => choices.iter().cloned().collect(),
        FormValue::Checked(_) => Vec::new(),
    }
}

fn strings(value: &toml::Value, found: &mut BTreeSet<String>) {
    match value {
        toml::Value::String(text) => drop(found.insert(text.clone())),
        toml::Value::Array(list) => list.iter().for_each(|one| strings(one, found)),
        toml::Value::Table(table) => {
            for (key, one) in table {
                found.insert(key.clone());
                strings(one, found);
            }
        }
        toml::Value::Integer(_) | toml::Value::Float(_) | toml::Value::Boolean(_) | toml::Value::Datetime(_) => {}
    }
}

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned)
}

/// Planned values in the order of the plan: shown ones are kept, hidden ones are paired with their stand-ins.
fn planned(plan: &FormPlan) -> Vec<(&FieldId, &FormValue)> {
    let tabs = plan.tabs.iter().flat_map(|tab| &tab.fields);
    let all = tabs.chain(&plan.review).chain(&plan.recheck).chain(&plan.submitted);
    all.map(|field: &PlannedField| (&field.id, field.value.expose())).collect()
}

fn carried(plan: &FormPlan) -> Vec<&String> {
    let values = plan.commit.iter().filter_map(|parameter| match &parameter.content {
        ParameterContent::Value { carried, .. } => Some(carried.expose()),
        ParameterContent::DraftReference | ParameterContent::Volatile => None,
    });
    values.flatten().collect()
}

/// Values of one plan with those that stand in the other in their place, where the two differ.
pub fn pairs(real: &FormPlan, stand_in: &FormPlan) -> Vec<(String, String)> {
    let texts_of = |plan: &FormPlan| -> Vec<String> {
        let values = planned(plan).into_iter().flat_map(|(_, value)| texts(value));
        values.chain(carried(plan).into_iter().cloned()).collect()
    };
    let both = texts_of(real).into_iter().zip(texts_of(stand_in));
    both.filter(|(real, stand_in)| real != stand_in && !real.trim().is_empty()).collect()
}

/// What the record's readers know anyway: identifiers, people, roles, names of files. None of it is prose.
pub(crate) fn identifiers(record: &ChangeRecord) -> BTreeSet<String> {
    let exception = &record.exception;
    let mut found: BTreeSet<String> = [
        exception.change_id.to_string(),
        exception.service.id.as_str().to_owned(),
        exception.service.owner.to_string(),
        exception.requester.to_string(),
    ]
    .into();
    found.extend(exception.excepts.iter().map(|blackout| blackout.id.to_string()));
    for file in &exception.attachments {
        found.extend([file.role.to_string(), file.name.as_str().to_owned(), file.size.to_string()]);
    }
    let signers = record.manifest.signers.iter().map(|signer| (&signer.role, &signer.approver));
    let deciders = record.approvals.iter().map(|approval| (&approval.role, &approval.approver));
    for (role, person) in signers.chain(deciders) {
        found.extend([role.to_string(), person.to_string()]);
    }
    found
}

/// What a permission is made from.
pub(crate) struct AllowlistInputs<'a> {
    pub map: &'a SelectorMap,
    /// The map as text: it stands in the fixture, so that every text in it is public.
    pub map_text: &'a str,
    /// The record as it was.
    pub record: &'a ChangeRecord,
    /// The plan made from it.
    pub plan: &'a FormPlan,
    /// What may be shown.
    pub permissions: &'a Permissions,
    /// Account at the portal; every document of a run names it.
    pub account: &'a str,
    /// What was read at declared places.
    pub kept: BTreeSet<String>,
    /// Words that everybody is told, such as those of public addresses.
    pub public: BTreeSet<String>,
    /// Texts and their stand-ins.
    pub pairs: Vec<(String, String)>,
    /// The portal's own origin and what stands for it.
    pub origin: (String, String),
    /// Begin and end of the run.
    pub span: (Instant, Instant),
}

impl AllowlistInputs<'_> {
    pub(crate) fn permission(self) -> Permission {
        let mut declared = BTreeSet::new();
        if let Ok(table) = self.map_text.parse::<toml::Table>() {
            strings(&toml::Value::Table(table), &mut declared);
        }
        let mut names: BTreeSet<String> = declared.iter().flat_map(|text| words(text)).collect();
        names.extend(declared.iter().cloned());
        names.extend(self.public.iter().flat_map(|text| words(text)));
        let shown = planned(self.plan).into_iter().filter(|(field, _)| self.permissions.fields.contains(*field));
        let mut phrases: BTreeSet<String> = shown.flat_map(|(_, value)| texts(value)).collect();
        phrases.extend(declared);
        phrases.extend(identifiers(self.record));
        phrases.extend(self.kept);
        phrases.insert(self.account.to_owned());
        phrases.retain(|text| text.chars().any(char::is_alphanumeric));
        let hidden: BTreeSet<&String> = self.pairs.iter().map(|(real, _)| real).collect();
        phrases.retain(|text| !hidden.contains(text));
        let rules = self.map.banners.iter().map(|rule| &rule.pattern);
        let patterns = rules.filter(|pattern| is_literal(pattern)).chain(&self.map.keep).cloned().collect();
        let own = [self.origin];
        let others = self.map.file.origins.iter().map(|url| url.get_ref().origin().ascii_serialization());
        let origins = others.map(|origin| (origin.clone(), origin)).chain(own).collect();
        let wording = self.permissions.wording.then(|| self.map.file.page.wording.as_ref().and_then(css)).flatten();
        Permission { phrases, pairs: self.pairs, patterns, names, wording, origins, span: Some(self.span) }
    }
}

/// Whether a pattern spells out what it matches, but for choices between spellings: then what it matches is the map's own wording.
/// A pattern that stands for any text declares none.
fn is_literal(pattern: &Regex) -> bool {
    let source = pattern.as_str().trim_start_matches("^(?:").trim_end_matches(")$");
    let mut escaped = false;
    source.chars().all(|c| {
        let stands_for_any = if escaped { c.is_ascii_alphanumeric() } else { matches!(c, '.' | '*' | '+' | '{') };
        escaped = c == '\\' && !escaped;
        !stands_for_any
    })
}

/// Locators as one list of CSS selectors; ways that CSS does not know are left out.
fn css(locators: &Locators) -> Option<String> {
    let one = |locator: &Locator| match locator {
        Locator::Css { value } => Some(value.clone()),
        Locator::TestId { value } => Some(format!("[data-testid=\"{value}\"]")),
        Locator::Label { .. } | Locator::Xpath { .. } | Locator::Role { .. } | Locator::Row { .. } => None,
    };
    let all: Vec<String> = locators.ways.iter().filter_map(one).collect();
    (!all.is_empty()).then(|| all.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wording_is_the_maps_own_only_where_it_is_spelt_out() {
        for (pattern, literal) in [
            ("Year-end freeze is in force", true),
            ("also authori[sz]e|all services", true),
            ("^(?:Submit\\? I attest ?Confirm)$", true),
            ("Incident .* affects .*", false),
            ("Customer \\w+", false),
            ("No [0-9]+", false),
            ("a\\.b", true),
        ] {
            assert_eq!(is_literal(&Regex::new(pattern).unwrap()), literal, "{pattern}");
        }
    }
}
