//! The writes of one call: elements are applied in their order in memory, each seeing those before it, and what has become of
//! the entries is written in one transaction (intercom-directory.md §5).

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::Intercom;
use super::entry::{EntryUuid, Fault, FaultKind, UuidError, Values};
use super::gate::Granted;
use super::kept::{Keeping, KeptError, change, tombstone};
use super::parameter::Element;
use super::reply::Refusal;
use crate::config::Shown;
use crate::store::{Directory, EntryWriting, StoreError, StoredEntry};

/// Elements after which other requests get their turn.
const STRIDE: usize = 50;

/// How often a call is tried that others are in the way of.
const TRIES: usize = 3;

/// What is wrong with an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ElementError {
    Field(Fault),
    AlreadyExists,
    Missing,
    Malformed,
    DoesNotExist,
    Full,
}

impl From<UuidError> for ElementError {
    fn from(error: UuidError) -> Self {
        match error {
            UuidError::Missing => Self::Missing,
            UuidError::Malformed => Self::Malformed,
        }
    }
}

impl ElementError {
    fn told(&self) -> Value {
        let code = match self {
            Self::Field(fault) => match fault.kind {
                FaultKind::UnknownName => "EDIR_FIELD_NAME_UNKNOWN",
                FaultKind::Unavailable => "EDIR_FIELD_NOT_AVAILABLE",
                FaultKind::Value => "EDIR_FIELD_VALUE_ERROR",
            },
            Self::AlreadyExists => "EDIR_UUID_ALREADY_EXISTS",
            Self::Missing => "EDIR_UUID_IS_MISSING",
            Self::Malformed => "EDIR_UUID_INVALID_FORMAT",
            Self::DoesNotExist => "EDIR_UUID_DOES_NOT_EXIST",
            Self::Full => "EDIR_DIRECTORY_FULL",
        };
        match self {
            Self::Field(fault) => json!({"code": code, "field": fault.field}),
            _ => json!({ "code": code }),
        }
    }
}

/// The answer for an element that failed; the uuid is repeated as it was sent.
pub(super) fn failed(sent: Option<&Value>, errors: &[ElementError]) -> Value {
    let mut answer = Map::new();
    if let Some(uuid) = sent.filter(|uuid| !uuid.is_null()) {
        answer.insert("uuid".into(), uuid.clone());
    }
    let errors: Vec<Value> = errors.iter().map(ElementError::told).collect();
    answer.insert("errors".into(), errors.into());
    answer.into()
}

/// The answer for an element that was done.
pub(super) fn done(spelling: &str, timestamp: i64) -> Value {
    json!({"uuid": spelling, "timestamp": timestamp})
}

/// The result of a writing function.
pub(super) fn result(directory: &Directory, users: Vec<Value>) -> Value {
    let mut result = Map::new();
    result.insert("series".into(), directory.series.clone().into());
    result.insert("users".into(), users.into());
    result.into()
}

impl From<KeptError> for Refusal {
    fn from(error: KeptError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// What an element says of the entry that it is about.
pub(super) type Named = Result<EntryUuid, UuidError>;

/// An entry during a call.
struct State {
    /// As the database has it.
    stored: Option<StoredEntry>,
    /// As it is now.
    now: Option<StoredEntry>,
    /// Its values now, if it is live and they were asked for.
    values: Option<Values>,
    changed: bool,
}

/// The writes of a call.
pub(super) struct Batch<'a> {
    writing: Box<dyn EntryWriting>,
    keeping: Keeping<'a>,
    entry_bytes: usize,
    /// Whether what opens doors is read and set.
    secrets: bool,
    timestamp: i64,
    entries: HashMap<String, State>,
    changes: usize,
}

impl<'a> Batch<'a> {
    /// Takes the directory.
    pub(super) async fn begin(
        intercom: &'a Intercom,
        granted: &Granted,
    ) -> Result<Self, StoreError> {
        let phonebook = &granted.directory.phonebook;
        let writing = intercom.store.write_entries(&granted.tenant, phonebook);
        let writing = writing.await?;
        Ok(Self {
            keeping: Keeping::new(&intercom.seal, writing.directory()),
            timestamp: writing.directory().timestamp,
            writing,
            entry_bytes: intercom.config.limits.entry_bytes,
            secrets: intercom.config.access != Shown::Off,
            entries: HashMap::new(),
            changes: 0,
        })
    }

    /// The header under the lock.
    pub(super) fn directory(&self) -> &Directory {
        self.writing.directory()
    }

    /// Entries that there are.
    pub(super) async fn live(&mut self) -> Result<i64, StoreError> {
        Ok(self.writing.population().await?.live)
    }

    /// Reads the entries that elements name, which will be asked for; what each of them names.
    pub(super) async fn load(&mut self, users: &[&Element]) -> Result<Vec<Named>, StoreError> {
        let named = users.iter().map(|user| EntryUuid::of(user.get("uuid")));
        let named: Vec<Named> = named.collect();
        let uuids = named.iter().flatten();
        let keys: Vec<&str> = uuids.map(|uuid| uuid.key.as_str()).collect();
        let stored = self.writing.entries(&keys).await?;
        self.remember(stored);
        Ok(named)
    }

    /// Reads the entries of an owner; their keys by timestamp.
    pub(super) async fn load_owned(&mut self, owner: &str) -> Result<Vec<String>, StoreError> {
        let stored = self.writing.owned_by(owner).await?;
        let keys = stored.iter().map(|entry| entry.uuid.clone()).collect();
        self.remember(stored);
        Ok(keys)
    }

    fn remember(&mut self, stored: Vec<StoredEntry>) {
        for entry in stored {
            self.entries.insert(
                entry.uuid.clone(),
                State {
                    now: Some(entry.clone()),
                    stored: Some(entry),
                    values: None,
                    changed: false,
                },
            );
        }
    }

    /// The live entry of that key.
    pub(super) fn find(&self, key: &str) -> Option<&StoredEntry> {
        let now = self.entries.get(key)?.now.as_ref();
        now.filter(|entry| !entry.deleted)
    }

    /// The values of the live entry of that key.
    pub(super) fn values(&mut self, key: &str) -> Result<Option<Values>, KeptError> {
        let Some(state) = self.entries.get_mut(key) else {
            return Ok(None);
        };
        let Some(now) = state.now.as_ref().filter(|entry| !entry.deleted) else {
            return Ok(None);
        };
        if state.values.is_none() {
            state.values = Some(self.keeping.values(now, self.secrets)?);
        }
        Ok(state.values.clone())
    }

    /// Writes an entry in the place of any other, or of the one that has the values `before`; its timestamp, or what is wrong
    /// with it.
    pub(super) fn put(
        &mut self,
        uuid: &EntryUuid,
        values: Values,
        before: Option<&Values>,
    ) -> Result<Result<i64, ElementError>, KeptError> {
        let state = self.entries.get(&uuid.key);
        let stored = state.and_then(|state| state.stored.as_ref());
        let names = (uuid.key.as_str(), uuid.spelling.as_str());
        let (mut entry, size) = self.keeping.entry(names, stored, &values)?;
        let had = || before.map_or(0, |before| before.text().len());
        if size > self.entry_bytes && size > had() {
            let set = before.map(|before| values.unlike(before));
            let fault = Fault {
                kind: FaultKind::Value,
                field: set.as_ref().unwrap_or(&values).largest(),
            };
            return Ok(Err(ElementError::Field(fault)));
        }
        if !self.secrets && before.is_some() {
            // It was not opened, so it is not lost with a key that is not at hand.
            let now = state.and_then(|state| state.now.as_ref());
            entry.secret = now.and_then(|now| now.secret.clone());
        }
        entry.timestamp = self.next();
        let timestamp = entry.timestamp;
        self.set(entry, Some(values));
        Ok(Ok(timestamp))
    }

    /// Leaves a tombstone in the place of a live entry; its timestamp.
    pub(super) fn bury(&mut self, key: &str) -> Option<i64> {
        let mut entry = tombstone(self.find(key)?);
        entry.timestamp = self.next();
        let timestamp = entry.timestamp;
        self.set(entry, None);
        Some(timestamp)
    }

    fn next(&mut self) -> i64 {
        self.timestamp += 1;
        self.changes += 1;
        self.timestamp
    }

    fn set(&mut self, entry: StoredEntry, values: Option<Values>) {
        let state = self.entries.entry(entry.uuid.clone());
        let state = state.or_insert_with(|| State {
            stored: None,
            now: None,
            values: None,
            changed: false,
        });
        state.now = Some(entry);
        state.values = values;
        state.changed = true;
    }

    /// Makes everything last; a call that changed nothing leaves no trace. How many changes it made.
    pub(super) async fn finish(mut self) -> Result<usize, StoreError> {
        if self.changes == 0 {
            return Ok(0);
        }
        let mut changes = Vec::new();
        for state in self.entries.into_values().filter(|state| state.changed) {
            if let Some(now) = state.now {
                changes.push(change(now, state.stored.as_ref()));
            }
        }
        changes.sort_by_key(|change| change.entry.timestamp);
        self.writing.write(changes, self.timestamp).await?;
        self.writing.commit().await?;
        Ok(self.changes)
    }
}

/// Lets other requests go on after some of a call's elements: thousands of them keep a core busy for long.
pub(super) async fn breathe(done: usize) {
    if done % STRIDE == STRIDE - 1 {
        tokio::task::yield_now().await;
    }
}

/// Tries a call again if another writer was in its way.
pub(super) async fn insist<T, Call>(mut call: impl FnMut() -> Call) -> Result<T, Refusal>
where
    Call: Future<Output = Result<T, WriteError>>,
{
    for _ in 1..TRIES {
        match call().await {
            Err(WriteError::Store(StoreError::Conflict)) => {}
            other => return other.map_err(Into::into),
        }
    }
    call().await.map_err(Into::into)
}

/// Why a call wrote nothing.
#[derive(Debug)]
pub(super) enum WriteError {
    /// The database.
    Store(StoreError),
    /// What is in it.
    Kept(KeptError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<KeptError> for WriteError {
    fn from(error: KeptError) -> Self {
        Self::Kept(error)
    }
}

impl From<WriteError> for Refusal {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Store(error) => error.into(),
            WriteError::Kept(error) => error.into(),
        }
    }
}
