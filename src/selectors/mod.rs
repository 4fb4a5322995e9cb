//! Selector maps: how one portal is worked, written down in `selectors/NAME.toml`.
//!
//! [`schema`] holds the shapes, [`read`] reads and checks a file and points at the line that is wrong, [`requests`] matches
//! requests against the declared ones, [`kinds`] says how controls are worked that are more than plain elements, `places` in
//! which frames locators look, [`plan`] applies a map to a change record. Imports only `model` and `diagnostic`.

pub mod kinds;
pub mod locator;
pub mod overrides;
pub(crate) mod paths;
mod places;
pub mod plan;
pub mod read;
pub mod requests;
pub mod schema;
mod shapes;
pub(crate) mod skeleton;
pub(crate) mod tried;
mod unfilled;
mod wording;
