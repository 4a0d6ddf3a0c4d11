//! Events in, messages out.

use e2e::broker::Broker;
use kit::bus::{Bus, Event, Message, Queue};
use serde_json::{Map, Value, json};

use crate::world::World;

const OWN: Queue = Queue::Prefixed("kit-test");

fn message(name: &str) -> Message {
    let headers = json!({"name": name, "yes": true, "nothing": null, "count": 3});
    Message {
        routing_key: format!("kit.{name}"),
        headers: headers.as_object().cloned().unwrap_or_else(Map::new),
        data: json!({"nested": [1]}),
    }
}

/// What the node's lists say, on a thread that may block.
async fn listed(path: String) -> Value {
    let listed = tokio::task::spawn_blocking(move || Broker::shared().admin("GET", &path, ""));
    listed.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_bound_arrives_and_others_do_not() {
    let mut world = World::start(Broker::shared(), OWN).await;
    let peer = world.peer(Broker::shared()).await;
    peer.tell("somebody_elses", &json!({})).await.unwrap();
    peer.tell("greeting", &json!({"to": "Élodie"}))
        .await
        .unwrap();
    peer.tell("farewell", &json!(null)).await.unwrap();
    let greeting = Event {
        name: "greeting".into(),
        data: json!({"to": "Élodie"}),
    };
    assert_eq!(world.heard().await, greeting);
    assert_eq!(world.heard().await.name, "farewell");
    assert_eq!(world.bus.figures().received, 2);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_is_named_after_the_service_and_bound_once_an_event() {
    let world = World::start(Broker::shared(), OWN).await;
    let queues = listed(format!("/api/queues/{}", world.vhost)).await;
    let queue = &queues[0];
    let name = queue["name"].as_str().unwrap();
    let digits = name.strip_prefix("kit-test.").expect(name);
    assert!(
        digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{name}"
    );
    let flags = ["durable", "auto_delete", "exclusive"].map(|flag| queue[flag].clone());
    assert_eq!(flags, [json!(false), json!(true), json!(false)]);

    let bound = listed(format!(
        "/api/bindings/{}/e/wazo-headers/q/{name}",
        world.vhost
    ))
    .await;
    let mut arguments: Vec<&Value> = bound
        .as_array()
        .unwrap()
        .iter()
        .map(|binding| {
            assert_eq!(binding["routing_key"], "");
            &binding["arguments"]
        })
        .collect();
    arguments.sort_by_key(|arguments| arguments["name"].to_string());
    let wanted = |name: &str| json!({"name": name, "x-match": "all"});
    assert_eq!(arguments, [&wanted("farewell"), &wanted("greeting")]);

    let exchange = listed(format!("/api/exchanges/{}/wazo-headers", world.vhost)).await;
    let kind = ["type", "durable", "auto_delete"].map(|key| exchange[key].clone());
    assert_eq!(kind, [json!("headers"), json!(true), json!(false)]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exclusive_queue_is_named_by_the_broker() {
    let world = World::start(Broker::shared(), Queue::Exclusive).await;
    let queues = listed(format!("/api/queues/{}", world.vhost)).await;
    assert_eq!(queues[0]["exclusive"], true);
    assert!(queues[0]["name"].as_str().unwrap().starts_with("amq.gen-"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_out_persistent_with_its_headers_in_the_body_too() {
    let world = World::start(Broker::shared(), OWN).await;
    let mut peer = world.peer(Broker::shared()).await;
    world.bus.publish(message("news"));
    let letter = peer.letter("news").await.unwrap();
    assert_eq!(letter.routing_key, "kit.news");
    let headers = json!({"name": "news", "yes": true, "nothing": null, "count": 3});
    assert_eq!(letter.headers(), headers);
    let mut body = headers;
    body["data"] = json!({"nested": [1]});
    assert_eq!(letter.body, body);
    let properties = &letter.properties;
    assert_eq!(properties.delivery_mode(), &Some(2));
    assert_eq!(properties.priority(), &Some(0));
    assert_eq!(
        properties.content_type().as_ref().unwrap().as_str(),
        "application/json"
    );
    world
        .until("confirmed", |bus| bus.figures().published == 1)
        .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_before_the_end_is_sent() {
    let world = World::start(Broker::shared(), OWN).await;
    let mut peer = world.peer(Broker::shared()).await;
    for number in 0..20 {
        world.bus.publish(message(&format!("last{number}")));
    }
    world.end().await;
    for number in 0..20 {
        peer.letter(&format!("last{number}")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_amqp_has_no_room_for_is_given_up_and_holds_up_no_other() {
    let world = World::start(Broker::shared(), OWN).await;
    let mut peer = world.peer(Broker::shared()).await;
    let mut long = message("long");
    long.routing_key = "k".repeat(256);
    world.bus.publish(long);
    world.bus.publish(message("short"));
    peer.letter("short").await.unwrap();
    assert_eq!(world.bus.figures().dropped, 1);
    world.end().await;
}

#[tokio::test]
async fn a_bus_that_is_switched_off_forgets_what_is_published() {
    let bus = Bus::disabled();
    bus.publish(message("news"));
    assert!(!bus.is_connected());
    assert_eq!(bus.figures(), kit::bus::Figures::default());
}
