//! Nobody sees what another user keeps for himself.

use reqwest::Method;
use serde_json::{Value, json};

use super::{CSV, Directory, rows};
use crate::fake_auth::USER;
use crate::site::{Site, answer};

on_both_engines!(
    a_user_never_sees_what_another_keeps,
    acting_for_a_user_of_another_tenant_finds_none_of_his,
    whoever_may_act_for_a_user_finds_his,
);

/// A request of gina's.
async fn as_gina(site: &Site, method: Method, path: &str, body: &Value) -> (u16, Value) {
    let request = site.request(method, path, &site.gina);
    answer(request.body(body.to_string()).send().await.unwrap()).await
}

/// A profile of gina's over her own contacts.
async fn her_profile(site: &Site) {
    let make = async |path: &str, body: Value| {
        let (status, made) = as_gina(site, Method::POST, path, &body).await;
        assert!(status < 300, "{path}: {made}");
        made["uuid"].clone()
    };
    let source = json!({"name": "hers", "searched_columns": ["firstname"]});
    let source = make("/backends/personal/sources", source).await;
    let display = json!({"name": "d", "columns": [{"field": "firstname"}]});
    let display = make("/displays", display).await;
    let service = json!({"sources": [{"uuid": source}]});
    let profile = json!({"name": "default", "display": {"uuid": display},
        "services": {"lookup": service, "favorites": service}});
    make("/profiles", profile).await;
}

async fn a_user_never_sees_what_another_keeps(site: Site) {
    Directory::make(&site).await;
    her_profile(&site).await;
    let id = site
        .contact("/personal", &json!({"firstname": "Ann", "id": "known"}))
        .await;
    let hers = json!({"firstname": "Anna"});
    let (status, _) = as_gina(&site, Method::POST, "/personal", &hers).await;
    assert_eq!(status, 201);

    let (_, listed) = as_gina(&site, Method::GET, "/personal", &Value::Null).await;
    assert_eq!(
        super::without_ids(listed["items"].as_array().unwrap().clone()),
        std::slice::from_ref(&hers)
    );
    let exported = as_gina(&site, Method::GET, "/personal?order=lastname", &Value::Null).await;
    assert_eq!(exported.0, 400, "she has no such column");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let path = format!("/personal/{id}");
        let (status, body) = as_gina(&site, method, &path, &hers).await;
        let reason = json!([format!("No such contact: {id}")]);
        assert_eq!((status, &body["reason"]), (404, &reason));
    }
    for path in [
        "/directories/lookup/default?term=ann",
        "/directories/personal/default",
    ] {
        assert_eq!(
            rows(&site, path, &site.gina).await,
            [json!(["Anna"])],
            "{path}"
        );
    }
    // His identifier is no contact of hers, not even as a favourite.
    let favorite = format!("/directories/favorites/hers/{id}");
    let (status, _) = as_gina(&site, Method::PUT, &favorite, &Value::Null).await;
    assert_eq!(status, 204);
    let favorites = "/directories/favorites/default";
    assert_eq!(rows(&site, favorites, &site.gina).await, [] as [Value; 0]);
    let import = site.request(Method::POST, "/personal/import", &site.gina);
    let import = import.header("Content-Type", CSV).body("id,a\nknown,x\n");
    let (status, body) = answer(import.send().await.unwrap()).await;
    assert_eq!(status, 400);
    let told = json!([{"errors": ["contact \"known\" already exist"], "line": 2}]);
    assert_eq!(body["reason"], told, "and nothing of what it holds");

    let (status, _) = as_gina(&site, Method::DELETE, "/personal", &Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(site.items("/personal").await.len(), 1);
}

async fn acting_for_a_user_of_another_tenant_finds_none_of_his(site: Site) {
    her_profile(&site).await;
    site.contact("/personal", &json!({"firstname": "Ann"}))
        .await;
    let found = Directory::found_for_alice(&site, "ann", &site.gina).await;
    assert_eq!(found, [""; 0]);
    // Nor in her tenant with a token that sees both.
    let path = format!("/directories/lookup/default/{USER}?term=ann");
    let mut master = site.request(Method::GET, &path, &site.master);
    master = master.header("Wazo-Tenant", &site.foreign);
    let (status, table) = answer(master.send().await.unwrap()).await;
    assert_eq!((status, &table["results"]), (200, &json!([])));
}

async fn whoever_may_act_for_a_user_finds_his(site: Site) {
    Directory::make(&site).await;
    site.contact("/personal", &json!({"firstname": "Ann"}))
        .await;
    let access = format!("dird.directories.lookup.default.{USER}.read");
    let token = site.with_access(&[&access]).await;
    let found = Directory::found_for_alice(&site, "ann", &token).await;
    assert_eq!(found, ["Ann"]);
    let path = format!("/directories/lookup/default/{USER}?term=ann");
    let master = site.request(Method::GET, &path, &site.master);
    let master = master.header("Wazo-Tenant", &site.tenant);
    let (_, table) = answer(master.send().await.unwrap()).await;
    assert_eq!(table["results"][0]["column_values"][0], "Ann");
    let nobody = rows(&site, &path.replace(USER, "nobody"), &site.alice).await;
    assert_eq!(nobody, [] as [Value; 0]);
}
