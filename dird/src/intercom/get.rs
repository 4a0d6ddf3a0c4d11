//! `get` (intercom-directory.md §5.5): the entries that a request lists, all as they stood at one time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::Intercom;
use super::answer::{Answer, Answered, Entries, Text};
use super::batch::{ElementError, failed};
use super::document::Document;
use super::entry::{Choice, EntryUuid, UuidError, Values};
use super::gate::Granted;
use super::kept::{Keeping, KeptError};
use super::parameter::{self, Element};
use super::reply::Refusal;
use crate::config::Shown;
use crate::store::{EntryReading, StoredEntry};

/// Entries of a request that are read at once.
const PIECE: usize = 500;

/// Reads entries.
pub(super) async fn get(
    intercom: &Arc<Intercom>,
    granted: &Granted,
    document: &Document,
) -> Result<Answered, Refusal> {
    let fields = parameter::fields(document, &intercom.config.limits)?;
    let users = parameter::users(document, &intercom.config.limits)?;
    let users = users.unwrap_or_default();
    let most = i64::try_from(users.len()).unwrap_or(i64::MAX);
    let place = intercom.places.take(most).await?;
    let phonebook = &granted.directory.phonebook;
    let reading = intercom.store.read_entries(&granted.tenant, phonebook, 0);
    let reading = reading.await?;
    let mut head = Map::new();
    head.insert("series".into(), reading.directory().series.clone().into());
    let answer = Answer {
        text: Text::new(head),
        entries: Listed {
            intercom: Arc::clone(intercom),
            showing: Showing::new(intercom, fields.as_deref()),
            reading,
            asked: users.into_iter().map(Asked::new).collect(),
            ready: 0,
            found: HashMap::new(),
        },
        place,
    };
    answer.send(&intercom.places).await
}

/// An element of a request.
struct Asked {
    uuid: Result<EntryUuid, UuidError>,
    /// What was sent as uuid, if that is none.
    sent: Option<Value>,
}

impl Asked {
    fn new(user: &Element) -> Self {
        let sent = user.get("uuid");
        let uuid = EntryUuid::of(sent);
        Self {
            sent: sent.filter(|_| uuid.is_err()).cloned(),
            uuid,
        }
    }
}

/// The entries that a request lists, in its order.
struct Listed {
    intercom: Arc<Intercom>,
    showing: Showing,
    reading: Box<dyn EntryReading>,
    asked: VecDeque<Asked>,
    /// How many of them were looked for already.
    ready: usize,
    /// What was found of those.
    found: HashMap<String, StoredEntry>,
}

impl Listed {
    async fn look(&mut self) -> Result<(), Refusal> {
        self.ready = self.asked.len().min(PIECE);
        let uuids = self.asked.iter().take(self.ready);
        let uuids = uuids.filter_map(|asked| asked.uuid.as_ref().ok());
        let keys: Vec<&str> = uuids.map(|uuid| uuid.key.as_str()).collect();
        let found = self.reading.entries(&keys).await?.into_iter();
        self.found = found.map(|entry| (entry.uuid.clone(), entry)).collect();
        Ok(())
    }

    fn element(&self, keeping: &Keeping<'_>, asked: &Asked) -> Result<Value, KeptError> {
        let uuid = match &asked.uuid {
            Ok(uuid) => uuid,
            Err(error) => return Ok(failed(asked.sent.as_ref(), &[(*error).into()])),
        };
        let found = self.found.get(&uuid.key).filter(|entry| !entry.deleted);
        if let Some(entry) = found {
            return self.showing.entry(keeping, entry, &uuid.spelling);
        }
        let sent = Value::from(uuid.spelling.as_str());
        Ok(failed(Some(&sent), &[ElementError::DoesNotExist]))
    }
}

#[async_trait]
impl Entries for Listed {
    async fn read_on(&mut self, text: &mut Text) -> Result<bool, Refusal> {
        if self.asked.is_empty() {
            return Ok(false);
        }
        if self.ready == 0 {
            self.look().await?;
        }
        let intercom = Arc::clone(&self.intercom);
        let keeping = Keeping::new(&intercom.seal, self.reading.directory());
        while self.ready > 0 && !text.is_piece() {
            self.ready -= 1;
            if let Some(asked) = self.asked.pop_front() {
                text.push(&self.element(&keeping, &asked)?);
            }
        }
        Ok(!self.asked.is_empty())
    }
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
