//! The one loader of configuration files (dird-platform.md §2, phoned.md §17.1): layers of YAML are merged into a tree that
//! remembers where each key came from, so that a mistake is reported with file, line and key before any port opens.

mod check;
mod exec;
mod layers;
mod show;
mod tree;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

use tree::Node;

/// What happens when a file of the extra folder cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenExtra {
    /// It is skipped, with a note.
    Skip,
    /// Nothing starts.
    Fail,
}

/// What happens when the key file is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingKeyFile {
    /// It is noted; credentials may come from elsewhere.
    Note,
    /// Nothing starts.
    Fail,
}

/// Where configuration comes from.
#[derive(Debug, Clone)]
pub struct Layering<'a> {
    /// The commented default file, compiled in.
    pub defaults: &'a str,
    /// The main file.
    pub main: &'a Path,
    /// What a broken file of the extra folder does.
    pub broken_extra: BrokenExtra,
    /// What a missing key file does.
    pub missing_key_file: MissingKeyFile,
    /// What the command line sets, as a tree.
    pub flags: Value,
    /// Whether `!exec` may run programs.
    pub allow_exec: bool,
    /// Dotted keys below which any key is known.
    pub open_keys: &'a [&'a str],
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// In the compiled-in defaults.
    Default,
    /// On the command line.
    CommandLine,
    /// In a file, at a line counted from 1.
    File(PathBuf, u64),
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => formatter.write_str("built-in default"),
            Self::CommandLine => formatter.write_str("command line"),
            Self::File(path, line) => write!(formatter, "{}:{line}", path.display()),
        }
    }
}

/// A mistake in the configuration: where, which key, what is wrong and what would be right.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ConfigError {
    fn at(origin: &Origin, key: &str, problem: impl fmt::Display) -> Self {
        if key.is_empty() {
            Self(format!("{origin}: {problem}"))
        } else {
            Self(format!("{origin}: {key}: {problem}"))
        }
    }
}

/// A configuration, and all that was learnt on the way to it.
#[derive(Debug)]
pub struct Loaded<T> {
    /// The configuration.
    pub config: T,
    /// The merged tree, unknown keys included.
    pub tree: Value,
    /// Warnings, to be logged once there is a log.
    pub notes: Vec<String>,
    merged: Node,
}

/// Reads all layers and makes a configuration of them.
///
/// # Errors
///
/// A file that cannot be understood, or a value of the wrong type.
pub fn load<T: DeserializeOwned>(layering: &Layering<'_>) -> Result<Loaded<T>, ConfigError> {
    let mut notes = Vec::new();
    let defaults = tree::parse(layering.defaults, &|_| Origin::Default)
        .map_err(|problem| ConfigError(format!("built-in default: {problem}")))?;
    let merged = layers::merge(layering, defaults.clone(), &mut notes)?;
    check::note_unknown(&merged, &defaults, layering.open_keys, &mut notes);
    let tree = merged.to_value();
    let config = serde_path_to_error::deserialize(&tree)
        .map_err(|error| check::type_error(&merged, &error))?;
    Ok(Loaded {
        config,
        tree,
        notes,
        merged,
    })
}

impl<T> Loaded<T> {
    /// The error for a value that has the right type and is wrong all the same. `key` is dotted, list elements are numbers:
    /// `rest_api.authorized_subnets.2`.
    pub fn fault(&self, key: &str, problem: impl fmt::Display) -> ConfigError {
        ConfigError::at(self.merged.origin_of(key), key, problem)
    }

    /// The merged tree with every secret hidden.
    pub fn redacted(&self) -> Value {
        show::redacted(&self.tree)
    }

    /// The merged configuration as text, secrets hidden, each value with its origin.
    pub fn render_check(&self) -> String {
        show::render(&self.merged)
    }
}

#[cfg(test)]
mod tests;
