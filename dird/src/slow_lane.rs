//! Work that takes long, beside the async workers: scans of large lists, answers of thousands of rows. It is bounded, so that
//! short requests always find a core that is free of it.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Threads that work may take.
#[derive(Debug, Clone)]
pub struct SlowLane(Arc<Semaphore>);

/// The work panicked, or dird stops.
#[derive(Debug, thiserror::Error)]
#[error("the work was not done")]
pub struct Undone;

impl Default for SlowLane {
    /// Half of the machine's cores, at least one.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self(Arc::new(Semaphore::new((cores / 2).max(1))))
    }
}

impl SlowLane {
    /// Does `work` when it is its turn.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Undone> {
        let turn = Arc::clone(&self.0).acquire_owned().await;
        let turn = turn.map_err(|_| Undone)?;
        let done = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.map_err(|_| Undone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_that_panics_gives_its_place_back() {
        let lane = SlowLane(Arc::new(Semaphore::new(1)));
        assert!(lane.run(|| panic!("on purpose")).await.is_err());
        assert_eq!(lane.run(|| 1).await.unwrap(), 1);
    }
}
