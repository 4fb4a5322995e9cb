//! Controls that are worked step by step, as a kind of the map says: type-ahead look-ups, tags.

use std::time::{Duration, Instant};

use super::WebPortal;
use super::answer::PageSnapshot;
use super::ask::{FieldQuery, PageQuery};
use super::pages::Expect;
use super::wire::{ElementRef, Scroll, WireError};
use crate::model::form::{FormValue, PlannedField};
use crate::model::observed::ObservedControl;
use crate::portal::PortalError;
use crate::selectors::kinds::{Key, Kind, Step, Verb};
use crate::selectors::read::shown_as;
use crate::selectors::schema::Field;

/// How long a list may offer something else than the value, with nothing on its way, before it counts as not offered.
const OFFERS: Duration = Duration::from_secs(2);

/// Between two looks at a list: longer than a page takes to draw what it has.
const REDRAWS: Duration = Duration::from_millis(40);

/// How long a list that is drawn anew all the time must have said the same before something in it is clicked.
const RESTLESS: Duration = Duration::from_millis(500);

/// How often a list is scrolled on for one option: some thousands of options are passed with that.
const MOST: usize = 1000;

/// A field under work.
struct Work<'a> {
    planned: &'a PlannedField,
    declared: &'a Field,
    kind: &'a Kind,
    now: &'a ObservedControl,
}

impl Work<'_> {
    /// Whether a text, of an option or of what is chosen, stands for this value.
    fn reads(&self, text: &str, value: &str) -> bool {
        match &self.declared.shown {
            Some(shown) => shown_as(shown.get_ref(), value).is_ok_and(|form| form.is_match(text)),
            None => text == value,
        }
    }

    /// The values that are wanted and not held yet.
    fn missing(&self) -> Vec<String> {
        match (self.planned.value.expose(), self.now.value.expose()) {
            (FormValue::Text(text), _) => vec![text.clone()],
            (FormValue::Choices(wanted), FormValue::Choices(held)) => wanted.difference(held).cloned().collect(),
            (FormValue::Choices(wanted), FormValue::Text(_) | FormValue::Checked(_)) => {
                wanted.iter().cloned().collect()
            }
            (FormValue::Checked(_), _) => Vec::new(),
        }
    }

    fn is_wanted(&self, text: &str) -> bool {
        match self.planned.value.expose() {
            FormValue::Text(value) => self.reads(text, value),
            FormValue::Choices(values) => values.iter().any(|value| self.reads(text, value)),
            FormValue::Checked(_) => false,
        }
    }
}

impl WebPortal {
    /// Enters a value as the field's kind says; a blank one by taking back what is there. What goes wrong midway is taken back.
    pub(super) async fn work(
        &mut self,
        planned: &PlannedField,
        declared: &Field,
        kind: &Kind,
        now: &ObservedControl,
    ) -> Result<(), PortalError> {
        let work = Work { planned, declared, kind, now };
        let undoes = planned.value.expose().is_blank() && !matches!(planned.value.expose(), FormValue::Checked(_));
        let steps = if undoes { &kind.undo } else { &kind.enter };
        let worked = self.carry_out(&work, steps, None).await;
        if worked.is_err() && !undoes && !matches!(worked, Err(PortalError::Dialog(_) | PortalError::SessionLost)) {
            // Whether that helps is read afterwards.
            let _ = self.carry_out(&work, &kind.undo, None).await;
        }
        worked
    }

    /// Takes steps, for one of several values where `value` says which.
    async fn carry_out(&mut self, work: &Work<'_>, steps: &[Step], value: Option<&str>) -> Result<(), PortalError> {
        for step in steps {
            if let Some(part) = &step.when
                && self.look_for(work, part).await?.is_empty()
            {
                continue;
            }
            self.take_step(work, &step.verb, value).await?;
        }
        Ok(())
    }

    async fn take_step(&mut self, work: &Work<'_>, verb: &Verb, value: Option<&str>) -> Result<(), PortalError> {
        let what = {
            let (verb, part) = verb.name();
            format!("step `{verb} {part}`")
        };
        match verb {
            Verb::Click(part) => {
                let element = self.only(work, part, &what).await?;
                match self.wire.click(&element).await {
                    // It was drawn anew just now, and nothing was pressed.
                    Err(WireError::Stale) => {
                        let element = self.only(work, part, &what).await?;
                        Ok(self.wire.click(&element).await?)
                    }
                    clicked => Ok(clicked?),
                }
            }
            Verb::Type(part) => {
                let text = match (value, work.planned.value.expose()) {
                    (Some(value), _) => value.to_owned(),
                    (None, FormValue::Text(text)) => text.clone(),
                    (None, FormValue::Choices(_) | FormValue::Checked(_)) => {
                        return Err(PortalError::Missing(format!(
                            "one text for {what}; of several, type within `each`,"
                        )));
                    }
                };
                let element = self.only(work, part, &what).await?;
                let rich = self.wire.select_all(&element).await?;
                // Not every driver presses the key for a line break, and of the character alone an editor of rich text makes nothing.
                let keys = if rich { text.replace('\n', Key::Enter.code()) } else { text };
                Ok(self.wire.keys(&element, &keys).await?)
            }
            Verb::Press { key, on, popup } => {
                let element = self.only(work, on, &what).await?;
                if let Some(popup) = popup {
                    let there = *key == Key::Enter;
                    self.until(work, popup, &what, |parts| parts.is_empty() != there).await?;
                }
                Ok(self.wire.keys(&element, key.code()).await?)
            }
            Verb::Choose(part) => {
                let values = value.map_or_else(|| work.missing(), |value| vec![value.to_owned()]);
                for value in values {
                    self.choose(work, part, &value, &what).await?;
                }
                Ok(())
            }
            Verb::Each(steps) => {
                for value in work.missing() {
                    Box::pin(self.carry_out(work, steps, Some(&value))).await?;
                }
                Ok(())
            }
            Verb::Remove(part) => self.remove(work, part, &what).await,
            Verb::There(part) => self.until(work, part, &what, |parts| !parts.is_empty()).await.map(drop),
            Verb::Gone(part) => self.until(work, part, &what, <[_]>::is_empty).await.map(drop),
            Verb::Leave(part) => {
                let element = self.only(work, part, &what).await?;
                Ok(self.wire.leave(&element).await?)
            }
        }
    }

    fn part_ask(&self, work: &Work<'_>, part: &str) -> PageQuery {
        let field = FieldQuery::worked(work.planned, work.declared, Some(work.kind));
        PageQuery::state(self.map()).part(field, part)
    }

    async fn look_for(&mut self, work: &Work<'_>, part: &str) -> Result<Vec<(ElementRef, String)>, PortalError> {
        let ask = self.part_ask(work, part);
        let limit = self.ready_limit();
        let what = "the page";
        Ok(self.wait(what, &ask, Expect::Dialog, limit, |_| true).await?.parts())
    }

    /// Waits until the visible parts by this name are as they should be.
    async fn until(
        &mut self,
        work: &Work<'_>,
        part: &str,
        what: &str,
        mut done: impl FnMut(&[(ElementRef, String)]) -> bool,
    ) -> Result<Vec<(ElementRef, String)>, PortalError> {
        let ask = self.part_ask(work, part);
        let limit = self.ready_limit();
        let seen = |answer: &PageSnapshot| done(&answer.parts());
        Ok(self.wait(what, &ask, Expect::Dialog, limit, seen).await?.parts())
    }

    /// The one part by this name, once it is there.
    async fn only(&mut self, work: &Work<'_>, part: &str, what: &str) -> Result<ElementRef, PortalError> {
        let found = self.until(work, part, what, |parts| !parts.is_empty()).await?;
        match found.as_slice() {
            [(element, _)] => Ok(element.clone()),
            several => Err(PortalError::Ambiguous(what.to_owned(), several.len())),
        }
    }

    /// Clicks the one option of this value. It may come late, and far down a list that draws only what is to be seen of it.
    async fn choose(&mut self, work: &Work<'_>, part: &str, value: &str, what: &str) -> Result<(), PortalError> {
        let mut deadline = Instant::now() + self.ready_limit();
        let mut scrolled = 0;
        let mut before: Vec<String> = Vec::new();
        let mut drawn: Vec<ElementRef> = Vec::new();
        let mut unchanged_since = Instant::now();
        // Until when a list that was scrolled may take to draw what is there.
        let mut draws_until: Option<Instant> = None;
        if let Some((option, _)) = self.look_for(work, part).await?.first() {
            self.wire.scroll_list(option, Scroll::ToTop).await?;
        }
        loop {
            let options = self.look_for(work, part).await?;
            let (elements, texts): (Vec<_>, Vec<_>) = options.iter().cloned().unzip();
            let now = Instant::now();
            let same = texts == before;
            if !same {
                (before, unchanged_since, draws_until) = (texts, now, None);
            }
            // What is drawn anew under the pointer takes no click.
            let still = elements == drawn || now.duration_since(unchanged_since) > RESTLESS;
            drawn = elements;
            let settled = same && still && self.quiet() && draws_until.is_none_or(|until| now > until);
            let fits: Vec<&ElementRef> =
                options.iter().filter(|(_, text)| work.reads(text, value)).map(|(element, _)| element).collect();
            match (settled, fits.as_slice()) {
                // Twice the same: what is still being drawn is not clicked.
                (true, [option]) => match self.wire.click(option).await {
                    // The list was drawn anew just now, and nothing was pressed.
                    Err(WireError::Stale | WireError::Covered) => before.clear(),
                    clicked => return Ok(clicked?),
                },
                (true, [_, _, ..]) => return Err(PortalError::Ambiguous(what.to_owned(), fits.len())),
                (true, []) => {
                    let moved = match options.last() {
                        // A list that draws nothing else when it is scrolled has shown all that it has.
                        Some((option, _)) if draws_until.is_none() => self.wire.scroll_list(option, Scroll::On).await?,
                        Some(_) | None => false,
                    };
                    if moved && scrolled < MOST {
                        scrolled += 1;
                        draws_until = Some(Instant::now() + OFFERS);
                        deadline = Instant::now() + self.ready_limit();
                    } else if unchanged_since.elapsed() > OFFERS {
                        return Err(PortalError::NotOffered(what.to_owned()));
                    }
                }
                (false, _) => {}
            }
            tokio::time::sleep(REDRAWS).await;
            if Instant::now() > deadline {
                return Err(PortalError::NotOffered(what.to_owned()));
            }
        }
    }

    /// Takes out what is chosen and not wanted, one after the other: each time the control is drawn anew.
    async fn remove(&mut self, work: &Work<'_>, cross: &str, what: &str) -> Result<(), PortalError> {
        for _ in 0..MOST {
            let held = self.look_for(work, &work.kind.read).await?;
            let Some(at) = held.iter().position(|(_, text)| !work.is_wanted(text)) else { return Ok(()) };
            let crosses = self.look_for(work, cross).await?;
            let Some((cross, _)) = crosses.get(at).filter(|_| crosses.len() == held.len()) else {
                return Err(PortalError::Ambiguous(what.to_owned(), crosses.len()));
            };
            match self.wire.click(cross).await {
                Err(WireError::Stale) => continue,
                clicked => clicked?,
            }
            self.until(work, &work.kind.read, what, |parts| parts.len() < held.len()).await?;
        }
        Err(PortalError::Timeout(what.to_owned()))
    }
}
