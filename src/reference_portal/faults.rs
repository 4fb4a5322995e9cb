//! What can go wrong with a portal, each to be switched on by a test.

use std::collections::BTreeSet;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum Fault {
    /// The blackout shown on the form ends a day later.
    FreezeWindowChanged,
    /// Another draft exists for the same service.
    ExistingException,
    /// The rollback version field is gone.
    RollbackFieldMissing,
    /// The rollback version field is called otherwise.
    LabelRenamed,
    /// The rollback version field exists twice.
    ControlDoubled,
    /// A new mandatory field.
    RequiredFieldAdded,
    /// The category to choose is not offered.
    OptionWithdrawn,
    /// One approver's state is "Revoked".
    ApproverRevoked,
    /// Another person stands as approver.
    ApproverDifferent,
    /// Another person stands as owner of the service.
    OwnerDifferent,
    /// A banner says that more services would be authorised.
    ScopeBanner,
    /// A banner that nobody declared.
    UnknownBanner,
    /// A field's script changes what was typed.
    ValueRewritten,
    /// Validation refuses the incident, some time after the field was left.
    LateValidation,
    /// The server cuts long text on saving.
    TruncatedOnSave,
    /// The server shifts the window by an hour on saving.
    WindowShiftedOnSave,
    /// The server stores another file than was sent.
    UploadAltered,
    /// The server stores the file under another name.
    UploadRenamed,
    /// The summary shows another environment than was saved.
    SummaryDiffers,
    /// A dialog of the page that nobody declared, over the form.
    ExtraDialog,
    /// A JavaScript alert when the form opens.
    JavascriptAlert,
    /// The page saves by itself, over an undeclared address.
    Autosave,
    /// Saving answers 500 and stores nothing.
    SaveFails,
    /// The page commits by itself while the form is filled.
    ScriptCommits,
    /// Confirming makes the page send the commit twice.
    CommitSentTwice,
    /// The page stays, fetches the commit's answer and shows the number where the draft's own stood. Harmless.
    CommitFetched,
    /// The page changes the window in the commit request.
    CommitAltered,
    /// The page adds a parameter to the commit request.
    CommitWidened,
    /// The commit is answered 500 and nothing is stored.
    CommitFailsBefore,
    /// The commit is stored and answered 500.
    CommitFailsAfter,
    /// The commit is never answered, and nothing is stored.
    CommitHangs,
    /// The commit is stored and never answered.
    CommitHangsAfter,
    /// The commit is answered by the sign-in page, the session is over, nothing is stored.
    CommitNeedsLogin,
    /// The commit is stored twice.
    CommitDoubled,
    /// The stored exception differs from the draft.
    CommitStoredOtherwise,
    /// The confirmation page has no number, though the commit is stored.
    NumberMissing,
    /// The confirmation page shows a number of another exception.
    NumberForeign,
    /// Numbers are of another form.
    NumberMalformed,
    /// The session ends, once.
    SessionEnds,
    /// The session ends, once, when an empty form is opened.
    SessionEndsOnForm,
    /// The session ends, once, when the draft is to be saved; nothing is stored.
    SessionEndsOnSave,
    /// The session ends whenever the draft is to be saved; nothing is stored.
    SessionNeverHolds,
    /// The session ends, once, when a file is uploaded; nothing is stored.
    SessionEndsOnUpload,
    /// The session ends, once, when the page asks about the incident while the form is filled.
    SessionEndsOnLookUp,
    /// Every answer takes a little longer, within the limits.
    Slow,
    /// Pages hang beyond the limits.
    PagesHang,
    /// Values that may not be shown stand on a colour that nothing else has.
    PrivateIsMagenta,
    /// A note of that colour floats over a field that may be shown, and lets clicks through.
    MagentaNote,
    /// A field that may be shown never stands still.
    Restless,
    /// Pages carry what nobody asked for, in every place where portals do: see [`super::CANARIES`]. Harmless.
    Talkative,
    /// Every page is shown in a frame of a shell, in a shadow root of it. Harmless.
    Framed,
    /// What a test puts on every page of the form, before everything else.
    #[value(skip)]
    Injected(&'static str),
    /// Other CSS classes, other order inside tabs, more read-only text. Harmless.
    Cosmetic,
}

/// Which faults are on, and which are switched on once a draft has been saved.
#[derive(Debug, Clone, Default)]
pub struct FaultPlan {
    on: BTreeSet<Fault>,
    after_draft: BTreeSet<Fault>,
}

impl FaultPlan {
    /// No faults.
    pub fn none() -> Self {
        Self::default()
    }

    /// On from the start.
    pub fn from_start(fault: Fault) -> Self {
        Self { on: [fault].into(), after_draft: BTreeSet::new() }
    }

    /// On once a draft has been saved: the fault appears while the run is under way.
    pub fn after_draft(fault: Fault) -> Self {
        Self { on: BTreeSet::new(), after_draft: [fault].into() }
    }

    /// Whether `fault` is on.
    pub fn has(&self, fault: Fault) -> bool {
        self.on.contains(&fault)
    }

    /// What tests put on every page of the form.
    pub(crate) fn injected(&self) -> impl Iterator<Item = &'static str> {
        self.on.iter().filter_map(|fault| match fault {
            Fault::Injected(markup) => Some(*markup),
            _ => None,
        })
    }

    /// Switches on what waits for a draft.
    pub(crate) fn draft_was_saved(&mut self) {
        self.on.append(&mut self.after_draft);
    }

    /// Switches `fault` on.
    pub fn add(&mut self, fault: Fault) {
        self.on.insert(fault);
    }

    /// Switches `fault` off.
    pub fn remove(&mut self, fault: Fault) {
        self.on.remove(&fault);
    }
}
