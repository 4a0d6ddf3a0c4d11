//! Whether a remote is worth asking. After a few failures in a row the answer is no, but twice a second one question is let
//! through to see whether it came back; the first good answer opens the way for all.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Failures in a row after which a remote is left alone.
const PATIENCE: u32 = 3;

/// Time between two probes.
const BETWEEN_PROBES: Duration = Duration::from_millis(500);

/// A probe is waited for when the last one is this long ago: where questions come more often, one that goes on aside tells as
/// much, and a remote that hangs costs nobody time.
const LONG_AGO: Duration = Duration::from_millis(900);

/// What a question may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leave {
    /// The remote is well.
    Ask,
    /// The remote failed; this one question may find out whether it still does.
    Probe,
    /// The same, but whoever asks should not wait for it.
    ProbeAside,
    /// The remote failed a moment ago.
    Refused,
}

/// The recent past of one remote.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    past: Mutex<Past>,
}

#[derive(Debug, Default)]
struct Past {
    failures: u32,
    next_probe: Option<Instant>,
}

impl Breaker {
    /// What a question may do now.
    pub(super) fn admit(&self) -> Leave {
        let mut past = self.past();
        let Some(next_probe) = past.next_probe else {
            return Leave::Ask;
        };
        let now = Instant::now();
        if now < next_probe {
            return Leave::Refused;
        }
        past.next_probe = Some(now + BETWEEN_PROBES);
        if now.duration_since(next_probe) + BETWEEN_PROBES >= LONG_AGO {
            Leave::Probe
        } else {
            Leave::ProbeAside
        }
    }

    /// The remote answered. True if it had been left alone until now.
    pub(super) fn answered(&self) -> bool {
        let was = std::mem::take(&mut *self.past());
        was.next_probe.is_some()
    }

    /// The remote failed. True if it is left alone from now on.
    pub(super) fn failed(&self) -> bool {
        let mut past = self.past();
        past.failures = past.failures.saturating_add(1);
        if past.failures < PATIENCE || past.next_probe.is_some() {
            return false;
        }
        past.next_probe = Some(Instant::now() + BETWEEN_PROBES);
        true
    }

    /// True while the remote is left alone.
    pub(super) fn rests(&self) -> bool {
        self.past().next_probe.is_some()
    }

    /// Nothing is left half-written in there: a poisoned lock holds good data.
    fn past(&self) -> MutexGuard<'_, Past> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_remote_that_fails_three_times_is_probed_twice_a_second_until_it_answers() {
        let breaker = Breaker::default();
        assert_eq!(breaker.admit(), Leave::Ask);
        assert_eq!(
            [breaker.failed(), breaker.failed(), breaker.failed()],
            [false, false, true]
        );
        assert_eq!(breaker.admit(), Leave::Refused);
        tokio::time::advance(BETWEEN_PROBES).await;
        assert_eq!(
            [breaker.admit(), breaker.admit()],
            [Leave::ProbeAside, Leave::Refused]
        );
        assert!(!breaker.failed(), "it is known already");
        tokio::time::advance(LONG_AGO).await;
        assert_eq!(
            [breaker.admit(), breaker.admit()],
            [Leave::Probe, Leave::Refused]
        );
        assert!(breaker.answered());
        assert_eq!(breaker.admit(), Leave::Ask);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_between_failures_starts_the_count_again() {
        let breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed();
            breaker.failed();
            assert!(!breaker.answered());
        }
        assert_eq!(breaker.admit(), Leave::Ask);
    }
}
