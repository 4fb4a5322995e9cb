//! Nothing that is sent to the gateway becomes a second request at a server that is lenient in every way that is known.

use std::sync::Arc;
use std::time::Duration;

use portal_agent::gateway::doorway::Doorway;
use portal_agent::gateway::proxy::Gateway;
use portal_agent::gateway::upstream::PortalLink;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::lenient::{EVERY_END, Ends, Lenient};

/// Requests for each kind of server.
const REQUESTS: u64 = 2_400;

struct RandomSource(u64);

impl RandomSource {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ (mixed >> 29)
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[usize::try_from(self.next() % choices.len() as u64).unwrap()]
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }
}

const METHODS: [&str; 12] =
    ["GET", "HEAD", "OPTIONS", "POST", "POST", "POST", "PUT", "DELETE", "TRACE", "get", "PROPFIND", "FOO"];

const TARGETS: [&str; 12] = [
    "/any/thing",
    "/any/thing?a=1",
    "/any/thing?_method=post",
    "/any/thing?a=1;_method=post",
    "/api/D1",
    "/api/D1?_method=delete",
    "/api/D1?%5Fmethod=delete",
    "/api/D1/submit",
    "/api/D1%2Fsubmit",
    "/graphql",
    "/upload/D1",
    "/api/D1%20HTTP/1.1%0d%0aX:%20y",
];

/// Headers beside the framing, some of which ask for another request.
const HEADERS: [&str; 14] = [
    "X-Plain: 1",
    "X-Carries: POST /api/D1/submit HTTP/1.1",
    "X-HTTP-Method-Override: DELETE",
    "X_HTTP_Method_Override: DELETE",
    "X-Original-URL: /api/D1/submit",
    "X_Rewrite_URL: /api/D1/submit",
    "Content_Length: 60",
    "Transfer_Encoding: chunked",
    "Transfer.Encoding: chunked",
    "Connection: Content-Length",
    "Connection: keep-alive, Content-Type",
    "Expect: 100-continue",
    "TE: trailers",
    "Upgrade: h2c",
];

const KINDS: [&str; 6] = [
    "",
    "Content-Type: application/x-www-form-urlencoded",
    "Content-Type: application/json",
    "Content-Type: multipart/form-data; boundary=b",
    "Content-Type: text/plain",
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Type: text/plain",
];

/// What a lenient server could take for the next request. None of them may ever arrive: the first is the commit, the others are
/// declared nowhere.
const FRAGMENTS: [&str; 6] = [
    "POST /api/D1/submit HTTP/1.1\r\nHost: x\r\n\r\n",
    "POST /smuggled HTTP/1.1\nHost: x\n\n",
    "\r\n\r\nPOST /smuggled HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
    "0\r\n\r\nPOST /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    "a=1&b=2\r\nPOST /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
    "a=1&_method=delete&x=POST /smuggled HTTP/1.1",
];

/// Ways to say how long the body is. `N` stands for its true length, `C` for the body in chunks.
const FRAMINGS: [&str; 18] = [
    "",
    "Content-Length: N",
    "Content-Length: 0",
    "Content-Length: 4",
    "Content-Length: N\r\nContent-Length: N",
    "Content-Length: 0\r\nContent-Length: N",
    "Content-Length: N, N",
    "Content-Length: +N",
    "Content-Length : N",
    "Content-Length:\r\n N",
    "Transfer-Encoding: chunked\tC",
    "Transfer-Encoding: chunked\r\nContent-Length: 4\tC",
    "Content-Length: 4\r\nTransfer-Encoding: chunked\tC",
    "Transfer-Encoding: identity, chunked\tC",
    "Transfer-Encoding: xchunked\tC",
    "Transfer-Encoding:\r\n chunked\tC",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\tC",
    "Transfer-Encoding\u{b}: chunked\tC",
];

fn in_chunks(body: &str, trailer: bool) -> String {
    let (first, second) = body.split_at(body.len().min(3));
    let chunk =
        |part: &str| if part.is_empty() { String::new() } else { format!("{:x};x=y\r\n{part}\r\n", part.len()) };
    let trailer = if trailer { "X: POST /smuggled HTTP/1.1\r\nContent-Length: 9\r\n" } else { "" };
    format!("{}{}0\r\n{trailer}\r\n", chunk(first), chunk(second))
}

/// One request, as bytes: plain as a rule, and odd in some of its parts, since too many would hide each other.
fn drawn(chance: &mut RandomSource, host: &str) -> Vec<u8> {
    let plain = ["GET /any/thing", "OPTIONS /any/thing", "POST /api/D1", "PUT /upload/D1"];
    let (method, target) = chance.of(&plain).split_once(' ').unwrap();
    let mut odd = |plain: &'static str, choices: &[&'static str]| {
        if chance.one_in(5) { chance.of(choices) } else { plain }
    };
    let (method, target) = (odd(method, &METHODS), odd(target, &TARGETS));
    let version = odd("HTTP/1.1", &["HTTP/1.0"]);
    let end = odd("\r\n", &["\n"]);
    let header = odd("", &HEADERS);
    let kind = odd("Content-Type: application/octet-stream", &KINDS);
    let hosts = odd("Host: HOST", &["Host: HOST\r\nHost: other.example.test", "Host: other.example.test"]);
    let body = if matches!(method, "POST" | "PUT") || chance.one_in(2) { chance.of(&FRAGMENTS) } else { "" };
    let framing = match (chance.one_in(3), body) {
        (true, _) => chance.of(&FRAMINGS),
        (false, "") => "",
        (false, _) => "Content-Length: N",
    };
    let (framing, chunked) = framing.split_once('\t').map_or((framing, false), |(framing, _)| (framing, true));
    let framing = framing.replace('N', &body.len().to_string());
    let body = if chunked { in_chunks(body, chance.one_in(3)) } else { body.to_owned() };
    let first = format!("{method} http://{host}{target} {version}");
    let hosts = hosts.replace("HOST", host);
    let lines = [&first, &hosts, "Connection: close", &framing, header, kind];
    let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    let head = lines.join(end);
    format!("{head}{end}{end}{body}").into_bytes()
}

/// Sends bytes, and reads until the other side is done or says nothing more.
async fn send(to: std::net::SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    // It may be refused before all of it was sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_millis(60), stream.read_to_end(&mut answer)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_sent_becomes_a_second_request() {
    let mut passed = 0;
    for (seed, ends) in EVERY_END.into_iter().enumerate() {
        let origin = Lenient::start(ends, "ok").await;
        let gateway = Gateway::start(
            origin.policy(),
            Arc::new(PortalLink::new(None).unwrap()),
            Doorway::of_this_account().unwrap(),
        )
        .unwrap();
        let host = format!("127.0.0.1:{}", origin.address.port());
        let mut chance = RandomSource(seed as u64);
        let requests: Vec<_> = (0..REQUESTS).map(|_| drawn(&mut chance, &host)).collect();
        for together in requests.chunks(32) {
            let sent = together.iter().map(|bytes| send(gateway.address(), bytes));
            futures_util::future::join_all(sent).await;
        }
        let found = origin.forged();
        assert!(found.is_empty(), "{ends:?}: {} of {REQUESTS}: {:#?}", found.len(), &found[..found.len().min(5)]);
        let took = origin.took().len() as u64;
        let admitted = gateway.control().passed();
        assert!(took <= admitted, "{ends:?}: {took} requests arrived, {admitted} were admitted");
        passed += took;
    }
    let sent = REQUESTS * EVERY_END.len() as u64;
    println!("{sent} requests sent, {passed} arrived, each as itself");
    assert!(passed > sent / 20, "the gateway lets hardly anything pass: {passed} of {sent}");
}

#[tokio::test]
async fn the_lenient_server_falls_for_every_trick_when_nothing_stands_before_it() {
    const COMMIT: &str = "POST /api/D1/submit HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = COMMIT.len();
    let tricks = [
        (Ends::AfterHead, format!("OPTIONS /x HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{COMMIT}")),
        (Ends::AfterHead, format!("POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{COMMIT}")),
        (Ends::AfterHeadUnlessPost, format!("GET /x HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{COMMIT}")),
        (
            Ends::ByFirstLength,
            format!("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: {length}\r\n\r\n{COMMIT}"),
        ),
        (
            Ends::ByLastLength,
            format!("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nContent-Length: 0\r\n\r\n{COMMIT}"),
        ),
        (
            Ends::ByFirstLength,
            format!(
                "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{COMMIT}"
            ),
        ),
        (
            Ends::ByChunks,
            format!(
                "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nTransfer_Encoding :\r\n xchunked\r\n\r\n0\r\n\r\n{COMMIT}",
                length + 5
            ),
        ),
        (Ends::ByFirstLength, "GET /x HTTP/1.1\nHost: x\nX-Original-URL: /api/D1/submit\n\n".to_owned()),
        (Ends::ByFirstLength, "POST /api/D1/submit?_method=post HTTP/1.1\r\n\r\n".to_owned()),
    ];
    for (ends, trick) in tricks {
        let origin = Lenient::start(ends, "ok").await;
        send(origin.address, trick.as_bytes()).await;
        assert!(!origin.forged().is_empty(), "{ends:?} did not fall for {trick:?}: {:?}", origin.took());
    }
}
