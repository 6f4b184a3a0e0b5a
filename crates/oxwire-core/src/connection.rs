//! Transport connections as the machines name them, and what a machine wants done with one.

use std::fmt;

use bytes::Bytes;

/// One transport connection (TCP, or TLS over TCP).
///
/// NTLM and Negotiate authenticate the connection itself, so a driver that cannot pin one transport connection to one
/// `ConnectionId` (a pool, HTTP/2) is wrong. A "channel" is another thing: [MS-RPCH]'s own word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u64);

impl ConnectionId {
    /// Names a connection. A server's driver numbers what it accepts; a client machine numbers what it asks to open.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number it was made from.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Debug for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

/// Hands out [`ConnectionId`]s that were not handed out before.
///
/// Two machines behind one driver take ranges of their own, by [`ConnectionIds::starting_at`].
#[derive(Debug, Clone)]
pub struct ConnectionIds {
    next: u64,
}

impl ConnectionIds {
    /// The first one handed out is `first`.
    #[must_use]
    pub const fn starting_at(first: u64) -> Self {
        Self { next: first }
    }

    /// The next one.
    pub fn allocate(&mut self) -> ConnectionId {
        let id = ConnectionId(self.next);
        self.next = self.next.wrapping_add(1);
        id
    }
}

impl Default for ConnectionIds {
    fn default() -> Self {
        Self::starting_at(1)
    }
}

/// Up to 30 bytes kept in place: the framing in front of a payload, so that the payload itself is never copied.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Inline {
    len: u8,
    bytes: [u8; Self::CAPACITY],
}

impl Inline {
    /// How many bytes fit.
    pub const CAPACITY: usize = 30;

    /// None.
    pub const EMPTY: Self = Self { len: 0, bytes: [0; Self::CAPACITY] };

    /// The given bytes, or `None` when they do not fit.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut this = Self::EMPTY;
        this.bytes.get_mut(..bytes.len())?.copy_from_slice(bytes);
        this.len = u8::try_from(bytes.len()).ok()?;
        Some(this)
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl AsRef<[u8]> for Inline {
    fn as_ref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_slice().escape_ascii().to_string())
    }
}

/// What a machine that speaks bytes wants done with a transport connection.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transmit {
    /// Write `head`, then `body` (a vectored write: neither is copied on the way here). Either may be empty.
    Send {
        /// The connection to write to.
        conn: ConnectionId,
        /// Framing, a few bytes.
        head: Inline,
        /// Payload.
        body: Bytes,
    },
    /// Nothing more will be written: shut the writing side down once all is out.
    Finish {
        /// The connection to half-close.
        conn: ConnectionId,
    },
    /// Close the connection once all is out.
    Close {
        /// The connection to close.
        conn: ConnectionId,
    },
    /// Close the connection now; what is not yet out need not go.
    Abort {
        /// The connection to drop.
        conn: ConnectionId,
    },
}

impl Transmit {
    /// The connection that it concerns.
    #[must_use]
    pub const fn conn(&self) -> ConnectionId {
        match self {
            Self::Send { conn, .. } | Self::Finish { conn } | Self::Close { conn } | Self::Abort { conn } => *conn,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_keeps_what_fits_and_refuses_what_does_not() {
        assert_eq!(Inline::new(b"1f4\r\n").unwrap().as_slice(), b"1f4\r\n");
        assert_eq!(Inline::new(&[7; 30]).unwrap().as_slice(), &[7; 30]);
        assert!(Inline::new(&[7; 31]).is_none());
        assert_eq!(Inline::EMPTY.as_slice(), b"");
    }

    #[test]
    fn connection_ids_do_not_repeat() {
        let mut ids = ConnectionIds::default();
        let (a, b) = (ids.allocate(), ids.allocate());
        assert_ne!(a, b);
        assert_eq!(a.to_string(), "connection 1");
    }
}
