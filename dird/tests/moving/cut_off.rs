//! An import that is cut off in the middle and run again ends as if it had not been.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::compare::{self, compare};
use crate::line;
use crate::seeds::{self, Seeds};
use crate::site::{Engine, Home};

const SEEDS: Seeds = Seeds {
    tenants: 4,
    contacts: 700,
    own: 10,
};

/// The phonebook at whose contacts the import is cut off.
fn middle() -> String {
    seeds::phonebook(2, 0)
}

/// Those before it.
const WRITTEN: usize = 2 * 2 * SEEDS.contacts;

/// Runs the import once more, and looks whether everything is there.
async fn goes_on(home: &Home, from: &str) {
    let report = home.imported(from, &[]).await;
    let [read, new, known, _, refused] = line(&report, "contacts")[..] else {
        panic!("{report}");
    };
    let written = WRITTEN as u64;
    assert_eq!((known, new + known + refused), (written, read), "{report}");
    compare(&home.open().await, SEEDS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_failed_goes_on() {
    let (from, home) = (SEEDS.database().await, Home::new(Engine::Sqlite).await);
    let store = home.store().await;
    let mut target = SqliteConnection::connect(home.uri()).await.unwrap();
    let stumble = format!(
        "CREATE TRIGGER stumble BEFORE INSERT ON contact WHEN NEW.list_uuid = '{}' \
         BEGIN SELECT RAISE(ABORT, 'stumbled'); END",
        middle()
    );
    let made = sqlx::raw_sql(AssertSqlSafe(stumble)).execute(&mut target);
    made.await.unwrap();
    let output = home.import(&from, &[]).output().await.unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("run it again"), "{said}");
    assert_eq!(compare::contacts(&store, SEEDS).await, WRITTEN);
    let gone = sqlx::raw_sql("DROP TRIGGER stumble").execute(&mut target);
    gone.await.unwrap();
    goes_on(&home, &from).await;
}

/// `what` of those that write the contact which takes ten minutes.
async fn asleep(target: &mut PgConnection, what: &'static str) -> i64 {
    let asked = format!(
        "SELECT {what} FROM pg_stat_activity \
         WHERE datname = current_database() AND wait_event = 'PgSleep'"
    );
    let row = sqlx::query_scalar(AssertSqlSafe(asked)).fetch_one(target);
    row.await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_was_killed_goes_on() {
    let (from, home) = (SEEDS.database().await, Home::new(Engine::Postgres).await);
    let store = home.store().await;
    let mut target = PgConnection::connect(home.uri()).await.unwrap();
    let wait = format!(
        "CREATE FUNCTION dird.wait() RETURNS trigger LANGUAGE plpgsql AS \
           'BEGIN PERFORM pg_sleep(600); RETURN NEW; END'; \
         CREATE TRIGGER wait BEFORE INSERT ON dird.contact FOR EACH ROW \
           WHEN (NEW.list_uuid = '{}') EXECUTE FUNCTION dird.wait()",
        middle()
    );
    let made = sqlx::raw_sql(AssertSqlSafe(wait)).execute(&mut target);
    made.await.unwrap();
    let mut child = home.import(&from, &[]).spawn().unwrap();
    // Nothing tells but the server whether the first contact is on its way.
    while asleep(&mut target, "count(*)").await == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    child.kill().await.unwrap();
    // The server has not noticed that nobody waits for it.
    let ended = asleep(&mut target, "count(pg_terminate_backend(pid))").await;
    assert_eq!(ended, 1);
    let gone = sqlx::raw_sql("DROP TRIGGER wait ON dird.contact");
    gone.execute(&mut target).await.unwrap();
    assert_eq!(compare::contacts(&store, SEEDS).await, WRITTEN);
    goes_on(&home, &from).await;
}
