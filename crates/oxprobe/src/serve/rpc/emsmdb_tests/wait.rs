//! EcDoAsyncConnectEx and EcDoAsyncWaitEx: waiting for an event. [MS-OXCRPC] 3.1.4.4, 3.3

use std::time::Duration;

use oxwire::mapi::rop::RopResponse;
use oxwire::mapirpc::emsmdb::{EcDoDisconnectRequest, EcDummyRpcRequest};
use oxwire::rpc::ndr::ContextHandle;
use oxwire::rpc::pdu::FaultStatus;

use super::{ADA, BERT, World};

const PENDING: u32 = 1;

/// A session with a subscription, and its asynchronous handle.
fn subscribed(world: &mut World, at: usize) -> (ContextHandle, ContextHandle) {
    let session = world.connect(at);
    world.subscribed(at, session);
    let asynchronous = world.asynchronous(at, session);
    (session, asynchronous)
}

/// The wait is over when there is something to tell, which an EcDoRpcExt2 without operations fetches.
#[test]
fn oxcrpc_r704_r713_r1228_r1229_r1231_r1232_r1243_r1288_r1338_r1418_an_event_ends_the_wait() {
    let mut world = World::new(&[ADA]);
    let (session, asynchronous) = subscribed(&mut world, 0);
    assert!(!asynchronous.is_nil() && asynchronous != session);
    let call = world.wait(0, asynchronous);
    assert_eq!(world.waited(0, call), None);
    world.deliver(BERT);
    assert_eq!(world.waited(0, call), None, "somebody else's event");
    world.deliver(ADA);
    assert_eq!(world.waited(0, call), Some((PENDING, 0)));
    // As long as it is not fetched, the next wait is over at once.
    let call = world.wait(0, asynchronous);
    assert_eq!(world.waited(0, call), Some((PENDING, 0)));
    let answer = world.rops(0, session, &[], |_| {});
    assert!(matches!(answer.all()[..], [RopResponse::Notify(_)]));
    let call = world.wait(0, asynchronous);
    assert_eq!(world.waited(0, call), None);
}

/// Five minutes, to the second, and no flag then.
#[test]
fn oxcrpc_r1229_r1338_a_wait_lasts_five_minutes() {
    let mut world = World::new(&[ADA]);
    let (_, asynchronous) = subscribed(&mut world, 0);
    let call = world.wait(0, asynchronous);
    world.pass(Duration::from_secs(299));
    assert_eq!(world.waited(0, call), None);
    world.pass(Duration::from_secs(1));
    assert_eq!(world.waited(0, call), Some((0, 0)));
}

/// One at a time: the second is refused, and the first goes on.
#[test]
fn oxcrpc_r1343_a_second_wait_is_rejected() {
    let mut world = World::new(&[ADA]);
    let (_, asynchronous) = subscribed(&mut world, 0);
    let first = world.wait(0, asynchronous);
    let second = world.wait(0, asynchronous);
    assert_eq!(world.waited(0, second), Some((0, 0x7EE)));
    assert_eq!(world.waited(0, first), None);
    world.deliver(ADA);
    assert_eq!(world.waited(0, first), Some((PENDING, 0)));
}

/// A handle that is none, or somebody else's, or a session's own handle: there is nothing to wait for.
#[test]
fn oxcrpc_r307_r310_r1247_r1250_r1888_without_an_asynchronous_handle_nothing_waits() {
    let mut world = World::new(&[ADA, BERT]);
    let session = world.connect(0);
    let (_, theirs) = subscribed(&mut world, 1);
    for handle in [ContextHandle::NIL, session, theirs] {
        let call = world.wait(0, handle);
        assert_eq!(world.waited(0, call), Some((PENDING, 0)));
    }
    let call = world.wait(1, theirs);
    assert_eq!(world.waited(1, call), None, "its owner's wait is its own");
}

/// The client stores the handle: asked for again, it is the same, and it is good for any number of waits.
#[test]
fn oxcrpc_r712_r1244_the_handle_lasts_as_long_as_its_session() {
    let mut world = World::new(&[ADA]);
    let (session, asynchronous) = subscribed(&mut world, 0);
    assert_eq!(world.asynchronous(0, session), asynchronous);
    for _ in 0..3 {
        let call = world.wait(0, asynchronous);
        world.deliver(ADA);
        assert_eq!(world.waited(0, call), Some((PENDING, 0)));
        world.rops(0, session, &[], |_| {});
    }
}

/// A call of one interface does not keep those of another waiting.
#[test]
fn oxcrpc_r1525_a_wait_blocks_no_other_call() {
    let mut world = World::new(&[ADA]);
    let (session, asynchronous) = subscribed(&mut world, 0);
    let call = world.wait(0, asynchronous);
    world.ask(0, &EcDummyRpcRequest).unwrap();
    world.rops(0, session, &[], |_| {});
    assert_eq!(world.waited(0, call), None);
}

/// The session goes while somebody waits: the wait is over, by this connection or by another.
#[test]
fn oxcrpc_r1213_with_its_session_a_wait_ends() {
    let mut world = World::new(&[ADA]);
    let (session, asynchronous) = subscribed(&mut world, 0);
    let call = world.wait(0, asynchronous);
    world.ask(0, &EcDoDisconnectRequest { session }).unwrap();
    assert_eq!(world.waited(0, call), Some((PENDING, 0)));
    let call = world.wait(0, asynchronous);
    assert_eq!(world.waited(0, call), Some((PENDING, 0)), "the handle is void");
}

/// co_cancel gives a wait up, and another may begin.
#[test]
fn a_wait_can_be_cancelled() {
    let mut world = World::new(&[ADA]);
    let (_, asynchronous) = subscribed(&mut world, 0);
    let call = world.wait(0, asynchronous);
    let now = world.now;
    world.clients[0].association.cancel(now, call).unwrap();
    world.run();
    assert_eq!(world.outcome(0, call), Some(Err(FaultStatus::NCA_FAULT_CANCEL)));
    let call = world.wait(0, asynchronous);
    assert_eq!(world.waited(0, call), None);
}
