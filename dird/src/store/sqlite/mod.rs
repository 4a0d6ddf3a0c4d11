//! The embedded engine (design.md §4): one writer, a pool of readers, write-ahead log. One file per kind of object, with the
//! names that the other engine's files have.

mod accounts;
mod arrival;
mod contact;
mod defaults;
mod directory;
mod display;
mod entry;
mod feed;
mod import;
mod mirror;
mod person;
mod phonebook;
mod profile;
mod reading;
mod row;
mod source;
mod stamp;
mod tenant;

use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Transaction};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::change::Feed;
use super::contract::Step;
use super::engine::{is_duplicate, is_passing, migrator};
use super::{Change, Changed, Changes, Journal, OpenError, Pulse, StoreError, Stored};

/// Every schema change, in order. A released file is never edited.
pub(super) const MIGRATIONS: [Step; 5] = [
    (
        1,
        "site",
        include_str!("../../../migrations/sqlite/0001_site.sql"),
    ),
    (
        2,
        "contacts",
        include_str!("../../../migrations/sqlite/0002_contacts.sql"),
    ),
    (
        3,
        "mirrors",
        include_str!("../../../migrations/sqlite/0003_mirrors.sql"),
    ),
    (
        4,
        "intercom",
        include_str!("../../../migrations/sqlite/0004_intercom.sql"),
    ),
    (
        5,
        "lists",
        include_str!("../../../migrations/sqlite/0005_lists.sql"),
    ),
];

/// Connections for reading.
const READERS: u32 = 4;

/// How long a writer waits for another one, be it of this process or of another that holds the database.
const BUSY: Duration = Duration::from_secs(5);

/// Between two attempts to open a file that another process sets up.
const PAUSE: Duration = Duration::from_millis(20);

/// Pages that the writing connection keeps, in KiB, on the scale of the pragma.
const WRITER_CACHE: &str = "-500";

/// How often changes by another process are looked for.
const POLL: Duration = Duration::from_secs(1);

/// A number that differs when another connection has changed the file since it was last asked.
const DATA_VERSION: &str = "PRAGMA data_version";
const PING: &str = "SELECT 1";
const WAS_MIGRATED: &str =
    "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE name = '_sqlx_migrations')";
const APPLIED: &str = "SELECT COUNT(*) FROM _sqlx_migrations";

/// Every statement of the engine.
pub(super) const STATEMENTS: [&[&str]; 18] = [
    &[DATA_VERSION, PING, WAS_MIGRATED, APPLIED],
    accounts::STATEMENTS,
    arrival::STATEMENTS,
    contact::STATEMENTS,
    defaults::STATEMENTS,
    directory::STATEMENTS,
    display::STATEMENTS,
    entry::STATEMENTS,
    feed::STATEMENTS,
    import::STATEMENTS,
    mirror::STATEMENTS,
    person::STATEMENTS,
    phonebook::STATEMENTS,
    profile::STATEMENTS,
    reading::STATEMENTS,
    source::STATEMENTS,
    stamp::STATEMENTS,
    tenant::STATEMENTS,
];

/// A transaction on the one writing connection. What it changed is published when it is committed.
struct Write {
    transaction: Transaction<'static, sqlx::Sqlite>,
    feed: Feed,
    changes: Vec<Change>,
}

impl Write {
    /// Notes what is to be told once this is committed.
    fn changed(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    async fn commit(self) -> Stored<()> {
        let committing = committed(self.transaction, self.changes, self.feed);
        // In a task of its own: a caller that goes away must not keep a committed change from being told.
        let committed = tokio::spawn(committing).await;
        committed.map_err(|error| StoreError::Internal(Box::new(error)))?
    }
}

async fn committed(
    transaction: Transaction<'static, sqlx::Sqlite>,
    changes: Vec<Change>,
    feed: Feed,
) -> Stored<()> {
    transaction.commit().await?;
    for change in changes {
        feed.tell(change);
    }
    Ok(())
}

impl Deref for Write {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.transaction
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.transaction
    }
}

/// A database file.
pub(super) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
    feed: Feed,
    /// The file.
    path: PathBuf,
    _tasks: DropGuard,
}

impl Sqlite {
    /// Opens the file at `path`, creating it and its folder if needed, and migrates it.
    pub(super) async fn open(path: &str) -> Result<Self, OpenError> {
        let failed = |error: &dyn std::fmt::Display| OpenError::Engine(format!("{path}: {error}"));
        if let Some(folder) = std::path::Path::new(path)
            .parent()
            .filter(|folder| *folder != "")
        {
            tokio::fs::create_dir_all(folder)
                .await
                .map_err(|error| failed(&error))?;
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // What was acknowledged outlives a loss of power: deleted access data must not come back.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .optimize_on_close(true, None);
        let writer = writer(&options).await.map_err(|error| failed(&error))?;
        migrate(&writer).await.map_err(|error| failed(&error))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_lazy_with(options.read_only(true));
        let (feed, stop) = (Feed::new(), CancellationToken::new());
        tokio::spawn(
            stop.clone()
                .run_until_cancelled_owned(poll(writer.clone(), feed.clone())),
        );
        Ok(Self {
            writer,
            readers,
            feed,
            path: path.into(),
            _tasks: stop.drop_guard(),
        })
    }

    async fn write(&self) -> Stored<Write> {
        Ok(Write {
            transaction: self.writer.begin_with("BEGIN IMMEDIATE").await?,
            feed: self.feed.clone(),
            changes: Vec::new(),
        })
    }
}

/// The one connection that writes. It is kept for ever: its own changes do not count for `DATA_VERSION`. Long imports keep what
/// they wrote in the log of the file, not in memory.
async fn writer(options: &SqliteConnectOptions) -> Result<SqlitePool, sqlx::Error> {
    let until = Instant::now() + BUSY;
    loop {
        let connected = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(BUSY)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options.clone().pragma("cache_size", WRITER_CACHE));
        match connected.await {
            // A process that opens a new file at the same moment keeps others from setting it up, and nothing waits for that.
            Err(error) if is_passing(&error) && Instant::now() < until => sleep(PAUSE).await,
            connected => return connected,
        }
    }
}

/// Brings the schema up to date, all or nothing. The driver has no lock of its own for files: the transaction makes processes
/// that start together take turns.
async fn migrate(writer: &SqlitePool) -> Result<(), MigrateError> {
    let mut transaction = writer.begin_with("BEGIN IMMEDIATE").await?;
    let migrator = migrator(&MIGRATIONS);
    migrator.run_direct(None, &mut *transaction, false).await?;
    Ok(transaction.commit().await?)
}

/// How many migrations the file at `path` has seen; 0 if there is none.
pub(super) async fn applied(path: &str) -> Result<i64, OpenError> {
    let counted = async {
        if !tokio::fs::try_exists(path).await? {
            return Ok(0);
        }
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut file = options.connect().await?;
        if !sqlx::query_scalar(WAS_MIGRATED)
            .fetch_one(&mut file)
            .await?
        {
            return Ok(0);
        }
        sqlx::query_scalar(APPLIED).fetch_one(&mut file).await
    };
    let counted: Result<i64, sqlx::Error> = counted.await;
    counted.map_err(|error| OpenError::Engine(format!("{path}: {error}")))
}

#[async_trait]
impl Pulse for Sqlite {
    async fn ping(&self) -> Stored<()> {
        sqlx::query(PING).execute(&self.readers).await?;
        Ok(())
    }
}

impl Changes for Sqlite {
    fn subscribe(&self) -> broadcast::Receiver<Changed> {
        self.feed.subscribe()
    }

    fn contents_generation(&self) -> u64 {
        self.feed.contents_generation()
    }

    fn journal(&self) -> Arc<Journal> {
        self.feed.journal()
    }
}

/// Publishes that another process, such as the command line, has changed the file.
async fn poll(writer: SqlitePool, feed: Feed) {
    let mut known = None;
    loop {
        match sqlx::query_scalar::<_, i64>(DATA_VERSION)
            .fetch_one(&writer)
            .await
        {
            Ok(version) => {
                if known.replace(version).is_some_and(|known| known != version) {
                    feed.tell_everything();
                }
            }
            Err(error) => tracing::warn!(%error, "cannot look for changes by other processes"),
        }
        sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn commits_reach_the_disk_and_writers_wait_no_longer_than_they_may() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dird.db");
        let opened = Sqlite::open(path.to_str().unwrap()).await.unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&opened.writer)
            .await
            .unwrap();
        assert_eq!(synchronous, 2);
        assert_eq!(opened.writer.options().get_acquire_timeout(), BUSY);
    }
}
