//! Real user input: keys for text, clicks for choices, and leaving the control afterwards.

use super::WebPortal;
use super::ask::{Answer, Handles};
use crate::model::form::{FormValue, PlannedField, PlannedTab, WidgetKind};
use crate::model::observed::{Found, ObservedControl};
use crate::portal::PortalError;

/// WebDriver's code for the Tab key: the one key that the agent itself ever presses. Values never hold such codes.
const TAB: &str = "\u{E004}";

impl WebPortal {
    /// Enters every field of a tab that does not hold its value yet. What cannot be entered is left to the read-back.
    pub(super) async fn enter_fields(&self, tab: &PlannedTab, seen: &Answer) -> Result<(), PortalError> {
        for field in &tab.fields {
            let (Found::One(control), Some(handles)) = (seen.found(field), seen.handles(&field.id)) else { continue };
            if control.value != field.value && control.editable {
                self.enter(field, &control, &handles).await?;
            }
        }
        Ok(())
    }

    async fn enter(&self, field: &PlannedField, now: &ObservedControl, at: &Handles) -> Result<(), PortalError> {
        let wire = &self.wire;
        match (field.widget, field.value.expose()) {
            (WidgetKind::File | WidgetKind::ReadOnly, _) => {}
            (WidgetKind::Text | WidgetKind::LongText | WidgetKind::Number, FormValue::Text(text)) => {
                if !now.value.expose().is_blank() {
                    wire.clear(&at.element).await?;
                }
                wire.keys(&at.element, &format!("{text}{TAB}")).await?;
            }
            (WidgetKind::Date | WidgetKind::Time | WidgetKind::DateTime, FormValue::Text(text)) => {
                // Drivers take these in their ISO form, whatever the browser's language shows.
                if !now.value.expose().is_blank() {
                    wire.clear(&at.element).await?;
                }
                wire.keys(&at.element, text).await?;
            }
            (WidgetKind::Select | WidgetKind::Radio, _) => {
                if let [option] = at.options.as_slice() {
                    wire.click(option).await?;
                }
            }
            (WidgetKind::MultiSelect, FormValue::Choices(_)) => {
                for option in &at.options {
                    wire.click(option).await?;
                }
            }
            (WidgetKind::Checkbox, _) => wire.click(&at.element).await?,
            // The plan gives these widgets values of their own kind alone.
            (
                WidgetKind::Text
                | WidgetKind::LongText
                | WidgetKind::Number
                | WidgetKind::Date
                | WidgetKind::Time
                | WidgetKind::DateTime
                | WidgetKind::MultiSelect,
                FormValue::Text(_) | FormValue::Choices(_) | FormValue::Checked(_),
            ) => {}
        }
        Ok(())
    }
}
