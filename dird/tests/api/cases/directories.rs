//! `/directories`: what phones and people ask.

use serde_json::{Value, json};

use super::{Cases, Needs, Reach, invalid, legacy, no_such, required};

pub(super) fn cases() -> Vec<Cases> {
    let missing = json!({"message": {"term": "term is missing"}});
    vec![
        explain(),
        changes(),
        Cases::of("GET /directories/lookup/{profile}", Reach::Tenant)
            .needs(Needs::Profile)
            .asks("term=zoe")
            .answers(found())
            .refuses_query("", missing.clone())
            .unknown(no_profile()),
        Cases::of("GET /directories/lookup/{profile}/headers", Reach::Tenant)
            .needs(Needs::Profile)
            .answers(json!({"column_headers": ["Name"], "column_types": [null]}))
            .unknown(no_profile()),
        Cases::of("GET /directories/personal/{profile}", Reach::Tenant)
            .needs(Needs::PersonalView)
            .answers(
                json!({"column_headers": ["Name"], "column_types": [null], "results": [{
                "backend": "personal", "source": "<any>", "column_values": ["{name}"],
                "relations": "<any>"}]}),
            )
            .unknown(no_profile()),
        Cases::of(
            "GET /directories/reverse/{profile}/{user_uuid}",
            Reach::Tenant,
        )
        .needs(Needs::Profile)
        .asks("exten=Zoe")
        .answers(json!({"display": null, "exten": "Zoe", "source": "{name}",
            "fields": {"id": "1", "fn": "Zoe"}}))
        .refuses_query(
            "",
            json!({"message": {"exten": "Missing required parameter in the query string"}}),
        )
        .unknown(no_profile()),
        Cases::of(
            "GET /directories/lookup/{profile}/{user_uuid}",
            Reach::Tenant,
        )
        .needs(Needs::Profile)
        .asks("term=zoe")
        .answers(found())
        .refuses_query("", missing)
        .unknown(no_such("profile", "profiles")),
    ]
}

/// The 404 of a profile by its name.
pub(super) fn no_profile() -> Value {
    legacy(404, "The profile `<nothing>` does not exist")
}

/// The one row of the profile that [`Needs::Profile`] makes.
fn found() -> Value {
    json!({"column_headers": ["Name"], "column_types": [null], "term": "zoe", "results": [{
        "backend": "csv", "source": "{name}", "column_values": ["Zoe"], "relations": "<any>"}]})
}

/// Events, which no reader of JSON takes: the route's own tests read them.
fn changes() -> Cases {
    let no_boolean = json!({"message": "Not a valid boolean.", "constraint_id": "type",
        "constraint": "boolean"});
    Cases::of("GET /directories/changes", Reach::Everybody)
        .asks("follow=false")
        .answers(json!("<any>"))
        .refuses_query(
            "recurse=perhaps&follow=",
            invalid(&json!({"recurse": no_boolean, "follow": no_boolean})),
        )
}

fn explain() -> Cases {
    let either = invalid(&json!({"_schema": ["Either `term` or `exten` is required"]}));
    Cases::of("POST /directories/explain", Reach::Tenant)
        .needs(Needs::Profile)
        .sends(json!({"profile": "{name}", "term": "zoe"}))
        .answers(
            json!({"profile": "{name}", "service": "lookup", "asked": "zoe", "spellings": [],
            "timeout": 5.0, "seconds": "<number>", "sources": [{"uuid": "{asked_uuid}", "name": "{name}",
            "backend": "csv", "columns": ["fn"], "from": "index", "age": null, "outcome": "answered", "error": null,
            "seconds": "<number>", "found": 1, "rows": [{"id": "1", "fn": "Zoe"}], "dropped": []}]}),
        )
        .refuses(json!({"term": "x"}), invalid(&json!({"profile": required()})))
        .refuses(json!({"profile": "x"}), either.clone())
        .refuses(json!({"profile": "x", "term": "x", "exten": "1"}), either)
        .unknown(json!({"message": "No such profile: \"{name}\"", "error_id": "unknown-profile",
            "details": {"uuid": "{name}"}, "timestamp": "<number>", "resource": "profiles"}))
}
