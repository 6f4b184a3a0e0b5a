//! What a connection accepts from its peer, and how long it waits for it.

use std::time::Duration;

/// Limits and timers of one [`Connection`](crate::Connection), and of the parsers on their own.
///
/// ```
/// use std::time::Duration;
/// use oxwire_http::HttpLimits;
/// let limits = HttpLimits::DEFAULT.with_head_bytes(32 << 10).with_head_timeout(Duration::from_secs(10));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpLimits {
    /// Bytes of a head, from the start line to the empty line, and of a trailer section. Default 128 KiB.
    pub head_bytes: usize,
    /// Bytes of one line of a head or of a trailer section. Default 72 KiB: the largest Kerberos token that Windows sends
    /// (48,000 bytes), in base64.
    pub line_bytes: usize,
    /// Fields of a head or of a trailer section. Default 128.
    pub fields: usize,
    /// Bytes of a chunk's size line, extensions included. Default 1 KiB.
    pub chunk_line_bytes: usize,
    /// Bytes that wait to be taken by `poll_transmit`. Once as many wait, a `send` of a head or of a piece of a body is refused
    /// and gives its event back: the queue passes the limit by one event at most. Default 4 MiB.
    pub queued_bytes: usize,
    /// Bytes of further requests that are held while a response is under way; the connection ends beyond. A driver that
    /// heeds [`wants_input`](crate::Connection::wants_input) stays below. Default 256 KiB.
    pub held_bytes: usize,
    /// Interim responses (1xx) in front of one final response. Default 16.
    pub interim_responses: usize,
    /// Time from the first byte of a head, or of a trailer section, to its last; on the server's end also from the start of
    /// the connection to the end of the first head. Default 30 s.
    pub head_timeout: Duration,
    /// On the server's end: time between the end of one exchange and the first byte of the next. Default 15 minutes; `None`
    /// waits for ever.
    pub idle_timeout: Option<Duration>,
    /// Time without a byte while a body is being received. Default 15 minutes; `None` waits for ever. A tunnel is not
    /// watched.
    pub stall_timeout: Option<Duration>,
    /// On the client's end, for a request that carries `Expect: 100-continue`: how long its body is held back for the interim
    /// response. Default 1 s, since servers exist that never answer it (gromox); `None` does not wait at all.
    pub continue_timeout: Option<Duration>,
    /// On the server's end: whether `100 Continue` is sent without asking when a request expects it. Default `true`; `false`
    /// leaves it to the caller, who sends a head of status 100, or a final response instead.
    pub auto_continue: bool,
    /// On the server's end: how long bytes of a request that nobody wants are read after the last response, so that the
    /// response is not lost to a TCP reset. Default 2 s.
    pub linger: Duration,
}

impl HttpLimits {
    /// The defaults, as named at each field.
    pub const DEFAULT: Self = Self {
        head_bytes: 128 << 10,
        line_bytes: 72 << 10,
        fields: 128,
        chunk_line_bytes: 1 << 10,
        queued_bytes: 4 << 20,
        held_bytes: 256 << 10,
        interim_responses: 16,
        head_timeout: Duration::from_secs(30),
        idle_timeout: Some(Duration::from_secs(900)),
        stall_timeout: Some(Duration::from_secs(900)),
        continue_timeout: Some(Duration::from_secs(1)),
        auto_continue: true,
        linger: Duration::from_secs(2),
    };
}

macro_rules! builders {
    ($($name:ident: $type:ty = $with:ident;)*) => {
        impl HttpLimits {
            $(
                #[doc = concat!("Sets [`HttpLimits::", stringify!($name), "`].")]
                #[must_use]
                pub const fn $with(mut self, $name: $type) -> Self {
                    self.$name = $name;
                    self
                }
            )*
        }
    };
}

builders! {
    head_bytes: usize = with_head_bytes;
    line_bytes: usize = with_line_bytes;
    fields: usize = with_fields;
    chunk_line_bytes: usize = with_chunk_line_bytes;
    queued_bytes: usize = with_queued_bytes;
    held_bytes: usize = with_held_bytes;
    interim_responses: usize = with_interim_responses;
    head_timeout: Duration = with_head_timeout;
    idle_timeout: Option<Duration> = with_idle_timeout;
    stall_timeout: Option<Duration> = with_stall_timeout;
    continue_timeout: Option<Duration> = with_continue_timeout;
    auto_continue: bool = with_auto_continue;
    linger: Duration = with_linger;
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
