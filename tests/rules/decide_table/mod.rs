//! One case for each halt code that the record, the approvals, the freeze and the portal's values can cause, and for each a
//! near miss that must not halt.

mod gates;
mod properties;
mod sources;
mod submission;
mod tabs;

use std::collections::BTreeSet;

use portal_agent::decide::policy::Policy;
use portal_agent::decide::reconcile::{PacketFacts, packet};
use portal_agent::decide::rules::record::FileState;
use portal_agent::decide::verdict::{HaltCode, Stage, Verdict};
use portal_agent::model::calendar::FreezeCalendar;
use portal_agent::model::digest::Digest;
use portal_agent::model::freeze_terms::{FreezeMode, FreezeTerms, SetBy, StateReading};
use portal_agent::model::gates::Gates;
use portal_agent::model::ids::PersonId;
use portal_agent::model::packet::packet_digest;
use portal_agent::model::record::ChangeRecord;
use portal_agent::model::time::Instant;
use portal_agent::reference_portal::example::{ExampleTimes, approved, exception};
use serde_json::{Value, json};

const NOW: &str = "2026-11-21T12:00:00Z";

fn at(text: &str) -> Instant {
    Instant::parse(text).unwrap()
}

/// A case about everything that is judged without a browser.
struct Case {
    exception: Value,
    after_approval: Box<dyn FnOnce(&mut Value)>,
    gates: Gates,
    policy: Policy,
    files: Option<Vec<FileState>>,
    operator: &'static str,
    account: &'static str,
    resumed_by: Option<&'static str>,
    portal: &'static str,
    now: &'static str,
}

fn file(role: &str, content: &[u8]) -> Value {
    json!({
        "role": role, "name": format!("{role}.pdf"), "path": format!("{role}.pdf"),
        "size": content.len(), "sha256": Digest::of(content),
    })
}

/// Three roles, approvals of the last three days, and nothing demanded of windows.
fn demanded() -> Policy {
    Policy::default()
}

/// Freeze mode that a person has ended, and nothing else.
fn calm() -> Gates {
    let (set_by, set_at) = (SetBy::Human, Some(at("2026-11-20T00:00:00Z")));
    let state = StateReading::Read(FreezeTerms { frozen: false, set_by, set_at, tier: None });
    Gates { freeze_mode: FreezeMode { state, release_override: StateReading::Absent }, ..Gates::default() }
}

impl Case {
    fn new() -> Self {
        let times = ExampleTimes::around(at(NOW).timestamp());
        let mut exception = exception(&times);
        exception["attachments"] = json!([file("rollback-plan", b"plan"), file("test-evidence", b"tests")]);
        Self {
            exception,
            after_approval: Box::new(|_| {}),
            gates: Gates { calendar: times.calendar(), ..calm() },
            policy: demanded(),
            files: None,
            operator: "op.night",
            account: "portal.robot",
            resumed_by: None,
            portal: "https://portal.example.test/",
            now: NOW,
        }
    }

    /// Changes the exception before it is approved.
    fn asking(mut self, change: impl FnOnce(&mut Value)) -> Self {
        change(&mut self.exception);
        self
    }

    /// Changes the record after it was approved.
    fn then(mut self, change: impl FnOnce(&mut Value) + 'static) -> Self {
        self.after_approval = Box::new(change);
        self
    }

    fn set(self, pointer: &'static str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.then(move |record| *record.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = value)
    }

    fn calendar(mut self, change: impl FnOnce(&mut FreezeCalendar)) -> Self {
        change(&mut self.gates.calendar);
        self
    }

    fn gates(mut self, change: impl FnOnce(&mut Gates)) -> Self {
        change(&mut self.gates);
        self
    }

    fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    fn codes(self) -> BTreeSet<HaltCode> {
        let times = ExampleTimes::around(at(NOW).timestamp());
        let portal = "https://portal.example.test/".parse().unwrap();
        let mut record = approved(self.exception, &portal, &times).unwrap();
        (self.after_approval)(&mut record);
        let record: ChangeRecord = serde_json::from_value(record).unwrap();
        let digest = packet_digest(&record).unwrap();
        let files = self.files.unwrap_or_else(|| {
            record
                .exception
                .attachments
                .iter()
                .map(|file| FileState { role: file.role.clone(), sha256: file.sha256, size: file.size })
                .collect()
        });
        let resumed_by = self.resumed_by.map(|who| PersonId::parse(who).unwrap());
        let facts = PacketFacts {
            record: &record,
            packet: digest,
            files: &files,
            operator: &PersonId::parse(self.operator).unwrap(),
            account: self.account,
            resumed_by: resumed_by.as_ref(),
            portal: &self.portal.parse().unwrap(),
            gates: &self.gates,
            policy: &self.policy,
            now: at(self.now),
        };
        codes(packet(Stage::Packet, &facts))
    }

    fn halts_with(self, expected: &[HaltCode]) {
        assert_eq!(self.codes(), expected.iter().copied().collect());
    }

    fn proceeds(self) {
        self.halts_with(&[]);
    }
}

fn codes(verdict: Verdict) -> BTreeSet<HaltCode> {
    match verdict {
        Verdict::Proceed(()) => BTreeSet::new(),
        Verdict::Halt(reasons) => reasons.iter().map(|reason| reason.code).collect(),
    }
}

fn only(code: HaltCode) -> BTreeSet<HaltCode> {
    [code].into()
}
