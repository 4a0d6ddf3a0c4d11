//! What operators and attackers do to phones: a reload every second, and thousands of connections that stall.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::daemon::allow_files;
use e2e::load::Measured;
use e2e::phone::encode;
use e2e::site::{Plan, Site};
use e2e::wire::Connection;
use nix::sys::signal::Signal;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use crate::measure::load;
use crate::report::milliseconds;
use crate::rows::get;

/// Entries of the allowlist that is read at each reload, beside those of the site.
const ENTRIES: u32 = 10_000;
/// Time between two reloads.
const RELOAD: Duration = Duration::from_secs(1);
/// Connections that stall in the middle of a head.
const STALLED: usize = 2_000;
/// Time for all of them to be accepted.
const SETTLING: Duration = Duration::from_secs(1);
/// Connections of the other phones, of which each sends when its request is due.
const OPEN: usize = 64;
/// Connections whose requests per second are the open loop's measure, and the part of it that is asked for.
const MEASURE: (usize, f64) = (16, 0.3);

/// The tables, in Markdown.
pub(crate) async fn measure(duration: Duration) -> Result<String> {
    eprintln!("an edge that is reloaded and attacked …");
    allow_files(2 * STALLED as u64)?;
    let mut plan = Plan::demo()?;
    let file = plan.file("subnets.txt");
    std::fs::write(&file, subnets())?;
    let rest_api = &mut plan.phoned["rest_api"];
    rest_api["authorized_subnets_file"] = json!(file);
    rest_api["header_timeout"] = json!(3600);
    let site = plan.start().await?;
    let (phones, request) = (site.phones()?, [request(&site)?]);
    let mut text = reloaded(&site, phones, &request, duration).await?;
    text += &stalled(phones, &request, duration).await?;
    site.stop().await?;
    Ok(text)
}

fn subnets() -> String {
    let line = |number: u32| format!("10.{}.{}.0/24\n", number / 256, number % 256);
    (0..ENTRIES).map(line).collect()
}

/// A search that is remembered after the first time.
fn request(site: &Site) -> Result<String> {
    let (user, term) = (site.user(0)?, encode("an"));
    let path = format!("/0.1/directories/lookup/default/cisco?xivo_user_uuid={user}&term={term}");
    Ok(get(&path, ""))
}

async fn reloaded(
    site: &Site,
    phones: SocketAddr,
    request: &[String],
    duration: Duration,
) -> Result<String> {
    let run = || load(phones, request, MEASURE.0, duration, None);
    let alone = run().await?;
    let mut turns = interval(RELOAD);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reloads = async {
        loop {
            turns.tick().await;
            if let Err(error) = site.phoned.signal(Signal::SIGHUP) {
                return error;
            }
        }
    };
    let beside = tokio::select! {
        measured = run() => measured?,
        error = reloads => return Err(error),
    };
    let log = std::fs::read_to_string(site.plan.file("phoned.log"))?;
    let reloads = log.matches("configuration reloaded").count();
    ensure!(reloads > 0, "nothing was reloaded");
    let mut text = format!(
        "\n| Cached lookup, {} connections, {ENTRIES} entries | Requests/s | p50 ms | p99 ms | Errors |\n|---|--:|--:|--:|--:|\n",
        MEASURE.0
    );
    line(&mut text, "undisturbed", &alone)?;
    line(&mut text, &format!("{reloads} reloads"), &beside)?;
    Ok(text)
}

async fn stalled(phones: SocketAddr, request: &[String], duration: Duration) -> Result<String> {
    let capacity = load(phones, request, MEASURE.0, duration, None).await?;
    let rate = Some((capacity.per_second * MEASURE.1).max(1.0));
    let alone = load(phones, request, OPEN, duration, rate).await?;
    let mut held = Vec::with_capacity(STALLED);
    for _ in 0..STALLED {
        let mut connection = Connection::open(phones, None).await?;
        connection.send(b"GET /0.1/directories/").await?;
        held.push(connection);
    }
    // Until they are all accepted: how others fare beside them is measured, not how they come.
    load(phones, request, OPEN, SETTLING, rate).await?;
    let beside = load(phones, request, OPEN, duration, rate).await?;
    // The last one was open all the time if it is answered now.
    if let Some(last) = held.last_mut() {
        last.send(b" HTTP/1.1\r\nHost: x\r\n\r\n").await?;
        last.answer().await?;
    }
    let mut text = String::from(
        "\n| Cached lookup, open loop at 30 % | Answered/s | p50 ms | p99 ms | Errors |\n|---|--:|--:|--:|--:|\n",
    );
    line(&mut text, "undisturbed", &alone)?;
    line(
        &mut text,
        &format!("{STALLED} stalled connections"),
        &beside,
    )?;
    Ok(text)
}

fn line(text: &mut String, name: &str, found: &Measured) -> Result<()> {
    writeln!(
        text,
        "| {name} | {:.0} | {} | {} | {} |",
        found.per_second,
        milliseconds(found.p50_us),
        milliseconds(found.p99_us),
        found.errors,
    )?;
    Ok(())
}
