//! That nothing can be done to the evidence of a run without being named.

use super::*;
use crate::evidence::documents::ManifestDocument;
use crate::evidence::journal::{Event, Journal, Opening};
use crate::evidence::store::EvidenceFolder;
use crate::mask::masked::MaskGate;
use crate::model::ids::ChangeId;
use crate::seal::envelope::Statement;
use crate::seal::key::SigningKey;
use crate::seal::sealer::Sealer;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";

struct Bundle {
    root: tempfile::TempDir,
    folder: PathBuf,
    key: VerifyingKey,
}

/// A small run, sealed.
async fn bundle() -> Bundle {
    let root = tempfile::tempdir().unwrap();
    let (change, run) = (ChangeId::parse("CHG1").unwrap(), RunId::parse("r1").unwrap());
    let mut folder = EvidenceFolder::create(root.path(), &change, &run).unwrap();
    let gate = MaskGate::new(Default::default(), [0; 32], Vec::new());
    let window = serde_json::from_str(r#"{"start":"2026-12-01T07:00:00Z","end":"2026-12-01T09:00:00Z"}"#).unwrap();
    let opening = Opening {
        run: run.clone(),
        change: change.clone(),
        packet: Digest::of(b"packet"),
        window,
        portal: "https://change.example".to_owned(),
        record: "record.json".to_owned(),
    };
    let at = crate::model::time::Instant::parse("2026-12-01T06:00:00Z").unwrap();
    let mut journal = Journal::default();
    let events = [
        Event::Opened(opening),
        Event::Claimed,
        Event::PacketJudged,
        Event::Ended { outcome: Outcome::HaltedAbandoned },
    ];
    for event in &events {
        journal.write(&mut folder, &gate, at, event).unwrap();
    }
    for (name, text) in [
        (OBSERVATIONS, "{\"line\":1}\n{\"line\":2}\n"),
        (APPROVALS, "{}\n"),
        ("screenshots/01-fill.png", "picture one"),
        ("screenshots/02-halt.png", "picture two"),
        (RUN, r#"{"run_id":"r1","outcome":"halted-abandoned"}"#),
    ] {
        folder.text(name, &gate.text(text.to_owned()).unwrap()).unwrap();
    }
    let files = folder.digests().unwrap();
    let manifest = ManifestDocument { schema: MANIFEST_SCHEMA, run_id: run.clone(), files: files.clone() };
    folder.document(MANIFEST, &gate.document(manifest).unwrap()).unwrap();
    let signing = SigningKey::from_pem(KEY.as_bytes()).unwrap();
    let key = signing.public();
    let files = files.into_iter().map(|(name, file)| (name, file.sha256));
    let files = files.chain([(MANIFEST.to_owned(), Digest::of(&folder.read(MANIFEST).unwrap()))]);
    let seal = Sealer::Key(signing).seal(&Statement::of(&run, &change, files)).await.unwrap();
    folder.text(SEAL, &gate.text(String::from_utf8(seal).unwrap()).unwrap()).unwrap();
    let folder = root.path().join("CHG1/r1");
    Bundle { root, folder, key }
}

impl Bundle {
    fn told(&self) -> Vec<String> {
        let checked = verify(std::slice::from_ref(&self.folder), Depth::Whole, Some(&self.key), NonZeroUsize::MIN);
        checked[0].flaws.iter().map(ToString::to_string).collect()
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for below in [self.folder.clone(), self.folder.join(SCREENSHOTS)] {
            let entries = fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
            found.extend(entries.filter(|path| path.is_file()));
        }
        found.sort();
        found
    }

    /// Does something to a file, looks, and puts it back.
    fn with(&self, path: &Path, bytes: &[u8]) -> Vec<String> {
        let was = fs::read(path).unwrap();
        fs::write(path, bytes).unwrap();
        let told = self.told();
        fs::write(path, was).unwrap();
        told
    }
}

#[tokio::test]
async fn every_byte_that_is_changed_removed_added_or_swapped_is_noticed() {
    let bundle = bundle().await;
    assert_eq!(bundle.told(), Vec::<String>::new());
    let mut tried = 0;
    for path in bundle.files() {
        let whole = fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let (mut changed, mut removed, mut added, mut swapped) =
                (whole.clone(), whole.clone(), whole.clone(), whole.clone());
            changed[at] ^= 1;
            removed.remove(at);
            added.insert(at, b' ');
            swapped.swap(at, (at + 1) % whole.len());
            for other in [changed, removed, added, swapped] {
                if other != whole {
                    tried += 1;
                    assert!(!bundle.with(&path, &other).is_empty(), "{} at byte {at}", path.display());
                }
            }
        }
        assert!(!bundle.with(&path, b"").is_empty(), "{} emptied", path.display());
    }
    assert!(tried > 10_000, "{tried}");
}

#[tokio::test]
async fn files_that_are_removed_added_exchanged_or_led_elsewhere_are_named() {
    let bundle = bundle().await;
    for path in bundle.files() {
        let aside = bundle.root.path().join("aside");
        fs::rename(&path, &aside).unwrap();
        let name = path.strip_prefix(&bundle.folder).unwrap().display().to_string();
        let told = bundle.told();
        assert!(told.iter().any(|flaw| flaw.starts_with(&name)), "{name}: {told:?}");
        // The same bytes by way of a link are not the run's file.
        if ![MANIFEST, SEAL].contains(&name.as_str()) {
            std::os::unix::fs::symlink(&aside, &path).unwrap();
            assert!(!bundle.told().is_empty(), "{name}");
            fs::remove_file(&path).unwrap();
        }
        fs::rename(&aside, &path).unwrap();
    }
    let (one, two) = (bundle.folder.join("screenshots/01-fill.png"), bundle.folder.join("screenshots/02-halt.png"));
    let aside = bundle.root.path().join("aside");
    let exchange = || {
        fs::rename(&one, &aside).unwrap();
        fs::rename(&two, &one).unwrap();
        fs::rename(&aside, &two).unwrap();
    };
    exchange();
    assert_eq!(bundle.told().len(), 2);
    exchange();
    for added in ["notes.txt", ".hidden", "screenshots/03-more.png"] {
        fs::write(bundle.folder.join(added), b"x").unwrap();
        assert_eq!(bundle.told(), [format!("{added} is not in {MANIFEST}: it was added")]);
        fs::remove_file(bundle.folder.join(added)).unwrap();
    }
    fs::create_dir(bundle.folder.join("more")).unwrap();
    assert_eq!(bundle.told().len(), 1);
}

#[tokio::test]
async fn a_journal_that_was_reordered_or_cut_is_told_apart_from_one_that_was_changed() {
    let bundle = bundle().await;
    let journal = bundle.folder.join(JOURNAL);
    let text = fs::read_to_string(&journal).unwrap();
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let says = |bytes: &str, what: &str| {
        let told = bundle.with(&journal, bytes.as_bytes());
        assert!(told.iter().any(|flaw| flaw.contains(what)), "{told:?}");
    };
    says(&lines[..3].concat(), "lines were removed");
    lines.swap(1, 2);
    says(&lines.concat(), "line 2 is entry 3 of the run");
    says(&text.replace("\"packet-judged\"", "\"packet-Judged\""), "line 3");
}

#[tokio::test]
async fn a_seal_of_another_key_or_of_another_run_does_not_count() {
    let bundle = bundle().await;
    let check = |key: Option<&VerifyingKey>| {
        verify(std::slice::from_ref(&bundle.folder), Depth::Whole, key, NonZeroUsize::MIN).remove(0)
    };
    assert_eq!(check(Some(&bundle.key)).sealed_by, SealedBy::Verified { keyid: bundle.key.id() });
    assert_eq!(check(None).sealed_by, SealedBy::Unverified { keyid: bundle.key.id() });
    let other = VerifyingKey::Ed25519(vec![7; 32]);
    assert!(matches!(check(Some(&other)).flaws.as_slice(), [Flaw::Seal(..)]));
    // Evidence that was written anew, manifest and all, keeps its old seal.
    let run = bundle.folder.join(RUN);
    fs::write(&run, r#"{"run_id":"r1","outcome":"halted-abandoned","x":1}"#).unwrap();
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(bundle.folder.join(MANIFEST)).unwrap()).unwrap();
    let bytes = fs::read(&run).unwrap();
    manifest["files"][RUN] = serde_json::json!({"sha256": Digest::of(&bytes), "size": bytes.len()});
    fs::write(bundle.folder.join(MANIFEST), serde_json::to_string_pretty(&manifest).unwrap() + "\n").unwrap();
    let told = bundle.told();
    assert_eq!(told, [format!("{SEAL} is over other files than these")]);
    fs::remove_file(bundle.folder.join(SEAL)).unwrap();
    assert!(matches!(check(Some(&bundle.key)).flaws.as_slice(), [Flaw::NotSigned(_)]));
    assert_eq!(check(None).sealed_by, SealedBy::Nobody);
}
