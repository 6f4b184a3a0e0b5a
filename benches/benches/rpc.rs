//! Calls at level pkt_privacy through both ends of an association, against the RC4 and HMAC-MD5 that they cannot do without; and
//! without security, against memcpy.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use oxwire::auth::UserName;
use oxwire::auth::ntlm::{Acceptor, AcceptorConfig, Client, ClientConfig, Verdict, nt_hash};
use oxwire::core::{FileTime, Guid, SecurityContext, encode_to_bytes};
use oxwire::rpc::association::client::{self, Call, Security};
use oxwire::rpc::association::server::{self, Acceptance};
use oxwire::rpc::association::{Config, ContextId};
use oxwire::rpc::pdu::{AuthLevel, AuthType, Body, Pdu, PfcFlags, Response, SyntaxIdentifier};
use oxwire_benches::Cycle;
use rc4::{Rc4, StreamCipher};

const INTERFACE: SyntaxIdentifier = SyntaxIdentifier { uuid: Guid::from_wire([1; 16]), version: 1 };
const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);
/// Stub data of one call.
const CALL: usize = 256 << 10;

fn entropy() -> Box<dyn oxwire::core::Entropy + Send> {
    Box::new(|out: &mut [u8]| out.fill(7))
}

struct Pair {
    now: Instant,
    client: client::Association,
    server: server::Association<Acceptor>,
    pdus: usize,
}

impl Pair {
    fn bound(max_frag: u16, privacy: bool) -> Self {
        let mut config = Config::default();
        (config.max_xmit_frag, config.max_recv_frag) = (max_frag, max_frag);
        let now = Instant::now();
        let mut pair = Self {
            now,
            client: client::Association::new(config.clone(), entropy()),
            server: server::Association::new(config, vec![INTERFACE], entropy(), now),
            pdus: 0,
        };
        let mut ntlm = ClientConfig::new(UserName::parse("DOM\\alice"), "secret");
        (ntlm.sign, ntlm.seal) = (true, true);
        let context: Box<dyn SecurityContext + Send> = Box::new(Client::new(ntlm));
        let security = privacy.then(|| Security::new(AuthType::WINNT, AuthLevel::PKT_PRIVACY, context));
        pair.client.bind(now, WALL, &[INTERFACE], security).expect("a bind");
        pair.turn();
        pair.turn();
        assert!(matches!(pair.client.poll_event(), Some(client::Event::Bound { .. })));
        pair
    }

    /// Everything of the client's to the server, answers to what it asks, and everything back.
    fn turn(&mut self) {
        while let Some(pdu) = self.client.poll_transmit(self.now).expect("sent") {
            self.pdus += 1;
            self.server.handle_pdu(self.now, WALL, pdu.into_bytes()).expect("taken");
        }
        while let Some(event) = self.server.poll_event() {
            match event {
                server::Event::Negotiate(negotiate) => {
                    let security = negotiate.security.map(|_| Acceptor::new(AcceptorConfig::new("MBX1")));
                    self.server.accept(self.now, WALL, Acceptance { assoc_group_id: 1, security }).expect("bound");
                }
                server::Event::SecurityPending { security } => {
                    let acceptor = self.server.security_mut(security).expect("there");
                    acceptor.answer(Verdict::NtHash(nt_hash("secret"))).expect("asked");
                    self.server.resume_security(self.now, WALL, security).expect("accepted");
                }
                server::Event::Request(request) => {
                    assert!(request.stub.len() >= CALL);
                    self.server.respond(request.call, Bytes::new()).expect("asked");
                }
                _ => {}
            }
        }
        while let Some(pdu) = self.server.poll_transmit(self.now).expect("sent") {
            self.client.handle_pdu(self.now, WALL, pdu.into_bytes()).expect("taken");
        }
    }

    fn call(&mut self, stub: Bytes) {
        self.client.call(self.now, Call::new(ContextId(0), 1), stub).expect("taken");
        self.turn();
        assert!(matches!(self.client.poll_event(), Some(client::Event::Response { .. })));
    }
}

fn sealed(c: &mut Criterion) {
    let mut group = c.benchmark_group("sealed transfer, both ends");
    group.throughput(Throughput::Bytes(CALL as u64));
    for frag in [4 << 10, 32 << 10] {
        let mut cycle = Cycle::filled(CALL);
        let mut ciphers =
            [Rc4::new_from_slice(&[3; 16]).expect("a key"), Rc4::new_from_slice(&[3; 16]).expect("a key")];
        let mut work = vec![0; CALL];
        group.bench_function(BenchmarkId::new("RC4 and HMAC-MD5 alone", frag), |b| {
            b.iter(|| {
                work.copy_from_slice(&cycle.next_buffer());
                for fragment in work.chunks_mut(frag) {
                    for cipher in &mut ciphers {
                        let mut mac = Hmac::<Md5>::new_from_slice(&[5; 16]).expect("a key");
                        mac.update(fragment);
                        black_box(mac.finalize());
                        cipher.apply_keystream(fragment);
                    }
                }
            });
        });
        let mut pair = Pair::bound(u16::try_from(frag).expect("fits"), true);
        group.bench_function(BenchmarkId::new("association", frag), |b| b.iter(|| pair.call(cycle.next_buffer())));
    }
    group.finish();
}

fn plain(c: &mut Criterion) {
    let mut group = c.benchmark_group("transfer without security, client's end");
    group.throughput(Throughput::Bytes(CALL as u64));
    for frag in [4 << 10, 32 << 10] {
        let mut cycle = Cycle::filled(CALL);
        let mut to = vec![0; CALL];
        group.bench_function(BenchmarkId::new("memcpy", frag), |b| b.iter(|| cycle.memcpy(&mut to)));
        let mut pair = Pair::bound(u16::try_from(frag).expect("fits"), false);
        group.bench_function(BenchmarkId::new("poll_transmit", frag), |b| {
            b.iter(|| {
                let call = pair.client.call(pair.now, Call::new(ContextId(0), 1), cycle.next_buffer()).expect("taken");
                while let Some(pdu) = pair.client.poll_transmit(pair.now).expect("sent") {
                    black_box(pdu);
                }
                let body = Body::Response(Response { alloc_hint: 0, context_id: 0, cancel_count: 0, stub: &[] });
                let answer = Pdu { pfc_flags: PfcFlags::WHOLE, call_id: call.0, body, auth: None };
                let answer = encode_to_bytes(&answer).expect("encodes");
                pair.client.handle_pdu(pair.now, WALL, answer).expect("taken");
                while pair.client.poll_event().is_some() {}
            });
        });
    }
    group.finish();
}

criterion_group!(benches, sealed, plain);
criterion_main!(benches);
