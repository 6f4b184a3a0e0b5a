//! What a peer must not send, and limits.

use oxwire::core::{Limits, decode_all, encode_to_bytes};
use oxwire::rpc::association::client::{self, Call, Fate};
use oxwire::rpc::association::server::{self, Acceptance};
use oxwire::rpc::association::{CallId, Config, ContextId};
use oxwire::rpc::pdu::{Body, Fault, FaultStatus, Pdu, PfcFlags, RejectReason, Request, Response};

use crate::pair::{EMSMDB, MGMT, Pair, WALL, config, from_client, pair, request};

/// The status of the fault that the server sends next, and the call_id.
fn fault(pair: &mut Pair) -> Option<(u32, FaultStatus)> {
    let pdu = pair.server.poll_transmit(pair.now).unwrap()?.into_bytes();
    let pdu = decode_all::<Pdu<'_>>(&pdu, &Limits::DEFAULT).unwrap();
    match pdu.body {
        Body::Fault(fault) => {
            assert!(pdu.pfc_flags.contains(PfcFlags::DID_NOT_EXECUTE));
            Some((pdu.call_id, fault.status))
        }
        other => panic!("{other:?}"),
    }
}

/// [MS-RPCE] 3.3.3.5.2, 3.3.3.5.6, 3.3.3.5.7, 3.3.3.5.8 and 3.3.1.5.8.
#[test]
fn requests_out_of_order_are_faulted_and_the_connection_stands() {
    let (mut pair, _) = pair();
    let proto = FaultStatus::NCA_PROTO_ERROR;
    from_client(&mut pair, 200, PfcFlags::WHOLE, request(b"x")).unwrap();
    assert_eq!(pair.request().call, CallId(200));
    from_client(&mut pair, 200, PfcFlags::WHOLE, request(b"x")).unwrap();
    assert_eq!(fault(&mut pair), Some((200, proto)), "call_ids go up");
    from_client(&mut pair, 0x8000_0000, PfcFlags::WHOLE, request(b"x")).unwrap();
    assert_eq!(fault(&mut pair), Some((0x8000_0000, proto)), "and stay below 2^31");
    from_client(&mut pair, 51, PfcFlags::LAST_FRAG, request(b"x")).unwrap();
    assert_eq!(fault(&mut pair), None, "a late fragment is dropped");
    from_client(&mut pair, 50, PfcFlags::LAST_FRAG, request(b"x")).unwrap();
    assert_eq!(fault(&mut pair), Some((50, proto)), "unless it is 150 calls late");
    from_client(&mut pair, 201, PfcFlags::FIRST_FRAG, request(b"x")).unwrap();
    from_client(&mut pair, 202, PfcFlags::FIRST_FRAG, request(b"x")).unwrap();
    assert_eq!(fault(&mut pair), Some((202, proto)), "a request is sent whole before the next");
    from_client(&mut pair, 201, PfcFlags::LAST_FRAG, request(b"y")).unwrap();
    assert_eq!(&pair.request().stub[..], b"xy");
    let elsewhere = Body::Request(Request { alloc_hint: 0, context_id: 9, opnum: 1, object: None, stub: &[] });
    from_client(&mut pair, 203, PfcFlags::WHOLE, elsewhere).unwrap();
    assert_eq!(fault(&mut pair), Some((203, FaultStatus::NCA_UNK_IF)));
    from_client(&mut pair, 204, PfcFlags::FIRST_FRAG, request(b"x")).unwrap();
    let other = Body::Request(Request { alloc_hint: 0, context_id: 1, opnum: 1, object: None, stub: &[] });
    from_client(&mut pair, 204, PfcFlags::LAST_FRAG, other).unwrap();
    assert_eq!(fault(&mut pair), Some((204, proto)), "all fragments say the same");
}

/// [MS-RPCE] 3.3.3.5.4 and the limits of the configuration.
#[test]
fn limits_of_the_server() {
    let server = config(|c| {
        c.max_request = 10;
        c.max_calls = 1;
        c.max_contexts = 2;
    });
    let mut pair = Pair::new(Config::default(), server);
    pair.bind();
    from_client(&mut pair, 1, PfcFlags::FIRST_FRAG, request(b"12345678")).unwrap();
    from_client(&mut pair, 1, PfcFlags(0), request(b"12345678")).unwrap();
    assert_eq!(fault(&mut pair), Some((1, FaultStatus::ACCESS_DENIED)));
    from_client(&mut pair, 1, PfcFlags::LAST_FRAG, request(b"12345678")).unwrap();
    assert_eq!(fault(&mut pair), None, "the rest of it is dropped");
    from_client(&mut pair, 2, PfcFlags::WHOLE, request(b"1")).unwrap();
    from_client(&mut pair, 3, PfcFlags::WHOLE, request(b"1")).unwrap();
    assert_eq!(fault(&mut pair), Some((3, FaultStatus::NCA_SERVER_TOO_BUSY)));
    pair.client.alter(pair.now, WALL, &[MGMT], None).unwrap();
    let alter = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    pair.server.handle_pdu(pair.now, WALL, alter).unwrap();
    let nak = pair.server.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    let nak = decode_all::<Pdu<'_>>(&nak, &Limits::DEFAULT).unwrap();
    assert!(matches!(nak.body, Body::BindNak(nak) if nak.reason == RejectReason::LOCAL_LIMIT_EXCEEDED), "3.3.3.5.5");
}

/// What a server must not send ends the client's association, and every call is reported.
#[test]
fn wrong_answers_end_the_association() {
    let response = |stub| Body::Response(Response { alloc_hint: 0, context_id: 0, cancel_count: 0, stub });
    let fault = Fault { context_id: 0, cancel_count: 0, status: FaultStatus::ACCESS_DENIED, extended_error: None };
    let cases: &[(u32, PfcFlags, Body<'_>, &str)] = &[
        (99, PfcFlags::WHOLE, response(b"x"), "a call in flight"),
        (99, PfcFlags::WHOLE, Body::Fault(fault), "a call in flight"),
        (2, PfcFlags::LAST_FRAG, response(b"x"), "PFC_FIRST_FRAG"),
        (2, PfcFlags::WHOLE, Body::Orphaned, "a PDU that answers"),
    ];
    for (call_id, flags, body, text) in cases {
        let (mut pair, _) = pair();
        assert_eq!(pair.call(Call::new(ContextId(0), 1), &[]), CallId(2));
        pair.run();
        let pdu = encode_to_bytes(&Pdu { pfc_flags: *flags, call_id: *call_id, body: *body, auth: None }).unwrap();
        let error = pair.client.handle_pdu(pair.now, WALL, pdu).unwrap_err();
        assert!(error.to_string().contains(text), "{error}");
        assert!(matches!(pair.client.poll_event(), Some(client::Event::Undelivered { fate: Fate::Unknown, .. })));
        assert!(matches!(pair.client.poll_event(), Some(client::Event::Closed { .. })));
    }
}

/// PDUs behind a bind that is not decided are held, and bounded.
#[test]
fn what_comes_before_the_decision_is_held() {
    let server = config(|c| {
        c.max_reassembly = 100;
    });
    let mut pair = Pair::new(Config::default(), server);
    pair.client.bind(pair.now, WALL, &[EMSMDB], None).unwrap();
    pair.run();
    from_client(&mut pair, 5, PfcFlags::WHOLE, request(b"early")).unwrap();
    let mut bounded = Pair::new(
        Config::default(),
        config(|c| {
            c.max_reassembly = 100;
        }),
    );
    bounded.client.bind(bounded.now, WALL, &[EMSMDB], None).unwrap();
    bounded.run();
    assert!(from_client(&mut bounded, 5, PfcFlags::WHOLE, request(&[0; 100])).is_err());
    assert!(bounded.server.is_closed());
    assert!(matches!(pair.server.poll_event(), Some(server::Event::Negotiate(_))));
    pair.server.accept(pair.now, WALL, Acceptance { assoc_group_id: 1, security: None }).unwrap();
    assert_eq!(&pair.request().stub[..], b"early");
}
