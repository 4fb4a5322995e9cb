//! Carries out what [`super::interlock`] and [`super::policy`] decide, on 127.0.0.1, in tasks of this process.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::authority::{Authority, AuthorityError};
use super::content::{self, READ_LIMIT};
use super::control::{Control, InFlight};
use super::hold::hold;
use super::policy::{ByBody, ByPath, GatewayPolicy, Origin};
use super::refuse::{empty, full, navigates, plain, refuse, refuse_parts};
use super::upstream::{Outgoing, Passing, Upstream, UpstreamError, whole};
use crate::model::digest::Digest;
use crate::model::portal_facts::{CommitContent, Refusal, Refused};
use crate::model::private::Private;

pub(super) type Answer = Response<Passing>;

/// Path below which the gateway itself answers, to prove that it is in the path.
pub const PROBE: &str = "/.portal-agent/probe/";

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
    open: watch::Receiver<()>,
}

impl Gateway {
    /// Listens on a free port of 127.0.0.1. What may pass goes to `upstream`.
    ///
    /// # Errors
    ///
    /// [`GatewayError`].
    pub async fn start(policy: GatewayPolicy, upstream: Arc<dyn Upstream>) -> Result<Self, GatewayError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let control = Control::default();
        let (sender, open) = watch::channel(());
        let rules =
            Arc::new(Rules { policy, control: control.clone(), upstream, authority: Authority::new(provider)?, open });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(GatewayError::Listen)?;
        let address = listener.local_addr().map_err(GatewayError::Listen)?;
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, rules));
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

async fn accept(listener: TcpListener, rules: Arc<Rules>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((stream, _)) = accepted {
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
            method: "CONNECT".into(),
            origin: format!("{}:{}", origin.host, origin.port),
            path: String::new(),
        });
        return;
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let rules = Arc::clone(&rules);
        let origin = origin.clone();
        async move {
            let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
            let same = named.is_some_and(|host| {
                format!("https://{host}").parse().ok().and_then(|url| Origin::of(&url)).as_ref() == Some(&origin)
            });
            if !same || request.uri().authority().is_some() {
                return Ok::<_, std::convert::Infallible>(refuse(&rules, Refusal::Tunnel, &request, Some(&origin)));
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
    let path = request.uri().path().to_owned();
    if let Some(nonce) = path.strip_prefix(PROBE) {
        rules.control.probe(nonce);
        let page = format!("<!doctype html><title>{nonce}</title>");
        let mut response = Response::new(full(page));
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("text/html"));
        response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
        return response;
    }
    if request.headers().contains_key(header::UPGRADE) {
        return refuse(rules, Refusal::Upgrade, &request, Some(&origin));
    }
    let overriding = ["x-http-method-override", "x-method-override", "x-http-method"];
    let asked = content::query(request.uri().query());
    if overriding.iter().any(|name| request.headers().contains_key(*name)) || content::overrides_method(&asked) {
        return refuse(rules, Refusal::MethodOverride, &request, Some(&origin));
    }
    let by_path = rules.policy.by_path(request.method().as_str(), &path);
    if by_path != ByPath::Safe && origin != rules.policy.base {
        // Approved for one portal: the same address elsewhere is not that portal's.
        if by_path == ByPath::PerhapsCommit {
            rules.control.stray();
        }
        return refuse(rules, Refusal::Undeclared, &request, Some(&origin));
    }
    match by_path {
        ByPath::Safe => forward_read(request, &origin, rules).await,
        ByPath::Declared => forward_streamed(request, &origin, rules).await,
        ByPath::NeedsBody | ByPath::PerhapsCommit => judge_body(request, &origin, rules).await,
        ByPath::Undeclared => refuse(rules, Refusal::Undeclared, &request, Some(&origin)),
    }
}

/// Reads the whole body, then decides: the commit waits, a declared request passes, everything else is refused.
async fn judge_body(request: Request<Incoming>, origin: &Origin, rules: &Arc<Rules>) -> Answer {
    let (head, body) = request.into_parts();
    let refused_as = |why, parts: &http::request::Parts| refuse_parts(rules, why, parts, Some(origin));
    let collected = match Limited::new(body, READ_LIMIT).collect().await {
        Ok(collected) => collected,
        Err(error) if error.is::<LengthLimitError>() => return refused_as(Refusal::TooLarge, &head),
        Err(_gave_up) => return refused_as(Refusal::Undeclared, &head),
    };
    let bytes = collected.to_bytes();
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (method, path) = (head.method.as_str(), head.uri.path());
    let named = rules.policy.commit.match_path(method, path);
    let in_body = content::body(kind, &bytes).await;
    let asked = content::query(head.uri.query());
    if in_body.as_ref().is_ok_and(|parameters| content::overrides_method(parameters)) {
        return refused_as(Refusal::MethodOverride, &head);
    }
    let meant = match &in_body {
        Ok(parameters) => rules.policy.by_body(method, path, &[asked.as_slice(), parameters.as_slice()].concat()),
        // What cannot be read at the commit's own address may be the commit.
        Err(_) if named.is_some() => ByBody::Commit,
        Err(_) => ByBody::Undeclared,
    };
    match meant {
        ByBody::Declared => {
            let request = Request::from_parts(head, whole(bytes));
            let guard = rules.control.begin(false);
            relay(rules.upstream.write(outgoing(request, origin), Box::new(|_| {})).await, rules, guard, true)
        }
        ByBody::Undeclared => refused_as(Refusal::Undeclared, &head),
        ByBody::Commit => {
            // An unreadable body is held like any other, and then differs: it carries none of the declared parameters.
            let unreadable = in_body.is_err().then(|| ("(unreadable body)".to_owned(), String::new()));
            let parameters = named
                .into_iter()
                .flatten()
                .chain(asked)
                .chain(in_body.unwrap_or_default())
                .chain(unreadable)
                .map(|(name, value)| (name, Private::new(value)))
                .collect();
            let mut identity = format!("{method} {origin:?} {} {}\n", head.uri, kind.unwrap_or_default()).into_bytes();
            identity.extend_from_slice(&bytes);
            let content = CommitContent { parameters, digest: Digest::of(&identity) };
            hold(head, bytes, content, origin, rules).await
        }
    }
}

async fn forward_read(request: Request<Incoming>, origin: &Origin, rules: &Arc<Rules>) -> Answer {
    let guard = rules.control.begin(true);
    let page = navigates(request.headers());
    let request = outgoing(request.map(BodyExt::boxed), origin);
    relay(rules.upstream.read(request).await, rules, guard, page)
}

async fn forward_streamed(request: Request<Incoming>, origin: &Origin, rules: &Arc<Rules>) -> Answer {
    let guard = rules.control.begin(false);
    let request = outgoing(request.map(BodyExt::boxed), origin);
    relay(rules.upstream.write(request, Box::new(|_| {})).await, rules, guard, true)
}

const HOP_BY_HOP: [HeaderName; 5] =
    [header::CONNECTION, header::PROXY_AUTHORIZATION, header::TE, header::TRAILER, header::UPGRADE];

fn strip(headers: &mut HeaderMap) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    for name in ["proxy-connection", "keep-alive", "alt-svc"] {
        headers.remove(name);
    }
}

pub(super) fn outgoing(mut request: Request<Outgoing>, origin: &Origin) -> Request<Outgoing> {
    strip(request.headers_mut());
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
            strip(response.headers_mut());
            if matters && response.status().is_server_error() {
                rules.control.server_error(response.status().as_u16());
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
                rules.control.server_error(StatusCode::BAD_GATEWAY.as_u16());
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
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
