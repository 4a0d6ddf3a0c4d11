//! Reads a daemon's configuration: compiled-in defaults, main file, extra files, flags and key file, merged into one tree,
//! checked, and read into the daemon's own types (dird-platform.md §2, phoned.md §17.1).
//!
//! Every value remembers the file and line that set it, so that an error can point there, also one that the daemon itself
//! finds later ([`Loaded::fault`]). Nothing is logged here: what deserves a warning is in [`Loaded::notes`], for the time
//! when logging is up. What the keys mean is the daemon's business.

mod check;
mod error;
mod exec;
mod key_file;
mod layers;
mod node;
mod parse;
mod redact;
mod typed;
mod unknown;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

pub use error::ConfigError;
pub use node::{Origin, Origins};
pub use typed::origin_of;

/// What becomes of an extra file that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BrokenExtra {
    /// It is noted and skipped.
    Skip,
    /// Loading fails.
    Fail,
}

/// What becomes of a key file that is missing, empty or unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingKeyFile {
    /// It is noted, and credentials from elsewhere stay.
    Note,
    /// Loading fails.
    Fail,
}

/// Where a configuration comes from, and how strictly it is read.
#[derive(Clone)]
pub struct Layering<'a> {
    /// The commented default YAML, compiled in. It is also the list of the known keys.
    pub defaults: &'a str,
    /// The main file; it need not exist.
    pub main: &'a Path,
    /// What to do with a broken file of the directory `extra_config_files`.
    pub broken_extra: BrokenExtra,
    /// What to do without a usable `auth.key_file`.
    pub missing_key_file: MissingKeyFile,
    /// What the command line sets, as a tree; `Null` when it sets nothing.
    pub flags: Value,
    /// Whether files that only root can write may use `!exec`.
    pub allow_exec: bool,
    /// Dotted keys below which any key is known.
    pub open_keys: &'a [&'a str],
}

/// A configuration, and what is known about its origin.
#[derive(Clone)]
pub struct Loaded<T> {
    /// The configuration itself.
    pub config: T,
    /// The merged tree, unknown keys and secrets included.
    pub tree: Value,
    /// Warnings, each a line without secrets.
    pub notes: Vec<String>,
    /// Where each key was set.
    pub origins: Origins,
}

/// Loads a configuration. Fails when a file that must be usable is not, and when a value does not fit `T`.
pub fn load<T: DeserializeOwned>(layering: &Layering<'_>) -> Result<Loaded<T>, ConfigError> {
    let defaults = parse::parse(
        layering.defaults,
        &Origin::Default,
        &exec::Programs::of_defaults(),
    )?;
    let mut notes = Vec::new();
    let mut merged = layers::merge(layering, &defaults, &mut notes)?;
    notes.extend(unknown::notes(&merged, &defaults, layering.open_keys));
    key_file::apply(&mut merged, layering.missing_key_file, &mut notes)?;

    let mut origins = Origins::new();
    merged.collect_origins("", &mut origins);
    let tree = merged.to_value();
    Ok(Loaded {
        config: typed::read(&tree, &origins)?,
        tree,
        notes,
        origins,
    })
}

impl<T> Loaded<T> {
    /// The error for a value that has the right type but is wrong. `key` is dotted, a list item has its index
    /// (`rest_api.authorized_subnets.2`); `problem` says what is wrong and what would be right.
    pub fn fault(&self, key: &str, problem: impl fmt::Display) -> ConfigError {
        let origin = typed::origin_of(&self.origins, key);
        ConfigError::new(origin, key, &problem.to_string())
    }

    /// The merged tree with `<hidden>` in the place of every secret and of every password within a URI.
    pub fn redacted(&self) -> Value {
        redact::redact(&self.tree)
    }

    /// The merged configuration as YAML, secrets hidden, each value with the place that set it as a comment, below the
    /// notes: the answer to `--check-config`.
    pub fn render_check(&self) -> String {
        check::render(&self.redacted(), &self.origins, &self.notes)
    }
}

/// Names keys and places only: the tree holds secrets.
impl<T> fmt::Debug for Loaded<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Loaded")
            .field("origins", &self.origins)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}
