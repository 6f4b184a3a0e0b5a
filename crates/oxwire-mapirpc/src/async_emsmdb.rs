//! AsyncEMSMDB, [MS-OXCRPC] 3.3 and 3.4: waiting for an event on a Session Context.

use oxwire_core::{DecodeError, EncodeError, Guid, Structure};
use oxwire_mapi::mapihttp::EventPending;
use oxwire_rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, NdrReader, NdrWriter};
use oxwire_rpc::pdu::SyntaxIdentifier;

use crate::Operation;

/// AsyncEMSMDB 0.1, [MS-OXCRPC] 1.9.
pub const ASYNC_EMSMDB: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0x5261_574a, 0x4572, 0x206e, [0xb2, 0x68, 0x6b, 0x19, 0x92, 0x13, 0xb4, 0xe4]),
    version: 1 << 16,
};

/// The request of EcDoAsyncWaitEx, opnum 0: answered when an event is pending, or after 5 minutes. [MS-OXCRPC] 3.3.4.1
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcDoAsyncWaitExRequest {
    /// acxh: the asynchronous context handle.
    pub asynchronous: ContextHandle,
    /// ulFlagsIn: 0.
    pub flags_in: u32,
}

impl Structure for EcDoAsyncWaitExRequest {
    const NAME: &'static str = "EcDoAsyncWaitEx request";
    const SPEC: &'static str = "[MS-OXCRPC] 3.3.4.1";
}

impl Operation for EcDoAsyncWaitExRequest {
    const INTERFACE: SyntaxIdentifier = ASYNC_EMSMDB;
    const OPNUM: u16 = 0;
}

impl<'de> NdrDecode<'de> for EcDoAsyncWaitExRequest {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { asynchronous: r.context_handle("acxh")?, flags_in: r.u32("ulFlagsIn")? })
    }
}

impl NdrEncode for EcDoAsyncWaitExRequest {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.asynchronous);
        w.u32(self.flags_in);
        Ok(())
    }
}

/// The response of EcDoAsyncWaitEx. [MS-OXCRPC] 3.3.4.1
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcDoAsyncWaitExResponse {
    /// pulFlagsOut.
    pub flags_out: EventPending,
    /// The return value: 0 is success.
    pub error_code: u32,
}

impl Structure for EcDoAsyncWaitExResponse {
    const NAME: &'static str = "EcDoAsyncWaitEx response";
    const SPEC: &'static str = "[MS-OXCRPC] 3.3.4.1";
}

impl<'de> NdrDecode<'de> for EcDoAsyncWaitExResponse {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { flags_out: EventPending::from_bits(r.u32("pulFlagsOut")?), error_code: r.u32("return value")? })
    }
}

impl NdrEncode for EcDoAsyncWaitExResponse {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.u32(self.flags_out.bits());
        w.u32(self.error_code);
        Ok(())
    }
}
