//! The engine for sites with several dirds (design.md §4). Everything lives in a schema of its own; one file per kind of object,
//! with the names that the other engine's files have. `link` waits for the database, migrates it and follows it.

mod accounts;
pub(super) mod address;
mod arrival;
mod contact;
mod defaults;
mod directory;
mod display;
mod entry;
mod feed;
mod import;
mod link;
mod mirror;
mod notice;
mod person;
mod phonebook;
mod profile;
mod reading;
mod row;
mod session;
mod source;
mod stamp;
mod tenant;

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::change::Feed;
use super::contract::Step;
use super::engine::is_duplicate;
use super::{Change, Changed, Changes, Journal, OpenError, Pulse, StoreError, Stored};
use link::{Link, State};
use session::{Connections, Session};

/// Every schema change, in order. A released file is never edited.
pub(super) const MIGRATIONS: [Step; 5] = [
    (
        1,
        "site",
        include_str!("../../../migrations/postgres/0001_site.sql"),
    ),
    (
        2,
        "contacts",
        include_str!("../../../migrations/postgres/0002_contacts.sql"),
    ),
    (
        3,
        "mirrors",
        include_str!("../../../migrations/postgres/0003_mirrors.sql"),
    ),
    (
        4,
        "intercom",
        include_str!("../../../migrations/postgres/0004_intercom.sql"),
    ),
    (
        5,
        "lists",
        include_str!("../../../migrations/postgres/0005_lists.sql"),
    ),
];

/// Where everything lives.
const SCHEMA: &str = "dird";

/// Channel on which servers tell each other what has changed.
const CHANNEL: &str = "dird_change";

/// How long a call waits for a connection.
const PATIENCE: Duration = Duration::from_secs(2);

/// All reads of one list see the same rows.
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
const PING: &str = "SELECT 1";

/// Every statement of the engine.
pub(super) const STATEMENTS: [&[&str]; 20] = [
    &[PING],
    accounts::STATEMENTS,
    arrival::STATEMENTS,
    contact::STATEMENTS,
    defaults::STATEMENTS,
    directory::STATEMENTS,
    display::STATEMENTS,
    entry::STATEMENTS,
    feed::STATEMENTS,
    import::STATEMENTS,
    link::STATEMENTS,
    mirror::STATEMENTS,
    notice::STATEMENTS,
    person::STATEMENTS,
    phonebook::STATEMENTS,
    profile::STATEMENTS,
    reading::STATEMENTS,
    source::STATEMENTS,
    stamp::STATEMENTS,
    tenant::STATEMENTS,
];

/// A transaction that writes. What it changed is published when it is committed.
struct Write {
    transaction: Session,
    feed: Feed,
    changes: Vec<Change>,
}

impl Write {
    /// Notes what is to be told, here and to other servers, once this is committed.
    fn changed(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    async fn commit(mut self) -> Stored<()> {
        self.notify().await?;
        let committing = committed(self.transaction, self.changes, self.feed);
        // In a task of its own: a caller that goes away must not keep a committed change from being told.
        let committed = tokio::spawn(committing).await;
        committed.map_err(|error| StoreError::Internal(Box::new(error)))?
    }
}

async fn committed(transaction: Session, changes: Vec<Change>, feed: Feed) -> Stored<()> {
    transaction.commit().await?;
    for change in changes {
        feed.tell(change);
    }
    Ok(())
}

impl Deref for Write {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.transaction
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.transaction
    }
}

/// A database of a server.
pub(super) struct Postgres {
    pool: Connections,
    state: watch::Receiver<State>,
    feed: Feed,
    _tasks: DropGuard,
}

impl Postgres {
    /// Prepares to use the database at `uri`, and starts the task that waits for it.
    pub(super) fn open(uri: &str) -> Result<Self, OpenError> {
        let options = address::parse(uri)?;
        let pool = Connections::new(options.clone(), PATIENCE);
        let (feed, stop) = (Feed::new(), CancellationToken::new());
        let (link, state) = Link::new(options, feed.clone());
        tokio::spawn(stop.clone().run_until_cancelled_owned(link.keep()));
        Ok(Self {
            pool,
            state,
            feed,
            _tasks: stop.drop_guard(),
        })
    }

    /// Connections to the migrated database; unavailable until it is.
    async fn pool(&self) -> Stored<&Connections> {
        link::ready(&self.state).await?;
        Ok(&self.pool)
    }

    async fn read(&self) -> Stored<Session> {
        Ok(self.pool().await?.begin(Some(READ)).await?)
    }

    async fn write(&self) -> Stored<Write> {
        Ok(Write {
            transaction: self.pool().await?.begin(None).await?,
            feed: self.feed.clone(),
            changes: Vec::new(),
        })
    }
}

/// How many migrations the database at `uri` has seen; 0 if none.
pub(super) async fn applied(uri: &str) -> Result<i64, OpenError> {
    let applied = link::applied(&address::parse(uri)?).await;
    applied.map_err(|error| OpenError::Engine(error.to_string()))
}

#[async_trait]
impl Pulse for Postgres {
    async fn ping(&self) -> Stored<()> {
        sqlx::query(PING).execute(self.pool().await?).await?;
        Ok(())
    }
}

impl Changes for Postgres {
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
