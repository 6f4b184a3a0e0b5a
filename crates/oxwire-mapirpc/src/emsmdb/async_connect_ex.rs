//! EcDoAsyncConnectEx, [MS-OXCRPC] 3.1.4.4.

use oxwire_core::{DecodeError, EncodeError, Structure};
use oxwire_rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, NdrReader, NdrWriter};
use oxwire_rpc::pdu::SyntaxIdentifier;

use super::EMSMDB;
use crate::Operation;

/// The request of EcDoAsyncConnectEx, opnum 14: an asynchronous context handle for a Session Context. [MS-OXCRPC] 3.1.4.4
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcDoAsyncConnectExRequest {
    /// cxh: the session context handle.
    pub session: ContextHandle,
}

impl Structure for EcDoAsyncConnectExRequest {
    const NAME: &'static str = "EcDoAsyncConnectEx request";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.4";
}

impl Operation for EcDoAsyncConnectExRequest {
    const INTERFACE: SyntaxIdentifier = EMSMDB;
    const OPNUM: u16 = 14;
}

impl<'de> NdrDecode<'de> for EcDoAsyncConnectExRequest {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { session: r.context_handle("cxh")? })
    }
}

impl NdrEncode for EcDoAsyncConnectExRequest {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.session);
        Ok(())
    }
}

/// The response of EcDoAsyncConnectEx. [MS-OXCRPC] 3.1.4.4
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcDoAsyncConnectExResponse {
    /// pacxh: the asynchronous context handle, for [`EcDoAsyncWaitEx`](crate::async_emsmdb); nil on failure.
    pub asynchronous: ContextHandle,
    /// The return value: 0 is success.
    pub error_code: u32,
}

impl Structure for EcDoAsyncConnectExResponse {
    const NAME: &'static str = "EcDoAsyncConnectEx response";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.4";
}

impl<'de> NdrDecode<'de> for EcDoAsyncConnectExResponse {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { asynchronous: r.context_handle("pacxh")?, error_code: r.u32("return value")? })
    }
}

impl NdrEncode for EcDoAsyncConnectExResponse {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.asynchronous);
        w.u32(self.error_code);
        Ok(())
    }
}
