//! Lists in memory, over a store that is written to.

use std::sync::Arc;

use dird::index::{Columns, ListKey, Lists};
use dird::slow_lane::SlowLane;
use dird::store::model::Contact;
use tokio_util::sync::CancellationToken;

use crate::world::{World, contact, tenant};

on_both_engines!(
    a_list_that_was_being_read_has_what_was_written_meanwhile,
    a_long_list_is_asked_of_the_store_until_it_is_read,
);

/// A phonebook of so many contacts, and how it is searched.
async fn filled(world: &World, count: usize) -> ListKey {
    let scope = tenant();
    let book = world.store.create_phonebook(&scope, "book", None).await;
    let list = (&book.unwrap().uuid).into();
    let contacts = (0..count).map(|number| contact("Filler", &number.to_string()));
    let contacts: Vec<Contact> = contacts.collect();
    let mut import = world.store.import_contacts(&scope, &list).await.unwrap();
    import.add(&contacts).await.unwrap();
    import.commit().await.unwrap();
    ListKey {
        tenant: scope,
        list,
        columns: Columns {
            searched: vec!["firstname".into(), "number".into()],
            matched: vec!["number".into()],
            drop_empty: false,
        },
    }
}

fn lists(world: &World) -> Arc<Lists> {
    let stop = CancellationToken::new();
    Lists::new(world.store.clone(), 64 << 20, SlowLane::default(), stop)
}

async fn a_list_that_was_being_read_has_what_was_written_meanwhile(world: World) {
    let key = filled(&world, 1_500).await;
    for round in 0..20 {
        let lists = lists(&world);
        let (reader, wanted) = (Arc::clone(&lists), key.clone());
        let reading = tokio::spawn(async move { reader.whole(&wanted).await.unwrap() });
        // The read has begun, or begins while this is written.
        tokio::task::yield_now().await;
        let name = format!("Newcomer{round}x");
        let written = contact(&name, "1");
        world
            .store
            .create_contact(&key.tenant, &key.list, &written)
            .await
            .unwrap();
        let held = lists.whole(&key).await.unwrap();
        assert_eq!(held.search(&name).len(), 1, "{name}");
        reading.await.unwrap();
    }
}

async fn a_long_list_is_asked_of_the_store_until_it_is_read(world: World) {
    let key = filled(&world, 2_500).await;
    let lists = lists(&world);
    // One that few have, one that all have, one that nobody has: the first answers come before anything is held.
    for (term, expected) in [("2499", 1), ("filler", 2_500), ("nobody", 0)] {
        let held = lists.finding(&key, term).await.unwrap();
        assert_eq!(held.search(term).len(), expected, "{term}");
    }
    let held = lists.numbered(&key, &["2499".into()]).await.unwrap();
    assert!(held.numbered("2499").is_some());
    assert_eq!(lists.whole(&key).await.unwrap().all().len(), 2_500);
}
