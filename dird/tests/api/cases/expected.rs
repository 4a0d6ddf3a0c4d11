//! Expected answers. In one, `"<any>"` stands for anything, `"<number>"` for any number, `"<uuid>"` for any UUID, `"<nothing>"`
//! for the identifier that nothing has, and the member `"<more>"` allows further members. `<uuid>` within a longer text stands for
//! any UUID there.

use serde_json::Value;

use super::Made;

/// An identifier that nothing has.
pub(crate) const NOTHING: &str = "00000000-0000-4000-8000-00000000dead";

/// What nothing is called in the open segment `name` of a path: it has the form that the segment must have.
pub(crate) fn nothing_for(name: &str) -> &'static str {
    match name {
        "phonebook_id" => "99999999",
        _ => NOTHING,
    }
}

/// Fails, with both, unless `actual` is what `expected` says after what was made is filled in.
pub(crate) fn assert_answer(about: &str, actual: &Value, expected: &Value, made: &Made) {
    let expected = made.fill_value(expected);
    assert!(
        agrees(actual, &expected),
        "{about}\nexpected {expected:#}\nbut got {actual:#}"
    );
}

fn agrees(actual: &Value, expected: &Value) -> bool {
    match (actual, expected) {
        (_, Value::String(text)) if text == "<any>" => true,
        (Value::Number(_), Value::String(text)) if text == "<number>" => true,
        (Value::String(actual), Value::String(text)) if text == "<uuid>" => {
            uuid::Uuid::parse_str(actual).is_ok()
        }
        (Value::String(actual), Value::String(text)) => {
            let text = text.replace("<nothing>", NOTHING);
            match text.split_once("<uuid>") {
                Some((before, after)) => holds_uuid(actual, before, after),
                None => *actual == text,
            }
        }
        (Value::Array(actual), Value::Array(expected)) => {
            actual.len() == expected.len()
                && actual
                    .iter()
                    .zip(expected)
                    .all(|(actual, expected)| agrees(actual, expected))
        }
        (Value::Object(actual), Value::Object(expected)) => {
            let more = expected.contains_key("<more>");
            let named = expected.iter().filter(|(name, _)| *name != "<more>");
            (more || actual.len() == expected.len())
                && named.into_iter().all(|(name, expected)| {
                    actual
                        .get(name)
                        .is_some_and(|actual| agrees(actual, expected))
                })
        }
        _ => actual == expected,
    }
}

/// True if all that is between `before` and `after` is a UUID.
fn holds_uuid(actual: &str, before: &str, after: &str) -> bool {
    let rest = actual.strip_prefix(before);
    let between = rest.and_then(|rest| rest.strip_suffix(after));
    between.is_some_and(|between| uuid::Uuid::parse_str(between).is_ok())
}

#[test]
fn an_answer_agrees_only_with_what_it_must() {
    let actual = serde_json::json!({"a": 1, "b": ["x", NOTHING]});
    for (expected, same) in [
        (r#"{"a": "<number>", "b": ["x", "<uuid>"]}"#, true),
        (r#"{"a": 1, "b": "<any>"}"#, true),
        (r#"{"a": 1, "b": ["x", "<nothing>"]}"#, true),
        (r#"{"a": 1, "<more>": ""}"#, true),
        (r#"{"a": 1}"#, false),
        (r#"{"a": 1, "c": 2, "<more>": ""}"#, false),
        (r#"{"a": "<uuid>", "<more>": ""}"#, false),
        (r#"{"a": 1, "b": ["x"]}"#, false),
        (r#"{"a": 1, "b": ["x<uuid>", "<nothing>"]}"#, false),
    ] {
        let expected = serde_json::from_str(expected).unwrap();
        assert_eq!(agrees(&actual, &expected), same, "{expected}");
    }
}
