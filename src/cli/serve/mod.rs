//! `serve`: the runs that wait for somebody as a page of this computer alone. It reads, and writes nothing.

mod page;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse as _, Response};
use axum::routing::get;
use serde::Serialize;
use tokio::net::TcpListener;

use self::page::{Recent, note_page, policy, queue_page};
use super::args::{Output, Serve};
use super::exit::Exit;
use super::run::settings;
use super::settings::Settings;
use super::takeover::{Shown, note};
use super::terminal::{invalid_input, print_json, print_line, warn_line};
use crate::evidence::check::{Depth, flaws};
use crate::evidence::shared::SharedStore;
use crate::model::digest::Digest;
use crate::model::ids::{ChangeId, RunId};
use crate::report::REPORT;
use crate::run::clock::{Clock as _, SystemClock};
use crate::run::interrupt::Interrupt;
use crate::run::takeover::held_runs;

/// How many of the latest runs are listed.
const LATEST: usize = 20;

#[derive(Serialize)]
struct ServeDocument<'a> {
    schema: &'static str,
    /// Whoever has this address sees the page.
    address: &'a str,
}

/// What the pages are made from.
struct Desk {
    settings: Settings,
    shared: SharedStore,
    /// What an address has to begin with.
    token: String,
    port: u16,
}

/// Carries out `serve`.
pub(super) async fn run(args: &Serve, output: Output) -> Exit {
    let settings = match settings(&args.common) {
        Ok(settings) => settings,
        Err(error) => return invalid_input(output, &error),
    };
    let shared = match settings.shared_store() {
        Ok(shared) => shared,
        Err(error) => return invalid_input(output, &error),
    };
    let Ok(interrupt) = Interrupt::by_signals() else { return Exit::Environment };
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await;
    let (listener, port) = match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
        Ok((address, listener)) => (listener, address.port()),
        Err(error) => {
            warn_line(&format!("error: cannot listen on 127.0.0.1:{}: {error}", args.port));
            return Exit::Environment;
        }
    };
    let token = format!("{:032x}", rand::random::<u128>());
    let address = format!("http://{}/{token}/", SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let told = match output {
        Output::Json => print_json(&ServeDocument { schema: "portal-agent/serve/1", address: &address }),
        Output::Text => print_line(&format!("{address}\nThe page is for whoever has this address. Ctrl-C ends it.")),
    };
    if told != Exit::Yes {
        return told;
    }
    let router = router(Arc::new(Desk { settings, shared, token, port }));
    let served = axum::serve(listener, router).with_graceful_shutdown(async move { interrupt.pressed().await });
    match served.await {
        Ok(()) => Exit::Yes,
        Err(error) => {
            warn_line(&format!("error: the page cannot be served any more: {error}"));
            Exit::Environment
        }
    }
}

fn router(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/{token}/", get(queue))
        .route("/{token}/runs/{change}/{run}", get(one_note))
        .route("/{token}/runs/{change}/{run}/report", get(one_report))
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(from_fn_with_state(Arc::clone(&desk), guarded))
        .with_state(desk)
}

/// Answers nobody who has not the token, nobody who was led here under another name, and nothing but readings.
async fn guarded(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let own = ["127.0.0.1", "localhost"].iter().any(|name| host == format!("{name}:{}", desk.port));
    let given = request.uri().path().split('/').nth(1).unwrap_or_default();
    // Compared by digest, so that how long it takes tells nothing of the token.
    let knows = Digest::of(given.as_bytes()) == Digest::of(desk.token.as_bytes());
    let reads = [Method::GET, Method::HEAD].contains(request.method());
    let mut response =
        if own && knows && reads { next.run(request).await } else { StatusCode::NOT_FOUND.into_response() };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&policy()) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

async fn queue(State(desk): State<Arc<Desk>>) -> Response {
    let now = SystemClock::default().now();
    let held = match held_runs(&desk.shared, &desk.settings.evidence, now).await {
        Ok(held) => held,
        Err(error) => return (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    };
    let recent = latest(&desk.settings.evidence);
    Html(queue_page(&held, &recent, &desk.settings.evidence, now)).into_response()
}

/// The latest runs of the evidence folder that ended, the last one first.
fn latest(evidence: &std::path::Path) -> Vec<Recent> {
    let folders = |path: &std::path::Path| -> Vec<PathBuf> {
        std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let mut runs: Vec<PathBuf> = folders(evidence).iter().flat_map(|change| folders(change)).collect();
    // Names of runs begin with the time.
    runs.sort_unstable_by(|one, other| other.file_name().cmp(&one.file_name()));
    runs.iter().filter_map(|folder| Recent::of(folder)).take(LATEST).collect()
}

/// A run by the names in an address; nothing else of the disk can be named.
fn named(change: &str, run: &str) -> Option<(ChangeId, RunId)> {
    Some((ChangeId::parse(change).ok()?, RunId::parse(run).ok()?))
}

type Named = Path<(String, String, String)>;

async fn one_note(State(desk): State<Arc<Desk>>, Path((_, change, run)): Named) -> Response {
    let Some((change, run)) = named(&change, &run) else { return StatusCode::NOT_FOUND.into_response() };
    match note(&desk.settings, &desk.shared, &run).await {
        Ok(Shown { note, flaws, altered, .. }) => {
            Html(note_page(&change, &run, &note, &flaws, altered)).into_response()
        }
        Err(error) => (StatusCode::NOT_FOUND, error.to_string()).into_response(),
    }
}

/// The report as its run wrote it, or none.
async fn one_report(State(desk): State<Arc<Desk>>, Path((_, change, run)): Named) -> Response {
    let Some((change, run)) = named(&change, &run) else { return StatusCode::NOT_FOUND.into_response() };
    let folder = desk.settings.evidence.join(change.as_str()).join(run.as_str());
    let read = tokio::task::spawn_blocking(move || {
        let found = flaws(&folder, Depth::Whole);
        if found.is_empty() {
            std::fs::read(folder.join(REPORT)).map_err(|error| error.to_string())
        } else {
            let told: Vec<String> = found.iter().map(ToString::to_string).collect();
            Err(format!(
                "This evidence is not as its run wrote it:\n{}\n`portal-agent report` writes the report anew.",
                told.join("\n")
            ))
        }
    });
    match read.await {
        Ok(Ok(bytes)) => ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], bytes).into_response(),
        Ok(Err(why)) => (StatusCode::CONFLICT, why).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
