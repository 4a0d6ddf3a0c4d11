//! Phones that try users: how many different ones an address may ask for in a minute, and how many of them may be nobody (phoned.md
//! §15). Asked once the gate has let a phone in, before anything is searched. What is remembered of an address is bounded, and so
//! are the addresses.

use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use moka::{policy::EvictionPolicy, sync::Cache};
use serde::Deserialize;

use super::beyond::Beyond;

/// Addresses that are remembered; the ones unused for longest leave.
const MOST: u64 = 100_000;
/// Users of one address that are told apart.
const MOST_USERS: usize = 1000;
/// How long an address is watched before its account begins anew.
const WATCHED: Duration = Duration::from_mins(1);

/// `limits`: users per address and minute; 0 = no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct Limits {
    /// Different users that may be asked for.
    pub new_users: usize,
    /// Answers that there is no such user, after which only users that were asked for before are answered.
    pub unknown_users: usize,
}

impl Limits {
    /// Whether nobody is watched.
    pub fn are_off(self) -> bool {
        self == Self::default()
    }
}

/// The addresses of the last minute.
#[derive(Debug)]
pub struct Guesses {
    accounts: Cache<IpAddr, Arc<Mutex<Account>>>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Account {
    begun: Instant,
    /// Hashes of the users that were asked for.
    users: HashSet<u64>,
    unknown: usize,
    told: bool,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            users: HashSet::new(),
            unknown: 0,
            told: false,
        }
    }
}

impl Default for Guesses {
    fn default() -> Self {
        Self {
            accounts: Cache::builder()
                .max_capacity(MOST)
                .eviction_policy(EvictionPolicy::lru())
                .time_to_live(WATCHED)
                .build(),
            hasher: RandomState::new(),
        }
    }
}

impl Guesses {
    /// Whether `phone` may ask for `user`. If not, which limit is in the way, and the log has a line, one a minute.
    pub fn may_ask(&self, limits: Limits, phone: IpAddr, user: &str) -> Result<(), Beyond> {
        if limits.are_off() {
            return Ok(());
        }
        let hash = self.hasher.hash_one(user.to_ascii_lowercase());
        let account = self.accounts.get_with(phone, Arc::default);
        let mut account = lock(&account);
        if account.users.contains(&hash) {
            return Ok(());
        }
        let reached = |limit: usize, count: usize| limit > 0 && count >= limit;
        let scope = if reached(limits.unknown_users, account.unknown) {
            "unknown_users"
        } else if reached(limits.new_users, account.users.len()) {
            "new_users"
        } else {
            if account.users.len() < MOST_USERS.max(limits.new_users) {
                account.users.insert(hash);
            }
            return Ok(());
        };
        if !std::mem::replace(&mut account.told, true) {
            tracing::warn!(%phone, scope, "somebody tries users");
        }
        Err(Beyond::new(
            scope,
            WATCHED.saturating_sub(account.begun.elapsed()),
        ))
    }

    /// Notes that `phone` asked for somebody whom nobody knows.
    pub fn was_unknown(&self, limits: Limits, phone: IpAddr) {
        if !limits.are_off() {
            let account = self.accounts.get_with(phone, Arc::default);
            lock(&account).unknown += 1;
        }
    }
}

/// A panic cannot leave an account halfway.
fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const LIMITS: Limits = Limits {
        new_users: 3,
        unknown_users: 2,
    };

    #[test]
    fn users_are_counted_once_whatever_their_case() {
        let guesses = Guesses::default();
        for user in ["a", "A", "b", "a", "c"] {
            assert_eq!(guesses.may_ask(LIMITS, PHONE, user), Ok(()));
        }
        let beyond = guesses.may_ask(LIMITS, PHONE, "d").expect_err("a fourth");
        assert_eq!(beyond.scope, "new_users");
        assert!((2..=60).contains(&beyond.wait), "{beyond:?}");
        assert_eq!(guesses.may_ask(LIMITS, PHONE, "b"), Ok(()));
    }

    #[test]
    fn without_limits_nobody_is_watched_and_with_them_a_bounded_number_is() {
        let guesses = Guesses::default();
        guesses.was_unknown(Limits::default(), PHONE);
        assert_eq!(guesses.may_ask(Limits::default(), PHONE, "a"), Ok(()));
        guesses.accounts.run_pending_tasks();
        assert_eq!(guesses.accounts.entry_count(), 0);
        for number in 0..120_000_u32 {
            let phone = IpAddr::from(number.to_be_bytes());
            assert_eq!(guesses.may_ask(LIMITS, phone, "a"), Ok(()));
        }
        guesses.accounts.run_pending_tasks();
        assert!(guesses.accounts.entry_count() <= MOST);
    }

    #[test]
    fn one_address_takes_a_bounded_room() {
        let guesses = Guesses::default();
        let limits = Limits {
            new_users: 0,
            ..LIMITS
        };
        for number in 0..2 * MOST_USERS {
            let user = number.to_string();
            assert_eq!(guesses.may_ask(limits, PHONE, &user), Ok(()));
        }
        let account = guesses.accounts.get(&PHONE).expect("an account");
        assert_eq!(lock(&account).users.len(), MOST_USERS);
    }
}
