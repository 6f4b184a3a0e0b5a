//! Row by row: the bodies of [MS-OXCMAPIHTTP] 2.2.4 and 2.2.6.
//!
//! Every case is bytes put together by hand from the row's text, and the value that they mean. It holds both ways, so that a
//! field read or written in another place, width or order turns its row red.

use std::fmt::Debug;

use oxwire_core::{
    Decode, DecodeErrorKind, Encode, EncodeErrorKind, Limits, Structure, Utf16, decode_all, encode_to_bytes,
};
use oxwire_mapi::mapihttp::{
    ConnectFlags, ConnectRequest, ConnectResponse, ConnectSuccess, DisconnectRequest, DisconnectResponse,
    DisconnectSuccess, EventPending, ExecuteFlags, ExecuteRequest, ExecuteResponse, ExecuteSuccess, Failure,
    NotificationWaitRequest, NotificationWaitResponse, NotificationWaitSuccess, PingRequest, PingResponse,
};
use oxwire_mapi::rpc_header_ext::ExtendedBuffer;

/// An RPC_HEADER_EXT with the Last flag and one AUX_EXORGINFO: 16 bytes.
const AUX: &[u8] = b"\0\0\x04\0\x08\0\x08\0\x08\0\x01\x17\x01\0\0\0";
/// Another one, whose payload is a byte longer: 17 bytes, to tell a size that is read from one that is assumed.
const AUX_17: &[u8] = b"\0\0\x04\0\x09\0\x09\0\x09\0\x01\x55\x01\x02\x03\x04\x05";

const AUX_SIZE: &[u8] = &[16, 0, 0, 0];
const AUX_17_SIZE: &[u8] = &[17, 0, 0, 0];
const NONE: &[u8] = &[0, 0, 0, 0];

/// Rows, the fields of the body in order, and what they mean.
type Case<'a, T> = (&'a str, &'a [&'a [u8]], T);

#[cfg(test)]
fn check<'de, T: Decode<'de> + Encode + PartialEq + Debug>((rows, fields, value): &Case<'_, T>) {
    let wire: &'static [u8] = fields.concat().leak();
    assert_eq!(encode_to_bytes(value).as_deref(), Ok(wire), "{rows}: encoded");
    assert_eq!(value.encoded_len(), wire.len(), "{rows}: encoded_len");
    assert_eq!(decode_all::<T>(wire, &Limits::DEFAULT).as_ref(), Ok(value), "{rows}: decoded");
    for len in 0..wire.len() {
        let cut = decode_all::<T>(&wire[..len], &Limits::DEFAULT);
        // Of a Disconnect request no byte at all is taken too: see r1165.
        assert!(cut.is_err() || len == 0 && T::NAME == DisconnectRequest::NAME, "{rows}: cut off at {len}: {cut:?}");
    }
    let longer: &'static [u8] = [wire, &[0]].concat().leak();
    let error = decode_all::<T>(longer, &Limits::DEFAULT).unwrap_err();
    assert_eq!((error.offset, error.kind), (wire.len(), DecodeErrorKind::Trailing { left: 1 }), "{rows}: trailing");
}

#[test]
fn connect_request() {
    let plain = ConnectRequest {
        user_dn: b"/cn=a",
        flags: ConnectFlags::NONE,
        default_code_page: 0,
        lcid_sort: 0,
        lcid_string: 0,
        auxiliary_buffer: b"",
    };
    let dn: &[u8] = b"/cn=a\0";
    let cases: &[Case<'_, ConnectRequest<'_>>] = &[
        (
            "R185",
            &[b"/o=First/cn=user1\0", NONE, NONE, NONE, NONE, NONE],
            ConnectRequest { user_dn: b"/o=First/cn=user1", ..plain },
        ),
        (
            "R187",
            &[dn, &[1, 0x80, 0, 0], NONE, NONE, NONE, NONE],
            ConnectRequest { flags: ConnectFlags::ADMINISTRATOR | ConnectFlags::IGNORE_NO_PUBLIC_FOLDERS, ..plain },
        ),
        (
            "R187",
            &[dn, &[0, 0, 0, 0x40], NONE, NONE, NONE, NONE],
            ConnectRequest { flags: ConnectFlags::from_bits(0x4000_0000), ..plain },
        ),
        ("R1347", &[dn, NONE, &[0xE4, 4, 0, 0], NONE, NONE, NONE], ConnectRequest { default_code_page: 1252, ..plain }),
        ("R197", &[dn, NONE, NONE, &[9, 4, 0, 0], NONE, NONE], ConnectRequest { lcid_sort: 0x0409, ..plain }),
        ("R196", &[dn, NONE, NONE, NONE, &[7, 4, 0, 0], NONE], ConnectRequest { lcid_string: 0x0407, ..plain }),
        ("R1348", &[dn, NONE, NONE, NONE, NONE, NONE], plain),
        ("R1348 R194", &[dn, NONE, NONE, NONE, NONE, AUX_SIZE, AUX], ConnectRequest { auxiliary_buffer: AUX, ..plain }),
        (
            "R1454",
            &[dn, NONE, NONE, NONE, NONE, AUX_17_SIZE, AUX_17],
            ConnectRequest { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
}

#[test]
fn connect_success() {
    let plain = ConnectSuccess {
        error_code: 0,
        polls_max: 0,
        retry_count: 0,
        retry_delay: 0,
        dn_prefix: b"",
        display_name: Utf16::default(),
        auxiliary_buffer: b"",
    };
    let wide_nul: &[u8] = &[0, 0];
    let cases: &[Case<'_, ConnectSuccess<'_>>] = &[
        ("R209 R1349", &[NONE, NONE, NONE, NONE, NONE, b"\0", wide_nul, NONE], plain),
        (
            "R210",
            &[NONE, &[5, 0, 7, 0x80], NONE, NONE, NONE, b"\0", wide_nul, NONE],
            ConnectSuccess { error_code: 0x8007_0005, ..plain },
        ),
        (
            "R211",
            &[NONE, NONE, &[0x60, 0xEA, 0, 0], NONE, NONE, b"\0", wide_nul, NONE],
            ConnectSuccess { polls_max: 60_000, ..plain },
        ),
        (
            "R212",
            &[NONE, NONE, NONE, &[6, 0, 0, 0], NONE, b"\0", wide_nul, NONE],
            ConnectSuccess { retry_count: 6, ..plain },
        ),
        (
            "R214",
            &[NONE, NONE, NONE, NONE, &[0x10, 0x27, 0, 0], b"\0", wide_nul, NONE],
            ConnectSuccess { retry_delay: 10_000, ..plain },
        ),
        (
            "R215",
            &[NONE, NONE, NONE, NONE, NONE, b"/o=First/\0", wide_nul, NONE],
            ConnectSuccess { dn_prefix: b"/o=First/", ..plain },
        ),
        (
            "R216",
            &[NONE, NONE, NONE, NONE, NONE, b"\0", b"Z\0o\0\xEB\0\0\0", NONE],
            ConnectSuccess { display_name: Utf16::new(b"Z\0o\0\xEB\0").unwrap(), ..plain },
        ),
        (
            "R1351 R218",
            &[NONE, NONE, NONE, NONE, NONE, b"\0", wide_nul, AUX_SIZE, AUX],
            ConnectSuccess { auxiliary_buffer: AUX, ..plain },
        ),
        (
            "R1352",
            &[NONE, NONE, NONE, NONE, NONE, b"\0", wide_nul, AUX_17_SIZE, AUX_17],
            ConnectSuccess { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
    assert_eq!(cases[6].2.display_name.to_string(), "Zoë");
}

#[test]
fn execute_request() {
    let plain = ExecuteRequest { flags: ExecuteFlags::NONE, rop_buffer: b"", max_rop_out: 0, auxiliary_buffer: b"" };
    let cases: &[Case<'_, ExecuteRequest<'_>>] = &[
        (
            "R235",
            &[&[7, 0, 0, 0], NONE, NONE, NONE],
            ExecuteRequest {
                flags: ExecuteFlags::NO_COMPRESSION | ExecuteFlags::NO_XOR_MAGIC | ExecuteFlags::CHAIN,
                ..plain
            },
        ),
        ("R1353", &[NONE, NONE, NONE, NONE], plain),
        ("R1353 R1354", &[NONE, AUX_SIZE, AUX, NONE, NONE], ExecuteRequest { rop_buffer: AUX, ..plain }),
        ("R1355", &[NONE, AUX_17_SIZE, AUX_17, NONE, NONE], ExecuteRequest { rop_buffer: AUX_17, ..plain }),
        ("R238", &[NONE, NONE, &[7, 0x80, 0, 0], NONE], ExecuteRequest { max_rop_out: 32_775, ..plain }),
        ("R239 R240", &[NONE, NONE, NONE, AUX_SIZE, AUX], ExecuteRequest { auxiliary_buffer: AUX, ..plain }),
        ("R1455", &[NONE, NONE, NONE, AUX_17_SIZE, AUX_17], ExecuteRequest { auxiliary_buffer: AUX_17, ..plain }),
    ];
    cases.iter().for_each(check);
}

#[test]
fn execute_success() {
    let plain = ExecuteSuccess { error_code: 0, rop_buffer: b"", auxiliary_buffer: b"" };
    let cases: &[Case<'_, ExecuteSuccess<'_>>] = &[
        ("R250 R1356 R245 R1358", &[NONE, NONE, NONE, NONE, NONE], plain),
        ("R251", &[NONE, &[0x7D, 4, 0, 0], NONE, NONE, NONE], ExecuteSuccess { error_code: 0x47D, ..plain }),
        ("R253 R254", &[NONE, NONE, NONE, AUX_SIZE, AUX, NONE], ExecuteSuccess { rop_buffer: AUX, ..plain }),
        ("R1360", &[NONE, NONE, NONE, AUX_17_SIZE, AUX_17, NONE], ExecuteSuccess { rop_buffer: AUX_17, ..plain }),
        ("R255 R256", &[NONE, NONE, NONE, NONE, AUX_SIZE, AUX], ExecuteSuccess { auxiliary_buffer: AUX, ..plain }),
        ("R1361", &[NONE, NONE, NONE, NONE, AUX_17_SIZE, AUX_17], ExecuteSuccess { auxiliary_buffer: AUX_17, ..plain }),
    ];
    cases.iter().for_each(check);
}

#[test]
fn r1359_the_flags_of_an_execute_response_are_ignored() {
    let flagged = [NONE, NONE, &[0xFF; 4], AUX_SIZE, AUX, NONE].concat();
    let body: ExecuteSuccess<'_> = decode_all(&flagged, &Limits::DEFAULT).unwrap();
    assert_eq!(body, ExecuteSuccess { error_code: 0, rop_buffer: AUX, auxiliary_buffer: b"" });
}

#[test]
fn disconnect() {
    check(&("R301", &[NONE], DisconnectRequest { auxiliary_buffer: b"" }));
    check(&("R301 R302", &[AUX_SIZE, AUX], DisconnectRequest { auxiliary_buffer: AUX }));
    check(&("R1362", &[AUX_17_SIZE, AUX_17], DisconnectRequest { auxiliary_buffer: AUX_17 }));
    let plain = DisconnectSuccess::default();
    let cases: &[Case<'_, DisconnectSuccess<'_>>] = &[
        ("R281 R1363", &[NONE, NONE, NONE], plain),
        ("R288", &[NONE, &[5, 0, 7, 0x80], NONE], DisconnectSuccess { error_code: 0x8007_0005, ..plain }),
        ("R289 R290", &[NONE, NONE, AUX_SIZE, AUX], DisconnectSuccess { auxiliary_buffer: AUX, ..plain }),
        ("R1365", &[NONE, NONE, AUX_17_SIZE, AUX_17], DisconnectSuccess { auxiliary_buffer: AUX_17, ..plain }),
    ];
    cases.iter().for_each(check);
}

/// 3.1.5.4 says that Disconnect has no request body, where 2.2.4.3.1 gives it one: both are taken.
#[test]
fn r1165_a_disconnect_without_a_body_is_taken() {
    assert_eq!(decode_all(b"", &Limits::DEFAULT), Ok(DisconnectRequest { auxiliary_buffer: b"" }));
}

#[test]
fn notification_wait() {
    check(&("R294 R1367", &[NONE, NONE], NotificationWaitRequest { auxiliary_buffer: b"" }));
    check(&("R295 R296", &[NONE, AUX_SIZE, AUX], NotificationWaitRequest { auxiliary_buffer: AUX }));
    check(&("R1366", &[NONE, AUX_17_SIZE, AUX_17], NotificationWaitRequest { auxiliary_buffer: AUX_17 }));
    let plain = NotificationWaitSuccess::default();
    let pending = NotificationWaitSuccess { event_pending: EventPending::PENDING, ..plain };
    let cases: &[Case<'_, NotificationWaitSuccess<'_>>] = &[
        ("R283 R1369 R1372", &[NONE, NONE, NONE, NONE], plain),
        ("R297", &[NONE, &[5, 0, 7, 0x80], NONE, NONE], NotificationWaitSuccess { error_code: 0x8007_0005, ..plain }),
        ("R285 R1371", &[NONE, NONE, &[1, 0, 0, 0], NONE], pending),
        ("R1373 R298", &[NONE, NONE, NONE, AUX_SIZE, AUX], NotificationWaitSuccess { auxiliary_buffer: AUX, ..plain }),
        (
            "R1374",
            &[NONE, NONE, NONE, AUX_17_SIZE, AUX_17],
            NotificationWaitSuccess { auxiliary_buffer: AUX_17, ..plain },
        ),
    ];
    cases.iter().for_each(check);
    assert!(pending.event_pending.contains(EventPending::PENDING), "R1371");
    assert!(!plain.event_pending.contains(EventPending::PENDING), "R1372");
}

/// [MS-OXCMAPIHTTP] 2.2.4.4.1: a server ignores Flags (R1368, which Microsoft's suite holds for not testable).
#[test]
fn r1368_the_flags_of_a_notification_wait_request_are_ignored() {
    let flagged = [&[0xFF; 4], NONE].concat();
    assert_eq!(decode_all(&flagged, &Limits::DEFAULT), Ok(NotificationWaitRequest { auxiliary_buffer: b"" }));
}

/// The four failure bodies, each through the response of its request type.
#[test]
fn failures() {
    const STATUS: &[u8] = &[0x15, 1, 4, 0x80];
    let none = Failure { status_code: 0x8004_0115, auxiliary_buffer: b"" };
    let some = Failure { auxiliary_buffer: AUX, ..none };
    let longer = Failure { auxiliary_buffer: AUX_17, ..none };
    let bodies: [(&[&[u8]], Failure<'_>); 3] =
        [(&[STATUS, NONE], none), (&[STATUS, AUX_SIZE, AUX], some), (&[STATUS, AUX_17_SIZE, AUX_17], longer)];
    // StatusCode; AuxiliaryBufferSize and AuxiliaryBuffer; the one counts the other.
    let connect = ["R220 R223", "R221 R222", "R225"];
    let execute = ["R271 R257", "R261 R264", "R287"];
    let disconnect = ["R273 R282", "R263 R292", "R266"];
    let notification_wait = ["R275 R284", "R270 R300", "R268"];
    for (at, (fields, failure)) in bodies.into_iter().enumerate() {
        check(&(connect[at], fields, ConnectResponse::Failure(failure)));
        check(&(execute[at], fields, ExecuteResponse::Failure(failure)));
        check(&(disconnect[at], fields, DisconnectResponse::Failure(failure)));
        check(&(notification_wait[at], fields, NotificationWaitResponse::Failure(failure)));
    }
}

/// The rows that say MUST NOT be 0x00000000, against both directions of the failure body itself.
#[test]
fn r223_r257_r282_r284_the_status_of_a_failure_is_not_zero() {
    let error = decode_all::<Failure<'_>>(&[NONE, NONE].concat(), &Limits::DEFAULT).unwrap_err();
    assert_eq!((error.offset, error.field), (0, "StatusCode"));
    let error = encode_to_bytes(&Failure { status_code: 0, auxiliary_buffer: b"" }).unwrap_err();
    assert!(matches!(error.kind, EncodeErrorKind::Value { found: 0, .. }), "{error}");
}

/// The rows that say MUST be 0x00000000, against the success bodies themselves.
#[test]
fn r1349_r1356_r1363_r1369_the_status_of_a_success_is_zero() {
    macro_rules! refuses {
        ($($type:ident: $fields:expr;)*) => {$(
            let wire = $fields.concat();
            let error = decode_all::<$type<'_>>(&wire, &Limits::DEFAULT).unwrap_err();
            assert_eq!((error.offset, error.field), (0, "StatusCode"), "{error}");
            assert!(matches!(error.kind, DecodeErrorKind::Value { found: 9, .. }), "{error}");
        )*};
    }
    let nine: &[u8] = &[9, 0, 0, 0];
    refuses! {
        ConnectSuccess: [nine, NONE, NONE, NONE, NONE, b"\0", b"\0\0", NONE];
        ExecuteSuccess: [nine, NONE, NONE, NONE, NONE];
        DisconnectSuccess: [nine, NONE, NONE];
        NotificationWaitSuccess: [nine, NONE, NONE, NONE];
    }
}

/// AuxiliaryBuffer is what rgbAuxOut is: an RPC_HEADER_EXT and a payload.
#[test]
fn r2070_r2082_r291_r299_the_auxiliary_buffer_of_a_failure_is_an_extended_buffer() {
    let wire = [&[1, 0, 0, 0], AUX_SIZE, AUX].concat();
    let failure: Failure<'_> = decode_all(&wire, &Limits::DEFAULT).unwrap();
    let buffer: ExtendedBuffer<'_> = decode_all(failure.auxiliary_buffer, &Limits::DEFAULT).unwrap();
    assert_eq!(&buffer.payload().unwrap()[..], b"\x08\0\x01\x17\x01\0\0\0");
}

#[test]
fn r1125_a_ping_request_has_no_body() {
    check(&("R1125", &[], PingRequest));
}

#[test]
fn r1460_a_ping_response_has_no_body() {
    check(&("R1460", &[], PingResponse));
}

/// A body is what it is byte for byte: nothing in it is text, and nothing is escaped.
#[test]
fn r177_a_request_body_is_a_raw_blob() {
    let every_byte: Vec<u8> = (0..=255).collect();
    let body = encode_to_bytes(&ExecuteRequest {
        flags: ExecuteFlags::NONE,
        rop_buffer: &every_byte,
        max_rop_out: 0,
        auxiliary_buffer: &every_byte,
    })
    .unwrap();
    assert_eq!(body[8..264], every_byte[..]);
    assert_eq!(body[272..], every_byte[..]);
}
