//! A mechanism that is run outside, as Kerberos is, inside of an association: three tokens, signatures that are longer where a message
//! is sealed, with SPNEGO and without.

use std::borrow::Cow;
use std::time::Instant;

use bytes::Bytes;
use oxwire::auth::spnego::{Acceptor, Initiator, ListProtection, MechType, Mechanism, MechanismCall, MechanismReply};
use oxwire::core::{
    Entropy, FileTime, Guid, Limits, Part, SecretBytes, SecurityContext, SecurityError, Step, decode_all,
};
use oxwire::rpc::association::client::{self, Call, Security};
use oxwire::rpc::association::server::{self, Acceptance};
use oxwire::rpc::association::{Config, ContextId};
use oxwire::rpc::pdu::{AuthLevel, AuthType, Pdu, Ptype, SyntaxIdentifier};

const INTERFACE: SyntaxIdentifier = SyntaxIdentifier {
    uuid: Guid::new(0xa4f1_db00, 0xca47, 0x1067, [0xb3, 0x1f, 0x00, 0xdd, 0x01, 0x06, 0x62, 0xda]),
    version: 81 << 16,
};
const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);

/// The tokens begin as Kerberos's do in the DCE style ([RFC 4120] 5.5): AP-REQ, AP-REP, AP-REP.
const TOKENS: [&[u8]; 3] = [&[0x6E, 2, 30, 0], &[0x6F, 2, 30, 0], &[0x6F, 2, 30, 1]];

/// Stands in the place of Kerberos.
struct Ticket {
    said: usize,
    number: [u8; 2],
}

fn sum(parts: &mut dyn Iterator<Item = &[u8]>, number: u8) -> [u8; 4] {
    let bytes = parts.flat_map(|part| part.iter().chain(&[0xFF]));
    bytes
        .fold(0x811C_9DC5_u32 ^ u32::from(number), |sum, byte| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
        .to_le_bytes()
}

fn turn(parts: &mut [Part<'_>]) {
    parts.iter_mut().filter(|part| part.sealed).flat_map(|part| part.data.iter_mut()).for_each(|byte| *byte ^= 0x5A);
}

impl Ticket {
    fn new() -> Box<Self> {
        Box::new(Self { said: 0, number: [0; 2] })
    }

    fn next(&mut self, received: usize) -> u8 {
        self.number[received] += 1;
        self.number[received]
    }

    fn checked(&mut self, found: &[u8], parts: &mut dyn Iterator<Item = &[u8]>) -> Result<(), SecurityError> {
        let number = self.next(1);
        let right = found == sum(parts, number);
        if right { Ok(()) } else { Err(SecurityError::BadSignature { sequence: number.into() }) }
    }
}

impl SecurityContext for Ticket {
    fn step(&mut self, token: Option<&[u8]>, _: FileTime, _: &mut dyn Entropy) -> Result<Step, SecurityError> {
        if let Some(token) = token {
            assert_eq!(token, TOKENS[self.said]);
            self.said += 1;
        }
        let Some(answer) = TOKENS.get(self.said) else { return Ok(Step::Complete(None)) };
        self.said += 1;
        Ok(if self.is_complete() { Step::Complete(Some(answer.to_vec())) } else { Step::Continue(answer.to_vec()) })
    }

    fn is_complete(&self) -> bool {
        self.said == TOKENS.len()
    }

    fn signature_len(&self) -> usize {
        4
    }

    fn sealed_signature_len(&self) -> usize {
        23
    }

    fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        let number = self.next(0);
        signature.extend(sum(&mut parts.iter().copied(), number));
        Ok(())
    }

    fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        self.checked(signature, &mut parts.iter().copied())
    }

    fn seal(&mut self, parts: &mut [Part<'_>], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        let number = self.next(0);
        signature.extend([7; 19]);
        signature.extend(sum(&mut parts.iter().map(|part| &*part.data), number));
        turn(parts);
        Ok(())
    }

    fn unseal(&mut self, parts: &mut [Part<'_>], signature: &[u8]) -> Result<(), SecurityError> {
        turn(parts);
        assert_eq!(signature.len(), 23);
        self.checked(&signature[19..], &mut parts.iter().map(|part| &*part.data))
    }

    fn session_key(&self) -> Option<SecretBytes> {
        None
    }

    fn peer_name(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed("alice@MAIL.TEST"))
    }
}

fn entropy() -> Box<dyn Entropy + Send> {
    Box::new(|out: &mut [u8]| out.fill(7))
}

/// Where blocking is allowed.
fn run(call: MechanismCall) -> MechanismReply {
    let call = if call.needs_context() { call.with_context(Ticket::new()) } else { call };
    call.run(WALL, &mut *entropy())
}

struct Pair {
    now: Instant,
    client: client::Association<Initiator>,
    server: server::Association<Acceptor>,
    seen: Vec<Bytes>,
    answer: Option<Bytes>,
    authenticated: Option<String>,
}

impl Pair {
    fn run(&mut self) {
        loop {
            let mut moved = false;
            while let Some(event) = self.client.poll_event() {
                moved = true;
                match event {
                    client::Event::SecurityPending { security } => {
                        let initiator = self.client.security_mut(security).unwrap();
                        let reply = run(initiator.take_call().unwrap());
                        initiator.finish_call(reply).unwrap();
                        self.client.resume_security(self.now, WALL, security).unwrap();
                    }
                    client::Event::Response { stub, .. } => self.answer = Some(stub),
                    client::Event::Bound { .. } => {}
                    other => panic!("{other:?}"),
                }
            }
            while let Some(pdu) = self.client.poll_transmit(self.now).unwrap() {
                moved = true;
                let pdu = pdu.into_bytes();
                self.seen.push(pdu.clone());
                self.server.handle_pdu(self.now, WALL, pdu).unwrap();
            }
            while let Some(event) = self.server.poll_event() {
                moved = true;
                match event {
                    server::Event::Negotiate(_) => {
                        let mechanisms = vec![Mechanism::outside(MechType::KERBEROS, None)];
                        let security = Some(Acceptor::new(mechanisms, ListProtection::Required));
                        self.server.accept(self.now, WALL, Acceptance { assoc_group_id: 1, security }).unwrap();
                    }
                    server::Event::SecurityPending { security } => {
                        let acceptor = self.server.security_mut(security).unwrap();
                        let reply = run(acceptor.take_call().unwrap());
                        acceptor.finish_call(reply).unwrap();
                        self.server.resume_security(self.now, WALL, security).unwrap();
                    }
                    server::Event::Authenticated { peer, .. } => self.authenticated = peer,
                    server::Event::Request(request) => self.server.respond(request.call, request.stub).unwrap(),
                    other => panic!("{other:?}"),
                }
            }
            while let Some(pdu) = self.server.poll_transmit(self.now).unwrap() {
                moved = true;
                let pdu = pdu.into_bytes();
                self.seen.push(pdu.clone());
                self.client.handle_pdu(self.now, WALL, pdu).unwrap();
            }
            if !moved {
                return;
            }
        }
    }
}

/// [MS-RPCE] 3.3.1.5.2.1: three legs of Kerberos go by alter_context; calls at each level, one fragment and many.
#[test]
fn a_mechanism_that_blocks_at_every_level() {
    for auth_type in [AuthType::GSS_NEGOTIATE, AuthType::GSS_KERBEROS] {
        for level in [AuthLevel::CONNECT, AuthLevel::PKT, AuthLevel::PKT_INTEGRITY, AuthLevel::PKT_PRIVACY] {
            let now = Instant::now();
            let server = server::Association::new(Config::default(), vec![INTERFACE], entropy(), now);
            let client = client::Association::new(Config::default(), entropy());
            let mut pair = Pair { now, client, server, seen: Vec::new(), answer: None, authenticated: None };
            let mechanism = Mechanism::outside(MechType::KERBEROS, Some(Ticket::new()));
            let initiator = match auth_type {
                AuthType::GSS_KERBEROS => Initiator::without_spnego(mechanism),
                _ => Initiator::new(vec![mechanism]),
            };
            let security = Security::new(auth_type, level, initiator);
            pair.client.bind(now, WALL, &[INTERFACE], Some(security)).unwrap();
            pair.run();
            assert_eq!(pair.authenticated.as_deref(), Some("alice@MAIL.TEST"), "{auth_type:?} {level:?}");
            let ptype = |pdu: &Bytes| decode_all::<Pdu<'_>>(pdu, &Limits::DEFAULT).unwrap().body.ptype();
            let legs: Vec<_> = pair.seen.iter().map(ptype).collect();
            assert_eq!(legs, [Ptype::BIND, Ptype::BIND_ACK, Ptype::ALTER_CONTEXT, Ptype::ALTER_CONTEXT_RESP]);
            for len in [0, 3, 16, 5_000, 100_000] {
                let stub = Bytes::from(vec![b'm'; len]);
                pair.seen.clear();
                pair.client.call(now, Call::new(ContextId(0), 4), stub.clone()).unwrap();
                pair.run();
                let answer = pair.answer.take().unwrap();
                // The verification trailer of a first request stands behind its stub.
                assert_eq!(answer.slice(..len), stub, "{auth_type:?} {level:?} {len}");
                for pdu in &pair.seen {
                    let pdu: Pdu<'_> = decode_all(pdu, &Limits::DEFAULT).unwrap();
                    let expected = match level {
                        AuthLevel::CONNECT => None,
                        AuthLevel::PKT_PRIVACY => Some(23),
                        _ => Some(4),
                    };
                    assert_eq!(pdu.auth.map(|auth| auth.token.len()), expected, "{auth_type:?} {level:?} {len}");
                }
                let shown = pair.seen.iter().any(|pdu| pdu.windows(3).any(|three| three == b"mmm"));
                assert_eq!(shown, len > 2 && level != AuthLevel::PKT_PRIVACY, "{auth_type:?} {level:?} {len}");
            }
        }
    }
}
