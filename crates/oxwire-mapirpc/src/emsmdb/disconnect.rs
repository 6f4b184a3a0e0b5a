//! EcDoDisconnect, [MS-OXCRPC] 3.1.4.3.

use oxwire_core::{DecodeError, EncodeError, Structure};
use oxwire_rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, NdrReader, NdrWriter};
use oxwire_rpc::pdu::SyntaxIdentifier;

use super::EMSMDB;
use crate::Operation;

/// The request of EcDoDisconnect, opnum 1: ends a Session Context. [MS-OXCRPC] 3.1.4.3
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcDoDisconnectRequest {
    /// pcxh: the session context handle.
    pub session: ContextHandle,
}

impl Structure for EcDoDisconnectRequest {
    const NAME: &'static str = "EcDoDisconnect request";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.3";
}

impl Operation for EcDoDisconnectRequest {
    const INTERFACE: SyntaxIdentifier = EMSMDB;
    const OPNUM: u16 = 1;
}

impl<'de> NdrDecode<'de> for EcDoDisconnectRequest {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { session: r.context_handle("pcxh")? })
    }
}

impl NdrEncode for EcDoDisconnectRequest {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.session);
        Ok(())
    }
}

/// The response of EcDoDisconnect. [MS-OXCRPC] 3.1.4.3
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcDoDisconnectResponse {
    /// pcxh: nil.
    pub session: ContextHandle,
    /// The return value: 0 is success.
    pub error_code: u32,
}

impl Structure for EcDoDisconnectResponse {
    const NAME: &'static str = "EcDoDisconnect response";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.3";
}

impl<'de> NdrDecode<'de> for EcDoDisconnectResponse {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { session: r.context_handle("pcxh")?, error_code: r.u32("return value")? })
    }
}

impl NdrEncode for EcDoDisconnectResponse {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.session);
        w.u32(self.error_code);
        Ok(())
    }
}
