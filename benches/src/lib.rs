//! Benchmarks of the oxwire workspace: what they share.
//!
//! A figure alone says little, so each bench has its yardstick in the same run: [`Cycle`] for memcpy of the same bytes, or the
//! closest public alternative (`peers/`).

pub mod rpch;

use bytes::Bytes;
use oxwire::core::utf16_le_bytes;

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
    /// [`CYCLE_BYTES`] in copies of `sample`, at least two; of a line of the cache for each, where they are shorter.
    #[must_use]
    pub fn of(sample: &[u8]) -> Self {
        let count = (CYCLE_BYTES / sample.len().max(64)).max(2);
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

/// What RopQueryRows brings: rows of a flag, two identifiers, a time, numbers, a subject and a sender in UTF-16.
#[must_use]
pub fn rop_like(len: usize) -> Vec<u8> {
    let subjects =
        ["Figures for the third quarter", "Re: Lunch on Friday?", "Minutes of the meeting", "Travel to Cologne"];
    let senders = ["Ada Example", "Bert Example", "Cleo Example"];
    let mut out = Vec::new();
    let mut row = 0_u64;
    while out.len() < len {
        out.push(0);
        out.extend(0x0001_0000_0000_0005_u64.to_be_bytes());
        out.extend((0x0001_0000_0000_0100 + row).to_be_bytes());
        out.extend((133_500_000_000_000_000 + row * 7_200_123_457).to_le_bytes());
        out.extend((2_048 + (row * 977 % 9_000)).to_le_bytes());
        out.extend([u8::from(row.is_multiple_of(3)), 0, 0, 0]);
        for text in [
            subjects[usize::try_from(row).unwrap_or(0) % subjects.len()],
            senders[usize::try_from(row).unwrap_or(0) % senders.len()],
        ] {
            out.extend(utf16_le_bytes(text));
            out.extend([0, 0]);
        }
        row += 1;
    }
    out.truncate(len);
    out
}
