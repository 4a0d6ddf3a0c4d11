//! Slowing down who guesses passwords (intercom-directory.md §6): so many wrong ones in a minute, from an address or for a
//! name.

use std::hash::{BuildHasher, Hash};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use moka::policy::EvictionPolicy;
use moka::sync::Cache;

/// How long a wrong password counts.
const WINDOW: Duration = Duration::from_mins(1);
/// Addresses and names that are remembered; further ones push out what was not seen for longest.
const REMEMBERED: u64 = 20_000;

/// Counts wrong passwords.
pub(super) struct Throttle {
    most: u32,
    wrong: Cache<u64, Arc<AtomicU32>>,
    hasher: std::hash::RandomState,
}

impl Throttle {
    /// Allows `most` wrong passwords in a minute.
    pub(super) fn new(most: u32) -> Self {
        let wrong = Cache::builder()
            .max_capacity(REMEMBERED)
            .eviction_policy(EvictionPolicy::lru())
            .time_to_live(WINDOW);
        Self {
            most,
            wrong: wrong.build(),
            hasher: std::hash::RandomState::new(),
        }
    }

    fn keys(&self, address: IpAddr, name: &str) -> [u64; 2] {
        [self.key((0, address)), self.key((1, name))]
    }

    fn key(&self, what: impl Hash) -> u64 {
        self.hasher.hash_one(what)
    }

    /// True if a further password may be tried.
    pub(super) fn allows(&self, address: IpAddr, name: &str) -> bool {
        let wrong = |key| {
            let wrong = self.wrong.get(&key);
            wrong.map_or(0, |wrong| wrong.load(Ordering::Relaxed))
        };
        self.keys(address, name)
            .into_iter()
            .all(|key| wrong(key) < self.most)
    }

    /// Notes a wrong password.
    pub(super) fn failed(&self, address: IpAddr, name: &str) {
        for key in self.keys(address, name) {
            let wrong = self.wrong.get_with(key, Arc::default);
            wrong.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_and_a_name_have_so_many_tries() {
        let throttle = Throttle::new(2);
        let [one, other]: [IpAddr; 2] = [[10, 0, 0, 1].into(), [10, 0, 0, 2].into()];
        throttle.failed(one, "a");
        assert!(throttle.allows(one, "a"));
        throttle.failed(one, "b");
        assert!(!throttle.allows(one, "c"), "the address");
        assert!(throttle.allows(other, "a"));
        throttle.failed(other, "a");
        assert!(!throttle.allows([10, 0, 0, 3].into(), "a"), "the name");
        assert!(throttle.allows(other, "c"));
    }
}
