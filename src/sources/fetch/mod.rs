//! Reads over HTTP: whole, fresh and from where it was asked, or not at all.
//!
//! Questions alone are asked (`GET`). A redirect is not followed, no proxy is taken from the environment, nothing is cached. An
//! answer is refused that a cache gave, that is older than the origin's one before and the time since, that is shorter than
//! announced, that does not tell where it ends, that is longer than allowed, or that is a web page where a file was asked for.
//! Messages name what was asked and what to do; never an address' path or query, a header or anything of a body.

mod answer;
mod cached;
mod pace;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, PRAGMA};
use jiff::Timestamp;
use reqwest::redirect::Policy;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::AsyncWriteExt as _;
use url::{Host, Url};

use super::SourceError;
use super::icalendar::whole_characters;
use crate::diagnostic::Diagnostic;
use crate::model::server_clock::ServerClock;
use answer::{Failure, judge};
pub(crate) use answer::{Head, Wanted};
pub use pace::{Pace, RealPace};

/// How far a fetcher goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// For a connection to stand.
    pub connect: Duration,
    /// For one whole answer, connecting included.
    pub answer: Duration,
    /// Attempts at one question, from 1.
    pub attempts: u32,
    /// Longest text, in bytes.
    pub largest: u64,
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), answer: Duration::from_secs(20), attempts: 4, largest: 8 << 20 }
    }
}

/// Reads texts from addresses.
#[derive(Clone)]
pub struct Fetcher {
    name: String,
    client: reqwest::Client,
    limits: FetchLimits,
    pace: Arc<dyn Pace>,
    /// Where the credentials may go, and nowhere else.
    authorization: Option<(url::Origin, HeaderValue)>,
    /// The clock of each origin, by the answers it gave: what is asked for later is made later. Clones share it.
    clocks: Arc<Mutex<HashMap<url::Origin, ServerClock>>>,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("name", &self.name).field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Whether an address is safe to read from: `https`, or this very host; and no credentials in the address itself.
pub(crate) fn is_safe(address: &Url) -> bool {
    let local = match address.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let scheme = address.scheme() == "https" || (address.scheme() == "http" && local);
    scheme && address.has_host() && address.username().is_empty() && address.password().is_none()
}

/// What stands in messages for an address: its origin, and the kind of file. Path and query may hold a secret, as those of
/// private calendars do.
pub fn place(address: &Url) -> PathBuf {
    let kind = Path::new(address.path()).extension().and_then(|kind| kind.to_str());
    // Longer ones are not known kinds, and might be a part of the secret.
    let kind = kind.filter(|kind| kind.len() <= 4 && kind.bytes().all(|byte| byte.is_ascii_alphabetic()));
    let kind = kind.map_or_else(String::new, |kind| format!(".{kind}"));
    PathBuf::from(format!("{}/…{kind}", address.origin().ascii_serialization()))
}

fn tls(authorities: Option<&Path>) -> Result<ClientConfig, Diagnostic> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = authorities {
        let help = "name a PEM file of the certificate authorities";
        let unusable = || Diagnostic::whole(path, "holds no certificate that can be read", help);
        let certificates: Vec<CertificateDer<'static>> =
            CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|_| unusable())?;
        if roots.add_parsable_certificates(certificates).0 == 0 {
            return Err(unusable());
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let versions = versions.map_err(|error| Diagnostic::whole(Path::new("TLS"), error.to_string(), "report this"))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

impl Fetcher {
    /// A fetcher that trusts the system's authorities, and those of `authorities` (PEM) where given. `name` stands in messages.
    ///
    /// # Errors
    ///
    /// A [`Diagnostic`] when the file of authorities cannot be used.
    pub fn new(name: &str, limits: FetchLimits, authorities: Option<&Path>) -> Result<Self, Diagnostic> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(authorities)?)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .http1_only()
            .connect_timeout(limits.connect)
            .build()
            .map_err(|_| Diagnostic::whole(Path::new(name), "the HTTP client cannot be set up", "report this"))?;
        let (pace, clocks) = (Arc::new(RealPace), Arc::default());
        Ok(Self { name: name.to_owned(), client, limits, pace, authorization: None, clocks })
    }

    /// The same, waiting otherwise.
    #[must_use]
    pub fn with_pace(self, pace: Arc<dyn Pace>) -> Self {
        Self { pace, ..self }
    }

    /// The same, showing `value` to the origin of `address` and to nobody else.
    #[must_use]
    pub(crate) fn with_authorization(self, address: &Url, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        Self { authorization: Some((address.origin(), value)), ..self }
    }

    /// The text at `url`, read anew. `what` stands in messages in place of the address.
    ///
    /// # Errors
    ///
    /// [`SourceError::Unavailable`] when it is not had whole and fresh `within` this time.
    pub async fn text(&self, url: &Url, what: &str, within: Duration) -> Result<String, SourceError> {
        let mut session = self.session(within);
        let (_, bytes) = session.bytes(url, what, Wanted::Text).await?;
        String::from_utf8(whole_characters(bytes)).map_err(|_| self.unavailable(what, "the answer is not UTF-8 text"))
    }

    /// Several questions that together may last `within`.
    pub(crate) fn session(&self, within: Duration) -> Session<'_> {
        // A day is as good as for ever, and can be added to any clock.
        let deadline = self.pace.now() + within.min(Duration::from_secs(86_400));
        Session { fetcher: self, deadline }
    }

    /// What the clock of this address' origin shows now; none where no answer of it told.
    fn server_time(&self, url: &Url) -> Option<Timestamp> {
        let clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        clocks.get(&url.origin()).map(|clock| clock.at(self.pace.now()))
    }

    fn note(&self, url: &Url, read: ServerClock) {
        let mut clocks = self.clocks.lock().unwrap_or_else(PoisonError::into_inner);
        clocks.entry(url.origin()).and_modify(|clock| *clock = clock.ahead(read)).or_insert(read);
    }

    pub(crate) fn unavailable(&self, what: &str, why: &str) -> SourceError {
        SourceError::Unavailable { name: self.name.clone(), what: format!("{what}: {why}") }
    }
}

/// Questions that belong together: one deadline.
pub struct Session<'a> {
    fetcher: &'a Fetcher,
    deadline: Instant,
}

/// Where a body goes.
enum Sink {
    Memory(Vec<u8>),
    File(PathBuf),
}

impl Session<'_> {
    /// The content at `url`.
    pub(crate) async fn bytes(
        &mut self,
        url: &Url,
        what: &str,
        wanted: Wanted,
    ) -> Result<(Head, Vec<u8>), SourceError> {
        let mut sink = Sink::Memory(Vec::new());
        let head = self.read(url, what, wanted, self.fetcher.limits.largest, &mut sink).await?;
        match sink {
            Sink::Memory(bytes) => Ok((head, bytes)),
            Sink::File(_) => Ok((head, Vec::new())),
        }
    }

    /// Puts the content at `url`, of at most `largest` bytes, into a file of this account's own.
    pub(crate) async fn file(&mut self, url: &Url, what: &str, largest: u64, to: &Path) -> Result<(), SourceError> {
        self.read(url, what, Wanted::Bytes, largest, &mut Sink::File(to.to_owned())).await.map(drop)
    }

    async fn read(
        &mut self,
        url: &Url,
        what: &str,
        wanted: Wanted,
        largest: u64,
        sink: &mut Sink,
    ) -> Result<Head, SourceError> {
        let Fetcher { limits, pace, .. } = self.fetcher;
        let unavailable = |why: &str| Err(self.fetcher.unavailable(what, why));
        if !is_safe(url) {
            return unavailable("the address is not one of https, or it holds credentials");
        }
        let mut attempt = 1;
        loop {
            let left = self.deadline.saturating_duration_since(pace.now());
            if left.is_zero() {
                return unavailable("there was no whole answer within the time allowed");
            }
            let tried = tokio::time::timeout(left.min(limits.answer), self.once(url, wanted, largest, sink)).await;
            let failure = match tried {
                Ok(Ok(head)) => return Ok(head),
                Ok(Err(failure)) => failure,
                // What is slow once is slow again, and the time is better left to a person.
                Err(_) => Failure::Final("there was no whole answer within the time allowed".into()),
            };
            let (why, asked) = match failure {
                Failure::Final(why) => return unavailable(&why),
                Failure::Again(why, asked) => (why, asked),
            };
            if attempt >= limits.attempts {
                return unavailable(&format!("{why} ({attempt} attempts)"));
            }
            let wait = asked.unwrap_or_else(|| pace::backoff(attempt, rand::random()));
            if wait >= self.deadline.saturating_duration_since(pace.now()) {
                return unavailable(&format!("{why}, and waiting would last longer than the time allowed"));
            }
            pace.wait(wait).await;
            attempt += 1;
        }
    }

    async fn once(&self, url: &Url, wanted: Wanted, largest: u64, sink: &mut Sink) -> Result<Head, Failure> {
        let accept = match wanted {
            Wanted::Json => "application/json",
            Wanted::Text | Wanted::Bytes => "*/*",
        };
        let mut request = self.fetcher.client.get(url.clone()).header(ACCEPT, accept);
        request = request.header(CACHE_CONTROL, "no-cache, no-store").header(PRAGMA, "no-cache");
        if let Some((origin, value)) = &self.fetcher.authorization
            && *origin == url.origin()
        {
            request = request.header(AUTHORIZATION, value.clone());
        }
        // Nothing of the library's own message: it names the address with its query.
        let lost = |error: reqwest::Error| {
            let why = if error.is_connect() {
                "no connection: refused, no such host, or a certificate that is not trusted"
            } else {
                "the connection was lost before the answer was whole"
            };
            Failure::Again(why.to_owned(), None)
        };
        // As it is before asking: an answer that others overtake on their way is not stale.
        let asked = self.fetcher.server_time(url);
        let mut answer = request.send().await.map_err(lost)?;
        let received = self.fetcher.pace.now();
        let head = judge(answer.status(), answer.headers(), wanted, asked)?;
        let too_long = || Failure::Final(format!("the answer is longer than {largest} bytes"));
        if head.length.is_some_and(|length| length > largest) {
            return Err(too_long());
        }
        let unwritable = |error: std::io::Error| Failure::Final(format!("cannot be kept: {error}"));
        let mut file = match sink {
            Sink::Memory(bytes) => {
                bytes.clear();
                None
            }
            Sink::File(path) => {
                let mut options = tokio::fs::OpenOptions::new();
                options.write(true).create(true).truncate(true).mode(0o600);
                Some(options.open(path).await.map_err(unwritable)?)
            }
        };
        let mut read = 0_u64;
        while let Some(piece) = answer.chunk().await.map_err(lost)? {
            read += piece.len() as u64;
            if read > largest {
                return Err(too_long());
            }
            match (&mut file, &mut *sink) {
                (Some(file), _) => file.write_all(&piece).await.map_err(unwritable)?,
                (None, Sink::Memory(bytes)) => bytes.extend_from_slice(&piece),
                (None, Sink::File(_)) => {}
            }
        }
        if head.length.is_some_and(|length| length != read) {
            return Err(Failure::Again("the answer is shorter than it announced".into(), None));
        }
        if let Some(mut file) = file {
            file.flush().await.map_err(unwritable)?;
        }
        if let Some(made) = head.date {
            self.fetcher.note(url, ServerClock { made, received });
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_an_address_shows_neither_path_nor_query() {
        for (address, shown) in [
            ("https://a.example/ical/private-canary/basic.ics", "https://a.example/….ics"),
            ("https://a.example:8443/canary.json?key=canary#canary", "https://a.example:8443/….json"),
            ("https://a.example/feed.canary", "https://a.example/…"),
            ("https://me:canary@a.example/x?token=canary.ics", "https://a.example/…"),
        ] {
            assert_eq!(place(&address.parse().unwrap()), Path::new(shown), "{address}");
        }
    }

    #[test]
    fn credentials_only_ever_travel_encrypted_or_within_this_host() {
        for safe in ["https://a.example/x", "http://127.0.0.1:8/x", "http://localhost/x", "http://[::1]:9/"] {
            assert!(is_safe(&safe.parse().unwrap()), "{safe} was refused");
        }
        for bad in
            ["http://a.example/", "http://10.0.0.1/", "https://u:p@a.example/", "https://u@a.example/", "file:///x"]
        {
            assert!(!is_safe(&bad.parse().unwrap()), "{bad} was accepted");
        }
    }
}
