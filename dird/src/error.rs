//! Every error a route can give, and the one place where it becomes HTTP. A route belongs to a family (dird-api.md §3): errors
//! that it shares with others take the family's shape, errors of its own say their shape themselves.

use std::error::Error;

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use kit::clock;
use kit::problem::Problem;
use serde_json::{Value, json};

use crate::identity::{Refusal, TenantId, Token};
use crate::store::StoreError;

/// Shape of a route's shared errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `message`, `error_id`, `details`, `timestamp`.
    New,
    /// `reason`, `timestamp`, `status_code`.
    Legacy,
}

/// What a route answers instead of its result.
#[derive(Debug)]
pub enum ApiError {
    /// An error of family N.
    Problem(Box<Problem>),
    /// An error of family L.
    Legacy(StatusCode, String),
    /// An error of family L whose reason is no list of one text.
    Reasons(StatusCode, Value),
    /// An error of family L that is told before the route itself is asked: its timestamp is a bare number (O-42).
    Early(StatusCode, &'static str),
    /// An error of family M: `{"message": …}`.
    Plain(StatusCode, Value),
    /// The token is not good enough.
    Unauthorized(Box<Unauthorized>),
    /// Nobody can tell whether the token is good.
    AuthorityUnreachable {
        /// Host and port of the authority.
        address: (String, u16),
        /// Short cause.
        cause: String,
    },
    /// The object is not, or no longer, what `If-Match` says.
    Changed,
    /// Too many requests are served and wait.
    Busy,
    /// The database is away; the request may be sent again.
    StoreUnavailable,
    /// A defect of ours; the cause goes to the log only.
    Internal(Box<dyn Error + Send + Sync>),
}

/// What the contract tells of a refused token.
#[derive(Debug)]
pub struct Unauthorized {
    /// The token, echoed as the contract wants.
    pub token: Token,
    /// The access that was asked for.
    pub access: String,
    /// Why, and for a refused permission which tenant the request named.
    pub refusal: Refused,
}

/// The two reasons for a 401.
#[derive(Debug)]
pub enum Refused {
    /// No such token, or it has expired.
    Unknown,
    /// The token lacks the access or may not see the tenant.
    Forbidden(Option<TenantId>),
}

impl ApiError {
    /// The error for what an authority answered.
    pub fn refusal(
        refusal: Refusal,
        token: &Token,
        access: String,
        asked: Option<TenantId>,
        address: (String, u16),
    ) -> Self {
        let refused = match refusal {
            Refusal::Unreachable(cause) | Refusal::Failed(cause) => {
                return Self::AuthorityUnreachable { address, cause };
            }
            Refusal::UnknownToken => Refused::Unknown,
            Refusal::Forbidden => Refused::Forbidden(asked),
        };
        Self::Unauthorized(Box::new(Unauthorized {
            token: token.clone(),
            access,
            refusal: refused,
        }))
    }

    /// The answer, in the shape of `family`.
    pub fn into_response(self, family: Family) -> Response {
        match self {
            Self::Problem(problem) => json_bytes(problem.status, problem.body()),
            Self::Legacy(status, reason) => {
                legacy(status, &json!([reason]), &json!([clock::unix_seconds()]))
            }
            Self::Reasons(status, reason) => {
                legacy(status, &reason, &json!([clock::unix_seconds()]))
            }
            Self::Early(status, reason) => {
                legacy(status, &json!([reason]), &json!(clock::unix_seconds()))
            }
            Self::Plain(status, message) => json_answer(status, &json!({"message": message})),
            Self::Unauthorized(refused) => unauthorized(&refused, family),
            Self::AuthorityUnreachable { address, cause } => {
                authority_unreachable(&address, &cause, family)
            }
            Self::StoreUnavailable => store_unavailable(family),
            Self::Busy => busy(family),
            Self::Changed => {
                let message = json!({"message": "The object is no longer what If-Match says."});
                json_answer(StatusCode::PRECONDITION_FAILED, &message)
            }
            Self::Internal(cause) => {
                tracing::error!(error = %cause, cause = ?cause.source(), "a request failed");
                let message = json!({"message": "Internal Server Error"});
                json_answer(StatusCode::INTERNAL_SERVER_ERROR, &message)
            }
        }
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                tracing::error!(cause, "the database is unavailable");
                Self::StoreUnavailable
            }
            StoreError::Conflict => Self::StoreUnavailable,
            StoreError::Changed => Self::Changed,
            other => Self::Internal(Box::new(other)),
        }
    }
}

impl From<&StoreError> for ApiError {
    /// For an error that several waiting requests share.
    fn from(error: &StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => StoreError::Unavailable(cause.clone()).into(),
            StoreError::Conflict => Self::StoreUnavailable,
            other => Self::Internal(other.to_string().into()),
        }
    }
}

fn unauthorized(refused: &Unauthorized, family: Family) -> Response {
    let status = StatusCode::UNAUTHORIZED;
    if family == Family::Legacy {
        return legacy(
            status,
            &json!(["Unauthorized"]),
            &json!(clock::unix_seconds()),
        );
    }
    let mut details = json!({
        "invalid_token": refused.token.expose(),
        "reason": "not_found_or_expired",
        "required_access": refused.access,
    });
    if let Refused::Forbidden(asked) = &refused.refusal {
        details["reason"] = "missing_permission_or_invalid_tenant".into();
        details["tenant_uuid"] = asked.as_ref().map(TenantId::as_str).into();
    }
    let problem = Problem::new(status, "unauthorized", "Unauthorized").with_details(details);
    json_bytes(status, problem.body())
}

fn authority_unreachable(address: &(String, u16), cause: &str, family: Family) -> Response {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let message = "Authentication server unreachable";
    if family == Family::Legacy {
        return legacy(status, &json!([message]), &json!(clock::unix_seconds()));
    }
    let details = json!({
        "auth_server_host": address.0, "auth_server_port": address.1, "original_error": cause,
    });
    let problem = Problem::new(status, "authentication-server-unreachable", message);
    json_bytes(status, problem.with_details(details).body())
}

fn store_unavailable(family: Family) -> Response {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let message = "The database is unavailable";
    match family {
        Family::Legacy => legacy(status, &json!([message]), &json!([clock::unix_seconds()])),
        Family::New => json_bytes(
            status,
            Problem::new(status, "database-unavailable", message).body(),
        ),
    }
}

fn busy(family: Family) -> Response {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let message = "Too many requests at once";
    let mut response = match family {
        Family::Legacy => legacy(status, &json!([message]), &json!([clock::unix_seconds()])),
        Family::New => json_bytes(status, Problem::new(status, "overloaded", message).body()),
    };
    let soon = HeaderValue::from_static("1");
    response.headers_mut().insert(header::RETRY_AFTER, soon);
    response
}

fn legacy(status: StatusCode, reason: &Value, timestamp: &Value) -> Response {
    let body = json!({
        "reason": reason, "timestamp": timestamp, "status_code": status.as_u16(),
    });
    json_answer(status, &body)
}

/// An answer with a JSON body, ended by a newline.
pub fn json_answer(status: StatusCode, body: &impl serde::Serialize) -> Response {
    let mut bytes = Vec::with_capacity(512);
    // Our bodies have text keys only and nothing that fails to serialise.
    if let Err(error) = serde_json::to_writer(&mut bytes, body) {
        tracing::error!(%error, "an answer could not be written");
        return json_bytes(StatusCode::INTERNAL_SERVER_ERROR, Vec::new());
    }
    bytes.push(b'\n');
    json_bytes(status, bytes)
}

fn json_bytes(status: StatusCode, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
