//! Restrictions made, [MS-OXCDATA] 2.12.

use bytes::{Bytes, BytesMut};
use oxwire_core::{EncodeError, EncodeErrorKind, Limits, Structure, Writer};

use super::elements::HAS_VALUE;
use super::{CountWidth, PropertyTag, PropertyValue, Restriction};

/// A restriction that is yet to be written: every kind of [MS-OXCDATA] 2.12, as a tree over the caller's slices.
///
/// ```
/// use oxwire_core::{Limits, Reader};
/// use oxwire_mapi::property::{CountWidth, NewRestriction, PropertyTag, PropertyValue, Restriction};
///
/// // Unread, and of at least 4 KiB.
/// let unread = NewRestriction::BitMask { bitmap_rel_op: 0, property_tag: PropertyTag(0x0E07_0003), mask: 1 };
/// let size = (PropertyTag(0x0E08_0003), PropertyValue::Integer32(4096));
/// let large = NewRestriction::Property { rel_op: 3, property_tag: size.0, tagged_value: size };
/// let bytes = NewRestriction::And(&[unread, large]).to_bytes(CountWidth::RopBuffer)?;
/// let read = Restriction::decode(&mut Reader::new(&bytes), CountWidth::RopBuffer)?;
/// assert_eq!(read.as_bytes(), bytes);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum NewRestriction<'a> {
    /// AndRestriction, 2.12.1: all of them.
    And(&'a [NewRestriction<'a>]),
    /// OrRestriction, 2.12.2: one of them.
    Or(&'a [NewRestriction<'a>]),
    /// NotRestriction, 2.12.3.
    Not(&'a NewRestriction<'a>),
    /// ContentRestriction, 2.12.4.
    Content {
        /// FuzzyLevelLow: 0 whole, 1 substring, 2 prefix.
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
        restriction: &'a NewRestriction<'a>,
    },
    /// CommentRestriction, 2.12.11.
    Comment {
        /// TaggedValues: at most 255.
        tagged_values: &'a [(PropertyTag, PropertyValue<'a>)],
        /// Restriction, where there is one.
        restriction: Option<&'a NewRestriction<'a>>,
    },
    /// CountRestriction, 2.12.12.
    Count {
        /// Count: the most that is to match.
        count: u32,
        /// SubRestriction.
        restriction: &'a NewRestriction<'a>,
    },
    /// One that was read, with counts of the width that it is written with.
    Read(Restriction<'a>),
}

impl Structure for NewRestriction<'_> {
    const NAME: &'static str = "Restriction";
    const SPEC: &'static str = "[MS-OXCDATA] 2.12";
}

impl<'a> From<Restriction<'a>> for NewRestriction<'a> {
    fn from(read: Restriction<'a>) -> Self {
        Self::Read(read)
    }
}

impl NewRestriction<'_> {
    /// The restriction in a buffer of its own, from which [`Restriction::decode`] makes a view.
    ///
    /// # Errors
    /// Those of [`NewRestriction::encode`].
    pub fn to_bytes(&self, width: CountWidth) -> Result<Bytes, EncodeError> {
        let mut out = BytesMut::new();
        self.encode(&mut Writer::new(&mut out), width)?;
        Ok(out.freeze())
    }

    /// Writes the restriction.
    ///
    /// # Errors
    /// [`EncodeErrorKind::Value`] for nesting past [`Limits::DEFAULT`], which readers would refuse, for a value of another type than
    /// its tag's, and for one that was read with counts of another width; [`EncodeErrorKind::TooLong`] for more restrictions or values
    /// than their count can say; those of [`PropertyValue::encode`].
    pub fn encode(&self, w: &mut Writer<'_>, width: CountWidth) -> Result<(), EncodeError> {
        self.encode_within(w, width, Limits::DEFAULT.depth)
    }

    fn encode_within(&self, w: &mut Writer<'_>, width: CountWidth, depth: u16) -> Result<(), EncodeError> {
        let Some(depth) = depth.checked_sub(1) else {
            let found = u64::from(Limits::DEFAULT.depth).saturating_add(1);
            let kind = EncodeErrorKind::Value { expected: "restrictions at most 32 deep", found };
            return Err(w.error("Restriction", kind));
        };
        match *self {
            Self::And(all) => several(w, 0x00, all, width, depth)?,
            Self::Or(any) => several(w, 0x01, any, width, depth)?,
            Self::Not(restriction) => {
                w.u8(0x02);
                restriction.encode_within(w, width, depth)?;
            }
            Self::Content { fuzzy_level_low, fuzzy_level_high, property_tag, tagged_value } => {
                w.u8(0x03);
                w.u16_le(fuzzy_level_low);
                w.u16_le(fuzzy_level_high);
                w.u32_le(property_tag.0);
                held_against(w, tagged_value, width)?;
            }
            Self::Property { rel_op, property_tag, tagged_value } => {
                operator(w, 0x04, rel_op, property_tag);
                held_against(w, tagged_value, width)?;
            }
            Self::CompareProperties { rel_op, property_tag_1, property_tag_2 } => {
                operator(w, 0x05, rel_op, property_tag_1);
                w.u32_le(property_tag_2.0);
            }
            Self::BitMask { bitmap_rel_op, property_tag, mask } => {
                operator(w, 0x06, bitmap_rel_op, property_tag);
                w.u32_le(mask);
            }
            Self::Size { rel_op, property_tag, size } => {
                operator(w, 0x07, rel_op, property_tag);
                w.u32_le(size);
            }
            Self::Exist { property_tag } => {
                w.u8(0x08);
                w.u32_le(property_tag.0);
            }
            Self::SubObject { subobject, restriction } => {
                w.u8(0x09);
                w.u32_le(subobject.0);
                restriction.encode_within(w, width, depth)?;
            }
            Self::Comment { tagged_values, restriction } => {
                w.u8(0x0A);
                w.len_u8(tagged_values.len(), "TaggedValuesCount")?;
                tagged_values.iter().try_for_each(|value| tagged(w, *value, width))?;
                w.u8(u8::from(restriction.is_some()));
                restriction.map_or(Ok(()), |restriction| restriction.encode_within(w, width, depth))?;
            }
            Self::Count { count, restriction } => {
                w.u8(0x0B);
                w.u32_le(count);
                restriction.encode_within(w, width, depth)?;
            }
            Self::Read(read) => PropertyValue::Restriction(read).encode(w, width)?,
        }
        Ok(())
    }
}

fn operator(w: &mut Writer<'_>, kind: u8, rel_op: u8, property_tag: PropertyTag) {
    w.u8(kind);
    w.u8(rel_op);
    w.u32_le(property_tag.0);
}

fn several(
    w: &mut Writer<'_>,
    kind: u8,
    restrictions: &[NewRestriction<'_>],
    width: CountWidth,
    depth: u16,
) -> Result<(), EncodeError> {
    w.u8(kind);
    match width {
        CountWidth::RopBuffer => w.len_u16_le(restrictions.len(), "RestrictCount")?,
        CountWidth::Extended | CountWidth::AddressBook => w.len_u32_le(restrictions.len(), "RestrictCount")?,
    }
    restrictions.iter().try_for_each(|restriction| restriction.encode_within(w, width, depth))
}

/// The TaggedValue of a ContentRestriction or PropertyRestriction; in the address book behind the byte that Outlook puts before it.
fn held_against(
    w: &mut Writer<'_>,
    value: (PropertyTag, PropertyValue<'_>),
    width: CountWidth,
) -> Result<(), EncodeError> {
    if width == CountWidth::AddressBook {
        w.u8(HAS_VALUE);
    }
    tagged(w, value, width)
}

fn tagged(
    w: &mut Writer<'_>,
    (tag, value): (PropertyTag, PropertyValue<'_>),
    width: CountWidth,
) -> Result<(), EncodeError> {
    if tag.property_type() != value.property_type() {
        let found = u64::from(value.property_type().0);
        return Err(
            w.error("TaggedValue", EncodeErrorKind::Value { expected: "a value of the type in its tag", found })
        );
    }
    w.u32_le(tag.0);
    value.encode(w, width)
}
