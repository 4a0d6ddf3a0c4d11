//! The names and numbers of log levels as configuration and the command line know them, and what each lets through.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// Libraries whose everyday events are of no use to who runs the daemon. A name covers all targets it begins.
const DEPENDENCIES: [&str; 15] = [
    "async_graphql",
    "axum",
    "h2",
    "hyper",
    "lapin",
    "ldap3",
    "mio",
    "moka",
    "reqwest",
    "rustls",
    "serde_saphyr",
    "sqlx",
    "tokio",
    "tower",
    "want",
];

/// The least severe event that is logged (`log_level`, option `--log-level`; dird-platform.md §1, phoned.md §16.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum Level {
    /// Only what ends the daemon. Errors still pass: the two are one severity here.
    Critical,
    /// What failed.
    Error,
    /// What is wrong but was worked around.
    Warning,
    /// One line per request, and the daemon's own milestones.
    #[default]
    Info,
    /// Everything, that of libraries included.
    Debug,
}

/// A level name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown log level {0:?}; use one of critical, error, warning, info, debug")]
pub struct UnknownLevel(String);

impl Level {
    const ALL: [Self; 5] = [
        Self::Critical,
        Self::Error,
        Self::Warning,
        Self::Info,
        Self::Debug,
    ];

    /// The name in lower case, as configuration files have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }

    /// The number that clients of dird's `/config` see (dird-api-config.md).
    pub fn number(self) -> u8 {
        match self {
            Self::Critical => 50,
            Self::Error => 40,
            Self::Warning => 30,
            Self::Info => 20,
            Self::Debug => 10,
        }
    }

    fn threshold(self) -> LevelFilter {
        match self {
            Self::Critical | Self::Error => LevelFilter::ERROR,
            Self::Warning => LevelFilter::WARN,
            Self::Info => LevelFilter::INFO,
            Self::Debug => LevelFilter::DEBUG,
        }
    }

    /// What passes at this level. Libraries stay at warnings, unless the whole daemon is at debug.
    pub(super) fn filter(self) -> Targets {
        let threshold = self.threshold();
        let filter = Targets::new().with_default(threshold);
        if self == Self::Debug {
            return filter;
        }
        let quiet = threshold.min(LevelFilter::WARN);
        filter.with_targets(DEPENDENCIES.map(|target| (target, quiet)))
    }
}

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        Self::ALL
            .into_iter()
            .find(|level| text.eq_ignore_ascii_case(level.name()))
            .ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

impl TryFrom<String> for Level {
    type Error = UnknownLevel;

    fn try_from(text: String) -> Result<Self, UnknownLevel> {
        text.parse()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level as Severity;

    use super::Level;

    #[test]
    fn a_level_is_read_in_any_case_and_has_its_number() {
        for (text, level, number) in [
            ("critical", Level::Critical, 50),
            ("ERROR", Level::Error, 40),
            ("Warning", Level::Warning, 30),
            ("info", Level::Info, 20),
            ("dEBUG", Level::Debug, 10),
        ] {
            assert_eq!(text.parse(), Ok(level));
            assert_eq!(level.number(), number);
            assert_eq!(level.to_string(), text.to_lowercase());
            let from_configuration: Level =
                serde_json::from_value(text.into()).expect("a level name");
            assert_eq!(from_configuration, level);
        }
    }

    #[test]
    fn an_unknown_level_is_answered_with_the_names() {
        let error = "warn".parse::<Level>().expect_err("no such level");
        assert_eq!(
            error.to_string(),
            r#"unknown log level "warn"; use one of critical, error, warning, info, debug"#
        );
    }

    #[test]
    fn libraries_stay_at_warnings_unless_the_daemon_is_at_debug() {
        let info = Level::Info.filter();
        assert!(info.would_enable("dird::api", &Severity::INFO));
        assert!(!info.would_enable("dird::api", &Severity::DEBUG));
        assert!(info.would_enable("hyper_util::client", &Severity::WARN));
        assert!(!info.would_enable("hyper_util::client", &Severity::INFO));
        assert!(
            Level::Debug
                .filter()
                .would_enable("hyper_util::client", &Severity::DEBUG)
        );
    }

    #[test]
    fn a_level_above_warning_silences_the_warnings_of_libraries_too() {
        let error = Level::Error.filter();
        assert!(!error.would_enable("sqlx::query", &Severity::WARN));
        assert!(error.would_enable("sqlx::query", &Severity::ERROR));
    }
}
