//! Every list and lookup of a dird beside the seeds.

use dird::identity::{SystemAuthority, TenantId, UserId};
use dird::store::Store;
use dird::store::model::ListId;
use serde_json::{Value, json};

use crate::seeds::{self, Seed, Seeds};
use crate::site::Site;

/// Somebody whom several contacts are called.
const LASTNAME: &str = "L7";

/// Compares all that is there.
pub(crate) async fn compare(site: &Site, seeds: Seeds) {
    for tenant in 0..seeds.tenants {
        let uuid = seeds::tenant(tenant);
        let token = site.token(&uuid, &seeds::user(tenant, 0)).await;
        configured(site, tenant, &token).await;
        sources(site, tenant, &token).await;
        for book in 0..2 {
            phonebook(
                site,
                (tenant, book),
                &token,
                &seeds.in_phonebook(tenant, book),
            )
            .await;
        }
        for user in 0..2 {
            of_user(site, seeds, (tenant, user)).await;
        }
    }
}

async fn configured(site: &Site, tenant: usize, token: &str) {
    let id = TenantId::new(&seeds::tenant(tenant)).unwrap();
    let proof = SystemAuthority::new("tests").tenant(id);
    let country = site.store.country(&proof).await.unwrap();
    assert_eq!(country.as_deref(), tenant.is_multiple_of(2).then_some("FR"));
    let column = |field: &str, title: &str| {
        json!({"field": field, "title": title, "type": field, "default": null,
            "number_display": null})
    };
    let display = json!({
        "uuid": seeds::display(tenant), "tenant_uuid": seeds::tenant(tenant),
        "name": format!("desk {tenant}"),
        "columns": [column("name", "Name"), column("number", "Number")],
    });
    let listed = site.get("/displays", token).await;
    assert_eq!(listed["items"], json!([display]));
    // Each once, though the table may have one twice.
    let asked = json!([{"uuid": seeds::source(tenant, 2)}, {"uuid": seeds::source(tenant, 0)}]);
    let profile = json!({
        "uuid": seeds::profile(tenant), "tenant_uuid": seeds::tenant(tenant), "name": "default",
        "display": {"uuid": seeds::display(tenant)},
        "services": {
            "reverse": {"sources": asked, "options": {}},
            "lookup": {"sources": asked, "options": {"timeout": 2.5}},
            "favorites": {"sources": asked},
        },
    });
    let listed = site.get("/profiles", token).await;
    assert_eq!(listed["items"], json!([profile]));
    let listed = site.get("/phonebooks", token).await;
    let book = |number: usize, name: &str, description: Value| {
        json!({"id": seeds::number(tenant, number), "uuid": seeds::phonebook(tenant, number),
            "tenant_uuid": seeds::tenant(tenant), "name": name, "description": description})
    };
    let books = json!([
        book(1, "\u{c9}quipe", json!("1")),
        book(0, "staff", Value::Null)
    ]);
    assert_eq!(listed["items"], books);
}

async fn sources(site: &Site, tenant: usize, token: &str) {
    let listed = site.get("/sources", token).await;
    let mut names: Vec<String> = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|source| {
            format!(
                "{} {}",
                source["name"].as_str().unwrap(),
                source["backend"].as_str().unwrap()
            )
        })
        .collect();
    names.retain(|name| name != "only there csv");
    let expected = [
        "directory ldap",
        "\u{c9}quipe phonebook",
        "file csv",
        "personal personal",
        "staff phonebook",
    ];
    assert_eq!(names, expected);
    details(site, tenant, token).await;
}

/// What each kind of source has of its own.
async fn details(site: &Site, tenant: usize, token: &str) {
    let templates = json!({"name": "{firstname} {lastname}", "reverse": "{firstname} {lastname}"});
    let detail = async |backend: &str, number: usize| {
        let path = format!(
            "/backends/{backend}/sources/{}",
            seeds::source(tenant, number)
        );
        site.get(&path, token).await
    };
    for (backend, number, expected) in [
        (
            "phonebook",
            0,
            json!({"phonebook_uuid": seeds::phonebook(tenant, 0), "name": "staff",
            "searched_columns": ["lastname"], "first_matched_columns": ["number"]}),
        ),
        (
            "phonebook",
            1,
            json!({"phonebook_uuid": seeds::phonebook(tenant, 1)}),
        ),
        (
            "personal",
            2,
            json!({"name": "personal", "searched_columns": ["lastname"]}),
        ),
        (
            "csv",
            3,
            json!({"name": "file", "file": "/people.csv", "separator": ";",
            "searched_columns": [], "format_columns": {}}),
        ),
        (
            "ldap",
            4,
            json!({"ldap_uri": "ldap://192.0.2.1", "ldap_password": "secret",
            "format_columns": {"a": "{cn}"}}),
        ),
    ] {
        let shown = detail(backend, number).await;
        let listed = site
            .get(&format!("/backends/{backend}/sources"), token)
            .await;
        assert!(listed["items"].as_array().unwrap().contains(&shown));
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&shown[key], value, "{key} of {backend} {number}");
        }
        if ["phonebook", "personal"].contains(&backend) {
            // In the order in which the old service renders them.
            assert_eq!(shown["format_columns"].to_string(), templates.to_string());
        }
    }
}

/// A list of contacts, in the order in which they were made.
async fn phonebook(site: &Site, (tenant, book): (usize, usize), token: &str, seeds: &[Seed]) {
    let uuid = seeds::phonebook(tenant, book);
    let listed = site
        .get(&format!("/phonebooks/{uuid}/contacts"), token)
        .await;
    assert_eq!(listed["total"], seeds.len());
    let shown: Vec<Value> = seeds.iter().map(Seed::shown).collect();
    assert_eq!(listed["items"], json!(shown));
    let number = seeds::number(tenant, book);
    let path = format!(
        "/tenants/{}/phonebooks/{number}/contacts",
        seeds::tenant(tenant)
    );
    assert_eq!(site.get(&path, token).await["total"], seeds.len());
    let source = seeds::source(tenant, book);
    let path = format!("/backends/phonebook/sources/{source}/contacts");
    assert_eq!(site.get(&path, token).await["total"], seeds.len());
}

async fn of_user(site: &Site, seeds: Seeds, (tenant, user): (usize, usize)) {
    let uuid = seeds::user(tenant, user);
    let token = site.token(&seeds::tenant(tenant), &uuid).await;
    let (own, book) = (seeds.of_user(tenant, user), seeds.in_phonebook(tenant, 0));
    let shown: Vec<Value> = own.iter().map(Seed::shown).collect();
    assert_eq!(site.get("/personal", &token).await["items"], json!(shown));

    let path = format!("/directories/lookup/default/{uuid}?term=l7");
    let found = site.get(&path, &token).await;
    let rows = |table: &Value| -> Vec<Value> {
        let rows = table["results"].as_array().unwrap().iter();
        rows.map(|row| row["column_values"].clone()).collect()
    };
    let wanted = own
        .iter()
        .chain(&book)
        .filter(|seed| seed.is_called(LASTNAME));
    let wanted: Vec<Value> = wanted.map(|seed| json!(seed.row())).collect();
    assert_eq!(rows(&found), wanted);

    for seed in [&own[1], &book[book.len() / 2]] {
        let [name, number] = seed.row();
        let path = format!("/directories/reverse/default/{uuid}?exten={number}");
        assert_eq!(site.get(&path, &token).await["display"], name, "{path}");
    }

    let personal = site.get("/directories/personal/default", &token).await;
    let wanted: Vec<Value> = own.iter().map(|seed| json!(seed.row())).collect();
    assert_eq!(rows(&personal), wanted);
    let asked = site.get("/directories/default/sources", &token).await;
    let asked = asked["items"].as_array().unwrap().iter();
    let mut asked: Vec<&str> = asked.filter_map(|of| of["uuid"].as_str()).collect();
    asked.sort_unstable();
    let mut profile = [0, 2].map(|number| seeds::source(tenant, number));
    profile.sort_unstable();
    assert_eq!(asked, profile);

    let favorites = site.get("/directories/favorites/default", &token).await;
    let wanted = [&own[0], &book[user]].map(|seed| json!(seed.row()));
    assert_eq!(rows(&favorites), wanted);
}

/// Contacts of everybody that are there.
pub(crate) async fn contacts(store: &Store, seeds: Seeds) -> usize {
    let mut count = 0;
    for (tenant, list) in lists(store, seeds).await {
        let there = store.contents(&tenant, &list).await;
        count += there.map_or(0, |there| there.contacts.len());
    }
    count
}

/// The version of each list, which every change raises.
pub(crate) async fn versions(store: &Store, seeds: Seeds) -> Vec<Option<i64>> {
    let mut versions = Vec::new();
    for (tenant, list) in lists(store, seeds).await {
        versions.push(store.version(&tenant, &list).await.unwrap());
    }
    versions
}

async fn lists(store: &Store, seeds: Seeds) -> Vec<(dird::identity::Tenant, ListId)> {
    let mut lists = Vec::new();
    for tenant in 0..seeds.tenants {
        let id = TenantId::new(&seeds::tenant(tenant)).unwrap();
        let proof = SystemAuthority::new("tests").tenant(id);
        for number in 0..2 {
            lists.push((proof.clone(), ListId(seeds::phonebook(tenant, number))));
            let user = UserId::new(&seeds::user(tenant, number)).unwrap();
            let own = store.personal_list(&proof, &user).await.unwrap();
            lists.extend(own.map(|list| (proof.clone(), list)));
        }
    }
    lists
}
