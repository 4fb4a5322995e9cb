//! Judges what past runs recorded once more, without a browser, by today's rules or under another approval policy.
//!
//! [`bundle`] takes the texts of one run's `observations.jsonl` and `approvals.json`; `line`, `reading` and `packet` rebuild
//! from each record the facts that were judged and hand them to the same functions of `decide` that judged them then;
//! `wording` gives banners the meaning that they had. There is no second implementation of any rule. Hidden values are known by
//! their digest alone: equal digests are equal values. Pure; `cli` reads the files.

pub mod bundle;
mod line;
mod packet;
mod reading;
mod text;
mod wording;
