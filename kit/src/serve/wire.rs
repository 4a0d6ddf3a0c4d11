//! What the two ends of one connection's stack tell each other: the byte filter below hyper and the exchange above it.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering::Relaxed};

use tokio::sync::Notify;

use super::refusal::Refusal;

/// Shared by filter, exchange and driver of one connection. For HTTP/1 all run in one task; HTTP/2 streams run in their own,
/// but nothing depends on the order in which they see each other's writes, hence relaxed atomics.
#[derive(Debug)]
pub(super) struct Wire {
    requests: AtomicUsize,
    max_requests: usize,
    refused_at: AtomicUsize,
    refusal: AtomicU8,
    draining: AtomicBool,
    busy: AtomicUsize,
    wrote: AtomicBool,
    /// Woken when the last allowed request has come; HTTP/2 then says goodbye.
    pub(super) used_up: Notify,
}

/// A request's place on its connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Turn {
    /// Set when the request must be answered with this refusal.
    pub(super) refusal: Option<Refusal>,
    /// No further request is served on the connection.
    pub(super) last: bool,
}

impl Wire {
    /// A connection that may carry at most `max_requests`.
    pub(super) fn new(max_requests: usize) -> Self {
        Self {
            requests: AtomicUsize::new(0),
            max_requests,
            refused_at: AtomicUsize::new(usize::MAX),
            refusal: AtomicU8::new(0),
            draining: AtomicBool::new(false),
            busy: AtomicUsize::new(0),
            wrote: AtomicBool::new(false),
            used_up: Notify::new(),
        }
    }

    /// The filter refuses the head number `ordinal` (from 0) and puts a stand-in in its place.
    pub(super) fn refuse(&self, ordinal: usize, refusal: Refusal) {
        let code = match refusal {
            Refusal::Malformed => 0,
            Refusal::RequestLineTooLong => 1,
            Refusal::FieldsTooLarge => 2,
        };
        self.refusal.store(code, Relaxed);
        self.refused_at.store(ordinal, Relaxed);
    }

    /// A request reaches the exchange.
    pub(super) fn next_turn(&self) -> Turn {
        let ordinal = self.requests.fetch_add(1, Relaxed);
        let last = ordinal.saturating_add(1) >= self.max_requests;
        if last {
            self.used_up.notify_one();
        }
        let refusal =
            (ordinal == self.refused_at.load(Relaxed)).then(|| match self.refusal.load(Relaxed) {
                0 => Refusal::Malformed,
                1 => Refusal::RequestLineTooLong,
                _ => Refusal::FieldsTooLarge,
            });
        Turn { refusal, last }
    }

    /// How many requests have come.
    pub(super) fn requests(&self) -> usize {
        self.requests.load(Relaxed)
    }

    /// The server stops: answers from now on are the connection's last.
    pub(super) fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    /// Whether the server stops.
    pub(super) fn draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Bytes were sent.
    pub(super) fn mark_write(&self) {
        self.wrote.store(true, Relaxed);
    }

    /// Whether a request is under way or bytes were sent since the last call.
    pub(super) fn take_activity(&self) -> bool {
        self.wrote.swap(false, Relaxed) || self.busy.load(Relaxed) > 0
    }

    /// A request is under way until the guard is dropped.
    pub(super) fn begin(self: &std::sync::Arc<Self>) -> UnderWay {
        self.busy.fetch_add(1, Relaxed);
        UnderWay(std::sync::Arc::clone(self))
    }
}

/// Counts one request under way.
#[derive(Debug)]
pub(super) struct UnderWay(std::sync::Arc<Wire>);

impl UnderWay {
    /// Whether the server stops.
    pub(super) fn draining(&self) -> bool {
        self.0.draining()
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Relaxed);
    }
}
