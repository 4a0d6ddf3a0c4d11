//! A service of the platform as a source names it in `auth` or `confd` (dird-backends.md §1.6).

use std::path::PathBuf;
use std::time::Duration;

use kit::secret::Secret;
use serde::Deserialize;
use serde_json::Number;

use super::Trust;

/// Seconds for an answer of a service whose source names none.
const PATIENCE: f64 = 10.0;

/// Address of a service, and for `auth` the credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(default)]
pub(in crate::backends) struct Service {
    /// Name or address.
    pub(in crate::backends) host: String,
    /// Port.
    pub(in crate::backends) port: u16,
    /// Whether it speaks TLS.
    pub(in crate::backends) https: bool,
    /// Path before the version.
    pub(in crate::backends) prefix: Option<String>,
    /// Version in paths.
    pub(in crate::backends) version: Option<String>,
    /// Seconds for an answer.
    pub(in crate::backends) timeout: Option<Number>,
    /// Whom to trust.
    pub(in crate::backends) verify_certificate: Trust,
    /// File with the credentials.
    pub(in crate::backends) key_file: Option<PathBuf>,
    /// Name to log in with.
    pub(in crate::backends) username: Option<String>,
    /// Password to log in with.
    pub(in crate::backends) password: Option<Secret>,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            host: "localhost".into(),
            port: 443,
            https: true,
            prefix: None,
            version: None,
            timeout: None,
            verify_certificate: Trust::default(),
            key_file: None,
            username: None,
            password: None,
        }
    }
}

impl Service {
    /// `{scheme}://{host}:{port}{prefix}/{version}`, with the version given here unless the source names one.
    pub(in crate::backends) fn base(&self, version: &str) -> String {
        let scheme = if self.https { "https" } else { "http" };
        let host = match self.host.as_str() {
            host if host.contains(':') && !host.starts_with('[') => format!("[{host}]"),
            host => host.to_owned(),
        };
        let prefix = self.prefix.as_deref().unwrap_or_default().trim_matches('/');
        let slash = if prefix.is_empty() { "" } else { "/" };
        let version = self.version.as_deref().unwrap_or(version);
        format!("{scheme}://{host}:{}{slash}{prefix}/{version}", self.port)
    }

    /// Longest time for a whole answer. Zero is no time to answer in and means the default.
    pub(in crate::backends) fn deadline(&self) -> Duration {
        let seconds = self.timeout.as_ref().and_then(Number::as_f64);
        deadline(seconds.unwrap_or(PATIENCE), PATIENCE)
    }

    /// Seconds for an answer, as the source has them.
    pub(in crate::backends) fn shown_timeout(&self) -> Number {
        self.timeout.clone().unwrap_or_else(|| Number::from(10))
    }
}

/// The longest time that an answer is waited for, whatever is configured: no clock adds up every number that can be written.
const LONGEST: Duration = Duration::from_hours(1);

/// `seconds` as a duration that somebody can wait; `otherwise` seconds if that is no time at all.
pub(in crate::backends) fn deadline(seconds: f64, otherwise: f64) -> Duration {
    if seconds > LONGEST.as_secs_f64() {
        return LONGEST;
    }
    let read = |seconds| Duration::try_from_secs_f64(seconds).ok();
    let given = read(seconds).filter(|time| !time.is_zero());
    given
        .or_else(|| read(otherwise))
        .unwrap_or(Duration::from_secs(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_a_time_that_somebody_can_wait() {
        let otherwise = Duration::from_secs(10);
        let cases = [
            (0.5, Duration::from_millis(500)),
            (1e300, LONGEST),
            (0.0, otherwise),
            (-1.0, otherwise),
            (f64::NAN, otherwise),
        ];
        for (seconds, expected) in cases {
            assert_eq!(deadline(seconds, 10.0), expected, "{seconds}");
        }
    }
}
