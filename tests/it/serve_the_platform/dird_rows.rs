//! The routes of dird (dird-api.md §6), in an order in which each finds what it needs.

use std::net::SocketAddr;

use e2e::site::Plan;
use serde_json::{Value, json};

use super::row::Row;

/// The parts of dird's status (dird-platform.md §10); others are only shown when they fail.
pub(super) const PARTS: &[&str] = &["bus_consumer", "master_tenant", "rest_api"];

fn get(path: &str) -> Row {
    Row::new("GET", path, 200)
}

fn upstream(at: SocketAddr) -> Value {
    json!({"host": "127.0.0.1", "port": at.port(), "https": false, "prefix": null})
}

/// A source of each backend that needs nothing to exist but what earlier rows made.
fn bodies(people: SocketAddr, auth: SocketAddr) -> [(&'static str, Value); 9] {
    let mut account = upstream(auth);
    account["username"] = json!("dird");
    account["password"] = json!("secret");
    let platform = json!({"auth": account, "confd": upstream(people)});
    let graph = format!("http://{people}/v1.0/me/contacts");
    [
        ("conference", platform.clone()),
        (
            "csv",
            json!({"file": "/nobody.csv", "searched_columns": ["fn"]}),
        ),
        ("csv_ws", json!({"lookup_url": "http://127.0.0.1:9/"})),
        ("google", json!({})),
        (
            "ldap",
            json!({"ldap_uri": "ldap://127.0.0.1:9", "ldap_base_dn": "dc=x"}),
        ),
        (
            "office365",
            json!({"auth": upstream(auth), "endpoint": graph}),
        ),
        ("personal", json!({})),
        ("phonebook", json!({"phonebook_uuid": "{phonebook_uuid}"})),
        ("wazo", platform),
    ]
}

/// Rows about the sources of one backend.
fn sources(backend: &str, mut body: Value) -> Vec<Row> {
    let all = format!("/backends/{backend}/sources");
    let one = format!("{all}/{{source_uuid}}");
    body["name"] = json!(format!("a {backend}"));
    let mut rows = vec![
        Row::new("POST", &all, 200)
            .sends(&body)
            .keeps("source_uuid", "/uuid"),
        get(&all).says("{source_uuid}"),
        get(&one).says("{source_uuid}"),
    ];
    body["searched_columns"] = json!(["changed"]);
    // A phonebook lends its source its name.
    let name = match backend {
        "phonebook" => "book".to_owned(),
        _ => format!("another {backend}"),
    };
    body["name"] = json!(name);
    rows.push(Row::new("PUT", &one, 204).sends(&body).lasts());
    let contacts = format!("{one}/contacts");
    match backend {
        "phonebook" => rows.push(get(&contacts).says("Bea")),
        "wazo" => rows.push(get(&contacts).says("Fay")),
        "conference" => rows.push(get(&contacts).says("Fair")),
        "office365" => rows.push(get(&contacts).says("Gil")),
        // Who asks has linked no account there.
        "google" => rows.push(Row::new("GET", contacts, 404)),
        _ => {}
    }
    rows.push(Row::new("DELETE", one, 204).removes());
    rows
}

fn contacts(list: &str, one: &str, imported: u16) -> Vec<Row> {
    vec![
        Row::new("POST", list, 201)
            .sends(&json!({"name": "Bea", "number": "556"}))
            .keeps("contact_uuid", "/id"),
        get(list).says("Bea"),
        get(one).says("Bea"),
        Row::new("PUT", one, 200)
            .sends(&json!({"name": "Bea", "number": "557"}))
            .lasts(),
        Row::new("POST", format!("{list}/import"), imported).sends_file("name\nCem\n"),
        get(list).says("Cem"),
    ]
}

fn phonebooks() -> Vec<Row> {
    let mut rows = vec![
        Row::new("POST", "/phonebooks", 201)
            .sends(&json!({"name": "book"}))
            .keeps("phonebook_uuid", "/uuid"),
        get("/phonebooks").says("book"),
        get("/phonebooks/{phonebook_uuid}").says("book"),
        Row::new("PUT", "/phonebooks/{phonebook_uuid}", 200)
            .sends(&json!({"name": "book", "description": "of guests"}))
            .lasts(),
    ];
    let list = "/phonebooks/{phonebook_uuid}/contacts";
    rows.extend(contacts(
        list,
        "/phonebooks/{phonebook_uuid}/contacts/{contact_uuid}",
        201,
    ));
    rows
}

fn tenant_phonebooks() -> Vec<Row> {
    let book = "/tenants/{tenant}/phonebooks/{phonebook_id}";
    let (list, one) = (
        format!("{book}/contacts"),
        format!("{book}/contacts/{{contact_uuid}}"),
    );
    let mut rows = vec![
        Row::new("POST", "/tenants/{tenant}/phonebooks", 201)
            .sends(&json!({"name": "old"}))
            .keeps("phonebook_id", "/id"),
        get("/tenants/{tenant}/phonebooks").says("old"),
        get(book).says("old"),
        Row::new("PUT", book, 200)
            .sends(&json!({"name": "old", "description": "of guests"}))
            .lasts(),
    ];
    rows.extend(contacts(&list, &one, 200));
    rows.push(Row::new("DELETE", one, 204).removes());
    rows.push(Row::new("DELETE", book, 204).removes());
    rows
}

fn personal() -> Vec<Row> {
    let one = "/personal/{contact_id}";
    vec![
        Row::new("GET", "/personal", 200).says("[]"),
        Row::new("POST", "/personal", 201)
            .sends(&json!({"name": "Dan", "number": "558"}))
            .keeps("contact_id", "/id"),
        get("/personal").says("Dan"),
        get(one).says("Dan"),
        Row::new("PUT", one, 200)
            .sends(&json!({"name": "Dan", "number": "559"}))
            .lasts(),
        Row::new("DELETE", one, 204).removes(),
        Row::new("POST", "/personal/import", 201).sends_file("name\nEve\n"),
    ]
}

/// The same under the name that it has before it is changed.
fn drafted(object: &Value) -> Value {
    let mut drafted = object.clone();
    drafted["name"] = json!("draft");
    drafted
}

fn directories() -> Vec<Row> {
    let sources = json!([{"uuid": "{people_uuid}"}, {"uuid": "{own_uuid}"}]);
    let service = json!({"sources": sources, "options": {"timeout": 30.0}});
    let services = json!({"lookup": service, "reverse": service, "favorites": service});
    let profile =
        json!({"name": "default", "display": {"uuid": "{display_uuid}"}, "services": services});
    let columns = json!([{"field": "name", "title": "Name"}, {"field": "number", "type": "number"},
        {"type": "favorite", "title": "", "field": "favorite"}]);
    let display = json!({"name": "desk", "columns": columns});
    vec![
        Row::new("POST", "/displays", 201).sends(&drafted(&display)).keeps("display_uuid", "/uuid"),
        get("/displays").says("draft"),
        get("/displays/{display_uuid}").says("draft"),
        Row::new("PUT", "/displays/{display_uuid}", 204).sends(&display).lasts(),
        Row::new("POST", "/profiles", 201).sends(&drafted(&profile)).keeps("profile_uuid", "/uuid"),
        get("/profiles").says("draft"),
        get("/profiles/{profile_uuid}").says("draft"),
        Row::new("PUT", "/profiles/{profile_uuid}", 204).sends(&profile).lasts(),
        get("/sources").says("people"),
        get("/directories/{profile}/sources").says("people"),
        get("/directories/lookup/{profile}").asks("term=ada").says("Ada"),
        get("/directories/lookup/{profile}/{user_uuid}").asks("term=ada").says("Ada"),
        get("/directories/lookup/{profile}/headers").says("column_headers"),
        get("/directories/reverse/{profile}/{user_uuid}").asks("exten=555").says("Ada"),
        Row::new("PUT", "/directories/favorites/{directory}/{contact}", 204),
        get("/directories/favorites/{profile}").says("Ada"),
        Row::new("DELETE", "/directories/favorites/{directory}/{contact}", 204),
        get("/directories/favorites/{profile}").says("\"results\":[]"),
        get("/directories/personal/{profile}").says("Eve"),
        Row::new("POST", "/directories/explain", 200)
            .sends(&json!({"profile": "default", "term": "ada"}))
            .says("people"),
        get("/directories/changes").never_ends(),
        get("/graphql").asks("query=%7Bhello%7D").says("\"hello\""),
        Row::new("POST", "/graphql", 200)
            .sends(&json!({"query": "{ me { contacts(profile: \"default\", extens: [\"555\"]) { edges { node { firstname } } } } }"}))
            .says("edges"),
    ]
}

/// Everything up to the lookups that phones make.
pub(super) fn first(plan: &Plan, others: SocketAddr, auth: SocketAddr) -> Vec<Row> {
    let people = json!({
        "name": "people", "file": plan.file("people.csv"), "unique_column": "id",
        "searched_columns": ["fn"], "first_matched_columns": ["num"],
        "format_columns": {"name": "{fn}", "number": "{num}", "reverse": "{fn}"},
    });
    let own = json!({"name": "own", "searched_columns": ["name"],
        "format_columns": {"name": "{name}", "number": "{number}"}});
    let mut rows = vec![
        get("/api/api.yml").says("wazo-dird"),
        get("/status").says("rest_api"),
        get("/config").says("rest_api"),
        Row::new("PATCH", "/config", 200)
            .sends(&json!([{"op": "replace", "path": "/debug", "value": false}])),
        get("/backends").says("csv_ws"),
    ];
    rows.extend(phonebooks());
    for (backend, body) in bodies(others, auth) {
        rows.extend(sources(backend, body));
    }
    for path in [
        "/phonebooks/{phonebook_uuid}/contacts/{contact_uuid}",
        "/phonebooks/{phonebook_uuid}",
    ] {
        rows.push(Row::new("DELETE", path, 204).removes());
    }
    rows.extend(tenant_phonebooks());
    rows.extend(personal());
    let create = |path: &str, body: &Value, name| {
        Row::new("POST", path, 200).sends(body).keeps(name, "/uuid")
    };
    rows.push(create("/backends/csv/sources", &people, "people_uuid"));
    rows.push(create("/backends/personal/sources", &own, "own_uuid"));
    rows.extend(directories());
    rows
}

/// What takes away what phones find.
pub(super) fn last() -> Vec<Row> {
    vec![
        Row::new("DELETE", "/profiles/{profile_uuid}", 204).removes(),
        Row::new("DELETE", "/displays/{display_uuid}", 204).removes(),
        Row::new("DELETE", "/personal", 204),
        get("/personal").says("[]"),
    ]
}
