//! Allocation budgets of oxwire-auth: a handshake at each end, and a request over a connection that is authenticated.

use std::time::Instant;

use bytes::Bytes;
use oxwire::auth::client::{ClientConfig as LayerConfig, ClientLayer, Target};
use oxwire::auth::ntlm::{self, Acceptor, AcceptorConfig, Client, ClientConfig, Verdict};
use oxwire::auth::server::{Answer, ServerConfig, ServerEvent, ServerLayer};
use oxwire::auth::spnego::{Acceptor as NegotiateAcceptor, Initiator, ListProtection, Mechanism};
use oxwire::auth::{ChannelBinding, Credentials, UserName};
use oxwire::core::{ConnectionId, FileTime, Principal, SecurityContext, Step};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Origin, RequestHead, ResponseHead};
use oxwire_tests::allocations;

const WALL: FileTime = FileTime::from_intervals(133_000_000_000_000_000);
const PASSWORD: &str = "correct horse";

fn entropy(out: &mut [u8]) {
    out.fill(7);
}

fn token(step: Step) -> Vec<u8> {
    match step {
        Step::Continue(token) | Step::Complete(Some(token)) => token,
        other => panic!("{other:?}"),
    }
}

/// The messages themselves, what is kept of them for the MIC, the question and the session.
#[test]
fn an_ntlm_handshake_keeps_to_its_budget_at_each_end() {
    let hash = ntlm::nt_hash(PASSWORD);
    let config = ClientConfig::with_hash(UserName::parse("DOM\\alice"), hash.clone());
    let (mut client, mut acceptor) = (Client::new(config), Acceptor::new(AcceptorConfig::new("MBX1")));
    let mut tokens = Vec::new();
    let (first, ()) = allocations(|| tokens.push(token(client.step(None, WALL, &mut entropy).unwrap())));
    let (second, ()) = allocations(|| {
        let challenge = token(acceptor.step(Some(&tokens[0]), WALL, &mut entropy).unwrap());
        tokens.push(challenge);
    });
    let (third, ()) = allocations(|| {
        let authenticate = token(client.step(Some(&tokens[1]), WALL, &mut entropy).unwrap());
        tokens.push(authenticate);
    });
    let (fourth, ()) = allocations(|| {
        acceptor.step(Some(&tokens[2]), WALL, &mut entropy).unwrap();
        acceptor.answer(Verdict::NtHash(hash.clone())).unwrap();
        acceptor.step(None, WALL, &mut entropy).unwrap();
    });
    assert!(first.count <= 3, "NEGOTIATE_MESSAGE: {first:?}");
    assert!(second.count <= 5, "CHALLENGE_MESSAGE: {second:?}");
    assert!(third.count <= 3, "AUTHENTICATE_MESSAGE: {third:?}");
    assert!(fourth.count <= 10, "the verdict: {fourth:?}");
}

/// The same inside of SPNEGO, with a mechListMIC of each end: what is more is the list, and a token around each message.
#[test]
fn a_negotiate_handshake_keeps_to_its_budget_at_each_end() {
    let hash = ntlm::nt_hash(PASSWORD);
    let mut config = ClientConfig::with_hash(UserName::parse("DOM\\alice"), hash.clone());
    config.sign = true;
    let mut initiator = Initiator::new(vec![Mechanism::ntlm_client(config)]);
    let mechanisms = vec![Mechanism::ntlm_acceptor(AcceptorConfig::new("MBX1"))];
    let mut acceptor = NegotiateAcceptor::new(mechanisms, ListProtection::Required);
    let mut tokens = Vec::new();
    let (first, ()) = allocations(|| tokens.push(token(initiator.step(None, WALL, &mut entropy).unwrap())));
    let (second, ()) = allocations(|| {
        let challenge = token(acceptor.step(Some(&tokens[0]), WALL, &mut entropy).unwrap());
        tokens.push(challenge);
    });
    let (third, ()) = allocations(|| {
        let authenticate = token(initiator.step(Some(&tokens[1]), WALL, &mut entropy).unwrap());
        tokens.push(authenticate);
    });
    let (fourth, ()) = allocations(|| {
        acceptor.step(Some(&tokens[2]), WALL, &mut entropy).unwrap();
        acceptor.ntlm().unwrap().answer(Verdict::NtHash(hash.clone())).unwrap();
        tokens.push(token(acceptor.step(None, WALL, &mut entropy).unwrap()));
    });
    let (fifth, ()) = allocations(|| {
        initiator.step(Some(&tokens[3]), WALL, &mut entropy).unwrap();
    });
    assert!(initiator.is_list_verified() && acceptor.is_list_verified());
    let counts = [first, second, third, fourth, fifth].map(|made| made.count);
    let budgets = [6, 7, 6, 14, 1];
    assert!(counts.iter().zip(budgets).all(|(count, budget)| *count <= budget), "{counts:?}");
}

/// What a request costs once the connection is authenticated: the client keeps its pieces, the server passes them on.
#[test]
fn a_request_on_an_authenticated_connection_allocates_next_to_nothing() {
    let now = Instant::now();
    let conn = ConnectionId::new(1);
    let origin = Origin::from_url("https://mail.test").unwrap().0;
    let mut client = ClientLayer::new(LayerConfig::default(), Box::new(entropy), now, WALL);
    client.set_credentials(now, Target::Origin(origin.clone()), Credentials::password("alice", PASSWORD));
    let mut server = ServerLayer::new(ServerConfig::new("MBX1"), Box::new(entropy), now, WALL);
    server.accept(conn, true, ChannelBinding::None).unwrap();
    client.handle_outgoing(now, HttpTransmit::Open { conn, origin }).unwrap();

    let chunk = Bytes::from(vec![7; 10_922]);
    let mut exchange = |round: usize| {
        let head = RequestHead::builder("POST", "/mapi/").field("Content-Length", "32766").request().unwrap();
        let response = ResponseHead::builder(200, "OK").field("Content-Length", "0").response().unwrap();
        let mut request = vec![HttpEvent::Head(Head::Request(head))];
        request.extend((0..3).map(|_| HttpEvent::Body(chunk.clone())));
        request.push(HttpEvent::End);
        let mut answer = vec![HttpEvent::End, HttpEvent::Head(Head::Response(response))];
        let (made, ()) = allocations(|| {
            for event in request.drain(..) {
                client.handle_outgoing(now, HttpTransmit::Event { conn, event }).unwrap();
            }
            let mut over = false;
            while !over {
                while let Some(transmit) = client.poll_transmit(now) {
                    if let HttpTransmit::Event { conn, event } = transmit {
                        server.handle(now, conn, event).unwrap();
                    }
                }
                while let Some(event) = server.poll_event() {
                    if let ServerEvent::NtHashNeeded { handle, .. } = event {
                        let verdict =
                            Answer::NtHash { hash: ntlm::nt_hash(PASSWORD), principal: Principal::new("alice") };
                        server.answer(now, handle, verdict).unwrap();
                    }
                }
                while let Some(delivery) = server.poll_deliver() {
                    if delivery.event == HttpEvent::End {
                        while let Some(event) = answer.pop() {
                            server.handle_outgoing(now, HttpTransmit::Event { conn, event }).unwrap();
                        }
                    }
                }
                while let Some(transmit) = server.poll_transmit(now) {
                    if let HttpTransmit::Event { conn, event } = transmit {
                        client.handle(now, conn, event).unwrap();
                    }
                }
                while client.poll_event().is_some() {}
                while let Some((_, event)) = client.poll_deliver() {
                    over |= event == HttpEvent::End;
                }
            }
        });
        if round > 0 {
            // The index of the head that is kept, and the list of the pieces, which grows once.
            assert!(made.count <= 2, "{made:?}");
            assert!(made.peak < 1_024, "no piece of the body is copied: {made:?}");
        }
    };
    for round in 0..3 {
        exchange(round);
    }
}
