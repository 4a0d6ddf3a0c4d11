//! Phonebooks from their creation to their end, in both APIs.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Directory, assert_refused, text};
use crate::cases::expected::NOTHING;
use crate::site::Site;

on_both_engines!(
    a_phonebook_is_made_shown_and_removed_in_both_apis,
    a_taken_name_is_refused_and_changes_nothing,
    a_description_that_is_not_sent_stays,
    a_phonebook_may_be_put_back_as_it_was_read,
    a_phonebook_takes_its_sources_and_favourites_with_it,
    numbers_that_are_no_phonebooks_are_named,
    paths_that_are_no_identifiers_are_no_routes,
);

async fn a_phonebook_is_made_shown_and_removed_in_both_apis(site: Site) {
    let old = format!("/tenants/{}/phonebooks", site.tenant_name);
    for (number, all) in ["/phonebooks", &old].into_iter().enumerate() {
        let sent = json!({"name": format!("b{number}"), "description": "for \u{e9}lise"});
        let made = site.create(all, &sent).await;
        assert_eq!(made["name"], sent["name"]);
        assert_eq!(made["description"], sent["description"]);
        assert_eq!(made["tenant_uuid"], site.tenant.as_str());
        for one in [
            format!("/phonebooks/{}", text(&made, "uuid")),
            format!("/phonebooks/{}", text(&made, "uuid").to_uppercase()),
            format!("{old}/{}", made["id"]),
        ] {
            assert_eq!(site.get(&one, &site.alice).await, (200, made.clone()));
        }
        let one = format!("{old}/{}", made["id"]);
        let edited = json!({"name": format!("c{number}"), "description": null});
        let (status, shown) = site.send(Method::PUT, &one, &edited).await;
        assert_eq!((status, &shown["description"]), (200, &Value::Null));
        assert_eq!((&shown["id"], &shown["uuid"]), (&made["id"], &made["uuid"]));
        site.delete(&format!("/phonebooks/{}", text(&made, "uuid")))
            .await;
        let gone = site.get(&one, &site.alice).await;
        let reason = format!("No such phonebook: {{'id': {}}}", made["id"]);
        assert_refused(&one, &gone, 404, &reason);
    }
    assert_eq!(site.items("/phonebooks").await, [] as [Value; 0]);
}

async fn a_taken_name_is_refused_and_changes_nothing(site: Site) {
    let first = site.phonebook("taken").await;
    let second = site.phonebook("other").await;
    let body = json!({"name": "taken"});
    let refused = "Duplicating phonebook";
    let answered = site.send(Method::POST, "/phonebooks", &body).await;
    assert_refused("create", &answered, 409, refused);
    let answered = site.send(Method::PUT, &second, &body).await;
    assert_refused("update", &answered, 409, refused);
    let old = format!("/tenants/{}/phonebooks", site.tenant_name);
    let answered = site.send(Method::POST, &old, &body).await;
    assert_refused("the deprecated create", &answered, 409, refused);
    let (_, shown) = site.get(&second, &site.alice).await;
    assert_eq!(shown["name"], "other");
    // Case counts, and so does the tenant; its own name a phonebook may keep.
    site.phonebook("Taken").await;
    let (status, _) = site.send(Method::PUT, &first, &body).await;
    assert_eq!(status, 200);
    let request = site.request(Method::POST, "/phonebooks", &site.gina);
    let foreign = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(foreign.status().as_u16(), 201);
}

async fn a_description_that_is_not_sent_stays(site: Site) {
    let sent = json!({"name": "a", "description": "kept"});
    let made = site.create("/phonebooks", &sent).await;
    let one = format!("/phonebooks/{}", text(&made, "uuid"));
    for (body, description) in [
        (json!({"name": "b"}), json!("kept")),
        (json!({"name": "b", "description": ""}), json!("")),
        (json!({"name": "b", "description": null}), Value::Null),
    ] {
        let (status, shown) = site.send(Method::PUT, &one, &body).await;
        assert_eq!((status, &shown["description"]), (200, &description));
        assert_eq!(site.get(&one, &site.alice).await.1, shown);
    }
}

async fn a_phonebook_may_be_put_back_as_it_was_read(site: Site) {
    let one = site.phonebook("round").await;
    let (_, read) = site.get(&one, &site.alice).await;
    assert_eq!(
        site.send(Method::PUT, &one, &read).await,
        (200, read.clone())
    );
    // What comes back in them is not looked at.
    let mut strange = read.clone();
    strange["id"] = json!("x");
    strange["tenant_uuid"] = json!(site.foreign);
    assert_eq!(site.send(Method::PUT, &one, &strange).await, (200, read));
}

async fn a_phonebook_takes_its_sources_and_favourites_with_it(site: Site) {
    let directory = Directory::make(&site).await;
    let ann = site
        .contact(&directory.book, &json!({"firstname": "Ann"}))
        .await;
    let favorite = format!("/directories/favorites/book/{ann}");
    let (status, _) = site.send(Method::PUT, &favorite, &Value::Null).await;
    assert_eq!(status, 204);
    let favorites = "/directories/favorites/default";
    let row = json!(["Ann", true, false]);
    assert_eq!(Directory::rows(&site, favorites).await, [row]);

    site.delete(directory.book.trim_end_matches("/contacts"))
        .await;
    let source = format!("/backends/phonebook/sources/{}", directory.source);
    for path in [source.clone(), format!("{source}/contacts")] {
        let (status, body) = site.get(&path, &site.alice).await;
        assert_eq!((status, &body["error_id"]), (404, &json!("unknown-source")));
    }
    assert_eq!(Directory::found(&site, "ann").await, [""; 0]);
    assert_eq!(Directory::rows(&site, favorites).await, [] as [Value; 0]);
    let again = site.send(Method::DELETE, &favorite, &Value::Null).await;
    assert_refused("its favourite", &again, 404, "No such source: book");
}

async fn numbers_that_are_no_phonebooks_are_named(site: Site) {
    let old = format!("/tenants/{}/phonebooks", site.tenant_name);
    let one = format!("{old}/99999999");
    let body = json!({"name": "x"});
    for (method, path) in [
        (Method::GET, one.clone()),
        (Method::PUT, one.clone()),
        (Method::DELETE, one.clone()),
    ] {
        let answered = site.send(method, &path, &body).await;
        assert_refused(&path, &answered, 404, "No such phonebook: {'id': 99999999}");
    }
    let reason = format!(
        "No such phonebook in tenants ['{}']: {{'id': 99999999}}",
        site.tenant
    );
    for (method, path) in [
        (Method::GET, format!("{one}/contacts")),
        (Method::POST, format!("{one}/contacts")),
        (Method::GET, format!("{one}/contacts/{NOTHING}")),
        (Method::PUT, format!("{one}/contacts/{NOTHING}")),
        (Method::DELETE, format!("{one}/contacts/{NOTHING}")),
    ] {
        let answered = site.send(method, &path, &body).await;
        assert_refused(&path, &answered, 404, &reason);
    }
    let imported = site
        .import(&format!("{one}/contacts"), super::CSV, "a\nb\n")
        .await;
    assert_refused("import", &imported, 404, &reason);
    // The new API names the tenant in the same place.
    let path = format!("/phonebooks/{NOTHING}/contacts");
    let reason = format!(
        "No such phonebook in tenants ['{}']: {{'uuid': '{NOTHING}'}}",
        site.tenant
    );
    assert_refused(&path, &site.get(&path, &site.alice).await, 404, &reason);
}

async fn paths_that_are_no_identifiers_are_no_routes(site: Site) {
    let old = format!("/tenants/{}/phonebooks", site.tenant_name);
    let bare = NOTHING.replace('-', "");
    for path in [
        "/phonebooks/unknown".to_owned(),
        format!("/phonebooks/{bare}"),
        "/phonebooks/unknown/contacts".to_owned(),
        format!("{old}/unknown"),
        format!("{old}/-1"),
        format!("{old}/{NOTHING}/contacts"),
    ] {
        for token in ["", &site.alice] {
            let (status, body) = site.get(&path, token).await;
            assert_eq!((status, body.get("reason")), (404, None), "{path}");
        }
    }
}
