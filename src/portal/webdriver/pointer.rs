//! Clicks of the pointer: looks where an element is and whether anything lies over it, then presses there. By `BiDi`, since the
//! classic command waits in Firefox for a fifth of a second after every click whether it leads away.

use serde_json::json;

use super::wire::WireError;
use super::world::World;

/// Where to press an element, in pixels of the window: the middle of the part that is to be seen, once scrolled there.
const AIM: &str = r"function (element) {
  if (!element.isConnected) return 'gone';
  const aim = () => {
    const box = element.getClientRects()[0];
    if (!box) return null;
    const [left, right] = [Math.max(0, box.left), Math.min(innerWidth, box.right)];
    const [top, bottom] = [Math.max(0, box.top), Math.min(innerHeight, box.bottom)];
    if (left >= right || top >= bottom) return { on: false };
    const [x, y] = [Math.floor((left + right) / 2), Math.floor((top + bottom) / 2)];
    const hit = element.getRootNode().elementFromPoint(x, y);
    return { x, y, on: element.contains(hit) };
  };
  let at = aim();
  if (at && !at.on) {
    element.scrollIntoView({ behavior: 'instant', block: 'end', inline: 'nearest' });
    at = aim();
  }
  if (!at) return 'nowhere';
  return at.on ? `${at.x} ${at.y}` : 'covered';
}";

impl World {
    /// Clicks the middle of an element, as a person would. Whether a page that went away meanwhile was still clicked, the next page
    /// tells.
    pub(super) async fn click(&self, element: &str) -> Result<(), WireError> {
        let aimed = self.call(AIM, json!([{ "sharedId": element }])).await?;
        let aimed = aimed["result"]["value"].as_str().unwrap_or_default();
        let (x, y) = match aimed {
            "gone" => return Err(WireError::Stale),
            "covered" => return Err(WireError::Covered),
            at => parse(at).ok_or(WireError::Other("the element cannot be used"))?,
        };
        let actions = json!([
            { "type": "pointerMove", "x": x, "y": y, "origin": "viewport" },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ]);
        let pointer = json!({ "type": "pointer", "id": "pointer", "actions": actions });
        let pressed = self.undisturbed("input.performActions", json!({ "context": self.tab(), "actions": [pointer] }));
        let pressed = pressed.await;
        // Otherwise two clicks soon after each other are a double click. Nothing depends on the answer.
        drop(self.tell("input.releaseActions", json!({ "context": self.tab() })).await?);
        match pressed {
            Ok(_) | Err(WireError::Stale) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn parse(at: &str) -> Option<(u32, u32)> {
    let (x, y) = at.split_once(' ')?;
    Some((x.parse().ok()?, y.parse().ok()?))
}
