//! How often the phones of an entry may ask: `rate_limit` of §6.3. Each phone and each entry has a bucket of requests that fills
//! again at the configured pace; the number of buckets is bounded.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use ipnet::IpNet;
use moka::{policy::EvictionPolicy, sync::Cache};

use super::{beyond::Beyond, entry::RateLimit};

/// Buckets that are kept; the ones unused for longest leave (phoned.md §15).
const MOST: u64 = 100_000;
/// A bucket that was not used for so long is full again.
const IDLE: Duration = Duration::from_mins(10);

/// Whose bucket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Owner {
    Phone(IpAddr),
    Entry(IpNet),
}

/// All buckets. A bucket is the time, in microseconds since `start`, at which it is full again.
#[derive(Debug)]
pub struct Paces {
    start: Instant,
    full_at: Cache<Owner, Arc<AtomicU64>>,
}

impl Default for Paces {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            full_at: Cache::builder()
                .max_capacity(MOST)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_idle(IDLE)
                .build(),
        }
    }
}

impl Paces {
    /// Takes a request of `phone` that counts as `weight` ones out of its bucket and out of that of its entry `net`; fails when
    /// one is empty.
    pub fn take(
        &self,
        limit: &RateLimit,
        phone: IpAddr,
        net: IpNet,
        weight: u32,
    ) -> Result<(), Beyond> {
        let now = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let weight = f64::from(weight);
        let own = (limit.per_phone, limit.burst.into());
        self.take_at(now, Owner::Phone(phone), own, weight)
            .map_err(|left| Beyond::new("phone", left))?;
        // An entry takes as many at once as it may get in a second.
        let shared = (limit.subnet, limit.subnet);
        self.take_at(now, Owner::Entry(net), shared, weight)
            .map_err(|left| Beyond::new("subnet", left))
    }

    /// `weight` requests at once always fit into an untouched bucket, however small it is. Where they do not fit: how long it is
    /// until they do.
    fn take_at(
        &self,
        now: u64,
        owner: Owner,
        (per_second, burst): (f64, f64),
        weight: f64,
    ) -> Result<(), Duration> {
        if per_second <= 0.0 {
            return Ok(());
        }
        let cost = micros(weight / per_second);
        let depth = micros(burst.max(weight) / per_second);
        let full_at = self.full_at.get_with(owner, Arc::default);
        let next = |full_at: u64| full_at.max(now).saturating_add(cost);
        let most = now.saturating_add(depth);
        let taken = full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |full_at| {
            Some(next(full_at)).filter(|next| *next <= most)
        });
        let taken = taken.map_err(|full_at| Duration::from_micros(next(full_at) - most));
        taken.map(|_| ())
    }
}

fn micros(seconds: f64) -> u64 {
    u64::try_from(
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(Duration::MAX)
            .as_micros(),
    )
    .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn phone(number: u32) -> Owner {
        Owner::Phone(IpAddr::from(number.to_be_bytes()))
    }

    #[test]
    fn a_burst_passes_and_then_only_the_pace() {
        let paces = Paces::default();
        let take = |now| paces.take_at(now, phone(1), (2.0, 3.0), 1.0);
        let took = |now| take(now).is_ok();
        assert_eq!(
            [took(0), took(0), took(0), took(0)],
            [true, true, true, false]
        );
        assert_eq!(take(0), Err(Duration::from_millis(500)));
        assert_eq!(take(SECOND / 2 - 1), Err(Duration::from_micros(1)));
        assert!(took(SECOND / 2));
        assert!(!took(SECOND / 2));
        assert!(
            paces.take_at(0, phone(2), (2.0, 3.0), 1.0).is_ok(),
            "others have their own"
        );
    }

    #[test]
    fn a_heavy_request_counts_as_several_and_fits_into_any_untouched_bucket() {
        let paces = Paces::default();
        let took = |owner, burst, weight| paces.take_at(0, owner, (2.0, burst), weight).is_ok();
        assert!(took(phone(1), 3.0, 2.0));
        assert!(!took(phone(1), 3.0, 2.0));
        assert!(took(phone(1), 3.0, 1.0));
        assert!(took(phone(2), 1.0, 2.0));
        assert!(!took(phone(2), 1.0, 1.0));
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let paces = Paces::default();
        assert!((0..1000).all(|_| paces.take_at(0, phone(1), (0.0, 1.0), 1.0).is_ok()));
        paces.full_at.run_pending_tasks();
        assert_eq!(paces.full_at.entry_count(), 0);
    }

    #[test]
    fn the_buckets_are_bounded() {
        let paces = Paces::default();
        for number in 0..1_000_000 {
            let _taken = paces.take_at(0, phone(number), (1.0, 1.0), 1.0);
        }
        paces.full_at.run_pending_tasks();
        assert!(paces.full_at.entry_count() <= MOST);
    }
}
