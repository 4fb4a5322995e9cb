//! From exchanges to HAR 1.2 and back, as this agent writes it and as browsers' tools, Playwright and mitmproxy do.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::model::digest::Digest;
use crate::recording::traffic::exchange::{Answer, Body, Exchange, Lane, Part, RecordedRequest, RecordedResponse};
use crate::recording::traffic::shapes::{
    Content, Creator, Entry, Har, Log, Nothing, Pair, Param, PostData, RequestEntry, ResponseEntry, Timings,
};

/// An entry that is no exchange.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HarError {
    /// Another version of the format.
    #[error("is HAR {0}, and only 1.2 is read")]
    Version(String),
    /// Something is wrong in one entry.
    #[error("entry {entry}: {what}")]
    Entry {
        /// Which, from 1.
        entry: usize,
        what: String,
    },
}

const SILENCE: &str = "silence";
const NOT_SENT: &str = "no connection";

impl Har {
    /// The file that tells of these exchanges.
    pub fn of(exchanges: &[Exchange]) -> Self {
        let creator = Creator { name: "portal-agent".into(), version: env!("CARGO_PKG_VERSION").into() };
        let entries = exchanges.iter().map(Entry::of).collect();
        Self { log: Log { version: "1.2".into(), creator, entries } }
    }

    /// Leaves out what went elsewhere than to `origins` (in ASCII), which other tools record too.
    pub fn only(mut self, origins: &BTreeSet<String>) -> Self {
        let own = |entry: &Entry| {
            let url = entry.request.url.parse::<url::Url>().ok();
            url.is_some_and(|url| origins.contains(&url.origin().ascii_serialization()))
        };
        self.log.entries.retain(own);
        self
    }

    /// The exchanges that the file tells of.
    ///
    /// # Errors
    ///
    /// [`HarError`]: another version, an address that is none, a status or a body that cannot be.
    pub async fn exchanges(self) -> Result<Vec<Exchange>, HarError> {
        if self.log.version != "1.2" {
            return Err(HarError::Version(self.log.version));
        }
        let mut found = Vec::new();
        for (place, entry) in self.log.entries.into_iter().enumerate() {
            found.push(entry.exchange().await.map_err(|what| HarError::Entry { entry: place + 1, what })?);
        }
        Ok(found)
    }
}

fn pair(name: &str, value: &str) -> Pair {
    Pair { name: name.to_owned(), value: value.to_owned() }
}

fn header<'a>(headers: &'a [Pair], name: &str) -> Option<&'a str> {
    headers.iter().find(|header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value.as_str())
}

impl Entry {
    fn of(exchange: &Exchange) -> Self {
        let Exchange { at, asked, given } = exchange;
        let resource = match asked.lane {
            Lane::Page => "document",
            Lane::Change => "change",
            Lane::Read => "fetch",
        };
        let kind = asked.kind.as_deref().and_then(|kind| kind.split(';').next()).unwrap_or_default().to_owned();
        let file = |name: &String, part: &Part| match part {
            Part::Text(text) => Param { name: name.clone(), value: Some(text.clone()), file_name: None, size: None },
            Part::File { name: file, size, sha256 } => Param {
                name: name.clone(),
                value: Some(sha256.to_string()),
                file_name: Some(file.clone()),
                size: Some(*size),
            },
        };
        let post_data = match &asked.body {
            Body::Empty => None,
            Body::Form(pairs) => {
                let text = |(name, value): &(String, String)| file(name, &Part::Text(value.clone()));
                Some(PostData { mime_type: kind, params: pairs.iter().map(text).collect(), text: None })
            }
            Body::Parts(parts) => {
                let params = parts.iter().map(|(name, part)| file(name, part)).collect();
                Some(PostData { mime_type: kind, params, text: None })
            }
            Body::Json(text) => Some(PostData { mime_type: kind, params: Vec::new(), text: Some(text.clone()) }),
            Body::Opaque(digest) => {
                Some(PostData { mime_type: OPAQUE.into(), params: Vec::new(), text: Some(digest.to_string()) })
            }
        };
        let request = RequestEntry {
            method: asked.method.clone(),
            url: asked.url.to_string(),
            http_version: "HTTP/1.1".into(),
            cookies: [],
            headers: Vec::new(),
            query_string: asked.url.query_pairs().map(|(name, value)| pair(&name, &value)).collect(),
            post_data,
            headers_size: -1,
            body_size: -1,
        };
        Self {
            started_date_time: *at,
            time: 0.0,
            resource: Some(resource.into()),
            request,
            response: ResponseEntry::of(given),
            cache: Nothing {},
            timings: Timings::default(),
        }
    }

    async fn exchange(self) -> Result<Exchange, String> {
        let url: url::Url = self.request.url.parse().map_err(|_| "request.url is no address".to_owned())?;
        let lane = self.lane();
        let kind = header(&self.request.headers, "content-type").map(str::to_owned);
        let post = self.request.post_data.filter(|post| !post.params.is_empty() || post.text.is_some());
        let kind = kind.or_else(|| post.as_ref().map(|post| post.mime_type.clone()));
        let body = match post {
            None => Body::Empty,
            Some(post) => post.body(kind.as_deref()).await?,
        };
        let given = self.response.given()?;
        let asked = RecordedRequest { lane, method: self.request.method, url, kind, body };
        Ok(Exchange { at: self.started_date_time, asked, given })
    }

    /// A change by its method; a page where the browser, or its own tools, say so.
    fn lane(&self) -> Lane {
        if !matches!(self.request.method.as_str(), "GET" | "HEAD" | "OPTIONS") {
            return Lane::Change;
        }
        let page = match (&self.resource, header(&self.request.headers, "sec-fetch-mode")) {
            (Some(resource), _) => resource == "document",
            (None, Some(mode)) => mode == "navigate",
            (None, None) => {
                header(&self.request.headers, "accept").is_some_and(|accept| accept.starts_with("text/html"))
            }
        };
        if page { Lane::Page } else { Lane::Read }
    }
}

/// Content type under which the digest of an unreadable body is kept.
const OPAQUE: &str = "application/x-digest";

impl PostData {
    async fn body(self, kind: Option<&str>) -> Result<Body, String> {
        let given = kind.unwrap_or(&self.mime_type).to_owned();
        let bare = self.mime_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if bare == OPAQUE {
            let text = self.text.unwrap_or_default();
            return Digest::parse(&text).map(Body::Opaque).map_err(|_| "postData.text is no digest".to_owned());
        }
        // Some tools write parameters percent-encoded; the text is what was sent.
        if !self.params.is_empty() && self.text.is_none() {
            if bare == "multipart/form-data" {
                return self.params.into_iter().map(Param::part).collect::<Result<_, _>>().map(Body::Parts);
            }
            let pairs = self.params.into_iter().map(|param| (param.name, param.value.unwrap_or_default()));
            return Ok(Body::Form(pairs.collect()));
        }
        let text = Bytes::from(self.text.unwrap_or_default());
        Ok(Body::read(Some(&given), &text).await)
    }
}

impl Param {
    fn part(self) -> Result<(String, Part), String> {
        let part = match (self.file_name, self.size) {
            (Some(name), Some(size)) => {
                let digest = self.value.unwrap_or_default();
                let sha256 = Digest::parse(&digest).map_err(|_| format!("{}: no digest", self.name))?;
                Part::File { name, size, sha256 }
            }
            // Other tools leave the content out, or put it here.
            (Some(name), None) => {
                let content = self.value.unwrap_or_default();
                let sha256 = Digest::of(content.as_bytes());
                Part::File { name, size: content.len() as u64, sha256 }
            }
            (None, _) => Part::Text(self.value.unwrap_or_default()),
        };
        Ok((self.name, part))
    }
}

impl ResponseEntry {
    fn of(given: &RecordedResponse) -> Self {
        let none = |error: &str| Self {
            status: 0,
            status_text: String::new(),
            http_version: "HTTP/1.1".into(),
            cookies: [],
            headers: Vec::new(),
            content: Content { size: 0, mime_type: "x-unknown".into(), ..Content::default() },
            redirect: String::new(),
            headers_size: -1,
            body_size: -1,
            error: Some(error.to_owned()),
        };
        let answer = match given {
            RecordedResponse::Silence => return none(SILENCE),
            RecordedResponse::Lost => return none("connection lost"),
            RecordedResponse::NotSent => return none(NOT_SENT),
            RecordedResponse::Answer(answer) => answer,
        };
        let headers =
            [("content-type", &answer.kind), ("location", &answer.location), ("cache-control", &answer.cache)];
        let headers = headers.into_iter().filter_map(|(name, value)| Some(pair(name, value.as_deref()?))).collect();
        let (text, encoding) = match std::str::from_utf8(&answer.body) {
            Ok(text) => (text.to_owned(), None),
            Err(_) => (STANDARD.encode(&answer.body), Some("base64".to_owned())),
        };
        Self {
            status: answer.status.into(),
            error: None,
            headers,
            content: Content {
                size: i64::try_from(answer.body.len()).unwrap_or(i64::MAX),
                mime_type: answer.kind.clone().unwrap_or_else(|| "x-unknown".into()),
                text: Some(text),
                encoding,
            },
            redirect: answer.location.clone().unwrap_or_default(),
            ..none("")
        }
    }

    fn given(self) -> Result<RecordedResponse, String> {
        if self.status <= 0 {
            return Ok(match self.error.as_deref() {
                Some(SILENCE) => RecordedResponse::Silence,
                Some(NOT_SENT) => RecordedResponse::NotSent,
                Some(_) | None => RecordedResponse::Lost,
            });
        }
        let status = u16::try_from(self.status).ok().filter(|status| (100..1000).contains(status));
        let status = status.ok_or_else(|| format!("response.status {} cannot be", self.status))?;
        let kind = self.content.mime_type.as_str();
        let needed = ["html", "json", "javascript", "css"].iter().any(|one| kind.contains(one));
        if needed && self.content.size > 0 && self.content.text.is_none() {
            return Err("response.content has no text: export the HAR with bodies".to_owned());
        }
        let text = self.content.text.unwrap_or_default();
        let body = match self.content.encoding.as_deref() {
            None | Some("") => Bytes::from(text),
            Some("base64") => {
                STANDARD.decode(text).map(Bytes::from).map_err(|_| "response.content.text is not base64".to_owned())?
            }
            Some(other) => return Err(format!("response.content.encoding {other:?} is not known")),
        };
        let named = |name: &str| header(&self.headers, name).map(str::to_owned);
        let kind =
            named("content-type").or_else(|| Some(self.content.mime_type.clone()).filter(|kind| kind.contains('/')));
        let location = named("location").or_else(|| Some(self.redirect.clone()).filter(|place| !place.is_empty()));
        Ok(RecordedResponse::Answer(Answer { status, kind, location, cache: named("cache-control"), body }))
    }
}
