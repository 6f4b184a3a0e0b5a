//! Writing, with lengths patched in and checked.

use bytes::{BufMut, BytesMut};

use crate::{Encode, EncodeError, EncodeErrorKind, Guid, utf16::encode_utf16_le};

/// Appends to a buffer. Lengths and counts that do not fit their field are an error in release builds too.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut BytesMut,
    start: usize,
    name: &'static str,
    spec: &'static str,
}

/// A length field written as zero, to be filled in by [`Writer::patch`] once what it counts is written.
#[derive(Debug, Clone, Copy)]
#[must_use = "a length that is never patched stays zero"]
pub struct Patch {
    at: usize,
    width: Width,
    field: &'static str,
}

#[derive(Debug, Clone, Copy)]
enum Width {
    U16Le,
    U16Be,
    U32Le,
    U32Be,
}

impl<'a> Writer<'a> {
    /// Appends behind what `out` already holds; positions count from here.
    #[must_use]
    pub fn new(out: &'a mut BytesMut) -> Self {
        let start = out.len();
        Self { out, start, name: "output", spec: "unnamed" }
    }

    /// Bytes written by this writer so far.
    #[inline]
    #[must_use]
    pub fn position(&self) -> usize {
        self.out.len().saturating_sub(self.start)
    }

    /// Writes a structure, whose name and section its errors carry.
    ///
    /// # Errors
    /// Those of the structure.
    pub fn structure<T: Encode + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        let outer = (self.name, self.spec);
        (self.name, self.spec) = (T::NAME, T::SPEC);
        let result = value.encode(self);
        (self.name, self.spec) = outer;
        result
    }

    /// Makes room for `additional` bytes at once.
    #[inline]
    pub fn reserve(&mut self, additional: usize) {
        self.out.reserve(additional);
    }

    /// Bytes as they are.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.out.put_slice(bytes);
    }

    /// `count` zero bytes.
    #[inline]
    pub fn zeros(&mut self, count: usize) {
        self.out.put_bytes(0, count);
    }

    /// One byte.
    #[inline]
    pub fn u8(&mut self, value: u8) {
        self.out.put_u8(value);
    }

    /// 16 bits, little-endian.
    #[inline]
    pub fn u16_le(&mut self, value: u16) {
        self.out.put_u16_le(value);
    }

    /// 32 bits, little-endian.
    #[inline]
    pub fn u32_le(&mut self, value: u32) {
        self.out.put_u32_le(value);
    }

    /// 64 bits, little-endian.
    #[inline]
    pub fn u64_le(&mut self, value: u64) {
        self.out.put_u64_le(value);
    }

    /// 16 bits, big-endian.
    pub fn u16_be(&mut self, value: u16) {
        self.out.put_u16(value);
    }

    /// 32 bits, big-endian.
    pub fn u32_be(&mut self, value: u32) {
        self.out.put_u32(value);
    }

    /// 16 bits, little-endian, signed.
    #[inline]
    pub fn i16_le(&mut self, value: i16) {
        self.out.put_i16_le(value);
    }

    /// 32 bits, little-endian, signed.
    #[inline]
    pub fn i32_le(&mut self, value: i32) {
        self.out.put_i32_le(value);
    }

    /// 64 bits, little-endian, signed.
    #[inline]
    pub fn i64_le(&mut self, value: i64) {
        self.out.put_i64_le(value);
    }

    /// IEEE 754 binary32, little-endian.
    pub fn f32_le(&mut self, value: f32) {
        self.out.put_f32_le(value);
    }

    /// IEEE 754 binary64, little-endian.
    pub fn f64_le(&mut self, value: f64) {
        self.out.put_f64_le(value);
    }

    /// A GUID, [MS-DTYP] 2.3.4.2.
    pub fn guid(&mut self, value: Guid) {
        self.bytes(&value.to_wire());
    }

    /// Bytes and a NUL.
    ///
    /// # Errors
    /// [`EncodeErrorKind::Value`] when a NUL is inside.
    pub fn c_string(&mut self, text: &[u8], field: &'static str) -> Result<(), EncodeError> {
        if text.contains(&0) {
            return Err(self.error(field, EncodeErrorKind::Value { expected: "text without a NUL", found: 0 }));
        }
        self.bytes(text);
        self.u8(0);
        Ok(())
    }

    /// Text as little-endian UTF-16, without a terminator.
    pub fn utf16(&mut self, text: &str) {
        encode_utf16_le(text, self.out);
    }

    /// Text as little-endian UTF-16, and a NUL code unit.
    ///
    /// # Errors
    /// [`EncodeErrorKind::Value`] when a NUL is inside.
    pub fn c_utf16(&mut self, text: &str, field: &'static str) -> Result<(), EncodeError> {
        if text.contains('\0') {
            return Err(self.error(field, EncodeErrorKind::Value { expected: "text without a NUL", found: 0 }));
        }
        self.utf16(text);
        self.u16_le(0);
        Ok(())
    }

    /// A length or count in 8 bits.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn len_u8(&mut self, len: usize, field: &'static str) -> Result<(), EncodeError> {
        let value = u8::try_from(len).map_err(|_| self.too_long(field, usize::from(u8::MAX), len))?;
        self.u8(value);
        Ok(())
    }

    /// A length or count in 16 bits, little-endian.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn len_u16_le(&mut self, len: usize, field: &'static str) -> Result<(), EncodeError> {
        let value = u16::try_from(len).map_err(|_| self.too_long(field, usize::from(u16::MAX), len))?;
        self.u16_le(value);
        Ok(())
    }

    /// A length or count in 32 bits, little-endian.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn len_u32_le(&mut self, len: usize, field: &'static str) -> Result<(), EncodeError> {
        let value = u32::try_from(len).map_err(|_| self.too_long(field, u32::MAX as usize, len))?;
        self.u32_le(value);
        Ok(())
    }

    /// A 16-bit little-endian field, to be patched.
    pub fn patch_u16_le(&mut self, field: &'static str) -> Patch {
        self.patch_field(Width::U16Le, 2, field)
    }

    /// A 16-bit big-endian field, to be patched.
    pub fn patch_u16_be(&mut self, field: &'static str) -> Patch {
        self.patch_field(Width::U16Be, 2, field)
    }

    /// A 32-bit little-endian field, to be patched.
    pub fn patch_u32_le(&mut self, field: &'static str) -> Patch {
        self.patch_field(Width::U32Le, 4, field)
    }

    /// A 32-bit big-endian field, to be patched.
    pub fn patch_u32_be(&mut self, field: &'static str) -> Patch {
        self.patch_field(Width::U32Be, 4, field)
    }

    fn patch_field(&mut self, width: Width, len: usize, field: &'static str) -> Patch {
        let at = self.out.len();
        self.zeros(len);
        Patch { at, width, field }
    }

    /// Fills a field in.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn patch(&mut self, patch: Patch, value: usize) -> Result<(), EncodeError> {
        let max = match patch.width {
            Width::U16Le | Width::U16Be => usize::from(u16::MAX),
            Width::U32Le | Width::U32Be => u32::MAX as usize,
        };
        let (Ok(wide), true) = (u32::try_from(value), value <= max) else {
            return Err(self.too_long(patch.field, max, value));
        };
        let [a, b, c, d] = wide.to_be_bytes();
        let (bytes, len): ([u8; 4], usize) = match patch.width {
            Width::U16Le => ([d, c, 0, 0], 2),
            Width::U16Be => ([c, d, 0, 0], 2),
            Width::U32Le => ([d, c, b, a], 4),
            Width::U32Be => ([a, b, c, d], 4),
        };
        for (to, from) in self.out.iter_mut().skip(patch.at).take(len).zip(bytes) {
            *to = from;
        }
        Ok(())
    }

    /// Fills a field in with the number of bytes written behind it.
    ///
    /// # Errors
    /// [`EncodeErrorKind::TooLong`].
    pub fn patch_len_behind(&mut self, patch: Patch) -> Result<(), EncodeError> {
        let width = match patch.width {
            Width::U16Le | Width::U16Be => 2,
            Width::U32Le | Width::U32Be => 4,
        };
        let len = self.out.len().saturating_sub(patch.at).saturating_sub(width);
        self.patch(patch, len)
    }

    /// An error that names this structure.
    #[must_use]
    pub const fn error(&self, field: &'static str, kind: EncodeErrorKind) -> EncodeError {
        EncodeError { name: self.name, field, spec: self.spec, kind }
    }

    const fn too_long(&self, field: &'static str, max: usize, len: usize) -> EncodeError {
        self.error(field, EncodeErrorKind::TooLong { max, len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_count_what_is_behind_them() {
        let mut out = BytesMut::from(&b"before"[..]);
        let mut w = Writer::new(&mut out);
        let len = w.patch_u16_le("len");
        w.bytes(b"abc");
        w.patch_len_behind(len).unwrap();
        let be = w.patch_u32_be("be");
        w.patch(be, 0x0102_0304).unwrap();
        assert_eq!(w.position(), 9);
        assert_eq!(&out[..], b"before\x03\0abc\x01\x02\x03\x04");
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let mut out = BytesMut::new();
        let mut w = Writer::new(&mut out);
        let len = w.patch_u16_le("len");
        let error = w.patch(len, 65_536).unwrap_err();
        assert_eq!(error.kind, EncodeErrorKind::TooLong { max: 65_535, len: 65_536 });
        assert!(w.len_u8(256, "n").is_err());
        assert!(w.c_string(b"a\0b", "s").is_err());
        assert!(w.c_utf16("a\0b", "s").is_err());
    }
}
