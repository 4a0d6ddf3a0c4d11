//! A command that runs beside a daemon of its own, which ends with it.

use std::process::ExitCode;

use anyhow::{Result, ensure};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

use crate::daemon::Daemon;
use crate::site::PATIENCE;

/// Runs `command` beside `daemon`. Ends with the command's status, or with a failure and the daemon's last words if it did not
/// live as long.
pub async fn run_beside(daemon: Daemon, mut command: Command) -> Result<ExitCode> {
    let mut command = command.kill_on_drop(true).spawn()?;
    let status = tokio::select! {
        ended = command.wait() => Some(ended?),
        asked = asked_to_stop() => { asked?; None }
    };
    let (name, last_words) = (daemon.name, daemon.output());
    let stopped = daemon.stop(PATIENCE).await?;
    ensure!(
        stopped.success(),
        "{name} ended with {stopped}:\n{last_words}"
    );
    let code = status.and_then(|status| status.code());
    let code = code.and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Waits for Ctrl-C or SIGTERM; the daemon must not outlive this program.
async fn asked_to_stop() -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    Ok(())
}
