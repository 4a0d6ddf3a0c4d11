//! `/directories`: what phones and people ask.

use serde_json::{Value, json};

use super::{Cases, Needs, Reach, no_such};

pub(super) fn cases() -> Vec<Cases> {
    let missing = json!({"message": {"term": "term is missing"}});
    vec![
        Cases::of("GET /directories/lookup/{profile}", Reach::Tenant)
            .needs(Needs::Profile)
            .asks("term=zoe")
            .answers(found())
            .refuses_query("", missing.clone())
            .unknown(json!({"reason": ["The profile `<nothing>` does not exist"],
                "timestamp": ["<number>"], "status_code": 404})),
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

/// The one row of the profile that [`Needs::Profile`] makes.
fn found() -> Value {
    json!({"column_headers": ["Name"], "column_types": [null], "term": "zoe", "results": [{
        "backend": "csv", "source": "{name}", "column_values": ["Zoe"], "relations": "<any>"}]})
}
