//! The note that an earlier run wrote, shown only as far as it is what the run wrote.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::finish::{TAKEOVER, TAKEOVER_TEXT};
use crate::evidence::check::{Depth, Flaw, flaws, listed};
use crate::evidence::history::History;
use crate::evidence::shared::{SharedStore, StoreError};
use crate::evidence::store::MANIFEST;

/// What is known of a run's note.
#[derive(Debug)]
pub(crate) enum WrittenNote {
    /// It is what the run wrote, as far as its manifest tells.
    Whole {
        /// For people.
        text: String,
        /// For programs.
        document: Value,
        /// What else of the evidence is not as the run wrote it.
        flaws: Vec<Flaw>,
    },
    /// It is there, and no manifest says what it should be: the run was not sealed, or is still going on.
    Unsealed {
        /// For people.
        text: String,
    },
    /// It is not what the run wrote.
    Altered(Vec<Flaw>),
    /// The run left none.
    None,
}

/// The evidence of a run, on this host or in the store.
struct Place<'a> {
    folder: PathBuf,
    key: String,
    shared: &'a SharedStore,
}

impl Place<'_> {
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match std::fs::read(self.folder.join(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(_) => self.shared.read(&format!("{}/{name}", self.key)).await,
        }
    }
}

/// The note of the run with this history.
///
/// # Errors
///
/// [`StoreError`] when the store does not answer.
pub(crate) async fn written_note(
    shared: &SharedStore,
    evidence: &Path,
    history: &History,
) -> Result<WrittenNote, StoreError> {
    let opening = &history.opening;
    let key = format!("{}/{}", opening.change, opening.run);
    let place = Place { folder: evidence.join(&key), key, shared };
    let (text, document) = (place.read(TAKEOVER_TEXT).await?, place.read(TAKEOVER).await?);
    let (Some(text), Some(document)) = (text, document) else { return Ok(WrittenNote::None) };
    let shown = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let Some(manifest) = place.read(MANIFEST).await? else { return Ok(WrittenNote::Unsealed { text: shown(&text) }) };
    let altered = [(TAKEOVER_TEXT, &text), (TAKEOVER, &document)];
    let altered = altered.into_iter().filter_map(|(name, bytes)| listed(&manifest, name, bytes).err());
    let altered: Vec<Flaw> = altered.collect();
    if !altered.is_empty() {
        return Ok(WrittenNote::Altered(altered));
    }
    let flaws = if place.folder.is_dir() { flaws(&place.folder, Depth::Whole) } else { Vec::new() };
    let document = serde_json::from_slice(&document).unwrap_or_default();
    Ok(WrittenNote::Whole { text: shown(&text), document, flaws })
}
