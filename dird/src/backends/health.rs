//! How sources behind the network are: what operators see of them in the metrics, and whoever explains an answer beside it.

use std::time::Duration;

/// Whether a remote is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Every question goes to it.
    Asked,
    /// It failed again and again; a question goes to it twice a second only, until it answers.
    Resting,
}

/// How a source behind the network is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Whether it is asked.
    pub standing: Standing,
    /// Time since its last good answer; none before the first.
    pub answered: Option<Duration>,
    /// Why its last question failed; none if it was answered.
    pub error: Option<String>,
    /// Age of the copy that was answered to the last question in place of an answer; none if that one was live.
    pub stale: Option<Duration>,
    /// Age of the copy that the last question was answered with, old or not; none if that answer was live.
    pub copy: Option<Duration>,
    /// Answers from copies that were too old and good enough, so far.
    pub stale_answers: u64,
    /// The mirrored directory; none for a source that has none.
    pub mirror: Option<MirrorHealth>,
}

/// How a mirrored directory is (`sync`); of one that users have each of their own, the one that was looked at last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorHealth {
    /// Time since it was last known to be the same as the remote one.
    pub age: Duration,
    /// Its contacts.
    pub contacts: usize,
    /// Why the last attempt to renew it failed; none if it succeeded.
    pub error: Option<String>,
}
