//! Starting and stopping (phoned.md §2, §16.6).

use std::{net::TcpListener, sync::atomic::Ordering};

use futures_util::FutureExt;
use phoned::StartError;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{
    site::{Site, config},
    stub::{Stub, USER},
};

async fn refused(changes: Value) -> StartError {
    let folder = TempDir::new().expect("a folder");
    let config = config(&folder, ([127, 0, 0, 1], 9).into(), &changes);
    phoned::prepare(config)
        .await
        .err()
        .expect("it must not start")
}

#[tokio::test]
async fn a_bad_subnet_is_named() {
    let error =
        refused(json!({"rest_api": {"authorized_subnets": ["127.0.0.1/32", "10.0.0.0/33"]}})).await;
    assert_eq!(error.exit_code(), 2);
    let message = error.to_string();
    assert!(
        message.contains("authorized_subnets") && message.contains("10.0.0.0/33"),
        "{message}"
    );
}

#[tokio::test]
async fn without_any_listener_it_does_not_start() {
    for changes in [
        json!({"rest_api": {"http": {"enabled": false}}}),
        json!({"rest_api": {"http": {"enabled": false}, "https": {"enabled": true, "certificate": "/no/such.crt"}}}),
    ] {
        let error = refused(changes).await;
        assert_eq!(
            (error.exit_code(), error.to_string().as_str()),
            (2, "No HTTP/HTTPS server enabled")
        );
    }
}

#[tokio::test]
async fn a_missing_certificate_leaves_http_running() {
    let site = Site::with(
        json!({"rest_api": {"https": {"enabled": true, "certificate": "/no/such.crt"}}}),
    )
    .await;
    assert_eq!(site.get("/0.1/status").await.status, 200);
    site.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address");
    let error = refused(json!({"rest_api": {"http": {"port": address.port()}}})).await;
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[tokio::test]
async fn a_missing_key_file_is_named() {
    let error = refused(json!({"auth": {"key_file": "/no/such/key.yml"}})).await;
    assert_eq!(error.exit_code(), 2);
    assert!(
        error
            .to_string()
            .contains("No such file or directory: '/no/such/key.yml'"),
        "{error}"
    );
}

#[tokio::test]
async fn a_bad_template_is_named_with_its_line() {
    let folder = TempDir::new().expect("a folder");
    for (file, text) in phoned::vendor::files::read(None).expect("those compiled in") {
        let path = folder.path().join(&file);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    let results = folder.path().join("cisco/results.xml");
    let good = std::fs::read_to_string(&results).expect("a template");
    for (bad, expected) in [
        (
            good.replace("row.name", "row.nme"),
            "cisco/results.xml: line 5",
        ),
        (
            good.replace("</Telephone>", "</Phone>"),
            "cisco/results.xml: line",
        ),
        (good.replace("{% endfor %}", ""), "cisco/results.xml: line"),
    ] {
        std::fs::write(&results, bad).expect("written");
        let error = refused(json!({"templates_dir": folder.path()})).await;
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[tokio::test]
async fn it_starts_and_serves_forms_without_any_backend() {
    let folder = TempDir::new().expect("a folder");
    let config = config(&folder, ([127, 0, 0, 1], 9).into(), &json!({}));
    let running = phoned::run(config).await.expect("it starts");
    let target = format!("/0.1/directories/input/default/cisco?xivo_user_uuid={USER}");
    let form = crate::site::request(running.http[0], "GET", &target, "").await;
    assert_eq!(form.status, 200);
    let search = format!("/0.1/directories/lookup/default/cisco?xivo_user_uuid={USER}&term=a");
    let answer = crate::site::request(running.http[0], "GET", &search, "").await;
    assert_eq!(
        (answer.status, answer.json()["error_id"].clone()),
        (503, json!("auth-unreachable"))
    );
    running.stop().await;
}

#[tokio::test]
async fn the_first_token_is_there_when_phones_are_served() {
    let (stub, folder) = (Stub::start(), TempDir::new().expect("a folder"));
    let running = phoned::run(config(&folder, stub.address, &json!({}))).await;
    // Nothing else of this thread has run since.
    assert_eq!(stub.world.tokens.load(Ordering::SeqCst), 1);
    running.expect("it starts").stop().await;
    stub.stop().await;
}

#[tokio::test]
async fn a_stop_ends_the_wait_for_the_first_token() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (address, folder) = (silent.local_addr(), TempDir::new().expect("a folder"));
    let config = config(&folder, address.expect("an address"), &json!({}));
    let ready = phoned::prepare(config).await.expect("it can start");
    let stop = CancellationToken::new();
    let mut waiting = Box::pin(ready.first_token(&stop));
    assert!(waiting.as_mut().now_or_never().is_none(), "auth is silent");
    stop.cancel();
    waiting.await;
}
