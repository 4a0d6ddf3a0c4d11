//! `create` (intercom-directory.md §5.2): new entries, and with `force` others in the place of those that exist.

use serde_json::{Value, json};

use super::Intercom;
use super::batch::{Batch, ElementError, WriteError, breathe, done, failed, insist, result};
use super::document::Document;
use super::entry::{EntryUuid, Input, Values};
use super::gate::Granted;
use super::parameter::{self, Element};
use super::reply::Refusal;

/// Creates entries.
pub(super) async fn create(
    intercom: &Intercom,
    granted: &Granted,
    document: &Document,
) -> Result<Value, Refusal> {
    let force = parameter::force(document)?;
    let users = parameter::users(document, &intercom.config.limits)?;
    let users = users.unwrap_or_default();
    if users.is_empty() {
        return Ok(json!({"series": granted.directory.series}));
    }
    let _turn = intercom.turns.take(&granted.directory.phonebook).await?;
    insist(|| all(intercom, granted, &users, force)).await
}

async fn all(
    intercom: &Intercom,
    granted: &Granted,
    users: &[&Element],
    force: bool,
) -> Result<Value, WriteError> {
    let mut batch = Batch::begin(intercom, granted).await?;
    let named = batch.load(users).await?;
    let mut creating = Creating {
        left: intercom.config.limits.entries - batch.live().await?,
        batch,
        input: Input {
            shown: intercom.config.access,
            with_uuid: true,
        },
        force,
    };
    let mut answers = Vec::with_capacity(users.len());
    for (place, (user, uuid)) in users.iter().zip(named).enumerate() {
        breathe(place).await;
        // What is no uuid is told among the faults; what is left out is made up.
        let given = uuid.is_ok();
        let uuid = uuid.unwrap_or_else(|_| EntryUuid::random());
        answers.push(match creating.one(user, &uuid)? {
            Ok(timestamp) => done(&uuid.spelling, timestamp),
            Err(errors) => {
                let sent = user.get("uuid");
                let told = given || !EntryUuid::is_left_out(sent);
                failed(sent.filter(|_| told), &errors)
            }
        });
    }
    let answer = result(creating.batch.directory(), answers);
    creating.batch.finish().await?;
    Ok(answer)
}

struct Creating<'a> {
    batch: Batch<'a>,
    input: Input,
    force: bool,
    /// Entries that there is room for.
    left: i64,
}

impl Creating<'_> {
    fn one(
        &mut self,
        user: &Element,
        uuid: &EntryUuid,
    ) -> Result<Result<i64, Vec<ElementError>>, WriteError> {
        let values = match self.input.apply(user, &Values::default()) {
            Ok(values) => values,
            Err(faults) => return Ok(Err(faults.into_iter().map(ElementError::Field).collect())),
        };
        let exists = self.batch.find(&uuid.key).is_some();
        if exists && !self.force {
            return Ok(Err(vec![ElementError::AlreadyExists]));
        }
        if !exists && self.left < 1 {
            return Ok(Err(vec![ElementError::Full]));
        }
        let put = self.batch.put(uuid, values, None)?;
        if put.is_ok() && !exists {
            self.left -= 1;
        }
        Ok(put.map_err(|error| vec![error]))
    }
}
