//! Telling the rest of dird that what is configured has changed, whoever changed it.

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

/// Changes of sources, displays, profiles and phonebooks, by this process and by others on the same database (design.md §4).
pub trait Changes: Send + Sync {
    /// Changes from now on. A receiver that lags has missed some, and must take that as [`Changed::Everything`].
    fn subscribe(&self) -> broadcast::Receiver<Changed>;
}

/// Where an engine publishes changes.
#[derive(Debug, Clone)]
pub(super) struct Feed(broadcast::Sender<Changed>);

impl Feed {
    pub(super) fn new() -> Self {
        Self(broadcast::Sender::new(BACKLOG))
    }

    /// Tells all subscribers; there may be none.
    pub(super) fn publish(&self, changed: Changed) {
        let _ = self.0.send(changed);
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Changed> {
        self.0.subscribe()
    }
}
