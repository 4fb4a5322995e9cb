//! A run: stages over the portal, the gateway, the sources and the clock. It holds no rules.
//!
//! [`flow`] holds the order, `stages` go from the proof of the path to the review, `commit` through the one release, `settle`
//! says what becomes of a draft on a halt, [`finish`] writes the documents, [`launch`] joins everything.

pub mod advice;
pub mod books;
pub mod claim;
mod commit;
pub mod finish;
pub mod flow;
pub mod interrupt;
pub mod launch;
pub mod note;
pub mod session;
mod settle;
mod stages;
