//! A commit request between its arrival and its release or refusal.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::sync::oneshot;

use super::control::{AnswerKept, Answered, Control, Decision, Release};
use super::interlock::AttemptId;
use super::policy::Origin;
use super::proxy::{Answer, Rules, framed, relay, signs_out};
use super::refuse::{plain, refuse_parts};
use super::upstream::{Outgoing, whole};
use crate::model::portal_facts::{CommitContent, Refusal};

/// Tells the interlock when the browser stops waiting.
struct GiveUp {
    control: Control,
    attempt: Option<AttemptId>,
}

impl Drop for GiveUp {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt {
            self.control.give_up(attempt);
        }
    }
}

/// Lets a commit request wait until the agent decides about it, or refuses it at once.
pub(super) async fn hold(
    head: http::request::Parts,
    bytes: Bytes,
    content: CommitContent,
    origin: &Origin,
    rules: &Arc<Rules>,
) -> Answer {
    let Some((attempt, decided)) = rules.control.attempt(content) else {
        return refuse_parts(rules, Refusal::Commit, &head, Some(origin));
    };
    let (pass, passed) = oneshot::channel();
    let mut waiting = GiveUp { control: rules.control.clone(), attempt: Some(attempt) };
    let task = Waiting { head, bytes, origin: origin.clone(), rules: Arc::clone(rules) };
    // Detached, with the request in its hands: once released it is sent, whatever the browser does meanwhile, and its answer
    // is awaited and known.
    tokio::spawn(task.until(decided, pass));
    let answer = passed.await;
    waiting.attempt = None;
    answer.unwrap_or_else(|_| plain(StatusCode::BAD_GATEWAY, "the portal did not answer"))
}

/// A held request, until it is decided about.
struct Waiting {
    head: http::request::Parts,
    bytes: Bytes,
    origin: Origin,
    rules: Arc<Rules>,
}

impl Waiting {
    async fn until(self, decided: oneshot::Receiver<Decision>, pass: oneshot::Sender<Answer>) {
        let Self { head, bytes, origin, rules } = self;
        match decided.await {
            Ok(Decision::Forward(tell, within)) => {
                let length = bytes.len() as u64;
                let request = framed(head, whole(bytes), length, &origin);
                forward_commit(request, rules, tell, pass, within).await;
            }
            Ok(Decision::Refuse) | Err(_) => {
                let _ = pass.send(refuse_parts(&rules, Refusal::Commit, &head, Some(&origin)));
            }
        }
    }
}

async fn forward_commit(
    request: Request<Outgoing>,
    rules: Arc<Rules>,
    tell: oneshot::Sender<Release>,
    pass: oneshot::Sender<Answer>,
    within: std::time::Duration,
) {
    let guard = rules.control.begin(false);
    let mut sent_at = None;
    let exchange = rules.upstream.write(request, Box::new(|at| sent_at = Some(at)));
    let result = tokio::time::timeout(within, exchange).await;
    let answered = match &result {
        Ok(Ok(response)) => {
            Answered::Status { status: response.status().as_u16(), sign_in: signs_out(response, &rules) }
        }
        Ok(Err(_)) | Err(_) if sent_at.is_none() => Answered::NotSent,
        Ok(Err(_)) | Err(_) => Answered::NoAnswer,
    };
    let (kept, passed_on) = AnswerKept::new();
    // Nobody listens any more: then the keeper is dropped with the message, and the answer passes on at once.
    let _ = tell.send(Release { sent_at, answered, kept });
    let _ = passed_on.await;
    if let Ok(result) = result {
        let _ = pass.send(relay(result, &rules, guard, true));
    }
}
