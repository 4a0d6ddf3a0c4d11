//! Phonebooks that are published as directories of an intercom: every writer counts what it changes, in the order of commits.

use std::collections::BTreeMap;

use dird::identity::{SystemAuthority, Tenant};
use dird::store::model::{Contact, ContactId, ListId, PhonebookId, random_id};
use dird::store::{
    Directory, EntryChange, Mapping, NewSeries, Placed, Population, StoreError, StoredEntry,
};

use crate::world::{World, book, contact};

on_both_engines!(
    contacts_are_stamped_in_the_order_of_their_identifiers,
    every_writer_of_contacts_counts_what_it_changes,
    an_import_counts_its_contacts_and_no_others,
    identifiers_that_are_no_uuids_make_entries_too,
    entries_and_their_contacts_are_written_together,
    a_contact_whose_identifier_is_taken_gets_another,
    what_is_not_committed_leaves_nothing,
    a_reading_sees_one_time,
    too_many_tombstones_begin_a_series,
    another_mapping_stamps_everything_again,
    a_tenant_has_one_default,
    nothing_stays_of_what_is_unpublished_or_deleted,
    writers_of_one_directory_take_turns,
);

fn system() -> SystemAuthority {
    SystemAuthority::new("test")
}

fn begun(series: &str) -> NewSeries {
    NewSeries {
        series: series.into(),
        instance: "here".into(),
        at_least: 0,
    }
}

/// A phonebook that is published.
struct Published {
    world: World,
    scope: Tenant,
    list: ListId,
    phonebook: PhonebookId,
}

impl Published {
    async fn new(world: World) -> Self {
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

    async fn publish(&self, mapping: &Mapping) {
        let store = &self.world.store;
        let begun = begun("77");
        let published = store.publish(&self.scope, &self.phonebook, &begun, (mapping, false));
        published.await.unwrap();
    }

    async fn header(&self) -> Directory {
        let found = self.world.store.directory_of(system(), &self.phonebook);
        found.await.unwrap().unwrap()
    }

    /// Everything changed after a timestamp.
    async fn after(&self, timestamp: i64) -> Vec<StoredEntry> {
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
    async fn stamps(&self) -> Vec<(i64, String, bool)> {
        let all = self.after(0).await.into_iter();
        all.map(|entry| (entry.timestamp, entry.uuid, entry.deleted))
            .collect()
    }

    async fn add(&self, contact: &Contact) {
        let added = self
            .world
            .store
            .create_contact(&self.scope, &self.list, contact);
        added.await.unwrap();
    }

    async fn write(&self, changes: Vec<EntryChange>, timestamp: i64) {
        let store = &self.world.store;
        let mut writing = store
            .write_entries(&self.scope, &self.phonebook)
            .await
            .unwrap();
        writing.write(changes, timestamp).await.unwrap();
        writing.commit().await.unwrap();
    }

    async fn contacts(&self) -> BTreeMap<String, Contact> {
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
fn entry(uuid: &str, name: &str, timestamp: i64) -> EntryChange {
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
            secret: Some(vec![0, 255, 7]),
        },
        before: None,
    }
}

fn tombstone(entry: StoredEntry, timestamp: i64) -> EntryChange {
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
    store.update_contact(scope, list, &one).await.unwrap();
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
    store.update_contact(scope, list, &one).await.unwrap();
    let edited = [
        (2, other.uuid.0.clone(), false),
        (3, one.uuid.0.clone(), false),
    ];
    assert_eq!(published.stamps().await, edited);
    store
        .delete_contact(scope, list, &other.uuid)
        .await
        .unwrap();
    let deleted = [
        (3, one.uuid.0.clone(), false),
        (4, other.uuid.0.clone(), true),
    ];
    assert_eq!(published.stamps().await, deleted);
    let unknown = ContactId(random_id());
    assert!(store.delete_contact(scope, list, &unknown).await.is_err());
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

async fn entries_and_their_contacts_are_written_together(world: World) {
    let published = Published::new(world).await;
    let ids = [random_id(), random_id()];
    let changes = vec![entry(&ids[0], "Ann", 1), entry(&ids[1], "Ann", 2)];
    let written: Vec<_> = changes.iter().map(|change| change.entry.clone()).collect();
    published.write(changes, 2).await;
    assert_eq!(published.after(0).await, written, "equal entries are two");
    assert_eq!(published.contacts().await.len(), 2);
    let mut edited = written[0].clone();
    edited.timestamp = 3;
    edited.data = "{}".into();
    edited
        .contact
        .as_mut()
        .unwrap()
        .fields
        .insert("b".into(), None);
    let change = EntryChange {
        entry: edited.clone(),
        before: written[0].contact.clone(),
    };
    published
        .write(vec![change, tombstone(written[1].clone(), 4)], 4)
        .await;
    let all = published.after(2).await;
    assert_eq!(all[0], edited);
    assert!(all[1].deleted && all[1].contact.is_none() && all[1].secret.is_none());
    let contacts = published.contacts().await;
    assert_eq!(contacts.len(), 1);
    assert_eq!(contacts[&ids[0]], edited.contact.clone().unwrap());
    let store = &published.world.store;
    let followed = store
        .follow(&published.scope, &published.list, 0)
        .await
        .unwrap();
    let dird::store::Followed::Changes { removed, .. } = followed else {
        panic!("{followed:?}")
    };
    assert_eq!(removed, [ContactId(ids[1].clone())]);
    let population = store.entry_population(&published.scope, &published.phonebook);
    let expected = Population {
        live: 1,
        tombstones: 1,
    };
    assert_eq!(population.await.unwrap(), expected);
    let mut writing = store
        .write_entries(&published.scope, &published.phonebook)
        .await
        .unwrap();
    assert_eq!(writing.owned_by("O").await.unwrap(), [edited]);
    assert_eq!(writing.owned_by("o").await.unwrap(), []);
    let both = writing
        .entries(&[&ids[0], &ids[1], "nobody"])
        .await
        .unwrap();
    assert_eq!(both.len(), 2);
}

async fn a_contact_whose_identifier_is_taken_gets_another(world: World) {
    let (elsewhere, theirs) = book(&world).await;
    let taken = contact("Zoe", "1");
    let made = world.store.create_contact(&elsewhere, &theirs, &taken);
    made.await.unwrap();
    let published = Published::new(world).await;
    published
        .write(vec![entry(&taken.uuid.0, "Ann", 1)], 1)
        .await;
    let all = published.after(0).await;
    let own = all[0].contact.as_ref().unwrap();
    assert_eq!(all[0].uuid, taken.uuid.0);
    assert_ne!(own.uuid, taken.uuid);
    assert_eq!(published.contacts().await[&own.uuid.0], *own);
}

async fn what_is_not_committed_leaves_nothing(world: World) {
    let published = Published::new(world).await;
    let store = &published.world.store;
    let mut writing = store
        .write_entries(&published.scope, &published.phonebook)
        .await
        .unwrap();
    writing
        .write(vec![entry(&random_id(), "Ann", 1)], 1)
        .await
        .unwrap();
    drop(writing);
    assert_eq!(published.header().await.timestamp, 0);
    assert_eq!(published.after(0).await, []);
    assert!(published.contacts().await.is_empty());
}

async fn a_reading_sees_one_time(world: World) {
    let published = Published::new(world).await;
    published.add(&contact("Ann", "1")).await;
    let store = &published.world.store;
    let reading = store.read_entries(&published.scope, &published.phonebook, 0);
    let mut reading = reading.await.unwrap();
    published.add(&contact("Bea", "2")).await;
    assert_eq!(reading.directory().timestamp, 1);
    assert_eq!(reading.next().await.unwrap().len(), 1);
    assert_eq!(reading.next().await.unwrap(), []);
}

async fn too_many_tombstones_begin_a_series(world: World) {
    let published = Published::new(world).await;
    let changes: Vec<_> = (1..=5)
        .map(|at| tombstone(entry(&random_id(), "x", at).entry, at))
        .map(|change| EntryChange {
            before: None,
            ..change
        })
        .collect();
    published.write(changes, 5).await;
    let (store, scope, book) = (
        &published.world.store,
        &published.scope,
        &published.phonebook,
    );
    let new = begun("88");
    assert!(!store.purge_tombstones(scope, book, 5, &new).await.unwrap());
    assert_eq!(published.header().await.series, "77");
    assert!(store.purge_tombstones(scope, book, 4, &new).await.unwrap());
    let header = published.header().await;
    assert_eq!((header.series.as_str(), header.series_start), ("88", 5));
    let kept: Vec<_> = published
        .stamps()
        .await
        .iter()
        .map(|(at, ..)| *at)
        .collect();
    assert_eq!(kept, [4, 5]);
    let later = NewSeries {
        at_least: 50,
        ..begun("99")
    };
    store.begin_series(scope, book, &later).await.unwrap();
    let header = published.header().await;
    assert_eq!((header.timestamp, header.series_start), (50, 50));
}

async fn another_mapping_stamps_everything_again(world: World) {
    let published = Published::new(world).await;
    published.add(&contact("Ann", "1")).await;
    published.add(&contact("Bea", "2")).await;
    let before = published.stamps().await;
    published.publish(&Mapping::default()).await;
    assert_eq!(published.stamps().await, before);
    let other = Mapping {
        name: "firstname".into(),
        ..Mapping::default()
    };
    let store = &published.world.store;
    let new = begun("88");
    let again = store.publish(&published.scope, &published.phonebook, &new, (&other, true));
    again.await.unwrap();
    let expected = before
        .into_iter()
        .map(|(at, uuid, gone)| (at + 2, uuid, gone));
    assert_eq!(published.stamps().await, expected.collect::<Vec<_>>());
    let header = published.header().await;
    assert_eq!((header.timestamp, header.series_start), (4, 2));
    assert_eq!((header.series.as_str(), header.default), ("88", true));
    assert_eq!(header.mapping, other);
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
    store.delete_phonebook(scope, book).await.unwrap();
    assert_eq!(store.directory_of(system(), book).await.unwrap(), None);
    let missing = store.unpublish(scope, book).await;
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
    let print = store.fingerprint(system()).await.unwrap();
    assert_eq!(store.fingerprint(system()).await.unwrap(), print);
}

async fn writers_of_one_directory_take_turns(world: World) {
    let published = std::sync::Arc::new(Published::new(world).await);
    let mut writers = Vec::new();
    for writer in 0..4 {
        let published = std::sync::Arc::clone(&published);
        writers.push(tokio::spawn(async move {
            for round in 0..5 {
                if writer % 2 == 0 {
                    published
                        .add(&contact(&format!("{writer} {round}"), "1"))
                        .await;
                    continue;
                }
                let store = &published.world.store;
                let writing = store.write_entries(&published.scope, &published.phonebook);
                let mut writing = writing.await.unwrap();
                let next = writing.directory().timestamp + 1;
                let change = entry(&random_id(), "same", next);
                writing.write(vec![change], next).await.unwrap();
                writing.commit().await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let stamps: Vec<i64> = published
        .stamps()
        .await
        .iter()
        .map(|(at, ..)| *at)
        .collect();
    assert_eq!(stamps, (1..=20).collect::<Vec<_>>());
}
