//! From a search to sorted entries: the tenant of the user, then dird, both remembered (phoned.md §7, §14). Searches that come
//! together share one call, which runs in a task of its own: a caller that gives up takes nothing from the others.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use http::HeaderValue;
use kit::{auth_client::AuthClient, turns::Turns};
use tokio::time::timeout_at;
use tokio_util::task::TaskTracker;

use crate::{
    cache::{Caches, LookupKey, Owner, Remembered, canonical, normalise},
    config::Config,
    dird_client::{DirdClient, Question, Search, auth_error},
    directory::{page, rows::Entry},
    error::PhoneError,
    tally,
    turn::{self, ListenerTurns},
};

/// What a phone asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Profile.
    pub profile: Arc<str>,
    /// The user; a UUID in small letters, as everybody else writes it.
    pub user: Arc<str>,
    /// What is asked, the search text as it is sent to dird.
    pub question: Question,
    /// The only tenant whose users exist for the phone; `None` = any (phoned.md §6.3).
    pub within: Option<Arc<str>>,
    /// The `traceparent` of the request.
    pub trace: Option<HeaderValue>,
    /// The turns of the listener that it came through.
    pub listener: Option<ListenerTurns>,
}

/// What several callers may have waited for.
type Shared<T> = Result<T, Arc<PhoneError>>;

/// What is remembered, and the tenant that it belongs to.
type Owned = (Arc<Remembered>, Arc<str>);

impl Ask {
    fn may_see(&self, tenant: &Arc<str>) -> bool {
        let within = self.within.as_ref();
        within.is_none_or(|within| within.eq_ignore_ascii_case(tenant))
    }

    fn found(&self, remembered: Arc<Remembered>, tenant: Arc<str>, stale: bool) -> Found {
        let owner = Owner {
            user: Arc::clone(&self.user),
            tenant,
            asked: remembered.asked,
        };
        Found {
            remembered,
            owner,
            stale,
        }
    }
}

/// Entries, and whether they are older than they should be.
#[derive(Debug, Clone)]
pub struct Found {
    /// What was found.
    pub remembered: Arc<Remembered>,
    /// Whose they are.
    pub owner: Owner,
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
    dird: Arc<DirdClient>,
    caches: Arc<Caches>,
    config: Arc<Config>,
    turns: Arc<Turns>,
    tasks: TaskTracker,
}

impl Lookups {
    /// A search service; its calls run in `tasks`.
    pub fn new(
        dird: Arc<DirdClient>,
        auth: Arc<AuthClient>,
        caches: Arc<Caches>,
        config: Arc<Config>,
        tasks: TaskTracker,
    ) -> Self {
        let turns = Arc::new(turns(&config));
        let inner = Inner {
            auth,
            dird,
            caches,
            config,
            turns,
            tasks,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The same services under another configuration. Searches under way keep their turns.
    #[must_use]
    pub fn with(&self, caches: Arc<Caches>, config: Arc<Config>) -> Self {
        let old = &*self.inner;
        let bounds = |config: &Config| (config.lookup.concurrent, config.lookup.queued);
        let turns = if bounds(&config) == bounds(&old.config) {
            Arc::clone(&old.turns)
        } else {
            Arc::new(turns(&config))
        };
        let inner = Inner {
            auth: Arc::clone(&old.auth),
            dird: Arc::clone(&old.dird),
            caches,
            config,
            turns,
            tasks: old.tasks.clone(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What the searches ask.
    pub fn dird(&self) -> Arc<DirdClient> {
        Arc::clone(&self.inner.dird)
    }

    /// The dirds, and whether each answered the last search that it got.
    pub fn dirds(&self) -> Vec<(&str, bool)> {
        self.inner.dird.health()
    }

    /// The entries for `ask`, within `lookup.deadline`; older ones when a backend fails.
    pub async fn find(&self, ask: &Ask) -> Result<Found, PhoneError> {
        let deadline = tokio::time::Instant::now() + self.inner.config.lookup.deadline;
        let error = match timeout_at(deadline, self.fresh(ask)).await {
            Ok(Ok((remembered, tenant))) => return Ok(ask.found(remembered, tenant, false)),
            Ok(Err(error)) => error,
            Err(_) => PhoneError::DirdUnreachable,
        };
        if !error.excuses_stale() {
            return Err(error);
        }
        let (remembered, tenant) = self.stale(ask).await.ok_or(error)?;
        tally::remembered("lookup", "stale");
        Ok(ask.found(remembered, tenant, true))
    }

    async fn fresh(&self, ask: &Ask) -> Result<Owned, PhoneError> {
        let tenant = self.tenant(&ask.user).await?;
        if !ask.may_see(&tenant) {
            return Err(PhoneError::UnknownUser(ask.user.to_string()));
        }
        let key = self.key(ask, &tenant);
        if let Some(hit) = self.remembered(&key).await {
            let result = if hit.entries.is_empty() {
                "negative"
            } else {
                "hit"
            };
            tally::remembered("lookup", result);
            return Ok((hit, tenant));
        }
        if self.inner.caches.lacks_profile(&key).await {
            tally::remembered("profile", "negative");
            let name = ask.profile.to_string();
            return Err(PhoneError::UnknownProfile { name, said: true });
        }
        let (this, ask) = (self.clone(), ask.clone());
        let load = async move { this.together(&key, &ask).await };
        Ok((shared(self.inner.tasks.spawn(load).await)?, tenant))
    }

    /// What dird answers now; those who ask the same at once share one answer. An answer that was asked for before the last change
    /// serves nobody who asks after it.
    async fn together(&self, key: &LookupKey, ask: &Ask) -> Shared<Arc<Remembered>> {
        let caches = &self.inner.caches;
        let now = caches.outdated.moment();
        let mut asks = false;
        let search = async {
            asks = true;
            self.load(key.clone(), ask).await
        };
        let mut loaded = caches.fresh.try_get_with(key.clone(), search).await;
        let before = |loaded: &Arc<Remembered>| loaded.asked < now;
        if loaded
            .as_ref()
            .is_ok_and(|old| before(old) && caches.is_outdated(key, old))
        {
            caches.drop_outdated(key).await;
            let again = async {
                asks = true;
                self.load(key.clone(), ask).await
            };
            loaded = caches.fresh.try_get_with(key.clone(), again).await;
        }
        tally::remembered("lookup", if asks { "miss" } else { "coalesced" });
        loaded
    }

    /// A result that serves as it is.
    async fn remembered(&self, key: &LookupKey) -> Option<Arc<Remembered>> {
        let caches = &self.inner.caches;
        let hit = caches.fresh.get(key).await?;
        if caches.is_outdated(key, &hit) {
            caches.drop_outdated(key).await;
            return None;
        }
        Some(hit)
    }

    /// Asks dird, sorts, and keeps a copy for bad times.
    async fn load(&self, key: LookupKey, ask: &Ask) -> Result<Arc<Remembered>, PhoneError> {
        let caches = &self.inner.caches;
        let (asked, before) = (caches.outdated.moment(), caches.forgotten.moment());
        let search = Search {
            profile: Arc::clone(&ask.profile),
            user: Arc::clone(&ask.user),
            tenant: Arc::clone(&key.tenant),
            question: ask.question.clone(),
            trace: ask.trace.clone(),
        };
        let _own = match &ask.listener {
            Some(turns) => Some(turns.take().await?),
            None => None,
        };
        let _turn = self
            .inner
            .turns
            .take()
            .await
            .ok_or(PhoneError::Overloaded)?;
        let prefix = &self.inner.config.numbers.international_prefix;
        let found = self.inner.dird.find(&search, prefix).await;
        if let Err(PhoneError::UnknownProfile { said, .. }) = found {
            // No help in bad times, and no more are the people that the profile had.
            caches.stale.invalidate(&key).await;
            if said {
                caches.note_unknown_profile(&key, asked).await;
            }
        }
        let (entries, life) = self.sorted(found?);
        let remembered = Arc::new(Remembered {
            entries,
            fresh_until: Instant::now() + life,
            asked,
        });
        caches.keep(key, Arc::clone(&remembered), before).await;
        Ok(remembered)
    }

    /// The entries as phones see them, and how long they serve.
    fn sorted(&self, mut entries: Vec<Entry>) -> (Vec<Entry>, Duration) {
        let config = &self.inner.config;
        page::sort(&mut entries, config.lookup.collation);
        if config.lookup.deduplicate {
            entries.dedup_by(|a, b| a.name == b.name && a.number == b.number);
        }
        if entries.len() > config.lookup.max_rows {
            tally::left_out("-", "result", entries.len() - config.lookup.max_rows);
            entries.truncate(config.lookup.max_rows);
        }
        let life = if entries.is_empty() {
            config.cache.empty_ttl
        } else {
            config.cache.lookup_ttl
        };
        (entries, life)
    }

    async fn tenant(&self, user: &Arc<str>) -> Result<Arc<str>, PhoneError> {
        let known = if let Some(known) = self.inner.caches.tenants.get(user).await {
            tally::remembered("user", if known.is_some() { "hit" } else { "negative" });
            known
        } else {
            tally::remembered("user", "miss");
            self.ask_tenant(user).await?
        };
        known.ok_or_else(|| PhoneError::UnknownUser(user.to_string()))
    }

    async fn ask_tenant(&self, user: &Arc<str>) -> Result<Option<Arc<str>>, PhoneError> {
        let (inner, user) = (Arc::clone(&self.inner), Arc::clone(user));
        let load = async move {
            let caches = &inner.caches;
            let before = caches.forgotten.moment();
            let ask = async {
                let started = Instant::now();
                let answer = inner.auth.tenant_of_user(&user).await;
                tally::asked("auth", answer.is_ok(), started.elapsed());
                let tenant = answer.map_err(|error| auth_error(&error))?;
                let tenant = tenant.as_deref().map(canonical);
                if let Some(tenant) = &tenant {
                    let (user, tenant) = (Arc::clone(&user), Arc::clone(tenant));
                    caches.last_tenants.insert(user, tenant).await;
                }
                Ok(tenant)
            };
            let known = caches.tenants.try_get_with(Arc::clone(&user), ask).await;
            if let Ok(tenant) = &known
                && caches.forgot_tenant(before, &user, tenant.as_deref())
            {
                caches.tenants.invalidate(&user).await;
                caches.last_tenants.invalidate(&user).await;
            }
            known
        };
        shared(self.inner.tasks.spawn(load).await)
    }

    async fn stale(&self, ask: &Ask) -> Option<Owned> {
        let tenant = self.inner.caches.last_tenants.get(&ask.user).await?;
        if !ask.may_see(&tenant) {
            return None;
        }
        let remembered = self.inner.caches.stale.get(&self.key(ask, &tenant)).await?;
        Some((remembered, tenant))
    }

    fn key(&self, ask: &Ask, tenant: &Arc<str>) -> LookupKey {
        let question = match &ask.question {
            Question::Lookup(term) => {
                let term = normalise(term, self.inner.config.cache.fold_case);
                Question::Lookup(term.into())
            }
            number @ Question::Reverse(_) => number.clone(),
        };
        LookupKey {
            tenant: Arc::clone(tenant),
            profile: Arc::clone(&ask.profile),
            user: Arc::clone(&ask.user),
            question,
        }
    }
}

/// The turns of searches that `config` grants.
fn turns(config: &Config) -> Turns {
    let lookup = &config.lookup;
    Turns::new(lookup.concurrent, lookup.queued, turn::PATIENCE)
}

/// The result of a shared call. A call that panicked is a fault of ours.
fn shared<T>(joined: Result<Shared<T>, tokio::task::JoinError>) -> Result<T, PhoneError> {
    match joined {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err((*error).clone()),
        Err(error) => {
            tracing::error!(%error, "a search failed");
            Err(PhoneError::Internal)
        }
    }
}
