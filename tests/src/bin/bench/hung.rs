//! Five directories of a profile, one of which never answers: what it costs those who search while it is first noticed, and
//! afterwards, beside a profile without it.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::load::Measured;
use e2e::rest::Rest;
use e2e::site::Plan;
use e2e::wire;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::measure::load;
use crate::report::milliseconds;
use crate::world::Bare;

/// Directories that answer.
const ANSWERING: usize = 4;
/// How long the other one is waited for.
const DEADLINE: Duration = Duration::from_millis(250);
/// Phones that search at once, before anybody knows that it hangs.
const FIRST: usize = 16;
const CONNECTIONS: usize = 16;
const PATIENCE: Duration = Duration::from_mins(1);

/// The table.
pub(crate) async fn table(duration: Duration) -> Result<String> {
    eprintln!("five directories, one of which hangs …");
    let plan = Plan::demo()?;
    let (dird, rest) = plan.start_administered().await?;
    let calls = Arc::new(AtomicUsize::new(0));
    let hung = never_answers(Arc::clone(&calls)).await?;
    let answering = Bare::serving("text/csv", b"id,fn\n1,Ann There\n", plan.home()).await?;
    configure(&rest, answering.address, hung).await?;

    let mut table = String::from(
        "\n| Five directories, one hangs | Connections | Lookups/s | p50 ms | p99 ms | Errors | Calls to it |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    let first = at_first(&rest).await?;
    let noticed = calls.swap(0, Ordering::Relaxed);
    line(&mut table, "while nobody knows", FIRST, &first, noticed)?;
    for (name, profile) in [("afterwards", "five"), ("without it", "four")] {
        let requests = [request(&rest, profile)];
        let measured = load(rest.address, &requests, CONNECTIONS, duration, None).await?;
        let asked = calls.swap(0, Ordering::Relaxed);
        line(&mut table, name, CONNECTIONS, &measured, asked)?;
    }
    answering.stop().await?;
    ensure!(dird.stop(PATIENCE).await?.success(), "dird ended badly");
    Ok(table)
}

fn line(
    table: &mut String,
    name: &str,
    connections: usize,
    measured: &Measured,
    calls: usize,
) -> Result<()> {
    let Measured {
        per_second, errors, ..
    } = measured;
    let (p50, p99) = (milliseconds(measured.p50_us), milliseconds(measured.p99_us));
    writeln!(
        table,
        "| {name} | {connections} | {per_second:.0} | {p50} | {p99} | {errors} | {calls} |"
    )?;
    Ok(())
}

/// A server that accepts and counts, and says nothing.
async fn never_answers(calls: Arc<AtomicUsize>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((client, _)) = listener.accept().await {
            calls.fetch_add(1, Ordering::Relaxed);
            held.push(client);
        }
    });
    Ok(address)
}

/// A profile with all directories, and one without the one that hangs.
async fn configure(rest: &Rest, answering: SocketAddr, hung: SocketAddr) -> Result<()> {
    let display = json!({"name": "d", "columns": [{"field": "fn", "title": "Name"}]});
    let display = rest.create("/displays", &display).await?;
    let mut sources = Vec::new();
    for number in 0..=ANSWERING {
        let address = if number < ANSWERING { answering } else { hung };
        let source = json!({"name": format!("directory {number}"), "searched_columns": ["fn"],
            "lookup_url": format!("http://{address}/"), "timeout": DEADLINE.as_secs_f64()});
        sources.push(json!({"uuid": rest.create("/backends/csv_ws/sources", &source).await?}));
    }
    for (name, count) in [("five", sources.len()), ("four", ANSWERING)] {
        let services = json!({"lookup": {"sources": sources[..count]}});
        let profile = json!({"name": name, "display": {"uuid": display}, "services": services});
        rest.create("/profiles", &profile).await?;
    }
    Ok(())
}

fn request(rest: &Rest, profile: &str) -> String {
    let path = format!("/directories/lookup/{profile}?term=ann");
    rest.request("GET", &path, "")
}

/// The lookups of phones that all search at the same moment, each of which must find everybody who is there.
async fn at_first(rest: &Rest) -> Result<Measured> {
    let mut phones = JoinSet::new();
    let started = Instant::now();
    for number in 0..FIRST {
        // Equal questions would share one call.
        let path = format!("/directories/lookup/five?term=ann%20{number}");
        let (to, request) = (rest.address, rest.request("GET", &path, ""));
        phones.spawn(async move {
            let asked = Instant::now();
            let answer = wire::exchange(to, None, request.as_bytes()).await?;
            let rows = answer.json()?["results"].as_array().map_or(0, Vec::len);
            ensure!(rows == ANSWERING, "{rows} rows of {ANSWERING}");
            Ok(asked.elapsed())
        });
    }
    let mut times = Vec::new();
    while let Some(phone) = phones.join_next().await {
        times.push(u64::try_from(phone??.as_micros())?);
    }
    times.sort_unstable();
    let last = *times.last().context("nobody searched")?;
    #[expect(clippy::cast_precision_loss, reason = "a handful of lookups")]
    let per_second = times.len() as f64 / started.elapsed().as_secs_f64();
    Ok(Measured {
        requests: times.len() as u64,
        errors: 0,
        per_second,
        p50_us: times[times.len() / 2],
        p99_us: last,
    })
}
