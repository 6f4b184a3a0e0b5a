//! Multivalue properties, [MS-OXCDATA] 2.11.1: a 32-bit count and the values. Each is a view over the wire, or over a slice of
//! the caller's that is to be written.

use std::fmt;

use oxwire_core::{DecodeError, EncodeError, FileTime, Guid, Reader, Utf16, Writer};

use super::CountWidth;

mod sealed {
    pub trait Sealed {}
}

/// A value of fixed size that a multivalue property can hold. Sealed.
pub trait Fixed: Copy + fmt::Debug + sealed::Sealed {
    /// Its bytes on the wire.
    const LEN: usize;

    /// Reads it from exactly [`Fixed::LEN`] bytes; `None` for another number.
    fn from_wire(bytes: &[u8]) -> Option<Self>;

    /// Appends its [`Fixed::LEN`] bytes.
    fn write(self, w: &mut Writer<'_>);
}

macro_rules! fixed {
    ($($ty:ty, $len:literal, $from:expr, |$w:ident, $value:ident| $write:expr;)*) => {$(
        impl sealed::Sealed for $ty {}

        impl Fixed for $ty {
            const LEN: usize = $len;

            fn from_wire(bytes: &[u8]) -> Option<Self> {
                let bytes: [u8; $len] = bytes.try_into().ok()?;
                Some($from(bytes))
            }

            fn write(self, $w: &mut Writer<'_>) {
                let $value = self;
                $write;
            }
        }
    )*};
}

fixed! {
    i16, 2, i16::from_le_bytes, |w, value| w.i16_le(value);
    i32, 4, i32::from_le_bytes, |w, value| w.i32_le(value);
    i64, 8, i64::from_le_bytes, |w, value| w.i64_le(value);
    f32, 4, f32::from_le_bytes, |w, value| w.f32_le(value);
    f64, 8, f64::from_le_bytes, |w, value| w.f64_le(value);
    FileTime, 8, |bytes| FileTime::from_intervals(u64::from_le_bytes(bytes)), |w, value| w.u64_le(value.intervals());
    Guid, 16, Guid::from_wire, |w, value| w.guid(value);
}

/// A view over several values of one fixed size. Two are equal when their values are.
#[derive(Clone, Copy)]
pub struct Multiple<'a, T>(Source<'a, T>);

#[derive(Clone, Copy)]
enum Source<'a, T> {
    Slice(&'a [T]),
    Wire(&'a [u8]),
}

impl<'a, T: Fixed> Multiple<'a, T> {
    /// A view over a slice.
    #[must_use]
    pub const fn new(values: &'a [T]) -> Self {
        Self(Source::Slice(values))
    }

    /// A view over values as they stand on the wire, without their count; `None` when the last is not whole.
    #[must_use]
    pub const fn from_wire(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len().is_multiple_of(T::LEN) { Some(Self(Source::Wire(bytes))) } else { None }
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            Source::Slice(values) => values.len(),
            Source::Wire(bytes) => bytes.len() / T::LEN,
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The values, in order.
    pub fn iter(self) -> impl Iterator<Item = T> + 'a {
        let (slice, wire): (&[T], &[u8]) = match self.0 {
            Source::Slice(values) => (values, &[]),
            Source::Wire(bytes) => (&[], bytes),
        };
        slice.iter().copied().chain(wire.chunks_exact(T::LEN).filter_map(T::from_wire))
    }

    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = r.len_u32_le("Count")?;
        let count = r.count(count, T::LEN, "Values")?;
        let bytes = r.value_bytes(count.saturating_mul(T::LEN), "Values")?;
        Ok(Self(Source::Wire(bytes)))
    }

    pub(crate) const fn encoded_len(self) -> usize {
        self.len().saturating_mul(T::LEN).saturating_add(4)
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.len_u32_le(self.len(), "Count")?;
        match self.0 {
            Source::Slice(values) => values.iter().for_each(|value| value.write(w)),
            Source::Wire(bytes) => w.bytes(bytes),
        }
        Ok(())
    }
}

impl<T: Fixed + PartialEq> PartialEq for Multiple<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Fixed + Eq> Eq for Multiple<'_, T> {}

impl<'a, T: Fixed> From<&'a [T]> for Multiple<'a, T> {
    fn from(values: &'a [T]) -> Self {
        Self::new(values)
    }
}

impl<T: Fixed> fmt::Debug for Multiple<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A view over several UTF-16 strings on the wire, each with its NUL. To write text of the caller's there is
/// [`PropertyValue::MultipleStr`](super::PropertyValue::MultipleStr).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MultipleString<'a> {
    count: usize,
    bytes: &'a [u8],
}

impl<'a> MultipleString<'a> {
    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.count == 0
    }

    /// The values, in order.
    pub fn iter(self) -> impl Iterator<Item = Utf16<'a>> + 'a {
        let mut r = Reader::new(self.bytes);
        std::iter::from_fn(move || if r.is_empty() { None } else { r.c_utf16("Value").ok() })
    }

    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (count, bytes) = extent(r, 2, |r| r.c_utf16("Value").map(drop))?;
        Ok(Self { count, bytes })
    }

    pub(crate) const fn encoded_len(self) -> usize {
        self.bytes.len().saturating_add(4)
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.len_u32_le(self.count, "Count")?;
        w.bytes(self.bytes);
        Ok(())
    }
}

impl fmt::Debug for MultipleString<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Values of different sizes: a slice, or how many there are on the wire and their bytes.
#[derive(Clone, Copy)]
enum Values<'a> {
    Slice(&'a [&'a [u8]]),
    Wire { count: usize, bytes: &'a [u8] },
}

impl<'a> Values<'a> {
    const fn len(self) -> usize {
        match self {
            Self::Slice(values) => values.len(),
            Self::Wire { count, .. } => count,
        }
    }

    fn iter<F>(self, mut read: F) -> impl Iterator<Item = &'a [u8]>
    where
        F: FnMut(&mut Reader<'a>) -> Result<&'a [u8], DecodeError>,
    {
        let (slice, wire): (&[&[u8]], &[u8]) = match self {
            Self::Slice(values) => (values, &[]),
            Self::Wire { bytes, .. } => (&[], bytes),
        };
        let mut r = Reader::new(wire);
        let wire = std::iter::from_fn(move || if r.is_empty() { None } else { read(&mut r).ok() });
        slice.iter().copied().chain(wire)
    }
}

/// A view over several strings in a code page, each with its NUL on the wire.
#[derive(Clone, Copy)]
pub struct MultipleString8<'a>(Values<'a>);

impl<'a> MultipleString8<'a> {
    /// A view over a slice of strings without their NUL.
    #[must_use]
    pub const fn new(values: &'a [&'a [u8]]) -> Self {
        Self(Values::Slice(values))
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The values, in order.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.0.iter(|r| r.c_string("Value"))
    }

    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (count, bytes) = extent(r, 1, |r| r.c_string("Value").map(drop))?;
        Ok(Self(Values::Wire { count, bytes }))
    }

    pub(crate) fn encoded_len(self) -> usize {
        match self.0 {
            Values::Slice(values) => {
                values.iter().fold(4, |sum, value| sum.saturating_add(value.len()).saturating_add(1))
            }
            Values::Wire { bytes, .. } => bytes.len().saturating_add(4),
        }
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.len_u32_le(self.len(), "Count")?;
        match self.0 {
            Values::Slice(values) => values.iter().try_for_each(|value| w.c_string(value, "Value")),
            Values::Wire { bytes, .. } => {
                w.bytes(bytes);
                Ok(())
            }
        }
    }
}

impl PartialEq for MultipleString8<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for MultipleString8<'_> {}

impl fmt::Debug for MultipleString8<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A view over several binary values, each behind its byte count on the wire.
#[derive(Clone, Copy)]
pub struct MultipleBinary<'a> {
    values: Values<'a>,
    width: CountWidth,
}

impl<'a> MultipleBinary<'a> {
    /// A view over a slice.
    #[must_use]
    pub const fn new(values: &'a [&'a [u8]]) -> Self {
        Self { values: Values::Slice(values), width: CountWidth::RopBuffer }
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The values, in order.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> + 'a {
        self.values.iter(move |r| binary(r, self.width))
    }

    pub(crate) fn decode(r: &mut Reader<'a>, width: CountWidth) -> Result<Self, DecodeError> {
        let (count, bytes) = extent(r, count_len(width), |r| binary(r, width).map(drop))?;
        Ok(Self { values: Values::Wire { count, bytes }, width })
    }

    pub(crate) fn encoded_len(self, width: CountWidth) -> usize {
        let values = self.iter().map(|value| value.len().saturating_add(count_len(width)));
        values.fold(4, usize::saturating_add)
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>, width: CountWidth) -> Result<(), EncodeError> {
        w.len_u32_le(self.len(), "Count")?;
        self.iter().try_for_each(|value| encode_binary(w, value, width))
    }
}

impl PartialEq for MultipleBinary<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for MultipleBinary<'_> {}

impl fmt::Debug for MultipleBinary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Reads a 32-bit count and as many values of `min` bytes at the least, and gives the count and the bytes behind it.
fn extent<'a>(
    r: &mut Reader<'a>,
    min: usize,
    mut skip: impl FnMut(&mut Reader<'a>) -> Result<(), DecodeError>,
) -> Result<(usize, &'a [u8]), DecodeError> {
    let count = r.len_u32_le("Count")?;
    let count = r.count(count, min, "Values")?;
    let (before, start) = (r.left(), r.peek_rest());
    for _ in 0..count {
        skip(r)?;
    }
    let used = before.saturating_sub(r.left());
    Ok((count, start.get(..used).unwrap_or_default()))
}

pub(crate) const fn count_len(width: CountWidth) -> usize {
    match width {
        CountWidth::RopBuffer => 2,
        CountWidth::Extended => 4,
    }
}

pub(crate) fn binary<'a>(r: &mut Reader<'a>, width: CountWidth) -> Result<&'a [u8], DecodeError> {
    let len = match width {
        CountWidth::RopBuffer => usize::from(r.u16_le("Count")?),
        CountWidth::Extended => r.len_u32_le("Count")?,
    };
    r.value_bytes(len, "Value")
}

pub(crate) fn encode_binary(w: &mut Writer<'_>, value: &[u8], width: CountWidth) -> Result<(), EncodeError> {
    match width {
        CountWidth::RopBuffer => w.len_u16_le(value.len(), "Count")?,
        CountWidth::Extended => w.len_u32_le(value.len(), "Count")?,
    }
    w.bytes(value);
    Ok(())
}
