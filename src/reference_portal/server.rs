//! Starts and ends the portal on a free port of loopback, over HTTP or HTTPS.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::faults::{Fault, FaultPlan};
use super::handlers;
use super::oracle::Oracle;
use super::state::{Moment, State, World};

/// How the portal is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP.
    Http,
    /// HTTPS with a certificate of its own, see [`Portal::certificate`].
    Https,
}

/// Why the portal cannot run.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// No port.
    #[error("cannot listen on 127.0.0.1")]
    Listen(#[from] std::io::Error),
    /// No certificate.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
    /// The TLS library refused it.
    #[error("cannot set up TLS")]
    Tls(#[from] rustls::Error),
}

/// A running portal. Dropping it ends it.
pub struct Portal {
    address: SocketAddr,
    scheme: Scheme,
    certificate: Option<String>,
    state: State,
    tls: Option<TlsAcceptor>,
    tasks: Mutex<JoinSet<()>>,
}

impl Portal {
    /// Starts on a free port.
    ///
    /// # Errors
    ///
    /// [`PortalError`].
    pub async fn start(scheme: Scheme, faults: FaultPlan, world: World) -> Result<Self, PortalError> {
        let state = State::new(faults, world);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (tls, certificate) = match scheme {
            Scheme::Http => (None, None),
            Scheme::Https => {
                let key = KeyPair::generate()?;
                let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
                let certificate = CertificateParams::new(names)?.self_signed(&key)?;
                let provider = Arc::new(rustls::crypto::ring::default_provider());
                let config = ServerConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()?
                    .with_no_client_auth()
                    .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::from(key))?;
                (Some(TlsAcceptor::from(Arc::new(config))), Some(certificate.pem()))
            }
        };
        let tasks = Mutex::new(serve(listener, tls.clone(), &state));
        Ok(Self { address, scheme, certificate, state, tls, tasks })
    }

    /// Restarts: every connection is cut, every session is over, what was stored stays.
    ///
    /// # Errors
    ///
    /// When the port cannot be had again.
    pub async fn restart(&self) -> Result<(), PortalError> {
        let mut old = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        old.shutdown().await;
        self.state.lock().sessions.clear();
        let listener = TcpListener::bind(self.address).await?;
        *self.tasks.lock().unwrap_or_else(PoisonError::into_inner) = serve(listener, self.tls.clone(), &self.state);
        Ok(())
    }

    /// Base URL.
    pub fn url(&self) -> url::Url {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        let text = format!("{scheme}://{}/", self.address);
        // A scheme, an address and a slash are always a URL.
        text.parse().unwrap_or_else(|_| unreachable!("{text} is a URL"))
    }

    /// Certificate in PEM, to be trusted by whoever talks to the portal; only over HTTPS.
    pub fn certificate(&self) -> Option<&str> {
        self.certificate.as_deref()
    }

    /// What the portal received and holds.
    pub fn oracle(&self) -> Oracle {
        self.state.lock().oracle()
    }

    /// What a person does to the only draft, in a browser of their own: sets a field to what the server keeps.
    pub fn edit_draft(&self, field: &str, value: &str) {
        self.state.lock().edit_draft(field, value);
    }

    /// A person discards every draft.
    pub fn discard_drafts(&self) {
        self.state.lock().discard_drafts();
    }

    /// Forgets every exception, as when a test portal is reset.
    pub fn discard_everything(&self) {
        self.state.lock().discard_everything();
    }

    /// A person submits the only draft by hand; its number.
    pub fn submit_by_hand(&self) -> Option<String> {
        handlers::submit_by_hand(&self.state)
    }

    /// Stops answering at this moment, once; what arrived is dropped with its connection. Waits on the returned counter tell when.
    pub fn stop_at(&self, moment: Moment) -> tokio::sync::watch::Receiver<u64> {
        self.state.lock().stops_at = Some(moment);
        self.state.stops()
    }

    /// Switches a fault on while the portal runs.
    pub fn break_again(&self, fault: Fault) {
        self.state.lock().faults.add(fault);
    }

    /// Switches a fault off while the portal runs.
    pub fn mend(&self, fault: Fault) {
        self.state.lock().faults.remove(fault);
    }
}

fn serve(listener: TcpListener, tls: Option<TlsAcceptor>, state: &State) -> JoinSet<()> {
    let router = handlers::router(state.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    let _ = stream.set_nodelay(true);
                    let service = TowerToHyperService::new(router.clone());
                    let tls = tls.clone();
                    connections.spawn(async move {
                        let http = hyper::server::conn::http1::Builder::new();
                        // A client that goes away is no event.
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
                Some(_) = connections.join_next() => {}
            }
        }
    });
    tasks
}
