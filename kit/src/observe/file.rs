//! The log file.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::queue::Sink;
use crate::privilege::hand_over;

/// A file that lines are appended to.
pub(super) struct LogFile {
    path: PathBuf,
    file: Option<File>,
    /// Whoever opened it knows that there is none.
    known_missing: bool,
}

impl LogFile {
    /// Opens the file. When it cannot be opened yet, [`Sink::reopen`] may do better later, so the error comes along with the
    /// log file, not in its stead. That it cannot be given to `owner` shows when they open it anew.
    pub(super) fn open(path: &Path, owner: Option<&str>) -> (Self, Option<io::Error>) {
        let (file, error) = match append_to(path) {
            Ok(file) => {
                let _given = owner.map(|owner| hand_over(&file, owner));
                (Some(file), None)
            }
            Err(error) => (None, Some(error)),
        };
        let log = Self {
            path: path.to_owned(),
            known_missing: file.is_none(),
            file,
        };
        (log, error)
    }
}

impl Sink for LogFile {
    fn write(&mut self, _: bool, lines: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        file.write_all(lines)
    }

    fn reopen(&mut self) {
        match append_to(&self.path) {
            Ok(file) => (self.file, self.known_missing) = (Some(file), false),
            Err(error) => {
                tracing::warn!(%error, path = %self.path.display(), "the log file cannot be reopened");
            }
        }
    }

    fn complain(&self, error: &io::Error) {
        if !self.known_missing {
            tracing::warn!(%error, path = %self.path.display(), "the log file cannot be written");
        }
    }
}

/// Append mode, as `copytruncate` rotation needs; closed to others, since debug lines may name people.
fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o640)
        .open(path)
}
