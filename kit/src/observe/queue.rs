//! Lines on their way out of the process. They pass a bounded queue to a thread of its own, so that neither a slow disk nor a
//! terminal that has been stopped delays a request; when the queue is full they are dropped and counted, and a line says later
//! how many.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

/// Lines that may wait.
const QUEUE_LINES: usize = 4096;
/// Bytes written in one go at most, give or take a line.
const BATCH_BYTES: usize = 64 * 1024;
/// How long the writer lets lines gather once it has written all. Whoever logs meanwhile need not wake it, which would cost
/// more than the line; what comes after a quiet time is written at once.
const GATHERING: Duration = Duration::from_millis(5);
/// What a line about the log itself looks like in the format in use.
pub(super) type Remark = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Where lines end up.
pub(super) trait Sink: Send + 'static {
    /// Writes whole lines, which all are errors or none is.
    fn write(&mut self, is_error: bool, lines: &[u8]) -> io::Result<()>;

    /// Log rotation asks to begin anew.
    fn reopen(&mut self) {}

    /// Says, once for each time of failure, that it cannot be written.
    fn complain(&self, error: &io::Error);
}

/// One line, its newline included.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) text: Arc<[u8]>,
    pub(super) is_error: bool,
}

enum Job {
    Line(Line),
    Reopen,
}

/// What both ends of the queue keep in sight besides the queue itself.
#[derive(Default)]
struct Shared {
    dropped: AtomicU64,
    /// Set when the queue had no room for [`Job::Reopen`].
    reopen: AtomicBool,
}

/// The end of the queue that lines enter.
pub(super) struct Queue {
    jobs: RwLock<Option<SyncSender<Job>>>,
    /// Nothing is ever sent here: its other end is dropped when the writer has ended.
    ended: Mutex<Receiver<()>>,
    shared: Arc<Shared>,
}

impl Queue {
    /// Starts the thread `name` that writes to `sink`. Without a thread all lines are lost.
    pub(super) fn start(name: &str, sink: impl Sink, remark: Remark) -> (Self, Option<io::Error>) {
        let (queue, jobs, ending) = Self::with_room(QUEUE_LINES);
        let writer = Writer::new(sink, Arc::clone(&queue.shared), remark);
        let started = thread::Builder::new().name(name.to_owned()).spawn(move || {
            writer.run(&jobs);
            drop(ending);
        });
        (queue, started.err())
    }

    fn with_room(lines: usize) -> (Self, Receiver<Job>, SyncSender<()>) {
        let (jobs, waiting) = sync_channel(lines);
        let (ending, ended) = sync_channel(0);
        let queue = Self {
            jobs: RwLock::new(Some(jobs)),
            ended: Mutex::new(ended),
            shared: Arc::default(),
        };
        (queue, waiting, ending)
    }

    /// Queues one line. Never waits.
    pub(super) fn push(&self, line: Line) {
        if let Some(TrySendError::Full(_)) = self.offer(Job::Line(line)) {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Begins anew after the lines queued so far. Never waits.
    pub(super) fn reopen(&self) {
        if let Some(TrySendError::Full(_)) = self.offer(Job::Reopen) {
            self.shared.reopen.store(true, Ordering::Relaxed);
        }
    }

    fn offer(&self, job: Job) -> Option<TrySendError<Job>> {
        let jobs = self.jobs.read().unwrap_or_else(PoisonError::into_inner);
        jobs.as_ref()?.try_send(job).err()
    }

    /// Takes no more lines and waits until those queued are written, or until `deadline`.
    pub(super) fn close(&self, deadline: Instant) {
        drop(
            self.jobs
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = ended.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the thread is the log's own, no runtime worker"
)]
fn gather() {
    thread::sleep(GATHERING);
}

/// The thread's end of the queue.
struct Writer<S> {
    sink: S,
    shared: Arc<Shared>,
    remark: Remark,
    batch: Vec<u8>,
    /// Of all lines of the batch.
    is_error: bool,
    lines: u64,
    /// Whether the last write failed, so that a full disk is reported once.
    failing: bool,
}

impl<S: Sink> Writer<S> {
    fn new(sink: S, shared: Arc<Shared>, remark: Remark) -> Self {
        Self {
            sink,
            shared,
            remark,
            batch: Vec::new(),
            is_error: false,
            lines: 0,
            failing: false,
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
            Job::Line(line) => self.add(line),
            Job::Reopen => reopen = true,
        }
        if reopen || self.batch.len() >= BATCH_BYTES {
            self.flush();
        }
        if reopen {
            self.sink.reopen();
        }
    }

    fn add(&mut self, line: &Line) {
        if line.is_error != self.is_error {
            self.flush();
            self.is_error = line.is_error;
        }
        self.batch.extend_from_slice(&line.text);
        self.lines += 1;
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
        match self.sink.write(self.is_error, &self.batch) {
            Ok(()) => self.failing = false,
            Err(error) => {
                let lost = dropped + self.lines;
                self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
                if !self.failing {
                    self.failing = true;
                    self.sink.complain(&error);
                }
            }
        }
        self.batch.clear();
        self.lines = 0;
    }
}

#[cfg(test)]
mod tests;
