//! From bytes to DIRECT2.

use bytes::BytesMut;

use super::encode::Encoder;
use super::{MAX_MATCH, WINDOW};

const HASH_BITS: u32 = 12;
const HASH_SIZE: usize = 1 << HASH_BITS;
/// The shortest match that is looked for. A shorter one hardly ever pays for the two bytes that stand for it.
const MIN_FOUND: usize = 4;
/// A match of this length is taken without looking for a longer one.
const GOOD: usize = 16;
/// The step from one position to the next grows by one after this many literals in a row (as a power of two): what has not repeated
/// so far is not looked at that closely.
const PATIENCE: u32 = 5;
/// The position of no match: past any input.
const NONE: u32 = 0xFFFF;

/// Compresses payloads, one after the other, with a table of its own: 16 KiB, allocated once.
///
/// It tries the two latest positions that have the hash of the next four bytes, and takes the position behind instead when that has
/// a longer match. The time is linear in the input, and what does not repeat is passed over in growing steps.
#[derive(Debug)]
pub struct Compressor {
    /// The two latest positions of each hash, the latest in the lower half.
    table: Box<[u32; HASH_SIZE]>,
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Compressor {
    /// The longest input, in bytes: what an RPC_HEADER_EXT can say.
    pub const MAX_INPUT: usize = 65_534;

    /// With an empty table.
    #[must_use]
    pub fn new() -> Self {
        Self { table: Box::new([NONE << 16 | NONE; HASH_SIZE]) }
    }

    /// Appends the compressed form of `input` to `out` and says how many bytes that is; or `None`, with `out` as it was, when it is
    /// not shorter than the input or the input is longer than [`Self::MAX_INPUT`]. The payload is sent as it is then.
    pub fn compress(&mut self, input: &[u8], out: &mut BytesMut) -> Option<usize> {
        let most = input.len().checked_sub(1).filter(|_| input.len() <= Self::MAX_INPUT)?;
        self.table.fill(NONE << 16 | NONE);
        let start = out.len();
        // More than that is no compression.
        out.resize(start + most, 0);
        let mut encoder = Encoder::new(out.get_mut(start..)?);
        let len = self.run(input, &mut encoder).and_then(|()| encoder.finish());
        out.truncate(start + len.unwrap_or(0));
        len
    }

    fn run(&mut self, input: &[u8], encoder: &mut Encoder<'_>) -> Option<()> {
        let mut at = 0;
        let mut literals = 0;
        while let Some(found) = self.find(input, at, MIN_FOUND - 1) {
            if found.distance == 0 {
                at += 1 + ((at - literals) >> PATIENCE);
                continue;
            }
            // A longer match one byte on is worth one more literal.
            let mut best = found;
            if best.len < GOOD
                && let Some(next) = self.find(input, at + 1, best.len)
                && next.distance != 0
            {
                best = next;
                at += 1;
            }
            encoder.literals(input, literals, at)?;
            encoder.repeat(best.distance, best.len)?;
            let end = at + best.len;
            self.learn(input, at, end);
            at = end;
            literals = end;
        }
        encoder.literals(input, literals, input.len())
    }

    /// Puts positions within a match into the table: some of them, at its end.
    #[inline]
    fn learn(&mut self, input: &[u8], at: usize, end: usize) {
        for position in [at + 2, end - 2] {
            if let Some(eight) = load(input, position) {
                self.exchange(eight, position);
            }
        }
    }

    /// The longest match at a position that is longer than `longer_than`, or one of no distance; the position goes into the table. `None`
    /// near the end of the input, where none is looked for.
    #[inline]
    fn find(&mut self, input: &[u8], at: usize, longer_than: usize) -> Option<Match> {
        let here = load(input, at)?;
        let pair = self.exchange(here, at);
        let mut best = Match { distance: 0, len: longer_than };
        for from in [pair & 0xFFFF, pair >> 16] {
            let from = from as usize;
            let distance = at.wrapping_sub(from);
            // Position NONE lies behind `at`, and so wraps to more than any window.
            if distance.wrapping_sub(1) >= WINDOW {
                break;
            }
            let Some(there) = load(input, from) else { break };
            let difference = here ^ there;
            let len = if difference == 0 {
                8 + common_prefix(input, from + 8, at + 8)
            } else {
                (difference.trailing_zeros() / 8) as usize
            };
            if len > best.len {
                best = Match { distance, len };
                if len >= GOOD {
                    break;
                }
            }
        }
        Some(best)
    }

    /// Puts a position into the table, whose next eight bytes are given, and gives the two that had the hash of the first four.
    #[inline]
    fn exchange(&mut self, eight: u64, at: usize) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "the first four of the eight bytes are what is hashed")]
        let hash = (eight as u32).wrapping_mul(0x9E37_79B1) >> (u32::BITS - HASH_BITS);
        #[expect(clippy::cast_possible_truncation, reason = "a position is less than MAX_INPUT")]
        let position = at as u32;
        match self.table.get_mut(hash as usize) {
            Some(slot) => std::mem::replace(slot, *slot << 16 | position),
            None => NONE << 16 | NONE,
        }
    }
}

#[derive(Clone, Copy)]
struct Match {
    distance: usize,
    len: usize,
}

/// The eight bytes at a position.
#[inline]
fn load(input: &[u8], at: usize) -> Option<u64> {
    input.get(at..)?.first_chunk::<8>().map(|eight| u64::from_le_bytes(*eight))
}

/// How many bytes are the same at two positions, the second behind the first; no more than make a match of the longest.
#[inline]
fn common_prefix(input: &[u8], first: usize, second: usize) -> usize {
    let (Some(a), Some(b)) = (input.get(first..), input.get(second..)) else { return 0 };
    let (a_words, _) = a.as_chunks::<8>();
    let (b_words, b_rest) = b.as_chunks::<8>();
    let mut len = 0;
    for (x, y) in a_words.iter().zip(b_words) {
        let difference = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if difference != 0 {
            return len + (difference.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    let rest = a.get(len..).unwrap_or_default().iter().zip(b_rest);
    len + rest.take_while(|(x, y)| x == y).count()
}

// An input is shorter than the longest match.
const _: () = assert!(Compressor::MAX_INPUT < MAX_MATCH);
