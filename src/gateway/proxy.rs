//! Carries out what [`super::interlock`] and [`super::policy`] decide, on 127.0.0.1, in tasks of this process.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant as Clock;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, AuthorityError};
use super::content::{self, ContentError, Kind};
use super::control::{Control, InFlight};
use super::doorway::{Doorway, Guard};
use super::head;
use super::hold::hold;
use super::intake::{BODY_LIMIT, COMMIT_LIMIT, Intake, NotTaken, TakenIn};
use super::policy::{ByBody, ByPath, GatewayPolicy, Origin};
use super::refuse::{empty, full, is_beacon, navigates, plain, refuse, refuse_parts};
use super::upstream::{Outgoing, Passing, Upstream, UpstreamError, whole};
use crate::model::digest::Digest;
use crate::model::portal_facts::{CommitContent, Refusal, Refused};
use crate::model::private::Private;
use crate::model::server_clock::ServerClock;
use crate::selectors::overrides::is_override;
use crate::selectors::schema::Beacons;

pub(super) type Answer = Response<Passing>;

/// Path below which the gateway itself answers, to prove that it is in the path.
pub(crate) const PROBE: &str = "/.portal-agent/probe/";

/// Why the gateway cannot run.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No port.
    #[error("cannot listen on 127.0.0.1")]
    Listen(#[source] std::io::Error),
    /// No certificate authority.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

/// A running gateway. Dropping it ends every connection, the held request included.
pub struct Gateway {
    address: SocketAddr,
    control: Control,
    _open: watch::Sender<()>,
    _listener: JoinSet<()>,
}

pub(super) struct Rules {
    policy: GatewayPolicy,
    pub(super) control: Control,
    pub(super) upstream: Arc<dyn Upstream>,
    authority: Authority,
    intake: Intake,
    judging: Mutex<()>,
    open: watch::Receiver<()>,
}

impl Rules {
    /// Whether the map names this host.
    pub(super) fn names_host(&self, host: &str) -> bool {
        self.policy.origins.iter().any(|known| known.host == host)
    }
}

impl Gateway {
    /// Listens at the doorway. What may pass goes to `upstream`.
    ///
    /// # Errors
    ///
    /// [`GatewayError`].
    pub fn start(policy: GatewayPolicy, upstream: Arc<dyn Upstream>, doorway: Doorway) -> Result<Self, GatewayError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let control = Control::default();
        let (sender, open) = watch::channel(());
        let rules = Arc::new(Rules {
            policy,
            control: control.clone(),
            upstream,
            authority: Authority::new(provider)?,
            intake: Intake::default(),
            judging: Mutex::new(()),
            open,
        });
        let (address, listener, guard) = doorway.open().map_err(GatewayError::Listen)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, guard, rules));
        Ok(Self { address, control, _open: sender, _listener: tasks })
    }

    /// Where the browser finds it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The agent's hand on it.
    pub fn control(&self) -> &Control {
        &self.control
    }
}

async fn accept(listener: TcpListener, guard: Guard, rules: Arc<Rules>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, peer)) = accepted && guard.lets_in(peer) {
                    connections.spawn(serve_plain(stream, Arc::clone(&rules)));
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve_plain(stream: TcpStream, rules: Arc<Rules>) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let rules = Arc::clone(&rules);
        async move {
            if request.method() == Method::CONNECT {
                Ok::<_, std::convert::Infallible>(connect(request, rules))
            } else {
                let origin = request.uri().to_string().parse().ok().and_then(|url| Origin::of(&url));
                Ok(answer(request, origin, &rules).await)
            }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    // A browser that closes a connection early is no event.
    let _ = connection.await;
}

/// `CONNECT host:port`: taken only towards an allowed origin, and only if TLS follows.
fn connect(request: Request<Incoming>, rules: Arc<Rules>) -> Answer {
    let origin = request.uri().authority().and_then(|authority| {
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        Some(Origin { scheme: "https".to_owned(), host, port: authority.port_u16()? })
    });
    let Some(origin) = origin.filter(|origin| rules.policy.origins.contains(origin)) else {
        return refuse(&rules, Refusal::ForeignOrigin, &request, None);
    };
    let mut open = rules.open.clone();
    tokio::spawn(async move {
        let tunnel = async {
            if let Ok(upgraded) = hyper::upgrade::on(request).await {
                serve_tunnel(upgraded, origin, rules).await;
            }
        };
        // The sender goes with the gateway, and with it every tunnel.
        tokio::select! { () = tunnel => {}, _ = open.changed() => {} }
    });
    Response::new(empty())
}

async fn serve_tunnel(upgraded: hyper::upgrade::Upgraded, origin: Origin, rules: Arc<Rules>) {
    let Ok(config) = rules.authority.server_config(&origin.host) else { return };
    // Whatever is not a TLS handshake fails here, and the tunnel closes without a byte to the portal.
    let Ok(stream) = TlsAcceptor::from(config).accept(TokioIo::new(upgraded)).await else {
        rules.control.refuse(Refused {
            why: Refusal::Tunnel,
            method: "CONNECT",
            origin: format!("{}:{}", origin.host, origin.port),
            path: String::new(),
        });
        return;
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let rules = Arc::clone(&rules);
        let origin = origin.clone();
        async move {
            if request.uri().authority().is_some() {
                return Ok::<_, std::convert::Infallible>(refuse(&rules, Refusal::Host, &request, Some(&origin)));
            }
            Ok(answer(request, Some(origin), &rules).await)
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service);
    let _ = connection.await;
}

async fn answer(request: Request<Incoming>, origin: Option<Origin>, rules: &Arc<Rules>) -> Answer {
    let Some(origin) = origin.filter(|origin| rules.policy.origins.contains(origin)) else {
        return refuse(rules, Refusal::ForeignOrigin, &request, None);
    };
    let (mut head, body) = request.into_parts();
    let carries = head::carries(&head.headers) || !body.is_end_stream();
    let by_path = rules.policy.by_path(head.method.as_str(), head.uri.path());
    if let Some(why) = head::fault(&head, &origin, by_path == ByPath::Safe, carries) {
        return refuse_parts(rules, why, &head, Some(&origin));
    }
    head::strip(&mut head.headers);
    head::unframe(&mut head.headers);
    if let Some(nonce) = head.uri.path().strip_prefix(PROBE) {
        return probed(nonce, rules);
    }
    if by_path != ByPath::Safe && origin != rules.policy.base {
        // Approved for one portal: the same address elsewhere is not that portal's.
        let why = match by_path {
            ByPath::PerhapsCommit => {
                rules.control.stray();
                Refusal::Undeclared
            }
            ByPath::Safe | ByPath::PerhapsDeclared | ByPath::Undeclared => undeclared(rules, &head.headers),
        };
        return refuse_parts(rules, why, &head, Some(&origin));
    }
    match by_path {
        ByPath::Safe => forward_read(head, &origin, rules).await,
        ByPath::PerhapsDeclared | ByPath::PerhapsCommit => judge(head, body, &origin, rules).await,
        ByPath::Undeclared => refuse_parts(rules, undeclared(rules, &head.headers), &head, Some(&origin)),
    }
}

/// Why a request is refused whose address the map does not declare.
fn undeclared(rules: &Rules, headers: &HeaderMap) -> Refusal {
    match rules.policy.beacons {
        Beacons::Refuse if is_beacon(headers) => Refusal::Beacon,
        Beacons::Refuse | Beacons::Halt => Refusal::Undeclared,
    }
}

fn probed(nonce: &str, rules: &Rules) -> Answer {
    rules.control.probe(nonce);
    let page = format!("<!doctype html><title>{nonce}</title>");
    let mut response = Response::new(full(page));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Takes in the whole body, then decides: the commit waits, a declared request passes, everything else is refused.
async fn judge(head: http::request::Parts, body: Incoming, origin: &Origin, rules: &Arc<Rules>) -> Answer {
    let refused_as = |why| refuse_parts(rules, why, &head, Some(origin));
    let (method, path) = (head.method.as_str(), head.uri.path());
    let limit = if rules.policy.commits_by_path(method, path) { COMMIT_LIMIT } else { BODY_LIMIT };
    let mut taken = match rules.intake.take(body, limit).await {
        Ok(taken) => taken,
        Err(NotTaken::TooLarge) => return refused_as(Refusal::TooLarge),
        Err(NotTaken::GaveUp) => return refused_as(Refusal::Undeclared),
    };
    let read = {
        // One at a time: what taking a body apart needs of memory is needed once.
        let _turn = rules.judging.lock().await;
        read(&head, &mut taken).await
    };
    let (meant, carried) = match read {
        Ok((query, Ok(parameters))) => {
            let carried = [query, parameters].concat();
            (rules.policy.by_body(method, path, &carried), carried)
        }
        // An unreadable body is held like any other, and then differs: it carries none of the declared parameters.
        Ok((query, Err(ContentError::Type(_)))) => {
            let meant = rules.policy.by_unread_body(method, path, &query);
            (meant, [query, vec![("(unreadable body)".to_owned(), String::new())]].concat())
        }
        Ok((_, Err(error))) | Err(error) => return refused_as(refusal_of(&error)),
    };
    match meant {
        // Declared for a run, and this is none.
        ByBody::Declared { reads: false } if rules.control.is_read_only() => refused_as(Refusal::Undeclared),
        ByBody::Declared { reads } => {
            let length = taken.length();
            let Ok(leaving) = taken.pieces().await else { return refused_as(Refusal::TooLarge) };
            let guard = rules.control.begin(reads);
            let request = framed(head, leaving.boxed(), length, origin);
            let answer = rules.upstream.write(request, Box::new(|_| {})).await;
            read_clock(&answer, rules);
            match &answer {
                Ok(answer) if signs_out(answer, rules) => rules.control.sign_out(),
                Ok(answer) if !reads && (answer.status().is_success() || answer.status().is_redirection()) => {
                    rules.control.accept()
                }
                Ok(_) | Err(_) => {}
            }
            relay(answer, rules, guard, true)
        }
        ByBody::Undeclared => refused_as(Refusal::Undeclared),
        ByBody::Override => refused_as(Refusal::MethodOverride),
        ByBody::Commit => {
            let Ok(Some(bytes)) = taken.bytes(COMMIT_LIMIT).await else { return refused_as(Refusal::TooLarge) };
            let named = rules.policy.commit.match_path(method, path);
            let parameters =
                named.into_iter().flatten().chain(carried).map(|(name, value)| (name, Private::new(value))).collect();
            let kind = head.headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
            let mut identity = format!("{method} {origin:?} {} ", head.uri).into_bytes();
            identity.extend_from_slice(kind);
            identity.push(b'\n');
            identity.extend_from_slice(&bytes);
            let content = CommitContent { parameters, digest: Digest::of(&identity) };
            hold(head, bytes, content, origin, rules).await
        }
    }
}

type Pairs = Vec<(String, String)>;

/// What query and body carry.
async fn read(
    head: &http::request::Parts,
    taken: &mut TakenIn,
) -> Result<(Pairs, Result<Pairs, ContentError>), ContentError> {
    let query = content::form(head.uri.query().unwrap_or_default().as_bytes())?;
    let kind = match Kind::of(&head.headers) {
        Ok(kind) => kind,
        Err(error) => return Ok((query, Err(error))),
    };
    let carried = content::body(&kind, taken).await;
    Ok((query, carried))
}

fn refusal_of(error: &ContentError) -> Refusal {
    match error {
        ContentError::Type(_) | ContentError::Malformed => Refusal::Unreadable,
        ContentError::Override => Refusal::MethodOverride,
        ContentError::TooMany => Refusal::TooLarge,
    }
}

async fn forward_read(head: http::request::Parts, origin: &Origin, rules: &Arc<Rules>) -> Answer {
    let asked = content::form(head.uri.query().unwrap_or_default().as_bytes());
    let overrides = |pairs: &Pairs| pairs.iter().any(|(name, _)| is_override(name));
    if matches!(&asked, Err(ContentError::Override)) || asked.is_ok_and(|pairs| overrides(&pairs)) {
        return refuse_parts(rules, Refusal::MethodOverride, &head, Some(origin));
    }
    let guard = rules.control.begin(true);
    let page = navigates(&head.headers);
    let request = addressed(Request::from_parts(head.clone(), whole(Bytes::new())), origin);
    let answer = rules.upstream.read(request).await;
    // What is asked for without the session, such as a manifest, says nothing of it; nor does a picture.
    let asks = head.headers.get("sec-fetch-dest").and_then(|value| value.to_str().ok()).unwrap_or("document");
    let tells = matches!(asks, "document" | "iframe" | "empty") && head.headers.contains_key(header::COOKIE);
    if tells && answer.as_ref().is_ok_and(|answer| signs_out(answer, rules)) {
        rules.control.sign_out();
    }
    if page && answer.as_ref().is_ok_and(|answer| is_file(answer.headers())) {
        return refuse_parts(rules, Refusal::Download, &head, Some(origin));
    }
    if page && origin == &rules.policy.base {
        read_clock(&answer, rules);
    }
    relay(answer, rules, guard, page)
}

/// Reads the portal's clock off its answer, unless a cache gave that.
pub(super) fn read_clock<T>(answer: &Result<Response<T>, UpstreamError>, rules: &Rules) {
    let Ok(answer) = answer else { return };
    let date = answer.headers().get(header::DATE).filter(|_| !answer.headers().contains_key(header::AGE));
    let made = date.and_then(|date| jiff::fmt::rfc2822::parse(date.to_str().ok()?).ok());
    if let Some(made) = made {
        rules.control.dated(ServerClock { made: made.timestamp(), received: Clock::now() });
    }
}

/// Whether an answer leads on to the page for signing in.
pub(super) fn signs_out<T>(answer: &Response<T>, rules: &Rules) -> bool {
    let location = answer.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let path = location.split_once("://").map_or(location, |(_, rest)| rest.find('/').map_or("/", |at| &rest[at..]));
    let bare = |path: &str| path.split(['?', '#']).next().map(str::to_owned);
    answer.status().is_redirection() && bare(path) == bare(&rules.policy.sign_in)
}

/// Whether an answer is to be stored, not shown.
fn is_file(headers: &HeaderMap) -> bool {
    let disposition = headers.get(header::CONTENT_DISPOSITION).map(HeaderValue::as_bytes).unwrap_or_default();
    disposition.trim_ascii_start().to_ascii_lowercase().starts_with(b"attachment")
}

/// A request whose body has this length, which is said anew.
pub(super) fn framed(head: http::request::Parts, body: Outgoing, length: u64, origin: &Origin) -> Request<Outgoing> {
    let mut request = addressed(Request::from_parts(head, body), origin);
    request.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    request
}

fn addressed(mut request: Request<Outgoing>, origin: &Origin) -> Request<Outgoing> {
    if request.uri().authority().is_none() {
        let host = if origin.host.contains(':') { format!("[{}]", origin.host) } else { origin.host.clone() };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        if let Ok(uri) = format!("{}://{host}:{}{path}", origin.scheme, origin.port).parse::<Uri>() {
            *request.uri_mut() = uri;
        }
    }
    request
}

/// Passes an answer on. A failure is noted where it `matters`: for pages and for changes, not for pictures and polls.
pub(super) fn relay(
    result: Result<Response<Passing>, UpstreamError>,
    rules: &Rules,
    guard: InFlight,
    matters: bool,
) -> Answer {
    match result {
        Ok(mut response) => {
            head::strip(response.headers_mut());
            if matters && response.status().is_server_error() {
                rules.control.server_error();
            }
            // A stream of events never ends, and is nothing to wait for.
            let kind = response.headers().get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
            let endless = kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"));
            let guard = (!endless).then_some(guard);
            response.map(|body| Guarded { body, _guard: guard }.boxed())
        }
        Err(error) => {
            tracing::debug!(%error, "no answer from the portal");
            if matters {
                rules.control.server_error();
            }
            plain(StatusCode::BAD_GATEWAY, "the portal did not answer")
        }
    }
}

/// A body that counts as on its way until it has been passed on.
struct Guarded {
    body: Passing,
    _guard: Option<InFlight>,
}

impl Body for Guarded {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
