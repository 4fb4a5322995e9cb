//! What controls hold: how a moment is written in them, which options one must offer.

use crate::model::form::{FormValue, WidgetKind};

/// How a control holds a moment on the wire, where HTML prescribes it.
pub(super) fn wire_format(widget: WidgetKind) -> Option<&'static str> {
    match widget {
        WidgetKind::Date => Some("%Y-%m-%d"),
        WidgetKind::Time => Some("%H:%M"),
        WidgetKind::DateTime => Some("%Y-%m-%dT%H:%M"),
        WidgetKind::Text
        | WidgetKind::LongText
        | WidgetKind::Select
        | WidgetKind::MultiSelect
        | WidgetKind::Checkbox
        | WidgetKind::Radio
        | WidgetKind::Number
        | WidgetKind::File
        | WidgetKind::ReadOnly => None,
    }
}

/// The options that a control must at least offer to hold a value.
pub(super) fn options(widget: WidgetKind, value: &FormValue) -> Vec<String> {
    match widget {
        WidgetKind::Select | WidgetKind::Radio => match value {
            FormValue::Text(text) if !text.is_empty() => vec![text.clone()],
            FormValue::Text(_) | FormValue::Choices(_) | FormValue::Checked(_) => Vec::new(),
        },
        WidgetKind::MultiSelect => match value {
            FormValue::Choices(choices) => choices.iter().cloned().collect(),
            FormValue::Text(_) | FormValue::Checked(_) => Vec::new(),
        },
        WidgetKind::Text
        | WidgetKind::LongText
        | WidgetKind::Checkbox
        | WidgetKind::Date
        | WidgetKind::Time
        | WidgetKind::DateTime
        | WidgetKind::Number
        | WidgetKind::File
        | WidgetKind::ReadOnly => Vec::new(),
    }
}
