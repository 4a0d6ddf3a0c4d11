//! What is wrong with a configuration, and where.

use std::fmt;
use std::path::Path;

use super::node::Origin;
use super::redact::hide_in_text;

/// A configuration that cannot be used. It displays as `FILE:LINE: KEY: what is wrong; what would be right`, with
/// `command line` or `built-in default` in the place of the file where that is where the value was set. It holds no
/// secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError {
    origin: Origin,
    key: String,
    problem: String,
}

impl ConfigError {
    pub(super) fn new(origin: Origin, key: &str, problem: &str) -> Self {
        Self {
            origin,
            key: key.to_owned(),
            problem: hide_in_text(problem),
        }
    }

    /// A fault of a file as a whole.
    pub(super) fn of_file(path: &Path, problem: &str) -> Self {
        Self::new(Origin::whole_file(path), "", problem)
    }

    /// Where the faulty value was set.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The dotted key; empty where the file as a whole is faulty.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What is wrong, without place and key.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.origin)?;
        if !self.key.is_empty() {
            write!(formatter, "{}: ", self.key)?;
        }
        formatter.write_str(&self.problem)
    }
}
