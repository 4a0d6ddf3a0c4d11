//! One number in several spellings, and names by the letters of a keypad: options of a profile that are off unless it asks.

use std::time::Duration;

use dird::identity::{SystemAuthority, TenantId};
use reqwest::Method;
use serde_json::{Value, json};

use crate::fake_auth::USER;
use crate::site::Site;

/// A source over a file.
async fn source(site: &Site, name: &str, text: &str) -> Value {
    let file = site.folder.path().join(format!("{name}.csv"));
    std::fs::write(&file, text).unwrap();
    let body = json!({"name": name, "file": file, "unique_column": "id",
        "searched_columns": ["fn", "num"], "first_matched_columns": ["num"],
        "format_columns": {"reverse": "{fn}"}});
    let (status, created) = site
        .send(Method::POST, "/backends/csv/sources", &body)
        .await;
    assert!(status < 300, "{created}");
    json!({"uuid": created["uuid"]})
}

/// A profile with these options over sources, for both services.
async fn profile(site: &Site, name: &str, sources: &[Value], options: Value) -> Value {
    let columns = json!({"name": name, "columns": [{"field": "fn"}]});
    let (_, display) = site.send(Method::POST, "/displays", &columns).await;
    let mut service = json!({"sources": sources, "options": {"timeout": 30}});
    for (name, option) in options.as_object().into_iter().flatten() {
        service["options"][name] = option.clone();
    }
    let body = json!({"name": name, "display": {"uuid": display["uuid"]},
        "services": {"lookup": service, "reverse": service}});
    let (status, created) = site.send(Method::POST, "/profiles", &body).await;
    assert_eq!(status, 201, "{created}");
    created
}

async fn whose(site: &Site, profile: &str, number: &str) -> Value {
    let number = number.replace('+', "%2B").replace(' ', "%20");
    let path = format!("/directories/reverse/{profile}/{USER}?exten={number}");
    let (status, body) = site.get(&path, &site.alice).await;
    assert_eq!(status, 200, "{body}");
    body["display"].clone()
}

async fn found(site: &Site, profile: &str, term: &str) -> Vec<String> {
    let path = format!("/directories/lookup/{profile}?term={term}");
    let (status, body) = site.get(&path, &site.alice).await;
    assert_eq!(status, 200, "{body}");
    let rows = body["results"].as_array().unwrap().iter();
    rows.map(|row| row["column_values"][0].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn with_a_region_every_spelling_of_a_number_finds_its_contact() {
    let site = Site::start(json!({})).await;
    let text = "id,fn,num\n1,E164,+33123456789\n2,National,0611223344\n3,Desk,1001\n4,Zeros,0033955667788\n";
    let people = source(&site, "people", text).await;
    profile(
        &site,
        "fr",
        std::slice::from_ref(&people),
        json!({"region": "FR"}),
    )
    .await;
    profile(&site, "plain", &[people], json!({})).await;
    for (number, expected) in [
        ("+33123456789", "E164"),
        ("0033 1 23 45 67 89", "E164"),
        ("01 23 45 67 89", "E164"),
        ("+33 6 11 22 33 44", "National"),
        ("0033611223344", "National"),
        ("09 55 66 77 88", "Zeros"),
        ("1001", "Desk"),
    ] {
        assert_eq!(whose(&site, "fr", number).await, expected, "{number}");
    }
    for number in [
        "123456789",
        "33123456789",
        "001001",
        "+1001",
        "+49123456789",
    ] {
        assert_eq!(whose(&site, "fr", number).await, Value::Null, "{number}");
    }
    assert_eq!(whose(&site, "plain", "0123456789").await, Value::Null);
    assert_eq!(whose(&site, "plain", "+33123456789").await, "E164");
}

#[tokio::test]
async fn a_number_as_it_was_given_wins_over_its_other_spellings() {
    let site = Site::start(json!({})).await;
    let text = "id,fn,num\n1,Other,+33123456789\n2,Exact,0123456789\n";
    let people = source(&site, "people", text).await;
    profile(&site, "fr", &[people], json!({"region": "FR"})).await;
    assert_eq!(whose(&site, "fr", "0123456789").await, "Exact");
    assert_eq!(whose(&site, "fr", "+33123456789").await, "Other");
}

#[tokio::test]
async fn the_country_of_the_tenant_is_the_region_of_profiles_that_name_none() {
    let site = Site::start(json!({})).await;
    let people = source(&site, "people", "id,fn,num\n1,Zoe,+33123456789\n").await;
    profile(&site, "own", std::slice::from_ref(&people), json!({})).await;
    profile(&site, "german", &[people], json!({"region": "DE"})).await;
    assert_eq!(whose(&site, "own", "0123456789").await, Value::Null);
    let tenant = SystemAuthority::new("tests").tenant(TenantId::new(&site.tenant).unwrap());
    site.store.set_country(&tenant, Some("FR")).await.unwrap();
    // Somebody else wrote it: dird hears of it soon.
    let heard = async {
        while whose(&site, "own", "0123456789").await != "Zoe" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), heard)
        .await
        .unwrap();
    assert_eq!(whose(&site, "german", "0123456789").await, Value::Null);
    assert_eq!(whose(&site, "german", "0033123456789").await, "Zoe");
}

#[tokio::test]
async fn with_t9_digits_find_names_after_numbers_and_nobody_twice() {
    let site = Site::start(json!({})).await;
    let text = "id,fn,num\n1,Max,100\n2,Zed,5629\n3,Mary Jones,200\n4,Max Six,629\n";
    let people = source(&site, "people", text).await;
    profile(
        &site,
        "t9",
        std::slice::from_ref(&people),
        json!({"t9": true}),
    )
    .await;
    profile(&site, "off", &[people], json!({"t9": false})).await;
    assert_eq!(found(&site, "t9", "629").await, ["Zed", "Max Six", "Max"]);
    assert_eq!(found(&site, "t9", "566").await, ["Mary Jones"]);
    assert_eq!(found(&site, "t9", "62795").await, ["Mary Jones"]);
    assert_eq!(
        found(&site, "t9", "62").await,
        ["Zed", "Max Six"],
        "too short for a name"
    );
    assert_eq!(found(&site, "off", "629").await, ["Zed", "Max Six"]);
}

/// A personal source of alice and one over a phonebook, each with a contact: `Max Own` and `Max Book`, with these numbers.
async fn stored(site: &Site, own: &str, shared: &str) -> [Value; 2] {
    let columns = json!({"searched_columns": ["fn"], "first_matched_columns": ["num"],
        "format_columns": {"reverse": "{fn}"}});
    let create = async |path: &str, own: Value| {
        let mut body = columns.clone();
        body.as_object_mut()
            .unwrap()
            .extend(own.as_object().unwrap().clone());
        let (status, made) = site.send(Method::POST, path, &body).await;
        assert!(status < 300, "{made}");
        json!({"uuid": made["uuid"]})
    };
    let (_, book) = site
        .send(Method::POST, "/phonebooks", &json!({"name": "book"}))
        .await;
    let sources = [
        create("/backends/personal/sources", json!({"name": "own"})).await,
        create(
            "/backends/phonebook/sources",
            json!({"name": "book", "phonebook_uuid": book["uuid"]}),
        )
        .await,
    ];
    let path = format!("/phonebooks/{}/contacts", book["uuid"].as_str().unwrap());
    for (path, name, number) in [("/personal", "Max Own", own), (&*path, "Max Book", shared)] {
        let contact = json!({"fn": name, "num": number});
        let (status, made) = site.send(Method::POST, path, &contact).await;
        assert_eq!(status, 201, "{made}");
    }
    sources
}

#[tokio::test]
async fn with_t9_the_users_own_contacts_and_phonebooks_are_found_too() {
    let site = Site::start(json!({})).await;
    let sources = stored(&site, "1", "2").await;
    profile(&site, "t9", &sources, json!({"t9": true})).await;
    assert_eq!(found(&site, "t9", "629").await, ["Max Own", "Max Book"]);
}

#[tokio::test]
async fn with_a_region_numbers_are_found_whatever_separates_their_digits() {
    let site = Site::start(json!({})).await;
    let text = "id,fn,num\n1,Spaced,+33 (0)1 23 45 67 89\n2,Dots,06.11.22.33.44\n3,Plain,0611223344\n4,Desk,10 01\n";
    let people = source(&site, "people", text).await;
    let [own, book] = stored(&site, "04 70 00 00 01", "0033-470-000-002").await;
    profile(&site, "fr", &[people, own, book], json!({"region": "FR"})).await;
    for (number, expected) in [
        ("0123456789", "Spaced"),
        ("+33123456789", "Spaced"),
        ("+33470000001", "Max Own"),
        ("0470000001", "Max Own"),
        ("04 70 00 00 02", "Max Book"),
    ] {
        assert_eq!(whose(&site, "fr", number).await, expected, "{number}");
    }
    let plain = whose(&site, "fr", "+33611223344").await;
    assert_eq!(plain, "Plain", "digits alone win over separated ones");
    assert_eq!(whose(&site, "fr", "1001").await, Value::Null);
}

#[tokio::test]
async fn options_are_shown_when_they_are_set_and_checked() {
    let site = Site::start(json!({})).await;
    let set = json!({"region": "FR", "t9": true});
    let shown = profile(&site, "set", &[], set).await;
    let options = &shown["services"]["lookup"]["options"];
    assert_eq!(
        (&options["region"], &options["t9"]),
        (&json!("FR"), &json!(true))
    );
    let plain = profile(&site, "plain", &[], json!({"timeout": 2})).await;
    assert_eq!(
        plain["services"]["lookup"]["options"],
        json!({"timeout": 2.0})
    );
    for wrong in [
        json!({"region": "XX"}),
        json!({"region": 33}),
        json!({"t9": "yes please"}),
    ] {
        let body = json!({"name": "wrong", "services": {"lookup": {"options": wrong}}});
        let (status, refused) = site.send(Method::POST, "/profiles", &body).await;
        assert_eq!(
            (status, &refused["error_id"]),
            (400, &json!("invalid-data")),
            "{wrong}"
        );
    }
}
