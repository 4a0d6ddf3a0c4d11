//! What the store knows of users, remembered until something in it changes: which list is theirs, and their favourites.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use moka::future::Cache;

use crate::identity::{Tenant, UserId};
use crate::store::model::{ListId, SourceId};
use crate::store::{Store, StoreError};

/// Users remembered at most, over all tenants.
const USERS: u64 = 50_000;

/// A user's favourites among the sources of a tenant.
pub type Favorites = HashSet<(SourceId, String)>;

type Key = (Tenant, UserId);

/// Users of `store`.
pub struct People {
    store: Store,
    lists: Cache<Key, (u64, Option<ListId>)>,
    favorites: Cache<Key, (u64, Arc<Favorites>)>,
}

fn remembered<K, V>() -> Cache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder().max_capacity(USERS).build()
}

impl People {
    /// Nobody remembered yet.
    pub fn new(store: Store) -> Self {
        Self {
            store,
            lists: remembered(),
            favorites: remembered(),
        }
    }

    /// The list of the user's own contacts, if he has one.
    pub async fn personal_list(
        &self,
        tenant: &Tenant,
        user: &UserId,
    ) -> Result<Option<ListId>, StoreError> {
        let key = (tenant.clone(), user.clone());
        let generation = self.store.contents_generation();
        let known = self.lists.get(&key).await;
        if let Some((at, list)) = &known
            && *at == generation
        {
            return Ok(list.clone());
        }
        let list = match (self.store.personal_list(tenant, user).await, known) {
            (Err(StoreError::Unavailable(_)), Some((_, list))) => return Ok(list),
            (read, _) => read?,
        };
        self.lists.insert(key, (generation, list.clone())).await;
        Ok(list)
    }

    /// The user's favourites among the tenant's sources.
    pub async fn favorites(
        &self,
        tenant: &Tenant,
        user: &UserId,
    ) -> Result<Arc<Favorites>, StoreError> {
        let key = (tenant.clone(), user.clone());
        let generation = self.store.contents_generation();
        let known = self.favorites.get(&key).await;
        if let Some((at, favorites)) = &known
            && *at == generation
        {
            return Ok(Arc::clone(favorites));
        }
        let favorites = match (self.store.favorites(tenant, user).await, known) {
            (Err(StoreError::Unavailable(_)), Some((_, favorites))) => return Ok(favorites),
            (read, _) => Arc::new(read?.into_iter().collect()),
        };
        let kept = (generation, Arc::clone(&favorites));
        self.favorites.insert(key, kept).await;
        Ok(favorites)
    }
}
