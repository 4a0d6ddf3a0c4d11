//! Routes about dird itself: document, status, configuration, backends.

use serde_json::{Value, json};

use super::{Cases, Reach, invalid, required};

pub(super) fn cases() -> Vec<Cases> {
    let debug = |value: Value| json!([{"op": "replace", "path": "/debug", "value": value}]);
    vec![
        // YAML, which no reader of JSON takes: the route's own test reads it.
        Cases::of("GET /api/api.yml", Reach::Everybody).answers(json!("<any>")),
        graphql("GET /graphql"),
        graphql("POST /graphql"),
        Cases::of("GET /status", Reach::Everybody).answers(json!({"rest_api": {"status": "ok"},
            "bus_consumer": {"status": "fail", "enabled": false}, "master_tenant": {"status": "ok"}})),
        Cases::of("GET /config", Reach::Master)
            .answers(json!({"debug": false, "rest_api": "<any>", "<more>": ""})),
        Cases::of("PATCH /config", Reach::Master)
            .sends(debug(json!(false)))
            .answers(json!({"debug": false, "rest_api": "<any>", "<more>": ""}))
            .refuses(
                json!([{"op": "replace", "path": "/debug"}]),
                invalid(&json!({"0": {"value": required()}})),
            )
            .refuses(
                json!({}),
                invalid(&json!({"_schema": ["Invalid input type."]})),
            ),
        Cases::of("GET /backends", Reach::Everybody)
            .asks("search=dap")
            .answers(json!({"total": 9, "filtered": 1, "items": [{"name": "ldap"}]}))
            .refuses_list_parameters(&["name"]),
    ]
}

/// What everybody may ask; the rest has tests of its own.
fn graphql(route: &str) -> Cases {
    let refused = |message: &str| json!({"errors": [{"message": message}]});
    Cases::of(route, Reach::Everybody)
        .asks("query=%7B__typename%7D")
        .answers(json!({"data": {"__typename": "Query"}}))
        .refuses_query("query=", refused("Must provide query string."))
        .refuses_query(
            "query=x&variables=%7B",
            refused("Variables are invalid JSON."),
        )
}
