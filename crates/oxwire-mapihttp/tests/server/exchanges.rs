//! Connect, Execute, Disconnect, PING and NotificationWait as they are meant.

use crate::harness::{Harness, connect_body, disconnect_success, execute_body, execute_success};
use bytes::Bytes;
use oxwire_mapihttp::server::{EndReason, Event};

#[test]
fn r1219_a_session_from_connect_to_disconnect() {
    let mut h = Harness::plain();
    let (context, mut jar) = h.connect("alice", 7);
    assert_eq!(h.server.contexts().state(context), Some(&7));
    let before = jar.clone();
    let response = h.execute("alice", &mut jar, b"rops");
    assert_eq!(response.payload(), execute_success(b"rops"));
    assert_ne!(jar.sequence, before.sequence);
    assert_eq!(jar.context, before.context);
    let conn = h.conn();
    h.send(conn, Some("alice"), h.head("Disconnect", &jar.line()), &Bytes::new());
    let request = h.request();
    h.server.respond(h.now, request.handle, &[disconnect_success()]).unwrap();
    let response = h.receive(conn);
    assert!(response.ended);
    assert_eq!(response.payload(), disconnect_success());
    let Some(Event::Ended { removed, reason: EndReason::Disconnected }) = h.events.pop() else { panic!() };
    assert_eq!((removed.context, removed.state), (context, Some(7)));
    assert!(h.server.contexts().is_empty());
    let _ = (connect_body(), execute_body(b""));
}
