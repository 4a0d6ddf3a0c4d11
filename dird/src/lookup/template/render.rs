//! From a parsed template and a contact to text.

use serde_json::Value;

use super::{Align, Padding, Part, Placeholder, Step, Template};
use crate::backends::{Entry, Field};

/// The rendered text without white space around it; none if it is empty or a placeholder failed.
pub(super) fn render(template: &Template, entry: &Entry) -> Option<String> {
    let mut text = String::new();
    for part in &template.parts {
        match part {
            Part::Literal(literal) => text.push_str(literal),
            Part::Field(placeholder) => push_field(&mut text, placeholder, entry)?,
        }
    }
    let trimmed = text.trim();
    if trimmed.len() == text.len() {
        return (!text.is_empty()).then_some(text);
    }
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

fn push_field(text: &mut String, placeholder: &Placeholder, entry: &Entry) -> Option<()> {
    let field = entry.get(&placeholder.field).unwrap_or(Field::Null);
    let Some(padding) = &placeholder.padding else {
        return push_value(text, field, &placeholder.path);
    };
    let mut value = String::new();
    push_value(&mut value, field, &placeholder.path)?;
    push_padded(text, &value, padding);
    Some(())
}

/// Appends the value at the end of `path`. A missing or null field is empty text; anything missing below it is a failure.
fn push_value(text: &mut String, field: Field<'_>, path: &[Step]) -> Option<()> {
    match field {
        Field::Null | Field::Json(Value::Null) => return path.is_empty().then_some(()),
        Field::Text(value) if path.is_empty() => text.push_str(value),
        Field::Text(value) => text.push(character(value, path)?),
        Field::Json(value) => match descend(value, path)? {
            (Value::String(value), []) => text.push_str(value),
            (Value::String(value), rest) => text.push(character(value, rest)?),
            (value, _) => push_python(text, value),
        },
    }
    Some(())
}

/// The one character that a path of a single index picks from a text.
fn character(text: &str, path: &[Step]) -> Option<char> {
    match path {
        [Step::Index(index)] => text.chars().nth(*index),
        _ => None,
    }
}

/// Follows `path` as far as lists and maps go.
fn descend<'a, 'p>(mut value: &'a Value, mut path: &'p [Step]) -> Option<(&'a Value, &'p [Step])> {
    while let Some((step, rest)) = path.split_first() {
        value = match (value, step) {
            (Value::Array(items), Step::Index(index)) => items.get(*index)?,
            (Value::Object(members), Step::Key(key)) => members.get(key)?,
            (Value::String(_), _) => return Some((value, path)),
            _ => return None,
        };
        path = rest;
    }
    Some((value, path))
}

/// Writes a value as Python's `str` does.
fn push_python(text: &mut String, value: &Value) {
    match value {
        Value::Null => text.push_str("None"),
        Value::Bool(true) => text.push_str("True"),
        Value::Bool(false) => text.push_str("False"),
        Value::Number(number) => text.push_str(&number.to_string()),
        Value::String(content) => push_quoted(text, content),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                push_python(text, item);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (index, (name, item)) in members.iter().enumerate() {
                text.push_str(if index > 0 { ", " } else { "" });
                push_quoted(text, name);
                text.push_str(": ");
                push_python(text, item);
            }
            text.push('}');
        }
    }
}

fn push_quoted(text: &mut String, content: &str) {
    let quote = if content.contains('\'') && !content.contains('"') {
        '"'
    } else {
        '\''
    };
    text.push(quote);
    for character in content.chars() {
        if character == quote || character == '\\' {
            text.push('\\');
        }
        text.push(character);
    }
    text.push(quote);
}

fn push_padded(text: &mut String, value: &str, padding: &Padding) {
    let shown: String = value
        .chars()
        .take(padding.cut.unwrap_or(usize::MAX))
        .collect();
    let missing = padding.width.saturating_sub(shown.chars().count());
    let before = match padding.align {
        Align::Left => 0,
        Align::Right => missing,
        Align::Centre => missing / 2,
    };
    text.extend(std::iter::repeat_n(padding.fill, before));
    text.push_str(&shown);
    text.extend(std::iter::repeat_n(padding.fill, missing - before));
}
