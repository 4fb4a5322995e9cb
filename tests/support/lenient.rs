//! A web server that is lenient in every way that is known: it takes for a request what a strict one would take for a body.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use portal_agent::gateway::policy::{GatewayPolicy, Origin};
use portal_agent::selectors::requests::RequestPattern;
use portal_agent::selectors::schema::Beacons;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// How a server finds the end of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// It leaves every body unread.
    AfterHead,
    /// It reads a body after POST and PUT alone.
    AfterHeadUnlessPost,
    /// `Content-Length` alone, the first of several.
    ByFirstLength,
    /// `Content-Length` alone, the last of several.
    ByLastLength,
    /// `Transfer-Encoding`, in whatever spelling, before `Content-Length`.
    ByChunks,
}

pub const EVERY_END: [Ends; 5] =
    [Ends::AfterHead, Ends::AfterHeadUnlessPost, Ends::ByFirstLength, Ends::ByLastLength, Ends::ByChunks];

/// One request as the server took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Took {
    pub method: String,
    pub target: String,
    /// Whether method or target are not those of its first line.
    pub overridden: bool,
    /// Which of its connection, from 0.
    pub place: usize,
}

pub struct Lenient {
    pub address: SocketAddr,
    took: Arc<Mutex<Vec<Took>>>,
    _tasks: JoinSet<()>,
}

impl Lenient {
    /// A server whose every answer is this page.
    pub async fn start(ends: Ends, page: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let took: Arc<Mutex<Vec<Took>>> = Arc::default();
        let seen = Arc::clone(&took);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, ends, page, Arc::clone(&seen)));
            }
        });
        Self { address, took, _tasks: tasks }
    }

    pub fn took(&self) -> Vec<Took> {
        self.took.lock().unwrap().clone()
    }

    /// What nobody may have taken for a request of its own, or for another one than it is.
    pub fn forged(&self) -> Vec<String> {
        let reads = |method: &str| matches!(method, "GET" | "HEAD" | "OPTIONS");
        let commits = |took: &Took| !reads(&took.method) && took.target.contains("submit");
        let unknown = |took: &Took| !reads(&took.method) && !matches!(took.method.as_str(), "POST" | "PUT");
        let smuggled = |took: &Took| took.target.contains("smuggled") || !took.target.starts_with('/');
        let forged = |took: &Took| took.overridden || commits(took) || unknown(took) || smuggled(took);
        let took = self.took().into_iter().filter(forged);
        took.map(|took| format!("{} {} as number {} of its connection", took.method, took.target, took.place)).collect()
    }

    /// What a map would declare for it.
    pub fn policy(&self) -> GatewayPolicy {
        let pattern = |id: &str, method: &str, path: &str, body: &[(&str, &str)]| {
            let body = body.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            RequestPattern::parse(id, method, path, &body).unwrap()
        };
        let base = Origin { scheme: "http".into(), host: "127.0.0.1".into(), port: self.address.port() };
        GatewayPolicy {
            origins: [base.clone()].into(),
            base,
            requests: vec![
                pattern("update", "POST", "/api/{draft}", &[]),
                pattern("upload", "PUT", "/upload/{draft}", &[]),
                pattern("save", "POST", "/graphql", &[("operationName", "Save")]),
            ],
            sign_in: "/login".into(),
            beacons: Beacons::Refuse,
            commit: pattern("commit", "POST", "/api/{draft}/submit", &[]),
        }
    }
}

/// Bytes that came and were not read yet.
struct Coming {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Coming {
    async fn more(&mut self) -> bool {
        let mut piece = [0; 4096];
        let read = self.stream.read(&mut piece).await.unwrap_or(0);
        self.bytes.extend_from_slice(&piece[..read]);
        read > 0
    }

    /// A line, ended by LF with or without CR.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.bytes.drain(..=end).collect();
                return Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn skip(&mut self, count: usize) -> Option<()> {
        while self.bytes.len() < count {
            if !self.more().await {
                return None;
            }
        }
        self.bytes.drain(..count);
        Some(())
    }
}

/// Headers as this server reads them: no difference between `-` and `_`, blanks before the colon, folded lines joined.
struct Head {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
}

impl Head {
    async fn read(coming: &mut Coming) -> Option<Self> {
        let mut first = coming.line().await?;
        while first.trim().is_empty() {
            first = coming.line().await?;
        }
        let mut words = first.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next()?, words.next().unwrap_or_default());
        let mut headers: Vec<(String, String)> = Vec::new();
        loop {
            let line = coming.line().await?;
            if line.is_empty() {
                break;
            }
            match (line.starts_with([' ', '\t']), headers.last_mut(), line.split_once(':')) {
                (true, Some((_, value)), _) => value.push_str(line.trim()),
                (_, _, Some((name, value))) => {
                    let name = name.trim().to_ascii_lowercase().replace(['_', '.'], "-");
                    headers.push((name, value.trim().to_owned()));
                }
                (_, _, None) => {}
            }
        }
        Some(Self { method, target, headers })
    }

    fn all(&self, name: &str) -> Vec<&str> {
        self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    fn length(&self, last: bool) -> usize {
        let lengths = self.all("content-length");
        let length = if last { lengths.last() } else { lengths.first() };
        length.and_then(|text| text.trim_matches(['+', ' ']).split(',').next()?.trim().parse().ok()).unwrap_or(0)
    }

    /// The request as a framework behind this server takes it.
    fn taken_for(&self, body: &str, place: usize) -> Took {
        let overriding = ["x-http-method-override", "x-http-method", "x-method-override"];
        let named = overriding.iter().find_map(|name| self.all(name).first().map(|text| (*text).to_owned()));
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        let bytes = self.all("content-type").iter().any(|kind| kind.contains("octet-stream"));
        let body = if bytes { "" } else { body };
        let pairs = [query, body].join("&").replace(';', "&");
        let parameter = form_urlencoded::parse(pairs.as_bytes()).find(|(name, _)| name.eq_ignore_ascii_case("_method"));
        let parameter = parameter.map(|(_, value)| value.into_owned());
        let elsewhere = ["x-original-url", "x-rewrite-url"];
        let target = elsewhere.iter().find_map(|name| self.all(name).first().map(|text| (*text).to_owned()));
        let named = named.or(parameter);
        Took {
            overridden: named.is_some() || target.is_some(),
            method: named.unwrap_or_else(|| self.method.clone()).to_ascii_uppercase(),
            target: target.unwrap_or_else(|| self.target.clone()),
            place,
        }
    }
}

async fn chunks(coming: &mut Coming) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let line = coming.line().await?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).unwrap_or(0).min(1 << 20);
        if size == 0 {
            // Trailers are not looked for.
            coming.line().await?;
            return Some(all);
        }
        while coming.bytes.len() < size {
            if !coming.more().await {
                return None;
            }
        }
        all.extend(coming.bytes.drain(..size));
        coming.line().await?;
    }
}

/// Reads the body as far as this server does; what it has of it by then.
async fn body(coming: &mut Coming, head: &Head, ends: Ends) -> Option<String> {
    let chunked = head.all("transfer-encoding").iter().any(|how| how.to_ascii_lowercase().contains("chunked"));
    let length = match ends {
        Ends::AfterHead => 0,
        Ends::AfterHeadUnlessPost if !matches!(head.method.as_str(), "POST" | "PUT") => 0,
        Ends::ByChunks if chunked => {
            return Some(String::from_utf8_lossy(&chunks(coming).await?).into_owned());
        }
        Ends::AfterHeadUnlessPost | Ends::ByFirstLength | Ends::ByChunks => head.length(false),
        Ends::ByLastLength => head.length(true),
    };
    let text = String::from_utf8_lossy(&coming.bytes[..length.min(coming.bytes.len())]).into_owned();
    coming.skip(length).await?;
    Some(text)
}

async fn serve(stream: TcpStream, ends: Ends, page: &'static str, took: Arc<Mutex<Vec<Took>>>) {
    let mut coming = Coming { stream, bytes: Vec::new() };
    for place in 0.. {
        let Some(head) = Head::read(&mut coming).await else { return };
        let read = body(&mut coming, &head, ends).await;
        took.lock().unwrap().push(head.taken_for(read.as_deref().unwrap_or_default(), place));
        if read.is_none() {
            return;
        }
        let content = if head.method == "HEAD" { "" } else { page };
        let length = page.len();
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n\r\n{content}");
        if coming.stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
        if head.all("connection").iter().any(|what| what.eq_ignore_ascii_case("close")) {
            return;
        }
    }
}
