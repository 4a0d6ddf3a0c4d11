//! Telling the rest of dird that what is stored has changed, whoever changed it: what is configured by messages, what lists of
//! contacts and favourites hold by a number, because that changes often and is looked at only when it is needed. Both are
//! noted in a journal, for those who follow from outside.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::broadcast;

use super::Journal;
use super::model::{PhonebookId, SourceId};
use crate::identity::{TenantId, UserId};

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

/// A change in a tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Of what is configured, such as this source; the tenant itself may be gone.
    Configuration(TenantId, Option<SourceId>),
    /// Of contacts.
    Contacts(TenantId, Holder),
    /// Of a user's favourites.
    Favorites(TenantId, UserId),
}

impl Change {
    /// Where it happened.
    pub fn tenant(&self) -> &TenantId {
        match self {
            Self::Configuration(tenant, _)
            | Self::Contacts(tenant, _)
            | Self::Favorites(tenant, _) => tenant,
        }
    }
}

/// Whose contacts have changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// Those that a user keeps for himself.
    User(UserId),
    /// Those of a phonebook.
    Phonebook(PhonebookId),
}

/// Changes by this process and by others on the same database (design.md §4).
pub trait Changes: Send + Sync {
    /// Changes of sources, displays, profiles and phonebooks from now on. A receiver that lags has missed some, and must take
    /// that as [`Changed::Everything`].
    fn subscribe(&self) -> broadcast::Receiver<Changed>;

    /// A number that every change of contacts or favourites raises: own changes before they are acknowledged, others' within
    /// a second. What was read at the same number still holds.
    fn contents_generation(&self) -> u64;

    /// The latest changes of every kind. One is noted when what is read from then on has it.
    fn journal(&self) -> Arc<Journal>;
}

/// Where an engine publishes changes.
#[derive(Debug, Clone)]
pub(super) struct Feed {
    configured: broadcast::Sender<Changed>,
    contents: Arc<AtomicU64>,
    journal: Arc<Journal>,
}

impl Feed {
    pub(super) fn new() -> Self {
        Self {
            configured: broadcast::Sender::new(BACKLOG),
            contents: Arc::default(),
            journal: Arc::new(Journal::new()),
        }
    }

    /// Tells of a change that is committed.
    pub(super) fn tell(&self, change: Change) {
        self.contents_changed();
        if let Change::Configuration(tenant, _) = &change {
            self.configured_changed(tenant.clone());
        }
        self.journal.note(Some(change));
    }

    /// Tells that changes may have been missed.
    pub(super) fn tell_everything(&self) {
        self.contents_changed();
        // There may be no subscriber.
        let _ = self.configured.send(Changed::Everything);
        self.journal.note(None);
    }

    /// Notes that contacts or favourites may have changed.
    pub(super) fn contents_changed(&self) {
        self.contents.fetch_add(1, Ordering::Release);
    }

    /// Notes that the configuration of a tenant may have changed.
    pub(super) fn configured_changed(&self, tenant: TenantId) {
        let _ = self.configured.send(Changed::Tenant(tenant));
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Changed> {
        self.configured.subscribe()
    }

    pub(super) fn contents_generation(&self) -> u64 {
        self.contents.load(Ordering::Acquire)
    }

    pub(super) fn journal(&self) -> Arc<Journal> {
        Arc::clone(&self.journal)
    }
}
