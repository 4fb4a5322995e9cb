//! A change record in which everything that may not be shown has a stand-in, and everything that agreed before still agrees.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fixture::folder::stand_in;
use crate::mask::masked::Permissions;
use crate::model::digest::Digest;
use crate::model::form::{RecordPath, WidgetKind};
use crate::model::packet::packet_digest;
use crate::model::record::{ChangeRecord, Detail};
use crate::selectors::read::{SelectorMap, parse_record_path};
use crate::selectors::schema::Field;

/// Replaces what may not be shown; the same text by the same stand-in wherever it stands.
pub struct StandIns<'a> {
    map: &'a SelectorMap,
    permissions: &'a Permissions,
    /// A text of the same shape that holds nothing of it.
    text: &'a dyn Fn(&str) -> String,
    /// Texts to be replaced everywhere, as the person who records says.
    given: &'a [(String, String)],
}

/// A record, its stand-in, and the digests of both.
pub struct StoodIn {
    /// The stand-in.
    pub record: ChangeRecord,
    /// Digest of the record as it was, and of its stand-in.
    pub packet: (Digest, Digest),
    /// Texts of attachments' digests with those of their stand-ins.
    pub digests: Vec<(Digest, Digest)>,
}

/// How a value may be replaced.
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
        given: &'a [(String, String)],
    ) -> Self {
        Self { map, permissions, text, given }
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

    fn replaced(&self, text: &str, kind: &Kind) -> String {
        match kind {
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
        for (path, pointers) in PROSE {
            let kind = self.kind(&path, Kind::Kept);
            for pointer in pointers {
                if let Some(Value::String(text)) = value.pointer_mut(pointer) {
                    *text = self.replaced(text, &kind);
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
        }
        Ok(StoodIn { record: read(&value)?, packet: (old, new), digests })
    }

    fn detail(&self, name: &str, detail: &Detail) -> Value {
        let kind = self.kind(&RecordPath::Detail(name.to_owned()), Kind::Text);
        match (&kind, detail) {
            (Kind::Text | Kind::Time, Detail::Number(number)) => {
                let text = self.replaced(&number.get().to_string(), &Kind::Text);
                text.parse::<i64>().map_or(Value::from(1), Value::from)
            }
            (_, Detail::Text(text)) => Value::String(self.replaced(text.as_str(), &kind)),
            (_, Detail::List(items)) => items.iter().map(|item| self.replaced(item.as_str(), &kind)).collect(),
            (_, Detail::Flag(flag)) => Value::Bool(*flag),
            (Kind::Kept, Detail::Number(number)) => Value::from(number.get()),
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

/// Where prose and choices stand, in the exception and in what it must agree with.
const PROSE: [(RecordPath, &[&str]); 7] = [
    (RecordPath::Title, &["/exception/title"]),
    (RecordPath::Environment, &["/exception/environment", "/remediation/environment"]),
    (RecordPath::Category, &["/exception/category", "/remediation/category", "/manifest/boundary/category"]),
    (RecordPath::Incident, &["/exception/incident", "/remediation/incident"]),
    (RecordPath::Scope, &["/exception/scope", "/remediation/scope"]),
    (RecordPath::RollbackPlan, &["/exception/rollback/plan", "/remediation/rollback/plan"]),
    (RecordPath::RollbackVersion, &["/exception/rollback/version", "/remediation/rollback/version"]),
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
