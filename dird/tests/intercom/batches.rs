//! Calls of many elements, some of them bad (intercom-directory.md §5): each is answered in its place, the good ones are
//! written, and nothing of the bad ones.

use serde_json::{Value, json};

use crate::world::Door;

on_both_engines!(a_call_is_positional_and_stamps_what_it_changed);

const ELEMENTS: usize = 1000;

/// Every seventh is bad.
fn is_bad(number: usize) -> bool {
    number.is_multiple_of(7)
}

/// Sends an element for each number; what was answered to each, after the check that exactly the good ones were stamped, one
/// after the other.
async fn send(
    door: &Door,
    function: &str,
    element: impl Fn(usize) -> Value,
    error: &Value,
) -> Vec<Value> {
    let (_, before) = door.standing().await;
    let elements: Vec<Value> = (0..ELEMENTS).map(element).collect();
    let result = door.result(function, json!({ "users": elements })).await;
    let answered = result["users"].as_array().unwrap().clone();
    assert_eq!(answered.len(), ELEMENTS);
    let mut stamps = before + 1..;
    for (number, one) in answered.iter().enumerate() {
        if is_bad(number) {
            assert_eq!(one["errors"], json!([error]), "{function} {number}");
            assert!(one.get("timestamp").is_none());
        } else {
            assert_eq!(one["timestamp"], stamps.next().unwrap(), "{one}");
            assert!(one.get("errors").is_none());
        }
    }
    let (_, after) = door.standing().await;
    assert_eq!(stamps.next(), Some(after + 1), "{function}");
    answered
}

/// The numbers that are not bad, each with the uuid that was answered to it.
fn good(created: &[Value]) -> Vec<(usize, &Value)> {
    let all = created.iter().enumerate();
    all.filter(|(number, _)| !is_bad(*number))
        .map(|(number, one)| (number, &one["uuid"]))
        .collect()
}

async fn a_call_is_positional_and_stamps_what_it_changed(door: Door) {
    let created = create(&door).await;
    update(&door, &created).await;
    delete(&door, &created).await;
}

async fn create(door: &Door) -> Vec<Value> {
    let unknown = json!({"code": "EDIR_FIELD_NAME_UNKNOWN", "field": "nope"});
    let new = |number: usize| {
        let mut entry = json!({"name": format!("n{number}")});
        if is_bad(number) {
            entry["nope"] = 1.into();
        }
        entry
    };
    let created = send(door, "create", new, &unknown).await;
    let kept = door.after(0).await;
    let expected = good(&created).into_iter().zip(1..);
    let expected = expected.map(|((number, uuid), timestamp)| {
        json!({"uuid": uuid, "name": format!("n{number}"), "timestamp": timestamp})
    });
    assert_eq!(kept, expected.collect::<Vec<_>>());
    created
}

/// The bad ones name an entry that is there: the one after them.
async fn update(door: &Door, created: &[Value]) {
    let wrong = json!({"code": "EDIR_FIELD_VALUE_ERROR", "field": "virtNumber"});
    let renamed = |number: usize| {
        if is_bad(number) {
            json!({"uuid": created[number + 1]["uuid"], "name": "bad", "virtNumber": "x"})
        } else {
            json!({"uuid": created[number]["uuid"], "name": format!("m{number}")})
        }
    };
    let (_, before) = door.standing().await;
    send(door, "update", renamed, &wrong).await;
    let changed = door.after(before).await;
    let names = changed.iter().map(|one| one["name"].clone());
    let expected = good(created).into_iter();
    let expected = expected.map(|(number, _)| json!(format!("m{number}")));
    assert_eq!(names.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

async fn delete(door: &Door, created: &[Value]) {
    let gone = json!({"code": "EDIR_UUID_DOES_NOT_EXIST"});
    let ghost = json!("76543210-68FF-18CA-3210-FEDCBA987654");
    let removed = |number: usize| {
        let known = &created[number]["uuid"];
        json!({"uuid": if is_bad(number) { &ghost } else { known }})
    };
    send(door, "delete", removed, &gone).await;
    let left = door.after(0).await;
    let uuids = left.iter().map(|one| &one["uuid"]);
    let expected = good(created).into_iter().map(|(_, uuid)| uuid);
    assert_eq!(uuids.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert!(left.iter().all(|one| one["deleted"] == true));
}
