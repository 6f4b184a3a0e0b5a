//! Allocation budgets of oxwire-rpc: a whole PDU without security costs none, on the way out and in; a sealed one the buffer that it
//! is sealed in, and one to unseal it in where the carrier still holds the bytes.

use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use oxwire::auth::UserName;
use oxwire::auth::ntlm::{Acceptor, AcceptorConfig, Client, ClientConfig, Verdict, nt_hash};
use oxwire::core::{FileTime, Guid, SecurityContext};
use oxwire::rpc::association::client::{self, Call, Security};
use oxwire::rpc::association::server::{self, Acceptance};
use oxwire::rpc::association::{Config, ContextId, OutgoingPdu};
use oxwire::rpc::pdu::{AuthLevel, AuthType, SyntaxIdentifier};
use oxwire_tests::allocations;

const INTERFACE: SyntaxIdentifier = SyntaxIdentifier { uuid: Guid::from_wire([1; 16]), version: 1 };
const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);

fn entropy() -> Box<dyn oxwire::core::Entropy + Send> {
    Box::new(|out: &mut [u8]| out.fill(7))
}

/// As a driver's read buffer gives it.
fn shared(pdu: &OutgoingPdu) -> Bytes {
    let mut buffer = BytesMut::with_capacity(pdu.len() + 64);
    buffer.put_slice(pdu.head.as_slice());
    buffer.put_slice(&pdu.body);
    buffer.split().freeze()
}

struct Pair {
    now: Instant,
    client: client::Association,
    server: server::Association<Acceptor>,
}

impl Pair {
    fn bound(privacy: bool) -> Self {
        let mut config = Config::default();
        (config.max_xmit_frag, config.max_recv_frag) = (32 << 10, 32 << 10);
        let now = Instant::now();
        let mut pair = Self {
            now,
            client: client::Association::new(config.clone(), entropy()),
            server: server::Association::new(config, vec![INTERFACE], entropy(), now),
        };
        let mut ntlm = ClientConfig::new(UserName::parse("DOM\\alice"), "secret");
        (ntlm.sign, ntlm.seal) = (true, true);
        let context: Box<dyn SecurityContext + Send> = Box::new(Client::new(ntlm));
        let security = privacy.then(|| Security::new(AuthType::WINNT, AuthLevel::PKT_PRIVACY, context));
        pair.client.bind(now, WALL, &[INTERFACE], security).unwrap();
        (0..3).for_each(|_| pair.turn());
        pair
    }

    fn turn(&mut self) {
        while let Some(pdu) = self.client.poll_transmit(self.now).unwrap() {
            self.server.handle_pdu(self.now, WALL, shared(&pdu)).unwrap();
        }
        while let Some(event) = self.server.poll_event() {
            match event {
                server::Event::Negotiate(negotiate) => {
                    let security = negotiate.security.map(|_| Acceptor::new(AcceptorConfig::new("MBX1")));
                    self.server.accept(self.now, WALL, Acceptance { assoc_group_id: 1, security }).unwrap();
                }
                server::Event::SecurityPending { security } => {
                    self.server.security_mut(security).unwrap().answer(Verdict::NtHash(nt_hash("secret"))).unwrap();
                    self.server.resume_security(self.now, WALL, security).unwrap();
                }
                server::Event::Request(request) => self.server.respond(request.call, request.stub).unwrap(),
                _ => {}
            }
        }
        while let Some(pdu) = self.server.poll_transmit(self.now).unwrap() {
            self.client.handle_pdu(self.now, WALL, shared(&pdu)).unwrap();
        }
        while self.client.poll_event().is_some() {}
    }

    fn call(&mut self, stub: &Bytes) {
        self.client.call(self.now, Call::new(ContextId(0), 1), stub.clone()).unwrap();
    }
}

/// Allocations of a request of one fragment: out of the client, into the server, out of the server, into the client.
fn one_call(privacy: bool) -> [u64; 4] {
    let mut pair = Pair::bound(privacy);
    let stub = Bytes::from(vec![0x5A; 30_000]);
    // Queues and tables are as large as they will be.
    for _ in 0..8 {
        pair.call(&stub);
        pair.turn();
    }
    pair.call(&stub);
    let (out, request) = allocations(|| pair.client.poll_transmit(pair.now).unwrap());
    let request = shared(&request.unwrap());
    let kept = request.clone();
    let (into, ()) = allocations(|| pair.server.handle_pdu(pair.now, WALL, request).unwrap());
    drop(kept);
    let Some(server::Event::Request(request)) = pair.server.poll_event() else { panic!("no request") };
    pair.server.respond(request.call, request.stub).unwrap();
    let (back, response) = allocations(|| pair.server.poll_transmit(pair.now).unwrap());
    let response = shared(&response.unwrap());
    let kept = response.clone();
    let (home, ()) = allocations(|| pair.client.handle_pdu(pair.now, WALL, response).unwrap());
    drop(kept);
    [out.count, into.count, back.count, home.count]
}

#[test]
fn a_pdu_without_security_allocates_nothing() {
    assert_eq!(one_call(false), [0, 0, 0, 0]);
}

/// The buffer, and what counts its references.
#[test]
fn a_sealed_pdu_allocates_its_buffer() {
    assert_eq!(one_call(true), [1, 2, 1, 2]);
}
