//! The pure core: facts in, [`Verdict`](verdict::Verdict) out.
//!
//! No file, network, async, clock or randomness; time is an argument. A halt is a result. Every halt code that concerns the
//! record, the approvals, the freeze and the portal's values has a function of its own under [`rules`]; [`reconcile`] says
//! which rules judge which stage; [`recheck`] gives the proof without which nothing is released; [`recovery`] says what may follow
//! a run that died. Imports only `model` and
//! `freeze_mode`.

pub mod advice;
pub mod policy;
pub mod recheck;
pub mod reconcile;
pub mod recovery;
pub mod rules;
pub mod verdict;
