//! The portal's requests.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Form, Multipart, Path, Query, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::{SignedDuration, ToSpan};
use sha2::{Digest as _, Sha256};

use super::faults::Fault;
use super::fields::{Kind, all};
use super::oracle::ReceivedFile;
use super::pages::{self, FormPage};
use super::state::{Entry, Moment, Session, State};
use super::{ACCOUNT, PASSWORD};

type Fields = Vec<(String, String)>;

pub fn router(state: State) -> Router {
    Router::new()
        .route("/", get(|| async { Redirect::to("/exceptions") }))
        .route("/assets/style.css", get(|| async { asset("text/css", pages::STYLE) }))
        .route("/assets/form.js", get(|| async { asset("text/javascript", pages::SCRIPT) }))
        .route("/login", get(|| async { Html(pages::login(false)) }).post(login))
        .route("/exceptions", get(list))
        .route("/exceptions/new", get(new_form))
        .route("/exceptions/{reference}/edit", get(edit_form))
        .route("/exceptions/{reference}/review", get(review))
        .route("/exceptions/{reference}/submit", post(submit))
        .route("/exceptions/{number}/confirmation", get(confirmation))
        .route("/exceptions/{number}", get(submitted))
        .route("/api/exceptions", post(create))
        .route("/api/exceptions/{reference}", post(update))
        .route("/api/uploads", post(upload))
        .route("/api/autosave", post(autosave))
        .route("/api/incidents/{incident}", get(incident))
        .layer(DefaultBodyLimit::max(64 << 20))
        .layer(middleware::from_fn_with_state(state.clone(), shell))
        .layer(middleware::from_fn_with_state(state.clone(), pace))
        .with_state(state)
}

/// The same for everyone.
fn asset(kind: &'static str, text: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=3600")], text).into_response()
}

/// Slow and hanging answers.
async fn pace(Shared(state): Shared<State>, request: Request, next: Next) -> Response {
    if state.has(Fault::Slow) {
        delay(Duration::from_millis(120)).await;
    }
    if state.has(Fault::PagesHang) && request.uri().path().starts_with("/exceptions/") {
        std::future::pending::<()>().await;
    }
    next.run(request).await
}

/// A page that is opened by itself is shown in a shell's frame.
async fn shell(Shared(state): Shared<State>, request: Request, next: Next) -> Response {
    let opened = request.headers().get("sec-fetch-dest").is_some_and(|destination| destination == "document");
    match request.uri().path_and_query() {
        Some(page) if opened && state.has(Fault::Framed) => Html(pages::shell(page.as_str())).into_response(),
        Some(_) | None => next.run(request).await,
    }
}

/// A portal that takes its time is what is simulated here; nothing waits for this but the request itself.
async fn delay(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}

fn session(state: &State, headers: &HeaderMap) -> Option<Session> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let id = cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("sid="))?;
    let mut inner = state.lock();
    if inner.faults.has(Fault::SessionEnds) {
        // The session ends once; signing in again works.
        inner.faults.remove(Fault::SessionEnds);
        inner.sessions.clear();
    }
    inner.sessions.get(id).cloned()
}

/// Ends every session, once, if this is wrong with the portal.
fn ends(state: &State, fault: Fault) -> bool {
    let mut inner = state.lock();
    let ends = inner.faults.has(fault);
    if ends {
        inner.faults.remove(fault);
        inner.sessions.clear();
    }
    ends
}

fn to_login() -> Response {
    Redirect::to("/login").into_response()
}

async fn login(Shared(state): Shared<State>, Form(fields): Form<BTreeMap<String, String>>) -> Response {
    let given = |name: &str| fields.get(name).map(String::as_str);
    if given("user") != Some(ACCOUNT) || given("password") != Some(PASSWORD) {
        return (StatusCode::UNAUTHORIZED, Html(pages::login(true))).into_response();
    }
    let mut inner = state.lock();
    let id = format!("s{:06}", inner.next());
    let csrf = crate::model::digest::Digest::of(id.as_bytes()).hex();
    inner.sessions.insert(id.clone(), Session { account: ACCOUNT.to_owned(), csrf });
    inner.counters.sign_ins += 1;
    let cookie = format!("sid={id}; HttpOnly; SameSite=Lax; Path=/");
    ([(header::SET_COOKIE, cookie)], Redirect::to("/exceptions")).into_response()
}

async fn list(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let Some(session) = session(&state, &headers) else { return to_login() };
    if state.lock().counters.commit_requests > 0 {
        state.moment(Moment::LookUp).await;
    }
    let inner = state.lock();
    let rows = inner.order.iter().filter_map(|reference| Some((reference, inner.entries.get(reference)?)));
    let wanted = rows.filter(|(_, entry)| {
        query.iter().all(|(name, value)| entry.values.get(name).is_some_and(|stored| stored == value))
    });
    Html(pages::list(&session.account, wanted)).into_response()
}

async fn new_form(Shared(state): Shared<State>, headers: HeaderMap) -> Response {
    ends(&state, Fault::SessionEndsOnForm);
    let Some(session) = session(&state, &headers) else { return to_login() };
    render(&state, &session, None)
}

async fn edit_form(Shared(state): Shared<State>, headers: HeaderMap, Path(reference): Path<String>) -> Response {
    let Some(session) = session(&state, &headers) else { return to_login() };
    render(&state, &session, Some(&reference))
}

fn render(state: &State, session: &Session, reference: Option<&str>) -> Response {
    let inner = state.lock();
    let entry = reference.and_then(|reference| inner.entries.get(reference)).filter(|entry| entry.state == "Draft");
    if reference.is_some() && entry.is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let world = world(&inner);
    let (account, csrf) = (session.account.as_str(), session.csrf.as_str());
    Html(pages::form(&FormPage { account, csrf, reference, entry, world: &world, faults: &inner.faults }))
        .into_response()
}

/// What read-only fields show, faults applied.
fn world(inner: &super::state::Inner) -> super::state::World {
    let mut world = inner.world.clone();
    if inner.faults.has(Fault::FreezeWindowChanged) {
        world.insert("blackout_end", "2031-12-31 00:00 EST".into());
    }
    if inner.faults.has(Fault::ApproverRevoked) {
        world.insert("state_authority", "Revoked".into());
    }
    if inner.faults.has(Fault::OwnerDifferent) {
        world.insert("owner", "someone.else".into());
    }
    if inner.faults.has(Fault::ApproverDifferent) {
        world.insert("approver_incident", "someone.else".into());
    }
    world
}

async fn create(Shared(state): Shared<State>, headers: HeaderMap, Form(fields): Form<Fields>) -> Response {
    save_between(&state, &headers, None, fields).await
}

async fn update(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    Path(reference): Path<String>,
    Form(fields): Form<Fields>,
) -> Response {
    save_between(&state, &headers, Some(reference), fields).await
}

async fn save_between(state: &State, headers: &HeaderMap, reference: Option<String>, fields: Fields) -> Response {
    state.moment(Moment::SaveBefore).await;
    let answer = save(state, headers, reference, fields);
    state.moment(Moment::SaveAfter).await;
    answer
}

fn csrf_matches(session: &Session, headers: &HeaderMap) -> bool {
    headers.get("x-csrf").is_some_and(|given| given.as_bytes() == session.csrf.as_bytes())
}

fn save(state: &State, headers: &HeaderMap, reference: Option<String>, fields: Fields) -> Response {
    let Some(session) = session(state, headers) else { return to_login() };
    if !csrf_matches(&session, headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let mut guard = state.lock();
    let inner = &mut *guard;
    inner.counters.save_requests += 1;
    if inner.faults.has(Fault::SessionEndsOnSave) || inner.faults.has(Fault::SessionNeverHolds) {
        inner.faults.remove(Fault::SessionEndsOnSave);
        inner.sessions.clear();
        return to_login();
    }
    if inner.faults.has(Fault::SaveFails) {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let mut values: BTreeMap<String, String> = BTreeMap::new();
    let mut files = reference
        .as_ref()
        .and_then(|known| inner.entries.get(known))
        .map(|entry| entry.files.clone())
        .unwrap_or_default();
    for (name, value) in fields {
        match all().find(|field| field.name == name).map(|field| field.kind) {
            Some(Kind::File) => {
                if let Some(file) = inner.uploads.get(&value) {
                    files.insert(name, file.clone());
                }
            }
            Some(Kind::MultiSelect(_)) => {
                let joined = values.entry(name).or_default();
                *joined = if joined.is_empty() { value } else { format!("{joined}\n{value}") };
            }
            Some(_) => {
                // Forms send line breaks as CR LF; they are kept as LF, as browsers show them.
                values.insert(name, value.replace("\r\n", "\n"));
            }
            None => {}
        }
    }
    let complaints = validate(&values);
    if !complaints.is_empty() {
        return (StatusCode::UNPROCESSABLE_ENTITY, Json(complaints)).into_response();
    }
    if inner.faults.has(Fault::TruncatedOnSave)
        && let Some(text) = values.get_mut("impact")
    {
        *text = text.chars().take(40).collect();
    }
    if inner.faults.has(Fault::WindowShiftedOnSave)
        && let Some(text) = values.get_mut("window_start")
        && let Ok(time) = text.parse::<DateTime>()
    {
        *text = (time + 1.hours()).strftime("%Y-%m-%dT%H:%M").to_string();
    }
    let reference = reference.unwrap_or_else(|| format!("DRF-{:06}", inner.next()));
    inner.insert(&reference, Entry { values, files, state: "Draft", created_at: Timestamp::now() });
    inner.faults.draft_was_saved();
    Json(serde_json::json!({ "reference": reference })).into_response()
}

fn validate(values: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut complaints = BTreeMap::new();
    let (start, end) = (values.get("window_start"), values.get("window_end"));
    if let (Some(start), Some(end)) = (start, end)
        && !start.is_empty()
        && end <= start
    {
        complaints.insert("window_end".to_owned(), "The window must end after it starts.".to_owned());
    }
    complaints
}

async fn upload(Shared(state): Shared<State>, headers: HeaderMap, mut parts: Multipart) -> Response {
    if ends(&state, Fault::SessionEndsOnUpload) {
        return to_login();
    }
    let Some(session) = session(&state, &headers) else { return to_login() };
    if !csrf_matches(&session, &headers) {
        return StatusCode::FORBIDDEN.into_response();
    }
    state.moment(Moment::Upload).await;
    let Ok(Some(mut part)) = parts.next_field().await else { return StatusCode::BAD_REQUEST.into_response() };
    let mut name = part.file_name().unwrap_or("unnamed").to_owned();
    let mut hasher = Sha256::new();
    let mut size = 0_u64;
    loop {
        match part.chunk().await {
            Ok(Some(piece)) => {
                hasher.update(&piece);
                size += piece.len() as u64;
            }
            Ok(None) => break,
            Err(_) => return StatusCode::BAD_REQUEST.into_response(),
        }
    }
    let mut inner = state.lock();
    if inner.faults.has(Fault::UploadAltered) {
        hasher.update(b"scanned");
        size += 7;
    }
    if inner.faults.has(Fault::UploadRenamed) {
        name = format!("upload-{name}");
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = format!("U{:06}", inner.next());
    let file = ReceivedFile { name, size, sha256 };
    inner.counters.uploads += 1;
    let answer = Json(serde_json::json!({ "id": id, "name": file.name, "size": file.size, "sha256": file.sha256 }));
    inner.uploads.insert(id, file);
    answer.into_response()
}

async fn autosave(Shared(state): Shared<State>) -> Response {
    state.lock().counters.autosaves += 1;
    StatusCode::NO_CONTENT.into_response()
}

async fn incident(Shared(state): Shared<State>) -> Response {
    if ends(&state, Fault::SessionEndsOnLookUp) {
        return to_login();
    }
    if state.has(Fault::LateValidation) {
        delay(Duration::from_millis(400)).await;
        return Json(serde_json::json!({ "known": false })).into_response();
    }
    if state.has(Fault::Talkative) {
        let reporter = "Jane Quimby-Doe";
        let cookie = (header::SET_COOKIE, "trace=tok-7c1fb2e9d4; Path=/");
        return ([cookie], Json(serde_json::json!({ "known": true, "reporter": reporter }))).into_response();
    }
    Json(serde_json::json!({ "known": true })).into_response()
}

async fn review(Shared(state): Shared<State>, headers: HeaderMap, Path(reference): Path<String>) -> Response {
    let Some(session) = session(&state, &headers) else { return to_login() };
    let inner = state.lock();
    let Some(entry) = inner.entries.get(&reference) else { return StatusCode::NOT_FOUND.into_response() };
    let world = world(&inner);
    let (account, csrf) = (session.account.as_str(), session.csrf.as_str());
    let form = FormPage {
        account,
        csrf,
        reference: Some(&reference),
        entry: Some(entry),
        world: &world,
        faults: &inner.faults,
    };
    Html(pages::review(&form, &reference, entry)).into_response()
}

async fn submit(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    Path(reference): Path<String>,
    Form(fields): Form<BTreeMap<String, String>>,
) -> Response {
    state.lock().counters.commit_requests += 1;
    state.moment(Moment::CommitBefore).await;
    let Some(session) = session(&state, &headers) else { return to_login() };
    if fields.get("csrf") != Some(&session.csrf) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let number = {
        let mut guard = state.lock();
        let inner = &mut *guard;
        if inner.faults.has(Fault::CommitNeedsLogin) {
            inner.sessions.clear();
            return to_login();
        }
        if inner.faults.has(Fault::CommitFailsBefore) {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        let stored = !inner.faults.has(Fault::CommitHangs);
        stored.then(|| store(inner, &reference)).flatten()
    };
    state.moment(Moment::CommitAfter).await;
    if state.has(Fault::CommitHangs) || state.has(Fault::CommitHangsAfter) {
        std::future::pending::<()>().await;
    }
    let Some(number) = number else { return StatusCode::CONFLICT.into_response() };
    if state.has(Fault::CommitFailsAfter) {
        return (StatusCode::INTERNAL_SERVER_ERROR, "Internal error").into_response();
    }
    Redirect::to(&format!("/exceptions/{number}/confirmation")).into_response()
}

/// Submits the only draft, as a person would in a browser of their own.
pub fn submit_by_hand(state: &State) -> Option<String> {
    let mut inner = state.lock();
    let draft = inner.only_draft()?;
    store(&mut inner, &draft)
}

fn store(inner: &mut super::state::Inner, reference: &str) -> Option<String> {
    let mut entry = inner.entries.get(reference).filter(|entry| entry.state == "Draft")?.clone();
    inner.entries.remove(reference);
    inner.order.retain(|known| known != reference);
    entry.state = "Submitted";
    entry.created_at = Timestamp::now().checked_add(SignedDuration::ZERO).ok()?;
    if inner.faults.has(Fault::CommitStoredOtherwise) {
        entry.values.insert("environment".into(), "dr".into());
    }
    let malformed = inner.faults.has(Fault::NumberMalformed);
    let copies = if inner.faults.has(Fault::CommitDoubled) { 2 } else { 1 };
    let mut last = None;
    for _ in 0..copies {
        let serial = inner.next();
        let number = if malformed { format!("PENDING{serial}") } else { format!("FEX-2026-{serial:06}") };
        inner.insert(&number, entry.clone());
        last = Some(number);
    }
    last
}

async fn confirmation(Shared(state): Shared<State>, headers: HeaderMap, Path(number): Path<String>) -> Response {
    let Some(session) = session(&state, &headers) else { return to_login() };
    let inner = state.lock();
    let shown = if inner.faults.has(Fault::NumberMissing) {
        None
    } else if inner.faults.has(Fault::NumberForeign) {
        Some("FEX-2026-999999")
    } else {
        Some(number.as_str())
    };
    Html(pages::confirmation(&session.account, shown)).into_response()
}

async fn submitted(Shared(state): Shared<State>, headers: HeaderMap, Path(number): Path<String>) -> Response {
    let Some(session) = session(&state, &headers) else { return to_login() };
    let inner = state.lock();
    match inner.entries.get(&number) {
        Some(entry) if entry.state == "Submitted" => {
            Html(pages::submitted(&session.account, &number, entry)).into_response()
        }
        Some(_) | None => (StatusCode::NOT_FOUND, Body::from("no such exception")).into_response(),
    }
}
