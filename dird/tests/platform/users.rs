//! What users have of their own on a platform: contacts and favourites, told when they change and gone when the user goes.

use std::sync::Arc;
use std::time::Duration;

use e2e::broker::Broker;
use reqwest::Method;
use serde_json::{Value, json};

use crate::fake_auth::{CHILD, USER};
use crate::member::Member;

/// A user of a new tenant with one contact of his own; its identifier.
async fn alice(member: &Member) -> String {
    member.admit_user("alice", CHILD, Some(USER));
    let news = json!({"uuid": CHILD, "name": "acme"});
    member.peer.tell("auth_tenant_added", &news).await.unwrap();
    let has_profile = |profiles: &Value| profiles["total"] == 1;
    member.until("/profiles", "alice", has_profile).await;
    let contact = json!({"firstname": "Alice", "number": "1234"});
    let (status, made) = member
        .send(Method::POST, "/personal", "alice", &contact)
        .await;
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().unwrap().to_owned()
}

async fn favor(member: &Member, contact: &str) -> u16 {
    let path = format!("/directories/favorites/personal/{contact}");
    let (status, _) = member.send(Method::PUT, &path, "alice", &Value::Null).await;
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_of_ones_own_is_found_in_the_profile_of_a_new_tenant() {
    let member = Member::start().await;
    alice(&member).await;
    let path = "/directories/lookup/default?term=alice";
    let (status, table) = member.get(path, "alice").await;
    assert_eq!(status, 200, "{table}");
    let rows = table["results"].as_array().unwrap();
    assert_eq!(rows.len(), 1, "{table}");
    let expected = json!(["Alice", "Alice", null, "1234", null, null, false, null]);
    assert_eq!(rows[0]["column_values"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_favorite_is_told_to_the_platform_when_it_comes_and_goes() {
    let mut member = Member::start().await;
    let contact = alice(&member).await;
    assert_eq!(favor(&member, &contact).await, 204);
    let letter = member.peer.letter("favorite_added").await.unwrap();
    assert_eq!(
        letter.routing_key,
        format!("directory.{USER}.favorite.created")
    );
    let mut headers = letter.headers();
    assert!(
        headers
            .as_object_mut()
            .unwrap()
            .remove("timestamp")
            .is_some()
    );
    let mut expected = json!({
        "name": "favorite_added", "origin_uuid": "a-platform", "tenant_uuid": CHILD,
        "required_access": "event.favorite_added",
        "required_acl": format!("events.directory.{USER}.favorite.created"),
    });
    expected[format!("user_uuid:{USER}")] = true.into();
    assert_eq!(headers, expected);
    let data = json!({"xivo_uuid": "a-platform", "user_uuid": USER, "source": "personal",
        "source_entry_id": contact});
    assert_eq!(letter.body["data"], data);

    let path = format!("/directories/favorites/personal/{contact}");
    let (status, _) = member
        .send(Method::DELETE, &path, "alice", &Value::Null)
        .await;
    assert_eq!(status, 204);
    let letter = member.peer.letter("favorite_deleted").await.unwrap();
    assert_eq!(letter.body["data"], data);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_takes_contacts_and_favorites_along() {
    let member = Member::start().await;
    let contact = alice(&member).await;
    assert_eq!(favor(&member, &contact).await, 204);
    let favorites = "/directories/favorites/default";
    let (_, table) = member.get(favorites, "alice").await;
    assert_eq!(table["results"].as_array().unwrap().len(), 1, "{table}");

    let other = json!({"uuid": "20000000-0000-4000-8000-00000000ffff"});
    member.peer.tell("user_deleted", &other).await.unwrap();
    let news = json!({"uuid": USER});
    member.peer.tell("user_deleted", &news).await.unwrap();
    let none = |body: &Value| body["items"] == json!([]);
    member.until("/personal", "alice", none).await;
    let none = |body: &Value| body["results"] == json!([]);
    member.until(favorites, "alice", none).await;
    assert_eq!(member.get("/profiles", "alice").await.1["total"], 1);
}

/// Asks the broker's administration, which is patient and blocking.
async fn admin(broker: &Arc<Broker>, method: &'static str, path: String, body: Value) -> Value {
    let broker = Arc::clone(broker);
    let asked = tokio::task::spawn_blocking(move || broker.admin(method, &path, &body.to_string()));
    asked.await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_favorite_is_taken_while_the_broker_is_dead_and_told_when_it_is_back() {
    let started = tokio::task::spawn_blocking(|| {
        let broker = Broker::start().unwrap();
        let vhost = broker.vhost().unwrap();
        (Arc::new(broker), vhost)
    });
    let (broker, vhost) = started.await.unwrap();
    let member = Member::join(&broker, &vhost).await;
    let contact = alice(&member).await;
    // A queue that outlives the broker: whoever listens only afterwards may be late.
    let durable = json!({"durable": true, "auto_delete": false});
    admin(&broker, "PUT", format!("/api/queues/{vhost}/kept"), durable).await;
    let wanted =
        json!({"routing_key": "", "arguments": {"x-match": "all", "name": "favorite_added"}});
    let path = format!("/api/bindings/{vhost}/e/wazo-headers/q/kept");
    admin(&broker, "POST", path, wanted).await;

    let killed = Arc::clone(&broker);
    tokio::task::spawn_blocking(move || killed.kill().unwrap())
        .await
        .unwrap();
    assert_eq!(favor(&member, &contact).await, 204);
    let back = Arc::clone(&broker);
    tokio::task::spawn_blocking(move || back.restart().unwrap())
        .await
        .unwrap();

    let get = json!({"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"});
    let arrived = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let path = format!("/api/queues/{vhost}/kept/get");
            let got = admin(&broker, "POST", path, get.clone()).await;
            if let Some(letter) = got.get(0) {
                return letter.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let letter = arrived.await.unwrap();
    let body: Value = serde_json::from_str(letter["payload"].as_str().unwrap()).unwrap();
    assert_eq!(body["name"], "favorite_added");
    assert_eq!(body["data"]["source_entry_id"], contact.as_str());
}
