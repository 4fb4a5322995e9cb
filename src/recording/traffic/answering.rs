//! Answers from a recording, in the portal's place. What is not in the recording is refused and told; nothing reaches a network.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant as Clock;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};

use crate::gateway::upstream::{Answering, Outgoing, Passing, Sending, Upstream, UpstreamError, whole};
use crate::model::digest::Digest;
use crate::recording::traffic::dial::Dial;
use crate::recording::traffic::exchange::{
    Answer, Body, Exchange, Lane, ParameterDifference, RecordedRequest, RecordedResponse,
};
use crate::recording::traffic::tap::LONGEST;

/// How exactly the recording must be met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Pages and changes in the recorded order, carrying what was recorded.
    Exact,
    /// Whatever the recording has an answer for, in any order: for what another tool recorded.
    AnyOrder,
}

/// In what a replay's requests differ from the recorded ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestDifference {
    /// Asked now, and not in the recording.
    NotRecorded(RecordedRequest),
    /// Recorded, and not asked in its place.
    NotAsked(RecordedRequest),
    /// Asked in its place, and carries something else.
    Carries(RecordedRequest, Vec<ParameterDifference>),
}

/// What browsers ask for by themselves, one and not another: answered with nothing, and no difference.
pub(crate) const BY_THEMSELVES: [&str; 3] = ["/favicon.ico", "/apple-touch-icon.png", "/robots.txt"];

struct State {
    /// How many of the ordered exchanges were played.
    played: usize,
    /// How often each exchange was played.
    times: Vec<u64>,
    differences: Vec<RequestDifference>,
}

/// A recording in the portal's place.
pub(crate) struct Player {
    exchanges: Vec<Exchange>,
    /// Places of pages and changes.
    ordered: Vec<usize>,
    volatile: BTreeSet<String>,
    strictness: Strictness,
    dial: Dial,
    state: Mutex<State>,
}

impl Player {
    /// Plays `exchanges`; `volatile` parameters are made anew each time. `dial` follows what is played.
    pub fn new(exchanges: Vec<Exchange>, volatile: BTreeSet<String>, strictness: Strictness, dial: Dial) -> Self {
        let ordered = exchanges.iter().enumerate().filter(|(_, one)| one.asked.lane.is_ordered());
        let ordered = ordered.map(|(place, _)| place).collect();
        let state = State { played: 0, times: vec![0; exchanges.len()], differences: Vec::new() };
        Self { exchanges, ordered, volatile, strictness, dial, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything was asked at all.
    pub(crate) fn was_asked(&self) -> bool {
        let state = self.state();
        state.times.iter().any(|times| *times > 0) || !state.differences.is_empty()
    }

    /// In what the requests so far differ, and which recorded ones have not come.
    pub fn differences(&self) -> Vec<RequestDifference> {
        let state = self.state();
        let rest = match self.strictness {
            Strictness::Exact => self.ordered.get(state.played..).unwrap_or_default(),
            Strictness::AnyOrder => &[],
        };
        let missing = rest.iter().map(|place| RequestDifference::NotAsked(self.exchanges[*place].asked.clone()));
        state.differences.iter().cloned().chain(missing).collect()
    }

    /// Which exchange answers `asked`; none when the recording has no answer.
    fn find(&self, asked: &RecordedRequest) -> Option<usize> {
        let mut state = self.state();
        let found = match (self.strictness, asked.lane) {
            (Strictness::Exact, Lane::Page | Lane::Change) => self.next_ordered(&mut state, asked),
            (Strictness::Exact, Lane::Read) => self.reading(&state, asked),
            (Strictness::AnyOrder, _) => self.anywhere(&state, asked),
        };
        match found {
            Some(place) => state.times[place] += 1,
            None if BY_THEMSELVES.contains(&asked.url.path()) => {}
            None => state.differences.push(RequestDifference::NotRecorded(asked.clone())),
        }
        found
    }

    /// The next page or change, or the first later one that is the same; what is passed over was not asked. A browser that drops a
    /// navigation is asked for the page once more, so that a page twice in a row counts once.
    fn next_ordered(&self, state: &mut State, asked: &RecordedRequest) -> Option<usize> {
        let again = |place: usize| {
            let recorded = &self.exchanges[place].asked;
            let page = recorded.lane == Lane::Page && recorded.same_place(asked);
            page && recorded.differences(asked, &self.volatile).is_empty()
        };
        let last = state.played.checked_sub(1).and_then(|last| self.ordered.get(last)).copied();
        match (last, self.ordered.get(state.played).copied()) {
            (Some(last), Some(next)) if again(last) && !again(next) => return Some(last),
            (Some(last), None) if again(last) => return Some(last),
            (Some(_) | None, _) => {}
        }
        self.skip_repeated(state, asked);
        let rest = self.ordered.get(state.played..).unwrap_or_default();
        let recorded = |place: usize| &self.exchanges[place].asked;
        let same = |place: usize| {
            recorded(place).same_place(asked) && recorded(place).differences(asked, &self.volatile).is_empty()
        };
        // At the same place with other content is nearer than the same content much later.
        let next = rest.iter().position(|place| same(*place));
        let near = rest.first().is_some_and(|place| recorded(*place).same_place(asked)).then_some(0);
        let offset = match (near, next) {
            (Some(0), Some(0)) | (None, Some(_)) => next?,
            (Some(near), _) => near,
            (None, None) => rest.iter().position(|place| recorded(*place).same_place(asked))?,
        };
        let place = rest[offset];
        let skipped = rest[..offset].iter().map(|place| RequestDifference::NotAsked(recorded(*place).clone()));
        state.differences.extend(skipped);
        let carries = recorded(place).differences(asked, &self.volatile);
        if !carries.is_empty() {
            state.differences.push(RequestDifference::Carries(asked.clone(), carries));
        }
        state.played += offset + 1;
        Some(place)
    }

    /// Passes over recorded pages that repeat the one before, when something else is asked for now.
    fn skip_repeated(&self, state: &mut State, asked: &RecordedRequest) {
        while let (Some(last), Some(next)) =
            (state.played.checked_sub(1).and_then(|last| self.ordered.get(last)), self.ordered.get(state.played))
        {
            let (last, next) = (&self.exchanges[*last].asked, &self.exchanges[*next].asked);
            let repeated = next.lane == Lane::Page && last == next;
            if !repeated || next.same_place(asked) {
                return;
            }
            state.played += 1;
        }
    }

    /// What was read at this stage of the recording, or last before it, or first after it.
    fn reading(&self, state: &State, asked: &RecordedRequest) -> Option<usize> {
        let same = |place: &usize| {
            let recorded = &self.exchanges[*place].asked;
            recorded.same_place(asked) && recorded.differences(asked, &self.volatile).is_empty()
        };
        // Exchanges between the page or change played last and the next one.
        let from = state.played.checked_sub(1).and_then(|last| self.ordered.get(last)).map_or(0, |place| place + 1);
        let to = self.ordered.get(state.played).copied().unwrap_or(self.exchanges.len());
        let here = || (from..to).filter(same);
        // A question that a page took with it is no answer while there is one.
        let answered = |place: &usize| self.exchanges[*place].given != RecordedResponse::Silence;
        here()
            .filter(answered)
            .find(|place| state.times[*place] == 0)
            .or_else(|| here().rfind(answered))
            .or_else(|| (0..from).rev().filter(answered).find(same))
            .or_else(|| (to..self.exchanges.len()).filter(answered).find(same))
            .or_else(|| (0..self.exchanges.len()).find(same))
    }

    /// The first unplayed exchange at this place with these parameters, by name; else the last played one.
    fn anywhere(&self, state: &State, asked: &RecordedRequest) -> Option<usize> {
        let same = |place: &usize| {
            let recorded = &self.exchanges[*place].asked;
            let reads = recorded.lane != Lane::Change && asked.lane != Lane::Change;
            (recorded.lane == asked.lane || reads)
                && RecordedRequest { lane: asked.lane, ..recorded.clone() }.same_place(asked)
                && recorded.names() == asked.names()
                && (!reads || recorded.differences(asked, &self.volatile).is_empty())
        };
        let all = || (0..self.exchanges.len()).filter(same);
        all().find(|place| state.times[*place] == 0).or_else(|| all().next_back())
    }

    async fn asked(&self, request: Request<Outgoing>, reads: bool) -> Option<RecordedRequest> {
        let (head, body) = request.into_parts();
        let lane = Lane::of(reads, &head.headers);
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned);
        // What cannot be read whole is in no recording, and is told like everything that is not.
        let body = match Limited::new(body, LONGEST).collect().await {
            Ok(sent) => Body::read(kind.as_deref(), &sent.to_bytes()).await,
            Err(_) => Body::Opaque(Digest::of(b"unreadable")),
        };
        Some(RecordedRequest {
            lane,
            method: head.method.to_string(),
            url: head.uri.to_string().parse().ok()?,
            kind,
            body,
        })
    }

    async fn play(
        &self,
        asked: Option<RecordedRequest>,
        sending: Option<Sending<'_>>,
    ) -> Result<Response<Passing>, UpstreamError> {
        let place = asked.as_ref().and_then(|asked| self.find(asked)).ok_or(UpstreamError::NotRecorded)?;
        let exchange = &self.exchanges[place];
        if exchange.asked.lane.is_ordered() {
            self.dial.reach(exchange.at);
        }
        if let Some(sending) = sending
            && exchange.given != RecordedResponse::NotSent
        {
            sending(Clock::now());
        }
        match &exchange.given {
            RecordedResponse::Answer(answer) => Ok(response(answer)),
            RecordedResponse::Silence => std::future::pending().await,
            RecordedResponse::Lost => Err(UpstreamError::LostAsRecorded),
            RecordedResponse::NotSent => Err(UpstreamError::NotSentAsRecorded),
        }
    }
}

fn response(answer: &Answer) -> Response<Passing> {
    let mut response = Response::new(whole(Bytes::clone(&answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    let given = [
        (header::CONTENT_TYPE, &answer.kind),
        (header::LOCATION, &answer.location),
        (header::CACHE_CONTROL, &answer.cache),
    ];
    for (name, value) in given {
        if let Some(value) = value.as_deref().and_then(|value| HeaderValue::from_str(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

impl Upstream for Player {
    fn read(&self, request: Request<Outgoing>) -> Answering<'_> {
        Box::pin(async move {
            let asked = self.asked(request, true).await;
            self.play(asked, None).await
        })
    }

    fn write<'a>(&'a self, request: Request<Outgoing>, sending: Sending<'a>) -> Answering<'a> {
        Box::pin(async move {
            let asked = self.asked(request, false).await;
            self.play(asked, Some(sending)).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Instant;

    fn exchange(lane: Lane, method: &str, path: &str, body: &str, answer: &str) -> Exchange {
        let url = format!("https://change.example{path}").parse().unwrap();
        let body = match body {
            "" => Body::Empty,
            form => Body::Form(form_urlencoded::parse(form.as_bytes()).into_owned().collect()),
        };
        let answer = Answer { status: 200, kind: None, location: None, cache: None, body: answer.to_owned().into() };
        Exchange {
            at: Instant::from(jiff::Timestamp::from_second(1_000).unwrap()),
            asked: RecordedRequest { lane, method: method.into(), url, kind: None, body },
            given: RecordedResponse::Answer(answer),
        }
    }

    fn player(exchanges: Vec<Exchange>, strictness: Strictness) -> Player {
        let dial = Dial::at(Instant::from(jiff::Timestamp::from_second(0).unwrap()));
        Player::new(exchanges, BTreeSet::new(), strictness, dial)
    }

    async fn ask(player: &Player, one: &Exchange) -> Option<String> {
        let answer = player.play(Some(one.asked.clone()), None).await.ok()?;
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        Some(String::from_utf8(body.to_vec()).unwrap())
    }

    fn recording() -> Vec<Exchange> {
        vec![
            exchange(Lane::Page, "GET", "/list", "", "empty"),
            exchange(Lane::Read, "GET", "/rows", "", "none"),
            exchange(Lane::Change, "POST", "/save", "a=1", "saved"),
            exchange(Lane::Page, "GET", "/list", "", "one draft"),
            exchange(Lane::Read, "GET", "/rows", "", "one"),
        ]
    }

    #[tokio::test]
    async fn the_same_address_answers_as_it_did_at_that_point_of_the_recording() {
        let (all, player) = (recording(), player(recording(), Strictness::Exact));
        let mut told = Vec::new();
        for place in [0, 1, 1, 2, 3, 4] {
            told.push(ask(&player, &all[place]).await.unwrap());
        }
        assert_eq!(told, ["empty", "none", "none", "saved", "one draft", "one"]);
        assert!(player.differences().is_empty());
    }

    #[tokio::test]
    async fn a_request_that_is_not_in_the_recording_is_refused_and_told() {
        let player = player(recording(), Strictness::Exact);
        let strange = exchange(Lane::Change, "POST", "/elsewhere", "a=1", "");
        assert_eq!(ask(&player, &strange).await, None);
        assert!(player.differences().contains(&RequestDifference::NotRecorded(strange.asked)));
    }

    #[tokio::test]
    async fn a_request_left_out_and_one_that_carries_something_else_are_told() {
        let (all, player) = (recording(), player(recording(), Strictness::Exact));
        let other = exchange(Lane::Change, "POST", "/save", "a=2", "");
        assert_eq!(ask(&player, &other).await.as_deref(), Some("saved"));
        let told = player.differences();
        assert_eq!(told[0], RequestDifference::NotAsked(all[0].asked.clone()));
        assert!(matches!(&told[1], RequestDifference::Carries(_, what) if what[0].name == "a"), "{told:?}");
        assert_eq!(told[2..], [RequestDifference::NotAsked(all[3].asked.clone())]);
    }

    #[tokio::test]
    async fn a_page_asked_for_twice_in_a_row_counts_once_on_either_side() {
        let mut twice = recording();
        twice.insert(1, twice[0].clone());
        for (recorded, asked) in [(recording(), twice.clone()), (twice, recording())] {
            let player = player(recorded, Strictness::Exact);
            for one in &asked {
                ask(&player, one).await.unwrap();
            }
            assert_eq!(player.differences(), []);
        }
    }

    #[tokio::test]
    async fn what_another_tool_recorded_is_played_in_any_order() {
        let (all, player) = (recording(), player(recording(), Strictness::AnyOrder));
        let other = exchange(Lane::Change, "POST", "/save", "a=2", "");
        assert_eq!(ask(&player, &other).await.as_deref(), Some("saved"));
        assert_eq!(ask(&player, &all[0]).await.as_deref(), Some("empty"));
        assert!(player.differences().is_empty());
    }

    #[tokio::test]
    async fn an_icon_that_only_one_browser_asks_for_is_no_difference() {
        let player = player(recording(), Strictness::Exact);
        assert_eq!(ask(&player, &exchange(Lane::Read, "GET", "/favicon.ico", "", "")).await, None);
        assert!(!player.differences().iter().any(|one| matches!(one, RequestDifference::NotRecorded(_))));
    }
}
