//! What `enabled_plugins` leaves of dird (dird-platform.md §2.2).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::backends;

/// `enabled_plugins`: names of parts and whether they are on. What is not named is on.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Enabled {
    backends: BTreeMap<String, bool>,
    views: BTreeMap<String, bool>,
}

impl Enabled {
    /// The backends that are on, by name.
    pub fn backends(&self) -> Vec<&'static str> {
        let names = backends::kinds()
            .into_iter()
            .map(backends::SourceKind::name);
        names.filter(|name| on(&self.backends, name)).collect()
    }

    /// True if sources of the backend are asked.
    pub fn backend(&self, name: &str) -> bool {
        on(&self.backends, name)
    }

    /// True if the routes of the view exist.
    pub fn view(&self, name: &str) -> bool {
        on(&self.views, name)
    }

    /// Names that are no part of dird; to be told, not refused.
    pub fn strangers(&self) -> Vec<String> {
        let known = |name: &str| backends::kind(name).is_some();
        let strange = self.backends.keys().filter(|name| !known(name));
        strange
            .map(|name| format!("enabled_plugins.backends.{name}"))
            .collect()
    }
}

fn on(parts: &BTreeMap<String, bool>, name: &str) -> bool {
    parts.get(name).copied().unwrap_or(true)
}
