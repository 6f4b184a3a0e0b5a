//! DCE/RPC PDUs against `vectors/ms-rpce`.

use oxwire::core::{Decode, DecodeErrorKind, Guid, Limits, Reader, Writer, decode_all, encode_to_bytes};
use oxwire::rpc::pdu::{
    AuthLevel, AuthType, Bind, BindAck, BindNak, BindTimeFeatures, Body, ContextList, ContextResult, ContextResults,
    Fault, FaultStatus, Pdu, PfcFlags, RejectReason, Request, Response, ResultReason, SecTrailer, SyntaxIdentifier,
    TRANSFER_SYNTAX_NDR, VerificationCommand, VerificationTrailer,
};
use oxwire_tests::vector;
use oxwire_tests::vectors::Vector;

/// The EMSMDB interface, [MS-OXCRPC] 1.9.
fn emsmdb() -> SyntaxIdentifier {
    SyntaxIdentifier::new("a4f1db00-ca47-1067-b31f-00dd010662da".parse().unwrap(), 0, 81)
}

/// The management interface, \[C706\] appendix Q.
fn mgmt() -> SyntaxIdentifier {
    SyntaxIdentifier::new("afa8bd80-7d8a-11c9-bef4-08002b102989".parse().unwrap(), 1, 0)
}

const BOTH: BindTimeFeatures = BindTimeFeatures(3);

fn whole(call_id: u32, body: Body<'_>) -> Pdu<'_> {
    Pdu { pfc_flags: PfcFlags::WHOLE, call_id, body, auth: None }
}

vector!(
    bind,
    Pdu<'_>,
    "ms-rpce/bind.hex",
    whole(
        1,
        Body::Bind(Bind {
            max_xmit_frag: 4280,
            max_recv_frag: 4280,
            assoc_group_id: 0,
            contexts: ContextList::Given(&[(0, emsmdb(), &[TRANSFER_SYNTAX_NDR]), (1, emsmdb(), &[BOTH.to_syntax()]),]),
        })
    )
);

vector!(
    bind_ack,
    Pdu<'_>,
    "ms-rpce/bind_ack.hex",
    whole(
        7,
        Body::BindAck(BindAck {
            max_xmit_frag: 4280,
            max_recv_frag: 4280,
            assoc_group_id: 0x12345,
            secondary_address: b"6001\0",
            results: ContextResults::Given(&[
                (ContextResult::ACCEPTANCE, ResultReason::NOT_SPECIFIED, TRANSFER_SYNTAX_NDR),
                (ContextResult::NEGOTIATE_ACK, ResultReason(3), SyntaxIdentifier::default()),
            ]),
        })
    )
);

vector!(
    bind_nak,
    Pdu<'_>,
    "ms-rpce/bind_nak.hex",
    whole(
        7,
        Body::BindNak(BindNak {
            reason: RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED,
            versions: &[5, 0],
            extended_error: None,
        })
    )
);

vector!(
    bind_nak_extended_error,
    Pdu<'_>,
    "ms-rpce/bind_nak_extended_error.hex",
    whole(
        7,
        Body::BindNak(BindNak {
            reason: RejectReason::LOCAL_LIMIT_EXCEEDED,
            versions: &[5, 0],
            extended_error: Some(b"EEInfo"),
        })
    )
);

vector!(
    alter_context,
    Pdu<'_>,
    "ms-rpce/alter_context.hex",
    whole(
        7,
        Body::AlterContext(Bind {
            max_xmit_frag: 4280,
            max_recv_frag: 4280,
            assoc_group_id: 0x12345,
            contexts: ContextList::Given(&[(2, mgmt(), &[TRANSFER_SYNTAX_NDR])]),
        })
    )
);

vector!(
    alter_context_resp,
    Pdu<'_>,
    "ms-rpce/alter_context_resp.hex",
    whole(
        7,
        Body::AlterContextResp(BindAck {
            max_xmit_frag: 4280,
            max_recv_frag: 4280,
            assoc_group_id: 0x12345,
            secondary_address: b"",
            results: ContextResults::Given(&[(
                ContextResult::ACCEPTANCE,
                ResultReason::NOT_SPECIFIED,
                TRANSFER_SYNTAX_NDR
            )]),
        })
    )
);

vector!(
    rpc_auth_3,
    Pdu<'_>,
    "ms-rpce/rpc_auth_3.hex",
    Pdu {
        auth: Some(SecTrailer {
            auth_type: AuthType::WINNT,
            auth_level: AuthLevel::PKT_PRIVACY,
            auth_pad_length: 12,
            auth_context_id: 1,
            token: b"NTLMSSP\0\x03\0\0\0",
        }),
        ..whole(7, Body::RpcAuth3)
    }
);

vector!(
    request,
    Pdu<'_>,
    "ms-rpce/request.hex",
    whole(3, Body::Request(Request { alloc_hint: 6, context_id: 0, opnum: 11, object: None, stub: b"stub!\0" }))
);

vector!(
    request_object,
    Pdu<'_>,
    "ms-rpce/request_object.hex",
    Pdu {
        pfc_flags: PfcFlags::WHOLE.with(PfcFlags::OBJECT_UUID),
        ..whole(
            4,
            Body::Request(Request {
                alloc_hint: 2,
                context_id: 1,
                opnum: 2,
                object: Some(Guid::from_wire([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])),
                stub: b"ab",
            })
        )
    }
);

vector!(
    request_sealed,
    Pdu<'_>,
    "ms-rpce/request_sealed.hex",
    Pdu {
        auth: Some(SecTrailer {
            auth_type: AuthType::WINNT,
            auth_level: AuthLevel::PKT_PRIVACY,
            auth_pad_length: 3,
            auth_context_id: 1,
            token: b"\x01\0\0\0\0\x01\x02\x03\x04\x05\x06\x07\0\0\0\0",
        }),
        ..whole(
            7,
            Body::Request(Request {
                alloc_hint: 5,
                context_id: 0,
                opnum: 1,
                object: None,
                stub: b"\xA1\xA2\xA3\xA4\xA5",
            })
        )
    }
);

vector!(
    response,
    Pdu<'_>,
    "ms-rpce/response.hex",
    whole(7, Body::Response(Response { alloc_hint: 4, context_id: 1, cancel_count: 0, stub: &[1, 2, 3, 4] }))
);

vector!(
    fault,
    Pdu<'_>,
    "ms-rpce/fault.hex",
    Pdu {
        pfc_flags: PfcFlags::WHOLE.with(PfcFlags::DID_NOT_EXECUTE),
        ..whole(
            7,
            Body::Fault(Fault {
                context_id: 1,
                cancel_count: 0,
                status: FaultStatus::NCA_OP_RNG_ERROR,
                extended_error: None,
            })
        )
    }
);

vector!(
    fault_extended_error,
    Pdu<'_>,
    "ms-rpce/fault_extended_error.hex",
    whole(
        7,
        Body::Fault(Fault {
            context_id: 0,
            cancel_count: 0,
            status: FaultStatus::ACCESS_DENIED,
            extended_error: Some(b"EEInfo"),
        })
    )
);

vector!(co_cancel, Pdu<'_>, "ms-rpce/co_cancel.hex", whole(7, Body::CoCancel));
vector!(orphaned, Pdu<'_>, "ms-rpce/orphaned.hex", whole(7, Body::Orphaned));
vector!(shutdown, Pdu<'_>, "ms-rpce/shutdown.hex", whole(0, Body::Shutdown));

/// \[C706\] 14.1: the sender's byte order is the receiver's business.
#[test]
fn a_big_endian_bind_means_the_same() {
    let vector = Vector::load("ms-rpce/bind_big_endian.hex");
    let pdu: Pdu<'_> = decode_all(&vector.bytes, &Limits::DEFAULT).unwrap();
    let expected = Body::Bind(Bind {
        max_xmit_frag: 4280,
        max_recv_frag: 4280,
        assoc_group_id: 0,
        contexts: ContextList::Given(&[(0, emsmdb(), &[TRANSFER_SYNTAX_NDR])]),
    });
    assert_eq!(pdu, whole(1, expected));
}

/// impacket aligns the sec_trailer to 4, where [MS-RPCE] 2.2.2.11 asks for 16.
#[test]
fn impacket_a_sec_trailer_aligned_to_four() {
    let vector = Vector::load("ms-rpce/bind_ntlm_impacket.hex");
    let pdu: Pdu<'_> = decode_all(&vector.bytes, &Limits::DEFAULT).unwrap();
    let auth = pdu.auth.unwrap();
    assert_eq!((auth.auth_type, auth.auth_level, auth.auth_pad_length), (AuthType::WINNT, AuthLevel::PKT_PRIVACY, 0));
    assert_eq!((auth.auth_context_id, auth.token.len()), (79_231, 32));
    assert!(matches!(pdu.body, Body::Bind(_)));
}

/// impacket's alter_context with Kerberos's last token has each presentation context twice, and counts it once.
#[test]
fn impacket_doubles_the_contexts_of_its_last_leg() {
    let contexts: [(u16, SyntaxIdentifier, &[SyntaxIdentifier]); 1] = [(0, emsmdb(), &[TRANSFER_SYNTAX_NDR])];
    let contexts = ContextList::Given(&contexts);
    let bind = Bind { max_xmit_frag: 4280, max_recv_frag: 4280, assoc_group_id: 7, contexts };
    let token = SecTrailer {
        auth_type: AuthType::GSS_NEGOTIATE,
        auth_level: AuthLevel::PKT_PRIVACY,
        auth_pad_length: 0,
        auth_context_id: 79_231,
        token: &[0xA1; 12],
    };
    let pdu = whole(1, Body::AlterContext(bind)).with_auth(token);
    let mut bytes = encode_to_bytes(&pdu).unwrap().to_vec();
    let element = bytes[28..72].to_vec();
    bytes.splice(72..72, element);
    bytes[8] += 44;
    assert_eq!(decode_all(&bytes, &Limits::DEFAULT), Ok(pdu));
    // Without a token nothing is behind the contexts.
    let pdu = whole(1, Body::AlterContext(bind));
    let mut bytes = encode_to_bytes(&pdu).unwrap().to_vec();
    bytes.extend_from_slice(&[0; 4]);
    bytes[8] += 4;
    assert!(decode_all::<Pdu<'_>>(&bytes, &Limits::DEFAULT).is_err());
}

/// [MS-RPCE] 3.3.1.5.3: features are offered inside a transfer syntax.
#[test]
fn features_are_told_from_transfer_syntaxes() {
    let vector = Vector::load("ms-rpce/bind.hex");
    let pdu: Pdu<'_> = decode_all(&vector.bytes, &Limits::DEFAULT).unwrap();
    let Body::Bind(bind) = pdu.body else { panic!("{pdu:?}") };
    let features: Vec<_> = bind.contexts.iter().map(|context| context.features()).collect();
    assert_eq!(features, [None, Some(BOTH)]);
}

/// What a security context works on in place: stub data and padding. [MS-RPCE] 2.2.2.11
#[test]
fn the_sealed_region_is_stub_and_padding() {
    let vector = Vector::load("ms-rpce/request_sealed.hex");
    let pdu: Pdu<'_> = decode_all(&vector.bytes, &Limits::DEFAULT).unwrap();
    assert_eq!(pdu.sealed(), Some(24..32));
    assert_eq!(vector.bytes[24..32], [0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0, 0, 0]);
}

/// [MS-RPCE] 2.2.2.11: the sec_trailer begins at a multiple of 16 from the beginning of the body.
#[test]
fn with_auth_aligns_the_sec_trailer() {
    let auth = SecTrailer {
        auth_type: AuthType::WINNT,
        auth_level: AuthLevel::CONNECT,
        auth_pad_length: 0,
        auth_context_id: 0,
        token: b"token",
    };
    for (len, padding) in [(0, 8), (1, 7), (8, 0), (9, 15)] {
        let stub = vec![0; len];
        let request = Request { alloc_hint: 0, context_id: 0, opnum: 0, object: None, stub: &stub };
        let pdu = whole(1, Body::Request(request)).with_auth(auth);
        assert_eq!(pdu.auth.unwrap().auth_pad_length, padding);
        assert_eq!(encode_to_bytes(&pdu).unwrap().len(), 16 + 8 + len + usize::from(padding) + 8 + 5);
    }
}

/// Lengths that contradict each other.
#[test]
fn lengths_are_held_against_each_other() {
    let sealed = Vector::load("ms-rpce/request_sealed.hex").bytes;
    for (at, value, field) in
        [(8, 15, "frag_length"), (8, 255, "frag_length"), (10, 255, "auth_length"), (34, 255, "auth_pad_length")]
    {
        let mut bytes = sealed.clone();
        bytes[at] = value;
        let error = decode_all::<Pdu<'_>>(&bytes, &Limits::DEFAULT).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    }
    let mut bytes = sealed;
    bytes[2] = 1;
    let error = decode_all::<Pdu<'_>>(&bytes, &Limits::DEFAULT).unwrap_err();
    assert_eq!((error.offset, error.field), (2, "PTYPE"));
}

/// A token never shows in `Debug`, nor does stub data.
#[test]
fn debug_shows_neither_token_nor_stub() {
    let vector = Vector::load("ms-rpce/request_sealed.hex");
    let pdu: Pdu<'_> = decode_all(&vector.bytes, &Limits::DEFAULT).unwrap();
    let shown = format!("{pdu:?}");
    assert!(shown.contains("16 bytes") && shown.contains("5 bytes") && !shown.contains("161"), "{shown}");
}

/// [MS-RPCE] 2.2.2.13: built by hand from the text; padding of the client's in front of it is searched over.
#[test]
fn a_verification_trailer_is_found_behind_padding() {
    let bytes = b"args\0\0\0\0\x8a\xe3\x13\x71\x02\xf4\x36\x71\x01\0\x04\0\x01\0\0\0\x09\x80\x04\0wxyz\x03\x40\x10\0\0\0\0\0\x10\0\0\0\x07\0\0\0\x02\0\x0b\0";
    let trailer = VerificationTrailer::find(bytes, 3).unwrap();
    assert_eq!(trailer.offset(), 8);
    let commands: Result<Vec<_>, _> = trailer.commands().collect();
    let expected = [
        VerificationCommand::Bitmask(1),
        VerificationCommand::Unknown { command: 9, must_process: true, content: b"wxyz" },
        VerificationCommand::Header2 { ptype: 0, drep: [0x10, 0, 0, 0], call_id: 7, context_id: 2, opnum: 11 },
    ];
    assert_eq!(commands.as_deref(), Ok(&expected[..]));
    let mut out = bytes::BytesMut::from(&b"args\0\0\0\0"[..]);
    VerificationTrailer::write(&expected, &mut Writer::new(&mut out)).unwrap();
    assert_eq!(&out[..], &bytes[..]);
    assert_eq!(VerificationTrailer::find(b"args", 4), None);
    for len in 0..bytes.len() {
        if let Some(trailer) = VerificationTrailer::find(&bytes[..len], 4) {
            assert!(trailer.commands().last().is_none_or(|last| last.is_err()), "cut off at {len}");
        }
    }
}

/// A PDU larger than its length field is refused, not cut.
#[test]
fn a_pdu_past_its_length_field_is_refused() {
    let stub = vec![0; 65_520];
    let request = Request { alloc_hint: 0, context_id: 0, opnum: 0, object: None, stub: &stub };
    let error = encode_to_bytes(&whole(1, Body::Request(request))).unwrap_err();
    assert_eq!(error.field, "frag_length");
}

/// \[C706\] 12.6.3.1: what every header must hold.
#[test]
fn a_header_that_is_none_is_refused() {
    let request = Vector::load("ms-rpce/request.hex").bytes;
    for (at, value, field) in
        [(0, 4, "rpc_vers"), (1, 2, "rpc_vers_minor"), (4, 0x11, "packed_drep"), (5, 1, "packed_drep")]
    {
        let mut bytes = request.clone();
        bytes[at] = value;
        let error = Pdu::decode(&mut Reader::new(&bytes)).unwrap_err();
        assert_eq!(error.field, field, "{error}");
        assert!(matches!(error.kind, DecodeErrorKind::Value { .. }));
    }
}
