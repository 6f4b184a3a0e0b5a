//! Bodies on receipt: Content-Length, chunked, close-delimited; in any chunking, as slices of the input.

use bytes::{Buf, Bytes};

use crate::framing::Framing;
use crate::scan::{Section, SectionKind};
use crate::{Fault, Fields, HttpLimits, parse};

/// A body, incrementally. Nothing of it is buffered.
#[derive(Debug)]
pub(crate) enum BodyReader {
    /// `left` bytes to come; 0 is the end.
    Length {
        left: u64,
    },
    Chunked(Chunked),
    UntilClose,
}

/// What [`BodyReader::next`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Data(Bytes),
    Trailers(Fields),
    End,
    /// The input is used up.
    More,
}

impl BodyReader {
    /// `None` where the framing has no body.
    pub(crate) fn new(framing: Framing) -> Option<Self> {
        match framing {
            Framing::Empty | Framing::Tunnel => None,
            Framing::Length(left) => Some(Self::Length { left }),
            Framing::Chunked => Some(Self::Chunked(Chunked::Size(SizeLine::default()))),
            Framing::UntilClose => Some(Self::UntilClose),
        }
    }

    pub(crate) fn next(&mut self, input: &mut Bytes, limits: &HttpLimits) -> Result<Piece, Fault> {
        match self {
            Self::Length { left: 0 } => Ok(Piece::End),
            Self::Length { left } => Ok(take(left, input)),
            Self::Chunked(chunked) => chunked.next(input, limits),
            Self::UntilClose if input.is_empty() => Ok(Piece::More),
            Self::UntilClose => Ok(Piece::Data(std::mem::take(input))),
        }
    }

    /// Whether the end of the connection ends it well.
    pub(crate) const fn ends_at_close(&self) -> bool {
        matches!(self, Self::UntilClose)
    }

    /// Whether it waits for the rest of a trailer section, which is timed as a head is.
    pub(crate) const fn in_trailers(&self) -> bool {
        matches!(self, Self::Chunked(Chunked::Trailers(_)))
    }
}

/// Up to `left` bytes off the front of `input`.
fn take(left: &mut u64, input: &mut Bytes) -> Piece {
    if input.is_empty() {
        return Piece::More;
    }
    let whole = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left = left.saturating_sub(whole as u64);
    Piece::Data(input.split_to(whole))
}

/// [RFC 9112] 7.1.
#[derive(Debug)]
pub(crate) enum Chunked {
    Size(SizeLine),
    Data {
        left: u64,
    },
    /// CRLF behind a chunk; whether the CR was there.
    DataEnd {
        cr: bool,
    },
    Trailers(Section),
    Ended,
}

/// A size line as far as it has come.
#[derive(Debug, Default)]
pub(crate) struct SizeLine {
    size: u64,
    digits: u8,
    len: usize,
    part: SizePart,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum SizePart {
    #[default]
    Digits,
    /// White space behind the digits: servers exist that pad the size with it.
    Padding,
    Extension,
    Cr,
}

impl SizeLine {
    /// Takes one byte; the size once the line is whole.
    fn on_byte(&mut self, byte: u8, limits: &HttpLimits) -> Result<Option<u64>, Fault> {
        self.len = self.len.saturating_add(1);
        if self.len > limits.chunk_line_bytes {
            return Err(Fault::ChunkLineTooLong);
        }
        match (self.part, byte) {
            (SizePart::Cr, b'\n') => return Ok(Some(self.size)),
            (SizePart::Cr, _) => return Err(Fault::BareCr),
            (_, b'\n') => return Err(Fault::BareLf),
            (_, b'\r') if self.digits > 0 => self.part = SizePart::Cr,
            (SizePart::Digits, _) => match char::from(byte).to_digit(16) {
                Some(digit) => {
                    self.digits = self.digits.saturating_add(1);
                    let shifted = self.size.checked_mul(16).ok_or(Fault::ChunkSizeOverflow)?;
                    self.size = shifted | u64::from(digit);
                }
                None if self.digits > 0 => self.behind_digits(byte)?,
                None => return Err(Fault::ChunkSize),
            },
            (SizePart::Padding, _) => self.behind_digits(byte)?,
            (SizePart::Extension, 0) => return Err(Fault::Nul),
            (SizePart::Extension, _) if byte.is_ascii_control() && byte != b'\t' => return Err(Fault::Control),
            (SizePart::Extension, _) => {}
        }
        Ok(None)
    }

    const fn behind_digits(&mut self, byte: u8) -> Result<(), Fault> {
        self.part = match byte {
            b' ' | b'\t' => SizePart::Padding,
            b';' => SizePart::Extension,
            _ => return Err(Fault::ChunkSize),
        };
        Ok(())
    }
}

impl Chunked {
    fn next(&mut self, input: &mut Bytes, limits: &HttpLimits) -> Result<Piece, Fault> {
        loop {
            match self {
                Self::Size(line) => {
                    let Some(byte) = pop(input) else { return Ok(Piece::More) };
                    match line.on_byte(byte, limits)? {
                        None => {}
                        Some(0) => *self = Self::Trailers(Section::new(SectionKind::Trailers)),
                        Some(left) => *self = Self::Data { left },
                    }
                }
                Self::Data { left: 0 } => *self = Self::DataEnd { cr: false },
                Self::Data { left } => return Ok(take(left, input)),
                Self::DataEnd { cr } => match pop(input) {
                    None => return Ok(Piece::More),
                    Some(b'\r') if !*cr => *cr = true,
                    Some(b'\n') if *cr => *self = Self::Size(SizeLine::default()),
                    Some(_) => return Err(Fault::ChunkEnd),
                },
                Self::Trailers(section) => {
                    let Some(found) = section.feed(input, limits)? else { return Ok(Piece::More) };
                    *self = Self::Ended;
                    if found.lines > 0 {
                        return parse::trailers(found).map(Piece::Trailers);
                    }
                }
                Self::Ended => return Ok(Piece::End),
            }
        }
    }
}

fn pop(input: &mut Bytes) -> Option<u8> {
    let byte = *input.first()?;
    input.advance(1);
    Some(byte)
}
