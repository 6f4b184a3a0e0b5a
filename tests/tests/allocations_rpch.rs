//! Allocation budgets of oxwire-rpch: a whole PDU passes a virtual connection of the endpoint, either way, without an allocation and without
//! a copy. What is allocated are the acknowledgements, one for each half of a window.

use std::net::IpAddr;
use std::time::Instant;

use bytes::{BufMut, Bytes, BytesMut};
use oxwire::core::{ConnectionId, Inline, Principal, encode_to_bytes};
use oxwire::http::{Head, HttpEvent, HttpTransmit, RequestHead};
use oxwire::rpc::association::OutgoingPdu;
use oxwire::rpch::endpoint::{Endpoint, EndpointConfig, EndpointEvent, Event, VirtualConnection};
use oxwire::rpch::front::{Caller, Verdict};
use oxwire::rpch::rts::conn::{ConnA1, ConnB1};
use oxwire::rpch::rts::{
    AssociationGroupId, ChannelLifetime, ClientKeepalive, Cookie, ReceiveWindowSize, RtsCookie, Version,
};
use oxwire_tests::allocations;

const IN: ConnectionId = ConnectionId::new(1);

/// As a driver's read buffer gives it.
fn shared(bytes: &[u8]) -> Bytes {
    let mut buffer = BytesMut::with_capacity(bytes.len());
    buffer.put_slice(bytes);
    buffer.split().freeze()
}

fn pdu(len: u16) -> Bytes {
    let mut pdu = vec![0; usize::from(len)];
    pdu[..8].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0]);
    pdu[8..10].copy_from_slice(&len.to_le_bytes());
    shared(&pdu)
}

fn opened(now: Instant) -> VirtualConnection {
    *open(&mut Endpoint::new(EndpointConfig::DEFAULT), now, 0)
}

/// Virtual connection `n`, on connections `2 * n + 1` and `2 * n + 2`.
fn open(endpoint: &mut Endpoint, now: Instant, n: u16) -> Box<VirtualConnection> {
    let [high, low] = n.to_be_bytes();
    let [in_conn, out_conn] = [1, 2].map(|of| ConnectionId::new(2 * u64::from(n) + of));
    let caller = Caller::new(IpAddr::from([10, 0, high, low]), Principal::new(format!("user{n}")));
    let cookie = |fill| {
        let mut bytes = [fill; 16];
        bytes[..2].copy_from_slice(&n.to_be_bytes());
        Cookie(RtsCookie(bytes))
    };
    let a1 = ConnA1 {
        version: Version(1),
        virtual_connection_cookie: cookie(1),
        out_channel_cookie: cookie(2),
        receive_window_size: ReceiveWindowSize(u32::MAX),
    };
    let b1 = ConnB1 {
        version: Version(1),
        virtual_connection_cookie: cookie(1),
        in_channel_cookie: cookie(3),
        channel_lifetime: ChannelLifetime(1 << 30),
        client_keepalive: ClientKeepalive(300_000),
        association_group_id: AssociationGroupId(RtsCookie([4; 16])),
    };
    let mut opened = None;
    let first = [encode_to_bytes(&a1).unwrap(), encode_to_bytes(&b1).unwrap()];
    for ((conn, method, length), first) in
        [(out_conn, "RPC_OUT_DATA", "76"), (in_conn, "RPC_IN_DATA", "1073741824")].into_iter().zip(first)
    {
        let head = RequestHead::builder(method, "/rpc/rpcproxy.dll?mbx.test:6001").field("Content-Length", length);
        for event in [HttpEvent::Head(Head::Request(head.request().unwrap())), HttpEvent::Body(first)] {
            let _taken = endpoint.handle(now, conn, &caller, event).unwrap();
            match endpoint.poll_event() {
                Some(EndpointEvent::Access(request)) => endpoint.verdict(now, request.handle, Verdict::Allow),
                Some(EndpointEvent::Opened(both)) => opened = Some(both),
                _ => {}
            }
        }
    }
    let mut connection = opened.expect("both channels are here");
    while connection.poll_transmit(now).is_some() {}
    connection
}

/// Queues as large as they will be.
fn warm(connection: &mut VirtualConnection, now: Instant) {
    for _ in 0..33 {
        connection.send_pdu(now, pdu(16)).unwrap();
    }
    for _ in 0..8 {
        let small = pdu(16);
        connection.handle(now, IN, HttpEvent::Body(small)).unwrap();
    }
    while connection.poll_transmit(now).is_some() {}
    while connection.poll_event().is_some() {}
    connection.consume(now, 8 * 16).unwrap();
}

#[test]
fn a_whole_pdu_to_the_client_allocates_and_copies_nothing() {
    let now = Instant::now();
    let mut connection = opened(now);
    warm(&mut connection, now);
    for len in [4_096, 32_768] {
        let given = pdu(len);
        let (made, sent) = allocations(|| {
            connection.send_pdu(now, given.clone()).unwrap();
            connection.poll_transmit(now)
        });
        let Some(HttpTransmit::Event { event: HttpEvent::Body(sent), .. }) = sent else { panic!("{sent:?}") };
        assert_eq!(made.count, 0, "{made:?}");
        assert_eq!(sent.as_ptr(), given.as_ptr(), "copied");
    }
}

/// As an association gives it: the head of a request, and the application's own stub data behind it. The heads of many PDUs take one
/// allocation, and none where the driver lets go of what it has written.
#[test]
fn a_head_and_its_body_to_the_client_allocate_and_copy_nothing() {
    let now = Instant::now();
    let mut connection = opened(now);
    warm(&mut connection, now);
    let whole = pdu(4_096);
    let (head, body) = (Inline::new(&whole[..24]).unwrap(), whole.slice(24..));
    let mut send = || {
        connection.send_pdu(now, OutgoingPdu { head, body: body.clone() }).unwrap();
        let sent = [connection.poll_transmit(now), connection.poll_transmit(now)];
        let [
            Some(HttpTransmit::Event { event: HttpEvent::Body(first), .. }),
            Some(HttpTransmit::Event { event: HttpEvent::Body(rest), .. }),
        ] = sent
        else {
            panic!("{sent:?}")
        };
        assert_eq!((&first[..], rest.as_ptr()), (head.as_slice(), body.as_ptr()), "copied");
        first
    };
    // What is unacknowledged is remembered, two bytes a PDU, in a buffer that doubles: at 4,096 for the last time here.
    (0..4_200).for_each(|_| drop(send()));
    let (made, ()) = allocations(|| (0..1_000).for_each(|_| drop(send())));
    assert_eq!(made.count, 0, "{made:?}");
    let mut kept = Vec::with_capacity(1_000);
    let (made, ()) = allocations(|| (0..1_000).for_each(|_| kept.push(send())));
    // 42 heads of 24 bytes in 1,024: a buffer and its counter each.
    assert!(made.count <= 2 * (1_000 / 42 + 1), "{made:?}");
}

#[test]
fn a_whole_pdu_of_the_client_allocates_and_copies_nothing() {
    let now = Instant::now();
    let mut connection = opened(now);
    warm(&mut connection, now);
    for len in [4_096, 16_384] {
        let given = pdu(len);
        let (made, received) = allocations(|| {
            connection.handle(now, IN, HttpEvent::Body(given.clone())).unwrap();
            let event = connection.poll_event();
            connection.consume(now, usize::from(len)).unwrap();
            event
        });
        let Some(Event::Pdu(received)) = received else { panic!("{received:?}") };
        assert_eq!(made.count, 0, "{made:?}");
        assert_eq!(received.as_ptr(), given.as_ptr(), "copied");
    }
    // Half of the window has passed: the next one is acknowledged.
    let given = pdu(16_384);
    let (made, ()) = allocations(|| {
        connection.handle(now, IN, HttpEvent::Body(given)).unwrap();
        connection.consume(now, 16_384).unwrap();
    });
    assert!((1..=3).contains(&made.count), "an acknowledgement: {made:?}");
}

/// What an idle virtual connection takes by itself, in one endpoint with few others and with many.
#[test]
fn an_idle_virtual_connection_is_small() {
    let now = Instant::now();
    let size = size_of::<VirtualConnection>();
    assert!(size <= 1_536, "{size} bytes");
    for count in [1, 100, 10_000] {
        let (made, held) = allocations(|| {
            let mut endpoint = Endpoint::new(EndpointConfig::DEFAULT);
            let connections: Vec<_> = (0..count).map(|n| open(&mut endpoint, now, n)).collect();
            (endpoint, connections)
        });
        let each = made.kept / i64::from(count);
        // One alone pays for the tables of its endpoint.
        assert!(each <= if count == 1 { 8_192 } else { 3_072 }, "{count} virtual connections: {each} bytes each");
        println!("{count} virtual connections: {each} bytes each, {size} of them the machine itself; {made:?}");
        drop(held);
    }
}
