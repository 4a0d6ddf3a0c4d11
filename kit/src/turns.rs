//! How much is done at once: a number of turns, and a bounded line of those who wait for one, so that a crowd is told soon
//! that it is one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Turns of one kind of work.
#[derive(Debug)]
pub struct Turns {
    free: Semaphore,
    waiting: AtomicUsize,
    room: usize,
    patience: Duration,
}

/// A place in the line, left when dropped.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Turns {
    /// So many turns `at_once`, for which `room` others wait, none of them longer than `patience`.
    pub fn new(at_once: usize, room: usize, patience: Duration) -> Self {
        Self {
            free: Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)),
            waiting: AtomicUsize::new(0),
            room,
            patience,
        }
    }

    /// A turn, which ends when it is dropped; none where too many wait, or when it takes too long.
    pub async fn take(&self) -> Option<SemaphorePermit<'_>> {
        if let Ok(turn) = self.free.try_acquire() {
            return Some(turn);
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _place = Place(&self.waiting);
        if before >= self.room {
            return None;
        }
        timeout(self.patience, self.free.acquire()).await.ok()?.ok()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn who_finds_no_turn_waits_for_one_but_not_for_ever() {
        let turns = Turns::new(1, 1, LONG);
        let first = turns.take().await;
        assert!(first.is_some());
        let mut second = Box::pin(turns.take());
        assert!(second.as_mut().now_or_never().is_none(), "it waits");
        drop(first);
        let second = second.await;
        assert!(second.is_some());
        assert!(turns.take().await.is_none(), "a minute has passed");
    }

    #[tokio::test(start_paused = true)]
    async fn the_line_is_bounded_and_whoever_leaves_it_makes_room() {
        let turns = Turns::new(1, 1, LONG);
        let _held = turns.take().await;
        let mut waiting = Box::pin(turns.take());
        assert!(waiting.as_mut().now_or_never().is_none());
        let beyond = turns.take().now_or_never();
        assert!(beyond.is_some_and(|turn| turn.is_none()), "told at once");
        drop(waiting);
        let mut waiting = Box::pin(turns.take());
        assert!(waiting.as_mut().now_or_never().is_none(), "it has a place");
    }
}
