//! `query` (intercom-directory.md §5.6): what has changed after a timestamp, as it stood at one time.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Map, Value};

use super::Intercom;
use super::answer::{Answer, Answered, Entries, Text};
use super::document::Document;
use super::gate::Granted;
use super::get::Showing;
use super::guard::cursor_ahead;
use super::kept::Keeping;
use super::parameter;
use super::reply::Refusal;
use crate::store::{Directory, EntryReading, StoredEntry};

/// Reads what has changed.
pub(super) async fn query(
    intercom: &Arc<Intercom>,
    granted: &Granted,
    document: &Document,
) -> Result<Answered, Refusal> {
    let series = parameter::series(document)?;
    let after = parameter::after(document)?;
    let fields = parameter::fields(document, &intercom.config.limits)?;
    // No two entries have the same timestamp.
    let most = granted.directory.timestamp.saturating_sub(after);
    let place = intercom.places.take(most).await?;
    let phonebook = &granted.directory.phonebook;
    let reading = intercom
        .store
        .read_entries(&granted.tenant, phonebook, after);
    let reading = reading.await?;
    let directory = reading.directory().clone();
    let timestamp = directory.timestamp;
    let other = series.is_some_and(|series| series != directory.series);
    let text = Text::new(head(&directory, other));
    let answered = if other || after >= timestamp {
        if !other && after > timestamp {
            cursor_ahead(&directory, after);
        }
        text.end()
    } else {
        let entries = Changed {
            intercom: Arc::clone(intercom),
            showing: Showing::new(intercom, fields.as_deref()),
            tombstones: after > 0 || intercom.config.full_query_tombstones,
            read: Vec::new().into_iter(),
            reading,
            directory,
        };
        let answer = Answer {
            text,
            entries,
            place,
        };
        answer.send(&intercom.places).await?
    };
    Ok(Answered {
        last: Some(timestamp),
        ..answered
    })
}

/// What an answer says beside the entries.
fn head(directory: &Directory, other: bool) -> Map<String, Value> {
    let mut result = Map::new();
    result.insert("series".into(), directory.series.clone().into());
    result.insert("timestamp".into(), directory.timestamp.into());
    if other {
        result.insert("invalid".into(), directory.series_start.into());
    }
    result
}

/// The entries after a timestamp, by timestamp.
struct Changed {
    intercom: Arc<Intercom>,
    showing: Showing,
    tombstones: bool,
    reading: Box<dyn EntryReading>,
    directory: Directory,
    /// Read already, and not answered yet.
    read: std::vec::IntoIter<StoredEntry>,
}

#[async_trait]
impl Entries for Changed {
    async fn read_on(&mut self, text: &mut Text) -> Result<bool, Refusal> {
        if self.read.as_slice().is_empty() {
            self.read = self.reading.next().await?.into_iter();
        }
        if self.read.as_slice().is_empty() {
            return Ok(false);
        }
        let keeping = Keeping::new(&self.intercom.seal, &self.directory);
        for entry in self.read.by_ref() {
            if entry.deleted && !self.tombstones {
                continue;
            }
            text.push(&self.showing.entry(&keeping, &entry, &entry.spelling)?);
            if text.is_piece() {
                break;
            }
        }
        Ok(true)
    }
}
