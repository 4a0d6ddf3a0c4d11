//! The configuration (dird-platform.md §2): `config/dird.yml` is its manual and its defaults, this is its shape.

mod intercom;
mod platform;

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use kit::config::{BrokenExtra, ConfigError, Layering, Loaded, MissingKeyFile};
use kit::http_client::Verify;
use kit::observe::Level;
use kit::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use crate::api::cors::Cors;
use crate::api::enabled::Enabled;
use crate::identity::TenantId;

pub use intercom::{
    Account, AccountSecret, DigestAlgorithm, Intercom, IntercomAuth, IntercomLimits, Privilege,
    Shown, Transport,
};
pub use platform::{Bus, Consul, Log, Metrics, ServiceDiscovery};

/// Longest time that a revoked token may go on being accepted, in seconds.
const LONGEST_CACHE: f64 = 3600.0;

/// Every key with its default.
pub const DEFAULTS: &str = include_str!("../../config/dird.yml");

/// Everything that can be configured.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct Config {
    /// The main file.
    pub config_file: PathBuf,
    /// Folder of further files.
    pub extra_config_files: PathBuf,
    /// Address of the database; it may hold a password.
    pub db_uri: Secret,
    /// Debug logs whatever the level.
    pub debug: bool,
    /// Name of the log level.
    pub log_level: String,
    /// Log file; empty for none.
    pub log_filename: Option<PathBuf>,
    /// System user to become.
    pub user: Option<String>,
    /// Identity of the platform.
    pub uuid: Option<String>,
    /// The authority.
    pub auth: Auth,
    /// The REST listener.
    pub rest_api: RestApi,
    /// What the log says.
    pub log: Log,
    /// The operators' listener.
    pub metrics: Metrics,
    /// Lookups.
    pub lookup: LookupSettings,
    /// Contacts in memory.
    pub index: IndexSettings,
    /// The directory functions of an intercom.
    pub intercom: Intercom,
    /// Kept and shown, without effect on this version.
    pub confd: Value,
    /// How many lookups are answered at once.
    pub lookup_service: Workers,
    /// How many reverse lookups are answered at once.
    pub reverse_service: Workers,
    /// How many lists of favourites are answered at once.
    pub favorites_service: Workers,
    /// The message bus.
    pub bus: Bus,
    /// The agent of the registry of services.
    pub consul: Consul,
    /// dird's place in that registry.
    pub service_discovery: ServiceDiscovery,
    /// Kept and shown, without effect on this version.
    pub services: Value,
    /// Parts that may be switched off.
    pub enabled_plugins: Enabled,
}

impl Config {
    /// Names in `enabled_plugins` of parts that dird does not have, as keys; to be told, not refused.
    pub fn strangers(&self) -> Vec<String> {
        #[derive(Deserialize)]
        struct Parts {
            enabled_plugins: Enabled,
        }
        // The defaults name every part. They are compiled in and read at every start, so they are known to be readable.
        let known = serde_saphyr::from_str::<Parts>(DEFAULTS).map(|known| known.enabled_plugins);
        known.map_or_else(|_| Vec::new(), |known| self.enabled_plugins.beside(&known))
    }
}

/// Kinds of authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthBackend {
    /// dird's own tenants, users and keys.
    Builtin,
    /// An auth service of the platform.
    Wazo,
}

/// `auth`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct Auth {
    /// Kind of authority.
    pub backend: AuthBackend,
    /// Where the built-in authority listens.
    pub listen: IpAddr,
    /// Host of the auth service.
    pub host: String,
    /// Port of the auth service, or of the built-in authority.
    pub port: u16,
    /// Path before the version.
    pub prefix: Option<String>,
    /// Whether the auth service speaks TLS.
    pub https: bool,
    /// Version in paths.
    pub version: String,
    /// Seconds for an answer.
    pub timeout: f64,
    /// Whether, or by which CA file, its certificate is verified.
    pub verify_certificate: Verify,
    /// File with dird's own credentials.
    pub key_file: PathBuf,
    /// dird's own name at the auth service.
    pub username: Option<String>,
    /// dird's own secret at the auth service.
    pub password: Option<Secret>,
    /// The master tenant, if it is not to be learnt.
    pub master_tenant_uuid: Option<String>,
    /// Seconds that a good answer is used again.
    pub cache_ttl: f64,
}

/// `lookup_service`, `reverse_service` or `favorites_service`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Workers {
    /// So many at once; none: as many as `rest_api.max_threads`.
    pub executor_workers: Option<u32>,
}

/// `rest_api`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct RestApi {
    /// Address to listen on.
    pub listen: IpAddr,
    /// Port to listen on.
    pub port: u16,
    /// PEM file with the certificate chain.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key.
    pub private_key: Option<PathBuf>,
    /// Cross-origin rules.
    pub cors: Cors,
    /// Whether content negotiation is strict.
    pub strict_conventions: bool,
    /// Kept for existing files.
    pub min_threads: u32,
    /// Requests served at once.
    pub max_threads: u32,
    /// Seconds for the head of a request.
    pub header_timeout: f64,
    /// Seconds for more of a body.
    pub body_timeout: f64,
    /// Seconds between two requests.
    pub keepalive_timeout: f64,
    /// Connections at once.
    pub max_connections: usize,
}

/// `lookup`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct LookupSettings {
    /// Seconds for a profile without a limit of its own.
    pub default_timeout: Option<f64>,
}

/// `index`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct IndexSettings {
    /// Bytes of memory.
    pub max_bytes: u64,
}

impl Config {
    /// Identity of the platform: configured, else from the environment.
    pub fn platform(&self) -> Option<String> {
        let given = || std::env::var("XIVO_UUID").ok();
        self.uuid
            .clone()
            .or_else(given)
            .filter(|uuid| !uuid.is_empty())
    }
}

/// Reads the configuration. `flags` is what the command line set.
pub fn load(main: &Path, flags: Value, allow_exec: bool) -> Result<Loaded<Config>, ConfigError> {
    let loaded: Loaded<Config> = kit::config::load(&Layering {
        defaults: DEFAULTS,
        main,
        broken_extra: BrokenExtra::Skip,
        missing_key_file: MissingKeyFile::Note,
        flags,
        allow_exec,
        open_keys: &["enabled_plugins", "services", "rest_api.cors"],
    })?;
    check(&loaded)?;
    Ok(loaded)
}

/// What types cannot say.
fn check(loaded: &Loaded<Config>) -> Result<(), ConfigError> {
    let config = &loaded.config;
    if let Err(problem) = config.log_level.parse::<Level>() {
        return Err(loaded.fault("log_level", problem));
    }
    let seconds = [
        ("auth.cache_ttl", config.auth.cache_ttl),
        ("auth.timeout", config.auth.timeout),
        ("rest_api.header_timeout", config.rest_api.header_timeout),
        ("rest_api.body_timeout", config.rest_api.body_timeout),
        (
            "rest_api.keepalive_timeout",
            config.rest_api.keepalive_timeout,
        ),
        (
            "lookup.default_timeout",
            config.lookup.default_timeout.unwrap_or(0.0),
        ),
    ];
    for (key, value) in seconds {
        if std::time::Duration::try_from_secs_f64(value).is_err() {
            return Err(loaded.fault(
                key,
                format!("{value} is no time; a number of seconds from 0 up is"),
            ));
        }
    }
    check_auth(loaded)?;
    intercom::check(loaded)?;
    platform::check(loaded)?;
    let turns = [
        ("rest_api.max_threads", Some(config.rest_api.max_threads)),
        (
            "lookup_service.executor_workers",
            config.lookup_service.executor_workers,
        ),
        (
            "reverse_service.executor_workers",
            config.reverse_service.executor_workers,
        ),
        (
            "favorites_service.executor_workers",
            config.favorites_service.executor_workers,
        ),
    ];
    let nobody = turns.iter().find(|(_, turns)| *turns == Some(0));
    if let Some((key, _)) = nobody {
        return Err(loaded.fault(key, "0 serves nobody; 1 or more is right"));
    }
    Ok(())
}

/// The authority's own rules.
fn check_auth(loaded: &Loaded<Config>) -> Result<(), ConfigError> {
    let auth = &loaded.config.auth;
    if auth.timeout <= 0.0 {
        let problem = "0 leaves no time for an answer; a number above 0 is right";
        return Err(loaded.fault("auth.timeout", problem));
    }
    if auth.cache_ttl > LONGEST_CACHE {
        let problem = format!(
            "{} is too long; at most {LONGEST_CACHE} seconds is right",
            auth.cache_ttl
        );
        return Err(loaded.fault("auth.cache_ttl", problem));
    }
    match auth.master_tenant_uuid.as_deref() {
        Some(text) if TenantId::new(text).is_none() => Err(loaded.fault(
            "auth.master_tenant_uuid",
            format!("\"{text}\" is no tenant; an identifier of 1 to 36 characters is"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_and_the_structure_agree_both_ways() {
        let absent = Path::new("/nonexistent/dird.yml");
        let loaded = load(absent, Value::Null, false).unwrap();
        assert_eq!(loaded.config.rest_api.port, 9489);
        assert_eq!(loaded.config.auth.backend, AuthBackend::Wazo);
        assert_eq!(loaded.config.user.as_deref(), Some("www-data"));
        assert_eq!(loaded.config.strangers(), [""; 0]);
    }

    #[test]
    fn parts_that_dird_does_not_have_are_named_by_their_keys() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("dird.yml");
        let parts = "{backends: {cvs: false, csv: true}, services: {reverse: true, x: true}, views: {y_view: false}}";
        std::fs::write(&file, format!("enabled_plugins: {parts}\n")).unwrap();
        let loaded = load(&file, Value::Null, false).unwrap();
        let named = ["backends.cvs", "services.x", "views.y_view"];
        let named = named.map(|name| format!("enabled_plugins.{name}"));
        assert_eq!(loaded.config.strangers(), named);
    }
}
