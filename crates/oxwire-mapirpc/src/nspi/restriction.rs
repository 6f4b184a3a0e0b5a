//! Restriction_r, [MS-OXNSPI] 2.3.4: between NDR's layout and that of MAPI over HTTP.

use bytes::{Bytes, BytesMut};
use oxwire_core::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Limits, Reader, Writer};
use oxwire_mapi::nspi::{MAX_ELEMENTS, TaggedValue};
use oxwire_mapi::property::{CountWidth, PropertyTag, Restriction, RestrictionKind};
use oxwire_rpc::ndr::{NdrReader, NdrWriter, Pointer};

use super::value::{check_asked, write_fixed, write_referent};

/// The Filter of an NspiGetMatches: a restriction in storage of its own, laid out as MAPI over HTTP has it. Made from a
/// [`Restriction`], or read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter(Bytes);

/// What was read once within the limits of the caller is not refused when it is taken apart.
static REREAD: Limits = Limits::DEFAULT.with_items(usize::MAX).with_value_bytes(usize::MAX).with_depth(u16::MAX);

impl Filter {
    /// The restriction.
    ///
    /// # Errors
    /// None for one that was read, nor for one that was made from a restriction of the address book.
    pub fn restriction(&self) -> Result<Restriction<'_>, DecodeError> {
        Restriction::decode(&mut Reader::with_limits(&self.0, &REREAD), CountWidth::AddressBook)
    }
}

/// A restriction of the address book, of `oxwire_mapi::nspi::GetMatchesRequest`.
impl From<&Restriction<'_>> for Filter {
    fn from(restriction: &Restriction<'_>) -> Self {
        Self(Bytes::copy_from_slice(restriction.as_bytes()))
    }
}

/// The part of a Restriction_r that stands in an array or behind a pointer; the rest is still to come.
#[derive(Clone, Copy)]
enum Fixed {
    /// resAnd, resOr.
    Several(u8, u32, Pointer),
    /// resNot.
    Not(Pointer),
    /// resContent, resProperty: what stands in front of the value.
    Value(u8, u32, u32, Pointer),
    /// resCompareProps, resBitMask, resSize.
    Three(u8, u32, u32, u32),
    /// resExist.
    Exist(u32),
    /// resSubRestriction.
    Sub(u32, Pointer),
}

pub(super) fn read(r: &mut NdrReader<'_>) -> Result<Filter, DecodeError> {
    let mut out = BytesMut::new();
    let fixed = read_fixed(r)?;
    read_rest(r, fixed, &mut out)?;
    Ok(Filter(out.freeze()))
}

fn read_fixed(r: &mut NdrReader<'_>) -> Result<Fixed, DecodeError> {
    let kind = r.u32("rt")?;
    let discriminant = r.u32("res")?;
    if discriminant != kind {
        return Err(r.invalid("res", "the kind in rt", discriminant));
    }
    let number = |kind: u32| u8::try_from(kind).unwrap_or(u8::MAX);
    Ok(match kind {
        0 | 1 => Fixed::Several(number(kind), r.u32("cRes")?, r.pointer("lpRes")?),
        2 => Fixed::Not(r.reference("lpRes")?),
        3 | 4 => Fixed::Value(number(kind), r.u32("ulFuzzyLevel")?, r.u32("ulPropTag")?, r.reference("lpProp")?),
        5..=7 => Fixed::Three(number(kind), r.u32("relop")?, r.u32("ulPropTag")?, r.u32("ulMask")?),
        8 => {
            r.u32("ulReserved1")?;
            let tag = r.u32("ulPropTag")?;
            r.u32("ulReserved2")?;
            Fixed::Exist(tag)
        }
        9 => Fixed::Sub(r.u32("ulSubObject")?, r.reference("lpRes")?),
        unknown => return Err(r.invalid("rt", "0x00 (And) to 0x09 (SubRestriction)", unknown)),
    })
}

/// Reads what `fixed` refers to, and writes the restriction.
fn read_rest(r: &mut NdrReader<'_>, fixed: Fixed, out: &mut BytesMut) -> Result<(), DecodeError> {
    match fixed {
        Fixed::Several(kind, count, pointer) => {
            Writer::new(out).u8(kind);
            if pointer.is_null() && count != 0 {
                return Err(r.invalid("lpRes", "cRes restrictions", 0_u32));
            }
            Writer::new(out).u32_le(count);
            r.referent(pointer, |r| {
                let maximum = r.conformance(12, "lpRes")?;
                if u32::try_from(maximum) != Ok(count) || maximum > MAX_ELEMENTS {
                    return Err(r.invalid("cRes", "at most 100,000, and the maximum count", count));
                }
                // Two cursors: the parts that stand in the array, and what they refer to behind it.
                let mut array = r.clone();
                for _ in 0..count {
                    read_fixed(r)?;
                }
                (0..count).try_for_each(|_| {
                    let fixed = read_fixed(&mut array)?;
                    read_rest(r, fixed, out)
                })
            })?;
        }
        Fixed::Not(pointer) => {
            Writer::new(out).u8(2);
            one(r, pointer, out)?;
        }
        Fixed::Value(kind, first, tag, pointer) => {
            let mut w = Writer::new(out);
            w.u8(kind);
            if kind == 3 {
                w.u32_le(first);
            } else {
                w.u8(operator(r, first)?);
            }
            w.u32_le(tag);
            w.u8(0xFF);
            r.referent(pointer, |r| {
                let value = r.view(TaggedValue::decode_ndr)?;
                let kind = DecodeErrorKind::Unsupported { what: "a restriction without a value" };
                w.structure(&value).map_err(|_| r.error("lpProp", kind))
            })?;
        }
        Fixed::Three(kind, relop, tag, third) => {
            let mut w = Writer::new(out);
            w.u8(kind);
            w.u8(operator(r, relop)?);
            w.u32_le(tag);
            w.u32_le(third);
        }
        Fixed::Exist(tag) => {
            let mut w = Writer::new(out);
            w.u8(8);
            w.u32_le(tag);
        }
        Fixed::Sub(subobject, pointer) => {
            let mut w = Writer::new(out);
            w.u8(9);
            w.u32_le(subobject);
            one(r, pointer, out)?;
        }
    }
    Ok(())
}

fn one(r: &mut NdrReader<'_>, pointer: Pointer, out: &mut BytesMut) -> Result<(), DecodeError> {
    r.referent(pointer, |r| {
        let fixed = read_fixed(r)?;
        read_rest(r, fixed, out)
    })
    .map(drop)
}

/// relop and relBMR are 32 bits here and 8 bits there.
fn operator(r: &NdrReader<'_>, relop: u32) -> Result<u8, DecodeError> {
    u8::try_from(relop).map_err(|_| r.invalid("relop", "an operator of 8 bits", relop))
}

pub(super) fn write(w: &mut NdrWriter<'_>, restriction: &Restriction<'_>) -> Result<(), EncodeError> {
    let kind = kind_of(w, restriction)?;
    write_kind(w, &kind)?;
    write_rest(w, &kind)
}

fn kind_of<'a>(w: &NdrWriter<'_>, restriction: &Restriction<'a>) -> Result<RestrictionKind<'a>, EncodeError> {
    let damaged = EncodeErrorKind::Value { expected: "a restriction that decodes", found: 0 };
    restriction.kind().map_err(|_| w.error("Filter", damaged))
}

fn write_kind(w: &mut NdrWriter<'_>, kind: &RestrictionKind<'_>) -> Result<(), EncodeError> {
    use RestrictionKind as K;
    let mut head = |number: u32| {
        w.u32(number);
        w.u32(number);
    };
    match kind {
        K::And(all) | K::Or(all) => {
            head(u32::from(matches!(kind, K::Or(_))));
            if all.len() > MAX_ELEMENTS {
                return Err(w.error("cRes", EncodeErrorKind::TooLong { max: MAX_ELEMENTS, len: all.len() }));
            }
            w.len_u32(all.len(), "cRes")?;
            w.pointer(true);
        }
        K::Not(_) => {
            head(2);
            w.pointer(true);
        }
        K::Content { fuzzy_level_low, fuzzy_level_high, property_tag, .. } => {
            head(3);
            w.u32(u32::from(*fuzzy_level_low) | u32::from(*fuzzy_level_high) << 16);
            w.u32(property_tag.0);
            w.pointer(true);
        }
        K::Property { rel_op, property_tag, .. } => {
            head(4);
            w.u32(u32::from(*rel_op));
            w.u32(property_tag.0);
            w.pointer(true);
        }
        K::CompareProperties { rel_op, property_tag_1, property_tag_2 } => {
            head(5);
            three(w, *rel_op, *property_tag_1, property_tag_2.0);
        }
        K::BitMask { bitmap_rel_op, property_tag, mask } => {
            head(6);
            three(w, *bitmap_rel_op, *property_tag, *mask);
        }
        K::Size { rel_op, property_tag, size } => {
            head(7);
            three(w, *rel_op, *property_tag, *size);
        }
        K::Exist { property_tag } => {
            head(8);
            w.u32(0);
            w.u32(property_tag.0);
            w.u32(0);
        }
        K::SubObject { subobject, .. } => {
            head(9);
            w.u32(subobject.0);
            w.pointer(true);
        }
        _ => {
            let expected = "a restriction that [MS-OXNSPI] 2.3.4 has: neither Comment nor Count";
            return Err(w.error("rt", EncodeErrorKind::Value { expected, found: 0x0A }));
        }
    }
    Ok(())
}

fn three(w: &mut NdrWriter<'_>, relop: u8, tag: PropertyTag, third: u32) {
    w.u32(u32::from(relop));
    w.u32(tag.0);
    w.u32(third);
}

fn write_rest(w: &mut NdrWriter<'_>, kind: &RestrictionKind<'_>) -> Result<(), EncodeError> {
    use RestrictionKind as K;
    match kind {
        K::And(all) | K::Or(all) => {
            w.conformance(all.len(), "lpRes")?;
            for each in all.iter() {
                let kind = kind_of(w, &each)?;
                write_kind(w, &kind)?;
            }
            for each in all.iter() {
                let kind = kind_of(w, &each)?;
                write_rest(w, &kind)?;
            }
        }
        K::Not(restriction) | K::SubObject { restriction, .. } => write(w, restriction)?,
        K::Content { tagged_value: (tag, value), .. } | K::Property { tagged_value: (tag, value), .. } => {
            let tagged = TaggedValue { tag: *tag, value: *value };
            check_asked(w, &tagged)?;
            write_fixed(w, &tagged)?;
            write_referent(w, &tagged)?;
        }
        _ => {}
    }
    Ok(())
}
