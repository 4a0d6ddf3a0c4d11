//! What the platform hears about favorites and about the service.

use std::time::Duration;

use dird::events::{Events, Favorite, FavoriteChange, Registration};
use e2e::broker::{Broker, Letter, Peer};
use kit::bus::{Bus, Queue, Settings};
use kit::secret::Secret;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const FAVORITE: Favorite<'static> = Favorite {
    tenant: "a-tenant",
    user: "a.user",
    source: "people",
    contact: "17",
};

/// What `tell` publishes, as another member of the platform gets it.
async fn told(platform: Option<&str>, name: &str, tell: impl FnOnce(&Events)) -> Letter {
    let shared = tokio::task::spawn_blocking(|| {
        let broker = Broker::shared();
        (broker, broker.vhost().unwrap())
    });
    let (broker, vhost) = shared.await.unwrap();
    let mut peer = Peer::join(broker, &vhost).await.unwrap();
    let settings = Settings {
        client: "dird",
        host: "127.0.0.1".into(),
        port: broker.port,
        username: "guest".into(),
        password: Secret::new("guest"),
        vhost,
        exchange_name: "wazo-headers".into(),
        exchange_type: "headers".into(),
        queue: Queue::Prefixed("wazo-dird"),
        events: &[],
    };
    let (bus, stop) = (Bus::new(), CancellationToken::new());
    let running = tokio::spawn(bus.clone().run(settings, (), stop.clone()));
    tell(&Events::new(bus.clone(), platform.map(str::to_owned)));
    let letter = peer.letter(name).await.unwrap();
    stop.cancel();
    bus.close();
    tokio::time::timeout(Duration::from_secs(30), running)
        .await
        .unwrap()
        .unwrap();
    letter
}

/// Headers and data of a letter; its time, which differs each time, is checked and taken out.
fn content(letter: &Letter) -> (Value, Value) {
    let (mut headers, mut body) = (letter.headers(), letter.body.clone());
    let data = body.as_object_mut().unwrap().remove("data").unwrap();
    assert_eq!(headers, body, "the body has every header");
    let time = headers
        .as_object_mut()
        .unwrap()
        .remove("timestamp")
        .unwrap();
    let time: Result<jiff::civil::DateTime, _> = time.as_str().unwrap().parse();
    assert!(time.is_ok());
    (headers, data)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_added_favorite_is_told_as_the_platform_knows_it() {
    let tell = |events: &Events| events.publish_favorite(FavoriteChange::Added, &FAVORITE);
    let letter = told(Some("a-platform"), "favorite_added", tell).await;
    assert_eq!(
        letter.routing_key,
        "directory.a__DOT__user.favorite.created"
    );
    let headers = json!({
        "name": "favorite_added", "origin_uuid": "a-platform", "tenant_uuid": "a-tenant",
        "user_uuid:a.user": true, "required_access": "event.favorite_added",
        "required_acl": "events.directory.a.user.favorite.created",
    });
    let data = json!({
        "xivo_uuid": "a-platform", "user_uuid": "a.user", "source": "people", "source_entry_id": "17",
    });
    assert_eq!(content(&letter), (headers, data));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_favorite_is_told_with_null_for_a_platform_without_identity() {
    let tell = |events: &Events| events.publish_favorite(FavoriteChange::Deleted, &FAVORITE);
    let letter = told(None, "favorite_deleted", tell).await;
    assert_eq!(
        letter.routing_key,
        "directory.a__DOT__user.favorite.deleted"
    );
    let headers = json!({
        "name": "favorite_deleted", "origin_uuid": null, "tenant_uuid": "a-tenant",
        "user_uuid:a.user": true, "required_access": "event.favorite_deleted",
        "required_acl": "events.directory.a.user.favorite.deleted",
    });
    let data = json!({
        "xivo_uuid": null, "user_uuid": "a.user", "source": "people", "source_entry_id": "17",
    });
    assert_eq!(content(&letter), (headers, data));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_is_told_with_where_and_how_to_choose_the_service() {
    let registration = Registration {
        id: "an-id".into(),
        address: "192.0.2.7".into(),
        port: 9489,
        tags: vec!["a-platform".into(), "wazo-dird".into()],
    };
    let tell = |events: &Events| events.publish_registered(&registration);
    let letter = told(Some("a-platform"), "service_registered", tell).await;
    assert_eq!(letter.routing_key, "service.registered.wazo-dird");
    let data = json!({
        "service_name": "wazo-dird", "service_id": "an-id", "address": "192.0.2.7", "port": 9489,
        "tags": ["a-platform", "wazo-dird"],
    });
    assert_eq!(content(&letter).1, data);

    let tell = |events: &Events| events.publish_deregistered(&registration);
    let letter = told(Some("a-platform"), "service_deregistered", tell).await;
    assert_eq!(letter.routing_key, "service.registered.wazo-dird");
    let data = json!({
        "service_name": "wazo-dird", "service_id": "an-id", "tags": ["a-platform", "wazo-dird"],
    });
    assert_eq!(content(&letter).1, data);
}
