//! Displays, sources and profiles from their creation to their end.

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::Site;

#[tokio::test]
async fn objects_are_made_shown_replaced_listed_and_removed() {
    let site = Site::start(json!({})).await;
    for (path, first, second, created, missing) in [
        (
            "/displays",
            json!({"name": "desk", "columns": [{"field": "fn"}]}),
            json!({"name": "wall", "columns": [{"title": "T"}]}),
            201,
            "unknown-display",
        ),
        (
            "/backends/csv/sources",
            json!({"name": "people", "file": "/x.csv"}),
            json!({"name": "folk", "file": "/y.csv", "separator": ";"}),
            200,
            "unknown-source",
        ),
        (
            "/profiles",
            json!({"name": "default", "services": {}}),
            json!({"name": "other", "services": {"lookup": {"options": {"timeout": 5}}}}),
            201,
            "unknown-profile",
        ),
    ] {
        let (status, object) = site.send(Method::POST, path, &first).await;
        assert_eq!(status, created, "{path}: {object}");
        assert_eq!(object["tenant_uuid"], site.tenant.as_str());
        let one = format!("{path}/{}", object["uuid"].as_str().unwrap());
        let (status, shown) = site.get(&one, &site.alice).await;
        assert_eq!(status, 200);
        assert_eq!(
            without_display(&shown),
            without_display(&object),
            "{path}: GET is what POST answered"
        );
        assert_eq!(site.send(Method::PUT, &one, &second).await.0, 204, "{path}");
        let (_, shown) = site.get(&one, &site.alice).await;
        assert_eq!(shown["name"], second["name"], "{path}");
        let (_, listed) = site.get(&format!("{path}?search=L"), &site.alice).await;
        assert_eq!(listed["total"], 1, "{path}: {listed}");
        assert_eq!(
            site.send(Method::DELETE, &one, &json!({})).await.0,
            204,
            "{path}"
        );
        for method in [Method::GET, Method::DELETE, Method::PUT] {
            let (status, body) = site.send(method.clone(), &one, &second).await;
            assert_eq!(
                (status, &body["error_id"]),
                (404, &json!(missing)),
                "{method} {path}"
            );
        }
    }
}

fn without_display(object: &Value) -> Value {
    let mut object = object.clone();
    object.as_object_mut().unwrap().remove("display");
    object
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_across_backends() {
    let site = Site::start(json!({})).await;
    let source = json!({"name": "people", "file": "/x.csv"});
    assert_eq!(
        site.send(Method::POST, "/backends/csv/sources", &source)
            .await
            .0,
        200
    );
    let (status, body) = site
        .send(
            Method::POST,
            "/backends/personal/sources",
            &json!({"name": "people"}),
        )
        .await;
    assert_eq!(
        (status, &body["error_id"], &body["resource"]),
        (409, &json!("conflict"), &json!("sources"))
    );
    assert_eq!(
        body["details"]["name"]["message"],
        "The name \"people\" is already used"
    );
}

#[tokio::test]
async fn a_profile_must_refer_to_objects_of_its_tenant_and_a_refusal_changes_nothing() {
    let site = Site::start(json!({})).await;
    let good = json!({"name": "default", "services": {"lookup": {"options": {"timeout": 2}}}});
    let (_, profile) = site.send(Method::POST, "/profiles", &good).await;
    let one = format!("/profiles/{}", profile["uuid"].as_str().unwrap());
    let unknown = "00000000-0000-4000-8000-00000000dead";
    for (change, error) in [
        (
            json!({"name": "x", "display": {"uuid": unknown}, "services": {}}),
            "unknown-display",
        ),
        (
            json!({"name": "x", "services": {"lookup": {"sources": [{"uuid": unknown}]}}}),
            "unknown-source",
        ),
    ] {
        let (status, body) = site.send(Method::PUT, &one, &change).await;
        assert_eq!((status, &body["error_id"]), (400, &json!(error)));
        assert_eq!(
            site.get(&one, &site.alice).await.1["services"],
            profile["services"]
        );
    }
}
