//! Pictures of what may be shown: nothing else is rendered when they are taken. If anything moved meanwhile, they are taken again.

use serde_json::{Value, json};

use super::WebPortal;
use super::ask::{Ask, Rectangles, Step};
use crate::mask::picture::{MaskedPicture, PictureMask, Rect, blank, paint};
use crate::model::ids::FieldId;
use crate::portal::{PortalError, Scene, ShownPage};
use crate::selectors::locator::Locators;
use crate::selectors::schema::Field;

/// How often a shot is taken again because the page moved.
const TRIES: usize = 4;

fn shown_field(field: &Field, show: bool) -> Value {
    json!({
        "widget": field.widget,
        "locate": field.locate,
        "label": field.label,
        "show": show,
        "list": field.list.as_ref().map(|list| &list.rows),
        "wanted": [],
    })
}

fn shown_line(locate: &Locators, show: bool) -> Value {
    json!({ "widget": "read-only", "locate": locate, "label": null, "show": show, "list": null, "wanted": [] })
}

impl WebPortal {
    fn may_show(&self, field: &FieldId) -> bool {
        self.config.gate.permissions().fields.contains(field)
    }

    fn scene_fields(&self, scene: Scene<'_>) -> Vec<Value> {
        let map = self.map();
        match scene {
            // Whatever page this is: values that may not be shown are hidden wherever the map would find them.
            Scene::Page => {
                let hidden = |id: &FieldId| !self.may_show(id);
                let tabs = map.tabs.iter().flat_map(|tab| &tab.fields);
                let tabs = tabs.filter(|field| hidden(field.id.get_ref())).map(|field| shown_field(field, false));
                let pages = [&map.review, &map.recheck, &map.confirmation.submitted];
                let lines = pages.into_iter().flat_map(|page| &page.lines);
                let lines = lines.filter(|(id, _)| hidden(id.get_ref())).map(|(_, locate)| shown_line(locate, false));
                tabs.chain(lines).collect()
            }
            Scene::Tab(planned) => map
                .tabs
                .iter()
                .filter(|tab| tab.id.get_ref() == &planned.id)
                .flat_map(|tab| &tab.fields)
                .map(|field| shown_field(field, self.may_show(field.id.get_ref())))
                .collect(),
            Scene::Lines(page, _) => {
                let page = match page {
                    ShownPage::Review(_) => &map.review,
                    ShownPage::Recheck(_) => &map.recheck,
                    ShownPage::Submitted(_) => &map.confirmation.submitted,
                };
                let lines = page.lines.iter().map(|(id, locate)| shown_line(locate, self.may_show(id.get_ref())));
                let own = page.fields.iter().map(|field| shown_field(field, self.may_show(field.id.get_ref())));
                lines.chain(own).collect()
            }
        }
    }

    /// A picture in which nothing but the permitted is rendered. First everything is made invisible, and the picture of that has to
    /// be blank; then what is permitted is made visible, and all around it has to be blank still.
    pub(super) async fn masked_picture(&mut self, scene: Scene<'_>) -> Result<MaskedPicture, PortalError> {
        let show = json!({ "fields": self.scene_fields(scene), "wording": self.config.gate.permissions().wording });
        let ask = Ask::state(self.map()).show(show);
        let mut why = "the page kept moving".to_owned();
        for _ in 0..TRIES {
            let token = format!("{:032x}", rand::random::<u128>());
            match self.covered(&ask, &token).await {
                Ok(Covered::Moved) => {}
                // Half a second of pixel work at worst; the run has nothing else to do meanwhile.
                Ok(Covered::Taken(taken)) => {
                    match blank(&taken.nothing).and_then(|()| paint(&taken.permitted, &mask_of(&taken.seen))) {
                        Ok(picture) => return Ok(picture),
                        Err(error) => why = error.to_string(),
                    }
                }
                Err(error) => {
                    // Nobody is left with a page on which nothing is to be seen.
                    let _ = self.look(&ask.clone().cover(Step::Off, &token, &[])).await;
                    return Err(error);
                }
            }
        }
        Err(PortalError::Unmaskable(why))
    }

    async fn covered(&mut self, ask: &Ask, token: &str) -> Result<Covered, PortalError> {
        let Some(before) = self.step(ask, Step::Hide, token, &[]).await? else { return Ok(Covered::Moved) };
        let nothing = self.wire.screenshot().await?;
        let dark: Vec<String> =
            before.shown.into_iter().map(|one| one.text).filter(|text| !self.config.gate.may_be_seen(text)).collect();
        let seen = self.step(ask, Step::Show, token, &dark).await?;
        let permitted = self.wire.screenshot().await?;
        let after = self.step(ask, Step::Off, token, &[]).await?;
        Ok(match (seen, after) {
            (Some(seen), Some(after))
                if seen == after && seen.shown.iter().all(|one| self.config.gate.may_be_seen(&one.text)) =>
            {
                Covered::Taken(Box::new(Taken { nothing, permitted, seen }))
            }
            (Some(_) | None, _) => Covered::Moved,
        })
    }

    /// The rectangles after a step; nothing when it could not be taken, since the page was changing.
    async fn step(
        &mut self,
        ask: &Ask,
        step: Step,
        token: &str,
        dark: &[String],
    ) -> Result<Option<Rectangles>, PortalError> {
        let answer = self.look(&ask.clone().cover(step, token, dark)).await?;
        Ok(answer.filter(|answer| answer.held == Some(true)).and_then(|answer| answer.rectangles))
    }
}

/// The pictures of a page while it was covered.
struct Taken {
    nothing: Vec<u8>,
    permitted: Vec<u8>,
    seen: Rectangles,
}

enum Covered {
    Taken(Box<Taken>),
    /// Something changed meanwhile.
    Moved,
}

fn mask_of(seen: &Rectangles) -> PictureMask {
    let pixels = |css: f64| (css * seen.scale).clamp(0.0, f64::from(u32::MAX));
    // What is shown shrinks to whole pixels, what is hidden grows to them.
    let inner = |[left, top, right, bottom]: [f64; 4]| Rect {
        left: pixels(left).ceil() as u32,
        top: pixels(top).ceil() as u32,
        right: pixels(right).floor() as u32,
        bottom: pixels(bottom).floor() as u32,
    };
    let outer = |[left, top, right, bottom]: [f64; 4]| Rect {
        left: pixels(left).floor() as u32,
        top: pixels(top).floor() as u32,
        right: pixels(right).ceil() as u32,
        bottom: pixels(bottom).ceil() as u32,
    };
    let has_area = |rect: &Rect| rect.left < rect.right && rect.top < rect.bottom;
    PictureMask {
        size: (pixels(seen.width).round() as u32, pixels(seen.height).round() as u32),
        shown: seen.shown.iter().map(|one| inner(one.place)).filter(has_area).collect(),
        rendered: seen.shown.iter().map(|one| outer(one.place)).filter(has_area).collect(),
        hidden: seen.hidden.iter().copied().map(outer).filter(has_area).collect(),
    }
}
