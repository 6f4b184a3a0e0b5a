//! Wall time out of `Instant`s.

use std::time::Instant;

use oxwire_core::FileTime;

/// Wall time that runs with the `now` of the calls.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WallClock {
    at: Instant,
    wall: FileTime,
}

impl WallClock {
    pub(crate) const fn new(at: Instant, wall: FileTime) -> Self {
        Self { at, wall }
    }

    pub(crate) fn at(&self, now: Instant) -> FileTime {
        self.wall.saturating_add(now.saturating_duration_since(self.at))
    }
}
