//! Answers that are late, broken, stale or somebody else's.

use std::time::{Duration, Instant};

use portal_agent::model::ids::ChangeId;
use portal_agent::sources::SourceError;
use portal_agent::sources::fetch::{FetchLimits, Fetcher, Pace as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use wiremock::matchers::{any, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::servicenow::instance::{Instance, SECRET};
use crate::servicenow::scene::{CHANGE, MAPPING, instance};
use crate::servicenow::{WITHIN, check_message, record, refused, unavailable};

const TABLE: &str = "sysapproval_approver";

/// An instance whose table of approvals answers like this at first, `times` times.
async fn answering(times: usize, answer: ResponseTemplate) -> Instance {
    let instance = instance().await;
    instance.on_answer(move |asked, good| if asked.of == TABLE && asked.nth <= times { answer.clone() } else { good });
    instance
}

#[tokio::test]
async fn a_slow_answer_is_given_up_in_time_and_not_asked_for_again() {
    let mut instance = instance().await;
    instance.more = format!("[limits]\nread_s = 0.2\n{MAPPING}");
    instance.on_answer(|asked, good| if asked.of == TABLE { good.set_delay(Duration::from_secs(20)) } else { good });
    let start = Instant::now();
    unavailable(&instance, "within the time allowed").await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(instance.asked(TABLE), 1);
}

#[tokio::test]
async fn the_time_allowed_is_for_all_questions_together() {
    let instance = instance().await;
    instance.on_answer(|_, good| good.set_delay(Duration::from_millis(150)));
    let start = Instant::now();
    let change = ChangeId::parse(CHANGE).unwrap();
    let error = instance.client().record(&change, Duration::from_millis(400)).await.unwrap_err();
    assert!(error.to_string().contains("within the time allowed"), "{error}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
    assert_eq!(instance.left(), 0);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_nothing() {
    let instance = instance().await;
    instance.on_answer(|asked, good| if asked.of == TABLE { good.set_delay(Duration::from_secs(20)) } else { good });
    let given_up = tokio::time::timeout(Duration::from_millis(700), record(&instance)).await;
    assert!(given_up.is_err());
    assert_eq!(instance.asked(TABLE), 1, "it had come that far");
    assert_eq!(instance.left(), 0);
}

#[tokio::test]
async fn too_many_questions_are_asked_again_after_the_wait_that_was_asked_for() {
    let instance = answering(2, ResponseTemplate::new(429).insert_header("Retry-After", "7")).await;
    assert_eq!(record(&instance).await.unwrap().record.approvals.len(), 3);
    assert_eq!(*instance.pace.waits.lock().unwrap(), [Duration::from_secs(7); 2]);
}

#[tokio::test]
async fn too_many_questions_for_good_end_after_the_last_attempt() {
    let instance = answering(usize::MAX, ResponseTemplate::new(429)).await;
    unavailable(&instance, "429").await;
    assert_eq!(instance.asked(TABLE), 4);
}

#[tokio::test]
async fn a_wait_beyond_the_time_allowed_is_not_begun() {
    let instance = answering(usize::MAX, ResponseTemplate::new(429).insert_header("Retry-After", "3600")).await;
    unavailable(&instance, "longer than the time allowed").await;
    assert_eq!(instance.asked(TABLE), 1);
    assert!(instance.pace.waits.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_passes_by_itself_is_asked_again_and_waits_grow() {
    for status in [502, 503, 504] {
        let instance = answering(3, ResponseTemplate::new(status)).await;
        assert!(record(&instance).await.is_ok(), "{status}");
        let waits = instance.pace.waits.lock().unwrap().clone();
        assert_eq!(waits.len(), 3);
        assert!(waits[2] >= waits[0] && waits.iter().all(|wait| *wait <= Duration::from_secs(1)), "{waits:?}");
    }
}

#[tokio::test]
async fn what_a_person_must_settle_is_asked_once() {
    for status in [400, 401, 403, 404, 500, 501] {
        let canary = ResponseTemplate::new(status).set_body_string("canary-in-a-body");
        let instance = answering(usize::MAX, canary).await;
        unavailable(&instance, &format!("status {status}")).await;
        assert_eq!(instance.asked(TABLE), 1, "{status}");
        instance.only_questions().await;
    }
}

#[tokio::test]
async fn a_refusal_says_whose_matter_it_is() {
    for (status, told) in
        [(401, "account or its secret"), (403, "read access"), (404, "may not see it"), (500, "failed")]
    {
        unavailable(&answering(1, ResponseTemplate::new(status)).await, told).await;
    }
}

#[tokio::test]
async fn a_broken_off_document_is_no_shorter_list() {
    let json = "application/json";
    for body in [
        r#"{"result":[{"sys_id":{"value":"a1","display_va"#,
        "",
        "[]",
        r#"{"result":{}}"#,
        r#"{"records":[]}"#,
        r#"{"result":[]} trailing"#,
        "<html>Log in</html>",
    ] {
        let answer = ResponseTemplate::new(200).insert_header("X-Total-Count", "0").set_body_raw(body, json);
        unavailable(&answering(usize::MAX, answer).await, "broken off").await;
    }
}

#[tokio::test]
async fn a_failure_told_beside_rows_is_no_shorter_list() {
    let body = r#"{"result":[],"error":{"message":"Transaction cancelled"},"status":"failure"}"#;
    let answer = ResponseTemplate::new(200).insert_header("X-Total-Count", "0").set_body_raw(body, "application/json");
    unavailable(&answering(usize::MAX, answer).await, "reports a failure").await;
}

#[tokio::test]
async fn a_login_page_is_no_answer() {
    let page = ResponseTemplate::new(200).set_body_raw("<html>canary</html>", "text/html");
    unavailable(&answering(usize::MAX, page).await, "login").await;
    let other = ResponseTemplate::new(200).set_body_raw(r#"{"result":[]}"#, "text/plain");
    unavailable(&answering(usize::MAX, other).await, "not declared as JSON").await;
}

#[tokio::test]
async fn an_answer_from_a_cache_is_refused() {
    for (name, value) in [("Age", "30"), ("X-Cache", "HIT"), ("Warning", "110 - \"stale\"")] {
        let instance = instance().await;
        instance.on_answer(move |asked, good| if asked.of == TABLE { good.insert_header(name, value) } else { good });
        unavailable(&instance, "cache").await;
        assert_eq!(instance.asked(TABLE), 1);
    }
}

#[tokio::test]
async fn an_answer_older_than_the_one_before_is_refused() {
    let instance = instance().await;
    instance.on_answer(|asked, good| {
        let date = if asked.of == TABLE { "Sat, 21 Nov 2026 01:00:00 GMT" } else { "Sat, 21 Nov 2026 02:00:00 GMT" };
        good.insert_header("Date", date)
    });
    unavailable(&instance, "older than the one before").await;
}

#[tokio::test]
async fn an_answer_older_than_one_of_an_earlier_reading_is_refused() {
    let instance = instance().await;
    let client = instance.client();
    let change = ChangeId::parse(CHANGE).unwrap();
    instance.on_answer(|_, good| good.insert_header("Date", "Sat, 21 Nov 2026 02:00:00 GMT"));
    client.record(&change, WITHIN).await.unwrap();
    // Every answer of the second reading is of the same morning.
    instance.on_answer(|_, good| good.insert_header("Date", "Sat, 21 Nov 2026 01:58:59 GMT"));
    let error = client.clone().holds(&change, WITHIN).await.unwrap_err();
    assert!(error.to_string().contains("older than the one before"), "{error}");
    // The seconds that this test may last are elapsed as well.
    instance.on_answer(|_, good| good.insert_header("Date", "Sat, 21 Nov 2026 01:59:20 GMT"));
    assert!(client.clone().holds(&change, WITHIN).await.is_ok(), "a minute is how far clocks may differ");
}

#[tokio::test]
async fn an_answer_that_stays_as_old_as_it_was_while_time_passes_is_refused() {
    let instance = instance().await;
    let client = instance.client();
    let change = ChangeId::parse(CHANGE).unwrap();
    instance.on_answer(|_, good| good.insert_header("Date", "Sat, 21 Nov 2026 02:00:00 GMT"));
    client.record(&change, WITHIN).await.unwrap();
    instance.pace.wait(Duration::from_secs(360)).await;
    // The very answer of before, kept on its way.
    for client in [client.clone(), client.clone()] {
        let error = client.holds(&change, WITHIN).await.unwrap_err();
        assert!(error.to_string().contains("older than the one before"), "{error}");
    }
    instance.on_answer(|_, good| good.insert_header("Date", "Sat, 21 Nov 2026 02:05:20 GMT"));
    assert!(client.holds(&change, WITHIN).await.is_ok(), "clocks may differ by a minute");
    instance.on_answer(|_, good| good.insert_header("Date", ""));
    assert!(client.holds(&change, WITHIN).await.is_ok(), "what tells no time is not held against it");
}

#[tokio::test]
async fn a_text_older_than_one_had_before_is_refused_and_origins_have_their_own_clocks() {
    let (one, other) = (MockServer::start().await, MockServer::start().await);
    let dated = async |server: &MockServer, date: &str| {
        server.reset().await;
        let answer = ResponseTemplate::new(200).set_body_raw("BEGIN:VCALENDAR", "text/calendar");
        Mock::given(any()).respond_with(answer.insert_header("Date", date)).mount(server).await;
    };
    let fetcher = Fetcher::new("the calendar", FetchLimits::default(), None).unwrap();
    let read = async |fetcher: Fetcher, server: &MockServer| {
        let url = format!("{}/calendar.ics?key=canary", server.uri()).parse().unwrap();
        fetcher.text(&url, "freeze calendar", WITHIN).await
    };
    dated(&one, "Sat, 21 Nov 2026 08:00:00 GMT").await;
    dated(&other, "Sat, 21 Nov 2026 05:00:00 GMT").await;
    assert!(read(fetcher.clone(), &one).await.is_ok());
    assert!(read(fetcher.clone(), &other).await.is_ok());
    dated(&one, "Sat, 21 Nov 2026 07:00:00 GMT").await;
    let error = read(fetcher.clone(), &one).await.unwrap_err();
    check_message(&error);
    assert!(error.to_string().contains("older than the one before"), "{error}");
    dated(&one, "Sat, 21 Nov 2026 08:00:01 GMT").await;
    assert!(read(fetcher, &one).await.is_ok());
}

#[tokio::test]
async fn an_answer_that_another_overtakes_on_its_way_is_not_stale() {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(200).set_body_raw("BEGIN:VCALENDAR", "text/calendar");
    let early = answer.clone().insert_header("Date", "Sat, 21 Nov 2026 02:00:00 GMT");
    let late = answer.insert_header("Date", "Sat, 21 Nov 2026 02:05:00 GMT");
    Mock::given(path("/slow")).respond_with(early.set_delay(Duration::from_millis(500))).mount(&server).await;
    Mock::given(path("/fast")).respond_with(late).mount(&server).await;
    let fetcher = Fetcher::new("the calendar", FetchLimits::default(), None).unwrap();
    let url = |of: &str| format!("{}/{of}", server.uri()).parse().unwrap();
    let (slow, fast) = (url("slow"), url("fast"));
    let (first, second) =
        tokio::join!(fetcher.text(&slow, "calendar", WITHIN), fetcher.text(&fast, "calendar", WITHIN));
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert!(fetcher.text(&slow, "calendar", WITHIN).await.is_err(), "asked for after the newer one");
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect() {
    let elsewhere = MockServer::start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(200)).mount(&elsewhere).await;
    for status in [301, 302, 303, 307, 308] {
        let answer = ResponseTemplate::new(status).insert_header("Location", elsewhere.uri().as_str());
        unavailable(&answering(usize::MAX, answer).await, "redirects elsewhere").await;
    }
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    let mut instance = instance().await;
    instance.more = format!("[limits]\nlargest_answer_mb = 1\n{MAPPING}");
    let long = ResponseTemplate::new(200).set_body_raw(vec![b' '; (1 << 20) + 1], "application/json");
    instance.on_answer(move |asked, good| if asked.of == TABLE { long.clone() } else { good });
    unavailable(&instance, "longer than 1048576 bytes").await;
}

/// A server that says what it is given to every connection and hangs up.
async fn raw(answer: String) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 8192];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}

#[tokio::test]
async fn a_body_shorter_than_announced_is_no_answer() {
    let instance = instance().await;
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Total-Count: 0\r\n";
    let body = "{\"result\":[]}";
    let change = ChangeId::parse(CHANGE).unwrap();
    for (framing, because) in [
        ("Content-Length: 200\r\n\r\n", "connection was lost"),
        ("Transfer-Encoding: chunked\r\n\r\n40\r\n", "connection was lost"),
        ("Connection: close\r\n\r\n", "does not tell where it ends"),
    ] {
        let address = raw(format!("{head}{framing}{body}")).await;
        let error = instance.client_at(&address).record(&change, WITHIN).await.unwrap_err();
        check_message(&error);
        assert!(error.to_string().contains(because), "{framing:?}: {error}");
    }
}

#[tokio::test]
async fn nobody_there_is_told_after_all_attempts() {
    let instance = instance().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let change = ChangeId::parse(CHANGE).unwrap();
    let error = instance.client_at(&address).record(&change, WITHIN).await.unwrap_err();
    assert!(error.to_string().contains("no connection") && error.to_string().contains("4 attempts"), "{error}");
    assert_eq!(instance.pace.waits.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn an_attachment_of_another_length_than_its_row_says_is_refused() {
    for content in [&b"%PDF"[..], b"", b"%PDF rollback plan and more"] {
        let instance = instance().await;
        let answer = ResponseTemplate::new(200).set_body_raw(content.to_vec(), "application/pdf");
        instance.on_answer(move |asked, good| {
            let plan = asked.of == "file" && asked.nth == 2;
            if plan { answer.clone() } else { good }
        });
        unavailable(&instance, "another length").await;
    }
}

#[tokio::test]
async fn a_text_from_an_address_is_had_whole_and_fresh_and_without_credentials() {
    let server = MockServer::start().await;
    let fetcher = Fetcher::new("the calendar", FetchLimits::default(), None).unwrap();
    let url = format!("{}/calendar.ics?key=canary", server.uri()).parse().unwrap();
    let serve = async |answer: ResponseTemplate| {
        server.reset().await;
        Mock::given(any()).respond_with(answer).mount(&server).await;
        fetcher.text(&url, "freeze calendar", WITHIN).await
    };
    let good = ResponseTemplate::new(200).set_body_raw("BEGIN:VCALENDAR", "text/calendar");
    assert_eq!(serve(good.clone()).await.unwrap(), "BEGIN:VCALENDAR");
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|request| !request.headers.contains_key("authorization")));
    for bad in [
        good.clone().insert_header("Age", "5"),
        good.set_body_raw("<html></html>", "text/html"),
        ResponseTemplate::new(200).set_body_raw(vec![0xff, 0xfe], "text/calendar"),
        ResponseTemplate::new(304),
        ResponseTemplate::new(206).set_body_raw("BEGIN", "text/calendar"),
    ] {
        let error = serve(bad).await.unwrap_err();
        check_message(&error);
        assert!(matches!(error, SourceError::Unavailable { .. }));
    }
    let plain = "http://calendar.example/x.ics".parse().unwrap();
    assert!(fetcher.text(&plain, "freeze calendar", WITHIN).await.is_err(), "unencrypted");
}

#[tokio::test]
async fn the_secret_is_in_no_debug_output() {
    let instance = instance().await;
    assert!(!format!("{:?}", instance.client()).contains(SECRET));
    instance.hide("change_request", "description");
    let error = refused(&instance).await;
    assert!(error.to_string().contains("no column description"), "{error}");
}
