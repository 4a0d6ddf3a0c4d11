//! From an event to a line: `YYYY-MM-DD HH:MM:SS,mmm ZONE [pid N] (LEVEL) (target): message key=value`.

use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::sync::Arc;

use jiff::Zoned;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::file::LogFile;

/// Writes each event as a line.
pub(super) struct Lines {
    pub(super) file: Option<Arc<LogFile>>,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        let line = line(&now(), *metadata.level(), metadata.target(), &fields);
        // A closed terminal is no reason to stop serving.
        let _written = match *metadata.level() {
            Level::ERROR => std::io::stderr().lock().write_all(line.as_bytes()),
            _ => std::io::stdout().lock().write_all(line.as_bytes()),
        };
        if let Some(file) = &self.file {
            file.write(line);
        }
    }
}

/// Local time with its zone, and the process.
fn now() -> String {
    #[expect(
        clippy::disallowed_methods,
        reason = "log lines carry local time with its zone"
    )]
    let time = Zoned::try_from(std::time::SystemTime::now());
    let time = time.map_or_else(
        |_| String::new(),
        |time| time.strftime("%F %T,%3f %Z").to_string(),
    );
    format!("{time} [pid {}]", std::process::id())
}

fn line(stamp: &str, level: Level, target: &str, fields: &Fields) -> String {
    let level = match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        _ => "DEBUG",
    };
    let text = format!(
        "{stamp} ({level}) ({target}): {}{}",
        fields.message, fields.others
    );
    // A line is a line, whatever a value holds.
    let mut line = text.replace('\n', "\\n").replace('\r', "\\r");
    line.push('\n');
    line
}

/// The message of an event and its other fields.
#[derive(Default)]
struct Fields {
    message: String,
    others: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(self.others, " {}={value:?}", field.name());
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.others, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_with_all_its_fields() {
        let fields = Fields {
            message: "two\nlines".into(),
            others: " key=\"value\"".into(),
        };
        let line = line(
            "2026-01-02 03:04:05,678 UTC [pid 7]",
            Level::WARN,
            "dird::lookup",
            &fields,
        );
        assert_eq!(
            line,
            "2026-01-02 03:04:05,678 UTC [pid 7] (WARNING) (dird::lookup): two\\nlines key=\"value\"\n"
        );
    }
}
