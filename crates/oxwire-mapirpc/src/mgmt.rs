//! The remote management interface, \[C706\] appendix Q with [MS-RPCE] 2.2.1.3: what connectivity tests call first.

use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind, Guid, Structure};
use oxwire_rpc::ndr::{NdrDecode, NdrEncode, NdrReader, NdrWriter};
use oxwire_rpc::pdu::SyntaxIdentifier;

use crate::Operation;

/// mgmt 1.0.
pub const MGMT: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0xafa8_bd80, 0x7d8a, 0x11c9, [0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89]),
    version: 1,
};

/// RPC_IF_ID: an interface that a server offers. [MS-RPCE] 2.2.1.2.1, \[C706\] appendix N
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IfId {
    /// Uuid.
    pub uuid: Guid,
    /// VersMajor.
    pub major: u16,
    /// VersMinor.
    pub minor: u16,
}

impl From<SyntaxIdentifier> for IfId {
    fn from(interface: SyntaxIdentifier) -> Self {
        let [a, b, c, d] = interface.version.to_le_bytes();
        Self { uuid: interface.uuid, major: u16::from_le_bytes([a, b]), minor: u16::from_le_bytes([c, d]) }
    }
}

impl From<IfId> for SyntaxIdentifier {
    fn from(id: IfId) -> Self {
        Self::new(id.uuid, id.major, id.minor)
    }
}

/// rpc_mgmt_inq_if_ids, opnum 0: no arguments. \[C706\] appendix Q
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InqIfIdsRequest;

impl Structure for InqIfIdsRequest {
    const NAME: &'static str = "rpc_mgmt_inq_if_ids request";
    const SPEC: &'static str = "[C706] appendix Q";
}

impl Operation for InqIfIdsRequest {
    const INTERFACE: SyntaxIdentifier = MGMT;
    const OPNUM: u16 = 0;
}

impl NdrEncode for InqIfIdsRequest {
    fn encode(&self, _: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for InqIfIdsRequest {
    fn decode(_: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

/// The answer to an [`InqIfIdsRequest`]. [MS-RPCE] 2.2.1.3.1
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InqIfIdsResponse {
    /// if_id_vector: null only where status is an error. An entry may be null, too.
    pub if_ids: Option<Vec<Option<IfId>>>,
    /// status: 0 for success.
    pub status: u32,
}

impl Structure for InqIfIdsResponse {
    const NAME: &'static str = "rpc_mgmt_inq_if_ids response";
    const SPEC: &'static str = "[MS-RPCE] 2.2.1.3.1";
}

impl NdrEncode for InqIfIdsResponse {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.unique(self.if_ids.as_ref(), |w, if_ids| {
            w.conformance(if_ids.len(), "IfId")?;
            w.len_u32(if_ids.len(), "Count")?;
            if_ids.iter().for_each(|id| w.pointer(id.is_some()));
            for id in if_ids.iter().flatten() {
                w.guid(id.uuid);
                w.u16(id.major);
                w.u16(id.minor);
            }
            Ok(())
        })?;
        w.u32(self.status);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for InqIfIdsResponse {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let if_ids = r.unique("if_id_vector", |r| {
            let count = r.conformance(4, "IfId")?;
            let stated = r.u32("Count")?;
            if u32::try_from(count) != Ok(stated) {
                return Err(r.invalid("Count", "the maximum count of IfId", stated));
            }
            let pointers = (0..count).map(|_| r.pointer("IfId")).collect::<Result<Vec<_>, _>>()?;
            let id = |r: &mut NdrReader<'de>| {
                Ok(IfId { uuid: r.guid("Uuid")?, major: r.u16("VersMajor")?, minor: r.u16("VersMinor")? })
            };
            pointers.into_iter().map(|pointer| r.referent(pointer, id)).collect()
        })?;
        Ok(Self { if_ids, status: r.u32("status")? })
    }
}

/// rpc_mgmt_inq_stats, opnum 1. [MS-RPCE] 2.2.1.3.3
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InqStatsRequest {
    /// count: how many statistics the caller takes, at most [`StatisticsCount::MAX`].
    pub count: u32,
}

/// StatisticsCount, [MS-RPCE] 2.2.1.3.2, and what the elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatisticsCount;

impl StatisticsCount {
    /// The most elements, [MS-RPCE] 2.2.1.3.2.
    pub const MAX: u32 = 50;
    /// rpc_c_stats_calls_in: calls received.
    pub const CALLS_IN: usize = 0;
    /// rpc_c_stats_calls_out: calls made.
    pub const CALLS_OUT: usize = 1;
    /// rpc_c_stats_pkts_in: PDUs received.
    pub const PACKETS_IN: usize = 2;
    /// rpc_c_stats_pkts_out: PDUs sent.
    pub const PACKETS_OUT: usize = 3;

    fn read(r: &mut NdrReader<'_>) -> Result<u32, DecodeError> {
        let count = r.u32("count")?;
        if count > Self::MAX { Err(r.invalid("count", "at most 50", count)) } else { Ok(count) }
    }
}

impl Structure for InqStatsRequest {
    const NAME: &'static str = "rpc_mgmt_inq_stats request";
    const SPEC: &'static str = "[MS-RPCE] 2.2.1.3.3";
}

impl Operation for InqStatsRequest {
    const INTERFACE: SyntaxIdentifier = MGMT;
    const OPNUM: u16 = 1;
}

impl NdrEncode for InqStatsRequest {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.u32(self.count);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for InqStatsRequest {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { count: StatisticsCount::read(r)? })
    }
}

/// The answer to an [`InqStatsRequest`]. [MS-RPCE] 2.2.1.3.3
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InqStatsResponse {
    /// statistics: at most 50 and at most as many as were asked for; [`StatisticsCount`] names the first four.
    pub statistics: Vec<u32>,
    /// status: 0 for success.
    pub status: u32,
}

impl Structure for InqStatsResponse {
    const NAME: &'static str = "rpc_mgmt_inq_stats response";
    const SPEC: &'static str = "[MS-RPCE] 2.2.1.3.3";
}

impl NdrEncode for InqStatsResponse {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        let len = self.statistics.len();
        if len > StatisticsCount::MAX as usize {
            return Err(w.error("count", EncodeErrorKind::TooLong { max: StatisticsCount::MAX as usize, len }));
        }
        w.len_u32(len, "count")?;
        w.conformance(len, "statistics")?;
        self.statistics.iter().for_each(|value| w.u32(*value));
        w.u32(self.status);
        Ok(())
    }
}

impl<'de> NdrDecode<'de> for InqStatsResponse {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let count = StatisticsCount::read(r)?;
        let statistics = r.conformant::<u32>("statistics")?;
        if u32::try_from(statistics.len()) != Ok(count) {
            return Err(r.invalid("statistics", "count elements", count));
        }
        Ok(Self { statistics: statistics.iter().collect(), status: r.u32("status")? })
    }
}
