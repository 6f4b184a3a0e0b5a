//! The framing of ROP buffers, [MS-OXCROPS] 2.2.1.

use bytes::{BufMut, BytesMut};
use oxwire_core::{Decode, DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Reader, Structure, Writer};

use super::{Exchange, Handle, HandleTable, Request, Requests, Responses, RopId};
use crate::property::PropertyTags;

const NAME: &str = "ROP buffer";
const SPEC: &str = "[MS-OXCROPS] 2.2.1";

/// A ROP input or output buffer, [MS-OXCROPS] 2.2.1: a list of ROPs, none of them looked at yet, and the Server object handle
/// table. It stands alone in its payload: the table goes to the end.
#[derive(Debug, Clone)]
pub struct RopBuffer<'de> {
    rops: Reader<'de>,
    handles: HandleTable<'de>,
}

impl Structure for RopBuffer<'_> {
    const NAME: &'static str = NAME;
    const SPEC: &'static str = SPEC;
}

impl<'de> Decode<'de> for RopBuffer<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let at = r.offset();
        let size = r.u16_le("RopSize")?;
        let Some(len) = size.checked_sub(2) else {
            return Err(r.invalid(at, "RopSize", "2 or more (it counts itself)", size));
        };
        let rops = r.sub(usize::from(len), "RopsList")?;
        let at = r.offset();
        let table = r.rest();
        let (entries, broken) = table.as_chunks::<4>();
        if !broken.is_empty() {
            let kind = DecodeErrorKind::Trailing { left: broken.len() };
            let at = at.saturating_add(table.len() - broken.len());
            return Err(r.error_at(at, "ServerObjectHandleTable", kind));
        }
        Ok(Self { rops, handles: HandleTable::new(entries) })
    }
}

impl<'de> RopBuffer<'de> {
    /// The ROPs as requests.
    #[must_use]
    pub fn requests(&self) -> Requests<'de> {
        Requests::new(self.rops.clone())
    }

    /// The ROPs as responses, for a reader that says itself which columns to read with.
    #[must_use]
    pub fn raw_responses(&self) -> Responses<'de> {
        Responses::new(self.rops.clone())
    }

    /// The ROPs as responses to `requests`, each with its request.
    ///
    /// `columns` gives the columns of a table, by the handle index of a RopQueryRows, that an earlier buffer set; those set in this
    /// buffer are known.
    pub fn responses<F>(&self, requests: Requests<'de>, columns: F) -> Exchange<'de, F>
    where
        F: FnMut(u8) -> Option<PropertyTags<'de>>,
    {
        Exchange::new(requests, self.raw_responses(), columns)
    }

    /// The Server object handle table.
    #[must_use]
    pub const fn handles(&self) -> HandleTable<'de> {
        self.handles
    }

    /// The list, as bytes.
    #[must_use]
    pub fn rops_list(&self) -> &'de [u8] {
        self.rops.peek_rest()
    }
}

/// A ROP that cannot be read: unknown, damaged, or one that this crate has no structure for. Those before it were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}: {error}", RopName(*rop_id))]
pub struct RopError<'de> {
    /// What is wrong, and where.
    #[source]
    pub error: DecodeError,
    /// Which ROP it is, by its first byte.
    pub rop_id: RopId,
    /// Where the ROP begins, absolute, in bytes.
    pub offset: usize,
    /// The ROP and all behind it: where it ends is not known.
    pub raw: &'de [u8],
}

struct RopName(RopId);

impl std::fmt::Display for RopName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl<'de> RopError<'de> {
    pub(crate) fn new(start: &Reader<'de>, error: DecodeError) -> Self {
        let rop_id = RopId(start.peek_u8().unwrap_or_default());
        Self { error, rop_id, offset: start.offset(), raw: start.peek_rest() }
    }

    pub(crate) fn unsupported(start: &Reader<'de>) -> Self {
        let rop_id = RopId(start.peek_u8().unwrap_or_default());
        let what = rop_id.name().unwrap_or("a reserved RopId");
        Self::new(start, start.error("RopId", DecodeErrorKind::Unsupported { what }))
    }

    /// Whether the ROP is one that this crate has no structure for, as against a damaged one.
    #[must_use]
    pub const fn is_unsupported(&self) -> bool {
        matches!(self.error.kind, DecodeErrorKind::Unsupported { .. })
    }
}

/// Appends a ROP input buffer to a buffer of the caller's, without an allocation of its own.
///
/// For an Execute body: reserve once, write what stands before with
/// [`ExecuteRequestBuilder::write`](crate::mapihttp::ExecuteRequestBuilder::write), or give it a finished payload.
#[derive(Debug)]
pub struct RequestBuilder<'b> {
    out: &'b mut BytesMut,
    start: usize,
    highest: Option<u8>,
}

impl<'b> RequestBuilder<'b> {
    /// Begins behind what `out` holds.
    #[must_use]
    pub fn new(out: &'b mut BytesMut) -> Self {
        let start = out.len();
        out.put_u16_le(0);
        Self { out, start, highest: None }
    }

    /// Appends a request.
    ///
    /// # Errors
    /// Those of the request, and [`EncodeErrorKind::TooLong`] past the 65,535 bytes that RopSize can say; the request leaves no trace.
    pub fn push(&mut self, request: &impl Request) -> Result<(), EncodeError> {
        let before = self.out.len();
        let mut result = Writer::new(self.out).structure(request);
        if result.is_ok() {
            result = self.size().map(drop);
        }
        if result.is_err() {
            self.out.truncate(before);
        } else {
            self.highest = self.highest.max(request.handle_indexes().highest());
        }
        result
    }

    /// Bytes so far, RopSize included, without the table.
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len().saturating_sub(self.start)
    }

    /// Whether no request was appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() <= 2
    }

    /// Appends the Server object handle table and ends. An entry that only receives a handle is [`Handle::UNUSED`].
    ///
    /// # Errors
    /// [`EncodeErrorKind::Value`] when a request names a place behind the end of the table ([MS-OXCROPS] 3.1.4.1); nothing of the
    /// buffer is left in `out` then.
    pub fn finish(self, handles: &[Handle]) -> Result<(), EncodeError> {
        if let Some(highest) = self.highest
            && usize::from(highest) >= handles.len()
        {
            self.out.truncate(self.start);
            let kind = EncodeErrorKind::Value {
                expected: "a table with an entry for the highest handle index",
                found: u64::from(highest),
            };
            return Err(EncodeError { name: NAME, field: "ServerObjectHandleTable", spec: SPEC, kind });
        }
        let size = self.size()?;
        patch_size(self.out, self.start, size);
        self.out.reserve(handles.len().saturating_mul(4));
        handles.iter().for_each(|handle| self.out.put_u32_le(handle.0));
        Ok(())
    }

    fn size(&self) -> Result<u16, EncodeError> {
        let len = self.len();
        u16::try_from(len).map_err(|_| {
            let kind = EncodeErrorKind::TooLong { max: usize::from(u16::MAX), len };
            EncodeError { name: NAME, field: "RopSize", spec: SPEC, kind }
        })
    }
}

/// Fills RopSize in.
pub(crate) fn patch_size(out: &mut BytesMut, start: usize, size: u16) {
    for (to, from) in out.iter_mut().skip(start).zip(size.to_le_bytes()) {
        *to = from;
    }
}
