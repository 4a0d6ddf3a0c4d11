//! Answers (intercom-directory.md §3.3, §3.4): one envelope for all of them, and the general errors.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::store::StoreError;

/// Seconds after which a client that was sent away may come back.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Why a request has no result.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The function exists on devices, and not here.
    Unsupported,
    /// There is no such function.
    Path,
    /// The function has another method.
    Method,
    /// Nothing is published for this client.
    Disabled,
    /// The connection is not encrypted.
    Connection,
    /// Another kind of proof is wanted; the challenges.
    AuthMethod(Vec<HeaderValue>),
    /// The proof is missing or wrong; the challenges.
    Unauthorized(Vec<HeaderValue>),
    /// The client may not do this.
    Privilege,
    /// A parameter is missing.
    Missing(&'static str),
    /// A parameter is wrong.
    Wrong(&'static str),
    /// There is too much, maybe of one parameter.
    TooBig(Option<&'static str>),
    /// It did not work, and nothing was written; the cause goes to the log only.
    Failed(String),
    /// Too many requests; when to come back, in seconds.
    Rejected(u64),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            // It was unpublished or removed in between.
            StoreError::Missing { .. } => Self::Disabled,
            other => Self::Failed(match std::error::Error::source(&other) {
                Some(cause) => format!("{other}: {cause}"),
                None => other.to_string(),
            }),
        }
    }
}

impl Refusal {
    fn code(&self) -> u8 {
        match self {
            Self::Unsupported => 1,
            Self::Path => 2,
            Self::Method => 3,
            Self::Disabled => 4,
            Self::Connection => 7,
            Self::AuthMethod(_) => 8,
            Self::Unauthorized(_) => 9,
            Self::Privilege => 10,
            Self::Missing(_) => 11,
            Self::Wrong(_) => 12,
            Self::TooBig(_) => 13,
            Self::Failed(_) => 14,
            Self::Rejected(_) => 18,
        }
    }

    fn description(&self) -> &'static str {
        match self {
            Self::Unsupported => "function is not supported",
            Self::Path => "invalid request path",
            Self::Method => "invalid request method",
            Self::Disabled => "function is disabled",
            Self::Connection => "invalid connection type",
            Self::AuthMethod(_) => "invalid authentication method",
            Self::Unauthorized(_) => "authorization required",
            Self::Privilege => "insufficient user privileges",
            Self::Missing(_) => "missing mandatory parameter",
            Self::Wrong(_) => "invalid parameter value",
            Self::TooBig(_) => "parameter data too big",
            Self::Failed(_) => "processing error",
            Self::Rejected(_) => "request rejected",
        }
    }

    fn status(&self) -> StatusCode {
        match self {
            Self::AuthMethod(_) | Self::Unauthorized(_) => StatusCode::UNAUTHORIZED,
            Self::TooBig(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Rejected(_) => StatusCode::TOO_MANY_REQUESTS,
            _ => StatusCode::OK,
        }
    }

    fn parameter(&self) -> Option<&'static str> {
        match self {
            Self::Missing(name) | Self::Wrong(name) => Some(name),
            Self::TooBig(name) => *name,
            _ => None,
        }
    }

    /// The answer.
    pub(super) fn into_response(self) -> Response {
        let mut error = Map::new();
        error.insert("code".into(), self.code().into());
        if let Some(parameter) = self.parameter() {
            error.insert("param".into(), parameter.into());
        }
        error.insert("description".into(), self.description().into());
        let body = json!({"success": false, "error": error}).to_string();
        let mut response = envelope(body.into());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        match self {
            Self::AuthMethod(challenges) | Self::Unauthorized(challenges) => {
                for challenge in challenges {
                    headers.append(header::WWW_AUTHENTICATE, challenge);
                }
            }
            Self::Rejected(seconds) => {
                headers.insert(header::RETRY_AFTER, seconds.into());
            }
            Self::Failed(cause) => {
                tracing::error!(cause, "a directory function failed");
                headers.insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            _ => {}
        }
        response
    }
}

/// The answer with a result.
pub(super) fn success(result: &Value) -> Response {
    let mut body = SUCCESS.to_vec();
    // Writing JSON to memory cannot fail.
    let _ = serde_json::to_writer(&mut body, result);
    body.push(b'}');
    envelope(body.into())
}

/// What comes before a result.
pub(super) const SUCCESS: &[u8] = br#"{"success":true,"result":"#;

/// A body with the headers of every answer.
pub(super) fn envelope(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    // One client compares the type for equality: it has no parameters.
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    let never = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, never);
    response
}
