//! The turns of a listener: for how many requests it asks other services at once (phoned.md §17.2). What is remembered, and
//! what somebody else asks already, takes no turn, so that phones get it even where everything else hangs.

use std::{sync::Arc, time::Duration};

use http::{Extensions, request::Parts};
use kit::turns::Turns;
use tokio::sync::SemaphorePermit;

use crate::error::PhoneError;

/// Longest time that a request waits for its turn.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// A listener's turns, which its requests carry.
#[derive(Debug, Clone)]
pub struct ListenerTurns(Arc<Turns>);

impl ListenerTurns {
    /// Turns for so many requests `at_once`, for which `room` others wait.
    pub fn new(at_once: usize, room: usize) -> Self {
        Self(Arc::new(Turns::new(at_once, room, PATIENCE)))
    }

    /// Gives them to a request to carry.
    pub fn attach(self, extensions: &mut Extensions) {
        extensions.insert(self);
    }

    /// Those of a request.
    pub fn of(request: &Parts) -> Option<&Self> {
        request.extensions.get()
    }

    /// A turn, which lasts until it is dropped.
    pub async fn take(&self) -> Result<SemaphorePermit<'_>, PhoneError> {
        self.0.take().await.ok_or(PhoneError::Overloaded)
    }
}
