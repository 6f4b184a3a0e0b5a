//! The server's log: one line for each thing that happened, without secrets.

use std::io::Write;
use std::time::SystemTime;

use oxwire::core::FileTime;

use crate::report::printable;

/// Where the lines go.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Log {
    /// Standard error.
    Stderr,
    /// Nowhere: `demo` reports steps, not requests.
    Quiet,
}

impl Log {
    /// Writes a line, the time in front. What a peer sent cannot break it or move a cursor.
    pub(crate) fn line(self, text: &str) {
        if let Self::Stderr = self {
            let time = FileTime::from_system(SystemTime::now());
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr().lock(), "{time} {}", printable(text));
        }
    }
}
