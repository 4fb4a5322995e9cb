//! What a person reads of a run that needs one: true, with the portal's own words, and shown as it was written or not at all.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;

use portal_agent::decide::rules::resumption::Edit;
use portal_agent::decide::verdict::HaltCode;
use portal_agent::evidence::documents::RunDocument;
use portal_agent::evidence::outcome::Outcome;

use portal_agent::gateway::doorway::Doorway;
use portal_agent::gateway::policy::GatewayPolicy;
use portal_agent::gateway::proxy::Gateway;
use portal_agent::gateway::upstream::PortalLink;
use portal_agent::mask::masked::Masked;
use portal_agent::model::browser::BrowserKind;
use portal_agent::portal::driver::Driver;
use portal_agent::portal::webdriver::wire::Wire;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};
use serde_json::Value;

use crate::bench::Bench;
use crate::browser_tests;
use crate::commands::{program, program_with, settle};
use crate::support::{Plan, Rig, codes, session, told};

fn note(rig: &Rig, run: &Masked<RunDocument>) -> (String, Value) {
    let read = |name: &str| std::fs::read_to_string(rig.evidence(run).join(name)).unwrap();
    (read("takeover.md"), serde_json::from_str(&read("takeover.json")).unwrap())
}

fn has(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

/// `serve`, until it is dropped.
struct Served {
    child: Child,
    /// Kept open: it prints more than its address.
    _stdout: BufReader<ChildStdout>,
    url: url::Url,
}

impl Served {
    fn start(rig: &Rig, arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
        command.args(arguments).current_dir(rig.folder.path()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        Self { child, _stdout: stdout, url: line.trim().parse().unwrap_or_else(|error| panic!("{line}: {error}")) }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status and body of an answer, asked for without a browser.
fn asked(url: &url::Url, host: Option<&str>, method: &str) -> (u16, String) {
    let address = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(&address).unwrap();
    let host = host.unwrap_or(&address);
    write!(
        stream,
        "{method} {} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        url.path()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A person's browser: without the gateway.
struct View {
    wire: Wire,
    _running: (Gateway, Driver, tempfile::TempDir),
}

impl View {
    async fn open(rig: &Rig, browser: BrowserKind) -> Self {
        let policy = GatewayPolicy::new(&rig.order.map, &rig.order.base).unwrap();
        let link = Arc::new(PortalLink::new(None).unwrap());
        let gateway = Gateway::start(policy, link, Doorway::of_this_account().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let direct = |mut capabilities: serde_json::Map<String, Value>| {
            capabilities.insert("proxy".to_owned(), serde_json::json!({ "proxyType": "direct" }));
            capabilities
        };
        let (driver, wire) = session(browser, &gateway, folder.path(), direct).await;
        Self { wire, _running: (gateway, driver, folder) }
    }

    /// Waits until the page has this title and holds this text.
    async fn sees(&self, title: &str, text: &str) {
        let shown = async {
            loop {
                let told = self.wire.script("return [document.title, document.body?.innerText]", Value::Null).await;
                if let Ok(Value::Array(told)) = told
                    && told[0] == title
                    && told[1].as_str().is_some_and(|shown| shown.contains(text))
                {
                    return;
                }
            }
        };
        let limit = std::time::Duration::from_secs(40);
        tokio::time::timeout(limit, shown).await.unwrap_or_else(|_| panic!("{title:?} with {text:?} never came"));
    }
}

fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path))
        } else {
            _ = found.insert(path.clone(), std::fs::read(path).unwrap())
        }
    }
    found
}

browser_tests! {
    chromium async fn a_note_says_what_differs_in_the_portals_words_and_shows_no_hidden_value(browser: BrowserKind) {
        let mut rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::TruncatedOnSave))).await;
        let notice = rig.folder.path().join("notice.json");
        rig.order.notify = Some(vec!["tee".to_owned(), notice.display().to_string()]);
        let halted = rig.run().await;
        assert_eq!(codes(&halted), [HaltCode::DraftDiffers], "{}", told(&halted));
        let notice: Value = serde_json::from_slice(&std::fs::read(notice).unwrap()).unwrap();
        assert_eq!((&notice["outcome"], &notice["halt"][0]["code"]), (&"halted-draft".into(), &"draft-differs".into()));
        let (text, document) = note(&rig, &halted);
        let draft = halted.get().draft_reference.as_ref().unwrap();
        let first = text.lines().next().unwrap();
        has(first, &["halted at draft", &format!("draft {draft} is in the portal, and it differs from the record")]);
        has(&text, &["Customer impact", "`impact`", "cut after 40 of", "Do not submit the draft as it is", "opens at", "in "]);
        let picture = document["pictures"][0].as_str().unwrap();
        assert!(picture.contains("-draft-") && rig.evidence(&halted).join(picture).is_file(), "{document:#}");
        assert!(!document["host"].as_str().unwrap().is_empty() && document["operator"] == "op.night", "{document:#}");
        let impact = rig.record_json()["exception"]["details"]["impact"].as_str().unwrap().to_owned();
        assert!(!text.contains(&impact[..20]), "{text}");
    }

    firefox async fn the_picture_of_a_halt_shows_the_banner_where_messages_may_be_shown(browser: BrowserKind) {
        let mut ink = Vec::new();
        for (permission, shown) in [("messages = true", true), ("messages = false", false)] {
            let plan = Plan::new(browser, FaultPlan::from_start(Fault::UnknownBanner));
            let rig = Rig::new(plan).await.with_map(|map| map.replace("messages = false", permission));
            let halted = rig.run().await;
            assert_eq!(codes(&halted), [HaltCode::UnexpectedBanner], "{}", told(&halted));
            let (text, document) = note(&rig, &halted);
            has(&text, &["nothing was entered in the portal", "submitted: **no**", "portal-agent submit", "before you have decided"]);
            let halt = std::fs::read_dir(rig.evidence(&halted).join("screenshots")).unwrap();
            let halt = halt.map(|entry| entry.unwrap().path()).find(|path| path.to_string_lossy().ends_with("-halt.png"));
            let picture = image::open(halt.unwrap()).unwrap().to_luma8();
            ink.push(picture.pixels().filter(|pixel| pixel.0[0] < 110).count());
            let text = document["halt"][0]["observed"].as_str().unwrap();
            assert_eq!(!text.starts_with("[hidden"), shown, "{document:#}");
        }
        assert!(ink[0] > ink[1] + 100, "the banner is not to be seen: {ink:?}");
    }

    chromium async fn what_the_draft_holds_is_listed_as_entered_after_a_halt_within_a_tab(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Autosave))).await;
        let halted = rig.run().await;
        assert_eq!((halted.get().outcome, codes(&halted)), (Outcome::HaltedDraft, vec![HaltCode::UndeclaredRequest]));
        let (_, document) = note(&rig, &halted);
        let named = |key: &str| {
            let fields = document[key].as_array().unwrap();
            fields.iter().map(|field| field.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let drafts = rig.oracle().drafts;
        let holds = |field: &String| drafts[0].values.get(field).is_some_and(|value| !value.is_empty());
        assert!(!named("entered").is_empty() && named("entered").iter().all(holds), "{document:#}");
        let forgotten: Vec<_> = named("not_entered").into_iter().filter(holds).collect();
        assert!(forgotten.is_empty(), "in the draft, and listed as not entered: {forgotten:?}");
    }

    chromium async fn nobody_is_credited_with_what_the_agent_entered_from_an_earlier_record(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::none())).await;
        let saved = rig.begin_draft_only().await;
        assert_eq!(saved.get().outcome, Outcome::DraftSaved, "{}", told(&saved));
        rig.approve_with(|exception| exception["title"] = "Another title".into());
        let once = rig.resume(&saved.get().run_id).await.unwrap();
        let twice = rig.resume(&once.get().run_id).await.unwrap();
        for run in [&once, &twice] {
            assert_eq!(codes(run), [HaltCode::DraftDiffers], "{}", told(run));
            let edits: Vec<_> =
                run.get().edits.iter().map(|edit| (edit.get().field.as_str(), edit.get().edit)).collect();
            assert_eq!(edits, [("title", Edit::EnteredOtherwise)], "{}", told(run));
        }
    }

    firefox async fn a_note_in_doubt_says_what_the_commit_was_answered(browser: BrowserKind) {
        for (fault, answer, words) in [
            (Fault::CommitNeedsLogin, "sign-in", "led on to its page for signing in"),
            (Fault::CommitFailsBefore, "status", "HTTP status 500 Internal Server Error"),
        ] {
            let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(fault))).await;
            let ended = rig.run().await;
            assert_eq!(ended.get().outcome, Outcome::InDoubt, "{}", told(&ended));
            let (text, document) = note(&rig, &ended);
            assert_eq!(document["commit_answer"]["answer"], answer, "{document:#}");
            has(&text, &[words, "in doubt", "submitted: **unknown**", "--submitted NUMBER", "--not-submitted", "Do not submit again"]);
        }
    }

    both async fn a_report_is_whole_in_itself_and_hostile_text_in_it_stays_text(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::TruncatedOnSave))).await;
        let halted = rig.run().await;
        let folder = rig.evidence(&halted);
        let text = std::fs::read_to_string(folder.join("report.html")).unwrap();
        has(&text, &["halted-draft", "cut after 40 of", "What not to do", "Customer impact statement", "✓ equal"]);
        // What a portal, a record or whoever was at the evidence may have put there.
        let hostile = r#""><script>document.title='hit'</script><img src=x onerror="document.title='hit'"><iframe srcdoc="<script>top.document.title='hit'</script>"></iframe>"#;
        let bidi = "\u{202e}desrever\u{fdd0}0\u{fdd0}";
        for name in ["run.json", "takeover.json", "approvals.json", "attachments.json", "observations.jsonl"] {
            let text = std::fs::read_to_string(folder.join(name)).unwrap();
            let planted = serde_json::to_string(&format!("{hostile}{bidi}")).unwrap();
            let mut changed = text;
            for known in ["draft-differs", "impact", "CHG0041877", "service-owner", "rollback-plan.pdf", "Production"] {
                changed = changed.replace(&format!("\"{known}\""), &planted);
            }
            std::fs::write(folder.join(name), changed).unwrap();
        }
        let picture = folder.join("screenshots/07-draft-impact.png");
        std::fs::rename(&picture, folder.join("screenshots/x\" onerror=\"document.title='hit'.png")).unwrap();
        settle(&rig, browser);
        let out = rig.folder.path().join("hostile.html");
        let arguments = ["report", halted.get().evidence_dir.as_str(), "--out", out.to_str().unwrap()];
        let (code, document) = program_with(&rig, &arguments, None).await;
        assert_eq!((code, document["report"].as_str()), (1, out.to_str()), "{document:#}");

        let bench = Bench::at(&rig, browser).await;
        bench.wire.goto(&url::Url::from_file_path(&out).unwrap()).await.unwrap();
        let seen = "if (location.protocol !== 'file:' || document.readyState !== 'complete') return null;
            const all = [...document.images];
            return { title: document.title, text: document.body.innerText, images: all.length,
            shown: all.every((one) => one.complete && one.naturalWidth > 0),
            strange: document.querySelectorAll('script, iframe, object, embed, link, base, form, [onerror], [onload]').length,
            loaded: performance.getEntriesByType('resource').map((one) => one.name).filter((name) => !name.startsWith('data:')),
            styled: getComputedStyle(document.querySelector('main')).maxWidth }";
        let opened = async {
            loop {
                if let Ok(seen @ Value::Object(_)) = bench.wire.script(seen, Value::Null).await {
                    return seen;
                }
            }
        };
        let seen = tokio::time::timeout(std::time::Duration::from_secs(20), opened).await.unwrap();
        assert!(seen["title"].as_str().unwrap().contains("<script>"), "{seen:#}");
        assert!(seen["text"].as_str().unwrap().contains("<iframe srcdoc=") && seen["text"].as_str().unwrap().contains("\\u{202e}"));
        assert_eq!((&seen["strange"], &seen["loaded"], &seen["shown"]), (&0.into(), &serde_json::json!([]), &true.into()), "{seen:#}");
        assert!(seen["images"].as_u64().unwrap() >= 8 && seen["styled"] != "none", "{seen:#}");
        assert!(seen["text"].as_str().unwrap().contains("This evidence is not as its run wrote it"));
    }

    both async fn the_queue_is_a_page_that_shows_nothing_without_its_token_and_writes_nothing(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::TruncatedOnSave))).await;
        let halted = rig.run().await;
        settle(&rig, browser);
        let evidence = rig.order.evidence.display().to_string();
        let served = Served::start(&rig, &["serve", "--evidence", &evidence]);
        let before = files(&rig.order.evidence);
        let root = served.url.join("/").unwrap();
        let run = format!("runs/CHG0041877/{}", halted.get().run_id);
        for path in ["".to_owned(), "x/".to_owned(), format!("x/{run}"), format!("{}x/", served.url.path().trim_matches('/'))] {
            assert_eq!(asked(&root.join(&path).unwrap(), None, "GET"), (404, String::new()), "{path}");
        }
        assert_eq!(asked(&served.url, Some("change.example"), "GET").0, 404);
        assert_eq!(asked(&served.url, None, "POST").0, 404);
        let (code, report) = asked(&served.url.join(&format!("{run}/report")).unwrap(), None, "GET");
        assert!(code == 200 && report.contains("cut after 40 of"), "{code}");
        let (code, text) = asked(&served.url.join(&run).unwrap(), None, "GET");
        assert!(code == 200 && text.contains("What not to do"), "{code}");

        // The browser shows the queue, and follows what changes.
        let view = View::open(&rig, browser).await;
        view.wire.goto(&served.url).await.unwrap();
        view.sees("1 waiting", "is in the portal, and it differs from the record").await;
        rig.portal.mend(Fault::TruncatedOnSave);
        rig.portal.edit_draft("impact", rig.record_json()["exception"]["details"]["impact"].as_str().unwrap());
        assert_eq!(files(&rig.order.evidence), before, "something was written");
        let done = rig.resume(&halted.get().run_id).await.unwrap();
        assert_eq!(done.get().outcome, Outcome::Submitted, "{}", told(&done));
        view.sees("0 waiting", "No unfinished runs").await;
        // A report that was changed is not shown.
        std::fs::write(rig.evidence(&halted).join("report.html"), "changed").unwrap();
        let (code, text) = asked(&served.url.join(&format!("{run}/report")).unwrap(), None, "GET");
        assert!(code == 409 && !text.contains("cut after"), "{code}: {text}");
    }

    chromium async fn a_submission_that_is_not_what_was_approved_is_said_to_be_one(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::CommitStoredOtherwise))).await;
        let ended = rig.run().await;
        assert_eq!(codes(&ended), [HaltCode::SummaryDiffers], "{}", told(&ended));
        let number = rig.oracle().submitted[0].reference.clone();
        let (text, document) = note(&rig, &ended);
        has(&text, &[&format!("submitted as {number}, and it is not what was approved"), "yes, otherwise than approved"]);
        has(&text, &["Do not change production", "change authority", &format!("--submitted {number}"), "--not-submitted"]);
        assert!(document["pictures"][1].as_str().unwrap().ends_with("-submitted.png"), "{document:#}");
    }

    chromium async fn a_note_that_was_changed_is_not_shown(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::TruncatedOnSave))).await;
        let (code, halted) = program(&rig, browser, &["submit", "record.json"], |map| map).await;
        assert_eq!((code, &halted["outcome"]), (1, &"halted-draft".into()), "{halted:#}");
        let run = halted["run_id"].as_str().unwrap();
        let (code, list) = program_with(&rig, &["takeover"], None).await;
        assert!(code == 0 && list["held"][0]["headline"].as_str().unwrap().contains("differs from the record"), "{list:#}");
        assert!(Path::new(list["place"].as_str().unwrap()).is_absolute(), "{list:#}");
        let (code, shown) = program_with(&rig, &["takeover", run], None).await;
        assert_eq!((code, &shown["flaws"]), (0, &serde_json::json!([])), "{shown:#}");
        assert!(shown["note"].as_str().unwrap().contains("differs from the record"), "{shown:#}");
        assert_eq!(shown["takeover"]["draft_reference"], halted["draft_reference"]);

        let written = rig.folder.path().join(halted["evidence_dir"].as_str().unwrap()).join("takeover.md");
        let text = std::fs::read_to_string(&written).unwrap();
        std::fs::write(&written, text.replace("Do not submit", "Do now submit")).unwrap();
        let (code, shown) = program_with(&rig, &["takeover", run], None).await;
        assert_eq!((code, &shown["takeover"]), (1, &Value::Null), "{shown:#}");
        assert!(!shown["note"].as_str().unwrap().contains("now submit"), "{shown:#}");
        assert!(shown["flaws"][0].as_str().unwrap().contains("takeover.md"), "{shown:#}");
    }
}
