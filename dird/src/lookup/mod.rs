//! The core (design.md §1): which sources a profile asks, asking them all at once, and the table that their contacts make.
//! Nothing here knows HTTP or SQL.

mod explain;
mod fan_out;
mod missing;
mod number;
mod plan;
mod reverse;
mod table;
pub mod template;
mod typed;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join;
use kit::turns::Turns;
use moka::future::Cache;
use tokio::sync::SemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;
use tokio::time::Instant;

pub use explain::{Explanation, Inquiry, Wanted};
pub(crate) use number::CODES as REGIONS;
pub use plan::{Plan, Service, Watched, limit};
pub use reverse::Known;
pub use table::{Headers, ResultTable};

use crate::backends::{Asker, Hits, Source, Surroundings, keypad};
use crate::identity::{Tenant, TenantId};
use crate::index::{Favorites, People};
use crate::store::model::{Source as Configured, SourceId};
use crate::store::{Changed, Page, Store, StoreError};
use fan_out::Question;

/// How long a plan is used at most, for a source that could not be opened to be tried again.
const PLAN_LIFE: Duration = Duration::from_secs(30);

/// Plans kept at most, over all tenants.
const PLANS: u64 = 10_000;

/// Why a lookup has no table.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The profile has no `favorites` service.
    #[error("the profile `{0}` has no favourites")]
    NoFavorites(String),
    /// The tenant has no profile of that name.
    #[error("the profile `{0}` does not exist")]
    UnknownProfile(String),
    /// The service answers as many as it may, and many wait.
    #[error("too many lookups at once")]
    Busy,
    /// The profile could not be read.
    #[error(transparent)]
    Store(#[from] Arc<StoreError>),
}

/// A profile as it was configured at one generation: a plan that was made while something changed is never used afterwards.
type PlanKey = (u64, TenantId, String);

/// How many requests each service answers at once; none: as many as there are.
#[derive(Debug, Default)]
pub struct ServiceTurns {
    /// `lookup`.
    pub lookup: Option<Turns>,
    /// `reverse`.
    pub reverse: Option<Turns>,
    /// `favorites`.
    pub favorites: Option<Turns>,
}

/// Takes a service's turn, where it has turns.
async fn take(turns: Option<&Turns>) -> Result<Option<SemaphorePermit<'_>>, LookupError> {
    match turns {
        None => Ok(None),
        Some(turns) => turns.take().await.map(Some).ok_or(LookupError::Busy),
    }
}

/// Answers lookups.
pub struct Lookup {
    turns: ServiceTurns,
    store: Store,
    sources: plan::OpenSources,
    people: Arc<People>,
    plans: Cache<PlanKey, Option<Arc<Plan>>>,
    changes: Mutex<Receiver<Changed>>,
    generation: AtomicU64,
    default_timeout: Option<Duration>,
}

impl Lookup {
    /// Lookups over the profiles of `store`; `default_timeout` bounds those whose profile sets no limit, none leaves them
    /// unbounded.
    pub fn new(store: Store, around: Surroundings, default_timeout: Option<Duration>) -> Self {
        Self {
            turns: ServiceTurns::default(),
            changes: Mutex::new(store.subscribe()),
            generation: AtomicU64::new(0),
            store,
            people: Arc::clone(&around.people),
            sources: plan::OpenSources::new(around),
            plans: Cache::builder()
                .max_capacity(PLANS)
                .time_to_live(PLAN_LIFE)
                .build(),
            default_timeout,
        }
    }

    /// The same lookups, which ask sources of these backends only.
    #[must_use]
    pub fn asking_only(mut self, backends: Vec<&'static str>) -> Self {
        self.sources = self.sources.only(backends);
        self
    }

    /// The same lookups, so many at once.
    #[must_use]
    pub fn in_turns(mut self, turns: ServiceTurns) -> Self {
        self.turns = turns;
        self
    }

    /// Contacts that contain `term`, from every source of the profile's `lookup` service, in the profile's order
    /// (dird-api-directories.md §2).
    pub async fn search(
        &self,
        tenant: &Tenant,
        profile: &str,
        term: &str,
        asker: &Asker,
    ) -> Result<ResultTable, LookupError> {
        let _turn = take(self.turns.lookup.as_ref()).await?;
        let plan = self.plan(tenant, profile).await?;
        let service = &plan.lookup;
        let deadline = deadline(service.timeout.or(self.default_timeout));
        let asked = fan_out::ask_all(service, Question::Search(term), asker, deadline);
        let found = match keypad::keys(term).filter(|_| service.keypad) {
            None => asked.await,
            Some(keys) => {
                let typed = typed::ask_all(service, keys, asker, deadline);
                let (found, typed) = join(asked, typed).await;
                typed::added(found, typed)
            }
        };
        let favorites = self.flags(&plan, tenant, asker).await?;
        Ok(ResultTable::new(
            plan,
            found,
            favorites,
            Some(term.to_owned()),
        ))
    }

    /// The asking user's favourites that their sources still find (dird-api-directories.md §6).
    pub async fn favorites(
        &self,
        tenant: &Tenant,
        profile: &str,
        asker: &Asker,
    ) -> Result<ResultTable, LookupError> {
        let _turn = take(self.turns.favorites.as_ref()).await?;
        let plan = self.plan(tenant, profile).await?;
        let service = plan.favorites.as_ref();
        let service = service.ok_or_else(|| LookupError::NoFavorites(profile.to_owned()))?;
        let favorites = self.favorites_of(tenant, asker).await?;
        let mut wanted: HashMap<SourceId, Vec<String>> = HashMap::new();
        for (source, contact) in favorites.iter() {
            let ids = wanted.entry(source.clone()).or_default();
            ids.push(contact.clone());
        }
        let question = Question::List(&wanted);
        let deadline = deadline(self.default_timeout);
        let found = fan_out::ask_all(service, question, asker, deadline).await;
        Ok(ResultTable::new(plan, found, favorites, None))
    }

    /// Every contact that the asking user keeps for himself, through the tenant's first personal source
    /// (dird-api-directories.md §9).
    pub async fn personal(
        &self,
        tenant: &Tenant,
        profile: &str,
        asker: &Asker,
    ) -> Result<ResultTable, LookupError> {
        let plan = self.plan(tenant, profile).await?;
        let first = Page {
            order: "name",
            limit: Some(1),
            ..Page::default()
        };
        let alone = tenant.alone();
        let sources = self.store.list_sources(&alone, Some("personal"), &first);
        let sources = sources.await.map_err(Arc::new)?.items;
        let mut found = Vec::new();
        if let Some(configured) = sources.first()
            && let Some(source) = plan.besides(configured, &self.sources).await
        {
            let own = source.source.own(asker).await.unwrap_or_else(|error| {
                tracing::error!(source = source.name, %error, "the source did not answer");
                Hits::default()
            });
            found.push((source, own));
        }
        let favorites = self.favorites_of(tenant, asker).await?;
        Ok(ResultTable::new(plan, found, favorites, None))
    }

    /// The columns of a profile's results (dird-api-directories.md §4).
    pub async fn headers(&self, tenant: &Tenant, profile: &str) -> Result<Headers, LookupError> {
        Ok(Headers(self.plan(tenant, profile).await?))
    }

    /// The favourites that a table of the plan can show; without a column for them nobody has to look.
    async fn flags(
        &self,
        plan: &Plan,
        tenant: &Tenant,
        asker: &Asker,
    ) -> Result<Arc<Favorites>, LookupError> {
        let flagged = plan.lookup.sources.iter().any(|source| source.flagged);
        if flagged && plan.shows_favorites() {
            match self.favorites_of(tenant, asker).await {
                // Better a table without flags than none.
                Err(LookupError::Store(error)) => {
                    tracing::warn!(%error, "favourites could not be read");
                    Ok(Arc::default())
                }
                known => known,
            }
        } else {
            Ok(Arc::default())
        }
    }

    async fn favorites_of(
        &self,
        tenant: &Tenant,
        asker: &Asker,
    ) -> Result<Arc<Favorites>, LookupError> {
        match &asker.user {
            Some(user) => {
                let known = self.people.favorites(tenant, user).await;
                known.map_err(|error| LookupError::Store(Arc::new(error)))
            }
            None => Ok(Arc::default()),
        }
    }

    /// The contacts behind `numbers`, by number, from the sources of the profile's `reverse` service
    /// (dird-api-semantics.md §2).
    pub async fn reverse(
        &self,
        tenant: &Tenant,
        profile: &str,
        numbers: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Known>, LookupError> {
        let _turn = take(self.turns.reverse.as_ref()).await?;
        let plan = self.plan(tenant, profile).await?;
        Ok(reverse::reverse(&plan.reverse, numbers, asker).await)
    }

    /// The source that is configured as `configured`, open; none if it cannot be opened.
    pub async fn opened(&self, configured: &Configured) -> Option<Arc<dyn Source>> {
        self.sources.get(configured).await
    }

    /// The sources that are open, for whoever wants to know how they are.
    pub fn watched(&self) -> Watched {
        self.sources.watched()
    }

    async fn plan(&self, tenant: &Tenant, profile: &str) -> Result<Arc<Plan>, LookupError> {
        let key = (self.generation(), tenant.id().clone(), profile.to_owned());
        let made = self
            .plans
            .try_get_with(key, self.make_plan(tenant, profile))
            .await?;
        made.ok_or_else(|| LookupError::UnknownProfile(profile.to_owned()))
    }

    /// A number that every change of what is configured raises, whoever made it and on whichever server. Own changes are told
    /// before their requests are answered, so the next request sees them.
    fn generation(&self) -> u64 {
        let Ok(mut changes) = self.changes.lock() else {
            return self.generation.fetch_add(1, Ordering::Relaxed) + 1;
        };
        while !matches!(
            changes.try_recv(),
            Err(TryRecvError::Empty | TryRecvError::Closed)
        ) {
            self.generation.fetch_add(1, Ordering::Relaxed);
        }
        self.generation.load(Ordering::Relaxed)
    }

    async fn make_plan(
        &self,
        tenant: &Tenant,
        name: &str,
    ) -> Result<Option<Arc<Plan>>, StoreError> {
        let Some(resolved) = self.store.resolve_profile(tenant, name).await? else {
            return Ok(None);
        };
        let country = self.store.country(tenant).await?;
        let plan = Plan::new(resolved, country.as_deref(), &self.sources).await;
        Ok(Some(Arc::new(plan)))
    }
}

/// When a limit is reached that begins now.
fn deadline(limit: Option<Duration>) -> Option<Instant> {
    limit.map(|limit| Instant::now() + limit)
}
