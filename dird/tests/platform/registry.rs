//! dird in the registry of services.

use std::time::{Duration, Instant};

use e2e::broker::{Broker, Peer};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::consul::FakeConsul;
use crate::fake_auth::FakeAuth;
use crate::member::serve;

fn changes(consul: &FakeConsul) -> Value {
    json!({
        "bus": {"enabled": false},
        "consul": {"host": "127.0.0.1", "port": consul.address.port(), "token": "a-token"},
        "service_discovery": {
            "enabled": true, "advertise_address": "192.0.2.7", "advertise_port": 9490,
            "refresh_interval": 0.02, "retry_interval": 0.02, "extra_tags": ["blue"],
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn dird_is_registered_kept_alive_and_taken_out_at_the_stop() {
    let (auth, consul) = (FakeAuth::start(), FakeConsul::start());
    let folder = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let shared = tokio::task::spawn_blocking(|| {
        let broker = Broker::shared();
        (broker, broker.vhost().unwrap())
    });
    let (broker, vhost) = shared.await.unwrap();
    let mut peer = Peer::join(broker, &vhost).await.unwrap();
    let mut changes = changes(&consul);
    changes["bus"] = json!({"host": "127.0.0.1", "port": broker.port, "vhost": vhost});
    let running = serve(folder.path(), &auth, &changes, &stop).await;
    let register = consul.asked("service/register", 1).await;
    assert_eq!(register.line, "PUT /v1/agent/service/register");
    assert_eq!(register.token, "a-token");
    let id = register.body["ID"].as_str().unwrap().to_owned();
    assert_eq!(id.len(), 36);
    let wanted = json!({
        "ID": id, "Name": "wazo-dird", "Address": "192.0.2.7", "Port": 9490,
        "Tags": ["a-platform", "wazo-dird", "blue"], "Check": {"TTL": "30s"},
    });
    assert_eq!(register.body, wanted);
    let told = peer.letter("service_registered").await.unwrap();
    let wanted = json!({
        "service_name": "wazo-dird", "service_id": id, "address": "192.0.2.7", "port": 9490,
        "tags": wanted["Tags"],
    });
    assert_eq!(told.body["data"], wanted);
    consul.asked("check/pass", 3).await;
    let pass = consul.asked("check/pass", 1).await;
    assert_eq!(pass.line, format!("PUT /v1/agent/check/pass/service:{id}"));
    stop.cancel();
    running.until_stopped().await;
    let told = peer.letter("service_deregistered").await.unwrap();
    assert_eq!(told.body["data"]["service_id"], id);
    let lines = consul.seen().into_iter().map(|seen| seen.line);
    let lines: Vec<String> = lines
        .skip_while(|line| !line.contains("deregister"))
        .collect();
    let check = format!("PUT /v1/agent/check/deregister/service:{id}");
    let service = format!("PUT /v1/agent/service/deregister/{id}");
    assert_eq!(lines, [check, service]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consul_that_forgot_dird_gets_to_know_it_again() {
    let (auth, consul) = (FakeAuth::start(), FakeConsul::start());
    let folder = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let running = serve(folder.path(), &auth, &changes(&consul), &stop).await;
    let first = consul.asked("service/register", 1).await;
    // It has taken the first one once it is told that dird is alive.
    consul.asked("check/pass", 1).await;
    consul.forget();
    let second = consul.asked("service/register", 2).await;
    assert_eq!(first.body, second.body, "it is the same service");
    stop.cancel();
    running.until_stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consul_that_hangs_or_is_away_delays_neither_start_nor_stop() {
    let (auth, consul) = (FakeAuth::start(), FakeConsul::start());
    let folder = tempfile::tempdir().unwrap();
    for away in [false, true] {
        let stop = CancellationToken::new();
        let mut changes = changes(&consul);
        if away {
            let [port] = e2e::ports::free().unwrap();
            changes["consul"]["port"] = json!(port);
        }
        let running = serve(folder.path(), &auth, &changes, &stop).await;
        if !away {
            consul.asked("check/pass", 1).await;
            consul.hang();
            consul.asked("check/pass", 2).await;
        }
        let started = Instant::now();
        stop.cancel();
        running.until_stopped().await;
        assert!(started.elapsed() < Duration::from_secs(6));
    }
}

#[test]
fn what_cannot_work_is_refused_before_a_port_opens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dird.yml");
    let refused = |config: &Value, words: &[&str]| {
        std::fs::write(&file, config.to_string()).unwrap();
        let error = dird::config::load(&file, Value::Null, false).unwrap_err();
        for word in words {
            assert!(
                error.to_string().contains(word),
                "{word} is not in: {error}"
            );
        }
    };
    let none = folder.path().join("none");
    let mut config = json!({"extra_config_files": none, "service_discovery": {"enabled": true}});
    refused(&config, &["consul.host", "Consul agent"]);
    config["consul"] = json!({"host": "localhost"});
    if std::env::var_os("XIVO_UUID").is_none() {
        refused(&config, &["uuid", "XIVO_UUID"]);
    }
    config["consul"]["scheme"] = json!("ftp");
    refused(&config, &["consul.scheme", "ftp"]);
    config["service_discovery"]["ttl_interval"] = json!(0);
    refused(&config, &["service_discovery.ttl_interval"]);
    let discovery = json!({"service_discovery": true});
    let config = json!({"extra_config_files": none, "enabled_plugins": {"services": discovery}});
    refused(
        &config,
        &[
            "enabled_plugins.services.service_discovery",
            "not supported",
        ],
    );
}
