//! Lists of contacts in each of the four places that have one: order, search, bounds.

use serde_json::{Value, json};

use super::text;
use crate::site::Site;

on_both_engines!(
    contacts_sort_without_case_and_accents_and_what_has_no_value_comes_last,
    searches_look_into_every_value_and_take_signs_as_they_are,
    a_limit_of_zero_is_no_limit_where_the_contract_says_so,
    counts_are_those_of_the_search_and_of_the_source,
    the_deprecated_list_sorts_by_any_field_with_case,
    parameters_that_are_columns_are_ignored,
);

/// A phonebook with these first names, in this order, seen from its three routes.
struct Places {
    new: String,
    old: String,
    source: String,
}

async fn places(site: &Site, contacts: &[Value]) -> Places {
    let made = site.create("/phonebooks", &json!({"name": "one"})).await;
    let uuid = text(&made, "uuid");
    let source = json!({"name": "s", "phonebook_uuid": uuid});
    let source = site.create("/backends/phonebook/sources", &source).await;
    let number = &made["id"];
    let places = Places {
        new: format!("/phonebooks/{uuid}/contacts"),
        old: format!("/tenants/{}/phonebooks/{number}/contacts", site.tenant_name),
        source: format!(
            "/backends/phonebook/sources/{}/contacts",
            text(&source, "uuid")
        ),
    };
    for contact in contacts {
        site.contact(&places.new, contact).await;
    }
    places
}

/// The first names of a list; a contact without one counts as `-`.
async fn names(site: &Site, list: &str) -> Vec<String> {
    let items = site.items(list).await;
    let name = |item: &Value| item["firstname"].as_str().unwrap_or("-").to_owned();
    items.iter().map(name).collect()
}

fn first(name: &str) -> Value {
    json!({"firstname": name})
}

async fn contacts_sort_without_case_and_accents_and_what_has_no_value_comes_last(site: Site) {
    let sent = [
        first("zoe"),
        json!({"lastname": "x"}),
        first("\u{c9}va"),
        first("adam"),
        first("Bob"),
    ];
    let places = places(&site, &sent).await;
    for list in [&places.new, &places.source] {
        let up = names(&site, &format!("{list}?order=firstname")).await;
        assert_eq!(up, ["adam", "Bob", "\u{c9}va", "zoe", "-"], "{list}");
        let down = names(&site, &format!("{list}?order=firstname&direction=desc")).await;
        assert_eq!(down, ["-", "zoe", "\u{c9}va", "Bob", "adam"], "{list}");
        let cut = format!("{list}?order=firstname&limit=2&offset=1");
        assert_eq!(names(&site, &cut).await, ["Bob", "\u{c9}va"], "{list}");
        let created = names(&site, list).await;
        assert_eq!(created, ["zoe", "-", "\u{c9}va", "adam", "Bob"], "{list}");
    }
}

async fn searches_look_into_every_value_and_take_signs_as_they_are(site: Site) {
    let sent = [
        first("\u{c9}lise"),
        json!({"firstname": "Bob", "note": "100% ELI_te"}),
        first("a\\b"),
    ];
    let places = places(&site, &sent).await;
    for list in [&places.new, &places.old, &places.source] {
        for (search, expected) in [
            ("eli", vec!["\u{c9}lise", "Bob"]),
            ("%C3%89LI", vec!["\u{c9}lise", "Bob"]),
            ("100%25", vec!["Bob"]),
            ("%25", vec!["Bob"]),
            ("_", vec!["Bob"]),
            ("%5C", vec!["a\\b"]),
            ("firstname", vec![]),
            ("%00", vec![]),
            ("", vec!["\u{c9}lise", "Bob", "a\\b"]),
        ] {
            let found = names(&site, &format!("{list}?search={search}")).await;
            assert_eq!(found, expected, "{list}: {search}");
        }
    }
}

async fn a_limit_of_zero_is_no_limit_where_the_contract_says_so(site: Site) {
    let places = places(&site, &[first("a"), first("b")]).await;
    for list in [&places.new, &places.old, &places.source] {
        assert_eq!(names(&site, &format!("{list}?limit=0")).await.len(), 2);
        assert_eq!(names(&site, &format!("{list}?limit=1")).await.len(), 1);
        let beyond = format!("{list}?limit=99999999999999999999&offset=99999999999999999999");
        assert_eq!(names(&site, &beyond).await.len(), 0);
    }
    assert_eq!(site.items("/phonebooks?limit=0").await.len(), 0);
    let old = format!("/tenants/{}/phonebooks?limit=0", site.tenant_name);
    assert_eq!(site.items(&old).await.len(), 1);
}

async fn counts_are_those_of_the_search_and_of_the_source(site: Site) {
    let places = places(&site, &[first("ann"), first("anna"), first("bob")]).await;
    for (list, counts) in [
        (&places.new, json!([2, null])),
        (&places.old, json!([2, null])),
        (&places.source, json!([3, 2])),
    ] {
        let path = format!("{list}?search=ann&limit=1");
        let (_, body) = site.get(&path, &site.alice).await;
        assert_eq!(json!([body["total"], body["filtered"]]), counts, "{list}");
        assert_eq!(body["items"].as_array().map(Vec::len), Some(1), "{list}");
    }
}

async fn the_deprecated_list_sorts_by_any_field_with_case(site: Site) {
    let with = |name: &str, city: &str| json!({"firstname": name, "city": city});
    let sent = [
        with("1", "rome"),
        with("2", "\u{c9}vry"),
        with("3", "Zug"),
        first("4"),
    ];
    let places = places(&site, &sent).await;
    let list = format!("{}?order=city", places.old);
    assert_eq!(names(&site, &list).await, ["2", "3", "1", "4"]);
    let down = format!("{list}&direction=desc");
    assert_eq!(names(&site, &down).await, ["4", "1", "3", "2"]);
    let unknown = format!("{}?order=planet", places.old);
    assert_eq!(names(&site, &unknown).await, ["1", "2", "3", "4"]);
}

async fn parameters_that_are_columns_are_ignored(site: Site) {
    let places = places(&site, &[first("a"), first("b")]).await;
    for list in [&places.new, &places.source] {
        for query in ["name=x", "uuid=x", "firstname=x", "recurse=true"] {
            assert_eq!(names(&site, &format!("{list}?{query}")).await, ["a", "b"]);
        }
    }
    for query in ["name=x", "description=x"] {
        assert_eq!(site.items(&format!("/phonebooks?{query}")).await.len(), 1);
    }
}
