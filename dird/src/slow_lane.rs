//! Work that takes long, beside the async workers: scans of large lists, answers of thousands of rows. It has threads of its
//! own, which are few and give way to everything else that dird does, so that short requests always find a core.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::process::setpriority_process;
use tokio::sync::{Semaphore, oneshot};

/// How far the threads give way, on the scale of `nice`.
const NICENESS: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

thread_local! {
    /// Whether this is one of the lane's threads.
    static ON_THE_LANE: Cell<bool> = const { Cell::new(false) };
}

/// Lets others have the core after every `turn` steps of long work, of which `done` are done; not on other threads than the lane's.
/// Without it the scheduler lets a thread run for milliseconds, however much it gives way, and whoever wakes meanwhile waits.
/// A turn should last some tens of microseconds.
pub fn take_turns(done: usize, turn: usize) {
    if done.is_multiple_of(turn) && ON_THE_LANE.get() {
        thread::yield_now();
    }
}

/// Threads for work that takes long; they end with the last handle.
#[derive(Debug, Clone)]
pub struct SlowLane {
    /// One turn for each thread, so that no more is sent than is begun at once.
    turns: Arc<Semaphore>,
    jobs: Sender<Job>,
}

/// The work panicked, or dird stops.
#[derive(Debug, thiserror::Error)]
#[error("the work was not done")]
pub struct Undone;

impl Default for SlowLane {
    /// Half of the machine's cores, at least one.
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self::with_threads((cores / 2).max(1))
    }
}

impl SlowLane {
    fn with_threads(count: usize) -> Self {
        let (jobs, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let started = (0..count).filter(|number| {
            let waiting = Arc::clone(&waiting);
            let thread = thread::Builder::new().name(format!("slow-lane-{number}"));
            let started = thread.spawn(move || work(&waiting));
            started.is_ok()
        });
        Self {
            turns: Arc::new(Semaphore::new(started.count())),
            jobs,
        }
    }

    /// Does `work` when it is its turn.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Undone> {
        let turn = Arc::clone(&self.turns).acquire_owned().await;
        let turn = turn.map_err(|_| Undone)?;
        let (done, result) = oneshot::channel();
        let job = move || {
            let _turn = turn;
            // Whoever asked may have gone.
            let _ = done.send(work());
        };
        self.jobs.send(Box::new(job)).map_err(|_| Undone)?;
        result.await.map_err(|_| Undone)
    }
}

/// Does one job after the other until there can be no more.
fn work(waiting: &Mutex<Receiver<Job>>) {
    ON_THE_LANE.set(true);
    if let Err(error) = setpriority_process(None, NICENESS) {
        tracing::debug!(%error, "long work does not give way to short work");
    }
    loop {
        let next = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv();
        let Ok(job) = next else { return };
        // What a job holds is dropped with it: nothing half-done is seen afterwards.
        if catch_unwind(AssertUnwindSafe(job)).is_err() {
            tracing::error!("work on the slow lane panicked");
        }
    }
}

#[cfg(test)]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    #[tokio::test]
    async fn work_that_panics_gives_its_place_back() {
        let lane = SlowLane::with_threads(1);
        assert!(lane.run(|| panic!("on purpose")).await.is_err());
        assert_eq!(lane.run(|| 1).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn long_work_gives_way_and_nothing_else_does() {
        let own = getpriority_process(None).unwrap();
        let lane = SlowLane::with_threads(2);
        let lanes = lane.run(|| getpriority_process(None).unwrap()).await;
        assert_eq!(lanes.unwrap(), own.max(NICENESS));
        assert_eq!(getpriority_process(None).unwrap(), own);
    }

    #[tokio::test]
    async fn work_waits_for_a_thread_and_all_of_it_is_done() {
        let lane = SlowLane::with_threads(2);
        let works = (0..50).map(|number| lane.run(move || number));
        let done = futures_util::future::join_all(works).await;
        let done: Vec<i32> = done.into_iter().map(Result::unwrap).collect();
        assert_eq!(done, (0..50).collect::<Vec<_>>());
    }
}
