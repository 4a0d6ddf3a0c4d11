//! Programs have telephones hold and answer (phoned.md §11).

use std::sync::atomic::Ordering;

use e2e::platform;
use serde_json::{Value, json};

use crate::telephony::{Exchange, installation, pressed};

#[tokio::test]
async fn telephones_of_makes_with_such_keys_press_them() {
    let exchange = Exchange::start().await;
    let mut expected = Vec::new();
    for (path, endpoint, key) in [
        ("yea/hold/start", "yea", "F_HOLD"),
        ("yea/hold/stop", "yea", "F_HOLD"),
        ("yea/answer", "yea", "ANSWER"),
        ("fan/hold/start", "fan", "F_HOLD"),
        ("fan/answer", "fan", "ANSWER"),
        ("spaced/answer", "spaced", "ANSWER"),
        ("100/answer", "100", "ANSWER"),
        (
            "sip-name%20line-name/answer",
            "sip-name line-name",
            "ANSWER",
        ),
        ("line-name/answer", "line-name", "ANSWER"),
    ] {
        let answer = exchange.press(path).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{path}");
        assert!(answer.head.contains("access-control-allow-origin: *"));
        expected.push(pressed(endpoint, key));
        assert_eq!(exchange.actions(), expected, "{path}");
    }
    let asked = &exchange.confd.calls()[..2];
    assert_eq!(asked[0].line(), "GET /1.1/lines");
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        asked[0].query,
        [pair("search", "yea"), pair("recurse", "True")]
    );
    assert_eq!(asked[1].line(), "GET /1.1/devices/d-yea");
    assert!(
        asked
            .iter()
            .all(|call| call.token.as_deref() == Some("token-1"))
    );
    exchange.stop().await;
}

#[tokio::test]
async fn what_cannot_be_pressed_is_said_and_nothing_is_sent() {
    let exchange = Exchange::start().await;
    for (name, status, error_id, message, details) in [
        (
            "nobody",
            404,
            "unknown-endpoint",
            "No such endpoint: \"nobody\"",
            json!({"endpoint_name": "nobody"}),
        ),
        // confd finds parts of names; another telephone is not meant.
        (
            "10",
            404,
            "unknown-endpoint",
            "No such endpoint: \"10\"",
            json!({"endpoint_name": "10"}),
        ),
        (
            "ghost",
            404,
            "unknown-device",
            "No such device: \"d-ghost\"",
            json!({"device_id": "d-ghost"}),
        ),
        (
            "lost",
            404,
            "unknown-device",
            "No such device: \"None\"",
            json!({"device_id": null}),
        ),
        (
            "sno",
            400,
            "nowhere-to-route-endpoint",
            "Nowhere to route endpoint: \"sno\"",
            json!({"endpoint_name": "sno"}),
        ),
        (
            "bare",
            400,
            "nowhere-to-route-endpoint",
            "Nowhere to route endpoint: \"bare\"",
            json!({"endpoint_name": "bare"}),
        ),
    ] {
        for step in ["hold/start", "hold/stop", "answer"] {
            let answer = exchange.press(&format!("{name}/{step}")).await;
            let body = answer.json();
            assert_eq!(answer.status, status, "{name}");
            assert_eq!(
                [&body["error_id"], &body["message"], &body["details"]],
                [&json!(error_id), &json!(message), &details]
            );
        }
    }
    assert_eq!(exchange.actions(), []);
    exchange.stop().await;
}

#[tokio::test]
async fn trouble_behind_phoned_is_told_apart() {
    let exchange = Exchange::start().await;
    let refusal = json!([{"Response": "Error", "Message": "no such endpoint"}]);
    for (confd, amid, status, error_id, message) in [
        (None, Some((500, json!({}))), 503, "amid-unreachable", None),
        (None, Some((200, json!("rubbish"))), 204, "", None),
        (
            None,
            Some((200, refusal)),
            502,
            "amid-error",
            Some("no such endpoint"),
        ),
        (
            None,
            Some((403, json!({}))),
            502,
            "amid-error",
            Some("status 403"),
        ),
        (Some((500, json!({}))), None, 503, "confd-unreachable", None),
        (Some((403, json!({}))), None, 503, "confd-unreachable", None),
        (
            Some((200, json!({"items": 5}))),
            None,
            503,
            "confd-unreachable",
            None,
        ),
    ] {
        exchange.confd.answer_next(confd.clone());
        exchange.amid.answer_next(amid.clone());
        let answer = exchange.press("yea/answer").await;
        assert_eq!(answer.status, status, "{confd:?} {amid:?}");
        if status != 204 {
            let body = answer.json();
            assert_eq!(body["error_id"], error_id);
            assert_eq!(body["details"]["message"].as_str(), message);
        }
    }
    exchange.stop().await;
}

#[tokio::test]
async fn services_that_are_gone_or_silent_are_given_up_by_the_deadline() {
    let [closed] = e2e::ports::free().expect("a free port");
    let silent = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let silent = silent_upstream(&silent);
    let closed = json!({"host": "127.0.0.1", "port": closed, "prefix": null, "https": false});
    for (key, upstream, error_id) in [
        ("confd", &closed, "confd-unreachable"),
        ("amid", &closed, "amid-unreachable"),
        ("confd", &silent, "confd-unreachable"),
        ("amid", &silent, "amid-unreachable"),
    ] {
        let confd = platform::confd(installation()).expect("a confd");
        let mut changes = json!({"confd": confd.upstream(), "lookup": {"deadline": 3}});
        changes[key] = upstream.clone();
        let site = crate::site::Site::with(changes).await;
        // The first token is no part of the deadline that is tried here.
        site.look("snom", "term=a").await;
        let answer = site.operate("PUT", "/0.1/endpoints/yea/answer", "").await;
        let answered = (answer.status, answer.json()["error_id"].clone());
        assert_eq!(answered, (503, json!(error_id)), "{key} {upstream}");
        site.stop().await;
    }
}

fn silent_upstream(listener: &std::net::TcpListener) -> Value {
    let port = listener.local_addr().expect("an address").port();
    json!({"host": "127.0.0.1", "port": port, "prefix": null, "https": false, "timeout": 60})
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    let exchange = Exchange::start().await;
    exchange.confd.answer_next([(401, json!({}))]);
    assert_eq!(exchange.press("yea/answer").await.status, 204);
    let tokens: Vec<_> = exchange
        .confd
        .calls()
        .into_iter()
        .map(|call| call.token)
        .collect();
    let token = |number: u8| Some(format!("token-{number}"));
    assert_eq!(tokens, [token(1), token(2), token(2)]);
    exchange
        .confd
        .answer_next([(401, json!({})), (401, json!({}))]);
    let answer = exchange.press("yea/answer").await;
    let answered = (answer.status, answer.json()["error_id"].clone());
    assert_eq!(answered, (503, json!("service-token-rejected")));
    exchange.stop().await;
}

#[tokio::test]
async fn a_token_that_lacks_an_access_is_not_renewed_for_it() {
    let exchange = Exchange::start().await;
    let lacks = json!({"details": {"reason": "missing_permission_or_invalid_tenant"}});
    exchange.confd.answer_next([(401, lacks)]);
    let answer = exchange.press("yea/answer").await;
    let answered = (answer.status, answer.json()["error_id"].clone());
    assert_eq!(answered, (503, json!("service-token-rejected")));
    let tokens = &exchange.site.stub.world.tokens;
    assert_eq!(tokens.load(Ordering::SeqCst), 1);
    exchange.stop().await;
}

#[tokio::test]
async fn callers_need_an_access_that_names_the_endpoint_and_no_place_in_the_allowlist() {
    let auth = platform::auth().expect("an auth");
    let changes = json!({"auth": auth.upstream(), "rest_api": {"authorized_subnets": []}});
    let exchange = Exchange::with(changes, installation()).await;
    for (path, access) in [
        ("yea/hold/start", "phoned.endpoints.yea.hold.start"),
        ("yea.2/hold/stop", "phoned.endpoints.yea_2.hold.stop"),
        ("yea.2/answer", "phoned.endpoints.yea_2.answer"),
    ] {
        assert_eq!(exchange.press(path).await.status, 204, "{path}");
        let mut checks = auth
            .calls()
            .into_iter()
            .filter(|call| call.method == "HEAD");
        let last = checks.next_back().expect("a check");
        assert_eq!(last.query, [("scope".to_owned(), access.to_owned())]);
    }
    auth.answer_next([(403, Value::Null)]);
    let answer = exchange.press("yea/answer").await;
    let details = &answer.json()["details"];
    assert_eq!(answer.status, 401);
    assert_eq!(details["reason"], "missing_permission_or_invalid_tenant");
    assert_eq!(details["required_access"], "phoned.endpoints.yea.answer");
    let without = exchange
        .site
        .operate_as("", "PUT", "/0.1/endpoints/yea/answer", "")
        .await;
    assert_eq!(without.status, 401);
    assert_eq!(exchange.actions().len(), 3);
    exchange.stop().await;
}

#[tokio::test]
async fn makes_and_routes_that_are_switched_off_do_nothing() {
    let off = json!({"enabled_plugins": {"endpoint": false}});
    let exchange = Exchange::with(off, installation()).await;
    assert_eq!(exchange.press("yea/answer").await.status, 404);
    exchange.stop().await;
    let off = json!({"enabled_plugins": {"yealink": false}});
    let exchange = Exchange::with(off, installation()).await;
    assert_eq!(exchange.press("yea/answer").await.status, 400);
    assert_eq!(exchange.press("fan/answer").await.status, 204);
    let get = exchange
        .site
        .operate("GET", "/0.1/endpoints/fan/answer", "");
    let get = get.await;
    assert_eq!(get.status, 405);
    assert!(get.head.contains("allow: put"), "{}", get.head);
    exchange.stop().await;
}
