//! `get` (intercom-directory.md §5.5): the entries that a request lists, all as they stood at one time.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::Intercom;
use super::batch::{ElementError, failed};
use super::document::Document;
use super::entry::{Choice, EntryUuid, Values};
use super::gate::Granted;
use super::kept::{Keeping, KeptError};
use super::parameter;
use super::reply::Refusal;
use crate::config::Shown;
use crate::store::StoredEntry;

/// Entries of a request that are read at once.
const PIECE: usize = 500;

/// Reads entries.
pub(super) async fn get(
    intercom: &Intercom,
    granted: &Granted,
    document: &Document,
) -> Result<Value, Refusal> {
    let fields = parameter::fields(document, &intercom.config.limits)?;
    let users = parameter::users(document, &intercom.config.limits)?;
    let users = users.unwrap_or_default();
    let showing = Showing::new(intercom, fields.as_deref());
    let phonebook = &granted.directory.phonebook;
    let reading = intercom.store.read_entries(&granted.tenant, phonebook, 0);
    let mut reading = reading.await?;
    let keeping = Keeping::new(&intercom.seal, reading.directory());
    let mut answers = Vec::with_capacity(users.len());
    for piece in users.chunks(PIECE) {
        let named: Vec<_> = piece
            .iter()
            .map(|user| EntryUuid::of(user.get("uuid")))
            .collect();
        let keys: Vec<&str> = named
            .iter()
            .flatten()
            .map(|uuid| uuid.key.as_str())
            .collect();
        let found = reading.entries(&keys).await?.into_iter();
        let found: HashMap<String, StoredEntry> =
            found.map(|entry| (entry.uuid.clone(), entry)).collect();
        for (user, uuid) in piece.iter().zip(&named) {
            let entry = match uuid {
                Ok(uuid) => match found.get(&uuid.key).filter(|entry| !entry.deleted) {
                    Some(entry) => Ok(showing.entry(&keeping, entry, &uuid.spelling)?),
                    None => Err(ElementError::DoesNotExist),
                },
                Err(error) => Err((*error).into()),
            };
            answers.push(entry.unwrap_or_else(|error| failed(user.get("uuid"), &[error])));
        }
    }
    Ok(json!({"series": reading.directory().series, "users": answers}))
}

/// How entries are answered.
#[derive(Clone)]
pub(super) struct Showing {
    choice: Choice,
    secrets: bool,
}

impl Showing {
    /// With the chosen fields, or with those that differ from the default.
    pub(super) fn new(intercom: &Intercom, fields: Option<&[&str]>) -> Self {
        let shown = intercom.config.access;
        Self {
            choice: match fields {
                Some(paths) => Choice::of_paths(paths.iter().copied(), shown),
                None => Choice::differing(shown),
            },
            secrets: shown != Shown::Off,
        }
    }

    /// Every field with its default.
    pub(super) fn template(intercom: &Intercom) -> Map<String, Value> {
        Choice::everything(intercom.config.access).fields(&Values::default())
    }

    /// A live entry or a tombstone.
    pub(super) fn entry(
        &self,
        keeping: &Keeping<'_>,
        entry: &StoredEntry,
        spelling: &str,
    ) -> Result<Value, KeptError> {
        let mut answer = Map::new();
        answer.insert("uuid".into(), spelling.into());
        if entry.deleted {
            answer.insert("deleted".into(), true.into());
        } else {
            answer.extend(self.choice.fields(&keeping.values(entry, self.secrets)?));
        }
        answer.insert("timestamp".into(), entry.timestamp.into());
        Ok(answer.into())
    }
}
