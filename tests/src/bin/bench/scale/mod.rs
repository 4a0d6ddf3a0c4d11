//! More than one of each daemon: what they answer together, and how long an edit takes to show everywhere.

mod dirds;
mod phoneds;

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;

use crate::measure::load;
use crate::report::milliseconds;

/// Connections to all daemons of a kind together.
const CONNECTIONS: usize = 16;

/// The tables.
pub(crate) async fn tables(duration: Duration) -> Result<String> {
    let mut tables = dirds::tables(duration).await?;
    tables += &phoneds::tables(duration).await?;
    Ok(tables)
}

/// What one daemon called `name` answers to its request alone, and two each to their own at the same time; `answers` says what.
async fn one_and_two(
    name: &str,
    answers: &str,
    [first, second]: [(SocketAddr, String); 2],
    duration: Duration,
) -> Result<String> {
    let ask = async |(to, request): &(SocketAddr, String), connections: usize| {
        load(
            *to,
            std::slice::from_ref(request),
            connections,
            duration,
            None,
        )
        .await
    };
    let alone = ask(&first, CONNECTIONS).await?;
    let half = CONNECTIONS / 2;
    let both = tokio::try_join!(ask(&first, half), ask(&second, half))?;
    let mut table = format!(
        "\n| {answers} over {CONNECTIONS} connections | Answered/s | p50 ms | p99 ms | Errors |\n|---|--:|--:|--:|--:|\n"
    );
    for (name, found) in [
        (format!("one {name}"), alone),
        ("the first of two".to_owned(), both.0),
        ("the second of two".to_owned(), both.1),
    ] {
        writeln!(
            table,
            "| {name} | {:.0} | {} | {} | {} |",
            found.per_second,
            milliseconds(found.p50_us),
            milliseconds(found.p99_us),
            found.errors
        )?;
    }
    Ok(table)
}

/// The middle one and the longest of `times` in microseconds, as cells of a table.
fn middle_and_longest(mut times: Vec<u64>) -> String {
    times.sort_unstable();
    let cell = |at: usize| {
        times
            .get(at)
            .map_or_else(String::new, |&us| milliseconds(us))
    };
    let last = times.len().saturating_sub(1);
    format!("{} | {}", cell(times.len() / 2), cell(last))
}
