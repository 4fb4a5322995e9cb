//! A small instance: tables that answer questions as the Table API does, attachments, and faults in any answer.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use portal_agent::sources::fetch::Pace;
use portal_agent::sources::servicenow::{ServiceNow, mapping_file};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// Planted: stands in no message, whatever happens.
pub const SECRET: &str = "canary-secret-7f3a";

/// Waits without time passing, and remembers for how long.
#[derive(Default)]
pub struct NoWait {
    passed: AtomicU64,
    pub waits: Mutex<Vec<Duration>>,
}

impl Pace for NoWait {
    fn now(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.passed.load(Ordering::SeqCst))
    }

    fn wait(&self, how_long: Duration) -> BoxFuture<'_, ()> {
        self.passed.fetch_add(u64::try_from(how_long.as_millis()).unwrap(), Ordering::SeqCst);
        self.waits.lock().unwrap().push(how_long);
        Box::pin(std::future::ready(()))
    }
}

/// What is asked: table or `file`, from which row, and the how-manieth question of that kind, from 1.
pub struct Asked {
    pub of: String,
    pub offset: usize,
    pub nth: usize,
}

type Rows = Vec<Map<String, Value>>;
type OnRows = Box<dyn Fn(&Asked, &mut Rows, &mut usize) + Send + Sync>;
type OnText = Box<dyn Fn(&Asked, String) -> String + Send + Sync>;
type OnAnswer = Box<dyn Fn(&Asked, ResponseTemplate) -> ResponseTemplate + Send + Sync>;

#[derive(Default)]
struct State {
    tables: Mutex<BTreeMap<String, Rows>>,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    asked: Mutex<BTreeMap<String, usize>>,
    on_rows: Mutex<Option<OnRows>>,
    on_text: Mutex<Option<OnText>>,
    on_answer: Mutex<Option<OnAnswer>>,
}

pub struct Instance {
    pub server: MockServer,
    pub folder: TempDir,
    pub pace: Arc<NoWait>,
    pub more: String,
    state: Arc<State>,
}

struct Api(Arc<State>);

fn cell(value: &Value) -> Value {
    match value {
        Value::Object(_) => value.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            json!({ "value": text, "display_value": text })
        }
    }
}

fn holds(row: &Map<String, Value>, condition: &str) -> bool {
    let value = |column: &str| row.get(column).map_or("", |cell| cell["value"].as_str().unwrap()).to_owned();
    if let Some((column, wanted)) = condition.split_once('=') {
        // As the real one compares.
        return value(column).eq_ignore_ascii_case(wanted);
    }
    let (column, wanted) = condition.split_once("IN").unwrap();
    wanted.split(',').any(|wanted| value(column).eq_ignore_ascii_case(wanted))
}

impl Respond for Api {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let query: BTreeMap<String, String> = request.url.query_pairs().into_owned().collect();
        let path = request.url.path().to_owned();
        let table = path.strip_prefix("/api/now/table/").map(str::to_owned);
        let number = |name: &str| query.get(name).map_or(0, |text| text.parse::<usize>().unwrap());
        let of = table.clone().unwrap_or_else(|| "file".to_owned());
        let nth = {
            let mut asked = self.0.asked.lock().unwrap();
            let nth = asked.entry(of.clone()).or_insert(0);
            *nth += 1;
            *nth
        };
        let asked = Asked { of, offset: number("sysparm_offset"), nth };
        let answer = match table {
            Some(table) => self.rows(&table, &query, &asked, number("sysparm_limit")),
            None => {
                let key = path.trim_start_matches("/api/now/attachment/").trim_end_matches("/file").to_owned();
                match self.0.files.lock().unwrap().get(&key) {
                    Some(bytes) => ResponseTemplate::new(200).set_body_raw(bytes.clone(), "application/octet-stream"),
                    None => ResponseTemplate::new(404),
                }
            }
        };
        match &*self.0.on_answer.lock().unwrap() {
            Some(change) => change(&asked, answer),
            None => answer,
        }
    }
}

impl Api {
    fn rows(&self, table: &str, query: &BTreeMap<String, String>, asked: &Asked, limit: usize) -> ResponseTemplate {
        let wanted: Vec<&str> = query["sysparm_query"].split('^').collect();
        assert!(wanted.contains(&"ORDERBYsys_id") && query["sysparm_display_value"] == "all");
        let columns: Vec<&str> = query["sysparm_fields"].split(',').collect();
        let tables = self.0.tables.lock().unwrap();
        let mut rows = tables.get(table).cloned().unwrap_or_default();
        rows.retain(|row| wanted.iter().filter(|one| !one.starts_with("ORDERBY")).all(|one| holds(row, one)));
        rows.sort_by_key(|row| row["sys_id"]["value"].as_str().unwrap().to_owned());
        let mut total = rows.len();
        let mut page: Rows = rows.into_iter().skip(asked.offset).take(limit).collect();
        for row in &mut page {
            row.retain(|column, _| columns.contains(&column.as_str()));
        }
        if let Some(change) = &*self.0.on_rows.lock().unwrap() {
            change(asked, &mut page, &mut total);
        }
        let mut text = json!({ "result": page }).to_string();
        if let Some(change) = &*self.0.on_text.lock().unwrap() {
            text = change(asked, text);
        }
        ResponseTemplate::new(200)
            .insert_header("X-Total-Count", total.to_string().as_str())
            .set_body_raw(text, "application/json;charset=UTF-8")
    }
}

impl Instance {
    pub async fn new() -> Self {
        let server = MockServer::start().await;
        let state = Arc::new(State::default());
        Mock::given(any()).respond_with(Api(Arc::clone(&state))).mount(&server).await;
        let folder = tempfile::tempdir().unwrap();
        Self { server, folder, pace: Arc::default(), more: String::new(), state }
    }

    /// Puts a row into a table; a cell is a text, or both of its texts.
    pub fn row(&self, table: &str, row: &Value) {
        let cells = row.as_object().unwrap().iter().map(|(column, value)| (column.clone(), cell(value))).collect();
        self.state.tables.lock().unwrap().entry(table.to_owned()).or_default().push(cells);
    }

    /// Attaches a file to a row.
    pub fn file(&self, table: &str, owner: &str, key: &str, name: &str, content: &[u8]) {
        self.row(
            "sys_attachment",
            &json!({ "sys_id": key, "table_name": table, "table_sys_id": owner, "file_name": name,
                "size_bytes": content.len() }),
        );
        self.state.files.lock().unwrap().insert(key.to_owned(), content.to_vec());
    }

    /// Changes one cell of every row of a table whose key starts like this.
    pub fn set(&self, table: &str, key: &str, column: &str, value: &str) {
        for row in self.state.tables.lock().unwrap().get_mut(table).unwrap() {
            if row["sys_id"]["value"].as_str().unwrap().starts_with(key) {
                row.insert(column.to_owned(), cell(&value.into()));
            }
        }
    }

    /// Takes a column out of every row of a table, as access rules do.
    pub fn hide(&self, table: &str, column: &str) {
        self.state.tables.lock().unwrap().get_mut(table).unwrap().iter_mut().for_each(|row| {
            row.remove(column);
        });
    }

    pub fn on_rows(&self, change: impl Fn(&Asked, &mut Rows, &mut usize) + Send + Sync + 'static) {
        *self.state.on_rows.lock().unwrap() = Some(Box::new(change));
    }

    pub fn on_text(&self, change: impl Fn(&Asked, String) -> String + Send + Sync + 'static) {
        *self.state.on_text.lock().unwrap() = Some(Box::new(change));
    }

    pub fn on_answer(&self, change: impl Fn(&Asked, ResponseTemplate) -> ResponseTemplate + Send + Sync + 'static) {
        *self.state.on_answer.lock().unwrap() = Some(Box::new(change));
    }

    /// How often that was asked.
    pub fn asked(&self, of: &str) -> usize {
        self.state.asked.lock().unwrap().get(of).copied().unwrap_or(0)
    }

    pub fn client(&self) -> ServiceNow {
        self.client_at(&self.server.uri())
    }

    pub fn client_at(&self, address: &str) -> ServiceNow {
        let limits = if self.more.contains("[limits]") { "" } else { "[limits]\npage_size = 2\n" };
        let text = format!(
            "schema = \"portal-agent/servicenow/1\"\nurl = \"{address}\"\n[auth]\nkind = \"basic\"\nuser = \"svc\"\n{limits}{}",
            self.more
        );
        let mapping = mapping_file::parse(std::path::Path::new("servicenow.toml"), &text).unwrap();
        let secret = SecretString::from(SECRET.to_owned());
        ServiceNow::new(mapping, secret, self.folder.path().to_owned()).unwrap().with_pace(Arc::clone(&self.pace) as _)
    }

    /// Whatever lies in the private folder.
    pub fn left(&self) -> usize {
        std::fs::read_dir(self.folder.path()).unwrap().count()
    }

    /// Asserts that questions alone were asked, each with the credentials and past every cache.
    pub async fn only_questions(&self) {
        let requests = self.server.received_requests().await.unwrap();
        assert!(!requests.is_empty());
        for request in requests {
            assert_eq!(request.method.as_str(), "GET");
            assert!(request.body.is_empty());
            assert_eq!(request.headers["cache-control"], "no-cache, no-store");
            assert!(request.headers["authorization"].to_str().unwrap().starts_with("Basic "));
        }
    }
}
