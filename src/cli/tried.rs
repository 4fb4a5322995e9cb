//! `selectors try`: enters a value in one field of a live portal, as a run would, and reads it back. Nothing is saved.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::args::{Output, SelectorsTry};
use super::exit::Exit;
use super::live::{Live, LiveOrder, unless_interrupted};
use super::terminal::{invalid_input, print_json, print_line};
use crate::decide::advice::advice;
use crate::decide::reconcile::{filled_tab, surveyed_tab};
use crate::decide::verdict::Verdict;
use crate::mask::masked::{Masked, Permissions, PublicDocument};
use crate::mask::views::HaltView;
use crate::model::form::PlannedTab;
use crate::model::ids::{DraftReference, FieldId};
use crate::model::observed::ObservedTab;
use crate::model::portal_facts::Refusal;
use crate::portal::{Portal as _, PortalError};
use crate::run::order::permissions;
use crate::selectors::tried::tried;

#[derive(Serialize)]
struct TryDocument {
    schema: &'static str,
    map: String,
    field: FieldId,
    held: bool,
    /// What would have halted a run.
    halt: Vec<Masked<HaltView>>,
    /// Why the value could not be entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// From the tab being shown to the value being read back, in milliseconds.
    milliseconds: u64,
    /// Requests that the page sent meanwhile.
    requests: u64,
    /// Requests that were refused, since they may change something or the map does not declare them.
    refused: Vec<String>,
}
impl PublicDocument for TryDocument {}

/// What came of entering a value.
struct Tried {
    verdict: Verdict,
    error: Option<PortalError>,
    milliseconds: u64,
    requests: u64,
}

/// Carries out `selectors try`.
pub async fn run(args: SelectorsTry, output: Output) -> Exit {
    let order = match LiveOrder::read(&args.common, &args.map_file) {
        Ok(order) => order,
        Err(error) => return invalid_input(output, &error),
    };
    let planned = match tried(&order.map, &args.field, &args.values) {
        Ok(planned) => planned,
        Err(error) => return invalid_input(output, &format!("error: {error}")),
    };
    let document = match unless_interrupted(carry_out(&order, &planned, args.draft.as_ref(), args.headed)).await {
        Ok(document) => document,
        Err(exit) => return exit,
    };
    let held = document.get().held;
    match output {
        Output::Json => drop(print_json(&document)),
        Output::Text => drop(print_line(&told(document.get()))),
    }
    if held { Exit::Yes } else { Exit::No }
}

async fn carry_out(
    order: &LiveOrder,
    planned: &PlannedTab,
    draft: Option<&DraftReference>,
    headed: bool,
) -> Result<Masked<TryDocument>, String> {
    let field = planned.fields.first().map(|field| field.id.clone()).ok_or("no field")?;
    let mut live = order.open(shown(permissions(&order.map), &field, draft), headed).await?;
    let gate = Arc::clone(&live.gate);
    let done = enter(&mut live, order, planned, draft).await;
    let refused = live.gateway.control().refused();
    live.close().await;
    let Tried { verdict, error, milliseconds, requests } = done.map_err(|error| error.to_string())?;
    let halt: Vec<_> = verdict.reasons().iter().map(|reason| gate.halt(reason)).collect();
    let document = TryDocument {
        schema: "portal-agent/try/1",
        map: order.map.file.name.clone(),
        field,
        held: halt.is_empty() && error.is_none(),
        halt,
        error: error.map(|error| error.to_string()),
        milliseconds,
        requests,
        // Of the page's own: what a browser asks of others for itself is refused as well.
        refused: refused
            .iter()
            .filter(|(one, _)| one.why == Refusal::Undeclared)
            .map(|(one, times)| format!("{} {} ({times} times)", one.method, one.path))
            .collect(),
    };
    gate.document(document).map_err(|leak| leak.to_string())
}

/// What may be shown: on an empty form also what the field holds, which came of the value that was given.
fn shown(mut permissions: Permissions, field: &FieldId, draft: Option<&DraftReference>) -> Permissions {
    if draft.is_none() {
        permissions.fields.insert(field.clone());
    }
    permissions
}

/// Signs in, shows the tab, enters the value and reads it back. From signing in on nothing passes that may change something.
async fn enter(
    live: &mut Live,
    order: &LiveOrder,
    planned: &PlannedTab,
    draft: Option<&DraftReference>,
) -> Result<Tried, PortalError> {
    let portal = &mut live.portal;
    portal.prove_path().await?;
    portal.sign_in().await?;
    live.gateway.control().read_only();
    match draft {
        Some(draft) => portal.open_draft(draft).await?,
        None => portal.open_form().await?,
    }
    let seen = alone(portal.read_tab(planned).await?);
    let (begun, passed) = (Instant::now(), live.gateway.control().passed());
    let mut tried =
        Tried { verdict: surveyed_tab(planned, &seen, &order.map.banners), error: None, milliseconds: 0, requests: 0 };
    if tried.verdict == Verdict::Proceed(()) {
        match portal.enter_tab(planned).await {
            Ok(held) => tried.verdict = filled_tab(planned, &alone(held), &order.map.banners),
            Err(error) => tried.error = Some(error),
        }
    }
    tried.milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    tried.requests = live.gateway.control().passed().saturating_sub(passed);
    Ok(tried)
}

/// A tab as far as one field goes: the others are not entered, and so may be demanded.
fn alone(tab: ObservedTab) -> ObservedTab {
    ObservedTab { strange_required: Vec::new(), ..tab }
}

fn told(document: &TryDocument) -> String {
    let TryDocument { schema: _, map, field, held, halt, error, milliseconds, requests, refused } = document;
    let said = if *held { "holds the value" } else { "does not hold the value" };
    let mut lines = vec![format!("{map}  {field}  {said}, after {milliseconds} ms and {requests} requests")];
    for reason in halt {
        let reason = reason.get();
        lines.push(format!("  {} ({})", reason.code, reason.subject));
        lines.push(format!("    expected  {}\n    observed  {}", reason.expected, reason.observed));
        lines.push(format!("    decide    {}", advice(reason.code)));
    }
    lines.extend(error.iter().map(|error| format!("  error     {error}")));
    if !refused.is_empty() {
        lines.push(
            "Refused, since nothing may be changed here; one that only asks needs `reads = true` in [[request]]:"
                .into(),
        );
        lines.extend(refused.iter().map(|one| format!("  {one}")));
    }
    lines.join("\n")
}
