//! RopBackoff, [MS-OXCROPS] 2.2.15.2, 3.1.5.1.1 and 3.2.4.2.

use std::fmt;
use std::time::Duration;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::codec::rop_id;
use super::{Response, RopId};

/// One operation to hold back, [MS-OXCROPS] 2.2.15.2.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffRop {
    /// The operation.
    pub rop_id: RopId,
    /// How long, in whole milliseconds.
    pub duration: Duration,
}

impl BackoffRop {
    const fn from_wire([id, a, b, c, d]: [u8; 5]) -> Self {
        let ms = u32::from_le_bytes([a, b, c, d]);
        Self { rop_id: RopId(id), duration: Duration::from_millis(ms as u64) }
    }
}

/// A view over the operations to hold back.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct BackoffRops<'a>(&'a [[u8; 5]]);

impl<'a> BackoffRops<'a> {
    /// From structures as they stand on the wire: a RopId and a little-endian number of milliseconds each.
    #[must_use]
    pub const fn from_wire(rops: &'a [[u8; 5]]) -> Self {
        Self(rops)
    }

    /// The operations; none means that all of the logon's are held back.
    pub fn iter(self) -> impl Iterator<Item = BackoffRop> + 'a {
        self.0.iter().copied().map(BackoffRop::from_wire)
    }
}

impl fmt::Debug for BackoffRops<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// RopBackoff response, [MS-OXCROPS] 2.2.15.2.1: the server is busy. The ROP that it stands for and those behind it have no
/// response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffResponse<'a> {
    /// The logon that is to wait.
    pub logon_id: u8,
    /// How long the logon waits, in milliseconds.
    pub duration_ms: u32,
    /// The operations that wait, each with a time of its own.
    pub rops: BackoffRops<'a>,
    /// More, that no section says the meaning of.
    pub additional_data: &'a [u8],
}

impl Structure for BackoffResponse<'_> {
    const NAME: &'static str = "RopBackoff response";
    const SPEC: &'static str = "[MS-OXCROPS] 2.2.15.2.1";
}

impl Encode for BackoffResponse<'_> {
    fn encoded_len(&self) -> usize {
        self.rops.0.len().saturating_mul(5).saturating_add(self.additional_data.len()).saturating_add(9)
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.bytes(&[RopId::BACKOFF.0, self.logon_id]);
        w.u32_le(self.duration_ms);
        w.len_u8(self.rops.0.len(), "BackoffRopCount")?;
        w.bytes(self.rops.0.as_flattened());
        w.len_u16_le(self.additional_data.len(), "AdditionalDataSize")?;
        w.bytes(self.additional_data);
        Ok(())
    }
}

impl<'de> Decode<'de> for BackoffResponse<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        rop_id(r, RopId::BACKOFF)?;
        let logon_id = r.u8("LogonId")?;
        let duration_ms = r.u32_le("Duration")?;
        let count = usize::from(r.u8("BackoffRopCount")?);
        let rops = BackoffRops(r.bytes(count.saturating_mul(5), "BackoffRopData")?.as_chunks::<5>().0);
        let size = usize::from(r.u16_le("AdditionalDataSize")?);
        let additional_data = r.bytes(size, "AdditionalData")?;
        Ok(Self { logon_id, duration_ms, rops, additional_data })
    }
}

impl Response for BackoffResponse<'_> {
    fn rop_id(&self) -> RopId {
        RopId::BACKOFF
    }

    fn handle_index(&self) -> Option<u8> {
        None
    }
}
