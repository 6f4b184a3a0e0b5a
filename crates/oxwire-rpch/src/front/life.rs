//! What every machine that was handed out has: a name, a clock and an end.

use std::time::Instant;

use oxwire_core::{Closed, Error};

use super::{Lease, VirtualConnectionId};

/// A machine's life, from its opening to its end.
pub(crate) struct Life {
    id: VirtualConnectionId,
    now: Instant,
    ended: Option<Closed>,
    /// Gives its place back when it ends.
    lease: Option<Lease>,
}

impl std::fmt::Debug for Life {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Life").field("id", &self.id).field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Life {
    pub(crate) const fn new(now: Instant, lease: Lease) -> Self {
        Self { id: lease.id(), now, ended: None, lease: Some(lease) }
    }

    pub(crate) const fn id(&self) -> VirtualConnectionId {
        self.id
    }

    /// The latest `now`.
    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    /// Takes the time, and gives it back: it does not go backwards.
    pub(crate) fn tick(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }

    pub(crate) const fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// # Errors
    /// [`Error::Closed`] after the end, with its reason.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.ended.as_ref().map_or(Ok(()), |closed| Err(closed.clone().into()))
    }

    /// Ends it. The first reason stays.
    pub(crate) fn end(&mut self, reason: &str) {
        self.ended.get_or_insert_with(|| Closed { reason: reason.into() });
        self.lease = None;
    }
}
