//! `/config`, for the master tenant only (dird-api-config.md §7).

use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use kit::observe::LogHandle;
use kit::problem::Problem;
use serde_json::{Map, Value, json};

use super::call::Call;
use super::list::{body_error, invalid_body};
use super::route::Answer;
use crate::error::{ApiError, json_answer};
use crate::schema::{self, Field, Kind, Length, Schema, Unknown};

/// The running configuration as it is shown, and what of it can change.
pub struct RunningConfig {
    shown: Value,
    debug: AtomicBool,
    log: LogHandle,
}

impl RunningConfig {
    /// A configuration whose secrets are hidden already.
    pub fn new(shown: Value, debug: bool, log: LogHandle) -> Self {
        Self {
            shown,
            debug: AtomicBool::new(debug),
            log,
        }
    }

    fn show(&self) -> Value {
        let mut shown = self.shown.clone();
        shown["debug"] = self.debug.load(Ordering::Relaxed).into();
        shown
    }

    fn set_debug(&self, debug: bool) {
        self.debug.store(debug, Ordering::Relaxed);
        self.log.set_debug(debug);
    }
}

static OPERATION: Schema = Schema {
    fields: &[
        Field::required("op", Kind::Text(Length::ANY), "always replace"),
        Field::required("path", Kind::Text(Length::ANY), "always /debug"),
        Field::required("value", Kind::Boolean, "whether debugging is on"),
    ],
    unknown: Unknown::Refuse,
    rule: None,
};

/// Shows the configuration.
pub async fn show(call: Call) -> Answer {
    master_only(&call)?;
    Ok(json_answer(StatusCode::OK, &call.app.config.show()))
}

/// Switches debugging on or off until the next start.
pub async fn patch(mut call: Call) -> Answer {
    master_only(&call)?;
    let sent = call.json().await?;
    for debug in operations(&sent)? {
        call.app.config.set_debug(debug);
    }
    Ok(json_answer(StatusCode::OK, &call.app.config.show()))
}

/// The values that the operations set, in order.
fn operations(sent: &Value) -> Result<Vec<bool>, ApiError> {
    let sent = match sent {
        Value::Null => return Err(invalid_body()),
        Value::Array(sent) => sent,
        _ => return Err(body_error(schema::invalid_type())),
    };
    let mut values = Vec::with_capacity(sent.len());
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
        Err(body_error(errors))
    }
}

fn operation(sent: &Value) -> Result<bool, Map<String, Value>> {
    let (read, mut errors) = match OPERATION.read(sent) {
        Ok(read) => (read, Map::new()),
        Err(errors) => (Map::new(), errors),
    };
    for (name, only) in [("op", "replace"), ("path", "/debug")] {
        let differs = sent
            .get(name)
            .and_then(Value::as_str)
            .is_some_and(|text| text != only);
        if differs && !errors.contains_key(name) {
            errors.insert(name.into(), json!([format!("Must be equal to {only}.")]));
        }
    }
    match read.get("value").and_then(Value::as_bool) {
        Some(value) if errors.is_empty() => Ok(value),
        _ => Err(errors),
    }
}

/// Refuses every token that is not of the master tenant itself, whatever tenant the request names.
fn master_only(call: &Call) -> Result<(), ApiError> {
    let Some(master) = call.app.authority.master_tenant() else {
        let message = "wazo-dird master tenant is not initiated";
        let status = StatusCode::SERVICE_UNAVAILABLE;
        return Err(ApiError::from(Problem::new(
            status,
            "matser-tenant-not-initiated",
            message,
        )));
    };
    if *call.caller.token_tenant() == master {
        return Ok(());
    }
    let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "Unauthorized");
    let details = json!({"invalid_token": call.caller.token().expose()});
    Err(ApiError::from(problem.with_details(details)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(sent: &Value) -> Value {
        match operations(sent) {
            Err(ApiError::Problem(problem)) => problem.details,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn operations_are_checked_one_by_one() {
        let good = json!({"op": "replace", "path": "/debug", "value": "on"});
        assert_eq!(operations(&json!([good, good])).unwrap(), [true, true]);
        assert_eq!(operations(&json!([])).unwrap(), [false; 0]);
        let with = |name: &str, value: Value| {
            let mut changed = good.clone();
            changed[name] = value;
            json!([changed])
        };
        assert_eq!(
            wrong(&json!({})),
            json!({"_schema": ["Invalid input type."]})
        );
        assert_eq!(
            wrong(&with("op", json!("add"))),
            json!({"0": {"op": ["Must be equal to replace."]}})
        );
        assert_eq!(
            wrong(&with("path", json!("/x"))),
            json!({"0": {"path": ["Must be equal to /debug."]}})
        );
        assert_eq!(
            wrong(&with("x", json!(1))),
            json!({"0": {"x": ["Unknown field."]}})
        );
        assert_eq!(
            wrong(&with("value", json!("maybe"))),
            json!({"0": {"value": {
            "message": "Not a valid boolean.", "constraint_id": "type", "constraint": "boolean"}}})
        );
        let missing = wrong(&json!([{}]));
        assert_eq!(missing["0"]["value"]["constraint_id"], "required");
    }
}
