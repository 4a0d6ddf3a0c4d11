//! From a search to sorted entries: the tenant of the user, then dird, both remembered (phoned.md §7, §14). Searches that come
//! together share one call, which runs in a task of its own: a caller that gives up takes nothing from the others.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use http::HeaderValue;
use kit::auth_client::AuthClient;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::{timeout, timeout_at},
};
use tokio_util::task::TaskTracker;

use crate::{
    cache::{Caches, LookupKey, Outcome, Remembered, normalise},
    config::Config,
    dird_client::{DirdClient, Search, auth_error},
    directory::{page, rows},
    error::PhoneError,
};

/// Rows kept of one result.
const MOST_ROWS: usize = 2000;
/// Longest time that a search waits for its turn.
const TURN: Duration = Duration::from_secs(1);

/// What a phone asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Profile.
    pub profile: Arc<str>,
    /// The user.
    pub user: Arc<str>,
    /// The search text as it is sent to dird.
    pub term: Arc<str>,
    /// The `traceparent` of the request.
    pub trace: Option<HeaderValue>,
}

/// Entries, and whether they are older than they should be.
#[derive(Debug, Clone)]
pub struct Found {
    /// What was found.
    pub remembered: Arc<Remembered>,
    /// True when a backend failed and these are from before.
    pub stale: bool,
}

/// The search service behind all makes. Cheap to clone.
#[derive(Clone)]
pub struct Lookups {
    inner: Arc<Inner>,
}

struct Inner {
    auth: Arc<AuthClient>,
    dird: DirdClient,
    caches: Arc<Caches>,
    config: Arc<Config>,
    turns: Semaphore,
    waiting: AtomicUsize,
    tasks: TaskTracker,
}

impl Lookups {
    /// A search service; its calls run in `tasks`.
    pub fn new(
        dird: DirdClient,
        auth: Arc<AuthClient>,
        caches: Arc<Caches>,
        config: Arc<Config>,
        tasks: TaskTracker,
    ) -> Self {
        let turns = Semaphore::new(config.lookup.concurrent);
        let inner = Inner {
            auth,
            dird,
            caches,
            config,
            turns,
            waiting: AtomicUsize::new(0),
            tasks,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The entries for `ask`, within `lookup.deadline`; older ones when a backend fails.
    pub async fn find(&self, ask: &Ask) -> Result<Found, PhoneError> {
        let deadline = tokio::time::Instant::now() + self.inner.config.lookup.deadline;
        let error = match timeout_at(deadline, self.fresh(ask)).await {
            Ok(Ok(remembered)) => {
                return Ok(Found {
                    remembered,
                    stale: false,
                });
            }
            Ok(Err(error)) => error,
            Err(_) => PhoneError::DirdUnreachable,
        };
        if !error.excuses_stale() {
            return Err(error);
        }
        let remembered = self.stale(ask).await.ok_or(error)?;
        Ok(Found {
            remembered,
            stale: true,
        })
    }

    async fn fresh(&self, ask: &Ask) -> Result<Arc<Remembered>, PhoneError> {
        let tenant = self.tenant(&ask.user).await?;
        let key = self.key(ask, &tenant);
        if let Some(hit) = self.inner.caches.fresh.get(&key).await {
            return Ok(hit);
        }
        let (this, ask) = (self.clone(), ask.clone());
        let load = async move {
            let search = this.load(key.clone(), &ask);
            this.inner.caches.fresh.try_get_with(key, search).await
        };
        shared(self.inner.tasks.spawn(load).await)
    }

    /// Asks dird, sorts, and keeps a copy for bad times.
    async fn load(&self, key: LookupKey, ask: &Ask) -> Result<Arc<Remembered>, PhoneError> {
        let search = Search {
            profile: Arc::clone(&ask.profile),
            user: Arc::clone(&ask.user),
            tenant: Arc::clone(&key.tenant),
            term: Arc::clone(&ask.term),
            trace: ask.trace.clone(),
        };
        let _turn = self.turn().await?;
        let settings = &self.inner.config.cache;
        let (outcome, life) = match self.inner.dird.lookup(&search).await {
            Ok(answer) => self.outcome(&answer),
            Err(PhoneError::UnknownProfile(_)) => {
                (Outcome::UnknownProfile, settings.unknown_profile_ttl)
            }
            Err(error) => return Err(error),
        };
        let remembered = Arc::new(Remembered {
            outcome,
            fresh_until: Instant::now() + life,
        });
        self.inner
            .caches
            .stale
            .insert(key, Arc::clone(&remembered))
            .await;
        Ok(remembered)
    }

    fn outcome(&self, answer: &rows::LookupAnswer) -> (Outcome, Duration) {
        let config = &self.inner.config;
        let mut entries = rows::entries(answer, &config.numbers.international_prefix);
        page::sort(&mut entries, config.lookup.collation);
        if config.lookup.deduplicate {
            entries.dedup();
        }
        entries.truncate(MOST_ROWS);
        let life = if entries.is_empty() {
            config.cache.empty_ttl
        } else {
            config.cache.lookup_ttl
        };
        (Outcome::Entries(entries), life)
    }

    /// A place among the searches under way; a bounded number waits for one, and not for long.
    async fn turn(&self) -> Result<SemaphorePermit<'_>, PhoneError> {
        if let Ok(turn) = self.inner.turns.try_acquire() {
            return Ok(turn);
        }
        let waiting = self.inner.waiting.fetch_add(1, Ordering::Relaxed);
        let turn = if waiting < self.inner.config.lookup.queued {
            timeout(TURN, self.inner.turns.acquire())
                .await
                .ok()
                .and_then(Result::ok)
        } else {
            None
        };
        self.inner.waiting.fetch_sub(1, Ordering::Relaxed);
        turn.ok_or(PhoneError::Overloaded)
    }

    async fn tenant(&self, user: &Arc<str>) -> Result<Arc<str>, PhoneError> {
        let known = match self.inner.caches.tenants.get(user).await {
            Some(known) => known,
            None => self.ask_tenant(user).await?,
        };
        known.ok_or_else(|| PhoneError::UnknownUser(user.to_string()))
    }

    async fn ask_tenant(&self, user: &Arc<str>) -> Result<Option<Arc<str>>, PhoneError> {
        let (inner, user) = (Arc::clone(&self.inner), Arc::clone(user));
        let load = async move {
            let ask = async {
                let tenant = inner
                    .auth
                    .tenant_of_user(&user)
                    .await
                    .map_err(|error| auth_error(&error))?;
                let tenant: Option<Arc<str>> = tenant.map(Into::into);
                if let Some(tenant) = &tenant {
                    inner
                        .caches
                        .last_tenants
                        .insert(Arc::clone(&user), Arc::clone(tenant))
                        .await;
                }
                Ok(tenant)
            };
            inner
                .caches
                .tenants
                .try_get_with(Arc::clone(&user), ask)
                .await
        };
        shared(self.inner.tasks.spawn(load).await)
    }

    async fn stale(&self, ask: &Ask) -> Option<Arc<Remembered>> {
        let tenant = self.inner.caches.last_tenants.get(&ask.user).await?;
        self.inner.caches.stale.get(&self.key(ask, &tenant)).await
    }

    fn key(&self, ask: &Ask, tenant: &Arc<str>) -> LookupKey {
        LookupKey {
            tenant: Arc::clone(tenant),
            profile: Arc::clone(&ask.profile),
            user: Arc::clone(&ask.user),
            term: normalise(&ask.term, self.inner.config.cache.fold_case),
        }
    }
}

/// The result of a shared call. A call that panicked is a fault of ours.
fn shared<T>(
    joined: Result<Result<T, Arc<PhoneError>>, tokio::task::JoinError>,
) -> Result<T, PhoneError> {
    match joined {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err((*error).clone()),
        Err(error) => {
            tracing::error!(%error, "a search failed");
            Err(PhoneError::Internal)
        }
    }
}
