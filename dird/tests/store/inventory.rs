//! Migrations and statements of the engines.

use dird::store::{contract, open};
use sqlx::{Connection, Executor, PgConnection, SqlSafeStr, SqliteConnection};

use crate::world::{World, csv, database, migrated, tenant};

#[test]
fn both_engines_have_the_same_migrations() {
    assert_eq!(
        contract::sqlite().migrations,
        contract::postgres().migrations
    );
}

/// The sources of an engine, to count its statements in.
fn written(engine: &str) -> usize {
    let folder = format!("{}/src/store/{engine}", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    let texts = files.map(|file| std::fs::read_to_string(file.path()).unwrap());
    let verbs = [
        "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "PRAGMA ", "LOCK ",
    ];
    texts
        .map(|text| {
            let opened = text.split("&str =").skip(1).map(str::trim_start);
            opened
                .filter(|text| {
                    verbs
                        .iter()
                        .any(|verb| text.starts_with(&format!("\"{verb}")))
                })
                .count()
        })
        .sum()
}

#[tokio::test]
async fn sqlite_takes_every_statement() {
    let world = World::sqlite().await;
    let mut connection = SqliteConnection::connect(&world.uri).await.unwrap();
    let statements = contract::sqlite().statements;
    assert_eq!(
        statements.len(),
        written("sqlite"),
        "a statement is not listed"
    );
    for statement in statements {
        let prepared = connection.prepare(statement.into_sql_str()).await;
        assert!(prepared.is_ok(), "{statement}: {prepared:?}");
    }
}

#[tokio::test]
async fn postgres_takes_every_statement() {
    let world = World::postgres().await;
    world.store.ping().await.unwrap();
    let mut connection = PgConnection::connect(&world.uri).await.unwrap();
    connection.execute("SET search_path TO dird").await.unwrap();
    let statements = contract::postgres().statements;
    assert_eq!(
        statements.len(),
        written("postgres"),
        "a statement is not listed"
    );
    for statement in statements {
        let prepared = connection.prepare(statement.into_sql_str()).await;
        assert!(prepared.is_ok(), "{statement}: {prepared:?}");
    }
}

#[tokio::test]
async fn everything_in_postgres_is_in_its_own_schema() {
    let world = World::postgres().await;
    world.store.ping().await.unwrap();
    let mut connection = PgConnection::connect(&world.uri).await.unwrap();
    let schemas: Vec<String> = sqlx::query_scalar(
        "SELECT DISTINCT schemaname::text FROM pg_tables \
         WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    assert_eq!(schemas, ["dird"]);
}

/// Opens a database that nobody has used yet from two sides at the same time.
async fn start_two_at_once(uri: &str) {
    let (one, two) = tokio::join!(open(uri), open(uri));
    let (one, two) = (one.unwrap(), two.unwrap());
    tokio::join!(migrated(&one), migrated(&two));
    let scope = tenant();
    let source = csv(&scope, "people");
    one.create_source(&scope, &source).await.unwrap();
    let found = two.source(&scope.alone(), "csv", &source.uuid).await;
    assert_eq!(found.unwrap(), Some(source));
}

#[tokio::test]
async fn two_servers_may_start_at_once_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    // They meet in one of a few.
    for number in 0..20 {
        let path = folder.path().join(format!("{number}.db"));
        start_two_at_once(&format!("sqlite:{}", path.display())).await;
    }
}

#[tokio::test]
async fn two_servers_may_start_at_once_on_postgres() {
    start_two_at_once(&database().await).await;
}
