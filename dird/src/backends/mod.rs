//! Where contacts come from: one folder a kind, one line in [`kinds`]. A [`Source`] answers searches with [`Entry`]s; what it
//! does not know is who may ask, how results are shown, and how it is reached over HTTP.

mod conference;
mod csv;
mod csv_ws;
mod entry;
mod google;
mod guard;
mod health;
mod held;
mod hits;
pub mod keypad;
mod ldap;
mod listing;
mod matching;
mod mirror;
mod office365;
mod personal;
mod phonebook;
mod platform;
mod remote;
mod scan;
mod wazo;

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;

pub use entry::{Entry, Field, Identity, Relations};
pub use health::{Health, MirrorHealth, Standing};
pub use hits::Hits;
pub use listing::{Contact, Listing, ListingError, ListingRules};
pub use remote::Outside;

use crate::identity::{Tenant, Token, UserId};
use crate::index::{Lists, People};
use crate::schema::Schema;
use crate::store::Store;
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
    async fn search(&self, term: &str, asker: &Asker) -> Result<Hits, SourceError>;

    /// The contact behind each of `numbers`: the first one, in the source's own order, of which a first-matched column equals
    /// the number. Numbers that nobody has are left out.
    async fn reverse(
        &self,
        numbers: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError>;

    /// The first contact of which a first-matched column is written with separators and is one of `digits` without them; a
    /// source whose contacts are not in memory has none.
    async fn separated(
        &self,
        _digits: &[String],
        _asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        Ok(HashMap::new())
    }

    /// Contacts of which a searched column is typed with these keys of a telephone ([`keypad`]); a source whose contacts are not
    /// in memory has none.
    async fn typed(&self, _keys: &str, _asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        Ok(Vec::new())
    }

    /// Contacts that have each word of `text` in any column, whether it is searched or not; a source whose contacts are not in
    /// memory knows only those that a search finds. For explanations.
    async fn mentioning(&self, text: &str, asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        Ok(self.search(text, asker).await?.entries())
    }

    /// True if the contacts are in memory.
    fn is_held(&self) -> bool {
        false
    }

    /// Contacts by their identifiers, in the source's own order. A source without identifiers has none.
    async fn list(&self, ids: &[String], asker: &Asker) -> Result<Vec<Entry>, SourceError>;

    /// Every contact that the asking user keeps for himself; a source that everybody shares has none.
    async fn own(&self, _asker: &Asker) -> Result<Hits, SourceError> {
        Ok(Hits::default())
    }

    /// How the source is; none for one that is not behind the network.
    fn health(&self) -> Option<Health> {
        None
    }

    /// The whole directory, for backends whose contacts can be listed.
    fn listing(&self) -> Option<&dyn Listing> {
        None
    }
}

/// What sources of dird's own need from the rest of it.
pub struct Surroundings {
    /// Lists of contacts in the store.
    pub lists: Arc<Lists>,
    /// What the store knows of users.
    pub people: Arc<People>,
    /// Where mirrors of remote directories are kept.
    pub store: Store,
    /// What reaches services of others.
    pub outside: Outside,
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
    /// What the list of its contacts allows; none if there is no such list.
    fn listing(&self) -> Option<ListingRules> {
        None
    }

    /// Template of the column `reverse` for sources that configure none.
    fn implicit_reverse(&self) -> Option<&'static str> {
        None
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

/// The kind called `name`.
pub fn kind(name: &str) -> Option<&'static dyn SourceKind> {
    kinds().into_iter().find(|kind| kind.name() == name)
}
