//! Records the fixture set anew. The portal is the embedded one, with one thing wrong at a time; `portal-fixtures/README.md` tells
//! which.

use std::path::Path;

use portal_agent::model::browser::BrowserKind;
use portal_agent::recording::record::recorder::{Made, RecordError};
use portal_agent::reference_portal::faults::{Fault, FaultPlan};

use crate::support::{ChangesWhileHeld, Plan, Rig, codes, told};

/// Attachments are stand-ins anyway: short ones keep the set small.
const LONGEST: usize = 600;

/// What is recorded, and what is wrong.
struct Scene {
    name: &'static str,
    about: &'static str,
    faults: fn() -> FaultPlan,
}

macro_rules! scenes {
    ($($name:literal: $plan:ident$(($fault:ident))?, $about:literal;)*) => {
        [$(Scene { name: $name, about: $about, faults: || FaultPlan::$plan($(Fault::$fault)?) }),*]
    };
}

const SCENES: [Scene; 46] = scenes! {
    "approved": none, "The approved happy path: entered, reconciled, committed once, proven by look-up.";
    "cosmetic": from_start(Cosmetic), "Other classes, other order inside tabs, a hint more: no reason to stop.";
    "talkative": from_start(Talkative), "Pages full of values that nobody asked for: no reason to stop, and none of them is kept.";
    "session-renewed-before-entry": from_start(SessionEndsOnForm), "The session ends before anything is entered: signed in again.";
    "session-renewed-after-draft": after_draft(SessionEnds), "The session ends where only reading follows: signed in again.";
    "number-missing": from_start(NumberMissing), "No number on the page that answers the commit: submitted, proven by look-up.";
    "commit-500-after-storing": from_start(CommitFailsAfter), "The commit is stored and answered 500: submitted, proven by look-up.";
    "freeze-window-changed": from_start(FreezeWindowChanged), "The portal's blackout ends otherwise than the record says.";
    "freeze-window-changed-midway": after_draft(FreezeWindowChanged), "The portal's blackout changes once the draft is saved.";
    "owner-mismatch": from_start(OwnerDifferent), "The portal names another owner of the service.";
    "approver-mismatch": from_start(ApproverDifferent), "The portal names another incident commander.";
    "approver-mismatch-midway": after_draft(ApproverDifferent), "The portal names another incident commander once the draft is saved.";
    "approval-revoked": from_start(ApproverRevoked), "The portal shows that the change authority has taken the approval back.";
    "approval-revoked-midway": after_draft(ApproverRevoked), "An approval is taken back at the portal once the draft is saved.";
    "control-missing": from_start(RollbackFieldMissing), "The rollback version field is gone.";
    "control-ambiguous": from_start(ControlDoubled), "The rollback version field is there twice.";
    "label-changed": from_start(LabelRenamed), "The rollback version field is called otherwise.";
    "unexpected-required-field": from_start(RequiredFieldAdded), "A mandatory field that the map does not know.";
    "option-missing": from_start(OptionWithdrawn), "The exception category is not offered any more.";
    "scope-broadening": from_start(ScopeBanner), "A banner says that more services would be authorised.";
    "scope-broadening-midway": after_draft(ScopeBanner), "That banner appears once the draft is saved.";
    "unexpected-banner": from_start(UnknownBanner), "A banner that nobody declared.";
    "unexpected-dialog": from_start(ExtraDialog), "A dialog of the page that nobody declared.";
    "unexpected-alert": from_start(JavascriptAlert), "A JavaScript alert over the form.";
    "existing-exception": from_start(ExistingException), "Another draft for the same service.";
    "value-not-held": from_start(ValueRewritten), "A script changes what was typed.";
    "validation-rejected": from_start(LateValidation), "The portal asks its server about the incident and refuses it.";
    "undeclared-request": from_start(Autosave), "The page saves by itself at an address that the map does not declare.";
    "unexpected-commit-attempt": from_start(ScriptCommits), "The page commits by itself while the form is filled.";
    "portal-error": from_start(SaveFails), "Saving is answered 500, and nothing is stored.";
    "session-lost": from_start(SessionNeverHolds), "The session ends on every save, and nothing is stored.";
    "session-renewed-on-saving": from_start(SessionEndsOnSave), "The session ends on saving: signed in again, and one draft made.";
    "draft-differs": from_start(TruncatedOnSave), "The server cuts long texts on saving.";
    "draft-window-shifted": from_start(WindowShiftedOnSave), "The server shifts the window by an hour on saving.";
    "attachment-differs": from_start(UploadAltered), "The server stores another file than was sent.";
    "attachment-renamed": from_start(UploadRenamed), "The server stores the file under another name.";
    "summary-differs": from_start(SummaryDiffers), "The summary states another environment than was saved.";
    "portal-timeout": after_draft(PagesHang), "Pages hang once the draft is saved.";
    "capture-unmaskable": from_start(Restless), "A field that may be shown never stands still: no picture of it is safe.";
    "commit-payload-differs": from_start(CommitWidened), "The page adds a parameter to the commit request.";
    "commit-payload-altered": from_start(CommitAltered), "The page changes the window in the commit request.";
    "confirmation-missing": from_start(CommitFailsBefore), "The commit is answered 500 and not stored: in doubt.";
    "confirmation-foreign": from_start(NumberForeign), "The page shows the number of another exception: in doubt.";
    "confirmation-malformed": from_start(NumberMalformed), "Numbers are of another form: in doubt.";
    "duplicate-in-portal": from_start(CommitDoubled), "The commit is stored twice: in doubt.";
    "submitted-differs": from_start(CommitStoredOtherwise), "What was stored differs from the draft: in doubt.";
};

pub async fn record_all(folder: &Path, names: &[&str]) {
    let wanted = |name: &str| names.is_empty() || names.contains(&name);
    let mut failed = Vec::new();
    for scene in SCENES.iter().filter(|scene| wanted(scene.name)) {
        if !record(scene, &folder.join(scene.name)).await {
            failed.push(scene.name);
        }
    }
    for held in HELD.iter().filter(|held| wanted(held.name)) {
        if !record_held(held, &folder.join(held.name)).await {
            failed.push(held.name);
        }
    }
    assert!(failed.is_empty(), "not recorded: {failed:?}");
}

async fn rig(faults: FaultPlan) -> Rig {
    let plan = Plan { longest: LONGEST, ..Plan::new(BrowserKind::Chromium, faults) };
    Rig::new(plan).await.with_map(|map| map.replace("ready_s = 20", "ready_s = 4"))
}

async fn record(scene: &Scene, out: &Path) -> bool {
    let rig = rig((scene.faults)()).await;
    said(scene.name, rig.record(out, scene.about).await)
}

/// What changes at a source while the commit request is held.
struct Held {
    name: &'static str,
    about: &'static str,
    change: fn(&Rig),
}

const HELD: [Held; 3] = [
    Held {
        name: "approval-revoked-while-held",
        about: "An approval is taken back in the change record while the commit request is held.",
        change: |rig| {
            let mut record = rig.record_json();
            record["approvals"][2]["decision"] = "revoked".into();
            rig.write_record(&record);
        },
    },
    Held {
        name: "blackout-imposed-while-held",
        about: "A further blackout is put into the freeze calendar while the commit request is held.",
        change: |rig| {
            let path = &rig.sources.gates.calendars[0];
            let (start, end) = rig.times.window;
            let more = format!("\n[[blackout]]\nid = \"IMPOSED\"\nstart = \"{start}\"\nend = \"{end}\"\n");
            std::fs::write(path, std::fs::read_to_string(path).unwrap() + &more).unwrap();
        },
    },
    Held {
        name: "source-down-while-held",
        about: "The change record cannot be read any more while the commit request is held.",
        change: |rig| std::fs::remove_file(&rig.sources.record).unwrap(),
    },
];

async fn record_held(held: &Held, out: &Path) -> bool {
    let rig = rig(FaultPlan::none()).await;
    let sources = ChangesWhileHeld::new(rig.sources.clone(), || (held.change)(&rig));
    said(held.name, rig.record_with(&sources, out, held.about).await)
}

fn said(name: &str, made: Result<Made, RecordError>) -> bool {
    match made {
        Ok(Made { document, fixture: Ok(written) }) if written.differences.is_empty() => {
            println!("{name}: {} {:?}", document.get().outcome.as_str(), codes(&document));
            true
        }
        Ok(Made { document, fixture: Ok(written) }) => {
            println!("{name}: does not replay as recorded, see {}", written.folder.display());
            written.differences.iter().for_each(|difference| println!("  {difference}"));
            println!("{}", told(&document));
            false
        }
        Ok(Made { document, fixture: Err(error) }) => {
            println!("{name}: {error}\n{}", told(&document));
            false
        }
        Err(error) => {
            println!("{name}: {error}");
            false
        }
    }
}
