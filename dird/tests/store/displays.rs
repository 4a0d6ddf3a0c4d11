//! Displays.

use dird::store::StoreError;
use dird::store::model::{Display, DisplayId};

use crate::world::{World, columns, profile, tenant};

on_both_engines!(
    a_display_is_made_changed_and_removed,
    names_of_displays_are_free,
    a_deleted_display_leaves_its_profiles,
    an_unknown_display_is_missing,
);

async fn a_display_is_made_changed_and_removed(world: World) {
    let scope = tenant();
    let made = world
        .store
        .create_display(&scope, "d", &columns("b"))
        .await
        .unwrap();
    let expected = Display {
        uuid: made.uuid.clone(),
        tenant: scope.id().clone(),
        name: "d".into(),
        columns: columns("b"),
    };
    assert_eq!(made, expected);
    let alone = scope.alone();
    let find = || world.store.display(&alone, &expected.uuid);
    assert_eq!(find().await.unwrap(), Some(made.clone()));
    let changed = Display {
        name: "e".into(),
        columns: Vec::new(),
        ..made
    };
    world
        .store
        .update_display(&scope, &changed, None)
        .await
        .unwrap();
    assert_eq!(find().await.unwrap(), Some(changed));
    world
        .store
        .delete_display(&scope, &expected.uuid, None)
        .await
        .unwrap();
    assert_eq!(find().await.unwrap(), None);
}

async fn names_of_displays_are_free(world: World) {
    let scope = tenant();
    let one = world
        .store
        .create_display(&scope, "same", &[])
        .await
        .unwrap();
    let two = world
        .store
        .create_display(&scope, "same", &[])
        .await
        .unwrap();
    assert_ne!(one.uuid, two.uuid);
}

async fn a_deleted_display_leaves_its_profiles(world: World) {
    let scope = tenant();
    let display = world.store.create_display(&scope, "d", &[]).await.unwrap();
    let mut default = profile(&scope, "default");
    default.display = Some(display.uuid.clone());
    world.store.create_profile(&scope, &default).await.unwrap();
    world
        .store
        .delete_display(&scope, &display.uuid, None)
        .await
        .unwrap();
    let found = world
        .store
        .profile(&scope.alone(), &default.uuid)
        .await
        .unwrap();
    assert_eq!(found.unwrap().display, None);
}

async fn an_unknown_display_is_missing(world: World) {
    let scope = tenant();
    let display = Display {
        uuid: DisplayId("nul\0".into()),
        tenant: scope.id().clone(),
        name: "d".into(),
        columns: Vec::new(),
    };
    assert_eq!(
        world
            .store
            .display(&scope.alone(), &display.uuid)
            .await
            .unwrap(),
        None
    );
    let unknown = Display {
        uuid: DisplayId("unknown".into()),
        ..display
    };
    let updated = world.store.update_display(&scope, &unknown, None).await;
    assert!(matches!(
        updated,
        Err(StoreError::Missing {
            kind: "display",
            ..
        })
    ));
    let deleted = world
        .store
        .delete_display(&scope, &unknown.uuid, None)
        .await;
    assert!(matches!(
        deleted,
        Err(StoreError::Missing {
            kind: "display",
            ..
        })
    ));
}
