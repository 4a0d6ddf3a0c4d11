//! Remote sources as a client of dird sees them.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use dird::api::config::RunningConfig;
use dird::identity::builtin::{Accounts, KeyRecord, secret};
use e2e::quiet;
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::peer::{Peer, Reply};

/// A running dird and somebody who may do everything.
pub(crate) struct Dird {
    base: String,
    token: String,
    folder: TempDir,
    client: reqwest::Client,
    stop: CancellationToken,
}

impl Dird {
    pub(crate) async fn start() -> Self {
        Self::start_with(json!({})).await
    }

    /// With this beside what every site has.
    async fn start_with(further: Value) -> Self {
        kit::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let uri = format!("sqlite:{}", folder.path().join("dird.db").display());
        let mut config = json!({"db_uri": uri, "user": null, "log_filename": null, "extra_config_files": "",
            "auth": {"backend": "builtin", "port": 0}, "rest_api": {"port": 0}, "bus": {"enabled": false}});
        for (key, value) in further.as_object().unwrap() {
            config[key] = value.clone();
        }
        let path = folder.path().join("dird.yml");
        std::fs::write(&path, config.to_string()).unwrap();
        let loaded = dird::config::load(&path, Value::Null, false).unwrap();
        let shown = RunningConfig::new(loaded.redacted(), false, quiet::log());
        let stop = CancellationToken::new();
        let running = dird::run(&loaded.config, shown, stop.clone())
            .await
            .unwrap();
        let store = dird::store::open(&uri).await.unwrap();
        let accounts: &dyn Accounts = store.as_ref();
        let token = secret::random().unwrap();
        let key = KeyRecord {
            uuid: "key".into(),
            name: "key".into(),
            hash: secret::hash(token.expose()),
            tenant: accounts.tenants().await.unwrap().remove(0).uuid,
            acl: vec!["#".into()],
            created_at: 0,
        };
        accounts.add_key(&key).await.unwrap();
        let base = format!("http://{}/0.1", running.rest);
        tokio::spawn(running.until_stopped());
        Self {
            base,
            token: token.expose().to_owned(),
            folder,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            stop,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        let request = self.client.get(format!("{}{path}", self.base));
        answer(request.header("X-Auth-Token", &self.token)).await
    }

    pub(crate) async fn send(&self, path: &str, body: &Value) -> Value {
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .body(body.to_string());
        let (status, body) = answer(request.header("X-Auth-Token", &self.token)).await;
        assert!(matches!(status, 200 | 201), "{path}: {status} {body}");
        body
    }

    async fn post(&self, path: &str, body: &Value) -> String {
        let made = self.send(path, body).await;
        made["uuid"].as_str().unwrap().to_owned()
    }

    /// A source and its identifier.
    pub(crate) async fn source(&self, backend: &str, body: &Value) -> String {
        self.post(&format!("/backends/{backend}/sources"), body)
            .await
    }

    /// A profile called `default` over `sources`, for lookups of the column `fn` and reverse lookups.
    pub(crate) async fn profile(&self, sources: &[String], seconds: f64) {
        let display = json!({"name": "desk", "columns": [{"field": "fn"}]});
        let display = self.post("/displays", &display).await;
        let sources: Vec<Value> = sources.iter().map(|uuid| json!({"uuid": uuid})).collect();
        let service = json!({"sources": sources, "options": {"timeout": seconds}});
        let profile = json!({"name": "default", "display": {"uuid": display},
            "services": {"lookup": service, "reverse": service}});
        self.post("/profiles", &profile).await;
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_dird"));
        let config = self.folder.path().join("dird.yml");
        Command::new(binary)
            .arg("-c")
            .arg(config)
            .args(arguments)
            .output()
            .unwrap()
    }
}

impl Drop for Dird {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    (status, response.json().await.unwrap_or_default())
}

fn csv(peer: &Peer, name: &str) -> Value {
    json!({"name": name, "lookup_url": peer.url("/ws"), "searched_columns": ["fn"], "first_matched_columns": ["num"],
        "format_columns": {"reverse": "{fn}"}, "unique_column": "id"})
}

const PEOPLE: &str = "id,fn,num\n1,Ann,555\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_is_shown_with_every_field_of_its_contact() {
    let (dird, peer) = (
        Dird::start().await,
        Peer::start(|_| Reply::csv(PEOPLE)).await,
    );
    let uuid = dird.source("csv_ws", &csv(&peer, "web")).await;
    dird.profile(&[uuid], 5.0).await;
    assert_eq!(
        dird.get("/directories/reverse/default/anybody?exten=555")
            .await,
        (
            200,
            json!({"display": "Ann", "exten": "555", "source": "web",
            "fields": {"id": "1", "fn": "Ann", "num": "555", "reverse": "Ann"}})
        )
    );
    assert_eq!(
        dird.get("/directories/reverse/default/me?exten=9").await,
        (
            200,
            json!({"display": null, "exten": "9", "source": null, "fields": {}})
        )
    );
    let missing = json!({"message": {"exten": "Missing required parameter in the query string"}});
    assert_eq!(
        dird.get("/directories/reverse/default/me").await,
        (400, missing)
    );
    let (status, body) = dird.get("/directories/reverse/nothing/me?exten=9").await;
    assert_eq!(
        (status, &body["reason"]),
        (404, &json!(["The profile `nothing` does not exist"]))
    );
}

/// Asks `path` twelve times while a lookup waits five seconds for `hung`: ten wait too, two are told at once that too many do.
/// Then the ten are answered.
async fn crowd(dird: &Dird, hung: &Peer, path: &str) -> Vec<Value> {
    let one = |path: &str| {
        let request = dird.client.get(format!("{}{path}", dird.base));
        request.header("X-Auth-Token", &dird.token).send()
    };
    let first = tokio::spawn(one("/directories/lookup/default?term=ann"));
    while hung.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut asked: FuturesUnordered<_> = (0..12).map(|_| one(path)).collect();
    let mut told = Vec::new();
    for _ in 0..2 {
        let response = asked.next().await.unwrap().unwrap();
        assert_eq!(response.status().as_u16(), 503);
        assert_eq!(response.headers()["retry-after"], "1");
        told.push(response.json().await.unwrap());
    }
    assert_eq!(first.await.unwrap().unwrap().status().as_u16(), 200);
    while let Some(answered) = asked.next().await {
        assert_eq!(answered.unwrap().status().as_u16(), 200);
    }
    told
}

/// Hangs for the first who asks.
async fn hung_at_first() -> Peer {
    let asked = AtomicUsize::new(0);
    Peer::start(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Hang,
        _ => Reply::csv(PEOPLE),
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_requests_are_served_at_once_as_are_configured() {
    let dird = Dird::start_with(json!({"rest_api": {"port": 0, "max_threads": 1}})).await;
    let hung = hung_at_first().await;
    let uuid = dird.source("csv_ws", &csv(&hung, "web")).await;
    dird.profile(&[uuid], 5.0).await;
    for told in crowd(&dird, &hung, "/displays").await {
        assert_eq!(told["error_id"], "overloaded");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_lookups_are_answered_at_once_as_are_configured() {
    let one = json!({"executor_workers": 1});
    let dird = Dird::start_with(json!({"lookup_service": one})).await;
    let hung = hung_at_first().await;
    let uuid = dird.source("csv_ws", &csv(&hung, "web")).await;
    dird.profile(&[uuid], 5.0).await;
    let path = "/directories/lookup/default?term=bob";
    for told in crowd(&dird, &hung, path).await {
        assert_eq!(told["reason"], json!(["Too many requests at once"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_five_sources_one_hangs_and_the_rows_of_the_others_are_always_there() {
    let dird = Dird::start().await;
    let well = Peer::start(|_| Reply::csv(PEOPLE)).await;
    let hung = Peer::start(|_| Reply::Hang).await;
    let mut sources = vec![dird.source("csv_ws", &csv(&hung, "hung")).await];
    for name in ["a", "b", "c", "d"] {
        sources.push(dird.source("csv_ws", &csv(&well, name)).await);
    }
    dird.profile(&sources, 2.0).await;
    let started = Instant::now();
    for _ in 0..200 {
        let (status, table) = dird.get("/directories/lookup/default?term=ann").await;
        assert_eq!(status, 200);
        assert_eq!(table["results"].as_array().unwrap().len(), 4, "{table}");
    }
    let most = 3 + 2 * usize::try_from(started.elapsed().as_secs()).unwrap() + 2;
    let asked = hung.asked().len();
    assert!(
        (3..=most).contains(&asked),
        "{asked} questions to a source that hangs"
    );
    drop(dird);
    hung.at_rest(0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_behind_sources_are_listed_or_their_absence_is_explained() {
    let dird = Dird::start().await;
    let platform = Peer::start(|asked| match asked.line.split(['?', ' ']).nth(1).unwrap() {
        "/0.1/token" => Reply::json(200, &json!({"data": {"token": "t"}})),
        "/1.1/users" => Reply::json(
            200,
            &json!({"total": 7, "items": [{"id": 1, "firstname": "Ann"}]}),
        ),
        _ => Reply::json(500, &json!({})),
    })
    .await;
    let address = |extra: &Value| {
        let mut address = json!({"host": "127.0.0.1", "port": platform.addr.port(), "https": false, "prefix": null});
        address
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        address
    };
    let auth = address(&json!({"username": "u", "password": "p"}));
    let body = json!({"name": "users", "auth": auth, "confd": address(&json!({}))});
    let users = dird.source("wazo", &body).await;
    let (status, listed) = dird
        .get(&format!("/backends/wazo/sources/{users}/contacts?limit=1"))
        .await;
    assert_eq!(
        (status, &listed["total"], &listed["filtered"]),
        (200, &json!(7), &json!(7))
    );
    assert_eq!(listed["items"][0]["firstname"], "Ann");
    let rooms = json!({"name": "rooms", "auth": body["auth"], "confd": body["confd"]});
    let rooms = dird.source("conference", &rooms).await;
    let (status, error) = dird
        .get(&format!("/backends/conference/sources/{rooms}/contacts"))
        .await;
    assert_eq!(
        (status, &error["error_id"]),
        (503, &json!("wazo-confd-error"))
    );
    assert_eq!(
        error["details"]["wazo_confd_config"],
        json!({"host": "127.0.0.1", "port": platform.addr.port(), "timeout": 10})
    );
    let (status, error) = dird.get("/backends/wazo/sources/unknown/contacts").await;
    assert_eq!(
        (status, &error["error_id"]),
        (404, &json!("unknown-source"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_is_tried_from_the_command_line() {
    let (dird, peer) = (
        Dird::start().await,
        Peer::start(|_| Reply::csv(PEOPLE)).await,
    );
    let mut body = csv(&peer, "web");
    body["searched_columns"] = json!(["fn", "nickname"]);
    dird.source("csv_ws", &body).await;
    let tried = dird.run(&["source", "test", "web"]);
    let said = String::from_utf8(tried.stdout).unwrap();
    assert!(
        tried.status.success(),
        "{}",
        String::from_utf8_lossy(&tried.stderr)
    );
    for words in [
        "web (csv_ws) answers: 1 contacts",
        "no contact has a column called: nickname",
        "  reverse: Ann\n",
    ] {
        assert!(said.contains(words), "{said}");
    }
    drop(peer);
    let tried = dird.run(&["source", "test", "web"]);
    let said = String::from_utf8(tried.stderr).unwrap();
    assert!(
        !tried.status.success() && said.contains("web (csv_ws): it refuses connections"),
        "{said}"
    );
    let tried = dird.run(&["source", "test", "other"]);
    assert!(
        String::from_utf8(tried.stderr)
            .unwrap()
            .contains("no such source: other")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_no_account_elsewhere_has_no_contacts_there() {
    let dird = Dird::start().await;
    for (backend, message) in [
        ("google", "No google token found."),
        ("office365", "No microsoft token found."),
    ] {
        let source = dird
            .source(backend, &json!({"name": backend, "auth": {}}))
            .await;
        let path = format!("/backends/{backend}/sources/{source}/contacts");
        let (status, error) = dird.get(&path).await;
        assert_eq!(
            (status, &error["error_id"]),
            (404, &json!("no-token-found"))
        );
        assert_eq!(
            (&error["message"], &error["details"]),
            (&json!(message), &json!({"user_uuid": ""}))
        );
        let (status, error) = dird.get(&format!("{path}?order=zzz")).await;
        assert_eq!(status, 400);
        let null = error["details"]["order"]["constraint_id"] == "not_null";
        assert_eq!(null, backend == "office365");
    }
}
