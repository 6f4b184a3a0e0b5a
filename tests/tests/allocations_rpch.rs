//! Allocation budgets of the RPC over HTTP client: whole PDUs pass through it without a copy and without an allocation.

use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{ConnectionId, ConnectionIds, Encode, encode_to_bytes};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Origin};
use oxwire::rpch::client::{Client, Config, Event};
use oxwire::rpch::http::out_channel_response;
use oxwire::rpch::rts::conn::{ConnA3, ConnC2};
use oxwire::rpch::rts::{ConnectionTimeout, ReceiveWindowSize, Version};
use oxwire_tests::allocations;

fn rpc(len: u16) -> Bytes {
    let mut pdu = vec![0; usize::from(len)];
    pdu[..8].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0]);
    pdu[8..10].copy_from_slice(&len.to_le_bytes());
    pdu.into()
}

fn opened(now: Instant) -> (Client, ConnectionId) {
    let origin = Origin::from_url("http://proxy.test/").unwrap().0;
    let config = Config::new(origin, "mbx1:6001".parse().unwrap()).with_receive_window(262_144);
    let mut client = Client::new(config, Box::new(|out: &mut [u8]| out.fill(7)), ConnectionIds::default());
    client.connect(now).unwrap();
    let mut out = None;
    while let Some(transmit) = client.poll_transmit(now) {
        if let HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Request(head)) } = &transmit
            && head.method() == "RPC_OUT_DATA"
        {
            out = Some(*conn);
        }
    }
    let out = out.unwrap();
    let timeout = ConnectionTimeout(120_000);
    let c2 =
        ConnC2 { version: Version(1), receive_window_size: ReceiveWindowSize(262_144), connection_timeout: timeout };
    let wire = |pdu: &dyn Fn() -> Bytes| HttpEvent::Body(pdu());
    client.handle(now, out, HttpEvent::Head(Head::Response(out_channel_response(1 << 30).unwrap()))).unwrap();
    client.handle(now, out, wire(&|| bytes(&ConnA3 { connection_timeout: timeout }))).unwrap();
    client.handle(now, out, wire(&|| bytes(&c2))).unwrap();
    assert!(matches!(client.poll_event(), Some(Event::Opened { .. })));
    (client, out)
}

fn bytes(pdu: &impl Encode) -> Bytes {
    encode_to_bytes(pdu).unwrap()
}

/// A PDU up, one down, and its bytes given back. The first round warms the queues up.
#[test]
fn whole_pdus_pass_without_an_allocation_and_without_a_copy() {
    let now = Instant::now();
    let (mut client, out) = opened(now);
    let mut acknowledged = 0;
    for (round, len) in [32_768, 32_768, 4_096, 32_768, 32_768].into_iter().enumerate() {
        let (up, down) = (rpc(len), rpc(len));
        // Bytes that were one owner's become shared by their first clone: the caller's allocation, made here.
        let (given, arrived) = (up.clone(), down.clone());
        let (made, (sent, received)) = allocations(|| {
            client.send_pdu(now, given).unwrap();
            let sent = client.poll_transmit(now);
            client.handle(now, out, HttpEvent::Body(arrived)).unwrap();
            let received = client.poll_event();
            client.consume(now, down.len()).unwrap();
            (sent, received)
        });
        let Some(HttpTransmit::Event { event: HttpEvent::Body(sent), .. }) = sent else { panic!("{sent:?}") };
        let Some(Event::Pdu(received)) = received else { panic!("{received:?}") };
        assert_eq!((sent.as_ptr(), sent.len()), (up.as_ptr(), up.len()));
        assert_eq!((received.as_ptr(), received.len()), (down.as_ptr(), down.len()));
        // An acknowledgement, where one is due, is its 56 bytes and what makes them shared.
        let acks = std::iter::from_fn(|| client.poll_transmit(now)).count();
        acknowledged += acks;
        assert!(round == 0 || made.count <= 2 * acks as u64, "{len} bytes, {acks} acknowledgements: {made:?}");
    }
    assert_eq!(acknowledged, 1, "half of the window, once");
}
