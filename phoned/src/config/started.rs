//! What of a configuration only a start can change: addresses that are listened at or connected to, and what was opened with them.
//! A reload leaves it as it is, so that what phoned shows and checks is what it uses (phoned.md §16.3).

use std::sync::Arc;

use serde_json::Value;

use super::{Config, difference::add_differing};

/// The keys, dotted; a map stands for all of its own.
const KEYS: [&str; 25] = [
    "user",
    "watch",
    "log_filename",
    "log.json",
    "bus",
    "metrics",
    "dird",
    "confd",
    "amid",
    "auth.host",
    "auth.port",
    "auth.https",
    "auth.prefix",
    "auth.timeout",
    "auth.verify_certificate",
    "auth.key_file",
    "cache.follow_changes",
    "rest_api.http",
    "rest_api.https",
    "rest_api.header_timeout",
    "rest_api.keepalive_timeout",
    "rest_api.max_requests_per_connection",
    "rest_api.max_connections",
    "rest_api.max_connections_per_address",
    "rest_api.max_threads",
];

impl Config {
    /// Takes from `running` what only a start can change; the dotted keys that say something else here, in no order.
    pub fn keep_started(&mut self, running: &Self) -> Vec<String> {
        let mut waiting = Vec::new();
        // Both passwords are hidden in what is shown.
        if self.bus.password.expose() != running.bus.password.expose() {
            waiting.push("bus.password".to_owned());
        }
        self.take(running);
        let mut shown = (*self.shown).clone();
        for key in KEYS {
            let was = at(&running.shown, key);
            add_differing(key, was, at(&shown, key), &mut waiting);
            put(&mut shown, key, was);
        }
        self.shown = Arc::new(shown);
        waiting
    }

    fn take(&mut self, running: &Self) {
        self.user.clone_from(&running.user);
        self.watch = running.watch;
        self.log_filename.clone_from(&running.log_filename);
        self.log.json = running.log.json;
        self.bus = running.bus.clone();
        self.metrics = running.metrics;
        self.dird = running.dird.clone();
        self.confd = running.confd.clone();
        self.amid = running.amid.clone();
        self.auth.upstream = running.auth.upstream.clone();
        self.auth.key_file.clone_from(&running.auth.key_file);
        self.cache.follow_changes = running.cache.follow_changes;
        let (rest_api, running) = (&mut self.rest_api, &running.rest_api);
        rest_api.http = running.http.clone();
        rest_api.https = running.https.clone();
        rest_api.header_timeout = running.header_timeout;
        rest_api.keepalive_timeout = running.keepalive_timeout;
        rest_api.max_requests_per_connection = running.max_requests_per_connection;
        rest_api.max_connections = running.max_connections;
        rest_api.max_connections_per_address = running.max_connections_per_address;
        rest_api.max_threads = running.max_threads;
    }
}

fn pointer(key: &str) -> String {
    format!("/{}", key.replace('.', "/"))
}

fn at<'a>(shown: &'a Value, key: &str) -> Option<&'a Value> {
    shown.pointer(&pointer(key))
}

/// Lets `key` be `value` where the map around it exists.
fn put(shown: &mut Value, key: &str, value: Option<&Value>) {
    let pointer = pointer(key);
    // Every pointer begins with a slash.
    let (around, name) = pointer.rsplit_once('/').unwrap_or_default();
    let Some(Value::Object(around)) = shown.pointer_mut(around) else {
        return;
    };
    match value {
        Some(value) => drop(around.insert(name.to_owned(), value.clone())),
        None => drop(around.remove(name)),
    }
}
