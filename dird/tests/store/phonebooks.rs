//! Phonebooks.

use dird::store::model::Phonebook;
use dird::store::{Page, PhonebookKey, StoreError};

use crate::world::{World, contact, csv, names, tenant};

on_both_engines!(
    a_phonebook_is_found_by_its_name,
    a_taken_name_is_refused_within_the_tenant_only,
    numbers_of_phonebooks_are_never_the_same,
    lists_are_searched_by_name_and_description,
    a_change_of_the_name_may_not_take_anothers,
    a_deleted_phonebook_takes_contacts_and_sources_with_it,
    a_number_is_not_used_twice,
    foreign_phonebooks_are_missing,
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

async fn lists_are_searched_by_name_and_description(world: World) {
    let scope = tenant();
    for (name, description) in [
        ("b", Some("\u{c9}t\u{e9}")),
        ("A", None),
        ("c%", Some("alps")),
    ] {
        let made = world.store.create_phonebook(&scope, name, description);
        made.await.unwrap();
    }
    let list = async |order, descending, search: Option<&str>| {
        let page = Page {
            order,
            descending,
            search: search.map(str::to_owned),
            ..Page::default()
        };
        let listed = world
            .store
            .list_phonebooks(&scope.alone(), &page)
            .await
            .unwrap();
        assert_eq!(listed.total, 3);
        names(&listed, |phonebook| &phonebook.name)
    };
    assert_eq!(list("name", false, None).await, ["A", "b", "c%"]);
    assert_eq!(list("name", true, None).await, ["c%", "b", "A"]);
    assert_eq!(list("description", false, None).await, ["c%", "b", "A"]);
    assert_eq!(list("description", true, None).await, ["A", "b", "c%"]);
    assert_eq!(list("name", false, Some("ete")).await, ["b"]);
    assert_eq!(list("name", false, Some("a")).await, ["A", "c%"]);
    assert_eq!(list("name", false, Some("%")).await, ["c%"]);
    assert!(list("name", false, Some("a\0")).await.is_empty());
}

async fn a_change_of_the_name_may_not_take_anothers(world: World) {
    let scope = tenant();
    let make = |name| world.store.create_phonebook(&scope, name, Some("kept"));
    let one = make("one").await.unwrap();
    make("two").await.unwrap();
    let renamed = Phonebook {
        name: "two".into(),
        ..one.clone()
    };
    let refused = world.store.update_phonebook(&scope, &renamed, None).await;
    assert!(matches!(refused, Err(StoreError::NameTaken(name)) if name == "two"));
    let renamed = Phonebook {
        name: "three".into(),
        ..one.clone()
    };
    world
        .store
        .update_phonebook(&scope, &renamed, None)
        .await
        .unwrap();
    let key = PhonebookKey::Number(one.id);
    assert_eq!(
        world.store.phonebook(&scope, &key).await.unwrap(),
        Some(renamed)
    );
}

async fn a_deleted_phonebook_takes_contacts_and_sources_with_it(world: World) {
    let scope = tenant();
    let book = world
        .store
        .create_phonebook(&scope, "book", None)
        .await
        .unwrap();
    let list = (&book.uuid).into();
    let contact = contact("Zo\u{e9}", "1");
    world
        .store
        .create_contact(&scope, &list, &contact)
        .await
        .unwrap();
    let mut source = csv(&scope, "");
    source.backend = "phonebook".into();
    source.phonebook = Some(book.uuid.clone());
    world.store.create_source(&scope, &source).await.unwrap();
    world
        .store
        .delete_phonebook(&scope, &book.uuid, None)
        .await
        .unwrap();
    let alone = scope.alone();
    let found = world.store.source(&alone, "phonebook", &source.uuid);
    assert_eq!(found.await.unwrap(), None);
    assert_eq!(world.store.version(&scope, &list).await.unwrap(), None);
    let found = world
        .store
        .contact(&scope, &list, &contact.uuid)
        .await
        .unwrap();
    assert_eq!(found, None);
    let again = world
        .store
        .create_phonebook(&scope, "book", None)
        .await
        .unwrap();
    let contents = world
        .store
        .contents(&scope, &(&again.uuid).into())
        .await
        .unwrap();
    assert!(contents.contacts.is_empty());
}

async fn a_number_is_not_used_twice(world: World) {
    let scope = tenant();
    let first = world
        .store
        .create_phonebook(&scope, "book", None)
        .await
        .unwrap();
    world
        .store
        .delete_phonebook(&scope, &first.uuid, None)
        .await
        .unwrap();
    let second = world
        .store
        .create_phonebook(&scope, "book", None)
        .await
        .unwrap();
    assert!(second.id > first.id);
}

async fn foreign_phonebooks_are_missing(world: World) {
    let (scope, other) = (tenant(), tenant());
    let foreign = world
        .store
        .create_phonebook(&other, "book", None)
        .await
        .unwrap();
    let key = PhonebookKey::Uuid(foreign.uuid.clone());
    assert_eq!(world.store.phonebook(&scope, &key).await.unwrap(), None);
    let key = PhonebookKey::Number(foreign.id);
    assert_eq!(world.store.phonebook(&scope, &key).await.unwrap(), None);
    let refused = world
        .store
        .delete_phonebook(&scope, &foreign.uuid, None)
        .await;
    assert!(matches!(
        refused,
        Err(StoreError::Missing {
            kind: "phonebook",
            ..
        })
    ));
    let refused = world.store.update_phonebook(&scope, &foreign, None).await;
    assert!(matches!(
        refused,
        Err(StoreError::Missing {
            kind: "phonebook",
            ..
        })
    ));
}
