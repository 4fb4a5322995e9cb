//! The form's tabs: finding them, showing one, filling it with values or uploads, and reading what the portal holds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::WebPortal;
use super::answer::{PageSnapshot, SeenControl, one};
use super::ask::{FieldQuery, PageQuery};
use super::pages::Expect;
use super::wire::WireError;
use crate::model::form::{FormValue, Part, PlannedField, PlannedTab, WidgetKind};
use crate::model::ids::TabId;
use crate::model::observed::{Found, ObservedControl, ObservedTab};
use crate::model::private::Private;
use crate::portal::{LocalFile, PortalError};
use crate::selectors::kinds::Kind;
use crate::selectors::locator::Locators;
use crate::selectors::read::{form_field, shown_as};
use crate::selectors::schema::{Field, MapFile, Tab};

/// How long a quiet page may take to list an upload that it has received.
const LISTING: Duration = Duration::from_secs(5);

/// How long a quiet page may take to show in a control what was entered there.
const ANSWERS: Duration = Duration::from_secs(1);

impl WebPortal {
    pub(super) fn tab(&self, id: &TabId) -> Result<&Tab, PortalError> {
        let found = self.map().tabs.iter().find(|tab| tab.id.get_ref() == id);
        found.ok_or_else(|| PortalError::Missing(format!("tab {id}")))
    }

    fn tab_ask(&self, planned: &PlannedTab) -> Result<PageQuery, PortalError> {
        let tab = self.tab(&planned.id)?;
        let fields = planned
            .fields
            .iter()
            .filter_map(|planned| {
                let declared = tab.fields.iter().find(|declared| declared.id.get_ref() == &planned.id)?;
                Some(FieldQuery::worked(planned, declared, self.kind_of(declared)))
            })
            .collect();
        let mut ask = PageQuery::state(self.map()).fields(fields).panel(&tab.panel);
        for declared in &tab.fields {
            if let Some(list) = &declared.list {
                ask = ask.files(declared.id.get_ref().as_str(), list);
            }
        }
        Ok(ask)
    }

    /// A field as it was found.
    pub(super) fn found(&self, planned: &PlannedField, answer: &PageSnapshot) -> Found<ObservedControl> {
        found(self.map(), planned, answer)
    }

    /// How a field is worked, where the map says so.
    pub(super) fn kind_of(&self, field: &Field) -> Option<&Kind> {
        let name = field.kind.as_ref()?.get_ref();
        self.map().kinds.iter().find(|(known, _)| known.get_ref() == name).map(|(_, kind)| kind)
    }

    fn observed_tab(&self, planned: &PlannedTab, answer: &PageSnapshot) -> ObservedTab {
        let listed = planned.fields.iter().filter(|field| field.widget == WidgetKind::File);
        ObservedTab {
            tab: planned.id.clone(),
            controls: planned.fields.iter().map(|field| (field.id.clone(), self.found(field, answer))).collect(),
            strange_required: answer.strange(),
            banners: answer.banners(),
            files: listed.map(|field| (field.id.clone(), answer.files(field.id.as_str()))).collect(),
        }
    }

    /// Opens the form, empty or with a draft in it.
    pub(super) async fn open_form_at(&mut self, path: &str) -> Result<(), PortalError> {
        let ask = PageQuery::state(self.map()).target("(form)", &self.map().form.ready);
        self.open("the form", path, &ask, Expect::Session, |answer| answer.target("(form)").count == 1).await.map(drop)
    }

    async fn show_tab(&mut self, planned: &PlannedTab) -> Result<PageSnapshot, PortalError> {
        let ask = self.tab_ask(planned)?;
        let what = format!("tab {}", planned.id);
        if self.current.as_ref() != Some(&planned.id) {
            if let Some(open) = self.tab(&planned.id)?.open.clone() {
                self.open_tab(&what, &open).await?;
            }
            self.current = Some(planned.id.clone());
        }
        let limit = self.ready_limit();
        let control = self.config.control.clone();
        let ready = |answer: &PageSnapshot| answer.panel == Some(1) && !answer.state.busy && control.in_flight() == 0;
        self.wait(&what, &ask, Expect::Session, limit, ready).await
    }

    /// Clicks what opens a tab, once it is there. A page that draws it anew meanwhile has not taken the click.
    async fn open_tab(&mut self, what: &str, open: &Locators) -> Result<(), PortalError> {
        let ask = PageQuery::state(self.map()).target(what, open);
        let limit = self.ready_limit();
        for last in [false, true] {
            let there = self.wait(what, &ask, Expect::Session, limit, |answer| answer.target(what).count > 0).await;
            let page = there.map_err(|error| match error {
                PortalError::Timeout(_) => PortalError::Missing(what.to_owned()),
                other => other,
            })?;
            match self.wire.click(&one(what, page.target(what))?).await {
                Ok(()) => return Ok(()),
                Err(WireError::Stale) if !last => {}
                Err(error) => return Err(self.explain(error).await),
            }
        }
        Ok(())
    }

    /// Waits until nothing is on its way and the page does not say that it works, then reads the tab.
    async fn settled_tab(&mut self, planned: &PlannedTab, seen: &PageSnapshot) -> Result<PageSnapshot, PortalError> {
        let entered = planned.fields.iter().find_map(|field| seen.handles(&field.id));
        self.mark_traffic(entered.and_then(|handles| handles.element.frame)).await;
        let ask = self.tab_ask(planned)?;
        let limit = self.ready_limit();
        let control = self.config.control.clone();
        let map = Arc::clone(&self.config.map);
        let mut passed = control.passed();
        let late = Instant::now() + ANSWERS;
        let what = format!("tab {} after entry", planned.id);
        self.wait(&what, &ask, Expect::Session, limit, |answer| {
            // A request that began while the page was read may still change what was read.
            let still = control.passed() == passed;
            passed = control.passed();
            let quiet = still && control.in_flight() == 0 && !answer.state.busy && answer.panel == Some(1);
            quiet && (holds_all(&map.file, planned, answer) || Instant::now() > late)
        })
        .await
    }

    /// Reads a tab as it stands.
    pub(super) async fn look_at_tab(&mut self, tab: &PlannedTab) -> Result<ObservedTab, PortalError> {
        let answer = self.show_tab(tab).await?;
        Ok(self.observed_tab(tab, &answer))
    }

    /// The controls of a tab that no field of the map finds.
    ///
    /// # Errors
    ///
    /// [`PortalError`]: the tab is not shown.
    pub(crate) async fn unmapped_controls(&mut self, planned: &PlannedTab) -> Result<Vec<SeenControl>, PortalError> {
        let ask = self.tab_ask(planned)?.inventory(&self.tab(&planned.id)?.panel);
        let limit = self.ready_limit();
        let what = format!("tab {}", planned.id);
        Ok(self.wait(&what, &ask, Expect::Session, limit, |answer| answer.panel == Some(1)).await?.inventory)
    }

    /// Enters what a tab does not hold yet, and reads it again.
    pub(super) async fn fill_tab(&mut self, tab: &PlannedTab) -> Result<ObservedTab, PortalError> {
        let seen = self.show_tab(tab).await?;
        if let Err(error) = self.enter_fields(tab, &seen).await {
            let dialog = matches!(error, PortalError::Dialog(_));
            return Err(if dialog { self.explain(WireError::Dialog).await } else { error });
        }
        let answer = self.settled_tab(tab, &seen).await?;
        Ok(self.observed_tab(tab, &answer))
    }

    /// Empties the file controls of a tab, which need not be shown.
    pub(super) async fn forget_files(&mut self, tab: &PlannedTab) -> Result<(), PortalError> {
        let ask = self.tab_ask(tab)?;
        let limit = self.ready_limit();
        let page = self.wait("the form", &ask, Expect::Session, limit, |_| true).await?;
        let files = tab.fields.iter().filter(|field| field.widget == WidgetKind::File);
        for handles in files.filter_map(|field| page.handles(&field.id)) {
            self.wire.forget_file(&handles.element).await?;
        }
        Ok(())
    }

    /// Uploads to a tab, one file after the other, and reads it when the last is listed.
    pub(super) async fn attach_files(
        &mut self,
        tab: &PlannedTab,
        files: &[LocalFile],
    ) -> Result<ObservedTab, PortalError> {
        let mut answer = self.show_tab(tab).await?;
        for file in files {
            let field = file.planned.field.clone();
            let handles = answer.handles(&field).ok_or_else(|| PortalError::Missing(format!("upload {field}")))?;
            let path = file.path.to_string_lossy().into_owned();
            let control = self.config.control.clone();
            let (before, listed) = (control.passed(), answer.files(field.as_str()).len());
            self.wire.give_file(&handles.element, &path).await?;
            let what = format!("upload {field}");
            if let Some(send) = form_field(self.map(), &field).and_then(|declared| declared.send.clone()) {
                let ask = PageQuery::state(self.map()).target("send", &send);
                let limit = self.ready_limit();
                let usable = |answer: &PageSnapshot| answer.target("send").may_be_pressed();
                let page = self.wait(&what, &ask, Expect::Session, limit, usable).await?;
                if let Err(error) = self.wire.click(&one(&what, page.target("send"))?).await {
                    return Err(self.explain(error).await);
                }
            }
            self.traffic_settles(before, LISTING).await;
            let ask = self.tab_ask(tab)?;
            let limit = Duration::from_secs(self.map().limits.upload_s);
            let mut quiet_since: Option<Instant> = None;
            answer = self
                .wait(&what, &ask, Expect::Session, limit, |answer| {
                    let sent = control.passed() > before && control.in_flight() == 0 && !answer.state.busy;
                    let since = if sent && answer.panel == Some(1) {
                        *quiet_since.get_or_insert_with(Instant::now)
                    } else {
                        quiet_since = None;
                        return false;
                    };
                    answer.files(field.as_str()).len() > listed || since.elapsed() > LISTING
                })
                .await?;
        }
        Ok(self.observed_tab(tab, &answer))
    }
}

/// A field as it was found. What shows the wanted value in the way that the map declares holds it.
fn found(map: &MapFile, planned: &PlannedField, answer: &PageSnapshot) -> Found<ObservedControl> {
    let found = answer.found(planned);
    let declared = form_field(map, &planned.id).and_then(|field| field.shown.as_ref());
    let (Some(shown), Found::One(control)) = (declared, &found) else { return found };
    let reads = |text: &String, value: &String| shown_as(shown.get_ref(), value).is_ok_and(|form| form.is_match(text));
    let value = match (control.value.expose(), planned.value.expose()) {
        (FormValue::Text(text), FormValue::Text(value)) if reads(text, value) => FormValue::Text(value.clone()),
        (FormValue::Choices(texts), FormValue::Choices(values)) => {
            let value = |text: &String| values.iter().find(|value| reads(text, value)).unwrap_or(text).clone();
            FormValue::Choices(texts.iter().map(value).collect())
        }
        (other @ (FormValue::Text(_) | FormValue::Choices(_) | FormValue::Checked(_)), _) => other.clone(),
    };
    Found::One(ObservedControl { value: Private::new(value), ..control.clone() })
}

/// Whether every field that can be entered holds its value.
fn holds_all(map: &MapFile, planned: &PlannedTab, answer: &PageSnapshot) -> bool {
    let entered = planned.fields.iter().filter(|field| field.widget.part() == Part::Entered);
    entered.into_iter().all(|field| match found(map, field, answer) {
        Found::One(control) => control.value == field.value,
        Found::Absent | Found::Several(_) => true,
    })
}
