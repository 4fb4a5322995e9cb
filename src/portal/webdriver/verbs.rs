//! The verbs of [`Portal`], carried out in the browser.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use secrecy::ExposeSecret;

use super::WebPortal;
use super::ask::{Answer, Ask, Target, field};
use super::pages::{Expect, SETTLES, fill_path};
use super::wire::{ElementRef, WireError};
use crate::gateway::proxy::PROBE;
use crate::mask::picture::MaskedPicture;
use crate::model::form::{PlannedField, PlannedTab, WidgetKind};
use crate::model::ids::{ChangeId, DraftReference};
use crate::model::observed::{ObservedPage, ObservedTab};
use crate::model::portal_facts::{Created, ListedException, ListedState};
use crate::model::private::Private;
use crate::model::time::Instant as Moment;
use crate::portal::{Approach, LocalFile, Portal, PortalError, Saved, Scene, ShownPage};
use crate::selectors::schema::{ReadPage, Tab};

/// How long a quiet page may take to list an upload that it has received.
const LISTING: Duration = Duration::from_secs(5);

fn one(what: &str, target: Target) -> Result<ElementRef, PortalError> {
    match (target.count, target.element) {
        (1, Some(element)) => Ok(element),
        (0, _) | (1, None) => Err(PortalError::Missing(what.to_owned())),
        (several, _) => Err(PortalError::Ambiguous(what.to_owned(), several)),
    }
}

impl WebPortal {
    fn tab(&self, id: &crate::model::ids::TabId) -> Result<&Tab, PortalError> {
        let found = self.map().tabs.iter().find(|tab| tab.id.get_ref() == id);
        found.ok_or_else(|| PortalError::Missing(format!("tab {id}")))
    }

    fn tab_ask(&self, planned: &PlannedTab) -> Result<Ask, PortalError> {
        let tab = self.tab(&planned.id)?;
        let fields = planned
            .fields
            .iter()
            .filter_map(|planned| {
                let declared = tab.fields.iter().find(|declared| declared.id.get_ref() == &planned.id)?;
                Some(field(planned, &declared.locate))
            })
            .collect();
        let mut ask = Ask::state(self.map()).fields(fields).panel(&tab.panel);
        for declared in &tab.fields {
            if let Some(list) = &declared.list {
                ask = ask.files(declared.id.get_ref().as_str(), list);
            }
        }
        Ok(ask)
    }

    fn observed_tab(&self, planned: &PlannedTab, answer: &Answer) -> ObservedTab {
        let listed = planned.fields.iter().filter(|field| field.widget == WidgetKind::File);
        ObservedTab {
            tab: planned.id.clone(),
            controls: answer.found_all(&planned.fields),
            strange_required: answer.strange(),
            banners: answer.banners(),
            files: listed.map(|field| (field.id.clone(), answer.files(field.id.as_str()))).collect(),
        }
    }

    async fn show_tab(&mut self, planned: &PlannedTab) -> Result<Answer, PortalError> {
        let ask = self.tab_ask(planned)?;
        if self.current.as_ref() != Some(&planned.id) {
            let clicked = match self.tabs.get(&planned.id) {
                Some(element) => match self.wire.click(element).await {
                    Ok(()) => true,
                    Err(WireError::Stale) => false,
                    Err(error) => return Err(self.explain(error).await),
                },
                None => false,
            };
            if !clicked {
                self.find_tabs().await?;
                let element = self.tabs.get(&planned.id).cloned();
                let element = element.ok_or_else(|| PortalError::Missing(format!("tab {}", planned.id)))?;
                if let Err(error) = self.wire.click(&element).await {
                    return Err(self.explain(error).await);
                }
            }
            self.current = Some(planned.id.clone());
        }
        let limit = self.ready_limit();
        let what = format!("tab {}", planned.id);
        let control = self.config.control.clone();
        let ready = |answer: &Answer| answer.panel == Some(1) && !answer.state.busy && control.in_flight() == 0;
        self.wait(&what, &ask, Expect::Session, limit, ready).await
    }

    /// Says why a click or key failed, as far as the page tells: a dialog, a lost session, or the command itself.
    async fn explain(&mut self, error: WireError) -> PortalError {
        if matches!(error, WireError::Dialog) {
            let text = self.wire.dialog_text().await.unwrap_or_default();
            return PortalError::Dialog(Private::new(text));
        }
        let ask = Ask::state(self.map());
        match self.look(&ask).await {
            Ok(Some(answer)) if answer.state.signed_out => PortalError::SessionLost,
            Ok(Some(answer)) => match answer.state.dialogs.into_iter().next() {
                Some(text) => PortalError::Dialog(Private::new(text)),
                None => error.into(),
            },
            Ok(None) => error.into(),
            Err(worse) => worse,
        }
    }

    fn tabs_ask(&self) -> Ask {
        self.map().tabs.iter().fold(Ask::state(self.map()), |ask, tab| ask.target(tab.id.get_ref().as_str(), &tab.open))
    }

    async fn find_tabs(&mut self) -> Result<(), PortalError> {
        let ask = self.tabs_ask();
        let limit = self.ready_limit();
        let answer = self.wait("the form", &ask, Expect::Session, limit, |_| true).await?;
        self.remember_tabs(&answer)
    }

    fn remember_tabs(&mut self, answer: &Answer) -> Result<(), PortalError> {
        let ids: Vec<_> = self.map().tabs.iter().map(|tab| tab.id.get_ref().clone()).collect();
        for id in ids {
            let element = one(&format!("tab {id}"), answer.target(id.as_str()))?;
            self.tabs.insert(id, element);
        }
        Ok(())
    }

    async fn open_form_at(&mut self, path: &str) -> Result<(), PortalError> {
        let ask = self.tabs_ask().target("(form)", &self.map().form.ready);
        let answer =
            self.open("the form", path, &ask, Expect::Session, |answer| answer.target("(form)").count == 1).await?;
        self.remember_tabs(&answer)
    }

    /// Waits until nothing is on its way and the page does not say that it works, then reads the tab.
    async fn settled_tab(&mut self, planned: &PlannedTab) -> Result<Answer, PortalError> {
        let show = self.show_of(Scene::Tab(planned));
        let ask = self.tab_ask(planned)?.show(show.clone());
        let limit = self.ready_limit();
        let control = self.config.control.clone();
        let mut passed = control.passed();
        let what = format!("tab {} after entry", planned.id);
        let mut seen = None;
        let answer = self
            .wait(&what, &ask, Expect::Session, limit, |answer| {
                // A request that began while the page was read may still change what was read.
                let still = control.passed() == passed;
                passed = control.passed();
                still && control.in_flight() == 0 && !answer.state.busy && answer.panel == Some(1)
            })
            .await
            .inspect(|answer| seen = answer.rectangles.clone());
        self.rectangles = seen.map(|seen| (show, seen));
        answer
    }

    fn read_page_of(&self, page: ShownPage<'_>) -> (&ReadPage, String) {
        let map = self.map();
        match page {
            ShownPage::Review(draft) => (&map.review, fill_path(&map.review.path, &[("draft", draft.as_str())])),
            ShownPage::Recheck(draft) => (&map.recheck, fill_path(&map.recheck.path, &[("draft", draft.as_str())])),
            ShownPage::Submitted(number) => {
                let page = &map.confirmation.submitted;
                (page, fill_path(&page.path, &[("number", number)]))
            }
        }
    }

    fn listed(&self, path: &str, row: &BTreeMap<String, Option<String>>) -> Result<ListedException, PortalError> {
        let unreadable = || PortalError::UnreadableList(path.split('?').next().unwrap_or_default().to_owned());
        let cell = |name: &str| row.get(name).cloned().flatten();
        let states = &self.map().exceptions.states;
        let word = cell("state").ok_or_else(unreadable)?;
        let state = if states.draft.contains(&word) {
            ListedState::Draft
        } else if states.submitted.contains(&word) {
            ListedState::Submitted
        } else if states.closed.contains(&word) {
            ListedState::Closed
        } else {
            ListedState::Unknown
        };
        let number = cell("number").filter(|text| !text.is_empty()).ok_or_else(unreadable)?;
        let change_id = cell("change_id").ok_or_else(unreadable)?;
        let forms = &self.config.map;
        let draft = |text: &str| forms.draft_form.find(text).is_some_and(|found| found.as_str() == text);
        let known = forms.number_form.is_match(&number) || draft(&number);
        let recognised = known && ChangeId::parse(&change_id).is_ok();
        Ok(ListedException {
            state,
            created: match (&self.map().exceptions.created_at, cell("created_at")) {
                (None, _) => Created::NotListed,
                (Some(_), Some(text)) => Moment::parse(&text).map_or(Created::Unreadable, Created::At),
                (Some(_), None) => Created::Unreadable,
            },
            recognised,
            number,
            change_id,
        })
    }
}

impl Portal for WebPortal {
    async fn prove_path(&mut self) -> Result<(), PortalError> {
        let nonce = format!("{:016x}", rand::random::<u64>());
        let url = self.config.base.join(&format!("{PROBE}{nonce}"));
        let url = url.map_err(|_| PortalError::Browser("the base URL takes no path".into()))?;
        self.wire.goto(&url).await?;
        let limit = self.ready_limit();
        if !self.config.control.await_probe(&nonce, limit).await {
            return Err(PortalError::Browser("the browser does not go through the gateway".into()));
        }
        // The next navigation must not overtake this one.
        let ask = Ask::state(self.map());
        let path = url.path().to_owned();
        let there = |answer: &Answer| answer.state.path == path && answer.state.ready == "complete";
        self.wait("the gateway's own page", &ask, Expect::Anything, limit, there).await.map(drop)
    }

    async fn sign_in(&mut self) -> Result<Private<String>, PortalError> {
        let login = self.map().login.clone();
        let ask = Ask::state(self.map())
            .target("user", &login.user)
            .target("password", &login.password)
            .target("submit", &login.submit);
        let ready = |answer: &Answer| ["user", "password", "submit"].iter().all(|name| answer.target(name).count > 0);
        let page = self.open("the sign-in page", &login.path, &ask, Expect::Anything, ready).await?;
        let user = one("the account field", page.target("user"))?;
        let password = one("the password field", page.target("password"))?;
        let submit = one("the sign-in button", page.target("submit"))?;
        let credentials = self.config.credentials.clone();
        self.wire.keys(&user, &credentials.user).await?;
        self.wire.keys(&password, credentials.password.expose_secret()).await?;
        let before = self.document;
        let passed = self.config.control.passed();
        self.wire.click(&submit).await?;
        self.traffic_settles(passed, SETTLES).await;
        let ask = Ask::state(self.map());
        let limit = self.ready_limit();
        let answer = self
            .wait("the portal after signing in", &ask, Expect::Anything, limit, |answer| {
                let state = &answer.state;
                state.signed_in.is_some() || (state.signed_out && state.origin_time > before)
            })
            .await?;
        answer.state.signed_in.map(Private::new).ok_or(PortalError::SignInRefused)
    }

    async fn list_exceptions(&mut self) -> Result<Vec<ListedException>, PortalError> {
        let list = self.map().exceptions.clone();
        let cells = [
            ("number", Some(list.number.as_str())),
            ("change_id", Some(list.change_id.as_str())),
            ("state", Some(list.state.as_str())),
            ("created_at", list.created_at.as_deref()),
        ];
        let ask = Ask::state(self.map()).target("list", &list.ready).table("rows", &list.rows, &cells);
        let mut found: Vec<ListedException> = Vec::new();
        for path in &list.paths {
            let values = [("service", self.config.service.as_str()), ("change", self.config.change.as_str())];
            let path = fill_path(path, &values);
            let control = self.config.control.clone();
            let ready =
                |answer: &Answer| answer.target("list").count == 1 && !answer.state.busy && control.in_flight() == 0;
            let answer = self.open("the list of exceptions", &path, &ask, Expect::Session, ready).await?;
            for row in answer.tables.get("rows").into_iter().flatten() {
                let row = self.listed(&path, row)?;
                if !found.contains(&row) {
                    found.push(row);
                }
            }
        }
        Ok(found)
    }

    async fn open_form(&mut self) -> Result<(), PortalError> {
        let path = self.map().form.path.clone();
        self.open_form_at(&path).await
    }

    async fn open_draft(&mut self, draft: &DraftReference) -> Result<(), PortalError> {
        let path = fill_path(&self.map().form.draft_path, &[("draft", draft.as_str())]);
        self.open_form_at(&path).await
    }

    async fn read_tab(&mut self, tab: &PlannedTab) -> Result<ObservedTab, PortalError> {
        let answer = self.show_tab(tab).await?;
        Ok(self.observed_tab(tab, &answer))
    }

    async fn enter_tab(&mut self, tab: &PlannedTab) -> Result<ObservedTab, PortalError> {
        let seen = self.show_tab(tab).await?;
        if let Err(error) = self.enter_fields(tab, &seen).await {
            let dialog = matches!(error, PortalError::Dialog(_));
            return Err(if dialog { self.explain(WireError::Dialog).await } else { error });
        }
        let answer = self.settled_tab(tab).await?;
        Ok(self.observed_tab(tab, &answer))
    }

    async fn upload_tab(&mut self, tab: &PlannedTab, files: &[LocalFile]) -> Result<ObservedTab, PortalError> {
        let mut answer = self.show_tab(tab).await?;
        for file in files {
            let handles = answer.handles(&file.planned.field);
            let handles = handles.ok_or_else(|| PortalError::Missing(format!("upload {}", file.planned.field)))?;
            let path = file.path.to_string_lossy().into_owned();
            let control = self.config.control.clone();
            let before = control.passed();
            self.wire.keys(&handles.element, &path).await?;
            self.traffic_settles(before, LISTING).await;
            let ask = self.tab_ask(tab)?;
            let limit = Duration::from_secs(self.map().limits.upload_s);
            let field = file.planned.field.clone();
            let mut quiet_since: Option<Instant> = None;
            let what = format!("upload {field}");
            answer = self
                .wait(&what, &ask, Expect::Session, limit, |answer| {
                    let sent = control.passed() > before && control.in_flight() == 0 && !answer.state.busy;
                    let since = if sent {
                        *quiet_since.get_or_insert_with(Instant::now)
                    } else {
                        quiet_since = None;
                        return false;
                    };
                    !answer.files(field.as_str()).is_empty() || since.elapsed() > LISTING
                })
                .await?;
        }
        Ok(self.observed_tab(tab, &answer))
    }

    async fn save_draft(&mut self) -> Result<Saved, PortalError> {
        let draft = self.map().draft.clone();
        let ask = Ask::state(self.map()).target("save", &draft.save).target("reference", &draft.reference).complaints();
        let limit = self.ready_limit();
        let page = self.wait("the form", &ask, Expect::Session, limit, |_| true).await?;
        let save = one("the button that saves a draft", page.target("save"))?;
        let control = self.config.control.clone();
        let (before, errors) = (control.passed(), control.server_errors());
        if let Err(error) = self.wire.click(&save).await {
            return Err(self.explain(error).await);
        }
        self.traffic_settles(before, SETTLES).await;
        let form = self.config.map.draft_form.clone();
        let reference_in = |answer: &Answer| {
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
            Err(error) => Err(error),
        }
    }

    async fn read_page(&mut self, page: ShownPage<'_>, lines: &[PlannedField]) -> Result<ObservedPage, PortalError> {
        let (declared, path) = self.read_page_of(page);
        let fields = lines
            .iter()
            .filter_map(|line| {
                let own =
                    declared.fields.iter().find(|known| known.id.get_ref() == &line.id).map(|known| &known.locate);
                let inherited =
                    || declared.lines.iter().find(|(known, _)| known.get_ref() == &line.id).map(|(_, locate)| locate);
                let review = &self.map().review;
                let same_page = || {
                    let lines = review.lines.iter().find(|(known, _)| known.get_ref() == &line.id);
                    let own = review.fields.iter().find(|known| known.id.get_ref() == &line.id);
                    let recheck = matches!(page, ShownPage::Recheck(_)) && declared.path == review.path;
                    lines.map(|(_, locate)| locate).or(own.map(|own| &own.locate)).filter(|_| recheck)
                };
                own.or_else(inherited).or_else(same_page).map(|locate| field(line, locate))
            })
            .collect();
        let show = self.show_of(Scene::Lines(page, lines));
        let mut ask = Ask::state(self.map()).fields(fields).target("ready", &declared.ready).show(show.clone());
        let lists_files = declared.files.is_some();
        if let Some(list) = &declared.files {
            ask = ask.files("files", list);
        }
        let control = self.config.control.clone();
        let ready =
            |answer: &Answer| answer.target("ready").count == 1 && !answer.state.busy && control.in_flight() == 0;
        let answer = self.open("a page of the portal", &path, &ask, Expect::Session, ready).await?;
        self.rectangles = answer.rectangles.clone().map(|seen| (show, seen));
        Ok(ObservedPage {
            lines: answer.found_all(lines),
            banners: answer.banners(),
            files: lists_files.then(|| answer.files("files")),
        })
    }

    async fn approach_commit(&mut self) -> Result<Approach, PortalError> {
        let submit = self.map().submit.clone();
        let ask = Ask::state(self.map()).target("button", &submit.button).fields(Vec::new());
        let limit = self.ready_limit();
        let page = self.wait("the review page", &ask, Expect::Session, limit, |_| true).await?;
        let button = one("the button that submits", page.target("button"))?;
        let Some(dialog) = submit.dialog else {
            self.confirm = Some(button);
            return Ok(Approach { dialog: None, banners: page.banners() });
        };
        if let Err(error) = self.wire.click(&button).await {
            return Err(self.explain(error).await);
        }
        let mut ask = Ask::state(self.map()).target("dialog", &dialog.locate).target("confirm", &dialog.confirm);
        ask = ask.fields(Vec::new());
        for (place, attest) in dialog.attest.iter().enumerate() {
            ask = ask.target(&format!("attest {place}"), attest);
        }
        let shown = self.wait("the dialog before the commit", &ask, Expect::Dialog, limit, |answer| {
            answer.target("dialog").count == 1
        });
        let shown = shown.await?;
        let text = shown.target("dialog").text.unwrap_or_default();
        let known = self.config.map.dialog_text.as_ref().is_some_and(|form| form.is_match(&text));
        // Exactly this dialog: a second one, or another wording, is for a person.
        if !known || shown.state.dialogs.len() > 1 {
            return Err(PortalError::Dialog(Private::new(text)));
        }
        for place in 0..dialog.attest.len() {
            let element = one("a box to attest", shown.target(&format!("attest {place}")))?;
            self.wire.click(&element).await?;
        }
        self.confirm = Some(one("the button that confirms", shown.target("confirm"))?);
        Ok(Approach { dialog: Some(Private::new(text)), banners: shown.banners() })
    }

    async fn press_commit(&mut self) -> Result<(), PortalError> {
        let element = self.confirm.take().ok_or_else(|| PortalError::Missing("the button that confirms".into()))?;
        self.wire.click_detached(&element);
        Ok(())
    }

    async fn confirmation_number(&mut self) -> Result<Option<String>, PortalError> {
        let ask = Ask::state(self.map()).target("number", &self.map().confirmation.number);
        let before = self.document;
        let control = self.config.control.clone();
        let limit = self.ready_limit();
        let answer = self
            .wait("the confirmation page", &ask, Expect::Anything, limit, |answer| {
                let arrived = answer.state.origin_time > before && answer.state.ready == "complete";
                answer.target("number").count > 0 || (arrived && control.in_flight() == 0)
            })
            .await?;
        let target = answer.target("number");
        Ok(if target.count == 1 { target.text } else { None })
    }

    async fn picture(&mut self, scene: Scene<'_>) -> Result<MaskedPicture, PortalError> {
        self.masked_picture(scene).await
    }

    async fn dismiss_dialog(&mut self) -> Result<(), PortalError> {
        Ok(self.wire.dismiss_dialog().await?)
    }

    async fn close(&mut self) {
        self.wire.close().await;
    }
}
