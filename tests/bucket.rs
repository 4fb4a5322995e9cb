//! What hosts share, in a bucket: against a real server that speaks S3, started by `.ci/with-bucket`.

use std::collections::BTreeSet;
use std::time::Duration;

use portal_agent::evidence::claims::{ClaimEntry, ClaimLog, Holder, Holds};
use portal_agent::evidence::copies::{Copies, CopyError, read};
use portal_agent::evidence::journal::{Event, Journal, Opening};
use portal_agent::evidence::shared::{Created, SharedStore};
use portal_agent::evidence::store::EvidenceFolder;
use portal_agent::mask::masked::{MaskGate, Permissions};
use portal_agent::model::digest::Digest;
use portal_agent::model::ids::{ChangeId, RunId};
use portal_agent::model::time::{ChangeWindow, Instant};

/// A bucket of its own on the server, once that answers.
async fn bucket() -> SharedStore {
    let endpoint = std::env::var("AWS_ENDPOINT")
        .unwrap_or_else(|_| panic!("no server: run `.ci/with-bucket cargo test --features s3 --test bucket`"));
    let name = format!("evidence-{:016x}", rand::random::<u64>());
    let store = SharedStore::at(&format!("s3://{name}/freeze/exceptions").parse().unwrap()).unwrap();
    let client = reqwest::Client::new();
    let created = async {
        let mut retry = tokio::time::interval(Duration::from_millis(100));
        loop {
            retry.tick().await;
            if let Ok(answer) = client.put(format!("{endpoint}/{name}")).send().await {
                return answer.status();
            }
        }
    };
    let status = tokio::time::timeout(Duration::from_secs(60), created).await.expect("the server did not start");
    assert!(status.is_success(), "{status}");
    store
}

fn at(second: i64) -> Instant {
    Instant::from(jiff::Timestamp::from_second(1_800_000_000 + second).unwrap())
}

fn run(name: &str) -> RunId {
    RunId::parse(name).unwrap()
}

fn change() -> ChangeId {
    ChangeId::parse("CHG1").unwrap()
}

#[tokio::test]
async fn of_sixteen_writers_one_creates_the_object() {
    let store = bucket().await;
    for key in 0..20 {
        let writers = (0..16).map(|writer: u8| {
            let store = store.clone();
            tokio::spawn(async move { store.create(&format!(".claims/a/{key:06}.json"), vec![writer]).await.unwrap() })
        });
        let mut won = 0;
        let mut seen = BTreeSet::new();
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Created::Ours => won += 1,
                Created::Taken(there) => drop(seen.insert(there)),
            }
        }
        assert_eq!((won, seen.len()), (1, 1), "key {key}");
    }
    assert_eq!(store.list(".claims/a").await.unwrap().len(), 20);
    assert_eq!(store.list(".claims/b").await.unwrap(), Vec::<String>::new());
    assert_eq!(store.read(".claims/a/000099.json").await.unwrap(), None);
    assert!(store.is_remote());
}

#[tokio::test]
async fn a_claim_is_held_by_one_and_passed_on_over_the_bucket() {
    let store = bucket().await;
    let row = ClaimLog::of(&store, "https://portal.example.test", &change());
    let entry = |name: &str| ClaimEntry {
        state: Holds::Held,
        run: run(name),
        change: change(),
        portal: "https://portal.example.test".into(),
        holder: Holder { host: name.into(), boot: "b".into(), processes: "p".into(), pid: 1, started: 1 },
        at: at(0),
        submitted: false,
        took_over: None,
    };
    let claims = (0..8).map(|host| {
        let (row, entry) = (row.clone(), entry(&format!("host{host}")));
        tokio::spawn(async move { row.take(None, entry).await.unwrap() })
    });
    let mut held = Vec::new();
    for claim in claims.collect::<Vec<_>>() {
        held.extend(claim.await.unwrap());
    }
    assert_eq!(held.len(), 1);
    held.remove(0).free(at(1), true).await.unwrap();
    let standing = row.standing().await.unwrap().unwrap();
    assert!(standing.is_free() && standing.submitted());
    assert!(row.take(Some(&standing), entry("next")).await.unwrap().is_some());
    assert_eq!(ClaimLog::all(&store).await.unwrap().len(), 1);
}

#[tokio::test]
async fn another_host_reads_the_journal_and_fences_its_run_off_over_the_bucket() {
    let store = bucket().await;
    let root = tempfile::tempdir().unwrap();
    let mut folder = EvidenceFolder::create(root.path(), &change(), &run("r1")).unwrap();
    let gate = MaskGate::new(Permissions::default(), [1; 32], Vec::new());
    let mut journal = Journal::default();
    let mut copies = Copies::new(store.clone(), run("r1"));
    let opened = Event::Opened(Opening {
        run: run("r1"),
        change: change(),
        packet: Digest::of(b"packet"),
        window: ChangeWindow { start: at(0), end: at(60) },
        portal: "https://portal.example.test".into(),
        record: "record.json".into(),
    });
    for event in [opened, Event::Claimed, Event::PathProven] {
        copies.remember(&journal.write(&mut folder, &gate, at(2), &event).unwrap());
        copies.share().await.unwrap();
    }
    let past = read(&store, &run("r1"), None).await.unwrap();
    assert_eq!((past.history.seq, &past.history.opening.change), (3, &change()));
    assert!(past.fence(&store, &run("r2"), at(3)).await.unwrap());
    copies.remember(&journal.write(&mut folder, &gate, at(4), &Event::SignedIn).unwrap());
    assert!(matches!(copies.share().await, Err(CopyError::TakenOver)));
}
