//! What a peer can do wrong, each by its own name.

use std::fmt;

use oxwire_core::{Error, PeerFault};

/// A peer's bytes that are not HTTP/1.1, or a wait that ended. Each ends the connection: nothing behind such bytes can be
/// trusted to be the next message (request smuggling, [RFC 9112] 11.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// A LF without a CR in front.
    BareLf,
    /// A CR without a LF behind.
    BareCr,
    /// A NUL, anywhere in a head.
    Nul,
    /// Another control character in a head.
    Control,
    /// A field that goes on in the next line (obs-fold).
    ObsFold,
    /// White space between a field's name and its colon.
    SpaceBeforeColon,
    /// A line that is no field: no colon, or a name that is no token.
    FieldName,
    /// A start line that is neither a request line nor a status line.
    StartLine,
    /// A version that is neither HTTP/1.0 nor HTTP/1.1.
    Version,
    /// A head or a trailer section past [`HttpLimits::head_bytes`](crate::HttpLimits::head_bytes).
    HeadTooLong,
    /// A line past [`HttpLimits::line_bytes`](crate::HttpLimits::line_bytes).
    LineTooLong,
    /// More fields than [`HttpLimits::fields`](crate::HttpLimits::fields).
    TooManyFields,
    /// A `Content-Length` that is not a decimal number: negative, signed, hexadecimal, empty.
    ContentLengthInvalid,
    /// A `Content-Length` past 64 bits.
    ContentLengthOverflow,
    /// Several `Content-Length` values that differ.
    ContentLengthConflict,
    /// `Content-Length` and `Transfer-Encoding` in one head.
    LengthAndCoding,
    /// A `Transfer-Encoding` whose last coding is not `chunked`.
    CodingNotChunked,
    /// `chunked` more than once.
    CodingTwice,
    /// A transfer coding other than `chunked`.
    CodingUnsupported,
    /// `Transfer-Encoding` in an HTTP/1.0 message.
    CodingInHttp10,
    /// An HTTP/1.1 request without `Host`.
    HostMissing,
    /// More than one `Host`.
    HostRepeated,
    /// A `Host` that is no host name, address or port.
    HostInvalid,
    /// A chunk size that is not hexadecimal.
    ChunkSize,
    /// A chunk size past 64 bits.
    ChunkSizeOverflow,
    /// A chunk's size line past [`HttpLimits::chunk_line_bytes`](crate::HttpLimits::chunk_line_bytes).
    ChunkLineTooLong,
    /// A chunk that is not followed by CRLF.
    ChunkEnd,
    /// The connection ended inside a message.
    Truncated,
    /// Bytes from a server that was not asked for anything.
    Unsolicited,
    /// 101 from a server to a request that named no protocol in `Upgrade`.
    SwitchNotAsked,
    /// More pipelined requests than [`HttpLimits::held_bytes`](crate::HttpLimits::held_bytes).
    TooMuchPipelined,
    /// More interim responses than [`HttpLimits::interim_responses`](crate::HttpLimits::interim_responses).
    TooManyInterim,
    /// A head that took longer than [`HttpLimits::head_timeout`](crate::HttpLimits::head_timeout).
    HeadTimeout,
    /// No request within [`HttpLimits::idle_timeout`](crate::HttpLimits::idle_timeout).
    IdleTimeout,
    /// No byte of a body within [`HttpLimits::stall_timeout`](crate::HttpLimits::stall_timeout).
    StallTimeout,
}

struct Words {
    expected: &'static str,
    found: &'static str,
    spec: &'static str,
}

impl Fault {
    const fn words(self) -> Words {
        let (expected, found, spec) = match self {
            Self::BareLf => ("lines that end in CRLF", "a LF without a CR", "[RFC 9112] 2.2"),
            Self::BareCr => ("lines that end in CRLF", "a CR without a LF", "[RFC 9112] 2.2"),
            Self::Nul => ("text", "a NUL", "[RFC 9110] 5.5"),
            Self::Control => ("text", "a control character", "[RFC 9110] 5.5"),
            Self::ObsFold => ("one line a field", "a folded field (obs-fold)", "[RFC 9112] 5.2"),
            Self::SpaceBeforeColon => {
                ("a colon right behind the field's name", "white space in front of the colon", "[RFC 9112] 5.1")
            }
            Self::FieldName => ("a field: a token, a colon, a value", "another line", "[RFC 9112] 5"),
            Self::StartLine => ("a request line or a status line", "another line", "[RFC 9112] 2.1"),
            Self::Version => ("HTTP/1.0 or HTTP/1.1", "another version", "[RFC 9112] 2.3"),
            Self::HeadTooLong => ("a head within the limit `head_bytes`", "a longer one", "[RFC 9110] 5.4"),
            Self::LineTooLong => ("lines within the limit `line_bytes`", "a longer one", "[RFC 9110] 5.4"),
            Self::TooManyFields => ("at most as many fields as the limit `fields`", "more", "[RFC 9110] 5.4"),
            Self::ContentLengthInvalid => ("digits in Content-Length", "something else", "[RFC 9112] 6.3"),
            Self::ContentLengthOverflow => ("a Content-Length of at most 64 bits", "a larger one", "[RFC 9112] 6.3"),
            Self::ContentLengthConflict => ("one Content-Length", "several that differ", "[RFC 9112] 6.3"),
            Self::LengthAndCoding => {
                ("Content-Length or Transfer-Encoding", "both (request smuggling)", "[RFC 9112] 6.1")
            }
            Self::CodingNotChunked => {
                ("a Transfer-Encoding that ends in chunked", "one that does not", "[RFC 9112] 6.3")
            }
            Self::CodingTwice => ("chunked once", "chunked twice", "[RFC 9112] 6.1"),
            Self::CodingUnsupported => ("no transfer coding but chunked", "another", "[RFC 9112] 6.1"),
            Self::CodingInHttp10 => ("no Transfer-Encoding in HTTP/1.0", "one", "[RFC 9112] 6.1"),
            Self::HostMissing => ("Host in an HTTP/1.1 request", "none", "[RFC 9112] 3.2"),
            Self::HostRepeated => ("one Host", "several", "[RFC 9112] 3.2"),
            Self::HostInvalid => ("a host name or address and a port in Host", "something else", "[RFC 9112] 3.2"),
            Self::ChunkSize => ("a hexadecimal chunk size", "something else", "[RFC 9112] 7.1"),
            Self::ChunkSizeOverflow => ("a chunk size of at most 64 bits", "a larger one", "[RFC 9112] 7.1"),
            Self::ChunkLineTooLong => {
                ("a chunk's size line within the limit `chunk_line_bytes`", "a longer one", "[RFC 9112] 7.1.1")
            }
            Self::ChunkEnd => ("CRLF behind a chunk", "something else", "[RFC 9112] 7.1"),
            Self::Truncated => ("the rest of the message", "the end of the connection", "[RFC 9112] 8"),
            Self::Unsolicited => ("nothing, since nothing was asked", "bytes", "[RFC 9112] 9.2"),
            Self::SwitchNotAsked => ("101 only to a request with Upgrade", "101 to one without", "[RFC 9110] 7.8"),
            Self::TooMuchPipelined => ("pipelined requests within the limit `held_bytes`", "more", "[RFC 9112] 9.3.2"),
            Self::TooManyInterim => {
                ("at most as many interim responses as the limit `interim_responses`", "more", "[RFC 9110] 15.2")
            }
            Self::HeadTimeout => ("a whole head within `head_timeout`", "a part of it", "[RFC 9110] 15.5.9"),
            Self::IdleTimeout => ("a request within `idle_timeout`", "none", "[RFC 9112] 9.5"),
            Self::StallTimeout => ("more of the body within `stall_timeout`", "none", "[RFC 9112] 9.5"),
        };
        Words { expected, found, spec }
    }

    /// The field of [`HttpLimits`](crate::HttpLimits) that was passed. A connection that idles passes none: its time is over.
    pub(crate) const fn limit(self) -> Option<&'static str> {
        Some(match self {
            Self::HeadTooLong => "head_bytes",
            Self::LineTooLong => "line_bytes",
            Self::TooManyFields => "fields",
            Self::ChunkLineTooLong => "chunk_line_bytes",
            Self::TooMuchPipelined => "held_bytes",
            Self::TooManyInterim => "interim_responses",
            Self::HeadTimeout => "head_timeout",
            Self::StallTimeout => "stall_timeout",
            _ => return None,
        })
    }

    /// The status and reason phrase that a server answers such a request with; `None` where no answer is due.
    #[must_use]
    pub const fn status(self) -> Option<(u16, &'static str)> {
        match self {
            Self::Version => Some((505, "HTTP Version Not Supported")),
            Self::HeadTooLong | Self::LineTooLong | Self::TooManyFields => {
                Some((431, "Request Header Fields Too Large"))
            }
            Self::CodingUnsupported => Some((501, "Not Implemented")),
            Self::HeadTimeout | Self::StallTimeout => Some((408, "Request Timeout")),
            Self::Truncated | Self::IdleTimeout | Self::Unsolicited | Self::SwitchNotAsked | Self::TooManyInterim => {
                None
            }
            _ => Some((400, "Bad Request")),
        }
    }

    /// As the error of a machine. `state` is what the connection was doing.
    #[must_use]
    pub fn to_peer_fault(self, state: &'static str) -> PeerFault {
        let Words { expected, found, spec } = self.words();
        let advice = match self {
            _ if self.limit().is_some() || matches!(self, Self::IdleTimeout) => {
                "the connection is finished; raise the limit in HttpLimits if the peer is right"
            }
            Self::Truncated => "the connection is finished; open another one",
            _ => "the connection is finished; look for a broken or hostile peer or middlebox",
        };
        PeerFault { state, expected: expected.into(), found: found.into(), spec, advice }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Words { expected, found, spec } = self.words();
        write!(f, "expected {expected}, found {found} ({spec})")
    }
}

impl std::error::Error for Fault {}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Peer(fault.to_peer_fault("parsing"))
    }
}
