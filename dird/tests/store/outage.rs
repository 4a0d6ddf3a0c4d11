//! A database that is away when dird starts, goes while it runs, and comes back.

use std::time::Duration;

use dird::identity::Tenant;
use dird::store::{Store, StoreError, open};
use e2e::postgres::Cluster;
use tokio::time::{Instant, sleep, timeout};

use crate::world::{by_name, csv, tenant};

/// Longest that a call may take to say that the database is away.
const PATIENCE: Duration = Duration::from_millis(2500);

/// Stops or starts a server without blocking the runtime.
async fn control(cluster: Cluster, action: &'static [&'static str]) -> Cluster {
    let done = tokio::task::spawn_blocking(move || {
        cluster.control(action).unwrap();
        cluster
    });
    done.await.unwrap()
}

/// A server that the test may stop, with a database on it.
async fn own_database() -> (Cluster, String) {
    let started = tokio::task::spawn_blocking(|| {
        let cluster = Cluster::start().unwrap();
        let uri = cluster.database().unwrap();
        (cluster, uri)
    });
    started.await.unwrap()
}

async fn assert_unavailable(store: &Store, scope: &Tenant) {
    let started = Instant::now();
    let read = store.list_sources(&scope.alone(), None, &by_name()).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    let started = Instant::now();
    let written = store.create_source(scope, &csv(scope, "people")).await;
    assert!(
        matches!(written, Err(StoreError::Unavailable(_))),
        "{written:?}"
    );
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert!(matches!(
        store.ping().await,
        Err(StoreError::Unavailable(_))
    ));
}

/// Waits until the store answers again.
async fn recovered(store: &Store) {
    let answers = async {
        while store.ping().await.is_err() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(10), answers).await.unwrap();
}

#[tokio::test]
async fn a_store_outlives_restarts_of_the_database() {
    let (cluster, uri) = own_database().await;
    let cluster = control(cluster, &["stop", "-m", "fast"]).await;

    let store = open(&uri).await.unwrap();
    let scope = tenant();
    assert_unavailable(&store, &scope).await;
    let cluster = control(cluster, &["start"]).await;
    recovered(&store).await;
    let source = csv(&scope, "people");
    store.create_source(&scope, &source).await.unwrap();

    let cluster = control(cluster, &["stop", "-m", "fast"]).await;
    assert_unavailable(&store, &scope).await;
    let mut changes = store.subscribe();
    let _cluster = control(cluster, &["start"]).await;
    recovered(&store).await;
    let found = store.source(&scope.alone(), "csv", &source.uuid).await;
    assert_eq!(found.unwrap(), Some(source));
    let told = timeout(Duration::from_secs(10), changes.recv()).await;
    assert_eq!(told.unwrap().unwrap(), dird::store::Changed::Everything);
}

#[tokio::test]
async fn addresses_that_no_engine_takes_are_refused_without_their_password() {
    for uri in [
        "mysql://dird:secret@db/dird",
        "postgresql://dird:secret@db:x/dird",
    ] {
        let Err(error) = open(uri).await else {
            panic!("{uri} was taken");
        };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
