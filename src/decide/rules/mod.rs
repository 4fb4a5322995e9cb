//! One function a rule. Each returns the reasons it found, empty when it is content.

pub mod approvals;
pub(crate) mod clocks;
pub mod commit;
pub mod confirmation;
pub mod controls;
pub(crate) mod differences;
pub mod exceptions;
pub mod files;
pub mod freeze;
pub mod record;
pub mod resumption;
pub mod values;
