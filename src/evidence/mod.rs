//! What a run leaves behind: masked documents and pictures, a hash-chained journal, a manifest over all of it.
//!
//! [`store`] writes files, [`journal`] chains events and knows which may follow which, [`documents`] are the shapes.

pub mod documents;
pub mod journal;
pub mod store;
