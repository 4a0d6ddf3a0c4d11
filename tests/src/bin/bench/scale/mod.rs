//! More than one of each daemon: what they answer together, and how long an edit takes to show everywhere.

mod dirds;
mod phoneds;

use std::time::Duration;

use anyhow::Result;

use crate::report::milliseconds;

/// The tables.
pub(crate) async fn tables(duration: Duration) -> Result<String> {
    let mut tables = dirds::tables(duration).await?;
    tables += &phoneds::tables(duration).await?;
    Ok(tables)
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
