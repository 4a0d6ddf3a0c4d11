//! Tenants that come, move and go.

use std::time::Duration;

use dird::identity::{SystemAuthority, TenantId};
use serde_json::{Value, json};

use crate::fake_auth::{CHILD, FOREIGN, MASTER};
use crate::member::Member;

const AUTH_KEYS: &str = "/var/lib/wazo-auth-keys";

fn has_default(profiles: &Value) -> bool {
    profiles["items"][0]["name"] == "default"
}

/// Everything of the tenant behind `token`.
async fn everything(member: &Member, token: &str) -> Value {
    let mut all = json!({});
    for kind in ["sources", "displays", "profiles"] {
        let (status, body) = member.get(&format!("/{kind}"), token).await;
        assert_eq!(status, 200);
        all[kind] = body["items"].clone();
    }
    for backend in ["conference", "personal", "wazo", "office365", "google"] {
        let path = format!("/backends/{backend}/sources");
        let (_, body) = member.get(&path, token).await;
        assert_eq!(body["total"], 1, "{path}");
        all[backend] = body["items"][0].clone();
    }
    all
}

/// What the object `shown` must have besides identifiers.
fn assert_source(shown: &Value, name: &str, columns: [&str; 2], format: &Value) {
    let words = |text: &str| json!(text.split(' ').collect::<Vec<_>>());
    assert_eq!(shown["name"], name);
    assert_eq!(shown["tenant_uuid"], CHILD);
    assert_eq!(shown["searched_columns"], words(columns[0]), "{name}");
    assert_eq!(shown["first_matched_columns"], words(columns[1]), "{name}");
    assert_eq!(&shown["format_columns"], format, "{name}");
}

fn auth(key_file: Option<&str>) -> Value {
    let mut auth = json!({
        "host": "localhost", "port": 9497, "prefix": null, "https": false, "version": "0.1",
    });
    if let Some(key_file) = key_file {
        auth["key_file"] = json!(format!("{AUTH_KEYS}/wazo-dird-{key_file}-backend-key.yml"));
    }
    auth
}

fn assert_sources(all: &Value) {
    let confd = json!({"host": "localhost", "port": 9486, "prefix": null, "https": false, "version": "1.1"});
    let format = json!({"phone": "{extensions[0]}", "reverse": "{name}"});
    let columns = ["name extensions incalls", "extensions incalls"];
    assert_source(&all["conference"], "auto_conference_acme", columns, &format);
    assert_eq!(all["conference"]["auth"], auth(Some("conference")));
    assert_eq!(all["conference"]["confd"], confd);

    let full = "{firstname} {lastname}";
    let format =
        json!({"phone": "{number}", "name": full, "phone_mobile": "{mobile}", "reverse": full});
    let columns = ["firstname lastname number mobile fax", "number mobile"];
    assert_source(&all["personal"], "personal", columns, &format);

    let format = json!({"phone": "{exten}", "name": full, "reverse": full});
    let columns = [
        "firstname lastname full_name exten",
        "exten mobile_phone_number",
    ];
    assert_source(&all["wazo"], "auto_wazo_acme", columns, &format);
    assert_eq!(all["wazo"]["auth"], auth(Some("wazo")));
    assert_eq!(all["wazo"]["confd"], confd);

    let full = "{givenName} {surname}";
    let format = json!({"name": full, "phone_mobile": "{mobilePhone}", "reverse": full,
        "phone": "{numbers_except_label[mobilePhone][0]}"});
    let columns = [
        "givenName surname businessPhones homePhones mobilePhone",
        "businessPhones mobilePhone homePhones",
    ];
    assert_source(&all["office365"], "auto_office365_acme", columns, &format);
    assert_eq!(all["office365"]["auth"], auth(None));
    let contacts = "https://graph.microsoft.com/v1.0/me/contacts";
    assert_eq!(all["office365"]["endpoint"], contacts);

    let format = json!({"phone_mobile": "{numbers_by_label[mobile]}", "reverse": "{name}",
        "phone": "{numbers_except_label[mobile][0]}"});
    let columns = ["name numbers familyName givenName", "numbers"];
    assert_source(&all["google"], "auto_google_acme", columns, &format);
    assert_eq!(all["google"]["auth"], auth(None));
}

fn assert_profile(all: &Value) {
    let column = |field: &str, title: &str, kind: &str, number: Option<&str>| json!({"field": field, "title": title, "type": kind, "default": null, "number_display": number});
    let columns = json!([
        column("name", "Nom", "name", None),
        column("firstname", "Prénom", "firstname", None),
        column("lastname", "Nom de famille", "lastname", None),
        column("phone", "Numéro", "number", Some("{name}")),
        column("phone_mobile", "Mobile", "number", Some("{name} (mobile)")),
        column("voicemail", "Boîte vocale", "voicemail", None),
        column("favorite", "Favoris", "favorite", None),
        column("email", "E-mail", "email", None),
    ]);
    let displays = all["displays"].as_array().unwrap();
    assert_eq!(displays.len(), 1);
    assert_eq!(displays[0]["name"], "auto_acme");
    assert_eq!(displays[0]["columns"], columns);

    let profiles = all["profiles"].as_array().unwrap();
    assert_eq!(profiles.len(), 1);
    assert_eq!(profiles[0]["display"]["uuid"], displays[0]["uuid"]);
    let services = profiles[0]["services"].as_object().unwrap();
    assert_eq!(services.len(), 3);
    let uuids = ["conference", "personal", "wazo", "office365", "google"];
    let uuids = uuids.map(|backend| all[backend]["uuid"].clone());
    for (name, service) in services {
        let sources = service["sources"].as_array().unwrap().iter();
        let sources: Vec<_> = sources.map(|source| source["uuid"].clone()).collect();
        assert_eq!(sources, uuids, "{name}");
        let options = (name == "reverse").then(|| json!({"timeout": 0.5}));
        assert_eq!(service.get("options"), options.as_ref(), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_tenant_gets_what_is_agreed_and_the_same_news_again_changes_nothing() {
    let member = Member::start().await;
    member.admit("child", CHILD);
    let news = json!({"uuid": CHILD, "name": "acme"});
    member.peer.tell("auth_tenant_added", &news).await.unwrap();
    member.until("/profiles", "child", has_default).await;
    let all = everything(&member, "child").await;
    assert_eq!(all["sources"].as_array().unwrap().len(), 5);
    assert_sources(&all);
    assert_profile(&all);

    let (status, table) = member
        .get("/directories/lookup/default?term=alice", "child")
        .await;
    assert_eq!((status, &table["results"]), (200, &json!([])));
    assert_eq!(table["column_headers"].as_array().unwrap().len(), 8);

    member.peer.tell("auth_tenant_added", &news).await.unwrap();
    // Events are taken in order: once this one has shown, the one before it is done with.
    member.admit("foreign", FOREIGN);
    let other = json!({"uuid": FOREIGN, "name": "other"});
    member.peer.tell("auth_tenant_added", &other).await.unwrap();
    member.until("/profiles", "foreign", has_default).await;
    assert_eq!(everything(&member, "child").await, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_a_tenant_without_name_or_identifier_change_nothing_and_stop_nothing() {
    let member = Member::start().await;
    member.admit("child", CHILD);
    for news in [
        json!(null),
        json!([CHILD]),
        json!({"uuid": CHILD}),
        json!({"uuid": 7, "name": "acme"}),
        json!({"uuid": "x".repeat(200), "name": "acme"}),
        json!({"uuid": CHILD, "name": null}),
    ] {
        member.peer.tell("auth_tenant_added", &news).await.unwrap();
        member
            .peer
            .tell("auth_tenant_deleted", &news)
            .await
            .unwrap();
    }
    let news = json!({"uuid": CHILD, "name": "acme"});
    member.peer.tell("auth_tenant_added", &news).await.unwrap();
    member.until("/profiles", "child", has_default).await;
    assert_eq!(member.get("/displays", "child").await.1["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_tenant_leaves_nothing_behind_and_others_alone() {
    let member = Member::start().await;
    member.admit("child", CHILD);
    for (uuid, name) in [(CHILD, "acme"), (MASTER, "master")] {
        let news = json!({"uuid": uuid, "name": name});
        member.peer.tell("auth_tenant_added", &news).await.unwrap();
    }
    member.until("/profiles", "admin", has_default).await;
    member.until("/profiles", "child", has_default).await;
    let news = json!({"uuid": CHILD});
    member
        .peer
        .tell("auth_tenant_deleted", &news)
        .await
        .unwrap();
    let none = |page: &Value| page["total"] == 0;
    member.until("/profiles", "child", none).await;
    for kind in ["sources", "displays"] {
        assert_eq!(member.get(&format!("/{kind}"), "child").await.1["total"], 0);
    }
    assert_eq!(member.get("/profiles", "admin").await.1["total"], 1);
    let lookup = "/directories/lookup/default?term=a";
    member
        .until(lookup, "child", |body| body["column_headers"].is_null())
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_country_of_a_tenant_is_remembered_and_nonsense_is_not() {
    let member = Member::start().await;
    let tenant = SystemAuthority::new("test").tenant(TenantId::new(CHILD).unwrap());
    let country = async |wanted: &str| {
        let waited = tokio::time::timeout(Duration::from_secs(60), async {
            while member.store.country(&tenant).await.unwrap().as_deref() != Some(wanted) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        waited.await.unwrap();
    };
    let edited = async |country: Value| {
        let data = json!({"tenant_uuid": CHILD, "country": country});
        member
            .peer
            .tell("localization_edited", &data)
            .await
            .unwrap();
    };
    edited(json!("CA")).await;
    country("CA").await;
    for nonsense in [json!("Canada"), json!(5), json!(""), json!("é")] {
        edited(nonsense).await;
    }
    assert_eq!(
        member.store.country(&tenant).await.unwrap().as_deref(),
        Some("CA")
    );
    edited(json!("FR")).await;
    country("FR").await;
}
