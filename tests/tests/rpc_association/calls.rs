//! Calls and their answers: fragments, multiplexing, faults.

use std::collections::VecDeque;

use bytes::Bytes;
use oxwire::core::{Error, Guid, Limits, decode_all};
use oxwire::rpc::association::client::{self, Call};
use oxwire::rpc::association::server::{self, Acceptance};
use oxwire::rpc::association::{CallId, Config, ContextId};
use oxwire::rpc::pdu::{Body, ContextResult, DataRepresentation, FaultStatus, Pdu};

use crate::pair::{EMSMDB, MGMT, Pair, WALL, config, pair};

#[test]
fn a_call_and_its_answer() {
    let (mut pair, contexts) = pair();
    assert_eq!(contexts, [ContextId(0), ContextId(1)]);
    assert_eq!(pair.client.context_of(MGMT), Some(ContextId(1)));
    let object = Guid::from_wire([9; 16]);
    let call = pair.call(Call::new(ContextId(1), 3).with_object(object), b"arguments");
    pair.run();
    let request = pair.request();
    assert_eq!((request.interface, request.opnum, request.object), (MGMT, 3, Some(object)));
    assert_eq!(
        (&request.stub[..], request.security, request.drep),
        (&b"arguments"[..], None, DataRepresentation::LITTLE_ENDIAN)
    );
    pair.server.respond(request.call, Bytes::from_static(b"results")).unwrap();
    pair.run();
    let answer =
        client::Event::Response { call, stub: Bytes::from_static(b"results"), drep: DataRepresentation::LITTLE_ENDIAN };
    assert_eq!(pair.client.poll_event(), Some(answer));
    assert_eq!((pair.client.calls_in_flight(), pair.server.calls_in_flight()), (0, 0));
}

/// [MS-RPCE] 2.2.2.6 and \[C706\] 12.6.2: fragments no larger than the smaller of both ends' wishes, all but the last with stub
/// data in multiples of 8, and put together again.
#[test]
fn large_calls_are_fragmented_both_ways() {
    let client = config(|c| {
        c.max_recv_frag = 2000;
    });
    let server = config(|c| {
        c.max_recv_frag = 1500;
    });
    let mut pair = Pair::new(client, server);
    pair.bind();
    pair.seen.clear();
    let stub: Vec<u8> = (0..100_003_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    pair.call(Call::new(ContextId(0), 11), &stub);
    pair.run();
    let request = pair.request();
    assert_eq!(request.stub, stub);
    pair.server.respond(request.call, request.stub).unwrap();
    pair.run();
    let Some(client::Event::Response { stub: answer, .. }) = pair.client.poll_event() else { panic!("no answer") };
    assert_eq!(answer, stub);
    let largest = |from_client| pair.seen.iter().filter(|pdu| pdu.0 == from_client).map(|pdu| pdu.2).max();
    assert_eq!((largest(true), largest(false)), (Some(24 + 1472), Some(24 + 1976)));
}

/// Stub data without security is what the caller gave, not a copy, on the way out; and of one fragment a slice of the PDU on the
/// way in.
#[test]
fn stub_data_without_security_is_not_copied() {
    let (mut pair, _) = pair();
    let stub = Bytes::from(vec![5; 1000]);
    pair.client.call(pair.now, Call::new(ContextId(0), 1), stub.clone()).unwrap();
    let pdu = pair.client.poll_transmit(pair.now).unwrap().unwrap();
    assert_eq!(pdu.body.as_ptr(), stub.as_ptr());
    let whole = pdu.into_bytes();
    pair.server.handle_pdu(pair.now, WALL, whole.clone()).unwrap();
    let request = pair.request();
    assert_eq!(request.stub.as_ptr(), whole.slice(24..).as_ptr());
}

#[test]
fn calls_are_multiplexed_and_answered_in_any_order() {
    let (mut pair, _) = pair();
    let calls: Vec<_> = (0..5).map(|opnum| pair.call(Call::new(ContextId(0), opnum), &[])).collect();
    pair.run();
    let mut requests: VecDeque<_> = (0..5).map(|_| pair.request()).collect();
    requests.rotate_left(2);
    for request in requests {
        pair.server.respond(request.call, Bytes::copy_from_slice(&request.opnum.to_le_bytes())).unwrap();
    }
    pair.run();
    let mut answered = Vec::new();
    while let Some(client::Event::Response { call, stub, .. }) = pair.client.poll_event() {
        let opnum = usize::from(u16::from_le_bytes([stub[0], stub[1]]));
        assert_eq!(calls[opnum], call);
        answered.push(opnum);
    }
    assert_eq!(answered, [2, 3, 4, 0, 1]);
}

/// [MS-RPCE] 3.3.1.5.8: without concurrent multiplexing the next request waits for the answer.
#[test]
fn without_multiplexing_one_call_at_a_time() {
    let server = config(|c| {
        c.concurrent_multiplexing = false;
    });
    let mut pair = Pair::new(Config::default(), server);
    pair.bind();
    pair.call(Call::new(ContextId(0), 1), b"one");
    pair.call(Call::new(ContextId(0), 2), b"two");
    pair.run();
    let first = pair.request();
    assert_eq!(pair.server.poll_event(), None);
    pair.server.respond(first.call, Bytes::new()).unwrap();
    pair.run();
    assert_eq!(pair.request().opnum, 2);
}

#[test]
fn faults_carry_their_status_and_its_name() {
    let (mut pair, _) = pair();
    let call = pair.call(Call::new(ContextId(0), 99), &[]);
    pair.run();
    let request = pair.request();
    assert!(matches!(pair.server.fault(request.call, FaultStatus(0)), Err(Error::Misuse(_))));
    pair.server.fault_with(request.call, FaultStatus::NCA_OP_RNG_ERROR, Some(b"extended")).unwrap();
    assert!(matches!(pair.server.respond(request.call, Bytes::new()), Err(Error::Misuse(_))));
    pair.run();
    let Some(client::Event::Fault { call: faulted, status, did_not_execute, extended_error }) =
        pair.client.poll_event()
    else {
        panic!("no fault")
    };
    assert_eq!((faulted, did_not_execute, extended_error.as_deref()), (call, false, Some(&b"extended"[..])));
    assert_eq!(status.name(), Some("nca_s_op_rng_error"));
}

/// By hand from \[C706\] 12.6.3.1, 12.6.4.3 and 12.6.4.9: a big-endian client's bind and request; what goes back is little-endian.
#[test]
fn a_big_endian_client() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let mut bind =
        vec![5, 0, 11, 3, 0, 0, 0, 0, 0, 72, 0, 0, 0, 0, 0, 1, 0x16, 0xd0, 0x16, 0xd0, 0, 0, 0, 0, 1, 0, 0, 0];
    bind.extend([0, 3, 1, 0]);
    bind.extend([0xa4, 0xf1, 0xdb, 0x00, 0xca, 0x47, 0x10, 0x67, 0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda]);
    bind.extend([0, 81, 0, 0]);
    bind.extend([0x8a, 0x88, 0x5d, 0x04, 0x1c, 0xeb, 0x11, 0xc9, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60]);
    bind.extend([0, 0, 0, 2]);
    pair.server.handle_pdu(pair.now, WALL, bind.into()).unwrap();
    pair.server.accept(pair.now, WALL, Acceptance { assoc_group_id: 9, security: None }).unwrap();
    let ack = pair.server.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    let ack = decode_all::<Pdu<'_>>(&ack, &Limits::DEFAULT).unwrap();
    let Body::BindAck(body) = ack.body else { panic!("{ack:?}") };
    assert_eq!(body.results.iter().map(|result| result.0).collect::<Vec<_>>(), [ContextResult::ACCEPTANCE]);
    let request = [5, 0, 0, 3, 0, 0, 0, 0, 0, 28, 0, 0, 0, 0, 0, 2, 0, 0, 0, 4, 0, 3, 0, 11, 1, 2, 3, 4];
    pair.server.handle_pdu(pair.now, WALL, Bytes::copy_from_slice(&request)).unwrap();
    assert!(matches!(pair.server.poll_event(), Some(server::Event::Negotiate(_))));
    let request = pair.request();
    assert_eq!((request.interface, request.opnum, request.call), (EMSMDB, 11, CallId(2)));
    assert_eq!((request.drep, &request.stub[..]), (DataRepresentation::BIG_ENDIAN, &[1, 2, 3, 4][..]));
}
