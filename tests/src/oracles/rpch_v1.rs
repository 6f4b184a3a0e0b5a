//! oxwire-rpch, version 1: client, mixed proxy and server, each by sequences of operations.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use oxwire::core::{ConnectionId, Transmit};
use oxwire::http::{Head, HttpEvent, HttpTransmit, Origin, RequestHead, Reset, ResponseHead, Scheme};
use oxwire::rpch::front::{LegEvent, ProxyTransmit};
use oxwire::rpch::v1::client::{self, Client};
use oxwire::rpch::v1::mixed_proxy::{self, MixedProxy};
use oxwire::rpch::v1::server::{self, Connection};

use super::Target;
use super::rpch_roles::{Promised, Steps, rpc};

/// The targets of this area.
pub const TARGETS: &[Target] =
    &[("rpch_v1_client", rpch_v1_client), ("rpch_v1_proxy", rpch_v1_proxy), ("rpch_v1_server", rpch_v1_server)];

const CONN: ConnectionId = ConnectionId::new(7);
const LEG: ConnectionId = ConnectionId::new(8);

/// Bytes that wait in a queue, at most.
const QUEUE: usize = 20_000;

/// PDUs that the peer sends, and the machine has to tell whole and in order, whatever the pieces.
#[derive(Default)]
struct Incoming {
    number: u32,
    pending: VecDeque<Bytes>,
    expected: VecDeque<Bytes>,
    /// Something that is no RPC PDU has come: what is told of what follows is not foreseen.
    broken: bool,
    unconsumed: usize,
}

impl Incoming {
    /// The next piece: of a PDU that was begun, or of another.
    fn piece(&mut self, steps: &mut Steps<'_>) -> Bytes {
        let pdu = self.pending.pop_front().unwrap_or_else(|| {
            let pdu = steps.pdu(self.number);
            let length = u16::try_from(pdu.len()).unwrap_or(0).to_le_bytes();
            // Little-endian: in another representation the length is another.
            let whole = pdu.len() >= 16 && pdu.starts_with(&[5, 0, 0, 3, 0x10, 0, 0, 0]) && pdu[8..10] == length;
            if whole && !self.broken {
                self.number += 1;
                self.expected.push_back(pdu.clone());
            } else {
                self.broken = true;
            }
            pdu
        });
        let at = [pdu.len(), 1, 9, 15, 16, 17][steps.below(6)].min(pdu.len());
        if at < pdu.len() {
            self.pending.push_front(pdu.slice(at..));
        }
        pdu.slice(..at)
    }

    fn told(&mut self, pdu: &Bytes) {
        self.unconsumed += pdu.len();
        match self.expected.pop_front() {
            Some(expected) => assert_eq!(*pdu, expected, "not the PDU that came"),
            None => assert!(self.broken, "a PDU that did not come"),
        }
    }
}

/// The client: PDUs that it took go out once and in order, or come back; PDUs that come are told whole and in order; nothing goes out
/// and nothing is told after the end; no timer is due right after `handle_timeout`.
pub fn rpch_v1_client(data: &[u8]) {
    let mut steps = Steps(data);
    let origin = Origin { scheme: Scheme::Http, host: "a".into(), port: 80 };
    let config = client::Config::new(origin, "a:1".parse().expect("a target"));
    let config = config.with_queue_bytes(QUEUE).with_receive_bytes(QUEUE);
    let mut client = Client::new(config, CONN);
    let (mut promised, mut incoming, mut now) = (Promised::default(), Incoming::default(), Instant::now());
    let (mut over, mut unsent_told) = (false, 0);
    client.connect(now).expect("the first time");
    loop {
        let at_end = steps.0.is_empty();
        match steps.below(12) {
            _ if at_end => client.close(now),
            0 => now += steps.span(),
            1 | 2 => promised.took(client.send_pdu(now, rpc(promised.taken, 16 + 64 * steps.below(256)))),
            3 => client.consume(now, std::mem::take(&mut incoming.unconsumed)),
            4 if steps.below(16) == 0 => client.close(now),
            5 => {
                let status = [200, 200, 299, 100, 302, 503][steps.below(6)];
                let head = ResponseHead::builder(status, "Any").response().expect("a head");
                let _ended = client.handle(now, CONN, HttpEvent::Head(Head::Response(head)));
                incoming.broken |= status >= 300;
            }
            6 if steps.below(16) == 0 => {
                let _ended = client.handle(now, CONN, HttpEvent::End);
            }
            7 if steps.below(16) == 0 => {
                let _ended = client.handle(now, CONN, HttpEvent::Reset(Reset::unknown("cut")));
            }
            _ => {
                let piece = incoming.piece(&mut steps);
                if !piece.is_empty() {
                    let _ended = client.handle(now, CONN, HttpEvent::Body(piece));
                }
            }
        }
        let _ended = client.handle_timeout(now);
        assert!(client.poll_timeout().is_none_or(|due| due > now), "a timer is due after handle_timeout");
        while let Some(transmit) = client.poll_transmit(now) {
            assert!(!over, "{transmit:?} after the end");
            match transmit {
                HttpTransmit::Event { event: HttpEvent::Body(pdu), .. } => promised.sent(&pdu),
                HttpTransmit::Close { .. } | HttpTransmit::Abort { .. } => over = true,
                _ => {}
            }
        }
        while let Some(event) = client.poll_event() {
            assert!(!promised.closed, "{event:?} after Closed");
            match event {
                client::Event::Pdu(pdu) => incoming.told(&pdu),
                client::Event::Closed { unsent, sent, .. } => {
                    promised.closed = true;
                    assert_eq!(sent, u64::from(promised.handed), "what it says of what it sent");
                    unsent_told += unsent.len();
                    unsent.iter().for_each(|pdu| promised.sent(pdu));
                    assert_eq!(promised.handed, promised.taken, "a PDU is lost");
                }
                _ => {}
            }
        }
        assert_eq!(client.wants_input(), incoming.unconsumed < QUEUE);
        if promised.closed {
            break;
        }
    }
    assert!(unsent_told * 16 <= QUEUE, "more than the queue takes");
    assert_eq!((client.poll_timeout(), client.poll_transmit(now)), (None, None));
}

/// Bytes one way through the mixed proxy.
#[derive(Default)]
struct Through {
    fed: Vec<u8>,
    /// So many of them have come out.
    out: usize,
}

impl Through {
    fn came(&mut self, bytes: &[u8]) {
        assert!(
            self.fed.get(self.out..).is_some_and(|rest| rest.starts_with(bytes)),
            "other bytes than those that came"
        );
        self.out += bytes.len();
    }
}

/// The mixed proxy: bytes pass both ways as they are, once the legacy server response is here and not before; what does not pass is
/// counted; nothing goes out after the end; no timer is due right after `handle_timeout`.
pub fn rpch_v1_proxy(data: &[u8]) {
    let mut steps = Steps(data);
    let (method, url) =
        [("RPC_CONNECT", "http://a:1/rpc/rpcproxy.dll?b:2"), ("RPC_CONNECT", "/rpc/rpcproxy.dll?b:2"), ("GET", "/")]
            [[0, 1, 1, 1, 1, 1, 1, 2][steps.below(8)]];
    let head = RequestHead::builder(method, url).request().expect("a head");
    let mut now = Instant::now();
    let config = mixed_proxy::Config::DEFAULT.with_queue_bytes(QUEUE);
    let mut proxy = MixedProxy::new(now, config, CONN, LEG, &head);
    let (mut to_server, mut to_client) = (Through::default(), Through::default());
    let legacy = b"ncacn_http/1.0";
    // How much of the legacy server response has come; more than all once the server has begun with something else.
    let (mut seen, mut leg_opened, mut opened, mut over) = (0, false, false, [false; 2]);
    let mut left = None;
    while left.is_none() {
        let at_end = steps.0.is_empty();
        match steps.below(10) {
            _ if at_end => {
                let _ended = proxy.handle(HttpEvent::Reset(Reset::unknown("cut")));
            }
            0 => now += steps.span(),
            1 | 2 => proxy.allow(),
            3 if steps.below(8) == 0 => proxy.deny(5),
            4 if steps.below(16) == 0 => {
                let _ended = proxy.handle(HttpEvent::End);
            }
            5 if steps.below(16) == 0 => {
                let _ended = proxy.handle_leg(LegEvent::Lost("cut".into()));
            }
            6 if leg_opened && seen < legacy.len() && steps.below(8) > 0 => {
                let len = (1 + steps.below(legacy.len())).min(legacy.len() - seen);
                if proxy.handle_leg(LegEvent::Bytes(Bytes::from_static(legacy).slice(seen..seen + len))).is_ok() {
                    seen += len;
                }
            }
            6 | 7 if leg_opened => {
                let bytes = steps.raw();
                let taken = proxy.handle_leg(LegEvent::Bytes(bytes.clone()));
                if taken.is_ok() && seen >= legacy.len() {
                    to_client.fed.extend_from_slice(&bytes);
                } else if taken.is_ok() {
                    let response = bytes.len().min(legacy.len() - seen);
                    assert_eq!(bytes[..response], legacy[seen..seen + response], "no legacy server response");
                    to_client.fed.extend_from_slice(&bytes[response..]);
                    seen += response;
                }
            }
            _ => {
                let bytes = steps.raw();
                if proxy.wants_client_input() && proxy.handle(HttpEvent::Body(bytes.clone())).is_ok() {
                    to_server.fed.extend_from_slice(&bytes);
                }
            }
        }
        proxy.handle_timeout(now);
        assert!(proxy.poll_timeout().is_none_or(|due| due > now), "a timer is due after handle_timeout");
        while let Some(event) = proxy.poll_event() {
            assert!(left.is_none(), "{event:?} after Closed");
            match event {
                mixed_proxy::Event::Opened => opened = true,
                mixed_proxy::Event::Closed { to_server, to_client, .. } => left = Some((to_server, to_client)),
                _ => {}
            }
        }
        assert!(!opened || seen == legacy.len(), "opened before the server has answered");
        while let Some(transmit) = proxy.poll_transmit() {
            let which = usize::from(!matches!(transmit, ProxyTransmit::Http(_)));
            assert!(!over[which], "{transmit:?} after the end");
            match transmit {
                ProxyTransmit::OpenLeg { .. } => leg_opened = true,
                ProxyTransmit::Http(HttpTransmit::Event { event: HttpEvent::Body(bytes), .. }) => {
                    to_client.came(&bytes)
                }
                ProxyTransmit::Leg(Transmit::Send { body, .. }) => to_server.came(&body),
                ProxyTransmit::Http(HttpTransmit::Close { .. } | HttpTransmit::Abort { .. })
                | ProxyTransmit::Leg(Transmit::Close { .. } | Transmit::Abort { .. }) => over[which] = true,
                _ => {}
            }
        }
    }
    let unsent = (to_server.fed.len() - to_server.out, to_client.fed.len() - to_client.out);
    assert_eq!(left, Some(unsent), "what it says of what did not pass");
    assert!(over[0] && proxy.is_closed() && (over[1] || !leg_opened));
    assert_eq!(proxy.poll_timeout(), None);
}

/// The server: like the client, from the other end.
pub fn rpch_v1_server(data: &[u8]) {
    let mut steps = Steps(data);
    let config = server::Config::DEFAULT.with_send_queue(QUEUE).with_receive_bytes(QUEUE);
    let mut server = Connection::accept(CONN, config);
    let (mut promised, mut incoming, mut over, mut greeted) = (Promised::default(), Incoming::default(), false, false);
    while !promised.closed {
        let at_end = steps.0.is_empty();
        match steps.below(8) {
            _ if at_end => {
                let _ended = server.close();
            }
            0 | 1 => promised.took(server.send_pdu(rpc(promised.taken, 16 + 64 * steps.below(256)))),
            2 => server.consume(std::mem::take(&mut incoming.unconsumed)).expect("as much as was told"),
            3 => assert!(server.consume(incoming.unconsumed + 1).is_err(), "more than was told"),
            4 if steps.below(16) == 0 => {
                let _ended = server.close();
            }
            5 if steps.below(16) == 0 => {
                let _ended = server.handle(LegEvent::Lost("cut".into()));
            }
            _ => {
                let _ended = server.handle(LegEvent::Bytes(incoming.piece(&mut steps)));
            }
        }
        // What is not taken waits in the queue.
        let room = if at_end { usize::MAX } else { steps.below(4) };
        for transmit in std::iter::from_fn(|| server.poll_transmit()).take(room) {
            assert!(!over, "{transmit:?} after the end");
            match transmit {
                Transmit::Send { body, .. } if !greeted => {
                    assert_eq!(body, &b"ncacn_http/1.0"[..]);
                    greeted = true;
                }
                Transmit::Send { body, .. } => promised.sent(&body),
                Transmit::Close { .. } | Transmit::Abort { .. } => over = true,
                _ => {}
            }
        }
        while let Some(event) = server.poll_event() {
            assert!(!promised.closed, "{event:?} after Closed");
            match event {
                server::Event::Pdu(pdu) => incoming.told(&pdu),
                server::Event::Undelivered(pdu) => promised.sent(&pdu),
                server::Event::Closed(_) => promised.closed = true,
                _ => {}
            }
        }
        assert_eq!(server.is_closed(), promised.closed);
    }
    assert_eq!(promised.handed, promised.taken, "a PDU is lost");
}
