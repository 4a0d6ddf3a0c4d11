//! The log of a dird that runs within a test program: errors alone, so that what a test says is not lost among requests.

use kit::observe::{self, Level, LogHandle, LogSettings};

/// The log, which is the same for the whole program.
pub fn log() -> LogHandle {
    observe::init(&LogSettings {
        level: Level::Error,
        ..LogSettings::default()
    })
}
