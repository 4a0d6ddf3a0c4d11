//! What the routes of contacts have in common: a contact as JSON, and reading one (dird-api-contacts.md §1.1, §3).

use http::StatusCode;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::error::ApiError;
use crate::store::StoreError;
use crate::store::model::{Contact, Fields};

/// A contact as answers have it: its fields, then its identifier.
pub struct Shown<'a>(pub &'a Contact);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Contact { uuid, fields } = self.0;
        let mut contact = serializer.serialize_map(Some(fields.len() + 1))?;
        for (name, value) in fields {
            contact.serialize_entry(name, value)?;
        }
        contact.serialize_entry("id", &uuid.0)?;
        contact.end()
    }
}

/// A contact of a phonebook from a body: texts and nulls as they are, numbers and booleans as their JSON text (O-59).
pub fn phonebook_fields(body: Value) -> Result<Fields, ApiError> {
    let refused = |reason: &str| ApiError::Legacy(StatusCode::BAD_REQUEST, reason.to_owned());
    let Value::Object(members) = body else {
        return Err(refused("Contacts cannot be empty"));
    };
    let mut fields = Fields::new();
    for (name, value) in members {
        if name.is_empty() {
            return Err(refused("Contacts cannot have empty keys"));
        }
        let text = match value {
            Value::Null => None,
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            Value::Array(_) | Value::Object(_) => {
                return Err(refused("Contacts cannot have nested values"));
            }
        };
        if name != "id" {
            fields.insert(name, text);
        }
    }
    if fields.is_empty() {
        return Err(refused("Contacts cannot be empty"));
    }
    refuse_nul(&fields)?;
    Ok(fields)
}

/// A text with a NUL is no contact's (O-29).
pub fn refuse_nul(fields: &Fields) -> Result<(), ApiError> {
    let nul = |text: &String| text.contains('\0');
    if fields.keys().any(nul) || fields.values().flatten().any(nul) {
        let reason = "Contacts cannot hold a NUL".to_owned();
        return Err(ApiError::Legacy(StatusCode::BAD_REQUEST, reason));
    }
    Ok(())
}

/// There is no such contact.
pub fn unknown(id: &str) -> ApiError {
    ApiError::Legacy(StatusCode::NOT_FOUND, format!("No such contact: {id}"))
}

/// What the store finds wrong with one contact; `duplicate` is told of one that the list has already.
pub fn refused(error: StoreError, duplicate: &str) -> ApiError {
    match error {
        StoreError::Duplicate => ApiError::Legacy(StatusCode::CONFLICT, duplicate.to_owned()),
        StoreError::Missing {
            kind: "contact",
            id,
        } => unknown(&id),
        other => other.into(),
    }
}
