//! What a backend does for its directory to be mirrored: it fetches all of it, or what has changed since the last time.

use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::backends::matching::Equality;
use crate::backends::remote::RemoteError;
use crate::backends::{Asker, Entry, Relations};
use crate::store::MirroredContact;

/// A contact as a mirror keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::backends) struct Copied {
    /// What the remote calls it when it tells of changes; not part of the contact's text.
    #[serde(skip)]
    pub(in crate::backends) id: String,
    /// Its fields, as a live answer has them.
    pub(in crate::backends) fields: Map<String, Value>,
    /// What a result says of the person.
    pub(in crate::backends) relations: Relations,
    /// Values by which it is found, by column, and which a live answer does not show.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(in crate::backends) more: Map<String, Value>,
}

impl Copied {
    /// A contact that shows all that it is found by.
    pub(in crate::backends) fn new(
        id: &str,
        fields: Map<String, Value>,
        relations: Relations,
    ) -> Self {
        Self {
            id: id.replace('\0', ""),
            fields,
            relations,
            more: Map::new(),
        }
    }

    /// The contact as a source answers it.
    pub(super) fn entry(&self) -> Entry {
        Entry::of_map(self.fields.clone(), self.relations.clone())
    }

    pub(super) fn stored(&self) -> Result<MirroredContact, RemoteError> {
        let contact = serde_json::to_string(self);
        Ok(MirroredContact {
            id: self.id.clone(),
            contact: contact.map_err(|_| RemoteError::Defect)?,
        })
    }

    /// A contact that was stored; none if it was stored in another form than this version's.
    pub(super) fn read(stored: MirroredContact) -> Option<Self> {
        let mut read: Self = serde_json::from_str(&stored.contact).ok()?;
        read.id = stored.id;
        Some(read)
    }
}

/// What a fetch found.
pub(in crate::backends) enum Fetch {
    /// Nothing has changed since the mark.
    Same,
    /// All contacts, and from where changes go on, if the remote tells changes.
    Whole(Vec<Copied>, Option<String>),
    /// What has changed since the mark, and from where to go on.
    Changes(Changes, String),
}

/// What has changed, as it was told: later news of a contact replace earlier ones.
#[derive(Default)]
pub(in crate::backends) struct Changes {
    order: Vec<String>,
    news: HashMap<String, Option<Copied>>,
}

impl Changes {
    /// Notes that a contact is new or was edited.
    pub(in crate::backends) fn written(&mut self, contact: Copied) {
        self.note(contact.id.clone(), Some(contact));
    }

    /// Notes that a contact is gone.
    pub(in crate::backends) fn removed(&mut self, id: &str) {
        self.note(id.replace('\0', ""), None);
    }

    /// How many contacts were told of.
    pub(in crate::backends) fn len(&self) -> usize {
        self.order.len()
    }

    fn note(&mut self, id: String, news: Option<Copied>) {
        if self.news.insert(id.clone(), news).is_none() {
            self.order.push(id);
        }
    }

    /// Contacts that are there, in the order in which they were first told of.
    pub(in crate::backends) fn into_written(mut self) -> Vec<Copied> {
        let order = std::mem::take(&mut self.order);
        order
            .iter()
            .filter_map(|id| self.news.remove(id).flatten())
            .collect()
    }

    /// `contacts` with the changes: known ones keep their places, new ones come last.
    pub(super) fn apply(&self, contacts: &[Copied]) -> Vec<Copied> {
        let mut known: HashSet<&str> = HashSet::new();
        let mut changed = Vec::with_capacity(contacts.len());
        for contact in contacts {
            known.insert(&contact.id);
            match self.news.get(&contact.id) {
                None => changed.push(contact.clone()),
                Some(Some(edited)) => changed.push(edited.clone()),
                Some(None) => {}
            }
        }
        let new = self.order.iter().filter(|id| !known.contains(id.as_str()));
        changed.extend(new.filter_map(|id| self.news.get(id).cloned().flatten()));
        changed
    }

    /// Contacts to be written, and identifiers of those to be removed.
    pub(super) fn parts(&self) -> (Vec<&Copied>, Vec<String>) {
        let written = self
            .order
            .iter()
            .filter_map(|id| self.news.get(id)?.as_ref());
        let gone = |id: &&String| matches!(self.news.get(*id), Some(None));
        let removed = self.order.iter().filter(gone).cloned();
        (written.collect(), removed.collect())
    }
}

/// A remote directory that can be fetched.
#[async_trait]
pub(in crate::backends) trait Whole: Send + Sync {
    /// How its numbers are compared.
    fn numbers(&self) -> Equality;

    /// The column that searches are sorted by; none if they keep the directory's order.
    fn order(&self) -> Option<&'static str> {
        None
    }

    /// Whether the asker has contacts there at all. Asked before anybody gets contacts from a mirror of his own.
    async fn admits(&self, _asker: &Asker) -> Result<bool, RemoteError> {
        Ok(true)
    }

    /// Fetches what has changed since `mark`, or everything. An answer that is cut short is an error, whatever there is of it.
    async fn fetch(&self, mark: Option<&str>, asker: &Asker) -> Result<Fetch, RemoteError>;
}
