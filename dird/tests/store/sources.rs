//! Sources.

use dird::store::StoreError;
use dird::store::model::{PhonebookId, Source, SourceId};

use crate::world::{World, by_name, csv, names, profile, service, tenant};

on_both_engines!(
    a_source_comes_back_as_it_was_stored,
    a_taken_name_is_refused_in_every_backend_and_changes_nothing,
    an_unknown_source_is_missing,
    a_phonebook_source_needs_a_phonebook_of_the_tenant,
    a_phonebook_source_shows_its_phonebooks_name,
    a_deleted_source_leaves_profiles,
    sources_sort_by_backend_too,
    an_identifier_with_nul_finds_nothing,
);

async fn a_source_comes_back_as_it_was_stored(world: World) {
    let scope = tenant();
    let mut source = csv(&scope, "people");
    world.store.create_source(&scope, &source).await.unwrap();
    let found = world
        .store
        .source(&scope.alone(), "csv", &source.uuid)
        .await;
    let found = found.unwrap().unwrap();
    assert_eq!(found, source);
    let order = |source: &Source| source.extra.keys().cloned().collect::<Vec<_>>();
    assert_eq!(order(&found), order(&source));

    source.name = "staff".into();
    source.extra.remove("zz");
    source.format_columns.clear();
    world
        .store
        .update_source(&scope, &source, None)
        .await
        .unwrap();
    let found = world
        .store
        .source(&scope.alone(), "csv", &source.uuid)
        .await;
    assert_eq!(found.unwrap(), Some(source.clone()));
    let other = world
        .store
        .source(&scope.alone(), "ldap", &source.uuid)
        .await;
    assert_eq!(other.unwrap(), None);

    let gone = world
        .store
        .delete_source(&scope, "ldap", &source.uuid, None)
        .await;
    assert!(matches!(gone, Err(StoreError::Missing { .. })));
    let delete = world.store.delete_source(&scope, "csv", &source.uuid, None);
    delete.await.unwrap();
    let found = world
        .store
        .source(&scope.alone(), "csv", &source.uuid)
        .await;
    assert_eq!(found.unwrap(), None);
}

async fn a_taken_name_is_refused_in_every_backend_and_changes_nothing(world: World) {
    let scope = tenant();
    let (first, mut second) = (csv(&scope, "people"), csv(&scope, "staff"));
    world.store.create_source(&scope, &first).await.unwrap();
    world.store.create_source(&scope, &second).await.unwrap();
    let mut third = csv(&scope, "people");
    third.backend = "ldap".into();
    let refused = world.store.create_source(&scope, &third).await;
    assert!(matches!(refused, Err(StoreError::NameTaken(name)) if name == "people"));
    second.name = "people".into();
    let refused = world.store.update_source(&scope, &second, None).await;
    assert!(matches!(refused, Err(StoreError::NameTaken(_))));
    let found = world
        .store
        .source(&scope.alone(), "csv", &second.uuid)
        .await;
    assert_eq!(found.unwrap().unwrap().name, "staff");
}

async fn an_unknown_source_is_missing(world: World) {
    let scope = tenant();
    let source = csv(&scope, "people");
    let missing =
        |error| matches!(error, StoreError::Missing { kind: "source", id } if id == source.uuid.0);
    assert!(missing(
        world
            .store
            .update_source(&scope, &source, None)
            .await
            .unwrap_err()
    ));
    let deleted = world
        .store
        .delete_source(&scope, "csv", &source.uuid, None)
        .await;
    assert!(missing(deleted.unwrap_err()));
}

async fn a_phonebook_source_needs_a_phonebook_of_the_tenant(world: World) {
    let (scope, other) = (tenant(), tenant());
    let foreign = world.store.create_phonebook(&other, "theirs", None);
    let foreign = foreign.await.unwrap().uuid;
    let mut source = csv(&scope, "book");
    for phonebook in [foreign, PhonebookId("unknown".into())] {
        source.phonebook = Some(phonebook);
        let refused = world.store.create_source(&scope, &source).await;
        assert!(matches!(
            refused,
            Err(StoreError::Missing {
                kind: "phonebook",
                ..
            })
        ));
    }
}

async fn a_phonebook_source_shows_its_phonebooks_name(world: World) {
    let scope = tenant();
    let book = world.store.create_phonebook(&scope, "\u{c9}quipe", None);
    let mut source = csv(&scope, "ignored");
    source.phonebook = Some(book.await.unwrap().uuid);
    world.store.create_source(&scope, &source).await.unwrap();
    world
        .store
        .create_source(&scope, &csv(&scope, "\u{c9}quipe"))
        .await
        .unwrap();
    let mut page = by_name();
    page.search = Some("equ".into());
    let listed = world
        .store
        .list_sources(&scope.alone(), None, &page)
        .await
        .unwrap();
    assert_eq!(names(&listed, |source| &source.name), ["\u{c9}quipe"; 2]);
    assert!(listed.items.contains(&Source {
        name: "\u{c9}quipe".into(),
        ..source
    }));
}

async fn a_deleted_source_leaves_profiles(world: World) {
    let scope = tenant();
    let (one, two) = (csv(&scope, "one"), csv(&scope, "two"));
    world.store.create_source(&scope, &one).await.unwrap();
    world.store.create_source(&scope, &two).await.unwrap();
    let mut default = profile(&scope, "default");
    default
        .services
        .insert("lookup".into(), service(&[&two, &one]));
    world.store.create_profile(&scope, &default).await.unwrap();
    world
        .store
        .delete_source(&scope, "csv", &two.uuid, None)
        .await
        .unwrap();
    let found = world
        .store
        .profile(&scope.alone(), &default.uuid)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.services["lookup"], service(&[&one]));
}

async fn sources_sort_by_backend_too(world: World) {
    let scope = tenant();
    for (name, backend) in [("c", "csv"), ("b", "ldap"), ("a", "csv")] {
        let mut source = csv(&scope, name);
        source.backend = backend.into();
        world.store.create_source(&scope, &source).await.unwrap();
    }
    let mut page = by_name();
    page.order = "backend";
    let listed = world
        .store
        .list_sources(&scope.alone(), None, &page)
        .await
        .unwrap();
    assert_eq!(names(&listed, |source| &source.name), ["a", "c", "b"]);
    page.descending = true;
    let listed = world
        .store
        .list_sources(&scope.alone(), None, &page)
        .await
        .unwrap();
    assert_eq!(names(&listed, |source| &source.name), ["b", "a", "c"]);
    page.filters = vec![("backend", "csv".into())];
    let listed = world
        .store
        .list_sources(&scope.alone(), None, &page)
        .await
        .unwrap();
    assert_eq!((listed.total, listed.filtered), (3, 2));
    let listed = world
        .store
        .list_sources(&scope.alone(), Some("ldap"), &by_name())
        .await
        .unwrap();
    assert_eq!((listed.total, listed.filtered), (1, 1));
}

async fn an_identifier_with_nul_finds_nothing(world: World) {
    let scope = tenant();
    world
        .store
        .create_source(&scope, &csv(&scope, "a"))
        .await
        .unwrap();
    let found = world
        .store
        .source(&scope.alone(), "csv", &SourceId("a\0b".into()))
        .await;
    assert_eq!(found.unwrap(), None);
    let mut page = by_name();
    page.search = Some("a\0".into());
    let listed = world
        .store
        .list_sources(&scope.alone(), None, &page)
        .await
        .unwrap();
    assert_eq!((listed.total, listed.filtered), (1, 0));
}
