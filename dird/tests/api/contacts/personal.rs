//! What users keep for themselves (dird-api-contacts.md §1.1–§1.6).

use reqwest::Method;
use serde_json::{Value, json};

use super::{Directory, assert_refused, text};
use crate::site::Site;

const ALL: &str = "/personal";
const CREATE_DUPLICATE: &str = "Addind this contact would create a duplicate";
const UPDATE_DUPLICATE: &str = "Modifying this contact would create a duplicate";

on_both_engines!(
    a_user_has_each_content_once,
    a_sent_identifier_is_used_and_belongs_to_nobody_else,
    an_edit_replaces_every_field_and_keeps_the_identifier,
    the_list_has_an_order_and_bounds_of_its_own,
    wrong_bounds_are_told_as_one_text,
    a_purge_removes_all_and_may_be_repeated,
    a_contact_may_be_called_import_or_hold_a_slash,
    a_token_without_a_user_has_no_contacts,
    bodies_are_no_contacts_by_accident,
);

async fn a_user_has_each_content_once(site: Site) {
    let ann = json!({"firstname": "Ann", "number": "1"});
    site.contact(ALL, &ann).await;
    let bob = site.contact(ALL, &json!({"firstname": "Bob"})).await;
    let same = json!({"number": "1", "firstname": "Ann", "id": "another"});
    let answered = site.send(Method::POST, ALL, &same).await;
    assert_refused("create", &answered, 409, CREATE_DUPLICATE);
    let path = format!("{ALL}/{bob}");
    let answered = site.send(Method::PUT, &path, &ann).await;
    assert_refused("update", &answered, 409, UPDATE_DUPLICATE);
    let (_, shown) = site.get(&path, &site.alice).await;
    assert_eq!(shown["firstname"], "Bob", "nothing was changed");
    site.contact(ALL, &json!({"firstname": "ann", "number": "1"}))
        .await;
    let request = site.request(Method::POST, ALL, &site.gina);
    let hers = request.body(ann.to_string()).send().await.unwrap();
    assert_eq!(hers.status().as_u16(), 201, "another user may have it too");
    assert_eq!(
        site.create(ALL, &json!({}))
            .await
            .as_object()
            .unwrap()
            .len(),
        1
    );
}

async fn a_sent_identifier_is_used_and_belongs_to_nobody_else(site: Site) {
    let own = "a".repeat(38);
    let created = site.create(ALL, &json!({"id": own, "a": "b"})).await;
    assert_eq!(created, json!({"id": own, "a": "b"}));
    let taken = json!({"id": own, "a": "c"});
    let answered = site.send(Method::POST, ALL, &taken).await;
    assert_refused("again", &answered, 409, CREATE_DUPLICATE);
    let request = site.request(Method::POST, ALL, &site.gina);
    let hers = request.body(taken.to_string()).send().await.unwrap();
    assert_eq!(hers.status().as_u16(), 409, "nor anybody else's");
    let long = json!({"id": "\u{e9}".repeat(39), "a": "d"});
    assert_eq!(site.send(Method::POST, ALL, &long).await.0, 400);
    let accents = "\u{e9}".repeat(38);
    site.create(ALL, &json!({"id": accents, "a": "e"})).await;
    let empty = site.create(ALL, &json!({"id": "", "a": "f"})).await;
    assert_eq!(text(&empty, "id").len(), 36, "an empty one is none");
}

async fn an_edit_replaces_every_field_and_keeps_the_identifier(site: Site) {
    let id = site
        .contact(ALL, &json!({"firstname": "Ann", "old": "x"}))
        .await;
    let path = format!("{ALL}/{id}");
    let edited = json!({"lastname": "", "id": "another"});
    let shown = json!({"lastname": "", "id": id});
    for _ in 0..2 {
        let answered = site.send(Method::PUT, &path, &edited).await;
        assert_eq!(answered, (200, shown.clone()));
    }
    assert_eq!(site.items(ALL).await, [shown]);
    site.delete(&path).await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let answered = site.send(method, &path, &edited).await;
        assert_refused(&path, &answered, 404, &format!("No such contact: {id}"));
    }
    // A bad body is told before a contact that is not there.
    let answered = site.send(Method::PUT, &path, &json!({"a": 1})).await;
    assert_refused(&path, &answered, 400, "all values must be strings");
}

async fn the_list_has_an_order_and_bounds_of_its_own(site: Site) {
    for (name, city) in [("zoe", "b"), ("\u{c9}va", ""), ("adam", "A")] {
        site.contact(ALL, &json!({"firstname": name, "city": city}))
            .await;
    }
    site.contact(ALL, &json!({"firstname": "Bob"})).await;
    for (query, expected) in [
        ("", ["zoe", "\u{c9}va", "adam", "Bob"].as_slice()),
        ("order=", &["zoe", "\u{c9}va", "adam", "Bob"]),
        ("order=firstname", &["adam", "Bob", "\u{c9}va", "zoe"]),
        (
            "order=firstname&direction=desc",
            &["zoe", "\u{c9}va", "Bob", "adam"],
        ),
        ("order=city", &["adam", "zoe", "\u{c9}va", "Bob"]),
        (
            "order=city&direction=desc",
            &["\u{c9}va", "Bob", "zoe", "adam"],
        ),
        ("order=firstname&limit=2&offset=1", &["Bob", "\u{c9}va"]),
        ("limit=%2B1&offset=%203%20", &["Bob"]),
        (
            "limit=99999999999999999999&offset=99999999999999999999",
            &[],
        ),
        ("search=zoe&limit=4", &["zoe", "\u{c9}va", "adam", "Bob"]),
    ] {
        let items = site.items(&format!("{ALL}?{query}")).await;
        let names: Vec<&str> = items
            .iter()
            .map(|item| item["firstname"].as_str().unwrap())
            .collect();
        assert_eq!(names, expected, "{query}");
    }
    let (_, body) = site.get(ALL, &site.alice).await;
    assert_eq!(body.as_object().unwrap().len(), 1, "no counts: {body}");
}

async fn wrong_bounds_are_told_as_one_text(site: Site) {
    let wrong = [
        ("direction=up", "direction must be asc or desc"),
        ("direction=", "direction must be asc or desc"),
        ("limit=0", "limit must be a positive number"),
        ("limit=-1", "limit must be a positive number"),
        ("offset=-1", "offset must be positive number"),
        ("limit=x", "invalid literal for int() with base 10: 'x'"),
        (
            "offset=1.5",
            "invalid literal for int() with base 10: '1.5'",
        ),
    ];
    for (query, reason) in wrong {
        let (status, body) = site.get(&format!("{ALL}?{query}"), &site.alice).await;
        assert_eq!((status, &body["reason"]), (400, &json!(reason)), "{query}");
        assert_eq!(body["status_code"], 400);
    }
    // A column is unknown only if there is somebody who could have it.
    assert_eq!(site.items(&format!("{ALL}?order=zzz")).await.len(), 0);
    site.contact(ALL, &json!({"a": "b"})).await;
    let (status, body) = site.get(&format!("{ALL}?order=zzz"), &site.alice).await;
    let reason = json!("order: column 'zzz' was not found");
    assert_eq!((status, &body["reason"]), (400, &reason));
    assert_eq!(site.items(&format!("{ALL}?order=id")).await.len(), 1);
}

async fn a_purge_removes_all_and_may_be_repeated(site: Site) {
    site.delete(ALL).await;
    for name in ["a", "b"] {
        site.contact(ALL, &json!({"firstname": name})).await;
    }
    site.delete(ALL).await;
    assert_eq!(site.items(ALL).await, [] as [Value; 0]);
    site.delete(ALL).await;
    site.contact(ALL, &json!({"firstname": "a"})).await;
}

async fn a_contact_may_be_called_import_or_hold_a_slash(site: Site) {
    for (id, path) in [("import", "import"), ("a/b", "a%2Fb"), ("a%2Fb", "a%252Fb")] {
        let created = site.create(ALL, &json!({"id": id, "name": id})).await;
        let path = format!("{ALL}/{path}");
        assert_eq!(site.get(&path, &site.alice).await, (200, created));
        let edited = json!({"name": "x"});
        assert_eq!(
            site.send(Method::PUT, &path, &edited).await.0,
            200,
            "{path}"
        );
        site.delete(&path).await;
        let gone = site.get(&path, &site.alice).await;
        assert_refused(&path, &gone, 404, &format!("No such contact: {id}"));
    }
}

async fn a_token_without_a_user_has_no_contacts(site: Site) {
    let directory = Directory::make(&site).await;
    site.contact(&directory.book, &json!({"firstname": "of the book"}))
        .await;
    site.contact(ALL, &json!({"firstname": "of alice"})).await;
    let path = "/directories/personal/default";
    assert_eq!(Directory::rows(&site, path).await.len(), 1);
    let master = site
        .request(Method::GET, path, &site.master)
        .header("Wazo-Tenant", &site.tenant);
    let (status, table) = crate::site::answer(master.send().await.unwrap()).await;
    assert_eq!((status, &table["results"]), (200, &json!([])));
}

async fn bodies_are_no_contacts_by_accident(site: Site) {
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(11 << 20));
    let book = format!("{}/contacts", site.phonebook("one").await);
    for list in [ALL, &book] {
        for (body, expected) in [
            ("{\"a\": \"b\\u0000\"}", 400),
            ("{\"a\\u0000\": \"b\"}", 400),
            ("\u{feff}{\"a\": \"with a mark\"}", 201),
            ("{\"a\": \"once\", \"a\": \"twice\"}", 201),
            ("[]", 400),
            ("false", 400),
            ("\"\"", 400),
            (long.as_str(), 413),
        ] {
            let request = site.request(Method::POST, list, &site.alice);
            let answered = request.body(body.to_owned()).send().await.unwrap();
            let start: String = body.chars().take(40).collect();
            assert_eq!(answered.status().as_u16(), expected, "{list}: {start:?}");
        }
        let kept = [json!({"a": "with a mark"}), json!({"a": "twice"})];
        assert_eq!(site.contents(list).await, kept, "{list}");
    }
}
