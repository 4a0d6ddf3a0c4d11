//! `GET /directories/reverse/{profile}/{user_uuid}` (dird-api-directories.md §5).

use http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::call::Call;
use super::lookup::refused;
use super::route::Answer;
use crate::error::{ApiError, json_answer};
use crate::identity::UserId;
use crate::lookup::Known;

#[derive(Serialize)]
struct Shown<'a> {
    display: Option<String>,
    exten: &'a str,
    source: Option<&'a str>,
    fields: Fields<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Fields<'a> {
    Known(&'a Known),
    Nobody {},
}

/// Whose number `exten` is. Nobody needs to know the user in the path (O-8).
pub async fn show(call: Call) -> Answer {
    let missing = || {
        let message = json!({"exten": "Missing required parameter in the query string"});
        ApiError::Plain(StatusCode::BAD_REQUEST, message)
    };
    let exten = call.query.get("exten").ok_or_else(missing)?;
    let asker = call.asker_for(UserId::new(call.path.get("user_uuid")));
    let (tenant, profile) = (call.caller.tenant(), call.path.get("profile"));
    let numbers = [exten.to_owned()];
    let known = call.app.lookup.reverse(&tenant, profile, &numbers, &asker);
    let known = known.await.map_err(refused)?;
    let known = known.get(exten);
    Ok(json_answer(
        StatusCode::OK,
        &Shown {
            display: known.and_then(Known::display),
            exten,
            source: known.map(Known::source),
            fields: known.map_or(Fields::Nobody {}, Fields::Known),
        },
    ))
}
