//! Restrictions, [MS-OXCDATA] 2.12: views over PtypRestriction values.

use oxwire_core::{DecodeError, Limits, Reader};

use super::{CountWidth, PropertyTag, PropertyValue, elements};

/// One restriction, [MS-OXCDATA] 2.12, as a view over its bytes.
///
/// Reading one walks it to its end, within [`Limits::depth`](oxwire_core::Limits::depth); [`Restriction::kind`] takes the outermost
/// apart. It is written as the bytes that it was read from; [`NewRestriction`](super::NewRestriction) makes another.
#[derive(Debug, Clone, Copy)]
pub struct Restriction<'a> {
    bytes: &'a [u8],
    width: CountWidth,
    /// Those that it was read within: what they let through once is not refused when it is taken apart.
    limits: &'a Limits,
}

/// Two are the same when their bytes and the width of their counts are.
impl PartialEq for Restriction<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.bytes, self.width) == (other.bytes, other.width)
    }
}

impl Eq for Restriction<'_> {}

/// What a restriction asks for: RestrictType and what stands behind it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum RestrictionKind<'a> {
    /// AndRestriction, 2.12.1: all of them.
    And(Restrictions<'a>),
    /// OrRestriction, 2.12.2: one of them.
    Or(Restrictions<'a>),
    /// NotRestriction, 2.12.3.
    Not(Restriction<'a>),
    /// ContentRestriction, 2.12.4.
    Content {
        /// FuzzyLevelLow: whole, substring or prefix.
        fuzzy_level_low: u16,
        /// FuzzyLevelHigh: what case, marks and spacing count.
        fuzzy_level_high: u16,
        /// PropertyTag: the column.
        property_tag: PropertyTag,
        /// TaggedValue: what it is held against.
        tagged_value: (PropertyTag, PropertyValue<'a>),
    },
    /// PropertyRestriction, 2.12.5.
    Property {
        /// RelOp.
        rel_op: u8,
        /// PropTag: the column.
        property_tag: PropertyTag,
        /// TaggedValue: what it is held against.
        tagged_value: (PropertyTag, PropertyValue<'a>),
    },
    /// ComparePropertiesRestriction, 2.12.6.
    CompareProperties {
        /// RelOp.
        rel_op: u8,
        /// PropTag1.
        property_tag_1: PropertyTag,
        /// PropTag2.
        property_tag_2: PropertyTag,
    },
    /// BitMaskRestriction, 2.12.7.
    BitMask {
        /// BitmapRelOp: 0 for equal to zero, 1 for not.
        bitmap_rel_op: u8,
        /// PropTag: the column.
        property_tag: PropertyTag,
        /// Mask.
        mask: u32,
    },
    /// SizeRestriction, 2.12.8.
    Size {
        /// RelOp.
        rel_op: u8,
        /// PropTag: the column.
        property_tag: PropertyTag,
        /// Size, in bytes.
        size: u32,
    },
    /// ExistRestriction, 2.12.9.
    Exist {
        /// PropTag: the column.
        property_tag: PropertyTag,
    },
    /// SubObjectRestriction, 2.12.10.
    SubObject {
        /// Subobject: the table of recipients or of attachments.
        subobject: PropertyTag,
        /// Restriction.
        restriction: Restriction<'a>,
    },
    /// CommentRestriction, 2.12.11. Its TaggedValues are walked over and left undecoded.
    Comment {
        /// TaggedValuesCount.
        tagged_values_count: u8,
        /// Restriction, where there is one.
        restriction: Option<Restriction<'a>>,
    },
    /// CountRestriction, 2.12.12.
    Count {
        /// Count: the most that is to match.
        count: u32,
        /// SubRestriction.
        restriction: Restriction<'a>,
    },
}

/// The restrictions of an AndRestriction or OrRestriction.
#[derive(Debug, Clone, Copy)]
pub struct Restrictions<'a> {
    count: usize,
    bytes: &'a [u8],
    width: CountWidth,
    limits: &'a Limits,
}

/// Two are the same when their bytes, their number and the width of their counts are.
impl PartialEq for Restrictions<'_> {
    fn eq(&self, other: &Self) -> bool {
        (self.count, self.bytes, self.width) == (other.count, other.bytes, other.width)
    }
}

impl Eq for Restrictions<'_> {}

impl<'a> Restrictions<'a> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Each in order.
    pub fn iter(&self) -> impl Iterator<Item = Restriction<'a>> + use<'a> {
        let (mut r, width) = (Reader::with_limits(self.bytes, self.limits), self.width);
        // Each was walked once when the outer one was read, deeper and within the same limits: an error here cannot be.
        (0..self.count).map_while(move |_| Restriction::decode(&mut r, width).ok())
    }
}

impl<'a> Restriction<'a> {
    /// Reads one restriction.
    ///
    /// # Errors
    /// [`DecodeError`]: an unknown RestrictType, a count past the bytes, nesting past the limit, those of the values inside.
    pub fn decode(r: &mut Reader<'a>, width: CountWidth) -> Result<Self, DecodeError> {
        let (before, limits) = (r.peek_rest(), r.limits());
        r.nested("Restriction", |r| read(r, width))?;
        let len = before.len().saturating_sub(r.left());
        Ok(Self { bytes: before.get(..len).unwrap_or_default(), width, limits })
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// How wide its counts are.
    #[must_use]
    pub const fn width(&self) -> CountWidth {
        self.width
    }

    /// What it asks for.
    ///
    /// # Errors
    /// None that [`Restriction::decode`] has not met before.
    pub fn kind(&self) -> Result<RestrictionKind<'a>, DecodeError> {
        read(&mut Reader::with_limits(self.bytes, self.limits), self.width)
    }
}

fn read<'a>(r: &mut Reader<'a>, width: CountWidth) -> Result<RestrictionKind<'a>, DecodeError> {
    use RestrictionKind as K;
    let at = r.offset();
    Ok(match r.u8("RestrictType")? {
        0x00 => K::And(several(r, width)?),
        0x01 => K::Or(several(r, width)?),
        0x02 => K::Not(Restriction::decode(r, width)?),
        0x03 => K::Content {
            fuzzy_level_low: r.u16_le("FuzzyLevelLow")?,
            fuzzy_level_high: r.u16_le("FuzzyLevelHigh")?,
            property_tag: tag(r, "PropertyTag")?,
            tagged_value: held_against(r, width)?,
        },
        0x04 => {
            let (rel_op, property_tag) = (r.u8("RelOp")?, tag(r, "PropTag")?);
            K::Property { rel_op, property_tag, tagged_value: held_against(r, width)? }
        }
        0x05 => {
            let rel_op = r.u8("RelOp")?;
            K::CompareProperties { rel_op, property_tag_1: tag(r, "PropTag1")?, property_tag_2: tag(r, "PropTag2")? }
        }
        0x06 => {
            let (bitmap_rel_op, property_tag) = (r.u8("BitmapRelOp")?, tag(r, "PropTag")?);
            K::BitMask { bitmap_rel_op, property_tag, mask: r.u32_le("Mask")? }
        }
        0x07 => {
            let (rel_op, property_tag) = (r.u8("RelOp")?, tag(r, "PropTag")?);
            K::Size { rel_op, property_tag, size: r.u32_le("Size")? }
        }
        0x08 => K::Exist { property_tag: tag(r, "PropTag")? },
        0x09 => K::SubObject { subobject: tag(r, "Subobject")?, restriction: Restriction::decode(r, width)? },
        0x0A => {
            let tagged_values_count = r.u8("TaggedValuesCount")?;
            for _ in 0..tagged_values_count {
                tagged(r, width)?;
            }
            let present = r.u8("RestrictionPresent")? != 0;
            let restriction = present.then(|| Restriction::decode(r, width)).transpose()?;
            K::Comment { tagged_values_count, restriction }
        }
        0x0B => K::Count { count: r.u32_le("Count")?, restriction: Restriction::decode(r, width)? },
        unknown => return Err(r.invalid(at, "RestrictType", "0x00 (And) to 0x0B (Count)", unknown)),
    })
}

fn tag(r: &mut Reader<'_>, field: &'static str) -> Result<PropertyTag, DecodeError> {
    r.u32_le(field).map(PropertyTag)
}

/// The TaggedValue of a ContentRestriction or PropertyRestriction. Outlook puts a byte 0xFF before it in the address book of MAPI
/// over HTTP (gromox's reader, and no section, says so). No property type begins with that byte, so both forms are read.
fn held_against<'a>(r: &mut Reader<'a>, width: CountWidth) -> Result<(PropertyTag, PropertyValue<'a>), DecodeError> {
    if width == CountWidth::AddressBook && r.peek_u8() == Some(elements::HAS_VALUE) {
        elements::has_value(r)?;
    }
    tagged(r, width)
}

/// A TaggedPropertyValue, [MS-OXCDATA] 2.11.4.
fn tagged<'a>(r: &mut Reader<'a>, width: CountWidth) -> Result<(PropertyTag, PropertyValue<'a>), DecodeError> {
    let property_tag = tag(r, "PropertyTag")?;
    Ok((property_tag, PropertyValue::decode(r, property_tag.property_type(), width)?))
}

/// RestrictCount and Restricts, [MS-OXCDATA] 2.12.1. The shortest restriction is an ExistRestriction's 5 bytes, or an empty And's 3.
fn several<'a>(r: &mut Reader<'a>, width: CountWidth) -> Result<Restrictions<'a>, DecodeError> {
    let count = match width {
        CountWidth::RopBuffer => usize::from(r.u16_le("RestrictCount")?),
        CountWidth::Extended | CountWidth::AddressBook => r.len_u32_le("RestrictCount")?,
    };
    let count = r.count(count, 3, "RestrictCount")?;
    let (before, limits) = (r.peek_rest(), r.limits());
    for _ in 0..count {
        Restriction::decode(r, width)?;
    }
    let len = before.len().saturating_sub(r.left());
    Ok(Restrictions { count, bytes: before.get(..len).unwrap_or_default(), width, limits })
}
