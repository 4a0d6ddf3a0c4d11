//! A dird on a fresh `SQLite` file, with two tenants below the master tenant and keys of several powers.

use dird::api::config::RunningConfig;
use dird::identity::TenantId;
use dird::identity::builtin::{Accounts, KeyRecord, TenantRecord, secret};
use kit::observe::{LogSettings, init};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// A running dird.
pub(crate) struct Site {
    /// Keys, which serve as tokens.
    pub(crate) alice: String,
    /// May do everything, in the other tenant.
    pub(crate) gina: String,
    /// May do everything, in the master tenant, which sees all others.
    pub(crate) master: String,
    /// Has no access at all.
    pub(crate) nobody: String,
    /// Tenant of alice.
    pub(crate) tenant: String,
    /// Folder for files of a test.
    pub(crate) folder: TempDir,
    base: String,
    stop: CancellationToken,
    client: reqwest::Client,
}

impl Site {
    /// Starts a dird; `changes` are laid over its configuration.
    pub(crate) async fn start(changes: Value) -> Self {
        kit::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite:{}", folder.path().join("dird.db").display());
        let mut config = json!({
            "db_uri": uri, "user": null, "log_filename": null, "extra_config_files": "",
            "auth": {"backend": "builtin", "port": 0}, "rest_api": {"port": 0}, "bus": {"enabled": false},
        });
        merge(&mut config, changes);
        let path = folder.path().join("dird.yml");
        std::fs::write(&path, config.to_string()).unwrap();
        let loaded = dird::config::load(&path, Value::Null, false).unwrap();
        let shown = RunningConfig::new(loaded.redacted(), false, init(&LogSettings::default()));
        let stop = CancellationToken::new();
        let running = dird::run(&loaded.config, shown, stop.clone())
            .await
            .unwrap();
        let store = dird::store::open(&uri).await.unwrap();
        let accounts: &dyn Accounts = store.as_ref();
        let master = accounts.tenants().await.unwrap().remove(0).uuid;
        let (own, foreign) = (
            tenant(accounts, &master, "own").await,
            tenant(accounts, &master, "foreign").await,
        );
        let site = Self {
            alice: key(accounts, "alice", &own, &["dird.#"]).await,
            gina: key(accounts, "gina", &foreign, &["dird.#"]).await,
            master: key(accounts, "root", &master, &["#"]).await,
            nobody: key(accounts, "nobody", &own, &[]).await,
            tenant: own.to_string(),
            folder,
            base: format!("http://{}/0.1", running.rest),
            stop,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        tokio::spawn(running.until_stopped());
        site
    }

    /// A request with a token.
    pub(crate) fn request(
        &self,
        method: Method,
        path: &str,
        token: &str,
    ) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("{}{path}", self.base))
            .header("X-Auth-Token", token)
    }

    /// Status and body of a GET.
    pub(crate) async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        answer(self.request(Method::GET, path, token).send().await.unwrap()).await
    }

    /// Status and body of a request with a body.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let request = self
            .request(method, path, &self.alice)
            .body(body.to_string());
        answer(request.send().await.unwrap()).await
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Status and JSON body of an answer; null without one.
pub(crate) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

async fn tenant(accounts: &dyn Accounts, parent: &TenantId, name: &str) -> TenantId {
    let uuid = TenantId::random();
    let record = TenantRecord {
        uuid: uuid.clone(),
        parent: Some(parent.clone()),
        name: name.into(),
    };
    accounts.put_tenant(&record).await.unwrap();
    uuid
}

async fn key(accounts: &dyn Accounts, name: &str, tenant: &TenantId, acl: &[&str]) -> String {
    let secret = secret::random().unwrap();
    let record = KeyRecord {
        uuid: format!("key-{name}"),
        name: name.into(),
        hash: secret::hash(secret.expose()),
        tenant: tenant.clone(),
        acl: acl.iter().map(|&pattern| pattern.to_owned()).collect(),
        created_at: 0,
    };
    accounts.add_key(&record).await.unwrap();
    secret.expose().to_owned()
}

fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, changes) => *into = changes,
    }
}
