//! `POST /personal/import` (dird-api-contacts.md §1.7): every good row of a CSV file becomes a contact of the user's own.

use http::StatusCode;
use serde_json::json;

use super::bulk::{self, ImportAnswer};
use super::call::Call;
use super::route::Answer;
use crate::contacts::{PersonalRefused, Refused, SheetError, UnknownCharset, import_personal};
use crate::error::ApiError;

/// Imports a file.
pub async fn import(mut call: Call) -> Answer {
    let user = call.user()?;
    let file = bulk::file(&mut call, |error: UnknownCharset| bad(&error)).await?;
    let (home, store) = (call.caller.home(), &call.app.store);
    let list = store.open_personal_list(&home, &user).await?;
    let mut answer = ImportAnswer::new();
    let failed = import_personal(store, &home, &list, file, &mut answer).await;
    let failed = failed.map_err(refused)?;
    answer.finish(StatusCode::CREATED, &failed).await
}

fn refused(error: PersonalRefused) -> ApiError {
    match error {
        PersonalRefused::NoGoodRow(failed) if failed.is_empty() => bad(&"No contact found"),
        PersonalRefused::NoGoodRow(failed) => {
            ApiError::Reasons(StatusCode::BAD_REQUEST, json!(failed))
        }
        PersonalRefused::Other(Refused::Store(error)) => error.into(),
        PersonalRefused::Other(Refused::Io(error) | Refused::Sheet(SheetError::Io(error))) => {
            ApiError::Internal(error.into())
        }
        PersonalRefused::Other(other) => bad(&other),
    }
}

fn bad(reason: &dyn std::fmt::Display) -> ApiError {
    ApiError::Legacy(StatusCode::BAD_REQUEST, reason.to_string())
}
