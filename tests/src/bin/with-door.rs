//! `with-door AUTH COMMAND ARGUMENT…`: runs a command beside a new dird with the demo site, whose directory of door stations is
//! reached over TLS with `basic` or `digest`.
//!
//! `{host}` in an argument becomes address and port; name and password of the account are `door`.

use std::process::ExitCode;

use anyhow::{Context, Result};
use e2e::binaries::repository;
use e2e::companion::run_beside;
use e2e::ports;
use e2e::site::Plan;
use serde_json::json;
use tokio::process::Command;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode> {
    let mut words = std::env::args().skip(1);
    let auth = words.next().context("which kind of proof?")?;
    let command = words.next().context("which command?")?;
    let mut plan = Plan::demo()?;
    let [port] = ports::free()?;
    let file = |name: &str| repository().join("kit/tests/data").join(name);
    plan.dird["intercom"] = json!({
        "enabled": true, "auth": auth, "listen": "127.0.0.1", "port": port, "certificate": file("first.crt"),
        "private_key": file("first.key"), "state_directory": plan.home(),
    });
    plan.load().await?;
    let dird = plan.start_dird().await?;
    let host = format!("127.0.0.1:{port}");
    let mut command = Command::new(command);
    command.args(words.map(|word| word.replace("{host}", &host)));
    run_beside(dird, command).await
}
