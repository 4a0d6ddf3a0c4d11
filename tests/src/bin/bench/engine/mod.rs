//! The directory engine alone: lookups and reverse lookups in one phonebook, from a thousand contacts to a million; what a search
//! that finds everybody does to others; and how soon a server that was just started answers.

mod cold;
mod crowd;
pub(crate) mod names;
mod rows;
mod site;

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

use anyhow::Result;

use crate::measure::{Asked, load};
use crate::report::{Report, milliseconds};
use rows::{ROWS, Row};
use site::EngineSite;

/// Contacts in the phonebook, one site each.
const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Connections whose requests per second are an open loop's measure.
const MEASURE: usize = 16;
/// Connections of an open loop: enough to send what is due while others wait.
const OPEN: usize = 64;
/// Part of what can be answered that an open loop asks for.
const PART: f64 = 0.3;

/// What stands in tables of its own.
#[derive(Default)]
pub(crate) struct Engine {
    open: Vec<String>,
    sites: Vec<String>,
    crowd: Vec<String>,
}

/// Measures every site.
pub(crate) async fn measure(duration: Duration, report: &mut Report) -> Result<Engine> {
    let mut engine = Engine::default();
    for contacts in SIZES {
        eprintln!("engine with {contacts} contacts …");
        let mut site = EngineSite::start(contacts).await?;
        let cold = cold::measure(&mut site).await?;
        for row in &ROWS {
            measure_row(row, &site, duration, report, &mut engine).await?;
        }
        if contacts == crowd::SITE {
            engine.crowd.push(crowd::measure(&site, duration).await?);
        }
        engine.sites.push(format!(
            "| {contacts} | {:.1} | {} | {} | {} | {} |",
            site.imported.as_secs_f64(),
            cold.first_answer.as_millis(),
            cold.complete.as_millis(),
            cold.resident_kib / 1024,
            site.dird.resident_kib()? / 1024,
        ));
        site.stop().await?;
    }
    Ok(engine)
}

async fn measure_row(
    row: &Row,
    site: &EngineSite,
    duration: Duration,
    report: &mut Report,
    engine: &mut Engine,
) -> Result<()> {
    let asked = Asked {
        name: row.name,
        contacts: site.contacts,
        to: site.rest.address,
        requests: (row.requests)(site),
    };
    let lines = asked.beside_bare(row.connections, duration, site.folder());
    let lines = lines.await?;
    let capacity = lines.iter().find(|line| line.connections == MEASURE);
    if let Some(capacity) = capacity.filter(|_| row.open) {
        let rate = (capacity.measured.per_second * PART).max(1.0);
        let found = load(
            site.rest.address,
            &asked.requests,
            OPEN,
            duration,
            Some(rate),
        )
        .await?;
        engine.open.push(format!(
            "| {} | {} | {rate:.0} | {:.0} | {} | {} | {} |",
            row.name,
            site.contacts,
            found.per_second,
            milliseconds(found.p50_us),
            milliseconds(found.p99_us),
            found.errors,
        ));
    }
    report.lines(lines);
    Ok(())
}

impl Display for Engine {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let table = |f: &mut Formatter<'_>, head: &str, lines: &[String]| {
            let columns = head.matches('|').count() - 2;
            writeln!(f, "\n{head}\n|---{}|", "|--:".repeat(columns))?;
            lines.iter().try_for_each(|line| writeln!(f, "{line}"))
        };
        let head =
            "| Open loop at 30 % | Contacts | Offered/s | Answered/s | p50 ms | p99 ms | Errors |";
        table(f, head, &self.open)?;
        let head = "| Engine with contacts | Import s | Restart to first answer ms | to index complete ms | RSS with index MB | RSS after load MB |";
        table(f, head, &self.sites)?;
        let head = "| Beside a search that finds everybody | Contacts | p99 alone ms | p99 beside ms | × | Answer MiB | Memory MiB |";
        table(f, head, &self.crowd)
    }
}
