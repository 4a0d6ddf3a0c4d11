//! Phonebooks that are published as directories of an intercom, and their entries (intercom-directory.md §7). Every writer of
//! a phonebook counts here what it changes, under the lock that it takes anyway; what an entry means is not known here.

use std::fmt;

use async_trait::async_trait;

use super::Stored;
use super::mapping::Mapping;
use super::model::{Contact, PhonebookId};
use crate::identity::{SystemAuthority, Tenant, TenantId};

/// The header of a published phonebook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// Tenant of the phonebook.
    pub tenant: TenantId,
    /// The phonebook.
    pub phonebook: PhonebookId,
    /// Its name.
    pub name: String,
    /// Whether it is the one that tokens of the tenant act on.
    pub default: bool,
    /// Names one unbroken history of the counter: decimal digits.
    pub series: String,
    /// Counter at which the series began; 0 for the first one.
    pub series_start: i64,
    /// The counter: timestamp of the last change.
    pub timestamp: i64,
    /// The database that the series was begun in.
    pub instance: String,
    /// Which fields of contacts are fields of entries.
    pub mapping: Mapping,
}

/// A history of the counter that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSeries {
    /// Its name, not used before.
    pub series: String,
    /// Fingerprint of the database.
    pub instance: String,
    /// The counter is at least this.
    pub at_least: i64,
}

/// Values that open doors, maybe encrypted; not to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

impl fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(kit::secret::HIDDEN)
    }
}

/// An entry, or what stays of a deleted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its uuid in lower case.
    pub uuid: String,
    /// The uuid as answers spell it.
    pub spelling: String,
    /// The contact that has its mapped fields.
    pub contact: Option<Contact>,
    /// When it was last changed.
    pub timestamp: i64,
    /// True for a tombstone.
    pub deleted: bool,
    /// Who manages it; empty for nobody.
    pub owner: String,
    /// Further values as JSON.
    pub data: String,
    /// Values that open doors.
    pub secret: Option<Sealed>,
}

/// How many entries there are of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Population {
    /// Entries.
    pub live: i64,
    /// Tombstones.
    pub tombstones: i64,
}

/// An entry as it is to be, and the contact that it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryChange {
    /// The entry; its contact, if it has one, is made or replaced.
    pub entry: StoredEntry,
    /// The contact that it had; removed if the entry has none any more.
    pub before: Option<Contact>,
}

/// A directory being written in one transaction, which nobody else writes meanwhile. Dropped without
/// [`EntryWriting::commit`], nothing was changed.
#[async_trait]
pub trait EntryWriting: Send {
    /// The header as it is under the lock.
    fn directory(&self) -> &Directory;
    /// Entries and tombstones with these lower-case uuids, in any order.
    async fn entries(&mut self, uuids: &[&str]) -> Stored<Vec<StoredEntry>>;
    /// Live entries of this owner, by timestamp.
    async fn owned_by(&mut self, owner: &str) -> Stored<Vec<StoredEntry>>;
    /// How many entries there are.
    async fn population(&mut self) -> Stored<Population>;
    /// Writes entries, each once; `timestamp` becomes the counter. A contact whose identifier is somebody's elsewhere gets
    /// another one.
    async fn write(&mut self, changes: Vec<EntryChange>, timestamp: i64) -> Stored<()>;
    /// Makes it last.
    async fn commit(self: Box<Self>) -> Stored<()>;
}

/// A directory being read as it stood at one time.
#[async_trait]
pub trait EntryReading: Send {
    /// The header at that time.
    fn directory(&self) -> &Directory;
    /// Entries and tombstones with these lower-case uuids, in any order.
    async fn entries(&mut self, uuids: &[&str]) -> Stored<Vec<StoredEntry>>;
    /// The next entries after the timestamp that the reading began with, by timestamp; none at the end.
    async fn next(&mut self) -> Stored<Vec<StoredEntry>>;
}

/// Published phonebooks. One that is not published is [`super::StoreError::Missing`].
#[async_trait]
pub trait Directories: Send + Sync {
    /// Publishes a phonebook; its contacts are stamped in the order of their identifiers. One that is published gets the
    /// mapping, and with another one a new series and new timestamps. `default`: it becomes the tenant's default.
    async fn publish(
        &self,
        tenant: &Tenant,
        phonebook: &PhonebookId,
        begun: &NewSeries,
        (mapping, default): (&Mapping, bool),
    ) -> Stored<()>;
    /// Forgets all that is published of a phonebook, entries without a contact and access data included.
    async fn unpublish(&self, tenant: &Tenant, phonebook: &PhonebookId) -> Stored<()>;
    /// Every directory.
    async fn directories(&self, by: SystemAuthority) -> Stored<Vec<Directory>>;
    /// The directory of a phonebook, whose ever it is.
    async fn directory_of(
        &self,
        by: SystemAuthority,
        phonebook: &PhonebookId,
    ) -> Stored<Option<Directory>>;
    /// The directory that tokens of the tenant act on.
    async fn default_directory(&self, tenant: &Tenant) -> Stored<Option<Directory>>;
    /// How many entries a directory has.
    async fn entry_population(
        &self,
        tenant: &Tenant,
        phonebook: &PhonebookId,
    ) -> Stored<Population>;
    /// Begins a new series.
    async fn begin_series(
        &self,
        tenant: &Tenant,
        phonebook: &PhonebookId,
        begun: &NewSeries,
    ) -> Stored<()>;
    /// With more than `most` tombstones, removes the older half of them and begins a new series; true if it did.
    async fn purge_tombstones(
        &self,
        tenant: &Tenant,
        phonebook: &PhonebookId,
        most: i64,
        begun: &NewSeries,
    ) -> Stored<bool>;
    /// Takes a directory for writing.
    async fn write_entries(
        &self,
        tenant: &Tenant,
        phonebook: &PhonebookId,
    ) -> Stored<Box<dyn EntryWriting>>;
    /// Starts to read the entries changed after `after`.
    async fn read_entries(
        &self,
        tenant: &Tenant,
        phonebook: &PhonebookId,
        after: i64,
    ) -> Stored<Box<dyn EntryReading>>;
    /// What tells this database from a copy of it.
    async fn fingerprint(&self, by: SystemAuthority) -> Stored<String>;
}
