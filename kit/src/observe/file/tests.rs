use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{LogFile, Remark, Writer, append_to};

fn remark() -> Remark {
    Box::new(|message| format!("# {message}\n"))
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
    let (log, error) = LogFile::open(&path, remark());
    assert!(error.is_none());
    log.push(b"one\n");
    log.push(b"two\n");
    log.close();
    log.push(b"too late\n");
    assert_eq!(read(&path), "before\none\ntwo\n");
}

#[test]
fn after_a_rename_and_reopen_lines_go_to_a_new_file() {
    let folder = folder();
    let (path, rotated) = (folder.path().join("log"), folder.path().join("log.1"));
    let (log, _) = LogFile::open(&path, remark());
    log.push(b"old\n");
    fs::rename(&path, &rotated).expect("rotation");
    log.reopen();
    log.push(b"new\n");
    log.close();
    assert_eq!(read(&rotated), "old\n");
    assert_eq!(read(&path), "new\n");
}

#[test]
fn a_failed_reopen_keeps_the_old_file() {
    let folder = folder();
    let inner = folder.path().join("logs");
    fs::create_dir(&inner).expect("a folder");
    let (log, _) = LogFile::open(&inner.join("log"), remark());
    let moved = folder.path().join("moved");
    fs::rename(&inner, &moved).expect("the folder moves");
    log.reopen();
    log.push(b"still here\n");
    log.close();
    assert_eq!(read(&moved.join("log")), "still here\n");
}

#[test]
fn a_file_that_could_not_be_opened_is_written_once_it_can_be() {
    let folder = folder();
    let inner = folder.path().join("logs");
    let path = inner.join("log");
    let (log, error) = LogFile::open(&path, remark());
    assert!(error.is_some());
    log.push(b"lost\n");
    fs::create_dir(&inner).expect("a folder");
    log.reopen();
    log.push(b"kept\n");
    log.close();
    let text = read(&path);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["# log lines were dropped count=1", "kept"]);
}

#[test]
fn lines_beyond_the_queue_are_dropped_and_counted() {
    let folder = folder();
    let path = folder.path().join("log");
    let (log, jobs, _ending) = LogFile::with_queue(1);
    for line in [b"1\n", b"2\n", b"3\n"] {
        log.push(line);
    }
    *log.queue.write().expect("no panic before") = None;
    let file = append_to(&path).expect("a log file");
    Writer::new(&path, Some(file), log.shared.clone(), remark()).run(&jobs);
    assert_eq!(read(&path), "1\n# log lines were dropped count=2\n");
}

#[test]
fn a_reopen_that_found_the_queue_full_is_not_forgotten() {
    let folder = folder();
    let (path, rotated) = (folder.path().join("log"), folder.path().join("log.1"));
    let file = append_to(&path).expect("a log file");
    let (log, jobs, _ending) = LogFile::with_queue(1);
    log.push(b"1\n");
    fs::rename(&path, &rotated).expect("rotation");
    log.reopen();
    *log.queue.write().expect("no panic before") = None;
    Writer::new(&path, Some(file), log.shared.clone(), remark()).run(&jobs);
    assert_eq!(read(&rotated), "1\n");
    assert!(path.exists());
}
