//! oxwire-rpch: the client machine by sequences of operations, EEInfo, and the peek of reverse proxies.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire::core::{ConnectionId, ConnectionIds, Encode, Limits, decode_all, encode_to_bytes};
use oxwire::http::{Head, HttpEvent, HttpLimits, HttpTransmit, Origin, Reset, ResponseHead};
use oxwire::rpch::channel::{ChannelPdu, PdusIn};
use oxwire::rpch::client::{Client, Config, Event, ProxyUse};
use oxwire::rpch::eerr::ExtendedError;
use oxwire::rpch::http::{RpcError, echo_response, rpc_error_response};
use oxwire::rpch::peek::Peek;
use oxwire::rpch::rts::conn::{ConnA3, ConnB1, ConnC2};
use oxwire::rpch::rts::in_r1::{InR1A1, InR1A4};
use oxwire::rpch::rts::in_r2::InR2A4;
use oxwire::rpch::rts::other::{Echo, FlowControlAckPdu, FlowControlAckWithDestination, Ping};
use oxwire::rpch::rts::out_r1::{OutR1A2, OutR1A6, OutR1A10};
use oxwire::rpch::rts::out_r2::{OutR2A6, OutR2B3};
use oxwire::rpch::rts::{
    Ance, ConnectionTimeout, Destination, FlowControlAck, ForwardDestination, ReceiveWindowSize, RtsCookie, Version,
};

use super::Target;

/// The targets of this area.
pub const TARGETS: &[Target] =
    &[("rpch_client_machine", rpch_client_machine), ("rpch_ee_info", rpch_ee_info), ("rpch_peek", rpch_peek)];

/// Extended error information that decodes encodes to what decodes to the same; and a response that carries it reads back.
pub fn rpch_ee_info(data: &[u8]) {
    let _any = RpcError::from_reason(data).map(|error| error.with_body(data));
    let _any = RpcError::in_stream(data).map(|error| error.to_string());
    let Ok(error) = ExtendedError::from_bytes(data) else { return };
    let bytes = error.to_bytes().expect("what was read fits");
    assert_eq!(ExtendedError::from_bytes(&bytes).as_ref(), Ok(&error));
    let error = RpcError { code: 0x6BA, ee_info: Some(bytes) };
    let (head, body) = rpc_error_response(&error).expect("a head");
    assert_eq!(RpcError::of(&head).map(|read| read.with_body(&body)), Some(error));
}

/// The peek tells the same at whatever boundaries the bytes come, and gives every byte back. The first byte says how long the
/// pieces are.
pub fn rpch_peek(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let now = Instant::now();
    let told = |size: usize| {
        let mut peek = Peek::new(now, ConnectionId::new(1), HttpLimits::DEFAULT);
        let mut told = None;
        for piece in stream.chunks(size.max(1)) {
            told = peek.handle(now, Bytes::copy_from_slice(piece)).transpose();
        }
        let back: Vec<u8> = peek.take().flatten().collect();
        assert_eq!(back, stream, "not every byte came back");
        told
    };
    let (whole, pieces) = (told(stream.len()), told(usize::from(*size)));
    // An error says what was seen first, which is another where less was seen at once.
    assert_eq!(whole.as_ref().map(Result::is_ok), pieces.as_ref().map(Result::is_ok), "{whole:?} {pieces:?}");
    if let (Some(Ok(whole)), Some(Ok(pieces))) = (whole, pieces) {
        assert_eq!(whole, pieces);
    }
}

/// The bytes that steer a run.
struct Steps<'a>(&'a [u8]);

impl Steps<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn number(&mut self) -> usize {
        usize::from(self.byte().unwrap_or(0))
    }
}

/// What a connection has carried.
struct Channel {
    length: Option<u64>,
    sent: u64,
    rpc_sent: u32,
    pdus: PdusIn,
    cookie: Option<RtsCookie>,
    over: bool,
}

/// A client, a far end that says anything at all, and what the client promises.
struct Run {
    client: Client,
    now: Instant,
    channels: BTreeMap<ConnectionId, Channel>,
    order: Vec<ConnectionId>,
    in_channels: Vec<ConnectionId>,
    out_channels: Vec<ConnectionId>,
    /// RPC PDUs that the client took, and that it handed out.
    taken: u32,
    handed: u32,
    received: usize,
    closed: bool,
}

fn rpc(number: u32, len: usize) -> Bytes {
    let len = len.clamp(16, 65_535);
    let mut pdu = vec![0; len];
    pdu[..8].copy_from_slice(&[5, 0, 0, 3, 0x10, 0, 0, 0]);
    pdu[8..10].copy_from_slice(&u16::try_from(len).unwrap_or(u16::MAX).to_le_bytes());
    pdu[12..16].copy_from_slice(&number.to_le_bytes());
    pdu.into()
}

fn wire(pdu: &impl Encode) -> Bytes {
    encode_to_bytes(pdu).expect("it fits")
}

impl Run {
    /// Takes all that the client says, and holds it against what it promises.
    fn settle(&mut self) {
        while let Some(transmit) = self.client.poll_transmit(self.now) {
            let conn = transmit.conn();
            match transmit {
                HttpTransmit::Open { .. } => {
                    let pdus = PdusIn::new(u16::MAX);
                    let channel = Channel { length: None, sent: 0, rpc_sent: 0, pdus, cookie: None, over: false };
                    assert!(self.channels.insert(conn, channel).is_none(), "{conn} opened twice");
                    self.order.push(conn);
                }
                HttpTransmit::Event { event, .. } => self.sent(conn, event),
                _ => self.channels.get_mut(&conn).expect("it was opened").over = true,
            }
        }
        while let Some(event) = self.client.poll_event() {
            assert!(!self.closed, "{event:?} after Closed");
            match event {
                Event::Pdu(pdu) => self.received += pdu.len(),
                Event::Closed { unsent, sent, .. } => {
                    self.closed = true;
                    assert_eq!(sent, u64::from(self.handed));
                    for pdu in unsent {
                        assert_eq!(call_id(&pdu), self.handed, "given back out of order");
                        self.handed += 1;
                    }
                    assert_eq!(self.handed, self.taken, "a PDU is lost");
                    assert!(self.channels.values().all(|channel| channel.over), "a connection is left open");
                    assert_eq!(self.client.poll_timeout(), None);
                }
                _ => {}
            }
        }
    }

    fn sent(&mut self, conn: ConnectionId, event: HttpEvent) {
        let channel = self.channels.get_mut(&conn).expect("it was opened");
        assert!(!channel.over, "{event:?} on a connection that is over");
        match event {
            HttpEvent::Head(Head::Request(head)) => {
                assert!(channel.length.is_none(), "a second head");
                let length: u64 = head.fields().text("Content-Length").and_then(|text| text.parse().ok()).expect("one");
                channel.length = Some(length);
                match (head.method(), length) {
                    (_, 4) => {}
                    ("RPC_IN_DATA", _) => self.in_channels.push(conn),
                    _ => self.out_channels.push(conn),
                }
            }
            HttpEvent::Body(bytes) => {
                channel.sent += bytes.len() as u64;
                assert!(Some(channel.sent) <= channel.length, "more than the Content-Length");
                if channel.length == Some(4) {
                    return;
                }
                channel.pdus.push(bytes);
                while let Some(pdu) = channel.pdus.next_pdu().expect("PDUs") {
                    match pdu {
                        ChannelPdu::Rpc(pdu) => {
                            assert_eq!(call_id(&pdu), self.handed, "out of order");
                            self.handed += 1;
                            channel.rpc_sent = channel.rpc_sent.wrapping_add(u32::try_from(pdu.len()).expect("short"));
                        }
                        ChannelPdu::Rts(pdu) if channel.cookie.is_none() => {
                            let b1 = decode_all::<ConnB1>(&pdu, &Limits::DEFAULT).map(|b1| b1.in_channel_cookie.0);
                            let a1 =
                                || decode_all::<InR1A1>(&pdu, &Limits::DEFAULT).map(|a1| a1.successor_channel_cookie.0);
                            channel.cookie = b1.or_else(|_| a1()).ok();
                        }
                        ChannelPdu::Rts(_) => {}
                    }
                }
            }
            HttpEvent::End => {
                assert_eq!(Some(channel.sent), channel.length, "an end before the Content-Length");
            }
            other => panic!("{other:?}"),
        }
    }

    fn event(&mut self, conn: ConnectionId, event: HttpEvent) {
        if let (HttpEvent::Reset(_), Some(channel)) = (&event, self.channels.get_mut(&conn)) {
            channel.over = true;
        }
        self.client.handle(self.now, conn, event).ok();
    }

    fn body(&mut self, conn: Option<ConnectionId>, bytes: Bytes) {
        if let Some(conn) = conn
            && !bytes.is_empty()
        {
            self.event(conn, HttpEvent::Body(bytes));
        }
    }

    /// The latest OUT channel, or the one before: a predecessor goes on until its last PDU.
    fn out(&self, before: bool) -> Option<ConnectionId> {
        let at = self.out_channels.len().checked_sub(if before { 2 } else { 1 });
        at.or(self.out_channels.len().checked_sub(1)).map(|at| self.out_channels[at])
    }

    /// An acknowledgement that is right, or any.
    fn ack(&self, right: bool, steps: &mut Steps<'_>) -> FlowControlAck {
        let conn = self.in_channels[steps.number() % self.in_channels.len()];
        let channel = &self.channels[&conn];
        let channel_cookie = channel.cookie.unwrap_or_default();
        if right {
            return FlowControlAck { bytes_received: channel.rpc_sent, available_window: 8_192, channel_cookie };
        }
        let any = |steps: &mut Steps<'_>| u32::try_from(steps.number() * 257).expect("short");
        FlowControlAck { bytes_received: any(steps), available_window: any(steps), channel_cookie }
    }

    fn pdu(&self, which: usize, steps: &mut Steps<'_>) -> Bytes {
        let timeout = ConnectionTimeout(120_000);
        let (version, window) = (Version(1), ReceiveWindowSize(8_192 << (steps.number() % 4)));
        match which {
            0 => wire(&ConnA3 { connection_timeout: timeout }),
            1 => wire(&ConnC2 { version, receive_window_size: window, connection_timeout: timeout }),
            2 => wire(&InR1A4 {
                version,
                inbound_proxy_receive_window_size: window,
                inbound_proxy_connection_timeout: timeout,
            }),
            3 => wire(&InR2A4 {}),
            4 => wire(&OutR1A2 {}),
            5 => wire(&OutR1A6 { version, outbound_proxy_connection_timeout: timeout }),
            6 => wire(&OutR1A10 { ance: Ance }),
            7 => wire(&OutR2A6 { ance: Ance }),
            8 => wire(&OutR2B3 { ance: Ance }),
            9 => wire(&Echo {}),
            10 if !self.in_channels.is_empty() => wire(&FlowControlAckPdu { flow_control_ack: self.ack(true, steps) }),
            11 | 12 if !self.in_channels.is_empty() => {
                let flow_control_ack = self.ack(which == 12, steps);
                let destination = Destination(ForwardDestination::CLIENT);
                wire(&FlowControlAckWithDestination { destination, flow_control_ack })
            }
            _ => wire(&Ping {}),
        }
    }

    fn pass(&mut self, duration: Duration) {
        self.now += duration;
        self.client.handle_timeout(self.now).ok();
        assert!(self.client.poll_timeout().is_none_or(|at| at > self.now), "a timer is due after handle_timeout");
    }

    fn step(&mut self, op: u8, steps: &mut Steps<'_>) {
        let conn = |run: &Self, at: usize| run.order.get(at % run.order.len().max(1)).copied();
        match op % 16 {
            0 => drop(self.client.connect(self.now)),
            1 => {
                let pdu = rpc(self.taken, steps.number() * 129);
                match self.client.send_pdu(self.now, pdu.clone()) {
                    Ok(()) => self.taken += 1,
                    Err(refused) => assert_eq!(refused.pdu.into_bytes(), pdu, "what was refused is another"),
                }
            }
            2 => {
                let len = self.received.min(steps.number() * 257);
                self.received -= len;
                self.client.consume(self.now, len).ok();
            }
            op @ (3 | 4) => {
                let which = steps.number() % 14;
                let pdu = self.pdu(which, steps);
                self.body(self.out(op == 4), pdu);
            }
            5 => {
                let (at, kind) = (steps.number(), steps.number());
                let status = [200, 200, 200, 100, 503, 401, 302, 503][kind % 8];
                let reason = ["Success", "RPC Error: 6ba", "RPC Error: 5, EEInfo: AQID", "x"][kind / 8 % 4];
                let head = ResponseHead::builder(status, reason).response().expect("a head");
                if let Some(conn) = conn(self, at) {
                    self.event(conn, HttpEvent::Head(Head::Response(head)));
                }
            }
            6 => {
                if let Some(conn) = conn(self, steps.number()) {
                    self.event(conn, HttpEvent::End);
                }
            }
            7 => {
                let at = steps.number();
                let reset = if at & 64 == 0 { Reset::not_sent("cut") } else { Reset::unknown("cut") };
                if let Some(conn) = conn(self, at) {
                    self.event(conn, HttpEvent::Reset(reset));
                }
            }
            8 => self.pass(Duration::from_secs(steps.number() as u64)),
            9 => {
                let due = self.client.poll_timeout();
                self.pass(due.map_or(Duration::ZERO, |at| at.saturating_duration_since(self.now)));
            }
            10 => {
                let (head, body) = echo_response().expect("a head");
                if let Some(conn) = conn(self, steps.number()) {
                    self.event(conn, HttpEvent::Head(Head::Response(head)));
                    self.event(conn, HttpEvent::Body(body));
                    self.event(conn, HttpEvent::End);
                }
            }
            op @ (11 | 12) => {
                let pdu = rpc(0, steps.number() * 129);
                self.body(self.out(op == 12), pdu);
            }
            13 => {
                let seconds = steps.number() as u64;
                let interval = (seconds > 0).then(|| Duration::from_secs(seconds));
                self.client.set_keep_alive(self.now, interval).ok();
            }
            14 => {
                let (at, len) = (steps.number(), steps.number().min(steps.0.len()));
                let (bytes, rest) = steps.0.split_at(len);
                steps.0 = rest;
                let bytes = Bytes::copy_from_slice(bytes);
                self.body(conn(self, at), bytes);
            }
            _ => self.client.close(self.now),
        }
    }
}

fn call_id(pdu: &[u8]) -> u32 {
    pdu[12..16].iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

/// Any verbs, PDUs, responses, cuts and times in any order: no panic; PDUs go out once and in order, or come back; no channel
/// carries more than it announced; what is closed stays closed; and whatever is awaited, it ends.
pub fn rpch_client_machine(data: &[u8]) {
    let mut steps = Steps(data);
    let setting = steps.byte().unwrap_or(0);
    let origin = Origin::from_url("http://proxy.test/").expect("a URL").0;
    let proxy_use = if setting & 1 == 0 { ProxyUse::Direct } else { ProxyUse::Determine };
    let length = if setting & 2 == 0 { 131_072 } else { 1 << 30 };
    let config = Config::new(origin, "mbx1:6001".parse().expect("a server"))
        .with_proxy_use(proxy_use)
        .with_in_channel_length(length)
        .with_receive_window(8_192 << (setting >> 2 & 3))
        .with_queue_bytes(64 << 10);
    let mut next = 0_u8;
    let entropy = Box::new(move |out: &mut [u8]| {
        next = next.wrapping_add(1);
        out.fill(next);
    });
    let client = Client::new(config, entropy, ConnectionIds::default());
    let (channels, order, in_channels, out_channels) = Default::default();
    let now = Instant::now();
    let (taken, handed, received, closed) = (0, 0, 0, false);
    let mut run = Run { client, now, channels, order, in_channels, out_channels, taken, handed, received, closed };
    // Bytes from two hundred operations on find nothing new.
    for _ in 0..400 {
        let Some(op) = steps.byte() else { break };
        run.step(op, &mut steps);
        // Where the highest bit is set nothing is taken from the client this time: its queues fill.
        if op & 0x80 == 0 {
            run.settle();
        }
    }
    run.settle();
    // Nobody says anything more: every wait ends.
    for _ in 0..10_000 {
        let Some(at) = run.client.poll_timeout() else { break };
        run.pass(at.saturating_duration_since(run.now));
        run.settle();
    }
    assert_eq!(run.client.poll_timeout(), None, "something waits for ever");
    run.client.close(run.now);
    run.settle();
    assert!(run.closed && run.handed == run.taken);
}
