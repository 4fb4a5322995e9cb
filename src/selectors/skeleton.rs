//! A change record to fill in, with every answer that a selector map takes.

use serde_json::Value;

use super::read::{SelectorMap, parse_record_path};
use super::schema::Field;
use crate::model::form::{RecordPath, WidgetKind};
use crate::model::record::unfilled;

/// The record without what depends on the map.
const RECORD: &str = include_str!("skeleton.json");

/// A change record for this map in which every value is still to be filled in, as JSON. The roles of `roles` sign, and those that
/// the map reads from the portal.
pub(crate) fn skeleton(map: &SelectorMap, roles: &[&str]) -> String {
    let file = &map.file;
    let fields = || file.tabs.iter().flat_map(|tab| &tab.fields).chain(&file.review.fields).chain(&file.recheck.fields);
    let (mut details, mut attachments) = (Vec::<(String, Value)>::new(), Vec::<String>::new());
    let mut signers: Vec<String> = roles.iter().map(ToString::to_string).collect();
    let once = |known: &mut Vec<String>, one: String| {
        if !known.contains(&one) {
            known.push(one);
        }
    };
    for field in fields() {
        let path = field.record.as_ref().and_then(|path| parse_record_path(path.get_ref()));
        if let Some(RecordPath::Detail(name)) = &path
            && details.iter().all(|(known, _)| known != name)
        {
            details.push((name.clone(), wanted(field)));
        } else if let Some(RecordPath::Attachment(role)) = &path {
            once(&mut attachments, role.to_string());
        } else if let Some(RecordPath::Approver(role)) = path {
            once(&mut signers, role);
        }
        field.attachments.iter().for_each(|role| once(&mut attachments, role.get_ref().clone()));
    }
    let text = |text: &str| Value::from(text).to_string();
    let lines = |lines: Vec<String>, indent: usize| {
        let space = " ".repeat(indent);
        let all: Vec<String> = lines.into_iter().map(|line| format!("\n{space}  {line}")).collect();
        if all.is_empty() { String::new() } else { format!("{}\n{space}", all.join(",")) }
    };
    let details = details.into_iter().map(|(name, wanted)| format!("{}: {wanted}", text(&name))).collect();
    let file = |role: &String| {
        let (name, path) = (unfilled("file name in the portal"), unfilled("where the file lies, from this folder"));
        let computed = "written by `check --write-digest`";
        let (size, sha256) = (unfilled(computed), unfilled(computed));
        format!(
            "{{ \"role\": {}, \"name\": {}, \"path\": {},\n      \"size\": {}, \"sha256\": {} }}",
            text(role),
            text(&name),
            text(&path),
            text(&size),
            text(&sha256)
        )
    };
    let signer = |role: &String| {
        let approver = unfilled("account of the approver");
        format!("{{ \"role\": {}, \"approver\": {} }}", text(role), text(&approver))
    };
    RECORD
        .replace("\"@details\"", &format!("{{{}}}", lines(details, 4)))
        .replace("\"@attachments\"", &format!("[{}]", lines(attachments.iter().map(file).collect(), 4)))
        .replace("\"@signers\"", &format!("[{}]", lines(signers.iter().map(signer).collect(), 4)))
        .replace("\"@portal\"", &text(map.file.base_url.get_ref().as_str()))
}

/// What a field wants of the record, in place of its value.
fn wanted(field: &Field) -> Value {
    let label = field.label.as_deref().unwrap_or(field.id.get_ref().as_str());
    let words: Vec<&str> = field.values.keys().map(String::as_str).collect();
    let kind = match field.widget {
        WidgetKind::Checkbox => "true or false, without quotes".to_owned(),
        WidgetKind::Number => "a whole number, without quotes".to_owned(),
        WidgetKind::Date => "a day, as 2026-11-30".to_owned(),
        WidgetKind::Time => "a time of day, as 03:30".to_owned(),
        WidgetKind::DateTime => "a moment of the portal's clock, as 2026-11-30T03:30".to_owned(),
        WidgetKind::LongText => "text, lines parted by \\n".to_owned(),
        WidgetKind::Select | WidgetKind::Radio | WidgetKind::MultiSelect if words.is_empty() => {
            "an option of the portal".to_owned()
        }
        WidgetKind::Select | WidgetKind::Radio | WidgetKind::MultiSelect => format!("one of {}", words.join(", ")),
        WidgetKind::Text | WidgetKind::ReadOnly | WidgetKind::File => "text".to_owned(),
    };
    let optional = if field.optional { "; or leave this out" } else { "" };
    let wanted = Value::from(unfilled(&format!("{label}: {kind}{optional}")));
    if field.widget == WidgetKind::MultiSelect { Value::from(vec![wanted]) } else { wanted }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::ChangeRecord;
    use crate::selectors::read::read;

    const MAP: &str = include_str!("../../selectors/reference.toml");

    /// Fills in what is wanted at every place: the example's value.
    fn filled(skeleton: &Value, example: &Value) -> Value {
        match (skeleton, example) {
            (Value::Object(wanted), Value::Object(given)) => {
                let known = given.iter().filter(|(name, _)| wanted.contains_key(*name));
                known.map(|(name, given)| (name.clone(), filled(&wanted[name], given))).collect()
            }
            (Value::Array(wanted), Value::Array(given)) if wanted.len() == given.len() => {
                wanted.iter().zip(given).map(|(wanted, given)| filled(wanted, given)).collect()
            }
            (wanted, given) => {
                if wanted.as_str().is_some_and(|text| text.starts_with("<fill in")) || wanted.is_array() {
                    given.clone()
                } else {
                    wanted.clone()
                }
            }
        }
    }

    #[test]
    fn a_skeleton_that_is_filled_in_is_the_record() {
        let map = read("map.toml".as_ref(), MAP).unwrap();
        let skeleton: Value =
            serde_json::from_str(&skeleton(&map, &["service-owner", "incident-commander", "change-authority"]))
                .unwrap();
        let text = std::fs::read_to_string("portal-fixtures/approved/record.json").unwrap();
        let example: Value = serde_json::from_str(&text).unwrap();
        for (part, list) in [("exception", "attachments"), ("manifest", "signers")] {
            let length = |record: &Value| record[part][list].as_array().map(Vec::len);
            assert_eq!(length(&skeleton), length(&example), "{list}");
        }
        let mut record = filled(&skeleton, &example);
        record["manifest"]["boundary"]["portal"] = example["manifest"]["boundary"]["portal"].clone();
        assert_eq!(record, example);
        serde_json::from_value::<ChangeRecord>(record).unwrap();
    }
}
