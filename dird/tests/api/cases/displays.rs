//! `/displays`.

use serde_json::{Value, json};

use super::{Cases, Needs, Reach, invalid, no_such, one, required};

const ONE: &str = "/displays/{display_uuid}";

pub(super) fn cases() -> Vec<Cases> {
    let named = |name: &str| json!({"name": name, "columns": [{"field": "fn", "title": "Name"}]});
    let empty = json!({"name": "{name}", "columns": [{}]});
    let refused =
        invalid(&json!({"columns": {"0": {"_schema": ["Empty columns are now allowed"]}}}));
    let unknown = || no_such("display", "displays");
    vec![
        Cases::of("GET /displays", Reach::Recursing)
            .needs(Needs::Display)
            .asks("search={name}")
            .answers(one(&shown("{display_uuid}")))
            .refuses_list_parameters(&["name"]),
        Cases::of("POST /displays", Reach::Creates)
            .sends(named("{name}"))
            .answers(shown("<uuid>"))
            .refuses(empty.clone(), refused.clone())
            .refuses(
                json!({}),
                invalid(&json!({"name": required(), "columns": required()})),
            ),
        Cases::of(format!("GET {ONE}"), Reach::Below)
            .needs(Needs::Display)
            .answers(shown("{display_uuid}"))
            .unknown(unknown()),
        Cases::of(format!("PUT {ONE}"), Reach::Below)
            .needs(Needs::Display)
            .sends(named("{name} wall"))
            .refuses(empty, refused)
            .unknown(unknown()),
        Cases::of(format!("DELETE {ONE}"), Reach::Below)
            .needs(Needs::Display)
            .unknown(unknown()),
    ]
}

fn shown(uuid: &str) -> Value {
    json!({"uuid": uuid, "tenant_uuid": "{tenant}", "name": "{name}", "columns": [
        {"field": "fn", "title": "Name", "type": null, "default": null, "number_display": null}]})
}
