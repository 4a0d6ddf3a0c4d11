//! Lists of contacts in memory: read whole on first use, checked against the store when something in it has changed, and
//! dropped, least used first, above a limit of bytes over all tenants.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::future::Cache;

use super::{ExactIndex, SearchIndex, TableBuilder, TooLarge};
use crate::identity::Tenant;
use crate::store::model::{Contact, ListId};
use crate::store::{Contents, Store, StoreError};

/// Column that holds a contact's identifier.
pub const ID: &str = "id";

/// Which list, and how it is searched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListKey {
    /// Tenant of the list.
    pub tenant: Tenant,
    /// The list.
    pub list: ListId,
    /// Columns that a search looks into.
    pub searched: Vec<String>,
    /// Columns that a reverse lookup compares.
    pub matched: Vec<String>,
    /// Whether fields that hold nothing are left out, as personal sources do.
    pub drop_empty: bool,
}

/// A list's contacts, ready to be searched.
#[derive(Debug)]
pub struct HeldList {
    version: i64,
    /// The generation of contents at which the version was last known to be the newest.
    checked: AtomicU64,
    /// Finds contacts by text.
    pub search: SearchIndex,
    /// Finds contacts by identifier.
    pub by_id: ExactIndex,
    /// Finds contacts by the value of a column that reverse lookups compare.
    pub matched: Vec<ExactIndex>,
}

impl HeldList {
    fn bytes(&self) -> usize {
        let matched: usize = self.matched.iter().map(ExactIndex::bytes).sum();
        self.search.bytes() + self.by_id.bytes() + matched
    }
}

/// The lists in use.
pub struct Lists {
    store: Store,
    held: Cache<ListKey, Arc<HeldList>>,
}

impl Lists {
    /// Lists of `store`, in at most `max_bytes` of memory.
    pub fn new(store: Store, max_bytes: u64) -> Self {
        let weight =
            |_: &ListKey, held: &Arc<HeldList>| u32::try_from(held.bytes()).unwrap_or(u32::MAX);
        let held = Cache::builder().weigher(weight).max_capacity(max_bytes);
        Self {
            store,
            held: held.build(),
        }
    }

    /// The contacts of a list. Waiting callers share one read. Own writes are seen at once; while the store is away the
    /// contacts are those last read.
    pub async fn get(&self, key: &ListKey) -> Result<Arc<HeldList>, Arc<StoreError>> {
        let generation = self.store.contents_generation();
        if let Some(held) = self.held.get(key).await {
            if self.is_current(key, &held, generation).await? {
                return Ok(held);
            }
            let same = self.held.get(key).await;
            if same.is_some_and(|same| Arc::ptr_eq(&same, &held)) {
                self.held.invalidate(key).await;
            }
        }
        let load = load(self.store.clone(), key.clone(), generation);
        self.held.try_get_with_by_ref(key, load).await
    }

    async fn is_current(
        &self,
        key: &ListKey,
        held: &HeldList,
        generation: u64,
    ) -> Result<bool, StoreError> {
        if held.checked.load(Ordering::Acquire) == generation {
            return Ok(true);
        }
        match self.store.version(&key.tenant, &key.list).await {
            Ok(version) if version == Some(held.version) => {
                held.checked.store(generation, Ordering::Release);
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(StoreError::Unavailable(cause)) => {
                tracing::warn!(cause, "contacts could not be compared with the store");
                Ok(true)
            }
            Err(other) => Err(other),
        }
    }
}

async fn load(store: Store, key: ListKey, generation: u64) -> Result<Arc<HeldList>, StoreError> {
    let contents = store.contents(&key.tenant, &key.list).await?;
    let internal = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Internal(error);
    let built = tokio::task::spawn_blocking(move || build(&contents, &key, generation)).await;
    let held = built.map_err(|error| internal(error.into()))?;
    Ok(Arc::new(held.map_err(|error| internal(error.into()))?))
}

fn build(contents: &Contents, key: &ListKey, generation: u64) -> Result<HeldList, TooLarge> {
    let mut builder = TableBuilder::default();
    for placed in &contents.contacts {
        let Contact { uuid, fields } = &placed.contact;
        let own = fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_deref()))
            .filter(|(_, value)| !key.drop_empty || value.is_some_and(|value| !value.is_empty()));
        builder.push(own.chain([(ID, Some(uuid.0.as_str()))]))?;
    }
    let table = Arc::new(builder.build());
    let by_id = ExactIndex::build(&table, ID);
    let matched = key.matched.iter();
    let matched = matched.map(|column| ExactIndex::build(&table, column));
    Ok(HeldList {
        version: contents.standing.version,
        checked: AtomicU64::new(generation),
        by_id,
        matched: matched.collect(),
        search: SearchIndex::build(table, &key.searched)?,
    })
}
