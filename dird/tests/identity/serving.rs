//! A dird that serves while a platform's auth service comes, goes and hangs.

use std::path::Path;
use std::time::Duration;

use dird::Running;
use http::StatusCode;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::fake_auth::{FakeAuth, MASTER};

async fn start(folder: &Path, auth: &Value, stop: &CancellationToken) -> Running {
    let config = json!({
        "db_uri": format!("sqlite:{}", folder.join("dird.db").display()),
        "extra_config_files": folder.join("none"),
        "user": "",
        "rest_api": {"listen": "127.0.0.1", "port": 0},
        "auth": auth, "bus": {"enabled": false}, "metrics": {"port": null},
    });
    let file = folder.join("dird.yml");
    std::fs::write(&file, config.to_string()).unwrap();
    let loaded = dird::config::load(&file, Value::Null, false).unwrap();
    let log = e2e::quiet::log();
    let shown = dird::api::config::RunningConfig::new(loaded.redacted(), false, log);
    dird::run(&loaded.config, shown, stop.clone())
        .await
        .unwrap()
}

fn platform(fake: &FakeAuth) -> Value {
    json!({
        "backend": "wazo", "host": "127.0.0.1", "port": fake.address.port(),
        "username": "dird", "password": "secret", "cache_ttl": 0, "timeout": 5,
    })
}

async fn status(running: &Running, token: &str) -> (StatusCode, Value) {
    let address = format!("http://{}/0.1/status", running.rest);
    let request = reqwest::Client::new()
        .get(address)
        .header("X-Auth-Token", token);
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn a_hanging_auth_service_delays_neither_the_port_nor_the_stop() {
    kit::tls::install_provider();
    let (fake, folder) = (FakeAuth::start(), tempfile::tempdir().unwrap());
    fake.hold(true);
    let stop = CancellationToken::new();
    let mut patient = platform(&fake);
    patient["timeout"] = json!(60);
    let running = start(folder.path(), &patient, &stop).await;
    assert_eq!(running.auth, None);
    fake.called("POST /0.1/token", 1).await;
    stop.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(20), running.until_stopped()).await;
    stopped.expect("a task outlived the stop");
}

#[tokio::test]
async fn requests_are_refused_and_served_as_the_auth_service_says() {
    kit::tls::install_provider();
    let (fake, folder) = (FakeAuth::start(), tempfile::tempdir().unwrap());
    fake.give("good", &["dird.status.read"]);
    fake.give("weak", &["dird.personal.#"]);
    let stop = CancellationToken::new();
    let running = start(folder.path(), &platform(&fake), &stop).await;

    fake.fail(StatusCode::BAD_GATEWAY);
    let (code, mut body) = status(&running, "good").await;
    assert_eq!(code, StatusCode::SERVICE_UNAVAILABLE);
    body.as_object_mut().unwrap().remove("timestamp");
    let details = json!({
        "auth_server_host": "127.0.0.1", "auth_server_port": fake.address.port(),
        "original_error": "unexpected status 502",
    });
    let unreachable = json!({
        "message": "Authentication server unreachable",
        "error_id": "authentication-server-unreachable", "details": details,
    });
    assert_eq!(body, unreachable);

    fake.fail(None);
    assert_eq!(status(&running, "good").await.0, StatusCode::OK);
    let (code, body) = status(&running, "weak").await;
    assert_eq!(code, StatusCode::UNAUTHORIZED);
    assert_eq!(
        body["details"]["reason"],
        "missing_permission_or_invalid_tenant"
    );
    let (code, body) = status(&running, "none").await;
    assert_eq!(code, StatusCode::UNAUTHORIZED);
    assert_eq!(body["details"]["reason"], "not_found_or_expired");
    let asked = fake.calls("HEAD").len();
    assert_eq!(status(&running, "").await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(fake.calls("HEAD").len(), asked);
    stop.cancel();
    running.until_stopped().await;
}

#[tokio::test]
async fn authority_settings_that_cannot_work_are_named_before_a_port_opens() {
    let folder = tempfile::tempdir().unwrap();
    let long = format!("{MASTER}0");
    for (key, value) in [
        ("timeout", json!(0)),
        ("cache_ttl", json!(1e9)),
        ("master_tenant_uuid", json!(long)),
        ("verify_certificate", json!([1])),
    ] {
        let file = folder.path().join("dird.yml");
        let config =
            json!({"auth": {key: value}, "extra_config_files": folder.path().join("none")});
        std::fs::write(&file, config.to_string()).unwrap();
        let error = dird::config::load(&file, Value::Null, false)
            .expect_err(key)
            .to_string();
        assert!(error.contains(&format!("auth.{key}")), "{error}");
    }
}
