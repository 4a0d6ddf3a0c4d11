//! Phonebooks and their contacts.

use dird::store::StoreError;
use dird::store::model::PhonebookId;

use crate::world::{World, contact, tenant};

on_both_engines!(
    a_phonebook_is_found_by_its_name,
    a_taken_name_is_refused_within_the_tenant_only,
    numbers_of_phonebooks_are_never_the_same,
    contacts_come_in_the_order_of_insertion_each_content_once,
    every_change_of_contacts_makes_a_new_version,
    an_unknown_phonebook_is_missing,
    writers_of_one_phonebook_take_turns,
);

async fn a_phonebook_is_found_by_its_name(world: World) {
    let scope = tenant();
    let made = world.store.create_phonebook(&scope, "book", Some("ours"));
    let made = made.await.unwrap();
    assert_eq!(made.description.as_deref(), Some("ours"));
    let found = world.store.phonebook_named(&scope, "book").await.unwrap();
    assert_eq!(found, Some(made));
    for name in ["Book", "nul\0"] {
        let found = world.store.phonebook_named(&scope, name).await.unwrap();
        assert_eq!(found, None);
    }
}

async fn a_taken_name_is_refused_within_the_tenant_only(world: World) {
    let (scope, other) = (tenant(), tenant());
    world
        .store
        .create_phonebook(&scope, "book", None)
        .await
        .unwrap();
    world
        .store
        .create_phonebook(&other, "book", None)
        .await
        .unwrap();
    let refused = world.store.create_phonebook(&scope, "book", None).await;
    assert!(matches!(refused, Err(StoreError::NameTaken(name)) if name == "book"));
}

async fn numbers_of_phonebooks_are_never_the_same(world: World) {
    let one = world
        .store
        .create_phonebook(&tenant(), "book", None)
        .await
        .unwrap();
    let two = world
        .store
        .create_phonebook(&tenant(), "book", None)
        .await
        .unwrap();
    assert!(two.id > one.id && one.id > 0);
}

async fn contacts_come_in_the_order_of_insertion_each_content_once(world: World) {
    let scope = tenant();
    let book = world
        .store
        .create_phonebook(&scope, "book", None)
        .await
        .unwrap()
        .uuid;
    let (zoe, adam) = (contact("Zo\u{e9}", "1"), contact("Adam", "2"));
    let first = [zoe.clone(), adam.clone(), contact("Zo\u{e9}", "1")];
    assert_eq!(
        world
            .store
            .add_contacts(&scope, &book, &first)
            .await
            .unwrap(),
        2
    );
    let bob = contact("Bob \u{0}\u{1f600}", "3");
    let second = [contact("Adam", "2"), bob.clone()];
    assert_eq!(
        world
            .store
            .add_contacts(&scope, &book, &second)
            .await
            .unwrap(),
        1
    );
    let contents = world.store.contents(&scope, &book).await.unwrap();
    assert_eq!(contents.contacts, [zoe, adam, bob]);
    let fields: Vec<_> = contents.contacts[0].fields.keys().collect();
    assert_eq!(fields, ["number", "firstname"]);
}

async fn every_change_of_contacts_makes_a_new_version(world: World) {
    let scope = tenant();
    let book = world
        .store
        .create_phonebook(&scope, "book", None)
        .await
        .unwrap()
        .uuid;
    let before = world.store.contents(&scope, &book).await.unwrap().version;
    world
        .store
        .add_contacts(&scope, &book, &[contact("a", "1")])
        .await
        .unwrap();
    let after = world.store.contents(&scope, &book).await.unwrap().version;
    assert!(after > before);
    let asked = [book.clone(), PhonebookId("unknown".into())];
    let versions = world.store.versions(&asked).await.unwrap();
    assert_eq!(versions.len(), 1);
    assert_eq!(versions[&book], after);
}

async fn an_unknown_phonebook_is_missing(world: World) {
    let (scope, other) = (tenant(), tenant());
    let foreign = world
        .store
        .create_phonebook(&other, "book", None)
        .await
        .unwrap()
        .uuid;
    for book in [foreign, PhonebookId("unknown".into())] {
        let added = world
            .store
            .add_contacts(&scope, &book, &[contact("a", "1")])
            .await;
        assert!(matches!(
            added,
            Err(StoreError::Missing {
                kind: "phonebook",
                ..
            })
        ));
        let read = world.store.contents(&scope, &book).await;
        assert!(matches!(
            read,
            Err(StoreError::Missing {
                kind: "phonebook",
                ..
            })
        ));
    }
}

async fn writers_of_one_phonebook_take_turns(world: World) {
    let scope = tenant();
    let book = world
        .store
        .create_phonebook(&scope, "book", None)
        .await
        .unwrap()
        .uuid;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..8 {
        let (store, scope, book) = (world.store.clone(), scope.clone(), book.clone());
        writers.spawn(async move {
            for number in 0..5 {
                let added = contact(&writer.to_string(), &number.to_string());
                store.add_contacts(&scope, &book, &[added]).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let contents = world.store.contents(&scope, &book).await.unwrap();
    assert_eq!((contents.contacts.len(), contents.version), (40, 40));
    for writer in 0..8 {
        let own = contents.contacts.iter();
        let own = own.filter(|contact| contact.fields["firstname"] == writer.to_string());
        let numbers: Vec<&str> = own.map(|contact| &*contact.fields["number"]).collect();
        assert_eq!(numbers, ["0", "1", "2", "3", "4"]);
    }
}
