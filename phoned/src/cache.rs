//! What phoned remembers (phoned.md §14), all of it bounded in bytes or entries and in time. The user is part of every key:
//! results contain personal contacts and are never shared between users.

mod bounds;

use std::{future::ready, sync::Arc, time::Instant};

use bytes::Bytes;
use http::HeaderValue;
use moka::{future::Cache, ops::compute::Op};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use self::bounds::{Afterlife, Freshness, TenantLife, weigh_document, weigh_result};
use crate::{
    config::{self, Config},
    dird_client::Question,
    directory::rows::Entry,
    outdated::{Moment, Outdated},
};

/// More users than this are not remembered, so that guessing cannot fill memory.
const MOST_USERS: u64 = 10_000;
/// Unknown profiles that are remembered at most.
const MOST_PROFILES: u64 = 10_000;
/// Answers about tokens that are remembered at most.
const MOST_GRANTS: u64 = 1000;

/// Which search a result belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LookupKey {
    /// Tenant of the user.
    pub tenant: Arc<str>,
    /// Profile.
    pub profile: Arc<str>,
    /// The user.
    pub user: Arc<str>,
    /// What is asked, a search text normalised by [`normalise`].
    pub question: Question,
}

/// A profile: its tenant and its name.
pub type ProfileKey = (Arc<str>, Arc<str>);

impl LookupKey {
    fn profile_key(&self) -> ProfileKey {
        (Arc::clone(&self.tenant), Arc::clone(&self.profile))
    }
}

/// The result of a search with its age.
#[derive(Debug)]
pub struct Remembered {
    /// What was found, sorted.
    pub entries: Vec<Entry>,
    /// Until when it serves without asking again.
    pub fresh_until: Instant,
    /// When it was asked for.
    pub asked: Moment,
}

/// A document as it was sent.
#[derive(Debug, Clone)]
pub struct Document {
    /// `Content-Type`.
    pub content_type: HeaderValue,
    /// `ETag`, for phones that refresh.
    pub etag: Option<HeaderValue>,
    /// Whether it is past its date as soon as it is left.
    pub expired: bool,
    /// `Vary`.
    pub vary: HeaderValue,
    /// The bytes.
    pub body: Bytes,
    /// Until when it may be sent again.
    pub fresh_until: Instant,
    /// Whose people are in it; `None` = nobody's.
    pub owner: Option<Owner>,
}

/// Whose a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The user that was searched for.
    pub user: Arc<str>,
    /// The user's tenant.
    pub tenant: Arc<str>,
    /// When the search was asked for.
    pub asked: Moment,
}

/// What a program wants to do with a token, within a tenant if it names one. It holds a token, so it is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenUse {
    /// The token.
    pub token: Box<str>,
    /// Name of what it wants to do.
    pub access: Box<str>,
    /// The tenant that it names.
    pub tenant: Option<Box<str>>,
}

/// That it may.
pub struct Grant {
    /// Tenant of the token's owner.
    pub owner: Option<Box<str>>,
    /// Until when auth need not be asked again.
    pub until: Instant,
}

/// The caches.
pub struct Caches {
    /// Results that serve as they are.
    pub fresh: Cache<LookupKey, Arc<Remembered>>,
    /// Results that serve when a backend fails.
    pub stale: Cache<LookupKey, Arc<Remembered>>,
    /// Documents by the text of the request that shapes them.
    pub documents: Cache<Box<str>, Arc<Document>>,
    /// Tenant of a user; `None` = no such user.
    pub tenants: Cache<Arc<str>, Option<Arc<str>>>,
    /// Tenant of a user as last known.
    pub last_tenants: Cache<Arc<str>, Arc<str>>,
    /// Profiles of tenants that dird does not know, and when it was asked for them.
    pub unknown_profiles: Cache<ProfileKey, Moment>,
    /// What tokens of programs and operators may do.
    pub grants: Cache<TokenUse, Arc<Grant>>,
    /// What is out of date though its time has not come.
    pub outdated: Arc<Outdated>,
    /// What an operator had forgotten, which may not help in bad times either.
    pub forgotten: Arc<Outdated>,
}

impl Caches {
    /// These caches under another configuration: the documents begin anew, because they were shaped by all of it; results begin
    /// anew if what shapes them is no longer as it was `before`, and everything does if memory itself is configured otherwise.
    #[must_use]
    pub fn renewed(&self, before: &Config, after: &Config) -> Self {
        let mut renewed = Self {
            outdated: Arc::clone(&self.outdated),
            forgotten: Arc::clone(&self.forgotten),
            ..Self::new(&after.cache)
        };
        if before.cache != after.cache {
            return renewed;
        }
        renewed.tenants = self.tenants.clone();
        renewed.last_tenants = self.last_tenants.clone();
        renewed.unknown_profiles = self.unknown_profiles.clone();
        renewed.grants = self.grants.clone();
        if before.lookup == after.lookup && before.numbers == after.numbers {
            renewed.fresh = self.fresh.clone();
            renewed.stale = self.stale.clone();
        }
        renewed
    }

    /// Whether something has changed where `remembered`, which is under `key`, was asked for.
    pub fn is_outdated(&self, key: &LookupKey, remembered: &Remembered) -> bool {
        let Remembered { asked, .. } = *remembered;
        self.outdated.since(asked, &key.user, &key.tenant)
    }

    /// Forgets the result under `key` if it is out of date. One that somebody else has fetched meanwhile stays: phones that come
    /// together after a change are one search.
    pub async fn drop_outdated(&self, key: &LookupKey) {
        let entry = self.fresh.entry_by_ref(key);
        let judged = entry.and_compute_with(|entry| {
            let outdated = entry.is_some_and(|entry| self.is_outdated(key, entry.value()));
            ready(if outdated { Op::Remove } else { Op::Nop })
        });
        judged.await;
    }

    /// Whether dird said of late that there is no profile as `key` wants one, and nothing has changed since.
    pub async fn lacks_profile(&self, key: &LookupKey) -> bool {
        let asked = self.unknown_profiles.get(&key.profile_key()).await;
        asked.is_some_and(|asked| !self.outdated.since(asked, &key.user, &key.tenant))
    }

    /// Keeps in mind that dird, asked at `asked`, knows no profile as `key` wants one.
    pub async fn note_unknown_profile(&self, key: &LookupKey, asked: Moment) {
        self.unknown_profiles.insert(key.profile_key(), asked).await;
    }

    /// Keeps `remembered` for bad times, unless it was forgotten since `before`.
    pub async fn keep(&self, key: LookupKey, remembered: Arc<Remembered>, before: Moment) {
        self.stale.insert(key.clone(), remembered).await;
        if self.forgotten.since(before, &key.user, &key.tenant) {
            self.stale.invalidate(&key).await;
        }
    }

    /// Whether what was asked about the tenant of `user` at `before` was forgotten since.
    pub fn forgot_tenant(&self, before: Moment, user: &str, tenant: Option<&str>) -> bool {
        self.forgotten
            .since(before, user, tenant.unwrap_or_default())
    }

    /// Bytes that results and documents take, as far as the caches have counted yet.
    pub fn bytes(&self) -> u64 {
        self.fresh.weighted_size() + self.stale.weighted_size() + self.documents.weighted_size()
    }

    /// Forgets what belongs to `user` and to `tenant`, those that are given; everything when none is.
    /// A search that is under way is not remembered, either.
    pub fn forget(&self, user: Option<&str>, tenant: Option<&str>) {
        // Noted before anything is removed: what a search under way brings afterwards finds the note.
        for marks in [&self.outdated, &self.forgotten] {
            match (user, tenant) {
                (Some(user), None) => marks.user(user),
                (None, Some(tenant)) => marks.tenant(tenant),
                (None, None) => marks.everything(),
                (Some(user), Some(tenant)) => marks.user_within(user, tenant),
            }
        }
        if user.is_none() && tenant.is_none() {
            self.fresh.invalidate_all();
            self.stale.invalidate_all();
            self.documents.invalidate_all();
            self.tenants.invalidate_all();
            self.last_tenants.invalidate_all();
            self.unknown_profiles.invalidate_all();
            self.grants.invalidate_all();
            return;
        }
        let user: Option<Arc<str>> = user.map(Into::into);
        let tenant: Option<Arc<str>> = tenant.map(Into::into);
        let concerned = Concerned { user, tenant };
        for cache in [&self.fresh, &self.stale] {
            let concerned = concerned.clone();
            forget(cache, move |key, _| {
                concerned.is(Some(&key.user), Some(&key.tenant))
            });
        }
        let of_users = concerned.clone();
        forget(&self.tenants, move |user, tenant| {
            of_users.is(Some(user), tenant.as_ref())
        });
        let of_users = concerned.clone();
        forget(&self.last_tenants, move |user, tenant| {
            of_users.is(Some(user), Some(tenant))
        });
        forget(&self.documents, move |_, document| {
            let owner = document.owner.as_ref();
            concerned.is(
                owner.map(|owner| &owner.user),
                owner.map(|owner| &owner.tenant),
            )
        });
    }

    /// Empty caches of at most `settings.max_bytes` altogether.
    pub fn new(settings: &config::Cache) -> Self {
        let fresh = Cache::builder()
            .support_invalidation_closures()
            .expire_after(Freshness)
            .max_capacity(settings.max_bytes / 4);
        let documents = Cache::builder()
            .support_invalidation_closures()
            .expire_after(Freshness)
            .max_capacity(settings.max_bytes / 4);
        let stale = Cache::builder()
            .support_invalidation_closures()
            .expire_after(Afterlife(settings.stale_if_error))
            .max_capacity(settings.max_bytes / 2);
        let tenant_life = TenantLife {
            known: settings.user_tenant_ttl,
            unknown: settings.unknown_user_ttl,
        };
        Self {
            fresh: fresh.weigher(weigh_result).build(),
            stale: stale.weigher(weigh_result).build(),
            documents: documents.weigher(weigh_document).build(),
            tenants: Cache::builder()
                .support_invalidation_closures()
                .expire_after(tenant_life)
                .max_capacity(MOST_USERS)
                .build(),
            last_tenants: Cache::builder()
                .support_invalidation_closures()
                .time_to_live(settings.user_tenant_ttl + settings.stale_if_error)
                .max_capacity(MOST_USERS)
                .build(),
            unknown_profiles: Cache::builder()
                .time_to_live(settings.unknown_profile_ttl)
                .max_capacity(MOST_PROFILES)
                .build(),
            grants: Cache::builder()
                .expire_after(Freshness)
                .max_capacity(MOST_GRANTS)
                .build(),
            outdated: Arc::default(),
            forgotten: Arc::default(),
        }
    }
}

/// Whose entries are to be forgotten; `None` = whoever's.
#[derive(Clone)]
struct Concerned {
    user: Option<Arc<str>>,
    tenant: Option<Arc<str>>,
}

impl Concerned {
    fn is(&self, user: Option<&Arc<str>>, tenant: Option<&Arc<str>>) -> bool {
        let same = |wanted: &Option<Arc<str>>, found: Option<&Arc<str>>| {
            wanted.as_ref().is_none_or(|wanted| found == Some(wanted))
        };
        same(&self.user, user) && same(&self.tenant, tenant)
    }
}

fn forget<K, V>(cache: &Cache<K, V>, concerned: impl Fn(&K, &V) -> bool + Send + Sync + 'static)
where
    K: Eq + std::hash::Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    // Fails only for caches that were built without this ability.
    let _ = cache.invalidate_entries_if(concerned);
}

/// Whether `text` is a UUID as people write it, with hyphens.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// The form of a user or tenant under which it is remembered: a UUID is one whatever its case, any other text is itself.
pub fn canonical(text: &str) -> Arc<str> {
    if is_uuid(text) {
        text.to_ascii_lowercase().into()
    } else {
        text.into()
    }
}

/// The form of a search text that makes equal searches equal: trimmed, blanks collapsed, composed and, if `fold_case`, in
/// small letters.
pub fn normalise(term: &str, fold_case: bool) -> String {
    let composed: String = term.nfc().collect();
    let words: Vec<&str> = composed.split_whitespace().collect();
    let text = words.join(" ");
    if fold_case { text.to_lowercase() } else { text }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn searches_that_differ_in_blanks_case_or_composition_are_one() {
        assert_eq!(normalise("  Jose\u{301}   NUÑEZ ", true), "josé nuñez");
        assert_eq!(normalise("  A  b ", false), "A b");
    }

    #[tokio::test]
    async fn only_results_from_before_a_change_are_dropped() {
        let settings: Config = serde_saphyr::from_str(config::DEFAULTS).expect("the defaults");
        let caches = Caches::new(&settings.cache);
        let key = LookupKey {
            tenant: "t".into(),
            profile: "p".into(),
            user: "u".into(),
            question: Question::Lookup("x".into()),
        };
        let remembered = || {
            Arc::new(Remembered {
                entries: Vec::new(),
                fresh_until: Instant::now() + Duration::from_hours(1),
                asked: caches.outdated.moment(),
            })
        };
        caches.fresh.insert(key.clone(), remembered()).await;
        caches.outdated.tenant("elsewhere");
        caches.drop_outdated(&key).await;
        assert!(caches.fresh.contains_key(&key));
        caches.outdated.tenant("t");
        caches.drop_outdated(&key).await;
        assert!(!caches.fresh.contains_key(&key));
        caches.fresh.insert(key.clone(), remembered()).await;
        caches.drop_outdated(&key).await;
        assert!(caches.fresh.contains_key(&key), "it was asked for since");
    }
}
