//! Personal contacts as CSV (dird-api-contacts.md §1.4).

use reqwest::Method;
use serde_json::{Value, json};

use super::{CSV, without_ids};
use crate::site::Site;

on_both_engines!(
    the_file_has_every_field_and_quotes_only_what_it_must,
    formulas_are_made_harmless_on_request,
    a_user_without_contacts_gets_no_file,
    the_format_that_is_asked_for_wins,
    what_was_exported_and_purged_is_imported_again,
);

/// Status, type and text of an export.
async fn export(site: &Site, query: &str, kind: Option<&str>) -> (u16, Option<String>, String) {
    let request = site.request(Method::GET, &format!("/personal?{query}"), &site.alice);
    let request = match kind {
        Some(kind) => request.header("Content-Type", kind),
        None => request,
    };
    let answered = request.send().await.unwrap();
    let kind = answered.headers().get("content-type");
    let kind = kind.map(|kind| kind.to_str().unwrap().to_owned());
    let status = answered.status().as_u16();
    (status, kind, answered.text().await.unwrap())
}

async fn the_file_has_every_field_and_quotes_only_what_it_must(site: Site) {
    for contact in [
        json!({"id": "1", "lastname": "B", "firstname": "say \"hi\""}),
        json!({"id": "2", "firstname": "a,b", "z\u{e9}": "two\nlines"}),
        json!({"id": "3", "firstname": ""}),
    ] {
        site.create("/personal", &contact).await;
    }
    let (status, kind, text) = export(&site, "format=text/csv", None).await;
    assert_eq!((status, kind.as_deref()), (200, Some(CSV)));
    let expected = "firstname,id,lastname,z\u{e9}\r\n\"say \"\"hi\"\"\",1,B,\r\n\
        \"a,b\",2,,\"two\nlines\"\r\n,3,,\r\n";
    assert_eq!(text, expected);
    let sorted = "format=text/csv&order=firstname&direction=desc&limit=1";
    let (_, _, text) = export(&site, sorted, None).await;
    assert_eq!(text, "firstname,id\r\n,3\r\n", "only what is shown counts");
}

async fn formulas_are_made_harmless_on_request(site: Site) {
    let contact = json!({"id": "1", "a": "=1+1", "b": "+33 1", "c": "-x", "d": "@x", "e": "1"});
    site.create("/personal", &contact).await;
    let (_, _, plain) = export(&site, "format=text/csv", None).await;
    assert_eq!(plain, "a,b,c,d,e,id\r\n=1+1,+33 1,-x,@x,1,1\r\n");
    let (_, _, safe) = export(&site, "format=text/csv&safe=true", None).await;
    assert_eq!(safe, "a,b,c,d,e,id\r\n'=1+1,'+33 1,'-x,'@x,1,1\r\n");
}

async fn a_user_without_contacts_gets_no_file(site: Site) {
    let answered = export(&site, "format=text/csv", None).await;
    assert_eq!((answered.0, answered.2.as_str()), (204, ""));
    let (status, body) = site.get("/personal", &site.alice).await;
    assert_eq!((status, body), (200, json!({"items": []})));
}

async fn the_format_that_is_asked_for_wins(site: Site) {
    site.create("/personal", &json!({"a": "b"})).await;
    let json = "application/json";
    for (query, sent, expected) in [
        ("", None, json),
        ("", Some(json), json),
        ("", Some("text/csv"), CSV),
        ("", Some("Text/CSV; charset=utf-8"), CSV),
        ("format=text/csv", None, CSV),
        ("format=text/csv", Some(json), CSV),
        ("format=x", None, json),
    ] {
        let (status, kind, _) = export(&site, query, sent).await;
        assert_eq!(
            (status, kind.as_deref()),
            (200, Some(expected)),
            "{query} {sent:?}"
        );
    }
    let accepting = site.request(Method::GET, "/personal", &site.alice);
    let accepting = accepting.header("Accept", "text/csv").send().await.unwrap();
    assert_eq!(accepting.headers()["content-type"], json);
}

async fn what_was_exported_and_purged_is_imported_again(site: Site) {
    let contacts = [
        json!({"firstname": "\u{c9}lo\u{ef}se", "note": "a,\"b\"\r\nc\nd", "x": " blank "}),
        json!({"firstname": "=1+1", "note": "'", "x": ""}),
        json!({"firstname": "\u{1f600}", "note": "\t", "x": "\\n"}),
    ];
    for contact in &contacts {
        site.create("/personal", contact).await;
    }
    let before = site.items("/personal").await;
    let (_, _, file) = export(&site, "format=text/csv", None).await;
    site.delete("/personal").await;
    let (status, imported) = site.import("/personal", CSV, file).await;
    assert_eq!(
        (status, &imported["failed"]),
        (201, &json!([])),
        "{imported}"
    );
    assert_eq!(
        site.items("/personal").await,
        before,
        "identifiers included"
    );
    assert_eq!(imported["created"], Value::from(before));
    // Without identifiers the same goes into a phonebook.
    let book = format!("{}/contacts", site.phonebook("one").await);
    let (_, _, file) = export(&site, "format=text/csv", None).await;
    let (status, imported) = site.import(&book, CSV, file).await;
    assert_eq!(status, 201, "{imported}");
    assert_eq!(without_ids(site.items(&book).await), contacts);
}
