//! Two dirds on one `PostgreSQL`: what both answer beside what one does, and how long an edit made at one takes until the
//! other finds it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::postgres::Cluster;
use e2e::rest::Rest;
use e2e::site::Plan;
use e2e::wire;
use serde_json::json;
use tokio::time::{sleep, timeout};

use super::{middle_and_longest, one_and_two};
use crate::rows::get;

/// People of the phonebook.
const CONTACTS: usize = 200;
/// Edits whose way is timed.
const EDITS: usize = 100;
const PATIENCE: Duration = Duration::from_mins(1);

/// The tables.
pub(super) async fn tables(duration: Duration) -> Result<String> {
    eprintln!("two dirds on one PostgreSQL …");
    let made = tokio::task::spawn_blocking(|| Cluster::shared().database());
    let database = made.await??;
    let plan = || -> Result<Plan> {
        let mut plan = Plan::demo()?;
        plan.dird["db_uri"] = json!(database);
        Ok(plan)
    };
    let (first, second) = (plan()?, plan()?);
    let (one, rest) = first.start_administered().await?;
    let two = second.start_dird().await?;
    let port = second.dird["rest_api"]["port"]
        .as_u64()
        .context("no port")?;
    let other = Rest {
        address: ([127, 0, 0, 1], u16::try_from(port)?).into(),
        // Known to both, as they share their accounts.
        token: rest.token.clone(),
    };
    let book = fill(&rest).await?;
    let asked = [&rest, &other].map(|rest| (rest.address, lookup(rest, "person%2017")));
    let mut tables = one_and_two("dird", "Lookups", asked, duration).await?;
    tables += &edits(&rest, &other, &book).await?;
    for dird in [one, two] {
        ensure!(dird.stop(PATIENCE).await?.success(), "dird ended badly");
    }
    Ok(tables)
}

/// A phonebook and a profile over it; the path of its contacts.
async fn fill(rest: &Rest) -> Result<String> {
    let book = rest.create("/phonebooks", &json!({"name": "book"})).await?;
    let contacts = format!("/phonebooks/{book}/contacts");
    for number in 0..CONTACTS {
        let contact = json!({"name": format!("Person {number}"), "number": number.to_string()});
        rest.send("POST", &contacts, &contact).await?;
    }
    let source = json!({"name": "book", "phonebook_uuid": book, "searched_columns": ["name"]});
    let source = rest.create("/backends/phonebook/sources", &source).await?;
    let columns =
        json!([{"field": "name", "title": "Name"}, {"field": "number", "title": "Number"}]);
    let display = json!({"name": "desk", "columns": columns});
    let display = rest.create("/displays", &display).await?;
    let services = json!({"lookup": {"sources": [{"uuid": source}]}});
    let profile = json!({"name": "default", "display": {"uuid": display}, "services": services});
    rest.create("/profiles", &profile).await?;
    Ok(contacts)
}

fn lookup(rest: &Rest, term: &str) -> String {
    let token = format!("X-Auth-Token: {}\r\n", rest.token);
    get(
        &format!("/0.1/directories/lookup/default?term={term}"),
        &token,
    )
}

/// How long contacts that are made at `rest` take until `other` finds them.
async fn edits(rest: &Rest, other: &Rest, contacts: &str) -> Result<String> {
    let mut times = Vec::with_capacity(EDITS);
    for number in 0..EDITS {
        let name = format!("Zz{number}zz");
        let contact = json!({"name": name, "number": "1"});
        rest.send("POST", contacts, &contact).await?;
        let made = Instant::now();
        let request = lookup(other, &name);
        let found = async {
            loop {
                let answer = wire::exchange(other.address, None, request.as_bytes()).await?;
                let rows = answer.json()?["results"].as_array().map_or(0, Vec::len);
                if rows > 0 {
                    return anyhow::Ok(());
                }
                sleep(Duration::from_micros(200)).await;
            }
        };
        let found = timeout(PATIENCE, found).await;
        found.context("the edit does not arrive")??;
        times.push(u64::try_from(made.elapsed().as_micros())?);
    }
    Ok(format!(
        "\n| {EDITS} contacts made at one dird, found at the other after | p50 ms | longest ms |\n|---|--:|--:|\n\
         | its answer to who made them | {} |\n",
        middle_and_longest(times)
    ))
}
