//! What `details` says of a member that is wrong: the shapes of dird-api.md §5, letter for letter.

use serde_json::{Map, Value, json};

use super::{Length, Range};

/// A required member is missing.
pub fn required() -> Value {
    json!({
        "message": "Missing data for required field.",
        "constraint_id": "required", "constraint": "required",
    })
}

/// A member is null that may not be.
pub fn null() -> Value {
    json!({
        "message": "Field may not be null.",
        "constraint_id": "not_null", "constraint": "not_null",
    })
}

/// A member has the wrong type; `what` as in "Not a valid string.".
pub fn not_a(what: &str, constraint: &str) -> Value {
    json!({
        "message": format!("Not a valid {what}."),
        "constraint_id": "type", "constraint": constraint,
    })
}

/// Something else where a list of objects belongs.
pub(super) fn not_objects() -> Value {
    json!({"message": "Invalid type.", "constraint_id": "type", "constraint": "dict"})
}

/// Not a number at all.
pub(super) fn not_a_number() -> Value {
    json!(["Not a valid number."])
}

/// Not a number or infinite.
pub(super) fn special_number() -> Value {
    json!({
        "message": "Special numeric values (nan or infinity) are not permitted.",
        "constraint_id": "type", "constraint": "float",
    })
}

/// A text or list of the wrong length.
pub(super) fn length(length: Length) -> Value {
    let message = match length.max {
        Some(max) => format!("Length must be between {} and {max}.", length.min),
        None => format!("Shorter than minimum length {}.", length.min),
    };
    let constraint = json!({"min": length.min, "max": length.max});
    json!([{"constraint_id": "length", "constraint": constraint, "message": message}])
}

/// A whole number out of bounds.
pub(super) fn integer_range(min: i64, max: i64) -> Value {
    let message =
        format!("Must be greater than or equal to {min} and less than or equal to {max}.");
    json!([{
        "constraint_id": "range", "constraint": {"min": min, "max": max}, "message": message,
    }])
}

/// A number out of bounds.
pub fn range(range: Range) -> Value {
    let (constraint, message) = match range {
        Range::NotNegative => (
            json!({"min": 0}),
            "Must be greater than or equal to 0.".into(),
        ),
        Range::Positive => (json!({"min": 0}), "Must be greater than 0.".into()),
        Range::UpTo(max) => (
            json!({"min": 0, "max": max}),
            format!("Must be greater than or equal to 0 and less than or equal to {max}."),
        ),
    };
    json!([{"constraint_id": "range", "constraint": constraint, "message": message}])
}

/// None of the allowed texts.
pub fn choice(choices: &[&str]) -> Value {
    let message = format!("Must be one of: {}.", choices.join(", "));
    json!([{"constraint_id": "enum", "constraint": {"choices": choices}, "message": message}])
}

/// Not the address of a web resource.
pub(super) fn not_a_url() -> Value {
    json!(["Not a valid URL."])
}

/// Not an object of texts.
pub(super) fn not_a_text_map() -> Value {
    json!([{
        "message": "Not a mapping with string keys and string values",
        "constraint_id": "key-value-type", "constraint": "string",
    }])
}

/// A key or value of an object of texts is too long.
pub(super) fn text_map_length(key: usize, value: usize) -> Value {
    json!([{
        "message": "Key or value too long", "constraint_id": "key-value-length",
        "constraint": {"key-max": key, "value-max": value},
    }])
}

/// A text with a NUL, which no store can keep.
pub fn nul() -> Value {
    json!(["Null characters are not allowed."])
}

/// A member that is not known, where that matters.
pub fn unknown_field() -> Value {
    json!(["Unknown field."])
}

/// A body or object of the wrong JSON type.
pub fn invalid_type() -> Map<String, Value> {
    Map::from_iter([("_schema".to_owned(), json!(["Invalid input type."]))])
}
