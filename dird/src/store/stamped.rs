//! What both engines write of contacts that become entries of a directory, and of entries that have contacts.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::Stored;
use super::directories::EntryChange;
use super::model::{ContactId, random_id};
use super::written::Written;

/// Entries that are read at once: one may be large.
pub(super) const PIECE: i64 = 200;

/// A contact that becomes an entry.
#[derive(Debug)]
pub(super) struct Stamp {
    /// The entry's uuid in lower case.
    pub(super) uuid: String,
    /// The same as answers spell it.
    pub(super) spelling: String,
    /// The contact.
    pub(super) contact: String,
    /// The entry's timestamp.
    pub(super) timestamp: i64,
}

/// A stamp for each contact, numbered on from `after`. A contact whose identifier is no uuid, or the same as another's in
/// different letters, gives its entry one of its own.
pub(super) fn stamps(contacts: &[&ContactId], after: i64) -> Vec<Stamp> {
    let mut given = HashSet::new();
    let numbered = contacts.iter().zip(after + 1..);
    numbered
        .map(|(contact, timestamp)| {
            let uuid = contact.0.to_ascii_lowercase();
            let own = is_entry_uuid(&uuid) && given.insert(uuid.clone());
            let uuid = if own { uuid } else { random_id() };
            Stamp {
                spelling: uuid.to_ascii_uppercase(),
                uuid,
                contact: contact.0.clone(),
                timestamp,
            }
        })
        .collect()
}

/// True for five groups of hexadecimal digits that are not all zero.
fn is_entry_uuid(text: &str) -> bool {
    text.len() == 36 && uuid::Uuid::try_parse(text).is_ok_and(|uuid| !uuid.is_nil())
}

impl Stamp {
    /// Its columns as JSON.
    pub(super) fn columns(&self) -> Value {
        json!([self.uuid, self.spelling, self.contact, self.timestamp])
    }

    /// Leaves of `wanted` those that are not among the `placed` contacts, with new uuids: theirs are an entry's already.
    pub(super) fn retry_others(wanted: &mut Vec<Self>, placed: Vec<String>) {
        let placed: HashSet<String> = placed.into_iter().collect();
        wanted.retain_mut(|stamp| {
            stamp.uuid = random_id();
            stamp.spelling = stamp.uuid.to_ascii_uppercase();
            !placed.contains(&stamp.contact)
        });
    }
}

/// What a batch of entries does to contacts.
#[derive(Default)]
pub(super) struct ContactWork {
    /// Contacts that go.
    pub(super) removed: Vec<ContactId>,
    /// Contacts that are replaced.
    pub(super) edited: Vec<(ContactId, Written)>,
    /// Contacts that are new.
    pub(super) made: Vec<(ContactId, Written)>,
}

impl ContactWork {
    /// Sorts `changes`; entries get the contact's identifier that is written.
    pub(super) fn of(changes: &mut [EntryChange], taken: &HashSet<String>) -> Stored<Self> {
        let mut work = Self::default();
        for EntryChange { entry, before } in changes {
            match (&mut entry.contact, before) {
                (None, None) => {}
                (None, Some(before)) => work.removed.push(before.uuid.clone()),
                (Some(contact), Some(before)) => {
                    contact.uuid = before.uuid.clone();
                    if contact != before {
                        let written = Written::of_entry(contact, &entry.uuid)?;
                        work.edited.push((contact.uuid.clone(), written));
                    }
                }
                (Some(contact), None) => {
                    if taken.contains(&contact.uuid.0) {
                        contact.uuid = ContactId(random_id());
                    }
                    let written = Written::of_entry(contact, &entry.uuid)?;
                    work.made.push((contact.uuid.clone(), written));
                }
            }
        }
        Ok(work)
    }

    /// How many contacts it changes.
    pub(super) fn len(&self) -> i64 {
        let count = self.removed.len() + self.edited.len() + self.made.len();
        i64::try_from(count).unwrap_or(i64::MAX)
    }
}

/// Identifiers of contacts that `changes` make.
pub(super) fn new_contacts(changes: &[EntryChange]) -> Vec<&str> {
    let new = changes.iter().filter(|change| change.before.is_none());
    new.filter_map(|change| change.entry.contact.as_ref())
        .map(|contact| contact.uuid.0.as_str())
        .collect()
}
