//! Who follows the changes of what is stored, from another program: where each has left off, and which tenants' changes he may
//! see. The journal that they read is the store's; the route that answers them is `api::changes`.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::identity::{
    Authority, Caller, Refusal, TenantId, Tenants, authenticate, visible_tenants,
};
use crate::store::{Change, Journal, Noted, Store};

/// Followers at once; each keeps a connection.
const MOST: usize = 64;

/// Those of them whose token is not of the master tenant: the others are the platform's own programs, which always find a place.
const MOST_OF_TENANTS: usize = 48;

/// Those of them whose token is of the same tenant, which is not the master.
const MOST_OF_ONE: usize = 8;

/// Changes that are read at once.
const BATCH: usize = 256;

/// Changes after which those that are told at once are enough.
const MOST_TOLD: usize = 1024;

/// How often a follower is told that there is nothing to be told, and his token is checked again. Shorter than the time after
/// which a quiet connection is closed.
const BEAT: Duration = Duration::from_secs(5);

/// Tenants that a follower was found not to see; beyond this they are looked up again.
const MOST_HIDDEN: usize = 10_000;

/// Admits followers, and ends them when dird stops.
#[derive(Debug)]
pub struct Followers {
    places: Arc<Places>,
    stop: CancellationToken,
}

/// There are as many followers as there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Crowded {
    /// Of all tenants.
    #[error("{MOST} programs follow changes already")]
    Everywhere,
    /// Of all tenants but the master.
    #[error("{MOST_OF_TENANTS} programs of tenants follow changes already")]
    Tenants,
    /// Of the caller's tenant.
    #[error("{MOST_OF_ONE} programs of this tenant follow changes already")]
    Tenant,
}

/// The places that are taken.
#[derive(Debug, Default)]
struct Places(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    tenants: HashMap<TenantId, usize>,
}

impl Places {
    /// A place for a follower of `tenant`, or of the master when there is none.
    fn take(self: &Arc<Self>, tenant: Option<TenantId>) -> Result<Place, Crowded> {
        let mut taken = self.taken();
        if taken.all >= MOST {
            return Err(Crowded::Everywhere);
        }
        if let Some(tenant) = &tenant {
            if taken.tenants.values().sum::<usize>() >= MOST_OF_TENANTS {
                return Err(Crowded::Tenants);
            }
            let own = taken.tenants.entry(tenant.clone()).or_default();
            if *own >= MOST_OF_ONE {
                return Err(Crowded::Tenant);
            }
            *own += 1;
        }
        taken.all += 1;
        Ok(Place {
            places: Arc::clone(self),
            tenant,
        })
    }

    /// Nothing that is done under the lock leaves it half done.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place, given back when it is dropped.
#[derive(Debug)]
struct Place {
    places: Arc<Places>,
    tenant: Option<TenantId>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken();
        taken.all -= 1;
        let Some(tenant) = &self.tenant else { return };
        if let Some(own) = taken.tenants.get_mut(tenant) {
            *own -= 1;
            if *own == 0 {
                taken.tenants.remove(tenant);
            }
        }
    }
}

/// Where a follower has left off: in which memory, after which change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    epoch: String,
    number: u64,
}

impl Mark {
    /// Reads what [`Mark::text`] has written.
    pub fn read(text: &str) -> Option<Self> {
        let (epoch, number) = text.rsplit_once(':')?;
        Some(Self {
            epoch: epoch.to_owned(),
            number: number.parse().ok()?,
        })
    }

    /// The mark as text without blanks.
    pub fn text(&self) -> String {
        format!("{}:{}", self.epoch, self.number)
    }
}

/// What a follower is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// This has changed.
    Changed(Mark, Change),
    /// Anything may have changed.
    Reload(Mark),
    /// Nothing of what he sees has changed up to here.
    Nothing(Mark),
}

/// What a follower wants.
pub struct Wanted<'a> {
    /// Who he is.
    pub caller: Caller,
    /// The access that let him in.
    pub access: &'static str,
    /// Whether he also wants the tenants below his.
    pub recurse: bool,
    /// Where he has left off, as far as he knows.
    pub after: Option<&'a str>,
}

impl Followers {
    /// Nobody yet; cancelling `stop` ends whoever comes.
    pub fn new(stop: CancellationToken) -> Self {
        Self {
            places: Arc::default(),
            stop,
        }
    }

    /// Takes a follower in, if there is room.
    pub fn admit(
        &self,
        store: &Store,
        authority: &Arc<dyn Authority>,
        wanted: Wanted<'_>,
    ) -> Result<Following, Crowded> {
        let tenant = wanted.caller.token_tenant().clone();
        let master = authority.master_tenant();
        let place = self
            .places
            .take(Some(tenant).filter(|tenant| master.as_ref() != Some(tenant)))?;
        let journal = store.journal();
        let after = wanted.after.and_then(Mark::read);
        let after = after.filter(|mark| mark.epoch == journal.epoch());
        Ok(Following {
            after: after.map(|mark| mark.number),
            news: journal.watch(),
            checked: Instant::now(),
            seen: wanted.caller.tenant().alone(),
            hidden: HashSet::new(),
            authority: Arc::clone(authority),
            caller: wanted.caller,
            access: wanted.access,
            recurse: wanted.recurse,
            stop: self.stop.clone(),
            journal,
            _place: place,
        })
    }
}

/// One follower.
pub struct Following {
    journal: Arc<Journal>,
    /// None: he is to be told that anything may have changed.
    after: Option<u64>,
    news: watch::Receiver<u64>,
    checked: Instant,
    authority: Arc<dyn Authority>,
    caller: Caller,
    access: &'static str,
    recurse: bool,
    seen: Tenants,
    hidden: HashSet<TenantId>,
    stop: CancellationToken,
    _place: Place,
}

impl Following {
    /// What has happened up to now that he has not been told, at least one thing.
    pub async fn present(&mut self) -> Result<Vec<Told>, Refusal> {
        let mut told = Vec::new();
        while told.len() < MOST_TOLD {
            let noted = self.after.map(|after| self.journal.after(after, BATCH));
            match noted {
                Some(Some(noted)) if noted.is_empty() => break,
                Some(Some(noted)) => self.tell(noted, &mut told).await?,
                Some(None) | None => {
                    let last = self.journal.last();
                    self.after = Some(last);
                    // What was told before is part of it.
                    told = vec![Told::Reload(self.mark(last))];
                }
            }
        }
        if told.is_empty() {
            told.push(Told::Nothing(self.mark(self.after.unwrap_or(0))));
        }
        Ok(told)
    }

    /// Waits for something to tell; none when he may not follow any longer, or dird stops.
    pub async fn next(&mut self) -> Option<Vec<Told>> {
        while !self.stop.is_cancelled() {
            let beat = self.checked + BEAT;
            if beat <= Instant::now() {
                self.look_again().await.ok()?;
                return self.present().await.ok();
            }
            if self.after == Some(*self.news.borrow_and_update()) {
                tokio::select! {
                    () = self.stop.cancelled() => {}
                    () = sleep_until(beat) => {}
                    changed = self.news.changed() => changed.ok()?,
                }
                continue;
            }
            let told = self.present().await.ok()?;
            if !matches!(told[..], [Told::Nothing(_)]) {
                return Some(told);
            }
        }
        None
    }

    async fn tell(&mut self, noted: Vec<Noted>, told: &mut Vec<Told>) -> Result<(), Refusal> {
        for Noted { number, change } in noted {
            self.after = Some(number);
            match change {
                None => told.push(Told::Reload(self.mark(number))),
                Some(change) if self.sees(change.tenant()).await? => {
                    told.push(Told::Changed(self.mark(number), change));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn mark(&self, number: u64) -> Mark {
        Mark {
            epoch: self.journal.epoch().to_owned(),
            number,
        }
    }

    /// True if the tenant is the follower's, or below it and wanted. One that is not known yet may be new.
    async fn sees(&mut self, tenant: &TenantId) -> Result<bool, Refusal> {
        if self.seen.ids().any(|seen| seen == tenant) {
            return Ok(true);
        }
        if !self.recurse || self.hidden.contains(tenant) {
            return Ok(false);
        }
        self.seen = visible_tenants(self.authority.as_ref(), &self.caller).await?;
        if self.seen.ids().any(|seen| seen == tenant) {
            return Ok(true);
        }
        if self.hidden.len() >= MOST_HIDDEN {
            self.hidden.clear();
        }
        self.hidden.insert(tenant.clone());
        Ok(false)
    }

    /// Checks his token again; what he sees is looked up again when it is needed.
    async fn look_again(&mut self) -> Result<(), Refusal> {
        let (token, tenant) = (self.caller.token().clone(), self.caller.tenant());
        let asked = Some(tenant.id().clone());
        authenticate(self.authority.as_ref(), token, self.access, asked).await?;
        self.checked = Instant::now();
        self.seen = tenant.alone();
        self.hidden.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_tenant_takes_the_places_of_others_and_none_those_of_the_master() {
        let places = Arc::new(Places::default());
        let tenant = |number: usize| TenantId::new(&format!("t{number}"));
        let take = |tenant: Option<TenantId>| places.take(tenant);
        let mut held: Vec<Place> = Vec::new();
        for number in 0..MOST_OF_TENANTS / MOST_OF_ONE {
            let own: Result<Vec<Place>, Crowded> =
                (0..MOST_OF_ONE).map(|_| take(tenant(number))).collect();
            held.extend(own.expect("places"));
            if held.len() < MOST_OF_TENANTS {
                assert_eq!(take(tenant(number)).err(), Some(Crowded::Tenant));
            }
        }
        assert_eq!(take(tenant(99)).err(), Some(Crowded::Tenants));
        while held.len() < MOST {
            held.push(take(None).expect("a place of the master"));
        }
        assert_eq!(take(None).err(), Some(Crowded::Everywhere));
        drop(held.swap_remove(0));
        held.push(take(tenant(0)).expect("the place that was given back"));
        held.clear();
        let taken = places.taken();
        assert_eq!((taken.all, taken.tenants.len()), (0, 0));
    }
}
