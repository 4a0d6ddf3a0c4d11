//! Mirrors of remote directories.

use dird::identity::{SystemAuthority, UserId};
use dird::store::model::Source;
use dird::store::{MirrorContent, MirrorHead, MirrorKey, MirroredContact};

use crate::world::{World, csv, tenant};

on_both_engines!(
    a_mirror_comes_back_in_its_order_and_is_replaced_whole,
    changes_keep_places_and_append,
    a_write_from_an_old_version_or_without_a_source_changes_nothing,
    a_mirror_goes_with_its_source_and_its_user,
);

fn contact(id: &str, contact: &str) -> MirroredContact {
    MirroredContact {
        id: id.into(),
        contact: contact.into(),
    }
}

fn key(source: &Source, owner: &str) -> MirrorKey {
    MirrorKey {
        source: source.uuid.clone(),
        owner: owner.into(),
    }
}

fn at(version: i64, mark: Option<&str>) -> MirrorHead {
    MirrorHead {
        version,
        fingerprint: "f".into(),
        mark: mark.map(str::to_owned),
        fetched: 7 + version,
    }
}

fn many(count: usize) -> Vec<MirroredContact> {
    let numbered = (0..count).map(|number| contact(&format!("c{number}"), "\u{e9}"));
    numbered.collect()
}

async fn a_mirror_comes_back_in_its_order_and_is_replaced_whole(world: World) {
    let (store, scope) = (&world.store, tenant());
    let source = csv(&scope, "people");
    store.create_source(&scope, &source).await.unwrap();
    let key = key(&source, "");
    assert_eq!(store.mirror(&scope, &key).await.unwrap(), None);
    assert_eq!(store.mirrored(&scope, &key).await.unwrap(), None);
    let contacts = many(2500);
    let whole = MirrorContent::Whole(contacts.clone());
    let written = store
        .write_mirror(&scope, &key, &at(0, Some("m")), &whole)
        .await;
    assert_eq!(written.unwrap(), Some(1));
    let mut head = at(0, Some("m"));
    head.version = 1;
    let found = store.mirrored(&scope, &key).await.unwrap();
    assert_eq!(found, Some((head.clone(), contacts.clone())));
    assert_eq!(store.mirror(&scope, &key).await.unwrap(), Some(head));
    assert_eq!(store.mirror(&tenant(), &key).await.unwrap(), None);

    let same = store
        .write_mirror(&scope, &key, &at(1, None), &MirrorContent::Same)
        .await;
    assert_eq!(same.unwrap(), Some(2));
    let (head, kept) = store.mirrored(&scope, &key).await.unwrap().unwrap();
    assert_eq!((head.mark, head.fetched), (None, 8));
    assert_eq!(kept, contacts);
    let other = vec![contact("z", "1"), contact("a", "2")];
    let whole = MirrorContent::Whole(other.clone());
    let written = store.write_mirror(&scope, &key, &at(2, None), &whole).await;
    assert_eq!(written.unwrap(), Some(3));
    let found = store.mirrored(&scope, &key).await.unwrap();
    assert_eq!(found.unwrap().1, other);
}

async fn changes_keep_places_and_append(world: World) {
    let (store, scope) = (&world.store, tenant());
    let source = csv(&scope, "people");
    store.create_source(&scope, &source).await.unwrap();
    let key = key(&source, "somebody");
    let whole = MirrorContent::Whole(vec![
        contact("b", "1"),
        contact("a", "2"),
        contact("c", "3"),
    ]);
    let written = store.write_mirror(&scope, &key, &at(0, None), &whole).await;
    assert_eq!(written.unwrap(), Some(1));
    let changes = MirrorContent::Changes {
        written: vec![contact("n", "5"), contact("a", "4")],
        removed: vec!["b".into(), "unknown".into()],
    };
    let written = store
        .write_mirror(&scope, &key, &at(1, Some("next")), &changes)
        .await;
    assert_eq!(written.unwrap(), Some(2));
    let (head, contacts) = store.mirrored(&scope, &key).await.unwrap().unwrap();
    assert_eq!(head.mark.as_deref(), Some("next"));
    let expected = [contact("a", "4"), contact("c", "3"), contact("n", "5")];
    assert_eq!(contacts, expected);
}

async fn a_write_from_an_old_version_or_without_a_source_changes_nothing(world: World) {
    let (store, scope) = (&world.store, tenant());
    let source = csv(&scope, "people");
    let key = key(&source, "");
    let whole = MirrorContent::Whole(many(2));
    let written = store.write_mirror(&scope, &key, &at(0, None), &whole).await;
    assert_eq!(written.unwrap(), None, "there is no such source");
    store.create_source(&scope, &source).await.unwrap();
    let written = store.write_mirror(&scope, &key, &at(0, None), &whole).await;
    assert_eq!(written.unwrap(), Some(1));
    let empty = MirrorContent::Whole(Vec::new());
    for version in [0, 2, 7] {
        let written = store
            .write_mirror(&scope, &key, &at(version, None), &empty)
            .await;
        assert_eq!(written.unwrap(), None, "{version}");
    }
    let elsewhere = store
        .write_mirror(&tenant(), &key, &at(1, None), &empty)
        .await;
    assert_eq!(elsewhere.unwrap(), None);
    let found = store.mirrored(&scope, &key).await.unwrap();
    assert_eq!(found.unwrap().1, many(2));
}

async fn a_mirror_goes_with_its_source_and_its_user(world: World) {
    let (store, scope) = (&world.store, tenant());
    let (one, other) = (csv(&scope, "one"), csv(&scope, "other"));
    let user = UserId::new("somebody").unwrap();
    for source in [&one, &other] {
        store.create_source(&scope, source).await.unwrap();
        for owner in ["", "somebody"] {
            let whole = MirrorContent::Whole(many(2));
            let written = store
                .write_mirror(&scope, &key(source, owner), &at(0, None), &whole)
                .await;
            assert_eq!(written.unwrap(), Some(1));
        }
    }
    let by = SystemAuthority::new("test");
    store.forget_user(by, &user).await.unwrap();
    store
        .delete_source(&scope, "csv", &other.uuid, None)
        .await
        .unwrap();
    let there = async |source, owner| store.mirror(&scope, &key(source, owner)).await.unwrap();
    assert!(there(&one, "").await.is_some());
    assert_eq!(there(&one, "somebody").await, None);
    assert_eq!(there(&other, "").await, None);
}
