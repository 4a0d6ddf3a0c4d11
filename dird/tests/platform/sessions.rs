//! Tokens that end before their time.

use serde_json::json;

use crate::member::{EVERYTHING, Member};

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_remembered_is_asked_about_again_after_the_end_of_a_session() {
    let member = Member::start().await;
    member.auth.give("user", EVERYTHING);
    assert_eq!(member.get("/backends", "user").await.0, 200);
    member.auth.revoke("user");
    assert_eq!(
        member.get("/backends", "user").await.0,
        200,
        "it is remembered"
    );
    let ended = json!({"uuid": "a-session", "user_uuid": "u", "tenant_uuid": "t"});
    member
        .peer
        .tell("auth_session_deleted", &ended)
        .await
        .unwrap();
    member
        .answered("/backends", "user", |status, _| status == 401)
        .await;
}
