//! `with-postgres COMMAND ARGUMENT…`: runs a command beside a new `PostgreSQL` server, which ends with it.
//!
//! `{db}` in an argument becomes the address of an empty database. Ends with the command's status.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use e2e::postgres::Cluster;

fn main() -> Result<ExitCode> {
    let mut words = std::env::args().skip(1);
    let command = words.next().context("which command?")?;
    let cluster = Cluster::start()?;
    let database = cluster.database()?;
    let arguments = words.map(|word| word.replace("{db}", &database));
    let status = Command::new(&command).args(arguments).status();
    cluster.end()?;
    let status = status.with_context(|| format!("{command} does not start"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
