//! Multivalue properties, [MS-OXCDATA] 2.11.1: a 32-bit count and the values.

use std::fmt;
use std::marker::PhantomData;

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
}

macro_rules! fixed {
    ($($ty:ty, $len:literal, $from:expr;)*) => {$(
        impl sealed::Sealed for $ty {}

        impl Fixed for $ty {
            const LEN: usize = $len;

            fn from_wire(bytes: &[u8]) -> Option<Self> {
                let bytes: [u8; $len] = bytes.try_into().ok()?;
                Some($from(bytes))
            }
        }
    )*};
}

fixed! {
    i16, 2, i16::from_le_bytes;
    i32, 4, i32::from_le_bytes;
    i64, 8, i64::from_le_bytes;
    f32, 4, f32::from_le_bytes;
    f64, 8, f64::from_le_bytes;
    FileTime, 8, |bytes| FileTime::from_intervals(u64::from_le_bytes(bytes));
    Guid, 16, Guid::from_wire;
}

/// A view over several values of one fixed size.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Multiple<'a, T> {
    bytes: &'a [u8],
    of: PhantomData<T>,
}

impl<'a, T: Fixed> Multiple<'a, T> {
    /// A view over values as they stand on the wire, without their count; `None` when the last is not whole.
    #[must_use]
    pub const fn from_wire(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len().is_multiple_of(T::LEN) { Some(Self { bytes, of: PhantomData }) } else { None }
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        self.bytes.len() / T::LEN
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.bytes.is_empty()
    }

    /// The values, in order.
    pub fn iter(self) -> impl Iterator<Item = T> + 'a
    where
        T: 'a,
    {
        self.bytes.chunks_exact(T::LEN).filter_map(T::from_wire)
    }

    pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = r.len_u32_le("Count")?;
        let count = r.count(count, T::LEN, "Values")?;
        let bytes = r.value_bytes(count.saturating_mul(T::LEN), "Values")?;
        Ok(Self { bytes, of: PhantomData })
    }

    pub(crate) const fn encoded_len(self) -> usize {
        self.bytes.len().saturating_add(4)
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.len_u32_le(self.len(), "Count")?;
        w.bytes(self.bytes);
        Ok(())
    }
}

impl<T: Fixed> fmt::Debug for Multiple<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

macro_rules! variable {
    ($(#[$doc:meta])* $name:ident, $item:ty, $min:literal, |$r:ident| $read:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name<'a> {
            count: usize,
            bytes: &'a [u8],
        }

        impl<'a> $name<'a> {
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

            pub(crate) fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
                let count = r.len_u32_le("Count")?;
                let count = r.count(count, $min, "Values")?;
                let (before, start) = (r.left(), r.peek_rest());
                for _ in 0..count {
                    let $r = &mut *r;
                    $read?;
                }
                let used = before.saturating_sub(r.left());
                Ok(Self { count, bytes: start.get(..used).unwrap_or_default() })
            }

            pub(crate) const fn encoded_len(self) -> usize {
                self.bytes.len().saturating_add(4)
            }

            /// The values, in order.
            pub fn iter(self) -> impl Iterator<Item = $item> + 'a {
                let mut r = Reader::new(self.bytes);
                std::iter::from_fn(move || {
                    if r.is_empty() {
                        return None;
                    }
                    let $r = &mut r;
                    $read.ok()
                })
            }

            pub(crate) fn encode(self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
                w.len_u32_le(self.count, "Count")?;
                w.bytes(self.bytes);
                Ok(())
            }
        }

        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_list().entries(self.iter()).finish()
            }
        }
    };
}

variable! {
    /// A view over several UTF-16 strings, each with its NUL.
    MultipleString, Utf16<'a>, 2, |r| r.c_utf16("Value")
}

variable! {
    /// A view over several strings in a code page, each with its NUL.
    MultipleString8, &'a [u8], 1, |r| r.c_string("Value")
}

/// A view over several binary values, each behind its byte count.
#[derive(Clone, Copy)]
pub struct MultipleBinary<'a> {
    count: usize,
    bytes: &'a [u8],
    width: CountWidth,
}

impl<'a> MultipleBinary<'a> {
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
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> + 'a {
        let mut r = Reader::new(self.bytes);
        std::iter::from_fn(move || if r.is_empty() { None } else { binary(&mut r, self.width).ok() })
    }

    pub(crate) fn decode(r: &mut Reader<'a>, width: CountWidth) -> Result<Self, DecodeError> {
        let count = r.len_u32_le("Count")?;
        let count = r.count(count, count_len(width), "Values")?;
        let (before, start) = (r.left(), r.peek_rest());
        for _ in 0..count {
            binary(r, width)?;
        }
        let used = before.saturating_sub(r.left());
        Ok(Self { count, bytes: start.get(..used).unwrap_or_default(), width })
    }

    pub(crate) fn encoded_len(self, width: CountWidth) -> usize {
        let values = self.iter().map(|value| value.len().saturating_add(count_len(width)));
        values.fold(4, usize::saturating_add)
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>, width: CountWidth) -> Result<(), EncodeError> {
        w.len_u32_le(self.count, "Count")?;
        self.iter().try_for_each(|value| encode_binary(w, value, width))
    }
}

impl PartialEq for MultipleBinary<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.count == other.count && self.iter().eq(other.iter())
    }
}

impl Eq for MultipleBinary<'_> {}

impl fmt::Debug for MultipleBinary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
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
