//! The report of a run: one HTML file that needs nothing else, made of the run's own evidence and of nothing that is not in it.
//!
//! [`facts`] reads the evidence, [`reconciled`] sets approved, entered, stored and reviewed values side by side, [`timeline`] tells
//! the journal by stages, [`page`] writes the file with its [`tables`]. It holds no script, loads nothing, and all of its texts are escaped.

mod facts;
mod page;
mod reconciled;
mod tables;
pub(crate) mod timeline;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use self::facts::Facts;

/// Name of the file in a run's folder.
pub const REPORT: &str = "report.html";

/// How it looks.
pub(crate) const STYLE: &str = include_str!("style.css");

/// A piece of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// The bytes of this picture of the run, in base64.
    Picture(String),
}

/// Why there is no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file} cannot be read: {why}")]
pub struct ReportError {
    /// Which file of the evidence.
    pub file: &'static str,
    /// What is wrong with it.
    pub why: String,
}

/// The report, in pieces. `read` gives a file of the run's folder, `pictures` are their paths below it, and `flaws` what of all that
/// is known not to be as the run wrote it.
///
/// # Errors
///
/// [`ReportError`] when the run's document is missing or not of this version.
pub fn report(
    read: &dyn Fn(&str) -> Option<Vec<u8>>,
    pictures: &[String],
    flaws: &[String],
) -> Result<Vec<Piece>, ReportError> {
    Ok(page::page(&Facts::read(read, pictures, flaws)?))
}

/// A picture as a report holds it.
pub fn encoded(picture: &[u8]) -> String {
    STANDARD.encode(picture)
}
