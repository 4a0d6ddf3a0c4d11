//! A database that is away when dird starts, goes while it runs, and comes back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dird::identity::Tenant;
use dird::store::{Changed, Store, StoreError, open};
use e2e::postgres::Cluster;
use sqlx::{Connection, PgConnection};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::broadcast::Receiver;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::world::{by_name, csv, tenant};

/// Longest that a call may take to say that the database is away: one wait for a connection, not two.
const PATIENCE: Duration = Duration::from_millis(3900);

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
    timeout(Duration::from_secs(30), answers).await.unwrap();
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
    let told = timeout(Duration::from_secs(30), changes.recv()).await;
    assert_eq!(told.unwrap().unwrap(), dird::store::Changed::Everything);
}

/// A way to a server on which connections can be made to hang.
struct Way {
    port: u16,
    hang: Arc<Mutex<CancellationToken>>,
}

impl Way {
    async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let hang = Arc::new(Mutex::new(CancellationToken::new()));
        let shared = Arc::clone(&hang);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let (server, hang) = (server.clone(), shared.lock().unwrap().clone());
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.unwrap();
                    let carried = copy_bidirectional(&mut near, &mut far);
                    if hang.run_until_cancelled(carried).await.is_none() {
                        // Both ends stay open, and hear nothing any more.
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        Self { port, hang }
    }

    /// Has all connections that there are hang; later ones do not.
    fn hang(&self) {
        let mut hang = self.hang.lock().unwrap();
        std::mem::take(&mut *hang).cancel();
    }
}

/// Waits until a change of `scope`, or of anything, is told.
async fn told(changes: &mut Receiver<Changed>, scope: &Tenant) {
    let wanted = [Changed::Tenant(scope.id().clone()), Changed::Everything];
    let waiting = async { while !wanted.contains(&changes.recv().await.unwrap()) {} };
    timeout(Duration::from_secs(30), waiting).await.unwrap();
}

#[tokio::test]
async fn a_connection_whose_other_end_vanished_is_noticed() {
    let (uri, way, through) = database_behind_a_way().await;
    let (store, other) = (open(&through).await.unwrap(), open(&uri).await.unwrap());
    recovered(&store).await;
    let mut changes = store.subscribe();
    // Only who listens is told of one certain tenant.
    let scope = tenant();
    let named = Changed::Tenant(scope.id().clone());
    let listening = async {
        for number in 0.. {
            let source = csv(&scope, &format!("source {number}"));
            other.create_source(&scope, &source).await.unwrap();
            let told = timeout(Duration::from_millis(200), changes.recv()).await;
            if told.is_ok_and(|told| told.unwrap() == named) {
                return;
            }
        }
    };
    timeout(Duration::from_secs(30), listening).await.unwrap();
    way.hang();
    while changes.try_recv().is_ok() {}
    let scope = tenant();
    let source = csv(&scope, "people");
    other.create_source(&scope, &source).await.unwrap();
    told(&mut changes, &scope).await;
}

/// A database on the shared server: its address, and a way to it that can hang with its address.
async fn database_behind_a_way() -> (String, Way, String) {
    let made = tokio::task::spawn_blocking(|| Cluster::shared().database());
    let uri = made.await.unwrap().unwrap();
    let (before, after) = uri.split_once("127.0.0.1:").unwrap();
    let (port, after) = after.split_once('/').unwrap();
    let way = Way::to(format!("127.0.0.1:{port}")).await;
    let through = format!("{before}127.0.0.1:{}/{after}", way.port);
    (uri, way, through)
}

/// Waits until so many statements wait for a lock.
async fn waiting(connection: &mut PgConnection, count: i64) {
    let enough = async {
        loop {
            let waiting: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .fetch_one(&mut *connection)
            .await
            .unwrap();
            if waiting == count {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(Duration::from_secs(30), enough).await.unwrap();
}

#[tokio::test]
async fn no_call_waits_for_ever_for_a_server_that_vanished_in_the_middle() {
    let (uri, way, through) = database_behind_a_way().await;
    let store = open(&through).await.unwrap();
    recovered(&store).await;
    let scope = tenant();
    let mut holding = PgConnection::connect(&uri).await.unwrap();
    let mut watching = PgConnection::connect(&uri).await.unwrap();
    let lock = "BEGIN; LOCK TABLE dird.source IN ACCESS EXCLUSIVE MODE";
    sqlx::raw_sql(lock).execute(&mut holding).await.unwrap();
    // More calls than there are connections.
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let (store, scope) = (store.clone(), scope.alone());
            tokio::spawn(async move { store.list_sources(&scope, None, &by_name()).await })
        })
        .collect();
    waiting(&mut watching, 10).await;
    way.hang();
    holding.close().await.unwrap();
    // Nobody says anything more: time passes as fast as it can.
    tokio::time::pause();
    for call in calls {
        let ended = timeout(Duration::from_secs(600), call).await;
        let ended = ended.expect("it waits for ever").unwrap();
        assert!(
            matches!(ended, Err(StoreError::Unavailable(_))),
            "{ended:?}"
        );
    }
    tokio::time::resume();
    recovered(&store).await;
    store
        .create_source(&scope, &csv(&scope, "last"))
        .await
        .unwrap();
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
