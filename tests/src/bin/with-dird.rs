//! `with-dird COMMAND ARGUMENT…`: runs a command beside a new dird with the demo site, which ends with it.
//!
//! `{url}` in an argument becomes dird's address, `{token}` a token with every access. Ends with the command's status, or with a
//! failure and dird's last words if dird did not live as long.

use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use e2e::companion::run_beside;
use e2e::site::Plan;
use tokio::process::Command;

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
    command.args(words.map(fill));
    run_beside(dird, command).await
}
