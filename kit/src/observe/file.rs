//! The log file, written by a thread of its own behind a bounded queue: whoever logs never waits for a disk. When the queue is
//! full, lines are dropped and their number is written once there is room.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

/// Lines that may wait for the disk.
const QUEUE: usize = 4096;

enum Job {
    Line(String),
    Reopen,
    Close,
}

/// A log file and its thread.
pub(super) struct LogFile {
    jobs: SyncSender<Job>,
    dropped: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl LogFile {
    /// Opens the file at `path` for appending.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = append(path)?;
        let (jobs, queue) = sync_channel(QUEUE);
        let path = path.to_owned();
        let thread = std::thread::Builder::new()
            .name("log file".into())
            .spawn(move || write_jobs(&path, file, &queue))?;
        Ok(Self {
            jobs,
            dropped: AtomicU64::new(0),
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Queues a line.
    pub(super) fn write(&self, line: String) {
        let lost = self.dropped.swap(0, Ordering::Relaxed);
        if lost > 0
            && self
                .jobs
                .try_send(Job::Line(format!("{lost} lines were lost\n")))
                .is_err()
        {
            self.dropped.fetch_add(lost, Ordering::Relaxed);
        }
        if let Err(TrySendError::Full(_)) = self.jobs.try_send(Job::Line(line)) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens the file anew once what is queued is written.
    pub(super) fn reopen(&self) {
        // A closed log has nothing to reopen.
        let _queued = self.jobs.send(Job::Reopen);
    }

    /// Writes what is queued and ends the thread.
    pub(super) fn close(&self) {
        // A thread that has already ended needs no telling.
        let _queued = self.jobs.send(Job::Close);
        let thread = self.thread.lock().map(|mut thread| thread.take());
        if let Ok(Some(thread)) = thread {
            let _ended = thread.join();
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn write_jobs(path: &PathBuf, mut file: File, queue: &Receiver<Job>) {
    while let Ok(job) = queue.recv() {
        match job {
            // Standard output has the line too; a full disk must not end the daemon.
            Job::Line(line) => drop(file.write_all(line.as_bytes())),
            Job::Reopen => match append(path) {
                Ok(fresh) => file = fresh,
                Err(error) => eprintln!("{}: {error}; the old log file stays open", path.display()),
            },
            Job::Close => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_are_appended_and_follow_a_moved_file_only_when_told() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("x.log"), folder.path().join("x.log.1"));
        fs::write(&path, "before\n").unwrap();
        let log = LogFile::open(&path).unwrap();
        log.write("one\n".into());
        fs::rename(&path, &moved).unwrap();
        log.write("two\n".into());
        log.reopen();
        log.write("three\n".into());
        log.close();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "before\none\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    }

    #[test]
    fn a_path_that_cannot_be_written_is_an_error() {
        assert!(LogFile::open(Path::new("/nonexistent/folder/x.log")).is_err());
    }
}
