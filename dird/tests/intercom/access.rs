//! Who may do what: every function with every kind of caller (intercom-directory.md §3.4, §8.1).

use reqwest::header::AUTHORIZATION;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::login::{Answer, nonce, with_accounts};
use crate::world::{Door, Plan, error_of, publish, read, token};

on_both_engines!(a_token_names_the_tenant_whose_default_it_means);
on_plans_of_both_engines!(
    accounts_may_do_what_their_privilege_says,
    tokens_need_the_access_and_a_default_directory,
    without_proof_everybody_reads,
);

pub(crate) const FUNCTIONS: [&str; 6] = ["template", "create", "update", "delete", "get", "query"];

pub(crate) fn writes(function: &str) -> bool {
    matches!(function, "create" | "update" | "delete")
}

fn request(door: &Door, function: &str) -> RequestBuilder {
    let method = if writes(function) {
        Method::PUT
    } else {
        Method::POST
    };
    let body = json!({"users": [{"name": "N"}]}).to_string();
    door.request(method, &format!("/api/dir/{function}"))
        .body(body)
}

/// Status and code; 0 for success.
pub(crate) async fn outcome(request: RequestBuilder) -> (u16, u64) {
    let (status, answer) = read(request.send().await.unwrap()).await;
    match answer["success"].as_bool() {
        Some(true) => (status, 0),
        _ => (status, error_of(&answer).0),
    }
}

/// How an account asks.
async fn as_account(door: &Door, name: &str, function: &str) -> (u16, u64) {
    let challenge = request(door, function).send().await.unwrap();
    let uri = format!("/api/dir/{function}");
    let answer = Answer {
        name,
        password: format!("{name}-pass"),
        nonce: nonce(&challenge),
        count: 1,
        uri: &uri,
        realm: "dird intercom",
    };
    let method = if writes(function) {
        Method::PUT
    } else {
        Method::POST
    };
    outcome(request(door, function).header(AUTHORIZATION, answer.header(&method))).await
}

async fn accounts_may_do_what_their_privilege_says(plan: Plan) {
    let door = with_accounts(plan, json!({})).await;
    for function in FUNCTIONS {
        let refused = if writes(function) { 10 } else { 0 };
        assert_eq!(
            as_account(&door, "reader", function).await,
            (200, refused),
            "{function}"
        );
        assert_eq!(
            as_account(&door, "writer", function).await,
            (200, 0),
            "{function}"
        );
        assert_eq!(
            as_account(&door, "lost", function).await,
            (200, 4),
            "{function}"
        );
        assert_eq!(
            outcome(request(&door, function)).await,
            (401, 9),
            "{function}"
        );
    }
    let store = &door.store;
    let contents = store.contents(&door.tenant, &door.list()).await.unwrap();
    assert_eq!(contents.contacts.len(), 1, "only the writer wrote");
}

async fn tokens_need_the_access_and_a_default_directory(plan: Plan) {
    let door = with_accounts(plan, json!({})).await;
    let id = door.tenant.id().clone();
    let read = door.token(&id, &["dird.intercom.directory.read"]).await;
    let write = door.token(&id, &["dird.intercom.directory.update"]).await;
    let nothing = door.token(&id, &["dird.phonebooks.#"]).await;
    let (elsewhere, _) = publish(&door.store, false).await;
    let other = door.token(elsewhere.id(), &["dird.#"]).await;
    for function in FUNCTIONS {
        let with = |token: &str| outcome(request(&door, function).header("X-Auth-Token", token));
        let (reads, updates) = if writes(function) { (10, 0) } else { (0, 10) };
        assert_eq!(with(&read).await, (200, reads), "{function}");
        assert_eq!(with(&write).await, (200, updates), "{function}");
        assert_eq!(with(&nothing).await, (200, 10), "{function}");
        assert_eq!(with("unknown").await, (401, 9), "{function}");
        assert_eq!(with("").await, (401, 9), "{function}");
        assert_eq!(with(&other).await, (200, 4), "{function}");
        let named = request(&door, function).header("X-Auth-Token", &other);
        let named = named.header("Wazo-Tenant", id.as_str());
        assert_eq!(
            outcome(named).await,
            (200, 10),
            "{function}: a foreign tenant"
        );
    }
    // A token counts alone, however right the rest is.
    let both = request(&door, "template").header("X-Auth-Token", "unknown");
    assert_eq!(
        outcome(both.header(AUTHORIZATION, "Digest x=y")).await,
        (401, 9)
    );
}

async fn without_proof_everybody_reads(plan: Plan) {
    let door = plan
        .with(json!({"open_privilege": "monitoring"}))
        .open()
        .await;
    for function in FUNCTIONS {
        let code = if writes(function) { 10 } else { 0 };
        assert_eq!(
            outcome(request(&door, function)).await,
            (200, code),
            "{function}"
        );
    }
    door.store
        .unpublish(&door.tenant, &door.phonebook)
        .await
        .unwrap();
    assert_eq!(outcome(request(&door, "get")).await, (200, 4));
}

#[tokio::test]
async fn clients_from_other_subnets_are_sent_away() {
    let door = Plan::sqlite()
        .with(json!({"allowed_subnets": ["10.0.0.0/8"]}))
        .open()
        .await;
    assert_eq!(outcome(request(&door, "get")).await, (200, 10));
    let door = Plan::sqlite()
        .with(json!({"allowed_subnets": ["127.0.0.1"]}))
        .open()
        .await;
    assert_eq!(outcome(request(&door, "get")).await, (200, 0));
}

async fn a_token_names_the_tenant_whose_default_it_means(door: Door) {
    door.create(json!({"name": "here"})).await;
    let token = token(&door.store, door.tenant.id(), &["dird.#"]).await;
    let asked = door
        .request(Method::POST, "/api/dir/query")
        .header("X-Auth-Token", token);
    let (_, answer) = read(asked.send().await.unwrap()).await;
    let names: Vec<&Value> = answer["result"]["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["here"]);
}

#[tokio::test]
async fn behind_a_trusted_proxy_the_client_is_where_the_proxy_says() {
    let subnets =
        json!({"allowed_subnets": ["10.0.0.0/8"], "trusted_proxies": ["127.0.0.1", "192.0.2.1"]});
    let door = Plan::sqlite().with(subnets).open().await;
    for (forwarded, code) in [
        ("10.1.2.3", 0),
        ("10.1.2.3, 192.0.2.1", 0),
        ("10.1.2.3, 203.0.113.7", 10),
        ("10.1.2.3, 203.0.113.7, 192.0.2.1", 10),
        ("unknown", 10),
    ] {
        let asked = request(&door, "get").header("X-Forwarded-For", forwarded);
        assert_eq!(outcome(asked).await, (200, code), "{forwarded}");
    }
    let door = Plan::sqlite()
        .with(json!({"allowed_subnets": ["10.0.0.0/8"]}))
        .open()
        .await;
    let asked = request(&door, "get").header("X-Forwarded-For", "10.1.2.3");
    assert_eq!(outcome(asked).await, (200, 10), "nobody trusts this proxy");
}
