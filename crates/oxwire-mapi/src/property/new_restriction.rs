//! Restrictions made, [MS-OXCDATA] 2.12.

use bytes::{Bytes, BytesMut};
use oxwire_core::{EncodeError, EncodeErrorKind, Limits, Structure, Writer};

use super::elements::HAS_VALUE;
use super::{CountWidth, PropertyTag, PropertyValue, Restriction, RestrictionKind};

/// A restriction that is yet to be written: every kind of [MS-OXCDATA] 2.12, as a tree over the caller's slices.
///
/// ```
/// use oxwire_core::{Limits, Reader};
/// use oxwire_mapi::property::{
///     CountWidth, NewRestriction, PropertyTag, PropertyValue, Restriction, RestrictionKind,
/// };
///
/// // Unread, and of at least 4 KiB.
/// let unread = RestrictionKind::BitMask { bitmap_rel_op: 0, property_tag: PropertyTag(0x0E07_0003), mask: 1 };
/// let size = (PropertyTag(0x0E08_0003), PropertyValue::Integer32(4096));
/// let large = RestrictionKind::Property { rel_op: 3, property_tag: size.0, tagged_value: size };
/// let bytes = NewRestriction::And(&[unread.into(), large.into()]).to_bytes(CountWidth::RopBuffer)?;
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
    /// A kind as a view has it: one of those without another inside, or a view that was taken apart.
    Kind(RestrictionKind<'a>),
    /// One that was read, with counts of the width that it is written with.
    Read(Restriction<'a>),
}

impl Structure for NewRestriction<'_> {
    const NAME: &'static str = "Restriction";
    const SPEC: &'static str = "[MS-OXCDATA] 2.12";
}

impl<'a> From<RestrictionKind<'a>> for NewRestriction<'a> {
    fn from(kind: RestrictionKind<'a>) -> Self {
        Self::Kind(kind)
    }
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
    /// its tag's, for one that was read with counts of another width, and for a
    /// [`RestrictionKind::Comment`], whose values are not decoded; [`EncodeErrorKind::TooLong`] for more restrictions or values
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
            Self::Kind(kind) => encode_kind(w, kind, width)?,
            Self::Read(read) => as_read(w, read, width)?,
        }
        Ok(())
    }
}

fn as_read(w: &mut Writer<'_>, read: Restriction<'_>, width: CountWidth) -> Result<(), EncodeError> {
    PropertyValue::Restriction(read).encode(w, width)
}

/// A kind as a view has it: what is inside is written as it was read.
fn encode_kind(w: &mut Writer<'_>, kind: RestrictionKind<'_>, width: CountWidth) -> Result<(), EncodeError> {
    use RestrictionKind as K;
    match kind {
        K::And(inside) | K::Or(inside) => {
            w.u8(u8::from(matches!(kind, K::Or(_))));
            count(w, inside.len(), width)?;
            inside.iter().try_for_each(|restriction| as_read(w, restriction, width))?;
        }
        K::Not(restriction) => {
            w.u8(0x02);
            as_read(w, restriction, width)?;
        }
        K::Content { fuzzy_level_low, fuzzy_level_high, property_tag, tagged_value } => {
            w.u8(0x03);
            w.u16_le(fuzzy_level_low);
            w.u16_le(fuzzy_level_high);
            w.u32_le(property_tag.0);
            held_against(w, tagged_value, width)?;
        }
        K::Property { rel_op, property_tag, tagged_value } => {
            operator(w, 0x04, rel_op, property_tag);
            held_against(w, tagged_value, width)?;
        }
        K::CompareProperties { rel_op, property_tag_1, property_tag_2 } => {
            operator(w, 0x05, rel_op, property_tag_1);
            w.u32_le(property_tag_2.0);
        }
        K::BitMask { bitmap_rel_op, property_tag, mask } => {
            operator(w, 0x06, bitmap_rel_op, property_tag);
            w.u32_le(mask);
        }
        K::Size { rel_op, property_tag, size } => {
            operator(w, 0x07, rel_op, property_tag);
            w.u32_le(size);
        }
        K::Exist { property_tag } => {
            w.u8(0x08);
            w.u32_le(property_tag.0);
        }
        K::SubObject { subobject, restriction } => {
            w.u8(0x09);
            w.u32_le(subobject.0);
            as_read(w, restriction, width)?;
        }
        K::Comment { tagged_values_count, .. } => {
            let expected = "a comment with its values: those of a view are not decoded";
            let kind = EncodeErrorKind::Value { expected, found: tagged_values_count.into() };
            return Err(w.error("TaggedValues", kind));
        }
        K::Count { count, restriction } => {
            w.u8(0x0B);
            w.u32_le(count);
            as_read(w, restriction, width)?;
        }
    }
    Ok(())
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
    count(w, restrictions.len(), width)?;
    restrictions.iter().try_for_each(|restriction| restriction.encode_within(w, width, depth))
}

fn count(w: &mut Writer<'_>, count: usize, width: CountWidth) -> Result<(), EncodeError> {
    match width {
        CountWidth::RopBuffer => w.len_u16_le(count, "RestrictCount"),
        CountWidth::Extended | CountWidth::AddressBook => w.len_u32_le(count, "RestrictCount"),
    }
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
