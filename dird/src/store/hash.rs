//! The recipe by which two contacts count as the same (dird-platform.md §7.1).

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;
use sha1::{Digest, Sha1};

/// Lower-case hexadecimal SHA-1 of the contact's fields without `id`, written as JSON with keys sorted by code point, `", "`
/// and `": "` between parts, and everything outside ASCII as `\uXXXX`.
pub fn content_hash<'a>(fields: impl IntoIterator<Item = (&'a str, &'a Value)>) -> String {
    let sorted: BTreeMap<&str, &Value> = fields
        .into_iter()
        .filter(|(name, _)| *name != "id")
        .collect();
    let mut text = String::from("{");
    for (index, (name, value)) in sorted.into_iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write_string(&mut text, name);
        text.push_str(": ");
        write_value(&mut text, value);
    }
    text.push('}');
    hex::encode(Sha1::digest(text.as_bytes()))
}

fn write_value(text: &mut String, value: &Value) {
    match value {
        Value::String(content) => write_string(text, content),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write_value(text, item);
            }
            text.push(']');
        }
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            text.push('{');
            for (index, (name, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write_string(text, name);
                text.push_str(": ");
                write_value(text, item);
            }
            text.push('}');
        }
        plain => text.push_str(&plain.to_string()),
    }
}

fn write_string(text: &mut String, content: &str) {
    text.push('"');
    for character in content.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            '\u{8}' => text.push_str("\\b"),
            '\u{c}' => text.push_str("\\f"),
            ' '..='~' => text.push(character),
            other => write_escaped(text, other),
        }
    }
    text.push('"');
}

fn write_escaped(text: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hash_of(fields: &Value) -> String {
        let fields = fields.as_object().unwrap();
        content_hash(fields.iter().map(|(name, value)| (name.as_str(), value)))
    }

    #[test]
    fn the_hash_is_the_references() {
        assert_eq!(
            hash_of(&json!({"fn": "Zo\u{e9}", "num": "100"})),
            "b66beaa55cb4286952384462ae22aeb13931e49c"
        );
    }

    #[test]
    fn neither_order_nor_the_identifier_counts() {
        let one = hash_of(&json!({"a": "1", "b": "2", "id": "x"}));
        assert_eq!(one, hash_of(&json!({"b": "2", "a": "1"})));
        assert_ne!(one, hash_of(&json!({"b": "2", "a": "1 "})));
    }

    #[test]
    fn characters_beyond_the_basic_plane_are_surrogate_pairs() {
        let mut text = String::new();
        write_string(&mut text, "\u{1f600}\u{1}\"");
        assert_eq!(text, r#""\ud83d\ude00\u0001\"""#);
    }
}
