//! `GET /directories/lookup/{profile}` for the caller and `…/{profile}/{user_uuid}` for another user
//! (dird-api-directories.md §2, §3).

use http::StatusCode;
use kit::problem::Problem;
use serde_json::json;

use super::call::Call;
use super::route::Answer;
use crate::error::{ApiError, json_answer};
use crate::identity::UserId;
use crate::lookup::LookupError;

/// Lookup on behalf of the caller.
pub async fn own(call: Call) -> Answer {
    let user = call.caller.user().cloned();
    search(&call, user).await.map_err(|error| match error {
        Failure::UnknownProfile(name) => {
            let reason = format!("The profile `{name}` does not exist");
            ApiError::Legacy(StatusCode::NOT_FOUND, reason)
        }
        Failure::Other(error) => error,
    })
}

/// Lookup on behalf of the user in the path, whom nobody needs to know (O-8).
pub async fn of_user(call: Call) -> Answer {
    let user = UserId::new(call.path.get("user_uuid"));
    search(&call, user).await.map_err(|error| match error {
        Failure::UnknownProfile(name) => {
            let message = format!("No such profile: \"{name}\"");
            let problem = Problem::new(StatusCode::NOT_FOUND, "unknown-profile", message);
            ApiError::from(
                problem
                    .with_details(json!({"uuid": name}))
                    .about("profiles"),
            )
        }
        Failure::Other(error) => error,
    })
}

/// What the two routes tell differently, and what they do not.
enum Failure {
    UnknownProfile(String),
    Other(ApiError),
}

async fn search(call: &Call, user: Option<UserId>) -> Result<axum::response::Response, Failure> {
    let missing = || {
        let message = json!({"term": "term is missing"});
        Failure::Other(ApiError::Plain(StatusCode::BAD_REQUEST, message))
    };
    let term = call.query.get("term").ok_or_else(missing)?;
    let (tenant, profile) = (call.caller.tenant(), call.path.get("profile"));
    let asker = call.asker(user);
    match call.app.lookup.search(&tenant, profile, term, &asker).await {
        Ok(table) => Ok(json_answer(StatusCode::OK, &table)),
        Err(LookupError::UnknownProfile(name)) => Err(Failure::UnknownProfile(name)),
        Err(LookupError::Store(error)) => Err(Failure::Other(ApiError::from(&*error))),
    }
}
