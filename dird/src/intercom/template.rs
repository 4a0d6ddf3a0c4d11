//! `template` (intercom-directory.md §5.1): the fields of an entry with their defaults.

use serde_json::{Map, Value, json};

use super::Intercom;
use super::gate::Granted;
use super::get::Showing;

/// The template as one entry.
pub(super) fn template(intercom: &Intercom, granted: &Granted) -> Value {
    let mut entry = Map::new();
    entry.insert("uuid".into(), "".into());
    entry.extend(Showing::template(intercom));
    entry.insert("timestamp".into(), 0.into());
    json!({"series": granted.directory.series, "users": [entry]})
}
