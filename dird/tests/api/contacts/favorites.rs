//! Favourites, and where they show (dird-api-directories.md §6–§9).

use reqwest::Method;
use serde_json::{Value, json};

use super::{Directory, assert_refused, rows};
use crate::site::Site;

on_both_engines!(
    a_favourite_shows_wherever_its_contact_does,
    a_favourite_is_added_once_and_removed_once,
    a_source_that_is_not_asked_for_favourites_shows_none,
    a_favourite_whose_contact_is_gone_is_left_out_until_it_is_removed,
    favourites_are_a_users_own,
    a_profile_without_favourites_says_so,
    names_with_slashes_are_split_at_the_last,
    of_sources_that_share_a_name_the_one_that_is_asked_for_favourites_counts,
    identifiers_that_no_database_takes_are_refused,
    a_name_with_a_nul_is_nobodys,
    words_in_paths_may_be_names,
    every_contact_of_the_users_own_is_in_the_personal_view,
);

const LIST: &str = "/directories/favorites/default";

fn favorite(source: &str, contact: &str) -> String {
    format!("/directories/favorites/{source}/{contact}")
}

async fn put(site: &Site, source: &str, contact: &str) {
    let path = favorite(source, contact);
    let (status, body) = site.send(Method::PUT, &path, &Value::Null).await;
    assert_eq!(status, 204, "{path}: {body}");
}

async fn a_favourite_shows_wherever_its_contact_does(site: Site) {
    let directory = Directory::make(&site).await;
    let ann = json!({"firstname": "Ann"});
    let of_book = site.contact(&directory.book, &ann).await;
    let own = site.contact("/personal", &ann).await;
    let lookup = "/directories/lookup/default?term=ann";
    let personal = "/directories/personal/default";
    for (book, mine) in [(false, false), (true, false), (true, true), (false, true)] {
        for (source, id, wanted) in [("book", &of_book, book), ("mine", &own, mine)] {
            let shown = Directory::rows(&site, LIST).await;
            let personal = json!(source == "mine");
            let is = shown.iter().any(|row| row[2] == personal);
            if wanted && !is {
                put(&site, source, id).await;
            } else if is && !wanted {
                site.delete(&favorite(source, id)).await;
            }
        }
        let both = [json!(["Ann", book, false]), json!(["Ann", mine, true])];
        assert_eq!(Directory::rows(&site, lookup).await, both);
        assert_eq!(Directory::rows(&site, personal).await, both[1..]);
        let marked: Vec<Value> = both.into_iter().filter(|row| row[1] == true).collect();
        assert_eq!(Directory::rows(&site, LIST).await, marked);
    }
}

async fn a_favourite_is_added_once_and_removed_once(site: Site) {
    Directory::make(&site).await;
    // Whether there is such a contact is not asked.
    let path = favorite("book", "nobody");
    put(&site, "book", "nobody").await;
    let again = site.send(Method::PUT, &path, &Value::Null).await;
    let duplicate = "Adding this favorite would create a duplicate";
    assert_refused("again", &again, 409, duplicate);
    assert_eq!(Directory::rows(&site, LIST).await, [] as [Value; 0]);
    site.delete(&path).await;
    let gone = site.send(Method::DELETE, &path, &Value::Null).await;
    let reason = "No such favorite: ('book', 'nobody')";
    assert_refused("removed again", &gone, 404, reason);
    for method in [Method::PUT, Method::DELETE] {
        let path = favorite("no", "1");
        let unknown = site.send(method, &path, &Value::Null).await;
        assert_refused("no such source", &unknown, 404, "No such source: no");
    }
}

async fn a_source_that_is_not_asked_for_favourites_shows_none(site: Site) {
    let directory = Directory::make(&site).await;
    let id = site
        .contact(&directory.book, &json!({"firstname": "Ann"}))
        .await;
    put(&site, "book", &id).await;
    let (_, profiles) = site.get("/profiles", &site.alice).await;
    let profile = &profiles["items"][0];
    let book = json!({"sources": [{"uuid": directory.source}]});
    let mine = json!({"sources": [{"uuid": directory.mine}]});
    let body = json!({"name": "default", "display": {"uuid": profile["display"]["uuid"]},
        "services": {"lookup": book, "favorites": mine}});
    let path = format!("/profiles/{}", super::text(profile, "uuid"));
    assert_eq!(site.send(Method::PUT, &path, &body).await.0, 204);
    let lookup = Directory::rows(&site, "/directories/lookup/default?term=ann").await;
    assert_eq!(lookup, [json!(["Ann", false, false])]);
    assert_eq!(Directory::rows(&site, LIST).await, [] as [Value; 0]);
}

async fn a_favourite_whose_contact_is_gone_is_left_out_until_it_is_removed(site: Site) {
    let directory = Directory::make(&site).await;
    let id = site
        .contact(&directory.book, &json!({"firstname": "Ann"}))
        .await;
    put(&site, "book", &id).await;
    site.delete(&format!("{}/{id}", directory.book)).await;
    assert_eq!(Directory::rows(&site, LIST).await, [] as [Value; 0]);
    site.delete(&favorite("book", &id)).await;
}

async fn favourites_are_a_users_own(site: Site) {
    let directory = Directory::make(&site).await;
    let id = site
        .contact(&directory.book, &json!({"firstname": "Ann"}))
        .await;
    put(&site, "book", &id).await;
    // A token without a user has none, and can make none.
    let request = |method, path: &str| {
        let request = site.request(method, path, &site.master);
        request.header("Wazo-Tenant", &site.tenant).send()
    };
    let shown = request(Method::GET, LIST).await.unwrap();
    let (status, table) = crate::site::answer(shown).await;
    assert_eq!((status, &table["results"]), (200, &json!([])));
    for method in [Method::PUT, Method::DELETE] {
        let refused = request(method, &favorite("book", "1")).await.unwrap();
        let (status, body) = crate::site::answer(refused).await;
        let reason = json!(["This token has no user UUID"]);
        assert_eq!((status, &body["reason"]), (401, &reason));
    }
    let path = format!(
        "/directories/lookup/default/{}?term=ann",
        crate::fake_auth::USER
    );
    let for_alice = rows(&site, &path, &site.alice).await;
    assert_eq!(for_alice, [json!(["Ann", true, false])]);
    let path = path.replace(crate::fake_auth::USER, "somebody");
    let for_another = rows(&site, &path, &site.alice).await;
    assert_eq!(for_another, [json!(["Ann", false, false])]);
}

async fn a_profile_without_favourites_says_so(site: Site) {
    let bare = json!({"name": "bare", "services": {}});
    site.create("/profiles", &bare).await;
    let answered = site.get("/directories/favorites/bare", &site.alice).await;
    let reason = "No such profile in favorite service configuration: bare";
    assert_refused("no service", &answered, 404, reason);
    // Without a display there are no columns (O-3).
    let path = "/directories/lookup/bare/headers";
    let none = json!({"column_headers": [], "column_types": []});
    assert_eq!(site.get(path, &site.alice).await, (200, none));
}

async fn names_with_slashes_are_split_at_the_last(site: Site) {
    let source = json!({"name": "a/b c"});
    site.create("/backends/personal/sources", &source).await;
    put(&site, "a/b%20c", "x%2Fy").await;
    let path = favorite("a/b%20c", "x%2Fy");
    let again = site.send(Method::PUT, &path, &Value::Null).await;
    assert_eq!(again.0, 409, "{}", again.1);
    let other = favorite("a/b%20c", "x");
    let other = site.send(Method::DELETE, &other, &Value::Null).await;
    let reason = "No such favorite: ('a/b c', 'x')";
    assert_refused("another contact", &other, 404, reason);
    site.delete(&path).await;
}

async fn every_contact_of_the_users_own_is_in_the_personal_view(site: Site) {
    let path = "/directories/personal/default";
    let bare = json!({"name": "default", "services": {}});
    let bare = site.create("/profiles", &bare).await;
    site.contact("/personal", &json!({"firstname": "Ann"}))
        .await;
    assert_eq!(Directory::rows(&site, path).await.len(), 0, "no source");
    site.delete(&format!("/profiles/{}", super::text(&bare, "uuid")))
        .await;
    Directory::make(&site).await;
    site.contact("/personal", &json!({"lastname": "Lee"})).await;
    let all = [json!(["Ann", false, true]), json!([null, false, true])];
    assert_eq!(Directory::rows(&site, path).await, all);
    let unknown = site.get("/directories/personal/no", &site.alice).await;
    let reason = "The profile `no` does not exist";
    assert_refused("no profile", &unknown, 404, reason);
}

async fn of_sources_that_share_a_name_the_one_that_is_asked_for_favourites_counts(site: Site) {
    let directory = Directory::make(&site).await;
    let id = site
        .contact(&directory.book, &json!({"firstname": "Ann"}))
        .await;
    // More sources over the same phonebook, so that some come before it and some after.
    let phonebook = directory.book.trim_start_matches("/phonebooks/");
    let body = json!({"phonebook_uuid": phonebook.trim_end_matches("/contacts")});
    for _ in 0..6 {
        site.create("/backends/phonebook/sources", &body).await;
    }
    put(&site, "book", &id).await;
    assert_eq!(
        Directory::rows(&site, LIST).await,
        [json!(["Ann", true, false])]
    );
    site.delete(&favorite("book", &id)).await;
    assert_eq!(Directory::rows(&site, LIST).await, [] as [Value; 0]);
}

async fn identifiers_that_no_database_takes_are_refused(site: Site) {
    Directory::make(&site).await;
    // Without any order, lest a database makes it short.
    let mut dice = 1_u64;
    let mut letter = || {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from_u32(0x1_0000 + (dice >> 50) as u32).unwrap()
    };
    for (length, added) in [(512, 204), (513, 400), (600, 400)] {
        let id: String = (0..length).map(|_| letter()).collect();
        let path = favorite("book", &id);
        let (status, body) = site.send(Method::PUT, &path, &Value::Null).await;
        assert_eq!(status, added, "{length}: {body}");
        let removed = if added == 204 { 204 } else { 404 };
        let (status, body) = site.send(Method::DELETE, &path, &Value::Null).await;
        assert_eq!(status, removed, "{length}: {body}");
    }
}

async fn a_name_with_a_nul_is_nobodys(site: Site) {
    let directory = Directory::make(&site).await;
    let book = directory.book.trim_end_matches("/contacts");
    for (path, methods) in [
        ("/personal/%00".to_owned(), "GET PUT DELETE"),
        (format!("{book}/contacts/%00"), "GET PUT DELETE"),
        ("/tenants/%00/phonebooks".to_owned(), "GET POST"),
        ("/directories/favorites/%00".to_owned(), "GET"),
        ("/directories/personal/%00".to_owned(), "GET"),
        ("/directories/lookup/%00/headers".to_owned(), "GET"),
        ("/directories/favorites/%00/1".to_owned(), "PUT DELETE"),
        ("/directories/favorites/book/%00".to_owned(), "PUT DELETE"),
        ("/backends/phonebook/sources/%00/contacts".to_owned(), "GET"),
    ] {
        for method in methods.split(' ') {
            let method: Method = method.parse().unwrap();
            let about = format!("{method} {path}");
            let (status, body) = site.send(method, &path, &json!({"name": "x"})).await;
            assert_eq!(status, 404, "{about}: {body}");
        }
    }
}

async fn words_in_paths_may_be_names(site: Site) {
    let no_profile = |name| format!("The profile `{name}` does not exist");
    for (path, name) in [
        ("/directories/favorites/sources", "sources"),
        ("/directories/personal/sources", "sources"),
        ("/directories/lookup/headers?term=x", "headers"),
        ("/directories/lookup/headers/headers", "headers"),
    ] {
        let answered = site.get(path, &site.alice).await;
        assert_refused(path, &answered, 404, &no_profile(name));
    }
    let path = favorite("a", "sources");
    let refused = site.request(Method::GET, &path, &site.alice).send().await;
    let refused = refused.unwrap();
    assert_eq!(refused.status().as_u16(), 405);
    assert_eq!(refused.headers()["allow"], "DELETE, OPTIONS, PUT");
}
