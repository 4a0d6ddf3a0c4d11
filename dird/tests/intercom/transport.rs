//! How documents come, what paths and methods there are, and which connections are taken (intercom-directory.md §1, §3).

use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::world::{Door, Plan, certificate, error_of, method_of, read};

on_both_engines!(
    documents_come_in_three_ways,
    every_function_has_its_methods_and_no_others,
    clients_that_probe_find_a_device,
);

const FUNCTIONS: [&str; 5] = ["create", "update", "delete", "get", "query"];

/// A document that each function takes, and refuses if it is read.
fn wrong_for(function: &str) -> (Value, &'static str) {
    match function {
        "query" => (json!({"iterator": 1}), "iterator"),
        _ => (json!({"users": 1}), "users"),
    }
}

async fn ask(door: &Door, function: &str, kind: &str, body: impl Into<Vec<u8>>) -> (u16, Value) {
    let request = door.request(method_of(function), &format!("/api/dir/{function}"));
    let request = request.header(CONTENT_TYPE, kind).body(body.into());
    read(request.send().await.unwrap()).await
}

fn part(name: &str, document: &str) -> String {
    format!(
        "--b1\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x\"\r\nContent-Type: text/plain\r\n\r\n{document}\r\n"
    )
}

async fn documents_come_in_three_ways(door: Door) {
    let form = "multipart/form-data; boundary=b1";
    for function in FUNCTIONS {
        let (document, parameter) = wrong_for(function);
        let expected = (12, parameter.to_owned());
        for kind in [
            "application/json",
            "application/json; charset=utf-8",
            "text/plain",
            "",
        ] {
            let body = format!(" \r\n{document}");
            let (_, answer) = ask(&door, function, kind, body).await;
            assert_eq!(error_of(&answer), expected, "{function} {kind}");
        }
        for name in ["blob-json", "blob-dir_new"] {
            let body = format!("{}--b1--\r\n", part(name, &document.to_string()));
            let (_, answer) = ask(&door, function, form, body).await;
            assert_eq!(error_of(&answer), expected, "{function} {name}");
        }
        let both = format!(
            "{}{}--b1--\r\n",
            part("blob-json", "{}"),
            part("blob-dir_new", &document.to_string())
        );
        let (_, answer) = ask(&door, function, form, both).await;
        assert_eq!(
            error_of(&answer),
            expected,
            "{function}: the last one counts"
        );
    }
    malformed(&door).await;
    let multipart = format!(
        "{}{}--b1--\r\n",
        part("force", "1"),
        part("blob-dir_new", r#"{"users":[{}]}"#)
    );
    let (_, answer) = ask(&door, "create", form, multipart).await;
    assert_eq!(answer["result"]["users"][0]["timestamp"], 1);
    let kind = "application/x-www-form-urlencoded";
    let (_, answer) = ask(&door, "create", kind, "force=x").await;
    assert_eq!(error_of(&answer), (12, "force".into()));
}

async fn malformed(door: &Door) {
    let nested = |depth: usize| {
        format!(
            "{{\"a\":{}{}}}",
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        )
    };
    let (deepest, deep) = (nested(16), nested(17));
    for function in FUNCTIONS {
        let parameter = match function {
            "get" | "query" => "blob-json",
            _ => "blob-dir_new",
        };
        let expected = (12, parameter.to_owned());
        let form = "multipart/form-data; boundary=b1";
        for body in [&b"[]"[..], b"{", b"{\"a\":\"\xff\"}", b"x", deep.as_bytes()] {
            let mut posted = part("blob-dir_new", "").into_bytes();
            posted.truncate(posted.len() - 2);
            posted.extend([body, b"\r\n--b1--\r\n"].concat());
            for (kind, body) in [
                ("application/json", body.to_vec()),
                ("text/plain", body.to_vec()),
                (form, posted),
            ] {
                let (status, answer) = ask(door, function, kind, body).await;
                let told = (status, error_of(&answer));
                assert_eq!(told, (200, expected.clone()), "{function} {kind}");
            }
        }
        let (_, answer) = ask(door, function, "application/json", &*deepest).await;
        assert_ne!(answer["error"]["param"], parameter, "{function}");
        let broken = part("blob-json", "{}");
        let (_, answer) = ask(door, function, form, broken).await;
        assert_eq!(error_of(&answer), expected);
        let (_, empty) = ask(door, function, "application/json", "  ").await;
        let missing = matches!(function, "update" | "delete");
        assert_eq!(empty["success"], !missing, "{function}");
    }
}

async fn every_function_has_its_methods_and_no_others(door: Door) {
    let methods = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    for function in FUNCTIONS.into_iter().chain(["template"]) {
        for method in &methods {
            let own = match function {
                "template" => matches!(*method, Method::GET | Method::POST),
                _ => *method == method_of(function),
            };
            let path = format!("/api/dir/{function}");
            let request = door.request(method.clone(), &path).body("{\"users\":[]}");
            let (status, answer) = read(request.send().await.unwrap()).await;
            let code = answer["error"]["code"].as_u64();
            let expected = (!own).then_some(3);
            assert_eq!((status, code), (200, expected), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn paths_and_methods_are_checked_before_anything_else() {
    let plan = Plan::sqlite().with(json!({"transport": "tls", "auth": "digest"}));
    let door = plan.open().await;
    for (method, path, code) in [
        (Method::GET, "/api/dir/get", 3),
        (Method::PUT, "/api/dir/query", 3),
        (Method::POST, "/api/dir/create", 3),
        (Method::DELETE, "/api/dir/delete", 3),
        (Method::PATCH, "/api/dir/update", 3),
        (Method::PUT, "/api/system/info", 3),
        (Method::POST, "/api/dir/get/", 2),
        (Method::POST, "/api/dir/Get", 2),
        (Method::PUT, "/api/dir/validate", 2),
        (Method::GET, "/api/dir", 2),
        (Method::GET, "/api/", 2),
        (Method::GET, "/api/x/y", 2),
        (Method::GET, "/api/log/caps", 1),
        (Method::DELETE, "/api/io/caps", 1),
        (Method::GET, "/api/switch/caps", 1),
        (Method::GET, "/api/camera/snapshot", 1),
        (Method::GET, "/api/display/x", 1),
        (Method::POST, "/api/dir/get", 7),
        (Method::GET, "/api/system/status", 7),
    ] {
        let (status, answer) = read(door.request(method.clone(), path).send().await.unwrap()).await;
        assert_eq!(
            (status, error_of(&answer).0),
            (200, code),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn switched_off_the_paths_are_unknown() {
    let door = Plan::sqlite().with(json!({"enabled": false})).open().await;
    for path in ["/api/dir/template", "/api/system/info", "/api/"] {
        let (status, answer) = read(door.request(Method::GET, path).send().await.unwrap()).await;
        assert_eq!((status, answer.get("success")), (404, None), "{path}");
    }
}

#[tokio::test]
async fn encrypted_connections_are_told_from_others() {
    let changes = json!({"transport": "tls", "trusted_proxies": ["127.0.0.1"]});
    let mut changes = changes;
    crate::world::merge(&mut changes, certificate());
    let door = Plan::sqlite().with(changes).open().await;
    let path = "/api/dir/template";
    let own = format!("https://{}{path}", door.tls.unwrap());
    let (_, answer) = read(door.client.get(own).send().await.unwrap()).await;
    assert_eq!(answer["success"], true);
    let rest = format!("https://{}/0.1/status", door.tls.unwrap());
    let (status, _) = read(door.client.get(rest).send().await.unwrap()).await;
    assert_eq!(status, 404, "the listener has nothing else");
    for (said, code) in [("https", None), ("http", Some(7))] {
        let request = door
            .request(Method::GET, path)
            .header("X-Forwarded-Proto", said);
        let (_, answer) = read(request.send().await.unwrap()).await;
        assert_eq!(answer["error"]["code"].as_u64(), code, "{said}");
    }
    let door = Plan::sqlite()
        .with(json!({"transport": "tls"}))
        .open()
        .await;
    let request = door
        .request(Method::GET, path)
        .header("X-Forwarded-Proto", "https");
    let (_, answer) = read(request.send().await.unwrap()).await;
    assert_eq!(error_of(&answer).0, 7, "nobody trusts this proxy");
}

async fn clients_that_probe_find_a_device(door: Door) {
    for method in [Method::GET, Method::POST] {
        let request = door.request(method.clone(), "/api/system/info");
        let (_, info) = read(request.send().await.unwrap()).await;
        let digits = door.phonebook.0.replace('-', "");
        let expected = json!({
            "variant": "dird", "serialNumber": digits[..10], "macAddr": "00-00-00-00-00-00", "hwVersion": "0",
            "swVersion": env!("CARGO_PKG_VERSION"), "buildType": "release", "deviceName": "doors",
        });
        assert_eq!(info, json!({"success": true, "result": expected}));
        let request = door.request(method, "/api/system/status");
        let (_, status) = read(request.send().await.unwrap()).await;
        let result = &status["result"];
        let now = kit::clock::unix_now();
        assert!(
            (now - result["systemTime"].as_i64().unwrap()).abs() < 60,
            "{result}"
        );
        assert!(result["upTime"].as_u64().unwrap() < 600, "{result}");
    }
}
