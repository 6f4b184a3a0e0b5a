//! Reading stub data.

use oxwire_core::{DecodeError, DecodeErrorKind, FileTime, Guid, Limits, Reader};

use super::{Array, ContextHandle, Element, NdrDecode, WideText};
use crate::pdu::DataRepresentation;

/// A cursor over stub data that aligns by itself, in the sender's data representation.
///
/// Offsets in errors count from the beginning of the stub data, as alignment does. A count is held against what is left before
/// anything is made from it, and against [`Limits`]; nesting is bounded by [`Limits::depth`].
#[derive(Debug, Clone)]
pub struct NdrReader<'de> {
    r: Reader<'de>,
    drep: DataRepresentation,
    start: usize,
    depth: u16,
    name: &'static str,
    spec: &'static str,
}

/// A pointer as it stands in a structure or an array: its referent comes later. \[C706\] 14.3.12
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[must_use = "the referent of a pointer that is not null follows, and has to be read"]
pub struct Pointer {
    referent_id: u32,
    field: &'static str,
}

impl Pointer {
    /// Whether there is no referent.
    #[must_use]
    pub const fn is_null(self) -> bool {
        self.referent_id == 0
    }
}

macro_rules! integers {
    ($($name:ident $le:ident $be:ident $ty:ty, $align:literal;)*) => {$(
        #[doc = concat!("A `", stringify!($ty), "`, aligned to ", stringify!($align), ".")]
        ///
        /// # Errors
        /// [`DecodeErrorKind::Eof`].
        #[inline]
        pub fn $name(&mut self, field: &'static str) -> Result<$ty, DecodeError> {
            self.align($align)?;
            if self.drep.is_little_endian() { self.r.$le(field) } else { self.r.$be(field) }
        }
    )*};
}

impl<'de> NdrReader<'de> {
    /// A reader with the default limits.
    #[must_use]
    pub const fn new(stub: &'de [u8], drep: DataRepresentation) -> Self {
        Self::with_limits(stub, drep, &Limits::DEFAULT)
    }

    /// A reader with limits of the caller's.
    #[must_use]
    pub const fn with_limits(stub: &'de [u8], drep: DataRepresentation, limits: &'de Limits) -> Self {
        let (name, spec) = ("stub data", "[C706] 14");
        let r = Reader::with_limits(stub, limits).named(name, spec);
        Self { r, drep, start: 0, depth: 0, name, spec }
    }

    /// Starts counting the offsets of errors at `base`, for stub data that is a part of a larger input. Alignment still counts
    /// from the first byte.
    #[must_use]
    pub fn at_offset(mut self, base: usize) -> Self {
        self.r = self.r.at_offset(base);
        self.start = base;
        self
    }

    /// How the sender writes integers.
    #[must_use]
    pub const fn drep(&self) -> DataRepresentation {
        self.drep
    }

    /// Bytes of the stub data read so far, padding in front of the next item not included.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.r.offset().saturating_sub(self.start)
    }

    /// Bytes not yet read.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.r.left()
    }

    /// The limits it was made with.
    #[must_use]
    pub const fn limits(&self) -> &'de Limits {
        self.r.limits()
    }

    /// Skips to a multiple of `alignment` (1, 2, 4 or 8) from the beginning of the stub data. The padding may hold anything.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    #[inline]
    pub fn align(&mut self, alignment: usize) -> Result<(), DecodeError> {
        let position = self.position();
        let padding = position.next_multiple_of(alignment.max(1)).saturating_sub(position);
        self.r.bytes(padding, "alignment").map(|_| ())
    }

    /// Reads a `T`, whose name and section its errors carry.
    ///
    /// # Errors
    /// Those of `T`.
    pub fn structure<T: NdrDecode<'de>>(&mut self) -> Result<T, DecodeError> {
        let outer = (self.name, self.spec);
        self.rename(T::NAME, T::SPEC);
        let value = T::decode(self);
        self.rename(outer.0, outer.1);
        value
    }

    fn rename(&mut self, name: &'static str, spec: &'static str) {
        (self.name, self.spec) = (name, spec);
        self.r = self.r.clone().named(name, spec);
    }

    /// One byte: small, char, boolean.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    #[inline]
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.r.u8(field)
    }

    integers! {
        u16 u16_le u16_be u16, 2;
        i16 i16_le i16_be i16, 2;
        u32 u32_le u32_be u32, 4;
        i32 i32_le i32_be i32, 4;
        u64 u64_le u64_be u64, 8;
        i64 i64_le i64_be i64, 8;
        f32 f32_le f32_be f32, 4;
        f64 f64_le f64_be f64, 8;
    }

    /// An enumeration: 16 bits, \[C706\] 14.2.4. One marked `v1_enum` in its IDL is a [`NdrReader::u32`].
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    pub fn enumeration(&mut self, field: &'static str) -> Result<u16, DecodeError> {
        self.u16(field)
    }

    /// A GUID: a structure aligned to 4. [MS-DTYP] 2.3.4.1
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    pub fn guid(&mut self, field: &'static str) -> Result<Guid, DecodeError> {
        self.align(4)?;
        self.drep.uuid(&mut self.r, field)
    }

    /// A FILETIME: two 32-bit halves, the low one first. [MS-DTYP] 2.3.3
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    pub fn file_time(&mut self, field: &'static str) -> Result<FileTime, DecodeError> {
        let low = self.u32(field)?;
        let high = self.u32(field)?;
        Ok(FileTime::from_intervals(u64::from(high) << 32 | u64::from(low)))
    }

    /// A context handle, \[C706\] appendix N.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    pub fn context_handle(&mut self, field: &'static str) -> Result<ContextHandle, DecodeError> {
        Ok(ContextHandle { attributes: self.u32(field)?, uuid: self.guid(field)? })
    }

    /// A fixed array of `len` bytes.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`], [`DecodeErrorKind::Limit`].
    pub fn bytes(&mut self, len: usize, field: &'static str) -> Result<&'de [u8], DecodeError> {
        self.r.value_bytes(len, field)
    }

    /// A fixed array of `N` bytes.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        self.r.array(field)
    }

    /// `count` primitives: a fixed array, or the elements behind [`NdrReader::conformance`] and [`NdrReader::variance`].
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`], [`DecodeErrorKind::Limit`].
    pub fn elements<T: Element>(&mut self, count: usize, field: &'static str) -> Result<Array<'de, T>, DecodeError> {
        if count == 0 {
            return Ok(Array::default());
        }
        self.align(T::LEN)?;
        let count = self.r.count(count, T::LEN, field)?;
        let bytes = self.r.value_bytes(count.saturating_mul(T::LEN), field)?;
        Ok(Array::new(bytes, self.drep))
    }

    /// The maximum count of a conformant array, \[C706\] 14.3.3.2, held against [`Limits::items`] and, at `min_len` bytes an
    /// element, against what is left. A conformant structure has it in front of its first member. Pass 0 for an array whose
    /// elements need not all be there: a conformant and varying one.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`], [`DecodeErrorKind::Limit`].
    pub fn conformance(&mut self, min_len: usize, field: &'static str) -> Result<usize, DecodeError> {
        let count = self.u32(field)?;
        self.r.count(usize::try_from(count).unwrap_or(usize::MAX), min_len, field)
    }

    /// Offset and actual count of a varying array, \[C706\] 14.3.3.3: the count, held against the maximum that
    /// [`NdrReader::conformance`] or the IDL gives, against [`Limits::items`] and against what is left.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`], [`DecodeErrorKind::Limit`]; [`DecodeErrorKind::Value`] for a count above the maximum and for an
    /// offset that is not 0, which no interface here uses.
    pub fn variance(&mut self, maximum: usize, min_len: usize, field: &'static str) -> Result<usize, DecodeError> {
        self.align(4)?;
        let at = self.r.offset();
        let offset = self.u32(field)?;
        if offset != 0 {
            return Err(self.r.invalid(at, field, "offset 0 of a varying array", offset));
        }
        let at = self.r.offset();
        let count = self.u32(field)?;
        match usize::try_from(count) {
            Ok(count) if count <= maximum => self.r.count(count, min_len, field),
            _ => Err(self.r.invalid(at, field, "an actual count of at most the maximum count", count)),
        }
    }

    /// The bytes of a conformant array, whatever its count.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`], [`DecodeErrorKind::Limit`].
    pub fn conformant_bytes(&mut self, field: &'static str) -> Result<&'de [u8], DecodeError> {
        let count = self.byte_count(field)?;
        self.r.value_bytes(count, field)
    }

    /// The bytes of a conformant array whose size is another argument (`size_is(len)`).
    ///
    /// # Errors
    /// [`DecodeErrorKind::Value`] where the maximum count is not `len`; those of [`NdrReader::conformant_bytes`].
    pub fn conformant_bytes_of(&mut self, len: u32, field: &'static str) -> Result<&'de [u8], DecodeError> {
        self.align(4)?;
        let at = self.r.offset();
        let bytes = self.conformant_bytes(field)?;
        self.expect_len(at, bytes, len, field)?;
        Ok(bytes)
    }

    /// The bytes of a conformant and varying array, whatever its counts.
    ///
    /// # Errors
    /// As [`NdrReader::variance`].
    pub fn conformant_varying_bytes(&mut self, field: &'static str) -> Result<&'de [u8], DecodeError> {
        let maximum = usize::try_from(self.u32(field)?).unwrap_or(usize::MAX);
        self.align(4)?;
        let at = self.r.offset();
        let offset = self.u32(field)?;
        if offset != 0 {
            return Err(self.r.invalid(at, field, "offset 0 of a varying array", offset));
        }
        let at = self.r.offset();
        let count = self.byte_count(field)?;
        if count > maximum {
            let found = u64::try_from(count).unwrap_or(u64::MAX);
            return Err(self.r.invalid(at, field, "an actual count of at most the maximum count", found));
        }
        self.r.value_bytes(count, field)
    }

    /// The bytes of a conformant and varying array whose length is another argument (`length_is(len)`).
    ///
    /// # Errors
    /// [`DecodeErrorKind::Value`] where the actual count is not `len`; those of [`NdrReader::conformant_varying_bytes`].
    pub fn conformant_varying_bytes_of(&mut self, len: u32, field: &'static str) -> Result<&'de [u8], DecodeError> {
        self.align(4)?;
        let at = self.r.offset();
        let bytes = self.conformant_varying_bytes(field)?;
        self.expect_len(at.saturating_add(8), bytes, len, field)?;
        Ok(bytes)
    }

    /// The primitives of a conformant array.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`], [`DecodeErrorKind::Limit`].
    pub fn conformant<T: Element>(&mut self, field: &'static str) -> Result<Array<'de, T>, DecodeError> {
        let count = self.conformance(T::LEN, field)?;
        self.elements(count, field)
    }

    /// The primitives of a conformant and varying array.
    ///
    /// # Errors
    /// As [`NdrReader::variance`].
    pub fn conformant_varying<T: Element>(&mut self, field: &'static str) -> Result<Array<'de, T>, DecodeError> {
        let maximum = usize::try_from(self.u32(field)?).unwrap_or(usize::MAX);
        let count = self.variance(maximum, T::LEN, field)?;
        self.elements(count, field)
    }

    /// A string of 8-bit characters, \[C706\] 14.3.4: the text in front of its first NUL.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Text`] without a terminator; those of [`NdrReader::variance`].
    pub fn string8(&mut self, field: &'static str) -> Result<&'de [u8], DecodeError> {
        let bytes = self.conformant_varying_bytes(field)?;
        match bytes.iter().position(|byte| *byte == 0) {
            Some(len) => Ok(bytes.get(..len).unwrap_or_default()),
            None => Err(self.r.error(field, DecodeErrorKind::Text { expected: "a NUL at the end of the string" })),
        }
    }

    /// A string of 16-bit characters, \[C706\] 14.3.4: the text in front of its first NUL.
    ///
    /// # Errors
    /// As [`NdrReader::string8`].
    pub fn string16(&mut self, field: &'static str) -> Result<WideText<'de>, DecodeError> {
        let maximum = usize::try_from(self.u32(field)?).unwrap_or(usize::MAX);
        // Characters are bytes here: Limits::value_bytes bounds them, not Limits::items.
        self.align(4)?;
        let at = self.r.offset();
        let offset = self.u32(field)?;
        if offset != 0 {
            return Err(self.r.invalid(at, field, "offset 0 of a varying array", offset));
        }
        let at = self.r.offset();
        let count = self.u32(field)?;
        let units = usize::try_from(count).unwrap_or(usize::MAX);
        if units > maximum {
            return Err(self.r.invalid(at, field, "an actual count of at most the maximum count", count));
        }
        let bytes = self.r.value_bytes(units.saturating_mul(2), field)?;
        match bytes.chunks_exact(2).position(|unit| unit == [0, 0]) {
            Some(len) => {
                let text = bytes.get(..len.saturating_mul(2)).unwrap_or_default();
                Ok(WideText::new(text, !self.drep.is_little_endian()))
            }
            None => Err(self.r.error(field, DecodeErrorKind::Text { expected: "a NUL at the end of the string" })),
        }
    }

    /// A pointer that is embedded in a structure or an array. Its referent follows later: [`NdrReader::referent`].
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    pub fn pointer(&mut self, field: &'static str) -> Result<Pointer, DecodeError> {
        Ok(Pointer { referent_id: self.u32(field)?, field })
    }

    /// A reference pointer that is embedded: it must not be null. \[C706\] 14.3.12.1
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`], [`DecodeErrorKind::Value`].
    pub fn reference(&mut self, field: &'static str) -> Result<Pointer, DecodeError> {
        self.align(4)?;
        let at = self.r.offset();
        let pointer = self.pointer(field)?;
        if pointer.is_null() {
            return Err(self.r.invalid(at, field, "a reference pointer, which is not null", 0_u32));
        }
        Ok(pointer)
    }

    /// The referent of a pointer that stood earlier, one level deeper.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Limit`] past [`Limits::depth`], and those of `read`.
    pub fn referent<T>(
        &mut self,
        pointer: Pointer,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if pointer.is_null() {
            return Ok(None);
        }
        let allowed = self.limits().depth;
        if self.depth >= allowed {
            let (allowed, found) = (usize::from(allowed), usize::from(self.depth).saturating_add(1));
            return Err(self.r.error(pointer.field, DecodeErrorKind::Limit { limit: "depth", allowed, found }));
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value.map(Some)
    }

    /// A unique pointer that is an argument of its own: its referent follows at once. \[C706\] 14.3.11
    ///
    /// # Errors
    /// Those of [`NdrReader::referent`].
    pub fn unique<T>(
        &mut self,
        field: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        let pointer = self.pointer(field)?;
        self.referent(pointer, read)
    }

    /// Reads by a [`Reader`] of the core's, from the next multiple of 4 on: for views that are defined beside other encodings of the
    /// same structure and that know how NDR lays it out.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Unsupported`] for a sender that is not little-endian, and those of `read`.
    pub fn view<T>(&mut self, read: impl FnOnce(&mut Reader<'de>) -> Result<T, DecodeError>) -> Result<T, DecodeError> {
        self.align(4)?;
        if !self.drep.is_little_endian() {
            return Err(self.r.error("stub data", DecodeErrorKind::Unsupported { what: "big-endian stub data" }));
        }
        read(&mut self.r)
    }

    /// An error at the next byte.
    #[must_use]
    pub const fn error(&self, field: &'static str, kind: DecodeErrorKind) -> DecodeError {
        self.r.error(field, kind)
    }

    /// A [`DecodeErrorKind::Value`] at the next byte.
    #[must_use]
    pub fn invalid(&self, field: &'static str, expected: &'static str, found: impl Into<u64>) -> DecodeError {
        self.r.invalid(self.r.offset(), field, expected, found)
    }

    /// Closes stub data that must end here.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Trailing`].
    pub const fn finish(&self) -> Result<(), DecodeError> {
        self.r.finish()
    }

    /// A count of bytes, which [`Limits::value_bytes`] bounds and not [`Limits::items`].
    fn byte_count(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        Ok(usize::try_from(self.u32(field)?).unwrap_or(usize::MAX))
    }

    fn expect_len(&self, at: usize, bytes: &[u8], len: u32, field: &'static str) -> Result<(), DecodeError> {
        if u32::try_from(bytes.len()) == Ok(len) {
            return Ok(());
        }
        let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        Err(self.r.invalid(at, field, "a count that agrees with the argument that gives the size", found))
    }
}
