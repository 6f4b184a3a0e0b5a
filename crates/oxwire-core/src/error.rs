//! Errors: what was expected, what came, where, and what to do about it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// Bytes that are not what the section says they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name}.{field} at offset {offset}: {kind} ({spec})")]
pub struct DecodeError {
    /// Absolute offset into the outermost input, in bytes.
    pub offset: usize,
    /// The structure's name.
    pub name: &'static str,
    /// The field's name.
    pub field: &'static str,
    /// The section that lays the structure out.
    pub spec: &'static str,
    /// What is wrong.
    pub kind: DecodeErrorKind,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeErrorKind {
    /// The input ends before the field does.
    Eof {
        /// Bytes that the field takes.
        needed: usize,
        /// Bytes that were left.
        left: usize,
    },
    /// A value that the section forbids.
    Value {
        /// What the section asks for.
        expected: &'static str,
        /// What came.
        found: u64,
    },
    /// Bytes after the end of the structure.
    Trailing {
        /// How many.
        left: usize,
    },
    /// More than [`Limits`](crate::Limits) allows; raise the limit if the peer is to be trusted with it.
    Limit {
        /// The limit's name.
        limit: &'static str,
        /// Its value.
        allowed: usize,
        /// What was asked for.
        found: usize,
    },
    /// Text without its terminator, or otherwise not what its encoding asks for.
    Text {
        /// What the encoding asks for.
        expected: &'static str,
    },
    /// Correct, and not supported: the flag or the form is named.
    Unsupported {
        /// The form that came.
        what: &'static str,
    },
}

impl fmt::Display for DecodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Eof { needed, left } => write!(f, "expected {needed} more bytes, found {left}"),
            Self::Value { expected, found } => write!(f, "expected {expected}, found {found:#x}"),
            Self::Trailing { left } => write!(f, "expected the end, found {left} more bytes"),
            Self::Limit { limit, allowed, found } => {
                write!(f, "expected at most {allowed} (limit `{limit}`), found {found}; raise the limit to accept it")
            }
            Self::Text { expected } => write!(f, "expected {expected}"),
            Self::Unsupported { what } => write!(f, "found {what}, which is not supported"),
        }
    }
}

/// A value that does not fit the field that carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{name}.{field}: {kind} ({spec})")]
pub struct EncodeError {
    /// The structure's name.
    pub name: &'static str,
    /// The field's name.
    pub field: &'static str,
    /// The section that lays the structure out.
    pub spec: &'static str,
    /// What is wrong.
    pub kind: EncodeErrorKind,
}

/// Why a value cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeErrorKind {
    /// Longer than the length field can say, or than the section allows.
    TooLong {
        /// The most that fits.
        max: usize,
        /// What was given.
        len: usize,
    },
    /// A value that the section forbids.
    Value {
        /// What the section asks for.
        expected: &'static str,
        /// What was given.
        found: u64,
    },
}

impl fmt::Display for EncodeErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooLong { max, len } => write!(f, "expected at most {max}, given {len}"),
            Self::Value { expected, found } => write!(f, "expected {expected}, given {found:#x}"),
        }
    }
}

/// The peer's bytes decode, and break the protocol.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("in state {state}: expected {expected}, found {found} ({spec}); {advice}")]
pub struct PeerFault {
    /// The state of the machine, in the specification's words.
    pub state: &'static str,
    /// What the section asks for.
    pub expected: Cow<'static, str>,
    /// What came.
    pub found: Cow<'static, str>,
    /// The section.
    pub spec: &'static str,
    /// What to do about it.
    pub advice: &'static str,
}

/// A call that the machine's state does not allow. Never caused by the peer's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`{call}` in state {state}: {advice}")]
pub struct Misuse {
    /// The method that was called.
    pub call: &'static str,
    /// The state of the machine.
    pub state: &'static str,
    /// What to call instead, or first.
    pub advice: &'static str,
}

/// Terminal: every call after the end repeats this.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("closed: {reason}")]
pub struct Closed {
    /// Why it ended.
    pub reason: Arc<str>,
}

/// The error of every machine.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Bytes that are not what the section says.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A value that does not fit its field.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The peer broke the protocol. Never caused by the order of the caller's calls.
    #[error(transparent)]
    Peer(#[from] PeerFault),
    /// The caller broke the machine's contract. Never caused by the peer's bytes.
    #[error(transparent)]
    Misuse(#[from] Misuse),
    /// The connection was lost; the text is the caller's or the machine's own.
    #[error("transport: {0}")]
    Transport(Arc<str>),
    /// The machine has ended.
    #[error(transparent)]
    Closed(#[from] Closed),
}
