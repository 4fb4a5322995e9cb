//! Joins everything for one run: judges the record, claims the change, starts gateway and browser, drives the flow, ends
//! what was started, writes the documents.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant as Monotonic;

use secrecy::ExposeSecret as _;

use super::books::{Books, unwritable};
use super::claim::{Claim, Claimed, Holder, claim};
use super::finish::{Closing, finish};
use super::flow::{Clock, Ending, Flow, RunFacts, Watcher, judge_packet, reading};
use super::interrupt::Interrupt;
use super::session::{BrowserOrder, Session, Target};
use crate::decide::policy::ApprovalPolicy;
use crate::decide::rules::record::{FileState, claimed_by_another_run};
use crate::decide::verdict::{HaltReason, Stage, Verdict};
use crate::diagnostic::Diagnostic;
use crate::evidence::documents::{Cost, Outcome, RunDocument, Versions};
use crate::evidence::journal::Event;
use crate::evidence::store::EvidenceFolder;
use crate::gateway::control::Control;
use crate::gateway::policy::Origin;
use crate::mask::masked::{MaskGate, Masked, Permissions};
use crate::model::digest::Digest;
use crate::model::form::{FormPlan, FormValue};
use crate::model::ids::{PersonId, RunId};
use crate::model::private::Private;
use crate::portal::LocalFile;
use crate::portal::browser::Driver;
use crate::portal::webdriver::{Credentials, WebPortal, WebPortalConfig};
use crate::selectors::plan::{PlanError, plan};
use crate::selectors::read::SelectorMap;
use crate::selectors::schema::Field;
use crate::sources::Sources;
use crate::sources::attachments::{FoundFile, examine};

/// What a run is asked to do.
#[derive(Clone)]
pub struct Order {
    /// The change record's file, for messages and attachments.
    pub record: PathBuf,
    /// The selector map.
    pub map: Arc<SelectorMap>,
    /// Base URL in effect.
    pub base: url::Url,
    /// Who runs the agent.
    pub operator: PersonId,
    /// What is demanded of approvals.
    pub policy: ApprovalPolicy,
    /// Evidence root.
    pub evidence: PathBuf,
    /// Browser.
    pub browser: BrowserOrder,
    /// Certificate authorities for the portal.
    pub portal_ca: Option<PathBuf>,
    /// Name and password for the portal.
    pub credentials: Credentials,
    /// Whether to stop at a verified draft.
    pub draft_only: bool,
}

impl Order {
    fn target(&self) -> Target<'_> {
        Target { browser: &self.browser, map: &self.map, base: &self.base, portal_ca: self.portal_ca.as_deref() }
    }
}

/// Why nothing was begun.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// A mistake in a file.
    #[error("{0}")]
    File(#[from] Diagnostic),
    /// Map and record do not fit.
    #[error("error: {0}\n  = help: correct the selector map, or the record's `details`")]
    Plan(#[from] PlanError),
    /// The base URL is none of the map's.
    #[error(
        "error: base URL {0} is outside the selector map's origins\n  = help: add it to `origins` of the map if the map fits that portal"
    )]
    Origin(url::Url),
    /// A private folder cannot be made.
    #[error(
        "error: cannot make a private folder for the run: {0}\n  = help: set TMPDIR to a folder with room for the attachments"
    )]
    Folder(std::io::Error),
}

/// A folder for what must exist unmasked for a while: 0700, gone when the value is dropped.
pub fn private_folder() -> std::io::Result<tempfile::TempDir> {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    tempfile::Builder::new().prefix("portal-agent-").permissions(mode).tempdir()
}

/// Whether `base` is one of the origins that the map declares.
pub fn check_origin(map: &SelectorMap, base: &url::Url) -> Result<(), InputError> {
    let declared = std::iter::once(&map.file.base_url).chain(&map.file.origins);
    let inside =
        declared.into_iter().any(|known| Origin::of(known.get_ref()).is_some_and(|o| Origin::of(base) == Some(o)));
    if inside { Ok(()) } else { Err(InputError::Origin(base.clone())) }
}

/// Fields whose values the map lets be seen: those that say so everywhere they are declared.
pub fn permissions(map: &SelectorMap) -> Permissions {
    let file = &map.file;
    let forms = file.tabs.iter().flat_map(|tab| &tab.fields);
    let pages = [&file.review, &file.recheck, &file.confirmation.submitted];
    let declared: Vec<&Field> = forms.chain(pages.into_iter().flat_map(|page| &page.fields)).collect();
    let shown = |field: &&&Field| {
        declared.iter().filter(|other| other.id.get_ref() == field.id.get_ref()).all(|other| other.show)
    };
    Permissions {
        fields: declared.iter().filter(shown).map(|field| field.id.get_ref().clone()).collect(),
        wording: file.show.wording,
        messages: file.show.messages,
    }
}

/// Shortest hidden value that is searched for in every document: shorter ones occur by chance.
const SHORTEST_CANARY: usize = 12;

/// Texts that no document may hold: the password, and hidden values long enough not to occur by chance.
///
/// A text that also occurs where nothing is hidden (an account, an identifier, a path) is no canary: every document would
/// hold it.
fn canaries(
    plan: &FormPlan,
    permissions: &Permissions,
    credentials: &Credentials,
    public: &str,
) -> Vec<Private<String>> {
    let fields = || plan.tabs.iter().flat_map(|tab| &tab.fields);
    let shown: Vec<String> = fields()
        .filter(|field| permissions.fields.contains(&field.id))
        .map(|field| field.value.expose().as_text())
        .collect();
    let hidden = fields().filter(|field| !permissions.fields.contains(&field.id)).filter_map(|field| {
        let FormValue::Text(text) = field.value.expose() else { return None };
        let long = text.chars().count() >= SHORTEST_CANARY;
        (long && !shown.iter().any(|shown| shown.contains(text))).then(|| text.clone())
    });
    let password = credentials.password.expose_secret().to_owned();
    hidden.chain([password]).filter(|text| !public.contains(text.as_str())).map(Private::new).collect()
}

/// Everything that the documents of a run state openly.
fn public_texts(order: &Order, record: &crate::sources::record_file::ReadRecord) -> String {
    let record = &record.record;
    let open = serde_json::json!([record.manifest, record.approvals, record.ownership, record.exception.attachments]);
    format!(
        "{open} {} {} {} {} {}",
        record.exception.change_id,
        order.operator,
        order.credentials.user,
        order.base,
        order.evidence.display()
    )
}

fn new_run(now: crate::model::time::Instant) -> RunId {
    let stamp = now.timestamp().strftime("%Y%m%dT%H%M%SZ");
    let text = format!("{stamp}-{:06x}", rand::random::<u32>() & 0x00ff_ffff);
    // Digits, letters and a dash: always an identifier.
    RunId::parse(&text).unwrap_or_else(|_| unreachable!("{text} is a run id"))
}

fn stopped(outcome: Outcome, halt: Vec<HaltReason>, environment: Option<String>, stood_on: &str) -> Ending {
    Ending {
        outcome,
        halt,
        environment,
        draft: None,
        draft_state: None,
        number: None,
        account: None,
        stood_on: stood_on.to_owned(),
        released: 0,
        recheck_to_commit_ms: None,
    }
}

/// Does what `order` asks for, to the end.
///
/// # Errors
///
/// [`InputError`]: nothing was begun and nothing was touched.
pub async fn submit<S: Sources, C: Clock, W: Watcher>(
    order: &Order,
    sources: &S,
    clock: &C,
    interrupt: Interrupt,
    watcher: &W,
) -> Result<Masked<RunDocument>, InputError> {
    let begun = Monotonic::now();
    let started_at = clock.now();
    check_origin(&order.map, &order.base)?;
    let record = sources.record()?;
    let calendar = sources.calendar()?;
    let private = private_folder().map_err(InputError::Folder)?;
    let found = examine(&order.record, &record, Some(&private.path().join("uploads")))?;
    let file_states = states(&found);
    let planned = plan(&order.map, &record.record);
    let permissions = permissions(&order.map);
    let empty = FormPlan::default();
    let public = public_texts(order, &record);
    let hidden = canaries(planned.as_ref().unwrap_or(&empty), &permissions, &order.credentials, &public);
    let gate = Arc::new(MaskGate::new(permissions, rand::random(), hidden));
    let files = planned.as_ref().map_or_else(|_| Vec::new(), |plan| local_files(plan, &found));
    let facts = RunFacts {
        record: &record,
        map: &order.map,
        plan: planned.as_ref().unwrap_or(&empty),
        portal: &order.base,
        operator: &order.operator,
        account: &order.credentials.user,
        policy: &order.policy,
        file_states: &file_states,
        files: &files,
        draft_only: order.draft_only,
    };
    watcher.step(Stage::Packet, "judging the record");
    let verdict = judge_packet(Stage::Packet, &facts, &record, &calendar, started_at);
    // What the rules say comes first: a record without a rollback plan is judged, not called unreadable.
    if let (Verdict::Proceed(()), Err(error)) = (&verdict, planned.as_ref()) {
        return Err(error.clone().into());
    }
    let run = new_run(started_at);
    let mut work = Work { order, run: &run, facts: &facts, gate: &gate, started_at, private: private.path() };
    let done = work.carry_out(verdict, sources, clock, interrupt, watcher).await;
    let finished_at = clock.now();
    let mut cost = done.cost;
    cost.wall_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let refused = done.control.as_ref().map(Control::refused).unwrap_or_default();
    let closing = Closing {
        run: &run,
        facts: &facts,
        versions: versions(order, &record),
        cost,
        started_at,
        finished_at,
        blocked: done.control.as_ref().map_or(0, |control| control.interlock().refused()),
        refused,
    };
    let outcome = done.ending.outcome;
    let document = finish(&closing, done.ending, done.books, &gate);
    if let Some(claim) = done.claim {
        free_unless_kept(claim, outcome);
    }
    Ok(document)
}

/// The claim is kept while a person or a later run still has to do something with this change.
fn free_unless_kept(claim: Claim, outcome: Outcome) {
    match outcome {
        Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::HaltedAbandoned | Outcome::Environment => {
            if let Err(error) = claim.free() {
                tracing::warn!(%error, "the claim could not be freed");
            }
        }
        Outcome::DraftSaved | Outcome::HaltedDraft | Outcome::InDoubt => {}
    }
}

/// Digests of attachments as found.
pub fn states(found: &[FoundFile]) -> Vec<FileState> {
    found.iter().map(|file| FileState { role: file.role.clone(), sha256: file.sha256, size: file.size }).collect()
}

fn local_files(plan: &FormPlan, found: &[FoundFile]) -> Vec<LocalFile> {
    plan.files()
        .filter_map(|planned| {
            let file = found.iter().find(|file| file.role == planned.role)?;
            Some(LocalFile { planned: planned.clone(), path: file.copy.clone()? })
        })
        .collect()
}

fn versions(order: &Order, record: &crate::sources::record_file::ReadRecord) -> Versions {
    let policy = format!("{:?} {}", order.policy.required_roles, order.policy.max_age_s);
    Versions {
        agent: env!("CARGO_PKG_VERSION"),
        browser: Some(order.browser.kind),
        map: order.map.digest,
        map_name: order.map.file.name.clone(),
        policy: Digest::of(policy.as_bytes()),
        packet: record.packet,
        record: record.file,
        portal: order.base.origin().ascii_serialization(),
    }
}

struct Work<'a> {
    order: &'a Order,
    run: &'a RunId,
    facts: &'a RunFacts<'a>,
    gate: &'a Arc<MaskGate>,
    started_at: crate::model::time::Instant,
    private: &'a Path,
}

struct Done<'a> {
    ending: Ending,
    books: Option<Books<'a>>,
    claim: Option<Claim>,
    control: Option<Control>,
    cost: Cost,
}

impl<'a> Work<'a> {
    fn over(&self, ending: Ending, books: Option<Books<'a>>, claim: Option<Claim>) -> Done<'a> {
        Done { ending, books, claim, control: None, cost: Cost::default() }
    }

    async fn carry_out<S: Sources, C: Clock, W: Watcher>(
        &mut self,
        verdict: Verdict,
        sources: &S,
        clock: &C,
        interrupt: Interrupt,
        watcher: &W,
    ) -> Done<'a> {
        let change = &self.facts.record.record.exception.change_id;
        let abandoned = |halt| stopped(Outcome::HaltedAbandoned, halt, None, "packet: before the browser");
        let folder = match EvidenceFolder::create(&self.order.evidence, change, self.run) {
            Ok(folder) => folder,
            Err(error) => return self.over(abandoned(vec![unwritable(Stage::Packet, &error)]), None, None),
        };
        let mut books = Books::new(folder, self.gate);
        books.readings.push(reading(Stage::Packet, self.facts.record, self.started_at));
        let opened = Event::Opened { run: self.run.clone(), change: change.clone(), packet: self.facts.record.packet };
        if let Err(reasons) = books.event(self.started_at, Stage::Packet, &opened) {
            return self.over(abandoned(reasons.iter().cloned().collect()), Some(books), None);
        }
        if let Verdict::Halt(reasons) = verdict {
            let codes = reasons.iter().map(|reason| reason.code).collect();
            let _ = books.event(self.started_at, Stage::Packet, &Event::Halted { stage: Stage::Packet, codes });
            return self.over(abandoned(reasons.iter().cloned().collect()), Some(books), None);
        }
        let holder = Holder { run_id: self.run.clone(), pid: std::process::id(), since: self.started_at };
        let host = self.order.base.origin().ascii_serialization();
        let claim = match claim(&self.order.evidence, &host, change, &holder) {
            Ok(Claimed::Ours(claim)) => claim,
            Ok(Claimed::Held(by)) => {
                return self.over(abandoned(vec![claimed_by_another_run(change, &by)]), Some(books), None);
            }
            Err(source) => {
                let path = self.order.evidence.join(".claims");
                let error = crate::evidence::store::EvidenceError::Write { path, source };
                return self.over(abandoned(vec![unwritable(Stage::Packet, &error)]), Some(books), None);
            }
        };
        for event in [Event::Claimed, Event::PacketJudged] {
            if let Err(reasons) = books.event(clock.now(), Stage::Packet, &event) {
                return self.over(abandoned(reasons.iter().cloned().collect()), Some(books), Some(claim));
            }
        }
        watcher.step(Stage::Survey, "starting the browser");
        let target = self.order.target();
        let started = tokio::select! {
            started = target.start(self.private) => started,
            () = interrupt.pressed() => Err("interrupted while the browser was starting".to_owned()),
        };
        let Session { gateway, wire, driver } = match started {
            Ok(started) => started,
            Err(what) => {
                let ending = stopped(Outcome::Environment, Vec::new(), Some(what), "starting the browser");
                return self.over(ending, Some(books), Some(claim));
            }
        };
        let group = driver.as_ref().and_then(Driver::group);
        let noted = books.event(clock.now(), Stage::Survey, &Event::BrowserStarted { group });
        let ending = match noted {
            Err(reasons) => abandoned(reasons.iter().cloned().collect()),
            Ok(()) => {
                let config = WebPortalConfig {
                    map: Arc::clone(&self.order.map),
                    base: self.order.base.clone(),
                    control: gateway.control().clone(),
                    gate: Arc::clone(self.gate),
                    browser: self.order.browser.kind,
                    credentials: self.order.credentials.clone(),
                    service: self.facts.record.record.exception.service.id.as_str().to_owned(),
                    change: change.to_string(),
                };
                let portal = WebPortal::new(Arc::clone(&wire), config);
                let control = gateway.control().clone();
                Flow::new(portal, control, sources, clock, self.facts, &mut books, interrupt, watcher).drive().await
            }
        };
        let cost = Cost {
            webdriver_round_trips: wire.trips(),
            browser_ms: u64::try_from(wire.busy().as_millis()).unwrap_or(u64::MAX),
            wall_ms: 0,
            requests_passed: gateway.control().passed(),
        };
        let control = gateway.control().clone();
        // The browser goes first: a page must not live on without its gateway.
        drop(driver);
        drop(gateway);
        Done { ending, books: Some(books), claim: Some(claim), control: Some(control), cost }
    }
}
