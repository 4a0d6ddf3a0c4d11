//! How much one client may ask for, and how many may write one directory at once (intercom-directory.md §6).

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use super::reply::Refusal;
use crate::config::IntercomLimits;
use crate::store::model::PhonebookId;

/// Clients whose rate is remembered.
const REMEMBERED: u64 = 20_000;
/// A client that asked nothing for so long has its whole burst again.
const IDLE: Duration = Duration::from_mins(5);

/// How long a writer waits for its turn: clients give up after ten seconds.
const PATIENCE: Duration = Duration::from_secs(10);

struct Bucket {
    left: f64,
    at: Instant,
}

/// Counts the requests of each client.
pub(super) struct Rates {
    rate: f64,
    burst: f64,
    buckets: Cache<u64, Arc<Mutex<Bucket>>>,
    hasher: std::hash::RandomState,
}

impl Rates {
    /// Allows what the limits say.
    pub(super) fn new(limits: &IntercomLimits) -> Self {
        let buckets = Cache::builder()
            .max_capacity(REMEMBERED)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_idle(IDLE);
        Self {
            rate: limits.requests.into(),
            burst: limits.burst.into(),
            buckets: buckets.build(),
            hasher: std::hash::RandomState::new(),
        }
    }

    /// Counts a request; refused if there were too many.
    pub(super) fn count(&self, client: &str) -> Result<(), Refusal> {
        let full = || {
            Arc::new(Mutex::new(Bucket {
                left: self.burst,
                at: Instant::now(),
            }))
        };
        let bucket = self.buckets.get_with(self.hasher.hash_one(client), full);
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = bucket.at.elapsed().as_secs_f64() * self.rate;
        bucket.at = Instant::now();
        bucket.left = (bucket.left + refilled).min(self.burst);
        if bucket.left < 1.0 {
            return Err(Refusal::Rejected(1));
        }
        bucket.left -= 1.0;
        Ok(())
    }
}

/// One directory's writers.
#[derive(Clone)]
struct Queue {
    places: Arc<Semaphore>,
    turn: Arc<Semaphore>,
}

/// Lets writers of a directory come one after the other, so that those who wait hold no connection to the database.
pub(super) struct Turns {
    places: usize,
    queues: Mutex<HashMap<PhonebookId, Queue>>,
}

/// The right to write a directory until it is dropped.
pub(super) struct Turn {
    _place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
}

impl Turns {
    /// Lets so many wait, the one who writes included.
    pub(super) fn new(places: usize) -> Self {
        Self {
            places,
            queues: Mutex::default(),
        }
    }

    /// Waits for a turn; refused if too many wait already, or if the others take too long.
    pub(super) async fn take(&self, directory: &PhonebookId) -> Result<Turn, Refusal> {
        let queue = self.queue(directory);
        let place = queue.places.try_acquire_owned();
        let place = place.map_err(|_| Refusal::Rejected(1))?;
        match timeout(PATIENCE, queue.turn.acquire_owned()).await {
            Ok(Ok(turn)) => Ok(Turn {
                _place: place,
                _turn: turn,
            }),
            _ => Err(Refusal::Rejected(1)),
        }
    }

    fn queue(&self, directory: &PhonebookId) -> Queue {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        // Only directories that are written are kept.
        queues.retain(|_, queue| queue.places.available_permits() < self.places);
        let queue = queues.entry(directory.clone()).or_insert_with(|| Queue {
            places: Arc::new(Semaphore::new(self.places)),
            turn: Arc::new(Semaphore::new(1)),
        });
        queue.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(requests: u32, burst: u32) -> IntercomLimits {
        IntercomLimits {
            body_bytes: 1,
            entries_per_call: 1,
            fields_per_call: 1,
            path_length: 1,
            entry_bytes: 1,
            entries: 1,
            tombstones: 1,
            requests,
            burst,
            writes: 1,
            failed_logins: 1,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_given_back_with_time() {
        let rates = Rates::new(&limits(2, 3));
        let counted = (0..4).map(|_| rates.count("a").is_ok());
        assert_eq!(counted.collect::<Vec<_>>(), [true, true, true, false]);
        assert!(rates.count("b").is_ok());
        tokio::time::advance(Duration::from_millis(500)).await;
        assert!(rates.count("a").is_ok());
        assert!(rates.count("a").is_err());
    }

    #[tokio::test]
    async fn writers_wait_and_too_many_are_sent_away() {
        let turns = Arc::new(Turns::new(2));
        let [one, other] = ["one", "other"].map(|name| PhonebookId(name.into()));
        let first = turns.take(&one).await.unwrap();
        let mut second = waiting(&turns, &one);
        assert!(futures_util::poll!(&mut second).is_pending());
        assert!(turns.take(&one).await.is_err());
        assert!(turns.take(&other).await.is_ok());
        drop(first);
        assert!(second.await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever() {
        let turns = Turns::new(2);
        let one = PhonebookId("one".into());
        let _first = turns.take(&one).await.unwrap();
        assert!(matches!(turns.take(&one).await, Err(Refusal::Rejected(1))));
    }

    fn waiting(
        turns: &Arc<Turns>,
        directory: &PhonebookId,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<Turn, Refusal>>>> {
        let (turns, directory) = (Arc::clone(turns), directory.clone());
        Box::pin(async move { turns.take(&directory).await })
    }
}
