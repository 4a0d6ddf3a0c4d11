//! Conference rooms of a platform as contacts (dird-backends.md §8).

use std::collections::HashMap;

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use crate::backends::guard::Remote;
use crate::backends::listing::{Contact, Listing, ListingError};
use crate::backends::matching::{Equality, Term, first_by_number, with_ids};
use crate::backends::mirror::{Copied, Fetch, Whole};
use crate::backends::platform::{all_of, id_text, listed, only};
use crate::backends::remote::{Confd, RemoteError};
use crate::backends::{Asker, Entry, Relations};
use crate::store::{Listed, Page};

/// The rooms of one platform.
pub(super) struct Rooms {
    pub(super) confd: Confd,
    pub(super) searched: Vec<String>,
    pub(super) matched: Vec<String>,
}

impl Rooms {
    async fn rooms(&self) -> Result<Vec<Entry>, RemoteError> {
        let mut parameters = vec![("recurse".to_owned(), "False".to_owned())];
        parameters.extend(self.confd.extra_parameters());
        let page = self.confd.list("conferences", &parameters).await?;
        Ok(page.items.iter().map(entry).collect())
    }
}

fn entry(record: &Map<String, Value>) -> Entry {
    let (fields, relations) = contact(record);
    Entry::of_map(fields, relations)
}

/// What a contact has of a record, and what a result says of the room.
fn contact(record: &Map<String, Value>) -> (Contact, Relations) {
    let extens = |extensions: &[&Value]| {
        let exten = |extension: &&Value| extension.get("exten").cloned();
        Value::Array(extensions.iter().filter_map(exten).collect())
    };
    let mut fields = only(record, &["id", "name"]);
    fields.insert("extensions".into(), extens(&own(record)));
    fields.insert("incalls".into(), extens(&of_incalls(record)));
    let relations = Relations {
        source_entry_id: id_text(record.get("id")),
        ..Relations::default()
    };
    (fields, relations)
}

#[async_trait]
impl Whole for Rooms {
    fn numbers(&self) -> Equality {
        Equality::Caseless
    }

    async fn fetch(&self, _mark: Option<&str>, _asker: &Asker) -> Result<Fetch, RemoteError> {
        let mut asking = vec![
            ("recurse".to_owned(), "False".to_owned()),
            ("order".to_owned(), "id".to_owned()),
        ];
        asking.extend(self.confd.extra_parameters());
        let records = all_of(&self.confd, "conferences", &asking).await?;
        let rooms = records.iter().map(|record| {
            let (fields, relations) = contact(record);
            let id = relations.source_entry_id.clone().unwrap_or_default();
            Copied::new(&id, fields, relations)
        });
        Ok(Fetch::Whole(rooms.collect(), None))
    }
}

fn own(record: &Map<String, Value>) -> Vec<&Value> {
    let extensions = record.get("extensions").and_then(Value::as_array);
    extensions.into_iter().flatten().collect()
}

/// The extensions of every incall.
fn of_incalls(record: &Map<String, Value>) -> Vec<&Value> {
    let incalls = record.get("incalls").and_then(Value::as_array);
    incalls
        .into_iter()
        .flatten()
        .filter_map(|incall| incall.get("extensions")?.as_array())
        .flatten()
        .collect()
}

fn shown(record: &Map<String, Value>) -> Contact {
    let extensions = |extensions: Vec<&Value>| {
        let both = |extension: &Value| {
            let member = |name: &str| extension.get(name).cloned().unwrap_or(Value::Null);
            json!({"context": member("context"), "exten": member("exten")})
        };
        Value::Array(extensions.into_iter().map(both).collect())
    };
    let mut contact = only(record, &["id", "name"]);
    contact.insert("extensions".into(), extensions(own(record)));
    contact.insert("incalls".into(), extensions(of_incalls(record)));
    contact
}

#[async_trait]
impl Remote for Rooms {
    async fn search(&self, term: &str, _asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        let mut rooms = self.rooms().await?;
        let term = Term::new(term);
        rooms.retain(|room| term.is_in(room, &self.searched));
        Ok(rooms)
    }

    async fn reverse(
        &self,
        numbers: &[String],
        _asker: &Asker,
    ) -> Result<HashMap<String, Entry>, RemoteError> {
        if self.matched.is_empty() {
            return Ok(HashMap::new());
        }
        let rooms = self.rooms().await?;
        Ok(first_by_number(
            rooms,
            &self.matched,
            numbers,
            Equality::Caseless,
        ))
    }

    async fn list(&self, ids: &[String], _asker: &Asker) -> Result<Vec<Entry>, RemoteError> {
        Ok(with_ids(self.rooms().await?, ids))
    }

    fn whole(&self) -> Option<&dyn Whole> {
        Some(self)
    }

    fn listing(&self) -> Option<&dyn Listing> {
        Some(self)
    }
}

#[async_trait]
impl Listing for Rooms {
    async fn contacts(&self, page: &Page, _asker: &Asker) -> Result<Listed<Contact>, ListingError> {
        listed(&self.confd, "conferences", Vec::new(), page, shown).await
    }
}
