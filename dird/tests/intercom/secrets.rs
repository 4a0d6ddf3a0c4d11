//! What opens doors (intercom-directory.md §4.1): written, and shown only where that was asked for.

use e2e::database::Database;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Door, Plan, publish, read};

on_plans_of_both_engines!(
    written_secrets_are_kept_and_not_shown,
    full_shows_what_was_written,
    with_a_key_nothing_lies_open_in_the_database,
    without_access_what_was_written_is_kept_unopened,
);

const UUID: &str = "A1B2C3D4-0000-4000-8000-00000000000A";
const PIN: &str = "86420975";
const CARD: &str = "CAFEBABE01";

fn entry() -> Value {
    json!({"uuid": UUID, "name": "Ann", "access": {
        "validTo": "99", "virtCard": CARD, "card": [CARD], "mobkey": "mob86420975", "fpt": "fpt86420975", "pin": PIN, "code": [PIN],
    }})
}

fn update(pin: &str) -> Value {
    json!({"users": [{"uuid": UUID, "access.pin": pin}]})
}

async fn open(plan: Plan, access: &str) -> Door {
    plan.with(json!({ "access": access })).open().await
}

async fn all(door: &Door) -> String {
    let mut all = String::new();
    for body in [
        json!({}),
        json!({"fields": []}),
        json!({"fields": ["access", "access.pin", "access.code[0]"]}),
    ] {
        all.push_str(&door.told("query", &body.to_string()).await.1);
        let mut body = body;
        body["users"] = json!([{ "uuid": UUID }]);
        all.push_str(&door.told("get", &body.to_string()).await.1);
    }
    all
}

async fn written_secrets_are_kept_and_not_shown(plan: Plan) {
    let door = open(plan, "write_only").await;
    door.create(entry()).await;
    let shown = all(&door).await;
    for secret in [PIN, CARD] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains(r#""validTo":"99""#));
    let same = door.result("update", update(PIN)).await;
    assert_eq!(same["users"][0]["timestamp"], 1, "it is there");
    let other = door.result("update", update("1111")).await;
    assert_eq!(other["users"][0]["timestamp"], 2);
    let reset = door.result("update", update("")).await;
    assert_eq!(reset["users"][0]["timestamp"], 3);
    let contents = door
        .store
        .contents(&door.tenant, &door.list())
        .await
        .unwrap();
    let contact = format!("{:?}", contents.contacts);
    assert!(
        !contact.contains(PIN) && !contact.contains(CARD),
        "{contact}"
    );
}

async fn full_shows_what_was_written(plan: Plan) {
    let door = open(plan, "full").await;
    door.create(entry()).await;
    let shown = door.result("get", json!({"users": [{"uuid": UUID}]})).await;
    let mut expected = entry()["access"].clone();
    expected["card"] = json!([CARD, ""]);
    expected["code"] = json!([PIN, "", "", ""]);
    assert_eq!(shown["users"][0]["access"], expected);
}

#[tokio::test]
async fn without_access_there_are_no_such_fields() {
    let door = open(Plan::sqlite(), "off").await;
    let refused = door.result("create", json!({"users": [entry()]})).await;
    let expected = json!([{"code": "EDIR_FIELD_NOT_AVAILABLE", "field": "access"}]);
    assert_eq!(refused["users"][0]["errors"], expected);
    let template = door.request(Method::GET, "/api/dir/template").send().await;
    let (_, template) = read(template.unwrap()).await;
    assert!(template["result"]["users"][0].get("access").is_none());
}

#[tokio::test]
async fn write_only_is_the_default() {
    let loaded = dird::config::load(std::path::Path::new("/nonexistent"), Value::Null, false);
    assert_eq!(
        loaded.unwrap().config.intercom.access,
        dird::config::Shown::WriteOnly
    );
}

/// The bytes of the database, its log included. Of a server's, what its rows hold.
async fn database(door: &Door) -> Vec<u8> {
    let Some(path) = door.plan.uri.strip_prefix("sqlite:") else {
        let database = Database::Postgres(door.plan.uri.clone());
        let rows = "SELECT e.data, e.owner, encode(e.secret, 'escape'), c.fields, c.folded \
                    FROM intercom_entry e JOIN contact c ON c.uuid = e.contact_uuid";
        let rows = database.rows(rows).await.unwrap();
        return rows.concat().concat().into_bytes();
    };
    let mut bytes = std::fs::read(path).unwrap();
    bytes.extend(std::fs::read(format!("{path}-wal")).unwrap_or_default());
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

async fn with_a_key_nothing_lies_open_in_the_database(plan: Plan) {
    let key = plan.folder.path().join("key");
    std::fs::write(&key, "k".repeat(48)).unwrap();
    let door = plan.with(json!({"secret_key_file": key})).open().await;
    door.create(entry()).await;
    let shown = all(&door).await;
    assert!(shown.contains(PIN) && shown.contains(CARD));
    let bytes = database(&door).await;
    assert!(holds(&bytes, "Ann"));
    assert!(!holds(&bytes, PIN) && !holds(&bytes, CARD));
    // Another key opens nothing, and says nothing.
    std::fs::write(&key, "o".repeat(48)).unwrap();
    let door = door.restart().await;
    let (status, text) = door.told("query", "{}").await;
    assert_eq!(status, 503);
    assert!(
        text.contains(r#""code":14"#) && !text.contains("key"),
        "{text}"
    );
}

async fn without_access_what_was_written_is_kept_unopened(plan: Plan) {
    let key = plan.folder.path().join("key");
    std::fs::write(&key, "k".repeat(48)).unwrap();
    let door = plan.with(json!({"secret_key_file": key})).open().await;
    door.create(entry()).await;
    let (plan, store, tenant, phonebook) = door.close().await;
    let plan = plan.with(json!({"access": "off", "secret_key_file": null}));
    let door = plan.start(store, tenant, phonebook).await;
    let renamed = json!({"users": [{"uuid": UUID, "name": "Bea"}]});
    let renamed = door.result("update", renamed).await;
    assert_eq!(renamed["users"][0]["timestamp"], 2, "{renamed}");
    let (plan, store, tenant, phonebook) = door.close().await;
    let plan = plan.with(json!({"access": "full", "secret_key_file": key}));
    let door = plan.start(store, tenant, phonebook).await;
    let shown = all(&door).await;
    assert!(shown.contains("Bea") && shown.contains(PIN), "{shown}");
    let (plan, store, tenant, phonebook) = door.close().await;
    let plan = plan.with(json!({"access": "off", "secret_key_file": null}));
    let door = plan.start(store, tenant, phonebook).await;
    let anew = json!({"force": 1, "users": [{"uuid": UUID, "name": "Cid"}]});
    door.result("create", anew).await;
    let (plan, store, tenant, phonebook) = door.close().await;
    let plan = plan.with(json!({"access": "full", "secret_key_file": key}));
    let door = plan.start(store, tenant, phonebook).await;
    assert!(!all(&door).await.contains(PIN), "another entry is there");
}

#[tokio::test]
async fn a_key_that_is_none_is_told_at_the_start() {
    kit::tls::install_provider();
    let plan = Plan::sqlite();
    let (key, file) = (
        plan.folder.path().join("key"),
        plan.folder.path().join("dird.yml"),
    );
    std::fs::write(&key, "short").unwrap();
    let store = crate::world::open(&plan.uri).await;
    let _ = publish(&store, true).await;
    let config = json!({"db_uri": plan.uri, "user": null, "log_filename": null, "extra_config_files": "",
        "auth": {"backend": "builtin", "port": 0}, "rest_api": {"port": 0}, "bus": {"enabled": false},
        "metrics": {"port": null}, "intercom": {"enabled": true, "secret_key_file": key}});
    std::fs::write(&file, config.to_string()).unwrap();
    let loaded = dird::config::load(&file, Value::Null, false).unwrap();
    let log = e2e::quiet::log();
    let shown = dird::api::config::RunningConfig::new(loaded.redacted(), false, log);
    let started = dird::run(
        &loaded.config,
        shown,
        tokio_util::sync::CancellationToken::new(),
    )
    .await;
    let told = started.err().unwrap().to_string();
    assert!(told.starts_with("intercom.secret_key_file: "), "{told}");
}
