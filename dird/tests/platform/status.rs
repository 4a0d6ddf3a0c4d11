//! `GET /status` of a member of a platform.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::fake_auth::FakeAuth;
use crate::member::{EVERYTHING, Member, get, serve};

/// The address of a dird that goes on until `stop`.
async fn serving(
    folder: &Path,
    auth: &FakeAuth,
    changes: &Value,
    stop: &CancellationToken,
) -> SocketAddr {
    let running = serve(folder, auth, changes, stop).await;
    let rest = running.rest;
    tokio::spawn(running.until_stopped());
    rest
}

#[tokio::test(flavor = "multi_thread")]
async fn when_all_is_well_the_status_has_exactly_the_three_agreed_keys() {
    let member = Member::start().await;
    let status = member.until("/status", "admin", |status| {
        status["master_tenant"]["status"] == "ok"
    });
    let ok = json!({"status": "ok"});
    let wanted = json!({"rest_api": ok, "bus_consumer": ok, "master_tenant": ok});
    assert_eq!(status.await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_is_switched_off_fails_and_is_shown_as_switched_off() {
    let (auth, folder) = (FakeAuth::start(), tempfile::tempdir().unwrap());
    auth.give("admin", EVERYTHING);
    let stop = CancellationToken::new();
    let off = json!({"bus": {"enabled": false}});
    let rest = serving(folder.path(), &auth, &off, &stop).await;
    let (status, body) = get(&reqwest::Client::new(), rest, "/status", "admin").await;
    assert_eq!(status, 200);
    assert_eq!(
        body["bus_consumer"],
        json!({"status": "fail", "enabled": false})
    );
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_that_cannot_be_reached_fails() {
    let (auth, folder) = (FakeAuth::start(), tempfile::tempdir().unwrap());
    auth.give("admin", EVERYTHING);
    let stop = CancellationToken::new();
    let [port] = e2e::ports::free().unwrap();
    let away = json!({"bus": {"host": "127.0.0.1", "port": port}});
    let rest = serving(folder.path(), &auth, &away, &stop).await;
    let (_, body) = get(&reqwest::Client::new(), rest, "/status", "admin").await;
    assert_eq!(body["bus_consumer"], json!({"status": "fail"}));
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_of_its_own_dird_says_so_and_does_not_know_the_master_tenant() {
    let (auth, folder) = (FakeAuth::start(), tempfile::tempdir().unwrap());
    auth.give("admin", EVERYTHING);
    let stop = CancellationToken::new();
    let refused = json!({
        "backend": "wazo", "host": "127.0.0.1", "port": auth.address.port(),
        "username": "dird", "password": "not the one",
    });
    let changes = json!({"bus": {"enabled": false}, "auth": refused});
    let rest = serving(folder.path(), &auth, &changes, &stop).await;
    let (_, body) = get(&reqwest::Client::new(), rest, "/status", "admin").await;
    let fail = json!({"status": "fail"});
    assert_eq!(body["service_token"], fail);
    assert_eq!(body["master_tenant"], fail);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_fails() {
    let (auth, folder) = (FakeAuth::start(), tempfile::tempdir().unwrap());
    auth.give("admin", EVERYTHING);
    let stop = CancellationToken::new();
    let [port] = e2e::ports::free().unwrap();
    let uri = format!("postgresql://dird@127.0.0.1:{port}/dird");
    let away = json!({"bus": {"enabled": false}, "db_uri": uri});
    let rest = serving(folder.path(), &auth, &away, &stop).await;
    let (status, body) = get(&reqwest::Client::new(), rest, "/status", "admin").await;
    assert_eq!(
        (status, &body["database"]),
        (200, &json!({"status": "fail"}))
    );
    stop.cancel();
}
