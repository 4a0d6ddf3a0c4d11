//! How long and how large the entries of the caches are.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use moka::Expiry;

use super::{Document, Grant, LookupKey, Remembered};
use crate::{dird_client::Question, directory::rows::Entry};

/// What an entry costs beside its text.
const OVERHEAD: usize = 200;

pub(super) fn weigh_result(key: &LookupKey, remembered: &Arc<Remembered>) -> u32 {
    let entries: usize = remembered.entries.iter().map(weigh_entry).sum();
    let (Question::Lookup(text) | Question::Reverse(text)) = &key.question;
    let key = key.tenant.len() + key.profile.len() + key.user.len() + text.len();
    u32::try_from(key + entries + OVERHEAD).unwrap_or(u32::MAX)
}

fn weigh_entry(entry: &Entry) -> usize {
    let parts = entry.parts.as_ref();
    let parts = parts.map_or(0, |parts| parts.0.len() + parts.1.len() + 64);
    entry.name.len() + entry.number.len() + parts + size_of::<Entry>()
}

#[expect(
    clippy::borrowed_box,
    reason = "the weigher is given a reference to the key"
)]
pub(super) fn weigh_document(key: &Box<str>, document: &Arc<Document>) -> u32 {
    u32::try_from(key.len() + document.body.len() + OVERHEAD).unwrap_or(u32::MAX)
}

/// What is good until a time of its own.
pub(super) trait Perishable {
    /// That time.
    fn end(&self) -> Instant;
}

impl Perishable for Remembered {
    fn end(&self) -> Instant {
        self.fresh_until
    }
}

impl Perishable for Document {
    fn end(&self) -> Instant {
        self.fresh_until
    }
}

impl Perishable for Grant {
    fn end(&self) -> Instant {
        self.until
    }
}

/// Each entry ends when its own freshness does.
pub(super) struct Freshness;

impl<K, V: Perishable> Expiry<K, Arc<V>> for Freshness {
    fn expire_after_create(&self, _: &K, value: &Arc<V>, now: Instant) -> Option<Duration> {
        Some(value.end().saturating_duration_since(now))
    }
}

/// What is kept for bad times ends so long after its freshness, also when something newer takes its place.
pub(super) struct Afterlife(pub(super) Duration);

impl Expiry<LookupKey, Arc<Remembered>> for Afterlife {
    fn expire_after_create(
        &self,
        _: &LookupKey,
        value: &Arc<Remembered>,
        now: Instant,
    ) -> Option<Duration> {
        let fresh = value.fresh_until.saturating_duration_since(now);
        Some(fresh.saturating_add(self.0))
    }

    fn expire_after_update(
        &self,
        key: &LookupKey,
        value: &Arc<Remembered>,
        now: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        self.expire_after_create(key, value, now)
    }
}

pub(super) struct TenantLife {
    pub(super) known: Duration,
    pub(super) unknown: Duration,
}

impl Expiry<Arc<str>, Option<Arc<str>>> for TenantLife {
    fn expire_after_create(
        &self,
        _: &Arc<str>,
        tenant: &Option<Arc<str>>,
        _: Instant,
    ) -> Option<Duration> {
        Some(if tenant.is_some() {
            self.known
        } else {
            self.unknown
        })
    }
}
