//! `observations.jsonl`: everything that was seen and judged, so that the same rules can judge it again.

use serde::{Deserialize, Serialize};

use crate::decide::rules::controls::{banner_meaning, warning};
use crate::decide::verdict::{HaltCode, Stage, Verdict};
use crate::mask::masked::{MaskGate, Masked, PublicDocument};
use crate::mask::views::{ListedFileView, ListedRowView, ObservationView, WordingView};
use crate::model::banner::BannerRule;
use crate::model::digest::Digest;
use crate::model::form::{PlannedField, PlannedFile, PlannedTab};
use crate::model::ids::{AttachmentRole, ChangeId, DraftReference, FieldId, RunId};
use crate::model::observed::{ObservedBanner, ObservedPage, ObservedTab};
use crate::model::portal_facts::ListedException;
use crate::model::private::{Exposure, Fact, Private};
use crate::model::residue::{PortalResidue, StepState, TabProgress};
use crate::model::time::Instant;

/// Name of the file.
pub const OBSERVATIONS: &str = "observations.jsonl";
/// Version of the shapes below. The first one had no mark.
pub const OBSERVATIONS_SCHEMA: &str = "portal-agent/observations/2";

/// Which judgement a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Judgement {
    /// The portal's list of exceptions, before anything is entered.
    Exceptions,
    /// A tab before anything is typed.
    Survey,
    /// A tab after its values were entered.
    Fill,
    /// A tab's uploads.
    Attach,
    /// A tab of the draft, reopened.
    Draft,
    /// A tab of a draft that an earlier run left.
    Resume,
    /// A page that states the whole exception.
    Summary,
    /// Approvers and freeze window, right before the commit.
    Recheck,
    /// Dialog and banners, one click before the commit.
    Dialog,
    /// What the held commit request carries: the codes alone.
    Commit,
    /// The proof of the commit: the codes alone.
    Confirmation,
}

/// The first line.
#[derive(Debug, Clone, Serialize)]
pub struct ObservationsHead {
    /// Version of the lines that follow.
    pub schema: &'static str,
    pub run_id: RunId,
}
impl PublicDocument for ObservationsHead {}

/// Every other line.
#[derive(Debug, Clone, Serialize)]
pub struct ObservationLine {
    /// When.
    pub at: Instant,
    /// At which stage.
    pub stage: Stage,
    /// On which tab, or on which page.
    pub place: String,
    /// Which judgement it is.
    pub judged: Judgement,
    /// What was seen of each planned field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Masked<ObservationView>>,
    /// Labels of mandatory controls that the map does not know.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub strange: Vec<Masked<String>>,
    /// Files, where the judgement looks at them and the portal lists any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files: Option<FilesView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub banners: Vec<Masked<WordingView>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dialog: Option<Masked<WordingView>>,
    /// What an earlier run had put into this tab.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub work: Option<WorkView>,
    /// The portal's list of exceptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<ListView>,
    /// What was decided.
    pub verdict: Vec<HaltCode>,
}
impl PublicDocument for ObservationLine {}

/// Listed files beside those that were sent.
#[derive(Debug, Clone, Serialize)]
pub struct FilesView {
    /// What was sent.
    pub wanted: Vec<WantedFileView>,
    /// What is listed.
    pub listed: Vec<Masked<ListedFileView>>,
}

/// A file that was sent. All of it stands in `attachments.json` as well.
#[derive(Debug, Clone, Serialize)]
pub struct WantedFileView {
    /// File field it went into.
    pub field: FieldId,
    pub role: AttachmentRole,
    pub name: String,
    /// Length in bytes.
    pub size: u64,
    /// Digest.
    pub sha256: Digest,
}

/// How far an earlier run came with one tab.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkView {
    /// With its fields.
    pub fields: Option<StepState>,
    /// With its files.
    pub files: Option<StepState>,
}

/// The portal's list of exceptions, and what it was judged by.
#[derive(Debug, Clone, Serialize)]
pub struct ListView {
    pub change: ChangeId,
    /// What an earlier run may have left.
    pub left: PortalResidue,
    pub rows: Vec<Masked<ListedRowView>>,
}

/// A tab and what was planned for it.
#[derive(Debug, Clone, Copy)]
pub struct TabObservation<'a> {
    /// What was planned.
    pub planned: &'a PlannedTab,
    /// What was seen.
    pub observed: &'a ObservedTab,
}

/// A page and what it should state.
#[derive(Debug, Clone)]
pub struct PageObservation<'a> {
    pub lines: &'a [PlannedField],
    /// Files it should list, if it lists any.
    pub files: Vec<&'a PlannedFile>,
    /// What was seen.
    pub page: &'a ObservedPage,
}

/// What was judged.
#[derive(Debug, Clone)]
pub enum Observation<'a> {
    /// See [`Judgement::Exceptions`].
    Exceptions(&'a ChangeId, &'a PortalResidue, &'a [ListedException]),
    /// See [`Judgement::Survey`].
    Survey(TabObservation<'a>),
    /// See [`Judgement::Fill`].
    Fill(TabObservation<'a>),
    /// See [`Judgement::Attach`].
    Attach(TabObservation<'a>),
    /// See [`Judgement::Draft`].
    Draft(TabObservation<'a>),
    /// See [`Judgement::Resume`]; with the same tab of an empty form, and with the earlier run's work.
    Resume(TabObservation<'a>, &'a ObservedTab, &'a TabProgress),
    /// See [`Judgement::Summary`].
    Summary(PageObservation<'a>),
    /// See [`Judgement::Recheck`].
    Recheck(PageObservation<'a>),
    /// See [`Judgement::Dialog`].
    Dialog(Option<&'a Private<String>>, &'a [ObservedBanner]),
    /// See [`Judgement::Commit`].
    Commit,
    /// See [`Judgement::Confirmation`].
    Confirmation,
}

impl Observation<'_> {
    /// Which judgement it is.
    pub fn judgement(&self) -> Judgement {
        match self {
            Self::Exceptions(..) => Judgement::Exceptions,
            Self::Survey(_) => Judgement::Survey,
            Self::Fill(_) => Judgement::Fill,
            Self::Attach(_) => Judgement::Attach,
            Self::Draft(_) => Judgement::Draft,
            Self::Resume(..) => Judgement::Resume,
            Self::Summary(_) => Judgement::Summary,
            Self::Recheck(_) => Judgement::Recheck,
            Self::Dialog(..) => Judgement::Dialog,
            Self::Commit => Judgement::Commit,
            Self::Confirmation => Judgement::Confirmation,
        }
    }
}

/// A look at the portal, and what was decided about it.
#[derive(Debug, Clone)]
pub struct JudgedObservation<'a> {
    /// When.
    pub at: Instant,
    pub stage: Stage,
    /// Tab or page.
    pub place: &'a str,
    /// What was judged.
    pub look: Observation<'a>,
    /// What the map says that wordings mean.
    pub rules: &'a [BannerRule],
    /// What was decided.
    pub verdict: &'a Verdict,
}

impl ObservationLine {
    /// What may be kept of a look.
    pub fn of(seen: &JudgedObservation<'_>, gate: &MaskGate) -> Self {
        let line = Self {
            at: seen.at,
            stage: seen.stage,
            place: seen.place.to_owned(),
            judged: seen.look.judgement(),
            fields: Vec::new(),
            strange: Vec::new(),
            files: None,
            banners: Vec::new(),
            dialog: None,
            work: None,
            list: None,
            verdict: seen.verdict.codes(),
        };
        let recorder = Recorder { gate, rules: seen.rules };
        match &seen.look {
            Observation::Exceptions(change, left, rows) => {
                Self { list: Some(recorder.list(change, left, rows)), ..line }
            }
            Observation::Survey(tab) | Observation::Fill(tab) => recorder.tab(tab, None, line),
            Observation::Attach(tab) => Self { files: recorder.tab_files(tab), ..line },
            Observation::Draft(tab) => Self { files: recorder.tab_files(tab), ..recorder.tab(tab, None, line) },
            Observation::Resume(tab, empty, work) => {
                let reached = WorkView {
                    fields: work.fields.get(&tab.planned.id).copied(),
                    files: work.files.get(&tab.planned.id).copied(),
                };
                let line = recorder.tab(tab, Some(empty), line);
                Self { files: recorder.tab_files(tab), work: Some(reached), ..line }
            }
            Observation::Summary(page) => Self { files: recorder.page_files(page), ..recorder.page(page, line) },
            Observation::Recheck(page) => recorder.page(page, line),
            Observation::Dialog(dialog, banners) => {
                // A dialog's words are the map's own: only a warning among them counts.
                let meaning = |text: &Private<String>| warning(text.expose(), seen.rules);
                let dialog = dialog.map(|text| gate.wording(text, meaning(text)));
                Self { dialog, banners: recorder.banners(banners), ..line }
            }
            Observation::Commit | Observation::Confirmation => line,
        }
    }
}

struct Recorder<'a> {
    gate: &'a MaskGate,
    rules: &'a [BannerRule],
}

impl Recorder<'_> {
    fn tab(&self, seen: &TabObservation<'_>, empty: Option<&ObservedTab>, line: ObservationLine) -> ObservationLine {
        let TabObservation { planned, observed } = *seen;
        let field = |field: &PlannedField| {
            let blank = empty.and_then(|empty| empty.controls.get(&field.id));
            self.gate.observation(field, observed.controls.get(&field.id), blank)
        };
        let label = |text: &Private<String>| self.gate.fact(&Fact::new(text.expose().clone(), Exposure::Wording));
        ObservationLine {
            fields: planned.fields.iter().map(field).collect(),
            strange: observed.strange_required.iter().map(|control| label(&control.label)).collect(),
            banners: self.banners(&observed.banners),
            ..line
        }
    }

    fn page(&self, seen: &PageObservation<'_>, line: ObservationLine) -> ObservationLine {
        let field = |field: &PlannedField| self.gate.observation(field, seen.page.lines.get(&field.id), None);
        ObservationLine {
            fields: seen.lines.iter().map(field).collect(),
            banners: self.banners(&seen.page.banners),
            ..line
        }
    }

    fn banners(&self, banners: &[ObservedBanner]) -> Vec<Masked<WordingView>> {
        let shown =
            |banner: &ObservedBanner| self.gate.wording(&banner.text, banner_meaning(banner.text.expose(), self.rules));
        banners.iter().map(shown).collect()
    }

    fn tab_files(&self, seen: &TabObservation<'_>) -> Option<FilesView> {
        let wanted: Vec<&PlannedFile> = seen.planned.files.iter().collect();
        let listed = seen.observed.files.iter().flat_map(|(field, files)| files.iter().map(move |file| (field, file)));
        let listed: Vec<_> = listed.map(|(field, file)| self.gate.listed_file(Some(field), file, &wanted)).collect();
        (!wanted.is_empty() || !listed.is_empty()).then(|| FilesView { wanted: sent(&wanted), listed })
    }

    fn page_files(&self, seen: &PageObservation<'_>) -> Option<FilesView> {
        let listed = seen.page.files.as_ref()?;
        let listed = listed.iter().map(|file| self.gate.listed_file(None, file, &seen.files)).collect();
        Some(FilesView { wanted: sent(&seen.files), listed })
    }

    fn list(&self, change: &ChangeId, left: &PortalResidue, rows: &[ListedException]) -> ListView {
        let known: Vec<&str> =
            [Some(change.as_str()), left.draft().map(DraftReference::as_str)].into_iter().flatten().collect();
        let rows = rows.iter().map(|row| self.gate.listed_row(row, &known)).collect();
        ListView { change: change.clone(), left: left.clone(), rows }
    }
}

fn sent(files: &[&PlannedFile]) -> Vec<WantedFileView> {
    let view = |file: &&PlannedFile| WantedFileView {
        field: file.field.clone(),
        role: file.role.clone(),
        name: file.name.clone(),
        size: file.size,
        sha256: file.sha256,
    };
    files.iter().map(view).collect()
}
