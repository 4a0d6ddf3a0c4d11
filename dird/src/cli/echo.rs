//! A terminal that does not show what is typed.

use std::io;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// Echo of standard input is off while this lives.
pub(super) struct Off {
    before: Termios,
}

impl Off {
    pub(super) fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(io::stdin(), SetArg::TCSANOW, &quiet)?;
        Ok(Self { before })
    }
}

impl Drop for Off {
    fn drop(&mut self) {
        // A terminal that has gone needs no echo.
        let _gone = tcsetattr(io::stdin(), SetArg::TCSANOW, &self.before);
    }
}
