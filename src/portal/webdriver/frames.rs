//! Frames of the page: which are known, and in which of them commands of the classic session go.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use super::wire::{ElementRef, Wire, WireError};
use super::world::Node;

/// Beside an element: the frame that it is in.
pub(super) const FRAME: &str = "frame";

/// A frame by its number among those that the session has met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FrameId(usize);

impl FrameId {
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        usize::try_from(value.as_u64()?).ok().map(Self)
    }

    pub(super) fn to_json(self) -> Value {
        json!(self.0)
    }
}

/// A frame that the session has met.
#[derive(Debug, Clone)]
struct Frame {
    /// Its browsing context, which outlives the documents in it.
    context: String,
    /// The element that holds it.
    holder: ElementRef,
    /// Whether it was found to be gone.
    gone: bool,
}

/// The frames that a session has met, and where its classic commands go.
#[derive(Debug, Default)]
pub(super) struct Frames(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    met: Vec<Frame>,
    within: Option<FrameId>,
}

impl Frames {
    /// Nothing holds the lock across anything that could panic midway.
    fn state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn get(&self, id: FrameId) -> Option<Frame> {
        self.state(|state| state.met.get(id.0).cloned())
    }

    /// The frame that commands go to went away.
    pub(super) fn leave(&self) {
        self.state(|state| state.within = None);
    }

    /// A frame is not there any more.
    pub(super) fn forget(&self, id: FrameId) {
        self.state(|state| state.met.get_mut(id.0).map(|frame| frame.gone = true));
    }
}

impl Wire {
    /// The browsing context of a frame, or of the page.
    pub(super) fn context(&self, frame: Option<FrameId>) -> String {
        let frame = frame.and_then(|frame| self.frames.get(frame));
        frame.map_or_else(|| self.world.tab().to_owned(), |frame| frame.context)
    }

    /// An element with its browsing context.
    pub(super) fn node(&self, element: &ElementRef) -> Node {
        Node { context: self.context(element.frame), id: element.id.clone() }
    }

    /// The elements that hold the frames around an element, the innermost first.
    fn holders(&self, frame: Option<FrameId>) -> Vec<ElementRef> {
        let outwards = std::iter::successors(frame.and_then(|id| self.frames.get(id)), |inner| {
            inner.holder.frame.and_then(|id| self.frames.get(id))
        });
        outwards.map(|frame| frame.holder).collect()
    }

    /// The same, with their browsing contexts.
    pub(super) fn around(&self, element: &ElementRef) -> Vec<Node> {
        self.holders(element.frame).iter().map(|holder| self.node(holder)).collect()
    }

    /// The frame that an element holds.
    pub(super) async fn frame_in(&self, holder: &ElementRef) -> Result<FrameId, WireError> {
        let known = self.frames.state(|state| {
            let same = |frame: &Frame| frame.holder == *holder && !frame.gone;
            state.met.iter().position(same).map(FrameId)
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let context = self.asked(self.world.context_in(&self.node(holder))).await?;
        let frame = Frame { context, holder: holder.clone(), gone: false };
        Ok(self.frames.state(|state| {
            state.met.push(frame);
            FrameId(state.met.len() - 1)
        }))
    }

    /// Lets commands of the classic session go to a frame, or to the page.
    pub(super) async fn stand_in(&self, frame: Option<FrameId>) -> Result<(), WireError> {
        if self.frames.state(|state| state.within == frame) {
            return Ok(());
        }
        self.post("frame", json!({ "id": null })).await?;
        self.frames.leave();
        for holder in self.holders(frame).iter().rev() {
            self.post("frame", json!({ "id": holder.to_json() })).await.map_err(|error| match error {
                WireError::Gone => WireError::Stale,
                other => other,
            })?;
        }
        self.frames.state(|state| state.within = frame);
        Ok(())
    }
}
