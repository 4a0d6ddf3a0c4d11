//! What can go wrong with a request, what the client is told as JSON (phoned.md §5, §6.2, §7) and which text a phone shows
//! instead (§8). `respond.rs` decides between the two.

use http::StatusCode;
use kit::{clock, problem::Problem};
use serde_json::{Map, Value, json};

/// A request that gets no page.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PhoneError {
    /// Parameters are missing or wrong; the map says for each which rule it breaks.
    #[error("bad parameters")]
    Invalid(Map<String, Value>),
    /// `Host`, or the authority of the target, cannot be used for links.
    #[error("bad host")]
    BadHost,
    /// The search text is shorter than `lookup.min_term_length`.
    #[error("the search text is shorter than {0} characters")]
    ShortTerm(usize),
    /// The address is not in the allowlist.
    #[error("address refused")]
    AddressRefused,
    /// The link is not signed for the user that it names, and must be.
    #[error("link refused")]
    LinkRefused,
    /// No such path.
    #[error("no such path")]
    NotFound,
    /// auth does not know the user.
    #[error("unknown user")]
    UnknownUser(String),
    /// dird does not know the profile.
    #[error("unknown profile")]
    UnknownProfile {
        /// The profile.
        name: String,
        /// Whether dird's words say so, not its status alone.
        said: bool,
    },
    /// auth does not answer.
    #[error("auth does not answer")]
    AuthUnreachable,
    /// dird does not answer, or not in time, or nonsense.
    #[error("dird does not answer")]
    DirdUnreachable,
    /// dird refuses the search with this status.
    #[error("dird answers {0}")]
    DirdRefuses(u16),
    /// Our own token is refused.
    #[error("the service token is refused")]
    TokenRejected,
    /// confd does not answer, or not in time, or nonsense.
    #[error("confd does not answer")]
    ConfdUnreachable,
    /// amid does not answer, or not in time, or nonsense.
    #[error("amid does not answer")]
    AmidUnreachable,
    /// The telephone exchange behind amid refuses, with these words.
    #[error("amid refuses: {0}")]
    AmidRefuses(String),
    /// No line has an endpoint of this name.
    #[error("unknown endpoint")]
    UnknownEndpoint(String),
    /// The line has a device that confd does not know, or none.
    #[error("unknown device")]
    UnknownDevice(Option<String>),
    /// The device of this endpoint cannot be told to press keys.
    #[error("a device that presses no keys")]
    NowhereToRoute(String),
    /// The phone, or its subnet, asks more often than its entry grants.
    #[error("too many requests")]
    TooManyRequests {
        /// Seconds after which it may ask again.
        wait: u64,
    },
    /// Too many searches at once.
    #[error("overloaded")]
    Overloaded,
    /// A fault of ours; the log has it.
    #[error("internal fault")]
    Internal,
}

/// Words of the platform for a refusal.
const FORBIDDEN: &str = "You don't have the permission to access the requested resource. \
    It is either read-protected or not readable by the server.";

impl PhoneError {
    /// Whether a backend is at fault, so that an older result may serve (phoned.md §14.3).
    pub fn excuses_stale(&self) -> bool {
        matches!(
            self,
            Self::AuthUnreachable | Self::DirdUnreachable | Self::TokenRejected | Self::Overloaded
        )
    }

    /// Whether a phone may get it as a page with status 200 (phoned.md §8).
    pub fn can_be_a_screen(&self) -> bool {
        !matches!(
            self,
            Self::AddressRefused | Self::LinkRefused | Self::NotFound
        )
    }

    /// Label of the text that a phone shows.
    pub fn label(&self) -> &'static str {
        match self {
            Self::UnknownUser(_) => "unknown_user",
            Self::Overloaded | Self::TooManyRequests { .. } => "busy",
            Self::ShortTerm(_) => "term_too_short",
            Self::Invalid(_)
            | Self::BadHost
            | Self::NotFound
            | Self::AddressRefused
            | Self::LinkRefused => "bad_request",
            _ => "unavailable",
        }
    }

    /// Status, words, identifier and details.
    pub fn problem(&self) -> Problem {
        use StatusCode as Status;
        match self {
            Self::Invalid(details) => invalid(details.clone()),
            Self::ShortTerm(least) => invalid(rule(
                "term",
                &format!("Shorter than minimum length {least}."),
                "length",
                &json!({"min": least}),
            )),
            Self::BadHost => Problem::new(
                Status::BAD_REQUEST,
                "invalid-host",
                "The host name of the request cannot be used.",
            ),
            Self::AddressRefused => Problem::new(Status::FORBIDDEN, "forbidden-address", FORBIDDEN),
            Self::LinkRefused => Problem::new(
                Status::FORBIDDEN,
                "forbidden-link",
                "The link is not signed for this phone",
            ),
            Self::NotFound => Problem::new(
                Status::NOT_FOUND,
                "not-found",
                "The requested URL was not found on the server.",
            ),
            Self::UnknownUser(uuid) => unknown("unknown-user", "user", uuid, json!({"uuid": uuid})),
            Self::UnknownProfile { name, .. } => {
                unknown("unknown-profile", "profile", name, json!({"profile": name}))
            }
            Self::TooManyRequests { .. } => Problem::new(
                Status::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too many requests",
            ),
            Self::Overloaded => unavailable("overloaded", "Too many searches at once"),
            Self::Internal => Problem::new(
                Status::INTERNAL_SERVER_ERROR,
                "internal-error",
                "Internal Server Error",
            ),
            other => other.behind(),
        }
    }

    /// What is wrong behind phoned: with the services there, or with the telephone that is meant (phoned.md §7, §11).
    fn behind(&self) -> Problem {
        let bad_gateway =
            |error_id, message: &str| Problem::new(StatusCode::BAD_GATEWAY, error_id, message);
        match self {
            Self::AuthUnreachable => {
                unavailable("auth-unreachable", "Connection to Wazo Auth failed")
            }
            Self::DirdRefuses(status) => bad_gateway("dird-error", "Wazo Dird refused the search")
                .with_details(json!({"status": status})),
            Self::TokenRejected => unavailable(
                "service-token-rejected",
                "The token of this service is refused",
            ),
            Self::ConfdUnreachable => {
                unavailable("confd-unreachable", "Connection to Wazo Confd failed")
            }
            Self::AmidUnreachable => {
                unavailable("amid-unreachable", "Connection to Wazo AMId failed")
            }
            Self::AmidRefuses(words) => bad_gateway("amid-error", "Wazo AMId refused the action")
                .with_details(json!({"message": words})),
            Self::UnknownEndpoint(name) => {
                let details = json!({"endpoint_name": name});
                unknown("unknown-endpoint", "endpoint", name, details)
            }
            Self::UnknownDevice(id) => {
                // Programs know a missing identifier by this word.
                let name = id.as_deref().unwrap_or("None");
                unknown("unknown-device", "device", name, json!({"device_id": id}))
            }
            Self::NowhereToRoute(name) => Problem::new(
                StatusCode::BAD_REQUEST,
                "nowhere-to-route-endpoint",
                format!("Nowhere to route endpoint: \"{name}\""),
            )
            .with_details(json!({"endpoint_name": name})),
            _ => unavailable("dird-unreachable", "Connection to Wazo Dird failed"),
        }
    }

    /// The JSON body.
    pub fn body(&self) -> Vec<u8> {
        let problem = self.problem();
        if !matches!(self, Self::UnknownProfile { .. }) {
            return problem.body();
        }
        // The one error that keeps the shape of the older bodies beside ours (phoned.md §7.4).
        let body = json!({
            "reason": ["Not Found"],
            "timestamp": [clock::unix_seconds()],
            "status_code": 404,
            "message": problem.message,
            "error_id": problem.error_id,
            "details": problem.details,
        });
        let mut bytes = body.to_string().into_bytes();
        bytes.push(b'\n');
        bytes
    }
}

fn invalid(details: Map<String, Value>) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "invalid-data",
        "Sent data is invalid",
    )
    .with_details(Value::Object(details))
}

fn unknown(error_id: &'static str, what: &str, name: &str, details: Value) -> Problem {
    let message = format!("No such {what}: \"{name}\"");
    Problem::new(StatusCode::NOT_FOUND, error_id, message).with_details(details)
}

fn unavailable(error_id: &'static str, message: &str) -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, error_id, message)
}

/// One entry of the details of [`PhoneError::Invalid`]: the rule that `field` breaks (phoned.md §5.2, §5.3).
pub fn rule(field: &str, message: &str, id: &str, constraint: &Value) -> Map<String, Value> {
    let broken = json!({"message": message, "constraint_id": id, "constraint": constraint});
    Map::from_iter([(field.to_owned(), broken)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(error: &PhoneError) -> Value {
        let mut body: Value = serde_json::from_slice(&error.body()).expect("JSON");
        body["timestamp"] = json!("<timestamp>");
        body
    }

    #[test]
    fn bodies_have_the_agreed_shape() {
        assert_eq!(
            body(&PhoneError::UnknownUser("u".to_owned())),
            json!({
                "message": "No such user: \"u\"", "error_id": "unknown-user", "details": {"uuid": "u"},
                "timestamp": "<timestamp>",
            })
        );
        let missing = PhoneError::UnknownProfile {
            name: "p".to_owned(),
            said: true,
        };
        assert_eq!(
            body(&missing),
            json!({
                "reason": ["Not Found"], "timestamp": "<timestamp>", "status_code": 404,
                "message": "No such profile: \"p\"", "error_id": "unknown-profile", "details": {"profile": "p"},
            })
        );
        let required = rule(
            "term",
            "Missing data for required field.",
            "required",
            &json!("required"),
        );
        assert_eq!(
            body(&PhoneError::Invalid(required))["details"],
            json!({"term": {
                "message": "Missing data for required field.", "constraint_id": "required", "constraint": "required",
            }})
        );
    }
}
