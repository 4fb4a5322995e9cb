//! The nouns of the product: what a change record says, what a portal showed, what a form should hold.
//!
//! Nothing here performs I/O or reads a clock, and nothing here imports another module of the crate.

pub mod banner;
pub mod browser;
pub mod calendar;
pub mod details;
pub mod digest;
pub mod form;
pub mod freeze_policy;
pub mod freeze_terms;
pub mod gates;
pub mod ids;
pub mod observed;
pub mod packet;
pub mod parsed;
pub mod portal_facts;
pub mod private;
pub mod record;
pub mod residue;
pub(crate) mod server_clock;
pub mod shown;
pub mod strict_json;
pub mod text;
pub mod time;
