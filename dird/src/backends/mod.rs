//! Where contacts come from: one folder a kind, one line in [`kinds`]. A [`Source`] answers searches with [`Entry`]s; what it
//! does not know is who may ask, how results are shown, and how it is reached over HTTP.

mod conference;
mod csv;
mod csv_ws;
mod entry;
mod google;
mod held;
mod ldap;
mod office365;
mod personal;
mod phonebook;
mod remote;
mod wazo;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

pub use entry::{Entry, Field, Relations};

use crate::identity::{Tenant, Token, UserId};
use crate::index::{Lists, People};
use crate::schema::Schema;
use crate::store::model::Source as Configured;

/// On whose behalf a source is asked (dird-backends.md §1.1).
#[derive(Debug, Clone)]
pub struct Asker {
    /// The user whose personal data may be shown; none for services.
    pub user: Option<UserId>,
    /// The tenant in which that user's personal data is looked for: for the caller his own, for others the request's.
    pub home: Tenant,
    /// The caller's own token, also when `user` is somebody else.
    pub token: Token,
}

/// Why a source has no answer. It never fails the request (dird-backends.md §1.8).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

/// Why a configured source cannot be used. It is tried again when its configuration changes.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(pub String);

/// A configured source, ready to be asked.
#[async_trait]
pub trait Source: Send + Sync {
    /// Contacts that contain `term` in a searched column, in the source's own order.
    async fn search(&self, term: &str, asker: &Asker) -> Result<Vec<Entry>, SourceError>;

    /// The contact behind each of `numbers`: the first one, in the source's own order, of which a first-matched column equals
    /// the number. Numbers that nobody has are left out.
    async fn reverse(
        &self,
        numbers: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError>;

    /// Contacts by their identifiers, in the source's own order. A source without identifiers has none.
    async fn list(&self, ids: &[String], asker: &Asker) -> Result<Vec<Entry>, SourceError>;

    /// Every contact that the asking user keeps for himself; a source that everybody shares has none.
    async fn own(&self, _asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        Ok(Vec::new())
    }
}

/// What sources of dird's own need from the rest of it.
pub struct Surroundings {
    /// Lists of contacts in the store.
    pub lists: Arc<Lists>,
    /// What the store knows of users.
    pub people: Arc<People>,
}

/// A kind of source.
#[async_trait]
pub trait SourceKind: Send + Sync {
    /// Name in configuration, routes and results.
    fn name(&self) -> &'static str;
    /// The keys that only this backend has.
    fn schema(&self) -> &'static Schema;
    /// Columns that its list may be sorted by, the first by default; the same ones may be asked for exactly.
    fn columns(&self) -> &'static [&'static str] {
        &["name"]
    }
    /// Makes a source ready.
    async fn open(
        &self,
        source: &Configured,
        around: &Surroundings,
    ) -> Result<Arc<dyn Source>, OpenError>;
}

/// Every kind that dird knows, by name.
pub fn kinds() -> [&'static dyn SourceKind; 9] {
    [
        &conference::Kind,
        &csv::Kind,
        &csv_ws::Kind,
        &google::Kind,
        &ldap::Kind,
        &office365::Kind,
        &personal::Kind,
        &phonebook::Kind,
        &wazo::Kind,
    ]
}

/// The error of a backend whose sources can be configured and are not asked yet: they answer nothing.
fn not_asked_yet(backend: &str) -> OpenError {
    OpenError(format!(
        "this version keeps {backend} sources but does not ask them"
    ))
}

/// The kind called `name`.
pub fn kind(name: &str) -> Option<&'static dyn SourceKind> {
    kinds().into_iter().find(|kind| kind.name() == name)
}
