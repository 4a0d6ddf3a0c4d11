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

async fn a_call_is_positional_and_stamps_what_it_changed(door: Door) {
    let unknown = json!({"code": "EDIR_FIELD_NAME_UNKNOWN", "field": "nope"});
    let new = |number: usize| {
        let mut entry = json!({"name": format!("n{number}")});
        if is_bad(number) {
            entry["nope"] = 1.into();
        }
        entry
    };
    let created = send(&door, "create", new, &unknown).await;
    let uuid = |number: usize| created[number]["uuid"].clone();
    let good: Vec<usize> = (0..ELEMENTS).filter(|number| !is_bad(*number)).collect();
    let kept = door.after(0).await;
    let expected = good.iter().zip(1..).map(|(number, timestamp)| {
        json!({"uuid": uuid(*number), "name": format!("n{number}"), "timestamp": timestamp})
    });
    assert_eq!(kept, expected.collect::<Vec<_>>());

    // The bad ones name an entry that is there: the one after them.
    let wrong = json!({"code": "EDIR_FIELD_VALUE_ERROR", "field": "virtNumber"});
    let renamed = |number: usize| {
        if is_bad(number) {
            json!({"uuid": uuid(number + 1), "name": "bad", "virtNumber": "x"})
        } else {
            json!({"uuid": uuid(number), "name": format!("m{number}")})
        }
    };
    let (_, before) = door.standing().await;
    send(&door, "update", renamed, &wrong).await;
    let changed = door.after(before).await;
    let names = changed.iter().map(|one| one["name"].clone());
    let expected = good.iter().map(|number| json!(format!("m{number}")));
    assert_eq!(names.collect::<Vec<_>>(), expected.collect::<Vec<_>>());

    let gone = json!({"code": "EDIR_UUID_DOES_NOT_EXIST"});
    let ghost = "76543210-68FF-18CA-3210-FEDCBA987654";
    let removed = |number: usize| {
        let uuid = if is_bad(number) {
            ghost.into()
        } else {
            uuid(number)
        };
        json!({ "uuid": uuid })
    };
    let (_, before) = door.standing().await;
    send(&door, "delete", removed, &gone).await;
    let left = door.after(before).await;
    let removed = left
        .iter()
        .map(|one| (one["uuid"].clone(), one["deleted"].clone()));
    let expected = good.iter().map(|number| (uuid(*number), json!(true)));
    assert_eq!(removed.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert_eq!(
        door.after(0).await.len(),
        good.len(),
        "nothing else is there"
    );
}
