//! What is held of every run, and how it is told that it does not hold.

use std::fmt;

/// What is held at every step and at the end, whatever the seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Invariant {
    /// RPC PDUs are delivered once, in order and byte for byte.
    Order,
    /// What is not delivered is given back, or within what its sender reports as in doubt.
    Loss,
    /// Nobody sends more than the receiver has allowed, by the reference count.
    Window,
    /// No channel carries more than its length.
    Lifetime,
    /// After `handle_timeout(now)` no timer is due at `now`.
    Timer,
    /// Neither channel is silent for longer than its ConnectionTimeout.
    Silence,
    /// What is queued keeps within its limit.
    Memory,
    /// RTS PDUs answer what has come, once each, and name the channels that there are.
    Sequence,
    /// With something to deliver, something is on its way.
    Deadlock,
    /// Nothing ends before something was cut or closed; nothing is told after the end.
    End,
    /// Once both ends are over, everybody lets go of everything, and no timer is left.
    Leak,
    /// The machines ask for what the driver can do, and nothing panics.
    Driver,
}

impl Invariant {
    pub(super) fn broken(self, text: impl Into<String>) -> Violation {
        Violation { invariant: self, text: text.into() }
    }
}

/// An invariant that does not hold, and how that shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// How, and where everybody stands.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.text)
    }
}

impl std::error::Error for Violation {}
