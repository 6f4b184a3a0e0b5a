//! Reading without panics: every read names its field and returns `Result`.

use crate::{Decode, DecodeError, DecodeErrorKind, Guid, Limits, Utf16};

/// A cursor over untrusted bytes.
///
/// Offsets in errors are absolute: a reader made by [`Reader::sub`] goes on counting where its parent stands. Whoever reads
/// a structure closes it: [`Reader::finish`], or an explicit [`Reader::ignore_rest`].
#[derive(Debug, Clone)]
pub struct Reader<'de> {
    input: &'de [u8],
    pos: usize,
    base: usize,
    depth: u16,
    name: &'static str,
    spec: &'static str,
    limits: &'de Limits,
}

macro_rules! integers {
    ($($le:ident $be:ident $ty:ty),* $(,)?) => {$(
        #[doc = concat!("A little-endian `", stringify!($ty), "`.")]
        ///
        /// # Errors
        /// [`DecodeErrorKind::Eof`].
        #[inline]
        pub fn $le(&mut self, field: &'static str) -> Result<$ty, DecodeError> {
            self.array(field).map(<$ty>::from_le_bytes)
        }

        #[doc = concat!("A big-endian `", stringify!($ty), "`.")]
        ///
        /// # Errors
        /// [`DecodeErrorKind::Eof`].
        #[inline]
        pub fn $be(&mut self, field: &'static str) -> Result<$ty, DecodeError> {
            self.array(field).map(<$ty>::from_be_bytes)
        }
    )*};
}

impl<'de> Reader<'de> {
    /// A reader with the default limits.
    #[must_use]
    pub const fn new(input: &'de [u8]) -> Self {
        Self::with_limits(input, &Limits::DEFAULT)
    }

    /// A reader with limits of the caller's.
    #[must_use]
    pub const fn with_limits(input: &'de [u8], limits: &'de Limits) -> Self {
        Self { input, pos: 0, base: 0, depth: 0, name: "input", spec: "unnamed", limits }
    }

    /// The same reader, whose errors name a structure and its section. [`Reader::structure`] does it for a [`Decode`].
    #[must_use]
    pub const fn named(mut self, name: &'static str, spec: &'static str) -> Self {
        self.name = name;
        self.spec = spec;
        self
    }

    /// Starts counting offsets at `base`, for an input that is a part of a larger one.
    #[must_use]
    pub const fn at_offset(mut self, base: usize) -> Self {
        self.base = base;
        self
    }

    /// Absolute offset of the next byte.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.base + self.pos
    }

    /// Bytes not yet read.
    #[must_use]
    pub const fn left(&self) -> usize {
        self.input.len() - self.pos
    }

    /// Whether all is read.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left() == 0
    }

    /// The limits it was made with.
    #[must_use]
    pub const fn limits(&self) -> &'de Limits {
        self.limits
    }

    /// What is left, without reading it.
    #[must_use]
    pub fn peek_rest(&self) -> &'de [u8] {
        self.input.get(self.pos..).unwrap_or_default()
    }

    /// The next byte, without reading it.
    #[must_use]
    pub fn peek_u8(&self) -> Option<u8> {
        self.input.get(self.pos).copied()
    }

    /// Reads a `T`, whose name and section its errors carry.
    ///
    /// # Errors
    /// Those of `T`.
    #[inline]
    pub fn structure<T: Decode<'de>>(&mut self) -> Result<T, DecodeError> {
        let outer = (self.name, self.spec);
        (self.name, self.spec) = (T::NAME, T::SPEC);
        let value = T::decode(self);
        (self.name, self.spec) = outer;
        value
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    #[inline]
    pub fn bytes(&mut self, len: usize, field: &'static str) -> Result<&'de [u8], DecodeError> {
        match self.peek_rest().get(..len) {
            Some(bytes) => {
                self.pos += len;
                Ok(bytes)
            }
            None => Err(self.eof(len, field)),
        }
    }

    /// The next `N` bytes, as an array.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    #[inline]
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        match self.peek_rest().first_chunk::<N>() {
            Some(array) => {
                self.pos += N;
                Ok(*array)
            }
            None => Err(self.eof(N, field)),
        }
    }

    /// The next `len` bytes, held against [`Limits::value_bytes`] too.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`], [`DecodeErrorKind::Limit`].
    pub fn value_bytes(&mut self, len: usize, field: &'static str) -> Result<&'de [u8], DecodeError> {
        if len > self.limits.value_bytes {
            return Err(self.limit("value_bytes", self.limits.value_bytes, len, field));
        }
        self.bytes(len, field)
    }

    /// A reader over the next `len` bytes, whose offsets go on from here. It inherits name, section, limits and depth.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    #[inline]
    pub fn sub(&mut self, len: usize, field: &'static str) -> Result<Self, DecodeError> {
        let base = self.offset();
        let input = self.bytes(len, field)?;
        Ok(Self { input, pos: 0, base, ..self.clone() })
    }

    /// All that is left.
    #[must_use]
    pub fn rest(&mut self) -> &'de [u8] {
        let rest = self.peek_rest();
        self.pos = self.input.len();
        rest
    }

    /// Leaves what is left unread, where a section says that it is to be ignored; `_section` names that section.
    pub const fn ignore_rest(&mut self, _section: &'static str) {
        self.pos = self.input.len();
    }

    /// One byte.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    #[inline]
    pub fn u8(&mut self, field: &'static str) -> Result<u8, DecodeError> {
        self.array::<1>(field).map(|[byte]| byte)
    }

    integers! {
        u16_le u16_be u16, u32_le u32_be u32, u64_le u64_be u64,
        i16_le i16_be i16, i32_le i32_be i32, i64_le i64_be i64,
        f32_le f32_be f32, f64_le f64_be f64,
    }

    /// A 32-bit little-endian length or count, as `usize`.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`]; [`DecodeErrorKind::Limit`] on a machine whose `usize` is narrower.
    pub fn len_u32_le(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        let at = self.offset();
        let value = self.u32_le(field)?;
        usize::try_from(value).map_err(|_| {
            self.error_at(at, field, DecodeErrorKind::Limit { limit: "usize", allowed: usize::MAX, found: usize::MAX })
        })
    }

    /// A GUID, [MS-DTYP] 2.3.4.2.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`].
    pub fn guid(&mut self, field: &'static str) -> Result<Guid, DecodeError> {
        self.array(field).map(Guid::from_wire)
    }

    /// Bytes up to a NUL, which is read and not returned.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Text`] without a NUL, [`DecodeErrorKind::Limit`].
    pub fn c_string(&mut self, field: &'static str) -> Result<&'de [u8], DecodeError> {
        let rest = self.peek_rest();
        let Some(len) = rest.iter().position(|byte| *byte == 0) else {
            return Err(self.error(field, DecodeErrorKind::Text { expected: "a NUL at the end of the string" }));
        };
        let text = self.value_bytes(len, field)?;
        self.pos += 1;
        Ok(text)
    }

    /// Little-endian UTF-16 up to a NUL code unit, which is read and not returned.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Text`] without a NUL, [`DecodeErrorKind::Limit`].
    pub fn c_utf16(&mut self, field: &'static str) -> Result<Utf16<'de>, DecodeError> {
        let rest = self.peek_rest();
        let Some(units) = rest.chunks_exact(2).position(|unit| unit == [0, 0]) else {
            return Err(self.error(field, DecodeErrorKind::Text { expected: "a NUL at the end of the UTF-16 string" }));
        };
        let text = self.value_bytes(units * 2, field)?;
        self.pos += 2;
        Ok(Utf16::from_truncated(text))
    }

    /// Checks a count from the wire against what is left (`min_len` bytes an element at the least) and against
    /// [`Limits::items`], before anything is made from it.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Eof`], [`DecodeErrorKind::Limit`].
    pub fn count(&self, count: usize, min_len: usize, field: &'static str) -> Result<usize, DecodeError> {
        let needed = count.saturating_mul(min_len);
        if needed > self.left() {
            return Err(self.eof(needed, field));
        }
        if count > self.limits.items {
            return Err(self.limit("items", self.limits.items, count, field));
        }
        Ok(count)
    }

    /// Runs `f` one level deeper, for structures that contain themselves.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Limit`] past [`Limits::depth`], and those of `f`.
    pub fn nested<T>(
        &mut self,
        field: &'static str,
        f: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.depth >= self.limits.depth {
            let allowed = usize::from(self.limits.depth);
            return Err(self.limit("depth", allowed, allowed.saturating_add(1), field));
        }
        self.depth += 1;
        let value = f(self);
        self.depth -= 1;
        value
    }

    /// Closes the structure.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Trailing`] when bytes are left.
    pub const fn finish(&self) -> Result<(), DecodeError> {
        self.finish_as(self.name, self.spec)
    }

    pub(crate) const fn finish_as(&self, name: &'static str, spec: &'static str) -> Result<(), DecodeError> {
        if self.is_empty() {
            return Ok(());
        }
        let kind = DecodeErrorKind::Trailing { left: self.left() };
        Err(DecodeError { offset: self.offset(), name, field: "end", spec, kind })
    }

    /// An error at the next byte.
    #[must_use]
    pub const fn error(&self, field: &'static str, kind: DecodeErrorKind) -> DecodeError {
        self.error_at(self.offset(), field, kind)
    }

    /// An error at an absolute offset.
    #[must_use]
    pub const fn error_at(&self, offset: usize, field: &'static str, kind: DecodeErrorKind) -> DecodeError {
        DecodeError { offset, name: self.name, field, spec: self.spec, kind }
    }

    /// A [`DecodeErrorKind::Value`] at an absolute offset: take [`Reader::offset`] before the read.
    #[must_use]
    pub fn invalid(
        &self,
        offset: usize,
        field: &'static str,
        expected: &'static str,
        found: impl Into<u64>,
    ) -> DecodeError {
        self.error_at(offset, field, DecodeErrorKind::Value { expected, found: found.into() })
    }

    const fn eof(&self, needed: usize, field: &'static str) -> DecodeError {
        self.error(field, DecodeErrorKind::Eof { needed, left: self.left() })
    }

    const fn limit(&self, limit: &'static str, allowed: usize, found: usize, field: &'static str) -> DecodeError {
        self.error(field, DecodeErrorKind::Limit { limit, allowed, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_in_both_orders() {
        let mut r = Reader::new(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(r.u8("a"), Ok(1));
        assert_eq!(r.u16_le("b"), Ok(0x0302));
        assert_eq!(r.u16_be("c"), Ok(0x0405));
        assert_eq!(r.u32_be("d"), Ok(0x0607_0809));
        assert_eq!(r.finish(), Ok(()));
    }

    #[test]
    fn end_of_input_says_where_and_how_much() {
        let mut r = Reader::new(&[1, 2, 3]).named("Thing", "[X] 1").at_offset(100);
        r.u8("first").unwrap();
        let error = r.u32_le("second").unwrap_err();
        assert_eq!(error.to_string(), "Thing.second at offset 101: expected 4 more bytes, found 2 ([X] 1)");
        assert_eq!(r.left(), 2, "a failed read reads nothing");
    }

    #[test]
    fn a_sub_reader_goes_on_counting() {
        let mut r = Reader::new(&[0; 10]);
        r.bytes(4, "head").unwrap();
        let mut sub = r.sub(4, "body").unwrap();
        assert_eq!(sub.offset(), 4);
        sub.u8("x").unwrap();
        assert_eq!(sub.finish().unwrap_err().kind, DecodeErrorKind::Trailing { left: 3 });
        assert_eq!(r.offset(), 8);
    }

    #[test]
    fn counts_are_held_against_the_input_and_the_limits() {
        let limits = Limits::DEFAULT.with_items(2);
        let r = Reader::with_limits(&[0; 8], &limits);
        assert_eq!(r.count(2, 4, "n"), Ok(2));
        assert!(matches!(r.count(3, 4, "n").unwrap_err().kind, DecodeErrorKind::Eof { needed: 12, left: 8 }));
        assert!(matches!(r.count(3, 1, "n").unwrap_err().kind, DecodeErrorKind::Limit { limit: "items", .. }));
        assert!(r.count(usize::MAX, 8, "n").is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        fn dive(r: &mut Reader<'_>) -> Result<(), DecodeError> {
            r.nested("child", dive)
        }
        let limits = Limits::DEFAULT.with_depth(3);
        let error = dive(&mut Reader::with_limits(&[], &limits)).unwrap_err();
        assert_eq!(error.kind, DecodeErrorKind::Limit { limit: "depth", allowed: 3, found: 4 });
    }

    #[test]
    fn strings_need_their_terminator() {
        let mut r = Reader::new(b"abc\0d\0e\0\0\0rest");
        assert_eq!(r.c_string("s"), Ok(&b"abc"[..]));
        assert_eq!(r.c_utf16("w").unwrap().to_string(), "de");
        assert!(matches!(r.c_string("s").unwrap_err().kind, DecodeErrorKind::Text { .. }));
        assert!(matches!(r.c_utf16("w").unwrap_err().kind, DecodeErrorKind::Text { .. }));
        assert_eq!(r.rest(), b"rest");
    }
}
