//! Contents of phonebooks in memory: read whole on first use, read again when the phonebook has a new version, and dropped,
//! least used first, above a limit of bytes over all tenants.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use tokio_util::sync::CancellationToken;

use super::SourceError;
use crate::identity::Tenant;
use crate::index::{SearchIndex, TableBuilder};
use crate::store::model::{Contact, PhonebookId};
use crate::store::{PhonebookContents, Store, StoreError};

/// How often versions are compared.
const FOLLOW: Duration = Duration::from_secs(1);

/// Which contents: a phonebook, searched by certain columns.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) tenant: Tenant,
    pub(super) phonebook: PhonebookId,
    pub(super) searched: Vec<String>,
}

struct Held {
    version: i64,
    index: Arc<SearchIndex>,
}

/// The phonebooks in use.
pub struct Phonebooks {
    store: Store,
    held: Cache<Key, Arc<Held>>,
}

impl Phonebooks {
    /// Phonebooks of `store`, in at most `max_bytes` of memory.
    pub fn new(store: Store, max_bytes: u64) -> Self {
        let weight =
            |_: &Key, held: &Arc<Held>| u32::try_from(held.index.bytes()).unwrap_or(u32::MAX);
        Self {
            store,
            held: Cache::builder()
                .weigher(weight)
                .max_capacity(max_bytes)
                .build(),
        }
    }

    /// The contacts of a phonebook, indexed. Waiting callers share one read.
    pub(super) async fn index(&self, key: &Key) -> Result<Arc<SearchIndex>, SourceError> {
        if let Some(held) = self.held.get(key).await {
            return Ok(Arc::clone(&held.index));
        }
        let load = load(self.store.clone(), key.clone());
        let held = self.held.try_get_with_by_ref(key, load).await;
        let held = held.map_err(|error| SourceError(error.to_string()))?;
        Ok(Arc::clone(&held.index))
    }

    /// Reads phonebooks again when they change, until `stop`.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(FOLLOW);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Err(error) = self.catch_up().await {
                tracing::warn!(%error, "phonebooks could not be compared with the store");
            }
        }
    }

    async fn catch_up(&self) -> Result<(), StoreError> {
        let held: Vec<(Arc<Key>, i64)> = self
            .held
            .iter()
            .map(|(key, held)| (key, held.version))
            .collect();
        if held.is_empty() {
            return Ok(());
        }
        let ids: Vec<PhonebookId> = held.iter().map(|(key, _)| key.phonebook.clone()).collect();
        let present = self.store.versions(&ids).await?;
        for (key, version) in held {
            match present.get(&key.phonebook) {
                Some(&newest) if newest == version => {}
                Some(_) => {
                    let fresh = load(self.store.clone(), (*key).clone()).await?;
                    self.held.insert((*key).clone(), fresh).await;
                }
                None => self.held.invalidate(key.as_ref()).await,
            }
        }
        Ok(())
    }
}

async fn load(store: Store, key: Key) -> Result<Arc<Held>, StoreError> {
    let contents = store.contents(&key.tenant, &key.phonebook).await?;
    let internal = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Internal(error);
    let built = tokio::task::spawn_blocking(move || build(&contents, &key.searched)).await;
    let held = built.map_err(|error| internal(error.into()))?;
    Ok(Arc::new(held.map_err(|error| internal(error.into()))?))
}

fn build(
    contents: &PhonebookContents,
    searched: &[String],
) -> Result<Held, crate::index::TooLarge> {
    let mut builder = TableBuilder::default();
    for Contact { uuid, fields } in &contents.contacts {
        let own = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        builder.push(own.chain([("id", uuid.0.as_str())]))?;
    }
    let index = SearchIndex::build(Arc::new(builder.build()), searched)?;
    Ok(Held {
        version: contents.version,
        index: Arc::new(index),
    })
}
