//! Renewing a mirror: one fetch at a time for each, by whichever server comes first, and replaced as a whole.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use kit::clock::unix_now;

use super::Mirror;
use super::fetch::{Changes, Copied, Fetch};
use super::held::Held;
use crate::backends::Asker;
use crate::backends::remote::RemoteError;
use crate::store::{MirrorContent, MirrorHead, MirroredContact, StoreError};

/// Longest time for a fetch.
const PATIENCE: Duration = Duration::from_mins(5);

/// Users whose mirrors are fetched at once, for one source.
const AT_ONCE: usize = 4;

/// Longest time between two looks at a mirror that everybody shares, and between two fetches that fail.
const LOOK: Duration = Duration::from_secs(30);

/// What is known of the mirror that was read or renewed last.
#[derive(Debug, Default)]
pub(super) struct Noted {
    /// When it was known to be like the remote, in seconds since 1970.
    pub(super) fetched: Option<i64>,
    pub(super) contacts: usize,
    pub(super) error: Option<String>,
}

/// Why a mirror was not renewed.
#[derive(Debug, thiserror::Error)]
enum RenewalError {
    #[error("{0}")]
    Remote(#[from] RemoteError),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("the directory is too large to be mirrored")]
    TooLarge,
    #[error("another server has renewed the mirror meanwhile")]
    Overtaken,
    #[error("the source is gone")]
    Gone,
}

/// How an attempt to renew a mirror ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// There may be another one.
    Tried,
    /// The source is gone; there is nothing to be renewed any more.
    Gone,
}

/// Time between two attempts at most.
pub(super) fn pause(interval: Duration) -> Duration {
    interval.min(LOOK)
}

/// Time since a moment in seconds since 1970.
pub(super) fn since(moment: i64) -> Duration {
    let seconds = unix_now().saturating_sub(moment);
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// A mirror that is being fetched.
struct Turn {
    mirror: Arc<Mirror>,
    owner: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let busy = self.mirror.busy.lock();
        busy.unwrap_or_else(PoisonError::into_inner)
            .remove(&self.owner);
    }
}

impl Mirror {
    /// True if the mirror should be renewed.
    pub(super) fn is_due(&self, held: Option<&Held>) -> bool {
        held.is_none_or(|held| since(held.head.fetched) >= self.interval)
    }

    pub(super) fn note(&self, held: &Held) {
        let mut noted = self.noted();
        noted.fetched = Some(held.head.fetched);
        noted.contacts = held.contents.contacts.len();
    }

    /// Renews the mirror of a shared directory again and again, as long as the source is open.
    pub(super) fn look_after(self: &Arc<Self>) {
        let (weak, between) = (Arc::downgrade(self), pause(self.interval));
        let looking = async move {
            while let Some(mirror) = weak.upgrade() {
                let held = mirror.held("").await;
                let asker = mirror.nobody();
                if mirror.is_due(held.as_ref())
                    && let Some(turn) = mirror.turn(String::new())
                    && mirror.attempt(turn, &asker).await == Outcome::Gone
                {
                    return;
                }
                drop(mirror);
                tokio::time::sleep(between).await;
            }
        };
        drop(self.outside.spawn(looking));
    }

    /// Renews a mirror while whoever asked has an answer already.
    pub(super) fn renew_aside(self: &Arc<Self>, owner: String, asker: &Asker) {
        if self.tried.contains_key(&owner) {
            return;
        }
        if let Some(turn) = self.turn(owner) {
            let (mirror, asker) = (Arc::clone(self), asker.clone());
            let renewing = async move { mirror.attempt(turn, &asker).await };
            drop(self.outside.spawn(renewing));
        }
    }

    /// The right to fetch the mirror; none while somebody has it, or too many have one.
    fn turn(self: &Arc<Self>, owner: String) -> Option<Turn> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        if busy.len() >= AT_ONCE || !busy.insert(owner.clone()) {
            return None;
        }
        Some(Turn {
            mirror: Arc::clone(self),
            owner,
        })
    }

    /// Renews a mirror, and says in the log how it went.
    async fn attempt(&self, turn: Turn, asker: &Asker) -> Outcome {
        self.tried.insert(turn.owner.clone(), ()).await;
        let renewed = self.renew(&turn.owner, asker).await;
        let source = &self.name;
        match renewed {
            Ok(held) => {
                self.note(&held);
                let before = self.noted().error.take();
                if before.is_some() {
                    tracing::info!(source, "the mirror is renewed again");
                }
                self.kept.put(&turn.owner, held).await;
                Outcome::Tried
            }
            Err(RenewalError::Gone) => Outcome::Gone,
            Err(error) => {
                let error = error.to_string();
                let before = self.noted().error.replace(error.clone());
                if before.as_ref() != Some(&error) {
                    tracing::error!(source, error, "the mirror stays as it is");
                }
                Outcome::Tried
            }
        }
    }

    async fn renew(&self, owner: &str, asker: &Asker) -> Result<Held, RenewalError> {
        let key = self.key(owner);
        let stored = self.store.mirror(&self.tenant, &key).await?;
        let version = stored.as_ref().map_or(0, |head| head.version);
        let known = stored.filter(|head| head.fingerprint == self.fingerprint);
        if let Some(head) = &known
            && since(head.fetched) < self.interval
            && let Some(held) = self.at_version(owner, head.version).await?
        {
            // Another server has fetched it.
            return Ok(held);
        }
        let base = match &known {
            Some(head) => self.at_version(owner, head.version).await?,
            None => None,
        };
        let mark = known.and_then(|head| head.mark).filter(|_| base.is_some());
        let fetch = self.fetch(mark.as_deref(), asker).await?;
        let (held, content) = self.renewed(version, mark, base, fetch).await?;
        let written = self
            .store
            .write_mirror(&self.tenant, &key, &held.head, &content)
            .await?;
        let Some(version) = written else {
            let there = self.store.mirror(&self.tenant, &key).await?;
            self.kept.forget(owner).await;
            return Err(match there {
                Some(_) => RenewalError::Overtaken,
                None => RenewalError::Gone,
            });
        };
        let head = MirrorHead {
            version,
            ..held.head
        };
        Ok(Held { head, ..held })
    }

    /// The mirror at a version, from memory if it is the one there.
    async fn at_version(&self, owner: &str, version: i64) -> Result<Option<Held>, StoreError> {
        let held = self.held(owner).await;
        match held.filter(|held| held.head.version == version) {
            Some(held) => Ok(Some(held)),
            None => self.read(owner).await,
        }
    }

    async fn fetch(&self, mark: Option<&str>, asker: &Asker) -> Result<Fetch, RemoteError> {
        let whole = self.live.remote().whole().ok_or(RemoteError::Defect)?;
        let fetching = tokio::time::timeout(PATIENCE, whole.fetch(mark, asker));
        let fetched = AssertUnwindSafe(fetching).catch_unwind().await;
        let in_time = fetched.map_err(|_| RemoteError::Defect)?;
        in_time.unwrap_or(Err(RemoteError::Deadline))
    }

    /// What a fetch makes of the mirror it started from: in memory, and to be stored.
    async fn renewed(
        &self,
        version: i64,
        mark: Option<String>,
        base: Option<Held>,
        fetch: Fetch,
    ) -> Result<(Held, MirrorContent), RenewalError> {
        let head = |mark| MirrorHead {
            version,
            fingerprint: self.fingerprint.clone(),
            mark,
            fetched: unix_now(),
        };
        match (fetch, base) {
            (Fetch::Same, Some(base)) => {
                let head = head(mark);
                Ok((Held { head, ..base }, MirrorContent::Same))
            }
            (Fetch::Whole(contacts, mark), _) => {
                let content = MirrorContent::Whole(all_stored(contacts.iter())?);
                let held = self.made(head(mark), move || Some(contacts)).await;
                Ok((held.ok_or(RenewalError::TooLarge)?, content))
            }
            (Fetch::Changes(changes, mark), Some(base)) => {
                let content = of_changes(&changes)?;
                let applied = move || Some(changes.apply(&base.contents.contacts));
                let held = self.made(head(Some(mark)), applied).await;
                Ok((held.ok_or(RenewalError::TooLarge)?, content))
            }
            // Changes of nothing: the backend was given no mark.
            (Fetch::Same | Fetch::Changes(..), None) => Err(RemoteError::Defect.into()),
        }
    }
}

fn of_changes(changes: &Changes) -> Result<MirrorContent, RemoteError> {
    let (written, removed) = changes.parts();
    Ok(MirrorContent::Changes {
        written: all_stored(written.into_iter())?,
        removed,
    })
}

fn all_stored<'a>(
    contacts: impl Iterator<Item = &'a Copied>,
) -> Result<Vec<MirroredContact>, RemoteError> {
    contacts.map(Copied::stored).collect()
}
