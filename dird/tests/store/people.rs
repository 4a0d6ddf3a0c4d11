//! What belongs to users.

use dird::identity::{SystemAuthority, UserId};
use dird::store::StoreError;
use dird::store::model::SourceId;

use crate::world::{World, contact, csv, tenant};

on_both_engines!(
    a_user_has_one_list_in_a_tenant,
    favourites_are_bound_to_a_source_of_the_tenant,
    favourites_go_with_their_source,
    a_forgotten_user_leaves_nothing,
);

async fn a_user_has_one_list_in_a_tenant(world: World) {
    let (scope, other, user) = (tenant(), tenant(), UserId::random());
    assert_eq!(
        world.store.personal_list(&scope, &user).await.unwrap(),
        None
    );
    world.store.set_country(&scope, None).await.unwrap();
    let opened = {
        let open = || world.store.open_personal_list(&scope, &user);
        let (one, two, three) = tokio::join!(open(), open(), open());
        let one = one.unwrap();
        assert_eq!((&one, &one), (&two.unwrap(), &three.unwrap()));
        one
    };
    assert_eq!(
        world.store.personal_list(&scope, &user).await.unwrap(),
        Some(opened.clone())
    );
    assert_eq!(
        world.store.personal_list(&other, &user).await.unwrap(),
        None
    );
    world
        .store
        .create_contact(&scope, &opened, &contact("Ann", "1"))
        .await
        .unwrap();
    let foreign = world.store.contents(&other, &opened).await;
    assert!(matches!(foreign, Err(StoreError::Missing { .. })));
}

async fn favourites_are_bound_to_a_source_of_the_tenant(world: World) {
    let (scope, other) = (tenant(), tenant());
    let (ann, bob) = (UserId::random(), UserId::random());
    let source = csv(&scope, "people");
    world.store.create_source(&scope, &source).await.unwrap();
    let add = |scope, user, contact| world.store.add_favorite(scope, user, &source.uuid, contact);
    add(&scope, &ann, "1/%").await.unwrap();
    assert!(matches!(
        add(&scope, &ann, "1/%").await,
        Err(StoreError::Duplicate)
    ));
    add(&scope, &bob, "1/%").await.unwrap();
    let refused = add(&other, &ann, "2").await;
    assert!(matches!(
        refused,
        Err(StoreError::Missing { kind: "source", .. })
    ));
    let mine = world.store.favorites(&scope, &ann).await.unwrap();
    assert_eq!(mine, [(source.uuid.clone(), "1/%".to_owned())]);
    assert!(
        world
            .store
            .favorites(&other, &ann)
            .await
            .unwrap()
            .is_empty()
    );
    let remove = |contact| {
        world
            .store
            .remove_favorite(&scope, &ann, &source.uuid, contact)
    };
    for contact in ["2", "2\0"] {
        let refused = remove(contact).await;
        assert!(matches!(
            refused,
            Err(StoreError::Missing {
                kind: "favorite",
                ..
            })
        ));
    }
    remove("1/%").await.unwrap();
    assert!(
        world
            .store
            .favorites(&scope, &ann)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(world.store.favorites(&scope, &bob).await.unwrap().len(), 1);
}

async fn favourites_go_with_their_source(world: World) {
    let (scope, ann) = (tenant(), UserId::random());
    let source = csv(&scope, "people");
    world.store.create_source(&scope, &source).await.unwrap();
    world
        .store
        .add_favorite(&scope, &ann, &source.uuid, "1")
        .await
        .unwrap();
    world
        .store
        .delete_source(&scope, "csv", &source.uuid, None)
        .await
        .unwrap();
    assert!(
        world
            .store
            .favorites(&scope, &ann)
            .await
            .unwrap()
            .is_empty()
    );
    let unknown = SourceId("unknown".into());
    let refused = world.store.add_favorite(&scope, &ann, &unknown, "1").await;
    assert!(matches!(
        refused,
        Err(StoreError::Missing { kind: "source", .. })
    ));
}

async fn a_forgotten_user_leaves_nothing(world: World) {
    let (scope, ann, bob) = (tenant(), UserId::random(), UserId::random());
    let source = csv(&scope, "people");
    world.store.create_source(&scope, &source).await.unwrap();
    for user in [&ann, &bob] {
        world
            .store
            .add_favorite(&scope, user, &source.uuid, "1")
            .await
            .unwrap();
        let list = world.store.open_personal_list(&scope, user).await.unwrap();
        world
            .store
            .create_contact(&scope, &list, &contact("x", "1"))
            .await
            .unwrap();
    }
    let list = world
        .store
        .personal_list(&scope, &ann)
        .await
        .unwrap()
        .unwrap();
    let before = world.store.contents_generation();
    world
        .store
        .forget_user(SystemAuthority::new("test"), &ann)
        .await
        .unwrap();
    assert!(world.store.contents_generation() > before);
    assert_eq!(world.store.version(&scope, &list).await.unwrap(), None);
    assert_eq!(world.store.personal_list(&scope, &ann).await.unwrap(), None);
    assert!(
        world
            .store
            .favorites(&scope, &ann)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(world.store.favorites(&scope, &bob).await.unwrap().len(), 1);
    assert!(
        world
            .store
            .personal_list(&scope, &bob)
            .await
            .unwrap()
            .is_some()
    );
}
