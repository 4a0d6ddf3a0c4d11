//! When clients must read anew (intercom-directory.md §7.3, §7.6), and when they need not.

use dird::store::NewSeries;
use serde_json::{Value, json};

use crate::follower::Follower;
use crate::world::{Door, Plan, SERIES};

on_both_engines!(
    a_restart_changes_nothing,
    without_its_mark_or_elsewhere_a_directory_begins_a_series,
    a_cursor_beyond_the_counter_is_counted_and_changes_nothing,
);
on_plans_of_both_engines!(
    a_directory_that_was_published_while_nobody_watched_begins_anew,
    the_series_changes_exactly_when_tombstones_are_forgotten,
    a_first_query_may_leave_tombstones_out,
);

async fn known() -> Door {
    Plan::sqlite().open().await
}

async fn a_directory_that_was_published_while_nobody_watched_begins_anew(plan: Plan) {
    let store = crate::world::open(&plan.uri).await;
    let (tenant, phonebook) = crate::world::publish(&store, true).await;
    let door = plan.start(store, tenant, phonebook).await;
    let (series, timestamp) = door.standing().await;
    assert_ne!(series, SERIES);
    assert_eq!(timestamp, 1, "in doubt the counter goes on");
}

async fn a_restart_changes_nothing(mut door: Door) {
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

async fn without_its_mark_or_elsewhere_a_directory_begins_a_series(mut door: Door) {
    let (mut series, mut timestamp) = door.standing().await;
    let path = door.plan.mark_file();
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

async fn a_cursor_beyond_the_counter_is_counted_and_changes_nothing(door: Door) {
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

/// Deleted entries that are told.
async fn tombstones(door: &Door) -> usize {
    let all = door.after(0).await;
    all.iter().filter(|one| one["deleted"] == true).count()
}

async fn the_series_changes_exactly_when_tombstones_are_forgotten(plan: Plan) {
    let plan = plan.with(json!({"limits": {"tombstones": 50}}));
    let door = plan.open().await;
    let made = json!({"users": vec![json!({}); 110]});
    let made = door.result("create", made).await;
    let (mut client, mut before) = (Follower::default(), 0);
    let mut forgotten = Vec::new();
    client.catch_up(&door).await;
    for (number, one) in (1..).zip(made["users"].as_array().unwrap()) {
        let (series, anew) = (door.standing().await.0, client.anew);
        let gone = json!({"users": [{"uuid": one["uuid"]}]});
        door.result("delete", gone).await;
        let now = tombstones(&door).await;
        let purged = now <= before;
        assert_eq!(door.standing().await.0 != series, purged, "{number}: {now}");
        client.catch_up(&door).await;
        assert_eq!(client.anew - anew, usize::from(purged));
        assert_eq!(client.copy.len(), 110 - number);
        if purged {
            forgotten.push((number, now));
        }
        before = now;
    }
    // Of 51 the older half goes, and what is left has room for 25 more.
    assert_eq!(forgotten, [(51, 25), (77, 25), (103, 25)]);
}

async fn a_first_query_may_leave_tombstones_out(plan: Plan) {
    let door = plan
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

/// Waits until the mark says what `expected` wants of the directory.
async fn marked(door: &Door, expected: impl Fn(&Value) -> bool) -> Value {
    let path = door.plan.mark_file();
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
