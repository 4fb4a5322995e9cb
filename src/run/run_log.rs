//! Everything a run writes down while it goes on: journal and its copies, observations, pictures, approvals, and what has been
//! entered.

use std::collections::BTreeSet;

use crate::decide::rules::record::claimed_by_another_run;
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, NonEmpty, Stage};
use crate::evidence::copies::{Copies, CopyError};
use crate::evidence::journal::{Event, Journal, Progress};
use crate::evidence::observations::{
    JudgedObservation, OBSERVATIONS, OBSERVATIONS_SCHEMA, ObservationLine, ObservationsHead,
};
use crate::evidence::readings::ApprovalReading;
use crate::evidence::shared::SharedStore;
use crate::evidence::store::{EvidenceError, EvidenceFolder};
use crate::mask::masked::MaskGate;
use crate::mask::picture::MaskedPicture;
use crate::model::form::PlannedField;
use crate::model::ids::{ChangeId, FieldId, RunId, TabId};
use crate::model::observed::{Found, ObservedControl};
use crate::model::private::Fact;
use crate::model::residue::PortalResidue;
use crate::model::time::Instant;

pub struct RunLog<'a> {
    /// The evidence folder.
    pub folder: EvidenceFolder,
    pub gate: &'a MaskGate,
    pub journal: Journal,
    /// Approvals each time they were read.
    pub readings: Vec<ApprovalReading>,
    /// Which reading unlocked the commit.
    pub unlocked_by: Option<usize>,
    /// Fields that hold their value.
    pub entered: BTreeSet<FieldId>,
    /// Tabs that were filled.
    pub tabs_filled: Vec<TabId>,
    /// Roles of attachments that the portal lists as sent.
    pub uploaded: BTreeSet<String>,
    /// The run that holds the change, as far as this one knows: itself, or the one that it has not taken over yet.
    pub holder: RunId,
    run: RunId,
    change: ChangeId,
    copies: Copies,
    /// Whether the observations have their first line.
    observing: bool,
}

/// A reason to halt because evidence cannot be written. The system's message names a path and no value.
pub fn unwritable(stage: Stage, error: &dyn std::error::Error) -> HaltReason {
    HaltReason {
        code: HaltCode::EvidenceUnwritable,
        stage,
        subject: "evidence".to_owned(),
        expected: Fact::public("evidence on disk and in the evidence store"),
        observed: Fact::public(error),
        source: FactSource::Agent,
    }
}

impl<'a> RunLog<'a> {
    /// Books in a fresh folder.
    pub fn new(folder: EvidenceFolder, gate: &'a MaskGate, store: SharedStore, change: &ChangeId, run: &RunId) -> Self {
        Self {
            folder,
            gate,
            journal: Journal::default(),
            readings: Vec::new(),
            unlocked_by: None,
            entered: BTreeSet::new(),
            tabs_filled: Vec::new(),
            uploaded: BTreeSet::new(),
            holder: run.clone(),
            run: run.clone(),
            change: change.clone(),
            copies: Copies::new(store, run.clone()),
            observing: false,
        }
    }

    /// Where the run stands.
    pub fn progress(&self) -> Progress {
        self.journal.progress()
    }

    /// What the run may have left at the portal.
    pub fn left(&self) -> PortalResidue {
        self.journal.left()
    }

    /// Notes an event: on disk when this returns and, where others must know before the run goes on, in the shared store.
    ///
    /// # Errors
    ///
    /// A halt `evidence-unwritable`, or `claimed-by-another-run` when another run has taken this one over.
    pub async fn event(&mut self, at: Instant, stage: Stage, event: &Event) -> Result<(), NonEmpty<HaltReason>> {
        let written = self.journal.write(&mut self.folder, self.gate, at, event);
        let line = written.map_err(|error| NonEmpty::one(unwritable(stage, &error)))?;
        self.copies.remember(&line);
        if !event.is_shared_at_once() {
            return Ok(());
        }
        self.copies.share().await.map_err(|error| {
            NonEmpty::one(match error {
                CopyError::Store(error) => unwritable(stage, &error),
                CopyError::TakenOver => {
                    let taken = claimed_by_another_run(&self.change, "another run, which took this one over");
                    HaltReason { stage, ..taken }
                }
            })
        })
    }

    /// Notes what was seen, and what was decided about it.
    ///
    /// # Errors
    ///
    /// A halt `evidence-unwritable`.
    pub(crate) fn observe(&mut self, seen: &JudgedObservation<'_>) -> Result<(), NonEmpty<HaltReason>> {
        let written = self.observed(ObservationLine::of(seen, self.gate));
        written.map_err(|error| NonEmpty::one(unwritable(seen.stage, &error)))
    }

    fn observed(&mut self, line: ObservationLine) -> Result<(), EvidenceError> {
        let withheld = |_| EvidenceError::Withheld(OBSERVATIONS.into());
        if !self.observing {
            let head = ObservationsHead { schema: OBSERVATIONS_SCHEMA, run_id: self.run.clone() };
            self.folder.line(OBSERVATIONS, &self.gate.document(head).map_err(withheld)?, false)?;
            self.observing = true;
        }
        self.folder.line(OBSERVATIONS, &self.gate.document(line).map_err(withheld)?, false)?;
        Ok(())
    }

    /// Notes what the sources said, and what was decided about it.
    pub fn read(&mut self, reading: ApprovalReading) {
        let reading = reading.after(&self.readings);
        self.readings.push(reading);
    }

    /// Keeps a picture, and tells its path below the folder.
    ///
    /// # Errors
    ///
    /// A halt `evidence-unwritable`.
    pub fn picture(
        &mut self,
        stage: Stage,
        name: &str,
        picture: &MaskedPicture,
    ) -> Result<String, NonEmpty<HaltReason>> {
        self.folder.picture(name, picture).map_err(|error| NonEmpty::one(unwritable(stage, &error)))
    }

    /// Forgets what was entered: nothing of it is left.
    pub(super) fn begin_anew(&mut self) {
        self.entered.clear();
        self.uploaded.clear();
        self.tabs_filled.clear();
    }

    /// Remembers which fields of a tab hold their value.
    pub(crate) fn note_entered(
        &mut self,
        planned: &[PlannedField],
        found: &std::collections::BTreeMap<FieldId, Found<ObservedControl>>,
    ) {
        for field in planned {
            if matches!(found.get(&field.id), Some(Found::One(control)) if control.value == field.value) {
                self.entered.insert(field.id.clone());
            }
        }
    }
}
