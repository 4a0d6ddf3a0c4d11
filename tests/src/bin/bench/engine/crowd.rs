//! A search that finds everybody: what memory it takes, and what it does to those who search for somebody.

use std::time::Duration;

use anyhow::{Result, ensure};
use e2e::load::Measured;
use e2e::wire;

use super::rows::{full_names, lookup};
use super::site::EngineSite;
use super::{OPEN, PART};
use crate::measure::load;
use crate::report::milliseconds;

/// The site on which it is measured.
pub(super) const SITE: u32 = 100_000;

/// A line of the table.
pub(super) async fn measure(site: &EngineSite, duration: Duration) -> Result<String> {
    eprintln!("  a search that finds everybody …");
    let everybody = [lookup(site, "a")];
    site.dird.forget_peak()?;
    let before = site.dird.resident_kib()?;
    let answer = wire::exchange(site.rest.address, None, everybody[0].as_bytes()).await?;
    ensure!(answer.status == 200, "status {}", answer.status);
    let grown = site.dird.peak_kib()?.saturating_sub(before);
    let names = full_names(site);
    let capacity = load(site.rest.address, &names, 16, duration, None).await?;
    let rate = Some(capacity.per_second * PART);
    let alone = load(site.rest.address, &names, OPEN, duration, rate).await?;
    let (beside, crowd) = tokio::join!(
        load(site.rest.address, &names, OPEN, duration, rate),
        load(site.rest.address, &everybody, 1, duration, None),
    );
    let (beside, crowd) = (beside?, crowd?);
    ensure!(crowd.requests > 0, "nobody searched for everybody");
    let micros = |measured: Measured| f64::from(u32::try_from(measured.p99_us).unwrap_or(u32::MAX));
    let times = micros(beside) / micros(alone);
    Ok(format!(
        "| full name, open loop | {} | {} | {} | {times:.1} | {} | {} |",
        site.contacts,
        milliseconds(alone.p99_us),
        milliseconds(beside.p99_us),
        answer.body.len() / (1024 * 1024),
        grown / 1024,
    ))
}
