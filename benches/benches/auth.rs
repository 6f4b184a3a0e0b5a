//! NTLM handshakes, each end, against the hash functions that they cannot do without; and a request over an authenticated
//! connection through both layers.

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use oxwire::auth::client::{ClientConfig as LayerConfig, ClientLayer, Target};
use oxwire::auth::ntlm::{
    self, Acceptor, AcceptorConfig, ChallengeMessage, Client, ClientConfig, Key, NtlmV2Response, Verdict,
};
use oxwire::auth::server::{Answer, ServerConfig, ServerEvent, ServerLayer};
use oxwire::auth::spnego::{Acceptor as NegotiateAcceptor, Initiator, ListProtection, Mechanism};
use oxwire::auth::{ChannelBinding, Credentials, UserName};
use oxwire::core::{ConnectionId, FileTime, Limits, Principal, SecurityContext, Step, decode_all};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Origin, RequestHead, ResponseHead};

const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);
const PASSWORD: &str = "correct horse";

fn entropy(out: &mut [u8]) {
    out.fill(7);
}

fn client(hash: &Key) -> Client {
    let mut config = ClientConfig::with_hash(UserName::parse("DOM\\alice"), hash.clone());
    config.binding = ChannelBinding::TlsServerEndPoint(vec![1; 32].into());
    config.target_name = "HTTP/mail.test".into();
    Client::new(config)
}

fn acceptor() -> Acceptor {
    let mut config = AcceptorConfig::new("MBX1");
    config.binding = ChannelBinding::TlsServerEndPoint(vec![1; 32].into());
    config.extended_protection = ntlm::ExtendedProtection::Require;
    Acceptor::new(config)
}

fn token(step: Step) -> Vec<u8> {
    match step {
        Step::Continue(token) | Step::Complete(Some(token)) => token,
        other => panic!("{other:?}"),
    }
}

fn accept(negotiate: &[u8], authenticate: Option<&[u8]>, hash: &Key) -> Acceptor {
    let mut acceptor = acceptor();
    acceptor.step(Some(negotiate), WALL, &mut entropy).expect("a challenge");
    if let Some(authenticate) = authenticate {
        acceptor.step(Some(authenticate), WALL, &mut entropy).expect("a question");
        acceptor.answer(Verdict::NtHash(hash.clone())).expect("asked");
        acceptor.step(None, WALL, &mut entropy).expect("accepted");
    }
    acceptor
}

fn handshakes(c: &mut Criterion) {
    let hash = ntlm::nt_hash(PASSWORD);
    let negotiate = token(client(&hash).step(None, WALL, &mut entropy).expect("the first message"));
    let challenge = token(acceptor().step(Some(&negotiate), WALL, &mut entropy).expect("a challenge"));
    let mut once = client(&hash);
    once.step(None, WALL, &mut entropy).expect("the first message");
    let authenticate = token(once.step(Some(&challenge), WALL, &mut entropy).expect("the last message"));
    assert!(accept(&negotiate, Some(&authenticate), &hash).is_bound());

    let limits = Limits::DEFAULT;
    let server_challenge = decode_all::<ChallengeMessage<'_>>(&challenge, &limits).expect("ours").server_challenge;
    let message: ntlm::AuthenticateMessage<'_> = decode_all(&authenticate, &limits).expect("ours");
    let response: NtlmV2Response<'_> = decode_all(message.nt_response, &limits).expect("ours");

    let mut group = c.benchmark_group("ntlm handshake");
    // What either end has to compute: response key, proof, session key, MIC over the three messages, binding.
    let whole = [&negotiate[..], &challenge, &authenticate].concat();
    let binding = ChannelBinding::TlsServerEndPoint(vec![1; 32].into());
    group.bench_function("calculations alone", |b| {
        b.iter(|| {
            let key = ntlm::ntowf_v2(black_box(&hash), "alice", "DOM");
            let proof = ntlm::nt_proof(&key, &server_challenge, response.temp);
            let session = ntlm::session_base_key(&key, &proof);
            let mic = ntlm::nt_proof(&session, &server_challenge, &whole);
            black_box((mic, binding.hash()))
        });
    });
    group.bench_function("client", |b| {
        b.iter(|| {
            let mut client = client(&hash);
            client.step(None, WALL, &mut entropy).expect("the first message");
            black_box(client.step(Some(black_box(&challenge)), WALL, &mut entropy).expect("the last message"))
        });
    });
    group.bench_function("acceptor", |b| {
        b.iter(|| black_box(accept(black_box(&negotiate), Some(&authenticate), &hash)));
    });
    group.finish();
}

/// As much as a list of one mechanism.
fn signature(from: &mut dyn SecurityContext, to: &mut dyn SecurityContext) {
    let mut signature = Vec::with_capacity(16);
    from.sign(&[&[7; 14]], &mut signature).expect("negotiated");
    to.verify(&[&[7; 14]], black_box(&signature)).expect("the same");
}

/// SPNEGO around it, both ends in one: NTLM inside, a mechListMIC of each, against NTLM by itself, with a signature of each.
fn negotiate(c: &mut Criterion) {
    let hash = ntlm::nt_hash(PASSWORD);
    let mut signing = ClientConfig::with_hash(UserName::parse("DOM\\alice"), hash.clone());
    signing.sign = true;
    let mut group = c.benchmark_group("handshake, both ends");
    group.bench_function("NTLM", |b| {
        b.iter(|| {
            let (mut client, mut acceptor) = (Client::new(signing.clone()), Acceptor::new(AcceptorConfig::new("MBX1")));
            let first = token(client.step(None, WALL, &mut entropy).expect("the first message"));
            let challenge = token(acceptor.step(Some(&first), WALL, &mut entropy).expect("a challenge"));
            let last = token(client.step(Some(&challenge), WALL, &mut entropy).expect("the last message"));
            acceptor.step(Some(&last), WALL, &mut entropy).expect("a question");
            acceptor.answer(Verdict::NtHash(hash.clone())).expect("asked");
            acceptor.step(None, WALL, &mut entropy).expect("accepted");
            signature(&mut client, &mut acceptor);
            signature(&mut acceptor, &mut client);
        });
    });
    group.bench_function("SPNEGO with NTLM inside", |b| {
        b.iter(|| {
            let mut initiator = Initiator::new(vec![Mechanism::ntlm_client(signing.clone())]);
            let mechanisms = vec![Mechanism::ntlm_acceptor(AcceptorConfig::new("MBX1"))];
            let mut acceptor = NegotiateAcceptor::new(mechanisms, ListProtection::Required);
            let first = token(initiator.step(None, WALL, &mut entropy).expect("the first token"));
            let challenge = token(acceptor.step(Some(&first), WALL, &mut entropy).expect("a challenge"));
            let last = token(initiator.step(Some(&challenge), WALL, &mut entropy).expect("the last message"));
            acceptor.step(Some(&last), WALL, &mut entropy).expect("a question");
            acceptor.ntlm().expect("NTLM").answer(Verdict::NtHash(hash.clone())).expect("asked");
            let done = token(acceptor.step(None, WALL, &mut entropy).expect("accepted"));
            black_box(initiator.step(Some(&done), WALL, &mut entropy).expect("verified"))
        });
    });
    group.finish();
}

/// Both layers with one authenticated connection between them.
struct Pair {
    now: Instant,
    client: ClientLayer,
    server: ServerLayer,
    conn: ConnectionId,
    head: RequestHead,
    response: ResponseHead,
}

impl Pair {
    fn new() -> Self {
        let now = Instant::now();
        let conn = ConnectionId::new(1);
        let origin = Origin::from_url("https://mail.test").expect("a URL").0;
        let mut client = ClientLayer::new(LayerConfig::default(), Box::new(entropy), now, WALL);
        client.set_credentials(now, Target::Origin(origin.clone()), Credentials::password("alice", PASSWORD));
        let mut server = ServerLayer::new(ServerConfig::new("MBX1"), Box::new(entropy), now, WALL);
        server.accept(conn, true, ChannelBinding::None).expect("new");
        client.handle_outgoing(now, HttpTransmit::Open { conn, origin }).expect("new");
        let head = RequestHead::builder("POST", "/mapi/").field("Content-Length", "5").request().expect("sound");
        let response = ResponseHead::builder(200, "OK").field("Content-Length", "0").response().expect("sound");
        Self { now, client, server, conn, head, response }
    }

    fn exchange(&mut self) {
        let Self { now, client, server, conn, head, response } = self;
        let (now, conn) = (*now, *conn);
        let request = [HttpEvent::Head(Head::Request(head.clone())), HttpEvent::Body(Bytes::from_static(b"hello"))];
        for event in request.into_iter().chain([HttpEvent::End]) {
            client.handle_outgoing(now, HttpTransmit::Event { conn, event }).expect("in order");
        }
        loop {
            while let Some(transmit) = client.poll_transmit(now) {
                if let HttpTransmit::Event { conn, event } = transmit {
                    server.handle(now, conn, event).expect("in order");
                }
            }
            while let Some(event) = server.poll_event() {
                if let ServerEvent::NtHashNeeded { handle, .. } = event {
                    let answer = Answer::NtHash { hash: ntlm::nt_hash(PASSWORD), principal: Principal::new("alice") };
                    server.answer(now, handle, answer).expect("it asked");
                }
            }
            while let Some(delivery) = server.poll_deliver() {
                if delivery.event == HttpEvent::End {
                    for event in [HttpEvent::Head(Head::Response(response.clone())), HttpEvent::End] {
                        server.handle_outgoing(now, HttpTransmit::Event { conn, event }).expect("in order");
                    }
                }
            }
            while let Some(transmit) = server.poll_transmit(now) {
                if let HttpTransmit::Event { conn, event } = transmit {
                    client.handle(now, conn, event).expect("in order");
                }
            }
            while client.poll_event().is_some() {}
            while let Some((_, event)) = client.poll_deliver() {
                if event == HttpEvent::End {
                    return;
                }
            }
        }
    }
}

fn layers(c: &mut Criterion) {
    let mut group = c.benchmark_group("auth layers");
    group.bench_function("connection: two legs and the request", |b| b.iter(|| Pair::new().exchange()));
    let mut pair = Pair::new();
    pair.exchange();
    group.bench_function("request on an authenticated connection", |b| b.iter(|| pair.exchange()));
    group.finish();
}

criterion_group!(benches, handshakes, layers, negotiate);
criterion_main!(benches);
