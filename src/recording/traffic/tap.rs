//! Listens to everything that passes between gateway and portal, and changes nothing of it but what would keep it from being
//! heard whole: compression, and answers that refer to what the browser already has.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Frame, SizeHint};

use crate::gateway::upstream::{Answering, Outgoing, Passing, Sending, Upstream, UpstreamError};
use crate::model::time::Instant;
use crate::recording::traffic::exchange::{Answer, Body, Exchange, Lane, RecordedRequest, RecordedResponse};

/// Most that is kept of one body, in bytes. What is longer cannot be recorded.
pub const LONGEST: usize = 64 << 20;

/// Why what was heard is no recording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TapError {
    /// A body that is too long.
    #[error("{0} carried more than {LONGEST} bytes, which cannot be recorded")]
    TooLong(String),
}

#[derive(Default)]
struct Copy {
    bytes: Vec<u8>,
    too_long: bool,
    /// Whether it came to its end.
    whole: bool,
}

impl Copy {
    fn add(&mut self, more: &[u8]) {
        if self.bytes.len() + more.len() > LONGEST {
            self.too_long = true;
        } else {
            self.bytes.extend_from_slice(more);
        }
    }
}

type Shared = Arc<Mutex<Copy>>;

fn copied(shared: &Shared) -> MutexGuard<'_, Copy> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A body that is passed on and copied.
struct Copied {
    body: Passing,
    copy: Shared,
}

impl HttpBody for Copied {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let mut copy = copied(&self.copy);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    copy.add(data);
                }
                copy.whole |= self.body.is_end_stream();
            }
            Poll::Ready(None) => copy.whole = true,
            Poll::Ready(Some(Err(_))) | Poll::Pending => {}
        }
        drop(copy);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

struct Head {
    status: u16,
    kind: Option<String>,
    location: Option<String>,
    cache: Option<String>,
}

enum Heard {
    Nothing,
    Lost,
    NotSent,
    Answer(Head, Shared),
}

struct Slot {
    at: Instant,
    lane: Lane,
    method: Method,
    url: String,
    kind: Option<String>,
    sent: Shared,
    heard: Heard,
}

/// Where time comes from.
pub(crate) type Now = Box<dyn Fn() -> Instant + Send + Sync>;

/// Between the gateway and what answers it.
pub struct Tap {
    inner: Arc<dyn Upstream>,
    now: Now,
    slots: Mutex<Vec<Slot>>,
}

/// Headers that would have a portal answer with less than the whole, or in another form.
const UNHEARD: [HeaderName; 5] =
    [header::ACCEPT_ENCODING, header::IF_NONE_MATCH, header::IF_MODIFIED_SINCE, header::RANGE, header::IF_RANGE];

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

impl Tap {
    /// Listens in front of `inner`.
    pub fn new(inner: Arc<dyn Upstream>, now: Now) -> Self {
        Self { inner, now, slots: Mutex::new(Vec::new()) }
    }

    fn slots(&self) -> MutexGuard<'_, Vec<Slot>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, mut request: Request<Outgoing>, reads: bool) -> (usize, Request<Outgoing>) {
        for name in UNHEARD {
            request.headers_mut().remove(name);
        }
        let sent = Shared::default();
        let lane = Lane::of(reads, request.headers());
        let slot = Slot {
            at: (self.now)(),
            lane,
            method: request.method().clone(),
            url: request.uri().to_string(),
            kind: text(request.headers(), header::CONTENT_TYPE),
            sent: Arc::clone(&sent),
            heard: Heard::Nothing,
        };
        let mut slots = self.slots();
        slots.push(slot);
        (slots.len() - 1, request.map(|body| Copied { body, copy: sent }.boxed()))
    }

    fn end(
        &self,
        place: usize,
        result: Result<Response<Passing>, UpstreamError>,
    ) -> Result<Response<Passing>, UpstreamError> {
        let (heard, result) = match result {
            Ok(answer) => {
                let copy = Shared::new(Mutex::new(Copy { whole: answer.body().is_end_stream(), ..Copy::default() }));
                let head = Head {
                    status: answer.status().as_u16(),
                    kind: text(answer.headers(), header::CONTENT_TYPE),
                    location: text(answer.headers(), header::LOCATION),
                    cache: text(answer.headers(), header::CACHE_CONTROL),
                };
                let heard = Heard::Answer(head, Arc::clone(&copy));
                (heard, Ok(answer.map(|body| Copied { body, copy }.boxed())))
            }
            Err(error @ UpstreamError::Connect(_)) => (Heard::NotSent, Err(error)),
            Err(error) => (Heard::Lost, Err(error)),
        };
        if let Some(slot) = self.slots().get_mut(place) {
            slot.heard = heard;
        }
        result
    }

    /// Everything heard so far, in the order in which it was asked.
    ///
    /// # Errors
    ///
    /// [`TapError`] when a body was too long to be kept.
    pub async fn exchanges(&self) -> Result<Vec<Exchange>, TapError> {
        let slots = std::mem::take(&mut *self.slots());
        let mut found = Vec::new();
        for slot in slots {
            // What the gateway passes on always has an address of a web server.
            let Ok(url) = slot.url.parse::<url::Url>() else { continue };
            let told = format!("{} {}", slot.method, url.path());
            let take = |shared: &Shared| {
                let copy = std::mem::take(&mut *copied(shared));
                if copy.too_long { Err(TapError::TooLong(told.clone())) } else { Ok(Bytes::from(copy.bytes)) }
            };
            let given = match &slot.heard {
                Heard::Nothing => RecordedResponse::Silence,
                Heard::Lost => RecordedResponse::Lost,
                Heard::NotSent => RecordedResponse::NotSent,
                // A page that went away took its question with it: what it heard of the answer is no answer.
                Heard::Answer(_, body) if slot.lane == Lane::Read && !copied(body).whole => RecordedResponse::Silence,
                Heard::Answer(head, body) => RecordedResponse::Answer(Answer {
                    status: head.status,
                    kind: head.kind.clone(),
                    location: head.location.clone(),
                    cache: head.cache.clone(),
                    body: take(body)?,
                }),
            };
            let sent = take(&slot.sent)?;
            let body = Body::read(slot.kind.as_deref(), &sent).await;
            let asked =
                RecordedRequest { lane: slot.lane, method: slot.method.to_string(), url, kind: slot.kind, body };
            found.push(Exchange { at: slot.at, asked, given });
        }
        Ok(found)
    }
}

impl Upstream for Tap {
    fn read(&self, request: Request<Outgoing>) -> Answering<'_> {
        Box::pin(async move {
            let (place, request) = self.begin(request, true);
            let result = self.inner.read(request).await;
            self.end(place, result)
        })
    }

    fn write<'a>(&'a self, request: Request<Outgoing>, sending: Sending<'a>) -> Answering<'a> {
        Box::pin(async move {
            let (place, request) = self.begin(request, false);
            let result = self.inner.write(request, sending).await;
            self.end(place, result)
        })
    }
}
