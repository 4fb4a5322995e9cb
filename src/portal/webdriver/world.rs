//! A world of the agent's own in the page: scripts see the document as it is, and nothing that the page has overridden. By
//! WebDriver `BiDi`, beside the classic session.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::frames::{FRAME, FrameId};
use super::wire::{Clip, ELEMENT, Scroll, WireError};
use crate::portal::network::Network;

/// Largest answer, in bytes.
const ANSWER: usize = 32 << 20;

/// Name of the world.
const SANDBOX: &str = "portal-agent";

/// Beside an element: true if it has a shadow root, open or closed.
pub(super) const SHADOW: &str = "shadow";

/// Calls the script of this key with its argument, if the document has it already.
const CALL: &str = "function (argument) { return globalThis.portalAgentScripts?.KEY?.(argument) }";

/// Gives the document the script and calls it. It packs what the script returns: JSON, in which `{"$": N}` stands for the element
/// N that is handed over beside it.
const GIVE: &str = r"function (argument) {
  const elements = [];
  const pack = (value) => {
    if (value === null || typeof value !== 'object') return value;
    if (value.nodeType) return { $: elements.push(value) - 1 };
    if (Array.isArray(value)) return value.map(pack);
    return Object.fromEntries(Object.entries(value).map(([name, below]) => [name, pack(below)]));
  };
  const script = function () { SCRIPT
  };
  (globalThis.portalAgentScripts ??= {}).KEY = (argument) => {
    elements.length = 0;
    const result = pack(script(JSON.parse(argument)));
    return [JSON.stringify(result ?? null), ...elements];
  };
  return globalThis.portalAgentScripts.KEY(argument);
}";

/// The window of a frame.
const WINDOW: &str = "function (frame) { return frame.contentWindow }";

/// Scrolls the nearest list around an element.
const SCROLL: &str = r"function (element, on) {
  const above = (at) => at.parentElement ?? at.getRootNode().host ?? null;
  const scrolls = (at) => at.scrollHeight > at.clientHeight + 1 && getComputedStyle(at).overflowY !== 'visible';
  let at = above(element);
  while (at && at !== document.body && at !== document.documentElement && !scrolls(at)) at = above(at);
  if (!at || at === document.body || at === document.documentElement) return false;
  const before = at.scrollTop;
  at.scrollTop = on ? before + Math.max(1, at.clientHeight * 0.8) : 0;
  return at.scrollTop !== before;
}";

/// What a command gave, or the error's code of WebDriver `BiDi`.
type Answered = Result<Value, String>;

struct Command {
    method: &'static str,
    parameters: Value,
    answer: oneshot::Sender<Answered>,
}

/// An element, and the browsing context that it is in.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub context: String,
    pub id: String,
}

impl Node {
    /// The element as an argument.
    pub(super) fn to_json(&self) -> Value {
        json!({ "sharedId": self.id })
    }
}

/// The connection to the browser, and which tab of it.
#[derive(Debug)]
pub(super) struct World {
    commands: mpsc::Sender<Command>,
    dialog: watch::Receiver<bool>,
    tab: String,
}

impl World {
    /// Connects to the address that the session named.
    pub(super) async fn enter(address: &str, network: &Network) -> Result<Self, WireError> {
        let config = WebSocketConfig::default().max_message_size(Some(ANSWER)).max_frame_size(Some(ANSWER));
        let silent = || WireError::Other("the driver does not speak WebDriver BiDi");
        let place: http::Uri = address.parse().map_err(|_| silent())?;
        let host = place.host().ok_or_else(silent)?;
        let stream = network.connect(host, place.port_u16().unwrap_or(80)).await.map_err(|_| silent())?;
        stream.set_nodelay(true).map_err(|_| silent())?;
        let connected = client_async_with_config(place, stream, Some(config)).await;
        let (socket, _) = connected.map_err(|_| silent())?;
        let (commands, waiting) = mpsc::channel(1);
        let (opened, dialog) = watch::channel(false);
        tokio::spawn(converse(socket, waiting, opened));
        let mut world = Self { commands, dialog, tab: String::new() };
        let events = json!({ "events": ["browsingContext.userPromptOpened", "browsingContext.userPromptClosed"] });
        world.send("session.subscribe", events).await?;
        let tree = world.send("browsingContext.getTree", json!({ "maxDepth": 0 })).await?;
        let tab = tree["contexts"][0]["context"].as_str();
        tab.ok_or(WireError::Other("the browser has no tab"))?.clone_into(&mut world.tab);
        Ok(world)
    }

    async fn send(&self, method: &'static str, parameters: Value) -> Result<Value, WireError> {
        self.tell(method, parameters).await?.await.map_err(|_| gone())?.map_err(stale)
    }

    /// Sends a command. Its answer comes later, to whoever waits for it.
    pub(super) async fn tell(
        &self,
        method: &'static str,
        parameters: Value,
    ) -> Result<oneshot::Receiver<Answered>, WireError> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(Command { method, parameters, answer }).await.map_err(|_| gone())?;
        Ok(answered)
    }

    /// Which tab of the browser this is.
    pub(super) fn tab(&self) -> &str {
        &self.tab
    }

    /// Sends a command and waits for its answer, or for a dialog that keeps the browser from answering.
    pub(super) async fn answered(&self, method: &'static str, parameters: Value) -> Result<Answered, WireError> {
        let mut dialog = self.dialog.clone();
        let answered = self.tell(method, parameters).await?;
        tokio::select! {
            biased;
            answer = answered => answer.map_err(|_| gone()),
            Ok(_) = dialog.wait_for(|open| *open) => Err(WireError::Dialog),
        }
    }

    async fn undisturbed(&self, method: &'static str, parameters: Value) -> Result<Value, WireError> {
        self.answered(method, parameters).await?.map_err(stale)
    }

    /// A picture of a part of the page, as PNG. One that is all in the window is taken of the window: the page may notice when more
    /// than that is rendered.
    pub(super) async fn picture(&self, clip: &Clip) -> Result<Vec<u8>, WireError> {
        let (origin, (left, top)) = clip.window.map_or(("document", (0.0, 0.0)), |scroll| ("viewport", scroll));
        let (x, y) = (clip.x - left, clip.y - top);
        let parameters = json!({
            "context": self.tab,
            "origin": origin,
            "format": { "type": "image/png" },
            "clip": { "type": "box", "x": x, "y": y, "width": clip.width, "height": clip.height },
        });
        let answer = self.undisturbed("browsingContext.captureScreenshot", parameters).await?;
        let data = answer["data"].as_str().and_then(|data| BASE64_STANDARD.decode(data).ok());
        data.ok_or(WireError::Other("the browser took no picture"))
    }

    /// Calls a function in the agent's own world, in the page or in a frame of it.
    pub(super) async fn call(&self, context: &str, function: &str, arguments: Value) -> Result<Value, WireError> {
        let parameters = json!({
            "functionDeclaration": function,
            "awaitPromise": true,
            "target": { "context": context, "sandbox": SANDBOX },
            "arguments": arguments,
            "resultOwnership": "none",
            "serializationOptions": { "maxDomDepth": 0, "maxObjectDepth": 1, "includeShadowTree": "all" },
        });
        let answer = self.undisturbed("script.callFunction", parameters).await?;
        match answer["type"].as_str() {
            Some("success") => Ok(answer),
            Some(_) | None => Err(WireError::Script(complaint(&answer))),
        }
    }

    /// Calls a function with an element, for what it does; whether it said yes.
    pub(super) async fn on(&self, function: &str, element: &Node) -> Result<bool, WireError> {
        let answer = self.call(&element.context, function, json!([element.to_json()])).await?;
        Ok(answer["result"]["value"] == true)
    }

    /// The browsing context of the frame that an element holds.
    pub(super) async fn context_in(&self, holder: &Node) -> Result<String, WireError> {
        let answer = self.call(&holder.context, WINDOW, json!([holder.to_json()])).await?;
        answer["result"]["value"]["context"].as_str().map(str::to_owned).ok_or(WireError::Stale)
    }

    /// Scrolls what an element is in; whether that moved it.
    pub(super) async fn scroll_list(&self, element: &Node, whither: Scroll) -> Result<bool, WireError> {
        let on = json!({ "type": "boolean", "value": whither == Scroll::On });
        let answer = self.call(&element.context, SCROLL, json!([element.to_json(), on])).await?;
        Ok(answer["result"]["value"] == true)
    }

    /// Gives a file to a control, by its path on this machine.
    pub(super) async fn give_file(&self, element: &Node, path: &str) -> Result<(), WireError> {
        let parameters = json!({ "context": element.context, "element": element.to_json(), "files": [path] });
        match self.answered("input.setFiles", parameters).await? {
            Ok(_) => Ok(()),
            Err(code) if code == "no such node" || code == "no such element" => Err(WireError::Stale),
            Err(_) => Err(WireError::Other("the browser did not take the file")),
        }
    }

    /// Runs a script in the agent's own world of the page or of a frame, which elements in its result are marked with.
    pub(super) async fn script(
        &self,
        context: &str,
        script: &str,
        argument: &Value,
        frame: Option<FrameId>,
    ) -> Result<Value, WireError> {
        let argument = json!([{ "type": "string", "value": argument.to_string() }]);
        let key = key(script);
        // A script is longer than most pages: it is sent once for each document.
        let mut answer = self.call(context, &CALL.replace("KEY", &key), argument.clone()).await?;
        if answer["result"]["type"] == "undefined" {
            let give = GIVE.replace("KEY", &key).replacen("SCRIPT", script, 1);
            answer = self.call(context, &give, argument).await?;
        }
        let returned = answer["result"]["value"].as_array().map(Vec::as_slice).unwrap_or_default();
        let text = returned.first().and_then(|first| first["value"].as_str()).unwrap_or("null");
        let mut packed = serde_json::from_str(text).map_err(|_| WireError::Script(String::new()))?;
        let elements: Vec<Value> = returned.iter().skip(1).map(|node| element(node, frame)).collect();
        unpack(&mut packed, &elements);
        Ok(packed)
    }
}

fn gone() -> WireError {
    WireError::Other("the browser's driver is gone")
}

/// Whatever a browser refuses: the page is changing, or a frame went away with it.
fn stale(_: String) -> WireError {
    WireError::Stale
}

/// What the browser says of a selector that it cannot read: it quotes the map. Other messages may quote the page.
fn complaint(answer: &Value) -> String {
    let text = answer["exceptionDetails"]["text"].as_str().unwrap_or_default();
    let quoted = text.contains("is not a valid") && text.contains("SyntaxError");
    if quoted { format!(": {}", text.chars().take(300).collect::<String>()) } else { String::new() }
}

/// Names a script.
fn key(script: &str) -> String {
    let mut hasher = DefaultHasher::new();
    script.hash(&mut hasher);
    format!("script{:x}", hasher.finish())
}

/// The reference to an element, and whether it has a shadow root: an older browser that does not say so is taken to say yes.
fn element(node: &Value, frame: Option<FrameId>) -> Value {
    let id = node["sharedId"].as_str().unwrap_or_default();
    let shadow = node["value"].get("shadowRoot").is_none_or(|root| !root.is_null());
    json!({ ELEMENT: id, SHADOW: shadow, FRAME: frame.map(FrameId::to_json) })
}

/// Puts references to elements where their numbers stand.
fn unpack(value: &mut Value, elements: &[Value]) {
    match value {
        Value::Object(members) => {
            let number = members.get("$").and_then(Value::as_u64).filter(|_| members.len() == 1);
            match number.and_then(|number| elements.get(usize::try_from(number).ok()?)) {
                Some(element) => *value = element.clone(),
                None => members.values_mut().for_each(|member| unpack(member, elements)),
            }
        }
        Value::Array(members) => members.iter_mut().for_each(|member| unpack(member, elements)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Sends commands and hands out answers, until either side is gone.
async fn converse(
    mut socket: WebSocketStream<TcpStream>,
    mut commands: mpsc::Receiver<Command>,
    dialog: watch::Sender<bool>,
) {
    let mut waiting: HashMap<u64, oneshot::Sender<Answered>> = HashMap::new();
    let mut last = 0;
    loop {
        tokio::select! {
            command = commands.recv() => {
                let Some(Command { method, parameters, answer }) = command else { return };
                last += 1;
                waiting.insert(last, answer);
                // Who no longer waits needs no answer.
                waiting.retain(|_, answer| !answer.is_closed());
                let text = json!({ "id": last, "method": method, "params": parameters }).to_string();
                if socket.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => take(text.as_str(), &mut waiting, &dialog),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => return,
                Some(Err(_)) => return,
            }
        }
    }
}

fn take(text: &str, waiting: &mut HashMap<u64, oneshot::Sender<Answered>>, dialog: &watch::Sender<bool>) {
    let Ok(mut message) = serde_json::from_str::<Value>(text) else { return };
    match message["method"].as_str() {
        // Whether to leave a page with unsaved values, the browser answers by itself, since only the agent leads away.
        Some("browsingContext.userPromptOpened") if message["params"]["type"] == "beforeunload" => {}
        Some("browsingContext.userPromptOpened") => drop(dialog.send_replace(true)),
        Some("browsingContext.userPromptClosed") => drop(dialog.send_replace(false)),
        Some(_) | None => {}
    }
    let Some(answer) = message["id"].as_u64().and_then(|id| waiting.remove(&id)) else { return };
    let told = match message["type"].as_str() {
        Some("success") => Ok(message["result"].take()),
        Some(_) | None => Err(message["error"].as_str().unwrap_or_default().to_owned()),
    };
    let _ = answer.send(told);
}
