//! Logs (dird-platform.md §11, phoned.md §16.5): one line an event, to standard output or error and, when one is configured, to a
//! file. No event at info or above carries names, numbers or tokens of people; that is up to those who write events.

mod file;
mod line;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use file::LogFile;
use line::Lines;

/// A log level by the names that configuration files use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Only what ends the process.
    Critical,
    /// What went wrong.
    Error,
    /// What may go wrong.
    Warning,
    /// What happens.
    Info,
    /// Everything.
    Debug,
}

/// No level has this name.
#[derive(Debug, Clone, thiserror::Error)]
#[error("unknown log level \"{0}\"; critical, error, warning, info or debug is right")]
pub struct UnknownLevel(String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(name: &str) -> Result<Self, UnknownLevel> {
        match name.to_lowercase().as_str() {
            "critical" => Ok(Self::Critical),
            "error" => Ok(Self::Error),
            "warning" => Ok(Self::Warning),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            _ => Err(UnknownLevel(name.to_owned())),
        }
    }
}

impl Level {
    /// The number that the reference shows in its configuration.
    pub fn number(self) -> u8 {
        match self {
            Self::Critical => 50,
            Self::Error => 40,
            Self::Warning => 30,
            Self::Info => 20,
            Self::Debug => 10,
        }
    }

    /// Our own events at this level; those of libraries only from warnings on, but for debugging.
    fn filter(self) -> EnvFilter {
        EnvFilter::new(match self {
            Self::Critical | Self::Error => "error",
            Self::Warning => "warn",
            Self::Info => "warn,kit=info,dird=info,phoned=info",
            Self::Debug => "info,kit=debug,dird=debug,phoned=debug",
        })
    }
}

/// How to log.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Level unless debugging.
    pub level: Level,
    /// Whether debugging is on.
    pub debug: bool,
    /// File that lines are appended to.
    pub file: Option<PathBuf>,
}

/// A running log.
#[derive(Clone)]
pub struct LogHandle {
    level: Level,
    filter: reload::Handle<EnvFilter, Registry>,
    file: Option<Arc<LogFile>>,
}

/// Starts logging for the process. A file that cannot be written is said in the log, which goes on without it.
pub fn init(settings: &LogSettings) -> LogHandle {
    let level = if settings.debug {
        Level::Debug
    } else {
        settings.level
    };
    let (filter, handle) = reload::Layer::new(level.filter());
    let (file, problem) = match settings.file.as_deref().map(LogFile::open) {
        None => (None, None),
        Some(Ok(file)) => (Some(Arc::new(file)), None),
        Some(Err(error)) => (None, Some(error)),
    };
    let lines = Lines { file: file.clone() };
    // A second start in one process, as tests make, keeps the first log.
    let _first = tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .try_init();
    if let (Some(error), Some(path)) = (problem, &settings.file) {
        tracing::warn!("{}: {error}; going on without a log file", path.display());
    }
    LogHandle {
        level: settings.level,
        filter: handle,
        file,
    }
}

impl LogHandle {
    /// Switches debugging on, or back to the configured level.
    pub fn set_debug(&self, debug: bool) {
        let level = if debug { Level::Debug } else { self.level };
        if let Err(error) = self.filter.reload(level.filter()) {
            tracing::error!(%error, "the log level cannot be changed");
        }
    }

    /// Opens the file anew, after it was moved away.
    pub fn reopen(&self) {
        if let Some(file) = &self.file {
            file.reopen();
        }
    }

    /// Writes what is still queued and ends the file's thread.
    pub fn close(&self) {
        if let Some(file) = &self.file {
            file.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_have_their_names_in_any_case() {
        assert_eq!("WARNING".parse::<Level>().unwrap(), Level::Warning);
        assert_eq!("info".parse::<Level>().unwrap().number(), 20);
        let error = "verbose".parse::<Level>().unwrap_err().to_string();
        assert!(
            error.contains("verbose") && error.contains("critical"),
            "{error}"
        );
    }
}
