//! What may be kept of what a portal sent.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use crate::model::time::Instant;

/// Everything that may be kept. What is not in here is replaced, whatever it looks like.
#[derive(Debug, Clone, Default)]
pub struct Permission {
    /// Texts that may be kept: whole values, and wordings that the selector map declares.
    pub phrases: BTreeSet<String>,
    /// Texts with their stand-ins. They are replaced wherever they stand as whole phrases, the longest first, before
    /// anything else is looked at.
    pub pairs: Vec<(String, String)>,
    /// Wordings declared as regular expressions. What they match in a text is kept.
    pub patterns: Vec<Regex>,
    /// Words that may be kept in names: ids, classes, paths, names of parameters. `window_end` permits the whole alone,
    /// and neither `window` nor `end`.
    pub names: BTreeSet<String>,
    /// A list of CSS selectors. Text inside the elements that it selects is the portal's own wording, and is kept.
    pub wording: Option<String>,
    /// Origins that may be kept, as `https://host` or `https://host:port`, each with what stands for it.
    pub origins: BTreeMap<String, String>,
    /// First and last moment of the run. Times with an offset that lie between them are kept.
    pub span: Option<(Instant, Instant)>,
}

/// Why nothing can be scrubbed with a [`Permission`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScrubError {
    /// The wording is not CSS.
    #[error("{0:?} is not a list of CSS selectors")]
    Selector(String),
    /// More phrases than can be searched for at once.
    #[error("the permitted phrases cannot be searched for: {0}")]
    Phrases(String),
}
