//! The six tabs and their fields.

/// Kind of control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    LongText,
    Select(&'static [(&'static str, &'static str)]),
    MultiSelect(&'static [(&'static str, &'static str)]),
    Checkbox,
    Radio(&'static [(&'static str, &'static str)]),
    Date,
    Time,
    DateTime,
    Number,
    File,
    /// Shown, from what the portal itself knows.
    Shown,
}

#[derive(Debug, Clone, Copy)]
pub struct Field {
    pub name: &'static str,
    pub label: &'static str,
    pub kind: Kind,
    pub required: bool,
}

pub struct Tab {
    pub id: &'static str,
    pub title: &'static str,
    pub fields: &'static [Field],
}

const fn must(name: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { name, label, kind, required: true }
}

const fn may(name: &'static str, label: &'static str, kind: Kind) -> Field {
    Field { name, label, kind, required: false }
}

const ENVIRONMENTS: &[(&str, &str)] = &[("prod", "Production"), ("stage", "Staging"), ("dr", "Disaster recovery")];
pub(crate) const CATEGORIES: &[(&str, &str)] =
    &[("emergency", "Emergency fix"), ("regulatory", "Regulatory deadline"), ("customer", "Customer commitment")];
const REGIONS: &[(&str, &str)] = &[
    ("eu-central", "EU Central"),
    ("eu-west", "EU West"),
    ("us-east", "US East"),
    ("us-west", "US West"),
    ("ap-south", "AP South"),
];
const SEVERITIES: &[(&str, &str)] = &[("1", "Severity 1"), ("2", "Severity 2"), ("3", "Severity 3")];

/// All tabs in order.
pub const TABS: &[Tab] = &[
    Tab {
        id: "service",
        title: "Service identity",
        fields: &[
            must("service", "Service identifier", Kind::Text),
            must("environment", "Environment", Kind::Select(ENVIRONMENTS)),
            must("category", "Exception category", Kind::Select(CATEGORIES)),
            must("change", "Change request", Kind::Text),
            must("revision", "Revision", Kind::Number),
            must("incident", "Incident reference", Kind::Text),
            may("regions", "Regions", Kind::MultiSelect(REGIONS)),
            may("owner", "Service owner of record", Kind::Shown),
        ],
    },
    Tab {
        id: "impact",
        title: "Customer impact",
        fields: &[
            must("title", "Short description", Kind::Text),
            must("impact", "Customer impact statement", Kind::LongText),
            must("severity", "Severity", Kind::Radio(SEVERITIES)),
            may("customer_facing", "Customer facing", Kind::Checkbox),
            must("affected", "Affected customers", Kind::Number),
            must("since", "Impact since", Kind::Date),
            may("contact", "Communications contact", Kind::Text),
        ],
    },
    Tab {
        id: "rollback",
        title: "Rollback readiness",
        fields: &[
            must("rollback_plan", "Rollback plan", Kind::Text),
            must("rollback_version", "Rollback plan version", Kind::Text),
            must("rollback_owner", "Rollback owner", Kind::Text),
            must("rollback_minutes", "Minutes to roll back", Kind::Number),
            must("rollback_tested", "Rollback rehearsed", Kind::Checkbox),
            may("rollback_tested_on", "Last rehearsal", Kind::Date),
            must("rollback_trigger", "Rollback trigger", Kind::LongText),
        ],
    },
    Tab {
        id: "window",
        title: "Deployment window",
        fields: &[
            must("window_start", "Window start", Kind::DateTime),
            must("window_end", "Window end", Kind::DateTime),
            may("checkpoint", "Go-live checkpoint", Kind::Time),
            must("scope", "Scope of the change", Kind::LongText),
            may("blackout", "Blackout", Kind::Shown),
            may("blackout_start", "Blackout starts", Kind::Shown),
            may("blackout_end", "Blackout ends", Kind::Shown),
        ],
    },
    Tab {
        id: "attest",
        title: "Approver attestations",
        fields: &[
            may("approver_owner", "Service owner", Kind::Shown),
            may("state_owner", "Service owner decision", Kind::Shown),
            may("approver_incident", "Incident commander", Kind::Shown),
            may("state_incident", "Incident commander decision", Kind::Shown),
            may("approver_authority", "Production change authority", Kind::Shown),
            may("state_authority", "Production change authority decision", Kind::Shown),
            must("duties", "Duties are segregated", Kind::Checkbox),
            must("policy", "Freeze policy read", Kind::Checkbox),
            may("note", "Note to reviewers", Kind::Text),
        ],
    },
    Tab {
        id: "evidence",
        title: "Evidence attachments",
        fields: &[
            must("file_rollback", "Rollback plan document", Kind::File),
            must("file_packet", "Remediation packet", Kind::File),
            must("file_tests", "Test evidence", Kind::File),
            must("file_build", "Deployment evidence", Kind::File),
        ],
    },
];

/// Every field of every tab.
pub fn all() -> impl Iterator<Item = &'static Field> {
    TABS.iter().flat_map(|tab| tab.fields)
}
