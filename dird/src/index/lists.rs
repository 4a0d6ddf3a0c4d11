//! Lists of contacts in memory: read on first use, brought up to date from the change feed when something in the store has
//! changed, and dropped, least used first, above a limit of bytes over all tenants. Until a long list is read, the store finds
//! what may be wanted, and the same rule picks from that (design.md §3).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use kit::fold::forms;
use moka::future::Cache;
use moka::policy::EvictionPolicy;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::TooLarge;
use super::held::HeldList;
use super::segment::{Columns, SegmentBuilder};
use super::term::Term;
use crate::identity::Tenant;
use crate::slow_lane::SlowLane;
use crate::store::model::ListId;
use crate::store::{Contents, Followed, Placed, Standing, Store, StoreError};

/// Contacts up to which a list is read while the first one who asks waits.
const SHORT: i64 = 2_000;

/// Contacts that a text may be found in by the store; for more the list itself is waited for.
const COMMON: i64 = 5_000;

/// Pieces of a list that may be read before they are indexed.
const AHEAD: usize = 4;

/// Which list, and what it is asked for by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ListKey {
    /// Tenant of the list.
    pub tenant: Tenant,
    /// The list.
    pub list: ListId,
    /// Its columns.
    pub columns: Columns,
}

/// Why a list cannot be asked.
pub type ListError = Arc<StoreError>;

/// The lists in use.
pub struct Lists {
    store: Store,
    held: Cache<ListKey, Arc<HeldList>>,
    loading: Mutex<HashSet<ListKey>>,
    slow_lane: SlowLane,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Lists {
    /// Lists of `store`, in at most `max_bytes` of memory; long work takes the slow lane, `stop` ends what is read in the
    /// background.
    pub fn new(
        store: Store,
        max_bytes: u64,
        slow_lane: SlowLane,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let weight =
            |_: &ListKey, held: &Arc<HeldList>| u32::try_from(held.bytes()).unwrap_or(u32::MAX);
        // The least used goes first; by default a large new one might never come in.
        let held = Cache::builder()
            .weigher(weight)
            .max_capacity(max_bytes)
            .eviction_policy(EvictionPolicy::lru());
        Arc::new(Self {
            store,
            held: held.build(),
            loading: Mutex::default(),
            slow_lane,
            tasks: TaskTracker::new(),
            stop,
        })
    }

    /// Where long work goes.
    pub fn slow_lane(&self) -> &SlowLane {
        &self.slow_lane
    }

    /// How many are held, and their bytes.
    pub fn held(&self) -> (u64, u64) {
        (self.held.entry_count(), self.held.weighted_size())
    }

    /// Waits, after `stop`, for what is read in the background.
    pub async fn until_stopped(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Contacts of the list, all of them or at least all that `term` finds.
    pub async fn finding(
        self: &Arc<Self>,
        key: &ListKey,
        term: &str,
    ) -> Result<Arc<HeldList>, ListError> {
        if let Some(held) = self.ready(key).await? {
            return Ok(held);
        }
        let term = Term::new(term);
        let Some(needle) = term.needle() else {
            return self.whole(key).await;
        };
        self.containing(key, needle).await
    }

    /// Contacts of the list, all of them or at least those with one of the identifiers.
    pub async fn identified(
        self: &Arc<Self>,
        key: &ListKey,
        ids: &[String],
    ) -> Result<Arc<HeldList>, ListError> {
        if let Some(held) = self.ready(key).await? {
            return Ok(held);
        }
        self.load_aside(key);
        let some = self.store.identified(&key.tenant, &key.list, ids).await?;
        index(some, key.columns.clone()).await
    }

    /// Contacts of the list, all of them or at least all that have one of the numbers.
    pub async fn numbered(
        self: &Arc<Self>,
        key: &ListKey,
        numbers: &[String],
    ) -> Result<Arc<HeldList>, ListError> {
        if let Some(held) = self.ready(key).await? {
            return Ok(held);
        }
        let ([number], true) = (numbers, numbers.len() == 1) else {
            return self.whole(key).await;
        };
        let Some(form) = forms(number).next() else {
            return self.whole(key).await;
        };
        self.containing(key, &form).await
    }

    /// Contacts of a long list that hold `text`, from the store while the list is read; all of them where the text is common.
    async fn containing(
        self: &Arc<Self>,
        key: &ListKey,
        text: &str,
    ) -> Result<Arc<HeldList>, ListError> {
        self.load_aside(key);
        let (tenant, list) = (&key.tenant, &key.list);
        match self.store.containing(tenant, list, text, COMMON).await? {
            Some(some) => index(some, key.columns.clone()).await,
            None => self.whole(key).await,
        }
    }

    /// Every contact of the list. Waiting callers share one read, which goes on when they give up.
    pub async fn whole(self: &Arc<Self>, key: &ListKey) -> Result<Arc<HeldList>, ListError> {
        if let Some(held) = self.current(key).await? {
            return Ok(held);
        }
        let generation = self.store.contents_generation();
        let read = self.shared_read(key).await?;
        if read.is_checked_since(generation) {
            return Ok(read);
        }
        // The read began before somebody wrote what this caller may have been told of.
        match self.current(key).await? {
            Some(held) => Ok(held),
            None => Ok(load(self.store.clone(), key.clone()).await?),
        }
    }

    /// A read that all who ask at this time wait for; it may have begun before they asked.
    async fn shared_read(self: &Arc<Self>, key: &ListKey) -> Result<Arc<HeldList>, ListError> {
        let (lists, key, stop) = (Arc::clone(self), key.clone(), self.stop.clone());
        let reading = self.tasks.spawn(async move {
            let load = load(lists.store.clone(), key.clone());
            let read = lists.held.try_get_with_by_ref(&key, load);
            stop.run_until_cancelled(read).await
        });
        match reading.await {
            Ok(Some(read)) => read,
            Ok(None) => Err(Arc::new(StoreError::Unavailable("dird stops".into()))),
            Err(error) => Err(Arc::new(StoreError::Internal(error.into()))),
        }
    }

    /// The whole list, if it is in memory or short.
    async fn ready(self: &Arc<Self>, key: &ListKey) -> Result<Option<Arc<HeldList>>, ListError> {
        if let Some(held) = self.current(key).await? {
            return Ok(Some(held));
        }
        if self
            .store
            .has_more_than(&key.tenant, &key.list, SHORT)
            .await?
        {
            return Ok(None);
        }
        Ok(Some(self.whole(key).await?))
    }

    /// The list in memory, as it is now; while the store is away, as it was last.
    async fn current(&self, key: &ListKey) -> Result<Option<Arc<HeldList>>, ListError> {
        let generation = self.store.contents_generation();
        let Some(held) = self.held.get(key).await else {
            return Ok(None);
        };
        if held.is_checked_since(generation) {
            return Ok(Some(held));
        }
        match self.store.version(&key.tenant, &key.list).await {
            Ok(version) if version == Some(held.standing.version) => {
                held.check(generation);
                Ok(Some(held))
            }
            Ok(Some(_)) => self.followed(key, &held, generation).await,
            Ok(None) => {
                self.held.invalidate(key).await;
                Ok(None)
            }
            Err(StoreError::Unavailable(cause)) => {
                tracing::warn!(cause, "contacts could not be compared with the store");
                Ok(Some(held))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// The list after what has changed since it was read; none if it has to be read anew.
    async fn followed(
        &self,
        key: &ListKey,
        held: &Arc<HeldList>,
        generation: u64,
    ) -> Result<Option<Arc<HeldList>>, ListError> {
        let (tenant, list) = (&key.tenant, &key.list);
        let followed = self
            .store
            .follow(tenant, list, held.standing.sequence)
            .await?;
        let next = match followed {
            Followed::Reload => None,
            Followed::Changes {
                standing,
                written,
                removed,
            } => {
                let (held, columns) = (Arc::clone(held), key.columns.clone());
                let apply = move || held.after((standing, generation), written, &removed, &columns);
                blocking(apply).await?
            }
        };
        let Some(next) = next.map(Arc::new) else {
            self.held.invalidate(key).await;
            return Ok(None);
        };
        self.held.insert(key.clone(), Arc::clone(&next)).await;
        Ok(Some(next))
    }

    /// Reads the list in the background, once however many ask for it.
    fn load_aside(self: &Arc<Self>, key: &ListKey) {
        let mut loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if !loading.insert(key.clone()) {
            return;
        }
        let (lists, key) = (Arc::clone(self), key.clone());
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            if let Some(Err(error)) = stop.run_until_cancelled(lists.whole(&key)).await {
                tracing::warn!(%error, "a list of contacts could not be read");
            }
            let mut loading = lists.loading.lock().unwrap_or_else(PoisonError::into_inner);
            loading.remove(&key);
        });
    }
}

async fn load(store: Store, key: ListKey) -> Result<Arc<HeldList>, StoreError> {
    let generation = store.contents_generation();
    let mut reading = store.read_contacts(&key.tenant, &key.list).await?;
    let standing = reading.standing();
    let (pieces, received) = mpsc::channel(AHEAD);
    let build = blocking(move || build((standing, generation), received, &key.columns));
    let read = async move {
        loop {
            let piece = reading.next().await?;
            if piece.is_empty() || pieces.send(piece).await.is_err() {
                return Ok(());
            }
        }
    };
    let (read, built) = tokio::join!(read, build);
    let read: Result<(), StoreError> = read;
    read?;
    Ok(Arc::new(built?))
}

fn build(
    (standing, generation): (Standing, u64),
    mut pieces: mpsc::Receiver<Vec<Placed>>,
    columns: &Columns,
) -> Result<HeldList, TooLarge> {
    let mut builder = SegmentBuilder::new(columns);
    while let Some(piece) = pieces.blocking_recv() {
        for placed in &piece {
            builder.push(placed)?;
        }
    }
    HeldList::new(standing, generation, builder.build(columns)?, columns)
}

/// Some contacts of a list, to be asked once.
async fn index(some: Contents, columns: Columns) -> Result<Arc<HeldList>, ListError> {
    let built = blocking(move || {
        let mut builder = SegmentBuilder::new(&columns);
        for placed in &some.contacts {
            builder.push(placed)?;
        }
        HeldList::new(some.standing, 0, builder.build(&columns)?, &columns)
    });
    Ok(Arc::new(built.await?))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, TooLarge> + Send + 'static,
) -> Result<T, StoreError> {
    let internal = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Internal(error);
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| internal(error.into()))?;
    done.map_err(|error| internal(error.into()))
}
