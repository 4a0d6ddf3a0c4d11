//! Telling the rest of dird that what is stored has changed, whoever changed it: what is configured by messages, what lists of
//! contacts and favourites hold by a number, because that changes often and is looked at only when it is needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::broadcast;

use crate::identity::TenantId;

/// How many changes a slow subscriber may fall behind before it is told that it missed some.
const BACKLOG: usize = 256;

/// What may differ now from what was read before. The same change may be told more than once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// A source, display, profile or phonebook of this tenant.
    Tenant(TenantId),
    /// Anything: changes may have been missed.
    Everything,
}

/// Changes by this process and by others on the same database (design.md §4).
pub trait Changes: Send + Sync {
    /// Changes of sources, displays, profiles and phonebooks from now on. A receiver that lags has missed some, and must take
    /// that as [`Changed::Everything`].
    fn subscribe(&self) -> broadcast::Receiver<Changed>;

    /// A number that every change of contacts or favourites raises: own changes before they are acknowledged, others' within
    /// a second. What was read at the same number still holds.
    fn contents_generation(&self) -> u64;
}

/// Where an engine publishes changes.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    configured: broadcast::Sender<Changed>,
    contents: Arc<AtomicU64>,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            configured: broadcast::Sender::new(BACKLOG),
            contents: Arc::default(),
        }
    }

    /// Tells all subscribers; there may be none.
    pub(super) fn publish(&self, changed: Changed) {
        if changed == Changed::Everything {
            self.contents_changed();
        }
        let _ = self.configured.send(changed);
    }

    /// Notes a change of contacts or favourites.
    pub(super) fn contents_changed(&self) {
        self.contents.fetch_add(1, Ordering::Release);
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Changed> {
        self.configured.subscribe()
    }

    pub(super) fn contents_generation(&self) -> u64 {
        self.contents.load(Ordering::Acquire)
    }
}
