//! What the management interface tells: which interfaces there are, and what was counted.

use bytes::Bytes;
use oxwire::mapirpc::mgmt::{IfId, InqIfIdsRequest, InqIfIdsResponse, InqStatsRequest, InqStatsResponse};
use oxwire::rpc::association::server::Request;
use oxwire::rpc::ndr::encode_stub;
use oxwire::rpc::pdu::FaultStatus;

use super::calls::{arguments, result};

/// The first four statistics of [MS-RPCE] 2.2.1.3.2.
#[derive(Debug, Default)]
pub(super) struct Statistics {
    pub(super) calls_in: u32,
    pub(super) packets_in: u32,
    pub(super) packets_out: u32,
}

/// Answers a call of the interface.
pub(super) fn call(statistics: &Statistics, request: &Request) -> (Result<Bytes, FaultStatus>, &'static str) {
    match request.opnum {
        0 => (inq_if_ids(request), "mgmt inq_if_ids"),
        1 => (inq_stats(statistics, request), "mgmt inq_stats"),
        _ => (Err(FaultStatus::NCA_OP_RNG_ERROR), "mgmt: an operation that is not offered"),
    }
}

fn inq_if_ids(request: &Request) -> Result<Bytes, FaultStatus> {
    arguments::<InqIfIdsRequest>(request)?;
    let if_ids = super::INTERFACES.map(|interface| Some(IfId::from(interface)));
    result(encode_stub(&InqIfIdsResponse { if_ids: Some(if_ids.to_vec()), status: 0 }))
}

fn inq_stats(statistics: &Statistics, request: &Request) -> Result<Bytes, FaultStatus> {
    let asked = arguments::<InqStatsRequest>(request)?;
    // Calls received, calls made, PDUs received, PDUs sent.
    let told = [statistics.calls_in, 0, statistics.packets_in, statistics.packets_out];
    let count = usize::try_from(asked.count).unwrap_or(usize::MAX);
    result(encode_stub(&InqStatsResponse { statistics: told.into_iter().take(count).collect(), status: 0 }))
}
