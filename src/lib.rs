//! Submits one approved change-freeze exception to a browser-only governance portal, at most once.
pub mod cli;
pub mod decide;
pub mod diagnostic;
pub mod evidence;
pub mod gateway;
pub mod mask;
pub mod model;
pub mod portal;
pub mod reference_portal;
pub mod run;
pub mod selectors;
pub mod sources;
