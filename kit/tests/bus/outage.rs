//! A broker that is not there, goes away and comes back.

use std::time::{Duration, Instant};

use e2e::broker::Broker;
use e2e::ports;
use kit::bus::{Bus, Message, Queue};
use serde_json::{Map, json};

use crate::world::World;

/// Less than one attempt to connect may take, so that nothing can have waited for one.
const PROMPT: Duration = Duration::from_secs(4);
const OWN: Queue = Queue::Prefixed("kit-test");

fn message(number: usize) -> Message {
    let headers = json!({"name": format!("news{number}")});
    Message {
        routing_key: String::new(),
        headers: headers.as_object().cloned().unwrap_or_else(Map::new),
        data: json!(number),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_of_the_broker_messages_and_events_go_on() {
    let node: &'static Broker = tokio::task::spawn_blocking(|| {
        let node = Broker::start().unwrap();
        &*Box::leak(Box::new(node))
    })
    .await
    .unwrap();
    let mut world = World::start(node, OWN).await;
    tokio::task::spawn_blocking(|| node.kill().unwrap())
        .await
        .unwrap();
    world.until("disconnected", |bus| !bus.is_connected()).await;
    for number in 0..3 {
        world.bus.publish(message(number));
    }
    assert_eq!(world.bus.figures().waiting, 3);

    tokio::task::spawn_blocking(|| node.restart().unwrap())
        .await
        .unwrap();
    // The three may have gone before this peer listens; that they were confirmed is what can be known.
    world
        .until("published", |bus| bus.figures().published == 3)
        .await;
    let mut peer = world.peer(node).await;
    world.bus.publish(message(3));
    peer.letter("news3").await.unwrap();
    peer.tell("greeting", &json!({})).await.unwrap();
    assert_eq!(world.heard().await.name, "greeting");
    assert!(world.bus.figures().connections >= 2);
    world.end().await;
    node.kill().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bus_without_broker_ends_at_once_and_never_holds_up_a_publisher() {
    let [port] = ports::free().unwrap();
    let world = World::at(port, "/".into(), OWN);
    let started = Instant::now();
    for number in 0..2000 {
        world.bus.publish(message(number));
    }
    assert!(started.elapsed() < PROMPT);
    assert!(!world.bus.is_connected());
    let figures = world.bus.figures();
    assert_eq!((figures.waiting, figures.dropped), (1000, 1000));
    let started = Instant::now();
    world.end().await;
    assert!(started.elapsed() < PROMPT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_accepts_and_says_nothing_holds_up_no_end() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let world = World::at(port, "/".into(), OWN);
    let _held = silent.accept().await.unwrap();
    let started = Instant::now();
    world.end().await;
    assert!(started.elapsed() < PROMPT);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_virtual_host_that_does_not_exist_is_no_connection() {
    let port = tokio::task::spawn_blocking(|| Broker::shared().port);
    let world = World::at(port.await.unwrap(), "nowhere".into(), OWN);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!Bus::is_connected(&world.bus));
    world.end().await;
}
