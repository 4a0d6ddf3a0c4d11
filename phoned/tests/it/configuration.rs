//! The configuration as operators see and change it (phoned.md §16.2), and the document of the routes (§3.3).

use std::{collections::BTreeSet, path::Path, sync::Arc, time::Duration};

use e2e::platform::{self, Server};
use phoned::{
    Running, app, config,
    live::Live,
    vendor::registry::{Registry, Vendor},
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::site::{Answer, Site, exchange};

/// A phoned whose configuration comes from files, with what its log was told to do.
pub(crate) struct Configured {
    pub(crate) running: Running,
    live: Arc<Live>,
    _auth: Server,
    pub(crate) folder: TempDir,
    levels: Arc<std::sync::Mutex<Vec<bool>>>,
}

impl Configured {
    pub(crate) async fn start() -> Self {
        Self::with(json!({}), |_| {}).await
    }

    /// One with `more` at the top of its file; `at_reload` sees the file after each reload has read it.
    pub(crate) async fn with(
        more: Value,
        at_reload: impl Fn(&Path) + Send + Sync + 'static,
    ) -> Self {
        let (auth, folder) = (
            platform::auth().expect("an auth"),
            TempDir::new().expect("a folder"),
        );
        let file = |name: &str| folder.path().join(name);
        std::fs::write(
            file("key.yml"),
            "service_id: phoned\nservice_key: the-secret-word\n",
        )
        .expect("written");
        let mut tree = json!({
            "auth": auth.upstream(), "user": "", "log_filename": "", "extra_config_files": file("none"),
            "bus": {"enabled": false, "password": "the-bus-word"}, "metrics": {"port": null},
            "rest_api": {"http": {"listen": "127.0.0.1", "port": 0}, "https": {"enabled": false},
                         "authorized_subnets": ["192.0.2.0/24"]},
        });
        tree["auth"]["key_file"] = json!(file("key.yml"));
        tree["config_file"] = json!(file("phoned.yml"));
        for (key, value) in more.as_object().expect("a map") {
            tree[key] = value.clone();
        }
        std::fs::write(file("phoned.yml"), tree.to_string()).expect("written");
        let read = |main: &Path| {
            config::load(main, Value::Null, false)
                .expect("a configuration")
                .config
        };
        let (main, levels) = (file("phoned.yml"), Arc::default());
        let told: Arc<std::sync::Mutex<Vec<bool>>> = Arc::clone(&levels);
        let applied = Box::new(move |config: &config::Config| {
            told.lock().expect("no panic").push(config.debug);
        });
        let first = read(&main);
        let source = Box::new(move || {
            let config = read(&main);
            at_reload(&main);
            Ok(config)
        });
        let ready = phoned::prepare_from(first, source, applied).await;
        let ready = ready.expect("it can start");
        let (live, stop) = (Arc::clone(&ready.live), CancellationToken::new());
        // It says which tenant is the master.
        ready.first_token(&stop).await;
        Self {
            running: ready.start(stop),
            live,
            _auth: auth,
            folder,
            levels,
        }
    }

    /// Changes keys of the file, by JSON pointer.
    pub(crate) fn rewrite(&self, changes: &[(&str, Value)]) {
        rewrite(&self.folder.path().join("phoned.yml"), changes);
    }

    async fn ask(&self, method: &str, body: &str) -> Answer {
        self.at(method, "/0.1/config", body).await
    }

    pub(crate) async fn at(&self, method: &str, target: &str, body: &str) -> Answer {
        let headers = format!("X-Auth-Token: t\r\nContent-Length: {}\r\n", body.len());
        exchange(self.running.http[0], method, target, &headers, body).await
    }
}

/// Changes keys of a file of [`Configured`], by JSON pointer.
fn rewrite(file: &Path, changes: &[(&str, Value)]) {
    let text = std::fs::read_to_string(file).expect("a file");
    let mut tree: Value = serde_json::from_str(&text).expect("what was written");
    for (pointer, value) in changes {
        *tree.pointer_mut(pointer).expect("a key") = value.clone();
    }
    std::fs::write(file, tree.to_string()).expect("written");
}

#[tokio::test]
async fn operators_see_the_whole_configuration_but_its_secrets() {
    let phoned = Configured::start().await;
    let answer = phoned.ask("GET", "").await;
    let shown = answer.json();
    assert_eq!(answer.status, 200);
    for (pointer, expected) in [
        ("/log_level", json!("info")),
        ("/debug", json!(false)),
        ("/auth/username", json!("phoned")),
        ("/auth/password", json!("<hidden>")),
        ("/bus/password", json!("<hidden>")),
        ("/rest_api/authorized_subnets", json!(["192.0.2.0/24"])),
        ("/confd/port", json!(9486)),
        ("/amid/timeout", json!(10)),
        ("/enabled_plugins/grandstream", json!(true)),
    ] {
        assert_eq!(shown.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert!(shown.get("uuid").is_some());
    for secret in ["the-secret-word", "the-bus-word"] {
        assert!(!answer.body.contains(secret), "{}", answer.body);
    }
    phoned.running.stop().await;
}

#[tokio::test]
async fn debugging_is_switched_until_the_next_reload() {
    let phoned = Configured::start().await;
    let item = |value: Value| json!({"op": "replace", "path": "/debug", "value": value});
    let twice = json!([item(json!(false)), item(json!("On"))]).to_string();
    let answer = phoned.ask("PATCH", &twice).await;
    assert_eq!(
        (answer.status, &answer.json()["debug"]),
        (200, &json!(true))
    );
    assert_eq!(phoned.ask("GET", "").await.json()["debug"], true);
    let nothing = phoned.ask("PATCH", "[]").await;
    assert_eq!(
        (nothing.status, &nothing.json()["debug"]),
        (200, &json!(true))
    );
    for (body, details) in [
        (json!({}), json!({"_schema": ["Invalid input type."]})),
        (
            json!([item(json!(true)), {"op": "add", "path": "/debug", "value": 1}]),
            json!({"1": {"op": ["Must be equal to replace."]}}),
        ),
    ] {
        let answer = phoned.ask("PATCH", &body.to_string()).await;
        assert_eq!((answer.status, &answer.json()["details"]), (400, &details));
        assert_eq!(answer.json()["error_id"], "invalid-data");
    }
    for body in ["", "{nope"] {
        let answer = phoned.ask("PATCH", body).await;
        assert_eq!(answer.status, 400);
        assert!(
            answer.json()["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("The browser"))
        );
    }
    assert_eq!(
        phoned.at("POST", "/0.1/config/reload", "").await.status,
        200
    );
    assert_eq!(phoned.ask("GET", "").await.json()["debug"], false);
    assert_eq!(*phoned.levels.lock().expect("no panic"), [true, false]);
    phoned.running.stop().await;
}

#[tokio::test]
async fn a_change_is_read_as_json_whatever_it_is_called() {
    let site = Site::start().await;
    for (kind, value) in [
        ("", true),
        ("Content-Type: application/x-www-form-urlencoded\r\n", false),
        ("Content-Type: application/json\r\n", true),
        ("Content-Type: text/plain; charset=utf-8\r\n", false),
    ] {
        let body = json!([{"op": "replace", "path": "/debug", "value": value}]).to_string();
        let length = body.len();
        let headers = format!("{kind}X-Auth-Token: operator\r\nContent-Length: {length}\r\n");
        let answer = exchange(site.address, "PATCH", "/0.1/config", &headers, &body).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.body);
        assert_eq!(answer.json()["debug"], value, "{kind}");
    }
    site.stop().await;
}

#[tokio::test]
async fn a_reload_names_what_only_a_restart_changes_and_shows_what_is_in_use() {
    let phoned = Configured::start().await;
    let before = phoned.ask("GET", "").await.json();
    phoned.rewrite(&[
        ("/rest_api/http/port", json!(9)),
        ("/rest_api/authorized_subnets", json!(["127.0.0.0/8"])),
        ("/auth/port", json!(9)),
        ("/bus/password", json!("another-word")),
    ]);
    let answer = phoned.at("POST", "/0.1/config/reload", "").await.json();
    assert_eq!(answer["applied"], true);
    assert_eq!(
        answer["needs_restart"],
        json!(["bus.password", "auth.port", "rest_api.http.port"])
    );
    let after = phoned.ask("GET", "").await.json();
    for (pointer, same) in [
        ("/rest_api/http", true),
        ("/auth", true),
        ("/rest_api/authorized_subnets", false),
    ] {
        let is_same = after.pointer(pointer) == before.pointer(pointer);
        assert_eq!(is_same, same, "{pointer}: {after}");
    }
    let status = phoned.at("GET", "/0.1/status", "").await.json();
    assert_eq!(status["auth"]["status"], "ok", "the one that is in use");
    phoned.running.stop().await;
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_read_again() {
    let late = std::sync::Once::new();
    let phoned = Configured::with(json!({"watch": true}), move |file| {
        late.call_once(|| {
            let lists = json!(["10.1.0.0/16", "10.2.0.0/16"]);
            rewrite(file, &[("/rest_api/authorized_subnets", lists)]);
        });
    })
    .await;
    phoned.rewrite(&[("/rest_api/authorized_subnets", json!(["10.1.0.0/16"]))]);
    let second = async {
        loop {
            let subnets = phoned.at("GET", "/0.1/access/subnets", "").await;
            if subnets.status == 200 && subnets.json()["total"] == 2 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let bound = Duration::from_mins(1);
    let seen = tokio::time::timeout(bound, second).await;
    seen.expect("the second change");
    phoned.running.stop().await;
}

#[tokio::test]
async fn only_the_master_tenant_sees_and_changes_it() {
    let site = Site::start().await;
    for (method, access) in [
        ("GET", "phoned.config.read"),
        ("PATCH", "phoned.config.update"),
    ] {
        for token in ["", "weak", "elsewhere"] {
            let answer = site.operate_as(token, method, "/0.1/config", "[]").await;
            assert_eq!(answer.status, 401, "{method} {token}");
            let needed = &answer.json()["details"]["required_access"];
            assert!(token == "elsewhere" || needed == access, "{needed}");
        }
        assert_eq!(site.operate(method, "/0.1/config", "[]").await.status, 200);
    }
    site.stop().await;
}

#[tokio::test]
async fn the_document_names_the_routes_that_there_are() {
    let changes =
        json!({"enabled_plugins": {"snom": false}, "rest_api": {"trusted_proxies": ["127.0.0.1"]}});
    let site = Site::with(changes).await;
    let answer = site
        .send("/0.1/api/api.yml", "X-Forwarded-For: 127.0.0.1\r\n")
        .await;
    assert!(
        answer.head.contains("content-type: application/x-yaml"),
        "{}",
        answer.head
    );
    let document: Value = serde_saphyr::from_str(&answer.body).expect("YAML");
    let paths = document["paths"].as_object().expect("a map");
    for (path, method) in [
        ("/directories/lookup/{profile}/cisco", "get"),
        ("/yealink/directories/lookup/{profile}", "get"),
        ("/directories/lookup/{profile}/gigaset/{user_uuid}", "get"),
        ("/fanvil/users/{user_uuid}/services/dnd/disable", "get"),
        ("/endpoints/{endpoint_name}/hold/start", "put"),
        ("/config", "patch"),
        ("/cache", "delete"),
        ("/status", "get"),
        ("/api/api.yml", "get"),
    ] {
        assert!(paths[path][method].is_object(), "{method} {path}");
    }
    assert!(paths.keys().all(|path| !path.contains("snom")));
    for (path, methods) in paths {
        for method in methods.as_object().expect("a map").keys() {
            let target = path.replace(['{', '}'], "");
            let answer = site
                .operate(&method.to_uppercase(), &format!("/0.1{target}"), "{}")
                .await;
            let unknown =
                matches!(answer.status, 404 | 405) && answer.json()["error_id"] == "not-found";
            assert!(
                !unknown && answer.status != 405,
                "{method} {path}: {}",
                answer.status
            );
        }
    }
    let behind = "X-Forwarded-For: 127.0.0.1\r\nX-Script-Name: /api/phoned\r\n";
    let behind = site.send("/0.1/api/api.yml", behind).await;
    let document: Value = serde_saphyr::from_str(&behind.body).expect("YAML");
    assert_eq!(document["basePath"], "/api/phoned/0.1");
    assert_eq!(document["schemes"], json!(["https"]));
    site.stop().await;
}

#[tokio::test]
async fn the_document_is_for_the_allowlist_and_can_be_switched_off() {
    let site = Site::with(json!({"rest_api": {"authorized_subnets": []}})).await;
    assert_eq!(site.get("/0.1/api/api.yml").await.status, 403);
    site.stop().await;
    let site = Site::with(json!({"enabled_plugins": {"api": false, "config": false}})).await;
    assert_eq!(site.get("/0.1/api/api.yml").await.status, 404);
    assert_eq!(site.operate("GET", "/0.1/config", "").await.status, 404);
    site.stop().await;
}

#[test]
fn the_defaults_name_every_part_that_can_be_switched_off() {
    let config: config::Config = serde_saphyr::from_str(config::DEFAULTS).expect("the defaults");
    let registry = Registry::load(&app::choices(&config)).expect("the makes");
    let plugin = |make: &Arc<Vendor>| make.manifest.plugin.clone().unwrap_or(make.name.clone());
    let makes = registry.vendors.iter().map(plugin);
    let others = ["api", "blf", "config", "endpoint", "status"].map(str::to_owned);
    let parts: BTreeSet<String> = makes.chain(others).collect();
    let named: BTreeSet<String> = config.enabled_plugins.keys().cloned().collect();
    assert_eq!(named, parts);
    assert!(config.enabled_plugins.values().all(|enabled| *enabled));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_whose_caller_went_away_keeps_its_turn() {
    let (entered, mut readings) = tokio::sync::mpsc::unbounded_channel();
    let (let_go, held) = std::sync::mpsc::channel();
    let held = std::sync::Mutex::new(held);
    let phoned = Configured::with(json!({}), move |_| {
        entered.send(()).expect("somebody counts");
        held.lock().expect("no panic").recv().expect("let go");
    })
    .await;
    let reload = || {
        let live = Arc::clone(&phoned.live);
        tokio::spawn(async move { live.reload().await })
    };
    let first = reload();
    readings.recv().await.expect("the first reading");
    first.abort();
    assert!(first.await.is_err(), "its caller is gone");
    let second = reload();
    let early = tokio::time::timeout(Duration::from_millis(200), readings.recv()).await;
    assert!(early.is_err(), "two reloads at once");
    let_go.send(()).expect("it waits");
    readings.recv().await.expect("the second reading");
    let_go.send(()).expect("it waits");
    let outcome = second.await.expect("no panic").expect("applied");
    assert_eq!(outcome.generation, 3, "the first one was applied too");
    phoned.running.stop().await;
}
