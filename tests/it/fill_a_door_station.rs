//! Tools fill the directory of door stations: what the demo site shows them, and what is left when dird is killed while they
//! write.
//!
//! `SOAK_ROUNDS` sets how often it is killed; a few times by default.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use e2e::daemon::Daemon;
use e2e::postgres::Cluster;
use e2e::site::{PATIENCE, Plan};
use e2e::wire::{Answer, Connection};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

/// Answers before dird is killed, at least.
const ENOUGH: usize = 40;
/// Entries of a call.
const AT_ONCE: usize = 5;
/// What opens a door, and belongs in no log.
const PIN: &str = "8642097531";

/// Where the directory is, and who may write it.
struct Desk {
    address: SocketAddr,
    token: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answered_write_outlives_a_kill() -> Result<()> {
    killed_and_started_again(Plan::demo()?).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_too_every_answered_write_outlives_a_kill() -> Result<()> {
    let mut plan = Plan::demo()?;
    let made = tokio::task::spawn_blocking(|| Cluster::shared().database());
    plan.dird["db_uri"] = json!(made.await??);
    killed_and_started_again(plan).await
}

async fn killed_and_started_again(mut plan: Plan) -> Result<()> {
    plan.dird["intercom"] = json!({"enabled": true, "transport": "any", "state_directory": plan.file("state"), "limits": {"burst": 100_000}});
    plan.dird["debug"] = json!(true);
    let demo = plan.load().await?;
    let entry = demo.entry.clone().context("no entry")?;
    let tenant = &demo.people.first().context("nobody")?.0;
    let acl = ["--acl", "dird.intercom.#"];
    let key = plan
        .dird(&[&["key", "create", "door"], &acl[..], &["--tenant", tenant]].concat())
        .await?;
    ensure!(key.status == Some(0), "no key: {}", key.output);
    let mut dird = plan.start_dird().await?;
    let mut desk = Desk {
        address: rest(&plan)?,
        token: key.output.trim().to_owned(),
    };
    let shown = desk
        .ask("get", &json!({"users": [{ "uuid": entry }]}))
        .await?;
    ensure!(shown["users"][0]["name"].is_string(), "{shown}");

    let mut acknowledged = BTreeMap::new();
    for round in 0..rounds() {
        let (series, before) = desk.standing().await?;
        let last = desk
            .write_until_killed(&mut dird, &mut acknowledged)
            .await?;
        dird = plan.start_dird().await?;
        desk.address = rest(&plan)?;
        let (now, counter) = desk.standing().await?;
        ensure!(now == series, "round {round}: another series");
        ensure!(
            counter >= last && last > before,
            "round {round}: {before} {last} {counter}"
        );
        let kept = desk.kept(&acknowledged).await;
        acknowledged = kept.with_context(|| format!("round {round}"))?;
    }
    no_pin_is_told(&plan, &desk, dird).await
}

/// What opens doors was written, and sent with a fault; neither the answer nor any log has it.
async fn no_pin_is_told(plan: &Plan, desk: &Desk, dird: Daemon) -> Result<()> {
    let refused = json!({"users": [{"access": {"pin": format!("{PIN}x")}}]});
    let refused = desk.ask("create", &refused).await?;
    ensure!(!refused.to_string().contains(PIN), "{refused}");
    let said = dird.output();
    dird.stop(PATIENCE).await?;
    let log = std::fs::read_to_string(plan.file("dird.log"))?;
    ensure!(
        log.contains("/api/dir/create"),
        "the log knows nothing of it"
    );
    ensure!(
        !log.contains(PIN) && !said.contains(PIN),
        "a PIN is in the log"
    );
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

impl Desk {
    fn request(&self, function: &str, body: &Value) -> Vec<u8> {
        let method = if matches!(function, "get" | "query") {
            "POST"
        } else {
            "PUT"
        };
        let body = body.to_string();
        format!(
            "{method} /api/dir/{function} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.token,
            body.len()
        )
        .into_bytes()
    }

    async fn ask(&self, function: &str, body: &Value) -> Result<Value> {
        let request = self.request(function, body);
        let answer = e2e::wire::exchange(self.address, None, &request).await?;
        result(&answer)
    }

    /// The series, and the last timestamp.
    async fn standing(&self) -> Result<(String, i64)> {
        let all = self.ask("query", &json!({"fields": ["name"]})).await?;
        let series = all["series"].as_str().context("no series")?.to_owned();
        Ok((series, all["timestamp"].as_i64().context("no timestamp")?))
    }

    /// Creates and updates until dird, which is killed in the middle, is gone; the last timestamp that was answered.
    async fn write_until_killed(
        &self,
        dird: &mut Daemon,
        acknowledged: &mut BTreeMap<String, String>,
    ) -> Result<i64> {
        let mut connection = Connection::open(self.address, None).await?;
        let mut last = 0;
        for written in 0.. {
            if written == ENOUGH {
                dird.signal(Signal::SIGKILL)?;
            }
            let name = format!("n{written}");
            let (function, users) = match acknowledged.keys().next() {
                Some(uuid) if written % 3 == 0 => (
                    "update",
                    vec![
                        json!({"uuid": uuid, "name": name, "virtNumber": "7", "access": {"code": [PIN]}}),
                    ],
                ),
                _ => (
                    "create",
                    vec![json!({"name": name, "virtNumber": "7", "access.pin": PIN}); AT_ONCE],
                ),
            };
            let request = self.request(function, &json!({ "users": users }));
            let sent = connection.send(&request).await;
            let (Ok(()), Ok(answer)) = (sent, connection.answer().await) else {
                break;
            };
            for one in result(&answer)?["users"].as_array().context("no users")? {
                let uuid = one["uuid"].as_str().context("no uuid")?;
                last = one["timestamp"].as_i64().context("no timestamp")?;
                acknowledged.insert(uuid.to_owned(), name.clone());
            }
        }
        dird.ended(PATIENCE).await?;
        Ok(last)
    }

    /// What is there: every acknowledged entry, and of a call that nobody heard of all of it or nothing.
    async fn kept(
        &self,
        acknowledged: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>> {
        let all = self.ask("query", &json!({})).await?;
        let all = all["users"].as_array().context("no users")?;
        let own = all.iter().filter(|one| one["virtNumber"] == "7");
        let text = |one: &Value, name: &str| Some(one[name].as_str()?.to_owned());
        let own: BTreeMap<String, String> = own
            .filter_map(|one| Some((text(one, "uuid")?, text(one, "name")?)))
            .collect();
        let mut changed = 0;
        for (uuid, name) in acknowledged {
            let kept = own.get(uuid).context("an entry is gone")?;
            changed += usize::from(kept != name);
        }
        ensure!(
            changed <= 1,
            "{changed} entries are not as they were acknowledged"
        );
        let unheard = own.len() - acknowledged.len();
        ensure!(
            unheard.is_multiple_of(AT_ONCE),
            "half a call is there: {unheard}"
        );
        Ok(own)
    }
}

fn result(answer: &Answer) -> Result<Value> {
    let answer = answer.json()?;
    ensure!(answer["success"] == true, "{answer}");
    Ok(answer["result"].clone())
}
