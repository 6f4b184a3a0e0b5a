//! IN channel recycling between all four roles, each step of [MS-RPCH] 3.2.1.5.3.2 (IN_R1) and 3.2.1.5.3.3 (IN_R2) a test of its own. No
//! third-party client follows it, so the tables of those sections and the PDUs of 2.2.4.10 to 2.2.4.22 are what it is held against.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests; a failure here fails the test")]

mod world;

use bytes::Bytes;
use oxwire_core::{Decode, Limits, decode_all};
use oxwire_rpch::client::{Event, Recycling};
use oxwire_rpch::rts::conn::ConnB1;
use oxwire_rpch::rts::in_r1::{InR1A1, InR1A2, InR1A3, InR1A4, InR1A5, InR1A6, InR1B1, InR1B2};
use oxwire_rpch::rts::in_r2::{InR2A1, InR2A2, InR2A3, InR2A4, InR2A5};
use oxwire_rpch::rts::{ConnectionTimeout, PduName, ReceiveWindowSize, RtsPdu, Signature, Version};
use world::Node::{self, Client, In1, In2, Out, Server};
use world::{LEGACY_SERVER_RESPONSE, SERVER_WINDOW, What, World, window};

/// A row of the tables: what it is, who sends it, who gets it.
type Row = (&'static str, Node, Node);

/// 3.2.1.5.3.2: the successor is another inbound proxy's.
const IN_R1: [Row; 10] = [
    ("IN channel request", Client, In2),
    ("IN_R1/A1", Client, In2),
    ("IN_R1/A2", In2, Server),
    // It waits for nothing, so it may as well come before IN_R1/A2.
    (LEGACY_SERVER_RESPONSE, Server, In2),
    ("IN_R1/A3", Server, Out),
    ("IN_R1/A4", Out, Client),
    ("IN_R1/A5", Client, In1),
    ("IN_R1/A6", In1, Server),
    ("IN_R1/B1", In1, Server),
    ("IN_R1/B2", Server, In2),
];

/// 3.2.1.5.3.3: the successor is the same inbound proxy's.
const IN_R2: [Row; 6] = [
    ("IN channel request", Client, In1),
    ("IN_R2/A1", Client, In1),
    ("IN_R2/A2", In1, Server),
    ("IN_R2/A3", Server, Out),
    ("IN_R2/A4", Out, Client),
    ("IN_R2/A5", Client, In1),
];

/// A virtual connection whose IN channel is recycled, with RPC PDUs 1 to 6 before, between and after.
fn recycled(successor: Node) -> World {
    let mut world = World::opened();
    world.recycle_to(successor);
    world.send(100);
    world.send(100);
    world
}

/// Whether what went over the wire is what the row says.
fn is(row: &Row, step: &world::Step) -> bool {
    let named = |name: PduName| name.name() == row.0;
    let what = match &step.what {
        What::Request => row.0 == "IN channel request",
        What::LegacyServerResponse => row.0 == LEGACY_SERVER_RESPONSE,
        What::Pdu(pdu) => decode_all::<RtsPdu<'_>>(pdu, &Limits::DEFAULT)
            .is_ok_and(|pdu| Signature::of(&pdu).is_some_and(|signature| signature.names().any(named))),
    };
    what && (step.from, step.to) == (row.1, row.2)
}

/// The PDU of a row; every other step of the table stands on its side of it.
fn step(world: &World, table: &[Row], name: &str) -> Bytes {
    // Acknowledgements and RPC PDUs belong to no sequence.
    let is_any = |step: &world::Step| table.iter().any(|row| is(row, step));
    let steps: Vec<_> = world.trace.iter().filter(|step| is_any(step)).collect();
    assert_eq!(steps.len(), table.len(), "{steps:?}");
    for (row, step) in table.iter().zip(&steps) {
        assert!(is(row, step), "{row:?}: {step:?}");
    }
    match &steps[table.iter().position(|row| row.0 == name).unwrap()].what {
        What::Pdu(pdu) => pdu.clone(),
        _ => Bytes::new(),
    }
}

fn read<'a, T: Decode<'a>>(pdu: &'a Bytes) -> T {
    decode_all(pdu, &Limits::DEFAULT).unwrap()
}

/// The cookies of virtual connection, predecessor and successor: the first two by CONN/B1.
fn cookies(world: &World, table: &[Row]) -> [[u8; 16]; 3] {
    let opened = world.pdus(Client, In1).find_map(|pdu| decode_all::<ConnB1>(pdu, &Limits::DEFAULT).ok()).unwrap();
    let a1: InR1A1 = read(&step(world, table, table[1].0));
    let successor = a1.successor_channel_cookie.0;
    assert_ne!(successor, opened.in_channel_cookie.0);
    [opened.virtual_connection_cookie.0, opened.in_channel_cookie.0, successor].map(|cookie| cookie.0)
}

fn in_r1() -> (World, [[u8; 16]; 3]) {
    let world = recycled(In2);
    let cookies = cookies(&world, &IN_R1);
    (world, cookies)
}

fn in_r2() -> (World, [[u8; 16]; 3]) {
    let world = recycled(In1);
    let cookies = cookies(&world, &IN_R2);
    (world, cookies)
}

#[test]
fn in_r1_in_channel_request_opens_a_connection_to_the_successor() {
    let (world, _) = in_r1();
    step(&world, &IN_R1, "IN channel request");
    assert_eq!(world.in_channels(), [In1, In2]);
}

#[test]
fn in_r1_a1_names_virtual_connection_predecessor_and_successor() {
    let (world, [connection, predecessor, successor]) = in_r1();
    let a1: InR1A1 = read(&step(&world, &IN_R1, "IN_R1/A1"));
    assert_eq!(a1.version, Version(1));
    assert_eq!(a1.virtual_connection_cookie.0.0, connection);
    assert_eq!((a1.predecessor_channel_cookie.0.0, a1.successor_channel_cookie.0.0), (predecessor, successor));
}

#[test]
fn in_r1_legacy_server_response_comes_on_the_successors_leg() {
    let (world, _) = in_r1();
    step(&world, &IN_R1, LEGACY_SERVER_RESPONSE);
    // 2.1.2.2.1: in front of any PDU.
    let first = world.trace.iter().find(|step| (step.from, step.to) == (Server, In2)).unwrap();
    assert_eq!(first.what, What::LegacyServerResponse);
}

#[test]
fn in_r1_a2_tells_the_server_of_the_successor_proxy() {
    let (world, [connection, predecessor, successor]) = in_r1();
    let a2: InR1A2 = read(&step(&world, &IN_R1, "IN_R1/A2"));
    assert_eq!((a2.version, a2.virtual_connection_cookie.0.0), (Version(1), connection));
    assert_eq!((a2.predecessor_channel_cookie.0.0, a2.successor_channel_cookie.0.0), (predecessor, successor));
    assert_eq!(a2.inbound_proxy_receive_window_size, ReceiveWindowSize(window(In2)));
    assert_eq!(a2.inbound_proxy_connection_timeout, ConnectionTimeout(180_000));
}

#[test]
fn in_r1_a3_goes_to_the_outbound_proxy_with_what_a2_said() {
    let (world, _) = in_r1();
    let a3: InR1A3 = read(&step(&world, &IN_R1, "IN_R1/A3"));
    assert_eq!(a3.version, Version(1));
    assert_eq!(a3.inbound_proxy_receive_window_size, ReceiveWindowSize(window(In2)));
    assert_eq!(a3.inbound_proxy_connection_timeout, ConnectionTimeout(180_000));
}

#[test]
fn in_r1_a4_is_a3_as_the_client_gets_it() {
    let (world, _) = in_r1();
    assert_eq!(step(&world, &IN_R1, "IN_R1/A4"), step(&world, &IN_R1, "IN_R1/A3"));
    let a4: InR1A4 = read(&step(&world, &IN_R1, "IN_R1/A4"));
    assert_eq!(a4.inbound_proxy_receive_window_size, ReceiveWindowSize(window(In2)));
    assert!(world.events.contains(&Event::Recycled(Recycling::InR1)));
}

/// Until IN_R1/A4 the client has one default IN channel, and what it sends goes there.
#[test]
fn in_r1_before_a4_the_predecessor_carries_on() {
    let mut world = World::opened();
    world.hold(Out, Client);
    world.recycle_to(In2);
    world.send(100);
    assert_eq!((world.calls(Client, In1), world.calls(Client, In2)), (vec![1, 2, 3, 4], vec![]));
    world.release(Out, Client);
    world.send(100);
    assert_eq!((world.calls(Client, In2), world.received()), (vec![5], vec![1, 2, 3, 4, 5]));
}

#[test]
fn in_r1_a5_is_the_last_on_the_predecessor() {
    let (world, [.., successor]) = in_r1();
    let a5 = step(&world, &IN_R1, "IN_R1/A5");
    assert_eq!(read::<InR1A5>(&a5).successor_in_channel_cookie.0.0, successor);
    assert_eq!(world.pdus(Client, In1).last(), Some(&a5));
}

#[test]
fn in_r1_a6_is_behind_what_the_predecessor_forwards() {
    let (world, [.., successor]) = in_r1();
    let a6 = step(&world, &IN_R1, "IN_R1/A6");
    assert_eq!(read::<InR1A6>(&a6).successor_in_channel_cookie.0.0, successor);
    assert_eq!(world.calls(In1, Server), world.calls(Client, In1));
}

#[test]
fn in_r1_b1_is_the_end_of_the_predecessor() {
    let (world, _) = in_r1();
    let b1 = step(&world, &IN_R1, "IN_R1/B1");
    read::<InR1B1>(&b1);
    assert_eq!(world.pdus(In1, Server).last(), Some(&b1));
    // 3.2.3.5.6: its proxy closes both connections of it.
    assert_eq!(world.closed, [(In1, Client), (In1, Server), (Server, In1)].into());
}

/// Plugged channel mode: the successor forwards nothing before IN_R1/B2.
#[test]
fn in_r1_b2_waits_for_b1_and_unplugs_the_successor() {
    let mut world = World::opened();
    world.hold(In1, Server);
    world.recycle_to(In2);
    world.send(100);
    world.send(100);
    assert_eq!((world.calls(Client, In2), world.calls(In2, Server)), (vec![4, 5], vec![]));
    assert!(!world.trace.iter().any(|step| is(&IN_R1[9], step)), "no IN_R1/B2 yet");
    world.release(In1, Server);
    let b2: InR1B2 = read(&step(&world, &IN_R1, "IN_R1/B2"));
    assert_eq!(b2.server_receive_window_size, ReceiveWindowSize(SERVER_WINDOW));
    assert_eq!((world.calls(In2, Server), world.received()), (vec![4, 5], vec![1, 2, 3, 4, 5]));
}

#[test]
fn in_r1_loses_and_doubles_nothing() {
    let (mut world, _) = in_r1();
    world.send(100);
    assert_eq!(world.received(), [1, 2, 3, 4, 5, 6]);
    assert_eq!((world.calls(Client, In1), world.calls(Client, In2)), (vec![1, 2, 3], vec![4, 5, 6]));
    assert_eq!(world.server_states(), ("opened", "opened"));
}

#[test]
fn in_r2_in_channel_request_opens_a_connection_to_the_same_proxy() {
    let (world, _) = in_r2();
    step(&world, &IN_R2, "IN channel request");
    assert_eq!(world.in_channels(), [In1, In1]);
}

/// The client cannot know which sequence it will be: the PDU is that of IN_R1.
#[test]
fn in_r2_a1_names_virtual_connection_predecessor_and_successor() {
    let (world, [connection, predecessor, successor]) = in_r2();
    let a1: InR2A1 = read(&step(&world, &IN_R2, "IN_R2/A1"));
    assert_eq!((a1.version, a1.virtual_connection_cookie.0.0), (Version(1), connection));
    assert_eq!((a1.predecessor_channel_cookie.0.0, a1.successor_channel_cookie.0.0), (predecessor, successor));
}

#[test]
fn in_r2_a2_gives_the_leg_the_successors_cookie() {
    let (world, [.., successor]) = in_r2();
    let a2: InR2A2 = read(&step(&world, &IN_R2, "IN_R2/A2"));
    assert_eq!(a2.successor_channel_cookie.0.0, successor);
    assert_eq!(world.legs, [In1, Out], "the leg goes on: there is no other");
}

#[test]
fn in_r2_a3_goes_to_the_outbound_proxy() {
    let (world, _) = in_r2();
    read::<InR2A3>(&step(&world, &IN_R2, "IN_R2/A3"));
}

#[test]
fn in_r2_a4_is_a3_as_the_client_gets_it() {
    let (world, _) = in_r2();
    assert_eq!(step(&world, &IN_R2, "IN_R2/A4"), step(&world, &IN_R2, "IN_R2/A3"));
    read::<InR2A4>(&step(&world, &IN_R2, "IN_R2/A4"));
    assert!(world.events.contains(&Event::Recycled(Recycling::InR2)));
}

#[test]
fn in_r2_before_a4_the_predecessor_carries_on() {
    let mut world = World::opened();
    world.hold(Out, Client);
    world.recycle_to(In1);
    world.send(100);
    let [predecessor, successor] = world.calls_of_in_channels()[..] else { panic!("two IN channels") };
    assert_eq!((predecessor, successor), (4, 0));
    world.release(Out, Client);
    world.send(100);
    assert_eq!((world.calls_of_in_channels(), world.received()), (vec![4, 1], vec![1, 2, 3, 4, 5]));
}

#[test]
fn in_r2_a5_is_the_last_on_the_predecessor() {
    let (world, [.., successor]) = in_r2();
    let a5 = step(&world, &IN_R2, "IN_R2/A5");
    assert_eq!(read::<InR2A5>(&a5).successor_channel_cookie.0.0, successor);
    assert_eq!(world.last_on_first_in_channel(), a5);
    // 3.2.3.5.8: the proxy closes the predecessor.
    assert_eq!(world.closed, [(In1, Client)].into());
}

#[test]
fn in_r2_loses_and_doubles_nothing() {
    let (mut world, _) = in_r2();
    world.send(100);
    assert_eq!(world.received(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(world.calls_of_in_channels(), [3, 3]);
    assert_eq!(world.server_states(), ("opened", "opened"));
}
