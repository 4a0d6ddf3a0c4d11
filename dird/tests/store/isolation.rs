//! What a tenant has is nobody else's.

use dird::store::StoreError;

use crate::world::{World, by_name, columns, csv, profile, tenant};

on_both_engines!(
    another_tenants_objects_are_never_seen,
    another_tenants_objects_are_never_changed,
    tenants_share_names,
);

#[expect(
    clippy::too_many_lines,
    reason = "every function that reads, one after the other"
)]
async fn another_tenants_objects_are_never_seen(world: World) {
    let (owner, other) = (tenant(), tenant());
    let (source, default) = (csv(&owner, "people"), profile(&owner, "default"));
    world.store.create_source(&owner, &source).await.unwrap();
    world.store.create_profile(&owner, &default).await.unwrap();
    let display = world.store.create_display(&owner, "d", &[]).await.unwrap();
    world
        .store
        .create_phonebook(&owner, "book", None)
        .await
        .unwrap();
    let scope = other.alone();
    assert_eq!(
        world
            .store
            .source(&scope, "csv", &source.uuid)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        world.store.profile(&scope, &default.uuid).await.unwrap(),
        None
    );
    assert_eq!(
        world.store.display(&scope, &display.uuid).await.unwrap(),
        None
    );
    assert_eq!(
        world
            .store
            .resolve_profile(&other, "default")
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        world.store.phonebook_named(&other, "book").await.unwrap(),
        None
    );
    assert_eq!(
        world
            .store
            .list_sources(&scope, None, &by_name())
            .await
            .unwrap()
            .total,
        0
    );
    assert_eq!(
        world
            .store
            .list_profiles(&scope, &by_name())
            .await
            .unwrap()
            .total,
        0
    );
    assert_eq!(
        world
            .store
            .list_displays(&scope, &by_name())
            .await
            .unwrap()
            .total,
        0
    );
}

async fn another_tenants_objects_are_never_changed(world: World) {
    let (owner, other) = (tenant(), tenant());
    let (source, default) = (csv(&owner, "people"), profile(&owner, "default"));
    world.store.create_source(&owner, &source).await.unwrap();
    world.store.create_profile(&owner, &default).await.unwrap();
    let display = world
        .store
        .create_display(&owner, "d", &columns("a"))
        .await
        .unwrap();
    let (mut worse, mut renamed, mut emptied) = (source.clone(), default.clone(), display.clone());
    (worse.name, renamed.name) = ("x".into(), "x".into());
    emptied.columns.clear();
    let refused = [
        world.store.update_source(&other, &worse, None).await,
        world
            .store
            .delete_source(&other, "csv", &source.uuid, None)
            .await,
        world.store.update_profile(&other, &renamed, None).await,
        world
            .store
            .delete_profile(&other, &default.uuid, None)
            .await,
        world.store.update_display(&other, &emptied, None).await,
        world
            .store
            .delete_display(&other, &display.uuid, None)
            .await,
    ];
    for refused in refused {
        assert!(
            matches!(refused, Err(StoreError::Missing { .. })),
            "{refused:?}"
        );
    }
    let scope = owner.alone();
    assert_eq!(
        world
            .store
            .source(&scope, "csv", &source.uuid)
            .await
            .unwrap(),
        Some(source)
    );
    assert_eq!(
        world.store.profile(&scope, &default.uuid).await.unwrap(),
        Some(default)
    );
    assert_eq!(
        world.store.display(&scope, &display.uuid).await.unwrap(),
        Some(display)
    );
}

async fn tenants_share_names(world: World) {
    for scope in [tenant(), tenant()] {
        world
            .store
            .create_source(&scope, &csv(&scope, "people"))
            .await
            .unwrap();
        world
            .store
            .create_profile(&scope, &profile(&scope, "default"))
            .await
            .unwrap();
    }
}
