//! A run: stages over the portal, the gateway, the sources and the clock. It holds no rules.
//!
//! [`order`] is what is asked for. [`launch`] carries it out in five steps: `prepare` reads and judges, [`claim`] admits it to its
//! change, [`ports`] open the portal, [`flow`] goes through the stages, [`finish`] writes and seals the documents; `ending` says what
//! follows for the claim. Of the stages, `stages` go from the proof of the path to the review, `resume` goes on from an earlier run's
//! draft, `commit` goes through the one release, `confirm` looks it up, `settle` says what becomes of a draft on a halt, `hand_over`
//! leaves the browser to a person. [`run_log`] is what a run writes down.

mod alarms;
pub mod claim;
pub mod clock;
mod commit;
mod confirm;
pub mod context;
mod ending;
mod entry;
pub mod facts;
pub mod finish;
pub mod flow;
mod hand_over;
pub mod interrupt;
pub mod launch;
pub mod note;
mod notify;
pub mod order;
pub mod ports;
mod prepare;
pub mod private;
pub mod process;
mod resume;
pub mod run_log;
pub mod session;
mod settle;
mod stages;
pub mod takeover;
pub mod watch;
pub(crate) mod written_note;
