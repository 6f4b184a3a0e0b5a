//! Values of different sizes, one behind the other on the wire: strings and binary values of a multivalue property.

use oxwire_core::{DecodeError, Reader};

use super::CountWidth;

/// The byte before a value of the address book of MAPI over HTTP that is there, [MS-OXCMAPIHTTP] 2.2.1.1.
pub(super) const HAS_VALUE: u8 = 0xFF;
/// The byte before one that is not.
pub(super) const HAS_NO_VALUE: u8 = 0x00;

/// The longest binary value over RPC, [MS-OXNSPI] 2.3.1.3.
const MAX_REFERENT: usize = 2_097_152;

/// What an element is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// UTF-16 and a NUL code unit.
    Utf16,
    /// Bytes and a NUL.
    String8,
    /// Counted bytes.
    Binary,
}

/// How elements stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// As [MS-OXCDATA] 2.11.1 has them, byte counts of this width.
    Plain(CountWidth),
    /// Each behind a HasValue byte, as Exchange and gromox write them in the address book of MAPI over HTTP.
    HasValue,
    /// As NDR has an array of pointers, little-endian: the pointers, then what each refers to.
    Referents,
}

/// A number of elements and their bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Elements<'a> {
    pub(super) count: usize,
    pub(super) bytes: &'a [u8],
    pub(super) layout: Layout,
}

impl<'a> Elements<'a> {
    /// Reads a 32-bit count and as many elements.
    pub(super) fn decode(r: &mut Reader<'a>, kind: Kind, width: CountWidth) -> Result<Self, DecodeError> {
        let count = r.len_u32_le("Count")?;
        let layout = layout(r, kind, width);
        Self::walk(r, count, kind, layout)
    }

    /// Reads an array of `count` pointers and what they refer to, as NDR has them behind the maximum count of the array. The
    /// reader has to stand at a multiple of 4 of the stub data.
    pub(super) fn decode_referents(r: &mut Reader<'a>, count: usize, kind: Kind) -> Result<Self, DecodeError> {
        Self::walk(r, count, kind, Layout::Referents)
    }

    fn walk(r: &mut Reader<'a>, count: usize, kind: Kind, layout: Layout) -> Result<Self, DecodeError> {
        let count = r.count(count, min_len(kind, layout), "Values")?;
        let (before, start) = (r.left(), r.peek_rest());
        if layout == Layout::Referents {
            let mut pointers = r.sub(count.saturating_mul(pointer_len(kind)), "Values")?;
            (0..count).try_for_each(|_| referent(&mut pointers, before, r, kind).map(drop))?;
        } else {
            (0..count).try_for_each(|_| element(r, kind, layout).map(drop))?;
        }
        let used = before.saturating_sub(r.left());
        Ok(Self { count, bytes: start.get(..used).unwrap_or_default(), layout })
    }

    /// The elements in order, strings without their NUL.
    pub(super) fn iter(self, kind: Kind) -> impl Iterator<Item = &'a [u8]> + 'a {
        let mut r = Reader::new(self.bytes);
        let pointers = match self.layout {
            Layout::Referents => self.count.saturating_mul(pointer_len(kind)),
            Layout::Plain(_) | Layout::HasValue => 0,
        };
        // Neither fails: all was walked once.
        let mut pointers = r.sub(pointers, "Values").unwrap_or_else(|_| Reader::new(&[]));
        (0..self.count).map_while(move |_| match self.layout {
            Layout::Referents => referent(&mut pointers, self.bytes.len(), &mut r, kind).ok(),
            layout => element(&mut r, kind, layout).ok(),
        })
    }
}

/// [MS-OXCMAPIHTTP] 2.2.1.1 has a HasValue byte before the whole value only; products write one before each element too. The
/// first byte tells: 0xFF begins no string in practice and no count of a binary value that an address book holds, and gromox
/// writes 0x00 alone for an empty binary value.
fn layout(r: &Reader<'_>, kind: Kind, width: CountWidth) -> Layout {
    let first = r.peek_u8();
    let has_value = first == Some(HAS_VALUE) || kind == Kind::Binary && first == Some(HAS_NO_VALUE);
    if width == CountWidth::AddressBook && has_value { Layout::HasValue } else { Layout::Plain(width) }
}

const fn min_len(kind: Kind, layout: Layout) -> usize {
    match (layout, kind) {
        (Layout::HasValue, _) => 1,
        (Layout::Plain(width), Kind::Binary) => width.binary(),
        (Layout::Plain(_), Kind::Utf16) => 2,
        (Layout::Plain(_), Kind::String8) => 1,
        (Layout::Referents, _) => pointer_len(kind),
    }
}

/// A string is a pointer; a Binary_r is a byte count and a pointer, [MS-OXNSPI] 2.3.1.3.
const fn pointer_len(kind: Kind) -> usize {
    match kind {
        Kind::Utf16 | Kind::String8 => 4,
        Kind::Binary => 8,
    }
}

fn element<'a>(r: &mut Reader<'a>, kind: Kind, layout: Layout) -> Result<&'a [u8], DecodeError> {
    let width = match layout {
        Layout::Plain(width) => width,
        Layout::HasValue | Layout::Referents => {
            if !has_value(r)? {
                return Ok(&[]);
            }
            CountWidth::AddressBook
        }
    };
    match kind {
        Kind::Utf16 => r.c_utf16("Value").map(oxwire_core::Utf16::as_bytes),
        Kind::String8 => r.c_string("Value"),
        Kind::Binary => binary(r, width),
    }
}

/// Reads HasValue, [MS-OXCMAPIHTTP] 2.2.1.1.
pub(super) fn has_value(r: &mut Reader<'_>) -> Result<bool, DecodeError> {
    let at = r.offset();
    match r.u8("HasValue")? {
        HAS_VALUE => Ok(true),
        HAS_NO_VALUE => Ok(false),
        found => Err(r.invalid(at, "HasValue", "TRUE (0xFF) or FALSE (0x00)", found)),
    }
}

/// Reads what a pointer refers to; nothing for a null one. `begin` bytes were left at a multiple of 4 of the stub data.
fn referent<'a>(
    pointers: &mut Reader<'a>,
    begin: usize,
    r: &mut Reader<'a>,
    kind: Kind,
) -> Result<&'a [u8], DecodeError> {
    let cb = match kind {
        Kind::Binary => match (pointers.offset(), pointers.len_u32_le("cb")?) {
            (_, cb) if cb <= MAX_REFERENT => cb,
            (at, cb) => {
                let found = u64::try_from(cb).unwrap_or(u64::MAX);
                return Err(pointers.invalid(at, "cb", "at most 2,097,152", found));
            }
        },
        Kind::Utf16 | Kind::String8 => 0,
    };
    if pointers.u32_le("Values")? == 0 {
        return Ok(&[]);
    }
    let position = begin.saturating_sub(r.left());
    r.bytes(position.next_multiple_of(4).saturating_sub(position), "alignment")?;
    let at = r.offset();
    let max = r.len_u32_le("MaximumCount")?;
    let unit = if kind == Kind::Utf16 { 2 } else { 1 };
    let len = if kind == Kind::Binary {
        cb
    } else {
        let (offset, actual) = (r.u32_le("Offset")?, r.len_u32_le("ActualCount")?);
        if offset != 0 {
            return Err(r.invalid(at, "Offset", "0", offset));
        }
        actual
    };
    if len > max || kind == Kind::Binary && len != max {
        let found = u64::try_from(len).unwrap_or(u64::MAX);
        return Err(r.invalid(at, "ActualCount", "a count within MaximumCount", found));
    }
    let value = r.value_bytes(len.saturating_mul(unit), "Value")?;
    let text = |nul: &[u8]| value.chunks_exact(unit).position(|each| each == nul);
    let end = match kind {
        Kind::Binary => return Ok(value),
        Kind::Utf16 => text(&[0, 0]),
        Kind::String8 => text(&[0]),
    };
    let kind = oxwire_core::DecodeErrorKind::Text { expected: "a NUL at the end of the string" };
    let end = end.ok_or_else(|| r.error_at(at, "Value", kind))?;
    Ok(value.get(..end.saturating_mul(unit)).unwrap_or_default())
}

/// Reads a byte count and as many bytes.
pub(super) fn binary<'a>(r: &mut Reader<'a>, width: CountWidth) -> Result<&'a [u8], DecodeError> {
    let len = match width {
        CountWidth::RopBuffer => usize::from(r.u16_le("Count")?),
        CountWidth::Extended | CountWidth::AddressBook => r.len_u32_le("Count")?,
    };
    r.value_bytes(len, "Value")
}
