//! Whether the evidence of a run is what the run wrote: the manifest over its files, the seal over that, the chain of its journal,
//! and one outcome. Files are read in pieces, those of many runs side by side.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::documents::MANIFEST_SCHEMA;
use super::history::{BrokenJournal, History};
use super::journal::JOURNAL;
use super::observations::OBSERVATIONS;
use super::outcome::Outcome;
use super::readings::APPROVALS;
use super::store::{MANIFEST, SCREENSHOTS, SEAL};
use super::tombstone::{TOMBSTONE, TOMBSTONE_SEAL, Tombstone};
use crate::model::digest::Digest;
use crate::model::ids::{PersonId, RunId};
use crate::seal::envelope::{Envelope, EnvelopeError};
use crate::seal::key::VerifyingKey;

/// How much of it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What decisions are judged again from, and how the run ended.
    Judged,
    /// Every file.
    Whole,
}

/// What is not as the run wrote it.
#[derive(Debug, thiserror::Error)]
pub enum Flaw {
    /// There is no manifest, though there is a run.
    #[error("{MANIFEST} is missing: the run was not sealed, or it was removed")]
    NoManifest,
    /// A file cannot be read.
    #[error("{0} cannot be read: {1}")]
    Unreadable(String, String),
    /// A file of the manifest is gone.
    #[error("{0} is missing, and {MANIFEST} names it")]
    Missing(String),
    /// A file has other bytes than the manifest says.
    #[error("{0} is not the file that {MANIFEST} names: it was changed")]
    Altered(String),
    /// A file that the manifest does not name.
    #[error("{0} is not in {MANIFEST}: it was added")]
    Added(String),
    /// The manifest has other bytes than a run writes.
    #[error("{MANIFEST} was changed: {0}")]
    Manifest(String),
    /// The seal is not one over this evidence.
    #[error("{0} {1}")]
    Seal(&'static str, String),
    /// A key was given, and there is no seal.
    #[error("{0} is missing: nothing was signed, or it was removed")]
    NotSigned(&'static str),
    /// What tells of removed evidence is not as it was written.
    #[error("{TOMBSTONE} {0}")]
    Tombstone(String),
    /// The journal's chain is broken.
    #[error("{JOURNAL}: {0}")]
    Journal(#[from] BrokenJournal),
    /// The journal stops before the run's end.
    #[error("{JOURNAL} stops before the run ended: lines were removed")]
    CutOff,
    /// Two files name different runs.
    #[error("{0} is of run {1}, and {MANIFEST} of run {2}")]
    OtherRun(&'static str, RunId, RunId),
    /// Two files tell different ends.
    #[error("run.json says {}, and {JOURNAL} {}", .0.as_str(), .1.as_str())]
    Outcome(Outcome, Outcome),
}

/// Who signed the seal over the evidence of a run, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "signature", rename_all = "kebab-case")]
pub enum SealedBy {
    /// Nobody.
    Nobody,
    /// A key of this name says so; the signature was not verified, for want of the key.
    Unverified { keyid: String },
    /// The key that was given.
    Verified { keyid: String },
    /// Not the key that was given, or the seal is not this evidence's.
    Refused,
}

/// What was found of one run.
#[derive(Debug)]
pub struct Checked {
    /// What is not as the run wrote it; nothing when all of it is.
    pub flaws: Vec<Flaw>,
    pub sealed_by: SealedBy,
    /// Who removed the evidence, where its time was over.
    pub pruned_by: Option<PersonId>,
}

/// `manifest.json`, read strictly.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    schema: String,
    run_id: RunId,
    files: BTreeMap<String, Listed>,
}

#[derive(Clone, Copy, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    sha256: Digest,
    size: u64,
}

#[derive(Deserialize)]
struct Ended {
    run_id: RunId,
    outcome: Outcome,
}

const RUN: &str = "run.json";

/// Whether a folder is the evidence of a run, and not a recording of one.
pub(crate) fn is_of_a_run(folder: &Path) -> bool {
    [MANIFEST, JOURNAL, RUN].iter().any(|name| folder.join(name).is_file())
}

impl Sealed {
    /// Reads a manifest, and tells whether it stands there byte for byte as a run writes it.
    fn read(bytes: &[u8]) -> Result<(Self, bool), Flaw> {
        let changed = |why: String| Flaw::Manifest(why);
        let sealed: Self = serde_json::from_slice(bytes).map_err(|error| changed(error.to_string()))?;
        if sealed.schema != MANIFEST_SCHEMA {
            return Err(changed(format!("it is of schema {:?}", sealed.schema)));
        }
        let plain = |name: &String| Path::new(name).components().all(|part| matches!(part, Component::Normal(_)));
        if let Some(name) = sealed.files.keys().find(|name| !plain(name)) {
            return Err(changed(format!("{name:?} is no path below the run's folder")));
        }
        let mut written = serde_json::to_vec_pretty(&sealed).map_err(|error| changed(error.to_string()))?;
        written.push(b'\n');
        Ok((sealed, written == bytes))
    }

    fn of(folder: &Path) -> Result<(Self, Vec<u8>, bool), Flaw> {
        let bytes = fs::read(folder.join(MANIFEST)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Flaw::NoManifest,
            _ => unreadable(MANIFEST, &error),
        })?;
        let (sealed, as_written) = Self::read(&bytes)?;
        Ok((sealed, bytes, as_written))
    }
}

/// Whether `bytes` are the file `name` of this manifest.
///
/// # Errors
///
/// The [`Flaw`] that it is another one, or that the manifest does not name it.
pub(crate) fn listed(manifest: &[u8], name: &str, bytes: &[u8]) -> Result<(), Flaw> {
    let (sealed, _) = Sealed::read(manifest)?;
    let listed = sealed.files.get(name).ok_or_else(|| Flaw::Added(name.to_owned()))?;
    let same = (Digest::of(bytes), bytes.len() as u64) == (listed.sha256, listed.size);
    if same { Ok(()) } else { Err(Flaw::Altered(name.to_owned())) }
}

/// Everything about the evidence in `folder` that is not as its run wrote it; nothing when all of it is.
pub fn flaws(folder: &Path, depth: Depth) -> Vec<Flaw> {
    let folders = [folder.to_owned()];
    verify(&folders, depth, None, NonZeroUsize::MIN).pop().map(|checked| checked.flaws).unwrap_or_default()
}

/// The same of many runs, with `jobs` files read at a time, and who sealed each: `key`, where one is given.
pub fn verify(folders: &[PathBuf], depth: Depth, key: Option<&VerifyingKey>, jobs: NonZeroUsize) -> Vec<Checked> {
    let manifests: Vec<_> = folders.iter().map(|folder| (Sealed::of(folder), Tombstone::of(folder))).collect();
    let mut files = Vec::new();
    for (at, (manifest, stone)) in manifests.iter().enumerate() {
        if matches!(stone, Ok(Some(_))) {
            continue;
        }
        let listed = manifest.iter().flat_map(|(sealed, ..)| &sealed.files);
        files.extend(listed.filter(|(name, _)| depth.looks_at(name)).map(|(name, listed)| (at, name, *listed)));
    }
    // The longest first, so that none is left over when the others are done.
    files.sort_by_key(|(_, _, listed)| std::cmp::Reverse(listed.size));
    let found = side_by_side(&files, jobs, |(at, name, listed)| {
        let folder = folders.get(*at)?;
        differs(folder, name, *listed).map(|flaw| (*at, (*name).clone(), flaw))
    });
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    let mut found = found.into_iter().peekable();
    let mut all = Vec::with_capacity(folders.len());
    for (at, (folder, (manifest, stone))) in folders.iter().zip(manifests).enumerate() {
        let mut flaws = Vec::new();
        while let Some((_, _, flaw)) = found.next_if(|(other, _, _)| *other == at) {
            flaws.push(flaw);
        }
        let refused = |flaw| Checked { flaws: vec![flaw], sealed_by: SealedBy::Refused, pruned_by: None };
        all.push(match (manifest, stone) {
            (Err(flaw), _) => refused(flaw),
            (Ok(_), Err(why)) => refused(Flaw::Tombstone(why)),
            (Ok((sealed, bytes, as_written)), Ok(Some(stone))) => {
                pruned(folder, &sealed, &bytes, as_written, &stone, key)
            }
            (Ok((sealed, bytes, as_written)), Ok(None)) => {
                let otherwise = "it is not written as a run writes it";
                flaws.extend((!as_written).then(|| Flaw::Manifest(otherwise.to_owned())));
                flaws.extend(added(folder, &sealed.files, &[MANIFEST, SEAL, SCREENSHOTS]));
                flaws.extend(ending(folder, &sealed.run_id));
                let mut ours: BTreeMap<String, Digest> =
                    sealed.files.iter().map(|(name, listed)| (name.clone(), listed.sha256)).collect();
                ours.insert(MANIFEST.to_owned(), Digest::of(&bytes));
                let sealed_by = seal(folder, SEAL, &sealed.run_id, &ours, key).unwrap_or_else(|flaw| {
                    flaws.push(flaw);
                    SealedBy::Refused
                });
                Checked { flaws, sealed_by, pruned_by: None }
            }
        });
    }
    all
}

/// What `act` makes of every item, `jobs` of them at a time; in no order.
fn side_by_side<T: Sync, R: Send>(items: &[T], jobs: NonZeroUsize, act: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let work = || {
        let mut own = Vec::new();
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            own.push(act(item));
        }
        done.lock().unwrap_or_else(PoisonError::into_inner).extend(own);
    };
    std::thread::scope(|scope| {
        for _ in 1..jobs.get().min(items.len()) {
            scope.spawn(work);
        }
        work();
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

impl Depth {
    fn looks_at(self, name: &str) -> bool {
        match self {
            Self::Whole => true,
            Self::Judged => [APPROVALS, OBSERVATIONS, JOURNAL, RUN].contains(&name),
        }
    }
}

fn unreadable(name: &str, error: &dyn std::error::Error) -> Flaw {
    Flaw::Unreadable(name.to_owned(), error.to_string())
}

/// Whether a file is another than the manifest names. Nothing but a plain file is opened: a link could lead anywhere.
fn differs(folder: &Path, name: &str, listed: Listed) -> Option<Flaw> {
    let path = folder.join(name);
    let opened = fs::symlink_metadata(&path)
        .and_then(|found| if found.is_file() { File::open(&path).map(Some) } else { Ok(None) });
    match opened.and_then(|file| file.map(Digest::of_reader).transpose()) {
        Ok(Some(is)) if is == (listed.sha256, listed.size) => None,
        Ok(Some(_) | None) => Some(Flaw::Altered(name.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Flaw::Missing(name.to_owned())),
        Err(error) => Some(unreadable(name, &error)),
    }
}

/// Whatever lies in the folder and is not of the run.
fn added(folder: &Path, listed: &BTreeMap<String, Listed>, known: &[&str]) -> Vec<Flaw> {
    let mut found = Vec::new();
    for below in ["", SCREENSHOTS] {
        let Ok(entries) = fs::read_dir(folder.join(below)) else { continue };
        let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let names = names.map(|name| if below.is_empty() { name } else { format!("{below}/{name}") });
        found.extend(names.filter(|name| !known.contains(&name.as_str()) && !listed.contains_key(name)));
    }
    found.sort_unstable();
    found.into_iter().map(Flaw::Added).collect()
}

/// What is left of a run whose time was over: its manifest, and who removed the rest.
fn pruned(
    folder: &Path,
    sealed: &Sealed,
    manifest: &[u8],
    as_written: bool,
    (stone, bytes): &(Tombstone, Vec<u8>),
    key: Option<&VerifyingKey>,
) -> Checked {
    let own = Digest::of(manifest);
    let mut flaws = added(folder, &BTreeMap::new(), &[MANIFEST, SEAL, TOMBSTONE, TOMBSTONE_SEAL]);
    if !as_written || stone.manifest != own || stone.run_id != sealed.run_id {
        flaws.push(Flaw::Tombstone(format!("is not of this run, or {MANIFEST} was changed")));
    }
    let ours = BTreeMap::from([(MANIFEST.to_owned(), own), (TOMBSTONE.to_owned(), Digest::of(bytes))]);
    let sealed_by = seal(folder, TOMBSTONE_SEAL, &sealed.run_id, &ours, key).unwrap_or_else(|flaw| {
        flaws.push(flaw);
        SealedBy::Refused
    });
    Checked { flaws, sealed_by, pruned_by: Some(stone.by.clone()) }
}

/// Who signed the seal in the file `name`; an error where it is not one over `ours`.
fn seal(
    folder: &Path,
    name: &'static str,
    run: &RunId,
    ours: &BTreeMap<String, Digest>,
    key: Option<&VerifyingKey>,
) -> Result<SealedBy, Flaw> {
    let bytes = match fs::read(folder.join(name)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return if key.is_some() { Err(Flaw::NotSigned(name)) } else { Ok(SealedBy::Nobody) };
        }
        Err(error) => return Err(unreadable(name, &error)),
    };
    let refused = |why: &str| Flaw::Seal(name, why.to_owned());
    let broken = |error: EnvelopeError| Flaw::Seal(name, error.to_string());
    let (envelope, statement) = Envelope::read(&bytes).map_err(broken)?;
    if statement.predicate.run != *run {
        return Err(Flaw::Seal(name, format!("is of run {}", statement.predicate.run)));
    }
    let named = statement.subject.iter().map(|subject| Some((subject.name.clone(), subject.digest()?)));
    let named: Option<BTreeMap<String, Digest>> = named.collect();
    if named.as_ref() != Some(ours) || statement.subject.len() != ours.len() {
        return Err(refused("is over other files than these"));
    }
    let [signature] = envelope.signatures.as_slice() else { return Err(refused("has not one signature")) };
    let keyid = signature.keyid.clone();
    let Some(key) = key else { return Ok(SealedBy::Unverified { keyid }) };
    let signed = envelope.signed_bytes().map_err(broken)?;
    if keyid != key.id() {
        return Err(Flaw::Seal(name, format!("was signed with another key, {keyid}")));
    }
    if signature.bytes().is_some_and(|bytes| key.verifies(&signed, &bytes)) {
        Ok(SealedBy::Verified { keyid })
    } else {
        Err(refused("has a signature that this key did not make"))
    }
}

/// Whether journal, run document and manifest are of one run, and tell one end.
fn ending(folder: &Path, sealed: &RunId) -> Vec<Flaw> {
    let told = || -> Result<(), Flaw> {
        let bytes = fs::read(folder.join(JOURNAL)).map_err(|error| unreadable(JOURNAL, &error))?;
        let history = History::read(&bytes)?.history.ok_or(Flaw::CutOff)?;
        let bytes = fs::read(folder.join(RUN)).map_err(|error| unreadable(RUN, &error))?;
        let run: Ended = serde_json::from_slice(&bytes).map_err(|error| unreadable(RUN, &error))?;
        for (name, id) in [(JOURNAL, &history.opening.run), (RUN, &run.run_id)] {
            if id != sealed {
                return Err(Flaw::OtherRun(name, id.clone(), sealed.clone()));
            }
        }
        match history.outcome {
            None => Err(Flaw::CutOff),
            Some(outcome) if outcome != run.outcome => Err(Flaw::Outcome(run.outcome, outcome)),
            Some(_) => Ok(()),
        }
    };
    told().err().into_iter().collect()
}

#[cfg(test)]
mod tests;
