//! How long a connection may stay quiet between and inside request heads.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// What a quiet connection is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The first byte ever.
    First,
    /// The rest of a head.
    Head,
    /// The next request.
    Idle,
    /// The first byte ever, while the server stops.
    FirstDraining,
    /// The next request, while the server stops.
    IdleDraining,
}

/// One timer for all stages of a connection. It is moved only when it would fire too late: an early one costs a wake-up every
/// few seconds, moving it at each request would cost much more.
#[derive(Debug)]
pub(super) struct Quiet {
    current: Option<(Stage, usize)>,
    deadline: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Quiet {
    /// No stage yet.
    pub(super) fn new() -> Self {
        Self {
            current: None,
            deadline: Instant::now(),
            timer: None,
        }
    }

    /// Ready when the stage, which began when it was first seen here with this head number, has lasted `span`.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stage: (Stage, usize),
        span: Duration,
    ) -> Poll<()> {
        if self.current != Some(stage) {
            self.current = Some(stage);
            self.deadline = Instant::now() + span;
        }
        let deadline = self.deadline;
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if timer.deadline() >= deadline {
                return Poll::Ready(());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}
