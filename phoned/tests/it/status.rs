//! Health by component: each is said to be well when it is, and not when it is not (phoned.md §16.1).

use std::sync::atomic::{AtomicBool, Ordering};

use e2e::broker::Broker;
use kit::clock;
use serde_json::json;

use crate::site::Site;

#[tokio::test]
async fn every_component_of_the_status_has_a_status() {
    let site = Site::start().await;
    site.look("cisco", "term=a").await;
    let status = site.get("/0.1/status").await.json();
    for (component, expected) in [
        ("service_token", "ok"),
        ("auth", "ok"),
        ("dird", "ok"),
        ("config", "ok"),
        ("bus_consumer", "fail"),
    ] {
        assert_eq!(status[component]["status"], expected, "{component}");
    }
    assert!(
        status
            .as_object()
            .expect("a map")
            .values()
            .all(|component| component["status"].is_string())
    );
    site.stop().await;
}

#[tokio::test]
async fn the_status_says_which_file_is_in_force_and_since_when() {
    let file = "/srv/phoned/main.yml";
    let started = clock::unix_seconds();
    let site = Site::with(json!({"config_file": file})).await;
    let config = async || site.get("/0.1/status").await.json()["config"].clone();
    let first = config().await;
    assert_eq!(first["source"], file);
    let since = |config: &serde_json::Value| config["loaded_at"].as_f64().expect("a time");
    let reloaded = clock::unix_seconds();
    assert!((started..=reloaded).contains(&since(&first)), "{first}");
    assert_eq!(config().await, first);
    let reload = site.operate("POST", "/0.1/config/reload", "").await;
    assert_eq!(reload.status, 200);
    let second = config().await;
    assert!(since(&second) >= reloaded, "{second}");
    *site.changes.lock().expect("no panic") = json!({"rest_api": {"authorized_subnets": ["x"]}});
    let refused = site.operate("POST", "/0.1/config/reload", "").await;
    assert_eq!(refused.status, 400);
    assert_eq!(config().await, second, "the one in force");
    site.stop().await;
}

#[tokio::test]
async fn the_status_says_which_service_is_away_and_when_the_token_has_ended() {
    let [free] = e2e::ports::free().expect("a free port");
    let away = json!({"host": "127.0.0.1", "port": free, "prefix": null});
    let site = Site::with(json!({"auth": away, "dird": away})).await;
    let status = site.get("/0.1/status").await.json();
    for component in ["auth", "dird", "service_token", "bus_consumer"] {
        assert_eq!(status[component]["status"], "fail", "{component}");
    }
    assert_eq!(status["config"]["status"], "ok");
    site.stop().await;

    let made = AtomicBool::new(false);
    let auth = e2e::platform::Server::start(move |_| {
        let token = json!({"data": {
            "token": "t", "utc_issued_at": "2026-01-01T00:00:00", "utc_expires_at": "2026-01-01T00:00:05",
        }});
        let renewed = made.swap(true, Ordering::SeqCst);
        if renewed {
            (503, json!({}))
        } else {
            (200, token)
        }
    });
    let auth = auth.expect("an auth");
    let site = Site::with(json!({"auth": auth.upstream()})).await;
    for wanted in ["ok", "fail"] {
        let reached = async {
            while site.get("/0.1/status").await.json()["service_token"]["status"] != wanted {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(60), reached).await;
        assert!(waited.is_ok(), "the token is never {wanted}");
    }
    let status = site.get("/0.1/status").await.json();
    assert_eq!(
        status["auth"]["status"], "ok",
        "it is there, it only refuses"
    );
    site.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_the_bus_is_that_of_the_connection() {
    let shared = tokio::task::spawn_blocking(|| {
        let broker = Broker::shared();
        (broker.port, broker.vhost().expect("a virtual host"))
    });
    let (port, vhost) = shared.await.expect("a broker");
    let bus = json!({"enabled": true, "host": "127.0.0.1", "port": port, "vhost": vhost});
    let site = Site::with(json!({"bus": bus})).await;
    let connected = async {
        while site.get("/0.1/status").await.json()["bus_consumer"] != json!({"status": "ok"}) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), connected).await;
    assert!(waited.is_ok(), "never connected");
    site.stop().await;

    let [free] = e2e::ports::free().expect("a free port");
    let away = json!({"enabled": true, "host": "127.0.0.1", "port": free});
    let site = Site::with(json!({"bus": away})).await;
    let status = site.get("/0.1/status").await.json();
    assert_eq!(status["bus_consumer"], json!({"status": "fail"}));
    site.stop().await;
}
