//! Driving requests at a daemon, and the same at a bare server that repeats its answer.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::binaries;
use e2e::load::Measured;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::report::Line;
use crate::world::Bare;

/// Parts into which the time of a figure is cut; the middle one counts.
const ROUNDS: u32 = 3;

/// A kind of request.
pub(crate) struct Asked {
    /// As it stands in the table.
    pub name: &'static str,
    /// Contacts in the phonebook.
    pub contacts: u32,
    /// Who is asked.
    pub to: SocketAddr,
    /// The requests, sent in turn.
    pub requests: Vec<String>,
}

impl Asked {
    /// A line for each number of kept-alive connections.
    pub(crate) async fn beside_bare(
        &self,
        connections: &[usize],
        duration: Duration,
        folder: &Path,
    ) -> Result<Vec<Line>> {
        let bare = Bare::start(self.to, &self.requests[0], folder).await?;
        let mut lines = Vec::new();
        for &connections in connections {
            eprintln!("  {} over {connections} connections …", self.name);
            let (mut measured, mut yardstick) = (Vec::new(), Vec::new());
            let part = duration / ROUNDS;
            // In turn, so that a busy moment of the machine does not fall on one of them alone.
            for _ in 0..ROUNDS {
                measured.push(load(self.to, &self.requests, connections, part, None).await?);
                let bare = load(bare.address, &self.requests, connections, part, None);
                yardstick.push(bare.await?);
            }
            lines.push(Line {
                name: self.name,
                contacts: self.contacts,
                connections,
                measured: median(measured)?,
                yardstick: median(yardstick)?,
            });
        }
        bare.stop().await?;
        Ok(lines)
    }
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

/// Runs the load generator as a process of its own: a closed loop, or at `rate` requests per second an open one.
pub(crate) async fn load(
    to: SocketAddr,
    requests: &[String],
    connections: usize,
    duration: Duration,
    rate: Option<f64>,
) -> Result<Measured> {
    let mut command = Command::new(binaries::path_of("load")?);
    command.args([
        to.to_string(),
        connections.to_string(),
        duration.as_millis().to_string(),
    ]);
    command.args(rate.map(|rate| rate.to_string()));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut input = child
        .stdin
        .take()
        .context("no input to the load generator")?;
    input.write_all(&serde_json::to_vec(requests)?).await?;
    drop(input);
    let ended = child.wait_with_output().await?;
    ensure!(
        ended.status.success(),
        "the load generator failed: {}",
        ended.status
    );
    Ok(serde_json::from_slice(&ended.stdout)?)
}
