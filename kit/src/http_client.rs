//! Clients of the services behind us: one [`reqwest::Client`] per upstream, so that pools, roots of trust and deadlines do not
//! mix. Redirects and proxies are off: a service token must never follow either. See phoned.md §7.4 and §17.2 for the keys.

use std::{fmt, path::PathBuf, time::Duration};

use reqwest::{Certificate, Client, ClientBuilder, Response, redirect};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use thiserror::Error;

/// Longest time to wait for a connection, whatever the upstream's own deadline.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Longest answer read from an upstream, in bytes: more is an error, never memory.
pub const LARGEST_ANSWER: usize = 32 * 1024 * 1024;

/// Where a service is and how to speak to it, as the configuration has it (`auth`, `dird`, `confd`, `amid`).
#[derive(Debug, Clone, Deserialize)]
pub struct Upstream {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether to use TLS.
    #[serde(default)]
    pub https: bool,
    /// Path in front of the version; `None` means none. A missing leading slash is added.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Longest duration of one call, in seconds (fractions allowed).
    #[serde(default = "ten_seconds", deserialize_with = "seconds")]
    pub timeout: Duration,
    /// How to judge the server's certificate.
    #[serde(default)]
    pub verify_certificate: Verify,
}

/// The three values of `verify_certificate`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Verify {
    /// `true`: by the system's roots; `false`: not at all.
    Switch(bool),
    /// By the authority in this PEM file only.
    Authority(PathBuf),
}

impl Default for Verify {
    fn default() -> Self {
        Self::Switch(true)
    }
}

/// Why no client could be built.
#[derive(Debug, Error)]
pub enum ClientError {
    /// The authority file is missing or no PEM.
    #[error("verify_certificate: {path}: {reason}")]
    Authority {
        /// The configured file.
        path: String,
        /// What the system or the parser said.
        reason: String,
    },
    /// The TLS set-up was refused.
    #[error("cannot build an HTTP client: {0}")]
    Build(#[from] reqwest::Error),
}

/// Why a call brought no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// No connection, a broken one, or no answer in time.
    #[error("no answer")]
    Unreachable,
    /// An answer that is too long or does not have the agreed form.
    #[error("unreadable answer")]
    Malformed,
}

impl From<reqwest::Error> for CallError {
    fn from(error: reqwest::Error) -> Self {
        if error.is_decode() {
            Self::Malformed
        } else {
            Self::Unreachable
        }
    }
}

impl Upstream {
    /// `{scheme}://{host}:{port}{prefix}/{version}` without a slash at the end (phoned.md §17.2).
    pub fn base_url(&self, version: &str) -> String {
        let scheme = if self.https { "https" } else { "http" };
        let prefix = self.prefix.as_deref().unwrap_or("").trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let host = bracketed(&self.host);
        format!("{scheme}://{host}:{}{slash}{prefix}/{version}", self.port)
    }

    /// A client for this upstream with its own pool and deadlines; `agent` is its `User-Agent`.
    pub fn client(&self, agent: &str) -> Result<Client, ClientError> {
        // The first one wins; an installed provider is all that is needed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .user_agent(agent)
            .connect_timeout(CONNECT_TIMEOUT.min(self.timeout))
            .timeout(self.timeout)
            .pool_max_idle_per_host(32)
            .pool_idle_timeout(Duration::from_secs(20))
            .tcp_nodelay(true)
            .redirect(redirect::Policy::none())
            .no_proxy();
        Ok(self.trust(builder)?.build()?)
    }

    fn trust(&self, builder: ClientBuilder) -> Result<ClientBuilder, ClientError> {
        if !self.https {
            // Nothing is verified on a plain connection; without roots the system's store need not be read.
            return Ok(builder.tls_certs_only([]));
        }
        match &self.verify_certificate {
            Verify::Switch(true) => Ok(builder),
            Verify::Switch(false) => {
                tracing::warn!(host = %self.host, "the certificate of this service is not verified");
                Ok(builder.tls_danger_accept_invalid_certs(true))
            }
            Verify::Authority(path) => Ok(builder.tls_certs_only(authorities(path)?)),
        }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", bracketed(&self.host), self.port)
    }
}

/// The host as URLs want it: IPv6 addresses in brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

fn authorities(path: &PathBuf) -> Result<Vec<Certificate>, ClientError> {
    let failed = |reason: String| ClientError::Authority {
        path: path.display().to_string(),
        reason,
    };
    let pem = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
    Certificate::from_pem_bundle(&pem).map_err(|error| failed(error.to_string()))
}

/// Reads a JSON body of at most [`LARGEST_ANSWER`] bytes.
pub async fn json<T: DeserializeOwned>(response: Response) -> Result<T, CallError> {
    serde_json::from_slice(&body(response).await?).map_err(|_| CallError::Malformed)
}

/// Reads a body of at most [`LARGEST_ANSWER`] bytes.
pub async fn body(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(CallError::Malformed);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn ten_seconds() -> Duration {
    Duration::from_secs(10)
}

/// Reads a duration given in seconds; zero, negative and endless ones are refused.
pub fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let value = f64::deserialize(deserializer)?;
    match Duration::try_from_secs_f64(value) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err(serde::de::Error::custom(format!(
            "{value} is no duration in seconds; a number above 0 is"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn upstream(value: serde_json::Value) -> Upstream {
        serde_json::from_value(value).expect("settings")
    }

    #[test]
    fn the_base_url_has_scheme_host_port_prefix_and_version() {
        for (settings, expected) in [
            (
                json!({"host": "localhost", "port": 9489}),
                "http://localhost:9489/0.1",
            ),
            (
                json!({"host": "h", "port": 80, "prefix": "/api/auth"}),
                "http://h:80/api/auth/0.1",
            ),
            (
                json!({"host": "h", "port": 80, "prefix": "api/auth/"}),
                "http://h:80/api/auth/0.1",
            ),
            (
                json!({"host": "h", "port": 443, "prefix": null, "https": true}),
                "https://h:443/0.1",
            ),
            (json!({"host": "::1", "port": 1}), "http://[::1]:1/0.1"),
        ] {
            assert_eq!(upstream(settings).base_url("0.1"), expected);
        }
    }

    #[test]
    fn the_three_values_of_verify_certificate_are_told_apart() {
        let of = |value: serde_json::Value| {
            upstream(json!({"host": "h", "port": 1, "verify_certificate": value}))
                .verify_certificate
        };
        assert_eq!(of(json!(true)), Verify::Switch(true));
        assert_eq!(of(json!(false)), Verify::Switch(false));
        assert_eq!(
            of(json!("/etc/ca.pem")),
            Verify::Authority("/etc/ca.pem".into())
        );
    }

    #[test]
    fn a_missing_authority_file_is_named() {
        let settings =
            json!({"host": "h", "port": 1, "https": true, "verify_certificate": "/no/such.pem"});
        let error = upstream(settings).client("test").expect_err("no file");
        assert!(error.to_string().contains("/no/such.pem"), "{error}");
    }

    #[test]
    fn a_timeout_must_be_above_zero() {
        for bad in [json!(0), json!(-1), json!("soon")] {
            let settings = json!({"host": "h", "port": 1, "timeout": bad});
            assert!(serde_json::from_value::<Upstream>(settings).is_err());
        }
        assert_eq!(
            upstream(json!({"host": "h", "port": 1, "timeout": 1.5})).timeout,
            Duration::from_millis(1500)
        );
    }
}
