//! Both ends of an association without security, PDU by PDU.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{Error, FileTime, Guid, Limits, SecurityContext, decode_all, encode_to_bytes};
use oxwire::rpc::association::client::{self, Call, ContextOutcome, Fate};
use oxwire::rpc::association::server::{self, Acceptance};
use oxwire::rpc::association::{AssociationGroups, CallId, Config, ContextId, JoinRefused};
use oxwire::rpc::pdu::{
    Bind, BindTimeFeatures, Body, ContextList, ContextResult, DataRepresentation, Fault, FaultStatus, Pdu, PfcFlags,
    Ptype, RejectReason, Request, Response, ResultReason, SyntaxIdentifier, TRANSFER_SYNTAX_NDR, TRANSFER_SYNTAX_NDR64,
};

type Boxed = Box<dyn SecurityContext + Send>;

const EMSMDB: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0xa4f1_db00, 0xca47, 0x1067, [0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda]),
    version: 81 << 16,
};
const MGMT: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0xafa8_bd80, 0x7d8a, 0x11c9, [0xbe, 0xf4, 0x08, 0x00, 0x2b, 0x10, 0x29, 0x89]),
    version: 1,
};
const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);

fn config(set: impl FnOnce(&mut Config)) -> Config {
    let mut config = Config::default();
    set(&mut config);
    config
}

fn entropy() -> Box<dyn oxwire::core::Entropy + Send> {
    Box::new(|out: &mut [u8]| out.fill(7))
}

/// Both ends and what is under way between them.
struct Pair {
    now: Instant,
    client: client::Association,
    server: server::Association,
    /// Every PDU, in order: from the client or not, its PTYPE, its length.
    seen: Vec<(bool, Ptype, usize)>,
}

impl Pair {
    fn new(client: Config, server: Config) -> Self {
        let now = Instant::now();
        Self {
            now,
            client: client::Association::new(client, entropy()),
            server: server::Association::new(server, vec![EMSMDB, MGMT], entropy(), now),
            seen: Vec::new(),
        }
    }

    /// Moves PDUs until neither end has any.
    fn run(&mut self) {
        loop {
            let mut idle = true;
            while let Some(pdu) = self.client.poll_transmit(self.now).unwrap() {
                idle = false;
                let pdu = pdu.into_bytes();
                self.note(true, &pdu);
                if !self.server.is_closed() {
                    self.server.handle_pdu(self.now, WALL, pdu).unwrap();
                }
            }
            while let Some(pdu) = self.server.poll_transmit(self.now).unwrap() {
                idle = false;
                let pdu = pdu.into_bytes();
                self.note(false, &pdu);
                if !self.client.is_closed() {
                    self.client.handle_pdu(self.now, WALL, pdu).unwrap();
                }
            }
            if idle {
                return;
            }
        }
    }

    fn note(&mut self, client: bool, bytes: &Bytes) {
        let pdu = decode_all::<Pdu<'_>>(bytes, &Limits::DEFAULT).unwrap();
        self.seen.push((client, pdu.body.ptype(), bytes.len()));
    }

    fn bind(&mut self) -> Vec<ContextId> {
        let contexts = self.client.bind(self.now, WALL, &[EMSMDB, MGMT], None).unwrap();
        self.run();
        let Some(server::Event::Negotiate(negotiate)) = self.server.poll_event() else { panic!("no question") };
        assert_eq!((negotiate.is_bind, negotiate.security), (true, None));
        assert_eq!(negotiate.interfaces, [EMSMDB, MGMT]);
        self.server.accept(self.now, WALL, Acceptance { assoc_group_id: 0x55, security: None }).unwrap();
        self.run();
        let Some(client::Event::Bound { contexts: outcome, assoc_group_id, .. }) = self.client.poll_event() else {
            panic!("not bound")
        };
        assert_eq!(assoc_group_id, 0x55);
        assert!(outcome.iter().all(|(_, _, outcome)| *outcome == ContextOutcome::Accepted));
        contexts
    }

    fn call(&mut self, call: Call, stub: &[u8]) -> CallId {
        self.client.call(self.now, call, Bytes::copy_from_slice(stub)).unwrap()
    }

    fn request(&mut self) -> server::Request {
        match self.server.poll_event() {
            Some(server::Event::Request(request)) => request,
            other => panic!("expected a request, got {other:?}"),
        }
    }
}

fn pair() -> (Pair, Vec<ContextId>) {
    let mut pair = Pair::new(Config::default(), Config::default());
    let contexts = pair.bind();
    (pair, contexts)
}

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

/// [MS-RPCE] 3.3.1.5.6: what a server does not have is rejected with its reason, and the rest stands.
#[test]
fn contexts_are_accepted_one_by_one() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let newer = SyntaxIdentifier { version: 82 << 16, ..EMSMDB };
    let older = SyntaxIdentifier { version: 80 << 16, ..EMSMDB };
    let unknown = SyntaxIdentifier { uuid: Guid::from_wire([1; 16]), version: 1 };
    pair.client.bind(pair.now, WALL, &[unknown, newer, older], None).unwrap();
    pair.run();
    pair.server.accept(pair.now, WALL, Acceptance { assoc_group_id: 1, security: None }).unwrap();
    pair.run();
    let Some(client::Event::Bound { contexts, features, .. }) = pair.client.poll_event() else { panic!("not bound") };
    let rejected = ContextOutcome::Rejected {
        result: ContextResult::PROVIDER_REJECTION,
        reason: ResultReason::ABSTRACT_SYNTAX_NOT_SUPPORTED,
    };
    let outcomes: Vec<_> = contexts.iter().map(|(_, _, outcome)| *outcome).collect();
    assert_eq!(outcomes, [rejected, rejected, ContextOutcome::Accepted]);
    assert_eq!(features, BindTimeFeatures(3));
    let refused = pair.client.call(pair.now, Call::new(ContextId(0), 1), Bytes::from_static(b"back")).unwrap_err();
    assert_eq!(&refused.stub[..], b"back");
    assert!(refused.to_string().contains("bind or alter to the interface first"));
}

#[test]
fn an_alter_context_adds_an_interface_and_calls_wait_for_it() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.client.bind(pair.now, WALL, &[EMSMDB], None).unwrap();
    pair.run();
    pair.server.accept(pair.now, WALL, Acceptance { assoc_group_id: 1, security: None }).unwrap();
    pair.run();
    pair.seen.clear();
    let added = pair.client.alter(pair.now, WALL, &[MGMT], None).unwrap();
    pair.call(Call::new(ContextId(0), 1), &[]);
    assert!(matches!(pair.client.alter(pair.now, WALL, &[MGMT], None), Err(Error::Misuse(_))));
    pair.run();
    let types: Vec<_> = pair.seen.iter().map(|pdu| pdu.1).collect();
    assert_eq!(types, [Ptype::ALTER_CONTEXT, Ptype::ALTER_CONTEXT_RESP, Ptype::REQUEST]);
    pair.call(Call::new(added[0], 0), &[]);
    pair.run();
    while let Some(event) = pair.server.poll_event() {
        assert!(matches!(event, server::Event::Negotiate(_) | server::Event::Request(_)), "{event:?}");
    }
    assert_eq!(pair.server.calls_in_flight(), 2);
}

#[test]
fn a_refused_bind_ends_the_association_with_its_reason() {
    let mut pair = Pair::new(Config::default(), Config::default());
    pair.client.bind(pair.now, WALL, &[EMSMDB], None).unwrap();
    pair.run();
    pair.server.refuse(pair.now, WALL, RejectReason::LOCAL_LIMIT_EXCEEDED).unwrap();
    pair.run();
    let refused = client::Event::Refused { reason: RejectReason::LOCAL_LIMIT_EXCEEDED, extended_error: None };
    assert_eq!(pair.client.poll_event(), Some(refused));
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Closed { .. })));
    assert!(pair.server.is_closed());
    assert!(matches!(pair.client.bind(pair.now, WALL, &[EMSMDB], None), Err(Error::Closed(_))));
}

/// \[C706\] 9.5.4: co_cancel reaches the server; a call that is not sent yet is ended at once.
#[test]
fn cancel() {
    let (mut pair, _) = pair();
    let first = pair.call(Call::new(ContextId(0), 1), &[]);
    pair.run();
    let second = pair.call(Call::new(ContextId(0), 2), &[]);
    pair.client.cancel(pair.now, second).unwrap();
    assert!(
        matches!(pair.client.poll_event(), Some(client::Event::Undelivered { fate: Fate::NotSent, call, .. }) if call == second)
    );
    pair.client.cancel(pair.now, first).unwrap();
    pair.run();
    let request = pair.request();
    assert_eq!(pair.server.poll_event(), Some(server::Event::Cancel { call: request.call }));
    pair.server.fault(request.call, FaultStatus::NCA_FAULT_CANCEL).unwrap();
    pair.run();
    assert!(matches!(
        pair.client.poll_event(),
        Some(client::Event::Fault { status: FaultStatus::NCA_FAULT_CANCEL, .. })
    ));
    assert!(matches!(pair.client.cancel(pair.now, first), Err(Error::Misuse(_))));
}

/// [MS-RPCE] 3.3.1.5.10: with KeepConnectionOnOrphanSupported the connection goes on, and a late answer is dropped.
#[test]
fn orphan_with_the_connection_kept() {
    let (mut pair, _) = pair();
    let call = pair.call(Call::new(ContextId(0), 1), &[]);
    let other = pair.call(Call::new(ContextId(0), 2), &[]);
    pair.run();
    let (request, second) = (pair.request(), pair.request());
    // The answer crosses the orphaned PDU.
    pair.server.respond(request.call, Bytes::from_static(b"late")).unwrap();
    pair.client.orphan(pair.now, call).unwrap();
    pair.run();
    assert!(
        matches!(pair.client.poll_event(), Some(client::Event::Undelivered { fate: Fate::Unknown, call: c, .. }) if c == call)
    );
    pair.server.respond(second.call, Bytes::from_static(b"here")).unwrap();
    pair.run();
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Response { call, .. }) if call == other));
    assert_eq!(pair.client.poll_event(), None);
}

#[test]
fn orphan_without_it_ends_the_association() {
    let server = config(|c| {
        c.features = Some(BindTimeFeatures(1));
    });
    let mut pair = Pair::new(Config::default(), server);
    pair.bind();
    let call = pair.call(Call::new(ContextId(0), 1), &[]);
    pair.run();
    pair.client.orphan(pair.now, call).unwrap();
    pair.run();
    assert_eq!(pair.seen.last().map(|pdu| pdu.1), Some(Ptype::ORPHANED));
    assert!(pair.client.is_closed());
    let request = pair.request();
    assert_eq!(pair.server.poll_event(), Some(server::Event::Abandoned { call: request.call }));
}

#[test]
fn a_lost_connection_reports_every_call() {
    let (mut pair, _) = pair();
    let sent = pair.call(Call::new(ContextId(0), 1), &[]);
    pair.run();
    let queued = pair.call(Call::new(ContextId(0), 2), &[]);
    pair.client.handle_lost(pair.now, "reset by peer");
    pair.server.handle_lost(pair.now, "reset by peer");
    let mut fates = Vec::new();
    while let Some(event) = pair.client.poll_event() {
        match event {
            client::Event::Undelivered { call, fate, reason } => {
                assert_eq!(&*reason, "reset by peer");
                fates.push((call, fate));
            }
            client::Event::Closed { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fates, [(sent, Fate::Unknown), (queued, Fate::NotSent)]);
    let request = pair.request();
    assert_eq!(pair.server.poll_event(), Some(server::Event::Abandoned { call: request.call }));
    assert!(matches!(pair.server.poll_event(), Some(server::Event::Closed { .. })));
    assert!(matches!(pair.server.respond(request.call, Bytes::new()), Err(Error::Closed(_))));
}

#[test]
fn timers() {
    let config = config(|c| {
        c.cancel_timeout = Duration::from_secs(5);
    });
    let mut pair = Pair::new(config, Config::default());
    let deadline = pair.server.poll_timeout().unwrap();
    assert_eq!(deadline - pair.now, Duration::from_secs(900));
    pair.bind();
    assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None));

    let untimed = pair.call(Call::new(ContextId(0), 3), &[]);
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + Duration::from_secs(900)), "the default");
    pair.client.cancel(pair.now, untimed).unwrap();
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Undelivered { fate: Fate::NotSent, .. })));

    let timed = pair.call(Call::new(ContextId(0), 1).with_timeout(Duration::from_secs(60)), &[]);
    let cancelled = pair.call(Call::new(ContextId(0), 2), &[]);
    pair.run();
    pair.client.cancel(pair.now, cancelled).unwrap();
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + Duration::from_secs(5)));
    pair.client.handle_timeout(pair.now);
    assert_eq!(pair.client.poll_event(), None, "early is no-op");
    pair.now += Duration::from_secs(5);
    pair.client.handle_timeout(pair.now);
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Undelivered { call, .. }) if call == cancelled));
    pair.now += Duration::from_secs(55);
    pair.client.handle_timeout(pair.now);
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Undelivered { call, .. }) if call == timed));
    assert_eq!(pair.client.poll_timeout(), None);
    pair.seen.clear();
    pair.run();
    let types: Vec<_> = pair.seen.iter().map(|pdu| pdu.1).collect();
    assert_eq!(types, [Ptype::CO_CANCEL, Ptype::ORPHANED, Ptype::CO_CANCEL]);

    let mut silent = Pair::new(Config::default(), Config::default());
    silent.client.bind(silent.now, WALL, &[EMSMDB], None).unwrap();
    let deadline = silent.now + Duration::from_secs(900);
    silent.client.handle_timeout(deadline);
    silent.server.handle_timeout(deadline);
    assert!(silent.client.is_closed() && silent.server.is_closed());
    assert_eq!((silent.client.poll_timeout(), silent.server.poll_timeout()), (None, None));
}

/// A PDU of a client's, by hand.
fn from_client(pair: &mut Pair, call_id: u32, flags: PfcFlags, body: Body<'_>) -> Result<(), Error> {
    let pdu = encode_to_bytes(&Pdu { pfc_flags: flags, call_id, body, auth: None }).unwrap();
    pair.server.handle_pdu(pair.now, WALL, pdu)
}

fn request(stub: &[u8]) -> Body<'_> {
    Body::Request(Request { alloc_hint: 0, context_id: 0, opnum: 1, object: None, stub })
}

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

#[test]
fn shutdown_is_told() {
    let (mut pair, _) = pair();
    pair.server.shutdown().unwrap();
    pair.run();
    assert_eq!(pair.client.poll_event(), Some(client::Event::Shutdown));
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

/// [MS-RPCE] 3.3.1.5.7.
#[test]
fn association_groups() {
    let mut groups = AssociationGroups::new(u32::MAX, 2);
    assert_eq!(groups.join(0, "a"), Ok(u32::MAX));
    assert_eq!(groups.join(0, "b"), Ok(1), "0 is no id");
    assert_eq!(groups.join(0, "c"), Err(JoinRefused::Full));
    assert_eq!(groups.join(1, "b"), Ok(1));
    assert_eq!(groups.join(1, "a"), Err(JoinRefused::OtherPeer));
    assert_eq!(groups.join(7, "a"), Err(JoinRefused::Unknown));
    assert!(!groups.leave(1));
    assert!(groups.leave(1), "the last connection");
    assert_eq!(groups.join(1, "b"), Err(JoinRefused::Unknown));
    assert_eq!(groups.len(), 1);
}

/// The boxed form is the default of the type parameter.
#[test]
fn the_ends_are_send() {
    fn send<T: Send>() {}
    send::<client::Association<Boxed>>();
    send::<server::Association>();
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

/// A bind of these contexts, by hand, and the results of its bind_ack.
fn results(
    contexts: &[(u16, SyntaxIdentifier, &[SyntaxIdentifier])],
    flags: PfcFlags,
) -> (PfcFlags, Vec<(ContextResult, ResultReason, SyntaxIdentifier)>) {
    let mut pair = Pair::new(Config::default(), Config::default());
    let bind =
        Bind { max_xmit_frag: 4088, max_recv_frag: 4088, assoc_group_id: 0, contexts: ContextList::Given(contexts) };
    from_client(&mut pair, 1, flags, Body::Bind(bind)).unwrap();
    pair.server.accept(pair.now, WALL, Acceptance { assoc_group_id: 9, security: None }).unwrap();
    let ack = pair.server.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    assert!(pair.server.poll_transmit(pair.now).unwrap().is_none(), "one bind_ack");
    let ack = decode_all::<Pdu<'_>>(&ack, &Limits::DEFAULT).unwrap();
    let Body::BindAck(body) = ack.body else { panic!("{ack:?}") };
    assert_eq!((body.max_xmit_frag, body.assoc_group_id), (4088, 9));
    (ack.pfc_flags, body.results.iter().collect())
}

const REFUSED: (ContextResult, ResultReason, SyntaxIdentifier) = (
    ContextResult::PROVIDER_REJECTION,
    ResultReason::TRANSFER_SYNTAXES_NOT_SUPPORTED,
    SyntaxIdentifier { uuid: Guid::NIL, version: 0 },
);
const ACCEPTED: (ContextResult, ResultReason, SyntaxIdentifier) =
    (ContextResult::ACCEPTANCE, ResultReason::NOT_SPECIFIED, TRANSFER_SYNTAX_NDR);

/// ruler offers a random transfer syntax in its second context: that context is rejected, and the bind stands.
#[test]
fn ruler_offers_a_random_transfer_syntax() {
    let random = SyntaxIdentifier { uuid: Guid::from_wire([0x77; 16]), version: 1 };
    let contexts = [(0, EMSMDB, &[TRANSFER_SYNTAX_NDR][..]), (1, EMSMDB, &[random][..])];
    assert_eq!(results(&contexts, PfcFlags::WHOLE), (PfcFlags::WHOLE, vec![ACCEPTED, REFUSED]));
}

/// Microsoft's Remote Connectivity Analyzer wants negotiate_ack for bind-time features, and one bind_ack; like Outlook it offers
/// NDR64 next to NDR. [MS-RPCE] 3.3.1.5.3
#[test]
fn rca_wants_negotiate_ack() {
    let features = [BindTimeFeatures(3).to_syntax()];
    let contexts =
        [(0, MGMT, &[TRANSFER_SYNTAX_NDR][..]), (1, MGMT, &[TRANSFER_SYNTAX_NDR64][..]), (2, MGMT, &features[..])];
    let granted = (ContextResult::NEGOTIATE_ACK, ResultReason(3), SyntaxIdentifier::default());
    assert_eq!(results(&contexts, PfcFlags::WHOLE).1, [ACCEPTED, REFUSED, granted]);
}

/// FreeRDP sets PFC_SUPPORT_HEADER_SIGN and PFC_CONC_MPX in its bind: both are said back.
#[test]
fn freerdp_sets_header_sign_and_multiplexing() {
    let flags = PfcFlags::WHOLE.with(PfcFlags::SUPPORT_HEADER_SIGN).with(PfcFlags::CONC_MPX);
    let contexts = [(0, EMSMDB, &[TRANSFER_SYNTAX_NDR][..])];
    assert_eq!(results(&contexts, flags).0, flags);
}
