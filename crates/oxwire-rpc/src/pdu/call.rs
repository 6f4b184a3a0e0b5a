//! request, response and fault, \[C706\] 12.6.4.7 to 12.6.4.10.

use std::fmt;

use oxwire_core::{DecodeError, Guid, Reader, Writer};

use super::{DataRepresentation, FaultStatus};

/// The body of a request, \[C706\] 12.6.4.9.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Request<'de> {
    /// alloc_hint: bytes of stub data in this fragment and those behind it; 0 when the sender does not say.
    pub alloc_hint: u32,
    /// p_cont_id.
    pub context_id: u16,
    /// opnum.
    pub opnum: u16,
    /// object: there exactly when PFC_OBJECT_UUID is set.
    pub object: Option<Guid>,
    /// The stub data of this fragment, sealed where the security context seals.
    pub stub: &'de [u8],
}

impl<'de> Request<'de> {
    pub(super) fn read(r: &mut Reader<'de>, drep: DataRepresentation, object: bool) -> Result<Self, DecodeError> {
        Ok(Self {
            alloc_hint: drep.u32(r, "alloc_hint")?,
            context_id: drep.u16(r, "p_cont_id")?,
            opnum: drep.u16(r, "opnum")?,
            object: object.then(|| drep.uuid(r, "object")).transpose()?,
            stub: r.rest(),
        })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.u32_le(self.alloc_hint);
        w.u16_le(self.context_id);
        w.u16_le(self.opnum);
        if let Some(object) = self.object {
            w.guid(object);
        }
        w.bytes(self.stub);
    }

    pub(super) const fn encoded_len(&self) -> usize {
        8 + if self.object.is_some() { 16 } else { 0 } + self.stub.len()
    }
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("alloc_hint", &self.alloc_hint)
            .field("context_id", &self.context_id)
            .field("opnum", &self.opnum)
            .field("object", &self.object)
            .field("stub", &format_args!("{} bytes", self.stub.len()))
            .finish()
    }
}

/// The body of a response, \[C706\] 12.6.4.10.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Response<'de> {
    /// alloc_hint: bytes of stub data in this fragment and those behind it; 0 when the sender does not say.
    pub alloc_hint: u32,
    /// p_cont_id.
    pub context_id: u16,
    /// cancel_count.
    pub cancel_count: u8,
    /// The stub data of this fragment, sealed where the security context seals.
    pub stub: &'de [u8],
}

impl<'de> Response<'de> {
    pub(super) fn read(r: &mut Reader<'de>, drep: DataRepresentation) -> Result<Self, DecodeError> {
        let alloc_hint = drep.u32(r, "alloc_hint")?;
        let context_id = drep.u16(r, "p_cont_id")?;
        let cancel_count = r.u8("cancel_count")?;
        r.u8("reserved")?;
        Ok(Self { alloc_hint, context_id, cancel_count, stub: r.rest() })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        w.u32_le(self.alloc_hint);
        w.u16_le(self.context_id);
        w.u8(self.cancel_count);
        w.u8(0);
        w.bytes(self.stub);
    }

    pub(super) const fn encoded_len(&self) -> usize {
        8 + self.stub.len()
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("alloc_hint", &self.alloc_hint)
            .field("context_id", &self.context_id)
            .field("cancel_count", &self.cancel_count)
            .field("stub", &format_args!("{} bytes", self.stub.len()))
            .finish()
    }
}

/// The body of a fault, \[C706\] 12.6.4.7 and [MS-RPCE] 2.2.2.8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault<'de> {
    /// p_cont_id.
    pub context_id: u16,
    /// cancel_count.
    pub cancel_count: u8,
    /// status.
    pub status: FaultStatus,
    /// Extended error information ([MS-EERR]), undecoded. Stub data of other kinds is ignored, as the section asks for.
    pub extended_error: Option<&'de [u8]>,
}

impl<'de> Fault<'de> {
    /// The bit of the reserved octet that says that extended error information is there. [MS-RPCE] 2.2.2.8
    const EXTENDED_ERROR: u8 = 0x01;
    /// What alloc_hint counts in front of the extended error information. [MS-RPCE] 2.2.2.8
    const HINT_BASE: usize = 0x20;

    pub(super) fn read(r: &mut Reader<'de>, drep: DataRepresentation) -> Result<Self, DecodeError> {
        let alloc_hint = drep.u32(r, "alloc_hint")?;
        let context_id = drep.u16(r, "p_cont_id")?;
        let cancel_count = r.u8("cancel_count")?;
        let reserved = r.u8("reserved")?;
        let status = FaultStatus(drep.u32(r, "status")?);
        // Some peers end here, before reserved2.
        if !r.is_empty() {
            r.bytes(4, "reserved2")?;
        }
        let rest = r.rest();
        let len = usize::try_from(alloc_hint).unwrap_or(usize::MAX).saturating_sub(Self::HINT_BASE);
        let extended_error = (reserved & Self::EXTENDED_ERROR != 0).then(|| rest.get(..len).unwrap_or(rest));
        Ok(Self { context_id, cancel_count, status, extended_error })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) {
        let blob = self.extended_error;
        let hint = blob.map_or(0, |blob| Self::HINT_BASE.saturating_add(blob.len()));
        w.u32_le(u32::try_from(hint).unwrap_or(u32::MAX));
        w.u16_le(self.context_id);
        w.u8(self.cancel_count);
        w.u8(if blob.is_some() { Self::EXTENDED_ERROR } else { 0 });
        w.u32_le(self.status.0);
        w.u32_le(0);
        w.bytes(blob.unwrap_or_default());
    }

    pub(super) fn encoded_len(&self) -> usize {
        16 + self.extended_error.map_or(0, <[u8]>::len)
    }
}
