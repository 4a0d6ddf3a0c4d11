//! `GET /directories/lookup/{profile}` for the caller and `…/{profile}/{user_uuid}` for another user
//! (dird-api-directories.md §2, §3).

use axum::response::Response;
use http::StatusCode;
use kit::problem::Problem;
use serde_json::json;

use super::call::Call;
use super::lengthy::json_pieces;
use super::route::Answer;
use crate::backends::Asker;
use crate::error::{ApiError, Family, json_answer};
use crate::identity::UserId;
use crate::lookup::{LookupError, ResultTable};

/// Lookup on behalf of the caller.
pub async fn own(call: Call) -> Answer {
    search(&call, call.asker())
        .await
        .map_err(|error| match error {
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
    search(&call, call.asker_for(user))
        .await
        .map_err(|error| match error {
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

/// Rows that are written while nobody waits for it.
const FEW: usize = 500;

/// A result table as JSON; a long one is written on the slow lane.
pub async fn answer(call: &Call, table: ResultTable) -> Response {
    if table.len() <= FEW {
        return json_answer(StatusCode::OK, &table);
    }
    let written = call.app.slow_lane.run(move || json_pieces(&table)).await;
    let written = written.unwrap_or_else(|error| Err(ApiError::Internal(error.into())));
    written.unwrap_or_else(|error| error.into_response(Family::New))
}

/// The columns of a profile's results.
pub async fn headers(call: Call) -> Answer {
    let (tenant, profile) = (call.caller.tenant(), call.path.get("profile"));
    let headers = call.app.lookup.headers(&tenant, profile).await;
    Ok(json_answer(StatusCode::OK, &headers.map_err(refused)?))
}

/// Every contact that the caller keeps for himself.
pub async fn personal(call: Call) -> Answer {
    let (tenant, profile) = (call.caller.tenant(), call.path.get("profile"));
    let found = call
        .app
        .lookup
        .personal(&tenant, profile, &call.asker())
        .await;
    Ok(answer(&call, found.map_err(refused)?).await)
}

/// What can go wrong with a profile, in the old shape.
pub fn refused(error: LookupError) -> ApiError {
    let not_found = |reason| ApiError::Legacy(StatusCode::NOT_FOUND, reason);
    match error {
        LookupError::UnknownProfile(name) => {
            not_found(format!("The profile `{name}` does not exist"))
        }
        LookupError::NoFavorites(name) => not_found(format!(
            "No such profile in favorite service configuration: {name}"
        )),
        LookupError::Busy => ApiError::Busy,
        LookupError::Store(error) => ApiError::from(&*error),
    }
}

/// What the two routes tell differently, and what they do not.
enum Failure {
    UnknownProfile(String),
    Other(ApiError),
}

async fn search(call: &Call, asker: Asker) -> Result<Response, Failure> {
    let missing = || {
        let message = json!({"term": "term is missing"});
        Failure::Other(ApiError::Plain(StatusCode::BAD_REQUEST, message))
    };
    let term = call.query.get("term").ok_or_else(missing)?;
    let (tenant, profile) = (call.caller.tenant(), call.path.get("profile"));
    match call.app.lookup.search(&tenant, profile, term, &asker).await {
        Ok(table) => Ok(answer(call, table).await),
        // A search asks for no favourites of a profile.
        Err(LookupError::UnknownProfile(name) | LookupError::NoFavorites(name)) => {
            Err(Failure::UnknownProfile(name))
        }
        Err(LookupError::Busy) => Err(Failure::Other(ApiError::Busy)),
        Err(LookupError::Store(error)) => Err(Failure::Other(ApiError::from(&*error))),
    }
}
