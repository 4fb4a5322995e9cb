//! `selectors check`: surveys a live portal against a map. Nothing is entered, and nothing can be committed.

use std::sync::Arc;

use serde::Serialize;

use super::args::{Output, SelectorsCheck};
use super::candidates::{Candidate, candidates, may_have_candidates};
use super::exit::Exit;
use super::live::{LiveOrder, unless_interrupted};
use super::terminal::{invalid_input, print_json, print_line};
use crate::decide::advice::advice;
use crate::decide::reconcile::{mapped_page, mapped_tab};
use crate::decide::rules::exceptions::not_listed;
use crate::decide::verdict::{Stage, Verdict};
use crate::mask::masked::{MaskGate, Masked, PublicDocument};
use crate::mask::views::HaltView;
use crate::model::form::PlannedTab;
use crate::model::ids::{DraftReference, TabId};
use crate::model::observed::{Found, ObservedPage};
use crate::portal::webdriver::WebPortal;
use crate::portal::{Portal as _, PortalError, ShownPage};
use crate::run::order::permissions;
use crate::selectors::plan::{outline, outline_page};
use crate::selectors::read::SelectorMap;
use crate::selectors::schema::Field;

#[derive(Serialize)]
struct TabReport {
    tab: TabId,
    controls: usize,
    drift: Vec<Masked<HaltView>>,
    /// What may be meant instead, where the map shows the portal's wording.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Candidate>,
}

#[derive(Serialize)]
struct PageReport {
    page: &'static str,
    lines: usize,
    drift: Vec<Masked<HaltView>>,
}

#[derive(Serialize)]
struct SurveyDocument {
    schema: &'static str,
    map: String,
    drifted: bool,
    tabs: Vec<TabReport>,
    /// Tabs that were not looked at: they are there only in a draft, and none was named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    needs_draft: Vec<TabId>,
    /// The list, the review and the recheck page of a draft, if one was named.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pages: Vec<PageReport>,
}
impl PublicDocument for SurveyDocument {}

/// Carries out `selectors check`.
pub async fn run(args: SelectorsCheck, output: Output) -> Exit {
    let order = match LiveOrder::read(&args.common, &args.map_file) {
        Ok(order) => order,
        Err(error) => return invalid_input(output, &error),
    };
    let document = match unless_interrupted(survey(&order, args.draft.as_ref())).await {
        Ok(document) => document,
        Err(exit) => return exit,
    };
    let drifted = document.get().drifted;
    match output {
        Output::Json => drop(print_json(&document)),
        Output::Text => drop(print_line(&told(document.get()))),
    }
    if drifted { Exit::No } else { Exit::Yes }
}

async fn survey(order: &LiveOrder, draft: Option<&DraftReference>) -> Result<Masked<SurveyDocument>, String> {
    let map = &order.map;
    let mut live = order.open(permissions(map), false).await?;
    let gate = Arc::clone(&live.gate);
    let looked = look(&mut live.portal, map, &gate, draft).await.map_err(|error| error.to_string());
    live.close().await;
    let (tabs, pages) = looked?;
    let drifted = tabs.iter().any(|tab| !tab.drift.is_empty()) || pages.iter().any(|page| !page.drift.is_empty());
    let seen = |tab: &TabId| tabs.iter().any(|report| &report.tab == tab);
    let needs_draft = outline(map).into_iter().map(|tab| tab.id).filter(|tab| !seen(tab)).collect();
    let name = map.file.name.clone();
    let document = SurveyDocument { schema: "portal-agent/survey/1", map: name, drifted, tabs, needs_draft, pages };
    gate.document(document).map_err(|leak| leak.to_string())
}

async fn look(
    portal: &mut WebPortal,
    map: &SelectorMap,
    gate: &MaskGate,
    draft: Option<&DraftReference>,
) -> Result<(Vec<TabReport>, Vec<PageReport>), PortalError> {
    portal.prove_path().await?;
    portal.sign_in().await?;
    portal.list_exceptions().await?;
    portal.open_form().await?;
    let mut reports = Vec::new();
    let (empty, drafted): (Vec<_>, Vec<_>) = outline(map).into_iter().partition(|tab| !tab.after_save);
    for planned in empty {
        reports.push(look_at_tab(portal, map, gate, planned).await?);
    }
    let Some(draft) = draft else { return Ok((reports, Vec::new())) };
    if !drafted.is_empty() {
        portal.open_draft(draft).await?;
    }
    for planned in drafted {
        reports.push(look_at_tab(portal, map, gate, planned).await?);
    }
    let mut pages = Vec::new();
    for (name, stage, page, shown) in [
        ("review", Stage::Review, &map.file.review, ShownPage::Review(draft)),
        ("recheck", Stage::Recheck, &map.file.recheck, ShownPage::Recheck(draft)),
    ] {
        let lines = outline_page(map, page);
        let observed = portal.read_page(shown, &lines).await?;
        pages.push((name, lines.len(), mapped_page(stage, &lines, &observed, &map.banners)));
        if stage == Stage::Review {
            let value = |path: &str| stated(map, &observed, path).unwrap_or_default();
            portal.concern(value("service.id"), value("change_id"));
        }
    }
    let rows = portal.list_exceptions().await?;
    pages.push(("list", rows.len(), Verdict::of(not_listed(draft, &rows).into_iter().collect())));
    let report = |(page, lines, verdict): (&'static str, usize, Verdict)| {
        let drift = verdict.reasons().iter().map(|reason| gate.halt(reason)).collect();
        PageReport { page, lines, drift }
    };
    Ok((reports, pages.into_iter().map(report).collect()))
}

async fn look_at_tab(
    portal: &mut WebPortal,
    map: &SelectorMap,
    gate: &MaskGate,
    planned: PlannedTab,
) -> Result<TabReport, PortalError> {
    let observed = portal.read_tab(&planned).await?;
    let verdict = mapped_tab(&planned, &observed, &map.banners);
    let candidates = if may_have_candidates(&verdict) && map.file.show.wording {
        candidates(map, &verdict, &portal.unmapped_controls(&planned).await?)
    } else {
        Vec::new()
    };
    let drift = verdict.reasons().iter().map(|reason| gate.halt(reason)).collect();
    Ok(TabReport { tab: planned.id, controls: planned.fields.len(), drift, candidates })
}

/// What a page states of this part of the record.
fn stated(map: &SelectorMap, page: &ObservedPage, path: &str) -> Option<String> {
    let carries = |field: &&Field| field.record.as_ref().is_some_and(|record| record.get_ref() == path);
    let fields = map.file.tabs.iter().flat_map(|tab| &tab.fields).chain(&map.file.review.fields).filter(carries);
    let mut lines = fields.filter_map(|field| page.lines.get(field.id.get_ref()));
    lines.find_map(|found| match found {
        Found::One(line) => Some(line.value.expose().as_text()),
        Found::Absent | Found::Several(_) => None,
    })
}

fn told(document: &SurveyDocument) -> String {
    let mut lines = vec![format!("{}  {}", document.map, if document.drifted { "drifted" } else { "fits" })];
    let tabs =
        document.tabs.iter().map(|tab| (tab.tab.as_str(), tab.controls, "controls", &tab.drift, &tab.candidates[..]));
    let pages = document
        .pages
        .iter()
        .map(|page| (page.page, page.lines, if page.page == "list" { "rows" } else { "lines" }, &page.drift, &[][..]));
    for (name, count, what, drift, candidates) in tabs.chain(pages) {
        lines.push(format!("  {name:<12} {count} {what}, {} drifted", drift.len()));
        for reason in drift {
            let reason = reason.get();
            lines.push(format!("    {} ({})", reason.code, reason.subject));
            lines.push(format!("      expected  {}\n      observed  {}", reason.expected, reason.observed));
            lines.push(format!("      decide    {}", advice(reason.code)));
        }
        lines.extend(candidates.iter().map(Candidate::told));
    }
    for tab in &document.needs_draft {
        lines.push(format!("  {:<12} not looked at: it is there only in a draft, which --draft names", tab.as_str()));
    }
    lines.join("\n")
}
