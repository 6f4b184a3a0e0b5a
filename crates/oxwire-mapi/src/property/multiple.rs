//! Multivalue properties, [MS-OXCDATA] 2.11.1: a 32-bit count and the values. Each is a view over the wire, or over a slice of
//! the caller's that is to be written.

use std::fmt;

use oxwire_core::{DecodeError, EncodeError, FileTime, Guid, Reader, Utf16, Writer};

use super::CountWidth;
use super::elements::{Elements, HAS_VALUE, Kind, Layout};

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
/// [`PropertyValue::MultipleStr`](super::PropertyValue::MultipleStr). Two are equal when their values are.
#[derive(Clone, Copy)]
pub struct MultipleString<'a>(Elements<'a>);

impl<'a> MultipleString<'a> {
    /// Reads a WStringArray_r's strings as NDR has them, [MS-OXNSPI] 2.3.1.9: `count` pointers, then what each refers to,
    /// little-endian. The reader stands behind the maximum count, at a multiple of 4 of the stub data. A null pointer is an
    /// empty string.
    ///
    /// # Errors
    /// [`DecodeError`]: counts past the bytes or the limits, a string without its NUL.
    pub fn decode_referents(r: &mut Reader<'a>, count: usize) -> Result<Self, DecodeError> {
        Elements::decode_referents(r, count, Kind::Utf16).map(Self)
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The values, in order.
    pub fn iter(self) -> impl Iterator<Item = Utf16<'a>> + 'a {
        self.0.iter(Kind::Utf16).map(Utf16::from_truncated)
    }

    pub(crate) fn decode(r: &mut Reader<'a>, width: CountWidth) -> Result<Self, DecodeError> {
        Elements::decode(r, Kind::Utf16, width).map(Self)
    }

    pub(crate) fn encoded_len(self, width: CountWidth) -> usize {
        elements_len(width, 2, self.0.iter(Kind::Utf16))
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>, width: CountWidth) -> Result<(), EncodeError> {
        w.len_u32_le(self.len(), "Count")?;
        for value in self.0.iter(Kind::Utf16) {
            mark_element(w, width);
            w.bytes(value);
            w.u16_le(0);
        }
        Ok(())
    }
}

impl PartialEq for MultipleString<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for MultipleString<'_> {}

impl fmt::Debug for MultipleString<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Values of different sizes: a slice, or as they stand on the wire.
#[derive(Clone, Copy)]
enum Values<'a> {
    Slice(&'a [&'a [u8]]),
    Wire(Elements<'a>),
}

impl<'a> Values<'a> {
    const fn len(self) -> usize {
        match self {
            Self::Slice(values) => values.len(),
            Self::Wire(elements) => elements.count,
        }
    }

    fn iter(self, kind: Kind) -> impl Iterator<Item = &'a [u8]> + 'a {
        let (slice, wire): (&[&[u8]], Elements<'_>) = match self {
            Self::Slice(values) => (values, Elements { count: 0, bytes: &[], layout: Layout::HasValue }),
            Self::Wire(elements) => (&[], elements),
        };
        slice.iter().copied().chain(wire.iter(kind))
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

    /// Reads a StringArray_r's strings as NDR has them, [MS-OXNSPI] 2.3.1.6; see [`MultipleString::decode_referents`].
    ///
    /// # Errors
    /// As there.
    pub fn decode_referents(r: &mut Reader<'a>, count: usize) -> Result<Self, DecodeError> {
        Elements::decode_referents(r, count, Kind::String8).map(Values::Wire).map(Self)
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
        self.0.iter(Kind::String8)
    }

    pub(crate) fn decode(r: &mut Reader<'a>, width: CountWidth) -> Result<Self, DecodeError> {
        Elements::decode(r, Kind::String8, width).map(Values::Wire).map(Self)
    }

    pub(crate) fn encoded_len(self, width: CountWidth) -> usize {
        elements_len(width, 1, self.iter())
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>, width: CountWidth) -> Result<(), EncodeError> {
        w.len_u32_le(self.len(), "Count")?;
        self.iter().try_for_each(|value| {
            mark_element(w, width);
            w.c_string(value, "Value")
        })
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
pub struct MultipleBinary<'a>(Values<'a>);

impl<'a> MultipleBinary<'a> {
    /// A view over a slice.
    #[must_use]
    pub const fn new(values: &'a [&'a [u8]]) -> Self {
        Self(Values::Slice(values))
    }

    /// Reads a BinaryArray_r's values as NDR has them, [MS-OXNSPI] 2.3.1.7: `count` byte counts and pointers, then what each
    /// refers to; see [`MultipleString::decode_referents`].
    ///
    /// # Errors
    /// As there.
    pub fn decode_referents(r: &mut Reader<'a>, count: usize) -> Result<Self, DecodeError> {
        Elements::decode_referents(r, count, Kind::Binary).map(Values::Wire).map(Self)
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
        self.0.iter(Kind::Binary)
    }

    pub(crate) fn decode(r: &mut Reader<'a>, width: CountWidth) -> Result<Self, DecodeError> {
        Elements::decode(r, Kind::Binary, width).map(Values::Wire).map(Self)
    }

    pub(crate) fn encoded_len(self, width: CountWidth) -> usize {
        elements_len(width, width.binary(), self.iter())
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>, width: CountWidth) -> Result<(), EncodeError> {
        w.len_u32_le(self.len(), "Count")?;
        self.iter().try_for_each(|value| {
            mark_element(w, width);
            encode_binary(w, value, width)
        })
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

/// A count, and each value with `around` bytes before or behind it.
fn elements_len<'a>(width: CountWidth, around: usize, values: impl Iterator<Item = &'a [u8]>) -> usize {
    let around = around.saturating_add(usize::from(width == CountWidth::AddressBook));
    values.fold(4, |sum, value| sum.saturating_add(value.len()).saturating_add(around))
}

/// In the address book, the HasValue byte that products put before each value.
fn mark_element(w: &mut Writer<'_>, width: CountWidth) {
    if width == CountWidth::AddressBook {
        w.u8(HAS_VALUE);
    }
}

pub(crate) fn encode_binary(w: &mut Writer<'_>, value: &[u8], width: CountWidth) -> Result<(), EncodeError> {
    match width {
        CountWidth::RopBuffer => w.len_u16_le(value.len(), "Count")?,
        CountWidth::Extended | CountWidth::AddressBook => w.len_u32_le(value.len(), "Count")?,
    }
    w.bytes(value);
    Ok(())
}
