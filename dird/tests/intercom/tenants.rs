//! Directories do not see one another (intercom-directory.md §8.2).

use serde_json::{Value, json};

use crate::world::{Door, Plan, publish};

on_both_engines!(the_same_uuids_and_owners_live_in_two_directories);

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

async fn the_same_uuids_and_owners_live_in_two_directories(door: Door) {
    let (tenant, phonebook) = publish(&door.store, true).await;
    let plan = Plan {
        uri: door.plan.uri.clone(),
        folder: tempfile::tempdir().unwrap(),
        changes: json!({"instance_check": false}),
    };
    plan.mark(&[&door.phonebook, &phonebook]);
    let other = plan.start(door.store.clone(), tenant, phonebook).await;
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
