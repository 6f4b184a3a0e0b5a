//! oxwire-rpc's association, both ends, by sequences of operations.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::auth::UserName;
use oxwire::auth::ntlm::{Acceptor, AcceptorConfig, Client, ClientConfig, Verdict, nt_hash};
use oxwire::core::{FileTime, Guid, SecurityContext, encode_to_bytes};
use oxwire::rpc::association::client::{self, Call, Security};
use oxwire::rpc::association::server::{self, Acceptance};
use oxwire::rpc::association::{CallId, Config, ContextId, OutgoingPdu, SecurityId};
use oxwire::rpc::pdu::{
    AuthLevel, AuthType, Bind, BindAck, BindNak, BindTimeFeatures, Body, ContextList, ContextResult, ContextResults,
    Fault, FaultStatus, Pdu, PfcFlags, RejectReason, Request, Response, ResultReason, SecTrailer, SyntaxIdentifier,
    TRANSFER_SYNTAX_NDR,
};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] =
    &[("rpc_association_client", rpc_association_client), ("rpc_association_server", rpc_association_server)];

const INTERFACES: [SyntaxIdentifier; 2] = [
    SyntaxIdentifier { uuid: Guid::from_wire([1; 16]), version: 1 },
    SyntaxIdentifier { uuid: Guid::from_wire([2; 16]), version: 81 << 16 },
];
const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);
const MAX_CALLS: usize = 4;
const MAX_REQUEST: usize = 3_000;

/// An operation is one byte and what it takes from the rest; there are none after the end.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    fn bytes(&mut self) -> &'a [u8] {
        let len = usize::from(self.byte()).min(self.0.len());
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }
}

/// Both ends, the PDUs under way, and what is owed.
struct World {
    now: Instant,
    client: client::Association,
    server: server::Association<Acceptor>,
    /// Calls that were made and have no event yet.
    made: BTreeSet<CallId>,
    /// Requests that were handed up and are not answered.
    asked: BTreeSet<CallId>,
    /// A [`server::Event::Negotiate`] or [`server::Event::SecurityPending`] that is not answered.
    negotiate: Option<server::Negotiate>,
    pending: Option<SecurityId>,
    to_client: Vec<Bytes>,
    to_server: Vec<Bytes>,
}

/// The server's PDUs go through the fuzzer's hands: whatever comes and in whatever order, every call has one end, limits hold, and
/// no timer is due right after `handle_timeout`.
pub fn rpc_association_client(data: &[u8]) {
    run(data, true);
}

/// The same with the client's PDUs: every request that is handed up is answered or abandoned, once.
pub fn rpc_association_server(data: &[u8]) {
    run(data, false);
}

fn run(data: &[u8], to_client: bool) {
    let mut script = Script(data);
    let mut world = World::new();
    if script.byte().is_multiple_of(2) {
        world.bind(&mut script);
        (0..4).for_each(|_| world.exchange());
    }
    while !script.0.is_empty() {
        world.step(&mut script, to_client);
        world.settle();
    }
    world.client.handle_lost(world.now, "the end");
    world.server.handle_lost(world.now, "the end");
    world.settle();
    assert!(world.made.is_empty(), "calls without an event: {:?}", world.made);
    assert!(world.asked.is_empty(), "requests that were not abandoned: {:?}", world.asked);
    assert_eq!((world.client.poll_timeout(), world.server.poll_timeout()), (None, None));
}

fn entropy() -> Box<dyn oxwire::core::Entropy + Send> {
    let mut state = 1_u8;
    Box::new(move |out: &mut [u8]| {
        for byte in out {
            state = state.wrapping_mul(5).wrapping_add(1);
            *byte = state;
        }
    })
}

impl World {
    fn new() -> Self {
        let mut config = Config::default();
        (config.max_calls, config.max_request, config.max_reassembly) = (MAX_CALLS, MAX_REQUEST, 20_000);
        (config.max_contexts, config.max_security_contexts, config.max_xmit_frag) = (6, 3, 1_432);
        config.negotiation_timeout = Duration::from_secs(60);
        let now = Instant::now();
        Self {
            now,
            client: client::Association::new(config.clone(), entropy()),
            server: server::Association::new(config, INTERFACES.to_vec(), entropy(), now),
            made: BTreeSet::new(),
            asked: BTreeSet::new(),
            negotiate: None,
            pending: None,
            to_client: Vec::new(),
            to_server: Vec::new(),
        }
    }

    fn security(script: &mut Script<'_>) -> Option<Security<Box<dyn SecurityContext + Send>>> {
        let level = AuthLevel(script.byte() % 8);
        if level.0 < 2 {
            return None;
        }
        let mut config = ClientConfig::new(UserName::parse("DOM\\alice"), "secret");
        (config.sign, config.seal) = (true, true);
        let mut security: Security<Box<dyn SecurityContext + Send>> =
            Security::new(AuthType::WINNT, level, Box::new(Client::new(config)));
        security.header_signing = !script.byte().is_multiple_of(4);
        Some(security)
    }

    fn bind(&mut self, script: &mut Script<'_>) {
        let security = Self::security(script);
        let _misuse = self.client.bind(self.now, WALL, &INTERFACES, security);
    }

    /// What both ends have goes where it belongs, and decisions are made.
    fn exchange(&mut self) {
        self.take_out();
        for pdu in std::mem::take(&mut self.to_server) {
            let _ended = self.server.handle_pdu(self.now, WALL, pdu);
        }
        self.settle();
        self.decide(true);
        self.take_out();
        for pdu in std::mem::take(&mut self.to_client) {
            let _ended = self.client.handle_pdu(self.now, WALL, pdu);
        }
        self.settle();
    }

    fn take_out(&mut self) {
        let taken = |pdu: OutgoingPdu| {
            assert!(pdu.len() <= 1_432 && !pdu.is_empty(), "a PDU of {} bytes", pdu.len());
            pdu.into_bytes()
        };
        while let Ok(Some(pdu)) = self.client.poll_transmit(self.now) {
            self.to_server.push(taken(pdu));
        }
        while let Ok(Some(pdu)) = self.server.poll_transmit(self.now) {
            self.to_client.push(taken(pdu));
        }
    }

    fn decide(&mut self, accept: bool) {
        if let Some(negotiate) = self.negotiate.take() {
            let security = negotiate.security.map(|_| Acceptor::new(AcceptorConfig::new("MBX1")));
            let _ended = if accept {
                self.server.accept(self.now, WALL, Acceptance { assoc_group_id: 1, security })
            } else {
                self.server.refuse(self.now, WALL, RejectReason::LOCAL_LIMIT_EXCEEDED)
            };
            self.settle();
        }
        if let Some(security) = self.pending.take() {
            if let Some(acceptor) = self.server.security_mut(security) {
                let verdict = if accept { Verdict::NtHash(nt_hash("secret")) } else { Verdict::Refuse };
                let _not_asked = acceptor.answer(verdict);
            }
            let _ended = self.server.resume_security(self.now, WALL, security);
            self.settle();
        }
    }

    fn step(&mut self, script: &mut Script<'_>, to_client: bool) {
        let call = CallId(u32::from(script.byte() % 8) + 1);
        match script.byte() % 14 {
            0 => self.bind(script),
            1 => {
                let security = Self::security(script);
                let _misuse =
                    self.client.alter(self.now, WALL, &INTERFACES[..usize::from(script.byte() % 3)], security);
            }
            2 | 3 => {
                let stub = Bytes::from(vec![0x5A; usize::from(script.byte()) * 20]);
                let to = Call::new(ContextId(u16::from(script.byte() % 3)), 1);
                let to = if script.byte().is_multiple_of(4) { to.with_timeout(Duration::from_secs(30)) } else { to };
                if let Ok(call) = self.client.call(self.now, to, stub) {
                    assert!(self.made.insert(call), "a call_id twice");
                }
            }
            4 => drop(self.client.cancel(self.now, call)),
            5 => drop(self.client.orphan(self.now, call)),
            6 => {
                self.now += Duration::from_secs(u64::from(script.byte()));
                self.client.handle_timeout(self.now);
                self.server.handle_timeout(self.now);
                for due in [self.client.poll_timeout(), self.server.poll_timeout()].into_iter().flatten() {
                    assert!(due > self.now, "a timer is due right after handle_timeout");
                }
            }
            7 => {
                if let Some(call) = self.asked.first().copied() {
                    let answered = match script.byte() % 3 {
                        0 => self.server.fault(call, FaultStatus(u32::from(script.byte()))).is_ok(),
                        _ => {
                            self.server.respond(call, Bytes::from(vec![0xA5; usize::from(script.byte()) * 30])).is_ok()
                        }
                    };
                    if answered {
                        self.asked.remove(&call);
                    }
                }
            }
            8 => self.decide(!script.byte().is_multiple_of(4)),
            9 | 10 => self.exchange(),
            11 => {
                // A PDU of the other end's, as it is or damaged, once or twice.
                self.take_out();
                let queue = if to_client { &mut self.to_client } else { &mut self.to_server };
                if queue.is_empty() {
                    return;
                }
                let pdu = queue.remove(0);
                let mut damaged = pdu.to_vec();
                let at = usize::from(script.byte()) * 256 + usize::from(script.byte());
                if let Some(byte) = damaged.get_mut(at) {
                    *byte ^= script.byte();
                }
                self.deliver(to_client, damaged.into());
                if script.byte().is_multiple_of(8) {
                    self.deliver(to_client, pdu);
                }
            }
            12 => self.deliver(to_client, Bytes::copy_from_slice(script.bytes())),
            _ => self.deliver(to_client, made_up(script, call.0)),
        }
    }

    fn deliver(&mut self, to_client: bool, pdu: Bytes) {
        let _ended = if to_client {
            self.client.handle_pdu(self.now, WALL, pdu)
        } else {
            self.server.handle_pdu(self.now, WALL, pdu)
        };
    }

    /// Takes the events in, and checks them.
    fn settle(&mut self) {
        while let Some(event) = self.client.poll_event() {
            let ended = match event {
                client::Event::Response { call, .. }
                | client::Event::Fault { call, .. }
                | client::Event::Undelivered { call, .. } => Some(call),
                _ => None,
            };
            assert!(ended.is_none_or(|call| self.made.remove(&call)), "an event for a call that has ended: {ended:?}");
        }
        while let Some(event) = self.server.poll_event() {
            match event {
                server::Event::Negotiate(negotiate) => self.negotiate = Some(negotiate),
                server::Event::SecurityPending { security } => self.pending = Some(security),
                server::Event::Request(request) => {
                    assert!(request.stub.len() <= MAX_REQUEST);
                    let _refused = request.verification.check(&request.stub, 0);
                    assert!(self.asked.insert(request.call), "a call_id twice");
                }
                server::Event::Abandoned { call } => assert!(self.asked.remove(&call), "not asked"),
                server::Event::Cancel { call } => assert!(self.asked.contains(&call), "not asked"),
                _ => {}
            }
        }
        assert!(self.client.calls_in_flight() <= MAX_CALLS && self.server.calls_in_flight() <= MAX_CALLS);
        assert_eq!(self.asked.len(), self.server.calls_in_flight());
    }
}

/// A PDU that decodes, of any type.
fn made_up(script: &mut Script<'_>, call_id: u32) -> Bytes {
    let (kind, flags) = (script.byte(), PfcFlags(script.byte()));
    let (context_id, opnum) = (u16::from(script.byte() % 3), 1);
    let with_auth = script.byte();
    let stub = script.bytes();
    let alloc_hint = 0;
    let ndr = [TRANSFER_SYNTAX_NDR];
    let features = [BindTimeFeatures(3).to_syntax()];
    let elements = [
        (context_id, INTERFACES[0], &ndr[..]),
        (context_id.wrapping_add(1), INTERFACES[1], &ndr[..]),
        (9, INTERFACES[1], &features[..]),
    ];
    let offered = elements.get(..usize::from(with_auth % 4)).unwrap_or_default();
    let bind =
        Bind { max_xmit_frag: 5840, max_recv_frag: 5840, assoc_group_id: 0, contexts: ContextList::Given(offered) };
    let results = [(ContextResult(context_id), ResultReason(0), TRANSFER_SYNTAX_NDR); 3];
    let ack = BindAck {
        max_xmit_frag: 5840,
        max_recv_frag: 5840,
        assoc_group_id: 7,
        secondary_address: b"",
        results: ContextResults::Given(results.get(..usize::from(with_auth % 4)).unwrap_or_default()),
    };
    let body = match kind % 13 {
        0 => Body::Bind(bind),
        1 => Body::AlterContext(bind),
        2 => Body::BindAck(ack),
        3 => Body::AlterContextResp(ack),
        4 => Body::BindNak(BindNak { reason: RejectReason(2), versions: &[5, 0], extended_error: None }),
        5 => Body::RpcAuth3,
        6 | 7 => Body::Request(Request { alloc_hint, context_id, opnum, object: None, stub }),
        8 | 9 => Body::Response(Response { alloc_hint, context_id, cancel_count: 0, stub }),
        10 => Body::Fault(Fault { context_id, cancel_count: 0, status: FaultStatus(5), extended_error: None }),
        11 => Body::CoCancel,
        _ => Body::Orphaned,
    };
    let mut pdu = Pdu { pfc_flags: flags, call_id, body, auth: None };
    if with_auth & 0x40 != 0 {
        pdu = pdu.with_auth(SecTrailer {
            auth_type: AuthType::WINNT,
            auth_level: AuthLevel(with_auth & 7),
            auth_pad_length: 0,
            auth_context_id: u32::from(with_auth >> 4 & 3),
            token: b"NTLMSSP\0\x01\0\0\0\x05\x02\x08\xa0",
        });
    }
    encode_to_bytes(&pdu).unwrap_or_default()
}
