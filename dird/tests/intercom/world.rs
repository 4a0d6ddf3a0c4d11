//! A dird with one published phonebook, and somebody at the door who asks for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use dird::api::config::RunningConfig;
use dird::identity::builtin::{TenantRecord, TokenRecord, secret};
use dird::identity::{SystemAuthority, Tenant, TenantId};
use dird::store::model::{Contact, ContactId, ListId, PhonebookId, random_id};
use dird::store::{Mapping, NewSeries, Store};
use e2e::postgres::Cluster;
use e2e::quiet;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The series that directories of the tests begin with.
pub(crate) const SERIES: &str = "6423407687606431951";

/// A dird that is not started yet.
pub(crate) struct Plan {
    pub(crate) uri: String,
    pub(crate) folder: TempDir,
    pub(crate) changes: Value,
}

/// A running dird.
pub(crate) struct Door {
    pub(crate) plan: Plan,
    pub(crate) store: Store,
    pub(crate) tenant: Tenant,
    pub(crate) phonebook: PhonebookId,
    pub(crate) address: SocketAddr,
    /// The listener with TLS, if there is one.
    pub(crate) tls: Option<SocketAddr>,
    pub(crate) client: reqwest::Client,
    pub(crate) monitor: Option<SocketAddr>,
    stop: CancellationToken,
    running: Option<tokio::task::JoinHandle<()>>,
}

/// A store that is there. On a busy machine a new file may be longer in the making than dird waits for it.
pub(crate) async fn open(uri: &str) -> Store {
    let until = Instant::now() + Duration::from_mins(1);
    let store = loop {
        match dird::store::open(uri).await {
            Ok(store) => break store,
            Err(error) => assert!(Instant::now() < until, "{error}"),
        }
    };
    while let Err(error) = store.ping().await {
        assert!(Instant::now() < until, "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    store
}

/// A phonebook of a new tenant, published.
pub(crate) async fn publish(store: &Store, default: bool) -> (Tenant, PhonebookId) {
    let tenant = SystemAuthority::new("test").tenant(TenantId::random());
    store
        .put_tenant(&TenantRecord {
            uuid: tenant.id().clone(),
            parent: None,
            name: String::new(),
        })
        .await
        .unwrap();
    let book = store
        .create_phonebook(&tenant, "doors", None)
        .await
        .unwrap();
    let begun = NewSeries {
        series: SERIES.into(),
        instance: store
            .fingerprint(SystemAuthority::new("test"))
            .await
            .unwrap(),
        at_least: 0,
    };
    let mapping = (&Mapping::default(), default);
    store
        .publish(&tenant, &book.uuid, &begun, mapping)
        .await
        .unwrap();
    (tenant, book.uuid)
}

impl Plan {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            uri: format!("sqlite:{}", folder.path().join("dird.db").display()),
            folder,
            changes: json!({}),
        }
    }

    pub(crate) async fn postgres() -> Self {
        let made = tokio::task::spawn_blocking(|| Cluster::shared().database());
        Self {
            uri: made.await.unwrap().unwrap(),
            folder: tempfile::tempdir().unwrap(),
            changes: json!({}),
        }
    }

    /// In a database of a server of its own, which a test may stop.
    pub(crate) async fn on_a_server() -> (Self, Cluster) {
        let started = tokio::task::spawn_blocking(|| {
            let cluster = Cluster::start().unwrap();
            let uri = cluster.database().unwrap();
            (cluster, uri)
        });
        let (cluster, uri) = started.await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let changes = json!({});
        (
            Self {
                uri,
                folder,
                changes,
            },
            cluster,
        )
    }

    /// The same with changes below `intercom`.
    pub(crate) fn with(mut self, changes: Value) -> Self {
        merge(&mut self.changes, changes);
        self
    }

    /// Starts a dird whose one directory everybody may write.
    pub(crate) async fn open(self) -> Door {
        let store = open(&self.uri).await;
        let (tenant, phonebook) = publish(&store, true).await;
        self.mark(&[&phonebook]);
        self.start(store, tenant, phonebook).await
    }

    /// Where dird writes how far its directories have come.
    pub(crate) fn mark_file(&self) -> PathBuf {
        self.folder.path().join("state/intercom.mark")
    }

    /// Writes that these directories are known, so that they go on in their series.
    pub(crate) fn mark(&self, phonebooks: &[&PhonebookId]) {
        let reached = |phonebook: &&PhonebookId| {
            let reached = json!({"series": SERIES, "timestamp": 0});
            (phonebook.0.clone(), reached)
        };
        let mark: serde_json::Map<String, Value> = phonebooks.iter().map(reached).collect();
        let state = self.folder.path().join("state");
        std::fs::create_dir_all(&state).unwrap();
        std::fs::write(state.join("intercom.mark"), Value::Object(mark).to_string()).unwrap();
    }

    /// Starts a dird on a directory that is there.
    pub(crate) async fn start(self, store: Store, tenant: Tenant, phonebook: PhonebookId) -> Door {
        kit::tls::install_provider();
        let stop = CancellationToken::new();
        let running = run(&self, &phonebook, &stop).await;
        let trusting = reqwest::Client::builder()
            .no_proxy()
            .tls_danger_accept_invalid_certs(true);
        Door {
            store,
            tenant,
            phonebook,
            address: running.rest,
            tls: running.intercom,
            monitor: running.monitor,
            client: trusting.build().unwrap(),
            stop,
            running: Some(tokio::spawn(running.until_stopped())),
            plan: self,
        }
    }
}

async fn run(plan: &Plan, phonebook: &PhonebookId, stop: &CancellationToken) -> dird::Running {
    let folder = plan.folder.path();
    let mut config = json!({
        "db_uri": plan.uri, "user": null, "log_filename": null, "extra_config_files": "",
        "auth": {"backend": "builtin", "port": 0}, "rest_api": {"port": 0}, "bus": {"enabled": false},
        "metrics": {"port": 0},
        "intercom": {
            "enabled": true, "transport": "any", "auth": "none", "open_directory": phonebook.0,
            "open_privilege": "control", "access": "full", "state_directory": folder.join("state"),
            "limits": {"requests": 100_000, "burst": 100_000},
        },
    });
    merge(&mut config["intercom"], plan.changes.clone());
    load_and_run(&config, folder, stop).await
}

/// Starts a dird with `config`, which is written to a file in `folder`.
async fn load_and_run(config: &Value, folder: &Path, stop: &CancellationToken) -> dird::Running {
    let path = folder.join("dird.yml");
    std::fs::write(&path, config.to_string()).unwrap();
    let loaded = dird::config::load(&path, Value::Null, false).unwrap();
    let shown = RunningConfig::new(loaded.redacted(), false, quiet::log());
    let running = dird::run(&loaded.config, shown, stop.clone());
    running.await.unwrap()
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

/// The files of a certificate of the tests.
pub(crate) fn certificate() -> Value {
    let file = |name: &str| format!("{}/../kit/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    json!({"listen": "127.0.0.1", "port": 0, "certificate": file("first.crt"), "private_key": file("first.key")})
}

impl Door {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method, url)
    }

    /// Status and text of an answer of a function to a JSON body.
    pub(crate) async fn told(&self, function: &str, body: &str) -> (u16, String) {
        let method = method_of(function);
        let request = self.request(method, &format!("/api/dir/{function}"));
        let request = request.header("Content-Type", "application/json");
        let answer = request.body(body.to_owned()).send().await.unwrap();
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.headers()["cache-control"], "no-store");
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The whole answer of a function.
    pub(crate) async fn ask(&self, function: &str, body: &Value) -> Value {
        let (_, text) = self.told(function, &body.to_string()).await;
        serde_json::from_str(&text).unwrap()
    }

    /// The result of a function that succeeds.
    pub(crate) async fn result(&self, function: &str, body: Value) -> Value {
        let answer = self.ask(function, &body).await;
        assert_eq!(answer["success"], true, "{function} {body}: {answer}");
        answer["result"].clone()
    }

    /// The same for a client that comes back when it is told that others are served.
    pub(crate) async fn result_in_turn(&self, function: &str, body: Value) -> Value {
        loop {
            let answer = self.ask(function, &body).await;
            if answer["success"] == true {
                return answer["result"].clone();
            }
            assert_eq!(answer["error"]["code"], 18, "{function} {body}: {answer}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Code and parameter of an error.
    pub(crate) async fn error(&self, function: &str, body: Value) -> (u64, String) {
        error_of(&self.ask(function, &body).await)
    }

    /// The timestamp of the one entry that is created.
    pub(crate) async fn create(&self, entry: Value) -> i64 {
        let result = self.result("create", json!({"users": [entry]})).await;
        let timestamp = result["users"][0]["timestamp"].as_i64();
        timestamp.unwrap_or_else(|| panic!("{result}"))
    }

    /// The entries after a timestamp.
    pub(crate) async fn after(&self, timestamp: i64) -> Vec<Value> {
        let body = json!({"iterator": {"timestamp": timestamp}});
        let result = self.result("query", body).await;
        result["users"].as_array().unwrap().clone()
    }

    /// Names of all entries, in the order of their last changes.
    pub(crate) async fn names(&self) -> Vec<Value> {
        let all = self.after(0).await.into_iter();
        all.map(|one| one["name"].clone()).collect()
    }

    pub(crate) fn list(&self) -> ListId {
        (&self.phonebook).into()
    }

    /// Adds a contact as REST does.
    pub(crate) async fn contact(&self, fields: &[(&str, &str)]) -> ContactId {
        let contact = Contact {
            uuid: ContactId(random_id()),
            fields: fields
                .iter()
                .map(|&(name, value)| (name.to_owned(), Some(value.to_owned())))
                .collect(),
        };
        let list = self.list();
        let made = self.store.create_contact(&self.tenant, &list, &contact);
        made.await.unwrap();
        contact.uuid
    }

    /// A token of the tenant.
    pub(crate) async fn token(&self, tenant: &TenantId, acl: &[&str]) -> String {
        token(&self.store, tenant, acl).await
    }

    /// Stops it and waits; what is left to start it again.
    pub(crate) async fn close(mut self) -> (Plan, Store, Tenant, PhonebookId) {
        self.stop.cancel();
        self.running.take().unwrap().await.unwrap();
        let plan = std::mem::replace(&mut self.plan, Plan::sqlite());
        (
            plan,
            self.store.clone(),
            self.tenant.clone(),
            self.phonebook.clone(),
        )
    }

    /// Stops it and starts it again.
    pub(crate) async fn restart(self) -> Self {
        let (plan, store, tenant, phonebook) = self.close().await;
        plan.start(store, tenant, phonebook).await
    }

    /// The series and the counter as a client sees them.
    pub(crate) async fn standing(&self) -> (String, i64) {
        let body = json!({"iterator": {"timestamp": (1_i64 << 53) - 1}});
        let result = self.result("query", body).await;
        let series = result["series"].as_str().unwrap().to_owned();
        (series, result["timestamp"].as_i64().unwrap())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A token with these accesses.
pub(crate) async fn token(store: &Store, tenant: &TenantId, acl: &[&str]) -> String {
    let text = secret::random().unwrap();
    let record = TokenRecord {
        hash: secret::hash(text.expose()),
        auth_id: "a-service".to_owned(),
        user: None,
        tenant: tenant.clone(),
        acl: acl.iter().map(|&one| one.to_owned()).collect(),
        session: random_id(),
        // So early that keeping it forgets no token.
        issued_at: 0,
        expires_at: kit::clock::unix_now() + 3600,
    };
    store.add_token(&record).await.unwrap();
    text.expose().to_owned()
}

pub(crate) fn method_of(function: &str) -> Method {
    match function {
        "create" | "update" | "delete" => Method::PUT,
        _ => Method::POST,
    }
}

/// Code and parameter of an error.
pub(crate) fn error_of(answer: &Value) -> (u64, String) {
    assert_eq!(answer["success"], false, "{answer}");
    let parameter = answer["error"]["param"].as_str().unwrap_or_default();
    (
        answer["error"]["code"].as_u64().unwrap(),
        parameter.to_owned(),
    )
}

/// Status and JSON of an answer.
pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::Null))
}
