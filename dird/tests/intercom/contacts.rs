//! Entries and contacts are the same people (intercom-directory.md §8.3): what one side writes, the other finds.

use std::sync::Arc;

use dird::store::model::{Contact, ContactId};
use dird::store::{Placed, StoreError};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Door, read};

on_both_engines!(
    contacts_that_are_edited_appear_in_the_next_query,
    entries_are_contacts_that_can_be_found,
    fields_that_entries_do_not_have_stay,
    an_entry_that_says_nothing_has_no_contact,
    equal_entries_are_two_and_equal_contacts_are_not,
    imports_are_entries,
    what_rest_writes_is_told_in_the_next_query,
    only_what_is_published_is_seen,
);

const UUID: &str = "A1B2C3D4-0000-4000-8000-00000000000A";

async fn contacts(door: &Door) -> Vec<Contact> {
    let contents = door
        .store
        .contents(&door.tenant, &door.list())
        .await
        .unwrap();
    let contacts = contents.contacts.into_iter();
    contacts.map(|Placed { contact, .. }| contact).collect()
}

/// Fields of a contact as JSON.
fn shown(contact: &Contact) -> Value {
    serde_json::to_value(&contact.fields).unwrap()
}

async fn contacts_that_are_edited_appear_in_the_next_query(door: Door) {
    let id = door
        .contact(&[
            ("firstname", "Ann"),
            ("lastname", "Lee"),
            ("number", "1"),
            ("zip", "0"),
        ])
        .await;
    let uuid = id.0.to_uppercase();
    let expected = json!({"uuid": uuid, "name": "Ann Lee", "callPos": [{"peer": "1"}, {}, {}], "timestamp": 1});
    assert_eq!(door.after(0).await, [expected]);
    let mut edited = contacts(&door).await.remove(0);
    edited.fields.insert("zip".into(), Some("9".into()));
    let (store, list) = (&door.store, door.list());
    store
        .update_contact(&door.tenant, &list, &edited, None)
        .await
        .unwrap();
    assert_eq!(
        door.after(1).await,
        Vec::<Value>::new(),
        "no entry shows that"
    );
    edited.fields.insert("mobile".into(), Some("2</x".into()));
    store
        .update_contact(&door.tenant, &list, &edited, None)
        .await
        .unwrap();
    let expected = json!({"uuid": uuid, "name": "Ann Lee", "callPos": [{"peer": "1"}, {"peer": "2</x"}, {}], "timestamp": 2});
    assert_eq!(door.after(1).await, [expected], "as it is");
    // What this API does not name it does not judge.
    let touched = json!({"users": [{"uuid": uuid, "owner": "O"}]});
    let touched = door.result("update", touched).await;
    assert_eq!(touched["users"][0]["timestamp"], 3);
    store
        .delete_contact(&door.tenant, &list, &id, None)
        .await
        .unwrap();
    let expected = json!({"uuid": uuid, "deleted": true, "timestamp": 4});
    assert_eq!(door.after(3).await, [expected]);
}

async fn entries_are_contacts_that_can_be_found(door: Door) {
    let entry = json!({"uuid": UUID, "name": "Zo\u{e9} Mart", "email": "z@e.org", "callPos": [{"peer": "1201"}, {"peer": "07"}, {"peer": "9"}]});
    door.create(entry).await;
    let all = contacts(&door).await;
    assert_eq!(all[0].uuid.0, UUID.to_lowercase());
    let expected = json!({"name": "Zo\u{e9} Mart", "email": "z@e.org", "number": "1201", "mobile": "07", "number_other": "9"});
    assert_eq!(shown(&all[0]), expected);
    found_by_lookup_and_reverse(&door).await;
    let deleted = json!({"users": [{"uuid": UUID}]});
    door.result("delete", deleted).await;
    assert!(contacts(&door).await.is_empty());
    let mut gone = all[0].clone();
    gone.fields.clear();
    let list = door.list();
    let missing = door.store.update_contact(&door.tenant, &list, &gone, None);
    assert!(matches!(missing.await, Err(StoreError::Missing { .. })));
}

/// Asks dird's own routes, once the index has the phonebook and after an entry was changed.
async fn found_by_lookup_and_reverse(door: &Door) {
    let token = door.token(door.tenant.id(), &["dird.#"]).await;
    let send = async |method: Method, path: &str, body: Value| {
        let request = door.request(method, &format!("/0.1{path}"));
        let request = request
            .header("X-Auth-Token", &token)
            .body(body.to_string());
        read(request.send().await.unwrap()).await
    };
    let source = json!({"name": "doors", "phonebook_uuid": door.phonebook.0, "searched_columns": ["name"],
        "first_matched_columns": ["number"], "format_columns": {"reverse": "{name}"}});
    let (status, source) = send(Method::POST, "/backends/phonebook/sources", source).await;
    assert_eq!(status, 200, "{source}");
    let columns = json!({"name": "d", "columns": [{"field": "name", "title": "Name"}]});
    let (_, display) = send(Method::POST, "/displays", columns).await;
    let service = json!({"sources": [{"uuid": source["uuid"]}], "options": {"timeout": 30}});
    let profile = json!({"name": "p", "display": {"uuid": display["uuid"]}, "services": {"lookup": service, "reverse": service}});
    let (status, profile) = send(Method::POST, "/profiles", profile).await;
    assert_eq!(status, 201, "{profile}");
    let found = async |term: &str| {
        let (_, found) = send(
            Method::GET,
            &format!("/directories/lookup/p?term={term}"),
            Value::Null,
        )
        .await;
        found["results"].as_array().unwrap().len()
    };
    assert_eq!(found("zoe").await, 1);
    let user = "11111111-0000-4000-8000-000000000000";
    let reverse = format!("/directories/reverse/p/{user}?exten=1201");
    let (_, reversed) = send(Method::GET, &reverse, Value::Null).await;
    assert_eq!(reversed["display"], "Zo\u{e9} Mart");
    let renamed = json!({"users": [{"uuid": UUID, "name": "Quentin"}]});
    door.result("update", renamed).await;
    assert_eq!((found("zoe").await, found("quentin").await), (0, 1));
    let again = json!({"users": [{"uuid": UUID, "name": "Zo\u{e9} Mart"}]});
    door.result("update", again).await;
}

async fn fields_that_entries_do_not_have_stay(door: Door) {
    let id = door
        .contact(&[
            ("name", "Ann"),
            ("number", "1"),
            ("zip", "0"),
            ("firstname", "A"),
        ])
        .await;
    let update = json!({"users": [{"uuid": id.0, "callPos[0].peer": "", "email": "a@b"}]});
    door.result("update", update).await;
    let expected = json!({"name": "Ann", "zip": "0", "firstname": "A", "email": "a@b"});
    assert_eq!(shown(&contacts(&door).await[0]), expected);
    let overwrite = json!({"force": true, "users": [{"uuid": id.0, "name": "Bea"}]});
    door.result("create", overwrite).await;
    let expected = json!({"name": "Bea", "zip": "0", "firstname": "A"});
    assert_eq!(shown(&contacts(&door).await[0]), expected);
    // Without a name, none of the fields that a name is read from may stay.
    let overwrite = json!({"force": true, "users": [{"uuid": id.0}]});
    door.result("create", overwrite).await;
    assert_eq!(shown(&contacts(&door).await[0]), json!({"zip": "0"}));
    let now = door.result("get", json!({"users": [{"uuid": id.0}]})).await;
    assert_eq!(now["users"][0], json!({"uuid": id.0, "timestamp": 4}));
}

async fn an_entry_that_says_nothing_has_no_contact(door: Door) {
    door.create(json!({"uuid": UUID, "virtNumber": "7", "owner": "O"}))
        .await;
    assert!(contacts(&door).await.is_empty());
    for (name, count) in [("Ann", 1), ("", 0), ("Bea", 1)] {
        let update = json!({"users": [{"uuid": UUID, "name": name}]});
        door.result("update", update).await;
        assert_eq!(contacts(&door).await.len(), count, "{name}");
    }
    let entry =
        json!({"uuid": UUID, "owner": "O", "name": "Bea", "virtNumber": "7", "timestamp": 4});
    assert_eq!(door.after(0).await, [entry]);
}

async fn equal_entries_are_two_and_equal_contacts_are_not(door: Door) {
    let same = json!({"name": "Ann", "callPos": [{"peer": "1"}]});
    door.result("create", json!({"users": [same, same]})).await;
    assert_eq!(contacts(&door).await.len(), 2);
    door.contact(&[("name", "Ann"), ("number", "1")]).await;
    let mut again = contacts(&door).await.pop().unwrap();
    again.uuid = ContactId(dird::store::model::random_id());
    let (store, list) = (Arc::clone(&door.store), door.list());
    let refused = store.create_contact(&door.tenant, &list, &again).await;
    assert!(matches!(refused, Err(StoreError::Duplicate)));
    assert_eq!(door.after(0).await.len(), 3);
}

async fn imports_are_entries(door: Door) {
    let token = door.token(door.tenant.id(), &["dird.#"]).await;
    let path = format!("/0.1/phonebooks/{}/contacts/import", door.phonebook.0);
    let request = door
        .request(Method::POST, &path)
        .header("X-Auth-Token", &token);
    let sheet = request
        .header("Content-Type", "text/csv")
        .body("name,number\nAnn,1\nBea,2\nAnn,1\n");
    assert_eq!(sheet.send().await.unwrap().status(), 201);
    assert_eq!(door.names().await, ["Ann", "Bea"]);
    let path = format!("/0.1/phonebooks/{}", door.phonebook.0);
    let request = door
        .request(Method::DELETE, &path)
        .header("X-Auth-Token", &token);
    assert_eq!(request.send().await.unwrap().status(), 204);
    assert_eq!(door.error("query", json!({})).await.0, 4);
}

async fn only_what_is_published_is_seen(door: Door) {
    let other = door
        .store
        .create_phonebook(&door.tenant, "other", None)
        .await
        .unwrap();
    let hidden = Contact {
        uuid: ContactId(dird::store::model::random_id()),
        fields: [("name".to_owned(), Some("Hidden".to_owned()))]
            .into_iter()
            .collect(),
    };
    let list = (&other.uuid).into();
    door.store
        .create_contact(&door.tenant, &list, &hidden)
        .await
        .unwrap();
    assert_eq!(door.after(0).await, Vec::<Value>::new());
    let asked = door
        .result("get", json!({"users": [{"uuid": hidden.uuid.0}]}))
        .await;
    let code = &asked["users"][0]["errors"][0]["code"];
    assert_eq!(code, "EDIR_UUID_DOES_NOT_EXIST");
}

/// What the next query tells after `before`, without uuids.
async fn told(door: &Door, before: i64) -> Vec<Value> {
    let mut entries = door.after(before).await;
    for entry in &mut entries {
        entry.as_object_mut().unwrap().remove("uuid");
    }
    entries
}

async fn what_rest_writes_is_told_in_the_next_query(door: Door) {
    let token = door.token(door.tenant.id(), &["dird.#"]).await;
    let send = async |method: Method, path: &str, body: &str| {
        let path = format!("/0.1/phonebooks/{}/contacts{path}", door.phonebook.0);
        let request = door.request(method, &path).header("X-Auth-Token", &token);
        let request = request.header("Content-Type", "text/csv");
        let (status, answer) = read(request.body(body.to_owned()).send().await.unwrap()).await;
        assert!(status < 300, "{path}: {status} {answer}");
        answer
    };
    let made = send(Method::POST, "", r#"{"name": "Ann", "zip": "1"}"#).await;
    let entry = json!({"name": "Ann", "timestamp": 1});
    assert_eq!(told(&door, 0).await, [entry]);
    let path = format!("/{}", made["id"].as_str().unwrap());
    send(Method::PUT, &path, r#"{"name": "Ann", "zip": "2"}"#).await;
    assert_eq!(told(&door, 0).await.len(), 1);
    assert_eq!(door.standing().await.1, 1, "no entry shows that");
    send(Method::PUT, &path, r#"{"name": "Bea", "email": "b@e.org"}"#).await;
    let entry = json!({"name": "Bea", "email": "b@e.org", "timestamp": 2});
    assert_eq!(told(&door, 1).await, [entry]);
    let sheet = "name,mobile\nCid,3\nDan,4\nCid,3\n";
    send(Method::POST, "/import", sheet).await;
    let row = |name: &str, number: &str, timestamp: i64| json!({"name": name, "callPos": [{}, {"peer": number}, {}], "timestamp": timestamp});
    assert_eq!(
        told(&door, 2).await,
        [row("Cid", "3", 3), row("Dan", "4", 4)]
    );
    send(Method::DELETE, &path, "").await;
    let tombstone = json!({"deleted": true, "timestamp": 5});
    assert_eq!(told(&door, 4).await, [tombstone]);
    let gone = json!({"users": [{"uuid": made["id"]}]});
    let code = &door.result("get", gone).await["users"][0]["errors"][0]["code"];
    assert_eq!(code, "EDIR_UUID_DOES_NOT_EXIST");
}
