//! Connections that are over, and whose last events may still be on their way.

use std::collections::VecDeque;

use oxwire_core::ConnectionId;

/// The latest connections that ended. A driver may hand over what it had in its queues; nothing happens then.
#[derive(Debug, Default)]
pub(crate) struct ClosedIds(VecDeque<ConnectionId>);

impl ClosedIds {
    const KEPT: usize = 256;

    pub(crate) fn add(&mut self, conn: ConnectionId) {
        if self.0.len() == Self::KEPT {
            self.0.pop_front();
        }
        self.0.push_back(conn);
    }

    pub(crate) fn has(&self, conn: ConnectionId) -> bool {
        self.0.contains(&conn)
    }
}
