//! EcDummyRpc, [MS-OXCRPC] 3.1.4.6.

use oxwire_core::{DecodeError, EncodeError, Structure};
use oxwire_rpc::ndr::{NdrDecode, NdrEncode, NdrReader, NdrWriter};
use oxwire_rpc::pdu::SyntaxIdentifier;

use super::EMSMDB;
use crate::Operation;

/// The request of EcDummyRpc, opnum 6: whether the server answers. [MS-OXCRPC] 3.1.4.6
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcDummyRpcRequest;

impl Structure for EcDummyRpcRequest {
    const NAME: &'static str = "EcDummyRpc request";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.6";
}

impl Operation for EcDummyRpcRequest {
    const INTERFACE: SyntaxIdentifier = EMSMDB;
    const OPNUM: u16 = 6;
}

impl<'de> NdrDecode<'de> for EcDummyRpcRequest {
    fn decode(_: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self)
    }
}

impl NdrEncode for EcDummyRpcRequest {
    fn encode(&self, _: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        Ok(())
    }
}

/// The response of EcDummyRpc. [MS-OXCRPC] 3.1.4.6
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcDummyRpcResponse {
    /// The return value: 0 is success.
    pub error_code: u32,
}

impl Structure for EcDummyRpcResponse {
    const NAME: &'static str = "EcDummyRpc response";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.6";
}

impl<'de> NdrDecode<'de> for EcDummyRpcResponse {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self { error_code: r.u32("return value")? })
    }
}

impl NdrEncode for EcDummyRpcResponse {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.u32(self.error_code);
        Ok(())
    }
}
