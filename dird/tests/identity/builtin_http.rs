//! The built-in authority's routes, one by one, as clients of wazo-auth use them.

use dird::identity::builtin::{TokenRecord, secret};
use dird::identity::{Authority, Token, UserId};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::builtin_site::Site;
use crate::fake_auth::{CHILD, FOREIGN, USER};
use crate::wazo::tenant;

fn reason(body: &Value) -> &str {
    body["reason"][0].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_user_gets_a_token_that_says_whose_it_is() {
    let site = Site::open().await;
    let (status, body) = site
        .login("nora", "pass:word", r#"{"expiration": 60}"#)
        .await;
    assert_eq!(status, StatusCode::OK);
    let data = &body["data"];
    assert_eq!(data["auth_id"], USER);
    assert_eq!(data["xivo_user_uuid"], USER);
    assert_eq!(data["metadata"]["uuid"], USER);
    assert_eq!(data["metadata"]["tenant_uuid"], CHILD);
    assert_eq!(data["metadata"]["purpose"], "user");
    assert_eq!(
        data["acl"],
        json!(["dird.#", "!dird.config.#", "auth.users.me.read"])
    );
    let moment = |key: &str| {
        data[key]
            .as_str()
            .unwrap()
            .parse::<jiff::civil::DateTime>()
            .unwrap()
    };
    let life = moment("utc_expires_at").duration_since(moment("utc_issued_at"));
    assert_eq!(life.as_secs(), 60);
    let path = format!("/token/{}", data["token"].as_str().unwrap());
    let (status, again) = site.get(&path, &[]).await;
    assert_eq!((status, &again["data"]), (StatusCode::OK, data));
}

#[tokio::test]
async fn a_key_gets_a_token_without_user() {
    let site = Site::open().await;
    let (status, body) = site.login("phoned", "phoned", "").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["data"]["metadata"]["uuid"], Value::Null);
    assert_eq!(body["data"]["metadata"]["purpose"], "internal");
    assert_eq!(
        body["data"]["metadata"]["tenant_uuid"],
        site.master().as_str()
    );
}

#[tokio::test]
async fn bad_logins_are_refused_alike() {
    let site = Site::open().await;
    for (name, password) in [
        ("nora", "wrong"),
        ("nobody", "x"),
        ("phoned", "x"),
        ("", ""),
    ] {
        let (status, body) = site.login(name, password, "{}").await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(reason(&body), "Authentication Failed");
        assert_eq!(body["status_code"], 401);
    }
    for header in ["Basic !", "Bearer abc", "Basic bm9jb2xvbg=="] {
        let (status, _) = site
            .ask(Method::POST, "/token", &[("Authorization", header)], "")
            .await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{header}");
    }
    for body in [
        "{",
        r#"{"expiration": "x"}"#,
        r#"{"expiration": 0}"#,
        r#"{"expiration": -5}"#,
    ] {
        let (status, _) = site.login("nora", "pass:word", body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
    }
}

#[tokio::test]
async fn a_check_answers_by_status_alone() {
    let site = Site::open().await;
    let token = site.token("nora", "pass:word").await;
    let check = async |query: &str| site.head(&format!("/token/{token}{query}")).await;
    assert_eq!(check("").await, StatusCode::NO_CONTENT);
    assert_eq!(
        check("?scope=dird.status.read").await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        check(&format!("?scope=dird.x&tenant={CHILD}")).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        check("?scope=dird.config.read").await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        check("?scope=confd.users.read").await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        check(&format!("?tenant={FOREIGN}")).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(check("?tenant=nope").await, StatusCode::FORBIDDEN);
    let long = "x".repeat(40);
    assert_eq!(
        check(&format!("?tenant={long}")).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(site.head("/token/none").await, StatusCode::NOT_FOUND);
    let (status, body) = site.get("/token/none", &[]).await;
    assert_eq!(
        (status, reason(&body)),
        (StatusCode::NOT_FOUND, "No such token")
    );
    let path = format!("/token/{token}?scope=confd.users.read");
    assert_eq!(site.get(&path, &[]).await.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_ends_by_age_by_delete_and_with_its_key_or_user() {
    let site = Site::open().await;
    let expired = TokenRecord {
        hash: secret::hash("old"),
        auth_id: USER.into(),
        user: UserId::new(USER),
        tenant: tenant(CHILD),
        acl: vec!["#".into()],
        session: "s".into(),
        issued_at: kit::clock::unix_now() - 60,
        expires_at: kit::clock::unix_now() - 1,
    };
    site.store.add_token(&expired).await.unwrap();
    assert_eq!(site.head("/token/old").await, StatusCode::NOT_FOUND);

    let (mine, keys) = (
        site.token("nora", "pass:word").await,
        site.token("phoned", "phoned").await,
    );
    let other = site.token("nora", "pass:word").await;
    let (status, body) = site
        .ask(Method::DELETE, &format!("/token/{mine}"), &[], "")
        .await;
    assert_eq!(
        (status, body),
        (StatusCode::OK, json!({"data": {"message": "success"}}))
    );
    assert_eq!(
        site.head(&format!("/token/{mine}")).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        site.head(&format!("/token/{other}")).await,
        StatusCode::NO_CONTENT
    );
    site.store.revoke_key("phoned").await.unwrap();
    assert_eq!(
        site.head(&format!("/token/{keys}")).await,
        StatusCode::NOT_FOUND
    );
    assert!(
        site.store
            .remove_user(&UserId::new(USER).unwrap())
            .await
            .unwrap()
    );
    assert_eq!(
        site.head(&format!("/token/{other}")).await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        site.login("nora", "pass:word", "").await.0,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_key_works_as_a_token_until_it_is_revoked() {
    let site = Site::open().await;
    let described = site
        .authority
        .describe(&Token::new("phoned"))
        .await
        .unwrap();
    assert_eq!((described.tenant, described.user), (site.master(), None));
    assert_eq!(
        site.head("/token/phoned?scope=auth.tenants.read").await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        site.head("/token/phoned?scope=dird.x").await,
        StatusCode::FORBIDDEN
    );
    site.store.revoke_key("phoned").await.unwrap();
    assert_eq!(site.head("/token/phoned").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn users_are_shown_to_who_may_read_them() {
    let site = Site::open().await;
    let (nora, phoned) = (
        site.token("nora", "pass:word").await,
        site.token("phoned", "phoned").await,
    );
    let path = format!("/users/{USER}");
    for token in [&nora, &phoned] {
        let (status, body) = site.get(&path, &[("X-Auth-Token", token)]).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            (&body["uuid"], &body["tenant_uuid"]),
            (&json!(USER), &json!(CHILD))
        );
        assert_eq!(body["username"], "nora");
        assert!(!body.to_string().contains("argon2"));
    }
    let (status, body) = site.get("/users/none", &[("X-Auth-Token", &phoned)]).await;
    assert_eq!(
        (status, &body["error_id"]),
        (StatusCode::NOT_FOUND, &json!("unknown-user"))
    );
    let (status, body) = site.get("/users/none", &[("X-Auth-Token", &nora)]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["details"]["required_access"], "auth.users.none.read");
    assert_eq!(site.get(&path, &[]).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn tenants_are_listed_from_the_asked_one_down() {
    let site = Site::open().await;
    let token = site.token("phoned", "phoned").await;
    let (status, body) = site.get("/tenants", &[("X-Auth-Token", &token)]).await;
    assert_eq!(status, StatusCode::OK);
    let names: Vec<&str> = body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["acme", "master", "other"]);
    assert_eq!((&body["total"], &body["filtered"]), (&json!(3), &json!(3)));
    let headers = [("X-Auth-Token", token.as_str()), ("Wazo-Tenant", CHILD)];
    let (_, body) = site.get("/tenants", &headers).await;
    let acme = json!({
        "uuid": CHILD, "parent_uuid": site.master().as_str(), "name": "acme", "slug": "acme",
        "domain_names": [],
    });
    assert_eq!(body["items"], json!([acme]));
    let long = "x".repeat(40);
    for asked in ["nope", &long] {
        let headers = [("X-Auth-Token", token.as_str()), ("Wazo-Tenant", asked)];
        assert_eq!(
            site.get("/tenants", &headers).await.0,
            StatusCode::UNAUTHORIZED,
            "{asked}"
        );
    }
    let nora = site.token("nora", "pass:word").await;
    let (status, _) = site.get("/tenants", &[("X-Auth-Token", &nora)]).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn backends_and_status_need_no_token_and_other_paths_are_unknown() {
    let site = Site::open().await;
    assert_eq!(
        site.get("/backends", &[]).await,
        (StatusCode::OK, json!({"data": ["builtin"]}))
    );
    let healthy = json!({"rest_api": {"status": "ok"}, "database": {"status": "ok"}});
    assert_eq!(site.get("/status", &[]).await, (StatusCode::OK, healthy));
    let (status, body) = site.get("/policies", &[]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        body["message"],
        "The requested URL was not found on the server."
    );
}
