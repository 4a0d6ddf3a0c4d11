//! `query` (intercom-directory.md §5.6): what has changed after a timestamp, as it stood at one time. A long answer is sent
//! while it is read; the reading holds a connection to the database, so there may be few of them, and none for ever.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::Intercom;
use super::document::Document;
use super::gate::Granted;
use super::get::Showing;
use super::guard::cursor_ahead;
use super::kept::Keeping;
use super::parameter;
use super::reply::{Refusal, SUCCESS, envelope};
use crate::store::{Directory, EntryReading};

/// Longest answer that is made before it is sent, in bytes.
const SHORT: usize = 4 << 20;
/// Bytes sent at once of longer ones.
const PIECE: usize = 256 * 1024;
/// Longer answers on their way at once.
const AT_ONCE: usize = 2;
/// How long the client may take for a piece.
const PATIENCE: Duration = Duration::from_secs(20);

/// Places for answers that are sent while they are read.
pub(super) struct Streams(Arc<Semaphore>);

impl Default for Streams {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// An answer, and what the log has of it.
pub(super) struct Answered {
    /// The answer.
    pub(super) response: Response,
    /// The highest timestamp in it.
    pub(super) timestamp: i64,
}

/// Reads what has changed.
pub(super) async fn query(
    intercom: &Arc<Intercom>,
    granted: &Granted,
    document: &Document,
) -> Result<Answered, Refusal> {
    let series = parameter::series(document)?;
    let after = parameter::after(document)?;
    let fields = parameter::fields(document, &intercom.config.limits)?;
    let phonebook = &granted.directory.phonebook;
    let reading = intercom
        .store
        .read_entries(&granted.tenant, phonebook, after);
    let reading = reading.await?;
    let directory = reading.directory().clone();
    let timestamp = directory.timestamp;
    let other = series.is_some_and(|series| series != directory.series);
    if other || after >= timestamp {
        if !other && after > timestamp {
            cursor_ahead(&directory, after);
        }
        let mut body = head(&directory, other);
        body.extend_from_slice(TAIL);
        let response = envelope(body.into());
        return Ok(Answered {
            response,
            timestamp,
        });
    }
    let answer = Answer {
        intercom: Arc::clone(intercom),
        showing: Showing::new(intercom, fields.as_deref()),
        tombstones: after > 0 || intercom.config.full_query_tombstones,
        text: head(&directory, false),
        first: true,
        reading,
        directory,
    };
    let response = answer.send().await?;
    Ok(Answered {
        response,
        timestamp,
    })
}

/// What ends an answer.
const TAIL: &[u8] = b"]}}";

/// An answer up to its entries.
fn head(directory: &Directory, other: bool) -> Vec<u8> {
    let mut result = Map::new();
    result.insert("series".into(), directory.series.clone().into());
    result.insert("timestamp".into(), directory.timestamp.into());
    if other {
        result.insert("invalid".into(), directory.series_start.into());
    }
    let mut text = SUCCESS.to_vec();
    let result = Value::Object(result).to_string();
    // The object is closed by the tail.
    text.extend_from_slice(result.trim_end_matches('}').as_bytes());
    text.extend_from_slice(b",\"users\":[");
    text
}

/// An answer that is being read.
struct Answer {
    intercom: Arc<Intercom>,
    showing: Showing,
    tombstones: bool,
    reading: Box<dyn EntryReading>,
    directory: Directory,
    text: Vec<u8>,
    first: bool,
}

impl Answer {
    async fn send(mut self) -> Result<Response, Refusal> {
        while self.text.len() < SHORT {
            if !self.read_on().await? {
                return Ok(envelope(self.text.into()));
            }
        }
        let place = Arc::clone(&self.intercom.streams.0).try_acquire_owned();
        let place = place.map_err(|_| Refusal::Rejected(1))?;
        let (pieces, received) = mpsc::channel(1);
        tokio::spawn(self.stream(pieces, place));
        let received = stream::unfold(received, async |mut received| {
            let piece: Result<Bytes, Broken> = received.recv().await?;
            Some((piece, received))
        });
        Ok(envelope(Body::from_stream(received)))
    }

    /// Reads and sends until the end, or until nobody takes it any more.
    async fn stream(
        mut self,
        pieces: mpsc::Sender<Result<Bytes, Broken>>,
        _place: OwnedSemaphorePermit,
    ) {
        loop {
            let more = match self.read_on().await {
                Ok(more) => more,
                Err(refusal) => {
                    tracing::error!(?refusal, "an answer broke off");
                    let _gone = timeout(PATIENCE, pieces.send(Err(Broken))).await;
                    return;
                }
            };
            if !more || self.text.len() >= PIECE {
                let piece = Bytes::from(std::mem::take(&mut self.text));
                let sent = timeout(PATIENCE, pieces.send(Ok(piece))).await;
                if !more || !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }

    /// Adds further entries, or the end; false at the end.
    async fn read_on(&mut self) -> Result<bool, Refusal> {
        let entries = self.reading.next().await?;
        if entries.is_empty() {
            self.text.extend_from_slice(TAIL);
            return Ok(false);
        }
        let keeping = Keeping::new(&self.intercom.seal, &self.directory);
        for entry in &entries {
            if entry.deleted && !self.tombstones {
                continue;
            }
            let shown = self.showing.entry(&keeping, entry, &entry.spelling)?;
            if !std::mem::take(&mut self.first) {
                self.text.push(b',');
            }
            // Writing JSON to memory cannot fail.
            let _ = serde_json::to_writer(&mut self.text, &shown);
        }
        Ok(true)
    }
}

/// The rest of an answer could not be read: the client sees that it broke off.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
struct Broken;
