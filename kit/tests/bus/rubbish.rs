//! Messages that are no events, and events of a size that nobody sends.

use e2e::broker::Broker;
use kit::bus::Queue;
use lapin::types::{AMQPValue, FieldArray, FieldTable};
use serde_json::json;

use crate::world::World;

const MESSAGES: u64 = 1000;
const LARGE: usize = 4 * 1024 * 1024;
/// What the process may grow by, in kibibytes: a hundred large messages at once would be far more.
const GROWTH_KIB: u64 = 200 * 1024;

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

fn headers(dice: &mut Dice) -> FieldTable {
    let mut table = FieldTable::default();
    let name = match dice.throw(7) {
        0 => AMQPValue::LongInt(-1),
        1 => AMQPValue::Void,
        2 => AMQPValue::LongString(vec![0xff, 0xfe].into()),
        3 => AMQPValue::FieldTable(FieldTable::default()),
        4 => AMQPValue::FieldArray(FieldArray::from(vec![AMQPValue::Double(0.5)])),
        5 => AMQPValue::Timestamp(u64::MAX),
        _ => return table,
    };
    table.insert("name".into(), name);
    table
}

fn body(dice: &mut Dice) -> Vec<u8> {
    match dice.throw(10) {
        0 => Vec::new(),
        1 => b"\xff\x00not text".to_vec(),
        2 => b"[1, 2".to_vec(),
        3 => b"17".to_vec(),
        4 => b"{\"data\": {}}".to_vec(),
        5 => b"{\"name\": {}, \"data\": {}}".to_vec(),
        6 => b"{\"name\": \"greeting\"}".to_vec(),
        7 => "[".repeat(50_000).into_bytes(),
        8 => (0..64).map(|_| dice.throw(256).to_le_bytes()[0]).collect(),
        _ if dice.throw(4) == 0 => vec![b' '; LARGE],
        _ => b"null".to_vec(),
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let number = line.unwrap().split_whitespace().nth(1).unwrap();
    number.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_messages_of_rubbish_are_passed_over_on_one_connection() {
    let mut world = World::start(Broker::shared(), Queue::Prefixed("kit-test")).await;
    let peer = world.peer(Broker::shared()).await;
    let path = format!("/api/queues/{}", world.vhost);
    let queues =
        tokio::task::spawn_blocking(move || Broker::shared().admin("GET", &path, "").unwrap());
    let queues = queues.await.unwrap();
    let names = queues.as_array().unwrap().iter();
    let queue = names
        .filter_map(|queue| queue["name"].as_str())
        .find(|name| name.starts_with("kit-test."))
        .unwrap();
    let before = resident_kib();
    let mut dice = Dice(5);
    for _ in 0..MESSAGES {
        let (headers, body) = (headers(&mut dice), body(&mut dice));
        peer.send("", queue, headers, &body).await.unwrap();
    }
    peer.tell("greeting", &json!({"after": "all"}))
        .await
        .unwrap();
    assert_eq!(world.heard().await.data, json!({"after": "all"}));
    let figures = world.bus.figures();
    assert_eq!((figures.malformed, figures.connections), (MESSAGES, 1));
    assert!(world.bus.is_connected());
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB, "grown by {grown} KiB");
    world.end().await;
}
