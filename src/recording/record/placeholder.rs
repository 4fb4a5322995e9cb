//! A change record in which everything that may not be shown has a stand-in, and everything that agreed before still agrees.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::mask::masked::Permissions;
use crate::model::details::Detail;
use crate::model::digest::Digest;
use crate::model::form::{RecordPath, WidgetKind};
use crate::model::packet::packet_digest;
use crate::model::record::ChangeRecord;
use crate::recording::fixture::folder::stand_in;
use crate::selectors::read::{SelectorMap, parse_record_path};
use crate::selectors::schema::Field;

/// Replaces what may not be shown; the same text by the same stand-in wherever it stands.
pub(crate) struct StandIns<'a> {
    map: &'a SelectorMap,
    permissions: &'a Permissions,
    /// A text of the same shape that holds nothing of it.
    text: &'a dyn Fn(&str) -> String,
    /// Texts that are shown somewhere.
    shown: &'a BTreeSet<String>,
    /// Texts to be replaced everywhere, as the person who records says.
    given: &'a [(String, String)],
}

/// A record, its stand-in, and the digests of both.
pub(crate) struct StoodIn {
    /// The stand-in.
    pub record: ChangeRecord,
    /// Digest of the record as it was, and of its stand-in.
    pub packet: (Digest, Digest),
    /// Texts of attachments' digests with those of their stand-ins.
    pub digests: Vec<(Digest, Digest)>,
}

/// How a value may be replaced.
#[derive(Clone, Copy)]
enum Kind {
    /// It may be kept: it is shown, or it is one of the map's own words.
    Kept,
    /// Prose and identifiers.
    Text,
    /// A time of day.
    Time,
}

/// Time of day that stands for any other.
const TIME: &str = "01:23";

impl<'a> StandIns<'a> {
    /// With these rules.
    pub fn new(
        map: &'a SelectorMap,
        permissions: &'a Permissions,
        text: &'a dyn Fn(&str) -> String,
        shown: &'a BTreeSet<String>,
        given: &'a [(String, String)],
    ) -> Self {
        Self { map, permissions, text, shown, given }
    }

    fn fields(&self) -> impl Iterator<Item = &Field> {
        let file = &self.map.file;
        let pages = [&file.review, &file.recheck, &file.confirmation.submitted];
        file.tabs.iter().flat_map(|tab| &tab.fields).chain(pages.into_iter().flat_map(|page| &page.fields))
    }

    /// How values of this path may be replaced. `unmapped` is for what no field of the map enters or states.
    fn kind(&self, path: &RecordPath, unmapped: Kind) -> Kind {
        let of_path = |field: &&Field| {
            let record = field.record.as_ref().and_then(|record| parse_record_path(record.get_ref()));
            record.as_ref() == Some(path)
        };
        let fields: Vec<&Field> = self.fields().filter(of_path).collect();
        if fields.is_empty() {
            return unmapped;
        }
        let shown = fields.iter().all(|field| self.permissions.fields.contains(field.id.get_ref()));
        // A choice is one of the map's own words; another one might not be offered.
        if shown || fields.iter().any(|field| !field.values.is_empty()) {
            Kind::Kept
        } else if fields.iter().any(|field| field.widget == WidgetKind::Time) {
            Kind::Time
        } else {
            Kind::Text
        }
    }

    fn replaced(&self, text: &str, kind: Kind) -> String {
        match kind {
            // What is shown elsewhere is no secret here, and one text has one stand-in.
            Kind::Text | Kind::Time if self.shown.contains(text) => text.to_owned(),
            Kind::Kept => text.to_owned(),
            Kind::Text => (self.text)(text),
            Kind::Time => TIME.to_owned(),
        }
    }

    /// The record with stand-ins.
    ///
    /// # Errors
    ///
    /// What is not valid any more; nothing of it is a value.
    pub fn of(&self, record: &ChangeRecord) -> Result<StoodIn, String> {
        let invalid = |error: serde_json::Error| format!("the record has no stand-in: {}", error.classify_text());
        let mut value = serde_json::to_value(record).map_err(invalid)?;
        for (path, unmapped, pointers) in PROSE {
            let kind = self.kind(&path, unmapped);
            for pointer in pointers {
                if let Some(Value::String(text)) = value.pointer_mut(pointer) {
                    *text = self.replaced(text, kind);
                }
            }
        }
        let details: BTreeMap<String, Value> =
            record.exception.details.0.iter().map(|(name, detail)| (name.clone(), self.detail(name, detail))).collect();
        value["exception"]["details"] = serde_json::to_value(details).map_err(invalid)?;
        let mut digests = Vec::new();
        for (place, file) in record.exception.attachments.iter().enumerate() {
            let digest = Digest::of(&stand_in(file.role.as_str(), file.size));
            digests.push((file.sha256, digest));
            let entry = &mut value["exception"]["attachments"][place];
            entry["sha256"] = Value::String(digest.to_string());
            entry["path"] = Value::String(format!("attachments/{}", file.name.as_str()));
        }
        self.give(&mut value);
        let read = |value: &Value| serde_json::from_value::<ChangeRecord>(value.clone()).map_err(invalid);
        let (old, new) = (packet_digest(record).map_err(invalid)?, packet_digest(&read(&value)?).map_err(invalid)?);
        let rebound = |text: &mut Value| {
            if text.as_str() == Some(old.to_string().as_str()) {
                *text = Value::String(new.to_string());
            }
        };
        rebound(&mut value["manifest"]["packet"]);
        for place in 0..record.approvals.len() {
            rebound(&mut value["approvals"][place]["packet"]);
            // It was made over what the stand-in is not; what came of checking it stands among the gates.
            if let Some(signature) = value["approvals"][place].get_mut("signature") {
                *signature = Value::String("stand-in".to_owned());
            }
        }
        Ok(StoodIn { record: read(&value)?, packet: (old, new), digests })
    }

    /// A word of the organisation's own, of a calendar or a policy: kept as far as the record's is.
    pub fn word(&self, path: &RecordPath, text: &str) -> String {
        self.replaced(text, self.kind(path, Kind::Kept))
    }

    fn detail(&self, name: &str, detail: &Detail) -> Value {
        let kind = self.kind(&RecordPath::Detail(name.to_owned()), Kind::Text);
        match detail {
            Detail::Number(number) => {
                let text = number.get().to_string();
                // A number has no time of day to stand for it.
                let kind = if matches!(kind, Kind::Time) { Kind::Text } else { kind };
                let stand_in = self.replaced(&text, kind).parse::<i64>();
                Value::from(stand_in.unwrap_or_else(|_| number.get().signum()))
            }
            Detail::Text(text) => Value::String(self.replaced(text.as_str(), kind)),
            Detail::List(items) => items.iter().map(|item| self.replaced(item.as_str(), kind)).collect(),
            Detail::Flag(flag) => Value::Bool(*flag),
        }
    }

    /// Replaces in every text what the person who records wants replaced.
    pub fn give(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                for (real, stand_in) in self.given {
                    *text = text.replace(real, stand_in);
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|one| self.give(one)),
            Value::Object(members) => members.values_mut().for_each(|one| self.give(one)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Where prose and choices stand, in the exception and in what it must agree with, and what becomes of them when the map has no
/// field for them. Categories and environments are the organisation's own words, which calendars and manifests share.
const PROSE: [(RecordPath, Kind, &[&str]); 7] = [
    (RecordPath::Title, Kind::Text, &["/exception/title"]),
    (RecordPath::Environment, Kind::Kept, &["/exception/environment", "/remediation/environment"]),
    (
        RecordPath::Category,
        Kind::Kept,
        &["/exception/category", "/remediation/category", "/manifest/boundary/category"],
    ),
    (RecordPath::Incident, Kind::Text, &["/exception/incident", "/remediation/incident"]),
    (RecordPath::Scope, Kind::Text, &["/exception/scope", "/remediation/scope"]),
    (RecordPath::RollbackPlan, Kind::Text, &["/exception/rollback/plan", "/remediation/rollback/plan"]),
    (RecordPath::RollbackVersion, Kind::Text, &["/exception/rollback/version", "/remediation/rollback/version"]),
];

/// What kind of mistake it was, without the value it was about.
trait ClassifyText {
    fn classify_text(&self) -> &'static str;
}

impl ClassifyText for serde_json::Error {
    fn classify_text(&self) -> &'static str {
        match self.classify() {
            serde_json::error::Category::Io => "it cannot be written",
            serde_json::error::Category::Syntax | serde_json::error::Category::Eof => "it is no JSON",
            serde_json::error::Category::Data => "a stand-in does not fit its field",
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::recording::scrub::{Permission, Scrubber};
    use crate::reference_portal::example::{ExampleTimes, approved, exception};
    use crate::run::order::permissions;
    use crate::selectors::read::read;

    const MAP: &str = include_str!("../../../selectors/reference.toml");

    fn stood_in(map: &str, given: &[(String, String)]) -> (Value, Value) {
        let times = ExampleTimes::around(jiff::Timestamp::UNIX_EPOCH);
        let mut wanted = exception(&times);
        wanted["details"]["unmapped"] = json!("Ottoline Haverkamp");
        wanted["attachments"] = json!([{ "role": "rollback-plan", "name": "r.pdf", "path": "far/r.pdf", "size": 9, "sha256": Digest::of(b"x") }]);
        let real = approved(wanted, &"http://127.0.0.1:8480/".parse().unwrap(), &times).unwrap();
        let record: ChangeRecord = serde_json::from_value(real.clone()).unwrap();
        let map = read("m".as_ref(), map).unwrap();
        let blind = Scrubber::new(Permission::default(), [3; 32]).unwrap();
        let (text, shown) = (|text: &str| blind.text(text), BTreeSet::from(["comms.desk".to_owned()]));
        let permissions = permissions(&map);
        let own = StandIns::new(&map, &permissions, &text, &shown, given).of(&record).unwrap();
        assert_eq!(own.packet.1, packet_digest(&own.record).unwrap());
        (real, serde_json::to_value(own.record).unwrap())
    }

    #[test]
    fn what_may_not_be_shown_has_a_stand_in_and_what_may_is_kept() {
        let (real, stand_in) = stood_in(MAP, &[]);
        for hidden in ["impact", "note", "unmapped", "affected"] {
            assert_ne!(stand_in["exception"]["details"][hidden], real["exception"]["details"][hidden], "{hidden}");
        }
        for shown in ["/exception/title", "/exception/scope", "/exception/details/regions", "/exception/window"] {
            assert_eq!(stand_in.pointer(shown), real.pointer(shown), "{shown}");
        }
        // Hidden on the form, and shown elsewhere: no secret.
        assert_eq!(stand_in["exception"]["details"]["contact"], "comms.desk");
        assert_eq!(stand_in["exception"]["attachments"][0]["path"], "attachments/r.pdf");
    }

    #[test]
    fn prose_that_the_map_has_no_field_for_has_a_stand_in_on_both_sides() {
        let without = MAP.replace("record = \"incident\"", "record = \"details.incident\"");
        let (real, stand_in) = stood_in(&without, &[]);
        assert_ne!(stand_in["exception"]["incident"], real["exception"]["incident"]);
        assert_eq!(stand_in["exception"]["incident"], stand_in["remediation"]["incident"]);
    }

    #[test]
    fn an_approval_of_the_record_is_an_approval_of_its_stand_in() {
        let (real, stand_in) = stood_in(MAP, &[]);
        assert_ne!(stand_in["manifest"]["packet"], real["manifest"]["packet"]);
        assert_eq!(stand_in["manifest"]["packet"], stand_in["approvals"][2]["packet"]);
    }

    #[test]
    fn what_the_person_who_records_wants_replaced_is_replaced_everywhere() {
        let (_, stand_in) = stood_in(MAP, &[("maria.chen".to_owned(), "owner.one".to_owned())]);
        assert!(!stand_in.to_string().contains("maria.chen"));
        assert_eq!(stand_in["ownership"]["owner"], "owner.one");
    }
}
