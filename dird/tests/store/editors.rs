//! Editors who say what they change: what somebody else has changed meanwhile they neither replace nor remove.

use std::fmt::Debug;

use dird::store::model::{Contact, Phonebook, Profile, Source};
use dird::store::{StoreError, Stored};

use crate::world::{World, book, columns, contact, csv, profile, tenant};

on_both_engines!(
    who_knows_an_older_source_changes_nothing,
    who_knows_an_older_display_changes_nothing,
    who_knows_an_older_profile_changes_nothing,
    who_knows_an_older_phonebook_changes_nothing,
    who_knows_an_older_contact_changes_nothing,
);

fn refused<T: Debug>(done: &Stored<T>) {
    assert!(matches!(done, Err(StoreError::Changed)), "{done:?}");
}

async fn who_knows_an_older_source_changes_nothing(world: World) {
    let (scope, store) = (tenant(), world.store);
    let old = csv(&scope, "old");
    store.create_source(&scope, &old).await.unwrap();
    let new = Source {
        name: "new".into(),
        ..old.clone()
    };
    let edited = store.update_source(&scope, &new, Some(&old));
    edited.await.unwrap();
    refused(&store.update_source(&scope, &old, Some(&old)).await);
    refused(
        &store
            .delete_source(&scope, "csv", &old.uuid, Some(&old))
            .await,
    );
    let kept = store.source(&scope.alone(), "csv", &old.uuid).await;
    assert_eq!(kept.unwrap().as_ref(), Some(&new));
    let deleted = store.delete_source(&scope, "csv", &old.uuid, Some(&new));
    deleted.await.unwrap();
}

async fn who_knows_an_older_display_changes_nothing(world: World) {
    let (scope, store) = (tenant(), world.store);
    let old = store.create_display(&scope, "old", &columns("fn")).await;
    let old = old.unwrap();
    let mut new = old.clone();
    new.columns = columns("number");
    let edited = store.update_display(&scope, &new, Some(&old));
    edited.await.unwrap();
    refused(&store.update_display(&scope, &old, Some(&old)).await);
    refused(&store.delete_display(&scope, &old.uuid, Some(&old)).await);
    let kept = store.display(&scope.alone(), &old.uuid).await.unwrap();
    assert_eq!(kept.as_ref(), Some(&new));
    let deleted = store.delete_display(&scope, &old.uuid, Some(&new));
    deleted.await.unwrap();
}

async fn who_knows_an_older_profile_changes_nothing(world: World) {
    let (scope, store) = (tenant(), world.store);
    let old = profile(&scope, "old");
    store.create_profile(&scope, &old).await.unwrap();
    let new = Profile {
        name: "new".into(),
        ..old.clone()
    };
    let edited = store.update_profile(&scope, &new, Some(&old));
    edited.await.unwrap();
    refused(&store.update_profile(&scope, &old, Some(&old)).await);
    refused(&store.delete_profile(&scope, &old.uuid, Some(&old)).await);
    let kept = store.profile(&scope.alone(), &old.uuid).await.unwrap();
    assert_eq!(kept.as_ref(), Some(&new));
    let deleted = store.delete_profile(&scope, &old.uuid, Some(&new));
    deleted.await.unwrap();
}

async fn who_knows_an_older_phonebook_changes_nothing(world: World) {
    let (scope, store) = (tenant(), world.store);
    let old = store.create_phonebook(&scope, "old", None).await.unwrap();
    let new = Phonebook {
        description: Some("new".into()),
        ..old.clone()
    };
    let edited = store.update_phonebook(&scope, &new, Some(&old));
    edited.await.unwrap();
    refused(&store.update_phonebook(&scope, &old, Some(&old)).await);
    refused(&store.delete_phonebook(&scope, &old.uuid, Some(&old)).await);
    let kept = store.phonebook_named(&scope, "old").await.unwrap();
    assert_eq!(kept.as_ref(), Some(&new));
    let deleted = store.delete_phonebook(&scope, &old.uuid, Some(&new));
    deleted.await.unwrap();
}

async fn who_knows_an_older_contact_changes_nothing(world: World) {
    let (scope, list) = book(&world).await;
    let store = world.store;
    let old = contact("Ann", "1");
    store.create_contact(&scope, &list, &old).await.unwrap();
    let new = Contact {
        uuid: old.uuid.clone(),
        ..contact("Ann", "2")
    };
    let edited = store.update_contact(&scope, &list, &new, Some(&old));
    edited.await.unwrap();
    refused(&store.update_contact(&scope, &list, &old, Some(&old)).await);
    refused(
        &store
            .delete_contact(&scope, &list, &old.uuid, Some(&old))
            .await,
    );
    let kept = store.contact(&scope, &list, &old.uuid).await.unwrap();
    assert_eq!(kept.as_ref(), Some(&new));
    let deleted = store.delete_contact(&scope, &list, &old.uuid, Some(&new));
    deleted.await.unwrap();
}
