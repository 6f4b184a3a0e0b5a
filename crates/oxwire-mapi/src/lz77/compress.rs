//! From bytes to DIRECT2.

use bytes::{BufMut, BytesMut};

use super::{MAX_MATCH, MIN_MATCH, WINDOW};

/// Entries of the table of first positions.
const HASH_BITS: u32 = 13;
const HASH_SIZE: usize = 1 << HASH_BITS;
/// How many earlier positions are tried for one match.
const CHAIN: usize = 2;
/// A match of this length is taken without looking for a longer one.
const GOOD: usize = 16;
/// After this many literals in a row, positions are skipped: what has not repeated so far is not looked at that closely.
const PATIENCE: usize = 32;
/// No position.
const NONE: u16 = u16::MAX;

/// Compresses payloads, one after the other, with tables of its own: 32 KiB, allocated once.
///
/// It tries the nearest two candidates of a position, and takes the next position instead when that has a longer match, so the
/// time is linear in the input.
#[derive(Debug)]
pub struct Compressor {
    /// The latest position of each hash.
    head: Box<[u16; HASH_SIZE]>,
    /// The position before, with the same hash, of each position of the window.
    previous: Box<[u16; WINDOW]>,
}

impl Default for Compressor {
    fn default() -> Self {
        Self::new()
    }
}

impl Compressor {
    /// The longest input, in bytes: what an RPC_HEADER_EXT can say.
    pub const MAX_INPUT: usize = 65_534;

    /// With empty tables.
    #[must_use]
    pub fn new() -> Self {
        Self { head: Box::new([NONE; HASH_SIZE]), previous: Box::new([NONE; WINDOW]) }
    }

    /// Appends the compressed form of `input` to `out` and says how many bytes that is; or `None`, with `out` as it was, when it is
    /// not shorter than the input or the input is longer than [`Self::MAX_INPUT`]. The payload is sent as it is then.
    pub fn compress(&mut self, input: &[u8], out: &mut BytesMut) -> Option<usize> {
        if input.len() > Self::MAX_INPUT {
            return None;
        }
        self.head.fill(NONE);
        let start = out.len();
        out.reserve(input.len());
        let mut writer = Encoder { out, start, mask: 0, bits: 0, mask_at: start, shared_at: None, limit: input.len() };
        writer.begin_mask();
        let done = self.run(input, &mut writer);
        let fits = done.is_some() && writer.finish();
        if fits {
            return Some(out.len().saturating_sub(start));
        }
        out.truncate(start);
        None
    }

    fn run(&mut self, input: &[u8], writer: &mut Encoder<'_>) -> Option<()> {
        let mut at = 0;
        let mut literals = 0;
        while at + MIN_MATCH < input.len() {
            let found = self.find(input, at, MIN_MATCH - 1);
            if found.len < MIN_MATCH {
                let step = 1 + (at - literals) / PATIENCE;
                at += step;
                continue;
            }
            // A longer match one byte on is worth one more literal.
            let mut best = found;
            if best.len < GOOD && at + 1 + MIN_MATCH < input.len() {
                let next = self.find(input, at + 1, best.len);
                if next.len > best.len {
                    best = next;
                    at += 1;
                }
            }
            writer.literals(input.get(literals..at)?)?;
            writer.repeat(best)?;
            let end = at + best.len;
            let from = at + 1 + usize::from(best.len == found.len);
            for position in (from..end.min(from + GOOD)).chain(end.saturating_sub(2).max(from + GOOD)..end) {
                self.insert(input, position);
            }
            at = end;
            literals = end;
        }
        writer.literals(input.get(literals..)?)
    }

    /// The longest match at a position that is longer than `longer_than`; the position goes into the tables.
    #[inline]
    fn find(&mut self, input: &[u8], at: usize, longer_than: usize) -> Match {
        let mut best = Match { distance: 0, len: longer_than };
        let Some(mut candidate) = self.insert(input, at) else { return Match::NONE };
        let Some(here) = input.get(at..) else { return Match::NONE };
        for _ in 0..CHAIN {
            let from = usize::from(candidate);
            if candidate == NONE || at.saturating_sub(from) > WINDOW || from >= at {
                break;
            }
            let Some(there) = input.get(from..) else { break };
            if there.get(best.len) == here.get(best.len) {
                let len = common_prefix(here, there).min(MAX_MATCH);
                if len > best.len {
                    best = Match { distance: at - from, len };
                    if len >= GOOD || len == here.len() {
                        break;
                    }
                }
            }
            candidate = self.previous.get(from % WINDOW).copied().unwrap_or(NONE);
        }
        if best.distance == 0 { Match::NONE } else { best }
    }

    /// Puts a position into the tables, and gives the one that had its hash before.
    #[inline]
    fn insert(&mut self, input: &[u8], at: usize) -> Option<u16> {
        let [a, b, c] = *input.get(at..)?.first_chunk::<3>()?;
        let word = u32::from_le_bytes([a, b, c, 0]);
        let hash = word.wrapping_mul(0x9E37_79B1) >> (u32::BITS - HASH_BITS);
        let head = self.head.get_mut(hash as usize)?;
        let before = std::mem::replace(head, u16::try_from(at).ok()?);
        *self.previous.get_mut(at % WINDOW)? = before;
        Some(before)
    }
}

#[derive(Clone, Copy)]
struct Match {
    distance: usize,
    len: usize,
}

impl Match {
    const NONE: Self = Self { distance: 0, len: 0 };
}

/// How many bytes are the same, eight at a time.
#[inline]
fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let (a_words, _) = a.as_chunks::<8>();
    let (b_words, _) = b.as_chunks::<8>();
    let mut len = 0;
    for (x, y) in a_words.iter().zip(b_words) {
        let difference = u64::from_le_bytes(*x) ^ u64::from_le_bytes(*y);
        if difference != 0 {
            return len + (difference.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    let rest = a.get(len..).unwrap_or_default().iter().zip(b.get(len..).unwrap_or_default());
    len + rest.take_while(|(x, y)| x == y).count()
}

struct Encoder<'a> {
    out: &'a mut BytesMut,
    start: usize,
    mask: u32,
    /// How many of its bits are decided.
    bits: u32,
    mask_at: usize,
    /// Where the half byte is that the last long match has left over.
    shared_at: Option<usize>,
    /// More bytes than this are no compression.
    limit: usize,
}

impl Encoder<'_> {
    fn begin_mask(&mut self) {
        self.mask_at = self.out.len();
        self.out.put_u32_le(0);
        self.mask = 0;
        self.bits = 0;
    }

    fn end_mask(&mut self) {
        for (to, from) in self.out.iter_mut().skip(self.mask_at).zip(self.mask.to_le_bytes()) {
            *to = from;
        }
    }

    /// Makes sure that the mask has a bit left.
    fn next_mask(&mut self) -> Option<()> {
        if self.bits == u32::BITS {
            self.end_mask();
            if self.out.len().saturating_sub(self.start) >= self.limit {
                return None;
            }
            self.begin_mask();
        }
        Some(())
    }

    fn literals(&mut self, mut bytes: &[u8]) -> Option<()> {
        while !bytes.is_empty() {
            self.next_mask()?;
            let count = bytes.len().min((u32::BITS - self.bits) as usize);
            let (now, later) = bytes.split_at_checked(count)?;
            self.out.put_slice(now);
            self.bits += u32::try_from(count).ok()?;
            bytes = later;
        }
        Some(())
    }

    fn repeat(&mut self, Match { distance, len }: Match) -> Option<()> {
        self.next_mask()?;
        self.mask |= 1 << (u32::BITS - 1 - self.bits);
        self.bits += 1;
        let extra = len.checked_sub(MIN_MATCH)?;
        let low = extra.min(7);
        self.out.put_u16_le(u16::try_from(distance.checked_sub(1)? << 3 | low).ok()?);
        if extra < 7 {
            return Some(());
        }
        let nibble = u8::try_from((extra - 7).min(15)).ok()?;
        match self.shared_at.take() {
            Some(at) => *self.out.get_mut(at)? |= nibble << 4,
            None => {
                self.shared_at = Some(self.out.len());
                self.out.put_u8(nibble);
            }
        }
        let Some(more) = extra.checked_sub(7 + 15) else { return Some(()) };
        if let Some(byte) = u8::try_from(more).ok().filter(|byte| *byte < 255) {
            self.out.put_u8(byte);
        } else {
            self.out.put_u8(255);
            self.out.put_u16_le(u16::try_from(extra).ok()?);
        }
        Some(())
    }

    /// The bit for the end, and whether the whole is shorter than the input.
    fn finish(&mut self) -> bool {
        if self.next_mask().is_none() {
            return false;
        }
        // As [MS-XCA] 3.1 shows it: what is left of the mask is ones.
        self.mask |= u32::MAX >> self.bits;
        self.end_mask();
        self.out.len().saturating_sub(self.start) < self.limit
    }
}
