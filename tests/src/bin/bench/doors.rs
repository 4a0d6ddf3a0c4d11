//! The directory of door stations: how fast it is followed, read and filled, and what phones notice of that.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::load::Measured;
use e2e::phone::encode;
use e2e::site::{Plan, Site};
use e2e::wire;
use serde_json::{Value, json};

use crate::measure::load;
use crate::report::milliseconds;

/// Entries of the directory, all of them changed since a first query.
const ENTRIES: u32 = 10_000;
/// Entries of one `get`.
const LISTED: usize = 500;
/// Entries of one `create`.
const CREATED: usize = 5_000;
/// Phones that look people up meanwhile.
const PHONES: usize = 16;

/// A site with a directory.
struct Doors {
    site: Site,
    address: SocketAddr,
    token: String,
    /// What the directory answers to a first query.
    entries: Vec<Value>,
}

/// Measures, for so long each figure.
pub(crate) async fn table(duration: Duration) -> Result<String> {
    eprintln!("directory of door stations …");
    let doors = Doors::open().await?;
    let fields = json!(["name", "callPos.peer"]);
    let query = doors.request("POST", "query", &json!({ "fields": fields }));
    let listed = doors
        .entries
        .iter()
        .take(LISTED)
        .map(|one| json!({"uuid": one["uuid"]}));
    let listed: Vec<Value> = listed.collect();
    let get = doors.request("POST", "get", &json!({"fields": fields, "users": listed}));
    let lookups = doors.lookups().await?;
    let mut text = String::from(
        "\n| Directory of door stations | Connections | Requests/s | p50 ms | p99 ms | Errors |\n|---|--:|--:|--:|--:|--:|\n",
    );
    for (name, request) in [
        (format!("query over {ENTRIES} changed entries"), query),
        (format!("get of {LISTED} entries"), get),
    ] {
        for connections in [1, 4] {
            let requests = std::slice::from_ref(&request);
            let measured = load(doors.address, requests, connections, duration, None).await?;
            line(&mut text, &name, connections, &measured)?;
        }
    }
    let alone = load(doors.address, &lookups, PHONES, duration, None).await?;
    line(&mut text, "lookups of phones, alone", PHONES, &alone)?;
    let (meanwhile, rate) = tokio::try_join!(
        load(doors.address, &lookups, PHONES, duration, None),
        doors.create(duration)
    )?;
    line(
        &mut text,
        "lookups of phones, while entries are created",
        PHONES,
        &meanwhile,
    )?;
    writeln!(
        text,
        "\nCreated meanwhile, {CREATED} entries a call: {rate:.0} entries a second."
    )?;
    doors.site.stop().await?;
    Ok(text)
}

fn line(text: &mut String, name: &str, connections: usize, measured: &Measured) -> Result<()> {
    let (middle, slow) = (milliseconds(measured.p50_us), milliseconds(measured.p99_us));
    let (rate, errors) = (measured.per_second, measured.errors);
    writeln!(
        text,
        "| {name} | {connections} | {rate:.1} | {middle} | {slow} | {errors} |"
    )?;
    Ok(())
}

impl Doors {
    async fn open() -> Result<Self> {
        let mut plan = Plan::demo()?;
        plan.contacts = Some(ENTRIES);
        let many = 1_000_000;
        plan.dird["intercom"] = json!({
            "enabled": true, "transport": "any", "state_directory": plan.file("state"),
            "limits": {"requests": many, "burst": many, "entries": many, "tombstones": many},
        });
        let site = plan.start().await?;
        let tenant = site.demo.people.first().context("no user")?.0.clone();
        let key = [
            "key",
            "create",
            "door",
            "--acl",
            "dird.intercom.#",
            "--tenant",
            &tenant,
        ];
        let key = site.plan.dird(&key).await?;
        ensure!(key.status == Some(0), "no key: {}", key.output);
        let mut doors = Self {
            address: site.rest()?,
            site,
            token: key.output.trim().to_owned(),
            entries: Vec::new(),
        };
        let all = doors
            .ask("POST", "query", &json!({"fields": ["name"]}))
            .await?;
        let all = all["users"].as_array().context("no entries")?.clone();
        ensure!(all.len() == ENTRIES as usize, "{} entries", all.len());
        doors.entries = all;
        Ok(doors)
    }

    fn request(&self, method: &str, function: &str, document: &Value) -> String {
        let (token, document) = (&self.token, document.to_string());
        let length = document.len();
        format!(
            "{method} /api/dir/{function} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{document}"
        )
    }

    async fn ask(&self, method: &str, function: &str, document: &Value) -> Result<Value> {
        let request = self.request(method, function, document);
        let answer = wire::exchange(self.address, None, request.as_bytes())
            .await?
            .json()?;
        ensure!(answer["success"] == true, "{function}: {}", answer["error"]);
        Ok(answer["result"].clone())
    }

    /// What phones search: surnames of the directory.
    async fn lookups(&self) -> Result<Vec<String>> {
        let token = self.site.service_token().await?;
        let (tenant, user) = self.site.demo.people.first().context("no user")?;
        let names = self
            .entries
            .iter()
            .filter_map(|entry| entry["name"].as_str());
        let surnames: BTreeSet<&str> = names.filter_map(|name| name.rsplit(' ').next()).collect();
        let lookup = |surname: &str| {
            let term = encode(surname);
            format!(
                "GET /0.1/directories/lookup/default/{user}?term={term} HTTP/1.1\r\nHost: x\r\n\
                 X-Auth-Token: {token}\r\nWazo-Tenant: {tenant}\r\n\r\n"
            )
        };
        Ok(surnames.into_iter().map(lookup).collect())
    }

    /// Creates entries for so long; how many a second.
    async fn create(&self, duration: Duration) -> Result<f64> {
        let started = Instant::now();
        let mut created = 0_u32;
        while started.elapsed() < duration {
            let user = |number: usize| json!({"name": format!("Door {number}"), "callPos": [{"peer": number.to_string()}]});
            let users: Vec<Value> = (0..CREATED).map(user).collect();
            self.ask("PUT", "create", &json!({ "users": users }))
                .await?;
            created += u32::try_from(CREATED)?;
        }
        Ok(f64::from(created) / started.elapsed().as_secs_f64())
    }
}
