//! `with-dird COMMAND ARGUMENT…`: runs a command beside a new dird with the demo site, which ends with it.
//!
//! `{url}` in an argument becomes dird's address, `{token}` a token with every access. Ends with the command's status, or with a
//! failure and dird's last words if dird did not live as long.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use e2e::site::{PATIENCE, Plan};
use tokio::process::Command;
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let mut words = std::env::args().skip(1);
    let command = words.next().context("which command?")?;
    let plan = Plan::demo()?;
    plan.load().await?;
    let key = plan.dird(&["key", "create", "tests", "--acl", "#"]).await?;
    ensure!(key.status == Some(0), "no key: {}", key.output);
    let dird = plan.start_dird().await?;
    let url = format!("http://127.0.0.1:{}", plan.dird["rest_api"]["port"]);
    let fill = |word: String| {
        word.replace("{url}", &url)
            .replace("{token}", key.output.trim())
    };
    let mut command = Command::new(command);
    let mut command = command.args(words.map(fill)).kill_on_drop(true).spawn()?;
    let status = tokio::select! {
        ended = command.wait() => Some(ended?),
        asked = asked_to_stop() => { asked?; None }
    };
    let last_words = dird.output();
    let stopped = dird.stop(PATIENCE).await?;
    ensure!(
        stopped.success(),
        "dird ended with {stopped}:\n{last_words}"
    );
    let code = status.and_then(|status| status.code());
    let code = code.and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Waits for Ctrl-C or SIGTERM; dird must not outlive this program.
async fn asked_to_stop() -> Result<()> {
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminated.recv() => {}
    }
    Ok(())
}
