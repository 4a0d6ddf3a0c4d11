//! How long what is remembered serves, and how much of it there may be (phoned.md §14).

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::HeaderValue;
use phoned::{
    cache::{Caches, Document, LookupKey, Remembered},
    config::{self, Config},
    dird_client::Question,
    directory::rows::Entry,
};
use serde_json::{Value, json};

use crate::{
    changes::PATIENCE,
    site::{Answer, Site, look},
    stub::{STRANGER, TENANT, USER},
};

/// Seconds that outlive every test.
const LONG: u32 = 3600;
/// Seconds that end within one.
const SHORT: f64 = 0.2;

/// The kinds of results: the key of their life, how many people dird has, and the profile that is asked for.
const RESULTS: [(&str, u64, &str); 3] = [
    ("lookup_ttl", 3, "default"),
    ("empty_ttl", 0, "default"),
    ("unknown_profile_ttl", 3, "nowhere"),
];
/// The kinds of users: the key of their life, and one of them.
const USERS: [(&str, &str); 2] = [("user_tenant_ttl", USER), ("unknown_user_ttl", STRANGER)];

/// A site where everything is remembered for long but what has the life `key`.
async fn all_but(key: &str, life: Value) -> Site {
    let mut cache = json!({});
    for other in RESULTS
        .map(|kind| kind.0)
        .iter()
        .chain(&USERS.map(|kind| kind.0))
    {
        cache[other] = json!(LONG);
    }
    cache[key] = life;
    Site::with(json!({"cache": cache})).await
}

/// One search in a profile.
async fn search(site: &Site, profile: &str, term: &str) -> Answer {
    let target = look("cisco", &format!("term={term}"));
    site.get(&target.replace("/default/", &format!("/{profile}/")))
        .await
}

/// One search of a user; each has a text of its own, so that only the user is remembered.
async fn search_as(site: &Site, user: &str, term: usize) -> u16 {
    let target = look("cisco", &format!("term={term}"));
    site.get(&target.replace(USER, user)).await.status
}

#[tokio::test]
async fn results_empty_ones_and_unknown_profiles_each_have_a_life_of_their_own() {
    for (off, _, _) in RESULTS {
        let site = all_but(off, json!(0)).await;
        let world = &site.stub.world;
        for (key, people, profile) in RESULTS {
            world.people.store(people, Ordering::SeqCst);
            let before = world.searched();
            for _ in 0..2 {
                search(&site, profile, key).await;
            }
            let asked = world.searched() - before;
            assert_eq!(asked, 1 + usize::from(key == off), "{key}, {off} is off");
        }
        site.stop().await;
    }
}

#[tokio::test]
async fn a_profile_that_one_phone_of_a_tenant_found_missing_is_missing_for_all_of_them() {
    let site = Site::start().await;
    let world = &site.stub.world;
    let nowhere = |term: &str| look("cisco", term).replace("/default/", "/nowhere/");
    let colleague = nowhere("term=a").replace("944445555666", "944445555667");
    for target in [nowhere("term=a"), nowhere("term=b"), colleague] {
        let answer = site.get(&target).await;
        assert_eq!(answer.json()["error_id"], "unknown-profile", "{target}");
        assert_eq!(world.searched(), 1, "{target}");
    }
    assert_eq!(site.look("cisco", "term=a").await.status, 200);
    let forgotten = format!("/0.1/cache?tenant_uuid={TENANT}");
    site.operate("DELETE", &forgotten, "").await;
    site.get(&nowhere("term=c")).await;
    assert_eq!(world.searched(), 3, "it may be there by now");
    site.stop().await;
}

#[tokio::test]
async fn a_result_is_asked_for_again_when_its_life_has_ended_and_not_before() {
    for (key, people, profile) in RESULTS {
        let site = all_but(key, json!(SHORT)).await;
        let world = &site.stub.world;
        world.people.store(people, Ordering::SeqCst);
        let started = Instant::now();
        let first = search(&site, profile, "a").await;
        world.people.store(1, Ordering::SeqCst);
        while world.searched() == 1 {
            let again = search(&site, profile, "a").await;
            let is_same =
                again.status == first.status && (again.status != 200 || again.body == first.body);
            assert!(world.searched() > 1 || is_same, "{key}: {again:?}");
            assert!(started.elapsed() < PATIENCE, "{key} never ends");
        }
        assert!(started.elapsed().as_secs_f64() >= SHORT, "{key}");
        site.stop().await;
    }
}

#[tokio::test]
async fn users_and_unknown_ones_each_have_a_life_of_their_own() {
    for (off, _) in USERS {
        let site = all_but(off, json!(0)).await;
        let calls = || site.stub.world.user_calls.load(Ordering::SeqCst);
        for (key, user) in USERS {
            let before = calls();
            for term in 0..2 {
                search_as(&site, user, term).await;
            }
            let asked = calls() - before;
            assert_eq!(asked, 1 + usize::from(key == off), "{key}, {off} is off");
        }
        site.stop().await;
    }
}

#[tokio::test]
async fn a_user_is_asked_for_again_when_its_life_has_ended_and_not_before() {
    for (key, user) in USERS {
        let site = all_but(key, json!(SHORT)).await;
        let calls = || site.stub.world.user_calls.load(Ordering::SeqCst);
        let started = Instant::now();
        let first = search_as(&site, user, 0).await;
        for term in 1.. {
            assert_eq!(search_as(&site, user, term).await, first, "{key}");
            if calls() > 1 {
                break;
            }
            assert!(started.elapsed() < PATIENCE, "{key} never ends");
        }
        assert!(started.elapsed().as_secs_f64() >= SHORT, "{key}");
        site.stop().await;
    }
}

/// A result, and the tenant of a user, help for so long after their own life.
#[tokio::test]
async fn old_results_help_in_bad_times_for_as_long_as_configured_and_no_longer() {
    for (service, people, lives) in [
        ("auth", 3, ["lookup_ttl", "user_tenant_ttl"]),
        ("dird", 3, ["lookup_ttl", "user_tenant_ttl"]),
        ("dird", 0, ["empty_ttl", "user_tenant_ttl"]),
    ] {
        let mut cache = json!({"lookup_ttl": LONG, "empty_ttl": LONG, "stale_if_error": SHORT});
        for life in lives {
            cache[life] = json!(SHORT);
        }
        let site = Site::with(json!({"cache": cache})).await;
        site.stub.world.people.store(people, Ordering::SeqCst);
        ends_in_bad_times(&site, service).await;
        site.stop().await;
    }
}

/// A result serves, then helps while `service` fails, and ends when both times are over.
async fn ends_in_bad_times(site: &Site, service: &str) {
    let world = &site.stub.world;
    let started = Instant::now();
    let first = site.look("cisco", "term=a").await;
    let known = Instant::now();
    let failing = match service {
        "auth" => &world.auth_fails,
        _ => &world.dird_fails,
    };
    failing.store(500, Ordering::SeqCst);
    loop {
        let sent = known.elapsed();
        let answer = site.look("cisco", "term=a").await;
        if answer.status != 200 {
            let error = format!("{service}-unreachable");
            assert_eq!(answer.json()["error_id"], error);
            break;
        }
        assert_eq!(answer.body, first.body);
        let is_old = answer.head.contains("\r\nwarning: 110");
        assert!(is_old || sent.as_secs_f64() < SHORT, "{answer:?}");
        assert!(sent < PATIENCE, "{service}: it never ends");
    }
    assert!(started.elapsed().as_secs_f64() >= 2.0 * SHORT, "{service}");
}

#[tokio::test]
async fn case_makes_another_search_only_where_it_is_configured_to() {
    for (folds, searches) in [(true, 1), (false, 2)] {
        let site = Site::with(json!({"cache": {"fold_case": folds}})).await;
        for term in ["Ren%C3%A9e", "ren%C3%A9e", "++rene%CC%81e+", "ren%E9e"] {
            let answer = site.look("cisco", &format!("term={term}")).await;
            assert_eq!(answer.status, 200, "{term}");
        }
        assert_eq!(site.stub.world.searched(), searches, "{folds}");
        site.stop().await;
    }
}

/// Memory with other settings than the defaults.
fn caches(set: impl FnOnce(&mut config::Cache)) -> Caches {
    let mut config: Config = serde_saphyr::from_str(config::DEFAULTS).expect("the defaults");
    set(&mut config.cache);
    Caches::new(&config.cache)
}

#[tokio::test]
async fn guessing_users_or_profiles_does_not_fill_memory() {
    let caches = caches(|_| ());
    for number in 0..12_000 {
        let user: Arc<str> = format!("user-{number}").into();
        caches.tenants.insert(Arc::clone(&user), None).await;
        let profile = (Arc::clone(&user), "t".into());
        caches
            .unknown_profiles
            .insert(profile, caches.outdated.moment())
            .await;
        caches.last_tenants.insert(Arc::clone(&user), user).await;
    }
    caches.unknown_profiles.run_pending_tasks().await;
    caches.tenants.run_pending_tasks().await;
    caches.last_tenants.run_pending_tasks().await;
    for count in [
        caches.tenants.entry_count(),
        caches.last_tenants.entry_count(),
        caches.unknown_profiles.entry_count(),
    ] {
        assert!((1..=10_000).contains(&count), "{count}");
    }
}

/// A search of its own for each number.
fn key(number: u32) -> LookupKey {
    LookupKey {
        tenant: "t".into(),
        profile: "p".into(),
        user: "u".into(),
        question: Question::Lookup(number.to_string().into()),
    }
}

/// A result whose only name has so many `letters`, and that is fresh for so long.
fn result(caches: &Caches, letters: usize, fresh: Duration) -> Arc<Remembered> {
    Arc::new(Remembered {
        entries: vec![Entry::alone("x".repeat(letters), "555")],
        fresh_until: Instant::now() + fresh,
        asked: caches.outdated.moment(),
    })
}

#[tokio::test]
async fn a_newer_result_helps_in_bad_times_for_a_time_of_its_own() {
    let caches = caches(|settings| settings.stale_if_error = Duration::ZERO);
    let short = Duration::from_secs_f64(SHORT);
    let started = Instant::now();
    for fresh in [short, PATIENCE] {
        let newer = result(&caches, 1, fresh);
        caches.keep(key(1), newer, caches.forgotten.moment()).await;
    }
    while started.elapsed() <= short {
        tokio::task::yield_now().await;
    }
    assert!(caches.stale.get(&key(1)).await.is_some());
}

/// Remembers a result, and a page of it.
async fn remember(caches: &Caches, number: u32, letters: usize) {
    let remembered = result(caches, letters, PATIENCE);
    let document = Document {
        content_type: HeaderValue::from_static("text/xml"),
        etag: None,
        expired: false,
        vary: HeaderValue::from_static("Accept-Language"),
        body: Bytes::from("x".repeat(letters)),
        fresh_until: remembered.fresh_until,
        owner: None,
    };
    let fresh = Arc::clone(&remembered);
    caches.fresh.insert(key(number), fresh).await;
    caches.stale.insert(key(number), remembered).await;
    let text = number.to_string().into();
    caches.documents.insert(text, Arc::new(document)).await;
}

#[tokio::test]
async fn what_is_remembered_is_bounded_in_bytes_whether_it_is_much_or_large() {
    const MOST: u64 = 400_000;
    for (letters, all_stay) in [(1, true), (10_000, false)] {
        let caches = caches(|settings| settings.max_bytes = MOST);
        for number in 0..200 {
            remember(&caches, number, letters).await;
        }
        caches.fresh.run_pending_tasks().await;
        caches.stale.run_pending_tasks().await;
        caches.documents.run_pending_tasks().await;
        assert!(caches.bytes() <= MOST, "{}", caches.bytes());
        for count in [
            caches.fresh.entry_count(),
            caches.stale.entry_count(),
            caches.documents.entry_count(),
        ] {
            assert_eq!(count == 200, all_stay, "{letters} letters: {count}");
            assert!(count > 0, "{letters} letters");
        }
    }
}

#[tokio::test]
async fn what_memory_has_no_room_for_is_shown_all_the_same() {
    let site = Site::with(json!({"cache": {"max_bytes": 0}})).await;
    for _ in 0..3 {
        let answer = site.look("cisco", "term=a").await;
        assert!(answer.body.contains("Person 003"), "{answer:?}");
    }
    site.stop().await;
}
