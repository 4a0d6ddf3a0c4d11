//! Events that say nothing that dird could use.

use serde_json::{Value, json};

use crate::fake_auth::CHILD;
use crate::member::Member;

const EVENTS: [&str; 5] = [
    "auth_tenant_added",
    "auth_tenant_deleted",
    "user_deleted",
    "localization_edited",
    "auth_session_deleted",
];

/// The data of the message of this number: nothing, wrong types, texts that are too long or hold a NUL.
fn data(number: usize) -> Value {
    let wrong = [
        json!(null),
        json!([]),
        json!("text"),
        json!({}),
        json!({"uuid": null, "tenant_uuid": null}),
        json!({"uuid": 17, "name": {}, "tenant_uuid": [1]}),
        json!({"uuid": "", "name": "", "tenant_uuid": ""}),
        json!({"uuid": "x".repeat(37), "name": "acme", "tenant_uuid": "y".repeat(4_000)}),
        json!({"uuid": "a\0b", "name": "acme\0", "tenant_uuid": "\0", "country": 3}),
        json!({"name": "acme"}),
    ];
    wrong[number % wrong.len()].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_unusable_events_leave_dird_listening() {
    let member = Member::start().await;
    for number in 0..1_000 {
        let name = EVENTS[number / 10 % EVENTS.len()];
        member.peer.tell(name, &data(number)).await.unwrap();
    }
    member.admit("child", CHILD);
    let tenant = json!({"uuid": CHILD, "name": "acme"});
    member
        .peer
        .tell("auth_tenant_added", &tenant)
        .await
        .unwrap();
    let made = |profiles: &Value| profiles["items"][0]["name"] == "default";
    member.until("/profiles", "child", made).await;
    let (status, body) = member.get("/status", "admin").await;
    assert_eq!(
        (status, &body["bus_consumer"]["status"]),
        (200, &json!("ok"))
    );
}
