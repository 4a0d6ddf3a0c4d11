//! Where the directory is, how its clients reach it while dird comes and goes, and what they tell one another.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::database::Database;
use e2e::wire::{Answer, Connection};
use serde_json::{Value, json};
use tokio::time::sleep;

/// Before somebody who found dird away tries again.
const AWAY: Duration = Duration::from_millis(10);

/// Fields of contacts that are fields of entries, in the order of [`Desk::stored`] and [`Desk::listed`].
const FIELDS: [&str; 5] = ["name", "email", "number", "mobile", "number_other"];

/// A directory, and a key for it.
#[derive(Clone)]
pub(super) struct Desk {
    address: SocketAddr,
    token: String,
    phonebook: String,
}

impl Desk {
    pub(super) fn new(address: SocketAddr, token: &str, phonebook: &str) -> Self {
        Self {
            address,
            token: token.to_owned(),
            phonebook: phonebook.to_owned(),
        }
    }

    pub(super) fn line(&self) -> Line {
        Line {
            desk: self.clone(),
            open: None,
        }
    }

    fn request(&self, method: &str, path: &str, (kind, body): (&str, &str)) -> Vec<u8> {
        format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\nContent-Type: {kind}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )
        .into_bytes()
    }

    /// A request of a directory function.
    pub(super) fn function(&self, function: &str, body: &Value) -> Vec<u8> {
        let method = match function {
            "get" | "query" => "POST",
            _ => "PUT",
        };
        let path = format!("/api/dir/{function}");
        self.request(method, &path, ("application/json", &body.to_string()))
    }

    /// A request to the phonebook's contacts; `path` is below them.
    pub(super) fn contacts(&self, method: &str, path: &str, body: (&str, &str)) -> Vec<u8> {
        let path = format!("/0.1/phonebooks/{}/contacts{path}", self.phonebook);
        self.request(method, &path, body)
    }

    /// The result of a function, on a connection of its own.
    pub(super) async fn ask(&self, function: &str, body: &Value) -> Result<Value> {
        let request = self.function(function, body);
        result(&e2e::wire::exchange(self.address, None, &request).await?)
    }

    /// The series and the counter.
    pub(super) async fn standing(&self) -> Result<(String, i64)> {
        let beyond = json!({"iterator": {"timestamp": (1_i64 << 53) - 1}});
        let told = self.ask("query", &beyond).await?;
        let series = told["series"].as_str().context("no series")?.to_owned();
        Ok((series, told["timestamp"].as_i64().context("no counter")?))
    }

    /// What the database has of each entry, by its uuid: timestamp, owner, [`FIELDS`], and the rest as JSON.
    pub(super) async fn stored(&self, database: &Database) -> Result<BTreeMap<String, Value>> {
        let query = format!(
            "SELECT e.uuid_text, e.timestamp, e.owner, e.data, c.fields FROM intercom_entry e \
             LEFT JOIN contact c ON c.uuid = e.contact_uuid \
             WHERE e.phonebook_uuid = '{}' AND CAST(e.deleted AS INTEGER) = 0",
            self.phonebook
        );
        let rows = database.rows(&query).await?.into_iter();
        rows.map(|row| {
            let [uuid, timestamp, owner, data, fields] = row.try_into().ok().context("columns")?;
            let fields: Value = match fields.as_str() {
                "" => json!({}),
                fields => serde_json::from_str(fields)?,
            };
            let timestamp: i64 = timestamp.parse()?;
            let data: Value = serde_json::from_str(&data)?;
            let row = json!([timestamp, owner, values(&fields), data["virtNumber"]]);
            Ok((uuid, row))
        })
        .collect()
    }

    /// What REST lists: [`FIELDS`] of each contact.
    pub(super) async fn listed(&self) -> Result<BTreeSet<[String; 5]>> {
        let request = self.contacts("GET", "", ("application/json", ""));
        let listed = e2e::wire::exchange(self.address, None, &request).await?;
        let listed = listed.json()?;
        let items = listed["items"].as_array().context("no items")?;
        ensure!(listed["total"] == items.len(), "not all are listed");
        Ok(items.iter().map(values).collect())
    }
}

/// [`FIELDS`] of a contact, its name as entries show it.
fn values(contact: &Value) -> [String; 5] {
    let text = |name: &str| contact[name].as_str().unwrap_or_default().to_owned();
    let mut values = FIELDS.map(text);
    if values[0].is_empty() {
        let both = format!("{} {}", text("firstname"), text("lastname"));
        both.trim().clone_into(&mut values[0]);
    }
    values
}

/// [`FIELDS`] of an entry.
pub(super) fn shown(entry: &Value) -> [String; 5] {
    let peers = &entry["callPos"];
    let values = [
        &entry["name"],
        &entry["email"],
        &peers[0]["peer"],
        &peers[1]["peer"],
        &peers[2]["peer"],
    ];
    values.map(|value| value.as_str().unwrap_or_default().to_owned())
}

/// The result of a function that succeeded.
pub(super) fn result(answer: &Answer) -> Result<Value> {
    let answer = answer.json()?;
    ensure!(answer["success"] == true, "{answer}");
    Ok(answer["result"].clone())
}

/// A client's connection, opened again whenever dird was away.
pub(super) struct Line {
    pub(super) desk: Desk,
    open: Option<Connection>,
}

impl Line {
    /// The answer to a request. None if nobody knows what became of it: dird was away, or its database.
    pub(super) async fn send(&mut self, request: &[u8]) -> Option<Answer> {
        let answer = self.exchange(request).await.ok();
        let served = answer.filter(|answer| !matches!(answer.status, 429 | 503));
        if served.is_none() {
            self.open = None;
            sleep(AWAY).await;
        }
        served
    }

    async fn exchange(&mut self, request: &[u8]) -> Result<Answer> {
        let mut connection = match self.open.take() {
            Some(open) => open,
            None => Connection::open(self.desk.address, None).await?,
        };
        connection.send(request).await?;
        let answer = connection.answer().await?;
        let closes = answer.header("connection") == Some("close");
        self.open = (!closes).then_some(connection);
        Ok(answer)
    }
}

/// What everybody knows.
pub(super) struct Stage {
    /// How often the database was set back.
    set_back: AtomicUsize,
    /// Changes that each writer knows of.
    changes: Vec<AtomicUsize>,
    /// Answers that the follower has had.
    polls: AtomicUsize,
    ended: AtomicBool,
    quiet: AtomicBool,
}

impl Stage {
    pub(super) fn new(writers: usize) -> Self {
        Self {
            set_back: AtomicUsize::new(0),
            changes: (0..writers).map(|_| AtomicUsize::new(0)).collect(),
            polls: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            quiet: AtomicBool::new(false),
        }
    }

    pub(super) fn set_back(&self) -> usize {
        self.set_back.load(Ordering::SeqCst)
    }

    pub(super) fn forget(&self) {
        self.set_back.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn changed(&self, writer: usize) {
        self.changes[writer].fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn polled(&self) {
        self.polls.fetch_add(1, Ordering::SeqCst);
    }

    /// Where everybody stands: the follower first.
    pub(super) fn counts(&self) -> Vec<usize> {
        let all = std::iter::once(&self.polls).chain(&self.changes);
        all.map(|count| count.load(Ordering::SeqCst)).collect()
    }

    /// Writers are to stop.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// The last change was made.
    pub(super) fn nobody_writes(&self) {
        self.quiet.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.quiet.load(Ordering::SeqCst)
    }
}
