//! What keeps clients from missing changes when a database was restored (intercom-directory.md §7.6), and what happens beside
//! requests: the mark follows the directories, tombstones that the REST API left are bounded.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::gate::SYSTEM;
use super::mark::Mark;
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
        let instance = self.store.fingerprint(SYSTEM).await?;
        for directory in &directories {
            let Some(cause) = self.doubt(directory, &mark, &instance) else {
                continue;
            };
            let reached = mark
                .reached(directory)
                .map_or(0, |reached| reached.timestamp);
            let at_least = directory.timestamp.max(reached) + 1;
            let begun = series::begin(self.store.as_ref(), at_least).await?;
            let tenant = SYSTEM.tenant(directory.tenant.clone());
            let phonebook = &directory.phonebook;
            self.store.begin_series(&tenant, phonebook, &begun).await?;
            tracing::warn!(%phonebook, cause, "a new series begins; clients read anew");
        }
        self.checked.store(true, Ordering::Release);
        Ok(())
    }

    fn doubt(&self, directory: &Directory, mark: &Mark, instance: &str) -> Option<&'static str> {
        if self.check_instance && directory.instance != instance {
            return Some("the database is in another place");
        }
        match mark.reached(directory) {
            None => Some("nothing outside the database tells how far the directory had come"),
            Some(reached) if reached.series != directory.series => Some("the series is another"),
            Some(reached) if reached.timestamp > directory.timestamp => {
                Some("the database is behind")
            }
            Some(_) => None,
        }
    }

    async fn read_mark(&self) -> Result<Mark, StoreError> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || Mark::read(&path)).await;
        let read = read.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        read.map_err(|error| StoreError::Unavailable(format!("{}: {error}", self.path.display())))
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
        let mut written = Mark::default();
        let follow = stop.run_until_cancelled(async {
            let mut generation = None;
            loop {
                let now = self.store.contents_generation();
                if generation.replace(now) != Some(now) {
                    self.follow(&mut written).await;
                }
                sleep(PACE).await;
            }
        });
        let _stopped: Option<()> = follow.await;
        // What was acknowledged last is in it, unless the database hangs.
        let last = timeout(PATIENCE, self.follow(&mut written)).await;
        if last.is_err() {
            tracing::warn!("the mark of the directories is not that of the last change");
        }
    }

    async fn follow(&self, written: &mut Mark) {
        let directories = match self.store.directories(SYSTEM).await {
            Ok(directories) => directories,
            Err(error) => {
                tracing::warn!(%error, "the directories cannot be followed");
                return;
            }
        };
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
            return;
        }
        let (path, new) = (self.path.clone(), mark.clone());
        let done = tokio::task::spawn_blocking(move || new.write(&path)).await;
        match done {
            Ok(Ok(())) => *written = mark,
            Ok(Err(error)) => {
                let path = self.path.display();
                tracing::error!(%path, %error, "the mark of the directories cannot be written");
            }
            Err(error) => tracing::error!(%error, "the mark was not written"),
        }
    }
}
