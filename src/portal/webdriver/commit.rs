//! Saving a draft and committing it: what is pressed, the dialog before the last click, and what the portal answers.

use super::answer::{PageSnapshot, one};
use super::ask::PageQuery;
use super::pages::{Expect, Look, SETTLES};
use super::wire::{ElementRef, WireError};
use super::{LastClick, WebPortal};
use crate::model::ids::{DraftReference, TabId};
use crate::model::private::Private;
use crate::portal::{Approach, PortalError, Saved};
use crate::selectors::locator::Locators;

impl WebPortal {
    /// Presses the button that saves, and waits for a reference, a complaint or a server error.
    pub(super) async fn press_save(&mut self, tab: Option<&TabId>) -> Result<Saved, PortalError> {
        let draft = self.map().draft.clone();
        let own = tab.map(|id| self.tab(id)).transpose()?.and_then(|tab| tab.save.clone());
        let button = own.or(draft.save).ok_or_else(|| PortalError::Missing("what saves the form".into()))?;
        let ask = PageQuery::state(self.map()).target("save", &button).target("reference", &draft.reference);
        let ask = ask.complaints().fields(Vec::new());
        let limit = self.ready_limit();
        let (save, page) = self.button("the button that saves a draft", "save", &ask, Expect::Session).await?;
        let control = self.config.control.clone();
        let (before, errors) = (control.passed(), control.server_errors());
        if let Err(error) = self.wire.click(&save).await {
            return Err(self.explain(error).await);
        }
        self.traffic_settles(before, SETTLES).await;
        let form = self.config.map.draft_form.clone();
        let reference_in = |answer: &PageSnapshot| {
            let text = answer.target("reference").text?;
            DraftReference::parse(form.find(&text)?.as_str()).ok()
        };
        let answer = self
            .wait("the saved draft", &ask, Expect::Session, limit, |answer| {
                let answered = control.passed() > before && control.in_flight() == 0 && !answer.state.busy;
                let failed = control.server_errors() > errors;
                answered && (failed || reference_in(answer).is_some() || !answer.complaints().is_empty())
            })
            .await;
        match answer {
            Ok(answer) if control.server_errors() > errors => {
                Ok(Saved { reference: None, complaints: answer.complaints() })
            }
            Ok(answer) => Ok(Saved { reference: reference_in(&answer), complaints: answer.complaints() }),
            Err(PortalError::Timeout(what)) => {
                // What the page has said since, in place of saving, is why it did not.
                let told = match self.look(&ask).await? {
                    Look::Page(answer) if self.quiet() => answer.banners(),
                    Look::Page(_) | Look::Changing | Look::Failed(_) => Vec::new(),
                };
                let new = told.into_iter().filter(|banner| !page.banners().contains(banner));
                let complaints: Vec<_> = new.map(|banner| banner.text).collect();
                if complaints.is_empty() {
                    return Err(PortalError::Timeout(what));
                }
                Ok(Saved { reference: None, complaints })
            }
            Err(error) => Err(error),
        }
    }

    /// A button, once it can be used: a page may offer it some time after the form.
    async fn button(
        &mut self,
        what: &str,
        name: &str,
        ask: &PageQuery,
        expect: Expect,
    ) -> Result<(ElementRef, PageSnapshot), PortalError> {
        let limit = self.ready_limit();
        let page = self.wait(what, ask, expect, limit, |answer| answer.target(name).may_be_pressed()).await?;
        Ok((one(what, page.target(name))?, page))
    }

    /// Goes through the dialog, where the map declares one, and remembers the one button that is left.
    pub(super) async fn reach_last_click(&mut self) -> Result<Approach, PortalError> {
        let submit = self.map().submit.clone();
        let number = self.map().confirmation.number.clone();
        let ask =
            PageQuery::state(self.map()).target("button", &submit.button).target("number", &number).fields(Vec::new());
        let (button, page) = self.button("the button that submits", "button", &ask, Expect::Session).await?;
        self.number_before = page.target("number").text;
        let Some(dialog) = submit.dialog else {
            self.last = Some(LastClick::Button(button));
            return Ok(Approach { dialog: None, banners: page.banners() });
        };
        let clicked = self.wire.click(&button).await;
        match (&dialog.locate, &dialog.confirm) {
            (Some(locate), Some(confirm)) => {
                if let Err(error) = clicked {
                    return Err(self.explain(error).await);
                }
                self.answer_dialog(locate, confirm, &dialog.attest).await
            }
            // Without them it is the browser's.
            (Some(_) | None, None) | (None, Some(_)) => match clicked {
                Ok(()) => Err(PortalError::Missing("the browser's dialog before the commit".into())),
                Err(WireError::Dialog) => {
                    let text = self.wire.dialog_text().await?;
                    if !self.is_declared(&text) {
                        return Err(PortalError::Dialog(Private::new(text)));
                    }
                    self.last = Some(LastClick::NativeDialog);
                    Ok(Approach { dialog: Some(Private::new(text)), banners: page.banners() })
                }
                Err(error) => Err(self.explain(error).await),
            },
        }
    }

    /// Whether this is the text of the dialog that the map declares.
    fn is_declared(&self, text: &str) -> bool {
        self.config.map.dialog_text.as_ref().is_some_and(|form| form.is_match(text))
    }

    /// Ticks the boxes of a dialog of the page, and remembers its button.
    async fn answer_dialog(
        &mut self,
        locate: &Locators,
        confirm: &Locators,
        attest: &[Locators],
    ) -> Result<Approach, PortalError> {
        let mut ask = PageQuery::state(self.map()).target("dialog", locate).target("confirm", confirm);
        ask = ask.fields(Vec::new());
        for (place, attest) in attest.iter().enumerate() {
            ask = ask.target(&format!("attest {place}"), attest);
        }
        let limit = self.ready_limit();
        let shown = self.wait("the dialog before the commit", &ask, Expect::Dialog, limit, |answer| {
            answer.target("dialog").count == 1
        });
        let shown = shown.await?;
        let text = shown.target("dialog").text.unwrap_or_default();
        // Exactly this dialog: a second one, or another wording, is for a person.
        if !self.is_declared(&text) || shown.state.dialogs.len() > 1 {
            return Err(PortalError::Dialog(Private::new(text)));
        }
        for place in 0..attest.len() {
            let element = one("a box to attest", shown.target(&format!("attest {place}")))?;
            self.wire.click(&element).await?;
        }
        let (button, shown) = self.button("the button that confirms", "confirm", &ask, Expect::Dialog).await?;
        self.last = Some(LastClick::Button(button));
        Ok(Approach { dialog: Some(Private::new(text)), banners: shown.banners() })
    }

    /// Makes the click that is left, once: it is forgotten with that.
    pub(super) async fn press_last(&mut self) -> Result<(), PortalError> {
        match self.last.take() {
            Some(LastClick::Button(element)) => self.wire.click_detached(&element).await?,
            Some(LastClick::NativeDialog) => self.wire.accept_detached(),
            None => return Err(PortalError::Missing("the button that confirms".into())),
        }
        Ok(())
    }

    /// The number on the page that answered, if there is exactly one. A page that stays, and fetches the answer, may show a
    /// draft's number, or a blank, in that place until then.
    pub(super) async fn number_on_page(&mut self) -> Result<Option<String>, PortalError> {
        let ask = PageQuery::state(self.map()).target("number", &self.map().confirmation.number);
        let (before, number_before) = (self.document, self.number_before.clone());
        let control = self.config.control.clone();
        let limit = self.ready_limit();
        let answer = self
            .wait("the confirmation page", &ask, Expect::Anything, limit, |answer| {
                let number = answer.target("number");
                let arrived = number.origin_time > before && answer.state.ready == "complete";
                let replaced = number.count > 0 && number.text != number_before;
                control.in_flight() == 0 && (arrived || replaced)
            })
            .await?;
        let target = answer.target("number");
        Ok(if target.count == 1 { target.text } else { None })
    }
}
