//! `/directories`: what phones and people ask.

use serde_json::{Value, json};

use super::{Cases, Needs, Reach, legacy, no_such};

pub(super) fn cases() -> Vec<Cases> {
    let missing = json!({"message": {"term": "term is missing"}});
    vec![
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
