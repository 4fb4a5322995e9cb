//! Where things are on a page and in the frames in it, as a picture of it needs to know.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::world::SHADOW;

/// Where things are on the page, in CSS pixels from its corner.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Rectangles {
    /// Width and height of the page.
    pub page: (f64, f64),
    /// Width and height of the window's content.
    pub window: (f64, f64),
    /// What of the page is to the left of the window, and above it.
    pub scroll: (f64, f64),
    /// Device pixels for one CSS pixel.
    pub scale: f64,
    /// What the map names.
    pub items: Vec<Item>,
    /// Where the content of frames begins, by the place's name.
    frames: BTreeMap<String, (f64, f64)>,
    /// How far frames are scrolled, which belongs to what must stand still.
    #[serde(skip)]
    scrolled: BTreeMap<String, (f64, f64)>,
}

/// A control or a piece of wording that the map names.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Item {
    /// The place that it is in; none is the page itself.
    #[serde(skip)]
    pub place: Option<String>,
    /// Its number among all that the map names there.
    pub at: usize,
    /// Left, top, right, bottom.
    #[serde(rename = "box")]
    pub edges: [f64; 4],
    /// Which of the fields that were asked for; none for wording.
    pub field: Option<usize>,
    /// Whether it may be shown, if its text may.
    pub show: bool,
    /// Where its label is.
    pub label: Option<[f64; 4]>,
    /// Whether it holds nothing.
    pub empty: bool,
    /// What a person would read there, of what may be shown.
    pub text: String,
    /// Whether a shadow root is in it, or too much to tell: its text may be another than what is rendered.
    #[serde(rename = "hosts", deserialize_with = "shadowed")]
    pub shadowed: bool,
}

impl Rectangles {
    /// Where things are on the page, and where they are in the frame of a place, as far as it lets them be seen.
    pub fn and(mut self, place: &str, frame: Self) -> Self {
        let Some(&(left, top)) = self.frames.get(place) else { return self };
        let moved = |[from, upper, to, lower]: [f64; 4]| {
            let across = |x: f64| left + (x - frame.scroll.0).clamp(0.0, frame.window.0);
            let down = |y: f64| top + (y - frame.scroll.1).clamp(0.0, frame.window.1);
            [across(from), down(upper), across(to), down(lower)]
        };
        let seen = |[from, upper, to, lower]: &[f64; 4]| to - from >= 1.0 && lower - upper >= 1.0;
        let items = frame.items.into_iter().map(|item| Item {
            place: Some(place.to_owned()),
            edges: moved(item.edges),
            label: item.label.map(moved).filter(seen),
            ..item
        });
        self.items.extend(items.filter(|item| seen(&item.edges)));
        for (inner, (x, y)) in frame.frames {
            let [x, y, ..] = moved([x, y, x, y]);
            self.frames.insert(inner, (x, y));
        }
        self.scrolled.insert(place.to_owned(), frame.scroll);
        self
    }
}

fn shadowed<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    let hosts = Option::<Vec<Value>>::deserialize(deserializer)?;
    Ok(hosts.is_none_or(|hosts| hosts.iter().any(|host| host[SHADOW] != Value::Bool(false))))
}
