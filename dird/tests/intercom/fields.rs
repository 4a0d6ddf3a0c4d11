//! Every field at once (intercom-directory.md §4.1): the fullest entry is kept as it was sent, and each of its fields can be
//! emptied alone.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Door, read};

on_both_engines!(the_fullest_entry_is_kept_and_emptied_field_by_field);

const UUID: &str = "A1B2C3D4-0000-4000-8000-00000000000A";

/// An entry none of whose fields could be longer.
fn fullest() -> Value {
    // What databases and documents treat in a way of its own, and letters of two to four bytes.
    let text = |letter: &str| format!("'\"\\%_{}", letter.repeat(250));
    let call = |place: usize| json!({"peer": format!("{place}{}", "\u{e9}".repeat(254)), "profiles": text("p"), "grouped": true, "ipEye": text("\u{20ac}")});
    let point = json!({"enabled": false, "profiles": text("\u{1f600}")});
    let card = "ABCDEF0123456789".repeat(2);
    json!({
        "uuid": UUID,
        "owner": text("\u{1f600}"),
        "name": text("\u{20ac}"),
        "photo": "QUJD".repeat(16 * 1024),
        "email": format!("a@{}", "b".repeat(253)),
        "treepath": format!("/{}", "\u{e9}".repeat(1022)),
        "virtNumber": "1234567",
        "deputy": text("d"),
        "buttons": text("\u{e9}"),
        "callPos": [call(0), call(1), call(2)],
        "access": {
            "validFrom": "1", "validTo": "4294967295", "accessPoints": [point, point], "pairingExpired": true,
            "virtCard": card, "card": [card, card], "mobkey": text("m"), "fpt": "f".repeat(64 * 1024),
            "pin": "1".repeat(16), "accessException": true, "code": vec!["2".repeat(16); 4],
            "licensePlates": text("l"), "liftFloors": text("f"),
        },
    })
}

/// The entry with all its fields, as `get` and `query` tell it alike.
async fn told(door: &Door) -> Value {
    let all = json!({"fields": [], "users": [{"uuid": UUID}]});
    let got = door.result("get", all.clone()).await["users"][0].clone();
    let queried = door.result("query", all).await["users"].clone();
    assert_eq!(json!([got]), queried);
    got
}

async fn update(door: &Door, user: Value) -> i64 {
    let answer = door.result("update", json!({"users": [user]})).await;
    let timestamp = answer["users"][0]["timestamp"].as_i64();
    timestamp.unwrap_or_else(|| panic!("{answer}"))
}

async fn the_fullest_entry_is_kept_and_emptied_field_by_field(door: Door) {
    let mut expected = fullest();
    assert_eq!(door.create(fullest()).await, 1);
    expected["deleted"] = false.into();
    expected["timestamp"] = 1.into();
    assert_eq!(told(&door).await, expected);
    let door = door.restart().await;
    assert_eq!(told(&door).await, expected);
    assert_eq!(update(&door, fullest()).await, 1, "nothing is another");

    let template = door.request(Method::GET, "/api/dir/template").send().await;
    let (_, template) = read(template.unwrap()).await;
    let template = template["result"]["users"][0].as_object().unwrap().clone();
    let sent = fullest();
    let fields = template.keys().filter(|name| sent.get(*name).is_some());
    let fields: Vec<&String> = fields.filter(|name| *name != "uuid").collect();
    assert_eq!(fields.len(), 10);
    for (name, timestamp) in fields.into_iter().zip(2..) {
        let emptied = update(&door, json!({"uuid": UUID, name.as_str(): null})).await;
        assert_eq!(emptied, timestamp, "{name}");
        expected[name] = template[name].clone();
        expected["timestamp"] = timestamp.into();
        assert_eq!(told(&door).await, expected, "{name}");
    }
    let contents = door.store.contents(&door.tenant, &door.list()).await;
    assert!(contents.unwrap().contacts.is_empty());
}
