//! What the bus says becomes lamps, and do-not-disturb on telephones (phoned.md §12.2, §13), over a real broker.

use e2e::{broker::Peer, platform::Call};
use serde_json::{Value, json};

use crate::{
    site::request,
    stub::USER,
    telephony::{Exchange, actions, installation, lit, pressed},
};

const DND: &str = "users_services_dnd_updated";
const FILTER: &str = "users_services_incallfilter_updated";
const UNCONDITIONAL: &str = "users_forwards_unconditional_updated";

/// Says `events`, then one more; all that amid was asked until that one was worked off, which comes after the others.
async fn follows(
    exchange: &Exchange,
    peer: &Peer,
    events: &[(&str, Value)],
) -> Vec<(String, Value)> {
    let before = exchange.amid.calls().len();
    for (name, data) in events {
        peer.tell(name, data).await.expect("said");
    }
    let last = json!({"user_id": format!("9{before}"), "enabled": true});
    peer.tell(FILTER, &last).await.expect("said");
    let lamp = lit(&format!("*7359{before}***227"), "INUSE");
    let calls = exchange.amid.until(|call| call.body == lamp.1).await;
    let mut asked = actions(calls.expect("the last lamp")).split_off(before);
    assert_eq!(asked.pop(), Some(lamp));
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_sets_its_lamps_once_each() {
    let (exchange, peer) = Exchange::on_bus(json!({}), installation()).await;
    let forward = |destination: Value, enabled: bool| json!({"user_id": 123, "user_uuid": USER, "destination": destination, "enabled": enabled});
    for (name, data, lamps) in [
        (
            FILTER,
            json!({"user_id": 123, "enabled": true}),
            vec![lit("*735123***227", "INUSE")],
        ),
        (
            FILTER,
            json!({"user_id": "123", "enabled": false}),
            vec![lit("*735123***227", "NOT_INUSE")],
        ),
        (
            UNCONDITIONAL,
            forward(json!("1001"), true),
            vec![
                lit("*735123***221*1001", "INUSE"),
                lit("*735123***221", "INUSE"),
            ],
        ),
        (
            "users_forwards_noanswer_updated",
            forward(json!("*10"), false),
            vec![
                lit("*735123***222***310", "NOT_INUSE"),
                lit("*735123***222", "NOT_INUSE"),
            ],
        ),
        (
            "users_forwards_busy_updated",
            forward(json!("1001"), true),
            vec![
                lit("*735123***223*1001", "INUSE"),
                lit("*735123***223", "INUSE"),
            ],
        ),
        (
            UNCONDITIONAL,
            forward(Value::Null, false),
            vec![lit("*735123***221", "NOT_INUSE")],
        ),
        // Nothing but an extension reaches the exchange's command line.
        (
            UNCONDITIONAL,
            forward(json!("1001\n2"), true),
            vec![lit("*735123***221", "INUSE")],
        ),
    ] {
        let asked = follows(&exchange, &peer, &[(name, data.clone())]).await;
        assert_eq!(asked, lamps, "{name} {data}");
    }
    let tokens = exchange.amid.calls().into_iter().map(|call| call.token);
    assert!(
        tokens
            .into_iter()
            .all(|token| token.as_deref() == Some("token-1"))
    );
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn do_not_disturb_sets_a_lamp_and_tells_each_telephone_that_understands_once() {
    let (exchange, peer) = Exchange::on_bus(json!({}), installation()).await;
    // Of "lost" nobody knows the make; "sno" is known to be none that understands, and "sccp" is no SIP line.
    let told = |key: &str| ["fan", "lost", "yea"].map(|name| pressed(name, key));
    let on = json!({"user_id": 42, "user_uuid": USER, "enabled": true});
    let mut expected = Vec::from(told("DNDOn"));
    expected.push(lit("*73542***225", "INUSE"));
    assert_eq!(follows(&exchange, &peer, &[(DND, on)]).await, expected);

    let off = json!({"user_id": 42, "enabled": false});
    let mut expected = Vec::from(told("DNDOff"));
    expected.push(lit("*73542***225", "NOT_INUSE"));
    assert_eq!(follows(&exchange, &peer, &[(DND, off)]).await, expected);

    let lines: Vec<_> = exchange.confd.calls().iter().map(Call::line).collect();
    let asked = |line: &str| lines.iter().filter(|known| *known == line).count();
    assert_eq!(asked(&format!("GET /1.1/users/{USER}")), 1);
    assert_eq!(asked("GET /1.1/users/42"), 1);
    assert_eq!(asked("GET /1.1/devices/d-yea"), 1, "makes are remembered");
    assert_eq!(
        asked("GET /1.1/extensions/features"),
        1,
        "so are extensions"
    );
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_of_a_change_lets_telephones_change_it_again() {
    let (exchange, peer) = Exchange::on_bus(json!({}), installation()).await;
    let switch = |step: &str| format!("/0.1/yealink/users/{USER}/services/dnd/{step}");
    for step in ["enable", "disable"] {
        assert_eq!(exchange.site.get(&switch(step)).await.status, 200);
    }
    assert_eq!(exchange.switched(), [json!({"enabled": true})]);
    let event = json!({"user_id": 42, "user_uuid": USER, "enabled": true});
    follows(&exchange, &peer, &[(DND, event)]).await;
    assert_eq!(exchange.site.get(&switch("disable")).await.status, 200);
    let both = [json!({"enabled": true}), json!({"enabled": false})];
    assert_eq!(exchange.switched(), both);
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telephones_need_not_wait_for_what_comes_before_the_event() {
    let (exchange, peer) = Exchange::on_bus(json!({}), installation()).await;
    let switch = |step: &str| format!("/0.1/yealink/users/{USER}/services/dnd/{step}");
    assert_eq!(exchange.site.get(&switch("enable")).await.status, 200);
    exchange.amid.answer_next(vec![(503, Value::Null); 4]);
    let lamp = json!({"user_id": 5, "enabled": true});
    peer.tell(FILTER, &lamp).await.expect("said");
    let event = json!({"user_id": 42, "user_uuid": USER, "enabled": true});
    peer.tell(DND, &event).await.expect("said");
    let switched = async {
        while exchange.switched().len() < 2 {
            assert_eq!(exchange.site.get(&switch("disable")).await.status, 200);
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(std::time::Duration::from_secs(60), switched);
    waited.await.expect("the telephone still waits");
    assert!(exchange.actions().len() < 4, "the lamp is still tried");
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn edited_extensions_are_read_again() {
    let (exchange, peer) = Exchange::on_bus(json!({}), installation()).await;
    let event = json!({"user_id": 5, "enabled": true});
    let asked = follows(&exchange, &peer, &[(FILTER, event.clone())]).await;
    assert_eq!(asked, [lit("*7355***227", "INUSE")]);
    let items = json!([
        {"feature": "phoneprogfunckey", "exten": "_*9."}, {"feature": "incallfilter", "exten": "*8"},
    ]);
    exchange.confd.answer_next([(200, json!({"items": items}))]);
    peer.tell("extension_feature_edited", &json!({}))
        .await
        .expect("said");
    peer.tell(FILTER, &event).await.expect("said");
    let lamp = lit("*95***28", "INUSE");
    let calls = exchange.amid.until(|call| call.body == lamp.1).await;
    assert_eq!(calls.expect("the new lamp").len(), 3);
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_amid_could_not_do_is_tried_again_but_not_what_the_exchange_refused() {
    let (exchange, peer) = Exchange::on_bus(json!({}), installation()).await;
    let lamp = lit("*7355***227", "INUSE");
    let event = json!({"user_id": 5, "enabled": true});
    exchange.amid.answer_next([(503, Value::Null)]);
    let asked = follows(&exchange, &peer, &[(FILTER, event.clone())]).await;
    assert_eq!(asked, [lamp.clone(), lamp.clone()]);
    // An auth that starts again: the token is refused, and the one that was just made instead.
    exchange
        .amid
        .answer_next([(401, json!({})), (401, json!({}))]);
    let asked = follows(&exchange, &peer, &[(FILTER, event.clone())]).await;
    assert_eq!(asked, vec![lamp.clone(); 3]);
    let lacks = json!({"details": {"reason": "missing_permission_or_invalid_tenant"}});
    exchange.amid.answer_next([(401, lacks)]);
    let asked = follows(&exchange, &peer, &[(FILTER, event.clone())]).await;
    assert_eq!(asked, vec![lamp.clone()]);
    let refusal = json!([{"Response": "Error", "Message": "no"}]);
    exchange.amid.answer_next([(200, refusal)]);
    let asked = follows(&exchange, &peer, &[(FILTER, event)]).await;
    assert_eq!(asked, [lamp]);
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_say_nothing_useful_and_missing_features_are_counted_and_passed_over() {
    let mut data = installation();
    data["features"]
        .as_array_mut()
        .expect("a list")
        .retain(|feature| feature["feature"] != "fwdbusy");
    let changes = json!({"metrics": {"port": 0}});
    let (exchange, peer) = Exchange::on_bus(changes, data).await;
    let events = [
        (FILTER, json!({})),
        (FILTER, json!([])),
        (FILTER, Value::Null),
        (FILTER, json!({"user_id": 5, "enabled": "yes"})),
        (FILTER, json!({"user_id": {}, "enabled": true})),
        (DND, json!({"enabled": true})),
        (
            "users_forwards_busy_updated",
            json!({"user_id": 5, "destination": "1", "enabled": true}),
        ),
        (
            "users_services_unheard_of",
            json!({"user_id": 5, "enabled": true}),
        ),
    ];
    assert_eq!(follows(&exchange, &peer, &events).await, []);
    // An event of the exchange itself is called as its body says.
    let inner = json!({"Event": UNCONDITIONAL, "user_id": 5, "enabled": true});
    let asked = follows(&exchange, &peer, &[(FILTER, inner)]).await;
    assert_eq!(asked, [lit("*7355***221", "INUSE")]);

    let monitor = exchange.site.monitor().expect("a listener");
    let figures = request(monitor, "GET", "/metrics", "").await.body;
    for wanted in [
        "phoned_bus_events_total{name=\"users_forwards_busy_updated\",outcome=\"failed\"}",
        "phoned_bus_events_total{name=\"users_services_incallfilter_updated\",outcome=\"done\"}",
        "phoned_amid_actions_total{action=\"Command\",outcome=\"done\"}",
        "phoned_bus_connected 1",
    ] {
        assert!(
            figures.lines().any(|line| line.starts_with(wanted)),
            "{wanted} in {figures}"
        );
    }
    exchange.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lamps_and_makes_can_be_switched_off() {
    let off = json!({"enabled_plugins": {"blf": false, "yealink": false}});
    let (exchange, peer) = Exchange::on_bus(off, installation()).await;
    let on = json!({"user_id": 42, "user_uuid": USER, "enabled": true});
    for (name, data) in [(FILTER, &on), (UNCONDITIONAL, &on), (DND, &on)] {
        peer.tell(name, data).await.expect("said");
    }
    let calls = exchange
        .amid
        .until(|call| call.body == pressed("lost", "DNDOn").1)
        .await;
    let told = ["fan", "lost"].map(|name| pressed(name, "DNDOn"));
    assert_eq!(actions(calls.expect("a telephone that is told")), told);
    exchange.stop().await;
}
