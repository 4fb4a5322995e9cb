//! The gateway without a browser: what a hostile page could send past it, byte by byte.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Redirect};
use http_body_util::BodyExt;
use portal_agent::gateway::control::Answered;
use portal_agent::gateway::doorway::Doorway;
use portal_agent::gateway::policy::{GatewayPolicy, Origin};
use portal_agent::gateway::proxy::Gateway;
use portal_agent::gateway::upstream::PortalLink;
use portal_agent::model::portal_facts::Refusal;
use portal_agent::model::time::Instant;
use portal_agent::selectors::requests::RequestPattern;
use portal_agent::selectors::schema::Beacons;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::proof::token_for;

struct Desk {
    gateway: Gateway,
    portal: SocketAddr,
    arrived: Arc<Mutex<Vec<String>>>,
}

async fn desk() -> Desk {
    let arrived: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&arrived);
    let router = Router::new().fallback(move |request: Request| {
        let seen = Arc::clone(&seen);
        async move {
            let line = format!("{} {}", request.method(), request.uri());
            // A portal that takes an upload reads it.
            if request.into_body().collect().await.is_ok() {
                seen.lock().unwrap().push(line.clone());
            }
            let answer = if line.contains("/file") { "attachment; filename=x" } else { "inline" };
            if line.contains("/ended") {
                return Redirect::to("/login?next=%2F").into_response();
            }
            ([("content-disposition", answer)], "portal").into_response()
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let portal = listener.local_addr().unwrap();
    tokio::spawn(async move { axum_serve(listener, router).await });
    let pattern = |id: &str, method: &str, path: &str, body: &[(&str, &str)]| {
        let body = body.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        RequestPattern::parse(id, method, path, &body).unwrap()
    };
    let base = Origin { scheme: "http".into(), host: "127.0.0.1".into(), port: portal.port() };
    let elsewhere = Origin { host: "localhost".into(), ..base.clone() };
    let policy = GatewayPolicy {
        origins: [base.clone(), elsewhere].into(),
        base,
        requests: vec![
            pattern("update", "POST", "/api/{draft}", &[]),
            pattern("save", "POST", "/graphql", &[("operationName", "Save")]),
            pattern("edit", "POST", "/orders/{order}", &[("_method", "patch")]),
        ],
        commit: pattern("commit", "POST", "/api/{draft}/submit", &[]),
        sign_in: "/login".into(),
        beacons: Beacons::Refuse,
    };
    Desk {
        gateway: Gateway::start(policy, Arc::new(PortalLink::new(None).unwrap()), Doorway::of_this_account().unwrap())
            .unwrap(),
        portal,
        arrived,
    }
}

async fn axum_serve(listener: TcpListener, router: Router) {
    use hyper_util::rt::TokioIo;
    use hyper_util::service::TowerToHyperService;
    while let Ok((stream, _)) = listener.accept().await {
        let service = TowerToHyperService::new(router.clone());
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

impl Desk {
    /// Sends one request as a browser would send it to a proxy; the status, or nothing while the request is held.
    async fn send(&self, method: &str, host: &str, path: &str, headers: &str, body: &str) -> Option<u16> {
        let at = format!("{host}:{}", self.portal.port());
        let length = body.len();
        self.raw(&format!(
            "{method} http://{at}{path} HTTP/1.1\r\nHost: {at}\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
        ))
        .await
    }

    async fn raw(&self, text: &str) -> Option<u16> {
        let mut stream = TcpStream::connect(self.gateway.address()).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = [0; 64];
        let read = tokio::time::timeout(Duration::from_secs(2), stream.read(&mut answer)).await;
        let read = read.ok()?.unwrap();
        let line = String::from_utf8_lossy(&answer[..read]).into_owned();
        line.split_whitespace().nth(1).and_then(|status| status.parse().ok())
    }

    fn arrived(&self) -> Vec<String> {
        self.arrived.lock().unwrap().clone()
    }

    fn strays(&self) -> u64 {
        self.gateway.control().interlock().strays()
    }

    fn refused(&self, why: Refusal) -> bool {
        self.gateway.control().refused().iter().any(|(refused, _)| refused.why == why)
    }
}

const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";
const JSON: &str = "Content-Type: application/json\r\n";

#[tokio::test]
async fn what_is_declared_passes_and_reading_is_free() {
    let desk = desk().await;
    assert_eq!(desk.send("GET", "127.0.0.1", "/any/thing?x=1", "", "").await, Some(200));
    assert_eq!(desk.send("POST", "127.0.0.1", "/api/DRF-1", FORM, "a=1").await, Some(200));
    assert_eq!(desk.send("POST", "127.0.0.1", "/graphql", JSON, r#"{"operationName":"Save"}"#).await, Some(200));
    assert_eq!(desk.arrived(), ["GET /any/thing?x=1", "POST /api/DRF-1", "POST /graphql"]);
}

#[tokio::test]
async fn a_session_has_ended_where_what_asked_with_it_is_led_to_the_sign_in_page() {
    let desk = desk().await;
    let control = desk.gateway.control();
    let asked = |path: &'static str, headers: &'static str| desk.send("GET", "127.0.0.1", path, headers, "");
    for (path, headers, ended) in [
        ("/page", "Cookie: sid=1\r\nSec-Fetch-Dest: document\r\n", 0),
        ("/ended", "", 0),
        ("/ended", "Cookie: sid=1\r\nSec-Fetch-Dest: image\r\n", 0),
        ("/ended", "Cookie: sid=1\r\nSec-Fetch-Dest: empty\r\n", 1),
        ("/ended", "Cookie: sid=1\r\nSec-Fetch-Dest: document\r\n", 2),
    ] {
        asked(path, headers).await.unwrap();
        assert_eq!(control.sign_outs(), ended, "{path} {headers}");
    }
    // What the portal took is a change that it did not answer with that page.
    assert_eq!(desk.send("POST", "127.0.0.1", "/api/DRF-1", FORM, "a=1").await, Some(200));
    assert_eq!(desk.send("POST", "127.0.0.1", "/api/ended", FORM, "a=1").await, Some(303));
    assert_eq!((control.accepted(), control.sign_outs()), (1, 3));
}

#[tokio::test]
async fn what_no_page_can_read_the_answer_of_is_refused_as_that() {
    let desk = desk().await;
    for (headers, why) in [
        ("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: empty\r\n", Refusal::Beacon),
        ("Sec-Fetch-Mode: no-cors\r\nSec-Fetch-Dest: report\r\n", Refusal::Beacon),
        ("Sec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n", Refusal::Undeclared),
    ] {
        assert_eq!(desk.send("POST", "127.0.0.1", "/telemetry", headers, "x").await, Some(409), "{headers}");
        assert!(desk.refused(why), "{headers}");
    }
    assert_eq!(desk.arrived(), Vec::<String>::new());
}

#[tokio::test]
async fn a_commit_in_the_spelling_of_something_else_does_not_arrive() {
    let desk = desk().await;
    for path in [
        "/api/D1%2Fsubmit",
        "/api/D1%5Csubmit",
        "/api/D1%252Fsubmit",
        "/api/..%2FD1",
        "/api/D1;submit",
        "/api//D1/submit",
        "/api/D1/submit/",
        "/API/D1/SUBMIT",
        "/api/D1/%73ubmit",
        "/api/D1/submit?x=1",
        "/api/D1/submit",
    ] {
        let status = desk.send("POST", "127.0.0.1", path, FORM, "a=1").await;
        assert_eq!(status, Some(409), "{path}");
    }
    assert_eq!(desk.arrived(), Vec::<String>::new());
    assert!(desk.strays() >= 3);
}

#[tokio::test]
async fn another_method_is_not_smuggled_in() {
    let desk = desk().await;
    let override_header = format!("{FORM}X-HTTP-Method-Override: PUT\r\n");
    assert_eq!(desk.send("POST", "127.0.0.1", "/api/D1", &override_header, "a=1").await, Some(409));
    assert_eq!(desk.send("POST", "127.0.0.1", "/api/D1?_method=PUT", FORM, "a=1").await, Some(409));
    assert_eq!(desk.send("POST", "127.0.0.1", "/graphql", FORM, "operationName=Save&_method=PUT").await, Some(409));
    for method in ["PUT", "DELETE", "PATCH", "PROPFIND", "post", "TRACE"] {
        assert_eq!(desk.send(method, "127.0.0.1", "/api/D1", FORM, "a=1").await, Some(409), "{method}");
    }
    assert_eq!(desk.arrived(), Vec::<String>::new());
    assert!(desk.refused(Refusal::MethodOverride));
}

#[tokio::test]
async fn what_one_address_serves_is_told_apart_by_query_and_body_together() {
    let desk = desk().await;
    for (path, kind, body) in [
        ("/graphql", JSON, r#"{"operationName":"Submit"}"#),
        ("/graphql", JSON, r#"{"operationName":"Save","operationName":"Submit"}"#),
        ("/graphql?operationName=Submit", JSON, r#"{"operationName":"Save"}"#),
        ("/graphql", JSON, r#"[{"operationName":"Save"},{"operationName":"Submit"}]"#),
        ("/graphql", "Content-Type: text/plain\r\n", r#"{"operationName":"Save"}"#),
        ("/graphql", "", r#"{"operationName":"Save"}"#),
    ] {
        assert_eq!(desk.send("POST", "127.0.0.1", path, kind, body).await, Some(409), "{path} {body}");
    }
    assert_eq!(desk.arrived(), Vec::<String>::new());
}

#[tokio::test]
async fn nothing_is_changed_at_another_origin_and_a_commit_there_is_a_stray() {
    let desk = desk().await;
    assert_eq!(desk.send("GET", "localhost", "/style.css", "", "").await, Some(200));
    assert_eq!(desk.send("POST", "localhost", "/api/D1", FORM, "a=1").await, Some(409));
    assert_eq!(desk.strays(), 0);
    assert_eq!(desk.send("POST", "localhost", "/api/D1/submit", FORM, "a=1").await, Some(409));
    assert_eq!(desk.strays(), 1);
    assert_eq!(
        desk.raw("GET http://elsewhere.example.test/ HTTP/1.1\r\nHost: elsewhere.example.test\r\n\r\n").await,
        Some(403)
    );
    assert_eq!(desk.arrived(), ["GET /style.css"]);
}

#[tokio::test]
async fn upgrades_and_tunnels_that_are_not_tls_go_nowhere() {
    let desk = desk().await;
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n";
    assert_eq!(desk.send("GET", "127.0.0.1", "/socket", upgrade, "").await, Some(403));
    assert_eq!(
        desk.raw("CONNECT elsewhere.example.test:443 HTTP/1.1\r\nHost: elsewhere.example.test:443\r\n\r\n").await,
        Some(403)
    );
    // An http origin is no https one, whatever its port.
    let at = format!("127.0.0.1:{}", desk.portal.port());
    assert_eq!(desk.raw(&format!("CONNECT {at} HTTP/1.1\r\nHost: {at}\r\n\r\n")).await, Some(403));
    assert_eq!(desk.arrived(), Vec::<String>::new());
}

#[tokio::test]
async fn a_held_commit_that_is_refused_or_given_up_never_arrives() {
    let desk = desk().await;
    let control = desk.gateway.control().clone();
    assert!(control.expect_commit());
    // Given up: `send` stops waiting after its limit and closes the connection.
    assert_eq!(desk.send("POST", "127.0.0.1", "/api/D1/submit", FORM, "a=1").await, None);
    let mut activity = control.activity();
    let gone = async {
        while !control.interlock().given_up() {
            activity.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(5), gone).await.unwrap();
    assert!(control.expect_commit());
    let refuse = async {
        control.held(Duration::from_secs(2)).await.unwrap();
        control.lock();
    };
    let (status, ()) = tokio::join!(desk.send("POST", "127.0.0.1", "/api/D1/submit", FORM, "a=1"), refuse);
    assert_eq!(status, Some(409));
    assert_eq!(desk.arrived(), Vec::<String>::new());
}

#[tokio::test]
async fn the_browser_gets_the_answer_to_the_commit_once_the_agent_has_noted_it() {
    let desk = desk().await;
    let control = desk.gateway.control().clone();
    assert!(control.expect_commit());
    let commit = desk.send("POST", "127.0.0.1", "/api/D1/submit", FORM, "a=1");
    let mut commit = std::pin::pin!(commit);
    let release = async {
        let held = control.held(Duration::from_secs(2)).await.unwrap();
        let second = |second| Instant::from(jiff::Timestamp::from_second(second).unwrap());
        let token = token_for(&held, second(1));
        control.release(token, second(0), Duration::from_secs(5)).await.unwrap()
    };
    let released = tokio::select! {
        released = release => released,
        status = &mut commit => panic!("{status:?} came before the release"),
    };
    assert_eq!(released.answered, Answered::Status { status: 200, sign_in: false });
    assert_eq!(desk.arrived(), ["POST /api/D1/submit"]);
    let early = tokio::time::timeout(Duration::from_millis(300), &mut commit).await;
    assert!(early.is_err(), "the browser had {early:?} before the agent had written it down");
    drop(released);
    assert_eq!(commit.await, Some(200));
}

#[tokio::test]
async fn a_large_upload_passes_where_one_address_serves_several_requests() {
    let desk = desk().await;
    let file = "x".repeat(5 << 20);
    let kind = "Content-Type: multipart/form-data; boundary=b\r\n";
    let part = |name: &str, more: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n{value}\r\n")
    };
    let body = part("operationName", "", "Save") + &part("file", "; filename=\"plan.pdf\"", &file) + "--b--\r\n";
    assert_eq!(desk.send("POST", "127.0.0.1", "/graphql", kind, &body).await, Some(200));
    assert_eq!(desk.arrived(), ["POST /graphql"]);
}

#[tokio::test]
async fn a_body_that_is_larger_than_can_be_judged_is_refused_and_said_to_be_too_large() {
    let desk = desk().await;
    let at = format!("127.0.0.1:{}", desk.portal.port());
    for (path, length) in [("/api/D1", 257 << 20), ("/graphql", 257 << 20), ("/api/D1/submit", 5 << 20)] {
        let head = format!("POST http://{at}{path} HTTP/1.1\r\nHost: {at}\r\n{FORM}Content-Length: {length}\r\n\r\n");
        assert_eq!(desk.raw(&head).await, Some(413), "{path}");
    }
    // More parameters than anybody sends, in a body that is not large.
    assert_eq!(desk.send("POST", "127.0.0.1", "/api/D1", FORM, &"a&".repeat(30_000)).await, Some(413));
    let json = format!("[{}0]", "[],".repeat(30_000));
    assert_eq!(desk.send("POST", "127.0.0.1", "/graphql", JSON, &json).await, Some(413));
    assert!(desk.refused(Refusal::TooLarge));
    assert_eq!(desk.arrived(), Vec::<String>::new());
}

#[tokio::test]
async fn a_reading_that_carries_a_body_is_refused_and_halts_nothing() {
    let desk = desk().await;
    let hidden = "POST /api/D1/submit HTTP/1.1\r\nHost: x\r\n\r\n";
    for method in ["GET", "HEAD", "OPTIONS"] {
        assert_eq!(desk.send(method, "127.0.0.1", "/any", "", hidden).await, Some(403), "{method}");
    }
    let at = format!("127.0.0.1:{}", desk.portal.port());
    let chunked = format!("GET http://{at}/any HTTP/1.1\r\nHost: {at}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_eq!(desk.raw(&chunked).await, Some(403));
    assert!(desk.refused(Refusal::Framing));
    assert!(!desk.refused(Refusal::Undeclared), "a reading with a body is no undeclared request");
    assert_eq!(desk.arrived(), Vec::<String>::new());
}

#[tokio::test]
async fn a_request_that_names_another_one_is_refused() {
    let desk = desk().await;
    let at = format!("127.0.0.1:{}", desk.portal.port());
    for header in
        ["X-Original-URL: /api/D1/submit", "X_Rewrite_URL: /api/D1/submit", "X-Forwarded-Host: elsewhere.test"]
    {
        let headers = format!("{FORM}{header}\r\n");
        assert_eq!(desk.send("POST", "127.0.0.1", "/api/D1", &headers, "a=1").await, Some(409), "{header}");
        assert_eq!(desk.send("GET", "127.0.0.1", "/any", &format!("{header}\r\n"), "").await, Some(409), "{header}");
    }
    for hosts in [format!("Host: {at}\r\nHost: {at}"), "Host: elsewhere.test".to_owned()] {
        assert_eq!(desk.raw(&format!("GET http://{at}/any HTTP/1.1\r\n{hosts}\r\n\r\n")).await, Some(403), "{hosts}");
    }
    let multipart = "--b\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nput\r\n--b--\r\n";
    for (kind, body) in [
        (FORM, "a=1&_method=put"),
        (FORM, "a=1;_method=put"),
        (FORM, "a=1&%5Fmethod=put"),
        (JSON, r#"{"_method":"put"}"#),
        ("Content-Type: multipart/form-data; boundary=b\r\n", multipart),
        ("Content-Type: text/plain\r\n", "_method=put"),
        ("", "_method=put"),
    ] {
        assert_eq!(desk.send("POST", "127.0.0.1", "/api/D1", kind, body).await, Some(409), "{kind} {body}");
    }
    assert!(
        desk.refused(Refusal::OverrideHeader) && desk.refused(Refusal::Host) && desk.refused(Refusal::MethodOverride)
    );
    assert_eq!(desk.arrived(), Vec::<String>::new());
}

#[tokio::test]
async fn an_override_that_the_map_declares_passes_and_no_other() {
    let desk = desk().await;
    for (path, body, status) in [
        ("/orders/7", "_method=patch&a=1", 200),
        ("/orders/7", "_method=delete&a=1", 409),
        ("/orders/7", "_method=patch&_method=delete", 409),
        ("/orders/7", "_METHOD=patch", 409),
        ("/orders/7?_method=delete", "_method=patch", 409),
        ("/orders/7", "a=1", 409),
    ] {
        assert_eq!(desk.send("POST", "127.0.0.1", path, FORM, body).await, Some(status), "{path} {body}");
    }
    assert_eq!(desk.arrived(), ["POST /orders/7"]);
}

#[tokio::test]
async fn a_refused_request_is_told_by_its_shape_and_so_many_of_them() {
    let desk = desk().await;
    desk.send("JANE.DOE", "127.0.0.1", "/any", "", "").await;
    desk.raw("GET http://jane-doe.example.test/ HTTP/1.1\r\nHost: jane-doe.example.test\r\n\r\n").await;
    desk.raw("CONNECT jane-doe.example.test:443 HTTP/1.1\r\nHost: jane-doe.example.test:443\r\n\r\n").await;
    let told = format!("{:?}", desk.gateway.control().refused()).to_lowercase();
    assert!(!told.contains("jane"), "{told}");
    assert!(told.contains("https://{1}.{2}.{3}"), "{told}");
    for count in 0..150 {
        let word: String = count.to_string().bytes().map(|digit| char::from(digit + 49)).collect();
        desk.send("DELETE", "127.0.0.1", &format!("/{word}"), "", "").await;
    }
    let refused = desk.gateway.control().refused();
    assert!(refused.len() <= 101 + 3, "{} kept", refused.len());
    assert_eq!(refused.iter().map(|(_, count)| count).sum::<u64>(), 153);
}

#[tokio::test]
async fn a_page_that_is_a_file_is_not_passed_on() {
    let desk = desk().await;
    let navigates = "Sec-Fetch-Mode: navigate\r\n";
    assert_eq!(desk.send("GET", "127.0.0.1", "/page", navigates, "").await, Some(200));
    assert_eq!(desk.send("GET", "127.0.0.1", "/file", navigates, "").await, Some(204));
    assert!(desk.refused(Refusal::Download));
    // A script may read what it likes.
    assert_eq!(desk.send("GET", "127.0.0.1", "/file", "Sec-Fetch-Mode: cors\r\n", "").await, Some(200));
}
