//! A company's LDAP directory: asked live, and mirrored, beside `OpenLDAP`'s own client with the same filter.

use std::fmt::Write as _;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use e2e::phone::encode;
use e2e::rest::Rest;
use e2e::site::Plan;
use e2e::slapd::{BASE, LOGIN, Slapd, person};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::engine::names;
use crate::measure::Asked;
use crate::report::Report;

/// People in the directory.
const PEOPLE: u32 = 20_000;
/// Different names that are searched.
const DIFFERENT: u32 = 200;
const PATIENCE: Duration = Duration::from_mins(1);

/// Measures both ways, and returns what the client does.
pub(crate) async fn measure(duration: Duration, report: &mut Report) -> Result<String> {
    eprintln!("LDAP directory of {PEOPLE} people …");
    let mut ldif = String::new();
    for number in 0..PEOPLE {
        let phone = names::phone(number);
        ldif += &person(number as usize, &name(number), &phone, "");
        ldif.push('\n');
    }
    let slapd = Slapd::start(&ldif, "sizelimit unlimited\nthreads 4").await?;
    let plan = Plan::demo()?;
    let (dird, rest) = plan.start_administered().await?;
    for (profile, further) in [
        ("live", json!({})),
        ("mirrored", json!({"sync": {"interval": 3600}})),
    ] {
        configure(&rest, profile, &slapd, &further).await?;
    }
    until_mirrored(&rest, &slapd).await?;
    for (name, profile) in [
        ("dird: LDAP asked live", "live"),
        ("dird: LDAP mirrored", "mirrored"),
    ] {
        let asked = Asked {
            name,
            contacts: PEOPLE,
            to: rest.address,
            requests: searched()
                .map(|term| request(&rest, profile, &term))
                .collect(),
        };
        let lines = asked.beside_bare(&[1, 16], duration, plan.home());
        report.lines(lines.await?);
    }
    let rate = by_client(&slapd, &plan).await?;
    ensure!(dird.stop(PATIENCE).await?.success(), "dird ended badly");
    Ok(format!(
        "\n| LDAP directory of | Client | Searches/s |\n|--:|---|--:|\n| {PEOPLE} | `ldapsearch`, one connection | {rate:.0} |\n"
    ))
}

fn name(number: u32) -> String {
    format!("{} {}", names::first(number), names::last(number))
}

/// Names from all over the directory.
fn searched() -> impl Iterator<Item = String> {
    (0..DIFFERENT).map(|number| name(number * (PEOPLE / DIFFERENT)))
}

fn request(rest: &Rest, profile: &str, term: &str) -> String {
    let path = format!("/directories/lookup/{profile}?term={}", encode(term));
    rest.request("GET", &path, "")
}

/// A profile of this name with a source of its own.
async fn configure(rest: &Rest, profile: &str, slapd: &Slapd, further: &Value) -> Result<()> {
    let mut source = json!({"name": profile, "ldap_uri": slapd.uri(), "ldap_base_dn": BASE,
        "ldap_username": LOGIN.0, "ldap_password": LOGIN.1, "searched_columns": ["cn"],
        "first_matched_columns": ["telephoneNumber"], "unique_column": "uid",
        "format_columns": {"name": "{cn}", "phone": "{telephoneNumber}"}});
    for (key, value) in further.as_object().into_iter().flatten() {
        source[key] = value.clone();
    }
    let source = rest.create("/backends/ldap/sources", &source).await?;
    let columns = json!([{"field": "name", "title": "Name"}, {"field": "phone", "type": "number"}]);
    let display = json!({"name": profile, "columns": columns});
    let display = rest.create("/displays", &display).await?;
    let services = json!({"lookup": {"sources": [{"uuid": source}]}});
    let profile = json!({"name": profile, "display": {"uuid": display}, "services": services});
    rest.create("/profiles", &profile).await.map(|_| ())
}

/// Waits until the whole directory is copied.
async fn until_mirrored(rest: &Rest, slapd: &Slapd) -> Result<()> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let body = json!({"profile": "mirrored", "term": searched().next()});
        let told = rest.send("POST", "/directories/explain", &body).await?;
        if told["sources"][0]["from"] == "mirror" {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    bail!("{} is never copied", slapd.uri())
}

/// Searches per second of the directory server's own client.
async fn by_client(slapd: &Slapd, plan: &Plan) -> Result<f64> {
    let mut terms = String::new();
    for term in searched() {
        writeln!(terms, "{term}")?;
    }
    let file = plan.file("terms");
    std::fs::write(&file, terms)?;
    let started = Instant::now();
    let ended = Command::new("ldapsearch")
        .args([
            "-x",
            "-LLL",
            "-H",
            &slapd.uri(),
            "-D",
            LOGIN.0,
            "-w",
            LOGIN.1,
            "-b",
            BASE,
            "-f",
        ])
        .arg(&file)
        .args(["(cn=*%s*)", "cn", "sn", "uid", "telephoneNumber"])
        .stdin(Stdio::null())
        .output()
        .await
        .context("ldapsearch cannot be started")?;
    let found = String::from_utf8_lossy(&ended.stdout)
        .matches("telephoneNumber:")
        .count();
    ensure!(
        found >= usize::try_from(DIFFERENT)?,
        "{found} found: {}",
        String::from_utf8_lossy(&ended.stderr)
    );
    Ok(f64::from(DIFFERENT) / started.elapsed().as_secs_f64())
}
