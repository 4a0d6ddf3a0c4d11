//! `update` (intercom-directory.md §5.3): named fields of entries that exist.

use serde_json::{Value, json};

use super::Intercom;
use super::batch::{Batch, ElementError, WriteError, breathe, done, failed, insist, result};
use super::document::Document;
use super::entry::{EntryUuid, Input, Values};
use super::gate::Granted;
use super::parameter::{self, Element};
use super::reply::Refusal;

/// Updates entries.
pub(super) async fn update(
    intercom: &Intercom,
    granted: &Granted,
    document: &Document,
) -> Result<Value, Refusal> {
    let users = parameter::users(document, &intercom.config.limits)?;
    let users = users.ok_or(Refusal::Missing("users"))?;
    if users.is_empty() {
        return Ok(json!({"series": granted.directory.series, "users": []}));
    }
    let _turn = intercom.turns.take(&granted.directory.phonebook).await?;
    insist(|| all(intercom, granted, &users)).await
}

async fn all(
    intercom: &Intercom,
    granted: &Granted,
    users: &[&Element],
) -> Result<Value, WriteError> {
    let mut batch = Batch::begin(intercom, granted).await?;
    let named = batch.load(users).await?;
    let input = Input {
        shown: intercom.config.access,
        with_uuid: false,
    };
    let mut answers = Vec::with_capacity(users.len());
    for (place, (user, uuid)) in users.iter().zip(&named).enumerate() {
        breathe(place).await;
        let updated = match uuid {
            Ok(uuid) => one(&mut batch, input, user, uuid)?.map(|at| done(&uuid.spelling, at)),
            Err(error) => Err(vec![(*error).into()]),
        };
        answers.push(updated.unwrap_or_else(|errors| failed(user.get("uuid"), &errors)));
    }
    let answer = result(batch.directory(), answers);
    batch.finish().await?;
    Ok(answer)
}

fn one(
    batch: &mut Batch<'_>,
    input: Input,
    user: &Element,
    uuid: &EntryUuid,
) -> Result<Result<i64, Vec<ElementError>>, WriteError> {
    let before = batch.values(&uuid.key)?;
    let base = before.clone().unwrap_or_else(Values::default);
    let after = match input.apply(user, &base) {
        Ok(after) => after,
        Err(faults) => return Ok(Err(faults.into_iter().map(ElementError::Field).collect())),
    };
    let known = batch.find(&uuid.key);
    let (Some(before), Some(known)) = (before, known) else {
        return Ok(Err(vec![ElementError::DoesNotExist]));
    };
    if after == before {
        // Two synchronisers would wake one another for ever.
        return Ok(Ok(known.timestamp));
    }
    let kept = EntryUuid {
        key: uuid.key.clone(),
        spelling: known.spelling.clone(),
    };
    let put = batch.put(&kept, after, Some(&before))?;
    Ok(put.map_err(|error| vec![error]))
}
