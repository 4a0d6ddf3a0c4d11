//! Searches: what reaches auth and dird, what is remembered, what happens when they fail (phoned.md §7, §14).

use std::sync::{Arc, atomic::Ordering};

use serde_json::json;

use crate::{
    site::{Site, look},
    stub::{STRANGER, TENANT, USER},
};

#[tokio::test]
async fn a_known_user_gets_sorted_results() {
    let site = Site::start().await;
    let answer = site.look("cisco", "term=person").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("content-type: text/xml; charset=utf-8"),
        "{}",
        answer.head
    );
    assert!(
        answer
            .head
            .contains(&format!("content-length: {}", answer.body.len())),
        "{}",
        answer.head
    );
    let first = answer.body.find("Person 001").expect("the first");
    assert!(first < answer.body.find("Person 003").expect("the last"));
    site.stop().await;
}

#[tokio::test]
async fn an_unknown_user_is_404_and_asked_once() {
    let site = Site::start().await;
    let target =
        format!("/0.1/directories/lookup/default/yealink?xivo_user_uuid={STRANGER}&term=a");
    for _ in 0..3 {
        let answer = site.get(&target).await;
        assert_eq!(
            (answer.status, answer.json()["error_id"].clone()),
            (404, json!("unknown-user"))
        );
    }
    assert_eq!(site.stub.world.user_calls.load(Ordering::SeqCst), 1);
    assert_eq!(site.stub.world.searched(), 0);
    site.stop().await;
}

#[tokio::test]
async fn a_user_that_is_no_uuid_is_unknown_without_a_call() {
    let site = Site::start().await;
    for user in ["", "bob", "5f0c8a52111142228333944445555666"] {
        let target = format!("/0.1/directories/lookup/default/cisco?xivo_user_uuid={user}&term=a");
        let answer = site.get(&target).await;
        assert_eq!(
            (answer.status, answer.json()["details"]["uuid"].clone()),
            (404, json!(user))
        );
    }
    assert_eq!(site.stub.world.user_calls.load(Ordering::SeqCst), 0);
    site.stop().await;
}

#[tokio::test]
async fn an_unknown_profile_is_404_with_both_shapes() {
    let site = Site::start().await;
    let answer = site
        .get(&look("cisco", "term=a").replace("/default/", "/nowhere/"))
        .await;
    let body = answer.json();
    assert_eq!(answer.status, 404);
    assert_eq!(body["error_id"], "unknown-profile");
    assert_eq!(body["reason"], json!(["Not Found"]));
    assert_eq!(body["status_code"], 404);
    site.stop().await;
}

#[tokio::test]
async fn the_next_page_costs_no_call() {
    let site = Site::start().await;
    let first = site.look("cisco", "term=person&limit=1").await;
    assert!(first.body.contains("offset=1"), "{}", first.body);
    let second = site.look("cisco", "term=PERSON&limit=1&offset=1").await;
    assert!(second.body.contains("Person 002"), "{}", second.body);
    let other_make = site.look("yealink", "term=person").await;
    assert_eq!(other_make.status, 200);
    assert_eq!(site.stub.world.searched(), 1);
    assert_eq!(site.stub.world.user_calls.load(Ordering::SeqCst), 1);
    site.stop().await;
}

#[tokio::test]
async fn results_are_not_shared_between_users() {
    let site = Site::start().await;
    site.look("cisco", "term=person").await;
    let other = look("cisco", "term=person").replace("944445555666", "944445555667");
    assert_eq!(site.get(&other).await.status, 200);
    assert_eq!(site.stub.world.searched(), 2);
    site.stop().await;
}

#[tokio::test]
async fn fifty_equal_searches_make_one_call() {
    let site = Arc::new(Site::start().await);
    let world = Arc::clone(&site.stub.world);
    world.hold.store(true, Ordering::SeqCst);
    let phones: Vec<_> = (0..50)
        .map(|phone| {
            let site = Arc::clone(&site);
            // Each asks for another page, so that no document can be shared, only the search.
            tokio::spawn(async move {
                site.look("cisco", &format!("term=person&limit={}", phone + 1))
                    .await
                    .status
            })
        })
        .collect();
    while world.searched() == 0 {
        tokio::task::yield_now().await;
    }
    world.hold.store(false, Ordering::SeqCst);
    world.release.notify_waiters();
    world.release.notify_one();
    for phone in phones {
        assert_eq!(phone.await.expect("no panic"), 200);
    }
    assert_eq!(world.searched(), 1);
    Arc::into_inner(site)
        .expect("all phones are done")
        .stop()
        .await;
}

#[tokio::test]
async fn without_dird_old_results_serve_and_new_searches_fail() {
    let site = Site::with(json!({"cache": {"lookup_ttl": 0.000_001}})).await;
    let fresh = site.look("cisco", "term=person").await;
    assert!(!fresh.head.contains("warning:"), "{}", fresh.head);
    site.stub.world.dird_fails.store(500, Ordering::SeqCst);
    let stale = site.look("cisco", "term=person").await;
    assert_eq!((stale.status, stale.body), (200, fresh.body));
    assert!(stale.head.contains("warning: 110"), "{}", stale.head);
    let other = site.look("cisco", "term=other").await;
    assert_eq!(
        (other.status, other.json()["error_id"].clone()),
        (503, json!("dird-unreachable"))
    );
    site.stop().await;
}

#[tokio::test]
async fn without_auth_old_results_serve() {
    let site =
        Site::with(json!({"cache": {"lookup_ttl": 0.000_001, "user_tenant_ttl": 0.000_001}})).await;
    site.look("cisco", "term=person").await;
    site.stub.world.auth_fails.store(500, Ordering::SeqCst);
    let stale = site.look("cisco", "term=person").await;
    assert_eq!(stale.status, 200);
    assert!(stale.head.contains("warning: 110"), "{}", stale.head);
    site.stop().await;
}

#[tokio::test]
async fn other_answers_of_dird_are_502() {
    let site = Site::start().await;
    site.stub.world.dird_fails.store(403, Ordering::SeqCst);
    let answer = site.look("yealink", "term=person").await;
    assert_eq!(
        (answer.status, answer.json()["details"]["status"].clone()),
        (502, json!(403))
    );
    site.stop().await;
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_and_the_search_repeated() {
    let site = Site::start().await;
    site.look("cisco", "term=person").await;
    let world = Arc::clone(&site.stub.world);
    let before = world.tokens.load(Ordering::SeqCst);
    world.token_refused.store(true, Ordering::SeqCst);
    assert_eq!(site.look("cisco", "term=other").await.status, 200);
    assert_eq!(world.tokens.load(Ordering::SeqCst), before + 1);
    world.token_refused.store(true, Ordering::SeqCst);
    let answer = site.look("cisco", "term=third").await;
    assert_eq!(
        (answer.status, answer.json()["error_id"].clone()),
        (503, json!("service-token-rejected"))
    );
    assert_eq!(world.tokens.load(Ordering::SeqCst), before + 1);
    site.stop().await;
}

#[tokio::test]
async fn a_token_that_lacks_the_access_is_not_renewed_for_it() {
    let site = Site::start().await;
    let world = Arc::clone(&site.stub.world);
    world.dird_fails.store(401, Ordering::SeqCst);
    let answer = site.look("cisco", "term=person").await;
    let answered = (answer.status, answer.json()["error_id"].clone());
    assert_eq!(answered, (503, json!("service-token-rejected")));
    assert_eq!(world.searched(), 1);
    assert_eq!(world.tokens.load(Ordering::SeqCst), 1);
    site.stop().await;
}

#[tokio::test]
async fn a_latin1_term_reaches_dird_as_utf8() {
    let site = Site::start().await;
    site.look("yealink", "term=ren%E9e").await;
    assert_eq!(
        *site.stub.world.searches.lock().expect("no panic"),
        ["term=ren%C3%A9e"]
    );
    site.stop().await;
}

#[tokio::test]
async fn a_user_is_one_whatever_the_case_of_its_uuid() {
    let site = Site::start().await;
    let world = Arc::clone(&site.stub.world);
    let capitals = look("cisco", "term=person").replace(USER, &USER.to_uppercase());
    let first = site.get(&capitals).await;
    assert_eq!(first.status, 200);
    assert_eq!(site.look("yealink", "term=person").await.status, 200);
    assert_eq!(world.searched(), 1, "the rows are those of one user");
    assert_eq!(world.user_calls.load(Ordering::SeqCst), 1);
    for (query, searched) in [("user_uuid", USER), ("tenant_uuid", TENANT)]
        .iter()
        .zip(2..)
    {
        let (name, uuid) = query;
        let target = format!("/0.1/cache?{name}={}", uuid.to_uppercase());
        assert_eq!(site.operate("DELETE", &target, "").await.status, 204);
        site.get(&capitals).await;
        assert_eq!(world.searched(), searched, "{name}");
    }
    let stranger = capitals.replace(&USER.to_uppercase(), &STRANGER.to_uppercase());
    let details = site.get(&stranger).await.json()["details"].clone();
    assert_eq!(
        details["uuid"],
        STRANGER.to_uppercase(),
        "as it was written"
    );
    site.stop().await;
}

#[tokio::test]
async fn a_search_that_dird_refuses_is_not_answered_from_before() {
    let site = Site::with(json!({"cache": {"lookup_ttl": 0}})).await;
    assert_eq!(site.look("cisco", "term=person").await.status, 200);
    site.stub.world.dird_fails.store(403, Ordering::SeqCst);
    assert_eq!(site.look("cisco", "term=person").await.status, 502);
    site.stub.world.dird_fails.store(503, Ordering::SeqCst);
    let stale = site.look("cisco", "term=person").await;
    assert!(stale.head.contains("warning: 110"), "{}", stale.head);
    site.stop().await;
}

#[tokio::test]
async fn searches_under_way_keep_their_turns_through_a_reload() {
    let one = json!({"lookup": {"concurrent": 1, "queued": 0}});
    let site = Site::with(one.clone()).await;
    let world = Arc::clone(&site.stub.world);
    world.hold.store(true, Ordering::SeqCst);
    let meanwhile = async {
        while world.searched() == 0 {
            tokio::task::yield_now().await;
        }
        let mut changed = one.clone();
        changed["cache"] = json!({"lookup_ttl": 31});
        *site.changes.lock().expect("no panic") = changed;
        let reloaded = site.operate("POST", "/0.1/config/reload", "").await;
        assert_eq!(reloaded.json()["applied"], true);
        let second = site.look("cisco", "term=second").await;
        assert_eq!(second.json()["error_id"], "overloaded");
        world.hold.store(false, Ordering::SeqCst);
        world.release.notify_waiters();
    };
    let (first, ()) = tokio::join!(site.look("cisco", "term=first"), meanwhile);
    assert_eq!(first.status, 200);
    assert_eq!(site.look("cisco", "term=second").await.status, 200);
    site.stop().await;
}

#[tokio::test]
async fn a_404_that_is_not_about_the_profile_says_nothing_of_other_searches() {
    let site = Site::start().await;
    site.stub.world.dird_fails.store(404, Ordering::SeqCst);
    let answer = site.look("cisco", "term=person").await;
    assert_eq!(answer.json()["error_id"], "unknown-profile");
    site.stub.world.dird_fails.store(0, Ordering::SeqCst);
    assert_eq!(site.look("cisco", "term=other").await.status, 200);
    site.stop().await;
}
