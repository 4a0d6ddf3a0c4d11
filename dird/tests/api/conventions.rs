//! Conditional requests, strict negotiation, the master tenant, parts that are switched off.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cases::Needs;
use crate::site::Site;

on_both_engines!(of_editors_who_know_the_same_one_succeeds);

#[tokio::test]
async fn validators_spare_answers_and_protect_changes() {
    let site = Site::start(json!({})).await;
    let display = json!({"name": "desk", "columns": [{"field": "fn"}]});
    let (_, created) = site.send(Method::POST, "/displays", &display).await;
    let path = format!("/displays/{}", created["uuid"].as_str().unwrap());
    let shown = site
        .request(Method::GET, &path, &site.alice)
        .send()
        .await
        .unwrap();
    let tag = shown.headers()["etag"].to_str().unwrap().to_owned();
    let again = site
        .request(Method::GET, &path, &site.alice)
        .header("If-None-Match", &tag);
    assert_eq!(again.send().await.unwrap().status().as_u16(), 304);
    let change = |tag: &str| {
        let request = site
            .request(Method::PUT, &path, &site.alice)
            .header("If-Match", tag);
        request
            .body(json!({"name": "wall", "columns": [{"field": "fn"}]}).to_string())
            .send()
    };
    assert_eq!(change(&tag).await.unwrap().status().as_u16(), 204);
    assert_eq!(
        change(&tag).await.unwrap().status().as_u16(),
        412,
        "it has changed"
    );
}

#[tokio::test]
async fn validators_protect_contacts_and_phonebooks() {
    let site = Site::start(json!({})).await;
    let book = site.phonebook("one").await;
    let contacts = format!("{book}/contacts");
    let contact = |name: &str| json!({"name": name});
    let paths = [
        format!(
            "{contacts}/{}",
            site.contact(&contacts, &contact("a")).await
        ),
        format!(
            "/personal/{}",
            site.contact("/personal", &contact("a")).await
        ),
        book,
    ];
    for path in &paths {
        let get = || site.request(Method::GET, path, &site.alice);
        let shown = get().send().await.unwrap();
        let tag = shown.headers()["etag"].to_str().unwrap().to_owned();
        let again = get().header("If-None-Match", &tag).send().await.unwrap();
        assert_eq!(again.status().as_u16(), 304, "{path}");
        for (method, status) in [
            (Method::PUT, 200),
            (Method::PUT, 412),
            (Method::DELETE, 412),
        ] {
            let request = site.request(method.clone(), path, &site.alice);
            let request = request.header("If-Match", &tag);
            let request = request.body(contact("b").to_string());
            let answered = request.send().await.unwrap();
            assert_eq!(answered.status().as_u16(), status, "{method} {path}");
        }
    }
}

/// Editors who come at once, each with the validator of what all of them have seen.
const EDITORS: usize = 12;

async fn of_editors_who_know_the_same_one_succeeds(site: Site) {
    let made = Needs::Profile.make(&site, "default").await;
    let book = site.phonebook("one").await;
    let contacts = format!("{book}/contacts");
    let contact = site.contact(&contacts, &json!({"name": "a"})).await;
    let own = site.contact("/personal", &json!({"name": "a"})).await;
    let file = json!({"file": "/a.csv", "searched_columns": ["fn"]});
    let columns = json!({"columns": [{"field": "fn"}]});
    let kinds = [
        (made.fill("/backends/csv/sources/{asked_uuid}"), file),
        (made.fill("/displays/{shown_uuid}"), columns),
        (
            made.fill("/profiles/{profile_uuid}"),
            json!({"services": {}}),
        ),
        (format!("{contacts}/{contact}"), json!({})),
        (format!("/personal/{own}"), json!({})),
        (book, json!({})),
    ];
    for (path, body) in &kinds {
        let shown = site.request(Method::GET, path, &site.alice).send().await;
        let shown = shown.unwrap();
        let tag = shown.headers()["etag"].to_str().unwrap().to_owned();
        let edit = |number: usize| {
            let mut body = body.clone();
            body["name"] = Value::from(format!("edited {number}"));
            let request = site.request(Method::PUT, path, &site.alice);
            request
                .header("If-Match", &tag)
                .body(body.to_string())
                .send()
        };
        let answered = join_all((0..EDITORS).map(edit)).await;
        let statuses = answered
            .into_iter()
            .map(|answer| answer.unwrap().status().as_u16());
        let mut statuses: Vec<_> = statuses.collect();
        statuses.sort_unstable();
        let refused = statuses.iter().filter(|&&status| status == 412).count();
        assert_eq!(refused, EDITORS - 1, "{path}: {statuses:?}");
        assert!(matches!(statuses[0], 200 | 204), "{path}: {statuses:?}");
    }
}

#[tokio::test]
async fn strict_negotiation_knows_the_routes_of_files() {
    let site = Site::start(json!({"rest_api": {"strict_conventions": true}})).await;
    let book = format!("{}/contacts", strict_phonebook(&site).await);
    for list in [book.as_str(), "/personal"] {
        for (kind, status) in [("text/csv; charset=utf-8", 201), ("text/plain", 415)] {
            let (actual, body) = site.import(list, kind, "name\na\n").await;
            assert_eq!(actual, status, "{list} {kind}: {body}");
        }
    }
    for (accept, status) in [
        ("text/csv", 200),
        ("application/json", 200),
        ("image/png", 406),
    ] {
        let request = site.request(Method::GET, "/personal", &site.alice);
        let answered = request.header("Accept", accept).send().await.unwrap();
        assert_eq!(answered.status().as_u16(), status, "{accept}");
    }
}

/// Adds a phonebook where bodies must say that they are JSON; its path.
async fn strict_phonebook(site: &Site) -> String {
    let request = site.request(Method::POST, "/phonebooks", &site.alice);
    let request = request.header("Content-Type", "application/json");
    let body = json!({"name": "one"}).to_string();
    let created = request.body(body).send().await.unwrap();
    let created: serde_json::Value = created.json().await.unwrap();
    format!("/phonebooks/{}", created["uuid"].as_str().unwrap())
}

#[tokio::test]
async fn negotiation_is_strict_only_when_asked() {
    let tolerant = Site::start(json!({})).await;
    let strict = Site::start(json!({"rest_api": {"strict_conventions": true}})).await;
    for (site, without, html, text) in [(&tolerant, 200, 200, 400), (&strict, 200, 406, 415)] {
        let get = || site.request(Method::GET, "/displays", &site.alice);
        let accepts = |accept: &str| get().header("Accept", accept).send();
        assert_eq!(
            accepts("application/json").await.unwrap().status().as_u16(),
            without
        );
        assert_eq!(accepts("text/html").await.unwrap().status().as_u16(), html);
        let post = site
            .request(Method::POST, "/displays", &site.alice)
            .header("Accept", "*/*");
        let post = post.header("Content-Type", "text/plain").body("{}");
        assert_eq!(post.send().await.unwrap().status().as_u16(), text);
    }
}

#[tokio::test]
async fn only_the_master_tenant_sees_the_configuration_and_no_secret_is_in_it() {
    let site = Site::start(json!({"auth": {"password": "hunter2"}})).await;
    let (status, body) = site.get("/config", &site.alice).await;
    assert_eq!(
        (status, body["details"].as_object().unwrap().len()),
        (401, 1),
        "{body}"
    );
    let (status, config) = site.get("/config", &site.master).await;
    assert_eq!(status, 200);
    assert_eq!(config["auth"]["password"], "<hidden>");
    assert!(!config.to_string().contains("hunter2"));
    let patch = json!([{"op": "replace", "path": "/debug", "value": true}]).to_string();
    let patched = site
        .request(Method::PATCH, "/config", &site.master)
        .body(patch)
        .send()
        .await
        .unwrap();
    assert_eq!(patched.status().as_u16(), 200);
    assert_eq!(site.get("/config", &site.master).await.1["debug"], true);
}

#[tokio::test]
async fn what_is_switched_off_is_gone() {
    let site = Site::start(json!({"enabled_plugins": {
        "views": {"displays_view": false}, "backends": {"ldap": false}}}))
    .await;
    assert_eq!(site.get("/displays", &site.alice).await.0, 404);
    let (_, backends) = site.get("/backends", &site.alice).await;
    assert_eq!(backends["total"], 8);
    assert!(!backends.to_string().contains("ldap"));
}

#[tokio::test]
async fn sources_of_a_backend_that_is_switched_off_are_left_out_of_lookups() {
    let csv_off = json!({"enabled_plugins": {"backends": {"csv": false}}});
    for (changes, found) in [(json!({}), json!(["Zoe"])), (csv_off, json!([]))] {
        let site = Site::start(changes).await;
        let made = crate::cases::Needs::Profile.make(&site, "default").await;
        let path = made.fill("/directories/lookup/{profile}?term=zoe");
        let (status, table) = site.get(&path, &site.alice).await;
        assert_eq!(status, 200, "{table}");
        let rows = table["results"].as_array().unwrap().iter();
        let names: Vec<_> = rows.map(|row| row["column_values"][0].clone()).collect();
        assert_eq!(json!(names), found);
        let (_, listed) = site.get("/sources", &site.alice).await;
        assert_eq!(listed["total"], 1, "the source itself stays: {listed}");
    }
}
