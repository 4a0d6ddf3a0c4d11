//! Reading columns whose text has a meaning: JSON and identifiers. A row that does not read is a defect, not a refusal.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::identity::{TenantId, Tenants, UserId};
use crate::store::{StoreError, Stored};

#[derive(Debug, thiserror::Error)]
#[error("column {0} does not hold what it should")]
struct Unreadable(&'static str);

fn unreadable(column: &'static str) -> StoreError {
    StoreError::Internal(Box::new(Unreadable(column)))
}

/// The JSON in `column`.
pub(super) fn json<T: DeserializeOwned>(row: &SqliteRow, column: &'static str) -> Stored<T> {
    let text: &str = row.try_get(column)?;
    serde_json::from_str(text).map_err(|_| unreadable(column))
}

/// The JSON in `column`, or none if the column is null.
pub(super) fn json_or_null<T: DeserializeOwned>(
    row: &SqliteRow,
    column: &'static str,
) -> Stored<Option<T>> {
    let text: Option<&str> = row.try_get(column)?;
    text.map(serde_json::from_str)
        .transpose()
        .map_err(|_| unreadable(column))
}

/// `value` as the text of a JSON column.
pub(super) fn to_json<T: Serialize>(value: &T) -> Stored<String> {
    serde_json::to_string(value).map_err(|error| StoreError::Internal(Box::new(error)))
}

/// The tenant in `column`.
pub(super) fn tenant(row: &SqliteRow, column: &'static str) -> Stored<TenantId> {
    TenantId::new(row.try_get(column)?).ok_or_else(|| unreadable(column))
}

/// The user in `column`.
pub(super) fn user(row: &SqliteRow, column: &'static str) -> Stored<UserId> {
    UserId::new(row.try_get(column)?).ok_or_else(|| unreadable(column))
}

/// The identifiers of tenants as a JSON list, for `json_each`.
pub(super) fn tenants(tenants: &Tenants) -> Stored<String> {
    let ids: Vec<&str> = tenants.ids().map(TenantId::as_str).collect();
    to_json(&ids)
}
