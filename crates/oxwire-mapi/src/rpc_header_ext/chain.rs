//! A chain of payloads: [MS-OXCRPC] 3.1.4.2.1.1.1, 3.1.4.2.1.1.2, 3.1.4.2.1.2.

use oxwire_core::{DecodeError, DecodeErrorKind, Limits, Reader};

use super::ExtendedBuffer;

const NAME: &str = "chain of extended buffers";
const SPEC: &str = "[MS-OXCRPC] 3.1.4.2.1.1";

/// Walks the payloads of a ROP buffer, up to the one whose header has the Last flag. Each is plain, compressed or obfuscated as its
/// own header says. An empty buffer has none.
///
/// What is damaged is an `Err` with its place, after the payloads before it, and ends the walk: a header or a payload that is cut
/// off, a chain that ends without the Last flag, bytes behind the last payload, more than [`ExtendedBuffers::MAX`] payloads, and
/// payloads that come to more than [`Limits::body_bytes`] when uncompressed.
///
/// ```
/// use oxwire_mapi::rpc_header_ext::ExtendedBuffers;
///
/// let chain = [0, 0, 0, 0, 1, 0, 1, 0, 7, 0, 0, 6, 0, 1, 0, 1, 0, 8 ^ 0xA5];
/// let payloads: Result<Vec<_>, _> = ExtendedBuffers::new(&chain).map(|buffer| buffer?.payload()).collect();
/// assert_eq!(payloads?.concat(), [7, 8]);
/// # Ok::<(), oxwire_core::DecodeError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ExtendedBuffers<'de> {
    r: Reader<'de>,
    count: usize,
    /// Bytes of the payloads so far when uncompressed.
    actual: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    /// Another header must follow.
    More,
    /// The last payload was given.
    Last,
    Ended,
}

impl<'de> ExtendedBuffers<'de> {
    /// The most payloads that a server may put into one rgbOut, [MS-OXCRPC] 3.1.4.2.1.2.2; the same holds for rgbIn here.
    pub const MAX: usize = 96;

    /// The payloads of a whole `RopBuffer`.
    #[must_use]
    pub const fn new(rop_buffer: &'de [u8]) -> Self {
        Self::with_limits(rop_buffer, &Limits::DEFAULT)
    }

    /// The same with limits of the caller's.
    #[must_use]
    pub const fn with_limits(rop_buffer: &'de [u8], limits: &'de Limits) -> Self {
        let r = Reader::with_limits(rop_buffer, limits).named(NAME, SPEC);
        Self { r, count: 0, actual: 0, state: State::Begin }
    }

    /// Counts the offsets of errors from `base`: where the buffer begins in the body around it.
    #[must_use]
    pub const fn at_offset(mut self, base: usize) -> Self {
        self.r = self.r.at_offset(base);
        self
    }

    fn read(&mut self) -> Result<ExtendedBuffer<'de>, DecodeError> {
        if self.r.is_empty() {
            let expected = "another RPC_HEADER_EXT: the one before has no Last flag (0x0004)";
            return Err(self.r.error("RPC_HEADER_EXT", DecodeErrorKind::Text { expected }));
        }
        let limit = |limit, allowed, found| DecodeErrorKind::Limit { limit, allowed, found };
        if self.count == Self::MAX {
            return Err(self.r.error("RPC_HEADER_EXT", limit("ExtendedBuffers::MAX", Self::MAX, Self::MAX + 1)));
        }
        let at = self.r.offset();
        let buffer = ExtendedBuffer::read(&mut self.r)?;
        self.count += 1;
        self.actual = self.actual.saturating_add(usize::from(buffer.header().size_actual));
        let allowed = self.r.limits().body_bytes;
        if self.actual > allowed {
            return Err(self.r.error_at(at.saturating_add(6), "SizeActual", limit("body_bytes", allowed, self.actual)));
        }
        Ok(buffer)
    }
}

impl<'de> Iterator for ExtendedBuffers<'de> {
    type Item = Result<ExtendedBuffer<'de>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let end = match self.state {
            State::Ended => return None,
            State::Begin if self.r.is_empty() => None,
            State::Last => self.r.finish().err(),
            State::Begin | State::More => {
                let buffer = self.read();
                self.state = match &buffer {
                    Ok(buffer) if buffer.is_last() => State::Last,
                    Ok(_) => State::More,
                    Err(_) => State::Ended,
                };
                return Some(buffer);
            }
        };
        self.state = State::Ended;
        end.map(Err)
    }
}

impl std::iter::FusedIterator for ExtendedBuffers<'_> {}
