//! Pictures: rectangles are read before and after the shot; if anything moved, the shot is taken again.

use serde_json::{Value, json};

use super::WebPortal;
use super::ask::{Ask, Rectangles};
use crate::mask::picture::{MaskedPicture, PictureMask, Rect, paint};
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

    pub(super) async fn masked_picture(&mut self, scene: Scene<'_>) -> Result<MaskedPicture, PortalError> {
        let show = self.show_of(scene);
        let ask = Ask::state(self.map()).show(show.clone());
        // The look that settled the page will do, if it asked for the same; should anything have moved, it shows below.
        let mut before = match self.rectangles.take() {
            Some((asked, seen)) if asked == show => seen,
            Some(_) | None => self.look_at_rectangles(&ask).await?,
        };
        for _ in 0..TRIES {
            let png = self.wire.screenshot().await?;
            let after = self.look_at_rectangles(&ask).await?;
            if before == after {
                let mask = mask_of(&before);
                // Half a second of pixel work at worst; the run has nothing else to do meanwhile.
                return paint(&png, &mask).map_err(|error| PortalError::Unmaskable(error.to_string()));
            }
            before = after;
        }
        Err(PortalError::Unmaskable("the page kept moving".into()))
    }

    /// What a picture of this scene may show, as the page is asked for it.
    pub(super) fn show_of(&self, scene: Scene<'_>) -> Value {
        json!({ "fields": self.scene_fields(scene), "wording": self.config.gate.permissions().wording })
    }

    async fn look_at_rectangles(&mut self, ask: &Ask) -> Result<Rectangles, PortalError> {
        let limit = self.ready_limit();
        let answer = self
            .wait("a picture", ask, super::pages::Expect::Anything, limit, |answer| answer.rectangles.is_some())
            .await?;
        answer.rectangles.ok_or_else(|| PortalError::Unmaskable("no rectangles".into()))
    }
}

fn mask_of(seen: &Rectangles) -> PictureMask {
    let pixels = |css: f64| (css * seen.scale).clamp(0.0, f64::from(u32::MAX));
    // What is shown shrinks to whole pixels, what is hidden grows to them.
    let shown = seen.shown.iter().map(|[left, top, right, bottom]| Rect {
        left: pixels(*left).ceil() as u32,
        top: pixels(*top).ceil() as u32,
        right: pixels(*right).floor() as u32,
        bottom: pixels(*bottom).floor() as u32,
    });
    let hidden = seen.hidden.iter().map(|[left, top, right, bottom]| Rect {
        left: pixels(*left).floor() as u32,
        top: pixels(*top).floor() as u32,
        right: pixels(*right).ceil() as u32,
        bottom: pixels(*bottom).ceil() as u32,
    });
    let has_area = |rect: &Rect| rect.left < rect.right && rect.top < rect.bottom;
    PictureMask {
        size: (pixels(seen.width).round() as u32, pixels(seen.height).round() as u32),
        shown: shown.filter(has_area).collect(),
        hidden: hidden.filter(has_area).collect(),
    }
}
