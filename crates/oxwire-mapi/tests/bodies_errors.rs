//! What a body decoder refuses, what an encoder refuses, and the bodies that come back as they were.

use oxwire_core::{DecodeErrorKind, EncodeErrorKind, Limits, Utf16, decode_all, encode_to_bytes, utf16_le_bytes};
use oxwire_mapi::mapihttp::{
    ConnectFlags, ConnectRequest, ConnectResponse, ConnectSuccess, DisconnectRequest, DisconnectResponse,
    DisconnectSuccess, EventPending, ExecuteFlags, ExecuteRequest, ExecuteResponse, ExecuteSuccess, Failure,
    NotificationWaitRequest, NotificationWaitResponse, NotificationWaitSuccess,
};
use proptest::prelude::*;

/// SE takes an AuxiliaryBufferSize of 0 and fails 1 to 7, which hold no RPC_HEADER_EXT.
#[test]
fn exchange_se_refuses_an_auxiliary_buffer_shorter_than_its_header() {
    for len in 0..9_u8 {
        let wire = [&[len, 0, 0, 0][..], &vec![0; usize::from(len)]].concat();
        let request = decode_all::<DisconnectRequest<'_>>(&wire, &Limits::DEFAULT);
        let sent = encode_to_bytes(&DisconnectRequest { auxiliary_buffer: &wire[4..] });
        if (1..8).contains(&len) {
            let error = request.unwrap_err();
            assert_eq!((error.offset, error.field), (0, "AuxiliaryBufferSize"));
            assert!(matches!(error.kind, DecodeErrorKind::Value { found, .. } if found == u64::from(len)));
            assert!(matches!(sent.unwrap_err().kind, EncodeErrorKind::Value { .. }));
        } else {
            assert_eq!(request, Ok(DisconnectRequest { auxiliary_buffer: &wire[4..] }));
            assert_eq!(sent.as_deref(), Ok(&wire[..]));
        }
    }
}

#[test]
fn a_size_past_the_end_or_past_the_limit_is_refused_before_anything_is_made_of_it() {
    let wire = [0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F, 1, 2];
    let error = decode_all::<ExecuteRequest<'_>>(&wire, &Limits::DEFAULT).unwrap_err();
    assert_eq!((error.offset, error.field), (8, "RopBuffer"));
    assert!(matches!(error.kind, DecodeErrorKind::Limit { limit: "value_bytes", .. }), "{error}");
    let limits = Limits::DEFAULT.with_value_bytes(usize::MAX);
    let error = decode_all::<ExecuteRequest<'_>>(&wire, &limits).unwrap_err();
    assert_eq!(error.kind, DecodeErrorKind::Eof { needed: 0x7FFF_FFFF, left: 2 });
}

#[test]
fn text_without_its_end_is_named() {
    let error = decode_all::<ConnectRequest<'_>>(b"/o=First", &Limits::DEFAULT).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Connect request body.UserDn at offset 0: expected a NUL at the end of the string \
         ([MS-OXCMAPIHTTP] 2.2.4.1.1)"
    );
}

#[test]
fn text_that_a_peer_could_not_read_is_not_sent() {
    let request = ConnectRequest {
        user_dn: b"",
        flags: ConnectFlags::NONE,
        default_code_page: 0,
        lcid_sort: 0,
        lcid_string: 0,
        auxiliary_buffer: b"",
    };
    for user_dn in [&b"/cn=a\0b"[..], "/cn=Zoë".as_bytes()] {
        let error = encode_to_bytes(&ConnectRequest { user_dn, ..request }).unwrap_err();
        assert_eq!(error.field, "UserDn", "{error}");
    }
    let name = utf16_le_bytes("a\0b");
    let success = ConnectSuccess {
        error_code: 0,
        polls_max: 0,
        retry_count: 0,
        retry_delay: 0,
        dn_prefix: b"",
        display_name: Utf16::new(&name).unwrap(),
        auxiliary_buffer: b"",
    };
    assert_eq!(encode_to_bytes(&success).unwrap_err().field, "DisplayName");
}

/// What is received is read even where it would not be sent: a DN outside ASCII stays bytes.
#[test]
fn a_dn_outside_ascii_is_read() {
    let wire = ["/cn=Zoë\0".as_bytes(), &[0; 20]].concat();
    let request: ConnectRequest<'_> = decode_all(&wire, &Limits::DEFAULT).unwrap();
    assert_eq!(request.user_dn, "/cn=Zoë".as_bytes());
}

/// Nothing, or what can be an extended buffer by its length.
fn auxiliary() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![Just(Vec::new()), prop::collection::vec(any::<u8>(), 8..64)]
}

macro_rules! come_back {
    ($type:ident, $value:expr) => {{
        let value = $value;
        let wire = encode_to_bytes(&value).unwrap();
        let again: $type<'_> = decode_all(&wire, &Limits::DEFAULT).unwrap();
        prop_assert_eq!(again, value);
    }};
}

proptest! {
    #[test]
    fn every_body_comes_back(
        text in "[ -~]{0,40}",
        name in "[^\0]{0,20}",
        numbers in any::<[u32; 4]>(),
        rop_buffer in prop::collection::vec(any::<u8>(), 0..64),
        aux in auxiliary(),
    ) {
        let [first, second, third, fourth] = numbers;
        let (auxiliary_buffer, name) = (&aux[..], utf16_le_bytes(&name));
        come_back!(ConnectRequest, ConnectRequest {
            user_dn: text.as_bytes(),
            flags: ConnectFlags::from_bits(first),
            default_code_page: second,
            lcid_sort: third,
            lcid_string: fourth,
            auxiliary_buffer,
        });
        come_back!(ConnectResponse, ConnectResponse::Success(ConnectSuccess {
            error_code: first,
            polls_max: second,
            retry_count: third,
            retry_delay: fourth,
            dn_prefix: text.as_bytes(),
            display_name: Utf16::new(&name).unwrap(),
            auxiliary_buffer,
        }));
        come_back!(ExecuteRequest, ExecuteRequest {
            flags: ExecuteFlags::from_bits(first),
            rop_buffer: &rop_buffer,
            max_rop_out: second,
            auxiliary_buffer,
        });
        come_back!(ExecuteResponse, ExecuteResponse::Success(ExecuteSuccess {
            error_code: first,
            rop_buffer: &rop_buffer,
            auxiliary_buffer,
        }));
        come_back!(DisconnectRequest, DisconnectRequest { auxiliary_buffer });
        let success = DisconnectSuccess { error_code: first, auxiliary_buffer };
        come_back!(DisconnectResponse, DisconnectResponse::Success(success));
        come_back!(NotificationWaitRequest, NotificationWaitRequest { auxiliary_buffer });
        come_back!(NotificationWaitResponse, NotificationWaitResponse::Success(NotificationWaitSuccess {
            error_code: first,
            event_pending: EventPending::from_bits(second),
            auxiliary_buffer,
        }));
        let failure = Failure { status_code: first.max(1), auxiliary_buffer };
        come_back!(ExecuteResponse, ExecuteResponse::Failure(failure));
    }

    #[test]
    fn no_bytes_break_a_body(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let limits = Limits::DEFAULT;
        let _ = decode_all::<ConnectRequest<'_>>(&bytes, &limits);
        let _ = decode_all::<ConnectResponse<'_>>(&bytes, &limits);
        let _ = decode_all::<ExecuteRequest<'_>>(&bytes, &limits);
        let _ = decode_all::<ExecuteResponse<'_>>(&bytes, &limits);
        let _ = decode_all::<DisconnectResponse<'_>>(&bytes, &limits);
        let _ = decode_all::<NotificationWaitResponse<'_>>(&bytes, &limits);
    }
}
