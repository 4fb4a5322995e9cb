//! Applies a selector map to a change record: which value belongs into which control, in the portal's own form.

use jiff::fmt::strtime;
use toml::Spanned;

use super::read::{SelectorMap, form_field, parse_record_path};
use super::schema::{Field, Parameter, ReadPage, Tab};
use super::shapes::{options, wire_format};
use super::wording::{Taken, Wording, day};
use crate::model::details::Detail;
use crate::model::form::{
    FormPlan, FormValue, ParameterContent, PlannedField, PlannedFile, PlannedParameter, PlannedTab, RecordPath,
    WidgetKind,
};
use crate::model::ids::{AttachmentRole, FieldId};
use crate::model::private::Private;
use crate::model::record::ChangeRecord;

/// Why a record cannot be entered through a map.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The record lacks a value that the map does not call optional.
    #[error("field {field} of the selector map takes `{path}`, which the record does not have")]
    NoValue {
        /// Field of the map.
        field: FieldId,
        /// Path in the record.
        path: String,
    },
    /// The map's table of words has no entry.
    #[error("field {field} of the selector map has no entry in `values` for the record's `{path}`")]
    NoWord {
        /// Field of the map.
        field: FieldId,
        /// Path in the record.
        path: String,
    },
    /// The value is of a kind that the widget cannot hold.
    #[error("field {field} is a {widget:?} and cannot hold the record's `{path}`: {because}")]
    Unfit {
        /// Field of the map.
        field: FieldId,
        widget: WidgetKind,
        /// Path in the record.
        path: String,
        /// What does not fit.
        because: &'static str,
    },
    /// The record has an attachment that no file field takes.
    #[error("no file field of the selector map takes the record's attachment `{0}`")]
    HomelessAttachment(String),
}

fn take(record: &ChangeRecord, path: &RecordPath) -> Option<Taken> {
    let exception = &record.exception;
    let excepted = exception.excepts.first();
    let text = |text: &str| Some(Taken::Text(text.to_owned()));
    match path {
        RecordPath::ChangeId => text(exception.change_id.as_str()),
        RecordPath::Revision => Some(Taken::Number(i64::from(exception.revision))),
        RecordPath::Title => text(exception.title.as_str()),
        RecordPath::Requester => text(exception.requester.as_str()),
        RecordPath::ServiceId => text(exception.service.id.as_str()),
        RecordPath::ServiceOwner => text(exception.service.owner.as_str()),
        RecordPath::Environment => text(exception.environment.as_str()),
        RecordPath::Category => text(exception.category.as_str()),
        RecordPath::Incident => text(exception.incident.as_str()),
        RecordPath::Scope => text(exception.scope.as_str()),
        RecordPath::RollbackPlan => exception.rollback.as_ref().and_then(|rollback| text(rollback.plan.as_str())),
        RecordPath::RollbackVersion => exception.rollback.as_ref().and_then(|rollback| text(rollback.version.as_str())),
        RecordPath::WindowStart => Some(Taken::Moment(exception.window.start)),
        RecordPath::WindowEnd => Some(Taken::Moment(exception.window.end)),
        RecordPath::ExceptsId => excepted.and_then(|blackout| text(blackout.id.as_str())),
        RecordPath::ExceptsStart => excepted.map(|blackout| Taken::Moment(blackout.start)),
        RecordPath::ExceptsEnd => excepted.map(|blackout| Taken::Moment(blackout.end)),
        RecordPath::Approver(role) => record
            .manifest
            .signers
            .iter()
            .find(|signer| signer.role.as_str() == role)
            .and_then(|signer| text(signer.approver.as_str())),
        RecordPath::Detail(name) => exception.details.0.get(name).map(|detail| match detail {
            Detail::Flag(flag) => Taken::Flag(*flag),
            Detail::Number(number) => Taken::Number(number.get()),
            Detail::Text(text) => Taken::Text(text.as_str().to_owned()),
            Detail::List(list) => Taken::List(list.iter().map(|line| line.as_str().to_owned()).collect()),
        }),
        RecordPath::Attachment(_) | RecordPath::Constant => None,
    }
}

struct Planner<'a> {
    record: &'a ChangeRecord,
    wording: Wording<'a>,
}

impl Planner<'_> {
    /// A moment or a day of the record in another form than its control's.
    fn formatted(&self, path: &RecordPath, pattern: &str) -> Option<String> {
        match take(self.record, path)? {
            Taken::Moment(at) => strtime::format(pattern, &at.in_zone(self.wording.zone)).ok(),
            Taken::Text(text) => day(pattern, &text),
            Taken::Flag(_) | Taken::Number(_) | Taken::List(_) => None,
        }
    }

    fn field(&self, field: &Field) -> Result<Option<PlannedField>, PlanError> {
        let (path, taken) = match (&field.record, &field.constant) {
            (Some(path), _) => {
                // `read` has checked every path; one that does not parse would be a constant nobody wrote.
                let Some(path) = parse_record_path(path.get_ref()) else { return Ok(None) };
                let taken = take(self.record, &path);
                (path, taken)
            }
            (None, Some(constant)) => {
                let ticks = field.widget == WidgetKind::Checkbox;
                let taken = if ticks { Taken::Flag(constant == "yes") } else { Taken::Text(constant.clone()) };
                (RecordPath::Constant, Some(taken))
            }
            (None, None) => {
                let role = field.attachments.first().and_then(|role| AttachmentRole::parse(role.get_ref()).ok());
                let Some(role) = role else { return Ok(None) };
                (RecordPath::Attachment(role), None)
            }
        };
        let value = match taken {
            Some(taken) => self.wording.value(field, &path, taken)?,
            None if field.widget == WidgetKind::File => FormValue::Text(String::new()),
            None if field.optional => field.widget.blank(),
            None => {
                return Err(PlanError::NoValue { field: field.id.get_ref().clone(), path: path.to_string() });
            }
        };
        // Pages that show a value fold its white space, and so does the reading of them.
        let value = match value {
            FormValue::Text(text) if field.widget == WidgetKind::ReadOnly => {
                FormValue::Text(text.split_whitespace().collect::<Vec<_>>().join(" "))
            }
            value @ (FormValue::Text(_) | FormValue::Choices(_) | FormValue::Checked(_)) => value,
        };
        // What a kind offers shows only when it is opened.
        let options = if field.kind.is_none() { options(field.widget, &value) } else { Vec::new() };
        Ok(Some(PlannedField {
            id: field.id.get_ref().clone(),
            label: field.label.clone(),
            widget: field.widget,
            required: field.required,
            path,
            value: Private::new(value),
            options,
        }))
    }

    fn fields(&self, fields: &[Field]) -> Result<Vec<PlannedField>, PlanError> {
        fields.iter().filter_map(|field| self.field(field).transpose()).collect()
    }

    /// The lines of a page that only shows values: those of the form's fields, then its own.
    fn page(&self, page: &ReadPage, map: &SelectorMap) -> Result<Vec<PlannedField>, PlanError> {
        let mut planned = Vec::new();
        for (id, locate) in &page.lines {
            let Some(field) = form_field(&map.file, id.get_ref()) else { continue };
            let mut line = Field { locate: locate.clone(), label: None, ..field.clone() };
            line.widget = WidgetKind::ReadOnly;
            line.format = page.time_format.clone().or_else(|| field.format.clone());
            if line.format.is_none() {
                line.format = wire_format(field.widget).map(|format| Spanned::new(0..0, format.to_owned()));
            }
            if field.widget == WidgetKind::Checkbox {
                line.values = [("yes".to_owned(), page.yes.clone()), ("no".to_owned(), page.no.clone())].into();
            }
            let Some(mut stated) = self.field(&line)? else { continue };
            if field.widget == WidgetKind::Checkbox && stated.value.expose().is_blank() {
                stated.value = Private::new(FormValue::Text(page.no.clone()));
            }
            planned.push(stated);
        }
        planned.extend(self.fields(&page.fields)?);
        Ok(planned)
    }

    /// The files of a tab, in the order of the map.
    fn files(&self, tab: &Tab) -> Vec<PlannedFile> {
        let attached = &self.record.exception.attachments;
        let roles = tab.fields.iter().flat_map(|field| {
            let single = field.record.as_ref().and_then(|path| match parse_record_path(path.get_ref()) {
                Some(RecordPath::Attachment(role)) => Some(role),
                Some(_) | None => None,
            });
            let several = field.attachments.iter().filter_map(|role| AttachmentRole::parse(role.get_ref()).ok());
            single.into_iter().chain(several).map(|role| (field.id.get_ref(), role))
        });
        let planned = roles.filter_map(|(field, role)| {
            let file = attached.iter().find(|file| file.role == role)?;
            Some(PlannedFile {
                field: field.clone(),
                role,
                name: file.name.as_str().to_owned(),
                size: file.size,
                sha256: file.sha256,
            })
        });
        planned.collect()
    }
}

fn parameter(parameter: &Parameter, tabs: &[PlannedTab], planner: &Planner<'_>) -> Option<PlannedParameter> {
    let content = match (&parameter.field, &parameter.constant) {
        (Some(field), _) => {
            let planned = tabs.iter().flat_map(|tab| &tab.fields).find(|known| &known.id == field.get_ref())?;
            let word = |text: &String| parameter.values.get(text).cloned().unwrap_or_else(|| text.clone());
            let formatted = parameter.format.as_ref().and_then(|pattern| planner.formatted(&planned.path, pattern));
            let carried = match planned.value.expose() {
                FormValue::Text(_) if formatted.is_some() => formatted.into_iter().collect(),
                FormValue::Text(text) => vec![word(text)],
                FormValue::Choices(choices) => choices.iter().map(word).collect(),
                // HTML sends a ticked box as "on" unless it says otherwise, and an empty one not at all.
                FormValue::Checked(true) => {
                    vec![parameter.values.get("yes").cloned().unwrap_or_else(|| "on".to_owned())]
                }
                FormValue::Checked(false) => parameter.values.get("no").cloned().into_iter().collect(),
            };
            ParameterContent::Value { path: planned.path.clone(), carried: Private::new(carried) }
        }
        (None, Some(constant)) => {
            ParameterContent::Value { path: RecordPath::Constant, carried: Private::new(vec![constant.clone()]) }
        }
        (None, None) if parameter.draft => ParameterContent::DraftReference,
        (None, None) => ParameterContent::Volatile,
    };
    Some(PlannedParameter { name: parameter.name.get_ref().clone(), content })
}

fn blank(field: &Field) -> PlannedField {
    PlannedField {
        id: field.id.get_ref().clone(),
        label: field.label.clone(),
        widget: field.widget,
        required: field.required,
        path: RecordPath::Constant,
        value: Private::new(FormValue::Text(String::new())),
        options: Vec::new(),
    }
}

/// The lines of a page without any record.
pub(crate) fn outline_page(map: &SelectorMap, page: &ReadPage) -> Vec<PlannedField> {
    let known = page.lines.keys().filter_map(|id| form_field(&map.file, id.get_ref()));
    let lines = known.map(|field| PlannedField { label: None, widget: WidgetKind::ReadOnly, ..blank(field) });
    lines.chain(page.fields.iter().map(blank)).collect()
}

/// The tabs of a map without any record: every control, no values.
pub fn outline(map: &SelectorMap) -> Vec<PlannedTab> {
    let tab = |tab: &Tab| PlannedTab {
        id: tab.id.get_ref().clone(),
        fields: tab.fields.iter().map(blank).collect(),
        files: Vec::new(),
        after_save: tab.after_save,
        saved_alone: tab.save.is_some(),
    };
    map.file.tabs.iter().map(tab).collect()
}

/// What the form, the summary, the commit and the confirmed exception must show for `record`.
///
/// # Errors
///
/// [`PlanError`] when map and record do not fit: a value is missing, has no word in the portal, or cannot be held.
pub fn plan(map: &SelectorMap, record: &ChangeRecord) -> Result<FormPlan, PlanError> {
    let planner = Planner { record, wording: Wording { zone: &map.zone } };
    let tabs = map
        .file
        .tabs
        .iter()
        .map(|tab| {
            let fields = planner.fields(&tab.fields)?;
            let files = planner.files(tab);
            let (after_save, saved_alone) = (tab.after_save, tab.save.is_some());
            Ok(PlannedTab { id: tab.id.get_ref().clone(), fields, files, after_save, saved_alone })
        })
        .collect::<Result<Vec<_>, PlanError>>()?;
    let homed = |role| tabs.iter().flat_map(|tab: &PlannedTab| &tab.files).any(|file| &file.role == role);
    if let Some(file) = record.exception.attachments.iter().find(|file| !homed(&file.role)) {
        return Err(PlanError::HomelessAttachment(file.role.to_string()));
    }
    let commit =
        map.file.commit.parameters.iter().filter_map(|declared| parameter(declared, &tabs, &planner)).collect();
    Ok(FormPlan {
        review: planner.page(&map.file.review, map)?,
        recheck: planner.page(&map.file.recheck, map)?,
        submitted: planner.page(&map.file.confirmation.submitted, map)?,
        commit,
        tabs,
    })
}
