//! The auth service is asked as seldom as is safe, and each of its answers means what the contract says.

use std::sync::Arc;
use std::time::Duration;

use dird::identity::wazo::Wazo;
use dird::identity::{
    Authority, Refusal, TenantEntry, TenantId, Token, authenticate, visible_tenants,
};
use http::StatusCode;
use kit::auth_client::{AuthClient, CredentialSource, Credentials};
use kit::http_client::{Upstream, Verify};
use kit::secret::Secret;

use crate::fake_auth::{CHILD, FOREIGN, FakeAuth, FakeToken, MASTER, USER};

const HOUR: Duration = Duration::from_hours(1);
const READ: &str = "dird.status.read";

pub(crate) fn client(port: u16, timeout: Duration) -> AuthClient {
    let upstream = Upstream {
        host: "127.0.0.1".into(),
        port,
        https: false,
        prefix: None,
        timeout,
        verify_certificate: Verify::default(),
    };
    let credentials = Credentials {
        service_id: "dird".into(),
        service_key: Secret::new("secret"),
    };
    AuthClient::new(&upstream, CredentialSource::Fixed(credentials), "test").unwrap()
}

fn authority_at(port: u16, timeout: Duration, ttl: Duration) -> Wazo {
    let client = Arc::new(client(port, timeout));
    Wazo::new(client, ("127.0.0.1".into(), port), None, ttl)
}

fn authority(fake: &FakeAuth, ttl: Duration) -> Wazo {
    authority_at(fake.address.port(), Duration::from_secs(10), ttl)
}

pub(crate) fn tenant(text: &str) -> TenantId {
    TenantId::new(text).unwrap()
}

/// Asks until the answer is `wanted`.
async fn becomes(authority: &Wazo, token: &Token, wanted: Result<(), Refusal>) {
    let until = async {
        while authority.check(token, READ, None).await != wanted {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), until).await;
    waited.expect("the answer never came");
}

#[tokio::test]
async fn each_status_of_the_check_means_what_the_contract_says() {
    let fake = FakeAuth::start();
    let wazo = authority(&fake, HOUR);
    fake.give("good", &["dird.#"]);
    fake.give("weak", &["dird.personal.#"]);
    let check = async |token: &str, asked: Option<&str>| {
        let asked = asked.map(tenant);
        wazo.check(&Token::new(token), READ, asked.as_ref()).await
    };
    assert_eq!(check("good", None).await, Ok(()));
    assert_eq!(check("good", Some(CHILD)).await, Ok(()));
    assert_eq!(check("good", Some(FOREIGN)).await, Err(Refusal::Forbidden));
    assert_eq!(check("weak", None).await, Err(Refusal::Forbidden));
    assert_eq!(
        check("../odd?x=1#/", None).await,
        Err(Refusal::UnknownToken)
    );
    assert_eq!(
        fake.calls("HEAD")[0].line,
        "HEAD /0.1/token/good?scope=dird.status.read"
    );
    assert_eq!(
        fake.calls("HEAD")[1].line,
        format!("HEAD /0.1/token/good?scope=dird.status.read&tenant={CHILD}")
    );
}

#[tokio::test]
async fn any_other_answer_is_a_failure_is_not_kept_and_is_not_followed() {
    let fake = FakeAuth::start();
    let wazo = authority(&fake, HOUR);
    fake.give("good", &["dird.#"]);
    let good = Token::new("good");
    for status in [500, 401, 302] {
        fake.fail(StatusCode::from_u16(status).unwrap());
        let cause = format!("unexpected status {status}");
        let refused = wazo.check(&good, READ, None).await;
        assert_eq!(refused, Err(Refusal::Failed(cause)));
    }
    fake.fail(None);
    assert_eq!(wazo.check(&good, READ, None).await, Ok(()));
    assert_eq!(fake.calls("GET /0.1/tenants").len(), 0);
    assert_eq!(fake.calls("HEAD /0.1/tenants").len(), 0);
}

#[tokio::test]
async fn no_connection_and_no_answer_in_time_are_told_apart_in_few_words() {
    let fake = FakeAuth::start();
    fake.hold(true);
    let slow = authority_at(fake.address.port(), Duration::from_millis(100), HOUR);
    let token = Token::new("any");
    let refused = slow.check(&token, READ, None).await;
    assert_eq!(
        refused,
        Err(Refusal::Unreachable("no answer in time".into()))
    );
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    let absent = authority_at(port, Duration::from_secs(5), HOUR);
    let refused = absent.check(&token, READ, None).await;
    assert_eq!(refused, Err(Refusal::Unreachable("no connection".into())));
}

#[tokio::test]
async fn a_request_costs_two_calls_and_the_next_one_none_on_one_connection() {
    let fake = FakeAuth::start();
    let wazo = authority(&fake, HOUR);
    fake.give("good", &["dird.#"]);
    for _ in 0..2 {
        let caller = authenticate(&wazo, Token::new("good"), READ, None)
            .await
            .unwrap();
        assert_eq!(caller.tenant().id().as_str(), MASTER);
        assert_eq!(caller.user().unwrap().as_str(), USER);
    }
    assert_eq!(fake.calls("").len(), 2);
    let other = authenticate(&wazo, Token::new("good"), "dird.sources.read", None).await;
    assert!(other.is_ok());
    assert_eq!(fake.calls("HEAD").len(), 2);
    assert_eq!(fake.calls("GET").len(), 1);
    assert_eq!(fake.connections(), 1);
}

#[tokio::test]
async fn a_ttl_of_zero_asks_each_time() {
    let fake = FakeAuth::start();
    let wazo = authority(&fake, Duration::ZERO);
    fake.give("good", &["dird.#"]);
    for _ in 0..2 {
        authenticate(&wazo, Token::new("good"), READ, None)
            .await
            .unwrap();
    }
    assert_eq!((fake.calls("HEAD").len(), fake.calls("GET").len()), (2, 2));
    fake.revoke("good");
    let refused = wazo.check(&Token::new("good"), READ, None).await;
    assert_eq!(refused, Err(Refusal::UnknownToken));
}

#[tokio::test]
async fn a_refusal_is_used_again_but_not_for_long() {
    let fake = FakeAuth::start();
    let token = Token::new("late");
    let wazo = authority(&fake, HOUR);
    for _ in 0..2 {
        let refused = wazo.check(&token, READ, None).await;
        assert_eq!(refused, Err(Refusal::UnknownToken));
    }
    assert_eq!(fake.calls("HEAD").len(), 1);
    fake.give("late", &["dird.#"]);
    becomes(&wazo, &token, Ok(())).await;
    assert_eq!(fake.calls("HEAD").len(), 2);
}

#[tokio::test]
async fn a_revoked_token_stops_working_when_the_ttl_is_over() {
    let fake = FakeAuth::start();
    fake.give("good", &["dird.#"]);
    let token = Token::new("good");
    let (long, short) = (
        authority(&fake, HOUR),
        authority(&fake, Duration::from_millis(50)),
    );
    assert_eq!(long.check(&token, READ, None).await, Ok(()));
    assert_eq!(short.check(&token, READ, None).await, Ok(()));
    fake.revoke("good");
    becomes(&short, &token, Err(Refusal::UnknownToken)).await;
    assert_eq!(long.check(&token, READ, None).await, Ok(()));
}

#[tokio::test]
async fn no_answer_outlives_the_token() {
    let fake = FakeAuth::start();
    let dying = FakeToken {
        tenant: MASTER,
        user: None,
        acl: vec!["dird.#"],
        life: Duration::from_secs(2),
    };
    fake.put("dying", dying);
    let wazo = authority(&fake, HOUR);
    let token = Token::new("dying");
    let caller = authenticate(&wazo, token.clone(), READ, None)
        .await
        .unwrap();
    assert_eq!(caller.user(), None);
    fake.revoke("dying");
    becomes(&wazo, &token, Err(Refusal::UnknownToken)).await;
    let described = wazo.describe(&token).await;
    assert_eq!(described, Err(Refusal::UnknownToken));
}

#[tokio::test]
async fn many_at_once_share_one_question() {
    let fake = FakeAuth::start();
    fake.give("good", &["dird.#"]);
    fake.hold(true);
    let wazo = Arc::new(authority(&fake, HOUR));
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let wazo = Arc::clone(&wazo);
        crowd.spawn(async move { wazo.check(&Token::new("good"), READ, None).await });
    }
    fake.called("HEAD", 1).await;
    fake.hold(false);
    let answers = crowd.join_all().await;
    assert_eq!(answers, vec![Ok(()); 50]);
    assert_eq!((fake.calls("HEAD").len(), fake.calls("GET").len()), (1, 1));
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_spoil_the_question() {
    let fake = FakeAuth::start();
    fake.give("good", &["dird.#"]);
    fake.hold(true);
    let wazo = Arc::new(authority(&fake, HOUR));
    let impatient = Arc::clone(&wazo);
    let asked = tokio::spawn(async move { impatient.check(&Token::new("good"), READ, None).await });
    fake.called("HEAD", 1).await;
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    fake.hold(false);
    assert_eq!(wazo.check(&Token::new("good"), READ, None).await, Ok(()));
    assert_eq!(fake.calls("HEAD").len(), 1);
}

#[tokio::test]
async fn visible_tenants_are_those_that_the_service_lists_for_the_caller() {
    let fake = FakeAuth::start();
    let wazo = authority(&fake, HOUR);
    fake.give("good", &["dird.#", "auth.tenants.read"]);
    let caller = authenticate(&wazo, Token::new("good"), READ, None)
        .await
        .unwrap();
    for _ in 0..2 {
        let visible = visible_tenants(&wazo, &caller).await.unwrap();
        let ids: Vec<&str> = visible.ids().map(TenantId::as_str).collect();
        assert_eq!(ids, [MASTER, CHILD]);
        assert_eq!(visible.named("child").unwrap().id().as_str(), CHILD);
    }
    assert_eq!(fake.calls("GET /0.1/tenants").len(), 1);
}

#[tokio::test]
async fn who_may_not_list_tenants_sees_just_the_one_asked_for() {
    let fake = FakeAuth::start();
    let wazo = authority(&fake, HOUR);
    fake.give("good", &["dird.#"]);
    for asked in [None, Some(tenant(CHILD))] {
        let alone = asked.clone().unwrap_or_else(|| tenant(MASTER));
        let caller = authenticate(&wazo, Token::new("good"), READ, asked)
            .await
            .unwrap();
        let visible = visible_tenants(&wazo, &caller).await.unwrap();
        assert_eq!(visible.ids().collect::<Vec<_>>(), [&alone]);
        let listed = wazo.tenants_below(caller.token(), &alone).await.unwrap();
        assert_eq!(
            listed,
            [TenantEntry {
                uuid: alone,
                name: None
            }]
        );
    }
}
