//! The client of RPC over HTTP v2, [MS-RPCH] 3.2.2.

mod channels;
mod closing;
mod config;
mod event;
mod io;
mod opening;
mod proxy_use;
mod receive;
#[cfg(test)]
mod tests;
mod virtual_connection;

use std::fmt;
use std::time::{Duration, Instant};

use oxwire_core::{Closed, ConnectionId, ConnectionIds, Entropy, Error, Misuse};
use oxwire_http::{HttpEvent, HttpTransmit};
use oxwire_rpc::association::OutgoingPdu;

pub use config::{Config, ProxyUse, Route};
pub use event::{CloseReason, Event, Recycling};

use crate::fault::{Refused, RefusedReason};
use crate::rts::ClientKeepalive;
use closing::Failing;
use io::Io;
use opening::Opening;
use proxy_use::ProxyUseDetermination;
use virtual_connection::{Stop, VirtualConnection};

/// Where the virtual connection stands: [MS-RPCH] 3.2.2 figure 22.
#[derive(Debug)]
enum State {
    /// Not asked for.
    Start,
    /// Wait, Wait_Direct.
    ProxyUse(ProxyUseDetermination),
    /// Out Channel Wait, Wait_A3W, Wait_C2.
    Opening(Box<Opening>),
    /// Opened: the virtual IN channel and the virtual OUT channel have states of their own.
    Opened(Box<VirtualConnection>),
    /// A proxy has told a failure, whose body is awaited.
    Failing(Box<Failing>),
    Closed(Closed),
}

/// One virtual connection to an RPC server, through an RPC over HTTP proxy.
///
/// # Use
/// [`connect`](Self::connect), and [`Event::Opened`] follows. From there [`send_pdu`](Self::send_pdu) takes whole RPC PDUs, and
/// [`Event::Pdu`] gives them; [`consume`](Self::consume) says that one was used up, and gives its bytes of the receive window
/// back. Channel recycling goes on by itself, in both directions at once if need be, and loses nothing.
///
/// The driver moves [`poll_transmit`](Self::poll_transmit) to its connections, in their order, and what comes on them into
/// [`handle`](Self::handle). Between the two stands `oxwire_auth`'s `ClientLayer` where a proxy asks for authentication: it holds a
/// channel's body back until that is through. On [`HttpTransmit::Open`] the driver asks [`route`](Self::route) which way to go.
///
/// # What is promised
/// - A PDU that `send_pdu` took goes out once and in order, or comes back in [`Event::Closed`]. PDUs leave the queue only when
///   `poll_transmit` hands them out, so what comes back was never sent.
/// - The peer's receive window is never overrun, nor a channel's length.
/// - What is held is bounded: by [`Config::queue_bytes`] one way, by two receive windows the other, and by four of the peer's receive
///   windows for the acknowledgements on an OUT channel that comes before its turn.
/// - Nothing waits for ever: every wait has a deadline in [`poll_timeout`](Self::poll_timeout).
/// - A peer that breaks the protocol ends this virtual connection alone. The error names the PDU, the state and the section.
///
/// # Where the text leaves a choice
/// - 3.2.2.5.5 waits "until all RTS and RPC PDUs on the predecessor IN channel are sent". PDUs that flow control or the lifetime keeps
///   waiting are not on the predecessor yet: they go out on the successor, behind IN_R1/A5.
/// - Nobody is told to close a predecessor IN channel but its proxy, which may still be forwarding from it: the client leaves it open
///   until then, or until [`Config::recycling_timeout`].
/// - An inbound proxy that knows the virtual connection takes IN_R1/A1 for IN_R2/A1, and ends it where it knows another predecessor
///   (3.2.3.5.5.1); and nobody knows which proxy a request comes to. So after IN_R1 the next successor is asked for once the proxy that was
///   left has closed its channel.
/// - 3.2.2.5.2 lets no OUT channel response come but in Out Channel Wait. Successors are answered too, once they are through.
/// - In OUT_R2 the successor may begin to carry PDUs before OUT_R2/B3 arrives on the predecessor, as two connections are not ordered:
///   they are held until then.
/// - 3.2.2.5.12 recycles both channels in parallel and says nothing of what one waits for on the other. Once OUT_R1/A7 (OUT_R2/A7) is sent,
///   IN_R1/A4 comes on the successor OUT channel, which is plugged until the predecessor is read to its end; and what the outbound proxy
///   holds for the predecessor waits for acknowledgements, on the IN channel. So A7 waits for a successor IN channel where the IN channel
///   is being recycled, or has no room for the acknowledgements of the largest window a proxy may have; and these are as seldom as
///   [`AckThreshold::HalfWindow`](crate::flow_control::AckThreshold::HalfWindow) until then. A receive window of less than two of the
///   largest PDUs may need more of them than a quarter of the IN channel holds: then the virtual connection can end by its timers.
pub struct Client {
    io: Io,
    state: State,
    now: Option<Instant>,
}

/// No cookies, no PDUs.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("origin", &self.io.config.origin)
            .field("rpc", &self.io.config.rpc)
            .field("state", &self.state_name())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// A client without a virtual connection. `entropy` gives its cookies, `ids` the names of its connections.
    ///
    /// A setting outside the bounds of its field is brought to the nearer one.
    #[must_use]
    pub fn new(config: Config, entropy: Box<dyn Entropy + Send>, ids: ConnectionIds) -> Self {
        Self { io: Io::new(config.clamped(), entropy, ids), state: State::Start, now: None }
    }

    /// Opens the virtual connection, after proxy use is determined where [`Config::proxy_use`] asks for that.
    /// [MS-RPCH] 3.2.2.4.1
    ///
    /// # Errors
    /// [`Error::Misuse`] the second time, and for a path or a host that no request can carry; [`Error::Closed`] after the end.
    pub fn connect(&mut self, now: Instant) -> Result<(), Error> {
        let now = self.tick(now);
        match &self.state {
            State::Start => {}
            State::Closed(closed) => return Err(closed.clone().into()),
            _ => return Err(self.misuse("connect", "one client is one virtual connection; make another one")),
        }
        let begun = match self.io.config.proxy_use {
            ProxyUse::Determine => ProxyUseDetermination::start(&mut self.io, now).map(State::ProxyUse),
            given => {
                self.io.route = if given == ProxyUse::Indirect { Route::HttpProxy } else { Route::Direct };
                Opening::start(&mut self.io, now, 0).map(|opening| State::Opening(Box::new(opening)))
            }
        };
        match begun {
            Ok(state) => {
                self.state = state;
                Ok(())
            }
            Err(_) => {
                self.io.transmits.clear();
                Err(self.misuse("connect", "take control characters out of the configured path and host"))
            }
        }
    }

    /// Takes a whole RPC PDU to be sent: in one piece, or with its head apart, as an association gives it. Its body is not copied.
    /// [MS-RPCH] 3.2.2.4.2
    ///
    /// # Errors
    /// [`Refused`], with the PDU in it. After [`RefusedReason::QueueFull`], [`Event::Writable`] says when to go on.
    pub fn send_pdu(&mut self, now: Instant, pdu: impl Into<OutgoingPdu>) -> Result<(), Refused> {
        let (now, pdu) = (self.tick(now), pdu.into());
        match &mut self.state {
            State::Opened(connection) => connection.send_pdu(now, pdu),
            State::Closed(_) | State::Failing(_) => Err(Refused { pdu, reason: RefusedReason::Closed }),
            _ => Err(Refused { pdu, reason: RefusedReason::NotOpened }),
        }
    }

    /// Says that `len` bytes of the RPC PDUs received are used up, oldest first: their place in the receive window is free, and
    /// the proxy is told so when that is due. After the end it does nothing.
    ///
    /// # Errors
    /// [`Error::Misuse`] for more bytes than were received; [`Error::Peer`] when the virtual connection ends by what follows.
    pub fn consume(&mut self, now: Instant, len: usize) -> Result<(), Error> {
        let now = self.tick(now);
        let State::Opened(connection) = &mut self.state else { return Ok(()) };
        let result = connection.consume(&mut self.io, now, len)?;
        self.settle(result)
    }

    /// Sets the KeepAlive interval, and tells the inbound proxy by a Keep-Alive RTS PDU. `None` asks for no more than the
    /// configured [`Config::client_keepalive`]. [MS-RPCH] 3.2.2.4.4
    ///
    /// # Errors
    /// [`Error::Misuse`] before the virtual connection is opened; [`Error::Peer`] when it ends by what follows.
    pub fn set_keep_alive(&mut self, now: Instant, interval: Option<Duration>) -> Result<(), Error> {
        let now = self.tick(now);
        let default = self.io.config.client_keepalive;
        let State::Opened(connection) = &mut self.state else {
            return Err(self.misuse("set_keep_alive", "wait for Event::Opened"));
        };
        connection.set_keep_alive(interval);
        let asked = interval.and_then(|interval| u32::try_from(interval.as_millis()).ok());
        let milliseconds = asked.unwrap_or(default).max(60_000);
        let result = connection.send_keep_alive(&mut self.io, now, ClientKeepalive(milliseconds));
        self.settle(result)
    }

    /// Closes the virtual connection; [`Event::Closed`] follows. What was handed out still goes out. [MS-RPCH] 3.2.2.4.3
    pub fn close(&mut self, now: Instant) {
        self.tick(now);
        self.end(CloseReason::ByCaller);
    }

    /// Takes what a connection said.
    ///
    /// # Errors
    /// [`Error::Peer`] when that breaks the protocol, and [`Event::Closed`] follows; [`Error::Misuse`] for a connection that this
    /// client never asked for.
    pub fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        let now = self.tick(now);
        if !self.io.knows(conn) {
            return Err(self.misuse("handle", "pass events of connections that this client asked to open"));
        }
        self.on_event(now, conn, event)
    }

    /// Takes the passing of time. Early, it does nothing; after it no timer is due at `now`.
    ///
    /// # Errors
    /// [`Error::Peer`] when something was awaited in vain, and [`Event::Closed`] follows.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), Error> {
        let now = self.tick(now);
        self.on_timeout(now)
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` is never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Start | State::Closed(_) => None,
            State::ProxyUse(determination) => determination.poll_timeout(),
            State::Opening(opening) => opening.poll_timeout(),
            State::Opened(connection) => connection.poll_timeout(&self.io),
            State::Failing(failing) => failing.deadline,
        }
    }

    /// What goes to the connections next. RPC PDUs are handed out as far as the window allows.
    pub fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        let now = self.tick(now);
        if let Some(transmit) = self.io.transmits.pop_front() {
            return Some(transmit);
        }
        let State::Opened(connection) = &mut self.state else { return None };
        match connection.next_rpc(&mut self.io, now) {
            Ok(Some(transmit)) => Some(transmit),
            // A successor may have been asked for.
            Ok(None) => self.io.transmits.pop_front(),
            Err(stop) => {
                self.stop(stop);
                self.io.transmits.pop_front()
            }
        }
    }

    /// What the application is to know next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.io.events.pop_front()
    }

    /// Which way a connection is to be opened.
    #[must_use]
    pub fn route(&self, conn: ConnectionId) -> Route {
        match &self.state {
            State::ProxyUse(determination) => determination.route(conn),
            _ => self.io.route,
        }
    }

    /// Bytes of PDUs that wait to be sent.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        match &self.state {
            State::Opened(connection) => connection.queue.bytes(),
            _ => 0,
        }
    }

    /// The states, in the specification's words: of the virtual IN channel and of the virtual OUT channel once it is opened.
    #[must_use]
    pub fn state_name(&self) -> (&'static str, &'static str) {
        match &self.state {
            State::Start => ("Start", "Start"),
            State::ProxyUse(determination) => (determination.name(), determination.name()),
            State::Opening(opening) => (opening.state.name(), opening.state.name()),
            State::Opened(connection) => (connection.inward.state.name(), connection.outward.state.name()),
            State::Failing(_) | State::Closed(_) => ("closed", "closed"),
        }
    }

    fn tick(&mut self, now: Instant) -> Instant {
        let latest = self.now.map_or(now, |clock| clock.max(now));
        self.now = Some(latest);
        latest
    }

    fn misuse(&self, call: &'static str, advice: &'static str) -> Error {
        Misuse { call, state: self.state_name().0, advice }.into()
    }

    fn settle(&mut self, result: Result<(), Stop>) -> Result<(), Error> {
        match result {
            Ok(()) => Ok(()),
            Err(stop) => Err(self.stop(stop)),
        }
    }
}
