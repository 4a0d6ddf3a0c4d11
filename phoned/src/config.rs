//! The configuration as Rust sees it; config/phoned.yml, compiled in as the default, explains each key (phoned.md §17.2).

mod browsers;
mod difference;
mod network;
mod started;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kit::{
    config::{BrokenExtra, ConfigError, Layering, Loaded, MissingKeyFile, Origins},
    http_client::{Upstream, seconds},
    observe::Level,
    secret::Secret,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    directory::page::Collation,
    gate::{
        Gate, entry::Entry, forwarded::ForwardedHeader, guesses::Limits, signature::SignedLinks,
    },
    lang::Branding,
    vendor::registry::VendorSettings,
};

pub use browsers::Cors;
pub use network::{Dird, Listen, Listener, Metrics, ProxyProtocol, TlsListener};

/// The commented defaults.
pub const DEFAULTS: &str = include_str!("../../config/phoned.yml");

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
pub struct Config {
    /// The main file that was read.
    pub config_file: PathBuf,
    /// Folder of further files.
    pub extra_config_files: PathBuf,
    /// Whether the configuration is read again when its files change.
    pub watch: bool,
    /// Log everything.
    pub debug: bool,
    /// Least level that is logged.
    pub log_level: String,
    /// Log file.
    pub log_filename: PathBuf,
    /// Whom to become once the ports are open.
    pub user: Option<String>,
    /// Folder of the phone pages; `None` = compiled in.
    pub templates_dir: Option<PathBuf>,
    /// Listeners and who may use them.
    pub rest_api: RestApi,
    /// The auth service.
    pub auth: Auth,
    /// The directory server.
    pub dird: Dird,
    /// The operators' listener.
    pub metrics: Metrics,
    /// The telephony service.
    pub amid: Upstream,
    /// The configuration service.
    pub confd: Upstream,
    /// The message bus.
    pub bus: Bus,
    /// What the log says.
    pub log: Log,
    /// Makes and groups of routes; false removes the routes.
    pub enabled_plugins: BTreeMap<String, bool>,
    /// Searches.
    pub lookup: Lookup,
    /// Users that one phone may try.
    pub limits: Limits,
    /// Telephone numbers.
    pub numbers: Numbers,
    /// What is remembered, and for how long.
    pub cache: Cache,
    /// Errors on phones.
    pub phone_errors: PhoneErrors,
    /// Settings per make.
    pub vendors: BTreeMap<String, VendorSettings>,
    /// Languages.
    pub i18n: I18n,
    /// Titles.
    pub branding: Branding,
    /// All of the above as it was written, with the platform's identity and without secrets.
    #[serde(skip)]
    pub shown: Arc<Value>,
    /// Where each key was set.
    #[serde(skip)]
    pub origins: Arc<Origins>,
}

/// `rest_api`.
#[derive(Debug, Clone, Deserialize)]
pub struct RestApi {
    /// Plain listener.
    pub http: Listener,
    /// TLS listener.
    pub https: TlsListener,
    /// Networks and addresses that may ask.
    pub authorized_subnets: Vec<Entry>,
    /// A file with more of them, one a line.
    pub authorized_subnets_file: Option<PathBuf>,
    /// Networks that are tried and counted, and let nobody in.
    pub authorized_subnets_candidate: Option<Vec<Entry>>,
    /// Proxies whose word about phones is taken.
    pub trusted_proxies: Vec<String>,
    /// Where they write it.
    pub forwarded_header: ForwardedHeader,
    /// Address of links.
    pub public_url: Option<String>,
    /// Names accepted in Host; empty: any.
    pub allowed_hosts: Vec<String>,
    /// Signatures of links.
    pub signed_links: SignedLinks,
    /// Answers to browsers.
    pub cors: Cors,
    /// For the head of a request.
    #[serde(deserialize_with = "seconds")]
    pub header_timeout: Duration,
    /// Between two requests.
    #[serde(deserialize_with = "seconds")]
    pub keepalive_timeout: Duration,
    /// Requests on one connection.
    pub max_requests_per_connection: usize,
    /// Open connections of all listeners for phones.
    pub max_connections: usize,
    /// Those of them from one address; 0: no such limit. Loopback and trusted proxies are exempt.
    pub max_connections_per_address: usize,
    /// Accepted from older files, without effect.
    pub min_threads: usize,
    /// Requests that each listener serves at once.
    pub max_threads: usize,
}

/// `auth`.
#[derive(Debug, Clone, Deserialize)]
pub struct Auth {
    /// Where auth is.
    #[serde(flatten)]
    pub upstream: Upstream,
    /// YAML with our credentials.
    pub key_file: PathBuf,
    /// Whose tokens may use the routes of machines.
    pub master_tenant_uuid: Option<String>,
}

/// `log` (phoned.md §16.5).
#[derive(Debug, Clone, Copy, Deserialize)]
pub struct Log {
    /// Whether a line is a JSON object.
    pub json: bool,
    /// Whether only debug logs have URLs, which say whom people look for.
    pub privacy: bool,
}

/// `bus`.
#[derive(Debug, Clone, Deserialize)]
pub struct Bus {
    /// Whether events are received.
    pub enabled: bool,
    /// Name towards the broker.
    pub username: String,
    /// Password towards the broker.
    pub password: Secret,
    /// Broker.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its virtual host.
    pub vhost: String,
    /// Exchange of events.
    pub subscribe_exchange_name: String,
    /// Its type.
    pub subscribe_exchange_type: String,
}

/// `lookup`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Lookup {
    /// For a whole request of a phone.
    #[serde(deserialize_with = "seconds")]
    pub deadline: Duration,
    /// Order of names.
    pub collation: Collation,
    /// Whether a user must be a UUID.
    pub strict_user_uuid: bool,
    /// Whether makes that browse may leave the search text out.
    pub allow_missing_term: bool,
    /// Least characters of a search text.
    pub min_term_length: usize,
    /// Whether equal lines are shown once.
    pub deduplicate: bool,
    /// Most rows kept of one result.
    pub max_rows: usize,
    /// Searches under way at once.
    pub concurrent: usize,
    /// Searches that wait for a second at most.
    pub queued: usize,
}

/// `numbers`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Numbers {
    /// What replaces the plus of `+33(0)123`.
    pub international_prefix: String,
}

/// `cache` (phoned.md §14).
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Cache {
    /// Bytes of rows and pages together.
    pub max_bytes: u64,
    /// Life of a result.
    #[serde(deserialize_with = "lifetime")]
    pub lookup_ttl: Duration,
    /// Life of an empty result.
    #[serde(deserialize_with = "lifetime")]
    pub empty_ttl: Duration,
    /// Further life while auth or dird fail.
    #[serde(deserialize_with = "lifetime")]
    pub stale_if_error: Duration,
    /// Life of a user's tenant.
    #[serde(deserialize_with = "lifetime")]
    pub user_tenant_ttl: Duration,
    /// Life of the knowledge that a user does not exist.
    #[serde(deserialize_with = "lifetime")]
    pub unknown_user_ttl: Duration,
    /// Life of the knowledge that a profile does not exist.
    #[serde(deserialize_with = "lifetime")]
    pub unknown_profile_ttl: Duration,
    /// Life of a good answer about the token of a program or operator.
    #[serde(deserialize_with = "lifetime")]
    pub token_check_ttl: Duration,
    /// Whether case makes a search another one.
    pub fold_case: bool,
    /// Whether dird is asked to tell what changes.
    pub follow_changes: bool,
}

/// Reads how long something is remembered, in seconds; zero is not at all.
fn lifetime<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let value = f64::deserialize(deserializer)?;
    Duration::try_from_secs_f64(value).map_err(|_| {
        let problem = format!("{value} is no lifetime in seconds; a number from 0 up is");
        serde::de::Error::custom(problem)
    })
}

/// `phone_errors`.
#[derive(Debug, Clone, Deserialize)]
pub struct PhoneErrors {
    /// Who sees what.
    pub mode: ErrorMode,
}

/// How errors are answered on the routes of phones (phoned.md §8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorMode {
    /// Statuses and JSON.
    Json,
    /// A page of the phone.
    Screen,
    /// A page if the request comes from a phone.
    Auto,
}

/// `i18n`.
#[derive(Debug, Clone, Deserialize)]
pub struct I18n {
    /// Language of phones that ask for none that we have.
    pub default_locale: String,
}

/// Reads the configuration (phoned.md §17.1). `flags` is what the command line set. A broken file anywhere, a missing key file and
/// a bad subnet are errors: nothing starts with half of what was configured.
pub fn load(main: &Path, flags: Value, allow_exec: bool) -> Result<Loaded<Config>, ConfigError> {
    let mut loaded: Loaded<Config> = kit::config::load(&Layering {
        defaults: DEFAULTS,
        main,
        broken_extra: BrokenExtra::Fail,
        missing_key_file: MissingKeyFile::Note,
        flags,
        allow_exec,
        open_keys: &["vendors"],
    })?;
    if let Err(problem) = loaded.config.log_level.parse::<Level>() {
        return Err(loaded.fault("log_level", problem));
    }
    let rest_api = &loaded.config.rest_api;
    for (key, bound) in [
        ("rest_api.max_threads", rest_api.max_threads),
        ("rest_api.max_connections", rest_api.max_connections),
    ] {
        if bound == 0 {
            return Err(loaded.fault(key, "0 serves nobody; 1 or more is right"));
        }
    }
    if let Err(fault) = Gate::new(&loaded.config.rest_api) {
        return Err(loaded.fault(&fault.key, &fault.problem));
    }
    let mut shown = loaded.redacted();
    shown["uuid"] = std::env::var("XIVO_UUID").ok().into();
    loaded.config.shown = Arc::new(shown);
    loaded.config.origins = Arc::new(loaded.origins.clone());
    Ok(loaded)
}

impl Config {
    /// Whether the plugin `name` is on; one that is not listed is.
    pub fn enabled(&self, name: &str) -> bool {
        self.enabled_plugins.get(name).copied().unwrap_or(true)
    }

    /// The plugins that are off.
    pub fn disabled(&self) -> Vec<String> {
        let off = self
            .enabled_plugins
            .iter()
            .filter(|(_, enabled)| !**enabled);
        off.map(|(name, _)| name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiled_in_file_fills_the_whole_structure() {
        let config: Config = serde_saphyr::from_str(DEFAULTS).expect("the defaults");
        assert_eq!(config.rest_api.authorized_subnets, ["127.0.0.1/24".into()]);
        assert_eq!(config.numbers.international_prefix, "00");
        assert_eq!(config.lookup.deadline, Duration::from_secs(8));
    }

    #[test]
    fn every_key_of_the_file_is_read_and_every_field_is_in_the_file() {
        // A structure that denies nothing says which keys it ignored through the paths it read; here both sides are compared by
        // removing one key after the other: each removal must be noticed, unless the key is optional.
        let tree: serde_json::Value = serde_saphyr::from_str(DEFAULTS).expect("a tree");
        let mut unnoticed = Vec::new();
        for pointer in leaves(&tree, "") {
            let mut less = tree.clone();
            remove(&mut less, &pointer);
            if serde_json::from_value::<Config>(less).is_ok() {
                unnoticed.push(pointer);
            }
        }
        let optional = |pointer: &str| {
            [
                "/enabled_plugins/",
                "/https",
                "/prefix",
                "/timeout",
                "/verify_certificate",
            ]
            .iter()
            .any(|part| pointer.contains(part))
                || tree.pointer(pointer) == Some(&serde_json::Value::Null)
                || ["/user", "/metrics/port"].contains(&pointer)
        };
        unnoticed.retain(|pointer| !optional(pointer));
        assert_eq!(unnoticed, Vec::<String>::new());
    }

    fn leaves(value: &serde_json::Value, at: &str) -> Vec<String> {
        match value.as_object().filter(|object| !object.is_empty()) {
            Some(object) => object
                .iter()
                .flat_map(|(key, inner)| leaves(inner, &format!("{at}/{key}")))
                .collect(),
            None => vec![at.to_owned()],
        }
    }

    fn remove(tree: &mut serde_json::Value, pointer: &str) {
        let (parent, key) = pointer.rsplit_once('/').expect("a path");
        let parent = tree
            .pointer_mut(parent)
            .and_then(serde_json::Value::as_object_mut);
        parent.expect("a map").remove(key);
    }
}
