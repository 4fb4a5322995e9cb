//! Opening pages and waiting for them: by conditions on the page and by what passes the gateway, never by time alone.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::WebPortal;
use super::answer::PageSnapshot;
use super::ask::{PageQuery, SCRIPT};
use super::frames::FrameId;
use super::wire::WireError;
use crate::gateway::proxy::PROBE;
use crate::model::private::Private;
use crate::portal::PortalError;

/// Pauses between two looks when nothing happens at the gateway: short at first, since most pages are ready soon.
const FIRST_TICK: Duration = Duration::from_millis(10);
const LAST_TICK: Duration = Duration::from_millis(80);

/// How long traffic is waited for before the first look.
pub(super) const SETTLES: Duration = Duration::from_secs(2);

/// How long a navigation may take to show any sign of life before it is asked for again.
const LOST: Duration = Duration::from_secs(4);

/// Most frames that no place names which are looked into at once.
const MOST_FRAMES: usize = 20;

/// How long a page's mark may take to the gateway.
const MARK: Duration = Duration::from_secs(1);

/// What a look expects of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expect {
    /// Signed in, no dialog.
    Session,
    /// Signed in, a dialog of the page may be open.
    Dialog,
    Anything,
}

/// One look at the page.
pub(super) enum Look {
    Page(Box<PageSnapshot>),
    /// The page is changing.
    Changing,
    /// The script failed, and why as far as that may be said: a page that is being torn down has no document any more; and a
    /// locator may be none.
    Failed(String),
}

impl WebPortal {
    /// One look.
    pub(super) async fn look(&self, ask: &PageQuery) -> Result<Look, PortalError> {
        match self.looks(ask).await {
            Ok(Some(answer)) => Ok(Look::Page(Box::new(answer))),
            Ok(None) => Ok(Look::Changing),
            Err(WireError::Stale) => Ok(Look::Changing),
            Err(WireError::Script(what)) => Ok(Look::Failed(what)),
            Err(WireError::Dialog) => {
                let text = self.wire.dialog_text().await.unwrap_or_default();
                Err(PortalError::Dialog(Private::new(text)))
            }
            Err(WireError::Timeout) => Err(PortalError::Timeout("the page".to_owned())),
            Err(error @ (WireError::Covered | WireError::Unplaced | WireError::Gone | WireError::Other(_))) => {
                Err(error.into())
            }
        }
    }

    /// Looks at the page, then at the frames in it that the map names and that are there. A page that is being torn down answers
    /// nothing.
    async fn looks(&self, ask: &PageQuery) -> Result<Option<PageSnapshot>, WireError> {
        let page = self.wire.script(SCRIPT, ask.page()).await?;
        let Ok(mut answer) = serde_json::from_value::<PageSnapshot>(page) else { return Ok(None) };
        for (name, question) in ask.places() {
            let holder = answer.frames().find(|(known, _)| *known == name).map(|(_, holder)| holder);
            let Some(holder) = holder else { continue };
            let frame = self.wire.frame_in(&holder).await?;
            let told = self.wire.script_in(Some(frame), SCRIPT, question).await;
            if let Err(WireError::Stale) = told {
                // Put into the page anew, it is another frame.
                self.wire.frames.forget(frame);
            }
            let Ok(told) = serde_json::from_value(told?) else { return Ok(None) };
            answer = answer.and(name, told);
        }
        Ok(Some(answer))
    }

    /// A frame that a person sees and no place names, if it holds what a run must not pass over: which one, and what it holds.
    async fn unseen(&self, answer: &PageSnapshot) -> Result<Option<String>, WireError> {
        let mut open: Vec<_> = answer.unnamed().collect();
        let mut looked = 0;
        while let Some((holder, which)) = open.pop() {
            if looked == MOST_FRAMES {
                return Ok(Some(format!("one of more than {MOST_FRAMES} frames on the page is not looked into")));
            }
            looked += 1;
            let frame = self.wire.frame_in(&holder).await?;
            let told = self.wire.script_in(Some(frame), SCRIPT, PageQuery::unnamed(self.map())).await;
            if let Err(WireError::Stale) = told {
                self.wire.frames.forget(frame);
            }
            let inner: PageSnapshot = serde_json::from_value(told?).map_err(|_| WireError::Stale)?;
            if inner.state.ready == "loading" {
                return Err(WireError::Stale);
            }
            if let Some(holds) = inner.holds() {
                return Ok(Some(format!("{which} on the page holds {holds}")));
            }
            open.extend(inner.unnamed().map(|(holder, inside)| (holder, format!("{inside} in {which}"))));
        }
        Ok(None)
    }

    /// Looks until `done`, for at most `limit`.
    pub(super) async fn wait(
        &mut self,
        what: &str,
        ask: &PageQuery,
        expect: Expect,
        limit: Duration,
        mut done: impl FnMut(&PageSnapshot) -> bool,
    ) -> Result<PageSnapshot, PortalError> {
        let deadline = Instant::now() + limit;
        let mut activity = self.config.control.activity();
        let errors = self.config.control.server_errors();
        let mut tick = FIRST_TICK;
        loop {
            activity.mark_unchanged();
            let mut look = self.look(ask).await?;
            if let Look::Page(answer) = look {
                let state = &answer.state;
                match expect {
                    Expect::Anything => {}
                    Expect::Session | Expect::Dialog if state.signed_out || self.is_led_to_sign_in() => {
                        return Err(PortalError::SessionLost);
                    }
                    Expect::Session => {
                        if let Some(text) = state.dialogs.first() {
                            return Err(PortalError::Dialog(Private::new(text.clone())));
                        }
                    }
                    Expect::Dialog => {}
                }
                if state.ready != "loading" && done(&answer) {
                    match if expect == Expect::Session { self.unseen(&answer).await } else { Ok(None) } {
                        Ok(None) => {
                            self.document = answer.state.origin_time;
                            return Ok(*answer);
                        }
                        Ok(Some(what)) => return Err(PortalError::Unseen(what)),
                        // It is changing: the next look tells.
                        Err(WireError::Stale) => {}
                        Err(error) => return Err(self.explain(error).await),
                    }
                }
                if expect != Expect::Anything && self.config.control.server_errors() > errors && self.quiet() {
                    return Err(PortalError::Server);
                }
                look = Look::Page(answer);
            }
            if Instant::now() >= deadline {
                return Err(match look {
                    Look::Page(answer) => PortalError::Timeout(self.still(what, &answer)),
                    Look::Changing => PortalError::Timeout(what.to_owned()),
                    Look::Failed(why) => PortalError::Browser(format!("{what}: a script failed in the page{why}")),
                });
            }
            // Either something happens at the gateway, or a moment passes: scripts can change a page without a request.
            let _ = tokio::time::timeout(tick, activity.changed()).await;
            tick = LAST_TICK.min(tick * 2);
        }
    }

    fn is_led_to_sign_in(&self) -> bool {
        self.config.control.sign_outs() > self.sign_outs
    }

    /// What was waited for, and what a last look found wanting.
    fn still(&self, what: &str, answer: &PageSnapshot) -> String {
        let on_its_way = self.config.control.in_flight();
        let mut found = Vec::new();
        if answer.state.ready == "loading" {
            found.push("the page is still loading".to_owned());
        }
        if answer.state.busy {
            found.push("the page says that it works".to_owned());
        }
        if on_its_way > 0 {
            found.push(format!("{on_its_way} requests are not answered"));
        }
        found.extend(answer.wanting());
        if found.is_empty() { what.to_owned() } else { format!("{what} ({})", found.join(", ")) }
    }

    /// Whether nothing is on its way to the portal.
    pub(super) fn quiet(&self) -> bool {
        self.config.control.in_flight() == 0
    }

    /// Waits, at most `within`, until something has passed the gateway since `passed` and nothing is on its way any more: a
    /// look before that would be in vain. Looking goes on afterwards, whatever came of it.
    pub(super) async fn traffic_settles(&self, passed: u64, within: Duration) {
        let control = &self.config.control;
        let mut activity = control.activity();
        let settled = async {
            while control.passed() == passed || control.in_flight() > 0 {
                if activity.changed().await.is_err() {
                    return;
                }
            }
        };
        let _ = tokio::time::timeout(within, settled).await;
    }

    /// Waits until what a document asked for so far has reached the gateway: a request of its own, which the gateway itself
    /// answers, comes after it. A portal whose pages may ask for nothing is found out once, and not asked again.
    pub(super) async fn mark_traffic(&mut self, frame: Option<FrameId>) {
        if !self.marks {
            return;
        }
        let nonce = format!("{:032x}", rand::random::<u128>());
        let script = "fetch(arguments[0], { cache: 'no-store', credentials: 'omit' }).catch(() => {});";
        let sent = self.wire.script_in(frame, script, Value::String(format!("{PROBE}{nonce}"))).await.is_ok();
        self.marks = sent && self.config.control.await_probe(&nonce, MARK).await;
    }

    /// Goes to a path of the portal and waits there for a new document that fulfils `done`.
    pub(super) async fn open(
        &mut self,
        what: &str,
        path: &str,
        ask: &PageQuery,
        expect: Expect,
        mut done: impl FnMut(&PageSnapshot) -> bool,
    ) -> Result<PageSnapshot, PortalError> {
        let url = self.config.base.join(path).map_err(|_| PortalError::Browser(format!("{what}: not an address")))?;
        self.current = None;
        self.last = None;
        if url.fragment().is_some() {
            // To another fragment of the same page the browser would go without loading it.
            self.send_probe().await?;
        }
        let before = self.document;
        let passed = self.config.control.passed();
        self.wire.goto(&url).await?;
        self.traffic_settles(passed, SETTLES).await;
        let limit = self.ready_limit();
        let mut arrived = false;
        let mut ready = |answer: &PageSnapshot| {
            arrived |= answer.state.origin_time > before;
            answer.state.origin_time > before && done(answer)
        };
        match self.wait(what, ask, expect, LOST.min(limit), &mut ready).await {
            Err(PortalError::Timeout(_)) => {}
            other => return other,
        }
        if !arrived && self.quiet() {
            // No new document and nothing on its way: the browser dropped the navigation. Asking again only reads.
            tracing::info!(what, "navigating again");
            self.wire.goto(&url).await?;
        }
        let mut ready = |answer: &PageSnapshot| answer.state.origin_time > before && done(answer);
        self.wait(what, ask, expect, limit.saturating_sub(LOST), &mut ready).await
    }
}
