//! Moving in from wazo-dird: a database with its schema is filled with seeds and copied by the command, and every list and
//! lookup of the dird that serves the copy is compared with the seeds.

#![allow(clippy::unwrap_used)]

mod compare;
mod cut_off;
mod refusals;
mod seeds;
mod site;

use compare::compare;
use seeds::Seeds;
use site::{Engine, Home};

/// Enough for every rule and for several batches.
const FEW: Seeds = Seeds {
    tenants: 10,
    contacts: 60,
    own: 10,
};

/// As many as a large site has: 10 tenants, 50 sources, 100,000 contacts.
const MANY: Seeds = Seeds {
    tenants: 10,
    contacts: 4_950,
    own: 50,
};

/// The line of a table in a report: read, new, known, repaired, refused.
fn line(report: &str, table: &str) -> Vec<u64> {
    let mut lines = report.lines();
    let line = lines.find(|line| line.starts_with(table)).unwrap();
    let figures = line.split_whitespace().skip(1);
    figures.map(|figure| figure.parse().unwrap()).collect()
}

fn assert_counts(report: &str, seeds: Seeds, known: bool) {
    let tenants = seeds.tenants as u64;
    let contacts = tenants * 2 * (seeds.contacts + seeds.own) as u64;
    for (table, taken, repaired, refused) in [
        ("tenants", tenants, 0, 0),
        ("users", 2 * tenants, 0, 1),
        ("phonebooks", 2 * tenants, 0, 0),
        ("contacts", contacts, 0, 2),
        ("displays", tenants, 0, 0),
        ("sources", seeds::SOURCES as u64 * tenants + 1, 0, 2),
        ("profiles", tenants, 1, 0),
        ("favorites", 4 * tenants, tenants, 4),
    ] {
        let (new, known) = if known { (0, taken) } else { (taken, 0) };
        let expected = [taken + refused, new, known, repaired, refused];
        assert_eq!(line(report, table), expected, "{table} in {report}");
    }
}

async fn everything_is_there_afterwards(engine: Engine, seeds: Seeds) {
    let (from, home) = (seeds.database().await, Home::new(engine).await);
    let rehearsed = home.imported(&from, &["--dry-run"]).await;
    assert_counts(&rehearsed, seeds, false);
    assert!(home.is_empty().await, "a rehearsal writes nothing");
    let report = home.imported(&from, &[]).await;
    assert_counts(&report, seeds, false);
    for named in [
        "contacts empty: there is nothing in it",
        "sources strange: there is no backend zodiac",
        "its setting colour has no effect and was left out",
        "is another tenant's, and its own has no csv source called only there",
    ] {
        assert!(report.contains(named), "{named} in {report}");
    }
    let site = home.open().await;
    compare(&site, seeds).await;
    let store = home.store().await;
    let before = compare::versions(&store, seeds).await;
    let rehearsed = home.imported(&from, &["--dry-run"]).await;
    assert_counts(&rehearsed, seeds, true);
    let again = home.imported(&from, &[]).await;
    assert_counts(&again, seeds, true);
    assert_eq!(compare::versions(&store, seeds).await, before);
    compare(&site, seeds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_has_everything_afterwards_and_a_second_run_changes_nothing() {
    everything_is_there_afterwards(Engine::Sqlite, FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_has_everything_afterwards_and_a_second_run_changes_nothing() {
    everything_is_there_afterwards(Engine::Postgres, FEW).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn a_hundred_thousand_contacts_move_into_sqlite() {
    everything_is_there_afterwards(Engine::Sqlite, MANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes"]
async fn a_hundred_thousand_contacts_move_into_postgres() {
    everything_is_there_afterwards(Engine::Postgres, MANY).await;
}
