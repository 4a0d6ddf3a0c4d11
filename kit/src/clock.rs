//! The only place that reads the wall clock, so that time can be found, reviewed and replaced.

use std::time::{Duration, UNIX_EPOCH};

/// Time since the Unix epoch; zero if the machine's clock is set before it.
#[expect(clippy::disallowed_methods, reason = "this module is the clock")]
fn since_epoch() -> Duration {
    std::time::SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Seconds since the Unix epoch with their fraction, as the `timestamp` of error bodies has them.
pub fn unix_seconds() -> f64 {
    since_epoch().as_secs_f64()
}

/// Whole seconds since the Unix epoch.
pub fn unix_now() -> i64 {
    i64::try_from(since_epoch().as_secs()).unwrap_or(i64::MAX)
}
