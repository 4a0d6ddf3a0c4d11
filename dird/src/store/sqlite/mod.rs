//! The embedded engine (design.md §4): one writer, a pool of readers, write-ahead log. One file per kind of object, with the
//! names that the other engine's files have.

mod accounts;
mod display;
mod phonebook;
mod profile;
mod row;
mod source;
mod tenant;

use std::borrow::Cow;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{SqlSafeStr, Transaction};

use super::{OpenError, Pulse, StoreError, Stored};

/// Every schema change, in order. A released file is never edited.
const MIGRATIONS: [(i64, &str, &str); 1] = [(
    1,
    "site",
    include_str!("../../../migrations/sqlite/0001_site.sql"),
)];

/// Connections for reading.
const READERS: u32 = 4;

/// How long a statement waits for another process that holds the database.
const BUSY: Duration = Duration::from_secs(5);

/// A transaction on the one writing connection.
type Write = Transaction<'static, sqlx::Sqlite>;

/// A database file.
pub(super) struct Sqlite {
    writer: SqlitePool,
    readers: SqlitePool,
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
            .synchronous(SqliteSynchronous::Normal)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .pragma("mmap_size", "268435456")
            .optimize_on_close(true, None);
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone());
        let writer = writer.await.map_err(|error| failed(&error))?;
        migrator()
            .run(&writer)
            .await
            .map_err(|error| failed(&error))?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .connect_lazy_with(options.read_only(true));
        Ok(Self { writer, readers })
    }

    async fn write(&self) -> Stored<Write> {
        self.writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(StoreError::from)
    }
}

#[async_trait]
impl Pulse for Sqlite {
    async fn ping(&self) -> Stored<()> {
        sqlx::query("SELECT 1").execute(&self.readers).await?;
        Ok(())
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS
        .iter()
        .map(|&(version, name, sql)| {
            Migration::new(
                version,
                Cow::Borrowed(name),
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        })
        .collect();
    Migrator::with_migrations(migrations)
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Io(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable(error.to_string()),
            other => Self::Internal(Box::new(other)),
        }
    }
}

/// True if `error` is a violated uniqueness.
fn is_duplicate(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(sqlx::error::DatabaseError::is_unique_violation)
}
