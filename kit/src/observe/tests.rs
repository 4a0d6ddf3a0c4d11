use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use tracing::dispatcher::with_default;
use tracing::{debug, error, info, info_span, warn};

use super::{Level, LocalTime, LogHandle, LogSettings, Sink, build, init, report};

/// What was shown: whether on stderr, and the text.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<(bool, String)>>>);

impl Sink for Shown {
    fn write(&mut self, is_error: bool, lines: &[u8]) -> io::Result<()> {
        let lines = String::from_utf8(lines.to_vec()).expect("text");
        let lines = lines.split_inclusive('\n');
        self.0
            .lock()
            .expect("no panic before")
            .extend(lines.map(|line| (is_error, line.to_owned())));
        Ok(())
    }

    fn complain(&self, error: &io::Error) {
        unreachable!("{error}");
    }
}

impl Shown {
    fn lines(&self) -> Vec<String> {
        let shown = self.0.lock().expect("no panic before");
        shown.iter().map(|(_, line)| line.clone()).collect()
    }
}

fn logged(settings: &LogSettings, events: impl FnOnce(&LogHandle)) -> Shown {
    logged_at(LocalTime::fixed(), settings, events)
}

fn logged_at(time: LocalTime, settings: &LogSettings, events: impl FnOnce(&LogHandle)) -> Shown {
    let shown = Shown::default();
    let (dispatch, handle, failure) = build(settings, time, shown.clone());
    with_default(&dispatch, || {
        report(settings, failure);
        events(&handle);
    });
    handle.close();
    shown
}

#[test]
fn a_line_has_time_level_target_message_and_fields() {
    let shown = logged(&LogSettings::default(), |_| {
        warn!(target: "dird::api", status = 404, path = "/x y", "no such route");
    });
    assert_eq!(
        shown.lines(),
        ["2026-03-29 14:05:09,007 (WARNING) (dird::api): no such route status=404 path=\"/x y\"\n"]
    );
}

/// A clock that goes on by 400 ms whenever it is looked at.
fn passing() -> Timestamp {
    static LOOKS: AtomicI32 = AtomicI32::new(0);
    let milliseconds = 400 * LOOKS.fetch_add(1, Ordering::Relaxed);
    Timestamp::constant(1_774_785_909, 0) + SignedDuration::from_millis(milliseconds.into())
}

#[test]
fn each_line_has_its_own_time() {
    let shown = logged_at(LocalTime::of(passing), &LogSettings::default(), |_| {
        for _ in 0..4 {
            info!(target: "t", "tick");
        }
    });
    let lines = shown.lines();
    let times = lines.iter().filter_map(|line| line.split(" (").next());
    let times: Vec<_> = times.collect();
    assert_eq!(
        times,
        [
            "2026-03-29 14:05:09,000",
            "2026-03-29 14:05:09,400",
            "2026-03-29 14:05:09,800",
            "2026-03-29 14:05:10,200",
        ]
    );
}

#[test]
fn the_fields_of_surrounding_spans_end_the_line() {
    let shown = logged(&LogSettings::default(), |_| {
        let outer = info_span!("request", trace_id = 7);
        let _outer = outer.enter();
        let _inner = info_span!("bare").entered();
        info!(target: "t", rows = 2, "done");
    });
    assert_eq!(
        shown.lines(),
        ["2026-03-29 14:05:09,007 (INFO) (t): done rows=2 trace_id=7\n"]
    );
}

#[test]
fn no_value_can_start_a_line_of_its_own() {
    let shown = logged(&LogSettings::default(), |_| {
        info!(target: "t", term = %"a\r\nb\u{1b}\u{85}é", "one\ntwo");
    });
    let lines = shown.lines();
    assert_eq!(lines.len(), 1);
    assert_eq!(
        lines[0].matches(char::is_control).collect::<Vec<_>>(),
        ["\n"]
    );
    assert!(lines[0].contains("one\\ntwo term=a\\r\\nb"), "{}", lines[0]);
    assert!(lines[0].ends_with("é\n"), "{}", lines[0]);
}

#[test]
fn errors_go_to_stderr_and_the_rest_to_stdout() {
    let shown = logged(&LogSettings::default(), |_| {
        error!("e");
        warn!("w");
        info!("i");
    });
    let shown = shown.0.lock().expect("no panic before");
    let to_stderr: Vec<bool> = shown.iter().map(|(is_error, _)| *is_error).collect();
    assert_eq!(to_stderr, [true, false, false]);
}

#[test]
fn debug_is_switched_on_and_back_to_the_configured_level() {
    let settings = LogSettings {
        level: Level::Warning,
        debug: true,
        ..LogSettings::default()
    };
    let shown = logged(&settings, |handle| {
        debug!("1 shown");
        handle.set_debug(false);
        debug!("2 hidden");
        info!("3 hidden");
        warn!("4 shown");
        handle.set_debug(true);
        debug!(target: "hyper::proto", "5 shown");
    });
    let lines = shown.lines();
    let messages: Vec<&str> = lines
        .iter()
        .filter_map(|line| line.split("): ").last())
        .collect();
    assert_eq!(messages, ["1 shown\n", "4 shown\n", "5 shown\n"]);
}

#[test]
fn json_has_one_object_per_line() {
    let settings = LogSettings {
        json: true,
        ..LogSettings::default()
    };
    let shown = logged(&settings, |_| info!(target: "t", rows = 2, "done\nwell"));
    let lines = shown.lines();
    let line: serde_json::Value = serde_json::from_str(&lines[0]).expect("one object");
    assert_eq!(
        line,
        serde_json::json!({"timestamp": "2026-03-29T14:05:09.007+02:00", "level": "INFO",
            "message": "done\nwell", "rows": 2, "target": "t"})
    );
}

#[test]
fn the_file_gets_every_line_and_follows_rotation() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (path, rotated) = (folder.path().join("log"), folder.path().join("log.1"));
    let settings = LogSettings {
        file: Some(path.clone()),
        ..LogSettings::default()
    };
    logged(&settings, |handle| {
        error!(target: "t", "old");
        fs::rename(&path, &rotated).expect("rotation");
        handle.reopen();
        info!(target: "t", "new");
    });
    let read = |path: &PathBuf| fs::read_to_string(path).expect("a log file");
    assert_eq!(read(&rotated), "2026-03-29 14:05:09,007 (ERROR) (t): old\n");
    assert_eq!(read(&path), "2026-03-29 14:05:09,007 (INFO) (t): new\n");
}

#[test]
fn a_file_that_cannot_be_opened_is_a_warning() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("missing").join("log");
    let settings = LogSettings {
        file: Some(path.clone()),
        ..LogSettings::default()
    };
    let shown = logged(&settings, |_| info!("going on"));
    let lines = shown.lines();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].contains("(WARNING) (kit::observe): the log file cannot be written"));
    assert!(lines[0].contains(&path.display().to_string()));
    assert!(lines[1].ends_with("going on\n"));
}

#[test]
fn the_first_log_of_a_process_outlives_a_second() {
    let settings = LogSettings {
        level: Level::Critical,
        ..LogSettings::default()
    };
    let (first, second) = (init(&settings), init(&settings));
    second.set_debug(true);
    second.close();
    assert_eq!(first.filter.clone_current(), Some(Level::Critical.filter()));
    first.set_debug(true);
    assert_eq!(first.filter.clone_current(), Some(Level::Debug.filter()));
    first.set_debug(false);
}
