//! What phoned makes of changes: those that dird tells of, those of its own configuration, and a dird that tells nothing.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::timeout;

use crate::{
    site::Site,
    stub::{Stub, TENANT, USER, World},
};

/// How long something may take that is sure to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until dird was asked for its changes so often.
async fn asked(world: &World, times: usize) {
    until(|| world.change_calls() >= times).await;
}

/// Waits for something that is sure to happen.
pub(crate) async fn until(happened: impl Fn() -> bool) {
    let waiting = async {
        while !happened() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it happens");
}

/// A site whose dird answers this when it is asked to tell its changes, and whose results serve longer than any test.
async fn telling(answer: (u16, &'static str, String)) -> Site {
    let stub = Stub::start();
    *stub.world.changes.lock().expect("no panic") = Some(answer);
    Site::over(stub, json!({"cache": {"lookup_ttl": 3600}})).await
}

#[tokio::test]
async fn without_a_stream_of_changes_results_serve_as_long_as_they_may() {
    let lacks = json!({"details": {"reason": "missing_permission_or_invalid_tenant"}}).to_string();
    for refusal in [
        (404, "application/json", "{}".to_owned()),
        (403, "application/json", "{}".to_owned()),
        (401, "application/json", lacks),
        // A front that answers everything.
        (200, "text/html", "<html>".to_owned()),
    ] {
        let site = telling(refusal.clone()).await;
        let (world, started) = (&site.stub.world, Instant::now());
        asked(world, 1).await;
        for _ in 0..20 {
            assert_eq!(site.look("snom", "term=a").await.status, 200);
        }
        assert_eq!(world.searched(), 1, "{refusal:?}");
        // The second attempt is made a minute after the first, give or take a fifth.
        let most = 1 + started.elapsed().as_secs() / 48;
        assert!(world.change_calls() as u64 <= most, "{refusal:?}");
        assert_eq!(world.tokens.load(Ordering::SeqCst), 1, "{refusal:?}");
        site.stop().await;
    }
}

#[tokio::test]
async fn a_dird_that_fails_is_asked_for_its_changes_less_and_less_often() {
    let site = telling((503, "application/json", String::new())).await;
    let world = &site.stub.world;
    asked(world, 1).await;
    let first = Instant::now();
    asked(world, 3).await;
    // After rests of 1 and 2 seconds, give or take a fifth.
    assert!(first.elapsed() >= Duration::from_millis(2300));
    assert_eq!(site.look("snom", "term=a").await.status, 200);
    site.stop().await;
}

#[tokio::test]
async fn a_stream_that_broke_goes_on_where_it_ended() {
    let site = telling((
        200,
        "text/event-stream",
        "id: e:1\nevent: reload\ndata: {}\n\nid: e:2\n\n".to_owned(),
    ))
    .await;
    asked(&site.stub.world, 2).await;
    let calls = site
        .stub
        .world
        .change_calls
        .lock()
        .expect("no panic")
        .clone();
    assert_eq!(calls[..2], ["", "e:2"]);
    site.stop().await;
}

#[tokio::test]
async fn what_is_out_of_date_still_helps_when_dird_fails() {
    let event = format!("event: contacts\ndata: {{\"tenant_uuid\": \"{TENANT}\"}}\n\n");
    let site = telling((200, "text/event-stream", event)).await;
    let world = &site.stub.world;
    assert_eq!(site.look("snom", "term=a").await.status, 200);
    // The first of them may have begun before the search; the one after the next has read that one's event.
    asked(world, world.change_calls() + 2).await;
    let searches = world.searched();
    world.dird_fails.store(500, Ordering::SeqCst);
    let old = site.look("snom", "term=a").await;
    assert_eq!(old.status, 200);
    assert!(old.head.contains("\r\nwarning: 110"), "{}", old.head);
    assert_eq!(world.searched(), searches + 1, "dird was asked first");
    site.stop().await;
}

#[tokio::test]
async fn a_reload_begins_anew_with_what_it_shapes_otherwise() {
    let site = Site::with(json!({})).await;
    let world = &site.stub.world;
    let users = || world.user_calls.load(Ordering::SeqCst);
    let mut before = (0, 0);
    for (change, results) in [
        (json!({}), true),
        (json!({"branding": {"search_title": "Who?"}}), false),
        (json!({"lookup": {"collation": "codepoint"}}), true),
        (
            json!({"lookup": {"collation": "codepoint", "max_rows": 2}}),
            true,
        ),
        (
            json!({"lookup": {"collation": "codepoint", "max_rows": 2}}),
            false,
        ),
        (json!({"numbers": {"international_prefix": "011"}}), true),
    ] {
        *site.changes.lock().expect("no panic") = change.clone();
        let reloaded = site.operate("POST", "/0.1/config/reload", "").await;
        assert_eq!(reloaded.status, 200, "{}", reloaded.body);
        assert_eq!(site.look("snom", "term=a").await.status, 200);
        let now = (world.searched(), users());
        assert_eq!(now.0 - before.0, usize::from(results), "{change}");
        // Whose tenant is which does not depend on it.
        assert_eq!(now.1, 1, "{change}");
        before = now;
    }
    site.stop().await;
}

#[tokio::test]
async fn a_good_token_of_an_operator_is_not_asked_about_again_for_a_while() {
    let subnets = "/0.1/access/subnets";
    for (changes, token, status, checks) in [
        (json!({}), "operator", 200, 1),
        (json!({"cache": {"token_check_ttl": 0}}), "operator", 200, 3),
        // Its life is over before the time is.
        (json!({}), "ending", 200, 3),
        (json!({}), "weak", 401, 3),
        (json!({}), "unknown", 401, 3),
        (json!({}), "elsewhere", 401, 1),
    ] {
        let site = Site::with(changes).await;
        for _ in 0..3 {
            let answer = site.operate_as(token, "GET", subnets, "").await;
            assert_eq!(answer.status, status, "{token}: {}", answer.body);
        }
        let checked = || site.stub.world.token_checks.load(Ordering::SeqCst);
        assert_eq!(checked(), checks, "{token}");
        if checks == 1 {
            // Another access is another question.
            site.operate_as(token, "POST", "/0.1/config/reload", "")
                .await;
            assert_eq!(checked(), 2, "{token}");
        }
        site.stop().await;
    }
}

#[tokio::test]
async fn emptying_the_memory_also_forgets_who_is_good() {
    let site = Site::start().await;
    let world = &site.stub.world;
    for _ in 0..2 {
        site.operate("DELETE", "/0.1/cache", "").await;
        site.operate("GET", "/0.1/access/subnets", "").await;
    }
    // Each of the two accesses, and the first once more after it was forgotten by itself.
    assert_eq!(world.token_checks.load(Ordering::SeqCst), 4);
    site.stop().await;
}

#[tokio::test]
async fn who_asks_after_a_change_is_not_told_what_was_asked_before_it() {
    let site = Arc::new(Site::start().await);
    let world = Arc::clone(&site.stub.world);
    world.hold.store(true, Ordering::SeqCst);
    let phone = || {
        let site = Arc::clone(&site);
        tokio::spawn(async move { site.look("snom", "term=a").await.status })
    };
    let before = phone();
    until(|| world.searched() == 1).await;
    let changed = format!("/0.1/cache?user_uuid={USER}");
    site.operate("DELETE", &changed, "").await;
    let after = phone();
    // Its tenant was forgotten too; now it joins the search that is held.
    until(|| world.user_calls.load(Ordering::SeqCst) == 2).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(world.searched(), 1);
    world.hold.store(false, Ordering::SeqCst);
    world.release.notify_waiters();
    world.release.notify_one();
    for phone in [before, after] {
        assert_eq!(phone.await.expect("no panic"), 200);
    }
    assert_eq!(world.searched(), 2);
    let site = Arc::into_inner(site).expect("all phones are done");
    site.stop().await;
}

#[tokio::test]
async fn what_a_search_brings_that_was_under_way_when_memory_was_emptied_is_not_kept() {
    for query in [
        String::new(),
        format!("?user_uuid={USER}"),
        format!("?tenant_uuid={TENANT}"),
        format!("?user_uuid={USER}&tenant_uuid={TENANT}"),
    ] {
        let site = Arc::new(Site::start().await);
        let world = Arc::clone(&site.stub.world);
        world.hold.store(true, Ordering::SeqCst);
        let phone = Arc::clone(&site);
        let phone = tokio::spawn(async move { phone.look("snom", "term=a").await.status });
        until(|| world.searched() == 1).await;
        site.operate("DELETE", &format!("/0.1/cache{query}"), "")
            .await;
        world.hold.store(false, Ordering::SeqCst);
        world.release.notify_waiters();
        world.release.notify_one();
        assert_eq!(phone.await.expect("no panic"), 200);
        world.dird_fails.store(500, Ordering::SeqCst);
        let answer = site.look("snom", "term=a&limit=1").await;
        assert_eq!(answer.json()["error_id"], "dird-unreachable", "{query}");
        let site = Arc::into_inner(site).expect("all phones are done");
        site.stop().await;
    }
}
