//! The mark (intercom-directory.md §7.6): a file outside the database that says how far each directory had come. A database
//! that is behind it was restored from a backup.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::store::Directory;

/// Name of the file.
const FILE: &str = "intercom.mark";

/// How far a directory had come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Reached {
    /// Its series.
    pub(super) series: String,
    /// Its counter.
    pub(super) timestamp: i64,
}

/// How far all directories had come, by phonebook.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Mark(BTreeMap<String, Reached>);

impl Mark {
    /// As the directories are now.
    pub(super) fn of(directories: &[Directory]) -> Self {
        let reached = |directory: &Directory| {
            let reached = Reached {
                series: directory.series.clone(),
                timestamp: directory.timestamp,
            };
            (directory.phonebook.0.clone(), reached)
        };
        Self(directories.iter().map(reached).collect())
    }

    /// What the file says of a directory.
    pub(super) fn reached(&self, directory: &Directory) -> Option<&Reached> {
        self.0.get(&directory.phonebook.0)
    }

    /// Where the file is.
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Reads the file; nothing if there is none, or one that says nothing.
    pub(super) fn read(path: &Path) -> io::Result<Self> {
        match std::fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Replaces the file, whole or not at all.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, self)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }
}
