//! The error body that both REST interfaces share (dird-api.md §3.1, phoned.md §7): a message, an id for programs, details.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::clock;

/// An error as a REST client sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// HTTP status of the answer.
    pub status: StatusCode,
    /// Sentence for people.
    pub message: String,
    /// Stable identifier for programs.
    pub error_id: &'static str,
    /// Object with whatever helps the client; never a secret.
    pub details: Value,
    /// Kind of object the error is about, where the contract names one.
    pub resource: Option<&'static str>,
}

impl Problem {
    /// An error without details.
    pub fn new(status: StatusCode, error_id: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            error_id,
            details: Value::Object(Map::new()),
            resource: None,
        }
    }

    /// The same error with `details`.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// The same error about `resource`.
    #[must_use]
    pub fn about(mut self, resource: &'static str) -> Self {
        self.resource = Some(resource);
        self
    }

    /// The JSON body, stamped with the present time and ended by a newline.
    pub fn body(&self) -> Vec<u8> {
        let mut body = json!({
            "message": self.message,
            "error_id": self.error_id,
            "details": self.details,
            "timestamp": clock::unix_seconds(),
        });
        if let Some(resource) = self.resource {
            body["resource"] = resource.into();
        }
        let mut bytes = body.to_string().into_bytes();
        bytes.push(b'\n');
        bytes
    }
}
