//! What ends a call, or the association: cancels, orphans, losses, timers.

use std::time::Duration;

use bytes::Bytes;
use oxwire::core::{Error, SecurityContext};
use oxwire::rpc::association::client::{self, Call, Fate};
use oxwire::rpc::association::{Config, ContextId, server};
use oxwire::rpc::pdu::{BindTimeFeatures, FaultStatus, Ptype};

use crate::pair::{EMSMDB, Pair, WALL, config, pair};

type Boxed = Box<dyn SecurityContext + Send>;

/// \[C706\] 9.5.4: co_cancel reaches the server; a call that is not sent yet is ended at once.
#[test]
fn cancel() {
    let (mut pair, _) = pair();
    let first = pair.call(Call::new(ContextId(0), 1), &[]);
    pair.run();
    let second = pair.call(Call::new(ContextId(0), 2), &[]);
    pair.client.cancel(pair.now, second).unwrap();
    assert!(
        matches!(pair.client.poll_event(), Some(client::Event::Undelivered { fate: Fate::NotSent, call, .. }) if call == second)
    );
    pair.client.cancel(pair.now, first).unwrap();
    pair.run();
    let request = pair.request();
    assert_eq!(pair.server.poll_event(), Some(server::Event::Cancel { call: request.call }));
    pair.server.fault(request.call, FaultStatus::NCA_FAULT_CANCEL).unwrap();
    pair.run();
    assert!(matches!(
        pair.client.poll_event(),
        Some(client::Event::Fault { status: FaultStatus::NCA_FAULT_CANCEL, .. })
    ));
    assert!(matches!(pair.client.cancel(pair.now, first), Err(Error::Misuse(_))));
}

/// [MS-RPCE] 3.3.1.5.10: with KeepConnectionOnOrphanSupported the connection goes on, and a late answer is dropped.
#[test]
fn orphan_with_the_connection_kept() {
    let (mut pair, _) = pair();
    let call = pair.call(Call::new(ContextId(0), 1), &[]);
    let other = pair.call(Call::new(ContextId(0), 2), &[]);
    pair.run();
    let (request, second) = (pair.request(), pair.request());
    // The answer crosses the orphaned PDU.
    pair.server.respond(request.call, Bytes::from_static(b"late")).unwrap();
    pair.client.orphan(pair.now, call).unwrap();
    pair.run();
    assert!(
        matches!(pair.client.poll_event(), Some(client::Event::Undelivered { fate: Fate::Unknown, call: c, .. }) if c == call)
    );
    pair.server.respond(second.call, Bytes::from_static(b"here")).unwrap();
    pair.run();
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Response { call, .. }) if call == other));
    assert_eq!(pair.client.poll_event(), None);
}

#[test]
fn orphan_without_it_ends_the_association() {
    let server = config(|c| {
        c.features = Some(BindTimeFeatures(1));
    });
    let mut pair = Pair::new(Config::default(), server);
    pair.bind();
    let call = pair.call(Call::new(ContextId(0), 1), &[]);
    pair.run();
    pair.client.orphan(pair.now, call).unwrap();
    pair.run();
    assert_eq!(pair.seen.last().map(|pdu| pdu.1), Some(Ptype::ORPHANED));
    assert!(pair.client.is_closed());
    let request = pair.request();
    assert_eq!(pair.server.poll_event(), Some(server::Event::Abandoned { call: request.call }));
}

#[test]
fn a_lost_connection_reports_every_call() {
    let (mut pair, _) = pair();
    let sent = pair.call(Call::new(ContextId(0), 1), &[]);
    pair.run();
    let queued = pair.call(Call::new(ContextId(0), 2), &[]);
    pair.client.handle_lost(pair.now, "reset by peer");
    pair.server.handle_lost(pair.now, "reset by peer");
    let mut fates = Vec::new();
    while let Some(event) = pair.client.poll_event() {
        match event {
            client::Event::Undelivered { call, fate, reason } => {
                assert_eq!(&*reason, "reset by peer");
                fates.push((call, fate));
            }
            client::Event::Closed { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(fates, [(sent, Fate::Unknown), (queued, Fate::NotSent)]);
    let request = pair.request();
    assert_eq!(pair.server.poll_event(), Some(server::Event::Abandoned { call: request.call }));
    assert!(matches!(pair.server.poll_event(), Some(server::Event::Closed { .. })));
    assert!(matches!(pair.server.respond(request.call, Bytes::new()), Err(Error::Closed(_))));
}

#[test]
fn timers() {
    let config = config(|c| {
        c.cancel_timeout = Duration::from_secs(5);
    });
    let mut pair = Pair::new(config, Config::default());
    let deadline = pair.server.poll_timeout().unwrap();
    assert_eq!(deadline - pair.now, Duration::from_secs(900));
    pair.bind();
    assert_eq!((pair.client.poll_timeout(), pair.server.poll_timeout()), (None, None));

    let untimed = pair.call(Call::new(ContextId(0), 3), &[]);
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + Duration::from_secs(900)), "the default");
    pair.client.cancel(pair.now, untimed).unwrap();
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Undelivered { fate: Fate::NotSent, .. })));

    let timed = pair.call(Call::new(ContextId(0), 1).with_timeout(Duration::from_secs(60)), &[]);
    let cancelled = pair.call(Call::new(ContextId(0), 2), &[]);
    pair.run();
    pair.client.cancel(pair.now, cancelled).unwrap();
    assert_eq!(pair.client.poll_timeout(), Some(pair.now + Duration::from_secs(5)));
    pair.client.handle_timeout(pair.now);
    assert_eq!(pair.client.poll_event(), None, "early is no-op");
    pair.now += Duration::from_secs(5);
    pair.client.handle_timeout(pair.now);
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Undelivered { call, .. }) if call == cancelled));
    pair.now += Duration::from_secs(55);
    pair.client.handle_timeout(pair.now);
    assert!(matches!(pair.client.poll_event(), Some(client::Event::Undelivered { call, .. }) if call == timed));
    assert_eq!(pair.client.poll_timeout(), None);
    pair.seen.clear();
    pair.run();
    let types: Vec<_> = pair.seen.iter().map(|pdu| pdu.1).collect();
    assert_eq!(types, [Ptype::CO_CANCEL, Ptype::ORPHANED, Ptype::CO_CANCEL]);

    let mut silent = Pair::new(Config::default(), Config::default());
    silent.client.bind(silent.now, WALL, &[EMSMDB], None).unwrap();
    let deadline = silent.now + Duration::from_secs(900);
    silent.client.handle_timeout(deadline);
    silent.server.handle_timeout(deadline);
    assert!(silent.client.is_closed() && silent.server.is_closed());
    assert_eq!((silent.client.poll_timeout(), silent.server.poll_timeout()), (None, None));
}

#[test]
fn shutdown_is_told() {
    let (mut pair, _) = pair();
    pair.server.shutdown().unwrap();
    pair.run();
    assert_eq!(pair.client.poll_event(), Some(client::Event::Shutdown));
}

/// The boxed form is the default of the type parameter.
#[test]
fn the_ends_are_send() {
    fn send<T: Send>() {}
    send::<client::Association<Boxed>>();
    send::<server::Association>();
}
