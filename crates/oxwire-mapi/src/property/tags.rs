//! Arrays of property tags.

use std::fmt;

use oxwire_core::{DecodeError, EncodeError, Reader, Writer};

use super::PropertyTag;

/// A view over an array of property tags: a slice of the caller's, or bytes as they stand on the wire. `Copy`, no allocation.
#[derive(Clone, Copy)]
pub struct PropertyTags<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Slice(&'a [PropertyTag]),
    Wire(&'a [[u8; 4]]),
}

impl<'a> PropertyTags<'a> {
    /// No tags.
    pub const EMPTY: PropertyTags<'static> = PropertyTags(Source::Slice(&[]));

    /// A view over a slice.
    #[must_use]
    pub const fn new(tags: &'a [PropertyTag]) -> Self {
        Self(Source::Slice(tags))
    }

    /// A view over little-endian tags on the wire; bytes that are no whole tag are left out.
    #[must_use]
    pub const fn from_wire(bytes: &'a [u8]) -> Self {
        Self(Source::Wire(bytes.as_chunks::<4>().0))
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            Source::Slice(tags) => tags.len(),
            Source::Wire(tags) => tags.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The tag at `index`.
    #[must_use]
    pub fn at(self, index: usize) -> Option<PropertyTag> {
        match self.0 {
            Source::Slice(tags) => tags.get(index).copied(),
            Source::Wire(tags) => tags.get(index).map(|bytes| PropertyTag(u32::from_le_bytes(*bytes))),
        }
    }

    /// The first `count` of them; `None` where there are fewer.
    #[must_use]
    pub fn first(self, count: usize) -> Option<Self> {
        Some(Self(match self.0 {
            Source::Slice(tags) => Source::Slice(tags.get(..count)?),
            Source::Wire(tags) => Source::Wire(tags.get(..count)?),
        }))
    }

    /// The tags, in order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = PropertyTag> + 'a {
        (0..self.len()).map(move |index| self.at(index).unwrap_or(PropertyTag(0)))
    }

    /// Reads a 16-bit count and as many tags.
    pub(crate) fn decode_counted(
        r: &mut Reader<'a>,
        count_field: &'static str,
        field: &'static str,
    ) -> Result<Self, DecodeError> {
        let count = usize::from(r.u16_le(count_field)?);
        Self::decode(r, count, field)
    }

    /// Reads `count` tags.
    pub(crate) fn decode(r: &mut Reader<'a>, count: usize, field: &'static str) -> Result<Self, DecodeError> {
        let count = r.count(count, 4, field)?;
        let bytes = r.bytes(count.saturating_mul(4), field)?;
        Ok(Self(Source::Wire(bytes.as_chunks::<4>().0)))
    }

    /// Writes a 16-bit count and the tags.
    pub(crate) fn encode_counted(self, w: &mut Writer<'_>, count_field: &'static str) -> Result<(), EncodeError> {
        w.len_u16_le(self.len(), count_field)?;
        self.encode(w);
        Ok(())
    }

    /// Writes the tags.
    pub(crate) fn encode(self, w: &mut Writer<'_>) {
        match self.0 {
            Source::Slice(tags) => tags.iter().for_each(|tag| w.u32_le(tag.0)),
            Source::Wire(tags) => w.bytes(tags.as_flattened()),
        }
    }
}

impl<'a> From<&'a [PropertyTag]> for PropertyTags<'a> {
    fn from(tags: &'a [PropertyTag]) -> Self {
        Self::new(tags)
    }
}

impl<'a, const N: usize> From<&'a [PropertyTag; N]> for PropertyTags<'a> {
    fn from(tags: &'a [PropertyTag; N]) -> Self {
        Self::new(tags)
    }
}

impl Default for PropertyTags<'_> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl PartialEq for PropertyTags<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for PropertyTags<'_> {}

impl fmt::Debug for PropertyTags<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
