//! The agent broken on purpose: the replays that ought to fail do, in a real browser, and say why; the others stay the same.

use std::path::Path;
use std::time::Duration;

use super::difference::Difference;
use super::play::{differences, replay};
use crate::fixture::folder::Fixture;
use crate::model::browser::{BrowserKind, BrowserNetwork, BrowserProfile};
use crate::portal::network::NetworkOrder;
use crate::run::flow::Unwatched;
use crate::run::interrupt::Interrupt;
use crate::run::mutation::{self, Mutation};
use crate::run::session::BrowserOrder;

/// What a replay of the fixture says when the agent makes this mistake.
async fn said(mistake: Mutation, fixture: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("portal-fixtures").join(fixture);
    let fixture = Fixture::read(&path).await.unwrap_or_else(|error| panic!("{error}"));
    let root = rustix::process::geteuid().is_root();
    let browser = BrowserOrder {
        kind: BrowserKind::Chromium,
        profile: if root { BrowserProfile::Container } else { BrowserProfile::Desktop },
        network: NetworkOrder::of_this_program(BrowserNetwork::Shared),
        headed: false,
        webdriver: None,
        pace: Duration::ZERO,
    };
    let evidence = tempfile::tempdir().unwrap();
    let (_switch, interrupt) = Interrupt::by_hand();
    mutation::make(Some(mistake));
    let replayed = replay(&fixture, &browser, evidence.path(), interrupt, &Unwatched).await;
    mutation::make(None);
    let found: Vec<Difference> = differences(&fixture, &replayed.unwrap_or_else(|error| panic!("{error}")));
    found.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn assert_says(told: &str, needles: &[&str]) {
    for needle in needles {
        assert!(told.contains(needle), "{needle:?} is not in\n{told}");
    }
}

#[tokio::test]
async fn an_agent_that_does_not_read_back_fails_where_a_value_was_changed() {
    let told = said(Mutation::SkipReadBack, "value-not-held").await;
    assert_says(&told, &["decision fill service verdict\n  - value-not-held", "decision run"]);
}

#[tokio::test]
async fn an_agent_without_the_rule_for_drafts_fails_where_the_draft_differs() {
    let told = said(Mutation::DropDraftRule, "draft-window-shifted").await;
    assert_says(&told, &["decision draft window verdict", "draft-differs"]);
}

#[tokio::test]
async fn an_agent_that_fills_in_another_order_fails_on_the_happy_path() {
    let told = said(Mutation::ReorderTabs, "approved").await;
    assert_says(&told, &["decision order of observations", "decision run events"]);
}

#[tokio::test]
#[ignore = "sweep: the suite replays without any mistake"]
async fn a_mistake_that_makes_no_difference_to_a_recording_is_not_reported_there() {
    for (mistake, fixture) in [
        (Mutation::SkipReadBack, "approved"),
        (Mutation::DropDraftRule, "label-changed"),
        (Mutation::ReorderTabs, "unexpected-banner"),
    ] {
        assert_eq!(said(mistake, fixture).await, "", "{mistake:?} {fixture}");
    }
}

#[tokio::test]
async fn an_agent_that_does_not_ask_its_sources_again_fails_on_the_happy_path_too() {
    let told = said(Mutation::SkipRecheck, "approved").await;
    assert_says(&told, &["source how often the sources were asked", "- 3 times", "+ 2 times"]);
    let told = said(Mutation::SkipRecheck, "approval-revoked-while-held").await;
    assert_says(
        &told,
        &["- approval-revoked", "refused: it is not in the recording\n  + POST /exceptions/DRF-000006/submit"],
    );
}
