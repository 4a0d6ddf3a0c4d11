//! `/directories/favorites`.

use serde_json::json;

use super::directories::no_profile;
use super::{Cases, Needs, Reach, legacy};

const ONE: &str = "/directories/favorites/{directory}/{contact}";

pub(super) fn cases() -> Vec<Cases> {
    let no_source = || legacy(404, "No such source: <nothing>");
    vec![
        Cases::of("GET /directories/favorites/{profile}", Reach::Tenant)
            .needs(Needs::Favorite)
            .answers(
                json!({"column_headers": ["Name"], "column_types": [null], "results": [{
                "backend": "csv", "source": "{name}", "column_values": ["Zoe"],
                "relations": "<any>"}]}),
            )
            .unknown(no_profile()),
        Cases::of(format!("PUT {ONE}"), Reach::OwnInTenant)
            .needs(Needs::Profile)
            .unknown(no_source()),
        Cases::of(format!("DELETE {ONE}"), Reach::OwnInTenant)
            .needs(Needs::Favorite)
            .unknown(no_source()),
    ]
}
