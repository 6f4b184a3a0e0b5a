//! Sort orders, [MS-OXCDATA] 2.13.

use std::fmt;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::{PropertyTag, PropertyType};

/// The Order of a sort order, [MS-OXCDATA] 2.13.1. Unknown numbers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Order(pub u8);

impl Order {
    /// From the smallest.
    pub const ASCENDING: Self = Self(0x00);
    /// From the largest.
    pub const DESCENDING: Self = Self(0x01);
    /// An aggregated column, by its largest value in each category.
    pub const MAXIMUM_CATEGORY: Self = Self(0x04);
}

/// One column that a table is sorted by, [MS-OXCDATA] 2.13.1. On the wire the type stands before the id, as in a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortOrder {
    /// The type of the column, with its multivalue bits, and the property id.
    pub property: PropertyTag,
    /// The direction.
    pub order: Order,
}

impl SortOrder {
    /// Sorted from the smallest.
    #[must_use]
    pub const fn ascending(property: PropertyTag) -> Self {
        Self { property, order: Order::ASCENDING }
    }

    /// Sorted from the largest.
    #[must_use]
    pub const fn descending(property: PropertyTag) -> Self {
        Self { property, order: Order::DESCENDING }
    }

    const fn from_wire([a, b, c, d, order]: [u8; 5]) -> Self {
        let property = PropertyTag::new(u16::from_le_bytes([c, d]), PropertyType(u16::from_le_bytes([a, b])));
        Self { property, order: Order(order) }
    }
}

impl Structure for SortOrder {
    const NAME: &'static str = "SortOrder";
    const SPEC: &'static str = "[MS-OXCDATA] 2.13.1";
}

impl Encode for SortOrder {
    fn encoded_len(&self) -> usize {
        5
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(self.property.0);
        w.u8(self.order.0);
        Ok(())
    }
}

impl<'de> Decode<'de> for SortOrder {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        r.array("SortOrder").map(Self::from_wire)
    }
}

/// A view over an array of sort orders: a slice of the caller's, or bytes as they stand on the wire.
#[derive(Clone, Copy)]
pub struct SortOrders<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Slice(&'a [SortOrder]),
    Wire(&'a [[u8; 5]]),
}

impl<'a> SortOrders<'a> {
    /// A view over a slice.
    #[must_use]
    pub const fn new(orders: &'a [SortOrder]) -> Self {
        Self(Source::Slice(orders))
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            Source::Slice(orders) => orders.len(),
            Source::Wire(orders) => orders.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The sort orders, the first by which the table is sorted first.
    pub fn iter(self) -> impl Iterator<Item = SortOrder> + 'a {
        (0..self.len()).filter_map(move |index| match self.0 {
            Source::Slice(orders) => orders.get(index).copied(),
            Source::Wire(orders) => orders.get(index).copied().map(SortOrder::from_wire),
        })
    }

    pub(crate) fn decode(r: &mut Reader<'a>, count: usize) -> Result<Self, DecodeError> {
        let count = r.count(count, 5, "SortOrders")?;
        let bytes = r.bytes(count.saturating_mul(5), "SortOrders")?;
        Ok(Self(Source::Wire(bytes.as_chunks::<5>().0)))
    }

    pub(crate) fn encode(self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        self.iter().try_for_each(|order| w.structure(&order))
    }
}

impl PartialEq for SortOrders<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for SortOrders<'_> {}

impl fmt::Debug for SortOrders<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
