//! `make bench`: how fast both daemons answer, beside a bare hyper server that answers the same bytes.
//!
//! Everything of one run shares the machine, the load generator included, so only the ratios mean something
//! elsewhere. The rows are in [`rows`]; a new one is a line there. The result is Markdown for
//! `docs/benchmarks.md`.

mod allowlist;
mod doors;
mod imports;
mod inventory;
mod report;
mod rows;
mod world;

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::binaries;
use e2e::load::Measured;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use report::{Line, Report};
use rows::{ROWS, Row, SIZES};
use world::{Bare, World};

/// Parts into which the time of a figure is cut; the middle one counts.
const ROUNDS: u32 = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let seconds: f64 = match std::env::args().nth(1) {
        Some(text) => text
            .parse()
            .with_context(|| format!("not a number of seconds: {text:?}"))?,
        None => 3.0,
    };
    let duration = Duration::try_from_secs_f64(seconds)?;
    let mut report = Report::new(duration);
    for contacts in SIZES {
        eprintln!("site with {contacts} contacts …");
        let world = World::start(contacts).await?;
        report.idle(&world);
        report.imports(&world);
        for row in ROWS.iter().filter(|row| row.sizes.contains(&contacts)) {
            measure(row, &world, duration, &mut report).await?;
        }
        report.after_load(&world)?;
        world.stop().await?;
    }
    let doors = doors::table(duration).await?;
    print!("{report}{doors}{}", allowlist::table()?);
    Ok(())
}

async fn measure(row: &Row, world: &World, duration: Duration, report: &mut Report) -> Result<()> {
    let requests = (row.requests)(world)?;
    let to = world.address(row.target)?;
    let bare = Bare::start(to, &requests[0], world.folder()).await?;
    for &connections in row.connections {
        eprintln!("  {} over {connections} connections …", row.name);
        let (mut measured, mut yardstick) = (Vec::new(), Vec::new());
        // In turn, so that a busy moment of the machine does not fall on one of them alone.
        for _ in 0..ROUNDS {
            measured.push(load(to, &requests, connections, duration / ROUNDS).await?);
            yardstick.push(load(bare.address, &requests, connections, duration / ROUNDS).await?);
        }
        report.line(Line {
            name: row.name,
            contacts: world.contacts,
            connections,
            measured: median(measured)?,
            yardstick: median(yardstick)?,
        });
    }
    bare.stop().await
}

/// The middle one by requests per second, with the errors of all.
fn median(mut rounds: Vec<Measured>) -> Result<Measured> {
    let errors = rounds.iter().map(|round| round.errors).sum();
    rounds.sort_by(|one, other| one.per_second.total_cmp(&other.per_second));
    let middle = rounds
        .get(rounds.len() / 2)
        .context("nothing was measured")?;
    Ok(Measured { errors, ..*middle })
}

/// Runs the load generator as a process of its own.
async fn load(
    to: SocketAddr,
    requests: &[Vec<u8>],
    connections: usize,
    duration: Duration,
) -> Result<Measured> {
    let mut child = Command::new(binaries::path_of("load")?)
        .args([
            to.to_string(),
            connections.to_string(),
            duration.as_millis().to_string(),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child
        .stdin
        .take()
        .context("no input to the load generator")?;
    input.write_all(&requests.concat()).await?;
    drop(input);
    let ended = child.wait_with_output().await?;
    ensure!(
        ended.status.success(),
        "the load generator failed: {}",
        ended.status
    );
    Ok(serde_json::from_slice(&ended.stdout)?)
}
