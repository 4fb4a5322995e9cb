//! What a run, alive or dead, may have left at the portal: the one thing that whoever comes next must know.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{DraftReference, TabId};
use super::time::Instant;

/// What may stand at the portal because of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "left", rename_all = "kebab-case")]
pub enum PortalResidue {
    /// Nothing: no value was ever typed, or a look-up showed that nothing was kept.
    Nothing,
    /// Values were typed, files uploaded or a save sent, and no draft is known: look it up first.
    PerhapsADraft {
        /// When the last such step began; what was on its way then may arrive later.
        since: Instant,
    },
    /// This draft.
    Draft {
        /// Its reference.
        draft: DraftReference,
    },
    /// The commit of this draft was released, or was about to be: look it up, and never commit again.
    PerhapsASubmission {
        /// The draft that it was made of.
        draft: DraftReference,
        /// No later than the release, by the portal's own clock where that is known.
        since: Instant,
    },
    /// A proven submission.
    Submission { number: String },
}

impl PortalResidue {
    /// The draft, where one is known.
    pub fn draft(&self) -> Option<&DraftReference> {
        match self {
            Self::Draft { draft } | Self::PerhapsASubmission { draft, .. } => Some(draft),
            Self::Nothing | Self::PerhapsADraft { .. } | Self::Submission { .. } => None,
        }
    }

    /// Whether nobody has to do anything about it any more.
    pub(crate) fn is_settled(&self) -> bool {
        match self {
            Self::Nothing | Self::Submission { .. } => true,
            Self::PerhapsADraft { .. } | Self::Draft { .. } | Self::PerhapsASubmission { .. } => false,
        }
    }
}

/// How far the agent came with one tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepState {
    /// Something may have been entered.
    Begun,
    /// Everything was entered and read back, and nothing saved since.
    Entered,
    /// Everything stands in the draft.
    Saved,
}

/// What the agent put into which tab.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TabProgress {
    /// Fields, by tab.
    pub fields: BTreeMap<TabId, StepState>,
    /// Files, by tab.
    pub files: BTreeMap<TabId, StepState>,
}

impl TabProgress {
    /// Tabs that stand in the draft with everything that belongs to them.
    pub fn of_complete(tabs: impl IntoIterator<Item = TabId>) -> Self {
        let fields: BTreeMap<TabId, StepState> = tabs.into_iter().map(|tab| (tab, StepState::Saved)).collect();
        Self { files: fields.clone(), fields }
    }

    /// Everything that was entered stands in a draft now.
    pub fn saved(&mut self) {
        for reached in self.fields.values_mut().chain(self.files.values_mut()) {
            if *reached == StepState::Entered {
                *reached = StepState::Saved;
            }
        }
    }
}

/// Notes how far a tab came; never back.
pub fn reach(tabs: &mut BTreeMap<TabId, StepState>, tab: &TabId, reached: StepState) {
    let now = tabs.entry(tab.clone()).or_insert(reached);
    *now = reached.max(*now);
}
