//! What keeps clients from missing changes when a database was restored (intercom-directory.md §7.6), and what happens beside
//! requests: the mark follows the directories, tombstones that the REST API left are bounded.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::gate::SYSTEM;
use super::mark::{Mark, Reached};
use super::series;
use crate::config;
use crate::store::{Directory, Store, StoreError};

/// How often the mark is rewritten, at most.
const PACE: Duration = Duration::from_secs(1);

/// How long the end waits for the last mark.
const PATIENCE: Duration = Duration::from_secs(2);

/// Queries whose cursor was beyond the counter.
static CURSORS_AHEAD: AtomicU64 = AtomicU64::new(0);

/// How many queries had a cursor beyond the counter: after a restore that nothing noticed, or from a faulty client.
pub fn cursors_ahead() -> u64 {
    CURSORS_AHEAD.load(Ordering::Relaxed)
}

/// Notes such a query. No series begins by itself, or any client could make all others read anew.
pub(super) fn cursor_ahead(directory: &Directory, cursor: i64) {
    CURSORS_AHEAD.fetch_add(1, Ordering::Relaxed);
    let (phonebook, counter) = (&directory.phonebook, directory.timestamp);
    tracing::warn!(%phonebook, cursor, counter, "a client is ahead of the directory");
}

/// Watches the directories.
pub struct Guard {
    store: Store,
    path: PathBuf,
    check_instance: bool,
    tombstones: i64,
    checked: Arc<AtomicBool>,
}

impl Guard {
    /// A guard for what is configured.
    pub fn new(config: &config::Intercom, store: &Store) -> Self {
        Self {
            store: Arc::clone(store),
            path: Mark::path(&config.state_directory),
            check_instance: config.instance_check,
            tombstones: config.limits.tombstones,
            checked: Arc::default(),
        }
    }

    /// Whether the check was made: until then nobody may be answered.
    pub fn checked(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.checked)
    }

    /// Begins a new series wherever the database may have been restored. In doubt it does: the price is a full query of each
    /// client, the alternative is silent loss.
    pub async fn check(&self) -> Result<(), StoreError> {
        let directories = self.store.directories(SYSTEM).await?;
        let mark = self.read_mark().await?;
        self.begin_where(&directories, &mark, Self::unlike).await?;
        self.checked.store(true, Ordering::Release);
        Ok(())
    }

    /// Begins a new series where `doubt` has a cause, or where the database is in another place; true if there was one.
    async fn begin_where(
        &self,
        directories: &[Directory],
        mark: &Mark,
        doubt: fn(&Directory, Option<&Reached>) -> Option<&'static str>,
    ) -> Result<bool, StoreError> {
        let instance = if self.check_instance {
            Some(self.store.fingerprint(SYSTEM).await?)
        } else {
            None
        };
        let mut began = false;
        for directory in directories {
            let reached = mark.reached(directory);
            let moved = instance.as_ref();
            let moved = moved.is_some_and(|instance| directory.instance != *instance);
            let moved = moved.then_some("the database is in another place");
            let Some(cause) = moved.or_else(|| doubt(directory, reached)) else {
                continue;
            };
            let reached = reached.map_or(0, |reached| reached.timestamp);
            let at_least = directory.timestamp.max(reached) + 1;
            let begun = series::begin(self.store.as_ref(), at_least).await?;
            let tenant = SYSTEM.tenant(directory.tenant.clone());
            let phonebook = &directory.phonebook;
            self.store.begin_series(&tenant, phonebook, &begun).await?;
            tracing::warn!(%phonebook, cause, "a new series begins; clients read anew");
            began = true;
        }
        Ok(began)
    }

    /// Why a directory may not be the one that was left, after a time in which nobody watched it.
    fn unlike(directory: &Directory, reached: Option<&Reached>) -> Option<&'static str> {
        match reached {
            None => Some("nothing outside the database tells how far the directory had come"),
            Some(reached) if reached.series != directory.series => Some("the series is another"),
            Some(_) => Self::behind(directory, reached),
        }
    }

    /// Why a directory that is watched is not the one that it was. It may be new, or go on in a new series.
    fn behind(directory: &Directory, reached: Option<&Reached>) -> Option<&'static str> {
        let behind = reached.is_some_and(|reached| reached.timestamp > directory.timestamp);
        behind.then_some("the database is behind")
    }

    async fn read_mark(&self) -> Result<Mark, StoreError> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || Mark::read(&path)).await;
        let read = read.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        read.map_err(|error| self.not_at_hand(&error))
    }

    /// Checks once the database is there, then keeps the mark until `stop`.
    pub async fn keep(self, stop: CancellationToken) {
        let checked = stop.run_until_cancelled(async {
            while !self.checked.load(Ordering::Acquire) {
                sleep(PACE).await;
                if let Err(error) = self.check().await {
                    tracing::debug!(%error, "whether the directories are whole is not known yet");
                }
            }
        });
        if checked.await.is_none() {
            return;
        }
        // What cannot be read is written anew.
        let mut written = self.read_mark().await.unwrap_or_default();
        let follow = stop.run_until_cancelled(async {
            let mut followed = None;
            let mut failing = false;
            loop {
                let now = self.store.contents_generation();
                if followed != Some(now) {
                    let done = self.follow(&mut written).await;
                    // What failed is tried again, whether or not anything changes.
                    followed = done.is_ok().then_some(now);
                    if let Some(error) = done.as_ref().err().filter(|_| !failing) {
                        tracing::error!(%error, "the directories cannot be followed");
                    }
                    failing = done.is_err();
                }
                sleep(PACE).await;
            }
        });
        let _stopped: Option<()> = follow.await;
        // What was acknowledged last is in it, unless the database hangs.
        let last = timeout(PATIENCE, self.follow(&mut written)).await;
        if !matches!(last, Ok(Ok(()))) {
            tracing::warn!("the mark of the directories is not that of the last change");
        }
    }

    /// Brings the mark to where the directories are, unless one of them is behind it: that has lost changes, as the new server
    /// has after a failover, and begins a series.
    async fn follow(&self, written: &mut Mark) -> Result<(), StoreError> {
        let mut directories = self.store.directories(SYSTEM).await?;
        let began = self.begin_where(&directories, written, Self::behind);
        if began.await? {
            directories = self.store.directories(SYSTEM).await?;
        }
        for directory in &directories {
            let tenant = SYSTEM.tenant(directory.tenant.clone());
            let store = self.store.as_ref();
            let purged = series::purge_one(store, &tenant, directory, self.tombstones);
            if let Err(error) = purged.await {
                tracing::warn!(%error, "tombstones are kept for now");
            }
        }
        let mark = Mark::of(&directories);
        if mark == *written {
            return Ok(());
        }
        let (path, new) = (self.path.clone(), mark.clone());
        let done = tokio::task::spawn_blocking(move || new.write(&path)).await;
        let done = done.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        done.map_err(|error| self.not_at_hand(&error))?;
        *written = mark;
        Ok(())
    }

    fn not_at_hand(&self, error: &std::io::Error) -> StoreError {
        StoreError::Unavailable(format!("{}: {error}", self.path.display()))
    }
}
