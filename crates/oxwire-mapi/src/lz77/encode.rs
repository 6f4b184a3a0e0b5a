//! Literals and matches written as a DIRECT2 stream.

use super::MIN_MATCH;

/// Writes into a buffer that is as long as the stream may be; what does not fit is `None`.
pub(super) struct Encoder<'a> {
    out: &'a mut [u8],
    at: usize,
    mask: u32,
    /// How many of its bits are decided.
    bits: u32,
    mask_at: usize,
    /// Where the half byte is that the last long match has left over.
    shared_at: Option<usize>,
}

impl<'a> Encoder<'a> {
    pub(super) const fn new(out: &'a mut [u8]) -> Self {
        // The first mask is decided, and takes its four bytes, when the first element comes.
        Self { out, at: 4, mask: 0, bits: 0, mask_at: 0, shared_at: None }
    }

    #[inline]
    fn put<const N: usize>(&mut self, bytes: [u8; N]) -> Option<()> {
        *self.out.get_mut(self.at..)?.first_chunk_mut()? = bytes;
        self.at += N;
        Some(())
    }

    fn put_mask(&mut self) -> Option<()> {
        *self.out.get_mut(self.mask_at..)?.first_chunk_mut()? = self.mask.to_le_bytes();
        Some(())
    }

    /// Makes sure that the mask has a bit left.
    #[inline]
    fn next_mask(&mut self) -> Option<()> {
        if self.bits == u32::BITS {
            self.put_mask()?;
            self.mask_at = self.at;
            self.at += 4;
            self.mask = 0;
            self.bits = 0;
        }
        Some(())
    }

    /// The bytes of `input` from one position to another, as they are.
    #[inline]
    pub(super) fn literals(&mut self, input: &[u8], mut from: usize, to: usize) -> Option<()> {
        // What does not fit is not begun: a run as long as the input is what incompressible input comes to.
        let count = to.saturating_sub(from);
        let masks = count.saturating_sub((u32::BITS - self.bits) as usize).div_ceil(u32::BITS as usize);
        if self.at.saturating_add(count).saturating_add(masks.saturating_mul(4)) > self.out.len() {
            return None;
        }
        while from < to {
            self.next_mask()?;
            let count = (to - from).min((u32::BITS - self.bits) as usize);
            let source = input.get(from..)?;
            let target = self.out.get_mut(self.at..)?;
            // Short runs go as sixteen bytes; what is too much is written over by what comes next.
            if count <= 16
                && let (Some(source), Some(target)) = (source.first_chunk::<16>(), target.first_chunk_mut::<16>())
            {
                *target = *source;
            } else {
                target.get_mut(..count)?.copy_from_slice(source.get(..count)?);
            }
            self.at += count;
            #[expect(clippy::cast_possible_truncation, reason = "at most the bits of a mask")]
            let count_bits = count as u32;
            self.bits += count_bits;
            from += count;
        }
        Some(())
    }

    /// A match, [MS-OXCRPC] 3.1.4.1.1.2.2.3, 3.1.4.1.1.2.2.4.
    #[inline]
    pub(super) fn repeat(&mut self, distance: usize, len: usize) -> Option<()> {
        self.next_mask()?;
        self.mask |= 1 << (u32::BITS - 1 - self.bits);
        self.bits += 1;
        let extra = len.checked_sub(MIN_MATCH)?;
        let metadata = u16::try_from(distance.checked_sub(1)? << 3 | extra.min(7)).ok()?;
        self.put(metadata.to_le_bytes())?;
        if extra < 7 { Some(()) } else { self.long_length(extra) }
    }

    /// What does not fit the three bits: half a byte, a byte, 16 bits.
    fn long_length(&mut self, extra: usize) -> Option<()> {
        let nibble = u8::try_from((extra - 7).min(15)).ok()?;
        match self.shared_at.take() {
            Some(at) => *self.out.get_mut(at)? |= nibble << 4,
            None => {
                self.shared_at = Some(self.at);
                self.put([nibble])?;
            }
        }
        let Some(more) = extra.checked_sub(7 + 15) else { return Some(()) };
        if let Some(byte) = u8::try_from(more).ok().filter(|byte| *byte < 255) {
            return self.put([byte]);
        }
        self.put([255])?;
        self.put(u16::try_from(extra).ok()?.to_le_bytes())
    }

    /// The bit for the end, and how long the whole is.
    pub(super) fn finish(&mut self) -> Option<usize> {
        self.next_mask()?;
        // As [MS-XCA] 3.1 shows it: what is left of the mask is ones.
        self.mask |= u32::MAX >> self.bits;
        self.put_mask()?;
        (self.at <= self.out.len()).then_some(self.at)
    }
}
