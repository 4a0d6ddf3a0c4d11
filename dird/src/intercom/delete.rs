//! `delete` (intercom-directory.md §5.4): by owner, by uuid, or both. What stays is a tombstone.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::Intercom;
use super::batch::{Batch, ElementError, WriteError, breathe, done, failed, insist, result};
use super::document::Document;
use super::gate::Granted;
use super::parameter::{self, Element};
use super::reply::Refusal;
use super::series;

/// Deletes entries.
pub(super) async fn delete(
    intercom: &Intercom,
    granted: &Granted,
    document: &Document,
) -> Result<Value, Refusal> {
    let owner = parameter::owner(document)?;
    let users = parameter::users(document, &intercom.config.limits)?;
    if owner.is_none() && users.is_none() {
        return Err(Refusal::Missing("users"));
    }
    let users = users.unwrap_or_default();
    if owner.is_none() && users.is_empty() {
        return Ok(json!({"series": granted.directory.series, "users": []}));
    }
    let turn = intercom.turns.take(&granted.directory.phonebook).await?;
    let answer = insist(|| all(intercom, granted, owner, &users)).await?;
    drop(turn);
    series::purge(intercom, granted).await;
    Ok(answer)
}

async fn all(
    intercom: &Intercom,
    granted: &Granted,
    owner: Option<&str>,
    users: &[&Element],
) -> Result<Value, WriteError> {
    let mut batch = Batch::begin(intercom, granted).await?;
    let named = batch.load(users).await?;
    let owned = match owner {
        Some(owner) => batch.load_owned(owner).await?,
        None => Vec::new(),
    };
    let mut answers = Vec::new();
    let mut removed = HashMap::new();
    for (place, key) in owned.into_iter().enumerate() {
        breathe(place).await;
        let spelling = batch.find(&key).map(|entry| entry.spelling.clone());
        if let (Some(spelling), Some(timestamp)) = (spelling, batch.bury(&key)) {
            answers.push(done(&spelling, timestamp));
            removed.insert(key, timestamp);
        }
    }
    for (place, (user, uuid)) in users.iter().zip(&named).enumerate() {
        breathe(place).await;
        let deleted = match uuid {
            // It is among those of the owner.
            Ok(uuid) if removed.contains_key(&uuid.key) => continue,
            Ok(uuid) => batch
                .bury(&uuid.key)
                .map(|at| done(&uuid.spelling, at))
                .ok_or(ElementError::DoesNotExist),
            Err(error) => Err((*error).into()),
        };
        answers.push(deleted.unwrap_or_else(|error| failed(user.get("uuid"), &[error])));
    }
    let answer = result(batch.directory(), answers);
    batch.finish().await?;
    Ok(answer)
}
