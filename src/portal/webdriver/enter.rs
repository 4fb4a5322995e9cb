//! Real user input: keys for text, clicks for choices, and leaving the control afterwards.

use super::WebPortal;
use super::answer::{Handles, PageSnapshot};
use super::wire::{ElementRef, WireError};
use crate::model::browser::BrowserKind;
use crate::model::form::{FormValue, PlannedField, PlannedTab, WidgetKind};
use crate::model::observed::{Found, ObservedControl};
use crate::portal::PortalError;
use crate::selectors::read::form_field;

/// WebDriver's code for the backspace key. With [`RIGHT`] the only keys that the agent itself presses; values never hold such
/// codes.
const BACKSPACE: &str = "\u{E003}";
/// WebDriver's code for the right arrow, which moves on inside a day or time.
const RIGHT: &str = "\u{E014}";

/// The keys for a day or a time, given in its ISO form.
///
/// Firefox's driver takes the ISO form of a day and of a time, though not of both; everything else is typed key by key into
/// the parts that the control shows, in American order, since the browser is started in that language. Firefox moves on to
/// the hour by itself, Chromium waits for the arrow. Whatever comes of it is read back.
fn day_or_time_keys(browser: BrowserKind, iso: &str) -> String {
    match browser {
        BrowserKind::Firefox if !iso.contains('T') => iso.to_owned(),
        BrowserKind::Firefox | BrowserKind::Chromium => {
            let day = |day: &str| {
                let parts: Vec<&str> = day.split('-').collect();
                match parts.as_slice() {
                    [year, month, day] => format!("{month}{day}{year}"),
                    _ => day.to_owned(),
                }
            };
            let time = |time: &str| match time.split_once(':').and_then(|(h, m)| Some((h.parse::<u8>().ok()?, m))) {
                Some((hour, minute)) => {
                    let half = if hour < 12 { "AM" } else { "PM" };
                    format!("{:02}{minute}{half}", if hour % 12 == 0 { 12 } else { hour % 12 })
                }
                None => time.to_owned(),
            };
            match iso.split_once('T') {
                Some((date, clock)) => {
                    let onward = if browser == BrowserKind::Chromium { RIGHT } else { "" };
                    format!("{}{onward}{}", day(date), time(clock))
                }
                None if iso.contains(':') => time(iso),
                None => day(iso),
            }
        }
    }
}

/// The error, with the field at which it came up.
fn named(field: &PlannedField, error: PortalError) -> PortalError {
    match error {
        PortalError::Browser(what) => PortalError::Browser(format!("field {}: {what}", field.id)),
        PortalError::Timeout(what) => PortalError::Timeout(format!("field {}: {what}", field.id)),
        PortalError::Missing(what) => PortalError::Missing(format!("field {}: {what}", field.id)),
        PortalError::NotOffered(what) => PortalError::NotOffered(format!("field {}: {what}", field.id)),
        PortalError::Ambiguous(what, count) => PortalError::Ambiguous(format!("field {}: {what}", field.id), count),
        PortalError::SessionLost
        | PortalError::SignInRefused
        | PortalError::Dialog(_)
        | PortalError::Unseen(_)
        | PortalError::Server
        | PortalError::UnreadableList(_)
        | PortalError::Unmaskable(_) => error,
    }
}

impl WebPortal {
    /// Enters every field of a tab that does not hold its value yet. What cannot be entered is left to the read-back.
    pub(super) async fn enter_fields(&mut self, tab: &PlannedTab, seen: &PageSnapshot) -> Result<(), PortalError> {
        for field in &tab.fields {
            let (Found::One(control), Some(handles)) = (self.found(field, seen), seen.handles(&field.id)) else {
                continue;
            };
            let declared = form_field(self.map(), &field.id).cloned();
            let kind = declared.as_ref().and_then(|declared| self.kind_of(declared)).cloned();
            if let (Some(declared), Some(kind)) = (declared, kind) {
                if control.value != field.value {
                    self.work(field, &declared, &kind, &control).await.map_err(|error| named(field, error))?;
                }
                continue;
            }
            if control.value != field.value && control.editable {
                self.enter(field, &control, &handles).await.map_err(|error| named(field, error))?;
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
                    wire.select_all(&at.element).await?;
                }
                wire.keys(&at.element, if text.is_empty() { BACKSPACE } else { text }).await?;
                wire.leave(&at.element).await?;
            }
            (WidgetKind::Date | WidgetKind::Time | WidgetKind::DateTime, FormValue::Text(text)) => {
                if text.is_empty() {
                    wire.clear(&at.element).await?;
                } else {
                    wire.keys(&at.element, &day_or_time_keys(self.config.browser, text)).await?;
                }
                wire.leave(&at.element).await?;
            }
            (WidgetKind::Select, _) => {
                if let [option] = at.options.as_slice() {
                    wire.choose(option).await?;
                }
            }
            (WidgetKind::Radio, _) => {
                if let [button] = at.options.as_slice() {
                    self.tick(button, at).await?;
                }
            }
            (WidgetKind::MultiSelect, FormValue::Choices(_)) => {
                for option in &at.options {
                    wire.choose(option).await?;
                }
            }
            (WidgetKind::Checkbox, _) => self.tick(&at.element, at).await?,
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

    /// Clicks a box or button. A styled one lies under its own label, or has no place: then that is what a person clicks.
    async fn tick(&self, element: &ElementRef, at: &Handles) -> Result<(), WireError> {
        match (self.wire.click(element).await, &at.label) {
            (Err(WireError::Covered | WireError::Unplaced), Some(label)) => self.wire.click(label).await,
            (clicked, _) => clicked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_are_typed_part_by_part_in_chromium() {
        let keys = |iso| day_or_time_keys(BrowserKind::Chromium, iso);
        assert_eq!(keys("2026-11-19"), "11192026");
        assert_eq!(keys("2026-12-04T00:05"), "12042026\u{E014}1205AM");
        assert_eq!(keys("13:30"), "0130PM");
        assert_eq!(day_or_time_keys(BrowserKind::Firefox, "13:30"), "13:30");
        assert_eq!(day_or_time_keys(BrowserKind::Firefox, "2026-12-04T00:05"), "120420261205AM");
    }
}
