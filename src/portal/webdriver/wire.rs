//! One WebDriver command at a time, counted and timed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fantoccini::error::{CmdError, ErrorStatus, NewSessionError};
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use serde_json::{Map, Value, json};

use super::bounds;
use super::frames::{FRAME, FrameId, Frames};
use super::world::World;
use crate::portal::PortalError;
use crate::portal::network::Network;

/// A command by method, path below the session, and body.
#[derive(Debug, Clone)]
struct Raw {
    method: http::Method,
    path: String,
    body: Option<String>,
}

impl WebDriverCompatibleCommand for Raw {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (self.method.clone(), self.body.clone())
    }
}

/// Goes into a control and selects what it holds; whether that is rich text.
const SELECT: &str = "function (element) {
  element.focus();
  if (element.select) element.select();
  else getSelection().selectAllChildren(element);
  return element.isContentEditable === true;
}";

/// Takes what was chosen out of a file control.
const FORGET: &str = "function (element) { element.value = ''; }";

/// Leaves a control.
const LEAVE: &str = "function (element) { element.blur(); }";

/// Key of an element reference in WebDriver's JSON.
pub(super) const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A part of a page, in CSS pixels from its corner.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// Left edge.
    pub x: f64,
    /// Upper edge.
    pub y: f64,
    pub width: f64,
    pub height: f64,
    /// Where the window is scrolled to, if all of it is in the window.
    pub window: Option<(f64, f64)>,
}

/// A reference to an element of the current page, or of a frame in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElementRef {
    /// The browser's name for it.
    pub(super) id: String,
    /// The frame that it is in.
    pub(super) frame: Option<FrameId>,
}

impl ElementRef {
    /// Reads a reference out of what a script returned.
    pub fn from_json(value: &Value) -> Option<Self> {
        let id = value.get(ELEMENT)?.as_str()?.to_owned();
        Some(Self { id, frame: value.get(FRAME).and_then(FrameId::from_json) })
    }

    fn path(&self, command: &str) -> String {
        format!("element/{}/{command}", self.id)
    }

    /// The reference as WebDriver's JSON.
    pub(super) fn to_json(&self) -> Value {
        json!({ ELEMENT: self.id })
    }
}

/// Where to scroll a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scroll {
    ToTop,
    /// By most of what is to be seen of it.
    On,
}

/// How a command failed, as far as callers can act on it.
#[derive(Debug)]
pub enum WireError {
    /// A JavaScript dialog is open.
    Dialog,
    /// The page changed under the reference, or a script ran into a new page.
    Stale,
    /// Something lies over the element.
    Covered,
    /// The element takes up no room on the page.
    Unplaced,
    /// The window, or the frame that commands go to, is gone.
    Gone,
    /// The driver did not answer in time.
    Timeout,
    /// The agent's own script failed in the page: what the browser says of a locator that it cannot read, else nothing.
    Script(String),
    /// Anything else. Drivers quote values in messages, so that only the kind of error is kept.
    Other(&'static str),
}

impl From<WireError> for PortalError {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Dialog => Self::Dialog(crate::model::private::Private::new(String::new())),
            WireError::Stale => Self::Browser("an element went away while it was used".into()),
            WireError::Covered => Self::Browser("something lies over the element to click".into()),
            WireError::Unplaced => Self::Browser("the element cannot be used: it takes up no room on the page".into()),
            WireError::Gone => Self::Browser("the window is gone".into()),
            WireError::Timeout => Self::Timeout("the browser's driver".into()),
            WireError::Script(what) => Self::Browser(format!("a script failed in the page{what}")),
            WireError::Other(what) => Self::Browser(what.into()),
        }
    }
}

fn classify(error: &CmdError) -> WireError {
    if error.is_unexpected_alert_open() {
        return WireError::Dialog;
    }
    if error.is_stale_element_reference() || error.is_no_such_element() {
        return WireError::Stale;
    }
    match error {
        CmdError::Standard(told) => match told.error {
            ErrorStatus::ElementClickIntercepted => WireError::Covered,
            ErrorStatus::ElementNotInteractable => WireError::Other("the element cannot be used"),
            ErrorStatus::InvalidSessionId => WireError::Other("the browser session is gone"),
            ErrorStatus::JavascriptError => WireError::Script(String::new()),
            ErrorStatus::InvalidArgument => WireError::Other("the driver refused an argument"),
            ErrorStatus::NoSuchWindow | ErrorStatus::NoSuchFrame => WireError::Gone,
            ErrorStatus::InvalidSelector => WireError::Other("a locator of the map is not valid"),
            ErrorStatus::Timeout | ErrorStatus::ScriptTimeout => WireError::Timeout,
            _ => WireError::Other("the driver reported an error"),
        },
        CmdError::Lost(_) | CmdError::Failed(_) | CmdError::FailedC(_) => WireError::Other("the driver is gone"),
        // `detached shadow root`, `inspected target navigated`: the page went away under the command.
        _ => WireError::Stale,
    }
}

/// A session, with its counters.
pub struct Wire {
    client: Client,
    pub(super) world: World,
    pub(super) frames: Frames,
    trips: AtomicU64,
    busy: AtomicU64,
    stuck: AtomicBool,
    limit: Duration,
    pace: Duration,
}

impl Wire {
    /// Opens a session. `limit` bounds every single command.
    ///
    /// # Errors
    ///
    /// A description without anything the driver quoted.
    pub async fn open(
        url: &str,
        capabilities: Map<String, Value>,
        limit: Duration,
        network: &Network,
    ) -> Result<Self, PortalError> {
        let mut builder = ClientBuilder::new(network.clone());
        builder.capabilities(capabilities);
        let begun = Instant::now();
        let client = match tokio::time::timeout(limit.max(Duration::from_secs(60)), builder.connect(url)).await {
            Err(_) => return Err(PortalError::Browser("the driver did not open a session in time".into())),
            Ok(Err(NewSessionError::SessionNotCreated(told))) => {
                return Err(PortalError::Browser(format!("the browser did not start: {}", told.message)));
            }
            // The message is the browser's own about its start: nothing has been typed yet.
            Ok(Err(error)) => return Err(PortalError::Browser(format!("the browser did not start: {error}"))),
            Ok(Ok(client)) => client,
        };
        let address = client.capabilities().and_then(|given| given.get("webSocketUrl")?.as_str()).map(str::to_owned);
        let address = address.ok_or_else(|| PortalError::Browser("the driver does not speak WebDriver BiDi".into()))?;
        let entered = tokio::time::timeout(limit, World::enter(&address, network)).await;
        let world = entered.map_err(|_| WireError::Timeout).flatten()?;
        let (trips, busy, stuck) = (AtomicU64::new(1), AtomicU64::new(0), AtomicBool::new(false));
        let frames = Frames::default();
        let wire = Self { client, world, frames, trips, busy, stuck, limit, pace: Duration::ZERO };
        wire.spent(begun);
        Ok(wire)
    }

    /// Rests before everything that a person could do, so that a person can watch.
    pub(crate) fn paced(self, pace: Duration) -> Self {
        Self { pace, ..self }
    }

    async fn rest(&self) {
        if !self.pace.is_zero() {
            tokio::time::sleep(self.pace).await;
        }
    }

    fn spent(&self, begun: Instant) {
        let nanoseconds = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.busy.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// Commands sent so far.
    pub fn trips(&self) -> u64 {
        self.trips.load(Ordering::Relaxed)
    }

    /// Time spent waiting for the driver so far.
    pub(crate) fn busy(&self) -> Duration {
        Duration::from_nanos(self.busy.load(Ordering::Relaxed))
    }

    async fn command(&self, method: http::Method, path: String, body: Option<Value>) -> Result<Value, WireError> {
        if self.stuck.load(Ordering::Relaxed) {
            // Commands of one session queue up: behind one that is not answered, none is.
            return Err(WireError::Timeout);
        }
        self.trips.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let command = Raw { method, path, body: body.map(|body| body.to_string()) };
        let result = tokio::time::timeout(self.limit, self.client.issue_cmd(command)).await;
        self.spent(begun);
        match result {
            Err(_) => {
                self.stuck.store(true, Ordering::Relaxed);
                Err(WireError::Timeout)
            }
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                let kind = classify(&error);
                tracing::debug!(?kind, "command failed");
                Err(kind)
            }
        }
    }

    pub(super) async fn post(&self, path: impl Into<String>, body: Value) -> Result<Value, WireError> {
        self.command(http::Method::POST, path.into(), Some(body)).await
    }

    /// A command at an element.
    async fn post_to(&self, element: &ElementRef, command: &str, body: Value) -> Result<Value, WireError> {
        self.stand_in(element.frame).await?;
        let done = self.post(element.path(command), body).await;
        match (done, element.frame) {
            // The frame went away, and the element with it.
            (Err(WireError::Gone), Some(_)) => {
                self.frames.leave();
                Err(WireError::Stale)
            }
            (done, _) => done,
        }
    }

    /// Goes to a URL. Returns at once: the session does not wait for pages.
    pub async fn goto(&self, url: &url::Url) -> Result<(), WireError> {
        self.rest().await;
        self.stand_in(None).await?;
        self.post("url", json!({ "url": url })).await.map(drop)
    }

    /// Runs a script on the page's document, in a world that the page cannot touch: `argument` is its `arguments[0]`.
    pub async fn script(&self, script: &str, argument: Value) -> Result<Value, WireError> {
        self.script_in(None, script, argument).await
    }

    /// Runs a script on the document of a frame, or of the page.
    pub(super) async fn script_in(
        &self,
        frame: Option<FrameId>,
        script: &str,
        argument: Value,
    ) -> Result<Value, WireError> {
        let context = self.context(frame);
        self.asked(self.world.script(&context, script, &argument, frame)).await
    }

    /// Something asked by WebDriver BiDi.
    pub(super) async fn asked<T>(&self, question: impl Future<Output = Result<T, WireError>>) -> Result<T, WireError> {
        if self.stuck.load(Ordering::Relaxed) {
            return Err(WireError::Timeout);
        }
        self.trips.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let result = tokio::time::timeout(self.limit, question).await;
        self.spent(begun);
        result.map_err(|_| WireError::Timeout).flatten()
    }

    /// Clicks as a person would.
    pub async fn click(&self, element: &ElementRef) -> Result<(), WireError> {
        self.rest().await;
        let around = self.around(element);
        self.asked(self.world.click(&self.node(element), &around)).await
    }

    /// Chooses an option of a list, which the driver opens for it where it has to.
    pub(crate) async fn choose(&self, option: &ElementRef) -> Result<(), WireError> {
        self.rest().await;
        self.post_to(option, "click", json!({})).await.map(drop)
    }

    /// Selects all that a control holds, so that what is typed next replaces it, as a page sees it from a person. Whether it is
    /// rich text, in which a key ends a line.
    pub async fn select_all(&self, element: &ElementRef) -> Result<bool, WireError> {
        self.asked(self.world.on(SELECT, &self.node(element))).await
    }

    /// Empties a day or time, part by part.
    pub(crate) async fn clear(&self, element: &ElementRef) -> Result<(), WireError> {
        self.post_to(element, "clear", json!({})).await.map(drop)
    }

    /// Leaves a control. No key is pressed: in an open list, Tab would choose.
    pub async fn leave(&self, element: &ElementRef) -> Result<(), WireError> {
        self.asked(self.world.on(LEAVE, &self.node(element))).await.map(drop)
    }

    /// Gives a file to a control.
    pub(crate) async fn give_file(&self, element: &ElementRef, path: &str) -> Result<(), WireError> {
        self.rest().await;
        self.asked(self.world.give_file(&self.node(element), path)).await
    }

    /// Presses keys as a person would.
    pub async fn keys(&self, element: &ElementRef, text: &str) -> Result<(), WireError> {
        self.rest().await;
        self.post_to(element, "value", json!({ "text": text })).await.map(drop)
    }

    /// Takes what was chosen out of a file control.
    pub(crate) async fn forget_file(&self, element: &ElementRef) -> Result<(), WireError> {
        self.asked(self.world.on(FORGET, &self.node(element))).await.map(drop)
    }

    /// Scrolls the list in which an option is; whether that moved it.
    pub(crate) async fn scroll_list(&self, option: &ElementRef, whither: Scroll) -> Result<bool, WireError> {
        self.asked(self.world.scroll_list(&self.node(option), whither)).await
    }

    /// A picture of the window's content, as PNG.
    pub async fn screenshot(&self) -> Result<Vec<u8>, WireError> {
        if self.stuck.load(Ordering::Relaxed) {
            return Err(WireError::Timeout);
        }
        self.trips.fetch_add(1, Ordering::Relaxed);
        let begun = Instant::now();
        let result = tokio::time::timeout(self.limit, self.client.screenshot()).await;
        self.spent(begun);
        match result {
            Err(_) => Err(WireError::Timeout),
            Ok(result) => result.map_err(|error| classify(&error)),
        }
    }

    /// A picture of a part of the page, as PNG.
    pub async fn part(&self, clip: &Clip) -> Result<Vec<u8>, WireError> {
        self.asked(self.world.picture(clip)).await
    }

    /// Text of the open JavaScript dialog.
    pub(crate) async fn dialog_text(&self) -> Result<String, WireError> {
        let value = self.command(http::Method::GET, "alert/text".into(), None).await?;
        Ok(bounds::text(value.as_str().unwrap_or_default().to_owned()))
    }

    /// Dismisses the open JavaScript dialog.
    pub(crate) async fn dismiss_dialog(&self) -> Result<(), WireError> {
        self.post("alert/dismiss", json!({})).await.map(drop)
    }

    /// Clicks without waiting for the driver's answer: with a request held, it may come only after the release.
    pub(crate) async fn click_detached(&self, element: &ElementRef) -> Result<(), WireError> {
        self.stand_in(element.frame).await?;
        self.post_detached(element.path("click"));
        Ok(())
    }

    /// Accepts the open JavaScript dialog, without waiting either.
    pub(crate) fn accept_detached(&self) {
        self.post_detached("alert/accept".to_owned());
    }

    fn post_detached(&self, path: String) {
        self.trips.fetch_add(1, Ordering::Relaxed);
        let client = self.client.clone();
        let command = Raw { method: http::Method::POST, path, body: Some("{}".to_owned()) };
        tokio::spawn(async move { drop(client.issue_cmd(command).await) });
    }

    /// Whether the browser still has a window.
    pub(crate) async fn has_window(&self) -> bool {
        if self.stuck.load(Ordering::Relaxed) {
            return false;
        }
        match self.command(http::Method::GET, "window/handles".into(), None).await {
            Ok(handles) => handles.as_array().is_some_and(|handles| !handles.is_empty()),
            // A dialog is open in a window, and a slow driver still has one.
            Err(WireError::Dialog | WireError::Timeout | WireError::Covered | WireError::Unplaced) => true,
            Err(WireError::Stale | WireError::Gone | WireError::Script(_) | WireError::Other(_)) => false,
        }
    }

    /// Ends the session, within a bound.
    pub async fn close(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(5), self.client.clone().close()).await;
    }
}
