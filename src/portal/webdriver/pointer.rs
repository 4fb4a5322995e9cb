//! Clicks of the pointer: looks where an element is and whether anything lies over it, then presses there. By `BiDi`, since the
//! classic command waits in Firefox for a fifth of a second after every click whether it leads away.

use serde_json::{Value, json};

use super::wire::WireError;
use super::world::{Node, World};

/// Scrolls to an element, and says whether it can be pressed: in the middle of what is to be seen of it, where the browser presses,
/// lies nothing else. From then on, until it was pressed, nothing else in the page is.
const AIM: &str = r"function (element) {
  if (!element.isConnected) return 'gone';
  let point;
  const aim = () => {
    const box = element.getClientRects()[0];
    if (!box) return 'nowhere';
    const [left, right] = [Math.max(0, box.left), Math.min(innerWidth, box.right)];
    const [top, bottom] = [Math.max(0, box.top), Math.min(innerHeight, box.bottom)];
    if (left >= right || top >= bottom) return 'covered';
    point = [Math.floor((left + right) / 2), Math.floor((top + bottom) / 2)];
    const root = element.getRootNode();
    const hit = root.elementFromPoint(...point);
    // Words that a component shows in a slot of its own are told as the component's.
    return element.contains(hit) || hit === root.host ? 'free' : 'covered';
  };
  let at = aim();
  if (at === 'covered') {
    element.scrollIntoView({ behavior: 'instant', block: 'end', inline: 'nearest' });
    at = aim();
  }
  if (at !== 'free') return at;
  const place = () => { const { x, y } = element.getBoundingClientRect(); return `${x} ${y}`; };
  const from = place();
  const kinds = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'];
  const press = { came: false, slipped: false, end: () => kinds.forEach((kind) => window.removeEventListener(kind, press.see, true)) };
  press.see = (event) => {
    if (!event.isTrusted) return;
    const here = event.composedPath().includes(element);
    press.came ||= here;
    // It was let go of somewhere else, because the page has moved under the pointer.
    press.slipped ||= press.came && !here && /up$/.test(event.type) && element.isConnected && place() !== from;
    if (/up$/.test(event.type)) press.tell?.();
    if (press.came && !press.slipped) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  kinds.forEach((kind) => window.addEventListener(kind, press.see, true));
  globalThis.portalAgentPress?.end();
  globalThis.portalAgentPress = press;
  return `free ${point.join(' ')}`;
}";

/// In the page around a frame: says whether this point of the frame can be pressed, and where it is here. From then on, until it
/// was pressed, nothing is that is not in the frame.
const GUARD: &str = r"function (holder, x, y) {
  const box = holder.getBoundingClientRect();
  const style = getComputedStyle(holder);
  const left = box.left + holder.clientLeft + parseFloat(style.paddingLeft) + x;
  const top = box.top + holder.clientTop + parseFloat(style.paddingTop) + y;
  if (left < 0 || top < 0 || left >= innerWidth || top >= innerHeight) return 'outside';
  // Of what lies over a shadow root, not every browser tells the root itself.
  let hit = document.elementFromPoint(left, top);
  for (let host = null; hit?.shadowRoot && hit !== host;) [host, hit] = [hit, hit.shadowRoot.elementFromPoint(left, top) ?? hit];
  if (hit !== holder) return 'covered';
  const kinds = ['pointerdown', 'mousedown', 'pointerup', 'mouseup', 'click'];
  const stop = (event) => { if (event.isTrusted) { event.preventDefault(); event.stopImmediatePropagation(); } };
  globalThis.portalAgentGuard?.();
  kinds.forEach((kind) => window.addEventListener(kind, stop, true));
  globalThis.portalAgentGuard = () => kinds.forEach((kind) => window.removeEventListener(kind, stop, true));
  return `free ${left} ${top}`;
}";

/// Ends what a guard and an aim do, so that a person can press again.
const END: &str = "function () { globalThis.portalAgentGuard?.(); globalThis.portalAgentPress?.end(); }";

/// Brings an element into view, through every frame around it.
const REVEAL: &str =
    "function (element) { element.scrollIntoView({ behavior: 'instant', block: 'center', inline: 'nearest' }); }";

/// Whether the element was pressed and let go, once it was, or after a while. A page that has come since knows of no press.
const CAME: &str = r"async function (within) {
  const press = globalThis.portalAgentPress;
  if (!press) return true;
  if (!press.came) await new Promise((tell) => { press.tell = tell; setTimeout(tell, within); });
  press.end();
  return press.came && !press.slipped;
}";

/// How long a press may take to come to the page, in milliseconds. A browser says only that it has sent it.
const COMES: u32 = 1000;

/// How often an element is pressed that moves away from under the pointer: what comes late to a page shifts what it has.
const TRIES: usize = 5;

/// Codes of an error after which nothing was pressed: the page of the element is gone.
const UNPRESSED: [&str; 2] = ["no such element", "no such node"];

/// What a look at a place to press said.
enum Aim {
    /// It can be pressed, here in the window of its document.
    Free(f64, f64),
    /// It is in a frame, and that part of it is not in the window.
    Outside,
}

fn aim(answer: &Value) -> Result<Aim, WireError> {
    let told = answer["result"]["value"].as_str().unwrap_or_default();
    let mut words = told.split(' ');
    match words.next() {
        Some("free") => {
            let mut number = || words.next().and_then(|word| word.parse().ok()).unwrap_or_default();
            Ok(Aim::Free(number(), number()))
        }
        Some("outside") => Ok(Aim::Outside),
        Some("gone") => Err(WireError::Stale),
        Some("covered") => Err(WireError::Covered),
        Some(_) | None => Err(WireError::Unplaced),
    }
}

impl World {
    /// Clicks the middle of an element, as a person would: once, and nothing in its place. If the page went away when it had been
    /// pressed, the next page tells what came of it. `around` holds the frames around it, the innermost first.
    pub(super) async fn click(&self, element: &Node, around: &[Node]) -> Result<(), WireError> {
        let clicked = self.try_to_click(element, around).await;
        // Without a frame around it, only a press that came to nothing leaves something behind, and the next ends that.
        let inside = around.first().map(|_| element);
        for node in around.iter().chain(inside) {
            // A page that has gone holds no guard any more.
            drop(self.call(&node.context, END, json!([])).await);
        }
        clicked
    }

    async fn try_to_click(&self, element: &Node, around: &[Node]) -> Result<(), WireError> {
        for _ in 0..TRIES {
            let mut aimed = aim(&self.call(&element.context, AIM, json!([element.to_json()])).await?)?;
            for holder in around {
                let Aim::Free(x, y) = aimed else { break };
                let number = |value: f64| json!({ "type": "number", "value": value });
                let arguments = json!([holder.to_json(), number(x), number(y)]);
                aimed = aim(&self.call(&holder.context, GUARD, arguments).await?)?;
            }
            match aimed {
                Aim::Outside => {
                    self.on(REVEAL, element).await?;
                    continue;
                }
                Aim::Free(..) => {}
            }
            self.press(element).await?;
            let within = json!([{ "type": "number", "value": COMES }]);
            match self.call(&element.context, CAME, within).await {
                Ok(answer) if answer["result"]["value"] == false => {}
                Ok(_) | Err(WireError::Stale) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(WireError::Covered)
    }

    async fn press(&self, element: &Node) -> Result<(), WireError> {
        // The browser finds the element itself: a page that has come meanwhile is not pressed in its place.
        let origin = json!({ "type": "element", "element": element.to_json() });
        let actions = json!([
            { "type": "pointerMove", "x": 0, "y": 0, "origin": origin },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ]);
        let pointer = json!({ "type": "pointer", "id": "pointer", "actions": actions });
        let parameters = json!({ "context": element.context, "actions": [pointer] });
        let pressed = self.answered("input.performActions", parameters).await;
        // Otherwise two clicks soon after each other are a double click. Nothing depends on the answer.
        drop(self.tell("input.releaseActions", json!({ "context": element.context })).await?);
        match pressed? {
            Err(code) if UNPRESSED.contains(&code.as_str()) => Err(WireError::Stale),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
