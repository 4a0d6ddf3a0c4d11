//! How an event becomes one line of text, and the time in front of it.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// Local time. The zone is looked up once, so that no line waits for the zone database.
#[derive(Clone)]
pub(super) struct LocalTime {
    zone: TimeZone,
    now: fn() -> Timestamp,
}

impl LocalTime {
    pub(super) fn system() -> Self {
        Self {
            zone: TimeZone::system(),
            now: wall_clock,
        }
    }

    fn now(&self) -> Zoned {
        (self.now)().to_zoned(self.zone.clone())
    }
}

fn wall_clock() -> Timestamp {
    SignedDuration::try_from_secs_f64(crate::clock::unix_seconds())
        .and_then(Timestamp::from_duration)
        .unwrap_or(Timestamp::UNIX_EPOCH)
}

/// The time of JSON lines, with the zone's offset since programs read it.
impl FormatTime for LocalTime {
    fn format_time(&self, writer: &mut Writer<'_>) -> fmt::Result {
        write!(
            writer,
            "{}",
            self.now().strftime("%Y-%m-%dT%H:%M:%S%.3f%:z")
        )
    }
}

/// A second of local time and how lines write it.
#[derive(Default)]
struct Second {
    since_epoch: i64,
    text: String,
}

/// `YYYY-MM-DD HH:MM:SS,mmm (LEVEL) (target): message key=value`, the fields of the spans around it last
/// (dird-platform.md §11).
#[derive(Clone)]
pub(super) struct LineFormat {
    time: LocalTime,
    /// The last second that a line began with: thousands of lines share it.
    second: Arc<Mutex<Second>>,
}

impl LineFormat {
    pub(super) fn new(time: LocalTime) -> Self {
        let second = Arc::default();
        Self { time, second }
    }

    fn head(&self, writer: &mut dyn fmt::Write, level: Level, target: &str) -> fmt::Result {
        let now = (self.time.now)();
        {
            let mut second = self.second.lock().unwrap_or_else(PoisonError::into_inner);
            if second.text.is_empty() || second.since_epoch != now.as_second() {
                let local = now.to_zoned(self.time.zone.clone());
                second.since_epoch = now.as_second();
                second.text = local.strftime("%Y-%m-%d %H:%M:%S").to_string();
            }
            writer.write_str(&second.text)?;
        }
        write!(writer, ",{:03}", now.subsec_millisecond())?;
        for piece in [" (", level_name(level), ") (", target, "): "] {
            writer.write_str(piece)?;
        }
        Ok(())
    }

    /// A line that comes from no event, for a message about the log itself.
    pub(super) fn remark(&self, message: &str) -> String {
        let mut line = String::new();
        // Writing into a String cannot fail.
        let _ = self.head(&mut line, Level::WARN, module_path!());
        line.push_str(message);
        line.push('\n');
        line
    }
}

fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARNING",
        Level::INFO => "INFO",
        Level::DEBUG | Level::TRACE => "DEBUG",
    }
}

impl<S, N> FormatEvent<S, N> for LineFormat
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = OneLine(&mut writer);
        let metadata = event.metadata();
        self.head(&mut line, *metadata.level(), metadata.target())?;
        context.format_fields(Writer::new(&mut line), event)?;
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>();
            if let Some(fields) = fields.filter(|fields| !fields.is_empty()) {
                fmt::Write::write_str(&mut line, " ")?;
                fmt::Write::write_str(&mut line, fields)?;
            }
        }
        writeln!(writer)
    }
}

/// Room for the fields of nearly every line.
const USUAL_FIELDS: usize = 160;

/// Writes the fields of an event or a span in one piece, so that the text which a span keeps takes its room once, not bit by
/// bit.
pub(super) struct WholeFields(DefaultFields);

impl WholeFields {
    pub(super) fn new() -> Self {
        Self(DefaultFields::new())
    }
}

impl<'w> FormatFields<'w> for WholeFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut text = String::with_capacity(USUAL_FIELDS);
        self.0.format_fields(Writer::new(&mut text), fields)?;
        writer.write_str(&text)
    }
}

/// Escapes control characters, so that nothing a client sends can start a line of its own in the log.
struct OneLine<'a, 'w>(&'a mut Writer<'w>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if !text.bytes().any(may_be_control) {
            return self.0.write_str(text);
        }
        for piece in text.split_inclusive(char::is_control) {
            let Some(control) = piece.chars().next_back().filter(|last| last.is_control()) else {
                self.0.write_str(piece)?;
                continue;
            };
            self.0
                .write_str(&piece[..piece.len() - control.len_utf8()])?;
            write!(self.0, "{}", control.escape_default())?;
        }
        Ok(())
    }
}

/// True for the bytes that control characters begin with, which hardly any text has.
fn may_be_control(byte: u8) -> bool {
    matches!(byte, 0..=0x1f | 0x7f | 0xc2)
}

/// [`LineFormat::remark`] for logs in JSON.
pub(super) fn json_remark(time: &LocalTime, message: &str) -> String {
    let mut timestamp = String::new();
    // Writing into a String cannot fail.
    let _ = time.format_time(&mut Writer::new(&mut timestamp));
    let target = module_path!();
    let line = serde_json::json!({"timestamp": timestamp, "level": "WARN", "message": message, "target": target});
    format!("{line}\n")
}

#[cfg(test)]
impl LocalTime {
    /// 2026-03-29 14:05:09.007 in a zone two hours east of Greenwich.
    pub(super) fn fixed() -> Self {
        Self::of(|| Timestamp::constant(1_774_785_909, 7_999_999))
    }

    /// What `now` says in a zone two hours east of Greenwich.
    pub(super) fn of(now: fn() -> Timestamp) -> Self {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        Self { zone, now }
    }
}
