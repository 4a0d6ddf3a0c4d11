//! The engine's own tie to the database: waits until it is there, migrates it, then follows what other servers change, by
//! their notices and, because notices get lost with a connection, by the tenants' versions.

use std::collections::HashMap;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgListener, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::notice::Notice;
use super::{CHANNEL, MIGRATIONS, PATIENCE, SCHEMA};
use crate::identity::TenantId;
use crate::store::change::Feed;
use crate::store::engine::migrator;
use crate::store::{StoreError, Stored};

const WAS_MIGRATED: &str = "SELECT to_regclass($1::text) IS NOT NULL";
const COUNT_APPLIED: &str = "SELECT COUNT(*) FROM dird._sqlx_migrations";
const HAS_SCHEMA: &str = "SELECT to_regnamespace($1::text) IS NOT NULL";
const VERSIONS: &str = "SELECT uuid, version FROM tenant";

/// Every statement of this file.
pub(super) const STATEMENTS: &[&str] = &[WAS_MIGRATED, COUNT_APPLIED, HAS_SCHEMA, VERSIONS];

/// How long to wait before trying again to reach the database.
const PAUSE: Duration = Duration::from_millis(500);

/// How often versions are read.
const POLL: Duration = Duration::from_secs(2);

/// Table that knows which migrations were applied.
const APPLIED: &str = "dird._sqlx_migrations";

/// Whether the database can be used.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// Not known yet.
    Starting,
    /// Not reached, or not migrated, because of this.
    Down(String),
    /// Migrated.
    Ready,
}

/// Fails unless the database was reached and migrated; waits for the first attempt.
pub(super) async fn ready(state: &watch::Receiver<State>) -> Stored<()> {
    if matches!(*state.borrow(), State::Ready) {
        return Ok(());
    }
    let mut state = state.clone();
    let known = state.wait_for(|state| !matches!(state, State::Starting));
    let cause = match timeout(PATIENCE, known)
        .await
        .as_ref()
        .map(Result::as_deref)
    {
        Ok(Ok(State::Ready)) => return Ok(()),
        Ok(Ok(State::Down(cause))) => cause.clone(),
        _ => "it does not answer".to_owned(),
    };
    Err(StoreError::Unavailable(cause))
}

/// What the task works with.
pub(super) struct Link {
    options: PgConnectOptions,
    feed: Feed,
    state: watch::Sender<State>,
    /// The tenants' versions as they were last seen, once they were.
    versions: Option<HashMap<String, i64>>,
}

impl Link {
    /// A link, and where it says how it stands.
    pub(super) fn new(options: PgConnectOptions, feed: Feed) -> (Self, watch::Receiver<State>) {
        let (state, seen) = watch::channel(State::Starting);
        let link = Self {
            options,
            feed,
            state,
            versions: None,
        };
        (link, seen)
    }

    /// Migrates as soon as the database is there, then follows it for ever.
    pub(super) async fn keep(mut self) {
        while let Err(error) = migrate(&self.options).await {
            self.report(&error);
            sleep(PAUSE).await;
        }
        self.state.send_replace(State::Ready);
        tracing::debug!("the database is ready");
        loop {
            if let Err(error) = self.follow().await {
                tracing::warn!(%error, "cannot follow changes in the database");
            }
            sleep(PAUSE).await;
            // Whatever was told in between was not heard.
            self.feed.tell_everything();
        }
    }

    /// Tells callers and, once for each cause, the log.
    fn report(&self, error: &StoreError) {
        let cause = match error {
            StoreError::Unavailable(cause) => cause.clone(),
            StoreError::Internal(cause) => format!("migration failed: {cause}"),
            other => other.to_string(),
        };
        let known = matches!(&*self.state.borrow(), State::Down(known) if *known == cause);
        if !known {
            tracing::warn!(%cause, "the database is not available");
            self.state.send_replace(State::Down(cause));
        }
    }

    /// Listens on a connection of its own until that is lost. Versions are read on it too, because a connection whose other end
    /// vanished is quiet like one on which nothing is told.
    async fn follow(&mut self) -> Result<(), sqlx::Error> {
        let own = PgPoolOptions::new().max_connections(1);
        let own = own
            .acquire_timeout(PATIENCE)
            .max_lifetime(None)
            .idle_timeout(None);
        let mut listener =
            PgListener::connect_with(&own.connect_lazy_with(self.options.clone())).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        // Changes between the last look and now were told before anybody listened.
        self.feed.tell_everything();
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                told = listener.try_recv() => match told? {
                    Some(notice) => self.hear(notice.payload()),
                    None => return Ok(()),
                },
                _ = poll.tick() => {
                    let compared = timeout(PATIENCE, self.compare_versions(&mut listener)).await;
                    compared.map_err(|_| sqlx::Error::PoolTimedOut)??;
                    // Who holds contents compares them with the list's version, which costs little.
                    self.feed.contents_changed();
                }
            }
        }
    }

    /// Tells what another server has told. What this one did it has told already.
    fn hear(&self, payload: &str) {
        let heard = serde_json::from_str::<Notice>(payload);
        if (heard.as_ref()).is_ok_and(|notice| notice.from == self.feed.journal().epoch()) {
            return;
        }
        match heard.ok().and_then(Notice::change) {
            Some(change) => self.feed.tell(change),
            None => self.feed.tell_everything(),
        }
    }

    /// Publishes the tenants whose version is not the one seen last.
    async fn compare_versions(&mut self, own: &mut PgListener) -> Result<(), sqlx::Error> {
        let rows: Vec<(String, i64)> = sqlx::query_as(VERSIONS).fetch_all(own).await?;
        let rows: HashMap<String, i64> = rows.into_iter().collect();
        let Some(known) = self.versions.replace(rows.clone()) else {
            return Ok(());
        };
        for (uuid, version) in &rows {
            if known.get(uuid) != Some(version)
                && let Some(tenant) = TenantId::new(uuid)
            {
                self.feed.configured_changed(tenant);
            }
        }
        Ok(())
    }
}

/// How many migrations the database has seen; 0 if none.
pub(super) async fn applied(options: &PgConnectOptions) -> Stored<i64> {
    let mut connection = connected(options).await?;
    let migrated = sqlx::query_scalar(WAS_MIGRATED).bind(APPLIED);
    if !migrated.fetch_one(&mut connection).await? {
        return Ok(0);
    }
    let counted = sqlx::query_scalar(COUNT_APPLIED);
    Ok(counted.fetch_one(&mut connection).await?)
}

async fn connected(options: &PgConnectOptions) -> Result<PgConnection, sqlx::Error> {
    let connecting = timeout(PATIENCE, options.connect()).await;
    connecting.map_err(|_| sqlx::Error::PoolTimedOut)?
}

/// Brings the schema up to date. The driver's lock makes servers that start together take turns; it goes with the connection.
async fn migrate(options: &PgConnectOptions) -> Stored<()> {
    let mut connection = connected(options).await?;
    let mut migrator = migrator(&MIGRATIONS);
    migrator.dangerous_set_table_name(APPLIED);
    // Creating what exists already needs a right that the role may lack.
    let exists: bool = sqlx::query_scalar(HAS_SCHEMA)
        .bind(SCHEMA)
        .fetch_one(&mut connection)
        .await?;
    if !exists {
        migrator.create_schema(SCHEMA);
    }
    migrator.run_direct(None, &mut connection, false).await?;
    connection.close().await?;
    Ok(())
}
