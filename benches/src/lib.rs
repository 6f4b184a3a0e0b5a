//! Benchmarks of the oxwire workspace: what they share.
//!
//! A figure alone says little, so each bench has its yardstick in the same run: [`Cycle`] for memcpy of the same bytes, or the
//! closest public alternative (`peers/`).

use bytes::Bytes;

/// Bytes of all buffers of a [`Cycle`]: past the second-level cache of any machine at hand, so that a copy reads memory as a
/// server does, and not what the last iteration left in the cache.
pub const CYCLE_BYTES: usize = 32 << 20;

/// Buffers of one size, handed out in turn.
#[derive(Debug)]
pub struct Cycle {
    buffers: Vec<Bytes>,
    next: usize,
}

impl Cycle {
    /// [`CYCLE_BYTES`] in copies of `sample`, at least two.
    #[must_use]
    pub fn of(sample: &[u8]) -> Self {
        let count = (CYCLE_BYTES / sample.len().max(1)).max(2);
        Self { buffers: (0..count).map(|_| Bytes::copy_from_slice(sample)).collect(), next: 0 }
    }

    /// [`CYCLE_BYTES`] in buffers of `len` bytes that do not compress to a pattern.
    #[must_use]
    pub fn filled(len: usize) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let sample: Vec<u8> = (0..len)
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state.to_le_bytes()[0]
            })
            .collect();
        Self::of(&sample)
    }

    /// The next buffer: a reference counted more, nothing copied.
    pub fn next_buffer(&mut self) -> Bytes {
        let buffer = self.buffers.get(self.next).cloned().unwrap_or_default();
        self.next = (self.next + 1) % self.buffers.len().max(1);
        buffer
    }

    /// The yardstick: copies the next buffer into `to`, and tells how many bytes that were.
    pub fn memcpy(&mut self, to: &mut [u8]) -> usize {
        let from = self.next_buffer();
        let len = from.len().min(to.len());
        if let (Some(to), Some(from)) = (to.get_mut(..len), from.get(..len)) {
            to.copy_from_slice(from);
        }
        len
    }
}
