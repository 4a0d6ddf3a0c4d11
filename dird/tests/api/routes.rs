//! Rules that hold for every route, taken from the route table itself: a new route is covered without being named here.

use dird::api::enabled::Enabled;
use dird::api::route::Route;
use dird::router::enabled_routes;
use reqwest::Method;
use serde_json::{Value, json};

use crate::cases::expected::nothing_for;
use crate::site::{Site, answer};

/// A path of the route with something in each open segment.
fn path(route: &Route) -> String {
    let names: Vec<String> = route.parameter_names().map(str::to_owned).collect();
    names.iter().fold(route.path.clone(), |path, name| {
        path.replace(&format!("{{{name}}}"), nothing_for(name))
    })
}

fn guarded() -> Vec<Route> {
    enabled_routes(&Enabled::default())
        .into_iter()
        .filter(|route| !route.is_open())
        .collect()
}

#[test]
fn the_route_table_is_reviewed_as_a_whole() {
    let lines: Vec<String> = enabled_routes(&Enabled::default())
        .iter()
        .map(|route| {
            let access = if route.is_open() {
                "(everybody)"
            } else {
                &route.access
            };
            format!(
                "{} {} {access} {:?} {}",
                route.method, route.path, route.family, route.name
            )
        })
        .collect();
    insta::assert_snapshot!("table", lines.join("\n"));
}

#[tokio::test]
async fn no_path_answers_trace_or_with_a_slash_at_its_end() {
    let site = Site::start(json!({})).await;
    let routes = enabled_routes(&Enabled::default());
    for route in &routes {
        let url = path(route);
        let refused = site.request(Method::TRACE, &url, "").send().await.unwrap();
        assert_eq!(refused.status().as_u16(), 405, "{url}");
        let slash = site
            .request(Method::GET, &format!("{url}/"), &site.alice)
            .send()
            .await
            .unwrap();
        assert_eq!(slash.status().as_u16(), 404, "{url}/ is another path");
    }
}

#[tokio::test]
async fn no_body_makes_a_route_fail() {
    let site = Site::start(json!({})).await;
    let deep = "[".repeat(500) + &"]".repeat(500);
    let long = format!("{{\"name\": \"{}\"}}", "x".repeat(11 << 20));
    for route in guarded().into_iter().filter(|route| route.body.is_some()) {
        let name = format!("{} {}", route.method, route.path);
        for (body, expected) in [
            ("", 400),
            ("{", 400),
            ("\u{feff}{}", 400),
            ("null", 400),
            ("5", 400),
            ("{\"name\": \"a\\u0000b\"}", 400),
            ("{\"name\": 1, \"name\": 99999999999999999999999}", 400),
            (deep.as_str(), 400),
            (long.as_str(), 413),
        ] {
            let request = site.request(route.method.clone(), &path(&route), &site.master);
            let (status, _) = answer(request.body(body.to_owned()).send().await.unwrap()).await;
            let start: String = body.chars().take(40).collect();
            assert_eq!(status, expected, "{name}: {start:?}");
        }
        let request = site.request(route.method.clone(), &path(&route), &site.master);
        let invalid = request
            .body(b"{\"name\": \"\xff\"}".to_vec())
            .send()
            .await
            .unwrap();
        assert_eq!(invalid.status().as_u16(), 400, "{name}: invalid UTF-8");
    }
}

#[tokio::test]
async fn every_list_refuses_bad_parameters_and_takes_extreme_ones() {
    let site = Site::start(json!({})).await;
    for route in guarded()
        .into_iter()
        .filter(|route| route.listed.is_some() && !route.path.contains('{'))
    {
        let url = &route.path;
        for bad in [
            "order=zzz",
            "direction=up",
            "limit=-1",
            "offset=x",
            "recurse=perhaps",
        ] {
            let (status, body) = site.get(&format!("{url}?{bad}"), &site.alice).await;
            assert_eq!(
                (status, &body["error_id"]),
                (400, &json!("invalid-data")),
                "{url}?{bad}"
            );
        }
        for good in [
            "limit=99999999999999999999999",
            "offset=99999999999999999999",
            "search=%25",
            "search=%00",
            "recurse=1",
        ] {
            let (status, body) = site.get(&format!("{url}?{good}"), &site.alice).await;
            assert_eq!(status, 200, "{url}?{good}: {body}");
            // Phonebooks have no count of their own for what was found (O-44).
            let counted = url == "/phonebooks" || body["filtered"].is_u64();
            assert!(
                body["total"].is_u64() && counted && body["items"].is_array(),
                "{url}"
            );
        }
    }
}

#[tokio::test]
async fn the_document_describes_every_route_and_only_these() {
    let site = Site::start(json!({})).await;
    let answered = site
        .request(Method::GET, "/api/api.yml", "")
        .send()
        .await
        .unwrap();
    assert_eq!(answered.headers()["content-type"], "application/x-yaml");
    let text = answered.text().await.unwrap();
    assert!(text.contains("basePath: /0.1"), "{text}");
    let document = dird::api::document::document(&enabled_routes(&Enabled::default()), None);
    let described = |route: &Route| {
        document["paths"][&route.path]
            .get(route.method.as_str().to_lowercase())
            .is_some()
    };
    assert!(enabled_routes(&Enabled::default()).iter().all(described));
    let count = |value: &Value| value.as_object().map_or(0, serde_json::Map::len);
    let operations: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(count)
        .sum();
    assert_eq!(operations, enabled_routes(&Enabled::default()).len());
}

#[test]
fn the_document_says_where_csv_goes_in_and_comes_out() {
    let document = dird::api::document::document(&enabled_routes(&Enabled::default()), None);
    let types = |path: &str, method: &str, key: &str| document["paths"][path][method][key].clone();
    let both = json!(["application/json", "text/csv"]);
    assert_eq!(types("/personal", "get", "produces"), both);
    assert_eq!(types("/personal", "post", "consumes"), Value::Null);
    for path in [
        "/personal/import",
        "/phonebooks/{phonebook_uuid}/contacts/import",
    ] {
        assert_eq!(types(path, "post", "consumes"), json!(["text/csv"]));
        let slow = &types(path, "post", "responses")["408"];
        assert_eq!(slow["description"], "The body does not come");
    }
}
