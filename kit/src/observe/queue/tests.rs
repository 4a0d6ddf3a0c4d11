use std::fs;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::super::file::LogFile;
use super::{Line, Queue, Remark, Sink, Writer};

fn remark() -> Remark {
    Arc::new(|message| format!("# {message}\n"))
}

fn line(text: &str) -> Line {
    Line {
        text: text.as_bytes().into(),
        is_error: false,
    }
}

/// Writes everything, however long it takes.
fn close(log: &Queue) {
    log.close(Instant::now() + Duration::from_mins(1));
}

/// A queue to a file.
fn to_file(path: &Path) -> (Queue, Option<io::Error>) {
    let (file, error) = LogFile::open(path, None);
    (Queue::start("test", file, remark()).0, error)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).expect("a log file")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

#[test]
fn lines_are_appended_and_written_by_the_time_it_is_closed() {
    let folder = folder();
    let path = folder.path().join("daemon.log");
    fs::write(&path, "before\n").expect("an older log");
    let (log, error) = to_file(&path);
    assert!(error.is_none());
    log.push(line("one\n"));
    log.push(line("two\n"));
    close(&log);
    log.push(line("too late\n"));
    assert_eq!(read(&path), "before\none\ntwo\n");
}

#[test]
fn after_a_rename_and_reopen_lines_go_to_a_new_file() {
    let folder = folder();
    let (path, rotated) = (folder.path().join("log"), folder.path().join("log.1"));
    let (log, _) = to_file(&path);
    log.push(line("old\n"));
    fs::rename(&path, &rotated).expect("rotation");
    log.reopen();
    log.push(line("new\n"));
    close(&log);
    assert_eq!(read(&rotated), "old\n");
    assert_eq!(read(&path), "new\n");
}

#[test]
fn a_failed_reopen_keeps_the_old_file() {
    let folder = folder();
    let inner = folder.path().join("logs");
    fs::create_dir(&inner).expect("a folder");
    let (log, _) = to_file(&inner.join("log"));
    let moved = folder.path().join("moved");
    fs::rename(&inner, &moved).expect("the folder moves");
    log.reopen();
    log.push(line("still here\n"));
    close(&log);
    assert_eq!(read(&moved.join("log")), "still here\n");
}

#[test]
fn a_file_that_could_not_be_opened_is_written_once_it_can_be() {
    let folder = folder();
    let inner = folder.path().join("logs");
    let path = inner.join("log");
    let (log, error) = to_file(&path);
    assert!(error.is_some());
    log.push(line("lost\n"));
    fs::create_dir(&inner).expect("a folder");
    log.reopen();
    log.push(line("kept\n"));
    close(&log);
    let text = read(&path);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["# log lines were dropped count=1", "kept"]);
}

#[test]
fn lines_beyond_the_queue_are_dropped_and_counted() {
    let folder = folder();
    let path = folder.path().join("log");
    let (log, jobs, _ending) = Queue::with_room(1);
    for text in ["1\n", "2\n", "3\n"] {
        log.push(line(text));
    }
    *log.jobs.write().expect("no panic before") = None;
    Writer::new(LogFile::open(&path, None).0, log.shared.clone(), remark()).run(&jobs);
    assert_eq!(read(&path), "1\n# log lines were dropped count=2\n");
}

#[test]
fn a_reopen_that_found_the_queue_full_is_not_forgotten() {
    let folder = folder();
    let (path, rotated) = (folder.path().join("log"), folder.path().join("log.1"));
    let (file, _) = LogFile::open(&path, None);
    let (log, jobs, _ending) = Queue::with_room(1);
    log.push(line("1\n"));
    fs::rename(&path, &rotated).expect("rotation");
    log.reopen();
    *log.jobs.write().expect("no panic before") = None;
    Writer::new(file, log.shared.clone(), remark()).run(&jobs);
    assert_eq!(read(&rotated), "1\n");
    assert!(path.exists());
}

/// What was written: whether errors, and the text.
type Written = Arc<Mutex<Vec<(bool, String)>>>;

/// A terminal that shows nothing until it is told to go on.
struct Stopped {
    reached: Sender<()>,
    go_on: Receiver<()>,
    shown: Written,
}

impl Stopped {
    /// A terminal, what tells that it was written to, what lets it go on when it is dropped, and what it shows.
    fn new() -> (Self, Receiver<()>, Sender<()>, Written) {
        let ((reached, written_to), (sender, go_on)) = (channel(), channel());
        let shown = Arc::default();
        let stopped = Self {
            reached,
            go_on,
            shown: Arc::clone(&shown),
        };
        (stopped, written_to, sender, shown)
    }
}

impl Sink for Stopped {
    fn write(&mut self, is_error: bool, lines: &[u8]) -> io::Result<()> {
        self.reached.send(()).ok();
        self.go_on.recv().ok();
        let lines = String::from_utf8(lines.to_vec()).expect("text");
        let mut shown = self.shown.lock().expect("no panic before");
        shown.push((is_error, lines));
        Ok(())
    }

    fn complain(&self, error: &io::Error) {
        unreachable!("{error}");
    }
}

#[test]
fn nobody_waits_for_a_terminal_that_is_stopped() {
    let (stopped, written_to, go_on, shown) = Stopped::new();
    let (log, _) = Queue::start("test", stopped, remark());
    log.push(line("first\n"));
    written_to.recv().expect("a thread");
    for _ in 0..3 * super::QUEUE_LINES {
        log.push(line("x\n"));
    }
    drop(go_on);
    close(&log);
    let shown = shown.lock().expect("no panic before");
    let all: String = shown.iter().map(|(_, lines)| lines.as_str()).collect();
    let kept = all.lines().filter(|line| *line == "x").count();
    assert_eq!(kept, super::QUEUE_LINES);
    let remark = format!(
        "# log lines were dropped count={}\n",
        2 * super::QUEUE_LINES
    );
    assert!(all.contains(&remark), "{all}");
}

#[test]
fn errors_and_other_lines_are_written_apart_and_in_order() {
    let (stopped, _written_to, go_on, shown) = Stopped::new();
    let (log, jobs, _ending) = Queue::with_room(8);
    drop(go_on);
    for (text, is_error) in [
        ("1\n", false),
        ("2\n", false),
        ("3\n", true),
        ("4\n", false),
    ] {
        let text = text.as_bytes().into();
        log.push(Line { text, is_error });
    }
    *log.jobs.write().expect("no panic before") = None;
    Writer::new(stopped, log.shared.clone(), remark()).run(&jobs);
    let shown = shown.lock().expect("no panic before");
    let expected = [(false, "1\n2\n"), (true, "3\n"), (false, "4\n")];
    let expected = expected.map(|(is_error, lines)| (is_error, lines.to_owned()));
    assert_eq!(*shown, expected);
}
