//! Where dird keeps what it must not lose: one trait per kind of object, implemented by each engine with files of the same
//! names. SQL lives here and nowhere else; a function that touches a tenant's rows asks for the proof of it.

mod hash;
pub mod model;
mod sqlite;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

pub use hash::content_hash;
use model::{
    Contact, Display, DisplayColumn, Phonebook, PhonebookId, Profile, ProfileId, ResolvedProfile,
    Source,
};

use crate::identity::Tenant;
use crate::identity::builtin::Accounts;

/// What a caller of a store can act upon.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something with this name exists already.
    #[error("the name \"{0}\" is already used")]
    NameTaken(String),
    /// The object does not exist in the given tenants.
    #[error("no such {kind}: \"{id}\"")]
    Missing {
        /// Kind of the object: `source`, `display`, …
        kind: &'static str,
        /// The identifier that was asked for.
        id: String,
    },
    /// The database cannot be reached; the same call may succeed later.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A defect: a row that cannot be read, a statement that the engine refuses.
    #[error("the database answered unexpectedly")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Result of a store function.
pub type Stored<T> = Result<T, StoreError>;

/// Sources of every backend.
#[async_trait]
pub trait Sources: Send + Sync {
    /// Adds a source. Its name must be free in the tenant, unless a phonebook lends it its own.
    async fn create_source(&self, tenant: &Tenant, source: &Source) -> Stored<()>;
    /// The source with this name, for the command line.
    async fn source_named(&self, tenant: &Tenant, name: &str) -> Stored<Option<Source>>;
}

/// Displays.
#[async_trait]
pub trait Displays: Send + Sync {
    /// Adds a display.
    async fn create_display(
        &self,
        tenant: &Tenant,
        name: &str,
        columns: &[DisplayColumn],
    ) -> Stored<Display>;
}

/// Profiles.
#[async_trait]
pub trait Profiles: Send + Sync {
    /// Adds a profile; its display and sources must be of the same tenant.
    async fn create_profile(&self, tenant: &Tenant, profile: &Profile) -> Stored<()>;
    /// Removes a profile.
    async fn delete_profile(&self, tenant: &Tenant, profile: &ProfileId) -> Stored<()>;
    /// The profile of that exact name with its display and sources.
    async fn resolve_profile(&self, tenant: &Tenant, name: &str)
    -> Stored<Option<ResolvedProfile>>;
}

/// A phonebook's contacts as they stood at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhonebookContents {
    /// Version of the phonebook; every change of its contacts makes a new one.
    pub version: i64,
    /// Contacts in the order of insertion.
    pub contacts: Vec<Contact>,
}

/// Internal phonebooks and their contacts.
#[async_trait]
pub trait Phonebooks: Send + Sync {
    /// Adds a phonebook.
    async fn create_phonebook(
        &self,
        tenant: &Tenant,
        name: &str,
        description: Option<&str>,
    ) -> Stored<Phonebook>;
    /// The phonebook with this name.
    async fn phonebook_named(&self, tenant: &Tenant, name: &str) -> Stored<Option<Phonebook>>;
    /// Adds contacts in one transaction, leaving out those whose content the phonebook already has. Returns how many were added.
    async fn add_contacts(
        &self,
        tenant: &Tenant,
        phonebook: &PhonebookId,
        contacts: &[Contact],
    ) -> Stored<usize>;
    /// Everything in a phonebook.
    async fn contents(&self, tenant: &Tenant, phonebook: &PhonebookId)
    -> Stored<PhonebookContents>;
    /// Present version of each of the named phonebooks that still exists.
    async fn versions(&self, phonebooks: &[PhonebookId]) -> Stored<HashMap<PhonebookId, i64>>;
}

/// Whether the database is there.
#[async_trait]
pub trait Pulse: Send + Sync {
    /// Fails if the database does not answer.
    async fn ping(&self) -> Stored<()>;
}

/// A whole engine.
pub trait Engine: Accounts + Sources + Displays + Profiles + Phonebooks + Pulse {}

impl<T: Accounts + Sources + Displays + Profiles + Phonebooks + Pulse> Engine for T {}

/// The store of a running dird.
pub type Store = Arc<dyn Engine>;

/// A database address that no engine understands, or an engine that did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `db_uri` has an unknown form.
    #[error("\"{0}\" is not a database address; use sqlite:PATH")]
    UnknownScheme(String),
    /// The engine did not open or the migrations failed.
    #[error("{0}")]
    Engine(String),
}

/// Opens the database at `uri`, creating and migrating it as needed.
pub async fn open(uri: &str) -> Result<Store, OpenError> {
    match uri.strip_prefix("sqlite:") {
        Some(path) => Ok(Arc::new(sqlite::Sqlite::open(path).await?)),
        None => Err(OpenError::UnknownScheme(scheme_of(uri))),
    }
}

/// The scheme alone: the rest of the address may hold a password.
fn scheme_of(uri: &str) -> String {
    uri.split_once(':')
        .map_or(uri, |(scheme, _)| scheme)
        .to_owned()
}
