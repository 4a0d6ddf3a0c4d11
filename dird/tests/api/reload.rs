//! A change of configuration is in force with the next request.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::Site;

const LOOKUP: &str = "/directories/lookup/default?term=zoe";

async fn rows(site: &Site) -> Vec<Value> {
    let (status, table) = site.get(LOOKUP, &site.alice).await;
    assert_eq!(status, 200, "{table}");
    let rows = table["results"].as_array().unwrap().iter();
    rows.map(|row| row["column_values"].clone()).collect()
}

#[tokio::test]
async fn a_changed_source_display_or_profile_shows_in_the_next_lookup() {
    let site = Site::start(json!({})).await;
    let file = |name: &str, text: &str| {
        let path = site.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (one, two) = (
        file("1.csv", "id,fn\n1,Zo\u{e9}\n"),
        file("2.csv", "id,fn\n1,Zoe Two\n"),
    );
    let source = |file: &str| json!({"name": "people", "file": file, "searched_columns": ["fn"]});
    let (_, created) = site
        .send(Method::POST, "/backends/csv/sources", &source(&one))
        .await;
    let source_uuid = created["uuid"].as_str().unwrap().to_owned();
    let columns = |field: &str| json!({"name": "desk", "columns": [{"field": field}]});
    let (_, display) = site.send(Method::POST, "/displays", &columns("fn")).await;
    let display_uuid = display["uuid"].as_str().unwrap().to_owned();
    assert_eq!(
        site.get(LOOKUP, &site.alice).await.0,
        404,
        "there is no profile yet"
    );
    let profile = json!({"name": "default", "display": {"uuid": display_uuid},
        "services": {"lookup": {"sources": [{"uuid": source_uuid}]}}});
    let (status, profile) = site.send(Method::POST, "/profiles", &profile).await;
    assert_eq!(status, 201);
    assert_eq!(rows(&site).await, [json!(["Zo\u{e9}"])]);

    let path = format!("/backends/csv/sources/{source_uuid}");
    assert_eq!(site.send(Method::PUT, &path, &source(&two)).await.0, 204);
    assert_eq!(rows(&site).await, [json!(["Zoe Two"])]);

    let path = format!("/displays/{display_uuid}");
    assert_eq!(site.send(Method::PUT, &path, &columns("id")).await.0, 204);
    assert_eq!(rows(&site).await, [json!(["1"])]);

    let path = format!("/profiles/{}", profile["uuid"].as_str().unwrap());
    assert_eq!(site.send(Method::DELETE, &path, &json!({})).await.0, 204);
    assert_eq!(site.get(LOOKUP, &site.alice).await.0, 404);
}
