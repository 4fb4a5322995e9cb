//! Which rules judge which stage. Every function takes facts and returns a [`Verdict`]; none of them acts.

use crate::decide::policy::{Parties, Policy};
use crate::decide::rules::record::FileState;
use crate::decide::rules::{approvals, controls, files, freeze, record, values};
use crate::decide::verdict::{HaltCode, HaltReason, Stage, Verdict};
use crate::model::banner::BannerRule;
use crate::model::digest::Digest;
use crate::model::form::{FormPlan, Part, PlannedField, PlannedFile, PlannedTab};
use crate::model::gates::Gates;
use crate::model::ids::PersonId;
use crate::model::observed::{Found, ObservedBanner, ObservedControl, ObservedPage, ObservedTab};
use crate::model::private::Private;
use crate::model::record::{ApprovalManifest, ChangeRecord};
use crate::model::time::Instant;

/// Everything that can be judged without a browser: at `packet`, and again while the commit request is held.
#[derive(Debug, Clone, Copy)]
pub struct PacketFacts<'a> {
    pub record: &'a ChangeRecord,
    /// Digest of its semantic fields.
    pub packet: Digest,
    /// Attachments as they lie on disk.
    pub files: &'a [FileState],
    /// Who runs the agent.
    pub operator: &'a PersonId,
    /// Account that acts at the portal.
    pub account: &'a str,
    /// Who ordered that an earlier run be resumed.
    pub resumed_by: Option<&'a PersonId>,
    /// Base URL in effect.
    pub portal: &'a url::Url,
    /// What the sources say beside the record.
    pub gates: &'a Gates,
    /// The organisation's demands.
    pub policy: &'a Policy,
    /// The time of judgement.
    pub now: Instant,
}

/// Judges who may resume or resolve a run that may have committed: nothing is committed by that, so that gates which may have
/// closed since do not keep anyone from finding out.
pub fn resuming(record: &ChangeRecord, parties: Parties<'_>) -> Verdict {
    Verdict::of(approvals::segregation_of_duties(&record.manifest, &record.approvals, parties))
}

/// Judges record, approvals, files and freeze. `stage` is [`Stage::Packet`], or [`Stage::Recheck`] for the second time.
pub fn packet(stage: Stage, facts: &PacketFacts<'_>) -> Verdict {
    let PacketFacts { record, packet, files, operator, account, resumed_by, portal, gates, policy, now } = *facts;
    let Gates { calendar, delegations, holds, owner, signatures, freeze_mode } = gates;
    let exception = &record.exception;
    let manifest = &record.manifest;
    let decisions = &record.approvals;
    let (standing, signed) = approvals::standing(decisions, signatures, packet, &policy.approvals, now);
    let parties = Parties { requester: &exception.requester, operator, account, resumed_by };
    let mut found: Vec<HaltReason> = Vec::new();
    found.extend(record::revision_not_approved(record, packet));
    found.extend(record::scope_mismatch(record, portal));
    found.extend(record::category_mismatch(record));
    found.extend(record::rollback_missing(record));
    found.extend(record::rollback_version_mismatch(record));
    found.extend(record::attachment_digest_mismatch(record, files));
    found.extend(record::owner_mismatch(record, owner));
    found.extend(record::owner_did_not_sign(record));
    found.extend(record::incident_mismatch(record));
    found.extend(record::hold_open(&exception.change_id, packet, holds, now));
    found.extend(approvals::approval_missing(manifest, decisions, &policy.approvals));
    found.extend(approvals::approval_revoked(decisions));
    found.extend(approvals::approval_stale(manifest, &standing, &policy.approvals, now));
    found.extend(approvals::approval_for_other_revision(&standing, packet));
    found.extend(approvals::approver_mismatch(manifest, decisions));
    found.extend(approvals::delegate_not_allowed(&standing, delegations));
    found.extend(approvals::signature_invalid(&standing, &signed, policy.approvals.signatures));
    found.extend(approvals::segregation_of_duties(manifest, decisions, parties));
    found.extend(approvals::one_key_for_two(decisions, signatures));
    found.extend(freeze::freeze_mode(exception, freeze_mode, &policy.freeze, now));
    found.extend(freeze::window_mismatch(record, &policy.freeze, now));
    found.extend(freeze::window_not_covered(exception));
    found.extend(freeze::blackout_overlap(exception, calendar, &policy.freeze));
    found.extend(freeze::freeze_window_changed(exception, calendar));
    found.extend(freeze::category_not_admitted(exception, calendar, &policy.freeze));
    for reason in &mut found {
        reason.stage = stage;
    }
    Verdict::of(found)
}

/// Judges record, approvals, files and freeze while the commit is at stake: what [`packet`] judges and, when that is valid in
/// itself, whether it still is the manifest and the packet that the run began with.
pub fn packet_again(facts: &PacketFacts<'_>, first: &ApprovalManifest, first_packet: Digest) -> Verdict {
    let verdict = packet(Stage::Recheck, facts);
    if matches!(verdict, Verdict::Halt(_)) {
        return verdict;
    }
    let manifest = record::manifest_changed(first, &facts.record.manifest);
    Verdict::of(manifest.into_iter().chain(record::packet_changed(first_packet, facts.packet)).collect())
}

pub(super) fn located<'a>(
    stage: Stage,
    field: &PlannedField,
    found: Option<&'a Found<ObservedControl>>,
    reasons: &mut Vec<HaltReason>,
) -> Option<&'a ObservedControl> {
    reasons.extend(controls::control_missing(stage, field, found));
    reasons.extend(controls::control_ambiguous(stage, field, found));
    match found {
        Some(Found::One(control)) => Some(control),
        None | Some(Found::Absent | Found::Several(_)) => None,
    }
}

/// Judges whether a tab still is what the map says: controls, labels, mandatory fields, banners. Values are not looked at.
pub(crate) fn mapped_tab(planned: &PlannedTab, observed: &ObservedTab, rules: &[BannerRule]) -> Verdict {
    let stage = Stage::Survey;
    let mut found = Vec::new();
    for field in &planned.fields {
        let Some(control) = located(stage, field, observed.controls.get(&field.id), &mut found) else { continue };
        found.extend(controls::label_changed(stage, field, control));
    }
    found.extend(controls::unexpected_required_field(stage, &observed.strange_required));
    found.extend(controls::banners(stage, &observed.banners, rules));
    Verdict::of(found)
}

/// Judges whether a page still is what the map says: lines, labels, banners. Values are not looked at.
pub(crate) fn mapped_page(stage: Stage, lines: &[PlannedField], page: &ObservedPage, rules: &[BannerRule]) -> Verdict {
    let mut found = Vec::new();
    for field in lines {
        let Some(line) = located(stage, field, page.lines.get(&field.id), &mut found) else { continue };
        found.extend(controls::label_changed(stage, field, line));
    }
    found.extend(controls::banners(stage, &page.banners, rules));
    Verdict::of(found)
}

/// Judges one tab before anything is typed: what [`mapped_tab`] judges, and whether the record's values can be entered and
/// agree with what the portal states.
pub fn surveyed_tab(planned: &PlannedTab, observed: &ObservedTab, rules: &[BannerRule]) -> Verdict {
    let stage = Stage::Survey;
    let mut found = match mapped_tab(planned, observed, rules) {
        Verdict::Proceed(()) => Vec::new(),
        Verdict::Halt(reasons) => reasons.iter().cloned().collect(),
    };
    for field in &planned.fields {
        let Some(Found::One(control)) = observed.controls.get(&field.id) else { continue };
        found.extend(controls::required_without_value(stage, field, control));
        found.extend(controls::option_missing(stage, field, control));
        found.extend(controls::control_locked(stage, field, control));
        if field.widget.part() == Part::Stated {
            found.extend(values::stated_value_differs(stage, field, control));
        }
    }
    Verdict::of(found)
}

/// Judges one tab after its values were entered: what it holds, what the portal complains about, what it now demands.
pub fn filled_tab(planned: &PlannedTab, observed: &ObservedTab, rules: &[BannerRule]) -> Verdict {
    let stage = Stage::Fill;
    let mut found = Vec::new();
    for field in &planned.fields {
        let Some(control) = located(stage, field, observed.controls.get(&field.id), &mut found) else { continue };
        found.extend(controls::label_changed(stage, field, control));
        found.extend(values::validation_rejected(stage, field, control.complaint.as_ref()));
        match field.widget.part() {
            Part::Uploaded => {}
            Part::Stated => found.extend(values::stated_value_differs(stage, field, control)),
            Part::Entered => found.extend(values::value_not_held(field, control)),
        }
    }
    found.extend(controls::unexpected_required_field(stage, &observed.strange_required));
    found.extend(controls::banners(stage, &observed.banners, rules));
    Verdict::of(found)
}

/// Judges the uploads listed on one tab.
pub fn uploads(stage: Stage, planned: &PlannedTab, observed: &ObservedTab) -> Verdict {
    let mut fields: Vec<_> = planned.files.iter().map(|file| &file.field).collect();
    fields.dedup();
    let reasons = fields.into_iter().flat_map(|field| {
        let wanted: Vec<&PlannedFile> = planned.files.iter().filter(|file| &file.field == field).collect();
        let listed = observed.files.get(field).map_or(&[][..], Vec::as_slice);
        files::attachment_differs(stage, &wanted, listed)
    });
    Verdict::of(reasons.collect())
}

/// Judges one tab of the draft as reopened from the server.
pub fn drafted_tab(planned: &PlannedTab, observed: &ObservedTab, rules: &[BannerRule]) -> Verdict {
    let stage = Stage::Draft;
    let mut found = Vec::new();
    for field in &planned.fields {
        let Some(control) = located(stage, field, observed.controls.get(&field.id), &mut found) else { continue };
        match field.widget.part() {
            Part::Uploaded => {}
            Part::Stated => found.extend(values::stated_value_differs(stage, field, control)),
            Part::Entered => found.extend(values::draft_differs(field, control)),
        }
    }
    found.extend(controls::banners(stage, &observed.banners, rules));
    if let Verdict::Halt(reasons) = uploads(stage, planned, observed) {
        found.extend(reasons.iter().cloned());
    }
    Verdict::of(found)
}

/// Judges the portal's own summary, or the page of a submitted exception: `summary-differs` whatever the field.
pub fn summary(
    stage: Stage,
    lines: &[PlannedField],
    plan: &FormPlan,
    page: &ObservedPage,
    rules: &[BannerRule],
) -> Verdict {
    let mut found = Vec::new();
    for field in lines {
        let Some(control) = located(stage, field, page.lines.get(&field.id), &mut found) else { continue };
        found.extend(controls::label_changed(stage, field, control));
        found.extend(values::summary_differs(stage, field, control));
    }
    if let Some(listed) = &page.files {
        found.extend(files::attachment_differs(stage, &plan.files().collect::<Vec<_>>(), listed));
    }
    found.extend(controls::banners(stage, &page.banners, rules));
    Verdict::of(found)
}

/// Judges the portal's approver panel and freeze window right before the commit.
pub fn recheck_panel(plan: &FormPlan, page: &ObservedPage, rules: &[BannerRule]) -> Verdict {
    let stage = Stage::Recheck;
    let mut found = Vec::new();
    for field in &plan.recheck {
        let Some(control) = located(stage, field, page.lines.get(&field.id), &mut found) else { continue };
        found.extend(values::stated_value_differs(stage, field, control));
    }
    found.extend(controls::banners(stage, &page.banners, rules));
    Verdict::of(found)
}

/// Judges what stands on the page when one click is left: the dialog's text and the banners.
pub fn approach(dialog: Option<&Private<String>>, seen: &[ObservedBanner], rules: &[BannerRule]) -> Verdict {
    let stage = Stage::Recheck;
    let warned = dialog.and_then(|text| controls::dialog_warning(stage, text.expose(), rules));
    Verdict::of(warned.into_iter().chain(controls::banners(stage, seen, rules)).collect())
}

/// The fields of a tab that hold neither what they held on the empty form nor what the record says, such as half of a text or
/// another option: each with the value that it had.
pub fn half_entered(planned: &PlannedTab, empty: &ObservedTab, now: &ObservedTab) -> Vec<PlannedField> {
    let entered = planned.fields.iter().filter(|field| field.widget.part() == Part::Entered);
    let doubtful = entered.filter_map(|field| {
        let (Some(Found::One(before)), Some(Found::One(now))) =
            (empty.controls.get(&field.id), now.controls.get(&field.id))
        else {
            return None;
        };
        let settled = now.value == field.value || now.value == before.value;
        let options = if field.options.is_empty() { Vec::new() } else { vec![before.value.expose().as_text()] };
        (!settled).then(|| PlannedField { value: before.value.clone(), options, ..field.clone() })
    });
    doubtful.collect()
}

/// Whether saving a draft would itself be wrong, given why a run halts.
pub fn draft_may_be_saved(reasons: impl IntoIterator<Item = HaltCode>) -> bool {
    !reasons
        .into_iter()
        .any(|code| matches!(code, HaltCode::ScopeBroadening | HaltCode::ExistingException | HaltCode::SessionLost))
}
