//! Profiles.

use std::collections::HashMap;

use dird::store::StoreError;
use dird::store::model::{DisplayId, Profile, ProfileService, SourceId};
use serde_json::{Map, json};

use crate::world::{World, csv, profile, service, tenant};

on_both_engines!(
    a_profile_comes_back_in_the_order_it_was_sent,
    refusals_come_in_the_documented_order_and_change_nothing,
    what_belongs_to_another_tenant_is_unknown,
    a_source_named_twice_is_kept_once,
    a_resolved_profile_has_all_that_a_lookup_needs,
    the_sources_of_a_resolved_profile_are_in_the_order_of_its_services,
    a_name_with_nul_resolves_to_nothing,
);

/// A profile over two sources and a display that exist.
async fn complete(world: &World, scope: &dird::identity::Tenant) -> Profile {
    let (one, two) = (csv(scope, "one"), csv(scope, "two"));
    world.store.create_source(scope, &one).await.unwrap();
    world.store.create_source(scope, &two).await.unwrap();
    let display = world.store.create_display(scope, "d", &[]).await.unwrap();
    let mut complete = profile(scope, "default");
    complete.display = Some(display.uuid);
    let mut options = Map::new();
    options.insert("zz".into(), json!(1));
    options.insert("a".into(), json!({"timeout": 0.5}));
    let lookup = ProfileService {
        options: Some(options),
        ..service(&[&two, &one])
    };
    complete.services.insert("reverse".into(), service(&[]));
    complete.services.insert("lookup".into(), lookup);
    complete
        .services
        .insert("favorites".into(), service(&[&one, &two]));
    complete
}

async fn stored(world: &World, wanted: &Profile) -> Profile {
    let scope = dird::identity::SystemAuthority::new("test").tenant(wanted.tenant.clone());
    let found = world.store.profile(&scope.alone(), &wanted.uuid).await;
    found.unwrap().unwrap()
}

async fn a_profile_comes_back_in_the_order_it_was_sent(world: World) {
    let scope = tenant();
    let mut wanted = complete(&world, &scope).await;
    world.store.create_profile(&scope, &wanted).await.unwrap();
    let found = stored(&world, &wanted).await;
    assert_eq!(found, wanted);
    let order = |profile: &Profile| profile.services.keys().cloned().collect::<Vec<_>>();
    assert_eq!(order(&found), order(&wanted));

    wanted.services.swap_remove("lookup");
    wanted.display = None;
    wanted.name = "other".into();
    world
        .store
        .update_profile(&scope, &wanted, None)
        .await
        .unwrap();
    assert_eq!(stored(&world, &wanted).await, wanted);
    world
        .store
        .delete_profile(&scope, &wanted.uuid, None)
        .await
        .unwrap();
    let gone = world.store.delete_profile(&scope, &wanted.uuid, None).await;
    assert!(matches!(
        gone,
        Err(StoreError::Missing {
            kind: "profile",
            ..
        })
    ));
}

/// What was refused, in a word.
fn refusal(result: Result<(), StoreError>) -> String {
    match result {
        Err(StoreError::NameTaken(name)) => format!("name {name}"),
        Err(StoreError::Missing { kind, id }) => format!("{kind} {id}"),
        other => format!("{other:?}"),
    }
}

async fn refusals_come_in_the_documented_order_and_change_nothing(world: World) {
    let scope = tenant();
    let kept = complete(&world, &scope).await;
    world.store.create_profile(&scope, &kept).await.unwrap();
    world
        .store
        .create_profile(&scope, &profile(&scope, "taken"))
        .await
        .unwrap();
    let mut wrong = kept.clone();
    let unknown = |id: &str| SourceId(id.to_owned());
    wrong.services["reverse"].sources = vec![unknown("s1"), unknown("s2")];
    wrong.services["lookup"].sources.push(unknown("s3"));
    wrong.display = Some(DisplayId("d1".into()));
    wrong.name = "taken".into();

    let mut stranger = wrong.clone();
    stranger.uuid.0 = "p1".into();
    assert_eq!(
        refusal(world.store.update_profile(&scope, &stranger, None).await),
        "profile p1"
    );
    for expected in [
        "name taken",
        "display d1",
        "source s1",
        "source s2",
        "source s3",
    ] {
        assert_eq!(
            refusal(world.store.update_profile(&scope, &wrong, None).await),
            expected
        );
        let added = Profile {
            uuid: stranger.uuid.clone(),
            ..wrong.clone()
        };
        assert_eq!(
            refusal(world.store.create_profile(&scope, &added).await),
            expected
        );
        match expected {
            "name taken" => wrong.name = "free".into(),
            "display d1" => wrong.display = None,
            "source s3" => {}
            _ => drop(wrong.services["reverse"].sources.remove(0)),
        }
    }
    assert_eq!(stored(&world, &kept).await, kept);
    let found = world.store.profile(&scope.alone(), &stranger.uuid).await;
    assert_eq!(found.unwrap(), None);
}

async fn what_belongs_to_another_tenant_is_unknown(world: World) {
    let (scope, other) = (tenant(), tenant());
    let theirs = complete(&world, &other).await;
    let mut wanted = profile(&scope, "default");
    wanted.display.clone_from(&theirs.display);
    let refused = refusal(world.store.create_profile(&scope, &wanted).await);
    assert!(refused.starts_with("display "), "{refused}");
    wanted.display = None;
    wanted.services = theirs.services;
    let refused = refusal(world.store.create_profile(&scope, &wanted).await);
    assert!(refused.starts_with("source "), "{refused}");
}

async fn a_source_named_twice_is_kept_once(world: World) {
    let scope = tenant();
    let (one, two) = (csv(&scope, "one"), csv(&scope, "two"));
    world.store.create_source(&scope, &one).await.unwrap();
    world.store.create_source(&scope, &two).await.unwrap();
    let mut wanted = profile(&scope, "default");
    wanted
        .services
        .insert("lookup".into(), service(&[&two, &one, &two]));
    world.store.create_profile(&scope, &wanted).await.unwrap();
    wanted
        .services
        .insert("lookup".into(), service(&[&two, &one]));
    assert_eq!(stored(&world, &wanted).await, wanted);
}

async fn a_resolved_profile_has_all_that_a_lookup_needs(world: World) {
    let scope = tenant();
    let wanted = complete(&world, &scope).await;
    world.store.create_profile(&scope, &wanted).await.unwrap();
    let unused = csv(&scope, "unused");
    world.store.create_source(&scope, &unused).await.unwrap();
    let found = world.store.resolve_profile(&scope, "default").await;
    let found = found.unwrap().unwrap();
    assert_eq!(found.profile, wanted);
    assert_eq!(found.display.map(|display| display.uuid), wanted.display);
    let mut ids: Vec<_> = found.sources.iter().map(|source| &source.uuid).collect();
    ids.sort_unstable();
    let mut named = wanted.services["lookup"].sources.iter().collect::<Vec<_>>();
    named.sort_unstable();
    assert_eq!(ids, named);
    let other = world.store.resolve_profile(&scope, "Default").await;
    assert_eq!(other.unwrap(), None);
}

async fn the_sources_of_a_resolved_profile_are_in_the_order_of_its_services(world: World) {
    let scope = tenant();
    let mut sources = HashMap::new();
    for name in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        let source = csv(&scope, name);
        world.store.create_source(&scope, &source).await.unwrap();
        sources.insert(name, source);
    }
    let mut wanted = profile(&scope, "default");
    for (name, asked) in [
        ("reverse", "h c a"),
        ("lookup", "c g b h"),
        ("favorites", "f a e d"),
    ] {
        let asked: Vec<_> = asked.split(' ').map(|name| &sources[name]).collect();
        wanted.services.insert(name.to_owned(), service(&asked));
    }
    world.store.create_profile(&scope, &wanted).await.unwrap();
    let found = world.store.resolve_profile(&scope, "default").await;
    let found = found.unwrap().unwrap();
    let names: String = found.sources.iter().map(|source| &*source.name).collect();
    assert_eq!(names, "hcagbfed");
}

async fn a_name_with_nul_resolves_to_nothing(world: World) {
    let found = world.store.resolve_profile(&tenant(), "default\0").await;
    assert_eq!(found.unwrap(), None);
}
