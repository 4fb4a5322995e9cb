//! A run: stages over the portal, the gateway, the sources and the clock. It holds no rules.
//!
//! [`order`] is what is asked for, [`launch`] joins everything over [`ports`], [`claim`] says who may work on a change. [`flow`]
//! holds the order of stages: `stages` go from the proof of the path to the review, `resume` goes on from an earlier run's
//! draft, `commit` goes through the one release, `confirm` looks it up, `settle` says what becomes of a draft on a halt,
//! `hand_over` leaves the browser to a person. [`books`] is what a run writes down, [`finish`] its documents.

mod alarms;
pub mod books;
pub mod claim;
pub mod clock;
mod commit;
mod confirm;
pub mod facts;
pub mod finish;
pub mod flow;
mod hand_over;
pub mod interrupt;
pub mod launch;
pub mod note;
pub mod order;
pub mod ports;
pub mod private;
pub mod process;
mod resume;
pub mod session;
mod settle;
mod stages;
pub mod takeover;
