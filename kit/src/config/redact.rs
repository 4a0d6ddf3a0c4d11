//! Which values must not be shown, and what is shown instead (phoned.md §16.2, design.md §6).

use std::borrow::Cow;

use serde_json::Value;

use crate::secret::HIDDEN;

const SECRET_KEYS: [&str; 5] = [
    "password",
    "token",
    "secret",
    "service_key",
    "ldap_password",
];
const SECRET_ENDINGS: [&str; 3] = ["_password", "_token", "_secret"];

/// True when the value under `key` is a secret; `key` may be dotted. What stands below a secret key is secret too.
pub(super) fn is_secret(key: &str) -> bool {
    key.split('.').any(|name| {
        let name = name.to_ascii_lowercase();
        SECRET_KEYS.contains(&name.as_str())
            || SECRET_ENDINGS.iter().any(|ending| name.ends_with(ending))
    })
}

/// The tree without its secrets. Null and booleans stay: they hide nothing and tell whether something is set.
pub(super) fn redact(tree: &Value) -> Value {
    match tree {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), redact_entry(key, value)))
            .collect(),
        Value::Array(items) => items.iter().map(redact).collect(),
        Value::String(text) => hide_in_text(text).into(),
        other => other.clone(),
    }
}

fn redact_entry(key: &str, value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) => value.clone(),
        _ if is_secret(key) => HIDDEN.into(),
        _ => redact(value),
    }
}

/// `text` without the passwords of the URIs in it: `scheme://user:password@host` and `?password=…`.
pub(super) fn hide_in_text(text: &str) -> String {
    let mut shown = Cow::Borrowed(text);
    let mut from = 0;
    while let Some((start, end)) = next_password(&shown, from) {
        shown.to_mut().replace_range(start..end, HIDDEN);
        from = start + HIDDEN.len();
    }
    hide_parameters(&shown)
}

/// The byte range of the first password after `from`. The last `@` of the word ends it, so that a password with an
/// unescaped `/` or `@` is hidden whole; hiding a little too much of an odd address is the lesser evil.
fn next_password(text: &str, from: usize) -> Option<(usize, usize)> {
    let mut from = from;
    loop {
        let user = from + text.get(from..)?.find("://")? + "://".len();
        let word = text.get(user..)?;
        let word = word
            .find(char::is_whitespace)
            .map_or(word, |end| &word[..end]);
        let range = word
            .rfind('@')
            .and_then(|at| Some((user + word[..at].find(':')? + 1, user + at)));
        if range.is_some() {
            return range;
        }
        from = user;
    }
}

fn hide_parameters(text: &str) -> String {
    const MARK: &str = "password=";
    let lower = text.to_ascii_lowercase();
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    while let Some(found) = lower[from..].find(MARK) {
        let start = from + found + MARK.len();
        let end = text[start..]
            .find(|c: char| c == '&' || c.is_whitespace())
            .map_or(text.len(), |length| start + length);
        shown.push_str(&text[from..start]);
        shown.push_str(HIDDEN);
        from = end;
    }
    shown.push_str(&text[from..]);
    shown
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_of_secret_keys_are_hidden_at_every_depth() {
        let tree = json!({
            "auth": {"username": "u", "password": "p", "service_key": 12, "token": ["a"], "master": {"secret": {"x": 1}}},
            "sources": [{"ldap_password": "p", "client_secret": "p", "name": "n"}],
        });
        let shown = json!({
            "auth": {"username": "u", "password": HIDDEN, "service_key": HIDDEN, "token": HIDDEN, "master": {"secret": HIDDEN}},
            "sources": [{"ldap_password": HIDDEN, "client_secret": HIDDEN, "name": "n"}],
        });
        assert_eq!(redact(&tree), shown);
    }

    #[test]
    fn unset_and_boolean_values_stay() {
        let tree = json!({"password": null, "token": true});
        assert_eq!(redact(&tree), tree);
    }

    #[test]
    fn passwords_in_uris_are_hidden() {
        for (text, shown) in [
            (
                "postgresql://u:pw@h/db?a=b",
                "postgresql://u:<hidden>@h/db?a=b",
            ),
            ("x://u:p@s/w:d@h", "x://u:<hidden>@h"),
            ("a://u:1@h b://v:2@g", "a://u:<hidden>@h b://v:<hidden>@g"),
            ("http://h:80/ b://v:2@g", "http://h:80/ b://v:<hidden>@g"),
            (
                "postgresql://h/db?password=pw&x=y",
                "postgresql://h/db?password=<hidden>&x=y",
            ),
            ("http://h:80/path", "http://h:80/path"),
            ("sqlite:///var/lib/é.db", "sqlite:///var/lib/é.db"),
            ("a://user@h", "a://user@h"),
        ] {
            assert_eq!(hide_in_text(text), shown);
        }
    }
}
