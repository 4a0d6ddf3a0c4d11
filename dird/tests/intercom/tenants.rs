//! Directories do not see one another (intercom-directory.md §8.2).

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::world::{Door, Plan, publish};

on_both_engines!(the_same_uuids_and_owners_live_in_two_directories);

/// Questions of each kind whose times are compared.
const ASKED: usize = 1000;

const UUID: &str = "A1B2C3D4-0000-4000-8000-00000000000A";

/// What a directory answers to a series of requests.
async fn exchange(door: &Door, name: &str) -> Vec<Value> {
    let entry = json!({"uuid": UUID, "name": name, "owner": "O", "access": {"pin": "11"}});
    vec![
        door.ask("get", &json!({"users": [{"uuid": UUID}]})).await,
        door.ask("create", &json!({"users": [entry]})).await,
        door.ask("create", &json!({"users": [entry]})).await,
        door.ask(
            "update",
            &json!({"users": [{"uuid": UUID, "email": "a@b"}]}),
        )
        .await,
        door.ask("query", &json!({})).await,
    ]
}

/// Another tenant's directory in the same database.
async fn neighbour(door: &Door) -> Door {
    let (tenant, phonebook) = publish(&door.store, true).await;
    let plan = Plan {
        uri: door.plan.uri.clone(),
        folder: tempfile::tempdir().unwrap(),
        changes: json!({"instance_check": false}),
    };
    plan.mark(&[&door.phonebook, &phonebook]);
    plan.start(door.store.clone(), tenant, phonebook).await
}

async fn the_same_uuids_and_owners_live_in_two_directories(door: Door) {
    let other = neighbour(&door).await;
    let (one, two) = (
        exchange(&door, "same").await,
        exchange(&other, "same").await,
    );
    assert_eq!(one, two);
    assert_eq!(
        one[1]["result"]["users"],
        json!([{"uuid": UUID, "timestamp": 1}])
    );
    let deleted = door.result("delete", json!({"owner": "O"})).await;
    assert_eq!(deleted["users"].as_array().unwrap().len(), 1);
    let kept = other
        .result("get", json!({"users": [{"uuid": UUID}]}))
        .await;
    assert_eq!(kept["users"][0]["name"], "same");
    // The contact of one of them has another identifier, which nobody sees.
    let contents = other
        .store
        .contents(&other.tenant, &other.list())
        .await
        .unwrap();
    assert_ne!(contents.contacts[0].contact.uuid.0, UUID.to_lowercase());
}

fn middle(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::test]
#[ignore = "compares times, which wants a quiet machine"]
async fn what_a_neighbour_has_takes_as_long_as_what_nobody_has() {
    for plan in [Plan::sqlite(), Plan::postgres().await] {
        let door = plan
            .with(json!({"limits": {"requests": 100_000, "burst": 100_000}}))
            .open()
            .await;
        let other = neighbour(&door).await;
        other.create(json!({"uuid": UUID, "name": "theirs"})).await;
        let nobody = "A1B2C3D4-0000-4000-8000-00000000000B";
        let mut times = [Vec::new(), Vec::new()];
        // In turn, so that a busy moment falls on both.
        for _ in 0..ASKED {
            for (uuid, times) in [UUID, nobody].into_iter().zip(&mut times) {
                let asked = json!({"users": [{"uuid": uuid}]});
                let started = Instant::now();
                let answer = door.ask("get", &asked).await;
                times.push(started.elapsed());
                assert!(
                    answer["result"]["users"][0]["errors"].is_array(),
                    "{answer}"
                );
            }
        }
        let [theirs, nobodys] = times.map(middle);
        let ratio = theirs / nobodys;
        assert!((0.8..1.25).contains(&ratio), "{ratio}");
    }
}
