//! Tokens of programs and operators are not asked about at each request, and never believed beyond their end (phoned.md §14.6).

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use e2e::platform::{Server, TENANT};
use serde_json::{Value, json};

use crate::site::Site;

/// An auth whose tokens end at `end`, and what it answers to "may it?".
fn auth(end: &'static str) -> (Server, Arc<AtomicU16>) {
    let verdict = Arc::new(AtomicU16::new(204));
    let told = Arc::clone(&verdict);
    let server = Server::start(move |call| {
        let metadata = json!({"tenant_uuid": TENANT});
        match call.method.as_str() {
            "HEAD" => (told.load(Ordering::SeqCst), Value::Null),
            "GET" => (
                200,
                json!({"data": {"token": "t", "metadata": metadata, "utc_expires_at": end}}),
            ),
            _ => (200, json!({"data": {"token": "own", "metadata": metadata}})),
        }
    });
    (server.expect("an auth"), verdict)
}

async fn site(auth: &Server, ttl: u32) -> Site {
    let mut changes = json!({"auth": auth.upstream(), "cache": {"token_check_ttl": ttl}});
    changes["auth"]["master_tenant_uuid"] = json!(TENANT);
    Site::with(changes).await
}

/// Asks as the owner of `token`; the status.
async fn ask(site: &Site, token: &str, target: &str) -> u16 {
    site.operate_as(token, "GET", target, "").await.status
}

fn checks(auth: &Server) -> usize {
    let calls = auth.calls().into_iter();
    calls.filter(|call| call.method == "HEAD").count()
}

const SUBNETS: &str = "/0.1/access/subnets";

#[tokio::test]
async fn a_good_answer_serves_for_the_same_token_access_and_tenant() {
    let (auth, verdict) = auth("2099-01-01T00:00:00");
    let site = site(&auth, 3600).await;
    for (token, target, asked) in [
        ("a", SUBNETS, 1),
        ("a", SUBNETS, 1),
        ("a", "/0.1/access/rejected", 1),
        ("a", "/0.1/config", 2),
        ("b", SUBNETS, 3),
    ] {
        assert_eq!(ask(&site, token, target).await, 200);
        assert_eq!(checks(&auth), asked, "{token} {target}");
    }
    verdict.store(404, Ordering::SeqCst);
    assert_eq!(ask(&site, "a", SUBNETS).await, 200);
    assert_eq!(ask(&site, "c", SUBNETS).await, 401);
    let emptied = site.operate_as("a", "DELETE", "/0.1/cache", "").await;
    assert_eq!(emptied.status, 401, "another access is another question");
    site.stop().await;
}

#[tokio::test]
async fn refusals_are_not_remembered() {
    let (auth, verdict) = auth("2099-01-01T00:00:00");
    let site = site(&auth, 3600).await;
    for (answer, expected) in [(403, 401), (404, 401), (500, 503), (204, 200)] {
        verdict.store(answer, Ordering::SeqCst);
        assert_eq!(ask(&site, "a", SUBNETS).await, expected, "{answer}");
    }
    assert_eq!(checks(&auth), 4);
    site.stop().await;
}

#[tokio::test]
async fn nothing_is_remembered_beyond_the_end_of_a_token_or_when_switched_off() {
    let (ended, _) = auth("2020-01-01T00:00:00");
    let (lasting, _) = auth("2099-01-01T00:00:00");
    for (auth, ttl) in [(ended, 3600), (lasting, 0)] {
        let site = site(&auth, ttl).await;
        for _ in 0..3 {
            assert_eq!(ask(&site, "a", SUBNETS).await, 200);
        }
        assert_eq!(checks(&auth), 3, "{ttl}");
        site.stop().await;
    }
}

#[tokio::test]
async fn an_emptied_cache_asks_again() {
    let (auth, _) = auth("2099-01-01T00:00:00");
    let site = site(&auth, 3600).await;
    assert_eq!(ask(&site, "a", SUBNETS).await, 200);
    let emptied = site.operate_as("a", "DELETE", "/0.1/cache", "").await;
    assert_eq!(emptied.status, 204);
    assert_eq!(ask(&site, "a", SUBNETS).await, 200);
    assert_eq!(checks(&auth), 3);
    site.stop().await;
}
