//! Charsets of imported files (dird-api-contacts.md §1.7, §4), in each of the three imports.

use serde_json::{Value, json};

use crate::site::Site;

on_both_engines!(
    files_are_read_in_the_charset_that_is_named,
    bytes_that_the_charset_does_not_have_are_refused,
    a_charset_that_nobody_knows_is_named,
    what_no_contact_may_hold_is_refused,
);

/// The lists that files go into.
struct Lists {
    personal: &'static str,
    new: String,
    old: String,
}

async fn lists(site: &Site) -> Lists {
    let new = site.phonebook("new").await;
    let old = site.create("/phonebooks", &json!({"name": "old"})).await;
    Lists {
        personal: "/personal",
        new: format!("{new}/contacts"),
        old: format!(
            "/tenants/{}/phonebooks/{}/contacts",
            site.tenant_name, old["id"]
        ),
    }
}

fn utf_16(text: &str, mark: bool, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    let mark = mark.then_some(0xfeff);
    let units = mark.into_iter().chain(text.encode_utf16());
    units.flat_map(bytes).collect()
}

#[expect(clippy::too_many_lines, reason = "a table, one entry a charset")]
async fn files_are_read_in_the_charset_that_is_named(site: Site) {
    let lists = lists(&site).await;
    let sheet = "firstname\n\u{c9}lise\n";
    let latin = b"firstname\n\xc9lise\n".to_vec();
    let euro = "\u{20ac}";
    for (charset, file, expected) in [
        ("", sheet.as_bytes().to_vec(), "\u{c9}lise"),
        ("; charset=utf-8", sheet.as_bytes().to_vec(), "\u{c9}lise"),
        (
            "; charset=UTF-8",
            format!("\u{feff}{sheet}").into(),
            "\u{c9}lise",
        ),
        (
            "; header=present; Charset=\"utf-8\"",
            sheet.into(),
            "\u{c9}lise",
        ),
        ("; charset=iso-8859-1", latin.clone(), "\u{c9}lise"),
        ("; charset=Latin1", latin.clone(), "\u{c9}lise"),
        ("; charset=windows-1252", latin, "\u{c9}lise"),
        ("; charset=cp1252", b"firstname\n\x80\n".to_vec(), euro),
        ("; charset=iso-8859-15", b"firstname\n\xa4\n".to_vec(), euro),
        (
            "; charset=utf-16",
            utf_16(sheet, true, u16::to_le_bytes),
            "\u{c9}lise",
        ),
        (
            "; charset=utf-16",
            utf_16(sheet, true, u16::to_be_bytes),
            "\u{c9}lise",
        ),
        (
            "; charset=utf-16le",
            utf_16(sheet, false, u16::to_le_bytes),
            "\u{c9}lise",
        ),
        (
            "; charset=utf-16be",
            utf_16(sheet, false, u16::to_be_bytes),
            "\u{c9}lise",
        ),
        (
            "; charset=us-ascii",
            b"firstname\nElise\n".to_vec(),
            "Elise",
        ),
    ] {
        for (list, status) in [(lists.personal, 201), (&lists.new, 201), (&lists.old, 200)] {
            let about = format!("{list}{charset}");
            let kind = format!("text/csv{charset}");
            let (actual, body) = site.import(list, &kind, file.clone()).await;
            assert_eq!(actual, status, "{about}: {body}");
            let contents = site.contents(list).await;
            assert_eq!(contents, [json!({"firstname": expected})], "{about}");
            for item in site.items(list).await {
                site.delete(&format!("{list}/{}", super::text(&item, "id")))
                    .await;
            }
        }
    }
    // The type itself does not matter.
    let (status, _) = site.import("/personal", "application/json", sheet).await;
    assert_eq!(status, 201);
}

/// Nothing was imported, and each route says so in its own way.
async fn assert_refused(site: &Site, lists: &Lists, kind: &str, file: &[u8], error: &Refusal) {
    for list in [lists.personal, &lists.new, &lists.old] {
        let (status, body) = site.import(list, kind, file.to_vec()).await;
        let about = format!("{list} {kind}: {body}");
        assert_eq!(status, 400, "{about}");
        if list == lists.new {
            assert_eq!(body["error_id"], error.id, "{about}");
            assert_eq!(body["resource"], "contacts", "{about}");
            let told = body["details"]["error"].as_str().unwrap();
            assert!(told.contains(error.text), "{about}");
            let message = format!("{}: {told}", error.message);
            assert_eq!(body["message"], message, "{about}");
            assert_eq!(
                body["details"].get("charset"),
                error.charset.as_ref(),
                "{about}"
            );
        } else {
            let told = body["reason"][0].as_str().unwrap();
            assert!(told.contains(error.text), "{about}");
        }
        assert_eq!(site.items(list).await, [] as [Value; 0], "{about}");
    }
}

/// What a route says of a file.
struct Refusal {
    id: &'static str,
    message: &'static str,
    text: &'static str,
    charset: Option<Value>,
}

fn bad_encoding(text: &'static str, charset: &str) -> Refusal {
    Refusal {
        id: "phonebook-contact-import-bad-encoding",
        message: "bad input encoding",
        text,
        charset: Some(json!(charset)),
    }
}

async fn bytes_that_the_charset_does_not_have_are_refused(site: Site) {
    let lists = lists(&site).await;
    let broken = "line 2 are not valid utf-8";
    for (kind, file, text, charset) in [
        ("text/csv", &b"a\nb\xe9\n"[..], broken, "utf-8"),
        ("text/csv; charset=utf-8", b"a\n\xc3", broken, "utf-8"),
        (
            "text/csv; charset=us-ascii",
            b"a\n\xe9\n",
            "are not valid us-ascii",
            "us-ascii",
        ),
        (
            "text/csv; charset=utf-16le",
            b"a\0\n\0b\0\n",
            "are not valid UTF-16LE",
            "UTF-16LE",
        ),
    ] {
        let error = bad_encoding(text, charset);
        assert_refused(&site, &lists, kind, file, &error).await;
    }
}

async fn a_charset_that_nobody_knows_is_named(site: Site) {
    let lists = lists(&site).await;
    for (kind, text, charset) in [
        ("text/csv; charset=nope", "unknown encoding: nope", "nope"),
        ("text/csv; charset=", "unknown encoding: ", ""),
        ("text/csv; charset=\"\"", "unknown encoding: ", ""),
    ] {
        let error = bad_encoding(text, charset);
        assert_refused(&site, &lists, kind, b"a\nb\n", &error).await;
    }
    let (_, body) = site
        .import("/personal", "text/csv; charset=nope", "a\nb\n")
        .await;
    assert_eq!(body["reason"], json!(["unknown encoding: nope"]));
}

async fn what_no_contact_may_hold_is_refused(site: Site) {
    let lists = lists(&site).await;
    for (file, text) in [
        (&b"a\nb\0\n"[..], "a NUL in line 2"),
        (
            b"a\nb\rc\n",
            "a carriage return without a line feed in line 2",
        ),
    ] {
        let error = Refusal {
            id: "phonebook-contact-import-invalid-file",
            message: "invalid contact import file",
            text,
            charset: None,
        };
        assert_refused(&site, &lists, super::CSV, file, &error).await;
    }
}
