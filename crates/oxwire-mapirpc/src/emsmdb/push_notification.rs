//! EcRRegisterPushNotification, [MS-OXCRPC] 3.1.4.5.

use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind, Structure};
use oxwire_rpc::ndr::{ContextHandle, NdrDecode, NdrEncode, NdrReader, NdrWriter};
use oxwire_rpc::pdu::SyntaxIdentifier;

use super::EMSMDB;
use crate::Operation;

/// The request of EcRRegisterPushNotification, opnum 4: where the server sends a datagram when an event is pending.
/// [MS-OXCRPC] 3.1.4.5
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcRRegisterPushNotificationRequest<'de> {
    /// pcxh: the session context handle.
    pub session: ContextHandle,
    /// iRpc: 0.
    pub rpc: u32,
    /// rgbContext and cbContext: what the datagram carries. More than [`MAX_CONTEXT`](Self::MAX_CONTEXT) bytes are answered by ecTooBig.
    pub context: &'de [u8],
    /// grbitAdviseBits: 0xFFFFFFFF.
    pub advise_bits: u32,
    /// rgbCallbackAddress and cbCallbackAddress: a sockaddr, AF_INET or AF_INET6.
    pub callback_address: &'de [u8],
}

impl EcRRegisterPushNotificationRequest<'_> {
    /// The most that rgbContext may be, in bytes.
    pub const MAX_CONTEXT: usize = 0x10;
}

impl Structure for EcRRegisterPushNotificationRequest<'_> {
    const NAME: &'static str = "EcRRegisterPushNotification request";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.5";
}

impl Operation for EcRRegisterPushNotificationRequest<'_> {
    const INTERFACE: SyntaxIdentifier = EMSMDB;
    const OPNUM: u16 = 4;
}

impl<'de> NdrDecode<'de> for EcRRegisterPushNotificationRequest<'de> {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        let session = r.context_handle("pcxh")?;
        let rpc = r.u32("iRpc")?;
        let context = read_sized_u16(r, "rgbContext", "cbContext")?;
        let advise_bits = r.u32("grbitAdviseBits")?;
        let callback_address = read_sized_u16(r, "rgbCallbackAddress", "cbCallbackAddress")?;
        Ok(Self { session, rpc, context, advise_bits, callback_address })
    }
}

impl NdrEncode for EcRRegisterPushNotificationRequest<'_> {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.session);
        w.u32(self.rpc);
        write_sized_u16(w, self.context, "rgbContext")?;
        w.u32(self.advise_bits);
        write_sized_u16(w, self.callback_address, "rgbCallbackAddress")
    }
}

/// `[in, size_is(len)] unsigned char buffer[]`, then `[in] unsigned short len`.
fn read_sized_u16<'de>(
    r: &mut NdrReader<'de>,
    buffer: &'static str,
    len: &'static str,
) -> Result<&'de [u8], DecodeError> {
    let bytes = r.conformant_bytes(buffer)?;
    let stated = r.u16(len)?;
    if bytes.len() == usize::from(stated) {
        Ok(bytes)
    } else {
        Err(r.invalid(len, "the size of the buffer that it is about", stated))
    }
}

fn write_sized_u16(w: &mut NdrWriter<'_>, bytes: &[u8], buffer: &'static str) -> Result<(), EncodeError> {
    let kind = EncodeErrorKind::TooLong { max: usize::from(u16::MAX), len: bytes.len() };
    let len = u16::try_from(bytes.len()).map_err(|_| w.error(buffer, kind))?;
    w.conformant_bytes(bytes, buffer)?;
    w.u16(len);
    Ok(())
}

/// The response of EcRRegisterPushNotification. [MS-OXCRPC] 3.1.4.5
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EcRRegisterPushNotificationResponse {
    /// pcxh: the session context handle; nil where the server has destroyed the Session Context.
    pub session: ContextHandle,
    /// hNotification.
    pub notification: u32,
    /// The return value: 0 is success.
    pub error_code: u32,
}

impl Structure for EcRRegisterPushNotificationResponse {
    const NAME: &'static str = "EcRRegisterPushNotification response";
    const SPEC: &'static str = "[MS-OXCRPC] 3.1.4.5";
}

impl<'de> NdrDecode<'de> for EcRRegisterPushNotificationResponse {
    fn decode(r: &mut NdrReader<'de>) -> Result<Self, DecodeError> {
        Ok(Self {
            session: r.context_handle("pcxh")?,
            notification: r.u32("hNotification")?,
            error_code: r.u32("return value")?,
        })
    }
}

impl NdrEncode for EcRRegisterPushNotificationResponse {
    fn encode(&self, w: &mut NdrWriter<'_>) -> Result<(), EncodeError> {
        w.context_handle(self.session);
        w.u32(self.notification);
        w.u32(self.error_code);
        Ok(())
    }
}
