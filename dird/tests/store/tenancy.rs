//! Tenants as the platform speaks of them.

use dird::identity::Tenant;
use dird::store::Changed;
use dird::store::model::{Defaults, Display, DisplayId, random_id};

use crate::world::{World, by_name, columns, contact, csv, names, profile, service, tenant};

on_both_engines!(
    the_country_of_a_tenant_is_remembered_replaced_and_forgotten,
    an_erased_tenant_takes_everything_with_it_and_nothing_of_others,
    erasing_is_told_to_subscribers,
    defaults_come_all_at_once_and_only_once,
    defaults_take_what_is_there_and_do_without_what_is_taken,
    defaults_that_fail_leave_nothing_behind,
);

async fn the_country_of_a_tenant_is_remembered_replaced_and_forgotten(world: World) {
    let (one, other) = (tenant(), tenant());
    let store = &world.store;
    assert_eq!(store.country(&one).await.unwrap(), None);
    for country in [Some("CA"), Some("FR"), None] {
        store.set_country(&one, country).await.unwrap();
        assert_eq!(store.country(&one).await.unwrap().as_deref(), country);
    }
    assert_eq!(store.country(&other).await.unwrap(), None);
}

async fn an_erased_tenant_takes_everything_with_it_and_nothing_of_others(world: World) {
    let (gone, stays) = (tenant(), tenant());
    let store = &world.store;
    for scope in [&gone, &stays] {
        let source = csv(scope, "people");
        store.create_source(scope, &source).await.unwrap();
        let mut default = profile(scope, "default");
        default
            .services
            .insert("lookup".into(), service(&[&source]));
        store.create_profile(scope, &default).await.unwrap();
        store.create_display(scope, "d", &[]).await.unwrap();
        let book = store.create_phonebook(scope, "book", None).await.unwrap();
        let (list, ada) = ((&book.uuid).into(), contact("Ada", "1"));
        store.create_contact(scope, &list, &ada).await.unwrap();
    }
    assert!(store.erase(&gone).await.unwrap());
    assert!(!store.erase(&gone).await.unwrap(), "there is nothing left");
    for (scope, left) in [(&gone, 0), (&stays, 1)] {
        let (alone, page) = (scope.alone(), by_name());
        let sources = store.list_sources(&alone, None, &page).await.unwrap();
        let profiles = store.list_profiles(&alone, &page).await.unwrap();
        let displays = store.list_displays(&alone, &page).await.unwrap();
        let counts = [sources.total, profiles.total, displays.total];
        assert_eq!(counts, [left; 3]);
        let book = store.phonebook_named(scope, "book").await.unwrap();
        assert_eq!(book.is_some(), left > 0);
    }
}

async fn erasing_is_told_to_subscribers(world: World) {
    let scope = tenant();
    let source = csv(&scope, "people");
    world.store.create_source(&scope, &source).await.unwrap();
    let mut changes = world.store.subscribe();
    world.store.erase(&scope).await.unwrap();
    let wanted = Changed::Tenant(scope.id().clone());
    while changes.recv().await.unwrap() != wanted {}
}

/// Two sources, a display, and a profile that asks both.
fn defaults(scope: &Tenant) -> Defaults {
    let sources = vec![csv(scope, "one"), csv(scope, "two")];
    let display = Display {
        uuid: DisplayId(random_id()),
        tenant: scope.id().clone(),
        name: "auto".into(),
        columns: columns("phone"),
    };
    let mut profile = profile(scope, "default");
    profile.display = Some(display.uuid.clone());
    let asked = service(&sources.iter().collect::<Vec<_>>());
    profile.services.insert("lookup".into(), asked);
    Defaults {
        sources,
        display,
        profile,
    }
}

/// Names of the sources and displays of a tenant.
async fn named(world: &World, scope: &Tenant) -> [Vec<String>; 2] {
    let (alone, page) = (scope.alone(), by_name());
    let sources = world.store.list_sources(&alone, None, &page).await.unwrap();
    let displays = world.store.list_displays(&alone, &page).await.unwrap();
    [
        names(&sources, |source| &source.name),
        names(&displays, |display| &display.name),
    ]
}

async fn defaults_come_all_at_once_and_only_once(world: World) {
    let (scope, store) = (tenant(), &world.store);
    let wanted = defaults(&scope);
    assert!(store.create_defaults(&scope, wanted.clone()).await.unwrap());
    let found = store.resolve_profile(&scope, "default").await.unwrap();
    let found = found.unwrap();
    assert_eq!(found.profile, wanted.profile);
    assert_eq!(found.display, Some(wanted.display));
    assert_eq!(found.sources.len(), 2);
    let again = store.create_defaults(&scope, defaults(&scope)).await;
    assert!(!again.unwrap(), "the profile is there");
    let expected = [vec!["one".to_owned(), "two".into()], vec!["auto".into()]];
    assert_eq!(named(&world, &scope).await, expected);
}

async fn defaults_take_what_is_there_and_do_without_what_is_taken(world: World) {
    let (scope, store) = (tenant(), &world.store);
    let (known, mut other) = (csv(&scope, "one"), csv(&scope, "two"));
    other.backend = "ldap".into();
    for source in [&known, &other] {
        store.create_source(&scope, source).await.unwrap();
    }
    let display = store.create_display(&scope, "auto", &[]).await.unwrap();
    assert!(
        store
            .create_defaults(&scope, defaults(&scope))
            .await
            .unwrap()
    );
    let found = store.resolve_profile(&scope, "default").await.unwrap();
    let profile = found.unwrap().profile;
    assert_eq!(profile.display, Some(display.uuid));
    assert_eq!(profile.services["lookup"].sources, [known.uuid]);
    let expected = [vec!["one".to_owned(), "two".into()], vec!["auto".into()]];
    assert_eq!(named(&world, &scope).await, expected);
}

async fn defaults_that_fail_leave_nothing_behind(world: World) {
    let scope = tenant();
    let mut wanted = defaults(&scope);
    wanted.profile.display = Some(DisplayId(random_id()));
    let refused = world.store.create_defaults(&scope, wanted).await;
    assert!(refused.is_err(), "its display is not there");
    assert_eq!(named(&world, &scope).await, [Vec::<String>::new(), vec![]]);
    let wanted = defaults(&scope);
    assert!(world.store.create_defaults(&scope, wanted).await.unwrap());
}
