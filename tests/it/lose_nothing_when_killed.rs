//! dird is killed while phonebooks are written: what was acknowledged before is there afterwards, and nothing that nobody sent.
//!
//! `SOAK_ROUNDS` sets how often it is killed; a few times by default.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use e2e::daemon::Daemon;
use e2e::site::{PATIENCE, Plan};
use e2e::wire::{Answer, Connection};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

/// Writers at once.
const WRITERS: usize = 4;

/// Changes that are acknowledged before dird is killed, at least.
const ENOUGH: usize = 60;

/// Rows of an imported file.
const ROWS: usize = 20;

/// Names of contacts, each with the number it has.
type Contacts = BTreeMap<String, String>;

/// Where the phonebook is, and who may write it.
#[derive(Clone)]
struct Desk {
    address: SocketAddr,
    token: String,
    contacts: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_change_outlives_a_kill() -> Result<()> {
    let plan = Plan::demo()?;
    let key = plan
        .dird(&["key", "create", "writer", "--acl", "dird.#"])
        .await?;
    ensure!(key.status == Some(0), "no key: {}", key.output);
    let token = key.output.lines().next().context("no key")?.to_owned();
    let mut dird = plan.start_dird().await?;
    let mut desk = Desk {
        address: rest(&plan)?,
        token,
        contacts: "/phonebooks".to_owned(),
    };
    let book = desk.send("POST", "", "", &json!({"name": "book"})).await?;
    let uuid = book.json()?["uuid"].as_str().context("no uuid")?.to_owned();
    desk.contacts = format!("/phonebooks/{uuid}/contacts");

    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    for round in 0..rounds() {
        writers = write_until_killed(&mut dird, &desk, writers).await?;
        dird = plan.start_dird().await?;
        desk.address = rest(&plan)?;
        let mut kept = desk.kept().await?;
        for writer in &mut writers {
            let of_his = |name: &String| name.starts_with(&writer.prefix);
            let his: Contacts = kept
                .iter()
                .filter(|(name, _)| of_his(name))
                .map(|(name, number)| (name.clone(), number.clone()))
                .collect();
            kept.retain(|name, _| !of_his(name));
            writer
                .assert_kept(his)
                .with_context(|| format!("after kill {round}"))?;
        }
        ensure!(kept.is_empty(), "nobody wrote {kept:?}");
    }
    dird.stop(PATIENCE).await?;
    Ok(())
}

fn rounds() -> usize {
    let asked = std::env::var("SOAK_ROUNDS").ok();
    asked.and_then(|rounds| rounds.parse().ok()).unwrap_or(3)
}

fn rest(plan: &Plan) -> Result<SocketAddr> {
    let port = plan.dird["rest_api"]["port"].as_u64().context("no port")?;
    Ok(([127, 0, 0, 1], u16::try_from(port)?).into())
}

/// Lets everybody write, kills dird in the middle, and waits until everybody has noticed.
async fn write_until_killed(
    dird: &mut Daemon,
    desk: &Desk,
    writers: Vec<Writer>,
) -> Result<Vec<Writer>> {
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let at_work: Vec<JoinHandle<Result<Writer>>> = writers
        .into_iter()
        .map(|writer| tokio::spawn(writer.write(desk.clone(), Arc::clone(&acknowledged))))
        .collect();
    while acknowledged.load(Ordering::SeqCst) < ENOUGH {
        ensure!(
            !at_work.iter().any(JoinHandle::is_finished),
            "a writer gave up"
        );
        tokio::task::yield_now().await;
    }
    dird.signal(Signal::SIGKILL)?;
    dird.ended(PATIENCE).await?;
    let mut writers = Vec::new();
    for writer in at_work {
        writers.push(writer.await??);
    }
    Ok(writers)
}

impl Desk {
    fn request(&self, method: &str, path: &str, kind: &str, body: &str) -> Vec<u8> {
        format!(
            "{method} /0.1{}{path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\n\
             Content-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
            self.contacts,
            self.token,
            body.len()
        )
        .into_bytes()
    }

    /// One request on a connection of its own, which must succeed.
    async fn send(&self, method: &str, path: &str, kind: &str, body: &Value) -> Result<Answer> {
        let request = self.request(method, path, kind, &body.to_string());
        let answer = e2e::wire::exchange(self.address, None, &request).await?;
        ensure!(answer.status < 300, "{method} {path}: {}", answer.status);
        Ok(answer)
    }

    /// What is in the phonebook.
    async fn kept(&self) -> Result<Contacts> {
        let listed = self.send("GET", "", "", &Value::Null).await?.json()?;
        let items = listed["items"].as_array().context("no items")?;
        let text = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
        let kept: Contacts = items
            .iter()
            .map(|item| (text(item, "name"), text(item, "number")))
            .collect();
        ensure!(kept.len() == items.len(), "a contact is there twice");
        Ok(kept)
    }
}

/// Somebody who writes contacts that nobody else writes, and remembers what was acknowledged.
struct Writer {
    prefix: String,
    written: usize,
    acknowledged: Contacts,
    /// Identifiers of contacts that were created one by one.
    known: BTreeMap<String, String>,
    /// What the phonebook has of this writer's if the last change was made, though nobody heard of it.
    maybe: Option<Contacts>,
}

/// A change on its way.
struct Change {
    request: Vec<u8>,
    /// What is there once it is made.
    after: Contacts,
    /// Name of the contact that it creates, whose identifier comes with the answer.
    creates: Option<String>,
}

impl Writer {
    fn new(number: usize) -> Self {
        Self {
            prefix: format!("w{number}-"),
            written: 0,
            acknowledged: Contacts::new(),
            known: BTreeMap::new(),
            maybe: None,
        }
    }

    /// Writes until dird is gone.
    async fn write(mut self, desk: Desk, acknowledged: Arc<AtomicUsize>) -> Result<Self> {
        let mut connection = Connection::open(desk.address, None).await?;
        loop {
            let change = self.change(&desk);
            self.maybe = Some(change.after.clone());
            let sent = connection.send(&change.request).await;
            let (Ok(()), Ok(answer)) = (sent, connection.answer().await) else {
                return Ok(self);
            };
            ensure!(answer.status < 300, "status {}", answer.status);
            if let Some(name) = change.creates {
                let id = answer.json()?["id"].as_str().map(str::to_owned);
                self.known.insert(name, id.context("no identifier")?);
            }
            self.acknowledged = change.after;
            self.maybe = None;
            acknowledged.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn next_name(&mut self) -> String {
        self.written += 1;
        format!("{}{}", self.prefix, self.written)
    }

    /// Creations, edits, removals and imports in turn.
    fn change(&mut self, desk: &Desk) -> Change {
        let mut after = self.acknowledged.clone();
        let one = self
            .known
            .iter()
            .nth(self.written % self.known.len().max(1));
        let one = one.map(|(name, id)| (name.clone(), id.clone()));
        match (self.written % 5, one) {
            (1, Some((name, id))) => {
                self.written += 1;
                let number = format!("edit {}", self.written);
                let body = json!({"name": name, "number": number}).to_string();
                after.insert(name, number);
                Change {
                    request: desk.request("PUT", &format!("/{id}"), "", &body),
                    after,
                    creates: None,
                }
            }
            (3, Some((name, id))) => {
                self.written += 1;
                self.known.remove(&name);
                after.remove(&name);
                Change {
                    request: desk.request("DELETE", &format!("/{id}"), "", ""),
                    after,
                    creates: None,
                }
            }
            (4, _) => {
                let mut sheet = "name,number\n".to_owned();
                for _ in 0..ROWS {
                    let name = self.next_name();
                    sheet.extend([&name, ",1\n"]);
                    after.insert(name, "1".to_owned());
                }
                Change {
                    request: desk.request("POST", "/import", "text/csv", &sheet),
                    after,
                    creates: None,
                }
            }
            _ => {
                let name = self.next_name();
                let body = json!({"name": name, "number": "0"}).to_string();
                after.insert(name.clone(), "0".to_owned());
                Change {
                    request: desk.request("POST", "", "", &body),
                    after,
                    creates: Some(name),
                }
            }
        }
    }

    /// The phonebook has what was acknowledged, or with it the whole of the one change that was on its way.
    fn assert_kept(&mut self, kept: Contacts) -> Result<()> {
        let maybe = self.maybe.take();
        ensure!(
            kept == self.acknowledged || Some(&kept) == maybe.as_ref(),
            "{}: acknowledged {:?}, on its way {maybe:?}, kept {kept:?}",
            self.prefix,
            self.acknowledged
        );
        self.known.retain(|name, _| kept.contains_key(name));
        self.acknowledged = kept;
        Ok(())
    }
}
