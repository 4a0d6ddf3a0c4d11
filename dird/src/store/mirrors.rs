//! Mirrors of remote directories, so that they outlive a restart and are fetched by one server for all: contacts are kept as the
//! texts that backends make of them, and not looked into here.

use async_trait::async_trait;

use super::Stored;
use super::model::SourceId;
use crate::identity::Tenant;

/// Contacts in one statement.
pub(super) const BATCH: usize = 1000;

/// Which mirror.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MirrorKey {
    /// The source.
    pub source: SourceId,
    /// The user whose contacts they are; empty for a directory that everybody shares.
    pub owner: String,
}

/// What is known of a mirror beside its contacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorHead {
    /// Raised by every write.
    pub version: i64,
    /// Fingerprint of the configuration that it was fetched with.
    pub fingerprint: String,
    /// Where the remote's changes go on from; none if it has to be fetched whole.
    pub mark: Option<String>,
    /// When it was last known to be like the remote, in seconds since 1970.
    pub fetched: i64,
}

/// A contact of a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirroredContact {
    /// What the remote calls it; one of its mirror's contacts only. It has no NUL.
    pub id: String,
    /// All of it, as text without NUL.
    pub contact: String,
}

/// What a fetch found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MirrorContent {
    /// Nothing has changed.
    Same,
    /// These are all contacts, in their order.
    Whole(Vec<MirroredContact>),
    /// What has changed: known contacts keep their places, new ones come last.
    Changes {
        /// Contacts that are new or were edited, no two with the same identifier.
        written: Vec<MirroredContact>,
        /// Identifiers of contacts that are gone.
        removed: Vec<String>,
    },
}

/// Mirrors of remote directories.
#[async_trait]
pub trait Mirrors: Send + Sync {
    /// What is known of a mirror; none if there is none.
    async fn mirror(&self, tenant: &Tenant, key: &MirrorKey) -> Stored<Option<MirrorHead>>;
    /// A mirror with its contacts, in their order, as they stood at one time.
    async fn mirrored(
        &self,
        tenant: &Tenant,
        key: &MirrorKey,
    ) -> Stored<Option<(MirrorHead, Vec<MirroredContact>)>>;
    /// Writes what a fetch found, all or nothing. `head` holds the version that the fetch started from, 0 without a mirror. The
    /// new version; none if the mirror is no longer at that version, or the tenant has no such source: then nothing is written.
    async fn write_mirror(
        &self,
        tenant: &Tenant,
        key: &MirrorKey,
        head: &MirrorHead,
        content: &MirrorContent,
    ) -> Stored<Option<i64>>;
}
