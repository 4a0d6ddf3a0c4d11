//! `/phonebooks`.

use serde_json::{Value, json};

use super::{Cases, Needs, Reach, legacy};

const ALL: &str = "/phonebooks";
const ONE: &str = "/phonebooks/{phonebook_uuid}";
const CONTACTS: &str = "/phonebooks/{phonebook_uuid}/contacts";
const CONTACT: &str = "/phonebooks/{phonebook_uuid}/contacts/{contact_uuid}";

pub(super) fn cases() -> Vec<Cases> {
    let one = |method: &str| {
        Cases::of(format!("{method} {ONE}"), Reach::Tenant)
            .needs(Needs::Phonebook)
            .unknown(legacy(404, "No such phonebook: {'uuid': '<nothing>'}"))
    };
    let null = json!({"message": "invalid data", "error_id": "invalid-data", "details": {},
        "timestamp": "<number>"});
    let list = Cases::of(format!("GET {ALL}"), Reach::Recursing)
        .needs(Needs::Phonebook)
        .asks("search={name}")
        .answers(json!({"items": [shown("{phonebook_uuid}")], "total": 1}))
        .refuses_phonebook_list_parameters(&["name", "description"]);
    let create = Cases::of(format!("POST {ALL}"), Reach::Creates)
        .sends(json!({"name": "{name}"}))
        .answers(shown("<uuid>"));
    let mut cases = vec![
        list,
        refusing(create).refuses(Value::Null, null.clone()),
        one("GET").answers(shown("{phonebook_uuid}")),
        refusing(one("PUT").sends(json!({"name": "{name}"})))
            .answers(shown("{phonebook_uuid}"))
            .refuses(Value::Null, null.clone()),
        one("DELETE"),
    ];
    cases.extend(of_contacts(&null));
    cases
}

fn of_contacts(null: &Value) -> Vec<Cases> {
    let unknown = "No such phonebook in tenants ['<uuid>']: {'uuid': '<nothing>'}";
    let of = |method: &str, path: &str| {
        Cases::of(format!("{method} {path}"), Reach::Tenant).unknown(legacy(404, unknown))
    };
    let one = |method| of(method, CONTACT).needs(Needs::Contact);
    let body = json!({"firstname": "{name}", "id": "another"});
    let contact = |id: &str| json!({"id": id, "firstname": "{name}"});
    vec![
        of("GET", CONTACTS)
            .needs(Needs::Contact)
            .asks("search={name}")
            .answers(json!({"items": [contact("{contact_uuid}")], "total": 1}))
            .refuses_phonebook_list_parameters(&["firstname", "lastname", "name"]),
        refusing_contacts(of("POST", CONTACTS).needs(Needs::Phonebook))
            .sends(body.clone())
            .answers(contact("<uuid>"))
            .refuses(Value::Null, null.clone()),
        of("POST", &format!("{CONTACTS}/import"))
            .needs(Needs::Phonebook)
            .imports("firstname\n{name}\n")
            .answers(json!({"created": [contact("<uuid>")], "failed": []}))
            .refuses_sheet("firstname\n", empty_file()),
        one("GET").answers(contact("{contact_uuid}")),
        refusing_contacts(one("PUT").sends(body))
            .answers(contact("{contact_uuid}"))
            .refuses(Value::Null, null.clone()),
        one("DELETE"),
    ]
}

fn empty_file() -> Value {
    json!({"message": "empty contact import file", "timestamp": "<number>",
        "error_id": "phonebook-contact-import-empty-file", "resource": "contacts",
        "details": {"line_count": 2, "byte_count": 10}})
}

/// A phonebook as both APIs show it.
pub(super) fn shown(uuid: &str) -> Value {
    json!({"id": "<number>", "uuid": uuid, "name": "{name}", "description": null,
        "tenant_uuid": "{tenant}"})
}

/// What no body of a phonebook may be, in both APIs.
pub(super) fn refusing(cases: Cases) -> Cases {
    let long = "x".repeat(256);
    [
        (json!({}), "{'name': ['Missing data for required field.']}"),
        (json!([]), "{'name': ['Missing data for required field.']}"),
        (json!(0), "{'name': ['Missing data for required field.']}"),
        (
            json!(false),
            "{'name': ['Missing data for required field.']}",
        ),
        (json!(""), "{'name': ['Missing data for required field.']}"),
        (
            json!({"name": null}),
            "{'name': ['Field may not be null.']}",
        ),
        (
            json!({"name": ""}),
            "{'name': ['Length must be between 1 and 255.']}",
        ),
        (
            json!({"name": long}),
            "{'name': ['Length must be between 1 and 255.']}",
        ),
        (
            json!({"name": 1, "description": 2}),
            "{'description': ['Not a valid string.'], 'name': ['Not a valid string.']}",
        ),
        (
            json!({"name": "a", "foo": 1}),
            "{'foo': ['Unknown field.']}",
        ),
        (json!(["a"]), "{'_schema': ['Invalid input type.']}"),
        (json!("a"), "{'_schema': ['Invalid input type.']}"),
    ]
    .into_iter()
    .fold(cases, |cases, (body, reason)| {
        cases.refuses(body, legacy(400, reason))
    })
}

/// What no body of a contact of a phonebook may be, in both APIs.
pub(super) fn refusing_contacts(cases: Cases) -> Cases {
    let empty = "Contacts cannot be empty";
    [
        (json!({}), empty),
        (json!([]), empty),
        (json!(["a"]), empty),
        (json!("a"), empty),
        (json!(7), empty),
        (json!({"id": "x"}), empty),
        (json!({"": "x"}), "Contacts cannot have empty keys"),
        (
            json!({"a": {"b": "c"}}),
            "Contacts cannot have nested values",
        ),
        (json!({"a": ["b"]}), "Contacts cannot have nested values"),
        (json!({"a": "\u{0}"}), "Contacts cannot hold a NUL"),
    ]
    .into_iter()
    .fold(cases, |cases, (body, reason)| {
        cases.refuses(body, legacy(400, reason))
    })
}
