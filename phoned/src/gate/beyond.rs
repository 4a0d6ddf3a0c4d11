//! A limit that somebody has reached (phoned.md §15), and when it is worth asking again.

use std::time::Duration;

/// The limit in the way of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Beyond {
    /// Which one, as metrics and the log name it.
    pub scope: &'static str,
    /// Whole seconds until a request may pass, 1 at least.
    pub wait: u64,
}

impl Beyond {
    /// The limit called `scope`, in the way for `left`.
    pub fn new(scope: &'static str, left: Duration) -> Self {
        let begun = u64::from(left.subsec_nanos() > 0);
        let wait = left.as_secs().saturating_add(begun).max(1);
        Self { scope, wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_that_has_begun_is_waited_for() {
        for (left, wait) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let beyond = Beyond::new("phone", Duration::from_millis(left));
            assert_eq!(beyond.wait, wait, "{left}");
        }
    }
}
