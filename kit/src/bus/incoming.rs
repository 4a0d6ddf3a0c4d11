//! A message of the broker as an event, or the reason why it is none.

use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;

use super::Event;

/// Longest body that is read, in bytes; events have a few hundred.
pub(super) const LARGEST_BODY: usize = 1024 * 1024;

/// Why a message is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    /// More than [`LARGEST_BODY`].
    #[error("the body is too long")]
    TooLong,
    /// No JSON, or not an object.
    #[error("the body is no JSON object")]
    NoObject,
    /// Neither a header nor a key `name` with text.
    #[error("the message has no name")]
    NoName,
    /// No key `data`.
    #[error("the message has no data")]
    NoData,
}

/// Reads a message. Its name is the header `name`, else the key (dird-platform.md §5.1).
pub(super) fn read(headers: Option<&FieldTable>, body: &[u8]) -> Result<Event, Malformed> {
    if body.len() > LARGEST_BODY {
        return Err(Malformed::TooLong);
    }
    let Ok(Value::Object(mut object)) = serde_json::from_slice(body) else {
        return Err(Malformed::NoObject);
    };
    let header = headers.and_then(|headers| text(headers.inner().get("name")?));
    let key = object.remove("name");
    let key = key.and_then(|name| name.as_str().map(str::to_owned));
    let name = header.or(key).ok_or(Malformed::NoName)?;
    let data = object.remove("data").ok_or(Malformed::NoData)?;
    Ok(Event { name, data })
}

fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok().map(str::to_owned),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn headers(value: AMQPValue) -> FieldTable {
        let mut table = FieldTable::default();
        table.insert("name".into(), value);
        table
    }

    #[test]
    fn the_header_names_the_event_and_the_key_does_without_it() {
        let event = |name: &str| {
            Ok(Event {
                name: name.into(),
                data: json!({"uuid": "1"}),
            })
        };
        let body = br#"{"name": "inner", "data": {"uuid": "1"}}"#;
        let named = headers(AMQPValue::LongString("outer".into()));
        assert_eq!(read(Some(&named), body), event("outer"));
        assert_eq!(read(None, body), event("inner"));
        let odd = headers(AMQPValue::LongInt(5));
        assert_eq!(read(Some(&odd), body), event("inner"));
    }

    #[test]
    fn what_is_no_event_is_told_by_reason() {
        for (body, reason) in [
            (&b"not json"[..], Malformed::NoObject),
            (b"", Malformed::NoObject),
            (b"[1]", Malformed::NoObject),
            (br#"{"data": {}}"#, Malformed::NoName),
            (br#"{"name": 5, "data": {}}"#, Malformed::NoName),
            (br#"{"name": "x"}"#, Malformed::NoData),
        ] {
            assert_eq!(read(None, body), Err(reason), "{body:?}");
        }
        let nested = "[".repeat(100_000);
        assert_eq!(read(None, nested.as_bytes()), Err(Malformed::NoObject));
        let long = vec![b' '; LARGEST_BODY + 1];
        assert_eq!(read(None, &long), Err(Malformed::TooLong));
    }
}
