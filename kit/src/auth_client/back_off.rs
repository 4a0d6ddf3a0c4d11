//! How long to wait before the next attempt to get a token: 1, 2, 4, 8, 16, then every 32 seconds, from 1 again after a success
//! (dird-platform.md §4.1), each give or take 20 % so that daemons started together do not knock together.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// A sequence of waits that doubles up to a limit.
#[derive(Debug, Clone)]
pub struct BackOff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Default for BackOff {
    fn default() -> Self {
        Self::new(Duration::from_secs(1), Duration::from_secs(32))
    }
}

impl BackOff {
    /// Waits from `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            next: first,
        }
    }

    /// The wait after one more failure.
    pub fn after_failure(&mut self) -> Duration {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(self.longest);
        jittered(wait)
    }

    /// Starts over, after a success.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

fn jittered(base: Duration) -> Duration {
    let share = RandomState::new().hash_one(base) % 401;
    let per_mille = 800 + u32::try_from(share).unwrap_or(0);
    base * per_mille / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_about(wait: Duration, seconds: u64) {
        let base = Duration::from_secs(seconds);
        assert!((base * 4 / 5..=base * 6 / 5).contains(&wait), "{wait:?}");
    }

    #[test]
    fn waits_double_up_to_the_limit_and_start_over_after_a_success() {
        let mut back_off = BackOff::default();
        for seconds in [1, 2, 4, 8, 16, 32, 32, 32] {
            assert_about(back_off.after_failure(), seconds);
        }
        back_off.reset();
        for seconds in [1, 2] {
            assert_about(back_off.after_failure(), seconds);
        }
    }
}
