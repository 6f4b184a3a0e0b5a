//! Any sequence of operations, held against a simple model.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use oxwire_core::ConnectionId;
use oxwire_http::{Head, HttpEvent};
use oxwire_mapihttp::server::{
    AnswerError, ContextId, Event, Refusal, RequestHandle, ServerConfig, ServerLimits, TableLimits,
};
use proptest::prelude::*;

use crate::harness::{Harness, Jar, Response, connect_body, execute_body, user, wait_body};

const USERS: [&str; 3] = ["alice", "bob", "carol"];

#[derive(Debug, Clone)]
enum Operation {
    /// A request of a user, with the cookies that a number picks, on a new connection.
    Request {
        who: usize,
        kind: usize,
        jar: usize,
        stale: bool,
        id: u8,
        body: u8,
    },
    /// The first piece of a request, and no more of it.
    Begin {
        who: usize,
    },
    Reset {
        conn: usize,
    },
    Read {
        conn: usize,
    },
    Answer {
        handle: usize,
        how: u8,
    },
    Notify {
        context: usize,
    },
    End {
        context: usize,
    },
    Move {
        context: usize,
    },
    Pass {
        seconds: u64,
    },
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (0..3_usize, 0..6_usize, 0..8_usize, prop::bool::weighted(0.1), 0..6_u8, 0..3_u8)
            .prop_map(|(who, kind, jar, stale, id, body)| Operation::Request { who, kind, jar, stale, id, body }),
        1 => (0..3_usize).prop_map(|who| Operation::Begin { who }),
        1 => (0..30_usize).prop_map(|conn| Operation::Reset { conn }),
        4 => (0..30_usize).prop_map(|conn| Operation::Read { conn }),
        5 => (0..6_usize, 0..5_u8).prop_map(|(handle, how)| Operation::Answer { handle, how }),
        1 => (0..8_usize).prop_map(|context| Operation::Notify { context }),
        1 => (0..8_usize).prop_map(|context| Operation::End { context }),
        1 => (0..8_usize).prop_map(|context| Operation::Move { context }),
        2 => prop_oneof![Just(1_u64), Just(16), Just(61), Just(400)].prop_map(|seconds| Operation::Pass { seconds }),
    ]
}

/// What is known of it from outside.
#[derive(Default)]
struct Model {
    /// Connections with the response as far as it was read, and who asked.
    conns: Vec<(ConnectionId, Response, usize)>,
    jars: Vec<(usize, Jar)>,
    handles: Vec<(RequestHandle, ContextId)>,
    /// Contexts that were accepted, and whose they are.
    contexts: BTreeMap<ContextId, String>,
    ended: usize,
    accepted: usize,
}

fn run(operations: &[Operation]) {
    let config = ServerConfig::new()
        .with_table(
            TableLimits::DEFAULT
                .with_lifetime(Duration::from_secs(60))
                .with_contexts(8)
                .with_contexts_per_user(4)
                .with_answer_bytes(2_000),
        )
        .with_answer_timeout(Duration::from_secs(90))
        .with_limits(ServerLimits::DEFAULT.with_sending_bytes(20_000).with_half_open(4, 3, 2));
    let mut h = Harness::new(config);
    let mut m = Model::default();
    for operation in operations {
        step(&mut h, &mut m, operation);
        settle(&mut h, &mut m);
    }
    // Comes to rest: every wait has a deadline, and what is left in the end is nothing.
    for _ in 0..12 {
        h.pass(Duration::from_secs(60));
        settle(&mut h, &mut m);
    }
    while h.server.poll_transmit(h.now).is_some() {}
    assert_eq!(h.server.poll_timeout(), None, "nothing waits for ever");
    assert!(h.server.contexts().is_empty() && m.contexts.is_empty());
    assert_eq!((h.server.half_open(), h.server.sending_bytes(), h.server.contexts().answer_bytes()), (0, 0, 0));
    assert_eq!(m.accepted, m.ended, "each accepted context has ended once");
}

fn step(h: &mut Harness, m: &mut Model, operation: &Operation) {
    match *operation {
        Operation::Request { who, kind, jar, stale, id, body } => {
            let kinds = ["Connect", "Execute", "Disconnect", "NotificationWait", "PING", "Nonsense"];
            let bodies =
                [connect_body(), execute_body(&[body; 40]), Bytes::new(), wait_body(), Bytes::new(), Bytes::new()];
            let cookies = m
                .jars
                .get(jar)
                .map(|(_, jar)| if stale { format!("{}; MapiSequence=00000000", jar.context) } else { jar.line() });
            let head = h.head(kinds[kind], &cookies.unwrap_or_default()).set("X-RequestId", format!("{{a}}:{id}"));
            let conn = h.conn();
            h.send(conn, Some(USERS[who]), head, &bodies[kind]);
            m.conns.push((conn, Response::default(), who));
        }
        Operation::Begin { who } => {
            let conn = h.conn();
            let head = h.head("Connect", "").request().unwrap();
            h.server.handle(h.now, conn, Some(&user(USERS[who])), HttpEvent::Head(Head::Request(head))).unwrap();
            m.conns.push((conn, Response::default(), who));
        }
        Operation::Reset { conn } => {
            if let Some((conn, ..)) = m.conns.get(conn) {
                h.reset(*conn);
            }
        }
        Operation::Read { conn } => read(h, m, conn),
        Operation::Answer { handle, how } => {
            let Some((handle, context)) = m.handles.get(handle).copied() else { return };
            let body = [Bytes::from(vec![how; 300])];
            let answered = match how {
                0 | 1 => {
                    let accepted = h.server.accept(h.now, handle, 1, &body).is_ok();
                    if accepted {
                        m.accepted += 1;
                        let who = h.server.contexts().principal(context).expect("it was accepted");
                        m.contexts.insert(context, who.name().to_owned());
                    }
                    accepted
                }
                2 => h.server.respond(h.now, handle, &body).is_ok(),
                3 => h.server.decline(h.now, handle, &body).is_ok(),
                _ => h.server.fail(h.now, handle, Refusal::NoPrivilege, "no").is_ok(),
            };
            if answered {
                assert_eq!(h.server.fail(h.now, handle, Refusal::NoPrivilege, "twice"), Err(AnswerError::NotWaiting));
                m.handles.retain(|(known, _)| *known != handle);
            }
        }
        Operation::Notify { context } => {
            if let Some(context) = m.contexts.keys().nth(context) {
                assert!(h.server.notify(h.now, *context));
            }
        }
        Operation::End { context } => {
            if let Some(context) = m.contexts.keys().nth(context).copied() {
                assert!(h.server.end_context(h.now, context));
                assert!(!h.server.end_context(h.now, context));
            }
        }
        Operation::Move { context } => {
            let Some(context) = m.contexts.keys().nth(context).copied() else { return };
            if let Ok((exported, state)) = h.server.export(h.now, context) {
                let who = m.contexts.remove(&context).unwrap();
                let state = state.expect("the state of an accepted context");
                match h.server.import(h.now, exported, state) {
                    Ok(context) => drop(m.contexts.insert(context, who)),
                    // It had expired: the state is back, and there is no event.
                    Err(_) => m.ended += 1,
                }
            }
        }
        Operation::Pass { seconds } => h.pass(Duration::from_secs(seconds)),
    }
}

fn read(h: &mut Harness, m: &mut Model, conn: usize) {
    let Some((conn, response, who)) = m.conns.get_mut(conn) else { return };
    if response.ended || response.closed.is_some() {
        return;
    }
    h.receive_more(*conn, response);
    if response.head.is_some() && response.code() == 0 && !response.cookies().is_empty() {
        let mut jar = Jar::default();
        jar.learn(response);
        match m.jars.iter_mut().find(|(_, known)| known.context == jar.context) {
            Some((owner, known)) => {
                assert_eq!(owner, who, "a context of another user was reached");
                known.learn(response);
            }
            None => m.jars.push((*who, jar)),
        }
    }
}

/// Takes the events in, and holds them against what is known.
fn settle(h: &mut Harness, m: &mut Model) {
    h.collect();
    for event in std::mem::take(&mut h.events) {
        match event {
            Event::Connect(request) | Event::Execute(request) | Event::Disconnect(request) => {
                assert_eq!(
                    h.server.contexts().principal(request.context).unwrap_or(&request.principal),
                    &request.principal
                );
                m.handles.push((request.handle, request.context));
            }
            Event::Waiting { handle, context } => m.handles.push((handle, context)),
            Event::Ended { removed, .. } => {
                assert!(removed.state.is_some());
                assert_eq!(m.contexts.remove(&removed.context).as_deref(), Some(removed.principal.name()));
                m.ended += 1;
            }
            _ => {}
        }
    }
    assert!(h.server.contexts().len() <= 8);
    assert!(h.server.half_open() <= 4);
    h.server.handle_timeout(h.now);
    assert!(h.server.poll_timeout().is_none_or(|at| at > h.now), "a timer is still due");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_sequence_of_operations_comes_to_rest(operations in prop::collection::vec(operation(), 0..60)) {
        run(&operations);
    }

    /// Where a body is cut carries no meaning.
    #[test]
    fn any_chunking_of_a_body_gives_the_same_request(cuts in prop::collection::vec(1..200_usize, 0..20)) {
        let mut h = Harness::plain();
        let (_, jar) = h.connect("alice", 1);
        let body = execute_body(&(0..=255).collect::<Vec<u8>>());
        let conn = h.conn();
        let alice = user("alice");
        let head = h.head("Execute", &jar.line()).field("Content-Length", body.len().to_string()).request().unwrap();
        h.server.handle(h.now, conn, Some(&alice), HttpEvent::Head(Head::Request(head))).unwrap();
        let mut rest = body.clone();
        for cut in cuts {
            let piece = rest.split_to(cut.min(rest.len()));
            if !piece.is_empty() {
                h.server.handle(h.now, conn, Some(&alice), HttpEvent::Body(piece)).unwrap();
            }
        }
        if !rest.is_empty() {
            h.server.handle(h.now, conn, Some(&alice), HttpEvent::Body(rest)).unwrap();
        }
        h.server.handle(h.now, conn, Some(&alice), HttpEvent::End).unwrap();
        prop_assert_eq!(h.request().body, body);
    }
}
