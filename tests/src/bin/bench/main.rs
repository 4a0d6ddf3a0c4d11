//! `make bench [ONLY=PART]`: how fast both daemons answer, beside a bare hyper server that answers the same bytes.
//!
//! Everything of one run shares the machine, the load generator included, so only the ratios mean something
//! elsewhere. The rows are in [`rows`]; a new one is a line there. The result is Markdown for
//! `docs/benchmarks.md`.

mod allowlist;
mod doors;
mod edge;
mod engine;
mod hung;
mod imports;
mod inventory;
mod measure;
mod report;
mod rows;
mod scale;
mod staff;
mod world;

use std::time::Duration;

use anyhow::{Context, Result, ensure};

use report::Report;
use rows::{ROWS, SIZES};
use world::World;

/// What can be measured alone.
const PARTS: [&str; 8] = [
    "phones",
    "engine",
    "ldap",
    "hung",
    "doors",
    "scale",
    "edge",
    "allowlist",
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let seconds: f64 = match std::env::args().nth(1) {
        Some(text) => text
            .parse()
            .with_context(|| format!("not a number of seconds: {text:?}"))?,
        None => 3.0,
    };
    let only = std::env::args().nth(2);
    ensure!(
        only.as_deref().is_none_or(|only| PARTS.contains(&only)),
        "the parts are {PARTS:?}"
    );
    let wanted = |part| only.as_deref().is_none_or(|only| only == part);
    let duration = Duration::try_from_secs_f64(seconds)?;
    let mut report = Report::new(duration);
    if wanted("phones") {
        phones(duration, &mut report).await?;
    }
    let mut further = String::new();
    if wanted("engine") {
        further += &engine::measure(duration, &mut report).await?.to_string();
    }
    if wanted("ldap") {
        further += &staff::measure(duration, &mut report).await?;
    }
    if wanted("hung") {
        further += &hung::table(duration).await?;
    }
    if wanted("doors") {
        further += &doors::table(duration).await?;
    }
    if wanted("scale") {
        further += &scale::tables(duration).await?;
    }
    if wanted("edge") {
        further += &edge::measure(duration).await?;
    }
    if wanted("allowlist") {
        further += &allowlist::table()?;
    }
    print!("{report}{further}");
    Ok(())
}

/// The demo's site, with more and more contacts.
async fn phones(duration: Duration, report: &mut Report) -> Result<()> {
    for contacts in SIZES {
        eprintln!("site with {contacts} contacts …");
        let world = World::start(contacts).await?;
        report.idle(&world);
        report.imports(&world);
        for row in ROWS.iter().filter(|row| row.sizes.contains(&contacts)) {
            let asked = measure::Asked {
                name: row.name,
                contacts,
                to: world.address(row.target)?,
                requests: (row.requests)(&world)?,
            };
            let lines = asked.beside_bare(row.connections, duration, world.folder());
            report.lines(lines.await?);
        }
        report.after_load(&world)?;
        world.stop().await?;
    }
    Ok(())
}
