//! `bus`, `consul`, `service_discovery`, `log` and `metrics`: what makes dird a member of a platform that people operate.

use std::net::IpAddr;
use std::time::Duration;

use kit::config::{ConfigError, Loaded};
use kit::http_client::Verify;
use kit::secret::Secret;
use serde::Deserialize;

use super::Config;

/// `bus`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct Bus {
    /// Whether events are received and published.
    pub enabled: bool,
    /// dird's name at the broker.
    pub username: String,
    /// dird's password at the broker.
    pub password: Secret,
    /// Host of the broker.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its virtual host.
    pub vhost: String,
    /// Exchange of the platform's events.
    pub exchange_name: String,
    /// Type of the exchange.
    pub exchange_type: String,
}

/// `consul`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct Consul {
    /// `http` or `https`.
    pub scheme: String,
    /// Host of the agent.
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// What proves who dird is.
    pub token: Option<Secret>,
    /// Whether, or by which CA file, its certificate is verified.
    pub verify: Verify,
}

/// `service_discovery`.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct ServiceDiscovery {
    /// Whether dird registers in Consul.
    pub enabled: bool,
    /// Address to register; `auto` for that of an interface.
    pub advertise_address: String,
    /// The interface that `auto` prefers.
    pub advertise_address_interface: String,
    /// Port to register.
    pub advertise_port: u16,
    /// Seconds without a sign of life after which dird counts as failed.
    pub ttl_interval: f64,
    /// Seconds between signs of life.
    pub refresh_interval: f64,
    /// Seconds between attempts.
    pub retry_interval: f64,
    /// Further words that clients choose by.
    pub extra_tags: Vec<String>,
}

/// `log`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct Log {
    /// Whether a line is a JSON object.
    pub json: bool,
    /// Whether lines of requests leave out what people search for.
    pub privacy: bool,
}

/// `metrics`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(test, serde(deny_unknown_fields))]
pub struct Metrics {
    /// Address to listen on.
    pub listen: IpAddr,
    /// Port to listen on; none to have no listener.
    pub port: Option<u16>,
}

/// What types cannot say about these keys.
pub(super) fn check(loaded: &Loaded<Config>) -> Result<(), ConfigError> {
    let config = &loaded.config;
    if config.enabled_plugins.service("service_discovery") {
        let problem = "finding remote services through Consul is not supported; create their sources over REST, \
                       and set this to false";
        return Err(loaded.fault("enabled_plugins.services.service_discovery", problem));
    }
    let settings = &config.service_discovery;
    if !settings.enabled {
        return Ok(());
    }
    for (key, seconds) in [
        ("ttl_interval", settings.ttl_interval),
        ("refresh_interval", settings.refresh_interval),
        ("retry_interval", settings.retry_interval),
    ] {
        if seconds <= 0.0 || Duration::try_from_secs_f64(seconds).is_err() {
            let problem = format!("{seconds} is no interval; a number of seconds above 0 is");
            return Err(loaded.fault(&format!("service_discovery.{key}"), problem));
        }
    }
    if config.consul.host.as_deref().is_none_or(str::is_empty) {
        let problem = "service_discovery is enabled; the host of the Consul agent is needed";
        return Err(loaded.fault("consul.host", problem));
    }
    if !matches!(config.consul.scheme.as_str(), "http" | "https") {
        let problem = format!(
            "\"{}\" is no scheme; http or https is",
            config.consul.scheme
        );
        return Err(loaded.fault("consul.scheme", problem));
    }
    if config.platform().is_none() {
        let problem = "service_discovery is enabled; the identity of the platform is needed, here or as XIVO_UUID";
        return Err(loaded.fault("uuid", problem));
    }
    Ok(())
}
