//! What is wrong with a merged tree: keys that nobody knows and values of the wrong type.

use serde_path_to_error::Error;

use super::tree::{Body, Node};
use super::{ConfigError, show};

/// Farthest that a suggestion may be from what was written, in letters changed.
const NEAR: usize = 3;

/// Notes every key that the defaults do not have. Below a key whose default is an empty map, and below `open` keys, any key is
/// known.
pub(super) fn note_unknown(merged: &Node, defaults: &Node, open: &[&str], notes: &mut Vec<String>) {
    note_below("", merged, defaults, open, notes);
}

fn note_below(prefix: &str, merged: &Node, known: &Node, open: &[&str], notes: &mut Vec<String>) {
    let (Body::Map(members), Body::Map(known)) = (&merged.body, &known.body) else {
        return;
    };
    if known.is_empty() || open.contains(&prefix) {
        return;
    }
    for (name, node) in members {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        if let Some(below) = known.get(name) {
            note_below(&key, node, below, open, notes);
            continue;
        }
        let near = known
            .keys()
            .map(|other| (distance(name, other), other))
            .min();
        let kept = match near.filter(|(far, _)| *far <= NEAR) {
            Some((_, other)) if prefix.is_empty() => format!(", did you mean {other}? It is kept"),
            Some((_, other)) => format!(", did you mean {prefix}.{other}? It is kept"),
            None => "; it is kept".to_owned(),
        };
        notes.push(format!("{}: unknown key {key}{kept}", node.origin));
    }
}

/// Letters to change, add or remove to come from one word to the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, candidate) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *candidate);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// The error for a value of the wrong type.
pub(super) fn type_error(merged: &Node, error: &Error<serde_json::Error>) -> ConfigError {
    let key = dotted(error.path());
    let origin = merged.origin_of(&key);
    if show::is_secret(key.rsplit('.').next().unwrap_or_default()) {
        return ConfigError::at(
            origin,
            &key,
            "the value has the wrong type; a text is right",
        );
    }
    ConfigError::at(origin, &key, readable(&error.inner().to_string()))
}

/// `rest_api.cors.allow_headers.0` from a path of segments.
fn dotted(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let parts: Vec<String> = path
        .iter()
        .map(|segment| match segment {
            Segment::Seq { index } => index.to_string(),
            Segment::Map { key } => key.clone(),
            Segment::Enum { variant } => variant.clone(),
            Segment::Unknown => "?".into(),
        })
        .collect();
    parts.join(".")
}

/// The parser's words with its type names spelt out.
fn readable(message: &str) -> String {
    let Some((found, expected)) = message.split_once(", expected ") else {
        return message.to_owned();
    };
    let right = match expected {
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0 up",
        "i64" => "a whole number",
        "f64" => "a number",
        "a boolean" => "true or false",
        "a string" | "path string" => "a text",
        "a sequence" => "a list",
        "IP address" => "an IP address",
        other => other,
    };
    format!("{found}; right is {right}")
}
