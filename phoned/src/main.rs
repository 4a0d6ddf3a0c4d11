//! `phoned`: flags, configuration, logs, ports, rights, serving (phoned.md §16.6).

mod command;
mod flags;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use command::Verdict;
use flags::Flags;
use kit::config::Loaded;
use kit::observe::{self, Level, LogHandle, LogSettings};
use kit::privilege::{self, PrivilegeError};
use kit::signal;
use kit::supervisor::Supervisor;
use phoned::config::{self, Config};
use phoned::live::{Applied, Fault, Source};

/// An answer is made of many small pieces of text: this allocator spends less on them than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The configuration is at fault.
const BAD_CONFIGURATION: u8 = 2;

/// The machine is at fault.
const FAILED: u8 = 1;

/// What blocks a thread may go on for so long after everything else has ended; then it is left behind.
const BLOCKED: Duration = Duration::from_millis(200);

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
    if let Some(command) = &flags.command {
        return match command.run(&loaded) {
            Ok(Verdict::Yes) => ExitCode::SUCCESS,
            Ok(Verdict::No) => ExitCode::from(FAILED),
            Err(error) => fail(BAD_CONFIGURATION, error),
        };
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
    let code = runtime.block_on(serve(loaded.config, flags, &log));
    // A name server that is away and programs of the configuration can hold a thread for longer than a stop may take.
    runtime.shutdown_timeout(BLOCKED);
    log.close();
    code
}

/// Says on standard error why nothing starts.
fn fail(code: u8, error: impl std::fmt::Display) -> ExitCode {
    eprintln!("phoned: {error}");
    ExitCode::from(code)
}

fn check_config(loaded: &Loaded<Config>) -> ExitCode {
    if let Err(error) = command::examine(loaded) {
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
        owner: config.user.clone(),
        json: config.log.json,
    })
}

/// Reads the configuration as the start did.
fn source(flags: Flags) -> Source {
    Box::new(move || {
        let loaded = config::load(&flags.config_file, flags.as_tree(), flags.allow_exec);
        let loaded = loaded.map_err(|error| Fault::from(&error))?;
        for note in &loaded.notes {
            tracing::warn!("{note}");
        }
        Ok(loaded.config)
    })
}

/// Lets the log follow a configuration that was reloaded.
fn follow(log: &LogHandle) -> Applied {
    let log = log.clone();
    Box::new(move |config| {
        // The name was checked when the configuration was read.
        let level = config.log_level.parse().unwrap_or(Level::Info);
        log.set_level(level, config.debug);
    })
}

async fn serve(config: Config, flags: Flags, log: &LogHandle) -> ExitCode {
    let user = config.user.clone();
    let stop = match signal::stop_token() {
        Ok(stop) => stop,
        Err(error) => return fail(FAILED, error),
    };
    let ready = match phoned::prepare_from(config, source(flags), follow(log)).await {
        Ok(ready) => ready,
        Err(error) => {
            tracing::error!("{error}");
            return fail(error.exit_code(), error);
        }
    };
    if let Err(error) = become_user(user.as_deref()) {
        return fail(FAILED, error);
    }
    let (reopened, live) = (log.clone(), Arc::clone(&ready.live));
    let hook = move || {
        let (log, live) = (reopened.clone(), Arc::clone(&live));
        async move {
            log.reopen();
            // Both outcomes are in the log.
            let _outcome = live.reload().await;
        }
    };
    if let Err(error) = signal::on_hangup(hook, stop.clone()) {
        tracing::warn!(%error, "SIGHUP cannot be received");
    }
    ready.first_token(&stop).await;
    if stop.is_cancelled() {
        // It came while everything was made ready: no port is to answer for a moment only.
        return ExitCode::SUCCESS;
    }
    let running = ready.start(stop.clone());
    let supervisor = Supervisor::from_environment();
    supervisor.ready();
    stop.cancelled().await;
    supervisor.stopping();
    running.ended().await;
    ExitCode::SUCCESS
}

/// Drops privileges once the ports are open. Having none to drop is said and forgiven.
fn become_user(user: Option<&str>) -> Result<(), PrivilegeError> {
    let Some(user) = user.filter(|user| !user.is_empty()) else {
        return Ok(());
    };
    match privilege::drop_to(user) {
        Err(error @ PrivilegeError::NotRoot(_)) => {
            tracing::warn!("{error}; going on as the present user");
            Ok(())
        }
        other => other,
    }
}
