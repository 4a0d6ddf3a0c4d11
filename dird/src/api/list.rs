//! The parameters and answers that list routes share (dird-api.md §4). A route states only the columns that it sorts and filters
//! by.

use http::StatusCode;
use kit::problem::Problem;
use serde_json::{Map, Value, json};

use super::call::Query;
use crate::error::ApiError;
use crate::schema::{self, Range};
use crate::store::Page;

/// What a list route allows.
#[derive(Debug, Clone, Copy)]
pub struct ListRules {
    /// Columns that `order` accepts; the first is the default.
    pub order: &'static [&'static str],
    /// Columns that may be asked for exactly.
    pub filters: &'static [&'static str],
}

impl ListRules {
    /// Reads the parameters of a list.
    pub fn read(&self, query: &Query) -> Result<Page, ApiError> {
        let mut errors = Map::new();
        let mut keep = |name: &str, error: Value| drop(errors.insert(name.into(), error));
        let order = match query.get("order") {
            None => self.order[0],
            Some(asked) => self
                .order
                .iter()
                .find(|known| **known == asked)
                .copied()
                .unwrap_or_else(|| {
                    keep("order", schema::choice(self.order));
                    self.order[0]
                }),
        };
        let direction = query.get("direction").unwrap_or("asc");
        if !["asc", "desc"].contains(&direction) {
            keep("direction", schema::choice(&["asc", "desc"]));
        }
        let mut count = |name: &str| match query.get(name).map(whole_number) {
            None => None,
            Some(Ok(number)) => Some(number),
            Some(Err(error)) => {
                keep(name, error);
                None
            }
        };
        let (limit, offset) = (count("limit"), count("offset").unwrap_or(0));
        let recurse = match query.get("recurse").map(schema::word_as_boolean) {
            None => false,
            Some(Some(known)) => known,
            Some(None) => {
                keep("recurse", schema::not_a("boolean", "boolean"));
                false
            }
        };
        if !errors.is_empty() {
            return Err(invalid_data(Value::Object(errors)));
        }
        let filter = |name: &&'static str| Some((*name, query.get(name)?.to_owned()));
        Ok(Page {
            order,
            descending: direction == "desc",
            limit,
            offset,
            search: query.get("search").map(str::to_owned),
            recurse,
            filters: self.filters.iter().filter_map(filter).collect(),
        })
    }
}

/// A count as a parameter has it: blanks around and a plus are allowed, beyond 64 bits it is as much as fits (O-30).
fn whole_number(text: &str) -> Result<i64, Value> {
    let invalid = || schema::not_a("integer", "integer");
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid());
    }
    let number: i64 = digits.parse().unwrap_or(i64::MAX);
    if negative && number > 0 {
        Err(schema::range(Range::NotNegative))
    } else {
        Ok(number)
    }
}

/// The error for parameters or members that are wrong; `details` says which and how.
pub fn invalid_data(details: Value) -> ApiError {
    let problem = Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid-data",
        "Sent data is invalid",
    );
    ApiError::from(problem.with_details(details))
}

/// The error for a body whose members are wrong.
pub fn body_error(details: Map<String, Value>) -> ApiError {
    invalid_data(Value::Object(details))
}

/// The error for a body that is the literal null.
pub fn invalid_body() -> ApiError {
    ApiError::from(Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid-data",
        "invalid data",
    ))
}

/// The error for a name that is taken.
pub fn conflict(name: &str, resource: &'static str) -> ApiError {
    let message = format!("The name \"{name}\" is already used");
    let details = json!({"name": {"constraint_id": "unique", "message": message}});
    let problem = Problem::new(StatusCode::CONFLICT, "conflict", "Conflict detected");
    ApiError::from(problem.with_details(details).about(resource))
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::*;

    const RULES: ListRules = ListRules {
        order: &["name", "backend"],
        filters: &["uuid", "name"],
    };

    fn read(query: &str) -> Result<Page, Value> {
        let uri: Uri = format!("/x?{query}").parse().unwrap();
        RULES.read(&Query::read(&uri)).map_err(|error| match error {
            ApiError::Problem(problem) => problem.details,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn parameters_have_their_defaults() {
        let page = read("unknown=1").unwrap();
        assert_eq!(
            (page.order, page.descending, page.limit, page.offset),
            ("name", false, None, 0)
        );
        assert_eq!(
            (page.search, page.recurse, page.filters),
            (None, false, vec![])
        );
    }

    #[test]
    fn parameters_are_read() {
        let page = read("order=backend&direction=desc&limit=%2B3&offset=%204%20&search=x&recurse=Yes&name=&name=b").unwrap();
        assert_eq!(
            (page.order, page.descending, page.limit, page.offset),
            ("backend", true, Some(3), 4)
        );
        assert_eq!(page.filters, [("name", String::new())]);
        assert!(page.recurse);
        assert_eq!(
            read("limit=99999999999999999999").unwrap().limit,
            Some(i64::MAX)
        );
    }

    #[test]
    fn every_bad_parameter_is_reported() {
        let details = read("order=zzz&direction=up&limit=x&offset=-1&recurse=x").unwrap_err();
        assert_eq!(
            details,
            json!({
                "order": [{"constraint_id": "enum", "constraint": {"choices": ["name", "backend"]}, "message": "Must be one of: name, backend."}],
                "direction": [{"constraint_id": "enum", "constraint": {"choices": ["asc", "desc"]}, "message": "Must be one of: asc, desc."}],
                "limit": {"message": "Not a valid integer.", "constraint_id": "type", "constraint": "integer"},
                "offset": [{"constraint_id": "range", "constraint": {"min": 0}, "message": "Must be greater than or equal to 0."}],
                "recurse": {"message": "Not a valid boolean.", "constraint_id": "type", "constraint": "boolean"},
            })
        );
        for wrong in ["limit=1.0", "limit=", "limit=%20", "limit=0x1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
