//! The exchange of the API's own page, and its variants (intercom-directory.md §9.1).

use reqwest::Method;
use serde_json::{Value, json};

use dird::store::{EntryChange, StoredEntry};

use crate::world::{Door, SERIES, read};

on_both_engines!(
    the_exchange_of_the_page_is_answered_byte_for_byte,
    the_same_comes_in_other_forms,
    fields_left_out_are_those_that_differ_and_none_are_all,
);

const UUID: &str = "01234567-89AB-CDEF-0123-456789ABCDEF";

/// The request of the page.
const REQUEST: &str = r#"{"fields":["name","email","callPos.peer","callPos[1].grouped"],"users":[{"uuid":"01234567-89AB-CDEF-0123-456789ABCDEF"},{"uuid":"76543210-68FF-18CA-3210-FEDCBA987654"},{"uuid":"76543210-68FF-18-3210-FEDCBA987654"}]}"#;

/// Its answer, with the boolean that templates have.
const ANSWER: &str = r#"{"success":true,"result":{"series":"6423407687606431951","users":[{"uuid":"01234567-89AB-CDEF-0123-456789ABCDEF","name":"ABCD","email":"abcd@abcd.cz","callPos":[{"peer":""},{"peer":"","grouped":false},{"peer":""}],"timestamp":39},{"uuid":"76543210-68FF-18CA-3210-FEDCBA987654","errors":[{"code":"EDIR_UUID_DOES_NOT_EXIST"}]},{"uuid":"76543210-68FF-18-3210-FEDCBA987654","errors":[{"code":"EDIR_UUID_INVALID_FORMAT"}]}]}}"#;

/// The directory of the page: the counter at 38, then one entry.
async fn arrange(door: &Door) {
    let mut writing = door
        .store
        .write_entries(&door.tenant, &door.phonebook)
        .await
        .unwrap();
    let tombstone = EntryChange {
        entry: StoredEntry {
            uuid: "ffffffff-0000-4000-8000-000000000000".into(),
            spelling: "FFFFFFFF-0000-4000-8000-000000000000".into(),
            contact: None,
            timestamp: 38,
            deleted: true,
            owner: String::new(),
            data: "{}".into(),
            secret: None,
        },
        before: None,
    };
    writing.write(vec![tombstone], 38).await.unwrap();
    writing.commit().await.unwrap();
    let entry = json!({"uuid": UUID, "name": "ABCD", "email": "abcd@abcd.cz"});
    assert_eq!(door.create(entry).await, 39);
}

async fn the_exchange_of_the_page_is_answered_byte_for_byte(door: Door) {
    arrange(&door).await;
    let (status, text) = door.told("get", REQUEST).await;
    assert_eq!((status, text.as_str()), (200, ANSWER));
}

async fn the_same_comes_in_other_forms(door: Door) {
    arrange(&door).await;
    let lower = (REQUEST.to_lowercase(), ANSWER.to_lowercase());
    let request = lower.0.replace("callpos", "callPos");
    let answer = lower.1.replace("callpos", "callPos");
    let answer = answer.replace("abcd\",\"email", "ABCD\",\"email");
    let answer = answer.replace("edir_uuid_does_not_exist", "EDIR_UUID_DOES_NOT_EXIST");
    let answer = answer.replace("edir_uuid_invalid_format", "EDIR_UUID_INVALID_FORMAT");
    assert_eq!(door.told("get", &request).await.1, answer);
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let asked = door.request(Method::POST, "/api/dir/get");
        let asked = asked.header("Content-Type", kind).body(REQUEST);
        let answer = asked.send().await.unwrap().text().await.unwrap();
        assert_eq!(answer, ANSWER, "{kind}");
    }
    let part = "--b1\r\nContent-Disposition: form-data; name=\"blob-json\"; filename=\"blob-json\"\r\n\r\n";
    let asked = door.request(Method::POST, "/api/dir/get");
    let asked = asked
        .header("Content-Type", "multipart/form-data; boundary=b1")
        .body(format!("{part}{REQUEST}\r\n--b1--\r\n"));
    assert_eq!(asked.send().await.unwrap().text().await.unwrap(), ANSWER);
    let zeroes = json!({"users": [{"uuid": "00000000-0000-0000-0000-000000000000"}]});
    let answered = door.result("get", zeroes).await;
    let code = &answered["users"][0]["errors"][0]["code"];
    assert_eq!(code, "EDIR_UUID_INVALID_FORMAT");
}

async fn fields_left_out_are_those_that_differ_and_none_are_all(door: Door) {
    arrange(&door).await;
    let users = json!([{"uuid": UUID}]);
    let answered = door.result("get", json!({"users": users})).await;
    let expected = json!({"uuid": UUID, "name": "ABCD", "email": "abcd@abcd.cz", "timestamp": 39});
    assert_eq!(answered, json!({"series": SERIES, "users": [expected]}));
    let all = door
        .result("get", json!({"users": users, "fields": []}))
        .await;
    let template = door.request(Method::GET, "/api/dir/template");
    let (status, template) = read(template.send().await.unwrap()).await;
    assert_eq!(status, 200);
    let mut expected = template["result"]["users"][0].clone();
    for (name, value) in [
        ("uuid", json!(UUID)),
        ("name", json!("ABCD")),
        ("email", json!("abcd@abcd.cz")),
        ("timestamp", json!(39)),
    ] {
        expected[name] = value;
    }
    assert_eq!(all["users"][0].to_string(), expected.to_string());
    let none: Value = door.result("get", json!({"users": null})).await;
    assert_eq!(none, json!({"series": SERIES, "users": []}));
}
