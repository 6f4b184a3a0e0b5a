//! From DIRECT2 to bytes.

use oxwire_core::{DecodeError, DecodeErrorKind};

use super::MIN_MATCH;

const NAME: &str = "DIRECT2 stream";
const SPEC: &str = "[MS-OXCRPC] 3.1.4.1.1.2.2";

/// Appends to `out` the `size` bytes that `input` stands for.
///
/// `size` is SizeActual of the RPC_HEADER_EXT: no more than that is written or allocated, whatever the stream says, and less is an
/// error. On an error `out` holds what came before it.
///
/// # Errors
/// [`DecodeErrorKind::Eof`] for a stream that ends too early, [`DecodeErrorKind::Value`] for a match that lies before the beginning
/// or that goes past `size`, [`DecodeErrorKind::Trailing`] for bytes behind the end; offsets are those of `input`.
pub fn decompress(input: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let start = out.len();
    out.resize(start.saturating_add(size), 0);
    let mut target = Target { bytes: out.get_mut(start..).unwrap_or_default(), at: 0 };
    let result = run::<0>(&mut Stream { input, at: 0, shared: None }, &mut target);
    let written = target.at;
    out.truncate(start.saturating_add(written));
    result
}

/// Fills `out` with the bytes that `input` stands for, each byte of which is XORed with `XOR` first.
pub(crate) fn decompress_into<const XOR: u8>(input: &[u8], out: &mut [u8]) -> Result<(), DecodeError> {
    run::<XOR>(&mut Stream { input, at: 0, shared: None }, &mut Target { bytes: out, at: 0 })
}

fn run<const XOR: u8>(stream: &mut Stream<'_, XOR>, out: &mut Target<'_>) -> Result<(), DecodeError> {
    loop {
        // The mask, and how many of its bits are left.
        let mut mask = u32::from_le_bytes(stream.array("bitmask")?);
        let mut bits = u32::BITS;
        while bits > 0 {
            let literals = mask.leading_zeros().min(bits);
            if literals > 0 {
                copy_literals(stream, out, literals as usize)?;
                mask = mask.checked_shl(literals).unwrap_or(0);
                bits -= literals;
                if bits == 0 {
                    break;
                }
            }
            if out.left() == 0 {
                return stream.finish();
            }
            copy_match(stream, out)?;
            mask <<= 1;
            bits -= 1;
        }
    }
}

#[inline]
fn copy_literals<const XOR: u8>(
    stream: &mut Stream<'_, XOR>,
    out: &mut Target<'_>,
    len: usize,
) -> Result<(), DecodeError> {
    if len > out.left() {
        return Err(stream.error("literal", value("the end of the data: SizeActual bytes are there", 0)));
    }
    let from = stream.input.get(stream.at..).unwrap_or_default();
    // Short runs go as sixteen bytes; what is too much is written over by what comes next.
    if let (1..=16, Some(sixteen), Some(to)) = (len, from.first_chunk::<16>(), out.chunk(out.at)) {
        *to = sixteen.map(|byte| byte ^ XOR);
        stream.at += len;
    } else {
        let literals = stream.bytes(len, "literal")?;
        if let Some(to) = out.bytes.get_mut(out.at..).and_then(|rest| rest.get_mut(..len)) {
            to.copy_from_slice(literals);
            if XOR != 0 {
                to.iter_mut().for_each(|byte| *byte ^= XOR);
            }
        }
    }
    out.at += len;
    Ok(())
}

/// One match. [MS-OXCRPC] 3.1.4.1.1.2.2.3, 3.1.4.1.1.2.2.4
#[inline]
fn copy_match<const XOR: u8>(stream: &mut Stream<'_, XOR>, out: &mut Target<'_>) -> Result<(), DecodeError> {
    let place = stream.at;
    let metadata = u16::from_le_bytes(stream.array("metadata")?);
    let distance = usize::from(metadata >> 3) + 1;
    let mut len = usize::from(metadata & 7);
    if len == 7 {
        len = stream.long_length()?;
    }
    len += MIN_MATCH;
    let Some(from) = out.at.checked_sub(distance) else {
        let expected = "an offset within what was decompressed";
        return Err(stream.error_at(place, "offset", value(expected, distance)));
    };
    if len > out.left() {
        return Err(stream.error_at(place, "length", value("a length within SizeActual", len)));
    }
    out.repeat(from, distance, len);
    Ok(())
}

/// What is decompressed: as many bytes as were announced, of which `at` are there.
struct Target<'a> {
    bytes: &'a mut [u8],
    at: usize,
}

impl Target<'_> {
    const fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    #[inline]
    fn chunk<const N: usize>(&mut self, at: usize) -> Option<&mut [u8; N]> {
        self.bytes.get_mut(at..)?.first_chunk_mut()
    }

    /// Copies `len` bytes from `distance` back, where `from` is.
    #[inline]
    fn repeat(&mut self, from: usize, mut distance: usize, len: usize) {
        let end = self.at + len;
        if distance >= 16 && len <= 64 && end + 16 <= self.bytes.len() {
            self.repeat_in::<16>(from, end);
        } else if distance >= 8 && len <= 32 && end + 8 <= self.bytes.len() {
            self.repeat_in::<8>(from, end);
        } else {
            // A match that overlaps what it makes: what is there doubles with each copy.
            while self.at < end {
                let part = distance.min(end - self.at);
                self.bytes.copy_within(from..from + part, self.at);
                self.at += part;
                distance += part;
            }
        }
    }

    /// So many bytes at a time, as far back at the least; what is too much is written over by what comes next.
    #[inline]
    fn repeat_in<const N: usize>(&mut self, mut from: usize, end: usize) {
        while self.at < end {
            let Some(some) = self.chunk::<N>(from).copied() else { return };
            let Some(to) = self.chunk::<N>(self.at) else { return };
            *to = some;
            from += N;
            self.at += N;
        }
        self.at = end;
    }
}

const fn value(expected: &'static str, found: usize) -> DecodeErrorKind {
    DecodeErrorKind::Value { expected, found: found as u64 }
}

/// The stream, whose bytes are XORed with `XOR` as they are read.
struct Stream<'a, const XOR: u8> {
    input: &'a [u8],
    at: usize,
    /// The half byte that the last long match has left over.
    shared: Option<u8>,
}

impl<'a, const XOR: u8> Stream<'a, XOR> {
    /// Bytes as they stand there.
    #[inline]
    fn bytes(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], DecodeError> {
        match self.input.get(self.at..).and_then(|rest| rest.get(..len)) {
            Some(bytes) => {
                self.at += len;
                Ok(bytes)
            }
            None => Err(self.eof(len, field)),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        match self.input.get(self.at..).and_then(<[u8]>::first_chunk::<N>) {
            Some(array) => {
                self.at += N;
                Ok(array.map(|byte| byte ^ XOR))
            }
            None => Err(self.eof(N, field)),
        }
    }

    /// A length that did not fit 3 bits, less the shortest match.
    fn long_length(&mut self) -> Result<usize, DecodeError> {
        let nibble = match self.shared.take() {
            Some(nibble) => nibble,
            None => {
                let [byte] = self.array("shared length byte")?;
                self.shared = Some(byte >> 4);
                byte & 0x0F
            }
        };
        if nibble < 15 {
            return Ok(7 + usize::from(nibble));
        }
        let [byte] = self.array("length byte")?;
        if byte < 255 {
            return Ok(7 + 15 + usize::from(byte));
        }
        let at = self.at;
        let len = usize::from(u16::from_le_bytes(self.array("length")?));
        if len < 7 + 15 + 255 {
            return Err(self.error_at(at, "length", value("at least 277: a shorter one takes fewer bytes", len)));
        }
        Ok(len)
    }

    /// Behind the last byte: the bit for the end has been seen.
    const fn finish(&self) -> Result<(), DecodeError> {
        if self.at == self.input.len() {
            return Ok(());
        }
        Err(self.error("end", DecodeErrorKind::Trailing { left: self.input.len() - self.at }))
    }

    const fn eof(&self, needed: usize, field: &'static str) -> DecodeError {
        self.error(field, DecodeErrorKind::Eof { needed, left: self.input.len().saturating_sub(self.at) })
    }

    const fn error(&self, field: &'static str, kind: DecodeErrorKind) -> DecodeError {
        self.error_at(self.at, field, kind)
    }

    const fn error_at(&self, offset: usize, field: &'static str, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { offset, name: NAME, field, spec: SPEC, kind }
    }
}
