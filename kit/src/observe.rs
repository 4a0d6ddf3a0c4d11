//! The log. [`init`] comes right after the configuration is read, so that all which follows can speak; the
//! [`LogHandle`] it returns is what `/config` (debug on and off), SIGHUP (reopen) and the end of `main` (close) hold.
//!
//! `level` decides what is said, `line` how it looks, `queue` takes it to the console and to the `file` without making anyone
//! wait.

mod file;
mod level;
mod line;
mod queue;

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::dispatcher::{self, Dispatch};
use tracing::{Metadata, warn};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use file::LogFile;
pub use level::{Level, UnknownLevel};
use line::{LineFormat, LocalTime, WholeFields};
use queue::{Line, Queue, Remark, Sink};

/// How long a stopping daemon waits for what is queued.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// What configuration and command line say of the log (dird-platform.md §11, phoned.md §16.5).
#[derive(Debug, Clone, Default)]
pub struct LogSettings {
    /// What is logged while `debug` is off.
    pub level: Level,
    /// Log everything, whatever `level` says.
    pub debug: bool,
    /// A file that takes every line besides stdout and stderr.
    pub file: Option<PathBuf>,
    /// Whom root is about to become: the file is to be theirs, so that they can open it anew.
    pub owner: Option<String>,
    /// One JSON object per line in place of text.
    pub json: bool,
}

/// The running log; clones stand for the same one.
#[derive(Clone)]
pub struct LogHandle {
    level: Level,
    filter: reload::Handle<Targets, Registry>,
    console: Arc<Queue>,
    file: Option<Arc<Queue>>,
}

impl LogHandle {
    /// Turns debug logging on, or goes back to the configured level (phoned.md §16.2).
    pub fn set_debug(&self, debug: bool) {
        // Fails only if another log was installed before this one, of which `init` has warned.
        let _ = self.filter.reload(effective(self.level, debug).filter());
    }

    /// Follows another configuration: its level, or everything.
    pub fn set_level(&self, level: Level, debug: bool) {
        // Fails only if another log was installed before this one, of which `init` has warned.
        let _ = self.filter.reload(effective(level, debug).filter());
    }

    /// Opens the log file anew, after rotation has renamed it. Should that fail, the old file stays in use.
    pub fn reopen(&self) {
        if let Some(file) = &self.file {
            file.reopen();
        }
    }

    /// Writes what is queued and takes no more. Blocks for one second at most: for the end of `main`.
    pub fn close(&self) {
        let deadline = Instant::now() + CLOSE_DEADLINE;
        for queue in self.file.iter().chain([&self.console]) {
            queue.close(deadline);
        }
    }
}

fn effective(level: Level, debug: bool) -> Level {
    if debug { Level::Debug } else { level }
}

/// Installs the log of the process. This never fails: without its file, or beside a log that was there before, the
/// daemon goes on with a warning.
pub fn init(settings: &LogSettings) -> LogHandle {
    let (dispatch, handle, failure) = build(settings, LocalTime::system(), Terminal);
    if dispatcher::set_global_default(dispatch).is_err() {
        warn!("a log was installed before; its settings stay");
    }
    report(settings, failure);
    handle
}

fn report(settings: &LogSettings, failure: Option<io::Error>) {
    if let (Some(path), Some(error)) = (&settings.file, failure) {
        warn!(path = %path.display(), %error, "the log file cannot be written; going on without it");
    }
}

fn build(
    settings: &LogSettings,
    time: LocalTime,
    console: impl Sink,
) -> (Dispatch, LogHandle, Option<io::Error>) {
    let remark = remark(settings.json, time.clone());
    let (file, failure) = match &settings.file {
        Some(path) => {
            let (file, unopened) = LogFile::open(path, settings.owner.as_deref());
            let (file, unstarted) = Queue::start("log-file", file, Arc::clone(&remark));
            (Some(Arc::new(file)), unopened.or(unstarted))
        }
        None => (None, None),
    };
    // Where no thread can be started the runtime cannot either, and that is said.
    let (console, _) = Queue::start("log-console", console, remark);
    let console = Arc::new(console);
    let level = effective(settings.level, settings.debug);
    let (filter, reload) = reload::Layer::new(level.filter());
    let outputs = Outputs {
        console: Arc::clone(&console),
        file: file.clone(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let dispatch = Dispatch::new(registry.with(lines(settings.json, time, outputs)));
    let handle = LogHandle {
        level: settings.level,
        filter: reload,
        console,
        file,
    };
    (dispatch, handle, failure)
}

fn remark(json: bool, time: LocalTime) -> Remark {
    if json {
        return Arc::new(move |message| line::json_remark(&time, message));
    }
    let format = LineFormat::new(time);
    Arc::new(move |message| format.remark(message))
}

fn lines<S>(json: bool, time: LocalTime, outputs: Outputs) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
{
    let layer = fmt::layer()
        .with_ansi(false)
        .log_internal_errors(false)
        .with_writer(outputs);
    if json {
        return layer.json().flatten_event(true).with_timer(time).boxed();
    }
    let layer = layer.event_format(LineFormat::new(time));
    layer.fmt_fields(WholeFields::new()).boxed()
}

/// The terminal, or the supervisor in its place. One that has gone away is no reason to stop.
struct Terminal;

impl Sink for Terminal {
    fn write(&mut self, is_error: bool, lines: &[u8]) -> io::Result<()> {
        let _ = if is_error {
            io::stderr().lock().write_all(lines)
        } else {
            let mut stdout = io::stdout().lock();
            stdout.write_all(lines).and_then(|()| stdout.flush())
        };
        Ok(())
    }

    fn complain(&self, _: &io::Error) {}
}

struct Outputs {
    console: Arc<Queue>,
    file: Option<Arc<Queue>>,
}

/// Takes one event's line whole: the subscriber writes each event in one piece.
struct LineWriter<'a> {
    outputs: &'a Outputs,
    is_error: bool,
}

impl<'a> MakeWriter<'a> for Outputs {
    type Writer = LineWriter<'a>;

    fn make_writer(&'a self) -> LineWriter<'a> {
        LineWriter {
            outputs: self,
            is_error: false,
        }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> LineWriter<'a> {
        LineWriter {
            outputs: self,
            is_error: *metadata.level() == tracing::Level::ERROR,
        }
    }
}

impl Write for LineWriter<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let line = Line {
            text: text.into(),
            is_error: self.is_error,
        };
        if let Some(file) = &self.outputs.file {
            file.push(line.clone());
        }
        self.outputs.console.push(line);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
