//! Showing a configuration without its secrets.

use serde_json::Value;

use super::tree::{Body, Node};
use crate::secret::HIDDEN;

/// Keys whose values are never shown.
const SECRETS: [&str; 5] = [
    "password",
    "token",
    "secret",
    "service_key",
    "ldap_password",
];

/// True if values of the key called `name` are secrets.
pub(super) fn is_secret(name: &str) -> bool {
    SECRETS.contains(&name)
}

/// The same tree with secrets hidden, also those within addresses.
pub(super) fn redacted(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let member =
                |(key, value): (&String, &Value)| (key.clone(), hidden_if_secret(key, value));
            Value::Object(members.iter().map(member).collect())
        }
        Value::Array(items) => items.iter().map(redacted).collect(),
        Value::String(text) => without_password(text).into(),
        other => other.clone(),
    }
}

fn hidden_if_secret(key: &str, value: &Value) -> Value {
    match value {
        Value::String(text) if is_secret(key) && !text.is_empty() => HIDDEN.into(),
        Value::Number(_) if is_secret(key) => HIDDEN.into(),
        other => redacted(other),
    }
}

/// `scheme://user:password@host` without the password.
fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, host)) = authority.rsplit_once('@') else {
        return text.to_owned();
    };
    let Some((name, _)) = user.split_once(':') else {
        return text.to_owned();
    };
    let path = &rest[authority.len()..];
    format!("{scheme}://{name}:{HIDDEN}@{host}{path}")
}

/// The tree as YAML with a comment behind each value that says where it was written.
pub(super) fn render(merged: &Node) -> String {
    let mut lines = Vec::new();
    render_below("", merged, &mut lines, 0);
    lines.join("\n")
}

fn render_below(name: &str, node: &Node, lines: &mut Vec<String>, depth: usize) {
    let indent = "  ".repeat(depth);
    match &node.body {
        Body::Map(members) if !members.is_empty() => {
            let below = if name.is_empty() { depth } else { depth + 1 };
            if !name.is_empty() {
                lines.push(format!("{indent}{name}:"));
            }
            for (key, member) in members {
                render_below(key, member, lines, below);
            }
        }
        _ => {
            let value = hidden_if_secret(name, &node.to_value());
            lines.push(format!("{indent}{name}: {value}  # {}", node.origin));
        }
    }
}
