//! Names in requests: StringsArray_r, WStringsArray_r and PropertyName_r, [MS-OXNSPI] 2.3.5, 2.3.6.

use std::fmt;

use oxwire_core::{DecodeError, EncodeError, Guid, Reader, Utf16, Writer, utf16_le_len};

use super::field::{Field, REREAD, read_count, write_count};
use crate::property::{MultipleString, MultipleString8};

/// The name of a property, PropertyName_r of [MS-OXNSPI] 2.3.5: PropertyNameGuid and PropertyNameId of GetMatches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PropertyName {
    /// The property set.
    pub guid: Guid,
    /// The id inside it.
    pub id: u32,
}

impl Field<'_> for PropertyName {
    fn read(r: &mut Reader<'_>, _: &'static str) -> Result<Self, DecodeError> {
        Ok(Self { guid: r.guid("PropertyNameGuid")?, id: r.u32_le("PropertyNameId")? })
    }

    fn write(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), EncodeError> {
        w.guid(self.guid);
        w.u32_le(self.id);
        Ok(())
    }

    fn size(&self) -> usize {
        20
    }
}

/// The DNs of DNToMId, a StringsArray_r, as a view: a slice of the caller's, or the wire. Without their NULs.
#[derive(Clone, Copy)]
pub struct Strings<'a>(StringSource<'a>);

#[derive(Clone, Copy)]
enum StringSource<'a> {
    Slice(&'a [&'a [u8]]),
    Wire { count: usize, bytes: &'a [u8] },
    Multiple(MultipleString8<'a>),
}

/// The strings of a StringsArray_r in stub data: [`MultipleString8::decode_referents`].
impl<'a> From<MultipleString8<'a>> for Strings<'a> {
    fn from(strings: MultipleString8<'a>) -> Self {
        Self(StringSource::Multiple(strings))
    }
}

impl<'a> Strings<'a> {
    /// A view over a slice.
    #[must_use]
    pub const fn new(names: &'a [&'a [u8]]) -> Self {
        Self(StringSource::Slice(names))
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            StringSource::Slice(names) => names.len(),
            StringSource::Wire { count, .. } => count,
            StringSource::Multiple(strings) => strings.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The strings, in order.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> + 'a {
        let none = MultipleString8::new(&[]);
        let (slice, wire, multiple): (&[&[u8]], &[u8], _) = match self.0 {
            StringSource::Slice(names) => (names, &[], none),
            StringSource::Wire { bytes, .. } => (&[], bytes, none),
            StringSource::Multiple(strings) => (&[], &[], strings),
        };
        let mut r = Reader::with_limits(wire, &REREAD);
        // Never an error: each was read once.
        let wire = std::iter::from_fn(move || if r.is_empty() { None } else { r.c_string("Names").ok() });
        slice.iter().copied().chain(wire).chain(multiple.iter())
    }
}

impl<'de> Field<'de> for Strings<'de> {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        let count = read_count(r, "NameCount")?;
        let count = r.count(count, 1, field)?;
        let (left, bytes) = (r.left(), r.peek_rest());
        for _ in 0..count {
            r.c_string(field)?;
        }
        let bytes = bytes.get(..left.saturating_sub(r.left())).unwrap_or_default();
        Ok(Self(StringSource::Wire { count, bytes }))
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError> {
        write_count(w, self.len(), "NameCount")?;
        self.iter().try_for_each(|name| w.c_string(name, field))
    }

    fn size(&self) -> usize {
        self.iter().fold(4, |sum, name| sum.saturating_add(name.len()).saturating_add(1))
    }
}

impl PartialEq for Strings<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Strings<'_> {}

impl fmt::Debug for Strings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|name| name.escape_ascii().to_string())).finish()
    }
}

/// The names of ResolveNames, a WStringsArray_r, as a view: a slice of the caller's text, or the wire.
#[derive(Clone, Copy)]
pub struct WideStrings<'a>(WideSource<'a>);

#[derive(Clone, Copy)]
enum WideSource<'a> {
    Slice(&'a [&'a str]),
    Wire { count: usize, bytes: &'a [u8] },
    Multiple(MultipleString<'a>),
}

/// The strings of a WStringsArray_r in stub data: [`MultipleString::decode_referents`].
impl<'a> From<MultipleString<'a>> for WideStrings<'a> {
    fn from(strings: MultipleString<'a>) -> Self {
        Self(WideSource::Multiple(strings))
    }
}

impl<'a> WideStrings<'a> {
    /// A view over a slice.
    #[must_use]
    pub const fn new(names: &'a [&'a str]) -> Self {
        Self(WideSource::Slice(names))
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            WideSource::Slice(names) => names.len(),
            WideSource::Wire { count, .. } => count,
            WideSource::Multiple(strings) => strings.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The characters of each, in order; unpaired surrogates as U+FFFD.
    pub fn iter(self) -> impl Iterator<Item = WideString<'a>> + 'a {
        let (slice, wire, multiple): (&[&str], &[u8], _) = match self.0 {
            WideSource::Slice(names) => (names, &[], None),
            WideSource::Wire { bytes, .. } => (&[], bytes, None),
            WideSource::Multiple(strings) => (&[], &[], Some(strings)),
        };
        let multiple = multiple.into_iter().flat_map(MultipleString::iter);
        let mut r = Reader::with_limits(wire, &REREAD);
        // Never an error: each was read once.
        let wire = std::iter::from_fn(move || if r.is_empty() { None } else { r.c_utf16("Names").ok() });
        slice.iter().map(|text| WideString::Text(text)).chain(wire.chain(multiple).map(WideString::Wire))
    }
}

/// One name of [`WideStrings`].
#[derive(Debug, Clone, Copy)]
pub enum WideString<'a> {
    /// Text of the caller's.
    Text(&'a str),
    /// As it stands on the wire.
    Wire(Utf16<'a>),
}

impl<'a> WideString<'a> {
    /// Its code units.
    pub fn units(self) -> impl Iterator<Item = u16> + 'a {
        let (text, wire) = match self {
            Self::Text(text) => (text, Utf16::default()),
            Self::Wire(wire) => ("", wire),
        };
        text.encode_utf16().chain(wire.units())
    }
}

impl fmt::Display for WideString<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Wire(wire) => wire.fmt(f),
        }
    }
}

impl PartialEq for WideString<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.units().eq(other.units())
    }
}

impl Eq for WideString<'_> {}

impl<'de> Field<'de> for WideStrings<'de> {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        let count = read_count(r, "NameCount")?;
        let count = r.count(count, 2, field)?;
        let (left, bytes) = (r.left(), r.peek_rest());
        for _ in 0..count {
            r.c_utf16(field)?;
        }
        let bytes = bytes.get(..left.saturating_sub(r.left())).unwrap_or_default();
        Ok(Self(WideSource::Wire { count, bytes }))
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError> {
        write_count(w, self.len(), "NameCount")?;
        self.iter().try_for_each(|name| match name {
            WideString::Text(text) => w.c_utf16(text, field),
            WideString::Wire(wire) => Field::write(&wire, w, field),
        })
    }

    fn size(&self) -> usize {
        let len = |name: WideString<'_>| match name {
            WideString::Text(text) => utf16_le_len(text),
            WideString::Wire(wire) => wire.as_bytes().len(),
        };
        self.iter().fold(4, |sum, name| sum.saturating_add(len(name)).saturating_add(2))
    }
}

impl PartialEq for WideStrings<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for WideStrings<'_> {}

impl fmt::Debug for WideStrings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|name| name.to_string())).finish()
    }
}
