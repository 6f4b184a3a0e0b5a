//! EMSMDB and AsyncEMSMDB. The bytes are what impacket's NDR makes of the IDL in [MS-OXCRPC] 6, with padding of zeros and the referent
//! ids of this crate.

mod auxiliary;
mod fields;
mod outcomes;

use oxwire_core::{DecodeError, Guid, Limits};
use oxwire_mapi::mapihttp::{ConnectFlags, EventPending, ExecuteFlags};
use oxwire_mapirpc::Operation;
use oxwire_mapirpc::async_emsmdb::{ASYNC_EMSMDB, EcDoAsyncWaitExRequest, EcDoAsyncWaitExResponse};
use oxwire_mapirpc::emsmdb::{
    EMSMDB, EcDoAsyncConnectExRequest, EcDoAsyncConnectExResponse, EcDoConnectExRequest, EcDoConnectExResponse,
    EcDoDisconnectRequest, EcDoDisconnectResponse, EcDoRpcExt2Request, EcDoRpcExt2Response, EcDummyRpcRequest,
    EcDummyRpcResponse, EcRRegisterPushNotificationRequest, EcRRegisterPushNotificationResponse, ProtocolVersion,
};
use oxwire_rpc::ndr::{ContextHandle, NdrDecode, decode_stub, encode_stub};
use oxwire_rpc::pdu::DataRepresentation;

const HANDLE: ContextHandle =
    ContextHandle { attributes: 0, uuid: Guid::from_wire([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]) };
const HANDLE_HEX: &str = "00000000 000102030405060708090a0b0c0d0e0f";

fn hex(text: &str) -> Vec<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | value(*digit))).collect()
}

fn read<'de, T: NdrDecode<'de>>(stub: &'de [u8]) -> Result<T, DecodeError> {
    decode_stub(stub, DataRepresentation::LITTLE_ENDIAN, &Limits::DEFAULT).map(|(value, _)| value)
}

/// The bytes read as the value and the value writes the bytes; every prefix is an error, and no flip panics.
macro_rules! check {
    ($ty:ty, $value:expr, $hex:expr) => {{
        let (value, bytes) = ($value, hex(&$hex));
        assert_eq!(encode_stub(&value).unwrap(), bytes, stringify!($ty));
        assert_eq!(read::<$ty>(&bytes), Ok(value));
        for len in 0..bytes.len() {
            assert!(read::<$ty>(bytes.get(..len).unwrap_or_default()).is_err(), "{} to {len}", stringify!($ty));
        }
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped.iter_mut().skip(bit / 8).take(1).for_each(|byte| *byte ^= 1 << (bit % 8));
            if let Ok(value) = read::<$ty>(&flipped) {
                let _any = encode_stub(&value);
            }
        }
    }};
}

#[test]
fn connect_ex() {
    let version = ProtocolVersion::from_normalized([15, 0, 847, 4040]).unwrap();
    let request = EcDoConnectExRequest {
        user_dn: b"/o=x/cn=al",
        flags: ConnectFlags::ADMINISTRATOR,
        con_mod: 0x1122_3344,
        limit: 0,
        code_page: 1252,
        lcid_string: 0x409,
        lcid_sort: 0x407,
        icxr_link: EcDoConnectExRequest::NO_LINK,
        can_convert_code_pages: 1,
        client_version: version,
        time_stamp: 0,
        auxiliary_in: b"auxin",
        max_auxiliary_out: 0x1008,
    };
    let stub =
        "0b000000 00000000 0b000000 2f6f3d782f636e3d616c00 00 01000000 44332211 00000000 e4040000 09040000 07040000
        ffffffff 0100 000f 4f83 c80f 00000000 05000000 617578696e 000000 05000000 08100000";
    check!(EcDoConnectExRequest<'_>, request, stub);
    let response = EcDoConnectExResponse {
        session: HANDLE,
        polls_max: 60_000,
        retry_count: 6,
        retry_delay: 10_000,
        icxr: 0x1234,
        dn_prefix: Some(b"/o=x/cn="),
        display_name: Some(b"Alice"),
        server_version: version,
        best_version: version,
        time_stamp: 0x5566_7788,
        auxiliary_out: b"auxout",
        error_code: 0,
    };
    let stub = format!(
        "{HANDLE_HEX} 60ea0000 06000000 10270000 3412 0000 00000200 09000000 00000000 09000000 2f6f3d782f636e3d00 000000
        04000200 06000000 00000000 06000000 416c69636500 000f 4f83 c80f 000f 4f83 c80f 0000 88776655
        06000000 00000000 06000000 6175786f7574 0000 06000000 00000000"
    );
    check!(EcDoConnectExResponse<'_>, response, stub);
    // On failure the handle is zero, MS-OXCRPC_R483.
    let failure = EcDoConnectExResponse::failure(0x8007_0005);
    assert!(failure.session.is_nil());
    assert_eq!(read(&encode_stub(&failure).unwrap()), Ok(failure));
}

#[test]
fn rpc_ext2() {
    let request = EcDoRpcExt2Request {
        session: HANDLE,
        flags: ExecuteFlags::NO_COMPRESSION | ExecuteFlags::NO_XOR_MAGIC,
        rop_in: b"ropsin!",
        max_rop_out: 0x8007,
        auxiliary_in: b"",
        max_auxiliary_out: 0x1008,
    };
    let stub = format!("{HANDLE_HEX} 03000000 07000000 726f7073696e21 00 07000000 07800000 00000000 00000000 08100000");
    check!(EcDoRpcExt2Request<'_>, request, stub);
    let response = EcDoRpcExt2Response {
        session: HANDLE,
        flags: 0,
        rop_out: b"out",
        auxiliary_out: b"x",
        trans_time: 12,
        error_code: 0x4B6,
    };
    let stub = format!(
        "{HANDLE_HEX} 00000000 03000000 00000000 03000000 6f7574 00 03000000
        01000000 00000000 01000000 78 000000 01000000 0c000000 b6040000"
    );
    check!(EcDoRpcExt2Response<'_>, response, stub);
    assert!(!format!("{request:?}{response:?}").contains("rops"), "mail is not shown");
}

#[test]
fn register_push_notification() {
    let request = EcRRegisterPushNotificationRequest {
        session: HANDLE,
        rpc: 0,
        context: b"abc",
        advise_bits: 0xFFFF_FFFF,
        callback_address: &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    };
    let stub = format!(
        "{HANDLE_HEX} 00000000 03000000 616263 00 0300 0000 ffffffff 10000000 000102030405060708090a0b0c0d0e0f 1000"
    );
    check!(EcRRegisterPushNotificationRequest<'_>, request, stub);
    let response = EcRRegisterPushNotificationResponse { session: HANDLE, notification: 7, error_code: 0 };
    check!(EcRRegisterPushNotificationResponse, response, format!("{HANDLE_HEX} 07000000 00000000"));
}

#[test]
fn the_small_calls() {
    check!(EcDoDisconnectRequest, EcDoDisconnectRequest { session: HANDLE }, HANDLE_HEX);
    let gone = EcDoDisconnectResponse { session: ContextHandle::NIL, error_code: 0 };
    check!(EcDoDisconnectResponse, gone, "00".repeat(24));
    check!(EcDummyRpcRequest, EcDummyRpcRequest, "");
    check!(EcDummyRpcResponse, EcDummyRpcResponse { error_code: 5 }, "05000000");
    check!(EcDoAsyncConnectExRequest, EcDoAsyncConnectExRequest { session: HANDLE }, HANDLE_HEX);
    let response = EcDoAsyncConnectExResponse { asynchronous: HANDLE, error_code: 0x7EE };
    check!(EcDoAsyncConnectExResponse, response, format!("{HANDLE_HEX} ee070000"));
    let request = EcDoAsyncWaitExRequest { asynchronous: HANDLE, flags_in: 0 };
    check!(EcDoAsyncWaitExRequest, request, format!("{HANDLE_HEX} 00000000"));
    let response = EcDoAsyncWaitExResponse { flags_out: EventPending::PENDING, error_code: 0 };
    check!(EcDoAsyncWaitExResponse, response, "01000000 00000000");
}

/// [MS-OXCRPC] 1.9 and 6: the interfaces and the operation numbers.
#[test]
fn oxcrpc_r10_where_requests_go() {
    fn at<T: Operation>() -> (oxwire_rpc::pdu::SyntaxIdentifier, u16) {
        (T::INTERFACE, T::OPNUM)
    }
    assert_eq!(at::<EcDoDisconnectRequest>(), (EMSMDB, 1));
    assert_eq!(at::<EcRRegisterPushNotificationRequest<'_>>(), (EMSMDB, 4));
    assert_eq!(at::<EcDummyRpcRequest>(), (EMSMDB, 6));
    assert_eq!(at::<EcDoConnectExRequest<'_>>(), (EMSMDB, 10));
    assert_eq!(at::<EcDoRpcExt2Request<'_>>(), (EMSMDB, 11));
    assert_eq!(at::<EcDoAsyncConnectExRequest>(), (EMSMDB, 14));
    assert_eq!(at::<EcDoAsyncWaitExRequest>(), (ASYNC_EMSMDB, 0));
    assert_eq!(format!("{EMSMDB:?}"), "A4F1DB00-CA47-1067-B31F-00DD010662DA v0.81");
    assert_eq!(format!("{ASYNC_EMSMDB:?}"), "5261574A-4572-206E-B268-6B199213B4E4 v0.1");
}

fn ext2(max_rop_out: u32, max_auxiliary_out: u32) -> Vec<u8> {
    let sizes = [0, max_rop_out, 0, 0, max_auxiliary_out].into_iter().flat_map(u32::to_le_bytes);
    hex(HANDLE_HEX).into_iter().chain([0; 8]).chain(sizes).collect()
}

/// BIG_RANGE_ULONG: beyond it a request does not decode, and is faulted with RPC_X_BAD_STUB_DATA.
#[test]
fn oxcrpc_r20_r666_pcb_out_is_at_most_0x40000() {
    assert!(read::<EcDoRpcExt2Request<'_>>(&ext2(0x4_0000, 0x1008)).is_ok());
    let error = read::<EcDoRpcExt2Request<'_>>(&ext2(0x4_0001, 0x1008)).unwrap_err().to_string();
    assert!(error.contains("BIG_RANGE_ULONG"), "{error}");
    let request = EcDoRpcExt2Request {
        session: HANDLE,
        flags: ExecuteFlags::default(),
        rop_in: b"",
        max_rop_out: 0x4_0001,
        auxiliary_in: b"",
        max_auxiliary_out: 0,
    };
    assert!(encode_stub(&request).is_err());
}

/// SMALL_RANGE_ULONG.
#[test]
fn oxcrpc_r21_r686_pcb_aux_out_of_rpc_ext2_is_at_most_0x1008() {
    let error = read::<EcDoRpcExt2Request<'_>>(&ext2(0, 0x1009)).unwrap_err().to_string();
    assert!(error.contains("SMALL_RANGE_ULONG"), "{error}");
}

#[test]
fn oxcrpc_r579_pcb_aux_out_of_connect_ex_is_at_most_0x1008() {
    let mut stub = hex("01000000 00000000 01000000 00");
    stub.extend([0; 3 + 7 * 4 + 8 + 4 + 4 + 4]);
    let with = |size: u32| [&stub[..], &size.to_le_bytes()].concat();
    assert!(read::<EcDoConnectExRequest<'_>>(&with(0x1008)).is_ok());
    let error = read::<EcDoConnectExRequest<'_>>(&with(0x1009)).unwrap_err().to_string();
    assert!(error.contains("SMALL_RANGE_ULONG"), "{error}");
}

/// Strict NDR: a size that is not that of its buffer.
#[test]
fn oxcrpc_r1141_r1248_sizes_agree_with_their_buffers() {
    let mut stub = hex(HANDLE_HEX);
    stub.extend(hex("00000000 02000000 6162 0000 03000000 00000000 00000000 00000000 00000000"));
    let error = read::<EcDoRpcExt2Request<'_>>(&stub).unwrap_err().to_string();
    assert!(error.contains("cbIn") && error.contains("found 0x3"), "{error}");
}

/// [MS-OXCRPC] 3.1.4.1.3.1: three words on the wire, four numbers to compare; the old scheme has no minor version.
#[test]
fn oxcrpc_r1086_r1097_versions_of_both_schemes() {
    let new = ProtocolVersion([0x0801, 0x80D7, 0]);
    assert_eq!(new.normalized(), [8, 1, 215, 0]);
    assert_eq!(ProtocolVersion::from_normalized([8, 1, 215, 0]), Some(new));
    assert_eq!(ProtocolVersion([6, 6755, 1]).normalized(), [6, 0, 6755, 1]);
    assert_eq!(ProtocolVersion([0x0F00, 0x834F, 4040]).to_string(), "15.0.847.4040");
    assert!(ProtocolVersion([0x0C00, 0x8000, 0]).normalized() > ProtocolVersion([11, 0, 4920]).normalized());
    assert_eq!(ProtocolVersion::from_normalized([256, 0, 0, 0]), None);
    assert_eq!(ProtocolVersion::from_normalized([1, 0, 0x8000, 0]), None);
}
