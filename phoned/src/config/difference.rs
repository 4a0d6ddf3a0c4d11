//! Which keys say something else in another configuration, for operators who reload (phoned.md §16.3).

use serde_json::Value;

use super::Config;

impl Config {
    /// The dotted keys that are shown with another value in `other`.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let mut found = Vec::new();
        add_differing("", Some(&self.shown), Some(&other.shown), &mut found);
        found
    }
}

/// Adds the keys at and below `key` whose values differ; an empty key is the whole configuration.
pub(super) fn add_differing(
    key: &str,
    one: Option<&Value>,
    other: Option<&Value>,
    found: &mut Vec<String>,
) {
    match (one, other) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let further = other.keys().filter(|name| !one.contains_key(*name));
            for name in one.keys().chain(further) {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                add_differing(&key, one.get(name), other.get(name), found);
            }
        }
        (one, other) if one == other => {}
        _ => found.push(key.to_owned()),
    }
}
