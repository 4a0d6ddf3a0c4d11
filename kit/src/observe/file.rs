//! The log file. Lines pass a bounded queue to a thread of its own, so that a slow disk delays no request; when the
//! queue is full they are dropped and counted, and the file says later how many.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

/// Lines that may wait for the disk.
const QUEUE_LINES: usize = 4096;
/// Bytes written in one go at most, give or take a line.
const BATCH_BYTES: usize = 64 * 1024;
/// How long the writer lets lines gather once it has written all. Whoever logs meanwhile need not wake it, which would cost
/// more than the line; what comes after a quiet time is written at once.
const GATHERING: Duration = Duration::from_millis(5);
/// How long a stopping daemon waits for the disk.
const CLOSE_DEADLINE: Duration = Duration::from_secs(1);

/// What a line about the log itself looks like in the format in use.
pub(super) type Remark = Box<dyn Fn(&str) -> String + Send>;

enum Job {
    Line(Box<[u8]>),
    Reopen,
}

/// What both ends of the queue keep in sight besides the queue itself.
#[derive(Default)]
struct Shared {
    dropped: AtomicU64,
    /// Set when the queue had no room for [`Job::Reopen`].
    reopen: AtomicBool,
}

/// The end of the queue that log lines enter.
pub(super) struct LogFile {
    queue: RwLock<Option<SyncSender<Job>>>,
    /// Nothing is ever sent here: its other end is dropped when the writer has ended.
    ended: Mutex<Receiver<()>>,
    shared: Arc<Shared>,
}

impl LogFile {
    /// Starts writing to the file. When it cannot be opened yet, a later [`LogFile::reopen`] may do better, so the
    /// error comes along with the log file, not in its stead.
    pub(super) fn open(path: &Path, remark: Remark) -> (Self, Option<io::Error>) {
        let (file, mut error) = match append_to(path) {
            Ok(file) => (Some(file), None),
            Err(error) => (None, Some(error)),
        };
        let (log, jobs, ending) = Self::with_queue(QUEUE_LINES);
        let writer = Writer::new(path, file, log.shared.clone(), remark);
        let thread = thread::Builder::new().name("log-file".to_owned());
        let started = thread.spawn(move || {
            writer.run(&jobs);
            drop(ending);
        });
        if let Err(refused) = started {
            error = error.or(Some(refused));
        }
        (log, error)
    }

    fn with_queue(lines: usize) -> (Self, Receiver<Job>, SyncSender<()>) {
        let (queue, jobs) = sync_channel(lines);
        let (ending, ended) = sync_channel(0);
        let log = Self {
            queue: RwLock::new(Some(queue)),
            ended: Mutex::new(ended),
            shared: Arc::default(),
        };
        (log, jobs, ending)
    }

    /// Queues one line, its newline included. Never waits.
    pub(super) fn push(&self, line: &[u8]) {
        if let Some(TrySendError::Full(_)) = self.offer(Job::Line(line.into())) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Opens the path anew after the lines queued so far, as log rotation asks. Never waits.
    pub(super) fn reopen(&self) {
        if let Some(TrySendError::Full(_)) = self.offer(Job::Reopen) {
            self.shared.reopen.store(true, Ordering::Relaxed);
        }
    }

    fn offer(&self, job: Job) -> Option<TrySendError<Job>> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref()?.try_send(job).err()
    }

    /// Takes no more lines and waits until those queued are written, for one second at most.
    pub(super) fn close(&self) {
        drop(
            self.queue
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(CLOSE_DEADLINE);
    }
}

/// Append mode, as `copytruncate` rotation needs; closed to others, since debug lines may name people.
fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the thread is the log's own, no runtime worker"
)]
fn gather() {
    thread::sleep(GATHERING);
}

/// The thread's end of the queue.
struct Writer {
    path: PathBuf,
    file: Option<File>,
    shared: Arc<Shared>,
    remark: Remark,
    batch: Vec<u8>,
    lines: u64,
    /// Whether the last write failed, so that a full disk is reported once.
    failing: bool,
}

impl Writer {
    fn new(path: &Path, file: Option<File>, shared: Arc<Shared>, remark: Remark) -> Self {
        Self {
            path: path.to_owned(),
            failing: file.is_none(),
            file,
            shared,
            remark,
            batch: Vec::new(),
            lines: 0,
        }
    }

    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let job = match jobs.try_recv() {
                Ok(job) => Some(job),
                Err(TryRecvError::Empty) => {
                    self.flush();
                    gather();
                    jobs.recv().ok()
                }
                Err(TryRecvError::Disconnected) => None,
            };
            let Some(job) = job else { break };
            self.take(&job);
        }
        self.flush();
    }

    fn take(&mut self, job: &Job) {
        let mut reopen = self.shared.reopen.swap(false, Ordering::Relaxed);
        match job {
            Job::Line(line) => {
                self.batch.extend_from_slice(line);
                self.lines += 1;
            }
            Job::Reopen => reopen = true,
        }
        if reopen || self.batch.len() >= BATCH_BYTES {
            self.flush();
        }
        if reopen {
            self.reopen();
        }
    }

    fn flush(&mut self) {
        let dropped = self.shared.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let remark = (self.remark)(&format!("log lines were dropped count={dropped}"));
            self.batch.extend_from_slice(remark.as_bytes());
        }
        if self.batch.is_empty() {
            return;
        }
        match self.write_batch() {
            Ok(()) => self.failing = false,
            Err(error) => {
                let lost = dropped + self.lines;
                self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
                if !self.failing {
                    self.failing = true;
                    tracing::warn!(%error, path = %self.path.display(), "the log file cannot be written");
                }
            }
        }
        self.batch.clear();
        self.lines = 0;
    }

    fn write_batch(&mut self) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.write_all(&self.batch)
    }

    fn reopen(&mut self) {
        match append_to(&self.path) {
            Ok(file) => self.file = Some(file),
            Err(error) => {
                tracing::warn!(%error, path = %self.path.display(), "the log file cannot be reopened");
            }
        }
    }
}

#[cfg(test)]
mod tests;
