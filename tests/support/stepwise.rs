//! A portal of the old school, rendered by its server: a record is made by the first save, every part of it is a page of its own
//! with a form and a button, files are sent by a button, addresses carry an id that nobody calls it by, and what submits it
//! carries no values at all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, Multipart, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use portal_agent::reference_portal::{ACCOUNT, PASSWORD};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The map of this portal; its address stands for where it listens.
pub const MAP: &str = include_str!("stepwise.toml");

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Defect {
    Nothing,
    /// The part with the schedule stores the end an hour later.
    ShiftsSchedule,
    /// The session ends, once, when the schedule is saved.
    SessionEndsOnSchedule,
    /// The list shows one row less than it says that there are.
    ListsLess,
    /// The page that is submitted from changes the draft by itself some time after it was read.
    ChangesBehind,
}

/// Rows of a page of the list.
const ROWS: usize = 3;

/// Changes of other services that are there from the start.
const OTHERS: u32 = 7;

/// One record as it is stored.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pub values: BTreeMap<String, String>,
    /// Name, length and SHA-256.
    pub files: Vec<(String, usize, String)>,
    /// How often it was submitted.
    pub submitted: u32,
}

#[derive(Default)]
struct Store {
    records: BTreeMap<u32, Record>,
    sessions: u32,
    ended: bool,
}

#[derive(Clone)]
struct Shared {
    store: Arc<Mutex<Store>>,
    shown: Arc<BTreeMap<&'static str, String>>,
    wrong: Defect,
}

/// A running portal. Dropping it ends it.
pub struct Stepwise {
    pub address: SocketAddr,
    store: Arc<Mutex<Store>>,
    _tasks: JoinSet<()>,
}

type Fields = BTreeMap<String, String>;

/// A part of a record: its address, its title, and the fields with their labels and types.
type Part = (&'static str, &'static str, &'static [(&'static str, &'static str, &'static str)]);

const PARTS: [Part; 3] = [
    (
        "general",
        "General",
        &[
            ("service", "Service", "text"),
            ("environment", "Environment", "environment"),
            ("change", "Change", "text"),
            ("title", "Title", "text"),
        ],
    ),
    (
        "schedule",
        "Schedule",
        &[
            ("start", "Planned start", "datetime-local"),
            ("end", "Planned end", "datetime-local"),
            ("scope", "Scope", "textarea"),
        ],
    ),
    ("files", "Files", &[]),
];

impl Stepwise {
    pub async fn start(shown: BTreeMap<&'static str, String>, wrong: Defect) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let store: Arc<Mutex<Store>> = Arc::default();
        for id in 0..OTHERS {
            let values = [("service", format!("other-{id}")), ("change", format!("CHG000{id}"))];
            let values = values.map(|(name, value)| (name.to_owned(), value)).into();
            store.lock().unwrap().records.insert(id, Record { values, submitted: 1, ..Record::default() });
        }
        let shared = Shared { store: Arc::clone(&store), shown: Arc::new(shown), wrong };
        let router = Router::new()
            .route("/login", get(|| async { Html(sign_in()) }).post(login))
            .route("/changes", get(list).post(create))
            .route("/changes/new", get(blank))
            .route("/changes/{id}", get(show))
            .route("/changes/{id}/{part}", get(part).post(save))
            .route("/changes/{id}/files/new", post(upload))
            .route("/changes/{id}/submit", post(submit))
            .route("/changes/{id}/touch", post(touch))
            .with_state(shared);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, store, _tasks: tasks }
    }

    pub fn url(&self) -> url::Url {
        format!("http://{}/", self.address).parse().unwrap()
    }

    /// The records that were made since it started.
    pub fn records(&self) -> Vec<Record> {
        self.store.lock().unwrap().records.values().skip(OTHERS as usize).cloned().collect()
    }
}

fn page(body: &str) -> String {
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8><title>Changes</title><link rel=icon href='data:,'></head>\
         <body><p>Logged in as <a id=user>{ACCOUNT}</a></p>{body}</body></html>"
    )
}

fn sign_in() -> String {
    "<!doctype html><html lang=en><meta charset=utf-8><link rel=icon href='data:,'><form id=login method=post action=/login>\
     <label>Login <input name=user></label><label>Password <input name=password type=password></label>\
     <input type=submit value='Log in'></form></html>"
        .to_owned()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

async fn login(State(shared): State<Shared>, Form(given): Form<Fields>) -> Response {
    if given.get("user").map(String::as_str) != Some(ACCOUNT)
        || given.get("password").map(String::as_str) != Some(PASSWORD)
    {
        return (StatusCode::UNAUTHORIZED, Html(sign_in())).into_response();
    }
    let mut store = shared.store.lock().unwrap();
    store.sessions += 1;
    ([(header::SET_COOKIE, format!("session={}; Path=/; HttpOnly", store.sessions))], Redirect::to("/changes"))
        .into_response()
}

fn signed_in(shared: &Shared, headers: &HeaderMap) -> bool {
    let cookie = headers.get(header::COOKIE).and_then(|cookie| cookie.to_str().ok()).unwrap_or_default();
    cookie.contains(&format!("session={}", shared.store.lock().unwrap().sessions))
}

fn to_sign_in() -> Response {
    Redirect::to("/login").into_response()
}

fn control(name: &str, kind: &str, value: &str) -> String {
    let value = escape(value);
    match kind {
        "textarea" => format!("<textarea id=f-{name} name={name} rows=4 cols=60>\n{value}</textarea>"),
        "environment" => {
            ["", "production", "staging"].iter().fold(format!("<select id=f-{name} name={name}>"), |out, one| {
                let chosen = if *one == value { " selected" } else { "" };
                format!("{out}<option{chosen}>{one}</option>")
            }) + "</select>"
        }
        kind => format!("<input id=f-{name} name={name} type={kind} value=\"{value}\" size=60>"),
    }
}

/// The page of one part: of a record that is not saved yet there is but the first, and it has no links to the others.
fn form(shared: &Shared, id: Option<u32>, at: usize) -> String {
    let (part, title, fields) = PARTS[at];
    let record = id.and_then(|id| shared.store.lock().unwrap().records.get(&id).cloned()).unwrap_or_default();
    let mut body = String::new();
    if let Some(id) = id {
        for (path, title, _) in PARTS {
            let _ = write!(body, "<a class=part href=/changes/{id}/{path}>{title}</a> ");
        }
    }
    let action = id.map_or("/changes".to_owned(), |id| format!("/changes/{id}/{part}"));
    if part == "files" {
        let rows = record.files.iter().fold(String::new(), |out, (name, size, digest)| {
            format!(
                "{out}<tr><td><a title=\"{}\" href=#>file</a></td><td>{size} bytes</td><td>{digest}</td></tr>",
                escape(name)
            )
        });
        let _ = write!(
            body,
            "<h2>{title}</h2><table id=attached>{rows}</table><form method=post action={action}/new enctype=multipart/form-data>\
             <label>File <input type=file name=file></label><input type=submit value=Attach></form>"
        );
        return page(&body);
    }
    let mut rows = String::new();
    for (name, label, kind) in fields {
        let value = record.values.get(*name).map_or("", String::as_str);
        let _ = write!(
            rows,
            "<tr><td><label for=f-{name}>{label}:</label></td><td>{}</td></tr>",
            control(name, kind, value)
        );
    }
    if part == "schedule" {
        for (heading, name) in [("Blackout begins", "blackout_start"), ("Blackout ends", "blackout_end")] {
            let _ = write!(rows, "<tr><td>{heading}</td><td>at {} (portal time)</td></tr>", shared.shown[name]);
        }
    }
    let _ = write!(
        body,
        "<h2>{title}</h2><form class=edit method=post action={action}><table>{rows}</table>\
         <input type=submit value='Save {title}'></form>"
    );
    page(&body)
}

async fn blank(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    if signed_in(&shared, &headers) { Html(form(&shared, None, 0)).into_response() } else { to_sign_in() }
}

async fn part(State(shared): State<Shared>, headers: HeaderMap, Path((id, part)): Path<(u32, String)>) -> Response {
    if !signed_in(&shared, &headers) {
        return to_sign_in();
    }
    let at = PARTS.iter().position(|(name, ..)| *name == part);
    at.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |at| Html(form(&shared, Some(id), at)).into_response())
}

async fn create(State(shared): State<Shared>, headers: HeaderMap, Form(given): Form<Fields>) -> Response {
    if !signed_in(&shared, &headers) {
        return to_sign_in();
    }
    let mut store = shared.store.lock().unwrap();
    let id = 3_993 + u32::try_from(store.records.len()).unwrap();
    store.records.insert(id, Record { values: given, ..Record::default() });
    // What answers is not the form.
    Redirect::to(&format!("/changes/{id}")).into_response()
}

async fn save(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path((id, part)): Path<(u32, String)>,
    Form(given): Form<Fields>,
) -> Response {
    {
        let mut store = shared.store.lock().unwrap();
        if shared.wrong == Defect::SessionEndsOnSchedule && part == "schedule" && !store.ended {
            store.ended = true;
            store.sessions += 1;
        }
    }
    if !signed_in(&shared, &headers) {
        return to_sign_in();
    }
    let mut given = given;
    if let (Defect::ShiftsSchedule, Some(end)) = (shared.wrong, given.get_mut("end")) {
        let later = end.parse::<jiff::civil::DateTime>().unwrap() + jiff::Span::new().hours(1);
        *end = later.strftime("%Y-%m-%dT%H:%M").to_string();
    }
    let mut store = shared.store.lock().unwrap();
    let Some(record) = store.records.get_mut(&id) else { return StatusCode::NOT_FOUND.into_response() };
    record.values.extend(given);
    Redirect::to(&format!("/changes/{id}")).into_response()
}

async fn upload(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u32>,
    mut form: Multipart,
) -> Response {
    if !signed_in(&shared, &headers) {
        return to_sign_in();
    }
    while let Some(field) = form.next_field().await.unwrap() {
        let name = field.file_name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.unwrap();
        let digest = Sha256::digest(&bytes).iter().fold(String::new(), |out, byte| format!("{out}{byte:02x}"));
        let mut store = shared.store.lock().unwrap();
        store.records.get_mut(&id).unwrap().files.push((name, bytes.len(), digest));
    }
    Redirect::to(&format!("/changes/{id}/files")).into_response()
}

async fn show(State(shared): State<Shared>, headers: HeaderMap, Path(id): Path<u32>) -> Response {
    if !signed_in(&shared, &headers) {
        return to_sign_in();
    }
    let Some(record) = shared.store.lock().unwrap().records.get(&id).cloned() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut rows = String::new();
    for (name, label, _) in PARTS.iter().flat_map(|(_, _, fields)| *fields) {
        let value = record.values.get(*name).map_or("", String::as_str);
        let _ = write!(rows, "<dt>{label}:</dt><dd>{}</dd>", escape(value));
    }
    let authority = format!("{} by {}", shared.shown["state_authority"], shared.shown["approver_authority"]);
    let files = record.files.iter().fold(String::new(), |out, (name, size, digest)| {
        format!(
            "{out}<tr><td><a title=\"{}\" href=#>file</a></td><td>{size} bytes</td><td>{digest}</td></tr>",
            escape(name)
        )
    });
    let behind = if shared.wrong == Defect::ChangesBehind {
        format!(
            "<script>addEventListener('mousedown', () => fetch('/changes/{id}/touch', {{ method: 'POST' }}))</script>"
        )
    } else {
        String::new()
    };
    let state = if record.submitted > 0 { "<p class=flash>Submitted for implementation</p>" } else { "" };
    Html(page(&format!(
        "{state}<h2>CR-2026-{:04}</h2><dl class=record>{rows}<dt>Change authority</dt><dd>{authority}</dd></dl>\
         <table id=attached>{files}</table>\
         <form method=post action=/changes/{id}/submit><input type=hidden name=token value=t{id}><input type=submit value=Submit>\
         </form>{behind}",
        id * 7 % 9_973
    )))
    .into_response()
}

async fn submit(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<u32>,
    Form(_): Form<Fields>,
) -> Response {
    if !signed_in(&shared, &headers) {
        return to_sign_in();
    }
    shared.store.lock().unwrap().records.get_mut(&id).unwrap().submitted += 1;
    Redirect::to(&format!("/changes/{id}")).into_response()
}

async fn touch(State(shared): State<Shared>, Path(id): Path<u32>) -> StatusCode {
    let mut store = shared.store.lock().unwrap();
    store.records.get_mut(&id).unwrap().values.insert("scope".into(), "Everything.".into());
    StatusCode::NO_CONTENT
}

async fn list(State(shared): State<Shared>, headers: HeaderMap, Query(asked): Query<Fields>) -> Response {
    let page_number: usize = asked.get("page").and_then(|page| page.parse().ok()).unwrap_or_default();
    if !signed_in(&shared, &headers) {
        return to_sign_in();
    }
    let store = shared.store.lock().unwrap();
    let all = store.records.len();
    let first = page_number * ROWS;
    let rows = store.records.iter().skip(first).take(ROWS).fold(String::new(), |out, (id, record)| {
        let value = |name: &str| escape(record.values.get(name).map_or("", String::as_str));
        let state = if record.submitted > 0 { "Open" } else { "New" };
        format!(
            "{out}<tr><td><a href=/changes/{id}>CR-2026-{:04}</a></td><td>{}</td><td>{}</td><td>{state}</td></tr>",
            id * 7 % 9_973,
            value("change"),
            value("service")
        )
    });
    let next = if first + ROWS < all {
        format!("<a id=next href=/changes?page={}>Next</a>", page_number + 1)
    } else {
        String::new()
    };
    let told = if shared.wrong == Defect::ListsLess { all + 1 } else { all };
    let found = format!("<div id=found>{} to {} of {told} changes</div>", first + 1, all.min(first + ROWS));
    Html(page(&format!("<table id=changes><tbody>{rows}</tbody></table>{found}{next}"))).into_response()
}
