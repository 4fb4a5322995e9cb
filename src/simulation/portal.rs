//! The simulated browser: it fills a form, and talks to the simulated server through the real gateway's control.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant as Virtual;

use super::world::{Content, LATEST, Released, Sent, Sim, Stored, World};
use crate::gateway::control::{AnswerKept, Answered, Control, Decision, Release};
use crate::mask::picture::MaskedPicture;
use crate::model::digest::Digest;
use crate::model::form::{FormValue, ParameterContent, Part, PlannedField, PlannedParameter, PlannedTab, WidgetKind};
use crate::model::ids::{DraftReference, FieldId};
use crate::model::observed::{Found, ListedFile, ObservedControl, ObservedPage, ObservedTab};
use crate::model::portal_facts::{CommitContent, Created, ListedException, ListedState};
use crate::model::private::Private;
use crate::portal::{Approach, LocalFile, Portal, PortalError, Saved, Scene, ShownPage};

/// The browser of one process.
pub(crate) struct SimPortal {
    sim: Sim,
    process: u64,
    control: Control,
    commit: Vec<PlannedParameter>,
    change: String,
    picture: MaskedPicture,
    dead: bool,
    signed_in: u64,
    form: Option<(Option<String>, Content)>,
    draft: Option<String>,
}

impl SimPortal {
    pub fn new(
        sim: &Sim,
        process: u64,
        control: &Control,
        commit: &[PlannedParameter],
        change: &str,
        picture: &MaskedPicture,
    ) -> Self {
        Self {
            sim: sim.clone(),
            process,
            control: control.clone(),
            commit: commit.to_vec(),
            change: change.to_owned(),
            picture: picture.clone(),
            dead: false,
            signed_in: 0,
            form: None,
            draft: None,
        }
    }

    /// One call of the browser's driver.
    async fn call(&mut self) -> Result<(), PortalError> {
        self.sim.edge(self.process).await;
        let mut world = self.sim.lock();
        world.catch_up();
        let times = world.weather.browser;
        self.dead |= world.fails(times);
        if self.dead {
            return Err(PortalError::Browser("the driver is gone".into()));
        }
        let times = world.weather.strays;
        if world.fails(times) {
            drop(world);
            // Nobody expects it: the gateway refuses it and raises the alarm.
            let _ = self.control.attempt(CommitContent { parameters: Vec::new(), digest: Digest::of(b"stray") });
        }
        Ok(())
    }

    /// A call that asks the server something.
    async fn ask(&mut self) -> Result<(), PortalError> {
        self.call().await?;
        let mut world = self.sim.lock();
        if self.signed_in != world.sessions {
            return Err(PortalError::SessionLost);
        }
        let times = world.weather.portal;
        if world.fails(times) {
            return Err(match world.chance.below(3) {
                0 => {
                    world.sessions += 1;
                    PortalError::SessionLost
                }
                1 => PortalError::Server,
                _ => PortalError::Timeout("a page".into()),
            });
        }
        Ok(())
    }

    fn shown(field: &PlannedField, value: Option<&FormValue>) -> Found<ObservedControl> {
        let stated = (field.widget == WidgetKind::ReadOnly).then(|| field.value.expose().clone());
        Found::One(ObservedControl {
            label: Private::new(field.label.clone().unwrap_or_default()),
            required: field.required,
            editable: field.widget != WidgetKind::ReadOnly,
            options: field.options.iter().cloned().map(Private::new).collect(),
            value: Private::new(stated.or_else(|| value.cloned()).unwrap_or_else(|| field.widget.blank())),
            complaint: None,
        })
    }

    fn tab(tab: &PlannedTab, content: &Content) -> ObservedTab {
        let controls = tab.fields.iter().map(|field| {
            let value = content.values.get(&field.id);
            (field.id.clone(), Self::shown(field, value))
        });
        let files = tab.fields.iter().filter(|field| field.widget == WidgetKind::File);
        ObservedTab {
            tab: tab.id.clone(),
            controls: controls.collect(),
            strange_required: Vec::new(),
            banners: Vec::new(),
            files: files
                .map(|field| (field.id.clone(), content.files.get(&field.id).cloned().unwrap_or_default()))
                .collect(),
        }
    }

    fn page(lines: &[PlannedField], content: &Content) -> ObservedPage {
        let lines = lines.iter().map(|field| {
            let value = content.values.get(&field.id);
            let shown = match value {
                Some(value) => FormValue::Text(value.as_text()),
                None => FormValue::Text(String::new()),
            };
            (field.id.clone(), Self::shown(field, Some(&shown)))
        });
        let files = content.files.values().flatten().cloned().collect();
        ObservedPage { lines: lines.collect(), banners: Vec::new(), files: Some(files) }
    }

    fn stored(world: &World, number: &str) -> Result<Stored, PortalError> {
        let found = world.entries.iter().find(|entry| entry.number == number).cloned();
        found.ok_or_else(|| PortalError::Timeout("the page of an exception that is not there".into()))
    }

    /// Sends a change: what becomes of it is chance. Whether an answer came.
    fn send(world: &mut World, sent: Sent) -> bool {
        let times = world.weather.lost_answers;
        if !world.fails(times) {
            world.on_their_way.push((Virtual::now(), sent));
            world.catch_up();
            return true;
        }
        match world.chance.below(3) {
            // Lost before it arrived.
            0 => {}
            // Stored, and the answer is lost.
            1 => {
                world.on_their_way.push((Virtual::now(), sent));
                world.catch_up();
            }
            // Arrives late, when nobody waits for it any more.
            _ => {
                let late = world.chance.below(LATEST.as_millis() as u64);
                world.on_their_way.push((Virtual::now() + Duration::from_millis(late), sent));
            }
        }
        false
    }

    fn parameters(&self, altered: bool) -> CommitContent {
        let draft = self.draft.clone().unwrap_or_default();
        let mut parameters = Vec::new();
        for planned in &self.commit {
            let values = match &planned.content {
                ParameterContent::Value { carried, .. } => carried.expose().clone(),
                ParameterContent::DraftReference => vec![draft.clone()],
                ParameterContent::Volatile => vec!["token".to_owned()],
            };
            for value in values {
                parameters.push((planned.name.clone(), Private::new(value)));
            }
        }
        if altered {
            parameters.push(("urgent".into(), Private::new("yes".into())));
        }
        CommitContent { parameters, digest: World::content_digest(&draft) }
    }
}

impl Portal for SimPortal {
    async fn prove_path(&mut self) -> Result<(), PortalError> {
        self.call().await
    }

    async fn sign_in(&mut self) -> Result<Private<String>, PortalError> {
        self.call().await?;
        self.signed_in = self.sim.lock().sessions;
        Ok(Private::new("portal.robot".into()))
    }

    async fn list_exceptions(&mut self) -> Result<Vec<ListedException>, PortalError> {
        self.ask().await?;
        let entries = self.sim.lock().listed();
        let row = |entry: Stored| ListedException {
            number: entry.number,
            change_id: self.change.clone(),
            state: if entry.submitted { ListedState::Submitted } else { ListedState::Draft },
            created: Created::At(entry.at),
            recognised: true,
            other_service: false,
        };
        Ok(entries.into_iter().map(row).collect())
    }

    async fn open_form(&mut self) -> Result<(), PortalError> {
        self.ask().await?;
        self.form = Some((None, Content::default()));
        Ok(())
    }

    async fn open_draft(&mut self, draft: &DraftReference) -> Result<(), PortalError> {
        self.ask().await?;
        let stored = Self::stored(&self.sim.lock(), draft.as_str())?;
        self.form = Some((Some(stored.number), stored.content));
        Ok(())
    }

    async fn read_tab(&mut self, tab: &PlannedTab) -> Result<ObservedTab, PortalError> {
        self.call().await?;
        let (_, content) = self.form.as_ref().ok_or(PortalError::Missing("the form".into()))?;
        Ok(Self::tab(tab, content))
    }

    async fn enter_tab(&mut self, tab: &PlannedTab) -> Result<ObservedTab, PortalError> {
        self.ask().await?;
        let (_, content) = self.form.as_mut().ok_or(PortalError::Missing("the form".into()))?;
        for field in &tab.fields {
            if field.widget.part() == Part::Entered {
                content.values.insert(field.id.clone(), field.value.expose().clone());
            }
        }
        Ok(Self::tab(tab, content))
    }

    async fn upload_tab(&mut self, tab: &PlannedTab, files: &[LocalFile]) -> Result<ObservedTab, PortalError> {
        self.ask().await?;
        let (_, content) = self.form.as_mut().ok_or(PortalError::Missing("the form".into()))?;
        for file in files {
            let listed = ListedFile {
                name: Private::new(file.planned.name.clone()),
                size: Some(file.planned.size),
                sha256: Some(file.planned.sha256),
            };
            content.files.insert(file.planned.field.clone(), vec![listed]);
        }
        Ok(Self::tab(tab, content))
    }

    async fn drop_files(&mut self, _: &PlannedTab) -> Result<(), PortalError> {
        self.call().await
    }

    async fn save_draft(&mut self, _: Option<&crate::model::ids::TabId>) -> Result<Saved, PortalError> {
        self.ask().await?;
        let (reference, content) = self.form.clone().ok_or(PortalError::Missing("the form".into()))?;
        let answered = {
            let mut world = self.sim.lock();
            Self::send(&mut world, Sent::Save { reference: reference.clone(), content })
        };
        // The answer takes its time, and the process may die before it comes.
        self.sim.edge(self.process).await;
        if !answered {
            return Err(PortalError::Timeout("the saved draft".into()));
        }
        let world = self.sim.lock();
        let newest = world.entries.iter().rev().find(|entry| !entry.submitted).map(|entry| entry.number.clone());
        let reference = reference.or(newest).and_then(|text| DraftReference::parse(&text).ok());
        if let Some((known, _)) = &mut self.form {
            *known = reference.as_ref().map(ToString::to_string);
        }
        Ok(Saved { reference, complaints: Vec::new() })
    }

    async fn read_page(&mut self, page: ShownPage<'_>, lines: &[PlannedField]) -> Result<ObservedPage, PortalError> {
        self.ask().await?;
        let number = match page {
            ShownPage::Review(draft) | ShownPage::Recheck(draft) => draft.as_str(),
            ShownPage::Submitted(number) => number,
        };
        let stored = Self::stored(&self.sim.lock(), number)?;
        self.draft = Some(stored.number);
        Ok(Self::page(lines, &stored.content))
    }

    async fn approach_commit(&mut self) -> Result<Approach, PortalError> {
        self.call().await?;
        Ok(Approach::default())
    }

    async fn press_commit(&mut self) -> Result<(), PortalError> {
        self.call().await?;
        let altered = {
            let mut world = self.sim.lock();
            let altered = world.weather.altered;
            world.faults += u64::from(altered);
            altered
        };
        let content = self.parameters(altered);
        let Some((_, decided)) = self.control.attempt(content) else { return Ok(()) };
        let (sim, process) = (self.sim.clone(), self.process);
        let draft = self.draft.clone().unwrap_or_default();
        tokio::spawn(async move {
            let Ok(Decision::Forward(tell, within)) = decided.await else { return };
            let answered = {
                let mut world = sim.lock();
                // A process that is dead has no gateway: nothing leaves.
                if world.gone.contains(&process) {
                    return;
                }
                let intent = super::disk::intent_stands(&world, process);
                let shared = super::store::intent_stands(&world);
                let gates = !world.revoked;
                world.releases.push(Released { process, gates, durable: intent, shared, as_planned: !altered });
                Self::send(&mut world, Sent::Commit { draft })
            };
            // The process may die while the answer is on its way.
            sim.edge(process).await;
            let release = if answered {
                Release {
                    sent_at: None,
                    answered: Answered::Status { status: 303, sign_in: false },
                    kept: AnswerKept::default(),
                }
            } else {
                tokio::time::sleep(within).await;
                Release { sent_at: None, answered: Answered::NoAnswer, kept: AnswerKept::default() }
            };
            let _ = tell.send(release);
        });
        Ok(())
    }

    async fn confirmation_number(&mut self) -> Result<Option<String>, PortalError> {
        self.ask().await?;
        Ok(None)
    }

    async fn picture(&mut self, _: Scene<'_>, _: &str) -> Result<MaskedPicture, PortalError> {
        Ok(self.picture.clone())
    }

    async fn dismiss_dialog(&mut self) -> Result<(), PortalError> {
        self.call().await
    }

    async fn closed(&mut self) {}

    async fn close(&mut self) {}
}

/// A person's edit of the only draft.
pub fn edit(world: &mut World, field: &FieldId, value: &str) {
    for entry in world.entries.iter_mut().filter(|entry| !entry.submitted) {
        entry.content.values.insert(field.clone(), FormValue::Text(value.to_owned()));
    }
}

/// What a content holds that a record's plan does not ask for, by field.
pub fn differences(content: &Content, tabs: &[PlannedTab]) -> Vec<String> {
    let mut found = Vec::new();
    let values: BTreeMap<_, _> = content.values.iter().collect();
    for field in tabs.iter().flat_map(|tab| &tab.fields) {
        let entered = field.widget.part() == Part::Entered;
        if entered && values.get(&field.id).copied() != Some(field.value.expose()) {
            found.push(field.id.to_string());
        }
    }
    for file in tabs.iter().flat_map(|tab| &tab.files) {
        let listed = content.files.get(&file.field).map_or(&[][..], Vec::as_slice);
        if listed.len() != 1 || listed[0].sha256 != Some(file.sha256) {
            found.push(file.field.to_string());
        }
    }
    found
}
