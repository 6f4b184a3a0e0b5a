//! The HTTP requests and responses that channels ride on, [MS-RPCH] 2.1.1.1 to 2.1.2.1 and 2.2.2: heads in both directions.

mod request;
mod response;

pub use request::{
    ChannelKind, ChannelRequest, ContentLengthFault, PathKind, Pragmas, RequestError, RpcTarget, RpcTargetError,
    channel_request, connect_request, echo_request, replacement_out_channel_request,
};
pub use response::{
    ECHO_RESPONSE_LENGTH, RpcError, connect_response, echo_response, out_channel_response, rpc_error_response,
};

/// The least Content-Length of an IN channel request and of an OUT channel response: 128 KiB. [MS-RPCH] 2.1.2.1.1, 2.1.2.1.4
pub const MIN_CHANNEL_LENGTH: u32 = 0x2_0000;
/// The most: 2 GiB.
pub const MAX_CHANNEL_LENGTH: u32 = 0x8000_0000;
/// What Windows announces: 1 GiB (notes 8, 10, 16).
pub const DEFAULT_CHANNEL_LENGTH: u32 = 0x4000_0000;
/// The most that the body of an echo request announces. [MS-RPCH] 2.1.2.1.5
pub const MAX_ECHO_LENGTH: u64 = 0x10;
/// Content-Length of an OUT channel request: a CONN/A1 RTS PDU. [MS-RPCH] 2.1.2.1.2
pub const OUT_CHANNEL_LENGTH: u64 = 76;
/// Content-Length of a replacement OUT channel request: an OUT_R1/A3 RTS PDU and an OUT_R1/A11 or OUT_R2/C1 RTS PDU.
/// [MS-RPCH] 2.1.2.1.2
pub const REPLACEMENT_OUT_CHANNEL_LENGTH: u64 = 120;
