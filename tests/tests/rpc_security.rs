//! An association under NTLM, alone and inside SPNEGO, at every level.

use std::time::Instant;

use bytes::Bytes;
use oxwire::auth::UserName;
use oxwire::auth::ntlm::{self, AcceptorConfig, ClientConfig, Verdict, nt_hash};
use oxwire::auth::spnego::{self, ListProtection, Mechanism};
use oxwire::core::{
    Entropy, Error, FileTime, Guid, Limits, Part, SecretBytes, SecurityContext, SecurityError, Step, decode_all,
};
use oxwire::rpc::association::client::{self, Call, Fate, Security};
use oxwire::rpc::association::server::{self, Acceptance};
use oxwire::rpc::association::{Config, ContextId, SecurityId};
use oxwire::rpc::pdu::{
    AuthLevel, AuthType, Body, FaultStatus, Pdu, PfcFlags, Ptype, RejectReason, SyntaxIdentifier, VerificationCommand,
    VerificationTrailer,
};

const EMSMDB: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0xa4f1_db00, 0xca47, 0x1067, [0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda]),
    version: 81 << 16,
};
const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);
const LEVELS: [AuthLevel; 5] =
    [AuthLevel::CONNECT, AuthLevel::CALL, AuthLevel::PKT, AuthLevel::PKT_INTEGRITY, AuthLevel::PKT_PRIVACY];
const TYPES: [AuthType; 2] = [AuthType::WINNT, AuthType::GSS_NEGOTIATE];

fn entropy() -> Box<dyn Entropy + Send> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    Box::new(move |out: &mut [u8]| {
        for byte in out {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[0];
        }
    })
}

/// What a server of the caller's would use: either acceptor, with its question within reach.
enum Acceptor {
    Ntlm(ntlm::Acceptor),
    Spnego(spnego::Acceptor),
}

macro_rules! each {
    ($self:ident, $inner:ident => $call:expr) => {
        match $self {
            Acceptor::Ntlm($inner) => $call,
            Acceptor::Spnego($inner) => $call,
        }
    };
}

impl Acceptor {
    fn of(auth_type: AuthType) -> Self {
        let config = AcceptorConfig::new("MBX1");
        if auth_type == AuthType::WINNT {
            return Self::Ntlm(ntlm::Acceptor::new(config));
        }
        let mechanism = Mechanism::ntlm_acceptor(config);
        Self::Spnego(spnego::Acceptor::new(vec![mechanism], ListProtection::Required))
    }

    fn answer(&mut self) {
        let ntlm = match self {
            Self::Ntlm(ntlm) => ntlm,
            Self::Spnego(spnego) => spnego.ntlm().unwrap(),
        };
        assert_eq!(&*ntlm.question().unwrap().user, "alice");
        ntlm.answer(Verdict::NtHash(nt_hash("secret"))).unwrap();
    }
}

impl SecurityContext for Acceptor {
    fn step(&mut self, token: Option<&[u8]>, wall: FileTime, entropy: &mut dyn Entropy) -> Result<Step, SecurityError> {
        each!(self, inner => inner.step(token, wall, entropy))
    }
    fn is_complete(&self) -> bool {
        each!(self, inner => inner.is_complete())
    }
    fn signature_len(&self) -> usize {
        each!(self, inner => inner.signature_len())
    }
    fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        each!(self, inner => inner.sign(parts, signature))
    }
    fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        each!(self, inner => inner.verify(parts, signature))
    }
    fn seal(&mut self, parts: &mut [Part<'_>], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        each!(self, inner => inner.seal(parts, signature))
    }
    fn unseal(&mut self, parts: &mut [Part<'_>], signature: &[u8]) -> Result<(), SecurityError> {
        each!(self, inner => inner.unseal(parts, signature))
    }
    fn session_key(&self) -> Option<SecretBytes> {
        each!(self, inner => inner.session_key())
    }
    fn peer_name(&self) -> Option<std::borrow::Cow<'_, str>> {
        each!(self, inner => inner.peer_name())
    }
    fn signs_whole_pdu(&self) -> bool {
        each!(self, inner => inner.signs_whole_pdu())
    }
    fn can_sign(&self) -> bool {
        each!(self, inner => inner.can_sign())
    }
}

fn client_security(auth_type: AuthType, level: AuthLevel, password: &str) -> Security<Box<dyn SecurityContext + Send>> {
    let mut config = ClientConfig::new(UserName::parse("DOM\\alice"), password);
    (config.sign, config.seal) = (true, true);
    let context: Box<dyn SecurityContext + Send> = if auth_type == AuthType::WINNT {
        Box::new(ntlm::Client::new(config))
    } else {
        Box::new(spnego::Initiator::new(vec![Mechanism::ntlm_client(config)]))
    };
    Security::new(auth_type, level, context)
}

struct Pair {
    now: Instant,
    client: client::Association,
    server: server::Association<Acceptor>,
    seen: Vec<(bool, Bytes)>,
}

impl Pair {
    fn new(client: Config) -> Self {
        let now = Instant::now();
        let server = server::Association::new(Config::default(), vec![EMSMDB], entropy(), now);
        Self { now, client: client::Association::new(client, entropy()), server, seen: Vec::new() }
    }

    fn bound(auth_type: AuthType, level: AuthLevel) -> Self {
        let mut pair = Self::new(Config::default());
        let security = client_security(auth_type, level, "secret");
        pair.client.bind(pair.now, WALL, &[EMSMDB], Some(security)).unwrap();
        pair.run();
        assert!(matches!(pair.client.poll_event(), Some(client::Event::Bound { security: Some(_), .. })));
        pair
    }

    fn run(&mut self) {
        loop {
            let before = self.seen.len();
            while let Some(pdu) = self.client.poll_transmit(self.now).unwrap() {
                self.deliver(pdu.into_bytes()).unwrap();
            }
            while let Some(pdu) = self.server.poll_transmit(self.now).unwrap() {
                let pdu = pdu.into_bytes();
                self.seen.push((false, pdu.clone()));
                if !self.client.is_closed() {
                    self.client.handle_pdu(self.now, WALL, pdu).unwrap();
                }
            }
            if self.seen.len() == before {
                return;
            }
        }
    }

    /// Takes a PDU to the server, and decides what that asks about.
    fn deliver(&mut self, pdu: Bytes) -> Result<(), Error> {
        self.seen.push((true, pdu.clone()));
        self.server.handle_pdu(self.now, WALL, pdu)?;
        let mut kept = Vec::new();
        while let Some(event) = self.server.poll_event() {
            match event {
                server::Event::Negotiate(negotiate) => {
                    let security = negotiate.security.map(|(_, auth_type, _)| Acceptor::of(auth_type));
                    self.server.accept(self.now, WALL, Acceptance { assoc_group_id: 1, security })?;
                }
                server::Event::SecurityPending { security } => {
                    self.server.security_mut(security).unwrap().answer();
                    self.server.resume_security(self.now, WALL, security)?;
                }
                server::Event::Request(request) => kept.push(request),
                server::Event::Authenticated { peer, .. } => assert_eq!(peer.as_deref(), Some("DOM\\alice")),
                server::Event::SecurityFailed { .. } | server::Event::Closed { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        for request in kept {
            let end = if request.stub.len() < 1000 { 3 } else { 100_003 };
            request.verification.check(&request.stub, end).unwrap();
            self.server.respond(request.call, request.stub.slice(..end)).unwrap();
        }
        Ok(())
    }

    fn types(&self) -> Vec<Ptype> {
        let ptype = |pdu: &Bytes| decode_all::<Pdu<'_>>(pdu, &Limits::DEFAULT).unwrap().body.ptype();
        self.seen.iter().map(|(_, pdu)| ptype(pdu)).collect()
    }

    fn answer(&mut self) -> Bytes {
        match self.client.poll_event() {
            Some(client::Event::Response { stub, .. }) => stub,
            other => panic!("{other:?}"),
        }
    }
}

/// [MS-RPCE] 3.3.1.5.2.1: three legs end in rpc_auth_3, others in alter_context_resp.
#[test]
fn legs_of_ntlm_and_of_spnego() {
    let ntlm = Pair::bound(AuthType::WINNT, AuthLevel::PKT_PRIVACY);
    assert_eq!(ntlm.types(), [Ptype::BIND, Ptype::BIND_ACK, Ptype::RPC_AUTH_3]);
    assert!(ntlm.client.signs_headers());
    let spnego = Pair::bound(AuthType::GSS_NEGOTIATE, AuthLevel::PKT_PRIVACY);
    let legs = [Ptype::BIND, Ptype::BIND_ACK, Ptype::ALTER_CONTEXT, Ptype::ALTER_CONTEXT_RESP];
    assert_eq!(spnego.types(), legs);
    assert_eq!(spnego.server.security(SecurityId(1)).unwrap().peer_name().as_deref(), Some("DOM\\alice"));
}

/// impacket reads the sec_trailer of a bind_ack right behind its results: no padding in front of it.
#[test]
fn impacket_wants_no_padding_in_bind_ack() {
    for auth_type in TYPES {
        let pair = Pair::bound(auth_type, AuthLevel::PKT_PRIVACY);
        for (_, bytes) in &pair.seen {
            let pdu = decode_all::<Pdu<'_>>(bytes, &Limits::DEFAULT).unwrap();
            assert!(pdu.auth.is_none_or(|auth| auth.auth_pad_length == 0), "{:?}", pdu.body);
        }
    }
}

/// Calls of one fragment and of many, both ways, at every level: what protects them is on every PDU, and the stub data is readable
/// on the wire exactly below privacy.
#[test]
fn oxcrpc_r12_r1361_r1417_calls_at_every_level() {
    let large: Vec<u8> = (0..100_003_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    for (auth_type, level) in TYPES.into_iter().flat_map(|t| LEVELS.map(|level| (t, level))) {
        let mut pair = Pair::bound(auth_type, level);
        for _ in 0..2 {
            pair.seen.clear();
            for stub in [&b"abc"[..], &large] {
                pair.client.call(pair.now, Call::new(ContextId(0), 3), Bytes::copy_from_slice(stub)).unwrap();
            }
            pair.run();
            assert_eq!(pair.answer(), &b"abc"[..]);
            assert_eq!(pair.answer(), large);
            assert!(pair.seen.len() > 34, "fragmented both ways");
            for (_, bytes) in &pair.seen {
                let pdu = decode_all::<Pdu<'_>>(bytes, &Limits::DEFAULT).unwrap();
                assert!(bytes.len() <= 5840);
                let stub = match pdu.body {
                    Body::Request(request) => request.stub,
                    Body::Response(response) => response.stub,
                    other => panic!("{other:?}"),
                };
                let readable = large.windows(stub.len().clamp(1, 32)).any(|window| stub.starts_with(window));
                assert_eq!(readable || stub.starts_with(b"abc"), level != AuthLevel::PKT_PRIVACY, "{level:?}");
                let raised = if level == AuthLevel::CALL { AuthLevel::PKT } else { level };
                assert_eq!(pdu.auth.map(|auth| auth.auth_level), (level != AuthLevel::CONNECT).then_some(raised));
                if !pdu.pfc_flags.contains(PfcFlags::LAST_FRAG) {
                    assert!(pdu.auth.is_none_or(|auth| auth.auth_pad_length == 0), "only the last fragment is padded");
                }
            }
        }
    }
}

/// Every byte of a protected request and of its response counts, header and trailer included: a flip ends the association with a
/// fault that says so, and no call is left without an event.
#[test]
fn every_flipped_byte_is_found() {
    let levels = [AuthLevel::PKT, AuthLevel::PKT_INTEGRITY, AuthLevel::PKT_PRIVACY];
    for (auth_type, level) in TYPES.into_iter().flat_map(|t| levels.map(|level| (t, level))) {
        let mut len = 1;
        let mut at = 0;
        while at < len {
            for to_server in [true, false] {
                let mut pair = Pair::bound(auth_type, level);
                assert!(pair.client.signs_headers());
                pair.client.call(pair.now, Call::new(ContextId(0), 3), Bytes::from_static(b"abc")).unwrap();
                let pdu = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
                if to_server {
                    len = pdu.len();
                    let error = pair.deliver(flipped(&pdu, at));
                    let refused = error.is_err() || matches!(pair.server.poll_transmit(pair.now), Ok(Some(_)));
                    assert!(
                        refused && pair.server.calls_in_flight() == 0,
                        "{auth_type:?} {level:?}: byte {at} of the request"
                    );
                    continue;
                }
                pair.deliver(pdu).unwrap();
                let pdu = pair.server.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
                if at < pdu.len() {
                    pair.client.handle_pdu(pair.now, WALL, flipped(&pdu, at)).unwrap_err();
                    let event = pair.client.poll_event();
                    assert!(matches!(event, Some(client::Event::Undelivered { fate: Fate::Unknown, .. })), "byte {at}");
                }
            }
            at += 1;
        }
    }
}

fn flipped(pdu: &Bytes, at: usize) -> Bytes {
    let mut bytes = pdu.to_vec();
    bytes[at] ^= 0x40;
    bytes.into()
}

/// A request that was seen before is not taken again: replay detection of level pkt and above.
#[test]
fn replays_are_found() {
    for auth_type in TYPES {
        let mut pair = Pair::bound(auth_type, AuthLevel::PKT);
        pair.client.call(pair.now, Call::new(ContextId(0), 3), Bytes::from_static(b"abc")).unwrap();
        let pdu = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
        pair.deliver(pdu.clone()).unwrap();
        let error = pair.deliver(pdu).unwrap_err();
        assert!(error.to_string().contains("the signature does not verify"), "{auth_type:?}: {error}");
    }
}

/// [MS-RPCE] 3.3.1.5.2.1: nobody answers rpc_auth_3, so its failure is the answer to the first request.
#[test]
fn a_wrong_password_under_rpc_auth_3_is_faulted_at_the_first_request() {
    for level in [AuthLevel::CONNECT, AuthLevel::PKT_PRIVACY] {
        let mut pair = Pair::new(Config::default());
        let security = client_security(AuthType::WINNT, level, "wrong");
        pair.client.bind(pair.now, WALL, &[EMSMDB], Some(security)).unwrap();
        pair.run();
        assert!(matches!(pair.client.poll_event(), Some(client::Event::Bound { .. })));
        let call = pair.client.call(pair.now, Call::new(ContextId(0), 3), Bytes::from_static(b"abc")).unwrap();
        pair.run();
        let fault = client::Event::Fault {
            call,
            status: FaultStatus::ACCESS_DENIED,
            did_not_execute: true,
            extended_error: None,
        };
        assert_eq!(pair.client.poll_event(), Some(fault));
    }
}

#[test]
fn a_wrong_password_under_spnego_is_faulted_at_its_leg() {
    for level in [AuthLevel::CONNECT, AuthLevel::PKT_INTEGRITY, AuthLevel::PKT_PRIVACY] {
        let mut pair = Pair::new(Config::default());
        let security = client_security(AuthType::GSS_NEGOTIATE, level, "wrong");
        pair.client.bind(pair.now, WALL, &[EMSMDB], Some(security)).unwrap();
        pair.run();
        assert_eq!(pair.types().last(), Some(&Ptype::FAULT), "{level:?}");
        let Some(client::Event::Closed { reason }) = pair.client.poll_event() else { panic!("not closed") };
        assert!(reason.contains("ERROR_ACCESS_DENIED"), "{reason}");
    }
}

/// [MS-RPCE] 3.3.1.5.2.2: a mechanism that cannot sign is no good at level pkt and above; each end finds out by itself.
#[test]
fn a_mechanism_that_cannot_sign() {
    let mut pair = Pair::new(Config::default());
    let context: Box<dyn SecurityContext + Send> =
        Box::new(ntlm::Client::new(ClientConfig::new(UserName::parse("DOM\\alice"), "secret")));
    let security = Security::new(AuthType::WINNT, AuthLevel::PKT_INTEGRITY, context);
    pair.client.bind(pair.now, WALL, &[EMSMDB], Some(security)).unwrap();
    let bind = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    pair.deliver(bind).unwrap();
    let ack = pair.server.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    let error = pair.client.handle_pdu(pair.now, WALL, ack).unwrap_err();
    assert!(error.to_string().contains("ask the mechanism for signing"), "{error}");
}

/// [MS-RPCE] 2.2.1.1.8: level call is processed as pkt. A client of ours never sends it, so its bind is changed by hand.
#[test]
fn level_call_is_processed_as_pkt() {
    let mut pair = Pair::new(Config::default());
    let security = client_security(AuthType::WINNT, AuthLevel::PKT, "secret");
    pair.client.bind(pair.now, WALL, &[EMSMDB], Some(security)).unwrap();
    let bind = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    let token = decode_all::<Pdu<'_>>(&bind, &Limits::DEFAULT).unwrap().auth.unwrap().token.len();
    let mut bind = bind.to_vec();
    let at = bind.len() - token - 7;
    assert_eq!(std::mem::replace(&mut bind[at], AuthLevel::CALL.0), AuthLevel::PKT.0);
    pair.server.handle_pdu(pair.now, WALL, bind.into()).unwrap();
    let Some(server::Event::Negotiate(negotiate)) = pair.server.poll_event() else { panic!("no question") };
    assert_eq!(negotiate.security, Some((SecurityId(1), AuthType::WINNT, AuthLevel::PKT)));
}

/// [MS-RPCE] 3.3.3.5.3.
#[test]
fn security_that_is_not_to_be_had_is_refused_by_name() {
    let mut pair = Pair::new(Config::default());
    let security = client_security(AuthType::WINNT, AuthLevel::CONNECT, "secret");
    pair.client.bind(pair.now, WALL, &[EMSMDB], Some(security)).unwrap();
    let bind = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    pair.server.handle_pdu(pair.now, WALL, bind).unwrap();
    let without = pair.server.accept(pair.now, WALL, Acceptance { assoc_group_id: 1, security: None });
    assert!(matches!(without, Err(Error::Misuse(_))));
    pair.server.refuse(pair.now, WALL, RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED).unwrap();
    pair.run();
    let reason = RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED;
    assert_eq!(pair.client.poll_event(), Some(client::Event::Refused { reason, extended_error: None }));
}

/// [MS-RPCE] 3.3.1.5.4: several security contexts on one connection, each call under its own; at level connect each request says
/// which.
#[test]
fn security_contexts_are_multiplexed() {
    let mut pair = Pair::bound(AuthType::WINNT, AuthLevel::PKT_PRIVACY);
    for level in [AuthLevel::PKT_INTEGRITY, AuthLevel::CONNECT] {
        let security = client_security(AuthType::GSS_NEGOTIATE, level, "secret");
        pair.client.alter(pair.now, WALL, &[], Some(security)).unwrap();
        pair.run();
        assert!(matches!(pair.client.poll_event(), Some(client::Event::Bound { security: Some(_), .. })));
    }
    pair.seen.clear();
    for id in [3, 1, 2, 3, 2, 1] {
        let call = Call::new(ContextId(0), 3).with_security(SecurityId(id));
        pair.client.call(pair.now, call, Bytes::from_static(b"abc")).unwrap();
    }
    pair.run();
    let contexts: Vec<_> = pair
        .seen
        .iter()
        .map(|(_, bytes)| decode_all::<Pdu<'_>>(bytes, &Limits::DEFAULT).unwrap().auth.unwrap().auth_context_id)
        .collect();
    assert_eq!(contexts, [3, 1, 2, 3, 2, 1, 3, 1, 2, 3, 2, 1]);
    (0..6).for_each(|_| assert_eq!(pair.answer(), &b"abc"[..]));
}

/// impacket names no security context at level connect, however many there are: the newest is meant.
#[test]
fn impacket_names_no_context_at_level_connect() {
    let mut pair = Pair::bound(AuthType::WINNT, AuthLevel::CONNECT);
    let security = client_security(AuthType::WINNT, AuthLevel::CONNECT, "secret");
    pair.client.alter(pair.now, WALL, &[], Some(security)).unwrap();
    pair.run();
    pair.client.call(pair.now, Call::new(ContextId(0), 3), Bytes::from_static(b"abc")).unwrap();
    let pdu = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    let parsed = decode_all::<Pdu<'_>>(&pdu, &Limits::DEFAULT).unwrap();
    let without = oxwire::core::encode_to_bytes(&Pdu { auth: None, ..parsed }).unwrap();
    pair.server.handle_pdu(pair.now, WALL, without).unwrap();
    let events: Vec<_> = std::iter::from_fn(|| pair.server.poll_event()).collect();
    let Some(server::Event::Request(request)) = events.last() else { panic!("{events:?}") };
    assert_eq!(request.security, Some((SecurityId(2), AuthLevel::CONNECT)));
}

/// [MS-RPCE] 3.3.1.5.2.2: where the calls are signed, one that is not is refused.
#[test]
fn an_unsigned_request_is_refused() {
    let mut pair = Pair::bound(AuthType::WINNT, AuthLevel::PKT_INTEGRITY);
    pair.client.call(pair.now, Call::new(ContextId(0), 3), Bytes::from_static(b"abc")).unwrap();
    let pdu = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    let parsed = decode_all::<Pdu<'_>>(&pdu, &Limits::DEFAULT).unwrap();
    let unsigned = oxwire::core::encode_to_bytes(&Pdu { auth: None, ..parsed }).unwrap();
    pair.deliver(unsigned).unwrap();
    let fault = pair.server.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    let fault = decode_all::<Pdu<'_>>(&fault, &Limits::DEFAULT).unwrap();
    assert!(matches!(fault.body, Body::Fault(fault) if fault.status == FaultStatus::ACCESS_DENIED));
}

/// By hand from [MS-RPCE] 2.2.2.13: the first request of a connection carries the bitmask and its presentation context behind the
/// stub data, aligned to 4; the second neither.
#[test]
fn the_verification_trailer_of_the_first_request() {
    let mut pair = Pair::bound(AuthType::WINNT, AuthLevel::PKT_INTEGRITY);
    let mut stubs = Vec::new();
    for _ in 0..2 {
        pair.client.call(pair.now, Call::new(ContextId(0), 3), Bytes::from_static(b"abc")).unwrap();
        let pdu = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
        let pdu = decode_all::<Pdu<'_>>(&pdu, &Limits::DEFAULT).unwrap();
        let Body::Request(request) = pdu.body else { panic!("no request") };
        stubs.push(request.stub.to_vec());
    }
    let mut expected = b"abc\0\x8a\xe3\x13\x71\x02\xf4\x36\x71".to_vec();
    expected.extend([1, 0, 4, 0, 1, 0, 0, 0]);
    expected.extend([2, 0x40, 40, 0]);
    expected.extend(EMSMDB.uuid.to_wire());
    expected.extend([0, 0, 81, 0]);
    expected.extend([0x04, 0x5d, 0x88, 0x8a, 0xeb, 0x1c, 0xc9, 0x11, 0x9f, 0xe8, 0x08, 0x00, 0x2b, 0x10, 0x48, 0x60]);
    expected.extend([2, 0, 0, 0]);
    assert_eq!(stubs, [expected, b"abc".to_vec()]);
}

/// [MS-RPCE] 2.2.2.13: a trailer that says something else than the PDUs, and a command that must be processed and is not known.
#[test]
fn verification_trailers_that_do_not_agree() {
    let mut pair = Pair::new(Config::default());
    let security = client_security(AuthType::WINNT, AuthLevel::PKT_INTEGRITY, "secret");
    pair.client.bind(pair.now, WALL, &[EMSMDB], Some(security)).unwrap();
    pair.run();
    pair.client.call(pair.now, Call::new(ContextId(0), 3), Bytes::from_static(b"abc")).unwrap();
    let pdu = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    pair.server.handle_pdu(pair.now, WALL, pdu).unwrap();
    let Some(server::Event::Request(request)) = pair.server.poll_event() else { panic!("no request") };
    let check = |command| {
        let mut stub = bytes::BytesMut::from(&b"abcd"[..]);
        VerificationTrailer::write(&[command], &mut oxwire::core::Writer::new(&mut stub)).unwrap();
        request.verification.check(&stub, 2)
    };
    let denied = Err(FaultStatus::ACCESS_DENIED);
    let ndr = oxwire::rpc::pdu::TRANSFER_SYNTAX_NDR;
    let context = |interface| VerificationCommand::PresentationContext { interface, transfer_syntax: ndr };
    assert_eq!(check(context(EMSMDB)), Ok(()));
    assert_eq!(check(context(ndr)), denied);
    let header = |opnum| VerificationCommand::Header2 {
        ptype: 0,
        drep: [0x10, 0, 0, 0],
        call_id: request.call.0,
        context_id: 0,
        opnum,
    };
    assert_eq!(check(header(3)), Ok(()));
    assert_eq!(check(header(4)), denied);
    assert_eq!(check(VerificationCommand::Bitmask(1)), Ok(()));
    let unknown = |must_process| VerificationCommand::Unknown { command: 9, must_process, content: &[0; 4] };
    assert_eq!(check(unknown(false)), Ok(()));
    assert_eq!(check(unknown(true)), denied);
    assert_eq!(request.verification.check(&request.stub, 3), Ok(()));
}

/// A client that does not offer header signing: NTLM signs the whole PDU all the same, as Windows and impacket do.
#[test]
fn impacket_signs_the_whole_pdu_without_header_signing() {
    let mut pair = Pair::new(Config::default());
    let mut security = client_security(AuthType::WINNT, AuthLevel::PKT_PRIVACY, "secret");
    security.header_signing = false;
    pair.client.bind(pair.now, WALL, &[EMSMDB], Some(security)).unwrap();
    pair.run();
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Bound { .. })));
    assert!(!pair.client.signs_headers());
    pair.client.call(pair.now, Call::new(ContextId(0), 3), Bytes::from_static(b"abc")).unwrap();
    let pdu = pair.client.poll_transmit(pair.now).unwrap().unwrap().into_bytes();
    // opnum, which header signing would leave out.
    let error = pair.deliver(flipped(&pdu, 22)).unwrap_err();
    assert!(error.to_string().contains("does not verify"), "{error}");
}
