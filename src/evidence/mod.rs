//! What a run leaves behind, and what later runs learn from it.
//!
//! [`store`] writes the files of a run, [`journal`] chains its events and knows which may follow which, [`history`] reads a
//! journal back, [`documents`] are the shapes, and [`observations`] and [`readings`] those that can be judged again. [`shared`] is what several hosts agree on: [`claims`], one run at a time for a
//! change, and [`copies`] of journals, by which another host takes over.

pub mod check;
pub mod claims;
pub mod copies;
pub mod documents;
pub mod figures;
pub mod history;
pub mod journal;
pub mod observations;
pub mod outcome;
pub mod packet_view;
pub mod readings;
pub mod shared;
pub mod store;
pub mod tombstone;
