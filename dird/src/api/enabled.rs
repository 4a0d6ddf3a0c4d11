//! What `enabled_plugins` leaves of dird (dird-platform.md §2.2).

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::backends;

/// `enabled_plugins`: names of parts and whether they are on. What is not named is on.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Enabled {
    backends: BTreeMap<String, bool>,
    #[serde(default)]
    services: BTreeMap<String, bool>,
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

    /// True if the service is switched on by name.
    pub fn service(&self, name: &str) -> bool {
        self.services.get(name).copied().unwrap_or(false)
    }

    /// Names that `known` does not have, as keys.
    pub fn beside(&self, known: &Self) -> Vec<String> {
        let groups = [
            ("backends", &self.backends, &known.backends),
            ("services", &self.services, &known.services),
            ("views", &self.views, &known.views),
        ];
        let strange = groups.into_iter().flat_map(|(group, own, known)| {
            let names = own.keys().filter(|name| !known.contains_key(*name));
            names.map(move |name| format!("enabled_plugins.{group}.{name}"))
        });
        strange.collect()
    }
}

fn on(parts: &BTreeMap<String, bool>, name: &str) -> bool {
    parts.get(name).copied().unwrap_or(true)
}
