//! A driver around an endpoint: what it sends on each connection, and what it tells.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::endpoint::{Endpoint, EndpointConfig, EndpointEvent, Event, Handled, VirtualConnection};
use crate::fault::Refused;
use crate::front::{Caller, ChannelRefused, Verdict};
use bytes::Bytes;
use oxwire_core::{ConnectionId, Error, Principal};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset};

pub(super) const IN_CONN: u64 = 1;
pub(super) const OUT_CONN: u64 = 2;

/// What went out on one connection.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Status and reason of the response.
    pub(super) head: Option<String>,
    pub(super) fields: Option<oxwire_http::Fields>,
    pub(super) body: Vec<Bytes>,
    pub(super) end: bool,
    pub(super) closed: bool,
    pub(super) aborted: bool,
}

pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) endpoint: Endpoint,
    pub(super) vc: Option<VirtualConnection>,
    pub(super) sent: BTreeMap<u64, Sent>,
    pub(super) events: Vec<Event>,
    pub(super) refused: Vec<ChannelRefused>,
    pub(super) verdict: Verdict,
    pub(super) asked: Vec<String>,
    pub(super) principal: Option<Principal>,
    pub(super) address: IpAddr,
    pub(super) last: Result<(), Error>,
}

impl Net {
    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    pub(super) fn new(config: EndpointConfig) -> Self {
        let now = Instant::now();
        Self {
            now,
            endpoint: Endpoint::new(config),
            vc: None,
            sent: BTreeMap::new(),
            events: Vec::new(),
            refused: Vec::new(),
            verdict: Verdict::Allow,
            asked: Vec::new(),
            principal: Some(Principal::new("ada")),
            address: IpAddr::from([192, 0, 2, 1]),
            last: Ok(()),
        }
    }

    /// A virtual connection that is open, and nothing else to tell.
    pub(super) fn opened(config: EndpointConfig) -> Self {
        let mut net = Self::new(config);
        net.request_out(OUT_CONN, 76);
        net.body(OUT_CONN, crate::test_pdus::conn_a1(65_536));
        net.request_in(IN_CONN, 0x4000_0000);
        net.body(IN_CONN, crate::test_pdus::conn_b1());
        assert!(net.vc.is_some(), "{:?}", net.refused);
        net.sent.values_mut().for_each(|sent| sent.body.clear());
        net
    }

    pub(super) fn request(&mut self, conn: u64, method: &str, target: &str, length: &str) {
        let head = RequestHead::builder(method, target)
            .field("Host", "mail.test")
            .field("Content-Length", length)
            .request()
            .unwrap();
        self.event(conn, HttpEvent::Head(Head::Request(head)));
    }

    pub(super) fn request_in(&mut self, conn: u64, length: u64) {
        self.request(conn, "RPC_IN_DATA", "/rpc/rpcproxy.dll?mbx.test:6001", &length.to_string());
    }

    pub(super) fn request_out(&mut self, conn: u64, length: u64) {
        self.request(conn, "RPC_OUT_DATA", "/rpc/rpcproxy.dll?mbx.test:6001", &length.to_string());
    }

    pub(super) fn body(&mut self, conn: u64, bytes: Bytes) {
        self.event(conn, HttpEvent::Body(bytes));
    }

    pub(super) fn reset(&mut self, conn: u64) {
        self.event(conn, HttpEvent::Reset(Reset::unknown("cut")));
    }

    pub(super) fn event(&mut self, conn: u64, event: HttpEvent) {
        let id = ConnectionId::new(conn);
        let caller = Caller { address: self.address, principal: self.principal.clone() };
        match self.endpoint.handle(self.now, id, &caller, event) {
            Ok(Handled::Taken) => {}
            Ok(Handled::BelongsTo(owner, event)) => {
                let vc = self.vc.as_mut().unwrap();
                assert_eq!(vc.id(), owner);
                self.last = vc.handle(self.now, id, event);
            }
            Err(error) => self.last = Err(error),
        }
        self.turn();
    }

    /// Moves what there is to move, until nobody has anything left.
    pub(super) fn turn(&mut self) {
        loop {
            if let Some(event) = self.endpoint.poll_event() {
                match event {
                    EndpointEvent::Access(request) => {
                        self.asked.push(request.request.rpc.to_string());
                        self.endpoint.verdict(self.now, request.handle, self.verdict);
                    }
                    EndpointEvent::Opened(vc) => self.vc = Some(*vc),
                    EndpointEvent::Attach { id, channel } => {
                        let vc = self.vc.as_mut().unwrap();
                        assert_eq!(vc.id(), id);
                        self.last = vc.attach(self.now, channel);
                    }
                    EndpointEvent::Refused(refused) => self.refused.push(refused),
                }
            } else if let Some(event) = self.vc.as_mut().and_then(VirtualConnection::poll_event) {
                self.events.push(event);
            } else if let Some(transmit) = self.vc.as_mut().and_then(|vc| vc.poll_transmit(self.now)) {
                self.transmit(transmit);
            } else if let Some(transmit) = self.endpoint.poll_transmit() {
                self.transmit(transmit);
            } else {
                return;
            }
        }
    }

    fn transmit(&mut self, transmit: HttpTransmit) {
        let sent = self.sent.entry(transmit.conn().number()).or_default();
        assert!(!sent.closed && !sent.aborted, "{transmit:?} after the end");
        match transmit {
            HttpTransmit::Event { event: HttpEvent::Head(Head::Response(head)), .. } => {
                assert!(sent.head.is_none(), "two responses");
                sent.head = Some(format!("{} {}", head.status(), head.reason().escape_ascii()));
                sent.fields = Some(head.fields().clone());
            }
            HttpTransmit::Event { event: HttpEvent::Body(bytes), .. } => {
                assert!(sent.head.is_some(), "a body without a head");
                sent.body.push(bytes);
            }
            HttpTransmit::Event { event: HttpEvent::End, .. } => sent.end = true,
            HttpTransmit::Close { .. } => sent.closed = true,
            HttpTransmit::Abort { .. } => sent.aborted = true,
            other => panic!("{other:?}"),
        }
    }

    /// Lets time pass up to `after`, with every timer called when it is due.
    pub(super) fn wait(&mut self, after: Duration) {
        let until = self.now + after;
        loop {
            let vc = self.vc.as_ref().and_then(VirtualConnection::poll_timeout);
            let due = [vc, self.endpoint.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= until) else { break };
            self.now = due;
            self.endpoint.handle_timeout(due);
            if let Some(vc) = &mut self.vc {
                vc.handle_timeout(due);
                assert!(vc.poll_timeout().is_none_or(|next| next > due), "a timer is due after handle_timeout");
            }
            assert!(self.endpoint.poll_timeout().is_none_or(|next| next > due));
            self.turn();
        }
        self.now = until;
    }

    /// The body that went out on a connection since the last look.
    pub(super) fn out(&mut self, conn: u64) -> Vec<Bytes> {
        self.sent.get_mut(&conn).map(|sent| std::mem::take(&mut sent.body)).unwrap_or_default()
    }

    pub(super) fn vc(&mut self) -> &mut VirtualConnection {
        self.vc.as_mut().unwrap()
    }

    pub(super) fn send(&mut self, pdu: Bytes) -> Result<(), Refused> {
        self.vc.as_mut().unwrap().send_pdu(self.now, pdu)
    }

    pub(super) fn consume(&mut self, len: usize) -> Result<(), Error> {
        self.vc.as_mut().unwrap().consume(self.now, len)
    }

    /// RPC PDUs that were told since the last look.
    pub(super) fn pdus(&mut self) -> Vec<Bytes> {
        let mut pdus = Vec::new();
        self.events.retain(|event| match event {
            Event::Pdu(pdu) => {
                pdus.push(pdu.clone());
                false
            }
            _ => true,
        });
        pdus
    }

    /// The virtual connection has ended, by an error that names all of these; both of its channels are dropped.
    pub(super) fn assert_ended(&self, named: &[&str]) {
        let Some(Event::Closed { error, .. }) = self.events.last() else { panic!("{:?}", self.events) };
        let text = error.to_string();
        for part in named {
            assert!(text.contains(part), "`{part}` is not in: {text}");
        }
        assert!(self.vc.as_ref().unwrap().is_closed());
        assert_eq!(self.vc.as_ref().unwrap().poll_timeout(), None);
    }
}
