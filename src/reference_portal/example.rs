//! The embedded example: a change record, its attachments and a freeze calendar that fit the reference portal today.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::state::World;
use crate::model::calendar::{Blackout, FreezeCalendar};
use crate::model::digest::Digest;
use crate::model::ids::BlackoutId;
use crate::model::time::ChangeWindow;

/// Zone in which the portal keeps its times.
pub(crate) const ZONE: &str = "America/New_York";

/// Moments of the example, all derived from one point in time.
#[derive(Debug, Clone, Copy)]
pub struct ExampleTimes {
    /// When the approvers decided.
    pub decided: Timestamp,
    /// When the manifest expires.
    pub expires: Timestamp,
    /// Deployment window.
    pub window: (Timestamp, Timestamp),
    pub blackout: (Timestamp, Timestamp),
}

impl ExampleTimes {
    /// The freeze calendar: the one blackout, which admits what the example asks for.
    pub fn calendar(&self) -> FreezeCalendar {
        let blackouts = BlackoutId::parse("YEAR-END-COMMERCE").into_iter().map(|id| Blackout {
            id,
            window: ChangeWindow { start: self.blackout.0.into(), end: self.blackout.1.into() },
            admits: vec!["emergency-fix".into()],
            kinds: Vec::new(),
            environments: Vec::new(),
        });
        FreezeCalendar { blackouts: blackouts.collect() }
    }

    /// Approved an hour before `now`, deploying tomorrow at 07:00 UTC for two hours, inside a blackout of five weeks.
    pub fn around(now: Timestamp) -> Self {
        let day = SignedDuration::from_hours(24);
        let midnight = Timestamp::from_second(now.as_second().div_euclid(86_400) * 86_400).unwrap_or(now);
        let start = midnight + day + SignedDuration::from_hours(7);
        Self {
            decided: now - SignedDuration::from_hours(1),
            expires: now + day * 2,
            window: (start, start + SignedDuration::from_hours(2)),
            blackout: (midnight - day * 4, midnight + day * 31),
        }
    }
}

/// Where the example was written.
#[derive(Debug, Clone)]
pub struct Example {
    /// The change record.
    pub record: PathBuf,
    /// The freeze calendar.
    pub calendar: PathBuf,
    /// The freeze state: releases are frozen, and the policy takes the example for a hotfix.
    pub freeze_state: PathBuf,
    pub freeze_policy: PathBuf,
}

/// What the portal shows in its read-only fields.
pub fn world(times: &ExampleTimes) -> World {
    let zone = TimeZone::get(ZONE).unwrap_or(TimeZone::UTC);
    let shown = |at: Timestamp| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string();
    [
        ("owner", "maria.chen".to_owned()),
        ("blackout", "YEAR-END-COMMERCE".to_owned()),
        ("blackout_start", shown(times.blackout.0)),
        ("blackout_end", shown(times.blackout.1)),
        ("approver_owner", "maria.chen".to_owned()),
        ("state_owner", "Approved".to_owned()),
        ("approver_incident", "tom.okafor".to_owned()),
        ("state_incident", "Approved".to_owned()),
        ("approver_authority", "ines.duarte".to_owned()),
        ("state_authority", "Approved".to_owned()),
    ]
    .into_iter()
    .collect()
}

/// The semantic part of the example record, without attachments.
pub fn exception(times: &ExampleTimes) -> Value {
    json!({
        "change_id": "CHG0041877",
        "revision": 4,
        "title": "Raise the connection pool limit of checkout and fix the leak on retry",
        "requester": "dana.reyes",
        "service": { "id": "checkout-api", "owner": "maria.chen" },
        "environment": "production",
        "category": "emergency-fix",
        "incident": "INC0098123",
        "scope": "Replace checkout-api 7.14.2 by 7.14.3 in production.\nConnection pool settings only; no schema change.",
        "rollback": { "plan": "RBK-2210", "version": "3.2" },
        "window": { "start": times.window.0, "end": times.window.1 },
        "excepts": [{ "id": "YEAR-END-COMMERCE", "start": times.blackout.0, "end": times.blackout.1 }],
        "details": {
            "regions": ["eu-central", "us-east"],
            "impact": "Customers see failed payments at peak.\nAbout 2 % of checkouts are affected.",
            "severity": "2",
            "customer_facing": true,
            "affected": 1840,
            "impact_since": "2026-11-19",
            "contact": "comms.desk",
            "rollback_owner": "li.novak",
            "rollback_minutes": 12,
            "rollback_rehearsed": true,
            "rollback_rehearsed_on": "2026-11-18",
            "rollback_trigger": "Error rate of checkout above 0.5 % for five minutes.",
            "checkpoint": "03:30",
            "note": "Approved in the change board of the incident."
        }
    })
}

/// Length of the largest attachment of the example, in bytes.
pub const LARGE: usize = 20 << 20;

const ATTACHMENTS: [(&str, &str, usize); 4] = [
    ("rollback-plan", "rollback-plan.pdf", 48_000),
    ("remediation-packet", "remediation packet.pdf", 130_000),
    ("test-evidence", "test-evidence.zip", 640_000),
    ("deployment-evidence", "deployment-evidence.tar", LARGE),
];

fn write_attachment(path: &Path, seed: u8, size: usize) -> io::Result<Digest> {
    // Content that does not repeat at any block size, so that a lost or doubled block shows in the digest.
    let mut file = io::BufWriter::new(fs::File::create(path)?);
    let mut word = u32::from(seed) + 1;
    let mut written = 0;
    while written < size {
        word ^= word << 13;
        word ^= word >> 17;
        word ^= word << 5;
        let bytes = word.to_le_bytes();
        let take = bytes.len().min(size - written);
        file.write_all(&bytes[..take])?;
        written += take;
    }
    file.flush()?;
    drop(file);
    Digest::of_reader(fs::File::open(path)?).map(|(digest, _)| digest)
}

/// Writes record, attachments and calendar into `folder`, bound to the portal at `portal`. No attachment is longer than
/// `longest` bytes.
///
/// # Errors
///
/// Whatever writing the files reports.
pub fn write(folder: &Path, portal: &url::Url, times: &ExampleTimes, longest: usize) -> io::Result<Example> {
    fs::create_dir_all(folder.join("attachments"))?;
    let mut exception = exception(times);
    let mut attachments = Vec::new();
    for (place, (role, name, size)) in ATTACHMENTS.into_iter().enumerate() {
        let path = format!("attachments/{name}");
        let size = size.min(longest);
        let digest = write_attachment(&folder.join(&path), place as u8, size)?;
        attachments.push(json!({ "role": role, "name": name, "path": path, "size": size, "sha256": digest }));
    }
    exception["attachments"] = Value::Array(attachments);
    let record = folder.join("record.json");
    fs::write(&record, serde_json::to_vec_pretty(&approved(exception, portal, times)?)?)?;
    let calendar = folder.join("freeze-calendar.toml");
    fs::write(&calendar, calendar_text(times))?;
    let freeze_state = folder.join("freeze_mode.json");
    fs::write(&freeze_state, serde_json::to_vec_pretty(&freeze_state_of(times))?)?;
    let freeze_policy = folder.join("freeze-policy.toml");
    fs::write(&freeze_policy, FREEZE_POLICY)?;
    Ok(Example { record, calendar, freeze_state, freeze_policy })
}

/// The freeze policy of the example.
pub(crate) const FREEZE_POLICY: &str = "schema = \"portal-agent/freeze-policy/1\"\nlongest_window_hours = 8\n\n\
                                 [[category]]\nname = \"emergency-fix\"\nmode = \"hotfix\"\n";

/// The freeze state of the example: set by the error budget, the evening before the blackout.
pub(crate) fn freeze_state_of(times: &ExampleTimes) -> Value {
    json!({
        "freeze_mode": true,
        "set_at": times.blackout.0 - SignedDuration::from_hours(6),
        "reason": "error_budget_EMERGENCY",
        "set_by": "automation",
        "tier": "RED",
        "expires_at": null,
        "note": "Automatically set due to budget exhaustion.",
    })
}

/// The freeze calendar of the example.
pub(crate) fn calendar_text(times: &ExampleTimes) -> String {
    format!(
        "schema = \"portal-agent/freeze-calendar/1\"\nzone = \"{ZONE}\"\n\n[[blackout]]\nid = \"YEAR-END-COMMERCE\"\n\
         start = \"{}\"\nend = \"{}\"\nadmits = [\"emergency-fix\", \"regulatory\"]\n",
        times.blackout.0, times.blackout.1
    )
}

/// Surrounds an exception with a remediation, a manifest and approvals that agree with it.
///
/// # Errors
///
/// An `exception` that is no valid record.
pub fn approved(exception: Value, portal: &url::Url, times: &ExampleTimes) -> io::Result<Value> {
    let signers =
        [("service-owner", "maria.chen"), ("incident-commander", "tom.okafor"), ("change-authority", "ines.duarte")];
    let build = |packet: Digest| {
        json!({
            "schema": "portal-agent/record/1",
            "exception": exception,
            "remediation": {
                "service": exception["service"]["id"],
                "environment": exception["environment"],
                "category": exception["category"],
                "incident": exception["incident"],
                "scope": exception["scope"],
                "rollback": { "plan": "RBK-2210", "version": "3.2" },
                "window": exception["window"],
            },
            "ownership": { "service": exception["service"]["id"], "owner": "maria.chen" },
            "manifest": {
                "packet": packet,
                "boundary": { "portal": portal, "category": exception["category"] },
                "window": exception["window"],
                "signers": signers.iter().map(|(role, who)| json!({ "role": role, "approver": who })).collect::<Vec<_>>(),
                "expires_at": times.expires,
            },
            "approvals": signers.iter().map(|(role, who)| json!({
                "role": role, "approver": who, "decision": "approved", "decided_at": times.decided, "packet": packet,
            })).collect::<Vec<_>>(),
        })
    };
    let unsigned = serde_json::from_value(build(Digest::of(b""))).map_err(io::Error::other)?;
    let packet = crate::model::packet::packet_digest(&unsigned).map_err(io::Error::other)?;
    Ok(build(packet))
}
