//! One run's evidence judged again: what it decided then against what today's rules say.

use serde::{Deserialize, Serialize};

use super::line::{Line, LineError};
use super::reading::{Document, Judge, ReadingError};
use super::text::{Mark, Text};
use super::wording::observed;
use crate::decide::verdict::{FactSource, HaltCode, HaltReason, Stage, Verdict};
use crate::evidence::observations::{OBSERVATIONS, OBSERVATIONS_SCHEMA};
use crate::evidence::readings::{APPROVALS, APPROVALS_SCHEMA};

pub use super::reading::OtherPolicy;

/// What a run decided, judged again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejudged {
    pub run: String,
    /// Decisions that were judged again.
    pub decisions: u64,
    /// Decisions of which only the codes were recorded; they stand as they are.
    pub carried: u64,
    /// Those that come out otherwise.
    pub changes: Vec<Change>,
}

/// A decision that comes out otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// At which stage.
    pub stage: Stage,
    /// On which tab or page; `sources` for record, approvals and calendar.
    pub place: String,
    /// Codes then; none if the run went on.
    pub was: Vec<HaltCode>,
    /// Codes now.
    pub now: Vec<HaltCode>,
    /// Reasons of the codes that are new.
    pub reasons: Vec<NewReason>,
}

/// A reason that was none then. Its texts are those of the evidence: what was hidden there is hidden here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewReason {
    /// Which rule.
    pub code: HaltCode,
    /// What it is about.
    pub subject: String,
    /// What should have been.
    pub expected: String,
    /// What was.
    pub observed: String,
    /// Where the observation came from.
    pub source: FactSource,
}

/// Why a run's evidence cannot be judged again.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// Its shapes hold too little.
    #[error("{0}: recorded by an earlier version; its observations cannot be judged again")]
    Earlier(&'static str),
    /// Its shapes are of a version to come.
    #[error("{file}: its version is {schema:?}, which this program does not know")]
    Unknown {
        /// Which file.
        file: &'static str,
        /// What it says.
        schema: String,
    },
    /// A line or file ends too early.
    #[error("{file}:{line}: cut off")]
    CutOff {
        /// Which file.
        file: &'static str,
        /// Which line, from 1.
        line: usize,
    },
    /// Not of the shape that its version promises.
    #[error("{file}:{line}: {why}")]
    Malformed {
        /// Which file.
        file: &'static str,
        /// Which line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
    /// A line that cannot be judged.
    #[error("{OBSERVATIONS}:{line}: {why}")]
    Line {
        /// Which line, from 1.
        line: usize,
        #[source]
        why: LineError,
    },
    /// A reading that cannot be judged.
    #[error("{APPROVALS}: reading {place}: {why}")]
    Reading {
        /// Which reading, from 0.
        place: usize,
        #[source]
        why: ReadingError,
    },
    /// The two files are of different runs.
    #[error("{OBSERVATIONS} is of run {observations:?}, and {APPROVALS} of run {approvals:?}")]
    TwoRuns {
        /// The one.
        observations: String,
        /// The other.
        approvals: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head<'a> {
    #[serde(borrow)]
    schema: Text<'a>,
    #[serde(borrow)]
    run_id: Text<'a>,
}

/// Judges a run again. `observations` is none for a run that halted before it looked at the portal.
///
/// # Errors
///
/// [`Unreadable`], naming the file and, where there are lines, the line.
pub fn judge(observations: Option<&[u8]>, approvals: &[u8], other: &OtherPolicy) -> Result<Rejudged, Unreadable> {
    // Checked once: texts that are borrowed need not be checked one by one.
    let approvals = utf8(APPROVALS, approvals)?;
    let document: Document<'_> =
        serde_json::from_str(approvals).map_err(|error| misread(APPROVALS, APPROVALS_SCHEMA, approvals, 0, &error))?;
    known(APPROVALS, APPROVALS_SCHEMA, &document.schema)?;
    let mut rejudged = Rejudged { run: document.run_id.to_string(), ..Rejudged::default() };
    let mut readings = Judge::new(&document.readings, other);
    for (place, read) in document.readings.iter().enumerate() {
        let now = readings.judge(place).map_err(|why| Unreadable::Reading { place, why })?;
        rejudged.compare(read.stage, "sources", &read.verdict, now.as_ref());
    }
    if let Some(observations) = observations {
        rejudged.lines(utf8(OBSERVATIONS, observations)?)?;
    }
    Ok(rejudged)
}

impl Rejudged {
    fn lines(&mut self, observations: &str) -> Result<(), Unreadable> {
        if observations.is_empty() {
            return Err(Unreadable::CutOff { file: OBSERVATIONS, line: 1 });
        }
        for (number, text) in observations.split_inclusive('\n').enumerate() {
            let line = number + 1;
            let Some(text) = text.strip_suffix('\n') else {
                return Err(Unreadable::CutOff { file: OBSERVATIONS, line });
            };
            let wrong = |error| misread(OBSERVATIONS, OBSERVATIONS_SCHEMA, text, number, &error);
            if number == 0 {
                let head: Head<'_> = serde_json::from_str(text).map_err(wrong)?;
                known(OBSERVATIONS, OBSERVATIONS_SCHEMA, &head.schema)?;
                if *head.run_id != *self.run {
                    let (observations, approvals) = (head.run_id.to_string(), self.run.clone());
                    return Err(Unreadable::TwoRuns { observations, approvals });
                }
                continue;
            }
            let seen: Line<'_> = serde_json::from_str(text).map_err(wrong)?;
            let now = seen.judge().map_err(|why| Unreadable::Line { line, why })?;
            self.compare(seen.stage, &seen.place, &seen.verdict, now.as_ref());
        }
        Ok(())
    }

    fn compare(&mut self, stage: Stage, place: &str, was: &[HaltCode], now: Option<&Verdict>) {
        let Some(now) = now else {
            self.carried += 1;
            return;
        };
        self.decisions += 1;
        let reasons = now.reasons();
        // In which order rules speak means nothing.
        let mut rest = was.to_vec();
        let mut news: Vec<&HaltReason> = Vec::new();
        for reason in reasons {
            match rest.iter().position(|code| *code == reason.code) {
                Some(known) => drop(rest.swap_remove(known)),
                None => news.push(reason),
            }
        }
        if rest.is_empty() && news.is_empty() {
            return;
        }
        self.changes.push(Change {
            stage,
            place: place.to_owned(),
            was: was.to_vec(),
            now: now.codes(),
            reasons: news.into_iter().map(NewReason::of).collect(),
        });
    }
}

impl NewReason {
    fn of(reason: &HaltReason) -> Self {
        Self {
            code: reason.code,
            subject: reason.subject.clone(),
            expected: reason.expected.text().expose().clone(),
            observed: observed(reason).to_owned(),
            source: reason.source,
        }
    }
}

fn known(file: &'static str, ours: &str, schema: &str) -> Result<(), Unreadable> {
    if schema == ours { Ok(()) } else { Err(Unreadable::Unknown { file, schema: schema.to_owned() }) }
}

fn utf8<'a>(file: &'static str, bytes: &'a [u8]) -> Result<&'a str, Unreadable> {
    std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
        match error.error_len() {
            None => Unreadable::CutOff { file, line },
            Some(_) => Unreadable::Malformed { file, line, why: "not UTF-8 text".to_owned() },
        }
    })
}

/// Why `text`, `before` lines into its file, is not what it should be: the version first, for that explains the rest.
fn misread(file: &'static str, ours: &str, text: &str, before: usize, error: &serde_json::Error) -> Unreadable {
    let line = before + error.line().max(1);
    if error.is_eof() {
        return Unreadable::CutOff { file, line };
    }
    match serde_json::from_str::<Mark<'_>>(text) {
        Ok(Mark { schema: Some(schema) }) if *schema != *ours => {
            Unreadable::Unknown { file, schema: schema.to_string() }
        }
        Ok(Mark { schema: None }) if before == 0 => Unreadable::Earlier(file),
        Ok(Mark { .. }) | Err(_) => Unreadable::Malformed { file, line, why: error.to_string() },
    }
}
