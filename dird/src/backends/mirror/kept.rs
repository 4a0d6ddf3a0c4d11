//! The mirrors that are in memory, of all sources: within a limit of bytes, the least used ones go and are read again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use moka::future::Cache;
use moka::policy::EvictionPolicy;

use super::held::{Contents, Held};
use super::{Mirror, fetch::Copied};
use crate::store::{MirrorHead, MirroredContact, StoreError};

/// Bytes of all mirrors in memory.
const MOST: u64 = 512 << 20;

/// Bytes of the largest mirror.
pub(super) const LARGEST: usize = 256 << 20;

/// An opened source, and the owner of one of its mirrors.
type Key = (u64, String);

/// The mirrors; none stands for a mirror that is known not to be there.
#[derive(Clone)]
pub(in crate::backends) struct Mirrors {
    held: Cache<Key, Option<Held>>,
    sources: Arc<AtomicU64>,
}

impl Default for Mirrors {
    fn default() -> Self {
        let weight = |key: &Key, held: &Option<Held>| {
            let bytes = held.as_ref().map_or(0, |held| held.contents.bytes());
            u32::try_from(bytes + key.1.len() + 256).unwrap_or(u32::MAX)
        };
        Self {
            // The least used goes first; by default a large new one might never come in.
            held: Cache::builder()
                .weigher(weight)
                .max_capacity(MOST)
                .eviction_policy(EvictionPolicy::lru())
                .build(),
            sources: Arc::default(),
        }
    }
}

impl Mirrors {
    /// The mirrors of a source that is being opened.
    pub(super) fn own(&self) -> Own {
        Own {
            source: self.sources.fetch_add(1, Ordering::Relaxed),
            mirrors: self.clone(),
        }
    }
}

/// The mirrors of one source.
pub(super) struct Own {
    mirrors: Mirrors,
    source: u64,
}

impl Own {
    fn key(&self, owner: &str) -> Key {
        (self.source, owner.to_owned())
    }

    /// Puts a mirror in memory.
    pub(super) async fn put(&self, owner: &str, held: Held) {
        self.mirrors.held.insert(self.key(owner), Some(held)).await;
    }

    /// Takes a mirror out of memory, for the stored one to be read.
    pub(super) async fn forget(&self, owner: &str) {
        self.mirrors.held.invalidate(&self.key(owner)).await;
    }
}

impl Mirror {
    /// The mirror of `owner`, from memory or from the store; none if there is none that is of use.
    pub(super) async fn held(&self, owner: &str) -> Option<Held> {
        let key = self.kept.key(owner);
        let read = self.kept.mirrors.held.try_get_with(key, self.read(owner));
        read.await.unwrap_or_else(|error| {
            tracing::warn!(source = self.name, %error, "the mirror cannot be read");
            None
        })
    }

    /// The mirror of `owner` as it is stored.
    pub(super) async fn read(&self, owner: &str) -> Result<Option<Held>, StoreError> {
        let stored = self.store.mirrored(&self.tenant, &self.key(owner)).await?;
        let Some((head, contacts)) = stored else {
            return Ok(None);
        };
        if head.fingerprint != self.fingerprint {
            return Ok(None);
        }
        let read = self.made(head, move || read_all(contacts)).await;
        if let Some(held) = &read {
            self.note(held);
        }
        Ok(read)
    }

    /// Makes contacts ready to be searched; none if they are too many or cannot be read.
    pub(super) async fn made(
        &self,
        head: MirrorHead,
        contacts: impl FnOnce() -> Option<Vec<Copied>> + Send + 'static,
    ) -> Option<Held> {
        let rules = Arc::clone(&self.rules);
        let build = move || Contents::build(contacts()?, &rules).ok();
        let built = tokio::task::spawn_blocking(build).await.ok().flatten()?;
        (built.bytes() <= LARGEST).then(|| Held {
            head,
            contents: Arc::new(built),
        })
    }
}

fn read_all(contacts: Vec<MirroredContact>) -> Option<Vec<Copied>> {
    contacts.into_iter().map(Copied::read).collect()
}
