//! `/profiles`, and the sources of one.

use serde_json::{Value, json};

use super::{Cases, Needs, Reach, invalid, no_such, one, required};

const ONE: &str = "/profiles/{profile_uuid}";

pub(super) fn cases() -> Vec<Cases> {
    let plain =
        |name: &str| json!({"name": name, "services": {"lookup": {"options": {"timeout": 5}}}});
    let strange = json!({"name": "{name}", "services": {"lookup": {"timeout": 1}}});
    let refused = invalid(&json!({"services": {"timeout": ["Unknown field."]}}));
    let unknown = || no_such("profile", "profiles");
    vec![
        Cases::of("GET /profiles", Reach::Recursing)
            .needs(Needs::Profile)
            .asks("search={name}")
            .answers(one(&made()))
            .refuses_list_parameters(&["name"]),
        Cases::of("POST /profiles", Reach::Creates)
            .sends(plain("{name}"))
            .answers(json!({"uuid": "<uuid>", "tenant_uuid": "{tenant}", "name": "{name}",
                "services": {"lookup": {"sources": [], "options": {"timeout": 5.0}}}}))
            .refuses(strange.clone(), refused.clone())
            .refuses(
                json!({}),
                invalid(&json!({"name": required(), "services": required()})),
            )
            .refuses(
                json!({"name": "{name}", "services": {}, "display": {"uuid": super::expected::NOTHING}}),
                no_such("display", "displays"),
            ),
        Cases::of(format!("GET {ONE}"), Reach::Below)
            .needs(Needs::Profile)
            .answers(made())
            .unknown(unknown()),
        Cases::of(format!("PUT {ONE}"), Reach::Below)
            .needs(Needs::Profile)
            .sends(plain("{name} too"))
            .refuses(strange, refused)
            .unknown(unknown()),
        Cases::of(format!("DELETE {ONE}"), Reach::Below)
            .needs(Needs::Profile)
            .unknown(unknown()),
        Cases::of("GET /directories/{profile}/sources", Reach::Tenant)
            .needs(Needs::Profile)
            .answers(json!({"total": 1, "filtered": 1, "items": [{"uuid": "{asked_uuid}",
                "tenant_uuid": "{tenant}", "name": "{name}", "backend": "csv"}]}))
            .refuses_list_parameters(&["name", "backend"])
            .unknown(unknown()),
    ]
}

/// The profile that [`Needs::Profile`] makes.
fn made() -> Value {
    let service = json!({"sources": [{"uuid": "{asked_uuid}"}], "options": {}});
    json!({"uuid": "{profile_uuid}", "tenant_uuid": "{tenant}", "name": "{name}",
        "display": {"uuid": "{shown_uuid}"},
        "services": {"lookup": service, "reverse": service, "favorites": service}})
}
