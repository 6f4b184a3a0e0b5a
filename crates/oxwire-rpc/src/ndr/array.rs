//! Arrays of primitives, as views.

use std::fmt;
use std::marker::PhantomData;

use crate::pdu::DataRepresentation;

/// A primitive that an [`Array`] is made of: `u16`, `i16`, `u32`, `i32`, `u64` or `i64`.
pub trait Element: Copy + fmt::Debug + sealed::Sealed {
    /// Bytes of one, which is its alignment too.
    const LEN: usize;

    #[doc(hidden)]
    fn read(bytes: &[u8], little_endian: bool) -> Self;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($ty:ty)*) => {$(
        impl sealed::Sealed for $ty {}

        impl Element for $ty {
            const LEN: usize = size_of::<$ty>();

            fn read(bytes: &[u8], little_endian: bool) -> Self {
                let array = bytes.first_chunk().copied().unwrap_or_default();
                if little_endian { Self::from_le_bytes(array) } else { Self::from_be_bytes(array) }
            }
        }
    )*};
}

elements! { u16 i16 u32 i32 u64 i64 }

/// An array of primitives in stub data.
#[derive(Clone, Copy)]
pub struct Array<'de, T> {
    bytes: &'de [u8],
    little_endian: bool,
    element: PhantomData<T>,
}

impl<'de, T: Element> Array<'de, T> {
    pub(super) const fn new(bytes: &'de [u8], drep: DataRepresentation) -> Self {
        Self { bytes, little_endian: drep.is_little_endian(), element: PhantomData }
    }

    /// How many elements it has.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len() / T::LEN
    }

    /// Whether it has none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T> + Clone + use<'de, T> {
        let little_endian = self.little_endian;
        self.bytes.chunks_exact(T::LEN).map(move |chunk| T::read(chunk, little_endian))
    }

    /// The element at `index`.
    #[must_use]
    pub fn at(&self, index: usize) -> Option<T> {
        let bytes = self.bytes.get(index.checked_mul(T::LEN)?..)?.get(..T::LEN)?;
        Some(T::read(bytes, self.little_endian))
    }
}

impl<T: Element> Default for Array<'_, T> {
    fn default() -> Self {
        Self::new(&[], DataRepresentation::LITTLE_ENDIAN)
    }
}

impl<T: Element + PartialEq> PartialEq for Array<'_, T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Element + Eq> Eq for Array<'_, T> {}

impl<T: Element> fmt::Debug for Array<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
