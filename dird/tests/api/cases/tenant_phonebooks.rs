//! `/tenants/{tenant}/phonebooks`, the deprecated API. Tenants are called by their names.

use serde_json::{Value, json};

use super::phonebooks::{refusing, refusing_contacts, shown};
use super::{Cases, Needs, Reach, legacy};

const ALL: &str = "/tenants/{tenant}/phonebooks";
const ONE: &str = "/tenants/{tenant}/phonebooks/{phonebook_id}";
const CONTACTS: &str = "/tenants/{tenant}/phonebooks/{phonebook_id}/contacts";
const CONTACT: &str = "/tenants/{tenant}/phonebooks/{phonebook_id}/contacts/{contact_uuid}";

pub(super) fn cases() -> Vec<Cases> {
    let one = |method: &str| of(method, ONE).needs(Needs::Phonebook);
    let contact = |id: &str| json!({"id": id, "firstname": "{name}"});
    let of_contact = |method: &str| of(method, CONTACT).needs(Needs::Contact);
    let body = json!({"firstname": "{name}"});
    vec![
        refusing_lists(of("GET", ALL))
            .needs(Needs::Phonebook)
            .asks("search={name}")
            .answers(json!({"items": [shown("{phonebook_uuid}")], "total": 1}))
            .refuses_query("order=zzz", bad_order())
            .refuses_query("order=", bad_order()),
        refusing(of("POST", ALL))
            .sends(json!({"name": "{name}"}))
            .answers(shown("<uuid>"))
            .refuses(Value::Null, null()),
        one("GET").answers(shown("{phonebook_uuid}")),
        refusing(one("PUT"))
            .sends(json!({"name": "{name}"}))
            .answers(shown("{phonebook_uuid}"))
            .refuses(Value::Null, null()),
        one("DELETE"),
        refusing_lists(of("GET", CONTACTS))
            .needs(Needs::Contact)
            .asks("search={name}&order=anything")
            .answers(json!({"items": [contact("{contact_uuid}")], "total": 1})),
        refusing_contacts(of("POST", CONTACTS))
            .needs(Needs::Phonebook)
            .sends(body.clone())
            .answers(contact("<uuid>"))
            .refuses(Value::Null, null()),
        of("POST", &format!("{CONTACTS}/import"))
            .needs(Needs::Phonebook)
            .imports("firstname\n{name}\n")
            .answers(json!({"created": [contact("<uuid>")], "failed": []}))
            .refuses_sheet("a,a\n1,2\n", legacy(400, "duplicate columns: ['a']")),
        of_contact("GET").answers(contact("{contact_uuid}")),
        refusing_contacts(of_contact("PUT"))
            .sends(body)
            .answers(contact("{contact_uuid}"))
            .refuses(Value::Null, null()),
        of_contact("DELETE"),
    ]
}

/// The tenant is looked for below that of the request, and first of all.
fn of(method: &str, path: &str) -> Cases {
    Cases::of(format!("{method} {path}"), Reach::Below)
        .unknown(legacy(404, "No such tenant: {tenant_name}"))
}

fn null() -> Value {
    json!({"reason": ["invalid data"], "timestamp": "<number>", "status_code": 400})
}

fn bad_order() -> Value {
    legacy(400, "order should be one of ['name', 'description']")
}

fn refusing_lists(cases: Cases) -> Cases {
    let direction = "direction should be one of ['asc', 'desc', None]";
    let limit = "limit should be a positive integer";
    let offset = "offset should be a positive integer";
    [
        ("direction=up", direction),
        ("direction=", direction),
        ("limit=-1", limit),
        ("limit=x", limit),
        ("offset=-1", offset),
        ("offset=1.5", offset),
    ]
    .into_iter()
    .fold(cases, |cases, (query, reason)| {
        cases.refuses_query(query, legacy(400, reason))
    })
}
