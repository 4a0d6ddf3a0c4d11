//! What happened to the questions to one remote, for [`Health`].

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::backends::remote::RemoteError;
use crate::backends::{Health, Standing};

/// The questions so far.
#[derive(Debug, Default)]
pub(super) struct Record(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    answered: Option<Instant>,
    error: Option<RemoteError>,
    stale: Option<Duration>,
    copy: Option<Duration>,
    stale_answers: u64,
}

impl Record {
    /// The remote gave a good answer.
    pub(super) fn answered(&self) {
        let mut noted = self.noted();
        noted.answered = Some(Instant::now());
        noted.error = None;
        noted.stale = None;
        noted.copy = None;
    }

    /// A copy of this age was given without asking.
    pub(super) fn copied(&self, age: Duration) {
        self.noted().copy = Some(age);
    }

    /// The remote gave none.
    pub(super) fn failed(&self, error: &RemoteError) {
        self.noted().error = Some(error.clone());
    }

    /// A copy of this age was given in place of an answer.
    pub(super) fn stale(&self, age: Duration) {
        let mut noted = self.noted();
        noted.stale = Some(age);
        noted.copy = Some(age);
        noted.stale_answers += 1;
    }

    /// How the remote is.
    pub(super) fn health(&self, standing: Standing) -> Health {
        let noted = self.noted();
        Health {
            standing,
            answered: noted.answered.map(|at| at.elapsed()),
            error: noted.error.as_ref().map(ToString::to_string),
            stale: noted.stale,
            copy: noted.copy,
            stale_answers: noted.stale_answers,
            mirror: None,
        }
    }

    /// Nothing is left half-written in there: a poisoned lock holds good data.
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
