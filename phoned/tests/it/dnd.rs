//! Telephones switch do-not-disturb (phoned.md §12.1).

use e2e::platform::Call;
use serde_json::{Value, json};

use crate::{
    stub::USER,
    telephony::{Exchange, installation},
};

fn target(make: &str, user: &str, step: &str) -> String {
    format!("/0.1/{make}/users/{user}/services/dnd/{step}")
}

#[tokio::test]
async fn confd_is_told_of_a_change_and_of_nothing_else() {
    for make in ["yealink", "fanvil"] {
        for (user, step, written) in [
            (USER, "enable", vec![json!({"enabled": true})]),
            (USER, "disable", vec![]),
            ("on", "enable", vec![]),
            ("on", "disable", vec![json!({"enabled": false})]),
            ("without", "enable", vec![json!({"enabled": true})]),
            ("without", "disable", vec![]),
        ] {
            let exchange = Exchange::start().await;
            let target = format!("{}?enabled=True", target(make, user, step));
            let answer = exchange.site.get(&target).await;
            assert_eq!((answer.status, answer.body.as_str()), (200, "\"\"\n"));
            assert!(!answer.head.contains("access-control"), "{}", answer.head);
            assert_eq!(exchange.switched(), written, "{make} {user} {step}");
            let lines: Vec<_> = exchange.confd.calls().iter().map(Call::line).collect();
            assert_eq!(lines[0], format!("GET /1.1/users/{user}"));
            if !written.is_empty() {
                assert_eq!(lines[1], format!("PUT /1.1/users/{user}/services/dnd"));
            }
            assert_eq!(lines.len(), 1 + written.len());
            assert_eq!(exchange.actions(), []);
            exchange.stop().await;
        }
    }
}

/// A telephone that is told what it has just said would say it again, and so on.
#[tokio::test]
async fn a_change_that_waits_for_its_event_is_not_made_again_by_any_make() {
    let exchange = Exchange::start().await;
    let enable = target("yealink", USER, "enable");
    for target in [&enable, &target("fanvil", USER, "disable"), &enable] {
        assert_eq!(exchange.site.get(target).await.status, 200);
    }
    assert_eq!(exchange.switched(), [json!({"enabled": true})]);
    exchange.stop().await;
}

#[tokio::test]
async fn a_change_that_failed_does_not_wait() {
    let exchange = Exchange::start().await;
    let enable = target("yealink", USER, "enable");
    let user = installation()["users"][USER].clone();
    exchange.confd.answer_next([(200, user), (500, json!({}))]);
    let answer = exchange.site.get(&enable).await;
    let answered = (answer.status, answer.json()["error_id"].clone());
    assert_eq!(answered, (503, json!("confd-unreachable")));
    assert_eq!(exchange.site.get(&enable).await.status, 200);
    assert_eq!(exchange.switched(), vec![json!({"enabled": true}); 2]);
    exchange.stop().await;
}

#[tokio::test]
async fn users_that_confd_does_not_know_are_unknown() {
    let exchange = Exchange::start().await;
    for user in ["nobody", "%2e%2e", "a%2Fb"] {
        let answer = exchange.site.get(&target("fanvil", user, "enable")).await;
        let answered = (answer.status, answer.json()["error_id"].clone());
        assert_eq!(answered, (404, json!("unknown-user")), "{user}");
    }
    let asked: Vec<_> = exchange.confd.calls().iter().map(Call::line).collect();
    assert_eq!(asked, ["GET /1.1/users/nobody", "GET /1.1/users/a/b"]);
    exchange.confd.answer_next([(500, json!({}))]);
    let answer = exchange.site.get(&target("fanvil", USER, "enable")).await;
    let answered = (answer.status, answer.json()["error_id"].clone());
    assert_eq!(answered, (503, json!("confd-unreachable")));
    exchange.stop().await;
}

async fn status(entry: Value) -> (u16, Vec<Value>) {
    let changes = json!({"rest_api": {"authorized_subnets": [entry]}});
    let exchange = Exchange::with(changes, installation()).await;
    let answer = exchange.site.get(&target("yealink", USER, "enable")).await;
    let switched = exchange.switched();
    exchange.stop().await;
    (answer.status, switched)
}

#[tokio::test]
async fn the_allowlist_holds_for_telephones_that_switch_too() {
    let local = "127.0.0.0/8";
    let stranger = "a0000000-1111-4111-8111-0000000000ff";
    for (entry, expected) in [
        (json!("192.0.2.0/24"), 403),
        (json!({"subnet": local, "vendors": ["snom"]}), 403),
        (json!({"subnet": local, "tenant_uuid": stranger}), 404),
    ] {
        assert_eq!(status(entry.clone()).await, (expected, vec![]), "{entry}");
    }
    let own = json!({"subnet": local, "vendors": ["yealink"], "tenant_uuid": crate::stub::TENANT});
    assert_eq!(status(own).await, (200, vec![json!({"enabled": true})]));
}

#[tokio::test]
async fn a_switch_counts_as_two_requests() {
    let slow = json!({"subnet": "127.0.0.0/8", "rate_limit": {"per_phone": 0.001, "burst": 3}});
    let changes = json!({"rest_api": {"authorized_subnets": [slow]}});
    let exchange = Exchange::with(changes, installation()).await;
    let enable = target("yealink", USER, "enable");
    assert_eq!(exchange.site.get(&enable).await.status, 200);
    assert_eq!(exchange.site.get(&enable).await.status, 429);
    assert_eq!(exchange.site.look("snom", "term=a").await.status, 200);
    assert_eq!(exchange.site.look("snom", "term=a").await.status, 429);
    exchange.stop().await;
}

#[tokio::test]
async fn only_makes_with_such_keys_have_the_routes_and_there_are_none_for_forwards() {
    let off = json!({"enabled_plugins": {"fanvil": false}});
    let exchange = Exchange::with(off, installation()).await;
    for target in [
        target("fanvil", USER, "enable"),
        target("snom", USER, "enable"),
        target("yealink", USER, "toggle"),
        format!("/0.1/yealink/users/{USER}/forwards/unconditional/disable"),
    ] {
        assert_eq!(exchange.site.get(&target).await.status, 404, "{target}");
    }
    assert_eq!(exchange.confd.calls(), []);
    exchange.stop().await;
}
