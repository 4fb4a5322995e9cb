//! Replays one fixture: the whole agent, in a real browser, with the recording in the portal's place.

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;

use crate::decide::policy::{ApprovalPolicy, Policy};
use crate::evidence::documents::RunDocument;
use crate::evidence::outcome::Outcome;
use crate::evidence::shared::SharedStore;
use crate::evidence::store::USUAL_LIMIT;
use crate::mask::masked::Masked;
use crate::model::digest::Digest;
use crate::portal::webdriver::Credentials;
use crate::recording::compare::difference::{About, Difference, between, of_requests};
use crate::recording::compare::summary::{Listening, tell};
use crate::recording::fixture::answers::RecordedSources;
use crate::recording::fixture::folder::{Fixture, RECORD, Told};
use crate::recording::traffic::answering::{Player, Strictness};
use crate::recording::traffic::dial::Dial;
use crate::run::interrupt::Interrupt;
use crate::run::launch::launch;
use crate::run::order::{Begin, InputError, Order, RandomSource};
use crate::run::session::BrowserOrder;
use crate::run::watch::Watcher;
use crate::selectors::read::SelectorMap;

/// What every replay signs in with: the recording holds it in the password's place.
pub const PASSWORD: &str = "password-stand-in";

/// What came of a replay.
pub struct Replayed {
    /// The run's document.
    pub document: Masked<RunDocument>,
    /// What came of it.
    pub told: Told,
    /// In what its requests and questions to sources differ from the recorded ones.
    pub traffic: Vec<Difference>,
}

/// Why a replay says nothing about the agent.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The fixture does not let a run begin.
    #[error("{0}")]
    Input(#[from] InputError),
    /// The browser did not do its part.
    #[error("{0}")]
    Environment(String),
    /// The replay's own evidence cannot be read back.
    #[error("the replay's evidence cannot be read: {0}")]
    Evidence(#[from] std::io::Error),
}

/// Least time that a page of a replay is given to become ready, in seconds. The recorded portal answers at once, but the machine
/// that replays may be slower than the one that recorded, or busy; which pages never become ready does not hang on the limit.
const PATIENCE_S: u64 = 20;

fn patient(map: &SelectorMap) -> SelectorMap {
    let mut map = map.clone();
    map.file.limits.ready_s = map.file.limits.ready_s.max(PATIENCE_S);
    map
}

/// Replays `fixture` in `browser`; its evidence goes below `evidence`.
///
/// # Errors
///
/// [`ReplayError`]; a replay that differs is a result.
pub async fn replay(
    fixture: &Fixture,
    browser: &BrowserOrder,
    evidence: &Path,
    interrupt: Interrupt,
    watcher: &dyn Watcher,
) -> Result<Replayed, ReplayError> {
    let head = &fixture.head;
    let dial = Dial::at(head.started_at);
    let volatile = fixture.map.file.recording.volatile.iter().cloned().collect();
    let player = Arc::new(Player::new(fixture.exchanges.clone(), volatile, Strictness::Exact, dial.clone()));
    let sources = RecordedSources::new(&fixture.folder, fixture.answers.clone(), dial.clone());
    let order = Order {
        begin: Begin::Afresh,
        record: fixture.folder.join(RECORD),
        map: Arc::new(patient(&fixture.map)),
        base: head.portal.clone(),
        operator: head.operator.clone(),
        policy: Policy {
            approvals: ApprovalPolicy {
                required_roles: head.approval_roles.clone(),
                max_age_s: i64::from(head.approval_max_age_hours) * 3600,
                signatures: head.signatures,
            },
            freeze: head.freeze_policy.clone(),
        },
        evidence: evidence.to_owned(),
        evidence_limit: USUAL_LIMIT,
        shared: SharedStore::folder(evidence),
        browser: browser.clone(),
        portal_ca: None,
        upstream: Some(player.clone()),
        chance: RandomSource::Given(key(fixture)),
        credentials: Credentials { user: head.account.clone(), password: SecretString::from(PASSWORD) },
        draft_only: head.draft_only,
        hand_over: false,
        sealer: None,
        notify: None,
    };
    let listening = Listening::new(watcher);
    let document = launch(&order, &sources, &dial, interrupt, &listening).await?;
    let run = document.get();
    if run.outcome == Outcome::Environment && !player.was_asked() {
        // The portal is a recording, and nobody asked it anything: it was the browser.
        let what = run.environment.as_ref().map(ToString::to_string).unwrap_or_default();
        return Err(ReplayError::Environment(what));
    }
    let told = tell(run, listening.events())?;
    let mut traffic = of_requests(player.differences());
    if sources.asked() != sources.recorded() {
        let counts = |times: usize| format!("{times} times");
        traffic.push(Difference {
            about: About::Source,
            place: "how often the sources were asked".to_owned(),
            recorded: Some(counts(sources.recorded())),
            now: Some(counts(sources.asked())),
        });
    }
    Ok(Replayed { document, told, traffic })
}

/// In what a replay differs from what the fixture expects.
pub fn differences(fixture: &Fixture, replayed: &Replayed) -> Vec<Difference> {
    let mut found = between(&fixture.expected, &replayed.told);
    found.extend(replayed.traffic.iter().cloned());
    found
}

/// The key for hidden values, the same in every replay: what it hides are stand-ins.
fn key(fixture: &Fixture) -> [u8; 32] {
    Digest::of(format!("{} {}", fixture.head.started_at, fixture.head.map).as_bytes()).bytes()
}
