//! An earlier run's leavings at the portal: which draft to go on from, and what became of it since.

use super::differences::difference;
use crate::decide::reconcile::{located, uploads};
use crate::decide::rules::exceptions::{existing_exception, opened};
use crate::decide::rules::{controls, values};
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, NonEmpty, Stage, Verdict};
use crate::model::banner::BannerRule;
use crate::model::form::{FormValue, Part, PlannedField, PlannedFile, PlannedTab};
use crate::model::ids::{ChangeId, DraftReference, FieldId};
use crate::model::observed::{Found, ObservedTab};
use crate::model::portal_facts::{ListedException, ListedState};
use crate::model::private::Fact;
use crate::model::residue::{PortalResidue, StepState, TabProgress};

/// How to go on, given what is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    /// From an empty form.
    Afresh,
    /// From this draft.
    From(DraftReference),
    /// One submitted exception carries this change's number: compare it with the record.
    PerhapsAlreadySubmitted(ListedException),
    /// The draft is gone, and nothing else stands there.
    Gone(NonEmpty<HaltReason>),
    /// Something stands in the way.
    Obstructed(NonEmpty<HaltReason>),
}

impl Course {
    /// Whether the run goes on, or why not.
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Afresh | Self::From(_) | Self::PerhapsAlreadySubmitted(_) => Verdict::Proceed(()),
            Self::Gone(reasons) | Self::Obstructed(reasons) => Verdict::Halt(reasons.clone()),
        }
    }
}

/// What the list says before anything is entered, given what the earlier run, if there was one, may have left.
///
/// `existing-exception`: whatever stands there that is neither that draft nor this change's own submission.
pub fn course(change: &ChangeId, left: &PortalResidue, rows: &[ListedException]) -> Course {
    let open: Vec<&ListedException> = opened(change, rows).collect();
    if let [only] = open.as_slice()
        && only.state == ListedState::Submitted
        && only.change_id == change.as_str()
    {
        return Course::PerhapsAlreadySubmitted((*only).clone());
    }
    let obstructed = || {
        let reasons = open.iter().map(|row| existing_exception(row)).collect();
        NonEmpty::from_vec(reasons).map_or(Course::Afresh, Course::Obstructed)
    };
    match (left, open.as_slice()) {
        (PortalResidue::Draft { draft }, []) => Course::Gone(NonEmpty::one(HaltReason {
            code: HaltCode::DraftDiffers,
            stage: Stage::Survey,
            subject: "draft".to_owned(),
            expected: Fact::public(format!("{draft}, listed as a draft")),
            observed: Fact::public("nothing is listed: it was discarded"),
            source: FactSource::Portal,
        })),
        (PortalResidue::Submission { number }, []) => Course::Gone(NonEmpty::one(HaltReason {
            code: HaltCode::ConfirmationMissing,
            stage: Stage::Survey,
            subject: "exceptions".to_owned(),
            expected: Fact::public(format!("{number}, submitted, as was proven")),
            observed: Fact::public("nothing is listed: it was withdrawn or closed"),
            source: FactSource::Portal,
        })),
        (PortalResidue::Draft { draft }, [row]) if row.state == ListedState::Draft && row.number == draft.as_str() => {
            Course::From(draft.clone())
        }
        (PortalResidue::PerhapsADraft { .. }, [row])
            if row.state == ListedState::Draft && row.change_id == change.as_str() =>
        {
            match DraftReference::parse(&row.number) {
                Ok(draft) if row.recognised => Course::From(draft),
                Ok(_) | Err(_) => obstructed(),
            }
        }
        (
            PortalResidue::Nothing
            | PortalResidue::PerhapsADraft { .. }
            | PortalResidue::Draft { .. }
            | PortalResidue::PerhapsASubmission { .. }
            | PortalResidue::Submission { .. },
            _,
        ) => obstructed(),
    }
}

/// What became of one field since the agent last saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// The agent had entered it, and it holds something else now.
    Changed,
    /// The agent had entered it, and it is as on an empty form now.
    Emptied,
    /// The agent had not entered it, and it holds the record's value now.
    Completed,
    /// It holds something else than the record says, and the agent entered nothing there from this very packet.
    EnteredOtherwise,
}

impl Edit {
    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Emptied => "emptied",
            Self::Completed => "completed",
            Self::EnteredOtherwise => "entered-otherwise",
        }
    }
}

/// One field that is not as the agent left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// Field of the map.
    pub field: FieldId,
    /// What became of it.
    pub edit: Edit,
    /// What the record says.
    pub record: Fact,
    /// What the draft holds.
    pub draft: Fact,
}

/// How one tab of an earlier run's draft stands against the record and against what the agent had entered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TabStanding {
    /// Fields that nobody has entered yet.
    pub missing: Vec<FieldId>,
    /// Files that nobody has uploaded yet.
    pub missing_files: Vec<PlannedFile>,
    /// What somebody else did.
    pub edits: Vec<Edited>,
    /// Why the run halts: an edit that differs from what was approved, a control that is gone, a banner.
    pub reasons: Vec<HaltReason>,
}

impl TabStanding {
    /// Whether the tab holds everything that the record says.
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.missing_files.is_empty() && self.reasons.is_empty()
    }

    /// The same where the agent worked on the tab from another packet: who completed it cannot be told, and nobody is said to have.
    #[must_use]
    pub fn by_whomever(mut self) -> Self {
        self.edits.retain(|edited| match edited.edit {
            Edit::Completed => false,
            Edit::Changed | Edit::Emptied | Edit::EnteredOtherwise => true,
        });
        self
    }
}

/// Judges one tab of a draft that an earlier run left: `draft-differs` for every approved field that holds something else than
/// the record, unless nobody has entered it yet.
///
/// `empty` is the same tab of an empty form, `work` what the agent is known to have put there from this very packet.
pub fn resumed_tab(
    planned: &PlannedTab,
    draft: &ObservedTab,
    empty: &ObservedTab,
    work: &TabProgress,
    rules: &[BannerRule],
) -> TabStanding {
    let entered = work.fields.get(&planned.id).copied();
    let stage = Stage::Draft;
    let mut standing = TabStanding::default();
    for field in &planned.fields {
        let Some(control) = located(stage, field, draft.controls.get(&field.id), &mut standing.reasons) else {
            continue;
        };
        match field.widget.part() {
            Part::Uploaded => continue,
            Part::Stated => {
                standing.reasons.extend(values::stated_value_differs(stage, field, control));
                continue;
            }
            Part::Entered => {}
        }
        let holds = &control.value;
        let untouched = match empty.controls.get(&field.id) {
            Some(Found::One(blank)) => &blank.value == holds,
            Some(Found::Absent | Found::Several(_)) | None => false,
        } || holds.expose().is_blank();
        let edit = match (holds == &field.value, untouched, entered) {
            (true, true, None | Some(_)) | (true, false, Some(_)) => continue,
            (true, false, None) => Edit::Completed,
            (false, true, Some(StepState::Saved)) => Edit::Emptied,
            (false, true, None | Some(StepState::Begun | StepState::Entered)) => {
                standing.missing.push(field.id.clone());
                continue;
            }
            (false, false, Some(_)) => Edit::Changed,
            (false, false, None) => Edit::EnteredOtherwise,
        };
        standing.edits.push(edited(field, edit, holds.expose()));
        match edit {
            Edit::Completed => {}
            Edit::Changed | Edit::Emptied | Edit::EnteredOtherwise => {
                standing.reasons.extend(values::draft_differs(field, control));
            }
        }
    }
    standing.reasons.extend(controls::unexpected_required_field(stage, &draft.strange_required));
    standing.reasons.extend(controls::banners(stage, &draft.banners, rules));
    let kept = work.files.get(&planned.id) == Some(&StepState::Saved);
    judge_files(planned, draft, kept, &mut standing);
    standing
}

fn edited(field: &PlannedField, edit: Edit, draft: &FormValue) -> Edited {
    Edited {
        field: field.id.clone(),
        edit,
        record: Fact::field(&field.id, field.value.expose().as_text()),
        draft: Fact::field(&field.id, draft.as_text()).or_tell(difference(field.value.expose(), draft)),
    }
}

/// A file that nobody uploaded yet is missing; a listed one must be the record's, and none that was there may be gone.
fn judge_files(planned: &PlannedTab, draft: &ObservedTab, kept: bool, standing: &mut TabStanding) {
    let alone = |file: &PlannedFile| planned.files.iter().filter(|other| other.field == file.field).count() == 1;
    // Where one control takes several files, its list tells them by name.
    let listed = |file: &PlannedFile| {
        let there = draft.files.get(&file.field).map_or(&[][..], Vec::as_slice);
        there.iter().any(|entry| alone(file) || entry.name.expose() == &file.name)
    };
    let (there, missing): (Vec<_>, Vec<_>) = planned.files.iter().cloned().partition(|file| kept || listed(file));
    standing.missing_files = missing;
    let judged = PlannedTab { fields: Vec::new(), files: there, ..planned.clone() };
    if let Verdict::Halt(reasons) = uploads(Stage::Draft, &judged, draft) {
        standing.reasons.extend(reasons.iter().cloned());
    }
}
