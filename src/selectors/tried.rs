//! One field of a map with a value that somebody gives by hand.

use super::plan::PlanError;
use super::read::{SelectorMap, form_field, parse_record_path};
use super::schema::{Field, Tab};
use super::shapes::options;
use super::wording::{Taken, Wording};
use crate::model::form::{Part, PlannedField, PlannedTab, RecordPath, WidgetKind};
use crate::model::ids::FieldId;
use crate::model::private::Private;
use crate::model::time::{Instant, InstantError};

/// Why a value cannot be tried.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TryError {
    #[error("the map has no field {0}\n  = help: its fields are {1}")]
    NoField(FieldId, String),
    #[error("nothing is entered in field {0}\n  = help: name one that takes a value")]
    NotEntered(FieldId),
    #[error("field {0} takes one value, and {1} are given\n  = help: only a multi-select takes several")]
    Several(FieldId, usize),
    #[error("field {0} takes true or false")]
    NoFlag(FieldId),
    #[error("field {0} takes a moment: {1}")]
    NoMoment(FieldId, InstantError),
    #[error(transparent)]
    Unfit(#[from] PlanError),
}

/// The tab of a field, with that field alone, to hold what `values` are in a record: for a moment as
/// `2026-12-01T07:00:00Z`, for a box `true` or `false`.
///
/// # Errors
///
/// [`TryError`].
pub(crate) fn tried(map: &SelectorMap, id: &FieldId, values: &[String]) -> Result<PlannedTab, TryError> {
    let holds = |tab: &&Tab| tab.fields.iter().any(|field| field.id.get_ref() == id);
    let (Some(tab), Some(field)) = (map.file.tabs.iter().find(holds), form_field(&map.file, id)) else {
        let all = map.file.tabs.iter().flat_map(|tab| &tab.fields).map(|field| field.id.get_ref().as_str());
        return Err(TryError::NoField(id.clone(), all.collect::<Vec<_>>().join(", ")));
    };
    match field.widget.part() {
        Part::Entered => {}
        Part::Stated | Part::Uploaded => return Err(TryError::NotEntered(id.clone())),
    }
    let path = field.record.as_ref().and_then(|path| parse_record_path(path.get_ref()));
    let path = path.unwrap_or(RecordPath::Constant);
    let value = Wording { zone: &map.zone }.value(field, &path, taken(field, &path, values)?)?;
    let planned = PlannedField {
        id: id.clone(),
        label: field.label.clone(),
        widget: field.widget,
        required: field.required,
        path,
        options: if field.kind.is_none() { options(field.widget, &value) } else { Vec::new() },
        value: Private::new(value),
    };
    let (after_save, saved_alone) = (tab.after_save, tab.save.is_some());
    Ok(PlannedTab { id: tab.id.get_ref().clone(), fields: vec![planned], files: Vec::new(), after_save, saved_alone })
}

/// What the record would hold at `path`.
fn taken(field: &Field, path: &RecordPath, values: &[String]) -> Result<Taken, TryError> {
    let id = field.id.get_ref();
    if field.widget == WidgetKind::MultiSelect {
        return Ok(Taken::List(values.to_vec()));
    }
    let [value] = values else { return Err(TryError::Several(id.clone(), values.len())) };
    let moment = matches!(
        path,
        RecordPath::WindowStart | RecordPath::WindowEnd | RecordPath::ExceptsStart | RecordPath::ExceptsEnd
    );
    if moment {
        return Instant::parse(value).map(Taken::Moment).map_err(|error| TryError::NoMoment(id.clone(), error));
    }
    match (field.widget, value.as_str()) {
        (WidgetKind::Checkbox, "true") => Ok(Taken::Flag(true)),
        (WidgetKind::Checkbox, "false") => Ok(Taken::Flag(false)),
        (WidgetKind::Checkbox, _) => Err(TryError::NoFlag(id.clone())),
        (
            WidgetKind::Text
            | WidgetKind::LongText
            | WidgetKind::Select
            | WidgetKind::MultiSelect
            | WidgetKind::Radio
            | WidgetKind::Date
            | WidgetKind::Time
            | WidgetKind::DateTime
            | WidgetKind::Number
            | WidgetKind::File
            | WidgetKind::ReadOnly,
            value,
        ) => Ok(Taken::Text(value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::form::FormValue;
    use crate::selectors::read::read;

    fn value(id: &str, values: &[&str]) -> Result<FormValue, String> {
        let map = read("map.toml".as_ref(), include_str!("../../selectors/reference.toml")).unwrap();
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let tab = tried(&map, &FieldId::parse(id).unwrap(), &values).map_err(|error| error.to_string())?;
        assert_eq!(tab.fields.len(), 1);
        Ok(tab.fields[0].value.expose().clone())
    }

    #[test]
    fn a_value_is_written_as_it_would_be_out_of_a_record() {
        let text = |text: &str| Ok(FormValue::Text(text.to_owned()));
        assert_eq!(value("service", &["checkout-api"]), text("checkout-api"));
        assert_eq!(value("window_start", &["2026-12-01T07:00:00Z"]), text("2026-12-01T02:00"));
        assert_eq!(value("customer_facing", &["true"]), Ok(FormValue::Checked(true)));
        assert!(matches!(value("regions", &["eu-central", "us-east"]), Ok(FormValue::Choices(all)) if all.len() == 2));
    }

    #[test]
    fn a_value_that_the_field_cannot_hold_is_refused_with_its_reason() {
        for (id, values, expected) in [
            ("servce", vec!["a"], "its fields are service"),
            ("owner", vec!["a"], "nothing is entered"),
            ("service", vec!["a", "b"], "takes one value"),
            ("service", vec!["a\nb"], "several lines"),
            ("customer_facing", vec!["yes"], "true or false"),
            ("window_start", vec!["tomorrow"], "a moment"),
        ] {
            let told = value(id, &values).unwrap_err();
            assert!(told.contains(expected), "{id}: {told}");
        }
    }
}
