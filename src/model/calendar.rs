//! The freeze calendar: blackouts, and the exception categories each admits.

use serde::{Deserialize, Serialize};

use super::ids::BlackoutId;
use super::time::ChangeWindow;

/// A period in which production changes are frozen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Blackout {
    /// Identifier, unique in the calendar.
    pub id: BlackoutId,
    /// When it holds.
    pub window: ChangeWindow,
    /// Exception categories that the calendar itself lets be excepted from it; the freeze policy may admit more.
    pub admits: Vec<String>,
    /// Kinds of blackout that the freeze policy may refer to, for instance the categories of a calendar's event.
    pub kinds: Vec<String>,
    /// Environments that it freezes; every one when none is named.
    pub environments: Vec<String>,
}

/// All blackouts, read whole.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
