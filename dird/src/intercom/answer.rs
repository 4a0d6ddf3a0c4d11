//! Answers that may be long, those of `get` and `query` (intercom-directory.md §5.5, §5.6). A short one is made before it is
//! sent; a longer one is sent while it is read. The reading holds a connection to the database, so there may be few of them:
//! who may need long has a place before the reading begins, and nobody has one for ever.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use serde_json::{Map, Value};
use tokio::sync::mpsc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use super::reply::{Refusal, SUCCESS, envelope};

/// Longest answer that is made before it is sent, in bytes.
const SHORT: usize = 4 << 20;
/// Bytes sent at once of longer ones.
const PIECE: usize = 256 * 1024;
/// Elements of which an answer is taken to be short.
const FEW: i64 = 4096;
/// Longer answers on their way at once.
const AT_ONCE: usize = 2;
/// Requests that wait for a place at once.
const WAITING: usize = 16;
/// How long they wait: clients give up after ten seconds.
const TURN: Duration = Duration::from_secs(5);
/// How long the client may take for a piece.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long the client may take for a whole answer.
const WHOLE: Duration = Duration::from_mins(2);

/// What ends an answer.
const TAIL: &[u8] = b"]}}";

/// Places for answers that are sent while they are read.
pub(super) struct Places {
    places: Arc<Semaphore>,
    waiting: Semaphore,
}

/// The right to a long answer until it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

impl Default for Places {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(AT_ONCE)),
            waiting: Semaphore::new(WAITING),
        }
    }
}

impl Places {
    /// A place for an answer of at most so many elements, before it is read: none if they are few. Refused if others hold
    /// the places for too long.
    pub(super) async fn take(&self, elements: i64) -> Result<Option<Place>, Refusal> {
        if elements <= FEW {
            return Ok(None);
        }
        let busy = Refusal::Rejected(1);
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Err(busy);
        };
        match timeout(TURN, Arc::clone(&self.places).acquire_owned()).await {
            Ok(Ok(place)) => Ok(Some(place)),
            _ => Err(busy),
        }
    }
}

/// Where the elements of an answer come from.
#[async_trait]
pub(super) trait Entries: Send + 'static {
    /// Adds further elements, about as many bytes as a piece at most; false if there are no more.
    async fn read_on(&mut self, text: &mut Text) -> Result<bool, Refusal>;
}

/// An answer as far as it is written.
pub(super) struct Text {
    bytes: Vec<u8>,
    /// Where the part begins that is written now.
    begun: usize,
    users: usize,
    stamps: Option<(i64, i64)>,
}

impl Text {
    /// An answer up to its elements: `result` is what comes before them.
    pub(super) fn new(result: Map<String, Value>) -> Self {
        let mut bytes = SUCCESS.to_vec();
        let result = Value::Object(result).to_string();
        // The object is closed by the tail.
        bytes.extend_from_slice(result.strip_suffix('}').unwrap_or(&result).as_bytes());
        bytes.extend_from_slice(b",\"users\":[");
        Self {
            bytes,
            begun: 0,
            users: 0,
            stamps: None,
        }
    }

    /// Adds an element.
    pub(super) fn push(&mut self, element: &Value) {
        if self.users > 0 {
            self.bytes.push(b',');
        }
        self.users += 1;
        // Writing JSON to memory cannot fail.
        let _ = serde_json::to_writer(&mut self.bytes, element);
        if let Some(at) = element.get("timestamp").and_then(Value::as_i64) {
            let (first, last) = self.stamps.unwrap_or((at, at));
            self.stamps = Some((first.min(at), last.max(at)));
        }
    }

    /// True if what was added is enough for a while.
    pub(super) fn is_piece(&self) -> bool {
        self.bytes.len() - self.begun >= PIECE
    }

    /// The answer without further elements.
    pub(super) fn end(mut self) -> Answered {
        self.bytes.extend_from_slice(TAIL);
        self.answered_with(Body::from)
    }

    fn answered_with(self, body: impl FnOnce(Vec<u8>) -> Body) -> Answered {
        Answered {
            users: self.users,
            first: self.stamps.map(|(first, _)| first),
            last: self.stamps.map(|(_, last)| last),
            response: envelope(body(self.bytes)),
        }
    }
}

/// An answer, and what the log has of it: of a long one, what was read before it began to be sent.
pub(super) struct Answered {
    /// The answer.
    pub(super) response: Response,
    /// How many elements there are.
    pub(super) users: usize,
    /// The lowest timestamp of them.
    pub(super) first: Option<i64>,
    /// The highest timestamp of them.
    pub(super) last: Option<i64>,
}

/// An answer that is being read.
pub(super) struct Answer<E> {
    /// What it says so far.
    pub(super) text: Text,
    /// What it goes on with.
    pub(super) entries: E,
    /// The place it has for being long, if it was taken to be.
    pub(super) place: Option<Place>,
}

impl<E: Entries> Answer<E> {
    /// Reads a short answer, or begins to send a long one.
    pub(super) async fn send(mut self, places: &Places) -> Result<Answered, Refusal> {
        while self.text.bytes.len() < SHORT {
            self.text.begun = self.text.bytes.len();
            if !self.entries.read_on(&mut self.text).await? {
                return Ok(self.text.end());
            }
        }
        // Few elements may be long, too. It waits no more: others would wait for its connection.
        let place = match self.place.take() {
            Some(place) => place,
            None => Arc::clone(&places.places)
                .try_acquire_owned()
                .map_err(|_| Refusal::Rejected(1))?,
        };
        let (pieces, received) = mpsc::channel(1);
        let begun = Text {
            bytes: Vec::new(),
            ..self.text
        };
        tokio::spawn(self.stream(pieces, place));
        Ok(begun.answered_with(|_| Body::from_stream(body(received))))
    }

    /// Reads and sends until the end, or until nobody takes it any more.
    async fn stream(mut self, pieces: mpsc::Sender<Piece>, _place: Place) {
        let until = Instant::now() + WHOLE;
        self.text.begun = 0;
        loop {
            let more = match self.entries.read_on(&mut self.text).await {
                Ok(more) => more,
                Err(refusal) => {
                    tracing::error!(?refusal, "an answer broke off");
                    return;
                }
            };
            if !more {
                self.text.bytes.extend_from_slice(TAIL);
            }
            if !more || self.text.is_piece() {
                let piece = Piece {
                    bytes: std::mem::take(&mut self.text.bytes).into(),
                    last: !more,
                };
                let until = until.min(Instant::now() + PATIENCE);
                let sent = timeout_at(until, pieces.send(piece)).await;
                if !more || !matches!(sent, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }
}

/// A part of a body.
struct Piece {
    bytes: Bytes,
    last: bool,
}

/// The body of a long answer. It ends well after its last piece only: a client must not take a part for the whole.
fn body(
    received: mpsc::Receiver<Piece>,
) -> impl futures_util::Stream<Item = Result<Bytes, Broken>> + Send {
    stream::unfold(Some(received), async |received| {
        let mut received = received?;
        match received.recv().await {
            Some(piece) => Some((Ok(piece.bytes), (!piece.last).then_some(received))),
            None => Some((Err(Broken), None)),
        }
    })
}

/// The rest of an answer could not be read or sent: the client sees that it broke off.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
struct Broken;

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
