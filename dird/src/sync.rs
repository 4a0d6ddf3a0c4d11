//! What the platform tells dird (dird-platform.md §5.2): tenants and users come and go, sessions end. The other direction is
//! `events`. Whatever an event says, it is done with afterwards: one that cannot be used is logged, and a database that is away
//! is waited for a while.

use std::sync::Arc;
use std::time::Duration;

use kit::bus::{Event, Listener};
use serde_json::Value;

use crate::identity::{Authority, SystemAuthority, Tenant, TenantId, UserId};
use crate::store::{Store, StoreError, Stored};
use crate::tenant_defaults::{self, Outcome};

const TENANT_ADDED: &str = "auth_tenant_added";
const TENANT_DELETED: &str = "auth_tenant_deleted";
const SESSION_DELETED: &str = "auth_session_deleted";
const USER_DELETED: &str = "user_deleted";
const LOCALIZATION_EDITED: &str = "localization_edited";

/// What dird listens to on a platform whose auth service it asks.
pub(crate) const WITH_AUTH_SERVICE: &[&str] = &[
    TENANT_ADDED,
    TENANT_DELETED,
    SESSION_DELETED,
    USER_DELETED,
    LOCALIZATION_EDITED,
];

/// And when tenants and sessions are its own: what an auth service says of tenants must not touch those.
pub(crate) const WITH_OWN_ACCOUNTS: &[&str] = &[USER_DELETED, LOCALIZATION_EDITED];

/// How often a database that is away is asked once more, and the pause before each time. Each time takes up to two seconds
/// itself; a listener has a minute.
const TRIES: u32 = 15;
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps dird's own knowledge in step with the platform.
pub(crate) struct Sync {
    store: Store,
    authority: Arc<dyn Authority>,
    acting: SystemAuthority,
}

/// Why an event was of no use.
#[derive(Debug, thiserror::Error)]
enum SyncError {
    /// It lacks something or says it in an unknown way.
    #[error("data.{0} is missing or not as agreed")]
    Unusable(&'static str),
    /// The store did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sync {
    pub(crate) fn new(store: Store, authority: Arc<dyn Authority>) -> Self {
        let acting = SystemAuthority::new("bus");
        Self {
            store,
            authority,
            acting,
        }
    }

    async fn take(&self, event: &Event) -> Result<(), SyncError> {
        let data = &event.data;
        match event.name.as_str() {
            TENANT_ADDED => self.tenant_added(data).await,
            TENANT_DELETED => self.tenant_deleted(data).await,
            LOCALIZATION_EDITED => self.localization_edited(data).await,
            SESSION_DELETED => {
                self.authority.forget();
                Ok(())
            }
            USER_DELETED => self.user_deleted(data).await,
            // Somebody sent it to the queue itself.
            _ => Ok(()),
        }
    }

    async fn tenant_added(&self, data: &Value) -> Result<(), SyncError> {
        let tenant = self.tenant(data, "uuid")?;
        let name = data["name"].as_str().ok_or(SyncError::Unusable("name"))?;
        let create = || tenant_defaults::create(self.store.as_ref(), &tenant, name);
        match patiently(create).await? {
            Outcome::Created => tracing::info!(tenant = %tenant.id(), "a tenant got its defaults"),
            Outcome::Present => tracing::debug!(tenant = %tenant.id(), "a tenant has its defaults"),
        }
        self.authority.forget();
        Ok(())
    }

    async fn tenant_deleted(&self, data: &Value) -> Result<(), SyncError> {
        let tenant = self.tenant(data, "uuid")?;
        let erased = patiently(|| self.store.erase(&tenant)).await?;
        tracing::info!(tenant = %tenant.id(), erased, "a tenant was removed");
        self.authority.forget();
        Ok(())
    }

    async fn localization_edited(&self, data: &Value) -> Result<(), SyncError> {
        let tenant = self.tenant(data, "tenant_uuid")?;
        let country = match &data["country"] {
            Value::Null => None,
            Value::String(text) if is_country(text) => Some(text.as_str()),
            _ => return Err(SyncError::Unusable("country")),
        };
        Ok(patiently(|| self.store.set_country(&tenant, country)).await?)
    }

    /// The user's own contacts and favourites go, and what is remembered of his tokens.
    async fn user_deleted(&self, data: &Value) -> Result<(), SyncError> {
        let user = data["uuid"].as_str().and_then(UserId::new);
        let user = user.ok_or(SyncError::Unusable("uuid"))?;
        patiently(|| self.store.forget_user(self.acting, &user)).await?;
        self.authority.forget();
        Ok(())
    }

    fn tenant(&self, data: &Value, key: &'static str) -> Result<Tenant, SyncError> {
        let id = data[key].as_str().and_then(TenantId::new);
        Ok(self.acting.tenant(id.ok_or(SyncError::Unusable(key))?))
    }
}

impl Listener for Sync {
    async fn event(&self, event: Event) {
        tracing::debug!(name = event.name, "event");
        if let Err(error) = self.take(&event).await {
            tracing::warn!(name = event.name, %error, "an event had no effect");
        }
    }

    fn connected(&self) {
        // The end of a session may have been told while nobody listened.
        self.authority.forget();
    }
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Does `work` again while the database is away.
async fn patiently<T, F: Future<Output = Stored<T>>>(work: impl Fn() -> F) -> Stored<T> {
    for _ in 0..TRIES {
        match work().await {
            Err(StoreError::Unavailable(cause)) => {
                tracing::warn!(cause, "an event waits for the database");
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
    work().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// What `patiently` makes of work that fails `failures` times for want of the database, and how often it was tried.
    async fn tried(failures: u32) -> (Stored<()>, u32) {
        let count = AtomicU32::new(0);
        let done = patiently(|| async {
            if count.fetch_add(1, Ordering::Relaxed) < failures {
                return Err(StoreError::Unavailable("away".into()));
            }
            Ok(())
        });
        let done = done.await;
        (done, count.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_comes_back_in_time_gets_the_event() {
        assert!(matches!(tried(0).await, (Ok(()), 1)));
        assert!(matches!(tried(TRIES).await, (Ok(()), count) if count == TRIES + 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_database_that_stays_away_is_given_up() {
        let (done, count) = tried(u32::MAX).await;
        assert!(matches!(done, Err(StoreError::Unavailable(_))));
        assert_eq!(count, TRIES + 1);
    }

    #[tokio::test]
    async fn what_no_repetition_mends_is_not_repeated() {
        let count = AtomicU32::new(0);
        let done: Stored<()> = patiently(|| async {
            count.fetch_add(1, Ordering::Relaxed);
            Err(StoreError::NameTaken("x".into()))
        })
        .await;
        assert!(done.is_err());
        assert_eq!(count.into_inner(), 1);
    }
}
