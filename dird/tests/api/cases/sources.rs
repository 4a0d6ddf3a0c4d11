//! `/sources`, and the sources of each backend.

use serde_json::{Map, Value, json};

use super::{Cases, Needs, Reach, invalid, no_such, one, required};

/// What a backend's sources have beside what every source has.
struct Backend {
    name: &'static str,
    /// Columns that the list may be sorted by.
    order: &'static [&'static str],
    /// A good body without what every source has.
    sent: Value,
    /// The backend's keys in an answer to it.
    shown: Value,
    /// A body that is refused, with the details.
    wrong: (Value, Value),
}

const BY_NAME: &[&str] = &["name"];

pub(super) fn cases() -> Vec<Cases> {
    let file = json!({"name": "{name}", "file": "/x.csv"});
    let all = Cases::of("GET /sources", Reach::Recursing)
        .needs(Needs::Source("csv", file))
        .asks("search={name}")
        .answers(one(
            &json!({"uuid": "{source_uuid}", "tenant_uuid": "{tenant}",
            "name": "{name}", "backend": "csv"}),
        ))
        .refuses_list_parameters(&["name", "backend"]);
    let backends = local().into_iter().chain(remote());
    [all, phonebook_contacts()]
        .into_iter()
        .chain(CONTACTS_ELSEWHERE.map(contacts_elsewhere))
        .chain(backends.flat_map(|backend| of_backend(&backend)))
        .collect()
}

/// The contacts of a phonebook source (dird-api-config.md §5.3).
fn phonebook_contacts() -> Cases {
    let contacts = "GET /backends/phonebook/sources/{source_uuid}/contacts";
    Cases::of(contacts, Reach::Tenant)
        .needs(Needs::SourceContact)
        .asks("search={name}&order=number")
        .answers(one(&json!({"id": "{contact_uuid}", "firstname": "{name}"})))
        .refuses_list_parameters(&["firstname", "lastname", "number"])
        .unknown(no_such("source", "sources"))
}

/// Backends whose contacts are listed by a service elsewhere, and a query that none of them takes.
const CONTACTS_ELSEWHERE: [&str; 4] = ["wazo", "conference", "google", "office365"];

fn contacts_elsewhere(backend: &'static str) -> Cases {
    let path = format!("GET /backends/{backend}/sources/{{source_uuid}}/contacts");
    let body = remote()
        .into_iter()
        .find(|known| known.name == backend)
        .unwrap();
    Cases::of(path, Reach::Elsewhere)
        .needs(Needs::Source(backend, named(&body, "{name}")))
        .refuses_query("limit=x", json!({"<more>": "", "error_id": "invalid-data"}))
        .unknown(no_such("source", "sources"))
}

fn of_backend(backend: &Backend) -> Vec<Cases> {
    let all = format!("/backends/{}/sources", backend.name);
    let one_of = format!("{all}/{{source_uuid}}");
    let body = named(backend, "{name}");
    let needs = || Needs::Source(backend.name, body.clone());
    let wrong = || {
        let (body, details) = &backend.wrong;
        (body.clone(), invalid(details))
    };
    let unknown = || no_such("source", "sources");
    let creates = Cases::of(format!("POST {all}"), Reach::Creates);
    let creates = match backend.name {
        "phonebook" => creates.needs(Needs::Phonebook),
        _ => creates,
    };
    vec![
        Cases::of(format!("GET {all}"), Reach::Recursing)
            .needs(needs())
            .asks("search={name}")
            .answers(one(&shown(backend, "{source_uuid}")))
            .refuses_list_parameters(backend.order),
        creates
            .sends(body.clone())
            .answers(shown(backend, "<uuid>"))
            .refuses(wrong().0, wrong().1),
        Cases::of(format!("GET {one_of}"), Reach::Below)
            .needs(needs())
            .answers(shown(backend, "{source_uuid}"))
            .unknown(unknown()),
        Cases::of(format!("PUT {one_of}"), Reach::Below)
            .needs(needs())
            .sends(named(backend, "{name} too"))
            .refuses(wrong().0, wrong().1)
            .unknown(unknown()),
        Cases::of(format!("DELETE {one_of}"), Reach::Below)
            .needs(needs())
            .unknown(unknown()),
    ]
}

fn named(backend: &Backend, name: &str) -> Value {
    let mut body = backend.sent.clone();
    body["name"] = name.into();
    body["searched_columns"] = json!(["fn"]);
    body
}

fn shown(backend: &Backend, uuid: &str) -> Value {
    let mut shown = json!({"uuid": uuid, "tenant_uuid": "{tenant}", "name": "{name}",
        "searched_columns": ["fn"], "first_matched_columns": [], "format_columns": {}});
    let own = backend.shown.as_object().unwrap().clone();
    shown.as_object_mut().unwrap().extend(own);
    shown
}

/// Backends whose contacts dird has itself.
fn local() -> Vec<Backend> {
    let length = json!([{"constraint_id": "length", "constraint": {"min": 1, "max": 512},
        "message": "Length must be between 1 and 512."}]);
    vec![
        Backend {
            name: "csv",
            order: &["name", "file"],
            sent: json!({"file": "/x.csv"}),
            shown: json!({"file": "/x.csv", "separator": ",", "unique_column": null}),
            wrong: (json!({"name": "x"}), json!({"file": required()})),
        },
        Backend {
            name: "personal",
            order: BY_NAME,
            sent: json!({}),
            shown: json!({}),
            wrong: (json!({"name": ""}), json!({"name": length})),
        },
        Backend {
            name: "phonebook",
            order: BY_NAME,
            sent: json!({"phonebook_uuid": "{phonebook}"}),
            shown: json!({"phonebook_uuid": "{phonebook}", "phonebook_name": "{name}",
                "phonebook_description": null}),
            wrong: (
                json!({"phonebook_uuid": "x"}),
                json!({"phonebook_uuid": {"message": "Not a valid UUID.", "constraint_id": "type",
                    "constraint": "uuid"}}),
            ),
        },
    ]
}

/// Backends that ask a service.
fn remote() -> Vec<Backend> {
    let credentials = "a \"key_file\" or a \"username\" and \"password\" must be specified";
    let service = |prefix: &str, version: &str| {
        json!({"host": "localhost", "port": 443, "https": true, "verify_certificate": true,
            "prefix": prefix, "version": version})
    };
    let auth = |own: &[(&str, &str)]| {
        let mut auth = service("/api/auth", "0.1");
        for (key, value) in own {
            auth[*key] = json!(value);
        }
        auth
    };
    let of_wazo = |name| Backend {
        name,
        order: BY_NAME,
        sent: json!({"auth": {"username": "svc", "password": "secret"}}),
        shown: json!({"auth": auth(&[("username", "svc"), ("password", "secret")]),
            "confd": service("/api/confd", "1.1")}),
        wrong: (
            json!({"name": "x", "auth": {"host": "x"}}),
            json!({"auth": {"_schema": [credentials]}}),
        ),
    };
    let not_an_object = (
        json!({"name": "x", "auth": 1}),
        json!({"auth": {"_schema": ["Invalid input type."]}}),
    );
    vec![
        of_wazo("wazo"),
        of_wazo("conference"),
        Backend {
            name: "google",
            order: BY_NAME,
            sent: json!({}),
            shown: json!({"auth": auth(&[])}),
            wrong: not_an_object.clone(),
        },
        Backend {
            name: "office365",
            order: BY_NAME,
            sent: json!({"endpoint": "https://graph.example.com/contacts"}),
            shown: json!({"auth": auth(&[]), "endpoint": "https://graph.example.com/contacts"}),
            wrong: not_an_object,
        },
        csv_ws(),
        ldap(),
    ]
}

fn csv_ws() -> Backend {
    Backend {
        name: "csv_ws",
        order: &["name", "lookup_url", "list_url"],
        sent: json!({"lookup_url": "http://localhost/ws"}),
        shown: json!({"lookup_url": "http://localhost/ws", "list_url": null,
            "verify_certificate": true, "delimiter": ",", "timeout": 10.0, "unique_column": null}),
        wrong: (
            json!({"name": "x", "lookup_url": "http://x/"}),
            json!({"lookup_url": ["Not a valid URL."]}),
        ),
    }
}

fn ldap() -> Backend {
    let optional = [
        "ldap_username",
        "ldap_password",
        "ldap_custom_filter",
        "unique_column",
    ];
    let mut shown = Map::from_iter(optional.map(|key| (key.to_owned(), Value::Null)));
    for (key, value) in [
        ("ldap_uri", json!("ldap://localhost")),
        ("ldap_base_dn", json!("o=x")),
        ("ldap_network_timeout", json!(0.3)),
        ("ldap_timeout", json!(1.0)),
        ("unique_column_format", json!("string")),
    ] {
        shown.insert(key.into(), value);
    }
    Backend {
        name: "ldap",
        order: &["name", "ldap_uri", "ldap_base_dn", "ldap_username"],
        sent: json!({"ldap_uri": "ldap://localhost", "ldap_base_dn": "o=x"}),
        shown: Value::Object(shown),
        wrong: (
            json!({"name": "x", "ldap_uri": "ldap://localhost"}),
            json!({"ldap_base_dn": required()}),
        ),
    }
}
