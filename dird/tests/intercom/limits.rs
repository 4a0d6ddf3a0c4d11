//! Bounds (intercom-directory.md §6).

use futures_util::future::{join_all, select_all};
use reqwest::Method;
use reqwest::header::RETRY_AFTER;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::world::{Door, Plan, error_of, read};

on_both_engines!(
    a_long_answer_comes_whole,
    an_entry_named_over_and_over_is_answered_each_time,
    so_many_writers_wait_and_the_next_is_sent_away,
);
on_plans_of_both_engines!(
    an_entry_and_a_directory_have_so_much_room,
    an_entry_that_grew_too_large_may_shrink_and_no_more,
);

/// Longest body, in bytes.
const LONGEST: usize = 16 << 20;

const UUID: &str = "A1B2C3D4-0000-4000-8000-00000000000A";

async fn with(limits: Value) -> Door {
    limited(Plan::sqlite(), limits).await
}

async fn limited(plan: Plan, limits: Value) -> Door {
    plan.with(json!({"limits": limits})).open().await
}

#[tokio::test]
async fn a_long_body_is_refused_by_its_length_and_without_it() {
    let door = with(json!({"body_bytes": 1000})).await;
    let body = format!("{{\"users\":[]{}}}", " ".repeat(2000));
    let (status, text) = door.told("get", &body).await;
    let refused = r#"{"success":false,"error":{"code":13,"description":"parameter data too big"}}"#;
    assert_eq!((status, text.as_str()), (413, refused));
    let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>(body.clone().into_bytes())]);
    let request = door.request(Method::POST, "/api/dir/get");
    let request = request.body(reqwest::Body::wrap_stream(pieces));
    let (status, answer) = read(request.send().await.unwrap()).await;
    assert_eq!((status, error_of(&answer).0), (413, 13));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_before_it_is_read() {
    let door = Plan::sqlite().open().await;
    let exactly = format!("{{\"users\":[]{}}}", " ".repeat(LONGEST - 12));
    assert_eq!(exactly.len(), LONGEST);
    assert_eq!(door.told("get", &exactly).await.0, 200);
    for (function, method) in [
        ("create", "PUT"),
        ("update", "PUT"),
        ("delete", "PUT"),
        ("get", "POST"),
        ("query", "POST"),
    ] {
        let head = format!("{method} /api/dir/{function} HTTP/1.1\r\nHost: x\r\n");
        // Nothing of it is sent; then one byte too many, and no end.
        let declared = format!("{head}Content-Length: {}\r\n\r\n", LONGEST + 1);
        let endless = format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n",
            LONGEST + 1
        );
        let endless = [endless.as_bytes(), exactly.as_bytes(), b" \r\n"].concat();
        for request in [declared.into_bytes(), endless] {
            let answer = heard(&door, &request).await;
            assert!(answer.starts_with("HTTP/1.1 413 "), "{function}: {answer}");
            assert!(answer.contains("\"code\":13"), "{function}: {answer}");
        }
    }
}

/// What is answered to a request that does not end.
async fn heard(door: &Door, request: &[u8]) -> String {
    let mut client = TcpStream::connect(door.address).await.unwrap();
    client.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"}}") {
        let read = client.read_buf(&mut answer).await.unwrap();
        assert!(read > 0, "{}", String::from_utf8_lossy(&answer));
    }
    String::from_utf8(answer).unwrap()
}

async fn so_many_writers_wait_and_the_next_is_sent_away(door: Door) {
    let (plan, store, tenant, phonebook) = door.close().await;
    let plan = plan.with(json!({"limits": {"writes": 2}}));
    let door = plan.start(store, tenant, phonebook).await;
    let held = door.store.write_entries(&door.tenant, &door.phonebook);
    let held = held.await.unwrap();
    let send = || {
        let request = door.request(Method::PUT, "/api/dir/create");
        Box::pin(request.body(r#"{"users":[{}]}"#).send())
    };
    let (first, _, others) = select_all([send(), send(), send()]).await;
    let first = first.unwrap();
    assert_eq!(first.headers()[RETRY_AFTER], "1");
    let (status, told) = read(first).await;
    assert_eq!((status, error_of(&told).0), (429, 18));
    drop(held);
    for other in join_all(others).await {
        assert_eq!(other.unwrap().status(), 200);
    }
    assert_eq!(door.standing().await.1, 2);
}

#[tokio::test]
async fn calls_have_so_many_entries_and_fields() {
    let door = with(json!({"entries_per_call": 2, "fields_per_call": 2, "path_length": 5})).await;
    let users = json!([{}, {}, {}]);
    for function in ["create", "update", "delete", "get"] {
        let (status, text) = door
            .told(function, &json!({"users": users}).to_string())
            .await;
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, error_of(&answer)), (413, (13, "users".into())));
    }
    for fields in [json!(["a", "b", "c"]), json!(["abcdef"])] {
        for function in ["get", "query"] {
            let told = door.error(function, json!({ "fields": fields })).await;
            assert_eq!(told, (12, "fields".to_owned()));
        }
    }
    let most = json!({"fields": ["name", "\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}"]});
    assert!(door.result("query", most).await["users"].is_array());
}

async fn an_entry_and_a_directory_have_so_much_room(plan: Plan) {
    let door = limited(plan, json!({"entry_bytes": 400, "entries": 2})).await;
    let large =
        json!({"name": "x".repeat(100), "owner": "y".repeat(250), "deputy": "z".repeat(90)});
    let refused = door.result("create", json!({"users": [large]})).await;
    let expected = json!([{"code": "EDIR_FIELD_VALUE_ERROR", "field": "owner"}]);
    assert_eq!(refused["users"][0]["errors"], expected);
    let three = json!({"users": [{"uuid": UUID}, {"name": 1.5}, {}, {}]});
    let answered = door.result("create", three).await;
    assert_eq!(answered["users"][2]["timestamp"], 2);
    assert_eq!(
        answered["users"][3]["errors"],
        json!([{"code": "EDIR_DIRECTORY_FULL"}])
    );
    let again = json!({"force": 1, "users": [{"uuid": UUID}]});
    assert_eq!(
        door.result("create", again).await["users"][0]["timestamp"],
        3
    );
    door.result("delete", json!({"users": [{"uuid": UUID}]}))
        .await;
    assert_eq!(door.create(json!({})).await, 5, "there is room again");
}

#[tokio::test]
async fn who_asks_too_often_is_sent_away_for_a_while() {
    let door = with(json!({"requests": 1, "burst": 3})).await;
    let mut rejected = 0;
    for _ in 0..6 {
        let request = door.request(Method::GET, "/api/dir/template");
        let answer = request.send().await.unwrap();
        if answer.status() == 429 {
            assert_eq!(answer.headers()[RETRY_AFTER], "1");
            assert_eq!(error_of(&read(answer).await.1).0, 18);
            rejected += 1;
        }
    }
    // The clock may give one back meanwhile, or a few on a slow machine.
    assert!((1..=3).contains(&rejected), "{rejected}");
}

async fn a_long_answer_comes_whole(door: Door) {
    let user = json!({"photo": "QUJD".repeat(300)});
    let mut sent = 0;
    for _ in 0..2 {
        let users = vec![user.clone(); 2100];
        sent += users.len();
        door.result("create", json!({"users": users})).await;
    }
    let (_, text) = door.told("query", "{}").await;
    assert!(text.len() > 9 << 19, "{}", text.len());
    let answer: Value = serde_json::from_str(&text).unwrap();
    let users = answer["result"]["users"].as_array().unwrap();
    let stamps: Vec<i64> = users
        .iter()
        .map(|one| one["timestamp"].as_i64().unwrap())
        .collect();
    assert_eq!(
        stamps,
        (1..=i64::try_from(sent).unwrap()).collect::<Vec<_>>()
    );
}

async fn an_entry_named_over_and_over_is_answered_each_time(door: Door) {
    door.create(json!({"uuid": UUID, "photo": "QUJD".repeat(4000)}))
        .await;
    let users = vec![json!({"uuid": UUID}); 700];
    let body = json!({"users": users}).to_string();
    let request = door.request(Method::POST, "/api/dir/get").body(body);
    let answer = request.send().await.unwrap();
    assert_eq!(
        answer.headers().get("content-length"),
        None,
        "it is sent in pieces"
    );
    let (_, answer) = read(answer).await;
    let users = answer["result"]["users"].as_array().unwrap();
    assert_eq!(users.len(), 700);
    assert!(users.iter().all(|user| *user == users[0]));
}

async fn an_entry_that_grew_too_large_may_shrink_and_no_more(plan: Plan) {
    let door = limited(plan, json!({"entry_bytes": 1000})).await;
    let large = json!({"uuid": UUID, "owner": "y".repeat(250), "deputy": "z".repeat(90)});
    door.create(large).await;
    let (plan, store, tenant, phonebook) = door.close().await;
    let plan = plan.with(json!({"limits": {"entry_bytes": 200}}));
    let door = plan.start(store, tenant, phonebook).await;
    let update = async |fields: Value| {
        let mut user = fields;
        user["uuid"] = UUID.into();
        let answer = door.result("update", json!({"users": [user]})).await;
        answer["users"][0].clone()
    };
    let refused = update(json!({"name": "Ann", "email": "ann@example.org"})).await;
    let expected = json!([{"code": "EDIR_FIELD_VALUE_ERROR", "field": "email"}]);
    assert_eq!(refused["errors"], expected, "no field that was not sent");
    let shrunk = update(json!({"deputy": "z", "name": "Ann"})).await;
    assert_eq!(shrunk["timestamp"], 2, "{shrunk}");
}
