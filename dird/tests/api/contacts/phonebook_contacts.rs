//! Contacts of a phonebook, in both APIs (dird-api-contacts.md §3).

use reqwest::Method;
use serde_json::{Value, json};

use super::{assert_refused, without_ids};
use crate::site::Site;

on_both_engines!(
    a_phonebook_holds_each_content_once,
    an_edit_replaces_every_field_and_keeps_the_identifier,
    values_are_texts_and_nothing_is_nested,
    only_an_identifier_is_no_contact,
    an_unknown_contact_is_named,
    both_apis_have_the_same_contacts,
);

async fn a_phonebook_holds_each_content_once(site: Site) {
    let (one, other) = (site.phonebook("one").await, site.phonebook("two").await);
    let contacts = format!("{one}/contacts");
    let ann = json!({"firstname": "Ann", "number": "1"});
    let bob = json!({"firstname": "Bob", "number": "2"});
    site.contact(&contacts, &ann).await;
    let second = site.contact(&contacts, &bob).await;
    // The order of fields and a sent identifier make no difference, case does.
    let same = json!({"number": "1", "id": "x", "firstname": "Ann"});
    let answered = site.send(Method::POST, &contacts, &same).await;
    assert_refused("create", &answered, 409, "Duplicate contact");
    let path = format!("{contacts}/{second}");
    let answered = site.send(Method::PUT, &path, &same).await;
    assert_refused("update", &answered, 409, "Duplicate contact");
    let (_, shown) = site.get(&path, &site.alice).await;
    assert_eq!(shown["firstname"], "Bob", "nothing was changed");
    let (status, _) = site.send(Method::PUT, &path, &bob).await;
    assert_eq!(status, 200, "a contact may stay as it is");
    let upper = json!({"firstname": "ANN", "number": "1"});
    site.contact(&contacts, &upper).await;
    site.contact(&format!("{other}/contacts"), &ann).await;
    assert_eq!(site.items(&contacts).await.len(), 3);
}

async fn an_edit_replaces_every_field_and_keeps_the_identifier(site: Site) {
    let contacts = format!("{}/contacts", site.phonebook("one").await);
    let id = site
        .contact(&contacts, &json!({"firstname": "Ann", "old": "x"}))
        .await;
    let path = format!("{contacts}/{id}");
    let edited = json!({"lastname": "Lee", "id": "another"});
    let (status, shown) = site.send(Method::PUT, &path, &edited).await;
    assert_eq!(
        (status, &shown),
        (200, &json!({"lastname": "Lee", "id": id}))
    );
    assert_eq!(site.get(&path, &site.alice).await, (200, shown.clone()));
    assert_eq!(site.items(&contacts).await, [shown]);
    site.delete(&path).await;
    assert_eq!(site.items(&contacts).await, [] as [Value; 0]);
}

async fn values_are_texts_and_nothing_is_nested(site: Site) {
    let contacts = format!("{}/contacts", site.phonebook("one").await);
    let sent = json!({"a": 12, "b": 1.5, "c": true, "d": null, "e": "", "%?#": "\u{1f600}\n"});
    let kept =
        json!({"a": "12", "b": "1.5", "c": "true", "d": null, "e": "", "%?#": "\u{1f600}\n"});
    let created = site.create(&contacts, &sent).await;
    assert_eq!(
        without_ids(vec![created.clone()]),
        std::slice::from_ref(&kept)
    );
    let path = format!("{contacts}/{}", super::text(&created, "id"));
    assert_eq!(site.get(&path, &site.alice).await, (200, created));
    let answered = site.send(Method::POST, &contacts, &kept).await;
    assert_refused("the same as texts", &answered, 409, "Duplicate contact");
    for nested in [json!({"a": ["x"]}), json!({"a": {"b": "c"}})] {
        for (method, path) in [(Method::POST, &contacts), (Method::PUT, &path)] {
            let answered = site.send(method, path, &nested).await;
            assert_eq!(answered.0, 400, "{nested}: {}", answered.1);
        }
    }
    assert_eq!(site.contents(&contacts).await, [kept]);
}

async fn only_an_identifier_is_no_contact(site: Site) {
    let contacts = format!("{}/contacts", site.phonebook("one").await);
    let answered = site
        .send(Method::POST, &contacts, &json!({"id": "x"}))
        .await;
    assert_refused("create", &answered, 400, "Contacts cannot be empty");
    let (_, listed) = site.get(&contacts, &site.alice).await;
    assert_eq!(listed, json!({"items": [], "total": 0}));
}

async fn an_unknown_contact_is_named(site: Site) {
    let (one, other) = (site.phonebook("one").await, site.phonebook("two").await);
    let elsewhere = format!("{other}/contacts");
    let id = site.contact(&elsewhere, &json!({"a": "b"})).await;
    for id in [id.as_str(), "unknown", "import"] {
        let path = format!("{one}/contacts/{id}");
        for method in [Method::GET, Method::PUT, Method::DELETE] {
            let answered = site.send(method, &path, &json!({"a": "c"})).await;
            assert_refused(&path, &answered, 404, &format!("No such contact: {id}"));
        }
    }
    assert_eq!(site.items(&elsewhere).await.len(), 1);
}

async fn both_apis_have_the_same_contacts(site: Site) {
    let made = site.create("/phonebooks", &json!({"name": "one"})).await;
    let new = format!("/phonebooks/{}/contacts", super::text(&made, "uuid"));
    let number = &made["id"];
    let old = format!("/tenants/{}/phonebooks/{number}/contacts", site.tenant_name);
    for (here, there) in [(&new, &old), (&old, &new)] {
        let id = site.contact(here, &json!({"firstname": "Ann"})).await;
        let shown = site.get(&format!("{there}/{id}"), &site.alice).await;
        assert_eq!(shown, (200, json!({"firstname": "Ann", "id": id})));
        let edited = json!({"firstname": "Eva"});
        let (status, edited) = site
            .send(Method::PUT, &format!("{there}/{id}"), &edited)
            .await;
        assert_eq!(status, 200);
        assert_eq!(site.items(here).await, [edited]);
        site.delete(&format!("{there}/{id}")).await;
        assert_eq!(site.items(here).await, [] as [Value; 0]);
    }
}
