//! A portal that tries to commit in every way a page can, and counts what reaches it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION};
use axum::http::{Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use portal_agent::gateway::policy::{GatewayPolicy, Origin};
use portal_agent::selectors::requests::RequestPattern;
use portal_agent::selectors::schema::Beacons;
use rcgen::{CertificateParams, KeyPair};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Ways in which a page can send the finalising request, each with the script or markup that does it. `COMMIT` stands for
/// the address of the commit, `OTHER` for the second origin, which is another site.
pub const WAYS: [(&str, &str); 25] = [
    (
        "form-post",
        "<form method=post action=COMMIT><input name=a value=1><button id=b>b</button></form><script>b.click()</script>",
    ),
    ("form-submit", "<form id=f method=post action=COMMIT></form><script>f.submit()</script>"),
    ("request-submit", "<form id=f method=post action=COMMIT></form><script>f.requestSubmit()</script>"),
    ("timer", "<form id=f method=post action=COMMIT></form><script>setTimeout(() => f.submit(), 30)</script>"),
    ("fetch", "<script>fetch('COMMIT', {method: 'POST', body: 'a=1'})</script>"),
    ("xhr", "<script>x = new XMLHttpRequest(); x.open('POST', 'COMMIT'); x.send('a=1')</script>"),
    (
        "xhr-sync",
        "<script>x = new XMLHttpRequest(); x.open('POST', 'COMMIT', false); try { x.send('a=1') } catch {}</script>",
    ),
    ("beacon", "<script>navigator.sendBeacon('COMMIT', 'a=1')</script>"),
    ("keepalive", "<script>fetch('COMMIT', {method: 'POST', keepalive: true}); location = '/idle'</script>"),
    (
        "pagehide-beacon",
        "<script>onpagehide = () => navigator.sendBeacon('COMMIT', 'a=1'); setTimeout(() => location = '/idle', 30)</script>",
    ),
    ("ping", "<a id=a href=/idle ping=COMMIT>a</a><script>a.click()</script>"),
    ("put", "<script>fetch('COMMIT', {method: 'PUT'})</script>"),
    (
        "streamed",
        "<script>fetch('COMMIT', {method: 'POST', duplex: 'half', body: new Blob(['a=1']).stream()}).catch(() => 0)</script>",
    ),
    ("new-tab", "<form id=f method=post action=COMMIT target=_blank></form><script>f.submit()</script>"),
    ("popup-fetch", "<script>w = open('/idle'); w.onload = () => w.fetch('COMMIT', {method: 'POST'})</script>"),
    (
        "iframe-form",
        "<iframe srcdoc='<form id=f method=post action=COMMIT></form><script>f.submit()</script>'></iframe>",
    ),
    ("frame-fetch", "<iframe id=i src=/idle onload=\"i.contentWindow.fetch('COMMIT', {method: 'POST'})\"></iframe>"),
    ("cross-site-frame", "<iframe src=OTHER/way/form-post></iframe>"),
    ("worker", "<script>new Worker('/worker.js')</script>"),
    ("shared-worker", "<script>new SharedWorker('/worker.js')</script>"),
    (
        "service-worker",
        "<script>navigator.serviceWorker.register('/service-own.js', {scope: '/own/'}).catch(() => 0)</script>",
    ),
    (
        "through-service-worker",
        "<script>navigator.serviceWorker.register('/service-pass.js', {scope: '/'}).then(() => navigator.serviceWorker.ready)\
         .then((r) => { const go = () => fetch('COMMIT', {method: 'POST'}); navigator.serviceWorker.controller ? go() :\
         navigator.serviceWorker.addEventListener('controllerchange', go) }).catch(() => 0)</script>",
    ),
    ("redirected-fetch", "<script>fetch('/redirect', {method: 'POST', body: 'a=1'})</script>"),
    ("redirected-form", "<form id=f method=post action=/redirect></form><script>f.submit()</script>"),
    ("cross-origin", "<script>fetch('OTHER/commit', {method: 'POST', mode: 'no-cors', body: 'a=1'})</script>"),
];

#[derive(Clone)]
struct Shared {
    commits: watch::Sender<u64>,
    other: Arc<std::sync::OnceLock<String>>,
}

/// Two origins that serve the same pages and count commits together.
pub struct Lab {
    pub base: url::Url,
    pub other: url::Url,
    pub certificates: Option<String>,
    commits: watch::Sender<u64>,
    _tasks: JoinSet<()>,
}

async fn way(Path(name): Path<String>, State(shared): State<Shared>) -> Html<String> {
    let (_, body) = WAYS.into_iter().find(|(known, _)| *known == name).unwrap();
    let other = shared.other.get().map_or("", |other| other.trim_end_matches('/'));
    Html(format!("<!doctype html><title>{name}</title>{}", body.replace("COMMIT", "/commit").replace("OTHER", other)))
}

/// Commits when it is told to, and keeps trying for as long as it lives.
async fn insistent() -> Html<&'static str> {
    Html(
        "<!doctype html><title>insistent</title><script>setInterval(() => fetch('/commit', {method: 'POST', body: 'a=1'}).catch(() => 0), 50)</script>",
    )
}

/// Downloads in every way that needs nobody's consent. The title says when all of them were begun.
const DOWNLOADS: &str = "<!doctype html><title>beginning</title><script>
const click = (href) => { const link = document.createElement('a'); link.href = href; link.download = 'planted-blob.txt'; \
document.body.append(link); link.click() };
onload = () => {
    click(URL.createObjectURL(new Blob(['planted'])));
    click('data:text/plain,planted');
    open('/attachment');
    const frame = document.createElement('iframe');
    frame.src = '/attachment';
    document.body.append(frame);
    location = '/attachment';
    setTimeout(() => document.title = 'begun', 300);
};
</script>";

async fn single() -> Html<&'static str> {
    Html(
        "<!doctype html><title>single</title><form id=f method=post action=/commit><input name=a value=1></form><script>f.submit()</script>",
    )
}

fn script(text: &'static str) -> Response {
    ([(CONTENT_TYPE, "text/javascript"), (axum::http::HeaderName::from_static("service-worker-allowed"), "/")], text)
        .into_response()
}

async fn commit(State(shared): State<Shared>, method: Method) -> &'static str {
    // Preflights change nothing and are not commits.
    if method != Method::OPTIONS {
        shared.commits.send_modify(|count| *count += 1);
    }
    "committed"
}

fn router(shared: Shared) -> Router {
    Router::new()
        .route("/idle", get(|| async { Html("<!doctype html><title>idle</title>") }))
        .route("/way/{name}", get(way))
        .route("/downloads", get(|| async { Html(DOWNLOADS) }))
        .route("/attachment", get(|| async {
            ([(CONTENT_DISPOSITION, "attachment; filename=planted-attachment.txt")], "planted").into_response()
        }))
        .route("/insistent", get(insistent))
        .route("/single", get(single))
        .route("/worker.js", get(|| async { script("fetch('/commit', {method: 'POST', body: 'a=1'})") }))
        .route("/service-own.js", get(|| async {
            script("oninstall = (e) => e.waitUntil(fetch('/commit', {method: 'POST'}).catch(() => 0))")
        }))
        .route("/service-pass.js", get(|| async {
            script("oninstall = () => skipWaiting(); onactivate = (e) => e.waitUntil(clients.claim()); onfetch = (e) => e.respondWith(fetch(e.request))")
        }))
        .route("/redirect", any(|| async { (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, "/commit")]) }))
        .route("/commit", any(commit))
        .with_state(shared)
}

impl Lab {
    pub async fn start(https: bool) -> Self {
        let shared = Shared { commits: watch::Sender::new(0), other: Arc::default() };
        let mut tasks = JoinSet::new();
        let mut certificates = String::new();
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for _ in 0..2 {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.push(listener.local_addr().unwrap());
            let tls = https.then(|| {
                let key = KeyPair::generate().unwrap();
                let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
                let certificate = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
                certificates.push_str(&certificate.pem());
                let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
                let config = ServerConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_no_client_auth()
                    .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::from(key))
                    .unwrap();
                TlsAcceptor::from(Arc::new(config))
            });
            let router = router(shared.clone());
            tasks.spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let (service, tls) = (TowerToHyperService::new(router.clone()), tls.clone());
                    tokio::spawn(async move {
                        let http = hyper::server::conn::http1::Builder::new();
                        match tls {
                            None => drop(http.serve_connection(TokioIo::new(stream), service).await),
                            Some(tls) => {
                                if let Ok(stream) = tls.accept(stream).await {
                                    drop(http.serve_connection(TokioIo::new(stream), service).await);
                                }
                            }
                        }
                    });
                }
            });
        }
        let scheme = if https { "https" } else { "http" };
        let base = format!("{scheme}://127.0.0.1:{}/", addresses[0].port()).parse().unwrap();
        let other: url::Url = format!("{scheme}://localhost:{}/", addresses[1].port()).parse().unwrap();
        shared.other.set(other.to_string()).unwrap();
        let certificates = https.then_some(certificates);
        Self { base, other, certificates, commits: shared.commits, _tasks: tasks }
    }

    pub fn commits(&self) -> u64 {
        *self.commits.borrow()
    }

    /// Whether a commit arrives within `time`: true is what must not happen.
    pub async fn a_commit_arrives_within(&self, time: Duration) -> bool {
        let mut commits = self.commits.subscribe();
        self.commits() > 0 || tokio::time::timeout(time, commits.changed()).await.is_ok()
    }

    /// Both origins, the commit at `/commit`, and `/redirect` declared, so that its redirection is followed.
    pub fn policy(&self) -> GatewayPolicy {
        let pattern = |id, path| RequestPattern::parse(id, "POST", path, &Default::default()).unwrap();
        GatewayPolicy {
            sign_in: "/login".into(),
            beacons: Beacons::Refuse,
            base: Origin::of(&self.base).unwrap(),
            origins: [&self.base, &self.other].into_iter().filter_map(Origin::of).collect(),
            requests: vec![pattern("redirect", "/redirect")],
            commit: pattern("commit", "/commit"),
        }
    }
}
