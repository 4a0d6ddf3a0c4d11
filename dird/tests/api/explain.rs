//! `POST /directories/explain` and `dird explain`: what every source did, and each reason for which somebody is missing.

use std::process::Command;

use reqwest::Method;
use serde_json::{Value, json};

use crate::site::Site;

const PATH: &str = "/directories/explain";

/// A source over a file, searched by name and matched by number.
async fn source(site: &Site, name: &str, text: &str) -> Value {
    let file = site.folder.path().join(format!("{name}.csv"));
    std::fs::write(&file, text).unwrap();
    let body = json!({"name": name, "file": file, "unique_column": "id", "searched_columns": ["fn"],
        "first_matched_columns": ["num"], "format_columns": {"reverse": "<{fn}>"}});
    let (status, created) = site
        .send(Method::POST, "/backends/csv/sources", &body)
        .await;
    assert!(status < 300, "{created}");
    json!({"uuid": created["uuid"]})
}

/// A source whose server takes connections and says nothing, or nowhere at all.
async fn web(site: &Site, name: &str, port: u16) -> Value {
    let body = json!({"name": name, "lookup_url": format!("http://127.0.0.1:{port}/"),
        "searched_columns": ["fn"], "first_matched_columns": ["num"]});
    let (status, created) = site
        .send(Method::POST, "/backends/csv_ws/sources", &body)
        .await;
    assert!(status < 300, "{created}");
    json!({"uuid": created["uuid"]})
}

async fn profile(site: &Site, sources: &[Value], options: Value) {
    let service = json!({"sources": sources, "options": options});
    let body = json!({"name": "default", "services": {"lookup": service, "reverse": service}});
    let (status, created) = site.send(Method::POST, "/profiles", &body).await;
    assert_eq!(status, 201, "{created}");
}

async fn explain(site: &Site, asked: Value) -> Value {
    let mut body = asked;
    body["profile"] = "default".into();
    let (status, explained) = site.send(Method::POST, PATH, &body).await;
    assert_eq!(status, 200, "{explained}");
    explained
}

/// The reasons why `expect` is missing.
async fn reasons(site: &Site, mut asked: Value, expect: &str) -> Value {
    asked["expect"] = expect.into();
    explain(site, asked).await["missing"].take()
}

fn reason(source: &str, reason: &str) -> Value {
    json!([{"source": source, "reason": reason, "columns": []}])
}

#[tokio::test]
async fn every_source_tells_what_it_was_asked_and_what_it_found() {
    let site = Site::start(json!({})).await;
    let people = source(&site, "people", "id,fn,num\n1,Zoe,1001\n2,Adam,1002\n").await;
    profile(
        &site,
        std::slice::from_ref(&people),
        json!({"timeout": 3, "region": "FR"}),
    )
    .await;
    let mut explained = explain(&site, json!({"term": "zo"})).await;
    let shown = &mut explained["sources"][0];
    assert!(shown["seconds"].take().is_f64());
    let expected = json!({"uuid": people["uuid"], "name": "people", "backend": "csv", "columns": ["fn"],
        "from": "index", "age": null, "outcome": "answered", "error": null, "seconds": null, "found": 1,
        "rows": [{"id": "1", "fn": "Zoe", "num": "1001", "reverse": "<Zoe>"}], "dropped": []});
    assert_eq!(*shown, expected);
    assert_eq!(
        (&explained["service"], &explained["asked"]),
        (&json!("lookup"), &json!("zo"))
    );
    assert_eq!(
        (&explained["timeout"], explained.get("missing")),
        (&json!(3.0), None)
    );
    let explained = explain(&site, json!({"exten": "0123456789"})).await;
    assert_eq!(
        explained["spellings"],
        json!(["+33123456789", "0033123456789"])
    );
    assert_eq!(explained["sources"][0]["columns"], json!(["num"]));
}

#[tokio::test]
async fn who_is_found_is_not_missing_and_who_is_nowhere_is_unknown() {
    let site = Site::start(json!({})).await;
    let people = source(&site, "people", "id,fn,num\n1,Zoe,1001\n").await;
    profile(&site, &[people], json!({})).await;
    let term = || json!({"term": "zoe"});
    assert_eq!(reasons(&site, term(), "ZO\u{c9}").await, json!([]));
    let nobody = json!([{"source": null, "reason": "nobody_of_that_name", "columns": []}]);
    assert_eq!(reasons(&site, term(), "Quentin").await, nobody);
}

#[tokio::test]
async fn a_contact_that_the_term_does_not_reach_is_explained_by_its_columns() {
    let site = Site::start(json!({})).await;
    let text = "id,fn,num,note\n1,Zoe,1001,painter\n2,Adam,,\n";
    let people = source(&site, "people", text).await;
    profile(&site, &[people], json!({})).await;
    let unsearched = json!([{"source": "people", "reason": "not_in_the_searched_columns",
        "columns": ["note"]}]);
    assert_eq!(
        reasons(&site, json!({"term": "paint"}), "zoe").await,
        unsearched
    );
    let differs = reasons(&site, json!({"term": "adam"}), "zoe").await;
    assert_eq!(differs, reason("people", "term_differs"));
    let differs = reasons(&site, json!({"exten": "1002"}), "zoe").await;
    assert_eq!(differs, reason("people", "number_differs"));
    let empty = reasons(&site, json!({"exten": "1002"}), "adam").await;
    assert_eq!(empty, reason("people", "number_column_empty"));
}

#[tokio::test]
async fn a_contact_of_a_source_that_the_profile_does_not_ask_is_found_there() {
    let site = Site::start(json!({})).await;
    let people = source(&site, "people", "id,fn,num\n1,Zoe,1001\n").await;
    source(&site, "others", "id,fn,num\n1,Adam,1002\n").await;
    profile(&site, &[people], json!({})).await;
    let elsewhere = reasons(&site, json!({"term": "adam"}), "adam").await;
    assert_eq!(elsewhere, reason("others", "profile_has_no_such_source"));
}

#[tokio::test]
async fn a_number_that_an_earlier_source_has_drops_those_of_later_ones() {
    let site = Site::start(json!({})).await;
    let first = source(&site, "first", "id,fn,num\n1,Zoe,1001\n").await;
    let second = source(&site, "second", "id,fn,num\n1,Adam,1001\n").await;
    profile(&site, &[first, second], json!({})).await;
    let explained = explain(&site, json!({"exten": "1001", "expect": "adam"})).await;
    let shown = &explained["sources"];
    assert_eq!(
        (&shown[0]["rows"][0]["fn"], &shown[1]["rows"]),
        (&json!("Zoe"), &json!([]))
    );
    let dropped = &shown[1]["dropped"][0];
    assert_eq!(dropped["reason"], "an_earlier_source_has_the_number");
    assert_eq!(dropped["row"]["fn"], "Adam");
    let expected = reason("second", "an_earlier_source_has_the_number");
    assert_eq!(explained["missing"], expected);
}

#[tokio::test]
async fn a_source_that_is_late_broken_or_unusable_says_so() {
    let site = Site::start(json!({})).await;
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let [closed] = e2e::ports::free().unwrap();
    let late = web(&site, "late", silent.local_addr().unwrap().port()).await;
    let broken = web(&site, "broken", closed).await;
    profile(&site, &[late, broken], json!({"timeout": 3})).await;
    let explained = explain(&site, json!({"term": "zoe", "expect": "zoe"})).await;
    let outcomes: Vec<&Value> = explained["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| &source["outcome"])
        .collect();
    assert_eq!(outcomes, ["timed_out", "failed"], "{explained}");
    assert!(explained["sources"][1]["error"].is_string(), "{explained}");
    assert_eq!(explained["sources"][0]["from"], "live");
    let missing = explained["missing"].as_array().unwrap();
    assert_eq!(
        (&missing[0]["source"], &missing[0]["reason"]),
        (&json!("late"), &json!("source_timed_out"))
    );
    assert_eq!(
        (&missing[1]["source"], &missing[1]["reason"]),
        (&json!("broken"), &json!("source_failed"))
    );
}

#[tokio::test]
async fn a_source_whose_backend_is_off_cannot_be_used() {
    let off = json!({"enabled_plugins": {"backends": {"csv": false}}});
    let site = Site::start(off).await;
    let people = source(&site, "people", "id,fn,num\n1,Zoe,1001\n").await;
    profile(&site, &[people], json!({})).await;
    let explained = explain(&site, json!({"term": "zoe", "expect": "zoe"})).await;
    let shown = &explained["sources"][0];
    assert_eq!(
        (&shown["outcome"], &shown["from"]),
        (&json!("unusable"), &Value::Null)
    );
    assert_eq!(
        explained["missing"],
        reason("people", "source_cannot_be_used")
    );
}

#[tokio::test]
async fn the_command_line_explains_without_a_running_server() {
    let site = Site::start(json!({})).await;
    let people = source(&site, "people", "id,fn,num\n1,Zoe,1001\n").await;
    profile(&site, &[people], json!({})).await;
    let config = site.folder.path().join("dird.yml");
    let run = |asked: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dird"));
        command
            .arg("-c")
            .arg(&config)
            .args(["explain", "default", "--tenant", &site.tenant]);
        command.args(asked).output().unwrap()
    };
    let output = run(&["--exten", "1001", "--expect", "zoe"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(explained["sources"][0]["rows"][0]["fn"], "Zoe");
    assert_eq!(explained["missing"], json!([]));
    assert!(!run(&[]).status.success(), "neither a term nor a number");
}
