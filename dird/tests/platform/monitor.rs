//! What operators see.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::fake_auth::FakeAuth;
use crate::member::{EVERYTHING, get, serve};

const TERM: &str = "Zephyrine-Quux";

async fn text(address: SocketAddr, path: &str) -> (u16, String) {
    let response = reqwest::get(format!("http://{address}{path}"))
        .await
        .unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn changes() -> Value {
    json!({"bus": {"enabled": false}, "metrics": {"port": 0}})
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_requests_checks_index_store_and_bus_but_not_of_people() {
    let (auth, folder) = (FakeAuth::start(), tempfile::tempdir().unwrap());
    auth.give("Seldom-Seen-Token", EVERYTHING);
    let stop = CancellationToken::new();
    let running = serve(folder.path(), &auth, &changes(), &stop).await;
    let (rest, monitor) = (running.rest, running.monitor.unwrap());
    let client = reqwest::Client::new();
    let path = format!("/directories/lookup/default?term={TERM}");
    assert_eq!(get(&client, rest, &path, "Seldom-Seen-Token").await.0, 404);
    assert_eq!(get(&client, rest, &path, "nobody").await.0, 401);

    let (status, body) = text(monitor, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "dird_requests_total{method=\"GET\",route=\"/directories/lookup/{profile}\",status=\"404\"}",
        "dird_requests_total{method=\"GET\",route=\"/directories/lookup/{profile}\",status=\"401\"}",
        "dird_request_seconds_count{method=\"GET\",route=\"/directories/lookup/{profile}\"}",
        "dird_auth_checks_total{outcome=\"granted\"}",
        "dird_auth_checks_total{outcome=\"unknown\"}",
        "dird_index_bytes 0",
        "dird_store_up 1",
        "dird_bus_connected 0",
        "dird_bus_published_total 0",
    ] {
        assert!(
            body.lines().any(|shown| shown.starts_with(line)),
            "{line} in {body}"
        );
    }
    for secret in [
        TERM,
        "Seldom-Seen-Token",
        "127.0.0.1",
        crate::fake_auth::USER,
    ] {
        assert!(!body.contains(secret), "{secret} in {body}");
    }
    stop.cancel();
    running.until_stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_health_of_the_process_needs_no_credentials_and_no_other_service() {
    let (auth, folder) = (FakeAuth::start(), tempfile::tempdir().unwrap());
    auth.hold(true);
    let stop = CancellationToken::new();
    let running = serve(folder.path(), &auth, &changes(), &stop).await;
    let monitor = running.monitor.unwrap();
    assert_eq!(text(monitor, "/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(
        text(monitor, "/0.1/status").await.0,
        404,
        "nothing else is there"
    );
    let (status, _) = text(running.rest, "/healthz").await;
    assert_eq!(status, 404, "it is not on the listener of clients");
    stop.cancel();
    running.until_stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_leaves_dird_without_metrics_but_running() {
    let (auth, folder) = (FakeAuth::start(), tempfile::tempdir().unwrap());
    let holder = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut changes = changes();
    changes["metrics"]["port"] = json!(holder.local_addr().unwrap().port());
    let stop = CancellationToken::new();
    let running = serve(folder.path(), &auth, &changes, &stop).await;
    assert_eq!(running.monitor, None);
    assert_eq!(text(running.rest, "/0.1/api/api.yml").await.0, 200);
    stop.cancel();
    running.until_stopped().await;
}
