//! From the merged tree to the daemon's own types, with errors that an administrator can act upon.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::error::ConfigError;
use super::node::{Origin, Origins, join};
use super::redact::{hide_in_text, is_secret};

const LONGEST_SHOWN: usize = 60;

/// Reads `tree` into `T`. The error names the place of the faulty key and what should stand there.
pub(super) fn read<T: DeserializeOwned>(tree: &Value, origins: &Origins) -> Result<T, ConfigError> {
    serde_path_to_error::deserialize(tree).map_err(|error| {
        let key = dotted(error.path());
        let message = error.inner().to_string();
        match message
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split_once('`'))
        {
            Some((field, _)) => {
                let key = join(&key, field);
                ConfigError::new(origin_of(origins, &key), &key, "is missing; set it")
            }
            None => ConfigError::new(
                origin_of(origins, &key),
                &key,
                &explain(&message, &key, at(tree, error.path())),
            ),
        }
    })
}

/// Where `key` was set, else where the nearest key above it was.
pub fn origin_of(origins: &Origins, key: &str) -> Origin {
    let mut key = key;
    loop {
        if let Some(origin) = origins.get(key) {
            return origin.clone();
        }
        if key.is_empty() {
            return Origin::Default;
        }
        key = key.rsplit_once('.').map_or("", |(parent, _)| parent);
    }
}

fn dotted(path: &Path) -> String {
    path.iter()
        .map_while(name_of)
        .fold(String::new(), |key, name| join(&key, &name))
}

fn name_of(segment: &Segment) -> Option<String> {
    match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { .. } | Segment::Unknown => None,
    }
}

fn at<'a>(tree: &'a Value, path: &Path) -> Option<&'a Value> {
    path.iter()
        .take_while(|segment| name_of(segment).is_some())
        .try_fold(tree, |value, segment| match segment {
            Segment::Seq { index } => value.get(index),
            Segment::Map { key } => value.get(key),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
}

/// The library's `message` in the administrator's words. What it quotes is dropped where the value is a secret.
fn explain(message: &str, key: &str, found: Option<&Value>) -> String {
    let shown = found.map_or_else(|| "this value".to_owned(), |value| show(value, key));
    let from_library = [
        "invalid type: ",
        "invalid value: ",
        "unknown variant ",
        "invalid length ",
    ]
    .iter()
    .any(|start| message.starts_with(start));
    match message.rsplit_once(", expected ") {
        Some((_, expected)) if from_library => {
            let mut text = format!("{shown} does not fit; should be {}", readable(expected));
            if matches!(expected, "a string")
                && found.is_some_and(|value| value.is_number() || value.is_boolean())
            {
                text.push_str(", put it in quotes");
            }
            text
        }
        _ if is_secret(key) => format!("{shown} does not fit"),
        _ => format!("{shown} does not fit: {message}"),
    }
}

fn show(value: &Value, key: &str) -> String {
    match value {
        Value::Null => "no value".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "a map".to_owned(),
        _ if is_secret(key) => crate::secret::HIDDEN.to_owned(),
        Value::String(text) => show_text(&hide_in_text(text)),
        other => other.to_string(),
    }
}

/// `text` must be redacted: cut short, a password would no longer be recognised.
fn show_text(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => Value::from(text).to_string(),
    }
}

/// What serde calls the expected type, in words.
fn readable(expected: &str) -> String {
    let words = match expected {
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "u128" | "usize" => "a whole number, 0 or more",
        "i8" => "a whole number from -128 to 127",
        "i16" => "a whole number from -32768 to 32767",
        "i32" => "a whole number from -2147483648 to 2147483647",
        "i64" | "i128" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "string" => "text",
        "a character" => "one character",
        "a sequence" => "a list",
        "a map" => "a map of keys",
        "path string" => "a path",
        "unit" => "empty",
        other if other.starts_with("struct ") => "a map of keys",
        other if other.starts_with("a nonzero ") => "a whole number other than 0",
        other => return other.replace('`', ""),
    };
    words.to_owned()
}
