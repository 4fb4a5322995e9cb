//! Planted canaries: in no byte and no pixel of what a run leaves behind. Broken masks as controls: there they are found.

use std::path::{Path, PathBuf};

use portal_agent::evidence::outcome::Outcome;
use portal_agent::model::browser::BrowserKind;
use portal_agent::reference_portal::PASSWORD;
use portal_agent::reference_portal::faults::{Fault, FaultPlan};

use crate::browser_tests;
use crate::support::{Plan, Rig, told};
use aho_corasick::AhoCorasick;
use base64::Engine as _;

const CANARIES: [&str; 4] = [
    "Canary-impact-91f3: 4,711 payments were lost at peak",
    "canary.contact@example.test",
    "Canary-note: Jane Doe",
    PASSWORD,
];

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

fn holds(bytes: &[u8], canary: &str) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
}

pub fn magenta_pixels(folder: &Path) -> usize {
    let pictures: Vec<_> =
        files(folder).into_iter().filter(|path| path.extension().is_some_and(|e| e == "png")).collect();
    assert!(pictures.len() >= 4, "too few pictures to mean anything");
    let magenta = |pixel: &image::Rgb<u8>| pixel.0[0] > 200 && pixel.0[1] < 60 && pixel.0[2] > 200;
    pictures
        .iter()
        .map(|path| image::open(path).unwrap().into_rgb8().pixels().filter(|pixel| magenta(pixel)).count())
        .sum()
}

pub fn plant(rig: &Rig) {
    rig.approve_with(|exception| {
        exception["details"]["impact"] = CANARIES[0].into();
        exception["details"]["contact"] = CANARIES[1].into();
        exception["details"]["note"] = CANARIES[2].into();
    });
}

async fn leaves_no_trace(browser: BrowserKind, faults: FaultPlan, outcome: Outcome) -> (Rig, PathBuf) {
    let rig = Rig::new(Plan::new(browser, faults)).await;
    plant(&rig);
    let run = rig.run().await;
    assert_eq!(run.get().outcome, outcome, "{}", told(&run));
    for path in files(&rig.order.evidence) {
        let bytes = std::fs::read(&path).unwrap();
        let name = path.to_string_lossy().into_owned();
        for canary in CANARIES {
            assert!(!holds(&bytes, canary) && !name.contains(canary), "{canary:?} is in {name}");
        }
    }
    let printed = told(&run);
    assert!(CANARIES.iter().all(|canary| !holds(printed.as_bytes(), canary)), "{printed}");
    let evidence = rig.evidence(&run);
    (rig, evidence)
}

/// A map that lets a value be seen that nobody may see.
pub fn unmasked(map: &str) -> String {
    let private = "record = \"details.impact\"\nlocate = { label = \"Customer impact statement\" }\nrequired = true\n";
    assert!(map.contains(private));
    map.replace(private, &format!("{private}show = true\n"))
}

/// A secret that no output may hold, in whatever form: one for each place.
fn secret(number: usize) -> String {
    format!("Kanari {number:02}: \"ä&<q{number:02}")
}

/// Places on the portal's pages, by kind, each with `@` where its secret stands; `js@` as a script writes it, `url@` as an address.
const PLACES: [(&str, &[&str]); 11] = [
    (
        "text",
        &["<p>@</p>", "<p hidden>@</p>", "<details><summary>more</summary>@</details>", "<p style='opacity:0'>@</p>"],
    ),
    (
        "attributes",
        &["<p title='@'>t</p>", "<p data-customer='@'>d</p>", "<p aria-label='@'>a</p>", "<p class='@' id='@'>c</p>"],
    ),
    (
        "frames",
        &[
            "<iframe title='f' srcdoc='<p>@</p>'></iframe>",
            "<iframe hidden srcdoc='<p>@</p>'></iframe>",
            "<iframe title='@' srcdoc='<p>x</p>'></iframe>",
            "<object data='data:text/html,url@' type='text/html'></object>",
        ],
    ),
    (
        "shadow roots",
        &[
            "<div><template shadowrootmode='open'><p>@</p></template></div>",
            "<div><template shadowrootmode='closed'><p>@</p></template></div>",
            "<div><template shadowrootmode='open'><slot></slot></template><p>@</p></div>",
            "<div><template shadowrootmode='open'><p title='@'>s</p></template></div>",
        ],
    ),
    (
        "addresses",
        &[
            "<a href='/x?q=url@'>l</a>",
            "<a href='https://other.example/url@'>l</a>",
            "<script>fetch('/api/unknown?q=url@').catch(() => 0)</script>",
            "<script>fetch('https://url@.example/url@').catch(() => 0)</script>",
        ],
    ),
    (
        "titles",
        &[
            "<script>document.title = js@</script>",
            "<svg><title>@</title><text>@</text></svg>",
            "<script>history.replaceState({ q: js@ }, '')</script>",
            "<script>name = js@</script>",
        ],
    ),
    (
        "storage",
        &[
            "<script>localStorage.setItem('k', js@)</script>",
            "<script>sessionStorage.setItem(js@, js@)</script>",
            "<script>document.cookie = 'k=url@'</script>",
            "<script>indexedDB.open(js@)</script>",
        ],
    ),
    (
        "scripts",
        &[
            "<script>console.error(js@)</script>",
            "<script>setTimeout(() => { throw new Error(js@) })</script>",
            "<script>Promise.reject(js@)</script>",
            "<script type='application/json'>{\"q\": js@}</script>",
        ],
    ),
    (
        "what is drawn",
        &[
            "<style>.k::before { content: css@ }</style><p class='k'></p>",
            "<canvas id='kc'></canvas><script>kc.getContext('2d').fillText(js@, 5, 20)</script>",
            "<input aria-label='x' placeholder='@'>",
            "<img alt='@' src='data:,'>",
        ],
    ),
    (
        "comments",
        &["<!-- @ -->", "<meta name='k' content='@'>", "<noscript>@</noscript>", "<template><p>@</p></template>"],
    ),
    (
        "requests",
        &[
            "<script>navigator.sendBeacon('/beacon?q=url@', js@)</script>",
            "<script>new Image().src = '/picture?url@'</script>",
            "<script>fetch('/x', { headers: { 'x-q': 'url@' } }).catch(() => 0)</script>",
            "<a ping='/ping?url@' href='#'>p</a>",
        ],
    ),
];

/// The markup of all places, and its secrets.
fn planted() -> (&'static str, Vec<String>) {
    let (mut markup, mut secrets) = (String::new(), Vec::new());
    for place in PLACES.iter().flat_map(|(_, places)| *places) {
        let secret = secret(secrets.len());
        let html = secret.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        let address: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let script = serde_json::to_string(&secret).unwrap().replace('<', "\\u003c");
        let style = format!("'{}'", secret.replace('<', "\\3c "));
        let put = place.replace("js@", &script).replace("url@", &address).replace("css@", &style).replace('@', &html);
        markup += &put;
        secrets.push(secret);
    }
    (Box::leak(markup.into_boxed_str()), secrets)
}

/// A text in every form in which an output could hold it: as it stands, as an address, as JSON or HTML writes it, and in base64
/// wherever that begins.
fn forms(text: &str) -> Vec<String> {
    let address: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
    let json = serde_json::to_string(text).unwrap();
    let html = text.replace('&', "&amp;").replace('<', "&lt;");
    let base64 = (0..3).map(|before| {
        let bytes = [&vec![b' '; before][..], text.as_bytes()].concat();
        // What the neighbours have a part in is left out.
        let encoded = base64::prelude::BASE64_STANDARD.encode(&bytes);
        encoded[if before == 0 { 0 } else { 4 }..bytes.len() / 3 * 4].to_owned()
    });
    let plain = [text.to_owned(), address.replace('+', "%20"), address, json.trim_matches('"').to_owned()];
    plain.into_iter().chain([html.replace('"', "&quot;"), html]).chain(base64).collect()
}

/// Everything that the program leaves and prints of a run: name and bytes.
async fn outputs(rig: &Rig, browser: BrowserKind) -> Vec<(String, Vec<u8>)> {
    crate::commands::settle(rig, browser);
    std::fs::write(rig.folder.path().join("map.toml"), &rig.map_text).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    command
        .args(["submit", "record.json", "-vv"])
        .current_dir(rig.folder.path())
        .env("PORTAL_AGENT_PASSWORD", PASSWORD);
    if rustix::process::geteuid().is_root() {
        command.env("PORTAL_AGENT_BROWSER_PROFILE", "container");
    }
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let mut all = vec![("stdout".to_owned(), output.stdout), ("stderr".to_owned(), output.stderr)];
    for path in files(&rig.folder.path().join("evidence")) {
        all.push((path.display().to_string(), std::fs::read(&path).unwrap()));
    }
    all
}

browser_tests! {
    both async fn no_secret_of_any_place_is_in_any_output_in_any_form(browser: BrowserKind) {
        let (markup, mut secrets) = planted();
        let dialog = secret(secrets.len());
        let halting = format!("{markup}<script>addEventListener('load', () => alert({}))</script>", serde_json::to_string(&dialog).unwrap());
        secrets.push(dialog);
        let of_the_record: Vec<String> = (0..4).map(|more| secret(secrets.len() + more)).collect();
        secrets.extend(of_the_record.iter().cloned().chain([PASSWORD.to_owned()]));
        assert!(secrets.len() >= 48 && PLACES.len() >= 11);
        for (markup, outcome) in [(markup, "submitted"), (Box::leak(halting.into_boxed_str()), "halted-")] {
            let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::Injected(markup)))).await;
            rig.approve_with(|exception| {
                for (field, secret) in ["impact", "contact", "note", "not_on_the_form"].into_iter().zip(&of_the_record) {
                    exception["details"][field] = secret.as_str().into();
                }
            });
            let outputs = outputs(&rig, browser).await;
            let printed = String::from_utf8_lossy(&outputs[0].1).into_owned();
            assert!(printed.starts_with(outcome) && outputs.len() > 10, "{printed}");
            let wanted: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
            let search = AhoCorasick::new(&wanted).unwrap();
            for (name, bytes) in &outputs {
                let found = search.find(bytes).or_else(|| search.find(name.as_bytes()));
                assert!(found.is_none(), "{:?} is in {name}", found.map(|found| &wanted[found.pattern()]));
            }
            let told = |name: &str| outputs.iter().find(|(known, _)| known.ends_with(name)).unwrap();
            assert!(String::from_utf8_lossy(&told("run.json").1).contains("/beacon"), "the pages carried nothing");
            // The search is able to find what is there.
            let record = std::fs::read(rig.folder.path().join("record.json")).unwrap();
            let found = |secret: &String| AhoCorasick::new(forms(secret)).unwrap().is_match(&record);
            assert!(of_the_record.iter().all(found));
        }
    }

    both async fn canaries_are_in_no_byte_and_hidden_values_in_no_pixel_of_a_submitted_run(browser: BrowserKind) {
        // What may not be shown stands on the page in magenta.
        let faults = FaultPlan::from_start(Fault::PrivateIsMagenta);
        let (_rig, evidence) = leaves_no_trace(browser, faults, Outcome::Submitted).await;
        assert_eq!(magenta_pixels(&evidence), 0);
    }

    chromium async fn canaries_are_in_no_byte_of_a_run_that_halts_over_them(browser: BrowserKind) {
        // The halt is about the very field that holds a canary, cut by the server.
        leaves_no_trace(browser, FaultPlan::from_start(Fault::TruncatedOnSave), Outcome::HaltedDraft).await;
    }

    chromium async fn with_the_mask_taken_off_the_same_pixels_are_found(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::PrivateIsMagenta))).await;
        let rig = rig.with_map(|map| unmasked(&map));
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert!(magenta_pixels(&rig.evidence(&run)) > 1000);
    }

    chromium async fn what_floats_over_a_showable_field_is_in_no_pixel(browser: BrowserKind) {
        let rig = Rig::new(Plan::new(browser, FaultPlan::from_start(Fault::MagentaNote))).await;
        let run = rig.run().await;
        assert_eq!(run.get().outcome, Outcome::Submitted, "{}", told(&run));
        assert_eq!(magenta_pixels(&rig.evidence(&run)), 0);
    }
}
