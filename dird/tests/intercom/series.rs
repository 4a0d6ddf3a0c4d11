//! When clients must read anew (intercom-directory.md §7.3, §7.6), and when they need not.

use std::path::PathBuf;

use dird::identity::{SystemAuthority, Tenant};
use dird::store::NewSeries;
use dird::store::model::PhonebookId;
use e2e::postgres::Cluster;
use serde_json::{Value, json};

use crate::world::{Door, Plan, SERIES};

async fn known() -> Door {
    Plan::sqlite().open().await
}

fn mark(door: &Door) -> PathBuf {
    door.plan.folder.path().join("state/intercom.mark")
}

#[tokio::test]
async fn a_directory_that_was_published_while_nobody_watched_begins_anew() {
    let plan = Plan::sqlite();
    let store = crate::world::open(&plan.uri).await;
    let (tenant, phonebook) = crate::world::publish(&store, true).await;
    let door = plan.start(store, tenant, phonebook).await;
    let (series, timestamp) = door.standing().await;
    assert_ne!(series, SERIES);
    assert_eq!(timestamp, 1, "in doubt the counter goes on");
}

#[tokio::test]
async fn a_restart_changes_nothing() {
    let mut door = known().await;
    door.create(json!({"name": "a"})).await;
    let standing = door.standing().await;
    for _ in 0..2 {
        door = door.restart().await;
        assert_eq!(door.standing().await, standing);
    }
}

/// What a client with an old cursor is told.
async fn asked_with(door: &Door, series: &str, cursor: i64) -> Value {
    let body = json!({"series": series, "iterator": {"timestamp": cursor}});
    door.result("query", body).await
}

#[tokio::test]
async fn a_restored_database_begins_a_series() {
    let door = known().await;
    door.create(json!({"name": "kept"})).await;
    let (series, before) = door.standing().await;
    let (plan, store, tenant, phonebook) = door.close().await;
    store.ping().await.unwrap();
    let path = plan.uri.trim_start_matches("sqlite:").to_owned();
    backup(&path, &format!("{path}.backup")).await;
    let door = plan.start(store, tenant, phonebook).await;
    door.create(json!({"name": "lost"})).await;
    let (_, lost) = door.standing().await;
    let (plan, store, tenant, phonebook) = door.close().await;
    drop(store);
    for file in [path.clone(), format!("{path}-wal"), format!("{path}-shm")] {
        let _gone = std::fs::remove_file(file);
    }
    std::fs::copy(format!("{path}.backup"), &path).unwrap();
    // The file may get the number that the lost one had: the mark alone has to tell.
    let plan = plan.with(json!({"instance_check": false}));
    let store = crate::world::open(&plan.uri).await;
    let door = plan.start(store, tenant, phonebook).await;
    let (now, counter) = door.standing().await;
    assert_ne!(now, series);
    assert!(counter > lost && lost > before);
    let told = asked_with(&door, &series, lost).await;
    let expected = json!({"series": now, "timestamp": counter, "invalid": counter, "users": []});
    assert_eq!(told, expected);
    assert_eq!(door.create(json!({"name": "new"})).await, counter + 1);
    let names: Vec<Value> = door
        .after(0)
        .await
        .into_iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["kept", "new"]);
}

/// Copies a database as an administrator does.
async fn backup(from: &str, to: &str) {
    use sqlx::{Connection, SqlSafeStr};
    let mut connection = sqlx::SqliteConnection::connect(&format!("sqlite:{from}"))
        .await
        .unwrap();
    let statement = format!("VACUUM INTO '{to}'");
    let copied = sqlx::query(sqlx::AssertSqlSafe(statement).into_sql_str());
    copied.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn without_its_mark_or_elsewhere_a_directory_begins_a_series() {
    let mut door = known().await;
    let (mut series, mut timestamp) = door.standing().await;
    let path = mark(&door);
    let (plan, store, tenant, phonebook) = door.close().await;
    std::fs::remove_file(path).unwrap();
    door = plan.start(store, tenant, phonebook).await;
    let now = door.standing().await;
    assert_ne!(now.0, series);
    assert_eq!(now.1, timestamp + 1);
    (series, timestamp) = now;
    let begun = NewSeries {
        series: series.clone(),
        instance: "file 1:1".into(),
        at_least: 0,
    };
    door.store
        .begin_series(&door.tenant, &door.phonebook, &begun)
        .await
        .unwrap();
    door = door.restart().await;
    let now = door.standing().await;
    assert_ne!(now.0, series, "the database is in another place");
    assert_eq!(now.1, timestamp + 1);
}

#[tokio::test]
async fn a_cursor_beyond_the_counter_is_counted_and_changes_nothing() {
    let door = known().await;
    let (series, timestamp) = door.standing().await;
    let count = async || {
        let url = format!("http://{}/metrics", door.monitor.unwrap());
        let text = door
            .client
            .get(url)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("intercom_cursor_ahead_total "));
        line.unwrap()
            .rsplit(' ')
            .next()
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let before = count().await;
    let told = asked_with(&door, &series, timestamp + 5).await;
    assert_eq!(
        told,
        json!({"series": series, "timestamp": timestamp, "users": []})
    );
    // Other tests of this process may be ahead of theirs.
    assert!(count().await > before);
    assert_eq!(door.standing().await, (series, timestamp));
}

#[tokio::test]
async fn too_many_tombstones_begin_a_series() {
    let plan = Plan::sqlite().with(json!({"limits": {"tombstones": 5}}));
    let door = plan.open().await;
    let (series, _) = door.standing().await;
    let made = door
        .result("create", json!({"users": vec![json!({}); 7]}))
        .await;
    let uuids: Vec<Value> = made["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| json!({"uuid": one["uuid"]}))
        .collect();
    door.result("delete", json!({"users": uuids[..5]})).await;
    assert_eq!(door.standing().await.0, series);
    door.result("delete", json!({"users": uuids[5..6]})).await;
    assert_ne!(door.standing().await.0, series);
    let left = door.after(0).await;
    let tombstones = left.iter().filter(|one| one["deleted"] == true).count();
    assert_eq!((left.len(), tombstones), (4, 3));
}

#[tokio::test]
async fn a_first_query_may_leave_tombstones_out() {
    let door = Plan::sqlite()
        .with(json!({"full_query_tombstones": false}))
        .open()
        .await;
    let made = door.create(json!({})).await;
    let uuid = door.after(0).await[0]["uuid"].clone();
    door.result("delete", json!({"users": [{"uuid": uuid}]}))
        .await;
    assert_eq!(door.after(0).await, Vec::<Value>::new());
    let later = door.after(made).await;
    assert_eq!(
        later,
        [json!({"uuid": uuid, "deleted": true, "timestamp": made + 1})]
    );
}

#[tokio::test]
async fn the_fingerprint_of_postgres_tells_databases_apart() {
    let (one, other) = (Plan::postgres().await, Plan::postgres().await);
    let mut prints = Vec::new();
    for plan in [&one, &other] {
        let store = crate::world::open(&plan.uri).await;
        let print = store
            .fingerprint(SystemAuthority::new("test"))
            .await
            .unwrap();
        assert!(print.starts_with("database "), "{print}");
        prints.push(print);
    }
    assert_ne!(prints[0], prints[1]);
}

#[tokio::test]
async fn a_copy_of_a_postgres_database_begins_a_series() {
    use sqlx::{Connection, SqlSafeStr};

    let door = Plan::postgres().await.open().await;
    door.create(json!({"name": "kept"})).await;
    let (series, timestamp) = door.standing().await;
    let (mut plan, store, tenant, phonebook) = door.close().await;
    drop(store);
    let (server, parameters) = plan.uri.split_once('?').unwrap();
    let (server, name) = server.rsplit_once('/').unwrap();
    let copy = format!("{server}/{name}copy?{parameters}");
    let administrator = format!("{server}/postgres");
    let mut connection = sqlx::PgConnection::connect(&administrator).await.unwrap();
    let others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    // A connection of dird's may take a moment to be gone.
    loop {
        sqlx::query(others)
            .bind(name)
            .execute(&mut connection)
            .await
            .unwrap();
        let statement = format!("CREATE DATABASE {name}copy TEMPLATE {name}");
        let copied = sqlx::query(sqlx::AssertSqlSafe(statement).into_sql_str());
        if copied.execute(&mut connection).await.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    plan.uri = copy;
    begins_anew(plan, (tenant, phonebook), (&series, timestamp)).await;
}

#[tokio::test]
async fn a_dump_that_is_restored_begins_a_series() {
    let door = Plan::postgres().await.open().await;
    door.create(json!({"name": "kept"})).await;
    let (series, timestamp) = door.standing().await;
    let (mut plan, store, tenant, phonebook) = door.close().await;
    drop(store);
    let uri = plan.uri.clone();
    let restored = tokio::task::spawn_blocking(move || Cluster::shared().restored(&uri));
    plan.uri = restored.await.unwrap().unwrap();
    begins_anew(plan, (tenant, phonebook), (&series, timestamp)).await;
}

/// A directory with one entry in another database than the one where it had that series and timestamp.
async fn begins_anew(
    plan: Plan,
    (tenant, phonebook): (Tenant, PhonebookId),
    (series, timestamp): (&str, i64),
) {
    let store = crate::world::open(&plan.uri).await;
    let door = plan.start(store, tenant, phonebook).await;
    let (now, counter) = door.standing().await;
    assert_ne!(now, series);
    assert_eq!(counter, timestamp + 1);
    let told = asked_with(&door, series, timestamp).await;
    assert_eq!(told["invalid"], counter);
    assert_eq!(told["users"], json!([]));
    let names: Vec<Value> = door
        .after(0)
        .await
        .into_iter()
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(names, ["kept"]);
}

/// Waits until the mark says what `expected` wants of the directory.
async fn marked(door: &Door, expected: impl Fn(&Value) -> bool) -> Value {
    let path = mark(door);
    let marked = async {
        loop {
            let text = std::fs::read(&path).unwrap_or_default();
            let all: Value = serde_json::from_slice(&text).unwrap_or_default();
            let one = all[&door.phonebook.0].clone();
            if expected(&one) {
                return one;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let marked = tokio::time::timeout(std::time::Duration::from_mins(1), marked);
    marked.await.unwrap()
}

/// Changes the row of the one directory beside dird, as another server's history would.
async fn rewrite(door: &Door, assignment: &str) {
    use sqlx::{Connection, SqlSafeStr};
    let mut connection = sqlx::SqliteConnection::connect(&door.plan.uri)
        .await
        .unwrap();
    let statement = format!("UPDATE intercom_directory SET {assignment}");
    let written = sqlx::query(sqlx::AssertSqlSafe(statement).into_sql_str());
    written.execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn a_database_that_goes_back_while_it_is_served_begins_a_series() {
    let door = known().await;
    for _ in 0..3 {
        door.create(json!({})).await;
    }
    marked(&door, |one| one["timestamp"] == 3).await;
    rewrite(&door, "timestamp = 1").await;
    let mark = marked(&door, |one| one["series"] != SERIES).await;
    assert_eq!(mark["timestamp"], 4, "the counter is never set back");
    let (series, timestamp) = door.standing().await;
    assert_eq!((json!(series), timestamp), (mark["series"].clone(), 4));
    assert_eq!(asked_with(&door, SERIES, 3).await["invalid"], 4);
}

#[tokio::test]
async fn a_database_that_is_another_while_it_is_served_begins_a_series() {
    let door = known().await;
    door.create(json!({})).await;
    marked(&door, |one| one["timestamp"] == 1).await;
    rewrite(&door, "instance = 'file 1:1'").await;
    let mark = marked(&door, |one| one["series"] != SERIES).await;
    assert_eq!(mark["timestamp"], 2);
}

#[tokio::test]
async fn a_mark_that_could_not_be_written_is_written_later() {
    let door = known().await;
    let state = door.plan.folder.path().join("state");
    let away = door.plan.folder.path().join("away");
    marked(&door, |one| one["timestamp"] == 0).await;
    std::fs::rename(&state, &away).unwrap();
    std::fs::write(&state, "no folder").unwrap();
    door.create(json!({})).await;
    // Longer than the guard pauses: it has tried in vain.
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    std::fs::remove_file(&state).unwrap();
    std::fs::rename(&away, &state).unwrap();
    marked(&door, |one| one["timestamp"] == 1).await;
}

#[tokio::test]
async fn what_is_written_while_dird_stops_is_in_the_mark() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let door = known().await;
    let (head, body) = (
        "PUT /api/dir/create HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 14\r\n\r\n",
        "{\"users\":[{}]}",
    );
    let mut client = tokio::net::TcpStream::connect(door.address).await.unwrap();
    client.write_all(head.as_bytes()).await.unwrap();
    let mut heard = [0; 25];
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"HTTP/1.1 100 Continue\r\n\r\n");
    // The mark has this one when dird has stopped, or soon after.
    door.create(json!({})).await;
    let path = mark(&door);
    let phonebook = door.phonebook.0.clone();
    let reached = || -> Value {
        let mark: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        mark[&phonebook]["timestamp"].clone()
    };
    let closing = tokio::spawn(door.close());
    while reached() != 1 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    client.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("\"timestamp\":2"), "{answer}");
    let _left = closing.await.unwrap();
    assert_eq!(reached(), 2);
}
