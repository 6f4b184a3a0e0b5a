//! The three kinds of EntryID, [MS-OXNSPI] 2.3.8.

use std::fmt;

use oxwire_core::{
    Decode, DecodeError, DecodeErrorKind, Encode, EncodeError, EncodeErrorKind, Guid, Reader, Structure, Writer,
};

use super::field::{Field, REREAD, fixed_fields, read_count, write_count};
use super::{DisplayType, RowLimit};
use crate::property::MultipleBinary;

/// A MinimalEntryID, [MS-OXNSPI] 2.3.8.1: names a row for as long as the session lasts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MinimalEntryId(pub u32);

impl MinimalEntryId {
    /// MID_BEGINNING_OF_TABLE, of STAT.CurrentRec.
    pub const BEGINNING_OF_TABLE: Self = Self(0);
    /// MID_CURRENT, of STAT.CurrentRec: by NumPos and TotalRecs.
    pub const CURRENT: Self = Self(1);
    /// MID_END_OF_TABLE, of STAT.CurrentRec.
    pub const END_OF_TABLE: Self = Self(2);
    /// MID_UNRESOLVED: a name that ResolveNames found nothing for; a DN that DNToMId does not know.
    pub const UNRESOLVED: Self = Self(0);
    /// MID_AMBIGUOUS: a name that ResolveNames found several rows for.
    pub const AMBIGUOUS: Self = Self(1);
    /// MID_RESOLVED: a name that ResolveNames found one row for; the row is in the answer.
    pub const RESOLVED: Self = Self(2);
    /// The smallest that names a row: those below are the ones above.
    pub const FIRST_ROW: Self = Self(0x10);
}

impl fmt::Debug for MinimalEntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MId({:#x})", self.0)
    }
}

/// A view over an array of MinimalEntryIDs: a slice of the caller's, or bytes as they stand on the wire. `Copy`, no
/// allocation.
#[derive(Clone, Copy)]
pub struct MinimalEntryIds<'a>(Source<'a>);

#[derive(Clone, Copy)]
enum Source<'a> {
    Slice(&'a [MinimalEntryId]),
    Wire(&'a [[u8; 4]]),
}

impl<'a> MinimalEntryIds<'a> {
    /// None.
    pub const EMPTY: MinimalEntryIds<'static> = MinimalEntryIds(Source::Slice(&[]));

    /// A view over a slice.
    #[must_use]
    pub const fn new(ids: &'a [MinimalEntryId]) -> Self {
        Self(Source::Slice(ids))
    }

    /// A view over little-endian ids on the wire; bytes that are no whole id are left out.
    #[must_use]
    pub const fn from_wire(bytes: &'a [u8]) -> Self {
        Self(Source::Wire(bytes.as_chunks::<4>().0))
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            Source::Slice(ids) => ids.len(),
            Source::Wire(ids) => ids.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The id at `index`.
    #[must_use]
    pub fn at(self, index: usize) -> Option<MinimalEntryId> {
        match self.0 {
            Source::Slice(ids) => ids.get(index).copied(),
            Source::Wire(ids) => ids.get(index).map(|bytes| MinimalEntryId(u32::from_le_bytes(*bytes))),
        }
    }

    /// The ids, in order.
    pub fn iter(self) -> impl Iterator<Item = MinimalEntryId> + Clone + 'a {
        (0..self.len()).filter_map(move |index| self.at(index))
    }

    /// Reads a 32-bit count and as many ids.
    pub(super) fn read(r: &mut Reader<'a>, count: &'static str, field: &'static str) -> Result<Self, DecodeError> {
        let count = read_count(r, count)?;
        let count = r.count(count, 4, field)?;
        r.bytes(count.saturating_mul(4), field).map(Self::from_wire)
    }

    /// Writes it.
    pub(super) fn write(self, w: &mut Writer<'_>, count: &'static str) -> Result<(), EncodeError> {
        write_count(w, self.len(), count)?;
        self.iter().for_each(|id| w.u32_le(id.0));
        Ok(())
    }
}

impl PartialEq for MinimalEntryIds<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for MinimalEntryIds<'_> {}

impl Default for MinimalEntryIds<'_> {
    fn default() -> Self {
        Self::EMPTY
    }
}

impl<'a> From<&'a [MinimalEntryId]> for MinimalEntryIds<'a> {
    fn from(ids: &'a [MinimalEntryId]) -> Self {
        Self::new(ids)
    }
}

impl fmt::Debug for MinimalEntryIds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'de> Field<'de> for MinimalEntryIds<'de> {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        Self::read(r, "MinimalIdCount", field)
    }

    fn write(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), EncodeError> {
        (*self).write(w, "MinimalIdCount")
    }

    fn size(&self) -> usize {
        self.len().saturating_mul(4).saturating_add(4)
    }
}

/// The rows of an Explicit Table in a request, ExplicitTableCount and ExplicitTable: at most 100,000. Empty for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExplicitTable<'a>(pub MinimalEntryIds<'a>);

impl<'de> Field<'de> for ExplicitTable<'de> {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        MinimalEntryIds::read(r, "ExplicitTableCount", field).map(Self)
    }

    fn write(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), EncodeError> {
        self.0.write(w, "ExplicitTableCount")
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

fixed_fields! {
    MinimalEntryId, 4, |r, field| MinimalEntryId(r.u32_le(field)?), |w, value| w.u32_le(value.0);
}

/// MinimalEntryIDs of an answer that are no more than the request asked for: read, or made within a [`RowLimit`]. Outlook
/// crashes at more matches than it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Matches<'a>(MinimalEntryIds<'a>);

impl<'a> Matches<'a> {
    /// These ids, or `None` when they are more than the request asked for. A server then answers TableTooBig
    /// ([MS-OXNSPI] 3.1.4.1.10).
    #[must_use]
    pub const fn new(ids: MinimalEntryIds<'a>, limit: RowLimit) -> Option<Self> {
        if ids.len() <= limit.get() { Some(Self(ids)) } else { None }
    }

    /// What a peer answered.
    #[must_use]
    pub const fn received(ids: MinimalEntryIds<'a>) -> Self {
        Self(ids)
    }

    /// The ids.
    #[must_use]
    pub const fn ids(self) -> MinimalEntryIds<'a> {
        self.0
    }
}

impl<'de> Field<'de> for Matches<'de> {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        Field::read(r, field).map(Self)
    }

    fn write(&self, w: &mut Writer<'_>, field: &'static str) -> Result<(), EncodeError> {
        Field::write(&self.0, w, field)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// GUID_NSPI, the ProviderUID of a PermanentEntryID: {C840A7DC-42C0-1A10-B4B9-08002B2FE182}. [MS-OXNSPI] 2.2.7
pub const GUID_NSPI: Guid =
    Guid::from_wire([0xDC, 0xA7, 0x40, 0xC8, 0xC0, 0x42, 0x10, 0x1A, 0xB4, 0xB9, 0x08, 0x00, 0x2B, 0x2F, 0xE1, 0x82]);

/// An EphemeralEntryID or a PermanentEntryID: the value of PidTagEntryId in an address book, and what ModLinkAtt names rows by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryId<'a> {
    /// An EphemeralEntryID, [MS-OXNSPI] 2.3.8.2: names a row for as long as the session lasts.
    Ephemeral {
        /// ProviderUID: the GUID that the server gave in its answer to Bind.
        provider_uid: Guid,
        /// DisplayType.
        display_type: DisplayType,
        /// Mid.
        mid: MinimalEntryId,
    },
    /// A PermanentEntryID, [MS-OXNSPI] 2.3.8.3: names an object for good.
    Permanent {
        /// DisplayTypeString.
        display_type: DisplayType,
        /// DistinguishedName: the DN, without its NUL.
        distinguished_name: &'a [u8],
    },
}

/// ID Type of an EphemeralEntryID, 0x87, and another that Outlook sends for one.
const EPHEMERAL: u8 = 0x87;
const EPHEMERAL_TOO: u8 = 0x8C;
/// ID Type of a PermanentEntryID.
const PERMANENT: u8 = 0x00;

impl EntryId<'_> {
    const FIXED: usize = 28;
}

impl Structure for EntryId<'_> {
    const NAME: &'static str = "EntryID";
    const SPEC: &'static str = "[MS-OXNSPI] 2.3.8.2, 2.3.8.3";
}

/// R1 to R3 and R4 are not looked at. An ID Type of 0x8C is taken for an ephemeral one: clients send it.
impl<'de> Decode<'de> for EntryId<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let at = r.offset();
        let id_type = r.u8("ID Type")?;
        r.bytes(3, "Reserved")?;
        let uid_at = r.offset();
        let provider_uid = r.guid("ProviderUID")?;
        r.u32_le("Reserved")?;
        let display_type = DisplayType(r.u32_le("DisplayType")?);
        match id_type {
            EPHEMERAL | EPHEMERAL_TOO => {
                Ok(Self::Ephemeral { provider_uid, display_type, mid: MinimalEntryId(r.u32_le("Mid")?) })
            }
            PERMANENT if provider_uid == GUID_NSPI => {
                Ok(Self::Permanent { display_type, distinguished_name: r.c_string("DistinguishedName")? })
            }
            PERMANENT => {
                let what = "a PermanentEntryID whose ProviderUID is not GUID_NSPI";
                Err(r.error_at(uid_at, "ProviderUID", DecodeErrorKind::Unsupported { what }))
            }
            found => Err(r.invalid(at, "ID Type", "0x87 (ephemeral) or 0x00 (permanent)", found)),
        }
    }
}

impl Encode for EntryId<'_> {
    fn encoded_len(&self) -> usize {
        match self {
            Self::Ephemeral { .. } => Self::FIXED + 4,
            Self::Permanent { distinguished_name, .. } => distinguished_name.len().saturating_add(Self::FIXED + 1),
        }
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let (id_type, uid, display_type) = match *self {
            Self::Ephemeral { provider_uid, display_type, .. } => (EPHEMERAL, provider_uid, display_type),
            Self::Permanent { display_type, .. } => (PERMANENT, GUID_NSPI, display_type),
        };
        w.bytes(&[id_type, 0, 0, 0]);
        w.guid(uid);
        w.u32_le(1);
        w.u32_le(display_type.0);
        match *self {
            Self::Ephemeral { mid, .. } => w.u32_le(mid.0),
            Self::Permanent { distinguished_name, .. } => {
                if let Some(byte) = distinguished_name.iter().find(|byte| !byte.is_ascii()) {
                    let kind = EncodeErrorKind::Value { expected: "ASCII text", found: u64::from(*byte) };
                    return Err(w.error("DistinguishedName", kind));
                }
                w.c_string(distinguished_name, "DistinguishedName")?;
            }
        }
        Ok(())
    }
}

/// The EntryIds of ModLinkAtt, each behind its 32-bit length, as a view: a slice of the caller's or the wire.
#[derive(Clone, Copy)]
pub struct EntryIds<'a>(EntryIdSource<'a>);

#[derive(Clone, Copy)]
enum EntryIdSource<'a> {
    Slice(&'a [&'a [u8]]),
    Wire { count: usize, bytes: &'a [u8] },
    Multiple(MultipleBinary<'a>),
}

/// The values of a BinaryArray_r in stub data: [`MultipleBinary::decode_referents`].
impl<'a> From<MultipleBinary<'a>> for EntryIds<'a> {
    fn from(ids: MultipleBinary<'a>) -> Self {
        Self(EntryIdSource::Multiple(ids))
    }
}

impl<'a> EntryIds<'a> {
    /// A view over encoded entry ids: [`encode_to_bytes`](oxwire_core::encode_to_bytes) of an [`EntryId`] makes one.
    #[must_use]
    pub const fn new(ids: &'a [&'a [u8]]) -> Self {
        Self(EntryIdSource::Slice(ids))
    }

    /// How many.
    #[must_use]
    pub const fn len(self) -> usize {
        match self.0 {
            EntryIdSource::Slice(ids) => ids.len(),
            EntryIdSource::Wire { count, .. } => count,
            EntryIdSource::Multiple(ids) => ids.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes of each, in order.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> + 'a {
        let none = MultipleBinary::new(&[]);
        let (slice, wire, multiple): (&[&[u8]], &[u8], _) = match self.0 {
            EntryIdSource::Slice(ids) => (ids, &[], none),
            EntryIdSource::Wire { bytes, .. } => (&[], bytes, none),
            EntryIdSource::Multiple(ids) => (&[], &[], ids),
        };
        let mut r = Reader::with_limits(wire, &REREAD);
        // Never an error: each was read once.
        let wire = std::iter::from_fn(move || if r.is_empty() { None } else { Self::one(&mut r).ok() });
        slice.iter().copied().chain(wire).chain(multiple.iter())
    }

    fn one(r: &mut Reader<'a>) -> Result<&'a [u8], DecodeError> {
        let len = r.len_u32_le("EntryIdSize")?;
        r.value_bytes(len, "EntryIds")
    }
}

impl<'de> Field<'de> for EntryIds<'de> {
    fn read(r: &mut Reader<'de>, field: &'static str) -> Result<Self, DecodeError> {
        let count = read_count(r, "EntryIdCount")?;
        let count = r.count(count, 4, field)?;
        let (left, bytes) = (r.left(), r.peek_rest());
        (0..count).try_for_each(|_| Self::one(r).map(drop))?;
        let bytes = bytes.get(..left.saturating_sub(r.left())).unwrap_or_default();
        Ok(Self(EntryIdSource::Wire { count, bytes }))
    }

    fn write(&self, w: &mut Writer<'_>, _: &'static str) -> Result<(), EncodeError> {
        write_count(w, self.len(), "EntryIdCount")?;
        self.iter().try_for_each(|id| {
            w.len_u32_le(id.len(), "EntryIdSize")?;
            w.bytes(id);
            Ok(())
        })
    }

    fn size(&self) -> usize {
        self.iter().fold(4, |sum, id| sum.saturating_add(id.len()).saturating_add(4))
    }
}

impl PartialEq for EntryIds<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for EntryIds<'_> {}

impl fmt::Debug for EntryIds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|id| format!("{} bytes", id.len()))).finish()
    }
}
