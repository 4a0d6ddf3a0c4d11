//! A dird on a bus.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dird::Running;
use dird::api::config::RunningConfig;
use dird::store::Store;
use e2e::broker::{Broker, Peer};
use e2e::quiet;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::fake_auth::{FakeAuth, FakeToken};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// May see and do everything in its tenant.
pub(crate) const EVERYTHING: &[&str] = &["dird.#", "auth.tenants.read"];

/// A running dird, its auth service, and another member of the same platform.
pub(crate) struct Member {
    pub(crate) auth: Arc<FakeAuth>,
    pub(crate) peer: Peer,
    pub(crate) store: Store,
    pub(crate) rest: SocketAddr,
    client: reqwest::Client,
    _folder: TempDir,
    _stop: DropGuard,
}

impl Member {
    /// Starts a dird in a virtual host of its own; it is connected when this returns.
    pub(crate) async fn start() -> Self {
        let shared = tokio::task::spawn_blocking(|| {
            let broker = Broker::shared();
            (broker, broker.vhost().unwrap())
        });
        let (broker, vhost) = shared.await.unwrap();
        Self::join(broker, &vhost).await
    }

    /// The same in a virtual host of this broker.
    pub(crate) async fn join(broker: &Broker, vhost: &str) -> Self {
        let auth = FakeAuth::start();
        auth.give("admin", EVERYTHING);
        let bus = json!({"host": "127.0.0.1", "port": broker.port, "vhost": vhost});
        let folder = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let running = serve(folder.path(), &auth, &json!({"bus": bus}), &stop).await;
        let rest = running.rest;
        tokio::spawn(running.until_stopped());
        let uri = uri(folder.path());
        let member = Self {
            auth,
            peer: Peer::join(broker, vhost).await.unwrap(),
            store: dird::store::open(&uri).await.unwrap(),
            rest,
            client: reqwest::Client::new(),
            _folder: folder,
            _stop: stop.drop_guard(),
        };
        let status = member.until("/status", "admin", |status| {
            status["bus_consumer"]["status"] == "ok"
        });
        status.await;
        member
    }

    /// A token of `tenant` that may do everything there.
    pub(crate) fn admit(&self, token: &str, tenant: &'static str) {
        self.admit_user(token, tenant, None);
    }

    /// The same, of a user.
    pub(crate) fn admit_user(&self, token: &str, tenant: &'static str, user: Option<&'static str>) {
        let given = FakeToken {
            tenant,
            user,
            acl: EVERYTHING.to_vec(),
            life: Duration::from_hours(1),
        };
        self.auth.put(token, given);
    }

    /// Status and body of a request; null without one.
    pub(crate) async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        token: &str,
        body: &Value,
    ) -> (u16, Value) {
        let url = format!("http://{}/0.1{path}", self.rest);
        let request = self.client.request(method, url).json(body);
        let response = request.header("X-Auth-Token", token).send().await.unwrap();
        let status = response.status().as_u16();
        (status, response.json().await.unwrap_or_default())
    }

    /// Status and body of a GET.
    pub(crate) async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        get(&self.client, self.rest, path, token).await
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until(
        &self,
        path: &str,
        token: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        self.answered(path, token, |_, body| wanted(body)).await
    }

    /// Asks until status and body of the answer are as wanted.
    pub(crate) async fn answered(
        &self,
        path: &str,
        token: &str,
        wanted: impl Fn(u16, &Value) -> bool,
    ) -> Value {
        let asking = async {
            loop {
                let (status, body) = self.get(path, token).await;
                if wanted(status, &body) {
                    return body;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let answered = tokio::time::timeout(PATIENCE, asking).await;
        answered.unwrap_or_else(|_| panic!("{path} never became as wanted"))
    }
}

/// Status and body of a GET.
pub(crate) async fn get(
    client: &reqwest::Client,
    rest: SocketAddr,
    path: &str,
    token: &str,
) -> (u16, Value) {
    let request = client
        .get(format!("http://{rest}/0.1{path}"))
        .header("X-Auth-Token", token);
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn uri(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("dird.db").display())
}

/// A dird that asks `auth` and remembers its answers for an hour; `changes` replace whole keys of its configuration.
pub(crate) async fn serve(
    folder: &Path,
    auth: &FakeAuth,
    changes: &Value,
    stop: &CancellationToken,
) -> Running {
    kit::tls::install_provider();
    let mut config = json!({
        "db_uri": uri(folder), "extra_config_files": "", "user": null, "log_filename": null,
        "rest_api": {"port": 0}, "metrics": {"port": null}, "uuid": "a-platform",
        "auth": {
            "backend": "wazo", "host": "127.0.0.1", "port": auth.address.port(),
            "username": "dird", "password": "secret", "cache_ttl": 3600,
        },
    });
    for (key, change) in changes.as_object().unwrap() {
        config[key] = change.clone();
    }
    let file = folder.join("dird.yml");
    std::fs::write(&file, config.to_string()).unwrap();
    let loaded = dird::config::load(&file, Value::Null, false).unwrap();
    let shown = RunningConfig::new(loaded.redacted(), false, quiet::log());
    dird::run(&loaded.config, shown, stop.clone())
        .await
        .unwrap()
}
