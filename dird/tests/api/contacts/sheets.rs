//! The form of imported files, the same in each of the three imports: rows, quotes, lines.

use serde_json::json;

use super::CSV;
use crate::site::Site;

on_both_engines!(rows_are_read_as_spreadsheets_write_them);

async fn rows_are_read_as_spreadsheets_write_them(site: Site) {
    let new = format!("{}/contacts", site.phonebook("new").await);
    let old = site.create("/phonebooks", &json!({"name": "old"})).await;
    let old = format!(
        "/tenants/{}/phonebooks/{}/contacts",
        site.tenant_name, old["id"]
    );
    let long = "x".repeat(100_000);
    for (file, expected) in [
        ("a,b\n1,2\n".to_owned(), vec![json!({"a": "1", "b": "2"})]),
        ("a,b\r\n1,2\r\n".into(), vec![json!({"a": "1", "b": "2"})]),
        ("a\n1".into(), vec![json!({"a": "1"})]),
        (
            "\n\na\n\n1\n\r\n2\n".into(),
            vec![json!({"a": "1"}), json!({"a": "2"})],
        ),
        (
            "a,b\n\"1\n2\r\n3\",x\n".into(),
            vec![json!({"a": "1\n2\r\n3", "b": "x"})],
        ),
        (
            "a\n\"say \"\"hi\"\"\"\n".into(),
            vec![json!({"a": "say \"hi\""})],
        ),
        (
            "\"a,b\",c\n\"1,2\",\n".into(),
            vec![json!({"a,b": "1,2", "c": ""})],
        ),
        ("a\n 1 \n".into(), vec![json!({"a": " 1 "})]),
        // Other separators are not guessed (O-60).
        ("a;b\n1;2\n".into(), vec![json!({"a;b": "1;2"})]),
        (
            "\u{e9},%?#\n\u{1f600},\\\n".into(),
            vec![json!({"\u{e9}": "\u{1f600}", "%?#": "\\"})],
        ),
        (format!("a\n{long}\n"), vec![json!({"a": long})]),
    ] {
        for (list, status) in [("/personal", 201), (&new, 201), (&old, 200)] {
            let start: String = file.chars().take(40).collect();
            let about = format!("{list} {start:?}");
            let (actual, body) = site.import(list, CSV, file.clone()).await;
            assert_eq!(actual, status, "{about}: {body}");
            assert_eq!(body["failed"], json!([]), "{about}");
            assert_eq!(site.contents(list).await, expected, "{about}");
            assert_eq!(json!(site.items(list).await), body["created"], "{about}");
            for item in site.items(list).await {
                site.delete(&format!("{list}/{}", super::text(&item, "id")))
                    .await;
            }
        }
    }
}
