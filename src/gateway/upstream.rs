//! From the gateway to the portal: verified TLS, a pool for reading, a fresh connection for everything that changes. Or to whatever
//! stands in the portal's place.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant as Clock;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower_service::Service;

/// A body on its way to the portal.
pub(crate) type Outgoing = BoxBody<Bytes, io::Error>;

/// A body on its way to the browser.
pub(crate) type Passing = BoxBody<Bytes, io::Error>;

/// An answer, or why there is none, once it is there.
pub(crate) type Answering<'a> = BoxFuture<'a, Result<Response<Passing>, UpstreamError>>;

/// Called when the next step is the first byte.
pub(crate) type Sending<'a> = Box<dyn FnOnce(Clock) + Send + 'a>;

/// Where a request goes that may pass: the portal, or a recording of it.
pub trait Upstream: Send + Sync {
    /// Passes on a request that cannot change anything.
    fn read(&self, request: Request<Outgoing>) -> Answering<'_>;
    /// Passes on a request that changes something, once. `sending` is called when the next step is the first byte.
    fn write<'a>(&'a self, request: Request<Outgoing>, sending: Sending<'a>) -> Answering<'a>;
}

/// Why the portal did not answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The configured file of authorities cannot be used.
    #[error("cannot read certificate authorities from {0}")]
    Authorities(PathBuf),
    /// The TLS library refused its settings.
    #[error("cannot set up TLS towards the portal")]
    Tls(#[from] rustls::Error),
    /// No connection: refused, unknown host, certificate not trusted.
    #[error("cannot connect to the portal")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Connection lost during the exchange.
    #[error("the portal's connection was lost")]
    Exchange(#[source] hyper::Error),
    /// The pooled client failed.
    #[error("the portal did not answer")]
    Pool(#[source] hyper_util::client::legacy::Error),
    /// A recording that has no answer to this request.
    #[error("the recording has no answer")]
    NotRecorded,
    /// There was no connection when it was recorded.
    #[error("there was no connection, as recorded")]
    NotSentAsRecorded,
    /// The connection was lost when it was recorded.
    #[error("the connection was lost, as recorded")]
    LostAsRecorded,
}

/// Connections to the portal.
#[derive(Clone)]
pub struct PortalLink {
    connector: HttpsConnector<HttpConnector>,
    reading: Client<HttpsConnector<HttpConnector>, Outgoing>,
}

impl PortalLink {
    /// System authorities, and those of `authorities` (PEM) where given.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Authorities`] when the file holds no certificate.
    pub fn new(authorities: Option<&Path>) -> Result<Self, UpstreamError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = authorities {
            let unusable = || UpstreamError::Authorities(path.to_owned());
            let certificates: Vec<CertificateDer<'static>> =
                CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|_| unusable())?;
            if roots.add_parsable_certificates(certificates).0 == 0 {
                return Err(unusable());
            }
        }
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(config).https_or_http().enable_http1().wrap_connector(http);
        let reading = Client::builder(TokioExecutor::new()).build(connector.clone());
        Ok(Self { connector, reading })
    }

    /// A connection to this address, and nothing over it.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Connect`]: there is none to be had.
    async fn connection(&self, target: Uri) -> Result<MaybeHttpsStream<TokioIo<TcpStream>>, UpstreamError> {
        let mut connector = self.connector.clone();
        let ready = std::future::poll_fn(|context| Service::<Uri>::poll_ready(&mut connector, context));
        ready.await.map_err(UpstreamError::Connect)?;
        connector.call(target).await.map_err(UpstreamError::Connect)
    }

    /// Whether somebody answers at this address, with a certificate that counts.
    ///
    /// # Errors
    ///
    /// [`UpstreamError::Connect`]: nobody does.
    pub(crate) async fn reach(&self, target: Uri) -> Result<(), UpstreamError> {
        self.connection(target).await.map(drop)
    }
}

impl Upstream for PortalLink {
    /// Over a pool: connections are reused.
    fn read(&self, request: Request<Outgoing>) -> Answering<'_> {
        Box::pin(async move {
            let answer = self.reading.request(request).await.map_err(UpstreamError::Pool)?;
            Ok(answer.map(passing))
        })
    }

    /// Over a connection of its own, which is closed after the answer: no pool ever sends it again, and nothing that it carries
    /// can become a second request. [`UpstreamError::Connect`] when nothing was sent,
    /// [`UpstreamError::Exchange`] when something may have been.
    fn write<'a>(&'a self, mut request: Request<Outgoing>, sending: Sending<'a>) -> Answering<'a> {
        Box::pin(async move {
            let target = request.uri().clone();
            let stream = self.connection(target.clone()).await?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(stream).await.map_err(UpstreamError::Exchange)?;
            tokio::spawn(connection);
            let relative = target.path_and_query().map_or("/", |path| path.as_str()).parse().unwrap_or_default();
            *request.uri_mut() = relative;
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            sending(Clock::now());
            let answer = sender.send_request(request).await.map_err(UpstreamError::Exchange)?;
            Ok(answer.map(passing))
        })
    }
}

fn passing(body: Incoming) -> Passing {
    body.map_err(io::Error::other).boxed()
}

/// A body already in memory.
pub fn whole(bytes: Bytes) -> Outgoing {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
