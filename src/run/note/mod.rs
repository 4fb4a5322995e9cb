//! The takeover note: everything that a person needs who was not there.
//!
//! `situation` says where the change stands, `advice` what to do about it and what not, `markdown` writes it for people.

mod advice;
mod markdown;
mod situation;

use std::collections::BTreeMap;

pub(crate) use self::markdown::markdown;
use self::situation::situation;
use super::ending::Ending;
use super::facts::RunFacts;
use super::process;
use super::run_log::RunLog;
use crate::evidence::documents::{TAKEOVER_SCHEMA, TakeoverDocument};
use crate::model::form::Part;
use crate::model::ids::{DraftReference, FieldId, RunId};
use crate::model::private::Fact;
use crate::model::time::Instant;
use crate::selectors::paths::fill_path;

/// The note of a run that ended with a person's work left; none for the others. `now` is when it is written.
pub(crate) fn takeover(
    run: &RunId,
    ending: &Ending,
    facts: &RunFacts<'_>,
    log: &RunLog<'_>,
    now: Instant,
) -> Option<TakeoverDocument> {
    let situation = situation(ending)?;
    let exception = &facts.record.record.exception;
    let enterable = facts
        .plan
        .tabs
        .iter()
        .flat_map(|tab| &tab.fields)
        .filter(|field| field.widget.part() == Part::Entered && !field.value.expose().is_blank());
    let (entered, not_entered): (Vec<_>, Vec<_>) =
        enterable.map(|field| field.id.clone()).partition(|id| log.entered.contains(id));
    let touched = !log.entered.is_empty() || !log.uploaded.is_empty() || !log.tabs_filled.is_empty();
    let codes: Vec<_> = ending.halt.iter().map(|reason| reason.code).collect();
    let asked = advice::Asked {
        situation,
        codes: &codes,
        holder: &log.holder,
        record: log.journal.history().map_or("RECORD", |history| &history.opening.record),
        draft_only: facts.draft_only,
        list: list_of(facts),
        otherwise: ending.otherwise.as_deref(),
        form: facts.map.number_form.as_str(),
        latest_s: facts.map.file.limits.arrival_s + facts.map.file.limits.hold_s,
        open: ending.draft.as_ref().and_then(|draft| address_of(facts, draft)),
    };
    Some(TakeoverDocument {
        schema: TAKEOVER_SCHEMA,
        run_id: run.clone(),
        change_id: exception.change_id.clone(),
        window: exception.window,
        operator: facts.operator.clone(),
        account: ending.account.as_ref().map(|account| log.gate.fact(&Fact::public(account.expose()))),
        host: process::host(),
        written_at: now.whole_seconds(),
        edits: ending.edits.iter().map(|edited| log.gate.edit(edited)).collect(),
        outcome: ending.outcome,
        headline: situation.headline(ending, touched),
        submitted: situation.submitted(),
        record: asked.record.to_owned(),
        halt: ending.halt.iter().map(|reason| log.gate.halt(reason)).collect(),
        commit_answer: ending.answer,
        pictures: ending.pictures.clone(),
        stood_on: ending.stood_on.clone(),
        draft_reference: ending.draft.clone(),
        draft_state: ending.draft_state,
        steps: advice::steps(&asked),
        must_not: advice::must_not(&asked),
        next: advice::next(&asked),
        open: asked.open,
        list: asked.list,
        labels: labels(facts),
        entered,
        not_entered,
        tabs_filled: log.tabs_filled.clone(),
        uploaded: log.uploaded.iter().cloned().collect(),
        approvals_read_at: log.readings.last().map(|reading| reading.at.whole_seconds()),
        approvals: log.readings.last().map(|reading| reading.approvals.clone()).unwrap_or_default(),
    })
}

fn address_of(facts: &RunFacts<'_>, draft: &DraftReference) -> Option<String> {
    let path = fill_path(&facts.map.file.form.draft_path, &[("draft", draft.as_str())]);
    facts.portal.join(&path).map(|url| url.to_string()).ok()
}

/// The first of the portal's lists on which the change would stand.
fn list_of(facts: &RunFacts<'_>) -> Option<String> {
    let exception = &facts.record.record.exception;
    let values = [("service", exception.service.id.as_str()), ("change", exception.change_id.as_str())];
    let path = fill_path(facts.map.file.exceptions.paths.first()?, &values);
    facts.portal.join(&path).map(|url| url.to_string()).ok()
}

/// What the portal calls the fields, as the map says.
fn labels(facts: &RunFacts<'_>) -> BTreeMap<FieldId, String> {
    let file = &facts.map.file;
    let pages = [&file.review, &file.recheck, &file.confirmation.submitted];
    let fields = file.tabs.iter().flat_map(|tab| &tab.fields).chain(pages.into_iter().flat_map(|page| &page.fields));
    fields.filter_map(|field| Some((field.id.get_ref().clone(), field.label.clone()?))).collect()
}
