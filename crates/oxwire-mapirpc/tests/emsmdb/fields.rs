//! Where each field of a call stands in its stub data, row by row of [MS-OXCRPC] 3.1.4 and 3.3.4, and what each row says of its value.
//! The offsets are counted by hand from the IDL in [MS-OXCRPC] 6 and the alignment of NDR.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests; a failure here fails the test")]

use oxwire_mapi::mapihttp::{ConnectFlags, EventPending, ExecuteFlags};
use oxwire_mapirpc::Operation;
use oxwire_mapirpc::async_emsmdb::{EcDoAsyncWaitExRequest, EcDoAsyncWaitExResponse};
use oxwire_mapirpc::emsmdb::{
    BIG_RANGE_MAX, EMSMDB, EcDoAsyncConnectExRequest, EcDoAsyncConnectExResponse, EcDoConnectExRequest,
    EcDoConnectExResponse, EcDoDisconnectRequest, EcDoDisconnectResponse, EcDoRpcExt2Request, EcDoRpcExt2Response,
    EcDummyRpcRequest, EcDummyRpcResponse, EcRRegisterPushNotificationRequest, EcRRegisterPushNotificationResponse,
    ProtocolVersion, SMALL_RANGE_MAX,
};
use oxwire_rpc::ndr::{ContextHandle, encode_stub};

use super::{HANDLE, HANDLE_HEX, hex, read};

/// For each case: the bytes put at an offset of the stub are read as that value of that field, nothing else changes by them, and
/// the value writes the same stub.
macro_rules! fields {
    ($ty:ty, $stub:expr; $($rows:literal $at:literal $bytes:literal => $field:ident = $value:expr;)+) => {{
        let stub: Vec<u8> = $stub;
        let untouched: $ty = read(&stub).unwrap();
        assert_eq!(encode_stub(&untouched).unwrap(), stub, stringify!($ty));
        $({
            let (mut stub, bytes) = (stub.clone(), hex($bytes));
            stub[$at..$at + bytes.len()].copy_from_slice(&bytes);
            let mut value: $ty = read(&stub).unwrap();
            assert_eq!(value.$field, $value, $rows);
            assert_eq!(encode_stub(&value).unwrap(), stub, $rows);
            value.$field = untouched.$field;
            assert_eq!(value, untouched, $rows);
        })+
    }};
}

/// The DN is 9 characters and a NUL, padded to 24; the auxiliary buffer 3 bytes.
fn connect_request() -> Vec<u8> {
    hex("0a000000 00000000 0a000000 2f6f3d782f636e3d61 00 0000
        00000000 00000000 00000000 00000000 00000000 00000000 ffffffff 0100 000000000000 00000000
        03000000 aabbcc 00 03000000 08100000")
}

#[test]
fn the_request_of_connect_ex() {
    fields! { EcDoConnectExRequest<'_>, connect_request();
        "MS-OXCRPC_R485" 12 "2f6f3d792f636e3d62" => user_dn = b"/o=y/cn=b";
        "MS-OXCRPC_R4832 MS-OXCRPC_R489" 24 "00000000" => flags = ConnectFlags::NONE;
        "MS-OXCRPC_R490" 24 "01000000" => flags = ConnectFlags::ADMINISTRATOR;
        "MS-OXCRPC_R1560 MS-OXCRPC_R1561" 24 "00800000" => flags = ConnectFlags::IGNORE_NO_PUBLIC_FOLDERS;
        // What is reserved is kept.
        "MS-OXCRPC_R488" 24 "00000180" => flags = ConnectFlags::from_bits(0x8001_0000);
        "MS-OXCRPC_R491 MS-OXCRPC_R1264" 28 "01020304" => con_mod = 0x0403_0201;
        "MS-OXCRPC_R495" 32 "01020304" => limit = 0x0403_0201;
        "MS-OXCRPC_R496" 36 "e4040000" => code_page = 1252;
        "MS-OXCRPC_R497" 40 "09040000" => lcid_string = 0x409;
        "MS-OXCRPC_R498" 44 "07040000" => lcid_sort = 0x407;
        // 32 bits of which a session index takes the lower 16.
        "MS-OXCRPC_R499 MS-OXCRPC_R501 MS-OXCRPC_R515 MS-OXCRPC_R1159" 48 "34120000" => icxr_link = 0x1234;
        "MS-OXCRPC_R518" 52 "0201" => can_convert_code_pages = 0x0102;
        "MS-OXCRPC_R541" 54 "000f4f83c80f" => client_version = ProtocolVersion([0x0F00, 0x834F, 0x0FC8]);
        "MS-OXCRPC_R553 MS-OXCRPC_R502" 60 "11223344" => time_stamp = 0x4433_2211;
        "MS-OXCRPC_R565" 68 "010203" => auxiliary_in = &[1, 2, 3];
        "MS-OXCRPC_R578" 76 "07010000" => max_auxiliary_out = 0x107;
    }
    // cbAuxIn is the length of rgbAuxIn.
    let mut stub = connect_request();
    stub[72] = 4;
    let error = read::<EcDoConnectExRequest<'_>>(&stub).unwrap_err().to_string();
    assert!(error.contains("cbAuxIn"), "{}: {error}", "MS-OXCRPC_R567 MS-OXCRPC_R570");
}

/// piCxr of one answer, 16 bits, and its pulTimeStamp are what ulIcxrLink and pulTimeStamp of the next request say.
#[test]
fn oxcrpc_r517_r533_r1160_r1161_r1172_a_session_is_linked_by_index_and_time_stamp() {
    let mut answered = connect_response();
    answered[32..34].copy_from_slice(&[0xFE, 0xFF]);
    answered[92..96].copy_from_slice(&[1, 2, 3, 4]);
    let answer: EcDoConnectExResponse<'_> = read(&answered).unwrap();
    let stub = connect_request();
    let mut next: EcDoConnectExRequest<'_> = read(&stub).unwrap();
    next.icxr_link = answer.icxr.into();
    next.time_stamp = answer.time_stamp;
    let stub = encode_stub(&next).unwrap();
    assert_eq!(&stub[48..52], [0xFE, 0xFF, 0, 0]);
    assert_eq!(&stub[60..64], [1, 2, 3, 4]);
    assert_ne!(next.icxr_link, EcDoConnectExRequest::NO_LINK);
}

/// szDNPrefix `/o=x` and szDisplayName `Ada` stand behind referents of their own; the auxiliary buffer is 6 bytes.
fn connect_response() -> Vec<u8> {
    hex(&format!(
        "{HANDLE_HEX} 00000000 00000000 00000000 0000 0000 00000200 05000000 00000000 05000000 2f6f3d7800 000000
        04000200 04000000 00000000 04000000 41646100 000000000000 000000000000 00000000
        06000000 00000000 06000000 010203040506 0000 06000000 00000000"
    ))
}

#[test]
fn the_response_of_connect_ex() {
    let other = ContextHandle { attributes: 1, ..HANDLE };
    fields! { EcDoConnectExResponse<'_>, connect_response();
        "MS-OXCRPC_R477 MS-OXCRPC_R1147 MS-OXCRPC_R300" 0 "01000000" => session = other;
        "MS-OXCRPC_R1165" 20 "60ea0000" => polls_max = 60_000;
        "MS-OXCRPC_R1168" 24 "06000000" => retry_count = 6;
        "MS-OXCRPC_R1171" 28 "10270000" => retry_delay = 10_000;
        "MS-OXCRPC_R535 MS-OXCRPC_R1174" 32 "ffff" => icxr = 0xFFFF;
        "MS-OXCRPC_R535" 32 "0000" => icxr = 0;
        "MS-OXCRPC_R540" 76 "457665" => display_name = Some(&b"Eve"[..]);
        "MS-OXCRPC_R543 MS-OXCRPC_R1180 MS-OXCRPC_R1182" 80 "000fd281a000" => server_version = ProtocolVersion([0x0F00, 0x81D2, 0xA0]);
        "MS-OXCRPC_R545" 86 "000b00800000" => best_version = ProtocolVersion([0x0B00, 0x8000, 0]);
        "MS-OXCRPC_R562" 92 "11223344" => time_stamp = 0x4433_2211;
        "MS-OXCRPC_R574" 108 "0a0b0c0d0e0f" => auxiliary_out = &[10, 11, 12, 13, 14, 15];
        "MS-OXCRPC_R582" 120 "10010480" => error_code = 0x8004_0110;
    }
    // pcbAuxOut is the size of what came.
    let mut stub = connect_response();
    stub[116] = 5;
    let error = read::<EcDoConnectExResponse<'_>>(&stub).unwrap_err().to_string();
    assert!(error.contains("pcbAuxOut"), "{}: {error}", "MS-OXCRPC_R581");
}

/// rgbIn is 5 bytes, rgbAuxIn 3.
fn ext2_request() -> Vec<u8> {
    hex(&format!(
        "{HANDLE_HEX} 00000000 05000000 0102030405 000000 05000000 07800000 03000000 aabbcc 00 03000000 08100000"
    ))
}

#[test]
fn the_request_of_rpc_ext2() {
    let other = ContextHandle { attributes: 1, ..HANDLE };
    fields! { EcDoRpcExt2Request<'_>, ext2_request();
        "MS-OXCRPC_R623" 0 "01000000" => session = other;
        "MS-OXCRPC_R632" 20 "00000000" => flags = ExecuteFlags::NONE;
        "MS-OXCRPC_R634" 20 "01000000" => flags = ExecuteFlags::NO_COMPRESSION;
        "MS-OXCRPC_R638" 20 "02000000" => flags = ExecuteFlags::NO_XOR_MAGIC;
        "MS-OXCRPC_R642" 20 "04000000" => flags = ExecuteFlags::CHAIN;
        "MS-OXCRPC_R646" 28 "1112131415" => rop_in = &[0x11, 0x12, 0x13, 0x14, 0x15];
        "MS-OXCRPC_R662" 40 "00000400" => max_rop_out = BIG_RANGE_MAX;
        "MS-OXCRPC_R671" 48 "010203" => auxiliary_in = &[1, 2, 3];
        "MS-OXCRPC_R677" 56 "00010000" => max_auxiliary_out = 0x100;
    }
    for (rows, at, field) in
        [("MS-OXCRPC_R652 MS-OXCRPC_R4850", 36, "cbIn"), ("MS-OXCRPC_R1883 MS-OXCRPC_R4853", 52, "cbAuxIn")]
    {
        for other in [-1_i8, 1] {
            let mut stub = ext2_request();
            stub[at] = stub[at].wrapping_add_signed(other);
            let error = read::<EcDoRpcExt2Request<'_>>(&stub).unwrap_err().to_string();
            assert!(error.contains(field), "{rows}: {error}");
        }
    }
}

/// rgbOut is 5 bytes, rgbAuxOut 3.
fn ext2_response() -> Vec<u8> {
    hex(&format!(
        "{HANDLE_HEX} 00000000 05000000 00000000 05000000 0102030405 000000 05000000
        03000000 00000000 03000000 aabbcc 00 03000000 00000000 00000000"
    ))
}

#[test]
fn the_response_of_rpc_ext2() {
    fields! { EcDoRpcExt2Response<'_>, ext2_response();
        // The server has destroyed the Session Context: the client sees a handle of zeros.
        "MS-OXCRPC_R1265" 4 "00000000000000000000000000000000" => session = ContextHandle::NIL;
        "MS-OXCRPC_R657" 36 "1112131415" => rop_out = &[0x11, 0x12, 0x13, 0x14, 0x15];
        "MS-OXCRPC_R682" 60 "010203" => auxiliary_out = &[1, 2, 3];
        "MS-OXCRPC_R691" 68 "0c000000" => trans_time = 12;
        "MS-OXCRPC_R694" 72 "b6040000" => error_code = 0x4B6;
    }
    for (rows, at, field) in [
        ("MS-OXCRPC_R660 MS-OXCRPC_R668 MS-OXCRPC_R1320 MS-OXCRPC_R4852", 44, "pcbOut"),
        ("MS-OXCRPC_R688 MS-OXCRPC_R4856", 64, "pcbAuxOut"),
    ] {
        for other in [-1_i8, 1] {
            let mut stub = ext2_response();
            stub[at] = stub[at].wrapping_add_signed(other);
            let error = read::<EcDoRpcExt2Response<'_>>(&stub).unwrap_err().to_string();
            assert!(error.contains(field), "{rows}: {error}");
        }
    }
}

/// rgbContext is 3 bytes, the sockaddr 16.
fn push_request() -> Vec<u8> {
    hex(&format!(
        "{HANDLE_HEX} 00000000 03000000 616263 00 0300 0000 ffffffff 10000000 020001bb0a0000010000000000000000 1000"
    ))
}

#[test]
fn register_push_notification() {
    let other = ContextHandle { attributes: 1, ..HANDLE };
    fields! { EcRRegisterPushNotificationRequest<'_>, push_request();
        "MS-OXCRPC_R425" 0 "01000000" => session = other;
        "MS-OXCRPC_R433" 20 "04030201" => rpc = 0x0102_0304;
        "MS-OXCRPC_R434" 28 "010203" => context = &[1, 2, 3];
        "MS-OXCRPC_R439" 36 "04030201" => advise_bits = 0x0102_0304;
        "MS-OXCRPC_R440" 44 "1700" => callback_address = &[0x17, 0, 1, 0xBB, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    }
    for (rows, at, field) in
        [("MS-OXCRPC_R437", 32, "cbContext"), ("MS-OXCRPC_R441 MS-OXCRPC_R448", 60, "cbCallbackAddress")]
    {
        for other in [-1_i8, 1] {
            let mut stub = push_request();
            stub[at] = stub[at].wrapping_add_signed(other);
            let error = read::<EcRRegisterPushNotificationRequest<'_>>(&stub).unwrap_err().to_string();
            assert!(error.contains(field), "{rows}: {error}");
        }
    }
    // A sockaddr of AF_INET6 is longer; the size is whatever the family's is.
    let long = EcRRegisterPushNotificationRequest { callback_address: &[0x17; 28], ..Default::default() };
    let stub = encode_stub(&long).unwrap();
    assert_eq!(&stub[stub.len() - 2..], [28, 0], "{}", "MS-OXCRPC_R449");
    fields! { EcRRegisterPushNotificationResponse, hex(&format!("{HANDLE_HEX} 00000000 00000000"));
        "MS-OXCRPC_R427" 0 "01000000" => session = other;
        "MS-OXCRPC_R451" 20 "07000000" => notification = 7;
        "MS-OXCRPC_R452" 24 "57000780" => error_code = 0x8007_0057;
    }
}

#[test]
fn the_calls_that_carry_a_handle() {
    let other = ContextHandle { attributes: 1, ..HANDLE };
    fields! { EcDoDisconnectRequest, hex(HANDLE_HEX);
        "MS-OXCRPC_R405" 0 "01000000" => session = other;
    }
    fields! { EcDoDisconnectResponse, hex(&format!("{HANDLE_HEX} 00000000"));
        "MS-OXCRPC_R406" 4 "00000000000000000000000000000000" => session = ContextHandle::NIL;
        "MS-OXCRPC_R408" 20 "04030201" => error_code = 0x0102_0304;
    }
    fields! { EcDoAsyncConnectExRequest, hex(HANDLE_HEX);
        "MS-OXCRPC_R4864" 0 "01000000" => session = other;
    }
    fields! { EcDoAsyncConnectExResponse, hex(&format!("{HANDLE_HEX} 00000000"));
        "MS-OXCRPC_R704 MS-OXCRPC_R1288" 0 "01000000" => asynchronous = other;
        "MS-OXCRPC_R711" 4 "00000000000000000000000000000000" => asynchronous = ContextHandle::NIL;
        "MS-OXCRPC_R713" 20 "ee070000" => error_code = 0x7EE;
    }
    fields! { EcDoAsyncWaitExRequest, hex(&format!("{HANDLE_HEX} 00000000"));
        "MS-OXCRPC_R4872 MS-OXCRPC_R1235" 0 "01000000" => asynchronous = other;
        "MS-OXCRPC_R1270 MS-OXCRPC_R1271" 20 "04030201" => flags_in = 0x0102_0304;
    }
    fields! { EcDoAsyncWaitExResponse, hex("00000000 00000000");
        "MS-OXCRPC_R1240" 0 "01000000" => flags_out = EventPending::PENDING;
        "MS-OXCRPC_R1338" 4 "ed030000" => error_code = 0x3ED;
    }
    fields! { EcDummyRpcResponse, hex("00000000");
        "MS-OXCRPC_R810" 0 "04030201" => error_code = 0x0102_0304;
    }
    // hBinding is the association: the stub has nothing of it.
    for rows in ["MS-OXCRPC_R466", "MS-OXCRPC_R383 MS-OXCRPC_R465"] {
        assert!(encode_stub(&EcDummyRpcRequest).unwrap().is_empty(), "{rows}");
    }
    // The first argument behind it is szUserDN.
    let stub = connect_request();
    assert_eq!(read::<EcDoConnectExRequest<'_>>(&stub).unwrap().user_dn, &stub[12..21], "{}", "MS-OXCRPC_R478");
}

/// The asynchronous context handle is an RPC context handle: what EcDoAsyncConnectEx returns is, byte for byte, the first argument of
/// EcDoAsyncWaitEx, and a type of attributes and UUID like any other.
#[test]
fn oxcrpc_r19_r712_r1245_the_asynchronous_context_handle_goes_from_one_interface_to_the_other() {
    let answer = hex(&format!("{HANDLE_HEX} 00000000"));
    let opened: EcDoAsyncConnectExResponse = read(&answer).unwrap();
    let stub = encode_stub(&EcDoAsyncWaitExRequest { asynchronous: opened.asynchronous, flags_in: 0 }).unwrap();
    assert_eq!(stub[..20], answer[..20]);
    assert_eq!(stub.len(), 24);
}

/// No request goes to an operation that is reserved; the sixth column of the table in [MS-OXCRPC] 3.1.4 has fifteen, 0 to 14.
#[test]
fn nothing_is_sent_to_a_reserved_operation() {
    fn of<T: Operation>() -> u16 {
        assert_eq!(T::INTERFACE, EMSMDB);
        T::OPNUM
    }
    let sent = [
        of::<EcDoDisconnectRequest>(),
        of::<EcRRegisterPushNotificationRequest<'_>>(),
        of::<EcDummyRpcRequest>(),
        of::<EcDoConnectExRequest<'_>>(),
        of::<EcDoRpcExt2Request<'_>>(),
        of::<EcDoAsyncConnectExRequest>(),
    ];
    for (rows, opnum) in [
        ("MS-OXCRPC_R400 MS-OXCRPC_R354", 0),
        ("MS-OXCRPC_R412", 2),
        ("MS-OXCRPC_R414", 3),
        ("MS-OXCRPC_R463", 5),
        ("MS-OXCRPC_R470", 7),
        ("MS-OXCRPC_R472", 8),
        ("MS-OXCRPC_R474", 9),
        ("MS-OXCRPC_R701", 12),
        ("MS-OXCRPC_R703", 13),
    ] {
        assert!(!sent.contains(&opnum), "{rows}");
    }
    let mut unreserved: Vec<u16> = (0..=14).filter(|opnum| ![0, 2, 3, 5, 7, 8, 9, 12, 13].contains(opnum)).collect();
    unreserved.sort_unstable();
    assert_eq!(sent.as_slice(), unreserved, "all that are not reserved are built");
    assert_eq!(SMALL_RANGE_MAX, 0x1008);
}
