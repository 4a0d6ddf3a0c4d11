//! Serving, the command that is meant when none is given.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use kit::config::Loaded;
use kit::observe::{self, Level, LogHandle, LogSettings};
use kit::signal;
use kit::supervisor::Supervisor;

use crate::api::config::RunningConfig;
use crate::config::Config;

/// What blocks a thread may go on for so long after everything else has ended; then it is left behind.
const BLOCKED: Duration = Duration::from_millis(200);

/// Serves until SIGTERM or SIGINT; SIGHUP opens the log file anew.
pub(super) fn serve(loaded: &Loaded<Config>) -> anyhow::Result<()> {
    let log = open_log(&loaded.config)?;
    for note in &loaded.notes {
        tracing::warn!("{note}");
    }
    if loaded.config.platform().is_none() {
        tracing::warn!("XIVO_UUID is not set; events will carry no platform identity");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let served = runtime.block_on(run(loaded, &log));
    if let Err(error) = &served {
        tracing::error!("{error:#}");
    }
    // A name server that is away can hold a thread for longer than a stop may take. Nothing of the store is on such threads.
    runtime.shutdown_timeout(BLOCKED);
    log.close();
    served
}

async fn run(loaded: &Loaded<Config>, log: &LogHandle) -> anyhow::Result<()> {
    let stop = signal::stop_token().context("signals cannot be received")?;
    let reopened = log.clone();
    let hook = move || {
        let log = reopened.clone();
        async move { log.reopen() }
    };
    let hangups = signal::on_hangup(hook, stop.clone()).context("SIGHUP cannot be received")?;
    let stopping = stop.clone();
    let running = crate::run(&loaded.config, shown(loaded, log)?, stop).await?;
    let supervisor = Supervisor::from_environment();
    supervisor.ready();
    stopping.cancelled().await;
    supervisor.stopping();
    running.until_stopped().await;
    hangups.await.context("the SIGHUP task ended badly")
}

/// What `/config` shows: the merged configuration without its secrets, the level as the reference's number.
fn shown(loaded: &Loaded<Config>, log: &LogHandle) -> anyhow::Result<RunningConfig> {
    let mut tree = loaded.redacted();
    let level: Level = loaded.config.log_level.parse()?;
    tree["log_level"] = level.number().into();
    if loaded.config.uuid.is_none() {
        tree["uuid"] = loaded.config.platform().into();
    }
    Ok(RunningConfig::new(tree, loaded.config.debug, log.clone()))
}

fn open_log(config: &Config) -> anyhow::Result<LogHandle> {
    let level: Level = config.log_level.parse()?;
    let file = config
        .log_filename
        .clone()
        .filter(|path| *path != PathBuf::new());
    Ok(observe::init(&LogSettings {
        level,
        debug: config.debug,
        file,
        owner: config.user.clone(),
        json: config.log.json,
    }))
}
