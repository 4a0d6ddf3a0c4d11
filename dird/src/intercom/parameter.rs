//! The parameters of a document (intercom-directory.md §3.5): types, defaults, and which one is to blame. `null` is absence.

use serde_json::{Map, Value};

use super::document::Document;
use super::reply::Refusal;
use crate::config::IntercomLimits;

/// Greatest timestamp: the greatest whole number that every client can hold.
const LAST_TIMESTAMP: u64 = (1 << 53) - 1;

/// An element of `users`.
pub(super) type Element = Map<String, Value>;

fn given<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    members.get(name).filter(|value| !value.is_null())
}

/// Whether entries that exist are overwritten. The document wins over what stands beside it.
pub(super) fn force(document: &Document) -> Result<bool, Refusal> {
    let beside = document.force.as_deref().map(Value::from);
    match given(&document.members, "force").or(beside.as_ref()) {
        None => Ok(false),
        Some(Value::Bool(force)) => Ok(*force),
        Some(Value::Number(number)) if number.as_u64() == Some(0) => Ok(false),
        Some(Value::Number(number)) if number.as_u64() == Some(1) => Ok(true),
        Some(Value::String(text)) => match text.as_str() {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err(Refusal::Wrong("force")),
        },
        Some(_) => Err(Refusal::Wrong("force")),
    }
}

/// The elements of `users`.
pub(super) fn users<'a>(
    document: &'a Document,
    limits: &IntercomLimits,
) -> Result<Option<Vec<&'a Element>>, Refusal> {
    let Some(users) = given(&document.members, "users") else {
        return Ok(None);
    };
    let users = users.as_array().ok_or(Refusal::Wrong("users"))?;
    if users.len() > limits.entries_per_call {
        return Err(Refusal::TooBig(Some("users")));
    }
    let elements: Option<Vec<_>> = users.iter().map(Value::as_object).collect();
    elements.map(Some).ok_or(Refusal::Wrong("users"))
}

/// Whose entries are deleted.
pub(super) fn owner(document: &Document) -> Result<Option<&str>, Refusal> {
    match given(&document.members, "owner") {
        None => Ok(None),
        // It would delete every entry that nobody manages.
        Some(Value::String(owner)) if !owner.is_empty() => Ok(Some(owner)),
        Some(_) => Err(Refusal::Wrong("owner")),
    }
}

/// Paths of the fields to answer.
pub(super) fn fields<'a>(
    document: &'a Document,
    limits: &IntercomLimits,
) -> Result<Option<Vec<&'a str>>, Refusal> {
    let Some(fields) = given(&document.members, "fields") else {
        return Ok(None);
    };
    let wrong = || Refusal::Wrong("fields");
    let fields = fields.as_array().ok_or_else(wrong)?;
    let paths: Option<Vec<&str>> = fields.iter().map(Value::as_str).collect();
    let paths = paths.ok_or_else(wrong)?;
    let long = |path: &&str| path.chars().count() > limits.path_length;
    if paths.len() > limits.fields_per_call || paths.iter().any(long) {
        return Err(wrong());
    }
    Ok(Some(paths))
}

/// The series that a client goes on in.
pub(super) fn series(document: &Document) -> Result<Option<String>, Refusal> {
    match given(&document.members, "series") {
        None => Ok(None),
        Some(Value::String(series)) => Ok(Some(series.clone())),
        Some(Value::Number(number)) if number.is_u64() || number.is_i64() => {
            Ok(Some(number.to_string()))
        }
        Some(_) => Err(Refusal::Wrong("series")),
    }
}

/// The timestamp that a client goes on from.
pub(super) fn after(document: &Document) -> Result<i64, Refusal> {
    let timestamp = match given(&document.members, "iterator") {
        None => return Ok(0),
        Some(Value::Object(iterator)) => given(iterator, "timestamp"),
        Some(_) => return Err(Refusal::Wrong("iterator")),
    };
    let Some(timestamp) = timestamp else {
        return Ok(0);
    };
    let whole = timestamp.as_u64().filter(|at| *at <= LAST_TIMESTAMP);
    let whole = whole.and_then(|at| i64::try_from(at).ok());
    whole.ok_or(Refusal::Wrong("iterator.timestamp"))
}
