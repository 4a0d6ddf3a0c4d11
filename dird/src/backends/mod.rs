//! Where contacts come from: one folder a kind, one line in [`kinds`]. A [`Source`] answers searches with [`Entry`]s; what it
//! does not know is who may ask, how results are shown, and how it is reached over HTTP.

mod conference;
mod csv;
mod csv_ws;
mod entry;
mod google;
mod ldap;
mod office365;
mod personal;
mod phonebook;
mod remote;
mod wazo;

use std::sync::Arc;

use async_trait::async_trait;

pub use entry::{Entry, Field, Relations};
pub use phonebook::Phonebooks;

use crate::identity::{Token, UserId};
use crate::schema::Schema;
use crate::store::model::Source as Configured;

/// On whose behalf a source is asked (dird-backends.md §1.1).
#[derive(Debug, Clone)]
pub struct Asker {
    /// The user whose personal data may be shown; none for services.
    pub user: Option<UserId>,
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
}

/// What sources of dird's own need from the rest of it.
pub struct Surroundings {
    /// Contents of the internal phonebooks.
    pub phonebooks: Arc<Phonebooks>,
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
