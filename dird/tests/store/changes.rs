//! What subscribers are told.

use std::time::Duration;

use dird::identity::{SystemAuthority, UserId};
use dird::store::model::Profile;
use dird::store::{Change, Changed, Holder, Journal, open};
use tokio::sync::broadcast::Receiver;
use tokio::time::timeout;

use crate::world::{World, book, contact, csv, profile, tenant};

on_both_engines!(
    every_change_of_what_is_configured_is_told,
    a_refused_change_is_not_told,
    changes_by_another_process_are_told,
    a_dropped_store_tells_no_more,
    what_has_changed_is_noted_with_its_place,
    what_another_server_changed_is_noted_too,
);

/// Waits for a change that concerns `scope`.
async fn told(changes: &mut Receiver<Changed>, scope: &dird::identity::Tenant) -> bool {
    let wanted = Changed::Tenant(scope.id().clone());
    let wait = async {
        while let Ok(changed) = changes.recv().await {
            if changed == wanted || changed == Changed::Everything {
                return true;
            }
        }
        false
    };
    timeout(Duration::from_secs(10), wait)
        .await
        .unwrap_or(false)
}

/// True if a change of exactly this tenant is told already. Takes all that was told.
fn told_at_once(changes: &mut Receiver<Changed>, scope: &dird::identity::Tenant) -> bool {
    let mut found = false;
    while let Ok(changed) = changes.try_recv() {
        found |= changed == Changed::Tenant(scope.id().clone());
    }
    found
}

async fn every_change_of_what_is_configured_is_told(world: World) {
    let store = &world.store;
    let mut changes = store.subscribe();
    // A tenant for each step: the other servers' notices of an earlier one may come late.
    for step in 0..10 {
        let scope = tenant();
        let (mut source, mut default) = (csv(&scope, "people"), profile(&scope, "default"));
        store.create_source(&scope, &source).await.unwrap();
        store.create_profile(&scope, &default).await.unwrap();
        let mut display = store.create_display(&scope, "d", &[]).await.unwrap();
        assert!(told_at_once(&mut changes, &scope));
        source.name = "staff".into();
        default.name = "other".into();
        display.name = "e".into();
        let other = Profile {
            name: "third".into(),
            ..profile(&scope, "")
        };
        match step {
            0 => store.update_source(&scope, &source, None).await.unwrap(),
            1 => store
                .delete_source(&scope, "csv", &source.uuid, None)
                .await
                .unwrap(),
            2 => store.update_display(&scope, &display, None).await.unwrap(),
            3 => store
                .delete_display(&scope, &display.uuid, None)
                .await
                .unwrap(),
            4 => store.create_profile(&scope, &other).await.unwrap(),
            5 => store.update_profile(&scope, &default, None).await.unwrap(),
            6 => store
                .delete_profile(&scope, &default.uuid, None)
                .await
                .unwrap(),
            7 => drop(store.create_phonebook(&scope, "book", None).await.unwrap()),
            8 => drop(store.create_display(&scope, "f", &[]).await.unwrap()),
            _ => store
                .create_source(&scope, &csv(&scope, "new"))
                .await
                .unwrap(),
        }
        assert!(told_at_once(&mut changes, &scope), "step {step}");
    }
}

async fn a_refused_change_is_not_told(world: World) {
    let scope = tenant();
    let mut changes = world.store.subscribe();
    world
        .store
        .update_source(&scope, &csv(&scope, "unknown"), None)
        .await
        .unwrap_err();
    assert!(!told_at_once(&mut changes, &scope));
    assert!(world.store.tenants().await.unwrap().is_empty());
}

async fn changes_by_another_process_are_told(world: World) {
    let other = open(&world.uri).await.unwrap();
    let scope = tenant();
    let mut changes = world.store.subscribe();
    // Not before the follower is at work, which it shows by the first thing that it tells.
    other
        .create_source(&scope, &csv(&scope, "first"))
        .await
        .unwrap();
    while !told(&mut changes, &scope).await {
        other
            .create_source(&scope, &csv(&scope, &scope.id().to_string()))
            .await
            .unwrap();
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    while changes.try_recv().is_ok() {}
    let mut quickest = Duration::MAX;
    for name in ["second", "third", "fourth"] {
        let started = tokio::time::Instant::now();
        other
            .create_source(&scope, &csv(&scope, name))
            .await
            .unwrap();
        assert!(told(&mut changes, &scope).await);
        quickest = quickest.min(started.elapsed());
    }
    // One may be late on a busy machine. All are, if news is only looked for every two seconds.
    assert!(quickest < Duration::from_millis(1500), "{quickest:?}");
}

async fn a_dropped_store_tells_no_more(world: World) {
    let store = open(&world.uri).await.unwrap();
    store.ping().await.unwrap();
    let mut changes = store.subscribe();
    drop(store);
    let ended = async { while changes.recv().await.is_ok() {} };
    timeout(Duration::from_secs(20), ended).await.unwrap();
}

/// What was noted after `number`, without what is about everything.
fn noted(journal: &Journal, number: u64) -> Vec<Change> {
    let noted = journal.after(number, usize::MAX).unwrap();
    noted.into_iter().filter_map(|noted| noted.change).collect()
}

async fn what_has_changed_is_noted_with_its_place(world: World) {
    let (store, journal) = (&world.store, world.store.journal());
    let (scope, list) = book(&world).await;
    let (tenant, user) = (scope.id().clone(), UserId::random());
    let of_user = Change::Contacts(tenant.clone(), Holder::User(user.clone()));
    let mine = store.open_personal_list(&scope, &user).await.unwrap();
    let source = csv(&scope, "people");
    let mut last = journal.last();
    let mut since = || noted(&journal, std::mem::replace(&mut last, journal.last()));
    since();

    store.create_source(&scope, &source).await.unwrap();
    let of_source = Change::Configuration(tenant.clone(), Some(source.uuid.clone()));
    assert_eq!(since(), std::slice::from_ref(&of_source));
    let ada = contact("Ada", "1");
    store.create_contact(&scope, &list, &ada).await.unwrap();
    store
        .delete_contact(&scope, &list, &ada.uuid, None)
        .await
        .unwrap();
    let phonebook = dird::store::model::PhonebookId(list.0.clone());
    let of_book = Change::Contacts(tenant.clone(), Holder::Phonebook(phonebook));
    assert_eq!(since(), [of_book.clone(), of_book.clone()]);
    let mut import = store.import_contacts(&scope, &list).await.unwrap();
    for number in 0..3 {
        let batch = [contact("Bea", &number.to_string())];
        import.add(&batch).await.unwrap();
    }
    assert_eq!(since(), [], "nothing is committed");
    import.commit().await.unwrap();
    assert_eq!(since(), [of_book], "an import is one change");
    store.create_contact(&scope, &mine, &ada).await.unwrap();
    assert_eq!(since(), std::slice::from_ref(&of_user));
    let favorite = Change::Favorites(tenant.clone(), user.clone());
    store
        .add_favorite(&scope, &user, &source.uuid, "1")
        .await
        .unwrap();
    store
        .remove_favorite(&scope, &user, &source.uuid, "1")
        .await
        .unwrap();
    assert_eq!(since(), [favorite.clone(), favorite]);
    store
        .delete_source(&scope, "csv", &source.uuid, None)
        .await
        .unwrap();
    assert_eq!(since(), [of_source]);
    let by = SystemAuthority::new("test");
    store.forget_user(by, &user).await.unwrap();
    assert_eq!(since(), [of_user]);
    store.erase(&scope).await.unwrap();
    assert_eq!(since(), [Change::Configuration(tenant, None)]);
}

async fn what_another_server_changed_is_noted_too(world: World) {
    let other = open(&world.uri).await.unwrap();
    let journal = world.store.journal();
    let (scope, list) = book(&world).await;
    let mut news = journal.watch();
    let last = journal.last();
    let phonebook = dird::store::model::PhonebookId(list.0.clone());
    let of_book = Change::Contacts(scope.id().clone(), Holder::Phonebook(phonebook));
    // One engine tells what has changed, the other that something has; a follower that was just started says so, too.
    let heard = async {
        let mut number = 0;
        loop {
            number += 1;
            let written = contact("Ada", &number.to_string());
            other.create_contact(&scope, &list, &written).await.unwrap();
            if timeout(Duration::from_secs(2), news.changed())
                .await
                .is_err()
            {
                continue;
            }
            let noted = journal.after(last, usize::MAX).unwrap();
            let told = |change: &Option<Change>| match change {
                None => world.uri.starts_with("sqlite:"),
                Some(change) => *change == of_book,
            };
            if noted.iter().any(|noted| told(&noted.change)) {
                return;
            }
        }
    };
    timeout(Duration::from_secs(60), heard).await.unwrap();
}
