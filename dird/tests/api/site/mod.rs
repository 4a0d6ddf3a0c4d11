//! A running dird on a fresh database, with two tenants below the master tenant and tokens of several powers. [`Setting`] says
//! on which engine and with whose tokens; requests and answers are the same in all of them.

mod people;
mod setting;

use std::sync::Arc;
use std::time::Duration;

use dird::Running;
use dird::api::config::RunningConfig;
use dird::store::Store;
use e2e::quiet;
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::fake_auth::FakeAuth;
pub(crate) use setting::{Engine, Setting, Tokens};

/// How long a database may take to be ready; only a broken one takes it.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running dird.
pub(crate) struct Site {
    /// May do everything as a user of her tenant.
    pub(crate) alice: String,
    /// May do everything as a user of the other tenant.
    pub(crate) gina: String,
    /// May do everything, in the master tenant, which sees that of alice.
    pub(crate) master: String,
    /// Has no access at all.
    pub(crate) nobody: String,
    /// Could do everything until it expired.
    pub(crate) expired: String,
    /// Tenant of alice.
    pub(crate) tenant: String,
    /// Its name.
    pub(crate) tenant_name: &'static str,
    /// Tenant of gina.
    pub(crate) foreign: String,
    /// Folder for files of a test.
    pub(crate) folder: TempDir,
    /// The database, beside dird.
    pub(crate) store: Store,
    /// The platform's auth service, if it is the authority.
    pub(crate) auth: Option<Arc<FakeAuth>>,
    base: String,
    stop: CancellationToken,
    client: reqwest::Client,
}

impl Site {
    /// Starts a dird on `SQLite` with its own authority; `changes` are laid over its configuration.
    pub(crate) async fn start(changes: Value) -> Self {
        Self::start_in(Setting::default(), changes).await
    }

    /// Starts a dird in `setting`.
    pub(crate) async fn start_in(setting: Setting, changes: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let uri = setting.engine.database(folder.path()).await;
        Self::start_on(&uri, folder, setting.tokens, changes).await
    }

    /// Starts a dird on the database at `uri`, which must be empty.
    pub(crate) async fn start_on(
        uri: &str,
        folder: TempDir,
        tokens: Tokens,
        changes: Value,
    ) -> Self {
        kit::tls::install_provider();
        let store = dird::store::open(uri).await.unwrap();
        ready(&store).await;
        let auth = (tokens == Tokens::Wazo).then(FakeAuth::start);
        let mut config = setting::config(uri, auth.as_deref());
        merge(&mut config, changes);
        let stop = CancellationToken::new();
        let running = run(&config, folder.path(), &stop).await;
        let people = match &auth {
            Some(fake) => people::at_the_platform(fake),
            None => people::in_the_store(store.as_ref()).await,
        };
        let site = Self {
            alice: people.alice,
            gina: people.gina,
            master: people.master,
            nobody: people.nobody,
            expired: people.expired,
            tenant: people.tenant,
            tenant_name: people.tenant_name,
            foreign: people.foreign,
            folder,
            store,
            auth,
            base: base(&running),
            stop,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
        };
        tokio::spawn(running.until_stopped());
        site
    }

    /// Where the REST interface listens.
    pub(crate) fn address(&self) -> std::net::SocketAddr {
        let rest = self.base.trim_start_matches("http://");
        rest.trim_end_matches("/0.1").parse().unwrap()
    }

    /// A token of alice's that has these accesses only.
    pub(crate) async fn with_access(&self, acl: &[&str]) -> String {
        match &self.auth {
            Some(fake) => people::platform_token(fake, &self.tenant, acl),
            None => people::stored_token(self.store.as_ref(), &self.tenant, acl).await,
        }
    }

    /// A request with a token; none if it is empty.
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

    /// Status and body of a request of alice's with a body.
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

/// Starts a dird with `config`, which is written to a file in `folder`.
pub(crate) async fn run(
    config: &Value,
    folder: &std::path::Path,
    stop: &CancellationToken,
) -> Running {
    let path = folder.join("dird.yml");
    std::fs::write(&path, config.to_string()).unwrap();
    let loaded = dird::config::load(&path, Value::Null, false).unwrap();
    let shown = RunningConfig::new(loaded.redacted(), false, quiet::log());
    dird::run(&loaded.config, shown, stop.clone())
        .await
        .unwrap()
}

/// Where the REST interface of a dird is.
pub(crate) fn base(running: &Running) -> String {
    format!("http://{}/0.1", running.rest)
}

/// Waits until the database answers.
pub(crate) async fn ready(store: &Store) {
    let answers = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, answers).await.unwrap();
}

/// Status and JSON body of an answer; null without one.
pub(crate) async fn answer(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// Lays `changes` over a configuration.
pub(crate) fn merge(into: &mut Value, changes: Value) {
    match (into, changes) {
        (Value::Object(into), Value::Object(changes)) => {
            for (key, value) in changes {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, changes) => *into = changes,
    }
}

/// Nothing that changes the configuration.
pub(crate) fn unchanged() -> Value {
    json!({})
}
