//! `/personal`.

use serde_json::{Value, json};

use super::{Cases, Needs, Reach, legacy};

const ONE: &str = "/personal/{contact_id}";

pub(super) fn cases() -> Vec<Cases> {
    let refused = |query, reason: &str| {
        let answer = json!({"reason": reason, "timestamp": ["<number>"], "status_code": 400});
        (query, answer)
    };
    let list = [
        refused("order=zzz", "order: column 'zzz' was not found"),
        refused("direction=up", "direction must be asc or desc"),
        refused("limit=0", "limit must be a positive number"),
        refused("offset=-1", "offset must be positive number"),
        refused("limit=x", "invalid literal for int() with base 10: 'x'"),
    ];
    let failed = json!({"reason": [{"errors": ["too many fields"], "line": 2}],
        "timestamp": ["<number>"], "status_code": 400});
    let all = Cases::of("GET /personal", Reach::Own)
        .needs(Needs::Personal)
        // Those of earlier trials come after it.
        .asks("order=firstname&direction=desc&limit=1")
        .answers(json!({"items": [shown("{contact_id}")]}));
    let all = list
        .into_iter()
        .fold(all, |all, (query, answer)| all.refuses_query(query, answer));
    let import = Cases::of("POST /personal/import", Reach::Own)
        .imports("firstname\n{name}\n")
        .answers(json!({"created": [shown("<uuid>")], "failed": []}))
        .refuses_sheet("firstname\n{name},x\n", failed)
        .refuses_sheet("", legacy(400, "No contact found"));
    let create = Cases::of("POST /personal", Reach::Own)
        .sends(json!({"firstname": "{name}"}))
        .answers(shown("<uuid>"));
    let purge = Cases::of("DELETE /personal", Reach::Own).needs(Needs::Personal);
    let mut cases = vec![all, refusing(create), import];
    cases.extend(of_one());
    // Takes what the others need, so it comes last.
    cases.push(purge);
    cases
}

fn of_one() -> Vec<Cases> {
    let one = |method: &str| {
        Cases::of(format!("{method} {ONE}"), Reach::Own)
            .needs(Needs::Personal)
            .unknown(legacy(404, "No such contact: <nothing>"))
    };
    let update = one("PUT")
        .sends(json!({"firstname": "{name}", "id": "another"}))
        .answers(shown("{contact_id}"));
    vec![
        one("GET").answers(shown("{contact_id}")),
        refusing(update),
        one("DELETE"),
    ]
}

fn shown(id: &str) -> Value {
    json!({"id": id, "firstname": "{name}"})
}

/// What no body of a contact may be.
fn refusing(cases: Cases) -> Cases {
    let texts = "all values must be strings";
    let both = json!({"reason": [texts, "\"\" is a forbidden in keys"],
        "timestamp": ["<number>"], "status_code": 400});
    let null = json!({"reason": ["invalid data"], "timestamp": "<number>", "status_code": 400});
    cases
        .refuses(json!({"": "x", "a": null}), both)
        .refuses(json!({"a": {"b": "c"}}), legacy(400, texts))
        .refuses(json!({"a": 1}), legacy(400, texts))
        .refuses(json!(["a"]), legacy(400, texts))
        .refuses(json!({"": "x"}), legacy(400, "\"\" is a forbidden in keys"))
        .refuses(Value::Null, null)
}
