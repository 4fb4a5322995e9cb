//! What one run costs: wall time, round trips, time in the browser, the agent's own CPU and memory, the time from the last
//! source's answer to the first forwarded byte, and the price of a masked picture and of the gateway.
//!
//! `cargo bench` (or `.ci/with-browsers cargo bench`) prints one table a browser. The agent is measured as a process of its
//! own, against a portal in this process. Nothing here judges.

mod usage;

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portal_agent::gateway::doorway::Doorway;
use portal_agent::gateway::policy::{GatewayPolicy, Origin};
use portal_agent::gateway::proxy::Gateway;
use portal_agent::gateway::upstream::PortalLink;
use portal_agent::mask::picture::{Control, Holds, Rect, Sketch, blank, masked};
use portal_agent::model::browser::BrowserKind;
use portal_agent::portal::browser::find;
use portal_agent::reference_portal::example::{ExampleTimes, LARGE, world, write};
use portal_agent::reference_portal::faults::FaultPlan;
use portal_agent::reference_portal::{ACCOUNT, PASSWORD, Portal, Scheme};
use portal_agent::selectors::read::read;
use serde_json::Value;
use usage::watch;

const MAP: &str = include_str!("../selectors/reference.toml");
/// Fields of the reference form, the read-only ones among them.
const FIELDS: u64 = 42;
const TABS: u64 = 6;

fn main() {
    // `cargo test` builds benches too and runs them with this flag: there is nothing to test here.
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    for browser in [BrowserKind::Chromium, BrowserKind::Firefox] {
        match find(browser) {
            Ok(_) => runtime.block_on(one_run(browser)),
            Err(error) => println!("{browser}: {error}; mend it with: {}", error.advice()),
        }
    }
    runtime.block_on(per_request());
    per_picture();
}

async fn one_run(browser: BrowserKind) {
    let times = ExampleTimes::around(jiff::Timestamp::now());
    let portal = Portal::start(Scheme::Http, FaultPlan::none(), world(&times)).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let example = write(folder.path(), &portal.url(), &times, LARGE).unwrap();
    let map = folder.path().join("map.toml");
    std::fs::write(&map, MAP.replace("http://127.0.0.1:8480/", portal.url().as_str())).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_portal-agent"));
    command.arg("submit").arg(&example.record).arg("--map").arg(&map).arg("--calendar").arg(&example.calendar);
    command.args(["--output", "json", "--browser", &browser.to_string()]).current_dir(folder.path());
    command
        .env("PORTAL_AGENT_OPERATOR", "bench")
        .env("PORTAL_AGENT_USER", ACCOUNT)
        .env("PORTAL_AGENT_PASSWORD", PASSWORD);
    let begun = Instant::now();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let pid = child.id();
    let watching = std::thread::spawn(move || watch(pid));
    let output = tokio::task::spawn_blocking(move || child.wait_with_output()).await.unwrap().unwrap();
    let wall = begun.elapsed();
    let usage = watching.join().unwrap();
    let run: Value = serde_json::from_slice(&output.stdout).unwrap();
    let trips = run["cost"]["webdriver_round_trips"].as_u64().unwrap_or_default();
    let browser_ms = run["cost"]["browser_ms"].as_u64().unwrap_or_default();
    let percent = |part: f64| 100.0 * part / wall.as_secs_f64();
    println!("{browser}: {}", run["outcome"]);
    println!("  wall time                     {:>9.2} s", wall.as_secs_f64());
    println!("  WebDriver round trips         {trips:>9}   ({} allowed: 2 a field, 12 a tab)", 2 * FIELDS + 12 * TABS);
    println!("  waiting for the browser       {:>9.1} %  of wall time", percent(browser_ms as f64 / 1e3));
    println!("  the agent's own CPU           {:>9.1} %  of wall time", percent(usage.cpu.as_secs_f64()));
    println!("  peak memory of the agent      {:>9.1} MB with an attachment of 20 MB", usage.peak_mb);
    println!("  recheck to commit             {:>9.2} ms", run["recheck_to_commit_ms"].as_f64().unwrap_or(f64::NAN));
}

async fn per_request() {
    const REQUESTS: u32 = 400;
    let times = ExampleTimes::around(jiff::Timestamp::now());
    let portal = Portal::start(Scheme::Http, FaultPlan::none(), world(&times)).await.unwrap();
    let text = MAP.replace("http://127.0.0.1:8480/", portal.url().as_str());
    let map = read("map.toml".as_ref(), &text).unwrap();
    let policy = GatewayPolicy::new(&map, &portal.url()).unwrap();
    assert!(policy.origins.contains(&Origin::of(&portal.url()).unwrap()));
    let gateway =
        Gateway::start(policy, Arc::new(PortalLink::new(None).unwrap()), Doorway::of_this_account().unwrap()).unwrap();
    let (address, host) = (portal.url().socket_addrs(|| None).unwrap()[0], portal.url().authority().to_owned());
    let direct = exchange(address, &format!("GET /login HTTP/1.1\r\nHost: {host}\r\n\r\n"), REQUESTS).await;
    let absolute = format!("GET http://{host}/login HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let through = exchange(gateway.address(), &absolute, REQUESTS).await;
    println!("gateway: {REQUESTS} requests each on one connection");
    println!("  direct                        {:>9.3} ms a request", direct.as_secs_f64() * 1e3);
    println!(
        "  through the gateway           {:>9.3} ms a request, ratio {:.2}",
        through.as_secs_f64() * 1e3,
        through.as_secs_f64() / direct.as_secs_f64()
    );
}

/// Median time of one request and its answer, on one connection.
async fn exchange(address: std::net::SocketAddr, request: &str, count: u32) -> Duration {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut times = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    for _ in 0..count {
        let begun = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut filled = 0;
        loop {
            filled += stream.read(&mut buffer[filled..]).await.unwrap();
            if String::from_utf8_lossy(&buffer[..filled]).contains("</html>") {
                break;
            }
        }
        times.push(begun.elapsed());
    }
    times.sort();
    times[times.len() / 2]
}

fn per_picture() {
    use image::ImageEncoder;
    let (width, height) = (1280, 1857);
    // As pages are: white, with lines of something like text, a fifth of it dark.
    let page = image::RgbImage::from_fn(width, height, |x, y| {
        let text = y % 30 > 12 && (140..900).contains(&x);
        let dark = text && (x.wrapping_mul(2_654_435_761) ^ y.wrapping_mul(40_503)).is_multiple_of(5);
        image::Rgb(if dark { [(x % 90) as u8, 40, 50] } else { [255; 3] })
    });
    let mut png = Vec::new();
    let encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.write_image(page.as_raw(), width, height, image::ExtendedColorType::Rgb8).unwrap();
    let control = |row: u32| Control {
        place: Rect { left: 140, top: row * 30 + 12, right: 1100, bottom: row * 30 + 30 },
        label: Some("Rollback plan".into()),
        label_at: Some((10, row * 30 + 12)),
        holds: Holds::Shown,
    };
    let caption = vec!["fill, tab rollback, 2026-11-21 02:03:04 UTC".to_owned()];
    let controls = (0..62).map(control).collect();
    let sketch = Sketch { size: (width, height), controls, wording: Vec::new(), caption };
    let mut times: Vec<Duration> = (0..15)
        .map(|_| {
            let begun = Instant::now();
            blank(&png).unwrap_err();
            masked(&png, &sketch).unwrap();
            begun.elapsed()
        })
        .collect();
    times.sort();
    println!("masking: {width}x{height}, 62 rectangles");
    println!("  beyond the driver's own time  {:>9.1} ms a picture", times[times.len() / 2].as_secs_f64() * 1e3);
}
