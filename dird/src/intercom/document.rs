//! The document of a request (intercom-directory.md §3.2), in whichever way it comes: as the body, or as a part of a form.

use std::convert::Infallible;

use axum::body::Body;
use bytes::Bytes;
use http::header;
use http::request::Parts;
use serde_json::{Map, Value};

use super::function::Function;
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

/// What a request says; it may hold what opens doors, so it cannot be printed.
#[derive(Default)]
pub(super) struct Document {
    /// The members of the document.
    pub(super) members: Map<String, Value>,
    /// `force` beside the document.
    pub(super) force: Option<String>,
}

/// Reads what a request says; `longest` bytes of it at most.
pub(super) async fn read(
    parts: &Parts,
    body: Body,
    function: Function,
    (longest, lane): (u64, &SlowLane),
) -> Result<Document, Refusal> {
    let bytes = whole(body, longest, function).await?;
    let wrong = || Refusal::Wrong(function.document());
    let mut force = Query::read(&parts.uri)
        .into_pairs()
        .filter(|(name, _)| name == FORCE)
        .last()
        .map(|(_, value)| value);
    let kind = parts.headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let text = if let Ok(boundary) = multer::parse_boundary(kind) {
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
    })
}

async fn whole(body: Body, longest: u64, function: Function) -> Result<Bytes, Refusal> {
    let longest = usize::try_from(longest).unwrap_or(usize::MAX);
    let read = axum::body::to_bytes(body, longest).await;
    read.map_err(|error| {
        if crate::api::call::is_too_long(&error) {
            Refusal::TooBig(None)
        } else {
            // It broke off or was too slow: there is no whole document.
            Refusal::Wrong(function.document())
        }
    })
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
}
