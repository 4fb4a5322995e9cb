//! Clicks of the pointer: looks where an element is and whether anything lies over it, then presses there. By `BiDi`, since the
//! classic command waits in Firefox for a fifth of a second after every click whether it leads away.

use serde_json::json;

use super::wire::WireError;
use super::world::World;

/// Scrolls to an element, and says whether it can be pressed: in the middle of what is to be seen of it, where the browser presses,
/// lies nothing else. From then on, until it was pressed, nothing else in the page is.
const AIM: &str = r"function (element) {
  if (!element.isConnected) return 'gone';
  const aim = () => {
    const box = element.getClientRects()[0];
    if (!box) return 'nowhere';
    const [left, right] = [Math.max(0, box.left), Math.min(innerWidth, box.right)];
    const [top, bottom] = [Math.max(0, box.top), Math.min(innerHeight, box.bottom)];
    if (left >= right || top >= bottom) return 'covered';
    const hit = element.getRootNode().elementFromPoint(Math.floor((left + right) / 2), Math.floor((top + bottom) / 2));
    return element.contains(hit) ? 'free' : 'covered';
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
  return at;
}";

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

impl World {
    /// Clicks the middle of an element, as a person would: once, and nothing in its place. If the page went away when it had been
    /// pressed, the next page tells what came of it.
    pub(super) async fn click(&self, element: &str) -> Result<(), WireError> {
        for _ in 0..TRIES {
            let aimed = self.call(AIM, json!([{ "sharedId": element }])).await?;
            match aimed["result"]["value"].as_str() {
                Some("free") => {}
                Some("gone") => return Err(WireError::Stale),
                Some("covered") => return Err(WireError::Covered),
                Some(_) | None => return Err(WireError::Unplaced),
            }
            self.press(element).await?;
            match self.call(CAME, json!([{ "type": "number", "value": COMES }])).await {
                Ok(answer) if answer["result"]["value"] == false => {}
                Ok(_) | Err(WireError::Stale) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Err(WireError::Covered)
    }

    async fn press(&self, element: &str) -> Result<(), WireError> {
        // The browser finds the element itself: a page that has come meanwhile is not pressed in its place.
        let origin = json!({ "type": "element", "element": { "sharedId": element } });
        let actions = json!([
            { "type": "pointerMove", "x": 0, "y": 0, "origin": origin },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ]);
        let pointer = json!({ "type": "pointer", "id": "pointer", "actions": actions });
        let parameters = json!({ "context": self.tab(), "actions": [pointer] });
        let pressed = self.answered("input.performActions", parameters).await;
        // Otherwise two clicks soon after each other are a double click. Nothing depends on the answer.
        drop(self.tell("input.releaseActions", json!({ "context": self.tab() })).await?);
        match pressed? {
            Err(code) if UNPRESSED.contains(&code.as_str()) => Err(WireError::Stale),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}
