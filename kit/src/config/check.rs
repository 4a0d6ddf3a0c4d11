//! The merged configuration for people: YAML that says where each value comes from.

use std::fmt::Write as _;

use serde_json::Value;

use super::node::{Origins, join};
use super::typed::origin_of;

const INDENT: &str = "  ";

/// `tree` must be redacted.
pub(super) fn render(tree: &Value, origins: &Origins, notes: &[String]) -> String {
    let mut text = String::new();
    for note in notes {
        push_line(
            &mut text,
            format_args!("# note: {}", note.replace('\n', " ")),
        );
    }
    render_map(tree, origins, "", 0, &mut text);
    text
}

fn render_map(tree: &Value, origins: &Origins, parent: &str, depth: usize, text: &mut String) {
    let Value::Object(entries) = tree else {
        return;
    };
    let indent = INDENT.repeat(depth);
    for (name, value) in entries {
        let key = join(parent, name);
        let shown = quoted(name);
        if value.as_object().is_some_and(|map| !map.is_empty()) {
            push_line(text, format_args!("{indent}{shown}:"));
            render_map(value, origins, &key, depth + 1, text);
        } else {
            // JSON is YAML, so a list stays on its line.
            let origin = origin_of(origins, &key);
            push_line(text, format_args!("{indent}{shown}: {value}  # {origin}"));
        }
    }
}

/// Plain where YAML reads it back as the same text.
fn quoted(name: &str) -> String {
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if plain {
        name.to_owned()
    } else {
        Value::from(name).to_string()
    }
}

fn push_line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
