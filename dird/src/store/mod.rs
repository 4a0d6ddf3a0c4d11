//! Where dird keeps what it must not lose: one trait per kind of object, implemented by each engine with files of the same
//! names. SQL lives here and nowhere else; a function that touches a tenant's rows asks for the proof of it.

mod arrivals;
mod change;
mod contacts;
pub mod contract;
mod directories;
mod engine;
mod hash;
mod journal;
mod mapping;
mod mirrors;
pub mod model;
mod page;
mod postgres;
mod services;
mod sqlite;
mod stamped;
pub mod wazo_schema;
mod written;

use std::sync::Arc;

use async_trait::async_trait;

pub use arrivals::Arrivals;
pub use change::{Change, Changed, Changes, Holder};
pub use contacts::{
    Contacts, Contents, Followed, Import, Imported, People, PhonebookKey, Phonebooks, Placed,
    Reading, Standing,
};
pub use directories::{
    Directories, Directory, EntryChange, EntryReading, EntryWriting, NewSeries, Population, Sealed,
    StoredEntry,
};
pub use hash::content_hash;
pub use journal::{Journal, Noted};
pub use mapping::{DESTINATIONS, Mapped, Mapping};
pub use mirrors::{MirrorContent, MirrorHead, MirrorKey, MirroredContact, Mirrors};
use model::{
    Defaults, Display, DisplayColumn, DisplayId, Profile, ProfileId, ResolvedProfile, Source,
    SourceId,
};
pub use page::{Listed, Page};

use crate::identity::builtin::Accounts;
use crate::identity::{Tenant, Tenants};

/// What a caller of a store can act upon.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Something with this name exists already.
    #[error("the name \"{0}\" is already used")]
    NameTaken(String),
    /// Something of this content or identifier exists already.
    #[error("this would create a duplicate")]
    Duplicate,
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
    /// Another writer was in the way; the same call may succeed at once.
    #[error("another writer was in the way")]
    Conflict,
    /// The object is no longer what its editor knows of it.
    #[error("it was changed meanwhile")]
    Changed,
    /// A defect: a row that cannot be read, a statement that the engine refuses.
    #[error("the database answered unexpectedly")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl StoreError {
    /// Fails if a statement that should have found an object touched no row.
    fn unless_found(rows: u64, kind: &'static str, id: &str) -> Stored<()> {
        if rows > 0 {
            Ok(())
        } else {
            Err(Self::Missing {
                kind,
                id: id.to_owned(),
            })
        }
    }
}

/// Removals of contacts that a list remembers for its followers, and changes that one of them is given at once.
const REMOVALS_KEPT: i64 = 10_000;

/// Result of a store function.
pub type Stored<T> = Result<T, StoreError>;

/// Sources of every backend.
#[async_trait]
pub trait Sources: Send + Sync {
    /// Adds a source. Its name must be free in the tenant, unless a phonebook lends it its own; the phonebook of a phonebook
    /// source must be of the tenant.
    async fn create_source(&self, tenant: &Tenant, source: &Source) -> Stored<()>;
    /// Lists the sources of one backend, or of all. `total` counts what the tenants have, of that backend.
    async fn list_sources(
        &self,
        tenants: &Tenants,
        backend: Option<&str>,
        page: &Page,
    ) -> Stored<Listed<Source>>;
    /// The source with this identifier, if it is of the backend.
    async fn source(
        &self,
        tenants: &Tenants,
        backend: &str,
        id: &SourceId,
    ) -> Stored<Option<Source>>;
    /// Replaces a source of the tenant, found by backend and identifier; if it still is what is `known`.
    async fn update_source(
        &self,
        tenant: &Tenant,
        source: &Source,
        known: Option<&Source>,
    ) -> Stored<()>;
    /// Removes a source, also from profiles; if it still is what is `known`.
    async fn delete_source(
        &self,
        tenant: &Tenant,
        backend: &str,
        id: &SourceId,
        known: Option<&Source>,
    ) -> Stored<()>;
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
    /// Lists displays.
    async fn list_displays(&self, tenants: &Tenants, page: &Page) -> Stored<Listed<Display>>;
    /// The display with this identifier.
    async fn display(&self, tenants: &Tenants, id: &DisplayId) -> Stored<Option<Display>>;
    /// Replaces name and columns of a display of the tenant; if it still is what is `known`.
    async fn update_display(
        &self,
        tenant: &Tenant,
        display: &Display,
        known: Option<&Display>,
    ) -> Stored<()>;
    /// Removes a display; profiles that used it have none then. If it still is what is `known`.
    async fn delete_display(
        &self,
        tenant: &Tenant,
        id: &DisplayId,
        known: Option<&Display>,
    ) -> Stored<()>;
}

/// Profiles.
#[async_trait]
pub trait Profiles: Send + Sync {
    /// Adds a profile; its display and sources must be of the same tenant. A taken name is reported before a missing display,
    /// that before a missing source.
    async fn create_profile(&self, tenant: &Tenant, profile: &Profile) -> Stored<()>;
    /// Lists profiles, with a number of statements that does not depend on how many there are.
    async fn list_profiles(&self, tenants: &Tenants, page: &Page) -> Stored<Listed<Profile>>;
    /// The profile with this identifier.
    async fn profile(&self, tenants: &Tenants, id: &ProfileId) -> Stored<Option<Profile>>;
    /// Replaces a profile of the tenant; all or nothing, errors as for `create_profile`. If it still is what is `known`.
    async fn update_profile(
        &self,
        tenant: &Tenant,
        profile: &Profile,
        known: Option<&Profile>,
    ) -> Stored<()>;
    /// Removes a profile; if it still is what is `known`.
    async fn delete_profile(
        &self,
        tenant: &Tenant,
        id: &ProfileId,
        known: Option<&Profile>,
    ) -> Stored<()>;
    /// The profile of that exact name with its display and sources.
    async fn resolve_profile(&self, tenant: &Tenant, name: &str)
    -> Stored<Option<ResolvedProfile>>;
}

/// Tenants as the platform speaks of them.
#[async_trait]
pub trait Tenancy: Send + Sync {
    /// Remembers the country (two letters) that a tenant is in; none forgets it.
    async fn set_country(&self, tenant: &Tenant, country: Option<&str>) -> Stored<()>;
    /// The country of a tenant, as far as it is known.
    async fn country(&self, tenant: &Tenant) -> Stored<Option<String>>;
    /// Gives a tenant what every new one gets, all of it or nothing. A source or display of that name is taken as it is; a
    /// source whose name another backend has is left out. False, and nothing is changed, if the tenant has the profile.
    async fn create_defaults(&self, tenant: &Tenant, defaults: Defaults) -> Stored<bool>;
    /// Removes a tenant with everything in it; false if there was nothing.
    async fn erase(&self, tenant: &Tenant) -> Stored<bool>;
}

/// Whether the database is there.
#[async_trait]
pub trait Pulse: Send + Sync {
    /// Fails if the database does not answer.
    async fn ping(&self) -> Stored<()>;
}

/// A whole engine.
pub trait Engine:
    Accounts
    + Sources
    + Displays
    + Profiles
    + Phonebooks
    + Contacts
    + People
    + Mirrors
    + Directories
    + Tenancy
    + Arrivals
    + Changes
    + Pulse
{
}

impl<T> Engine for T where
    T: Accounts
        + Sources
        + Displays
        + Profiles
        + Phonebooks
        + Contacts
        + People
        + Mirrors
        + Directories
        + Tenancy
        + Arrivals
        + Changes
        + Pulse
{
}

/// The store of a running dird.
pub type Store = Arc<dyn Engine>;

/// A database address that no engine understands, or an engine that did not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// `db_uri` has an unknown form.
    #[error(
        "\"{0}\" is not a kind of database; use sqlite:PATH or postgresql://USER:PASSWORD@HOST/DATABASE"
    )]
    UnknownScheme(String),
    /// The engine did not open or the migrations failed.
    #[error("{0}")]
    Engine(String),
}

/// Opens the database at `uri`, creating and migrating it as needed. A file is opened now; a server may come later, until then
/// every call gives [`StoreError::Unavailable`].
pub async fn open(uri: &str) -> Result<Store, OpenError> {
    if let Some(path) = uri.strip_prefix("sqlite:") {
        return Ok(Arc::new(sqlite::Sqlite::open(path).await?));
    }
    match scheme_of(uri).as_str() {
        "postgresql" | "postgres" => Ok(Arc::new(postgres::Postgres::open(uri)?)),
        _ => Err(OpenError::UnknownScheme(scheme_of(uri))),
    }
}

/// Whether the database at `uri` is one that a dird of this version has used. Nothing is made or changed to find out; one of
/// another version is an error.
pub async fn is_there(uri: &str) -> Result<bool, OpenError> {
    let (applied, known) = if let Some(path) = uri.strip_prefix("sqlite:") {
        (sqlite::applied(path).await?, sqlite::MIGRATIONS.len())
    } else if matches!(scheme_of(uri).as_str(), "postgresql" | "postgres") {
        (postgres::applied(uri).await?, postgres::MIGRATIONS.len())
    } else {
        return Err(OpenError::UnknownScheme(scheme_of(uri)));
    };
    match applied {
        0 => Ok(false),
        applied if usize::try_from(applied).is_ok_and(|applied| applied == known) => Ok(true),
        _ => Err(OpenError::Engine(
            "the database is of another version of dird; one start of this one updates an older one"
                .to_owned(),
        )),
    }
}

/// The scheme alone: the rest of the address may hold a password.
fn scheme_of(uri: &str) -> String {
    uri.split_once(':')
        .map_or(uri, |(scheme, _)| scheme)
        .to_owned()
}
