//! Two dirds on one database: what one changes, the other goes by soon, without being asked or started again.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::cases::Needs;
use crate::site::{Engine, Site, Tokens};

/// How long a change may take to the other dird: less than it would take to forget what it knows by itself.
const SOON: Duration = Duration::from_secs(15);

/// Both dirds.
async fn two() -> (Site, Site) {
    let folder = tempfile::tempdir().unwrap();
    let uri = Engine::Postgres.database(folder.path()).await;
    let one = Site::start_on(&uri, folder, Tokens::Wazo, json!({})).await;
    let folder = tempfile::tempdir().unwrap();
    let other = Site::start_on(&uri, folder, Tokens::Wazo, json!({})).await;
    (one, other)
}

/// What a lookup at a site shows: the cells of its rows, or null without the profile.
async fn shown(site: &Site) -> Value {
    let path = "/directories/lookup/default?term=zoe";
    let (status, table) = site.get(path, &site.alice).await;
    if status == 404 {
        return Value::Null;
    }
    assert_eq!(status, 200, "{table}");
    let rows = table["results"].as_array().unwrap().iter();
    rows.map(|row| row["column_values"].clone()).collect()
}

/// Waits until a site shows this.
async fn shows(site: &Site, expected: Value) {
    let mut last = Value::Null;
    let agrees = async {
        loop {
            last = shown(site).await;
            if last == expected {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = timeout(SOON, agrees).await;
    assert!(waited.is_ok(), "expected {expected}, still shown {last}");
}

#[tokio::test]
async fn a_second_dird_goes_by_a_changed_source_display_or_profile() {
    let (one, other) = two().await;
    assert_eq!(shown(&other).await, Value::Null, "there is no profile yet");
    let made = Needs::Profile.make(&one, "default").await;
    shows(&other, json!([["Zoe"]])).await;

    let file = one.folder.path().join("others.csv");
    std::fs::write(&file, "id,fn\n7,Zoe Two\n").unwrap();
    let source = json!({"name": "default", "file": file, "searched_columns": ["fn"]});
    let put = async |path: &str, body: &Value| {
        let (status, answer) = one.send(Method::PUT, &made.fill(path), body).await;
        assert_eq!(status, 204, "{path}: {answer}");
    };
    put("/backends/csv/sources/{asked_uuid}", &source).await;
    shows(&other, json!([["Zoe Two"]])).await;

    let display = json!({"name": "d", "columns": [{"field": "id"}, {"field": "fn"}]});
    put("/displays/{shown_uuid}", &display).await;
    shows(&other, json!([["7", "Zoe Two"]])).await;

    let service = json!({"sources": []});
    let profile = json!({"name": "default", "services": {"lookup": service}});
    put("/profiles/{profile_uuid}", &profile).await;
    shows(&other, json!([])).await;

    let path = made.fill("/profiles/{profile_uuid}");
    assert_eq!(one.send(Method::DELETE, &path, &json!({})).await.0, 204);
    shows(&other, Value::Null).await;
}

#[tokio::test]
async fn a_second_dird_finds_contacts_and_favourites_that_the_first_was_given() {
    let (one, other) = two().await;
    let directory = crate::contacts::Directory::make(&one).await;
    let found = async |expected: Value| {
        let path = "/directories/lookup/default?term=zoe";
        let mut last = Value::Null;
        let agrees = async {
            while last != expected {
                sleep(Duration::from_millis(10)).await;
                let (_, table) = other.get(path, &other.alice).await;
                let rows = table["results"].as_array().into_iter().flatten();
                last = rows.map(|row| row["column_values"].clone()).collect();
            }
        };
        let waited = timeout(SOON, agrees).await;
        assert!(waited.is_ok(), "expected {expected}, still found {last}");
    };
    found(json!([])).await;
    let zoe = json!({"firstname": "Zoe"});
    let id = one.contact(&directory.book, &zoe).await;
    found(json!([["Zoe", false, false]])).await;
    one.contact("/personal", &zoe).await;
    found(json!([["Zoe", false, false], ["Zoe", false, true]])).await;
    let favorite = format!("/directories/favorites/book/{id}");
    assert_eq!(one.send(Method::PUT, &favorite, &json!({})).await.0, 204);
    found(json!([["Zoe", true, false], ["Zoe", false, true]])).await;
    one.delete("/personal").await;
    one.delete(&format!("{}/{id}", directory.book)).await;
    found(json!([])).await;
}
