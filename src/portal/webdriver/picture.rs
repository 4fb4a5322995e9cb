//! Pictures of what may be shown: nothing else is rendered when they are taken. If anything moved meanwhile, they are taken again.

use serde_json::json;

use super::WebPortal;
use super::ask::{FieldQuery, Messages, PageQuery, Step};
use super::pages::Look;
use super::rectangles::{Item, Rectangles};
use super::wire::Clip;
use crate::mask::drawing::can_write;
use crate::mask::picture::{Control, Holds, MaskedPicture, PictureError, Rect, Sketch, blank, drawn, masked};
use crate::model::ids::FieldId;
use crate::portal::{PortalError, Scene, ShownPage};
use crate::selectors::locator::Locators;
use crate::selectors::schema::{Field, Tab};

/// How often a shot is taken again because the page moved.
const TRIES: usize = 4;

/// Largest part of a page that is kept, in CSS pixels.
const LARGEST: (f64, f64) = (2_400.0, 8_000.0);

/// How far around what the map names a picture reaches, in CSS pixels: a label is written there.
const MARGIN: f64 = 24.0;

/// What the map names in a scene.
struct Named {
    ask: FieldQuery,
    label: Option<String>,
}

fn named_field(field: &Field, show: bool, tab: Option<&Tab>) -> Named {
    let id = field.id.get_ref();
    let ask = json!({
        "widget": field.widget,
        "locate": field.locate,
        "show": show,
        "list": field.list.as_ref().map(|list| &list.rows),
        "panel": tab.map(|tab| &tab.panel),
        "wanted": [],
    });
    Named { ask: FieldQuery::pictured(&field.locate, ask), label: Some(label(field.label.as_deref(), id)) }
}

fn named_line(id: &FieldId, locate: &Locators, show: bool) -> Named {
    let ask =
        json!({ "widget": "read-only", "locate": locate, "show": show, "list": null, "panel": null, "wanted": [] });
    Named { ask: FieldQuery::pictured(locate, ask), label: Some(label(None, id)) }
}

/// What is written beside a control: the map's label, or its name where there is none that can be written.
fn label(label: Option<&str>, id: &FieldId) -> String {
    label.filter(|label| can_write(label)).unwrap_or(id.as_str()).to_owned()
}

impl WebPortal {
    fn may_show(&self, field: &FieldId) -> bool {
        self.config.gate.permissions().fields.contains(field)
    }

    fn named(&self, scene: Scene<'_>) -> Vec<Named> {
        let map = self.map();
        let field = |field: &Field, tab| named_field(field, self.may_show(field.id.get_ref()), tab);
        match scene {
            // Whatever page this is: a tab, if its panel is shown. Hidden values are found wherever the map would find them.
            Scene::Page => {
                let tabs = map.tabs.iter().flat_map(|tab| tab.fields.iter().map(move |one| field(one, Some(tab))));
                let pages = [&map.review, &map.recheck, &map.confirmation.submitted];
                let lines = pages.into_iter().flat_map(|page| &page.lines).map(|(id, locate)| (id.get_ref(), locate));
                let lines =
                    lines.filter(|(id, _)| !self.may_show(id)).map(|(id, locate)| named_line(id, locate, false));
                tabs.chain(lines).collect()
            }
            Scene::Tab(planned) => {
                let tabs = map.tabs.iter().filter(|tab| tab.id.get_ref() == &planned.id);
                tabs.flat_map(|tab| &tab.fields).map(|one| field(one, None)).collect()
            }
            Scene::Lines(page, _) => {
                let page = match page {
                    ShownPage::Review(_) => &map.review,
                    ShownPage::Recheck(_) => &map.recheck,
                    ShownPage::Submitted(_) => &map.confirmation.submitted,
                };
                let lines = page.lines.iter().map(|(id, locate)| (id.get_ref(), locate));
                let lines = lines.map(|(id, locate)| named_line(id, locate, self.may_show(id)));
                lines.chain(page.fields.iter().map(|one| field(one, None))).collect()
            }
        }
    }

    /// A picture in which nothing but the permitted is rendered. First everything is made invisible, and the picture of that has to
    /// be blank; then what is permitted is made visible, and all around it has to be blank still.
    pub(super) async fn masked_picture(
        &mut self,
        scene: Scene<'_>,
        caption: &str,
    ) -> Result<MaskedPicture, PortalError> {
        let messages = match (scene, self.config.gate.permissions().messages) {
            (Scene::Page, true) => Messages::Shown,
            (Scene::Page, false) => Messages::Marked,
            (Scene::Tab(_) | Scene::Lines(..), _) => Messages::Not,
        };
        match (self.picture_of(&self.named(scene), messages, caption).await, scene) {
            // What never stands still keeps nobody from seeing the rest of the page.
            (Err(PortalError::Unmaskable(_)), Scene::Page) => {
                let mut named = self.named(scene);
                named.retain(|one| !one.ask.is_shown());
                self.picture_of(&named, Messages::Not, caption).await
            }
            (told, Scene::Page | Scene::Tab(_) | Scene::Lines(..)) => told,
        }
    }

    async fn picture_of(
        &mut self,
        named: &[Named],
        messages: Messages,
        caption: &str,
    ) -> Result<MaskedPicture, PortalError> {
        let fields = named.iter().map(|one| one.ask.clone()).collect();
        let ask = PageQuery::state(self.map()).show(fields, self.config.gate.permissions().wording, messages);
        let mut why = "the page kept moving".to_owned();
        for _ in 0..TRIES {
            let token = format!("{:032x}", rand::random::<u128>());
            match self.covered(&ask, &token).await {
                // An answer was lost, or the page changed: it may still be covered.
                Ok(Covered::Moved) => drop(self.look(&ask.clone().cover(Step::Off, &token, &[])).await?),
                // Half a second of pixel work at worst; the run has nothing else to do meanwhile.
                Ok(Covered::Taken(taken)) => match taken.drawn(named, caption) {
                    Ok(picture) => return Ok(picture),
                    Err(error) => why = error.to_string(),
                },
                Err(error) => {
                    // Nobody is left with a page on which nothing is to be seen.
                    let _ = self.look(&ask.clone().cover(Step::Off, &token, &[])).await;
                    return Err(error);
                }
            }
        }
        Err(PortalError::Unmaskable(why))
    }

    async fn covered(&mut self, ask: &PageQuery, token: &str) -> Result<Covered, PortalError> {
        let Some(before) = self.step(ask, Step::Hide, token, &[]).await? else { return Ok(Covered::Moved) };
        let part = Part::of(&before);
        let nothing = self.shot(part.as_ref()).await?;
        let dark = before.items.iter().filter(|item| !self.clean(item));
        let dark: Vec<_> = dark.map(|item| (item.place.clone(), item.at)).collect();
        let seen = self.step(ask, Step::Show, token, &dark).await?;
        let permitted = self.shot(part.as_ref()).await?;
        let after = self.step(ask, Step::Off, token, &[]).await?;
        Ok(match (seen, after) {
            (Some(seen), Some(after))
                if seen == after && Part::of(&seen) == part && seen.items.iter().all(|item| self.clean(item)) =>
            {
                Covered::Taken(Box::new(Taken { nothing, permitted, part, seen }))
            }
            (Some(_) | None, _) => Covered::Moved,
        })
    }

    /// Whether an item may be rendered as far as it is to be.
    fn clean(&self, item: &Item) -> bool {
        !item.show || (!item.shadowed && self.config.gate.may_be_seen(&item.text))
    }

    async fn shot(&self, part: Option<&Part>) -> Result<Option<Vec<u8>>, PortalError> {
        match part {
            Some(part) => Ok(Some(self.wire.part(&part.clip).await?)),
            None => Ok(None),
        }
    }

    /// The rectangles after a step; nothing when it could not be taken, since the page was changing.
    async fn step(
        &mut self,
        ask: &PageQuery,
        step: Step,
        token: &str,
        dark: &[(Option<String>, usize)],
    ) -> Result<Option<Rectangles>, PortalError> {
        match self.look(&ask.clone().cover(step, token, dark)).await? {
            Look::Page(answer) if answer.held == Some(true) => Ok(answer.rectangles),
            Look::Page(_) | Look::Changing | Look::Failed(_) => Ok(None),
        }
    }
}

/// The part of a page that a picture shows.
#[derive(Debug, Clone, PartialEq)]
struct Part {
    clip: Clip,
    /// Whether what the map names reaches further.
    cut: bool,
}

impl Part {
    /// All that the map names, with a margin, up to the largest size; nothing where it names nothing.
    fn of(seen: &Rectangles) -> Option<Self> {
        let around = |end: usize, pick: fn(f64, f64) -> f64| seen.items.iter().map(|item| item.edges[end]).reduce(pick);
        let (left, top) = (around(0, f64::min)?, around(1, f64::min)?);
        let (right, bottom) = (around(2, f64::max)?, around(3, f64::max)?);
        let low = |least: f64| (least - MARGIN).floor().max(0.0);
        let high = |most: f64, page: f64| (most + MARGIN).ceil().min(page);
        let (x, y) = (low(left), low(top));
        let (width, height) = (high(right, seen.page.0) - x, high(bottom, seen.page.1) - y);
        let kept = (width.min(LARGEST.0), height.min(LARGEST.1));
        let (from, to) = (seen.scroll, (seen.scroll.0 + seen.window.0, seen.scroll.1 + seen.window.1));
        let in_window = x >= from.0 && y >= from.1 && x + kept.0 <= to.0 && y + kept.1 <= to.1;
        let window = in_window.then_some(seen.scroll);
        let clip = Clip { x, y, width: kept.0, height: kept.1, window };
        (kept.0 >= 1.0 && kept.1 >= 1.0).then_some(Self { clip, cut: kept != (width, height) })
    }
}

/// The pictures of a page while it was covered, and where things were.
struct Taken {
    nothing: Option<Vec<u8>>,
    permitted: Option<Vec<u8>>,
    part: Option<Part>,
    seen: Rectangles,
}

enum Covered {
    Taken(Box<Taken>),
    /// Something changed meanwhile.
    Moved,
}

impl Taken {
    fn drawn(&self, named: &[Named], caption: &str) -> Result<MaskedPicture, PictureError> {
        let sketch = self.sketch(named, caption);
        match (&self.nothing, &self.permitted) {
            (Some(nothing), Some(permitted)) => blank(nothing).and_then(|()| masked(permitted, &sketch)),
            (None, _) | (_, None) => drawn(&sketch),
        }
    }

    fn sketch(&self, named: &[Named], caption: &str) -> Sketch {
        let mut lines = vec![caption.to_owned()];
        let Some(Part { clip, cut }) = &self.part else {
            lines.push("Nothing on this page may be shown.".to_owned());
            return Sketch { size: (1, 1), controls: Vec::new(), wording: Vec::new(), caption: lines };
        };
        if *cut {
            lines.push(format!(
                "Cut at {} by {} pixels; the page has {} by {}.",
                clip.width, clip.height, self.seen.page.0, self.seen.page.1
            ));
        }
        let pixels = |css: f64| (css * self.seen.scale).clamp(0.0, f64::from(u32::MAX));
        let place = |[left, top, right, bottom]: [f64; 4]| Rect {
            left: pixels(left - clip.x).floor() as u32,
            top: pixels(top - clip.y).floor() as u32,
            right: pixels(right - clip.x).ceil() as u32,
            bottom: pixels(bottom - clip.y).ceil() as u32,
        };
        let (mut controls, mut wording) = (Vec::new(), Vec::new());
        let mut last = None;
        for item in &self.seen.items {
            let Some(field) = item.field else {
                if item.show {
                    wording.push(place(item.edges));
                } else {
                    let (place, label) = (place(item.edges), Some("message".to_owned()));
                    controls.push(Control { place, label, label_at: None, holds: Holds::Hidden });
                }
                continue;
            };
            let label = named.get(field).filter(|_| last != Some(field)).and_then(|named| named.label.clone());
            last = Some(field);
            let label_at = item.label.map(place).map(|place| (place.left, place.top));
            let holds = match (item.empty, item.show) {
                (true, false) => Holds::Empty,
                (false, false) => Holds::Hidden,
                (true | false, true) => Holds::Shown,
            };
            controls.push(Control { place: place(item.edges), label, label_at, holds });
        }
        let size = (pixels(clip.width).round() as u32, pixels(clip.height).round() as u32);
        Sketch { size, controls, wording, caption: lines }
    }
}
