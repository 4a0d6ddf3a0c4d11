//! Phonebooks that are published as directories of an intercom: every writer counts what it changes, in the order of commits.

use std::collections::BTreeMap;

use dird::identity::{SystemAuthority, Tenant};
use dird::store::model::{Contact, ContactId, ListId, PhonebookId, random_id};
use dird::store::{
    Directory, EntryChange, Mapping, NewSeries, Placed, Sealed, StoreError, StoredEntry,
};

use crate::world::{World, book, contact};

on_both_engines!(
    contacts_are_stamped_in_the_order_of_their_identifiers,
    every_writer_of_contacts_counts_what_it_changes,
    an_import_counts_its_contacts_and_no_others,
    identifiers_that_are_no_uuids_make_entries_too,
    a_tenant_has_one_default,
    nothing_stays_of_what_is_unpublished_or_deleted,
);

fn system() -> SystemAuthority {
    SystemAuthority::new("test")
}

pub(crate) fn begun(series: &str) -> NewSeries {
    NewSeries {
        series: series.into(),
        instance: "here".into(),
        at_least: 0,
    }
}

/// A phonebook that is published.
pub(crate) struct Published {
    pub(crate) world: World,
    pub(crate) scope: Tenant,
    pub(crate) list: ListId,
    pub(crate) phonebook: PhonebookId,
}

impl Published {
    pub(crate) async fn new(world: World) -> Self {
        let (scope, list) = book(&world).await;
        let phonebook = PhonebookId(list.0.clone());
        let published = Self {
            world,
            scope,
            list,
            phonebook,
        };
        published.publish(&Mapping::default()).await;
        published
    }

    pub(crate) async fn publish(&self, mapping: &Mapping) {
        let store = &self.world.store;
        let begun = begun("77");
        let published = store.publish(&self.scope, &self.phonebook, &begun, (mapping, false));
        published.await.unwrap();
    }

    pub(crate) async fn header(&self) -> Directory {
        let found = self.world.store.directory_of(system(), &self.phonebook);
        found.await.unwrap().unwrap()
    }

    /// Everything changed after a timestamp.
    pub(crate) async fn after(&self, timestamp: i64) -> Vec<StoredEntry> {
        let store = &self.world.store;
        let reading = store.read_entries(&self.scope, &self.phonebook, timestamp);
        let mut reading = reading.await.unwrap();
        let mut all = Vec::new();
        loop {
            let piece = reading.next().await.unwrap();
            if piece.is_empty() {
                return all;
            }
            all.extend(piece);
        }
    }

    /// Timestamp, uuid and whether it is a tombstone, of everything.
    pub(crate) async fn stamps(&self) -> Vec<(i64, String, bool)> {
        let all = self.after(0).await.into_iter();
        all.map(|entry| (entry.timestamp, entry.uuid, entry.deleted))
            .collect()
    }

    pub(crate) async fn add(&self, contact: &Contact) {
        let added = self
            .world
            .store
            .create_contact(&self.scope, &self.list, contact);
        added.await.unwrap();
    }

    pub(crate) async fn write(&self, changes: Vec<EntryChange>, timestamp: i64) {
        let store = &self.world.store;
        let mut writing = store
            .write_entries(&self.scope, &self.phonebook)
            .await
            .unwrap();
        writing.write(changes, timestamp).await.unwrap();
        writing.commit().await.unwrap();
    }

    pub(crate) async fn contacts(&self) -> BTreeMap<String, Contact> {
        let contents = self
            .world
            .store
            .contents(&self.scope, &self.list)
            .await
            .unwrap();
        let contacts = contents.contacts.into_iter();
        contacts
            .map(|Placed { contact, .. }| (contact.uuid.0.clone(), contact))
            .collect()
    }
}

/// A new entry with a contact of the same identifier.
pub(crate) fn entry(uuid: &str, name: &str, timestamp: i64) -> EntryChange {
    let mut contact = contact(name, "1");
    contact.uuid = ContactId(uuid.into());
    EntryChange {
        entry: StoredEntry {
            uuid: uuid.into(),
            spelling: uuid.to_uppercase(),
            contact: Some(contact),
            timestamp,
            deleted: false,
            owner: "O".into(),
            data: "{\"a\":1}".into(),
            secret: Some(Sealed(vec![0, 255, 7])),
        },
        before: None,
    }
}

pub(crate) fn tombstone(entry: StoredEntry, timestamp: i64) -> EntryChange {
    EntryChange {
        before: entry.contact.clone(),
        entry: StoredEntry {
            contact: None,
            timestamp,
            deleted: true,
            owner: String::new(),
            data: "{}".into(),
            secret: None,
            ..entry
        },
    }
}

async fn contacts_are_stamped_in_the_order_of_their_identifiers(world: World) {
    let (scope, list) = book(&world).await;
    let mut ids = Vec::new();
    for name in ["c", "a", "b"] {
        let one = contact(name, "1");
        world
            .store
            .create_contact(&scope, &list, &one)
            .await
            .unwrap();
        ids.push(one.uuid.0);
    }
    ids.sort();
    let phonebook = PhonebookId(list.0.clone());
    let published = Published {
        world,
        scope,
        list,
        phonebook,
    };
    published.publish(&Mapping::default()).await;
    let expected: Vec<_> = ids.iter().zip(1..).collect();
    let stamps = published.stamps().await;
    let stamped: Vec<_> = stamps.iter().map(|(at, uuid, _)| (uuid, *at)).collect();
    assert_eq!(stamped, expected);
    let header = published.header().await;
    assert_eq!((header.timestamp, header.series_start), (3, 0));
    assert_eq!(
        (header.series.as_str(), header.name.as_str()),
        ("77", "book")
    );
    assert!(!header.default);
    let spelling = &published.after(2).await[0].spelling;
    assert_eq!(*spelling, ids[2].to_uppercase());
}

async fn every_writer_of_contacts_counts_what_it_changes(world: World) {
    let published = Published::new(world).await;
    let (store, scope, list) = (&published.world.store, &published.scope, &published.list);
    let (mut one, other) = (contact("Ann", "1"), contact("Bea", "2"));
    published.add(&one).await;
    published.add(&other).await;
    one.fields.insert("zip".into(), Some("0".into()));
    store.update_contact(scope, list, &one, None).await.unwrap();
    let before = [
        (1, one.uuid.0.clone(), false),
        (2, other.uuid.0.clone(), false),
    ];
    assert_eq!(
        published.stamps().await,
        before,
        "an edit that no entry shows"
    );
    one.fields.insert("number".into(), Some("9".into()));
    store.update_contact(scope, list, &one, None).await.unwrap();
    let edited = [
        (2, other.uuid.0.clone(), false),
        (3, one.uuid.0.clone(), false),
    ];
    assert_eq!(published.stamps().await, edited);
    store
        .delete_contact(scope, list, &other.uuid, None)
        .await
        .unwrap();
    let deleted = [
        (3, one.uuid.0.clone(), false),
        (4, other.uuid.0.clone(), true),
    ];
    assert_eq!(published.stamps().await, deleted);
    let unknown = ContactId(random_id());
    assert!(
        store
            .delete_contact(scope, list, &unknown, None)
            .await
            .is_err()
    );
    assert_eq!(published.header().await.timestamp, 4, "nothing was changed");
    published.add(&other).await;
    store.clear_contacts(scope, list).await.unwrap();
    let cleared = [
        (6, one.uuid.0.clone(), true),
        (7, other.uuid.0.clone(), true),
    ];
    assert_eq!(published.stamps().await, cleared);
    assert_eq!(published.header().await.timestamp, 7);
}

async fn an_import_counts_its_contacts_and_no_others(world: World) {
    let published = Published::new(world).await;
    let (store, scope, list) = (&published.world.store, &published.scope, &published.list);
    let known = contact("known", "1");
    published.add(&known).await;
    let mut again = known.clone();
    again.uuid = ContactId(random_id());
    let new = [contact("new", "2"), again, contact("newer", "3")];
    let mut import = store.import_contacts(scope, list).await.unwrap();
    import.add(&new).await.unwrap();
    import.commit().await.unwrap();
    let stamps = published.stamps().await;
    let expected = [&known.uuid.0, &new[0].uuid.0, &new[2].uuid.0];
    let uuids: Vec<_> = stamps.iter().map(|(_, uuid, _)| uuid).collect();
    assert_eq!(uuids, expected);
    assert_eq!(stamps.last().unwrap().0, published.header().await.timestamp);
}

async fn identifiers_that_are_no_uuids_make_entries_too(world: World) {
    let published = Published::new(world).await;
    let base = random_id();
    let ids = [
        "short".to_owned(),
        base.clone(),
        base.to_uppercase(),
        uuid_zero(),
    ];
    let with_id = |id: &String| {
        let mut one = contact(&format!("name {id}"), "1");
        one.uuid = ContactId(id.clone());
        one
    };
    let contacts: Vec<_> = ids.iter().map(with_id).collect();
    let store = &published.world.store;
    let importing = store.import_contacts(&published.scope, &published.list);
    let mut import = importing.await.unwrap();
    import.add(&contacts).await.unwrap();
    import.commit().await.unwrap();
    let all = published.after(0).await;
    let shown: Vec<_> = all
        .iter()
        .map(|entry| entry.contact.as_ref().unwrap().uuid.0.clone())
        .collect();
    assert_eq!(shown, ids);
    for entry in &all {
        assert_eq!(entry.uuid.len(), 36);
        assert_ne!(entry.uuid, uuid_zero());
    }
    assert_eq!(all[1].uuid, base);
    // An entry of this API has the identifier that a contact brings.
    let taken = random_id();
    let mut alone = entry(&taken, "", 5);
    alone.entry.contact = None;
    published.write(vec![alone], 5).await;
    published.add(&with_id(&taken)).await;
    let last = published.after(5).await;
    assert_ne!(last[0].uuid, taken);
    assert_eq!(last[0].contact.as_ref().unwrap().uuid.0, taken);
}

fn uuid_zero() -> String {
    "00000000-0000-0000-0000-000000000000".to_owned()
}

async fn a_tenant_has_one_default(world: World) {
    let published = Published::new(world).await;
    let (store, scope) = (&published.world.store, &published.scope);
    assert_eq!(store.default_directory(scope).await.unwrap(), None);
    let second = store.create_phonebook(scope, "second", None).await.unwrap();
    for book in [&published.phonebook, &second.uuid] {
        let mapping = (&Mapping::default(), true);
        store
            .publish(scope, book, &begun("5"), mapping)
            .await
            .unwrap();
        let default = store.default_directory(scope).await.unwrap();
        assert_eq!(default.unwrap().phonebook, *book);
    }
    let all = store.directories(system()).await.unwrap();
    let own = all.iter().filter(|one| one.tenant == *scope.id());
    assert_eq!(own.filter(|one| one.default).count(), 1);
    let foreign = crate::world::tenant();
    assert_eq!(store.default_directory(&foreign).await.unwrap(), None);
    let refused = store.write_entries(&foreign, &second.uuid).await;
    assert!(matches!(refused.err(), Some(StoreError::Missing { .. })));
    let refused = store.read_entries(&foreign, &second.uuid, 0).await;
    assert!(matches!(refused.err(), Some(StoreError::Missing { .. })));
}

async fn nothing_stays_of_what_is_unpublished_or_deleted(world: World) {
    let published = Published::new(world).await;
    let (store, scope, book) = (
        &published.world.store,
        &published.scope,
        &published.phonebook,
    );
    published
        .write(vec![entry(&random_id(), "Ann", 1)], 1)
        .await;
    store.unpublish(scope, book).await.unwrap();
    assert_eq!(store.directory_of(system(), book).await.unwrap(), None);
    assert_eq!(published.contacts().await.len(), 1, "contacts stay");
    published.publish(&Mapping::default()).await;
    let all = published.after(0).await;
    assert_eq!((all.len(), all[0].secret.as_ref()), (1, None));
    store.delete_phonebook(scope, book, None).await.unwrap();
    assert_eq!(store.directory_of(system(), book).await.unwrap(), None);
    let missing = store.unpublish(scope, book).await;
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
    let print = store.fingerprint(system()).await.unwrap();
    assert_eq!(store.fingerprint(system()).await.unwrap(), print);
}
