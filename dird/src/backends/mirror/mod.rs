//! Sources whose remote directory is mirrored (`sync`): fetched now and then as a whole or by what has changed, kept in the
//! store, and searched in memory. Until there is a mirror the remote is asked live. A fetch that fails leaves the mirror as it
//! is. Where everybody has contacts of his own there is a mirror for each user, fetched with his token when he asks.

mod fetch;
mod held;
mod kept;
mod renewal;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use moka::future::Cache;
use serde::Deserialize;
use sha2::{Digest, Sha256};

pub(super) use fetch::{Changes, Copied, Fetch, Whole};
use held::{Held, Rules};
pub(super) use kept::Mirrors;
use renewal::Noted;

use super::guard::{Guarded, fingerprint};
use super::{
    Asker, Entry, Health, Hits, Listing, MirrorHealth, OpenError, Outside, Source, SourceError,
    Surroundings,
};
use crate::identity::{SystemAuthority, Tenant, Token, UserId};
use crate::slow_lane::SlowLane;
use crate::store::model::{Source as Configured, SourceId};
use crate::store::{MirrorKey, Store};

/// How long it is believed that a user has contacts there.
const ADMISSION: Duration = Duration::from_mins(1);

/// Users believed at once, for one source.
const ADMITTED: u64 = 10_000;

/// What `sync` says.
#[derive(Deserialize)]
struct Settings {
    /// Seconds between two fetches.
    interval: u32,
}

/// A source that answers from its mirror.
pub(super) struct Mirror {
    live: Arc<Guarded>,
    store: Store,
    outside: Outside,
    tenant: Tenant,
    source: SourceId,
    name: String,
    fingerprint: String,
    interval: Duration,
    rules: Arc<Rules>,
    slow_lane: SlowLane,
    kept: kept::Own,
    admitted: Cache<(UserId, [u8; 32]), bool>,
    tried: Cache<String, ()>,
    busy: Mutex<HashSet<String>>,
    noted: Mutex<Noted>,
}

/// The source `live`, over a mirror if `source` asks for one and its backend can have one.
pub(super) fn around(
    source: &Configured,
    around: &Surroundings,
    live: Arc<Guarded>,
) -> Result<Arc<dyn Source>, OpenError> {
    let Some(settings) = source.extra.get("sync") else {
        return Ok(live);
    };
    let settings = Settings::deserialize(settings);
    let settings = settings.map_err(|error| OpenError(format!("sync: {error}")))?;
    let Some(whole) = live.remote().whole() else {
        let source = &source.name;
        tracing::warn!(
            source,
            "the directory cannot be mirrored as it is configured; it is asked live"
        );
        return Ok(live);
    };
    let rules = Arc::new(Rules {
        searched: source.searched_columns.clone(),
        matched: source.first_matched_columns.clone(),
        numbers: whole.numbers(),
        order: whole.order(),
    });
    let interval = Duration::from_secs(settings.interval.max(1).into());
    let mirror = Arc::new(Mirror {
        store: Arc::clone(&around.store),
        outside: around.outside.clone(),
        tenant: SystemAuthority::new("mirror").tenant(source.tenant.clone()),
        source: source.uuid.clone(),
        name: source.name.clone(),
        fingerprint: of_configuration(source),
        interval,
        rules,
        slow_lane: around.lists.slow_lane().clone(),
        kept: around.outside.mirrors().own(),
        admitted: Cache::builder()
            .max_capacity(ADMITTED)
            .time_to_live(ADMISSION)
            .build(),
        tried: Cache::builder()
            .max_capacity(ADMITTED)
            .time_to_live(renewal::pause(interval))
            .build(),
        busy: Mutex::default(),
        noted: Mutex::default(),
        live,
    });
    if !mirror.is_personal() {
        mirror.look_after();
    }
    Ok(Arc::new(mirror))
}

/// What the mirror of a source depends on, as a digest: what was fetched otherwise is not used.
fn of_configuration(source: &Configured) -> String {
    let mut extra = source.extra.clone();
    extra.remove("cache");
    extra.remove("sync");
    let parts = (
        extra,
        &source.searched_columns,
        &source.first_matched_columns,
        &source.format_columns,
    );
    let text = serde_json::to_vec(&parts).unwrap_or_default();
    BASE64.encode(Sha256::digest(&text))
}

impl Mirror {
    fn is_personal(&self) -> bool {
        self.live.remote().is_personal()
    }

    fn key(&self, owner: &str) -> MirrorKey {
        MirrorKey {
            source: self.source.clone(),
            owner: owner.to_owned(),
        }
    }

    /// Somebody in whose name a directory that everybody shares is fetched.
    fn nobody(&self) -> Asker {
        Asker {
            user: None,
            home: self.tenant.clone(),
            token: Token::default(),
        }
    }

    /// The mirror that answers the asker; none if the remote has to be asked.
    async fn mirror(self: &Arc<Self>, asker: &Asker) -> Option<Held> {
        let owner = if self.is_personal() {
            let user = asker.user.as_ref()?;
            self.admits(user, asker).await.then(|| user.to_string())?
        } else {
            String::new()
        };
        let held = self.held(&owner).await;
        if self.is_due(held.as_ref()) {
            self.renew_aside(owner, asker);
        }
        held
    }

    /// Whether the asker may see the contacts that the user has there: the auth service says so, as it does for a live answer.
    async fn admits(&self, user: &UserId, asker: &Asker) -> bool {
        let key = (user.clone(), fingerprint(&asker.token));
        if let Some(known) = self.admitted.get(&key).await {
            return known;
        }
        let Some(whole) = self.live.remote().whole() else {
            return false;
        };
        match whole.admits(asker).await {
            Ok(admits) => {
                self.admitted.insert(key, admits).await;
                admits
            }
            Err(_) => false,
        }
    }

    /// Nothing is left half-written in there: a poisoned lock holds good data.
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Source functions need the mirror's own handle, for fetches that go on aside.
#[async_trait]
impl Source for Arc<Mirror> {
    async fn search(&self, term: &str, asker: &Asker) -> Result<Hits, SourceError> {
        match self.mirror(asker).await {
            Some(held) if held.contents.is_quick(term) => {
                Ok(held.contents.search(term, &self.rules).into())
            }
            Some(held) => {
                let (term, rules) = (term.to_owned(), Arc::clone(&self.rules));
                let search = move || held.contents.search(&term, &rules);
                Ok(self.slow_lane.run(search).await?.into())
            }
            None => self.live.search(term, asker).await,
        }
    }

    async fn reverse(
        &self,
        numbers: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        match self.mirror(asker).await {
            Some(held) => Ok(held.contents.reverse(numbers, &self.rules)),
            None => self.live.reverse(numbers, asker).await,
        }
    }

    async fn separated(
        &self,
        digits: &[String],
        asker: &Asker,
    ) -> Result<HashMap<String, Entry>, SourceError> {
        match self.mirror(asker).await {
            Some(held) => Ok(held.contents.separated(digits)),
            None => self.live.separated(digits, asker).await,
        }
    }

    async fn typed(&self, keys: &str, asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        let Some(held) = self.mirror(asker).await else {
            return self.live.typed(keys, asker).await;
        };
        let (keys, rules) = (keys.to_owned(), Arc::clone(&self.rules));
        let scan = move || held.contents.typed(&keys, &rules);
        Ok(self.slow_lane.run(scan).await?)
    }

    async fn mentioning(&self, text: &str, asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        let Some(held) = self.mirror(asker).await else {
            return self.live.mentioning(text, asker).await;
        };
        let text = text.to_owned();
        let scan = move || held.contents.mentioning(&text);
        Ok(self.slow_lane.run(scan).await?)
    }

    async fn list(&self, ids: &[String], asker: &Asker) -> Result<Vec<Entry>, SourceError> {
        match self.mirror(asker).await {
            Some(held) => Ok(held.contents.list(ids)),
            None => self.live.list(ids, asker).await,
        }
    }

    fn health(&self) -> Option<Health> {
        let mut health = self.live.health()?;
        let noted = self.noted();
        health.mirror = noted.fetched.map(|fetched| MirrorHealth {
            age: renewal::since(fetched),
            contacts: noted.contacts,
            error: noted.error.clone(),
        });
        if health.error.is_none() {
            health.error.clone_from(&noted.error);
        }
        Some(health)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        self.live.listing()
    }
}
