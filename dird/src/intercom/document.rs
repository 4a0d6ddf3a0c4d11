//! The document of a request (intercom-directory.md §3.2), in whichever way it comes: as the body, or as a part of a form.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http::header;
use http::request::Parts;
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::function::Function;
use super::gate::declared;
use super::reply::Refusal;
use crate::api::call::Query;
use crate::slow_lane::SlowLane;

/// Parts that hold a document; the last one counts.
const DOCUMENTS: [&str; 2] = ["blob-json", "blob-dir_new"];
/// The one parameter that may come beside the document.
const FORCE: &str = "force";
/// Deepest nesting.
const DEEPEST: usize = 16;
/// Longest body that is read between other requests, in bytes.
const SHORT: usize = 64 * 1024;

/// Longest bodies that are there at once: each takes several times its length once it is read.
const LONGEST_AT_ONCE: u64 = 2;
/// Bytes that a place in [`Room`] is for.
const UNIT: u64 = 1024;
/// How long a long body waits for room.
const PATIENCE: Duration = Duration::from_secs(5);

/// Room for bodies that are longer than [`SHORT`].
pub(super) struct Room {
    longest: u64,
    units: Arc<Semaphore>,
}

impl Room {
    /// For bodies of at most `longest` bytes.
    pub(super) fn new(longest: u64) -> Self {
        let units = usize::try_from(units(longest).saturating_mul(LONGEST_AT_ONCE));
        let units = units.unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Self {
            longest,
            units: Arc::new(Semaphore::new(units)),
        }
    }

    /// Waits until there is room for that many bytes.
    async fn take(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Refusal> {
        let units = u32::try_from(units(bytes)).unwrap_or(u32::MAX);
        let taken = Arc::clone(&self.units).acquire_many_owned(units);
        match timeout(PATIENCE, taken).await {
            Ok(Ok(taken)) => Ok(taken),
            _ => Err(Refusal::Rejected(1)),
        }
    }
}

fn units(bytes: u64) -> u64 {
    bytes.div_ceil(UNIT)
}

/// What a request says; it may hold what opens doors, so it cannot be printed.
#[derive(Default)]
pub(super) struct Document {
    /// The members of the document.
    pub(super) members: Map<String, Value>,
    /// `force` beside the document.
    pub(super) force: Option<String>,
    /// The room that it takes.
    _room: Option<OwnedSemaphorePermit>,
}

/// Reads what a request says.
pub(super) async fn read(
    parts: &Parts,
    body: Body,
    function: Function,
    (room, lane): (&Room, &SlowLane),
) -> Result<Document, Refusal> {
    let (bytes, taken) = whole(parts, body, function, room).await?;
    let wrong = || Refusal::Wrong(function.document());
    let mut force = Query::read(&parts.uri)
        .into_pairs()
        .filter(|(name, _)| name == FORCE)
        .last()
        .map(|(_, value)| value);
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let text = if bytes.trim_ascii().is_empty() {
        bytes
    } else if let Ok(boundary) = multer::parse_boundary(kind) {
        let form = form(bytes, boundary).await.map_err(|_| wrong())?;
        force = form.force.or(force);
        form.document
    } else if kind.starts_with("application/x-www-form-urlencoded") && !is_object(&bytes) {
        let pairs = String::from_utf8_lossy(&bytes);
        let pairs = Query::of_text(&pairs).into_pairs();
        force = pairs
            .filter(|(name, _)| name == FORCE)
            .last()
            .map(|(_, value)| value)
            .or(force);
        Bytes::new()
    } else {
        bytes
    };
    let members = if text.len() > SHORT {
        let parsed = lane.run(move || parse(&text)).await;
        parsed.map_err(|error| Refusal::Failed(error.to_string()))?
    } else {
        parse(&text)
    };
    Ok(Document {
        members: members.ok_or_else(wrong)?,
        force,
        _room: taken,
    })
}

/// The body, and the room that it takes if it is long.
async fn whole(
    parts: &Parts,
    body: Body,
    function: Function,
    room: &Room,
) -> Result<(Bytes, Option<OwnedSemaphorePermit>), Refusal> {
    let longest = usize::try_from(room.longest).unwrap_or(usize::MAX);
    let said = declared(parts).map(|said| said.min(room.longest));
    let mut pieces = body.into_data_stream();
    let mut bytes = BytesMut::new();
    let mut taken = None;
    while let Some(piece) = pieces.next().await {
        let piece = match piece {
            Ok(piece) => piece,
            Err(error) if crate::api::call::is_too_long(&error) => {
                return Err(Refusal::TooBig(None));
            }
            // It broke off or was too slow: there is no whole document.
            Err(_) => return Err(Refusal::Wrong(function.document())),
        };
        if bytes.len() + piece.len() > longest {
            return Err(Refusal::TooBig(None));
        }
        if taken.is_none() && bytes.len() + piece.len() > SHORT {
            taken = Some(room.take(said.unwrap_or(room.longest)).await?);
        }
        bytes.extend_from_slice(&piece);
    }
    Ok((bytes.freeze(), taken))
}

#[derive(Default)]
struct Form {
    document: Bytes,
    force: Option<String>,
}

async fn form(bytes: Bytes, boundary: String) -> Result<Form, multer::Error> {
    let stream = futures_util::stream::once(async { Ok::<_, Infallible>(bytes) });
    let mut parts = multer::Multipart::new(stream, boundary);
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await? {
        match part.name() {
            Some(name) if DOCUMENTS.contains(&name) => form.document = part.bytes().await?,
            Some(FORCE) => form.force = Some(part.text().await?),
            _ => {}
        }
    }
    Ok(form)
}

fn is_object(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

/// The members of an object; none of nothing.
fn parse(text: &[u8]) -> Option<Map<String, Value>> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if text.trim_ascii().is_empty() {
        return Some(Map::new());
    }
    match serde_json::from_slice(text) {
        Ok(Value::Object(members)) if members.values().all(|value| fits(value, DEEPEST - 1)) => {
            Some(members)
        }
        _ => None,
    }
}

/// True if a value nests no deeper than `depth`.
fn fits(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(elements) => {
            depth > 0 && elements.iter().all(|element| fits(element, depth - 1))
        }
        Value::Object(members) => {
            depth > 0 && members.values().all(|member| fits(member, depth - 1))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_objects_that_are_not_too_deep_are_documents() {
        let nested = |depth: usize| {
            let (open, close) = ("[".repeat(depth - 1), "]".repeat(depth - 1));
            format!("{{\"a\":{open}{close}}}").into_bytes()
        };
        assert!(parse(&nested(16)).is_some());
        assert!(parse(&nested(17)).is_none());
        assert!(parse(&nested(5000)).is_none());
        for text in [&b""[..], b" \r\n", b"{}", b"\xef\xbb\xbf{}"] {
            assert_eq!(parse(text).map(|members| members.len()), Some(0));
        }
        for text in [&b"[]"[..], b"1", b"{", b"{}x", b"{\"a\":\"\xff\"}", b"null"] {
            assert!(parse(text).is_none(), "{text:?}");
        }
        let twice = parse(br#"{"a":1,"a":2}"#).unwrap();
        assert_eq!(twice["a"], 2);
    }

    async fn read_body(kind: &str, body: Vec<u8>, room: &Room) -> Result<Document, Refusal> {
        let request = http::Request::put("/api/dir/create").header(header::CONTENT_TYPE, kind);
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let lane = SlowLane::default();
        read(&parts, body.into(), Function::Create, (room, &lane)).await
    }

    #[tokio::test]
    async fn a_blank_form_is_an_empty_document() {
        let room = Room::new(1000);
        for blank in ["", " \r\n"] {
            let kind = "multipart/form-data; boundary=b1";
            let document = read_body(kind, blank.into(), &room).await.unwrap();
            assert!(document.members.is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn long_bodies_have_so_much_room() {
        let long = || format!("{{\"a\":\"{}\"}}", "x".repeat(2 * SHORT)).into_bytes();
        let room = Room::new(3 * SHORT as u64);
        let read = || read_body("application/json", long(), &room);
        let first = read().await.unwrap();
        let second = read().await.unwrap();
        assert!(matches!(read().await, Err(Refusal::Rejected(1))));
        let short = read_body("application/json", b"{}".to_vec(), &room).await;
        assert!(short.is_ok(), "short ones need no room");
        drop(first);
        assert!(read().await.is_ok());
        drop(second);
        let longer = vec![b' '; 3 * SHORT + 1];
        let refused = read_body("application/json", longer, &room).await;
        assert!(matches!(refused, Err(Refusal::TooBig(None))));
    }
}
