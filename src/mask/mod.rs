//! Shows by permission: what the selector map does not declare showable leaves the process only as a keyed digest.
//!
//! [`masked::Masked`] has a private constructor, and the evidence writer takes nothing else, so that forgetting to mask does
//! not compile. Imports only `model` and the verdict types.

pub mod drawing;
pub mod masked;
pub mod picture;
pub mod views;
