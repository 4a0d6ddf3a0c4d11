//! How soon a server that was just started finds somebody, and when its index is complete.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::wire;

use super::names;
use super::rows::lookup;
use super::site::EngineSite;

const PATIENCE: Duration = Duration::from_mins(2);
const PAUSE: Duration = Duration::from_millis(10);

/// What was measured, from the moment at which dird is healthy.
pub(super) struct Cold {
    /// Until the first correct answer.
    pub first_answer: Duration,
    /// Until the whole phonebook is in memory.
    pub complete: Duration,
    /// Memory in use then, in kibibytes.
    pub resident_kib: u64,
}

/// Starts dird anew and asks at once.
pub(super) async fn measure(site: &mut EngineSite) -> Result<Cold> {
    site.restart().await?;
    let started = Instant::now();
    let wanted = site.contacts / 3;
    let name = format!("{} {}", names::first(wanted), names::last(wanted));
    let asked = lookup(site, &name);
    let answer = wire::exchange(site.rest.address, None, asked.as_bytes()).await?;
    let first_answer = started.elapsed();
    ensure!(
        answer.text()?.contains(&name),
        "the first answer is without {name}"
    );
    while !is_held(site).await? {
        ensure!(started.elapsed() < PATIENCE, "the index is never complete");
        // Lists that were read are counted when the next one asks.
        wire::exchange(site.rest.address, None, asked.as_bytes()).await?;
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Cold {
        first_answer,
        complete: started.elapsed(),
        resident_kib: site.dird.resident_kib()?,
    })
}

async fn is_held(site: &EngineSite) -> Result<bool> {
    let url = format!("http://{}/metrics", site.metrics);
    let answer = wire::get(&url, None, &[]).await?;
    let mut lines = answer.text()?.lines();
    let count = lines.find_map(|line| line.strip_prefix("dird_index_lists "));
    Ok(count.context("no such metric")?.trim() != "0")
}
