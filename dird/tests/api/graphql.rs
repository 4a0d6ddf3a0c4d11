//! `/graphql`: forms of requests, rights of root fields, contacts behind numbers, and bounds (dird-api-graphql.md).

use http::StatusCode;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::site::{Site, Tokens, answer};

const PATH: &str = "/graphql";

/// Status and body of a query in JSON.
async fn ask(site: &Site, token: &str, body: &Value) -> (u16, Value) {
    let request = site.request(Method::POST, PATH, token);
    let request = request.header("Content-Type", "application/json");
    answer(request.body(body.to_string()).send().await.unwrap()).await
}

/// Data of a query by alice that reports nothing.
async fn data(site: &Site, query: &str) -> Value {
    let (status, body) = ask(site, &site.alice, &json!({"query": query})).await;
    assert_eq!((status, body.get("errors")), (200, None), "{query}: {body}");
    body["data"].clone()
}

fn message(text: &str) -> Value {
    json!({"errors": [{"message": text}]})
}

/// A profile `default` over a file of people.
async fn people(site: &Site) {
    let file = site.folder.path().join("people.csv");
    std::fs::write(&file, "id,fn,num\n1,Zoe,1001\n2,Adam,1002\n").unwrap();
    let source = json!({"name": "people", "file": file, "first_matched_columns": ["num"],
        "unique_column": "id", "format_columns": {"firstname": "{fn}", "reverse": "{fn}!"}});
    let (_, source) = site
        .send(Method::POST, "/backends/csv/sources", &source)
        .await;
    let profile = json!({"name": "default",
        "services": {"reverse": {"sources": [{"uuid": source["uuid"]}]}}});
    let (status, profile) = site.send(Method::POST, "/profiles", &profile).await;
    assert_eq!(status, 201, "{profile}");
}

#[tokio::test]
async fn a_query_is_read_in_every_form_that_clients_send() {
    let site = Site::start(json!({})).await;
    let multipart =
        "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\n{ hello }\r\n--b--\r\n";
    let named =
        json!({"query": "query a { me { userUuid } } query b { hello }", "operationName": "b"});
    for (content_type, body) in [
        (
            "application/json; charset=utf-8",
            json!({"query": "{ hello }"}).to_string(),
        ),
        ("application/json", named.to_string()),
        ("application/graphql", "{ hello }".into()),
        (
            "application/x-www-form-urlencoded",
            "query=%7B+hello+%7D".into(),
        ),
        ("multipart/form-data; boundary=b", multipart.into()),
    ] {
        let request = site.request(Method::POST, PATH, &site.alice);
        let request = request.header("Content-Type", content_type).body(body);
        let answered = answer(request.send().await.unwrap()).await;
        assert_eq!(
            answered,
            (200, json!({"data": {"hello": "world"}})),
            "{content_type}"
        );
    }
    let expected = json!({"data": {"user": {"uuid": "x"}}});
    let query = "query n($u: String!) { user(uuid: $u) { uuid } }";
    for variables in [json!({"u": "x"}), json!("{\"u\": \"x\"}")] {
        let body = json!({"query": query, "variables": variables});
        assert_eq!(
            ask(&site, &site.alice, &body).await,
            (200, expected.clone())
        );
    }
    let spelled = "/graphql?query=query+n($u:String!)%7Buser(uuid:$u)%7Buuid%7D%7D&variables=%7B%22u%22:%22x%22%7D";
    let request = site.request(Method::GET, spelled, &site.alice);
    assert_eq!(answer(request.send().await.unwrap()).await, (200, expected));
}

#[tokio::test]
async fn what_is_no_query_is_refused_before_anybody_is_asked_for_a_token() {
    let site = Site::start(json!({})).await;
    let missing = "Must provide query string.";
    let several = "Must provide operation name if query contains multiple operations.";
    for (content_type, body, expected) in [
        ("application/json", "{}", missing),
        ("application/json", "{\"query\": \"\"}", missing),
        ("text/plain", "{\"query\": \"{ hello }\"}", missing),
        ("application/json", "{", "POST body sent invalid JSON."),
        (
            "application/json",
            "[]",
            "Batch GraphQL requests are not enabled.",
        ),
        (
            "application/json",
            "[{\"query\": \"{ hello }\"}]",
            "Batch GraphQL requests are not enabled.",
        ),
        (
            "application/json",
            "null",
            "GraphQL params should be a dict. Received None.",
        ),
        (
            "application/json",
            "{\"query\": \"{ hello }\", \"variables\": \"{\"}",
            "Variables are invalid JSON.",
        ),
        (
            "application/graphql",
            "query a { hello } query b { hello }",
            several,
        ),
    ] {
        let request = site.request(Method::POST, PATH, "");
        let request = request.header("Content-Type", content_type).body(body);
        let answered = answer(request.send().await.unwrap()).await;
        assert_eq!(answered, (400, message(expected)), "{content_type}: {body}");
    }
    for query in [
        "{ bogus }",
        "{ hello ",
        "{ hello(x: 1) }",
        "subscription { hello }",
        "query ($u: String!) { user(uuid: $u) { uuid } }",
        "mutation { hello }",
    ] {
        let (status, body) = ask(&site, "", &json!({"query": query})).await;
        assert_eq!((status, body.get("data")), (400, None), "{query}: {body}");
        let position = &body["errors"][0]["locations"][0];
        assert!(
            position["line"].is_u64() && position["column"].is_u64(),
            "{query}: {body}"
        );
    }
}

#[tokio::test]
async fn methods_that_graphql_does_not_have_are_refused_in_its_words() {
    let site = Site::start(json!({})).await;
    let allow = |answered: &Response| answered.headers()["allow"].to_str().unwrap().to_owned();
    for method in [Method::PUT, Method::DELETE, Method::HEAD] {
        let request = site.request(method.clone(), PATH, "").send().await.unwrap();
        assert_eq!(allow(&request), "GET, POST", "{method}");
        let (status, body) = answer(request).await;
        assert_eq!(status, 405, "{method}");
        if method != Method::HEAD {
            assert_eq!(
                body,
                message("GraphQL only supports GET and POST requests.")
            );
        }
    }
    let request = site.request(Method::GET, "/graphql?query=mutation+%7Bhello%7D", "");
    let refused = request.send().await.unwrap();
    assert_eq!(allow(&refused), "POST");
    let only = message("Can only perform a mutation operation from a POST request.");
    assert_eq!(answer(refused).await, (405, only));
}

#[tokio::test]
async fn each_root_field_asks_for_its_own_access_and_introspection_for_none() {
    let site = Site::start(json!({})).await;
    let open =
        json!({"query": "{ __schema { queryType { name } } __type(name: \"Contact\") { name } }"});
    let expected =
        json!({"__schema": {"queryType": {"name": "Query"}}, "__type": {"name": "Contact"}});
    assert_eq!(
        ask(&site, "", &open).await,
        (200, json!({"data": expected}))
    );
    let both = json!({"query": "{ x: hello me { __typename } }"});
    let refused = |token: &str, column: usize, name: &str| {
        json!({"message": "Unauthorized", "locations": [{"line": 1, "column": column}],
            "path": [name], "extensions": {"error_id": "unauthorized",
            "details": {"invalid_token": token}}})
    };
    let only_me = site.with_access(&["dird.graphql.me"]).await;
    for (token, me, denied) in [
        (only_me.as_str(), json!({"__typename": "UserMe"}), 1),
        ("", Value::Null, 2),
        ("unknown", Value::Null, 2),
        (&site.nobody, Value::Null, 2),
    ] {
        let (status, mut body) = ask(&site, token, &both).await;
        assert_eq!(
            (status, &body["data"]),
            (200, &json!({"x": null, "me": me})),
            "{token}"
        );
        let errors = body["errors"].as_array_mut().unwrap();
        for error in errors.iter_mut() {
            let timestamp = error["extensions"]
                .as_object_mut()
                .unwrap()
                .remove("timestamp");
            assert!(timestamp.unwrap().is_f64());
        }
        let expected = [refused(token, 3, "x"), refused(token, 12, "me")];
        assert_eq!(errors.as_slice(), &expected[..denied], "{token}");
    }
    for (tenant, allowed) in [(&site.foreign, false), (&site.tenant, true)] {
        let request = site
            .request(Method::GET, "/graphql?query=%7Bhello%7D", &site.alice)
            .header("Wazo-Tenant", tenant);
        let (_, body) = answer(request.send().await.unwrap()).await;
        assert_eq!(body["data"]["hello"].is_string(), allowed, "{body}");
    }
}

#[tokio::test]
async fn an_authority_that_fails_finds_no_token_good_and_one_that_is_away_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite:{}", folder.path().join("dird.db").display());
    let uncached = json!({"auth": {"cache_ttl": 0}});
    let site = Site::start_on(&uri, folder, Tokens::Wazo, uncached).await;
    let query = json!({"query": "{ hello }"});
    let fake = site.auth.as_ref().unwrap();
    fake.fail(StatusCode::BAD_GATEWAY);
    let (status, body) = ask(&site, &site.alice, &query).await;
    assert_eq!(
        (status, &body["errors"][0]["message"]),
        (200, &json!("Unauthorized")),
        "{body}"
    );
    drop(site);

    let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let away = json!({"auth": {"host": "127.0.0.1", "port": port, "cache_ttl": 0}});
    let folder = tempfile::tempdir().unwrap();
    let uri = format!("sqlite:{}", folder.path().join("dird.db").display());
    let site = Site::start_on(&uri, folder, Tokens::Wazo, away).await;
    let (status, body) = ask(&site, &site.alice, &query).await;
    let error = &body["errors"][0];
    assert_eq!((status, &body["data"]), (200, &json!({"hello": null})));
    assert_eq!(error["message"], "Authentication server unreachable");
    assert_eq!(
        error["extensions"]["error_id"],
        "authentication-server-unreachable"
    );
    let details = &error["extensions"]["details"];
    assert_eq!(
        (&details["auth_server_host"], &details["auth_server_port"]),
        (&json!("127.0.0.1"), &json!(port))
    );
    assert!(details["original_error"].is_string(), "{details}");
}

#[tokio::test]
async fn contacts_come_in_the_order_of_their_numbers_with_a_place_for_the_unknown() {
    let site = Site::start(json!({})).await;
    people(&site).await;
    let fields = "edges { cursor node { __typename firstname lastname wazoReverse wazoSourceEntryId \
        wazoSourceName wazoBackend ... on WazoContact { userUuid } } } pageInfo { hasNextPage endCursor }";
    let query = format!(
        "{{ me {{ contacts(profile: \"default\", extens: [\"9\", \"1002\", null, \"1002\"], first: 2) {{ {fields} }} }} }}"
    );
    let adam = json!({"__typename": "Contact", "firstname": "Adam", "lastname": null, "wazoReverse": "Adam!",
        "wazoSourceEntryId": "2", "wazoSourceName": "people", "wazoBackend": "csv"});
    let expected = json!({"edges": [{"cursor": "YXJyYXljb25uZWN0aW9uOjA=", "node": null},
        {"cursor": "YXJyYXljb25uZWN0aW9uOjE=", "node": adam}],
        "pageInfo": {"hasNextPage": true, "endCursor": "YXJyYXljb25uZWN0aW9uOjE="}});
    assert_eq!(data(&site, &query).await["me"]["contacts"], expected);
    for extens in ["", ", extens: null", ", extens: []"] {
        let query = format!(
            "{{ user(uuid: \"x\") {{ uuid contacts(profile: \"default\"{extens}) {{ edges {{ cursor }} }} }} }}"
        );
        let expected = json!({"user": {"uuid": "x", "contacts": {"edges": []}}});
        assert_eq!(data(&site, &query).await, expected, "{extens}");
    }
}

#[tokio::test]
async fn a_field_that_fails_is_null_and_says_why() {
    let site = Site::start(json!({})).await;
    people(&site).await;
    for (arguments, name) in [
        ("profile: \"nope\",", "nope"),
        ("", "None"),
        ("profile: null,", "None"),
    ] {
        let query = format!(
            "{{ me {{ contacts({arguments} extens: [\"1\"]) {{ edges {{ cursor }} }} }} hello }}"
        );
        let (status, body) = ask(&site, &site.alice, &json!({"query": query})).await;
        assert_eq!(
            (status, &body["data"]),
            (200, &json!({"me": {"contacts": null}, "hello": "world"}))
        );
        let error = &body["errors"][0];
        assert_eq!(error["message"], format!("No such profile: \"{name}\""));
        assert_eq!(error["path"], json!(["me", "contacts"]));
        let extensions = &error["extensions"];
        assert_eq!(extensions["error_id"], "unknown-profile");
        assert_eq!(extensions["details"], json!({"uuid": name}));
        assert_eq!(extensions["resource"], "profiles");
    }
    for query in ["{ user { uuid } }", "{ user(uuid: null) { uuid } }"] {
        let (status, body) = ask(&site, &site.alice, &json!({"query": query})).await;
        assert_eq!((status, &body["data"]), (200, &json!({"user": null})));
        assert_eq!(body["errors"][0]["path"], json!(["user"]), "{body}");
    }
}

#[tokio::test]
async fn a_query_that_is_too_deep_too_wide_or_too_long_is_refused() {
    let site = Site::start(json!({})).await;
    let deep = "{ a ".repeat(50_000);
    let lookups: Vec<String> = (0..60)
        .map(|number| {
            format!("a{number}: contacts(profile: \"default\") {{ edges {{ cursor }} }} ")
        })
        .collect();
    let lookups = lookups.concat();
    let long = format!("{{ hello }} #{}", "x".repeat(300 << 10));
    let circle = "{ ...f } fragment f on Query { hello ...f }".to_owned();
    for query in [deep, format!("{{ me {{ {lookups} }} }}"), long, circle] {
        let start: String = query.chars().take(60).collect();
        let (status, body) = ask(&site, &site.alice, &json!({"query": query})).await;
        assert_eq!(status, 400, "{start}: {body}");
        assert!(body["errors"][0]["message"].is_string(), "{start}: {body}");
    }
}

#[tokio::test]
async fn switched_off_there_is_no_graphql() {
    let site = Site::start(json!({"enabled_plugins": {"views": {"graphql_view": false}}})).await;
    let (status, _) = ask(&site, &site.alice, &json!({"query": "{ hello }"})).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_field_that_asks_for_too_many_numbers_asks_nobody() {
    let site = Site::start(json!({})).await;
    people(&site).await;
    let query = "query($numbers: [String]) { me { \
        contacts(profile: \"default\", extens: $numbers) { edges { node { firstname } } } } hello }";
    let asked = |count: usize| {
        let numbers: Vec<&str> = std::iter::once("1002")
            .chain(std::iter::repeat("1"))
            .take(count)
            .collect();
        json!({"query": query, "variables": {"numbers": numbers}})
    };
    let (status, body) = ask(&site, &site.alice, &asked(10_000)).await;
    assert_eq!((status, body.get("errors")), (200, None), "{body}");
    let found = &body["data"]["me"]["contacts"]["edges"][0]["node"]["firstname"];
    assert_eq!(found, "Adam");
    let (status, body) = ask(&site, &site.alice, &asked(10_001)).await;
    assert_eq!(
        (status, &body["data"]),
        (200, &json!({"me": {"contacts": null}, "hello": "world"}))
    );
    let error = body["errors"][0]["message"].as_str().unwrap();
    assert!(error.contains("at most 10000"), "{error}");
}
