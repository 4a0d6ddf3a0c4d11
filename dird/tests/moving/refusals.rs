//! Databases that are not copied, and rows that the target has no room for.

use dird::store::model::{ProfileId, SourceId};
use e2e::postgres::Cluster;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::seeds::{self, Seeds};
use crate::site::{Engine, Home};

const TWO: Seeds = Seeds {
    tenants: 2,
    contacts: 3,
    own: 2,
};

/// What the command says when it fails.
async fn refused(home: &Home, from: &str) -> String {
    let output = home.import(from, &[]).output().await.unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_database_of_a_known_version_is_read() {
    let home = Home::new(Engine::Sqlite).await;
    let empty = tokio::task::spawn_blocking(|| Cluster::shared().database());
    let empty = empty.await.unwrap().unwrap();
    let said = refused(&home, &empty).await;
    assert!(
        said.contains("there is no wazo-dird in this database"),
        "{said}"
    );
    let old = TWO.database().await;
    let mut connection = PgConnection::connect(&old).await.unwrap();
    let older = "UPDATE alembic_version_dird SET version_num = 'abc'";
    connection.execute(older).await.unwrap();
    let said = refused(&home, &old).await;
    assert!(
        said.contains("version abc") && said.contains("upgrade wazo-dird first"),
        "{said}"
    );
    let away = "postgresql://dird:hunter2@127.0.0.1:1/asterisk";
    let said = refused(&home, away).await;
    assert!(
        said.contains("the database of wazo-dird") && !said.contains("hunter2"),
        "{said}"
    );
}

/// What a rehearsal said is what an import says; only the new number of a phonebook is not known before.
fn assert_same(rehearsed: &str, report: &str) {
    let known: Vec<&str> = rehearsed.lines().collect();
    let (last, known) = known.split_last().unwrap();
    assert_eq!(*last, "nothing was written");
    let report: Vec<&str> = report.lines().collect();
    for (known, line) in known.iter().zip(&report) {
        let of_number = known.strip_suffix("it gets another");
        let same = of_number.is_some_and(|start| line.starts_with(start)) || known == line;
        assert!(same, "{known}, but then {line}");
    }
    assert_eq!(known.len(), report.len() + 1, "{known:#?} {report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_compared_is_not_rehearsed() {
    let from = TWO.database().await;
    let rehearse = async |home: &Home| {
        let output = home.import(&from, &["--dry-run"]).output().await.unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    for (engine, applied) in [
        (Engine::Sqlite, "_sqlx_migrations"),
        (Engine::Postgres, "dird._sqlx_migrations"),
    ] {
        let home = Home::new(engine).await;
        let store = home.store().await;
        home.alter(&format!("DELETE FROM {applied} WHERE version = 5"))
            .await;
        let said = rehearse(&home).await;
        assert!(said.contains("another version of dird"), "{said}");
        drop(store);
    }
    let home = Home::at("postgresql://dird:hunter2@127.0.0.1:1/dird".to_owned());
    let said = rehearse(&home).await;
    assert!(
        said.contains("db_uri") && !said.contains("hunter2"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_here_already_is_not_changed_by_what_comes() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let (from, home) = (TWO.database().await, Home::new(engine).await);
        let store = home.store().await;
        let id = dird::identity::TenantId::new(&seeds::tenant(0)).unwrap();
        let tenant = dird::identity::SystemAuthority::new("tests").tenant(id);
        let staff = store
            .create_phonebook(&tenant, "staff", None)
            .await
            .unwrap();
        for number in 2..=101 {
            let name = format!("book {number}");
            store.create_phonebook(&tenant, &name, None).await.unwrap();
        }
        let rehearsed = home.imported(&from, &["--dry-run"]).await;
        let tenants = store.tenants().await.unwrap().len();
        assert_eq!(tenants, 1, "a rehearsal writes nothing");
        let report = home.imported(&from, &[]).await;
        assert_same(&rehearsed, &report);
        assert_eq!(crate::line(&report, "tenants"), [2, 1, 1, 0, 0]);
        // One name is taken, and with it go its contacts and its source; one number is, and with it goes nothing.
        let [read, new, known, repaired, refused] = crate::line(&report, "phonebooks")[..] else {
            panic!("{report}");
        };
        assert_eq!((read, new, known, refused), (4, 3, 0, 1), "{report}");
        assert_eq!(repaired, 1, "numbers that are free stay: {report}");
        assert!(
            report.contains("has another phonebook called staff"),
            "{report}"
        );
        assert!(
            report.contains("its number 101 is taken, it has 10"),
            "{report}"
        );
        let contacts = [22, 17, 0, 0, 5];
        assert_eq!(crate::line(&report, "contacts"), contacts, "{report}");
        assert!(report.contains("it no longer asks"), "{report}");
        let kept = store.phonebook_named(&tenant, "staff").await.unwrap();
        assert_eq!(kept, Some(staff));
        let came = store.phonebook_named(&tenant, "\u{c9}quipe").await.unwrap();
        let next = store.create_phonebook(&tenant, "next", None).await.unwrap();
        assert!(next.id > came.unwrap().id && next.id > 101);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_with_a_display_of_others_or_a_service_twice_is_mended() {
    let from = TWO.database().await;
    let mut old = PgConnection::connect(&from).await.unwrap();
    let odd = format!(
        "UPDATE dird_profile SET display_uuid = '{display}', display_tenant_uuid = '{other}'
           WHERE uuid = '{profile}';
         INSERT INTO dird_profile_service SELECT 'again', '{profile}', '{tenant}', uuid,
             '{{\"options\": {{\"timeout\": 9, \"t9\": true}}}}'
           FROM dird_service WHERE name = 'lookup';
         INSERT INTO dird_profile_service_source VALUES
           ('again', '{tenant}', '{file}', '{tenant}'), ('again', '{tenant}', '{known}', '{tenant}');",
        display = seeds::display(1),
        other = seeds::tenant(1),
        profile = seeds::profile(0),
        tenant = seeds::tenant(0),
        file = seeds::source(0, 3),
        known = seeds::source(0, 2),
    );
    sqlx::raw_sql(AssertSqlSafe(odd))
        .execute(&mut old)
        .await
        .unwrap();
    let home = Home::new(Engine::Sqlite).await;
    let report = home.imported(&from, &[]).await;
    let [read, new, _, _, refused] = crate::line(&report, "profiles")[..] else {
        panic!("{report}");
    };
    assert_eq!((read, new, refused), (2, 2, 0), "{report}");
    assert!(report.contains("it has no display now"), "{report}");
    assert!(
        report.contains("(lookup): it was there more than once"),
        "{report}"
    );
    let id = dird::identity::TenantId::new(&seeds::tenant(0)).unwrap();
    let tenant = dird::identity::SystemAuthority::new("tests").tenant(id);
    let store = home.store().await;
    let id = ProfileId(seeds::profile(0));
    let profile = store.profile(&tenant.alone(), &id).await.unwrap().unwrap();
    assert_eq!(profile.display, None);
    let lookup = &profile.services["lookup"];
    let sources = [2, 0, 3].map(|number| SourceId(seeds::source(0, number)));
    assert_eq!(lookup.sources, sources);
    let options = serde_json::json!(lookup.options);
    assert_eq!(options, serde_json::json!({"timeout": 2.5, "t9": true}));
}
