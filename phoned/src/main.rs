//! `phoned`: flags, configuration, logs, ports, rights, serving (phoned.md §16.6).

mod flags;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use flags::Flags;
use kit::config::Loaded;
use kit::observe::{self, Level, LogHandle, LogSettings};
use kit::privilege::{self, PrivilegeError};
use kit::signal;
use phoned::config::{self, Config};

/// The configuration is at fault.
const BAD_CONFIGURATION: u8 = 2;

/// The machine is at fault.
const FAILED: u8 = 1;

fn main() -> ExitCode {
    kit::tls::install_provider();
    let flags = Flags::parse();
    let loaded = match config::load(&flags.config_file, flags.as_tree(), flags.allow_exec) {
        Ok(loaded) => loaded,
        Err(error) => return fail(BAD_CONFIGURATION, error),
    };
    if flags.check_config {
        return check_config(&loaded);
    }
    let log = open_log(&loaded.config);
    for note in &loaded.notes {
        tracing::warn!("{note}");
    }
    if std::env::var_os("XIVO_UUID").is_none() {
        tracing::warn!("XIVO_UUID is not set; the configuration shows no platform identity");
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(FAILED, error),
    };
    let code = runtime.block_on(serve(loaded.config, &log));
    log.close();
    code
}

/// Says on standard error why nothing starts.
fn fail(code: u8, error: impl std::fmt::Display) -> ExitCode {
    eprintln!("phoned: {error}");
    ExitCode::from(code)
}

/// Checks also what only the start would find out: templates and listeners.
fn check_config(loaded: &Loaded<Config>) -> ExitCode {
    for note in &loaded.notes {
        eprintln!("phoned: {note}");
    }
    if let Err(error) = phoned::app::App::check(&loaded.config) {
        return fail(BAD_CONFIGURATION, error);
    }
    // A reader that went away has seen enough.
    let _written = writeln!(std::io::stdout(), "{}", loaded.render_check());
    ExitCode::SUCCESS
}

fn open_log(config: &Config) -> LogHandle {
    // The name was checked when the configuration was read.
    let level = config.log_level.parse().unwrap_or(Level::Info);
    let file = Some(config.log_filename.clone()).filter(|path| *path != PathBuf::new());
    observe::init(&LogSettings {
        level,
        debug: config.debug,
        file,
        json: false,
    })
}

async fn serve(config: Config, log: &LogHandle) -> ExitCode {
    let user = config.user.clone();
    let stop = match signal::stop_token() {
        Ok(stop) => stop,
        Err(error) => return fail(FAILED, error),
    };
    let ready = match phoned::prepare(config).await {
        Ok(ready) => ready,
        Err(error) => {
            tracing::error!("{error}");
            return fail(error.exit_code(), error);
        }
    };
    if let Err(error) = become_user(user.as_deref()) {
        return fail(FAILED, error);
    }
    let reopened = log.clone();
    let hook = move || {
        let log = reopened.clone();
        async move { log.reopen() }
    };
    if let Err(error) = signal::on_hangup(hook, stop.clone()) {
        tracing::warn!(%error, "SIGHUP cannot be received");
    }
    ready.start(stop.clone()).ended().await;
    ExitCode::SUCCESS
}

/// Drops privileges once the ports are open. Having none to drop, or no such user, is said and forgiven.
fn become_user(user: Option<&str>) -> Result<(), PrivilegeError> {
    let Some(user) = user.filter(|user| !user.is_empty()) else {
        return Ok(());
    };
    match privilege::drop_to(user) {
        Err(error @ (PrivilegeError::NotRoot(_) | PrivilegeError::NoSuchUser(_))) => {
            tracing::warn!("{error}; going on as the present user");
            Ok(())
        }
        other => other,
    }
}
