//! A driver around a proxy and one of its machines, for tests: what goes out on each connection, and what is told.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use oxwire_core::{ConnectionId, ConnectionIds, Error, Principal, Transmit};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset};

use super::{
    AccessHandle, Caller, Channel, ChannelRefused, Handled, LegEvent, ProxyChannelEvent, ProxyConfig, ProxyEvent,
    ProxyTransmit, Verdict, VirtualConnectionId,
};
use crate::inbound_proxy::{InboundProxy, VirtualInChannel};
use crate::outbound_proxy::{OutboundProxy, VirtualOutChannel};

/// The first leg that a proxy asks for.
pub(crate) const LEG: u64 = 1_000;

/// A proxy and its machine, by the methods that both kinds have.
pub(crate) trait Role {
    type Machine: Machine;
    fn new(config: ProxyConfig, legs: ConnectionIds) -> Self;
    fn handle(&mut self, now: Instant, conn: ConnectionId, caller: &Caller, event: HttpEvent)
    -> Result<Handled, Error>;
    fn verdict(&mut self, now: Instant, handle: AccessHandle, verdict: Verdict);
    fn handle_timeout(&mut self, now: Instant);
    fn poll_timeout(&self) -> Option<Instant>;
    fn poll_transmit(&mut self) -> Option<HttpTransmit>;
    fn poll_event(&mut self) -> Option<ProxyEvent<Self::Machine>>;
}

pub(crate) trait Machine: Send {
    fn id(&self) -> VirtualConnectionId;
    fn state(&self) -> &'static str;
    fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error>;
    fn handle_leg(&mut self, now: Instant, conn: ConnectionId, event: LegEvent) -> Result<(), Error>;
    fn attach(&mut self, now: Instant, channel: Box<Channel>) -> Result<(), Error>;
    fn handle_timeout(&mut self, now: Instant);
    fn poll_timeout(&self) -> Option<Instant>;
    fn poll_transmit(&mut self, now: Instant) -> Option<ProxyTransmit>;
    fn poll_event(&mut self) -> Option<ProxyChannelEvent>;
    fn is_closed(&self) -> bool;
}

macro_rules! roles {
    ($($proxy:ident $machine:ident)*) => {$(
        impl Role for $proxy {
            type Machine = $machine;
            fn new(config: ProxyConfig, legs: ConnectionIds) -> Self { $proxy::new(config, legs) }
            fn handle(&mut self, now: Instant, conn: ConnectionId, caller: &Caller, event: HttpEvent) -> Result<Handled, Error> {
                $proxy::handle(self, now, conn, caller, event)
            }
            fn verdict(&mut self, now: Instant, handle: AccessHandle, verdict: Verdict) {
                $proxy::verdict(self, now, handle, verdict);
            }
            fn handle_timeout(&mut self, now: Instant) { $proxy::handle_timeout(self, now); }
            fn poll_timeout(&self) -> Option<Instant> { $proxy::poll_timeout(self) }
            fn poll_transmit(&mut self) -> Option<HttpTransmit> { $proxy::poll_transmit(self) }
            fn poll_event(&mut self) -> Option<ProxyEvent<$machine>> { $proxy::poll_event(self) }
        }

        impl Machine for $machine {
            fn id(&self) -> VirtualConnectionId { $machine::id(self) }
            fn state(&self) -> &'static str { $machine::state(self) }
            fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
                $machine::handle(self, now, conn, event)
            }
            fn handle_leg(&mut self, now: Instant, conn: ConnectionId, event: LegEvent) -> Result<(), Error> {
                $machine::handle_leg(self, now, conn, event)
            }
            fn attach(&mut self, now: Instant, channel: Box<Channel>) -> Result<(), Error> {
                $machine::attach(self, now, channel)
            }
            fn handle_timeout(&mut self, now: Instant) { $machine::handle_timeout(self, now); }
            fn poll_timeout(&self) -> Option<Instant> { $machine::poll_timeout(self) }
            fn poll_transmit(&mut self, now: Instant) -> Option<ProxyTransmit> { $machine::poll_transmit(self, now) }
            fn poll_event(&mut self) -> Option<ProxyChannelEvent> { $machine::poll_event(self) }
            fn is_closed(&self) -> bool { $machine::is_closed(self) }
        }
    )*};
}

roles! { InboundProxy VirtualInChannel OutboundProxy VirtualOutChannel }

/// What went out on one connection.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    /// Status and reason of the response.
    pub(crate) head: Option<String>,
    pub(crate) body: Vec<Bytes>,
    pub(crate) closed: bool,
    pub(crate) aborted: bool,
}

pub(crate) struct ProxyNet<R: Role> {
    pub(crate) now: Instant,
    pub(crate) proxy: R,
    pub(crate) machine: Option<R::Machine>,
    pub(crate) sent: BTreeMap<u64, Sent>,
    /// Legs that were asked for, and where they go.
    pub(crate) legs: Vec<(u64, String)>,
    pub(crate) events: Vec<ProxyChannelEvent>,
    pub(crate) refused: Vec<ChannelRefused>,
    pub(crate) principal: Principal,
    pub(crate) last: Result<(), Error>,
}

impl<R: Role> ProxyNet<R> {
    #[allow(clippy::disallowed_methods, reason = "a test needs some instant to begin with")]
    pub(crate) fn new(config: ProxyConfig) -> Self {
        Self {
            now: Instant::now(),
            proxy: R::new(config, ConnectionIds::starting_at(LEG)),
            machine: None,
            sent: BTreeMap::new(),
            legs: Vec::new(),
            events: Vec::new(),
            refused: Vec::new(),
            principal: Principal::new("ada"),
            last: Ok(()),
        }
    }

    pub(crate) fn request(&mut self, conn: u64, method: &str, length: u64) {
        let head = RequestHead::builder(method, "/rpc/rpcproxy.dll?mbx.test:6001")
            .field("Content-Length", length.to_string())
            .request()
            .unwrap();
        self.event(conn, HttpEvent::Head(Head::Request(head)));
    }

    pub(crate) fn body(&mut self, conn: u64, bytes: Bytes) {
        self.event(conn, HttpEvent::Body(bytes));
    }

    pub(crate) fn reset(&mut self, conn: u64) {
        self.event(conn, HttpEvent::Reset(Reset::unknown("cut")));
    }

    pub(crate) fn event(&mut self, conn: u64, event: HttpEvent) {
        let id = ConnectionId::new(conn);
        let caller = Caller::new(IpAddr::from([192, 0, 2, 1]), self.principal.clone());
        match self.proxy.handle(self.now, id, &caller, event) {
            Ok(Handled::Taken) => {}
            Ok(Handled::BelongsTo(owner, event)) => {
                let machine = self.machine.as_mut().unwrap();
                assert_eq!(machine.id(), owner);
                self.last = machine.handle(self.now, id, event);
            }
            Err(error) => self.last = Err(error),
        }
        self.turn();
    }

    pub(crate) fn leg(&mut self, event: LegEvent) {
        let machine = self.machine.as_mut().unwrap();
        self.last = machine.handle_leg(self.now, ConnectionId::new(LEG), event);
        self.turn();
    }

    /// From the server.
    pub(crate) fn server(&mut self, bytes: Bytes) {
        self.leg(LegEvent::Bytes(bytes));
    }

    pub(crate) fn turn(&mut self) {
        loop {
            if let Some(event) = self.proxy.poll_event() {
                match event {
                    ProxyEvent::Access(request) => self.proxy.verdict(self.now, request.handle, Verdict::Allow),
                    ProxyEvent::Opened(machine) => self.machine = Some(*machine),
                    ProxyEvent::Attach { id, channel } => {
                        let machine = self.machine.as_mut().unwrap();
                        assert_eq!(machine.id(), id);
                        self.last = machine.attach(self.now, channel);
                    }
                    ProxyEvent::Refused(refused) => self.refused.push(refused),
                }
            } else if let Some(event) = self.machine.as_mut().and_then(Machine::poll_event) {
                self.events.push(event);
            } else if let Some(transmit) = self.machine.as_mut().and_then(|machine| machine.poll_transmit(self.now)) {
                self.transmit(transmit);
            } else if let Some(transmit) = self.proxy.poll_transmit() {
                self.transmit(ProxyTransmit::Http(transmit));
            } else {
                return;
            }
        }
    }

    fn transmit(&mut self, transmit: ProxyTransmit) {
        let conn = match &transmit {
            ProxyTransmit::Http(transmit) => transmit.conn(),
            ProxyTransmit::Leg(transmit) => transmit.conn(),
            ProxyTransmit::OpenLeg { conn, rpc } => {
                self.legs.push((conn.number(), rpc.to_string()));
                return;
            }
        };
        let sent = self.sent.entry(conn.number()).or_default();
        assert!(!sent.closed && !sent.aborted, "{transmit:?} after the end");
        match transmit {
            ProxyTransmit::Http(HttpTransmit::Event { event: HttpEvent::Head(Head::Response(head)), .. }) => {
                assert!(sent.head.is_none(), "two responses");
                sent.head = Some(format!("{} {}", head.status(), head.reason().escape_ascii()));
            }
            ProxyTransmit::Http(HttpTransmit::Event { event: HttpEvent::Body(bytes), .. }) => {
                assert!(sent.head.is_some(), "a body without a head");
                sent.body.push(bytes);
            }
            ProxyTransmit::Leg(Transmit::Send { body, .. }) => sent.body.push(body),
            ProxyTransmit::Http(HttpTransmit::Close { .. }) | ProxyTransmit::Leg(Transmit::Close { .. }) => {
                sent.closed = true;
            }
            ProxyTransmit::Http(HttpTransmit::Abort { .. }) | ProxyTransmit::Leg(Transmit::Abort { .. }) => {
                sent.aborted = true;
            }
            ProxyTransmit::Http(HttpTransmit::Event { event: HttpEvent::End, .. }) => {}
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn wait(&mut self, after: Duration) {
        let until = self.now + after;
        loop {
            let machine = self.machine.as_ref().and_then(Machine::poll_timeout);
            let due = [machine, self.proxy.poll_timeout()].into_iter().flatten().min();
            let Some(due) = due.filter(|due| *due <= until) else { break };
            self.now = due;
            self.proxy.handle_timeout(due);
            if let Some(machine) = &mut self.machine {
                machine.handle_timeout(due);
                assert!(machine.poll_timeout().is_none_or(|next| next > due), "a timer is due after handle_timeout");
            }
            self.turn();
        }
        self.now = until;
    }

    /// What went out on a connection since the last look.
    pub(crate) fn out(&mut self, conn: u64) -> Vec<Bytes> {
        self.sent.get_mut(&conn).map(|sent| std::mem::take(&mut sent.body)).unwrap_or_default()
    }

    pub(crate) fn state(&self) -> &'static str {
        self.machine.as_ref().unwrap().state()
    }

    /// It has ended, by an error that names all of these; the connections are dropped.
    pub(crate) fn assert_ended(&self, conns: &[u64], named: &[&str]) {
        let Some(ProxyChannelEvent::Closed(error)) = self.events.last() else { panic!("{:?}", self.events) };
        let text = error.to_string();
        for part in named {
            assert!(text.contains(part), "`{part}` is not in: {text}");
        }
        assert!(conns.iter().all(|conn| self.sent[conn].aborted), "{:?}", self.sent);
        assert!(self.machine.as_ref().unwrap().is_closed());
        assert_eq!(self.machine.as_ref().unwrap().poll_timeout(), None);
    }
}
