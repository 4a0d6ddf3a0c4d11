//! Every exchange of intercom-directory.md §5, in order, on one directory.

use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Door, SERIES, error_of, read};

on_both_engines!(
    the_exchanges_of_the_contract_in_order,
    a_filled_in_template_makes_an_entry_without_anything,
    deletions_by_owner_and_by_uuid_are_told_once,
    parameters_of_wrong_types_are_named,
    force_may_stand_in_the_document_or_beside_it,
    a_tombstone_may_be_created_again,
    a_query_tells_what_changed_since,
);

const NORA: &str = "A1B2C3D4-0000-4000-8000-00000000000A";
const GHOST: &str = "76543210-68FF-18CA-3210-FEDCBA987654";
const MALFORMED: &str = "76543210-68FF-18-3210-FEDCBA987654";

/// Takes the counter to 36, as the exchanges want.
async fn arrange(door: &Door) {
    let users = vec![json!({"name": "early"}); 35];
    door.result("create", json!({"users": users})).await;
    let owner = json!({"name": "early", "owner": "early"});
    assert_eq!(door.create(owner).await, 36);
}

fn users(users: &Value) -> Value {
    json!({"series": SERIES, "users": users})
}

async fn the_exchanges_of_the_contract_in_order(door: Door) {
    arrange(&door).await;
    template(&door).await;
    let (porter, empty) = create(&door).await;
    update(&door).await;
    delete(&door, &porter, &empty).await;
    let asked = json!({"users": [{"uuid": NORA.to_lowercase()}, {}]});
    let expected = r#"{"series":"6423407687606431951","users":[{"uuid":"a1b2c3d4-0000-4000-8000-00000000000a","name":"Nora V.","email":"nora@example.org","callPos":[{},{"peer":"1202","grouped":true},{}],"timestamp":41},{"errors":[{"code":"EDIR_UUID_IS_MISSING"}]}]}"#;
    assert_eq!(door.result("get", asked).await.to_string(), expected);
    query(&door, &porter, &empty).await;
}

async fn template(door: &Door) {
    let expected = r#"{"success":true,"result":{"series":"6423407687606431951","users":[{"uuid":"","deleted":false,"owner":"","name":"","photo":"","email":"","treepath":"/","virtNumber":"","deputy":"","buttons":"","callPos":[{"peer":"","profiles":"","grouped":false,"ipEye":""},{"peer":"","profiles":"","grouped":false,"ipEye":""},{"peer":"","profiles":"","grouped":false,"ipEye":""}],"access":{"validFrom":"0","validTo":"0","accessPoints":[{"enabled":true,"profiles":""},{"enabled":true,"profiles":""}],"pairingExpired":false,"virtCard":"","card":["",""],"mobkey":"","fpt":"","pin":"","accessException":false,"code":["","","",""],"licensePlates":"","liftFloors":""},"timestamp":0}]}}"#;
    for method in [Method::GET, Method::POST] {
        let asked = door.request(method, "/api/dir/template").body("ignored");
        assert_eq!(asked.send().await.unwrap().text().await.unwrap(), expected);
    }
    for method in [Method::DELETE, Method::PUT] {
        let asked = door.request(method, "/api/dir/template").send().await;
        let refused =
            r#"{"success":false,"error":{"code":3,"description":"invalid request method"}}"#;
        assert_eq!(asked.unwrap().text().await.unwrap(), refused);
    }
}

/// Also the generated uuids.
async fn create(door: &Door) -> (String, String) {
    let asked = json!({"users": [
        {"uuid": NORA, "name": "Nora Vaskova", "email": "nora@example.net", "callPos": [{"peer": "1201"}], "access": {"pin": "2580"}},
        {"name": "Porter desk", "owner": "FacilitySync", "virtNumber": "12"},
        {},
        {"uuid": "A1B2C3D4-00-4000-8000-00000000000B", "name": "Bad uuid"},
        {"name": "Odd", "albert": "x", "access": {"pin": "hello", "code": ["666", "test"]}, "recordType": 1},
        {"uuid": NORA.to_lowercase(), "name": "Again"}]});
    let result = door.result("create", asked).await;
    let made = |place: usize| {
        let uuid = result["users"][place]["uuid"].as_str().unwrap().to_owned();
        assert!(uuid.len() == 36 && uuid == uuid.to_uppercase(), "{uuid}");
        uuid
    };
    let (porter, empty) = (made(1), made(2));
    let expected = users(&json!([
        {"uuid": NORA, "timestamp": 37},
        {"uuid": porter, "timestamp": 38},
        {"uuid": empty, "timestamp": 39},
        {"uuid": "A1B2C3D4-00-4000-8000-00000000000B", "errors": [{"code": "EDIR_FIELD_VALUE_ERROR", "field": "uuid"}]},
        {"errors": [
            {"code": "EDIR_FIELD_NAME_UNKNOWN", "field": "albert"}, {"code": "EDIR_FIELD_VALUE_ERROR", "field": "access.pin"},
            {"code": "EDIR_FIELD_VALUE_ERROR", "field": "access.code[1]"}, {"code": "EDIR_FIELD_NOT_AVAILABLE", "field": "recordType"}]},
        {"uuid": NORA.to_lowercase(), "errors": [{"code": "EDIR_UUID_ALREADY_EXISTS"}]}]));
    assert_eq!(result.to_string(), expected.to_string());
    let asked = door.request(Method::PUT, "/api/dir/create?force=1");
    let asked = asked.body(json!({"users": [{"uuid": NORA, "name": "Nora V."}]}).to_string());
    let (_, overwritten) = read(asked.send().await.unwrap()).await;
    let expected = users(&json!([{"uuid": NORA, "timestamp": 40}]));
    assert_eq!(overwritten["result"], expected);
    let now = door.result("get", json!({"users": [{"uuid": NORA}]})).await;
    let expected = users(&json!([{"uuid": NORA, "name": "Nora V.", "timestamp": 40}]));
    assert_eq!(now, expected);
    (porter, empty)
}

async fn update(door: &Door) {
    let document = json!({"users": [
        {"uuid": NORA, "email": "nora@example.org", "callPos": [{}, {"peer": "1202", "grouped": "true"}]},
        {"uuid": GHOST, "name": "Ghost"},
        {"uuid": "01234567-89A-CDEF-0123-456789ABCDEF", "name": "Short"},
        {"uuid": NORA, "name": "X", "albert": "einstein"},
        {"uuid": NORA, "name": "X", "access.pin": "hello"},
        {"name": "No id"},
        {"uuid": "00000000-0000-0000-0000-000000000000", "name": "Zero"},
        {"uuid": NORA, "email": "nora@example.org"}]});
    let head = "--b1\r\nContent-Disposition: form-data; name=\"blob-dir_new\"; filename=\"blob-dir_new\"\r\n\r\n";
    let asked = door.request(Method::PUT, "/api/dir/update");
    let asked = asked.header("Content-Type", "multipart/form-data; boundary=b1");
    let asked = asked.body(format!("{head}{document}\r\n--b1--\r\n"));
    let (_, answer) = read(asked.send().await.unwrap()).await;
    let code = |code: &str| json!([{ "code": code }]);
    let expected = users(&json!([
        {"uuid": NORA, "timestamp": 41},
        {"uuid": GHOST, "errors": code("EDIR_UUID_DOES_NOT_EXIST")},
        {"uuid": "01234567-89A-CDEF-0123-456789ABCDEF", "errors": code("EDIR_UUID_INVALID_FORMAT")},
        {"uuid": NORA, "errors": [{"code": "EDIR_FIELD_NAME_UNKNOWN", "field": "albert"}]},
        {"uuid": NORA, "errors": [{"code": "EDIR_FIELD_VALUE_ERROR", "field": "access.pin"}]},
        {"errors": code("EDIR_UUID_IS_MISSING")},
        {"uuid": "00000000-0000-0000-0000-000000000000", "errors": code("EDIR_UUID_INVALID_FORMAT")},
        {"uuid": NORA, "timestamp": 41}]));
    assert_eq!(answer["result"].to_string(), expected.to_string());
    let missing = door.told("update", "{}").await;
    let expected = r#"{"success":false,"error":{"code":11,"param":"users","description":"missing mandatory parameter"}}"#;
    assert_eq!(missing, (200, expected.to_owned()));
    assert_eq!(
        door.result("update", json!({"users": []})).await,
        users(&json!([]))
    );
}

async fn delete(door: &Door, porter: &str, empty: &str) {
    let deleted = door
        .result("delete", json!({"owner": "FacilitySync"}))
        .await;
    assert_eq!(deleted, users(&json!([{"uuid": porter, "timestamp": 42}])));
    let asked = json!({"users": [{"uuid": empty.to_lowercase(), "name": 7}, {"uuid": porter}, {"uuid": MALFORMED}]});
    let expected = users(&json!([
        {"uuid": empty.to_lowercase(), "timestamp": 43},
        {"uuid": porter, "errors": [{"code": "EDIR_UUID_DOES_NOT_EXIST"}]},
        {"uuid": MALFORMED, "errors": [{"code": "EDIR_UUID_INVALID_FORMAT"}]}]));
    assert_eq!(door.result("delete", asked).await, expected);
    let refused = door.told("delete", r#"{"owner":""}"#).await.1;
    let expected = r#"{"success":false,"error":{"code":12,"param":"owner","description":"invalid parameter value"}}"#;
    assert_eq!(refused, expected);
    let dead = door
        .result("get", json!({"users": [{"uuid": porter}]}))
        .await;
    let code = &dead["users"][0]["errors"][0]["code"];
    assert_eq!(code, "EDIR_UUID_DOES_NOT_EXIST");
}

async fn query(door: &Door, porter: &str, empty: &str) {
    let body = json!({"series": SERIES, "fields": ["name", "callPos.peer"], "iterator": {"timestamp": 39}});
    let expected = format!(
        r#"{{"success":true,"result":{{"series":"{SERIES}","timestamp":43,"users":[{{"uuid":"{NORA}","name":"Nora V.","callPos":[{{"peer":""}},{{"peer":"1202"}},{{"peer":""}}],"timestamp":41}},{{"uuid":"{porter}","deleted":true,"timestamp":42}},{{"uuid":"{empty}","deleted":true,"timestamp":43}}]}}}}"#
    );
    assert_eq!(door.told("query", &body.to_string()).await.1, expected);
    let current = format!(r#"{{"series":"{SERIES}","iterator":{{"timestamp":43}}}}"#);
    let expected =
        format!(r#"{{"success":true,"result":{{"series":"{SERIES}","timestamp":43,"users":[]}}}}"#);
    assert_eq!(door.told("query", &current).await.1, expected);
    let other = r#"{"series":"1","iterator":{"timestamp":0}}"#;
    let expected = format!(
        r#"{{"success":true,"result":{{"series":"{SERIES}","timestamp":43,"invalid":0,"users":[]}}}}"#
    );
    assert_eq!(door.told("query", other).await.1, expected);
    let refused = door
        .told("query", r#"{"iterator":{"timestamp":-1}}"#)
        .await
        .1;
    let expected = r#"{"success":false,"error":{"code":12,"param":"iterator.timestamp","description":"invalid parameter value"}}"#;
    assert_eq!(refused, expected);
}

async fn a_filled_in_template_makes_an_entry_without_anything(door: Door) {
    let template = door.request(Method::GET, "/api/dir/template").send().await;
    let (_, template) = read(template.unwrap()).await;
    let mut filled = template["result"]["users"][0].clone();
    filled["name"] = "New".into();
    door.create(filled).await;
    let all = door.after(0).await;
    assert_eq!(all.len(), 1);
    let uuid = all[0]["uuid"].clone();
    assert_eq!(all[0], json!({"uuid": uuid, "name": "New", "timestamp": 1}));
}

async fn deletions_by_owner_and_by_uuid_are_told_once(door: Door) {
    let mut made = Vec::new();
    for (name, owner) in [("a", "X"), ("b", "X"), ("c", "x"), ("d", "")] {
        let entry = json!({"users": [{"name": name, "owner": owner}]});
        let result = door.result("create", entry).await;
        made.push(result["users"][0]["uuid"].clone());
    }
    let nobody = door.result("delete", json!({"owner": "nobody"})).await;
    assert_eq!(nobody, users(&json!([])));
    assert_eq!(
        door.result("delete", json!({"users": []})).await,
        users(&json!([]))
    );
    assert_eq!(door.error("delete", json!({})).await, (11, "users".into()));
    let both = json!({"owner": "X", "users": [{"uuid": made[3]}, {"uuid": made[1]}, {}]});
    let expected = users(&json!([
        {"uuid": made[0], "timestamp": 5}, {"uuid": made[1], "timestamp": 6}, {"uuid": made[3], "timestamp": 7},
        {"errors": [{"code": "EDIR_UUID_IS_MISSING"}]}]));
    assert_eq!(door.result("delete", both).await, expected);
    let left: Vec<Value> = door.after(0).await;
    let live: Vec<&Value> = left
        .iter()
        .filter(|one| one.get("deleted").is_none())
        .collect();
    assert_eq!(live.len(), 1);
    assert_eq!(live[0]["name"], "c");
}

async fn parameters_of_wrong_types_are_named(door: Door) {
    for (function, body, code, parameter) in [
        ("create", json!({"users": {}}), 12, "users"),
        ("create", json!({"users": [1]}), 12, "users"),
        ("create", json!({"users": [], "force": "yes"}), 12, "force"),
        ("create", json!({"users": [], "force": 2}), 12, "force"),
        ("update", json!({"users": null}), 11, "users"),
        ("update", json!({"users": "x"}), 12, "users"),
        ("update", json!({"users": [{}, null]}), 12, "users"),
        ("delete", json!({"users": 1}), 12, "users"),
        ("delete", json!({"owner": 1}), 12, "owner"),
        ("get", json!({"users": {}}), 12, "users"),
        ("get", json!({"fields": "name"}), 12, "fields"),
        ("get", json!({"fields": [1]}), 12, "fields"),
        ("query", json!({"series": true}), 12, "series"),
        ("query", json!({"series": 1.5}), 12, "series"),
        ("query", json!({"iterator": 1}), 12, "iterator"),
        (
            "query",
            json!({"iterator": {"timestamp": "1"}}),
            12,
            "iterator.timestamp",
        ),
        (
            "query",
            json!({"iterator": {"timestamp": 1_u64 << 53}}),
            12,
            "iterator.timestamp",
        ),
        (
            "query",
            json!({"iterator": {"timestamp": 0.5}}),
            12,
            "iterator.timestamp",
        ),
    ] {
        let told = door.error(function, body.clone()).await;
        assert_eq!(told, (code, parameter.to_owned()), "{function} {body}");
    }
}

async fn force_may_stand_in_the_document_or_beside_it(door: Door) {
    for force in [json!(true), json!(1), json!("1"), json!("true")] {
        let entry = json!({"force": force, "users": [{"uuid": NORA}]});
        let result = door.result("create", entry).await;
        assert!(result["users"][0].get("timestamp").is_some(), "{force}");
    }
    // The document wins over the query string.
    let asked = door.request(Method::PUT, "/api/dir/create?force=0&force=1");
    let asked = asked.body(json!({"force": false, "users": [{"uuid": NORA}]}).to_string());
    let (_, answer) = read(asked.send().await.unwrap()).await;
    let code = &answer["result"]["users"][0]["errors"][0]["code"];
    assert_eq!(code, "EDIR_UUID_ALREADY_EXISTS");
    let asked = door
        .request(Method::PUT, "/api/dir/create?force=maybe")
        .send()
        .await;
    assert_eq!(
        error_of(&read(asked.unwrap()).await.1),
        (12, "force".into())
    );
    let nothing = door
        .result("create", json!({"users": null, "unknown": 1}))
        .await;
    assert_eq!(nothing, json!({"series": SERIES}));
}

async fn a_tombstone_may_be_created_again(door: Door) {
    let first = json!({"uuid": NORA, "name": "First", "email": "a@b", "access": {"pin": "2580"}});
    door.create(first).await;
    door.result("delete", json!({"users": [{"uuid": NORA}]}))
        .await;
    let again = json!({"uuid": NORA.to_lowercase(), "name": "Second"});
    assert_eq!(door.create(again).await, 3);
    let expected = json!({"uuid": NORA.to_lowercase(), "name": "Second", "timestamp": 3});
    assert_eq!(door.after(0).await, [expected]);
}

async fn a_query_tells_what_changed_since(door: Door) {
    for name in ["a", "b", "c"] {
        door.create(json!({ "name": name })).await;
    }
    let all = door.after(0).await;
    assert_eq!(all.len(), 3);
    let gone = all[0]["uuid"].clone();
    door.result("delete", json!({"users": [{"uuid": gone}]}))
        .await;
    let since = door.after(2).await;
    assert_eq!(since.len(), 2);
    assert_eq!(since[0]["name"], "c");
    assert_eq!(
        since[1],
        json!({"uuid": gone, "deleted": true, "timestamp": 4})
    );
    let number = door
        .result("query", json!({"series": 6_423_407_687_606_431_951_u64}))
        .await;
    assert_eq!(number["users"].as_array().unwrap().len(), 3);
    let names = door.result("query", json!({"fields": ["name"]})).await;
    assert_eq!(
        names["users"][0],
        json!({"uuid": all[1]["uuid"], "name": "b", "timestamp": 2})
    );
    assert_eq!(door.after(9).await, Vec::<Value>::new());
}
