//! The client against a scripted far end.

mod bad_input;
mod establishment;
mod flow;
mod in_recycling;
mod out_recycling;
mod quirks;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, ConnectionIds, Decode, Encode, Error, Limits, decode_all, encode_to_bytes};
use oxwire_http::{Head, HttpEvent, HttpTransmit, Origin, RequestHead, Reset, ResponseHead};

use super::{Client, Config, Event};
use crate::channel::{ChannelPdu, PdusIn};
use crate::rts::conn::{ConnA1, ConnA3, ConnB1, ConnC2};
use crate::rts::in_r1::{InR1A1, InR1A4};
use crate::rts::other::FlowControlAckWithDestination;
use crate::rts::out_r1::OutR1A3;
use crate::rts::{
    ConnectionTimeout, Destination, FlowControlAck, ForwardDestination, ReceiveWindowSize, RtsCookie, Version,
};

/// What one connection has carried from the client.
pub(super) struct Sent {
    pub(super) head: Option<RequestHead>,
    pdus_in: PdusIn,
    pub(super) pdus: Vec<ChannelPdu>,
    pub(super) bytes: u64,
    pub(super) ended: bool,
    pub(super) closed: bool,
}

/// A client, a clock, and what it did to its connections.
pub(super) struct Bench {
    pub(super) client: Client,
    pub(super) now: Instant,
    pub(super) conns: BTreeMap<ConnectionId, Sent>,
    pub(super) order: Vec<ConnectionId>,
    pub(super) received: Vec<Bytes>,
    pub(super) events: Vec<Event>,
}

pub(super) const WINDOW: u32 = 65_536;

/// Where time begins. Nothing here waits for it to pass.
#[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
pub(super) fn start() -> Instant {
    Instant::now()
}

pub(super) fn config() -> Config {
    let origin = Origin::from_url("http://proxy.test/").unwrap().0;
    Config::new(origin, "mbx1:6001".parse().unwrap())
}

/// Cookies that count, so that a test can tell them apart.
fn entropy() -> Box<dyn oxwire_core::Entropy + Send> {
    let mut next = 0_u8;
    Box::new(move |out: &mut [u8]| {
        next = next.wrapping_add(1);
        out.fill(next);
    })
}

/// A request PDU of `len` bytes, \[C706\] 12.6.4.9, whose call_id is `number`.
pub(super) fn rpc(number: u32, len: usize) -> Bytes {
    let mut pdu = vec![0; len.max(16)];
    pdu[..8].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0]);
    let frag_length = u16::try_from(pdu.len()).unwrap();
    pdu[8..10].copy_from_slice(&frag_length.to_le_bytes());
    pdu[12..16].copy_from_slice(&number.to_le_bytes());
    pdu.into()
}

pub(super) fn wire(pdu: &impl Encode) -> Bytes {
    encode_to_bytes(pdu).unwrap()
}

pub(super) fn success() -> ResponseHead {
    crate::http::out_channel_response(0x4000_0000).unwrap()
}

impl Bench {
    pub(super) fn new(config: Config) -> Self {
        let client = Client::new(config, entropy(), ConnectionIds::default());
        let (conns, order, received, events) = Default::default();
        Self { client, now: start(), conns, order, received, events }
    }

    /// A client whose virtual connection is opened, into a window of 64 KiB.
    pub(super) fn opened(config: Config) -> Self {
        let mut bench = Self::new(config);
        bench.connect();
        bench.establish(WINDOW);
        assert!(matches!(bench.events.last(), Some(Event::Opened { .. })), "{:?}", bench.events);
        bench
    }

    pub(super) fn connect(&mut self) {
        self.client.connect(self.now).unwrap();
        self.pump();
    }

    pub(super) fn establish(&mut self, window: u32) {
        let out = self.out();
        self.head(out, success()).unwrap();
        self.pdu(out, &ConnA3 { connection_timeout: ConnectionTimeout(120_000) }).unwrap();
        self.pdu(out, &c2(window)).unwrap();
    }

    /// Takes what the client has to say.
    pub(super) fn pump(&mut self) {
        while let Some(transmit) = self.client.poll_transmit(self.now) {
            let conn = transmit.conn();
            match transmit {
                HttpTransmit::Open { .. } => {
                    let (pdus_in, pdus) = (PdusIn::new(u16::MAX), Vec::new());
                    let sent = Sent { head: None, pdus_in, pdus, bytes: 0, ended: false, closed: false };
                    assert!(self.conns.insert(conn, sent).is_none());
                    self.order.push(conn);
                }
                HttpTransmit::Event { event, .. } => {
                    let sent = self.conns.get_mut(&conn).unwrap();
                    assert!(!sent.closed && !sent.ended, "{event:?}");
                    match event {
                        HttpEvent::Head(Head::Request(head)) => sent.head = Some(head),
                        HttpEvent::Body(bytes) => {
                            assert!(!bytes.is_empty());
                            sent.bytes += bytes.len() as u64;
                            sent.pdus_in.push(bytes);
                            while let Ok(Some(pdu)) = sent.pdus_in.next_pdu() {
                                sent.pdus.push(pdu);
                            }
                            let length: u64 =
                                sent.head.as_ref().unwrap().fields().text("content-length").unwrap().parse().unwrap();
                            assert!(sent.bytes <= length, "more than the Content-Length");
                        }
                        HttpEvent::End => sent.ended = true,
                        other => panic!("{other:?}"),
                    }
                }
                HttpTransmit::Close { .. } | HttpTransmit::Abort { .. } => {
                    self.conns.get_mut(&conn).unwrap().closed = true
                }
                other => panic!("{other:?}"),
            }
        }
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::Pdu(pdu) => self.received.push(pdu),
                event => self.events.push(event),
            }
        }
    }

    pub(super) fn event(&mut self, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        let result = self.client.handle(self.now, conn, event);
        self.pump();
        result
    }

    pub(super) fn head(&mut self, conn: ConnectionId, head: ResponseHead) -> Result<(), Error> {
        self.event(conn, HttpEvent::Head(Head::Response(head)))
    }

    pub(super) fn bytes(&mut self, conn: ConnectionId, bytes: impl Into<Bytes>) -> Result<(), Error> {
        self.event(conn, HttpEvent::Body(bytes.into()))
    }

    pub(super) fn pdu(&mut self, conn: ConnectionId, pdu: &impl Encode) -> Result<(), Error> {
        self.bytes(conn, wire(pdu))
    }

    pub(super) fn reset(&mut self, conn: ConnectionId, reset: Reset) -> Result<(), Error> {
        self.event(conn, HttpEvent::Reset(reset))
    }

    pub(super) fn send(&mut self, pdu: Bytes) {
        self.client.send_pdu(self.now, pdu).unwrap();
        self.pump();
    }

    pub(super) fn consume(&mut self, len: usize) {
        self.client.consume(self.now, len).unwrap();
        self.pump();
    }

    pub(super) fn wait(&mut self, time: Duration) -> Result<(), Error> {
        self.now += time;
        let result = self.client.handle_timeout(self.now);
        self.pump();
        assert!(self.client.poll_timeout().is_none_or(|at| at > self.now), "a timer is due after handle_timeout");
        result
    }

    /// The connection of the last request by a method.
    fn last(&self, method: &str) -> ConnectionId {
        let by = |conn: &&ConnectionId| self.conns[*conn].head.as_ref().is_some_and(|head| head.method() == method);
        *self.order.iter().rev().find(by).unwrap()
    }

    pub(super) fn inward(&self) -> ConnectionId {
        self.last("RPC_IN_DATA")
    }

    pub(super) fn out(&self) -> ConnectionId {
        self.last("RPC_OUT_DATA")
    }

    /// A PDU that the client has sent, as the type that it is to be.
    pub(super) fn sent<T: for<'de> Decode<'de>>(&self, conn: ConnectionId, at: usize) -> T {
        decode_all(self.conns[&conn].pdus[at].bytes(), &Limits::DEFAULT).unwrap()
    }

    /// The last PDU that the client has sent on a connection.
    pub(super) fn last_sent<T: for<'de> Decode<'de>>(&self, conn: ConnectionId) -> T {
        self.sent(conn, self.conns[&conn].pdus.len() - 1)
    }

    /// The call_ids of the RPC PDUs that went out on a connection.
    pub(super) fn calls(&self, conn: ConnectionId) -> Vec<u32> {
        let number = |pdu: &ChannelPdu| match pdu {
            ChannelPdu::Rpc(pdu) => Some(u32::from_le_bytes(pdu[12..16].try_into().unwrap())),
            ChannelPdu::Rts(_) => None,
        };
        self.conns[&conn].pdus.iter().filter_map(number).collect()
    }

    pub(super) fn in_cookie(&self) -> RtsCookie {
        match self.conns[&self.inward()].pdus[0].bytes().len() {
            104 => self.sent::<ConnB1>(self.inward(), 0).in_channel_cookie.0,
            _ => self.sent::<InR1A1>(self.inward(), 0).successor_channel_cookie.0,
        }
    }

    pub(super) fn out_cookie(&self) -> RtsCookie {
        match self.conns[&self.out()].pdus[0].bytes().len() {
            76 => self.sent::<ConnA1>(self.out(), 0).out_channel_cookie.0,
            _ => self.sent::<OutR1A3>(self.out(), 0).successor_channel_cookie.0,
        }
    }

    /// An acknowledgement by the inbound proxy, by way of server and outbound proxy.
    pub(super) fn ack(
        &mut self,
        out: ConnectionId,
        cookie: RtsCookie,
        received: u32,
        window: u32,
    ) -> Result<(), Error> {
        let flow_control_ack =
            FlowControlAck { bytes_received: received, available_window: window, channel_cookie: cookie };
        let destination = Destination(ForwardDestination::CLIENT);
        self.pdu(out, &FlowControlAckWithDestination { destination, flow_control_ack })
    }

    pub(super) fn closed(&self) -> Option<(&super::CloseReason, &[Bytes], u64)> {
        match self.events.last() {
            Some(Event::Closed { reason, unsent, sent }) => Some((reason, unsent, *sent)),
            _ => None,
        }
    }

    /// Every connection is closed from here.
    pub(super) fn all_closed(&self) -> bool {
        self.conns.values().all(|sent| sent.closed)
    }
}

pub(super) fn c2(window: u32) -> ConnC2 {
    ConnC2 {
        version: Version(1),
        receive_window_size: ReceiveWindowSize(window),
        connection_timeout: ConnectionTimeout(120_000),
    }
}

pub(super) fn in_r1_a4(window: u32) -> InR1A4 {
    InR1A4 {
        version: Version(1),
        inbound_proxy_receive_window_size: ReceiveWindowSize(window),
        inbound_proxy_connection_timeout: ConnectionTimeout(240_000),
    }
}
