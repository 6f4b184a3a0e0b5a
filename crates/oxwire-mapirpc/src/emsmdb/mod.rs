//! EMSMDB, [MS-OXCRPC] 3.1 and 3.2: a Session Context and the ROPs in it.
//!
//! rgbIn, rgbOut, rgbAuxIn and rgbAuxOut are extended buffers, [`oxwire_mapi::rpc_header_ext`]. A request that does not decode, a
//! size out of its range included, is answered by a fault of
//! [`FaultStatus::BAD_STUB_DATA`](oxwire_rpc::pdu::FaultStatus::BAD_STUB_DATA).

mod async_connect_ex;
mod connect_ex;
mod disconnect;
mod dummy_rpc;
mod push_notification;
mod rpc_ext2;
mod version;

use oxwire_core::{DecodeError, EncodeError, EncodeErrorKind, Guid};
use oxwire_rpc::ndr::{NdrReader, NdrWriter};
use oxwire_rpc::pdu::SyntaxIdentifier;

pub use async_connect_ex::{EcDoAsyncConnectExRequest, EcDoAsyncConnectExResponse};
pub use connect_ex::{EcDoConnectExRequest, EcDoConnectExResponse};
pub use disconnect::{EcDoDisconnectRequest, EcDoDisconnectResponse};
pub use dummy_rpc::{EcDummyRpcRequest, EcDummyRpcResponse};
pub use push_notification::{EcRRegisterPushNotificationRequest, EcRRegisterPushNotificationResponse};
pub use rpc_ext2::{EcDoRpcExt2Request, EcDoRpcExt2Response};
pub use version::ProtocolVersion;

/// EMSMDB 0.81, [MS-OXCRPC] 1.9.
pub const EMSMDB: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0xa4f1_db00, 0xca47, 0x1067, [0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda]),
    version: 81 << 16,
};

/// The most that BIG_RANGE_ULONG says, [MS-OXCRPC] 2.2.1.3: bytes of rgbOut that a client may ask for.
pub const BIG_RANGE_MAX: u32 = 0x0004_0000;

/// The most that SMALL_RANGE_ULONG says, [MS-OXCRPC] 2.2.1.4: bytes of rgbAuxOut that a client may ask for.
pub const SMALL_RANGE_MAX: u32 = 0x0000_1008;

/// `[in, size_is(len)] unsigned char buffer[]`, then `[in] unsigned long len`.
fn read_sized<'de>(r: &mut NdrReader<'de>, buffer: &'static str, len: &'static str) -> Result<&'de [u8], DecodeError> {
    let bytes = r.conformant_bytes(buffer)?;
    expect_len(r, bytes, len)?;
    Ok(bytes)
}

fn write_sized(w: &mut NdrWriter<'_>, bytes: &[u8], buffer: &'static str) -> Result<(), EncodeError> {
    w.conformant_bytes(bytes, buffer)?;
    w.len_u32(bytes.len(), buffer)
}

/// `[out, length_is(*len), size_is(*len)] unsigned char buffer[]`, then `[in, out] … *len`.
fn read_out<'de>(r: &mut NdrReader<'de>, buffer: &'static str, len: &'static str) -> Result<&'de [u8], DecodeError> {
    let bytes = r.conformant_varying_bytes(buffer)?;
    expect_len(r, bytes, len)?;
    Ok(bytes)
}

fn write_out(w: &mut NdrWriter<'_>, bytes: &[u8], buffer: &'static str) -> Result<(), EncodeError> {
    w.conformant_varying_bytes(bytes.len(), bytes, buffer)?;
    w.len_u32(bytes.len(), buffer)
}

fn expect_len(r: &mut NdrReader<'_>, bytes: &[u8], field: &'static str) -> Result<(), DecodeError> {
    let len = r.u32(field)?;
    if u32::try_from(bytes.len()) == Ok(len) {
        Ok(())
    } else {
        Err(r.invalid(field, "the size of the buffer that it is about", len))
    }
}

/// A size that the client asks for, within the range that the IDL gives.
fn read_range(
    r: &mut NdrReader<'_>,
    max: u32,
    expected: &'static str,
    field: &'static str,
) -> Result<u32, DecodeError> {
    let size = r.u32(field)?;
    if size > max { Err(r.invalid(field, expected, size)) } else { Ok(size) }
}

fn write_range(w: &mut NdrWriter<'_>, size: u32, max: u32, field: &'static str) -> Result<(), EncodeError> {
    if size > max {
        let kind = EncodeErrorKind::TooLong { max: max as usize, len: size as usize };
        return Err(w.error(field, kind));
    }
    w.u32(size);
    Ok(())
}

fn read_big_range(r: &mut NdrReader<'_>, field: &'static str) -> Result<u32, DecodeError> {
    read_range(r, BIG_RANGE_MAX, "at most 0x40000 (BIG_RANGE_ULONG)", field)
}

fn read_small_range(r: &mut NdrReader<'_>, field: &'static str) -> Result<u32, DecodeError> {
    read_range(r, SMALL_RANGE_MAX, "at most 0x1008 (SMALL_RANGE_ULONG)", field)
}
