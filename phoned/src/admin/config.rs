//! `GET` and `PATCH /config` (phoned.md §16.2): the configuration in force without its secrets, and the one key that can be changed
//! while phones are served, `debug`.

use std::sync::Arc;

use http::StatusCode;
use kit::problem::Problem;
use serde_json::{Map, Value, json};

use super::{Call, invalid};
use crate::{
    error::rule,
    live::Live,
    respond::{self, Response},
};

/// Words of the platform for a body that cannot be read.
const UNREADABLE: &[u8] = b"{\"message\": \"The browser (or proxy) sent a request that this server could not understand.\"}\n";
/// What switches on, and what switches off.
const YES: [&str; 5] = ["t", "true", "on", "y", "yes"];
const NO: [&str; 5] = ["f", "false", "off", "n", "no"];

/// Shows the configuration.
pub(super) fn show(call: &Call) -> Result<Response, Box<Problem>> {
    Ok(shown(call, &call.live()?))
}

/// Switches debugging on or off until the next start or reload.
pub(super) async fn change(call: &Call) -> Result<Response, Box<Problem>> {
    let Ok(sent) = serde_json::from_slice(&call.body) else {
        let status = StatusCode::BAD_REQUEST;
        return Ok(respond::private_json(status, UNREADABLE.into()));
    };
    let values = operations(&sent).map_err(|wrong| invalid(Value::Object(wrong)))?;
    let live = call.live()?;
    // The last one has the last word.
    if let Some(debug) = values.last() {
        live.set_debug(*debug).await;
    }
    Ok(shown(call, &live))
}

fn shown(call: &Call, live: &Arc<Live>) -> Response {
    let mut shown = (*call.app.config.shown).clone();
    shown["debug"] = live.debug().into();
    // One key a line, for people who read it in a terminal.
    let text = format!("{shown:#}\n");
    respond::private_json(StatusCode::OK, text.into())
}

/// The values that the operations set, in their order, or what is wrong with each.
fn operations(sent: &Value) -> Result<Vec<bool>, Map<String, Value>> {
    let Value::Array(sent) = sent else {
        return Err(wrong_type());
    };
    let mut values = Vec::new();
    let mut errors = Map::new();
    for (position, sent) in sent.iter().enumerate() {
        match operation(sent) {
            Ok(value) => values.push(value),
            Err(wrong) => drop(errors.insert(position.to_string(), Value::Object(wrong))),
        }
    }
    if errors.is_empty() {
        Ok(values)
    } else {
        Err(errors)
    }
}

fn operation(sent: &Value) -> Result<bool, Map<String, Value>> {
    let Value::Object(sent) = sent else {
        return Err(wrong_type());
    };
    let mut errors = Map::new();
    for (name, only) in [("op", "replace"), ("path", "/debug")] {
        match present(sent, name) {
            Err(wrong) => errors.extend(wrong),
            Ok(Value::String(text)) if text == only => {}
            Ok(Value::String(_)) => {
                errors.insert(name.into(), json!([format!("Must be equal to {only}.")]));
            }
            Ok(_) => errors.extend(kind(name, "string")),
        }
    }
    let value = match present(sent, "value") {
        Ok(value) => boolean(value).ok_or_else(|| kind("value", "boolean")),
        Err(wrong) => Err(wrong),
    };
    for name in sent.keys() {
        if !["op", "path", "value"].contains(&name.as_str()) {
            errors.insert(name.clone(), json!(["Unknown field."]));
        }
    }
    match value {
        Ok(value) if errors.is_empty() => Ok(value),
        Ok(_) => Err(errors),
        Err(wrong) => {
            errors.extend(wrong);
            Err(errors)
        }
    }
}

fn present<'a>(sent: &'a Map<String, Value>, name: &str) -> Result<&'a Value, Map<String, Value>> {
    match sent.get(name) {
        None => Err(rule(
            name,
            "Missing data for required field.",
            "required",
            &json!("required"),
        )),
        Some(Value::Null) => Err(rule(
            name,
            "Field may not be null.",
            "not_null",
            &json!("not_null"),
        )),
        Some(value) => Ok(value),
    }
}

fn kind(name: &str, kind: &str) -> Map<String, Value> {
    rule(name, &format!("Not a valid {kind}."), "type", &json!(kind))
}

fn wrong_type() -> Map<String, Value> {
    Map::from_iter([("_schema".to_owned(), json!(["Invalid input type."]))])
}

/// What the platform takes for true and false: booleans, 1 and 0, and some words in small letters, capitals or capitalised.
fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
        Value::String(text) => match text.as_str() {
            "1" => Some(true),
            "0" => Some(false),
            text if is_one_of(text, &YES) => Some(true),
            text if is_one_of(text, &NO) => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    let Some((first, rest)) = text.split_at_checked(1) else {
        return false;
    };
    let known = words.contains(&text.to_ascii_lowercase().as_str());
    let small = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase());
    let capital = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());
    known && (small(rest) || (capital(first) && capital(rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_written_in_many_ways_but_not_in_any() {
        for yes in [
            json!(true),
            json!(1),
            json!(1.0),
            json!("1"),
            json!("t"),
            json!("Y"),
            json!("Yes"),
            json!("TRUE"),
        ] {
            assert_eq!(boolean(&yes), Some(true), "{yes}");
        }
        for no in [
            json!(false),
            json!(0),
            json!("0"),
            json!("f"),
            json!("Off"),
            json!("NO"),
        ] {
            assert_eq!(boolean(&no), Some(false), "{no}");
        }
        for odd in [
            json!("tRUE"),
            json!("yEs"),
            json!(""),
            json!(2),
            json!("maybe"),
            json!([]),
            json!("é"),
        ] {
            assert_eq!(boolean(&odd), None, "{odd}");
        }
    }

    #[test]
    fn operations_are_checked_one_by_one() {
        let good = json!({"op": "replace", "path": "/debug", "value": "on"});
        assert_eq!(operations(&json!([good, good])), Ok(vec![true, true]));
        assert_eq!(operations(&json!([])), Ok(Vec::new()));
        let wrong = |sent: &Value| Value::Object(operations(sent).expect_err("wrong"));
        let schema = json!({"_schema": ["Invalid input type."]});
        assert_eq!(wrong(&json!({})), schema);
        assert_eq!(wrong(&json!([good, 5])), json!({"1": schema}));
        let mut odd = json!({"op": 1, "path": "/x", "x": 1});
        let expected = json!({"0": {
            "op": {"message": "Not a valid string.", "constraint_id": "type", "constraint": "string"},
            "path": ["Must be equal to /debug."],
            "x": ["Unknown field."],
            "value": {"message": "Missing data for required field.", "constraint_id": "required",
                      "constraint": "required"},
        }});
        assert_eq!(wrong(&json!([odd])), expected);
        odd["value"] = Value::Null;
        let null = &wrong(&json!([odd]))["0"]["value"];
        assert_eq!(null["constraint_id"], "not_null");
    }
}
