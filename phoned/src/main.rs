//! phoned as a process: flags, configuration, logging, rights, signals. What it does is in the library.

mod flags;

use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use kit::config::{self, BrokenExtra, Layering, Loaded, MissingKeyFile};
use phoned::{
    StartError,
    config::{Config, DEFAULTS},
};
use tokio::runtime::{Builder, Runtime};

use flags::Flags;

/// Reading files and templates is all that blocks.
const BLOCKING_THREADS: usize = 16;

fn main() -> ExitCode {
    kit::tls::install_provider();
    let flags = Flags::parse();
    match load(&flags) {
        Ok(loaded) if flags.check_config => check(loaded),
        Ok(loaded) => start(loaded),
        Err(error) => refuse(2, &error),
    }
}

fn load(flags: &Flags) -> Result<Loaded<Config>, config::ConfigError> {
    config::load(&Layering {
        defaults: DEFAULTS,
        main: &flags.config_file,
        broken_extra: BrokenExtra::Fail,
        missing_key_file: MissingKeyFile::Note,
        flags: flags.tree(),
        allow_exec: flags.allow_exec,
        open_keys: &["enabled_plugins", "vendors", "auth.username", "auth.password"],
    })
}

/// Prints the merged configuration and says whether phoned would start with it.
fn check(loaded: Loaded<Config>) -> ExitCode {
    print!("{}", loaded.render_check());
    match phoned::check(loaded.config.clone()) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => refuse(error.exit_code(), &located(&loaded, &error)),
    }
}

fn start(loaded: Loaded<Config>) -> ExitCode {
    for note in &loaded.notes {
        eprintln!("phoned: {note}");
    }
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(1, &error),
    };
    match runtime.block_on(serve(&loaded)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let start = error.downcast_ref::<StartError>();
            let message = start.map_or_else(|| format!("{error:#}"), |start| located(&loaded, start));
            refuse(start.map_or(1, StartError::exit_code), &message)
        }
    }
}

/// Binds while still privileged, gives the rights up, serves until a signal.
async fn serve(loaded: &Loaded<Config>) -> anyhow::Result<()> {
    let stop = kit::signal::stop_token().context("signals")?;
    let ready = phoned::prepare(loaded.config.clone()).await?;
    if let Some(user) = &loaded.config.user
        && let Err(error) = kit::privilege::drop_to(user)
    {
        tracing::warn!("{error}");
    }
    if std::env::var_os("XIVO_UUID").is_none() {
        tracing::warn!("XIVO_UUID is not set");
    }
    ready.start(stop).ended().await;
    Ok(())
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
}

/// The error with the file and line that is to blame, where that is known.
fn located(loaded: &Loaded<Config>, error: &StartError) -> String {
    match error {
        StartError::Subnet { key, problem } => loaded.fault(key, problem).to_string(),
        StartError::KeyFile(problem) => loaded.fault("auth.key_file", problem).to_string(),
        _ => error.to_string(),
    }
}

fn refuse(code: u8, error: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("phoned: {error}");
    ExitCode::from(code)
}
