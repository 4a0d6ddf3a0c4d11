//! Two phoneds, each before a dird of its own, both dirds on one `PostgreSQL`: what both answer beside what one does, and how
//! long an edit takes until phones of both see it, though both remember for an hour what was searched.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::daemon::Daemon;
use e2e::postgres::Cluster;
use e2e::rest::Rest;
use e2e::site::{Demo, Plan};
use e2e::wire;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{middle_and_longest, one_and_two};
use crate::rows::get;

/// Edits whose way is timed.
const EDITS: usize = 50;
const PATIENCE: Duration = Duration::from_mins(1);
const KEY: &str = "phoned-key.yml";

/// A dird, and a phoned that asks it.
struct Half {
    plan: Plan,
    dird: Daemon,
    phoned: Daemon,
}

impl Half {
    fn planned(database: &str) -> Result<Plan> {
        let mut plan = Plan::demo()?;
        plan.dird["db_uri"] = json!(database);
        plan.phoned["cache"] = json!({"lookup_ttl": 3600, "empty_ttl": 3600});
        Ok(plan)
    }

    async fn start(plan: Plan) -> Result<Self> {
        Ok(Self {
            dird: plan.start_dird().await?,
            phoned: plan.start_phoned().await?,
            plan,
        })
    }

    async fn stop(self) -> Result<()> {
        for daemon in [self.phoned, self.dird] {
            let name = daemon.name;
            ensure!(daemon.stop(PATIENCE).await?.success(), "{name} ended badly");
        }
        Ok(())
    }
}

/// The tables.
pub(super) async fn tables(duration: Duration) -> Result<String> {
    eprintln!("two phoneds before two dirds …");
    let made = tokio::task::spawn_blocking(|| Cluster::shared().database());
    let database = made.await??;
    let (first, second) = (Half::planned(&database)?, Half::planned(&database)?);
    let demo = first.load().await?;
    second.write()?;
    std::fs::copy(first.file(KEY), second.file(KEY))?;
    let (tenant, user) = demo.people.first().context("nobody")?;
    let editor = ["key", "create", "editor", "--tenant", tenant, "--acl", "#"];
    let editor = first.dird(&editor).await?;
    ensure!(editor.status == Some(0), "no key: {}", editor.output);
    let halves = [Half::start(first).await?, Half::start(second).await?];
    let rest = halves[0].plan.dird["rest_api"]["port"].as_u64();
    let rest = Rest {
        address: ([127, 0, 0, 1], u16::try_from(rest.context("no port")?)?).into(),
        token: editor.output.trim().to_owned(),
    };
    let phones = [halves[0].plan.phones()?, halves[1].plan.phones()?];
    let asked = phones.map(|at| (at, page(user, "an")));
    let mut tables = one_and_two("phoned", "Remembered pages", asked, duration).await?;
    tables += &edits(&rest, phones, &demo).await?;
    for half in halves {
        half.stop().await?;
    }
    Ok(tables)
}

fn page(user: &str, term: &str) -> String {
    let path = "/0.1/directories/lookup/default/yealink";
    get(&format!("{path}?xivo_user_uuid={user}&term={term}"), "")
}

/// How long contacts that are made at the first dird take to show on phones that had searched for them before.
async fn edits(rest: &Rest, phones: [SocketAddr; 2], demo: &Demo) -> Result<String> {
    let (_, user) = demo.people.first().context("nobody")?;
    let books = rest.get("/phonebooks").await?;
    let book = books["items"][0]["uuid"].as_str().context("no phonebook")?;
    let contacts = format!("/phonebooks/{book}/contacts");
    let mut times = [const { Vec::new() }; 2];
    for number in 0..EDITS {
        let name = format!("Zz{number}zz");
        let request = page(user, &name);
        for at in phones {
            ensure!(!shows(at, &request, &name).await?, "{name} is there before");
        }
        let contact = json!({"firstname": name, "lastname": "New", "number": "555"});
        rest.send("POST", &contacts, &contact).await?;
        let made = Instant::now();
        let seen = phones.map(|at| seen(at, &request, &name, made));
        let [first, second] = seen;
        let (first, second) = tokio::try_join!(first, second)?;
        times[0].push(first);
        times[1].push(second);
    }
    let [near, far] = times.map(middle_and_longest);
    Ok(format!(
        "\n| {EDITS} contacts made at one dird, shown on phones after | p50 ms | longest ms |\n|---|--:|--:|\n\
         | by the phoned of that dird | {near} |\n| by the phoned of the other | {far} |\n"
    ))
}

async fn shows(phones: SocketAddr, request: &str, name: &str) -> Result<bool> {
    let answer = wire::exchange(phones, None, request.as_bytes()).await?;
    ensure!(answer.status == 200, "status {}", answer.status);
    Ok(answer.text()?.contains(&format!("{name} New")))
}

/// Microseconds from `made` until the page shows the name.
async fn seen(phones: SocketAddr, request: &str, name: &str, made: Instant) -> Result<u64> {
    let shown = async {
        while !shows(phones, request, name).await? {
            sleep(Duration::from_micros(200)).await;
        }
        anyhow::Ok(())
    };
    let shown = timeout(PATIENCE, shown).await;
    shown.with_context(|| format!("{name} is never shown"))??;
    Ok(u64::try_from(made.elapsed().as_micros())?)
}
