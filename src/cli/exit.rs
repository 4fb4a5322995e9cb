//! Exit codes, and which outcome has which.

use std::process::ExitCode;

use crate::evidence::outcome::Outcome;

/// Exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, or yes.
    Yes,
    /// 1: halted, or no.
    No,
    /// 2: the input is wrong; nothing was touched.
    Input,
    /// 3: in doubt.
    Doubt,
    /// 4: browser, driver, gateway, portal or source did not answer.
    Environment,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Yes => 0,
            Self::No => 1,
            Self::Input => 2,
            Self::Doubt => 3,
            Self::Environment => 4,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Submitted | Outcome::AlreadySubmitted | Outcome::DraftSaved => Self::Yes,
            Outcome::HaltedDraft | Outcome::HaltedAbandoned => Self::No,
            Outcome::InDoubt => Self::Doubt,
            Outcome::Environment => Self::Environment,
        }
    }
}
