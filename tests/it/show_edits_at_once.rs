//! Somebody edits the directory: phones of that tenant see it in their next search, though phoned would remember the last one
//! for an hour, and those of other tenants cost dird nothing.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::daemon::Daemon;
use e2e::phone::{Handset, yealink_search};
use e2e::ports;
use e2e::postgres::Cluster;
use e2e::site::{PATIENCE, Plan, Site};
use e2e::wire;
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use tokio::time::timeout;

const PATH: &str = "directories/lookup/default/yealink";
const KEY: &str = "editor.yml";
/// dird says every few seconds that it is there; whatever is lost is noticed within this.
const NOTICED: Duration = Duration::from_secs(60);

/// A site that remembers for an hour, with a key for editing.
async fn site(database: Option<String>) -> Result<Site> {
    let mut plan = Plan::demo()?;
    plan.phoned["cache"] = json!({"lookup_ttl": 3600, "empty_ttl": 3600, "user_tenant_ttl": 3600});
    let [metrics] = ports::free()?;
    plan.phoned["metrics"] = json!({"port": metrics});
    if let Some(database) = database {
        plan.dird["db_uri"] = json!(database);
    }
    plan.load().await?;
    let made = plan.dird(&["key", "create", "editor", "--acl", "#", "--key-file", KEY]);
    let made = made.await?;
    ensure!(made.status == Some(0), "{}", made.output);
    plan.start().await
}

async fn until(about: &str, mut holds: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let waiting = async {
        while !holds().await? {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::Ok(())
    };
    timeout(NOTICED, waiting).await.context(about.to_owned())?
}

async fn followed(site: &Site) -> Result<()> {
    until("phoned follows", async || {
        Ok(site.figure("phoned_changes_followed").await? == 1)
    })
    .await
}

/// Whether a phone of that user finds somebody of that name.
async fn finds(site: &Site, user: usize, name: &str) -> Result<bool> {
    let found = yealink_search(&Handset::yealink(), &site.yealink(user, PATH)?, "").await?;
    Ok(found.iter().any(|(found, _)| found.starts_with(name)))
}

/// Searches that phoned had to ask dird for, and pages that it knew.
async fn asked_and_known(site: &Site) -> Result<(u64, u64)> {
    let asked = site
        .figure("phoned_cache_total{cache=\"lookup\",result=\"miss\"}")
        .await?;
    let known = "phoned_cache_total{cache=\"document\",result=\"hit\"}";
    Ok((asked, site.figure(known).await?))
}

/// A request to a dird as the editor, in the tenant of that user.
async fn edit(
    site: &Site,
    dird: SocketAddr,
    user: usize,
    request: (&str, &str, &Value),
) -> Result<Value> {
    let (method, path, body) = request;
    let (token, body) = (site.token_of(KEY).await?, body.to_string());
    let tenant = &site.demo.people[user].0;
    let request = format!(
        "{method} /0.1{path} HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {token}\r\n\
         Wazo-Tenant: {tenant}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = wire::exchange(dird, None, request.as_bytes()).await?;
    ensure!(answer.status < 300, "{path}: {:?}", answer.text());
    answer.json()
}

/// Adds somebody to the phonebook of that user's tenant.
async fn hire(site: &Site, dird: SocketAddr, user: usize, name: &str) -> Result<()> {
    let books = edit(site, dird, user, ("GET", "/phonebooks", &Value::Null)).await?;
    let book = books["items"][0]["uuid"].as_str().context("a phonebook")?;
    let contact = json!({"firstname": name, "lastname": "New", "number": "555"});
    let path = format!("/phonebooks/{book}/contacts");
    edit(site, dird, user, ("POST", &path, &contact)).await?;
    Ok(())
}

#[tokio::test]
async fn an_edit_shows_in_its_tenant_and_leaves_the_others_alone() -> Result<()> {
    let site = site(None).await?;
    followed(&site).await?;
    let dird = site.rest()?;
    for user in [0, 1, 0, 1] {
        ensure!(!finds(&site, user, "Quirin").await?);
    }
    hire(&site, dird, 0, "Quirin").await?;
    until("the phone sees him", async || {
        finds(&site, 0, "Quirin").await
    })
    .await?;
    let (asked, known) = asked_and_known(&site).await?;
    ensure!(!finds(&site, 1, "Quirin").await?);
    let after = asked_and_known(&site).await?;
    assert_eq!(
        after,
        (asked, known + 1),
        "the other tenant's page was known"
    );
    hire(&site, dird, 1, "Rosa").await?;
    until("the phone sees her", async || finds(&site, 1, "Rosa").await).await?;
    let (asked, known) = asked_and_known(&site).await?;
    ensure!(finds(&site, 0, "Quirin").await?);
    assert_eq!(asked_and_known(&site).await?, (asked, known + 1));
    site.stop().await
}

#[tokio::test]
async fn what_changed_while_dird_was_away_shows_when_it_is_back() -> Result<()> {
    let mut site = site(None).await?;
    followed(&site).await?;
    ensure!(!finds(&site, 1, "Quirin").await?);
    site.dird.signal(Signal::SIGTERM)?;
    let status = site.dird.ended(PATIENCE).await?;
    ensure!(
        status.success(),
        "a stream that is open ends with dird: {status}"
    );
    let csv = "firstname,lastname,number\nQuirin,New,555\n";
    std::fs::write(site.plan.file("new.csv"), csv)?;
    let tenant = site.demo.people[1].0.clone();
    let arguments = [
        "import",
        "csv",
        "--tenant",
        &tenant,
        "--phonebook",
        "clinic",
        "new.csv",
    ];
    let imported = site.plan.dird(&arguments).await?;
    ensure!(imported.status == Some(0), "{}", imported.output);
    site.dird = site.plan.start_dird().await?;
    until("the phone sees him", async || {
        finds(&site, 1, "Quirin").await
    })
    .await?;
    site.stop().await
}

#[tokio::test]
async fn an_edit_at_one_dird_shows_to_phones_of_another() -> Result<()> {
    let database = tokio::task::spawn_blocking(|| Cluster::shared().database()).await??;
    let site = site(Some(database)).await?;
    followed(&site).await?;
    let (second, other) = second_dird(&site).await?;
    for user in [0, 1] {
        ensure!(!finds(&site, user, "Quirin").await?);
    }
    hire(&site, other, 0, "Quirin").await?;
    until("the phone sees him", async || {
        finds(&site, 0, "Quirin").await
    })
    .await?;
    let (asked, known) = asked_and_known(&site).await?;
    ensure!(!finds(&site, 1, "Quirin").await?);
    assert_eq!(asked_and_known(&site).await?, (asked, known + 1));
    second.stop(PATIENCE).await?;
    site.stop().await
}

#[tokio::test]
async fn people_are_not_told_what_others_change() -> Result<()> {
    let site = site(None).await?;
    let person = "service_id: nora\nservice_key: nora\n";
    std::fs::write(site.plan.file("nora.yml"), person)?;
    let url = format!(
        "http://{}/0.1/directories/changes?follow=false",
        site.rest()?
    );
    for (key, status) in [("nora.yml", 401), ("phoned-key.yml", 200), (KEY, 200)] {
        let token = site.token_of(key).await?;
        let answer = wire::get(&url, None, &[("X-Auth-Token", &token)]).await?;
        assert_eq!(answer.status, status, "{key}");
    }
    site.stop().await
}

/// Another dird on the site's database, and its REST address.
async fn second_dird(site: &Site) -> Result<(Daemon, SocketAddr)> {
    let [rest, auth] = ports::free()?;
    let mut config = site.plan.dird.clone();
    config["rest_api"]["port"] = json!(rest);
    config["auth"]["port"] = json!(auth);
    let home = site.plan.home();
    std::fs::write(site.plan.file("second.yml"), config.to_string())?;
    let output = site.plan.file("second");
    std::fs::create_dir_all(&output)?;
    let mut dird = Daemon::start("dird", &["-c", "second.yml"], home, &output)?;
    let address = SocketAddr::from(([127, 0, 0, 1], rest));
    let status = format!("http://{address}/0.1/status");
    dird.healthy(PATIENCE, async || {
        wire::get(&status, None, &[]).await.is_ok()
    })
    .await?;
    Ok((dird, address))
}
