//! Entries of directories, written and read with their contacts.

use std::time::Duration;

use dird::identity::SystemAuthority;
use dird::store::model::{ContactId, PhonebookId, random_id};
use dird::store::{EntryChange, Mapping, NewSeries, Population, StoreError};

use crate::directories::{Published, begun, entry, tombstone};
use crate::world::{World, book, contact};

on_both_engines!(
    entries_and_their_contacts_are_written_together,
    a_contact_whose_identifier_is_taken_gets_another,
    what_is_not_committed_leaves_nothing,
    a_reading_sees_one_time,
    too_many_tombstones_begin_a_series,
    writers_of_one_directory_take_turns,
    another_mapping_stamps_everything_again,
    a_phonebook_is_deleted_after_its_writer,
    a_tenant_is_erased_after_its_writer,
);

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

/// Two directories want the same two contacts in different order: one of them has to give in, and may try again.
#[tokio::test]
async fn a_writer_in_the_way_of_another_is_told_to_try_again() {
    let one = Published::new(World::postgres().await).await;
    let uri = one.world.uri.clone();
    let (scope, list) = book(&one.world).await;
    let phonebook = PhonebookId(list.0.clone());
    let mapping = Mapping::default();
    let published = one
        .world
        .store
        .publish(&scope, &phonebook, &begun("5"), (&mapping, false))
        .await;
    published.unwrap();
    let other = dird::store::open(&uri).await.unwrap();
    let mut first = one
        .world
        .store
        .write_entries(&one.scope, &one.phonebook)
        .await
        .unwrap();
    let mut second = other.write_entries(&scope, &phonebook).await.unwrap();
    let [x, y] = [random_id(), random_id()];
    first.write(vec![entry(&x, "x", 1)], 1).await.unwrap();
    second.write(vec![entry(&y, "y", 1)], 1).await.unwrap();
    let (first, second) = tokio::join!(
        first.write(vec![entry(&y, "y", 2)], 2),
        second.write(vec![entry(&x, "x", 2)], 2)
    );
    let outcomes = [first, second];
    let conflicts = outcomes
        .iter()
        .filter(|one| matches!(one, Err(StoreError::Conflict)));
    assert!(conflicts.count() >= 1, "{outcomes:?}");
}

async fn a_phonebook_is_deleted_after_its_writer(world: World) {
    removed_after_its_writer(world, false).await;
}

async fn a_tenant_is_erased_after_its_writer(world: World) {
    removed_after_its_writer(world, true).await;
}

async fn removed_after_its_writer(world: World, whole_tenant: bool) {
    let published = Published::new(world).await;
    let store = &published.world.store;
    let (scope, phonebook) = (&published.scope, &published.phonebook);
    let mut writing = store.write_entries(scope, phonebook).await.unwrap();
    let mut removing = Box::pin(async {
        if whole_tenant {
            store.erase(scope).await.map(|_| ())
        } else {
            store.delete_phonebook(scope, phonebook, None).await
        }
    });
    // It has come to where it waits.
    let early = tokio::time::timeout(Duration::from_millis(200), &mut removing).await;
    assert!(early.is_err());
    let change = entry(&random_id(), "Ann", 1);
    let write = async move {
        writing.write(vec![change], 1).await?;
        writing.commit().await
    };
    let (written, removed) = tokio::join!(write, removing);
    written.unwrap();
    removed.unwrap();
    let left = store.directory_of(SystemAuthority::new("test"), phonebook);
    assert_eq!(left.await.unwrap(), None);
}
