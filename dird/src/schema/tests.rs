//! The values of dird-api.md §5, one by one.

use serde_json::json;

use super::*;

static COLUMN: Schema = Schema {
    fields: &[Field::optional("field", Kind::Text(Length::ANY), "").or_null()],
    unknown: Unknown::Drop,
    rule: Some(|column| column.is_empty().then_some("Empty columns are now allowed")),
};

static SCHEMA: Schema = Schema {
    fields: &[
        Field::required("name", Kind::Text(Length::between(1, 5)), ""),
        Field::optional("file", Kind::Text(Length::at_least(1)), "").or_null(),
        Field::optional("columns", Kind::Texts(Length::between(1, 3)), "").or(|| json!([])),
        Field::optional("format", Kind::TextMap { key: 3, value: 4 }, "").or(|| json!({})),
        Field::optional("port", Kind::Integer { min: 1, max: 65535 }, "").or(|| json!(443)),
        Field::optional("timeout", Kind::Number(Range::NotNegative), ""),
        Field::optional("limit", Kind::Number(Range::Positive), ""),
        Field::optional("https", Kind::Boolean, ""),
        Field::optional("id", Kind::Uuid, ""),
        Field::optional("url", Kind::Url, ""),
        Field::optional("choice", Kind::Choice(&["string", "binary_uuid"]), ""),
        Field::optional("verify", Kind::Certificate, ""),
        Field::optional(
            "list",
            Kind::Objects {
                schema: &COLUMN,
                min: 1,
            },
            "",
        ),
    ],
    unknown: Unknown::Drop,
    rule: None,
};

fn error_of(name: &str, value: &Value) -> Option<Value> {
    let mut body = json!({"name": "n"});
    body[name] = value.clone();
    SCHEMA
        .read(&body)
        .err()
        .map(|mut errors| errors.remove(name).unwrap())
}

fn value_of(name: &str, value: &Value) -> Value {
    let mut body = json!({"name": "n"});
    body[name] = value.clone();
    SCHEMA.read(&body).unwrap().remove(name).unwrap()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one line a failure")]
fn what_is_wrong_has_the_shape_of_the_contract() {
    let type_error = |message: &str, constraint: &str| json!({"message": message, "constraint_id": "type", "constraint": constraint});
    for (name, value, expected) in [
        (
            "name",
            json!(null),
            json!({"message": "Field may not be null.", "constraint_id": "not_null", "constraint": "not_null"}),
        ),
        (
            "name",
            json!(5),
            type_error("Not a valid string.", "string"),
        ),
        (
            "name",
            json!("toolong"),
            json!([{"constraint_id": "length", "constraint": {"min": 1, "max": 5}, "message": "Length must be between 1 and 5."}]),
        ),
        (
            "file",
            json!(""),
            json!([{"constraint_id": "length", "constraint": {"min": 1, "max": null}, "message": "Shorter than minimum length 1."}]),
        ),
        (
            "columns",
            json!("x"),
            type_error("Not a valid list.", "list"),
        ),
        (
            "columns",
            json!(["ok", "long", 5]),
            json!({"1": [{"constraint_id": "length", "constraint": {"min": 1, "max": 3}, "message": "Length must be between 1 and 3."}], "2": type_error("Not a valid string.", "string")}),
        ),
        (
            "format",
            json!([]),
            type_error("Not a valid mapping type.", "dict"),
        ),
        (
            "format",
            json!({"a": 1}),
            json!([{"message": "Not a mapping with string keys and string values", "constraint_id": "key-value-type", "constraint": "string"}]),
        ),
        (
            "format",
            json!({"long": "x"}),
            json!([{"message": "Key or value too long", "constraint_id": "key-value-length", "constraint": {"key-max": 3, "value-max": 4}}]),
        ),
        (
            "port",
            json!("x"),
            type_error("Not a valid integer.", "integer"),
        ),
        (
            "port",
            json!(true),
            type_error("Not a valid integer.", "integer"),
        ),
        (
            "port",
            json!(0),
            json!([{"constraint_id": "range", "constraint": {"min": 1, "max": 65535}, "message": "Must be greater than or equal to 1 and less than or equal to 65535."}]),
        ),
        ("timeout", json!("x"), json!(["Not a valid number."])),
        (
            "timeout",
            json!(-1),
            json!([{"constraint_id": "range", "constraint": {"min": 0}, "message": "Must be greater than or equal to 0."}]),
        ),
        (
            "timeout",
            json!("inf"),
            json!({"message": "Special numeric values (nan or infinity) are not permitted.", "constraint_id": "type", "constraint": "float"}),
        ),
        (
            "limit",
            json!(0),
            json!([{"constraint_id": "range", "constraint": {"min": 0}, "message": "Must be greater than 0."}]),
        ),
        (
            "https",
            json!("maybe"),
            type_error("Not a valid boolean.", "boolean"),
        ),
        ("id", json!("x"), type_error("Not a valid UUID.", "uuid")),
        ("url", json!("http://x/"), json!(["Not a valid URL."])),
        (
            "choice",
            json!("x"),
            json!([{"constraint_id": "enum", "constraint": {"choices": ["string", "binary_uuid"]}, "message": "Must be one of: string, binary_uuid."}]),
        ),
        (
            "list",
            json!({}),
            json!({"message": "Invalid type.", "constraint_id": "type", "constraint": "dict"}),
        ),
        (
            "list",
            json!([{"field": null}, {"other": 1}]),
            json!({"1": {"_schema": ["Empty columns are now allowed"]}}),
        ),
        (
            "list",
            json!([null, 5]),
            json!({"0": {"_schema": ["Empty columns are now allowed"]}, "1": {"_schema": ["Invalid input type."]}}),
        ),
        (
            "list",
            json!([{"field": 5}, {}]),
            json!({"0": {"field": type_error("Not a valid string.", "string")}}),
        ),
        (
            "name",
            json!("a\u{0}"),
            json!(["Null characters are not allowed."]),
        ),
    ] {
        assert_eq!(error_of(name, &value), Some(expected), "{name}: {value}");
    }
}

#[test]
fn values_are_read_tolerantly() {
    for (name, value, expected) in [
        ("name", json!("   "), json!("   ")),
        ("file", json!(null), json!(null)),
        ("port", json!("443"), json!(443)),
        ("port", json!(1.5), json!(1)),
        ("timeout", json!("2.5"), json!(2.5)),
        ("timeout", json!(3), json!(3.0)),
        ("https", json!("Off"), json!(false)),
        ("https", json!(1), json!(true)),
        ("verify", json!("True"), json!(true)),
        ("verify", json!(5), json!("5")),
        ("verify", json!("/ca.pem"), json!("/ca.pem")),
        (
            "url",
            json!("http://localhost:8080/x?y=1"),
            json!("http://localhost:8080/x?y=1"),
        ),
        (
            "url",
            json!("https://user:pw@ws.example.org/"),
            json!("https://user:pw@ws.example.org/"),
        ),
        ("url", json!("http://[::1]:80/"), json!("http://[::1]:80/")),
    ] {
        assert_eq!(value_of(name, &value), expected, "{name}: {value}");
    }
}

#[test]
fn what_is_left_out_gets_its_default_and_strangers_are_dropped() {
    let read = SCHEMA.read(&json!({"name": "n", "stranger": 1})).unwrap();
    assert_eq!(
        Value::Object(read),
        json!({"name": "n", "columns": [], "format": {}, "port": 443})
    );
    let strict = Schema {
        unknown: Unknown::Refuse,
        ..SCHEMA
    };
    let errors = strict
        .read(&json!({"name": "n", "stranger": 1}))
        .unwrap_err();
    assert_eq!(
        Value::Object(errors),
        json!({"stranger": ["Unknown field."]})
    );
}

#[test]
fn falsy_bodies_are_empty_and_other_types_are_refused() {
    let missing = json!({"name": {"message": "Missing data for required field.", "constraint_id": "required", "constraint": "required"}});
    for body in [
        json!({}),
        json!([]),
        json!(0),
        json!(""),
        json!(false),
        json!(null),
    ] {
        assert_eq!(
            Value::Object(SCHEMA.read_body(&body).unwrap_err()),
            missing,
            "{body}"
        );
    }
    for body in [json!("x"), json!(5), json!([1]), json!(true)] {
        let errors = Value::Object(SCHEMA.read_body(&body).unwrap_err());
        assert_eq!(
            errors,
            json!({"_schema": ["Invalid input type."]}),
            "{body}"
        );
    }
}
