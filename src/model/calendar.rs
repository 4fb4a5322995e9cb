//! The freeze calendar: blackouts, and the exception categories each admits.

use super::ids::BlackoutId;
use super::time::ChangeWindow;

/// A period in which production changes are frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blackout {
    /// Identifier, unique in the calendar.
    pub id: BlackoutId,
    /// When it holds.
    pub window: ChangeWindow,
    /// Exception categories that may be excepted from it.
    pub admits: Vec<String>,
}

/// All blackouts, read whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FreezeCalendar {
    /// Blackouts in the order of the file.
    pub blackouts: Vec<Blackout>,
}

impl FreezeCalendar {
    /// The blackout of this identifier.
    pub fn get(&self, id: &BlackoutId) -> Option<&Blackout> {
        self.blackouts.iter().find(|blackout| &blackout.id == id)
    }
}
