//! Writing stub data.

use bytes::BytesMut;
use oxwire_core::{EncodeError, EncodeErrorKind, FileTime, Guid, Writer};

use super::{ContextHandle, NdrEncode};

/// Writes stub data, little-endian, and aligns by itself. Padding is zero.
#[derive(Debug)]
pub struct NdrWriter<'a> {
    w: Writer<'a>,
    referents: u32,
    name: &'static str,
    spec: &'static str,
}

macro_rules! integers {
    ($($name:ident $le:ident $ty:ty, $align:literal;)*) => {$(
        #[doc = concat!("A `", stringify!($ty), "`, aligned to ", stringify!($align), ".")]
        #[inline]
        pub fn $name(&mut self, value: $ty) {
            self.align($align);
            self.w.$le(value);
        }
    )*};
}

impl<'a> NdrWriter<'a> {
    /// Appends behind what `out` already holds; alignment counts from here.
    #[must_use]
    pub fn new(out: &'a mut BytesMut) -> Self {
        Self { w: Writer::new(out), referents: 0, name: "stub data", spec: "[C706] 14" }
    }

    /// Bytes of stub data written so far.
    #[must_use]
    pub fn position(&self) -> usize {
        self.w.position()
    }

    /// Makes room for `additional` bytes at once.
    pub fn reserve(&mut self, additional: usize) {
        self.w.reserve(additional);
    }

    /// Zeros up to a multiple of `alignment` (1, 2, 4 or 8) from the beginning of the stub data.
    #[inline]
    pub fn align(&mut self, alignment: usize) {
        let beyond = self.position() % alignment.max(1);
        if beyond != 0 {
            self.w.zeros(alignment.saturating_sub(beyond));
        }
    }

    /// Writes a structure, whose name and section its errors carry.
    ///
    /// # Errors
    /// Those of the structure.
    pub fn structure<T: NdrEncode + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let outer = (self.name, self.spec);
        (self.name, self.spec) = (T::NAME, T::SPEC);
        let result = value.encode(self);
        (self.name, self.spec) = outer;
        result
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) {
        self.w.u8(value);
    }

    integers! {
        u16 u16_le u16, 2;
        i16 i16_le i16, 2;
        u32 u32_le u32, 4;
        i32 i32_le i32, 4;
        u64 u64_le u64, 8;
        i64 i64_le i64, 8;
        f32 f32_le f32, 4;
        f64 f64_le f64, 8;
    }

    /// An enumeration: 16 bits, \[C706\] 14.2.4. One marked `v1_enum` in its IDL is a [`NdrWriter::u32`].
    pub fn enumeration(&mut self, value: u16) {
        self.u16(value);
    }

    /// A GUID, aligned to 4. [MS-DTYP] 2.3.4.1
    pub fn guid(&mut self, value: Guid) {
        self.align(4);
        self.w.guid(value);
    }

    /// A FILETIME, aligned to 4. [MS-DTYP] 2.3.3
    pub fn file_time(&mut self, value: FileTime) {
        self.align(4);
        self.w.u64_le(value.intervals());
    }

    /// A context handle, \[C706\] appendix N.
    pub fn context_handle(&mut self, value: ContextHandle) {
        self.u32(value.attributes);
        self.guid(value.uuid);
    }

    /// Bytes as they are: a fixed array, or the elements behind [`NdrWriter::conformance`].
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.w.bytes(bytes);
    }

    /// A 32-bit length or count that is an argument or a member.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn len_u32(&mut self, len: usize, field: &'static str) -> Result<(), EncodeError> {
        let kind = EncodeErrorKind::TooLong { max: u32::MAX as usize, len };
        let value = u32::try_from(len).map_err(|_| self.error(field, kind))?;
        self.u32(value);
        Ok(())
    }

    /// The maximum count of a conformant array, \[C706\] 14.3.3.2. A conformant structure has it in front of its first member.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn conformance(&mut self, count: usize, field: &'static str) -> Result<(), EncodeError> {
        self.len_u32(count, field)
    }

    /// Offset (0) and actual count of a varying array, \[C706\] 14.3.3.3.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn variance(&mut self, count: usize, field: &'static str) -> Result<(), EncodeError> {
        self.u32(0);
        self.len_u32(count, field)
    }

    /// Maximum count, offset (0) and actual count of a conformant and varying array that is given whole, as a string is.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn conformant_varying(&mut self, count: usize, field: &'static str) -> Result<(), EncodeError> {
        let kind = EncodeErrorKind::TooLong { max: u32::MAX as usize, len: count };
        let [a, b, c, d] = u32::try_from(count).map_err(|_| self.error(field, kind))?.to_le_bytes();
        self.align(4);
        self.bytes(&[a, b, c, d, 0, 0, 0, 0, a, b, c, d]);
        Ok(())
    }

    /// A conformant array of bytes.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn conformant_bytes(&mut self, bytes: &[u8], field: &'static str) -> Result<(), EncodeError> {
        self.conformance(bytes.len(), field)?;
        self.bytes(bytes);
        Ok(())
    }

    /// A conformant and varying array of bytes, whose maximum count is `maximum` (`size_is`) or what is given, where that is more.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn conformant_varying_bytes(
        &mut self,
        maximum: usize,
        bytes: &[u8],
        field: &'static str,
    ) -> Result<(), EncodeError> {
        self.conformance(maximum.max(bytes.len()), field)?;
        self.variance(bytes.len(), field)?;
        self.bytes(bytes);
        Ok(())
    }

    /// A string of 8-bit characters and its terminator, \[C706\] 14.3.4.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`]; [`EncodeErrorKind::Value`] when a NUL is inside.
    pub fn string8(&mut self, text: &[u8], field: &'static str) -> Result<(), EncodeError> {
        self.no_nul(text.contains(&0), field)?;
        self.conformant_varying(text.len().saturating_add(1), field)?;
        self.bytes(text);
        self.u8(0);
        Ok(())
    }

    /// A string of 16-bit characters and its terminator, \[C706\] 14.3.4.
    ///
    /// # Errors
    /// As [`NdrWriter::string8`].
    pub fn string16(&mut self, text: &str, field: &'static str) -> Result<(), EncodeError> {
        self.units(text.encode_utf16(), field)
    }

    /// A string of 16-bit characters, given as code units, and its terminator.
    ///
    /// # Errors
    /// As [`NdrWriter::string8`].
    pub fn units(&mut self, units: impl Iterator<Item = u16> + Clone, field: &'static str) -> Result<(), EncodeError> {
        self.no_nul(units.clone().any(|unit| unit == 0), field)?;
        self.conformant_varying(units.clone().count().saturating_add(1), field)?;
        units.for_each(|unit| self.w.u16_le(unit));
        self.w.u16_le(0);
        Ok(())
    }

    /// A pointer that is embedded in a structure or an array, null or not. Its referent is written by the caller behind the
    /// outermost construction, in the order of the pointers.
    #[inline]
    pub fn pointer(&mut self, present: bool) {
        let referent_id = if present {
            // What Windows writes: ids from 0x00020000 on in steps of four. Any number that is not 0 and not used yet would do.
            let id = self.referents.saturating_mul(4).saturating_add(0x0002_0000);
            self.referents = self.referents.saturating_add(1);
            id
        } else {
            0
        };
        self.u32(referent_id);
    }

    /// A unique pointer that is an argument of its own, and its referent at once.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn unique<T>(
        &mut self,
        value: Option<T>,
        write: impl FnOnce(&mut Self, T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.pointer(value.is_some());
        value.map_or(Ok(()), |value| write(self, value))
    }

    /// An error that names this structure.
    #[must_use]
    pub const fn error(&self, field: &'static str, kind: EncodeErrorKind) -> EncodeError {
        EncodeError { name: self.name, field, spec: self.spec, kind }
    }

    const fn no_nul(&self, found: bool, field: &'static str) -> Result<(), EncodeError> {
        if found {
            return Err(self.error(field, EncodeErrorKind::Value { expected: "text without a NUL", found: 0 }));
        }
        Ok(())
    }
}
