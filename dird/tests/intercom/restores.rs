//! Databases that are set back to a copy, or copied (intercom-directory.md §7.6): dird sees it by its mark and by the database's
//! fingerprint, each alone, and clients read anew.

use std::path::Path;
use std::time::Duration;

use dird::identity::{SystemAuthority, Tenant};
use dird::store::model::PhonebookId;
use e2e::database::Database;
use e2e::postgres::Cluster;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::follower::{Follower, live};
use crate::world::{Door, Plan, open};

on_plans_of_both_engines!(a_client_of_a_restored_database_reads_anew_and_has_what_is_there);

/// What tells that a database was restored.
#[derive(Debug, Clone, Copy)]
enum Sign {
    /// The mark is ahead of it.
    Mark,
    /// There is no mark.
    NoMark,
    /// It says that it is in another place; the mark would fit.
    Place,
}

/// A dird that is stopped.
type Stopped = (Plan, Tenant, PhonebookId);

async fn stop(door: Door) -> Stopped {
    let (plan, store, tenant, phonebook) = door.close().await;
    drop(store);
    if let Database::Sqlite(path) = database(&plan) {
        let closed = async {
            while is_open(&path) {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(Duration::from_mins(1), closed).await.unwrap();
    }
    (plan, tenant, phonebook)
}

/// Whether this process has the file open: connections to a database are closed some time after its store is dropped.
fn is_open(path: &Path) -> bool {
    let path = path.canonicalize().unwrap();
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let mut open = open.filter_map(|file| std::fs::read_link(file.path()).ok());
    open.any(|open| open == path)
}

async fn start((plan, tenant, phonebook): Stopped) -> Door {
    let store = open(&plan.uri).await;
    plan.start(store, tenant, phonebook).await
}

fn database(plan: &Plan) -> Database {
    match plan.uri.strip_prefix("sqlite:") {
        Some(path) => Database::Sqlite(path.into()),
        None => Database::Postgres(plan.uri.clone()),
    }
}

async fn a_client_of_a_restored_database_reads_anew_and_has_what_is_there(plan: Plan) {
    let mut door = plan.open().await;
    let mut client = Follower::default();
    for (restores, sign) in (1..).zip([Sign::Mark, Sign::NoMark, Sign::Place]) {
        for name in ["changed", "removed", "kept"] {
            door.create(json!({"name": name, "owner": format!("{sign:?}")}))
                .await;
        }
        let stopped = stop(door).await;
        let copy = stopped.0.folder.path().join(format!("{sign:?}.backup"));
        database(&stopped.0).back_up(&copy).await.unwrap();
        let known = std::fs::read(stopped.0.mark_file()).unwrap();
        door = start(stopped).await;
        let kept = live(&door).await;
        change(&door, &format!("{sign:?}")).await;
        client.catch_up(&door).await;
        assert_ne!(client.copy, kept);
        let (series, lost) = door.standing().await;

        let stopped = stop(door).await;
        let database = database(&stopped.0);
        database.restore(&copy).await.unwrap();
        door = start(spoil(stopped, &database, (sign, &known)).await).await;
        assert_eq!(live(&door).await, kept, "{sign:?}");
        let (now, counter) = door.standing().await;
        assert_ne!(now, series, "{sign:?}");
        if let Sign::Mark = sign {
            assert_eq!(counter, lost + 1);
        }
        let told = json!({"series": series, "iterator": {"timestamp": lost}});
        let told = door.result("query", told).await;
        let expected =
            json!({"series": now, "timestamp": counter, "invalid": counter, "users": []});
        assert_eq!(told, expected, "{sign:?}");
        let further = door.create(json!({"name": "further"})).await;
        assert_eq!(further, counter + 1);
        client.catch_up(&door).await;
        assert_eq!(client.copy, live(&door).await, "{sign:?}");
        assert_eq!(client.anew, restores, "{sign:?}");
    }
}

/// Leaves only one sign of it.
async fn spoil(
    (plan, tenant, phonebook): Stopped,
    database: &Database,
    (sign, known): (Sign, &[u8]),
) -> Stopped {
    let check = matches!(sign, Sign::Place);
    match sign {
        Sign::Mark => {}
        Sign::NoMark => std::fs::remove_file(plan.mark_file()).unwrap(),
        Sign::Place => {
            std::fs::write(plan.mark_file(), known).unwrap();
            let forged = "UPDATE intercom_directory SET instance = 'file 1:1'";
            database.rows(forged).await.unwrap();
        }
    }
    let plan = plan.with(json!({ "instance_check": check }));
    (plan, tenant, phonebook)
}

/// Changes that a restore loses: one entry more, one another, one less.
async fn change(door: &Door, owner: &str) {
    let own = live(door).await.into_values();
    let own: Vec<Value> = own.filter(|entry| entry["owner"] == owner).collect();
    let named = |name: &str| {
        let found = own.iter().find(|entry| entry["name"] == name);
        found.unwrap()["uuid"].clone()
    };
    door.create(json!({"name": "lost", "owner": owner})).await;
    let changed = json!({"users": [{"uuid": named("changed"), "email": "lost@example.org"}]});
    door.result("update", changed).await;
    let removed = json!({"users": [{"uuid": named("removed")}]});
    door.result("delete", removed).await;
}

#[tokio::test]
async fn the_fingerprint_of_postgres_tells_databases_apart() {
    let (one, other) = (Plan::postgres().await, Plan::postgres().await);
    let mut prints = Vec::new();
    for plan in [&one, &other] {
        let store = open(&plan.uri).await;
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

#[tokio::test]
async fn a_base_backup_that_is_recovered_begins_a_series() {
    let (plan, cluster) = Plan::on_a_server().await;
    let uri = plan.uri.clone();
    let door = plan.open().await;
    door.create(json!({"name": "kept"})).await;
    let (series, timestamp) = door.standing().await;
    // The mark is left as it was then: what the database says of itself is the only sign.
    let (mut plan, tenant, phonebook) = stop(door).await;
    let recovered = tokio::task::spawn_blocking(move || (cluster.recovered(&uri), cluster));
    let (recovered, cluster) = recovered.await.unwrap();
    let (copy, uri) = recovered.unwrap();
    plan.uri = uri;
    begins_anew(plan, (tenant, phonebook), (&series, timestamp)).await;
    let ended = tokio::task::spawn_blocking(|| [copy.end(), cluster.end()]);
    assert!(ended.await.unwrap().iter().all(Result::is_ok));
}

/// A directory with one entry in another database than the one where it had that series and timestamp.
async fn begins_anew(
    plan: Plan,
    (tenant, phonebook): (Tenant, PhonebookId),
    (series, timestamp): (&str, i64),
) {
    let store = open(&plan.uri).await;
    let door = plan.start(store, tenant, phonebook).await;
    let (now, counter) = door.standing().await;
    assert_ne!(now, series);
    assert_eq!(counter, timestamp + 1);
    let told = json!({"series": series, "iterator": {"timestamp": timestamp}});
    let told = door.result("query", told).await;
    assert_eq!(told["invalid"], counter);
    assert_eq!(told["users"], json!([]));
    assert_eq!(door.names().await, ["kept"]);
}
