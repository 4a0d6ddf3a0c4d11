//! dird's own token: made and renewed in the background, with patience.

use std::sync::Arc;
use std::time::Duration;

use dird::identity::Authority;
use dird::identity::wazo::Wazo;
use http::StatusCode;
use kit::auth_client::{AuthClient, BackOff};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::fake_auth::{CHILD, FakeAuth, MASTER};
use crate::wazo::{client, tenant};

const CREATE: &str = "POST /0.1/token";

fn patient(fake: &FakeAuth) -> Arc<AuthClient> {
    let rhythm = BackOff::new(Duration::from_millis(50), Duration::from_secs(32));
    Arc::new(client(fake.address.port(), Duration::from_secs(10)).retrying(rhythm))
}

#[tokio::test]
async fn the_master_tenant_is_learnt_from_the_first_token() {
    let fake = FakeAuth::start();
    let client = patient(&fake);
    let address = ("127.0.0.1".to_owned(), fake.address.port());
    let learning = Wazo::new(Arc::clone(&client), address.clone(), None, Duration::ZERO);
    let told = Wazo::new(
        Arc::clone(&client),
        address,
        Some(tenant(CHILD)),
        Duration::ZERO,
    );
    assert_eq!(learning.master_tenant(), None);
    client.token().await.unwrap();
    assert_eq!(learning.master_tenant(), Some(tenant(MASTER)));
    assert_eq!(told.master_tenant(), Some(tenant(CHILD)));
    assert_eq!(fake.calls(CREATE)[0].body, json!({"expiration": 21600}));
}

#[tokio::test]
async fn the_token_is_renewed_at_four_fifths_of_the_life_that_was_granted() {
    let fake = FakeAuth::start();
    fake.own_life(2);
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(patient(&fake).keep_token(stop.clone()));
    let made = fake.called(CREATE, 2).await;
    let life = made[1].at - made[0].at;
    assert!(life >= Duration::from_millis(1500), "{life:?}");
    stop.cancel();
    keeping.await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_quicker_at_the_start_spares_the_first_token_of_the_background() {
    let fake = FakeAuth::start();
    fake.own_life(2);
    let (client, stop) = (patient(&fake), CancellationToken::new());
    client.token().await.unwrap();
    let keeping = tokio::spawn(Arc::clone(&client).keep_token(stop.clone()));
    let made = fake.called(CREATE, 2).await;
    let life = made[1].at - made[0].at;
    assert!(life >= Duration::from_millis(1500), "{life:?}");
    stop.cancel();
    keeping.await.unwrap();
}

#[tokio::test]
async fn a_token_that_ends_as_it_begins_is_not_made_again_at_once() {
    for life in [0, -60] {
        let fake = FakeAuth::start();
        fake.own_life(life);
        let (client, stop) = (patient(&fake), CancellationToken::new());
        let keeping = tokio::spawn(Arc::clone(&client).keep_token(stop.clone()));
        fake.called(CREATE, 1).await;
        for _ in 0..100 {
            client.token().await.unwrap();
        }
        assert_eq!(fake.calls(CREATE).len(), 1, "{life}");
        stop.cancel();
        keeping.await.unwrap();
    }
}

#[tokio::test]
async fn attempts_get_rarer_until_one_succeeds_and_start_over_after_it() {
    let fake = FakeAuth::start();
    fake.own_life(1);
    fake.fail(StatusCode::INTERNAL_SERVER_ERROR);
    let stop = CancellationToken::new();
    let keeping = tokio::spawn(patient(&fake).keep_token(stop.clone()));
    let failed = fake.called(CREATE, 5).await;
    fake.fail(None);
    let gap = |seen: &[crate::fake_auth::Seen], at: usize| seen[at].at - seen[at - 1].at;
    assert!(gap(&failed, 4) >= Duration::from_millis(320));
    fake.called(CREATE, 6).await;
    // The sixth succeeded; the seventh, due at 80 % of a second, fails, and the eighth comes soon.
    fake.fail(StatusCode::INTERNAL_SERVER_ERROR);
    let again = fake.called(CREATE, 8).await;
    // Without a fresh start it would have come after 1.28 s at the earliest.
    assert!(
        gap(&again, 7) < Duration::from_millis(1280),
        "{:?}",
        gap(&again, 7)
    );
    stop.cancel();
    keeping.await.unwrap();
}
