//! What those who follow a list read: everything, what has changed, or that they have to begin anew.

use dird::store::Followed;
use dird::store::model::Contact;

use crate::world::{World, book, contact};

on_both_engines!(
    followers_get_what_has_changed_since,
    a_follower_that_missed_too_much_is_told_to_reload,
    own_changes_raise_the_generation_before_they_are_acknowledged,
);

#[expect(clippy::too_many_lines, reason = "one story, told in order")]
async fn followers_get_what_has_changed_since(world: World) {
    let (scope, list) = book(&world).await;
    let (ann, bob) = (contact("Ann", "1"), contact("Bob", "2"));
    for contact in [&ann, &bob] {
        world
            .store
            .create_contact(&scope, &list, contact)
            .await
            .unwrap();
    }
    let before = world.store.contents(&scope, &list).await.unwrap();
    let edited = Contact {
        uuid: bob.uuid.clone(),
        ..contact("Zed", "9")
    };
    let cid = contact("Cid", "3");
    world
        .store
        .create_contact(&scope, &list, &cid)
        .await
        .unwrap();
    world
        .store
        .update_contact(&scope, &list, &edited, None)
        .await
        .unwrap();
    world
        .store
        .delete_contact(&scope, &list, &ann.uuid, None)
        .await
        .unwrap();
    let followed = world
        .store
        .follow(&scope, &list, before.standing.sequence)
        .await;
    let Followed::Changes {
        standing,
        written,
        removed,
    } = followed.unwrap()
    else {
        panic!("so little can be followed");
    };
    let contacts: Vec<&Contact> = written.iter().map(|placed| &placed.contact).collect();
    assert_eq!(contacts, [&cid, &edited]);
    assert_eq!(written[1].position, before.contacts[1].position);
    assert_eq!(removed, [ann.uuid]);
    let now = world.store.contents(&scope, &list).await.unwrap().standing;
    assert_eq!(standing, now);
    assert_eq!(
        world.store.version(&scope, &list).await.unwrap(),
        Some(now.version)
    );
    let nothing = world
        .store
        .follow(&scope, &list, now.sequence)
        .await
        .unwrap();
    let expected = Followed::Changes {
        standing: now,
        written: vec![],
        removed: vec![],
    };
    assert_eq!(nothing, expected);
}

async fn a_follower_that_missed_too_much_is_told_to_reload(world: World) {
    let (scope, list) = book(&world).await;
    world
        .store
        .create_contact(&scope, &list, &contact("Ann", "1"))
        .await
        .unwrap();
    let before = world.store.contents(&scope, &list).await.unwrap().standing;
    world.store.clear_contacts(&scope, &list).await.unwrap();
    let followed = world
        .store
        .follow(&scope, &list, before.sequence)
        .await
        .unwrap();
    assert_eq!(followed, Followed::Reload);
    // As after a restore of the database: the follower knows a future.
    let followed = world
        .store
        .follow(&scope, &list, before.sequence + 100)
        .await
        .unwrap();
    assert_eq!(followed, Followed::Reload);
    let after = world.store.contents(&scope, &list).await.unwrap();
    assert!(after.contacts.is_empty());
    let mut import = world.store.import_contacts(&scope, &list).await.unwrap();
    let many: Vec<Contact> = (0..10_001)
        .map(|number| contact("x", &number.to_string()))
        .collect();
    import.add(&many).await.unwrap();
    import.commit().await.unwrap();
    let followed = world
        .store
        .follow(&scope, &list, after.standing.sequence)
        .await
        .unwrap();
    assert_eq!(followed, Followed::Reload);
}

async fn own_changes_raise_the_generation_before_they_are_acknowledged(world: World) {
    let (scope, list) = book(&world).await;
    let ann = contact("Ann", "1");
    let mut before = world.store.contents_generation();
    let mut raised = |what: &str| {
        let now = world.store.contents_generation();
        assert!(now > before, "{what}");
        before = now;
    };
    world
        .store
        .create_contact(&scope, &list, &ann)
        .await
        .unwrap();
    raised("create");
    world
        .store
        .update_contact(&scope, &list, &ann, None)
        .await
        .unwrap();
    raised("update");
    world
        .store
        .delete_contact(&scope, &list, &ann.uuid, None)
        .await
        .unwrap();
    raised("delete");
    let mut import = world.store.import_contacts(&scope, &list).await.unwrap();
    import.add(&[ann]).await.unwrap();
    import.commit().await.unwrap();
    raised("import");
    world.store.clear_contacts(&scope, &list).await.unwrap();
    raised("clear");
}
