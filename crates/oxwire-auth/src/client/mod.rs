//! The client's end of the 401 and 407 loop.

mod choice;
mod config;
mod connection;
mod flow;
mod negotiate;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::time::Instant;

use oxwire_core::{ConnectionId, Entropy, Error, FileTime, Misuse};
use oxwire_http::{Head, HttpEvent, HttpTransmit};

use crate::clock::WallClock;
use crate::closed::ClosedIds;
use crate::trace::event;
use crate::{AuthScheme, ChannelBinding, Credentials};

pub use config::{CallHandle, ClientCall, ClientConfig, ClientEvent, CredentialsHandle, FailReason, LastToken, Target};

use choice::TargetState;
use connection::{Connection, Side};

/// Stands between a client machine and its HTTP connections, and answers 401 and 407 for it: the machine sees neither a
/// challenge nor a leg.
///
/// # What the machine sees
/// - The response to its request, once authentication is through.
/// - `Reset` with [`NotSent`](oxwire_http::RequestFate::NotSent) when the request has to go out again on another connection, which
///   it then does by its own rules.
/// - The 401 or 407 itself where nothing is left to try; an event has said why. Its body may be missing.
///
/// # What the driver does
/// It passes what the machine transmits into [`handle_outgoing`](Self::handle_outgoing), what its connections say into
/// [`handle`](Self::handle), carries [`poll_transmit`](Self::poll_transmit) to the connections and
/// [`poll_deliver`](Self::poll_deliver) to the machine. After a TLS handshake it says the binding by
/// [`set_channel_binding`](Self::set_channel_binding). For `CONNECT` it runs the exchange with the proxy through a layer too, and
/// uses the tunnel for a connection of the machine's.
///
/// **NTLM and Negotiate authenticate the transport connection.** One [`ConnectionId`] has to stay on one connection from its first byte to its
/// last: a pool that deals requests out over connections, an HTTP/2 connection shared by several users, or a middlebox that reuses
/// server connections (haproxy without `http-reuse never`) breaks the handshake, or gives one user's authentication to another.
///
/// # How it goes
/// The first request to a server goes out as it is; its body is kept until the answer shows whether it has to go again. NTLM's
/// legs go with `Content-Length: 0`, the last token rides on the request itself. A scheme that a target took is used at once on the
/// next connection. The bodies of `RPC_IN_DATA` and `RPC_OUT_DATA` wait until the legs are through.
///
/// Negotiate offers the mechanisms of [`ClientConfig::outside_mechanisms`] and NTLM, as far as the credentials go. A mechanism of the
/// caller's (Kerberos by the system's GSSAPI, which may ask a KDC) is never run in here: [`ClientEvent::MechanismNeeded`] asks for it,
/// [`take_call`](Self::take_call) gives the step to run, [`finish_call`](Self::finish_call) takes what came of it. A scheme that
/// comes to nothing before the user is proved (no ticket, no common mechanism) gives way to the next one, by an event.
///
/// Credentials that were refused are forgotten, never tried again and never tried by another scheme: the caller is asked. As long
/// as new ones are not proven, one connection tries them and the others wait, so that a slip of the user's costs one failed
/// logon.
pub struct ClientLayer {
    config: ClientConfig,
    entropy: Box<dyn Entropy + Send>,
    wall: WallClock,
    connections: HashMap<ConnectionId, Connection>,
    closed: ClosedIds,
    targets: HashMap<Target, TargetState>,
    next_handle: u64,
    /// Whose mechanism a call is for.
    calls: HashMap<CallHandle, (ConnectionId, Side)>,
    held_bytes: usize,
    /// Targets whose parked connections are to be looked at.
    wake: VecDeque<Target>,
    transmits: VecDeque<HttpTransmit>,
    deliveries: VecDeque<(ConnectionId, HttpEvent)>,
    events: VecDeque<ClientEvent>,
}

impl fmt::Debug for ClientLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientLayer").field("connections", &self.connections).finish_non_exhaustive()
    }
}

impl ClientLayer {
    /// A layer that knows no credentials. `entropy` gives the client challenges; `wall` is the time at `now`, for servers that
    /// send none.
    #[must_use]
    pub fn new(config: ClientConfig, entropy: Box<dyn Entropy + Send>, now: Instant, wall: FileTime) -> Self {
        Self {
            config,
            entropy,
            wall: WallClock::new(now, wall),
            connections: HashMap::new(),
            closed: ClosedIds::default(),
            targets: HashMap::new(),
            next_handle: 1,
            calls: HashMap::new(),
            held_bytes: 0,
            wake: VecDeque::new(),
            transmits: VecDeque::new(),
            deliveries: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Says the wall time anew: after a sleep, or when the system's clock was set.
    pub fn set_wall(&mut self, now: Instant, wall: FileTime) {
        self.wall = WallClock::new(now, wall);
    }

    /// Gives credentials for a target before they are asked for, or replaces those that are there.
    pub fn set_credentials(&mut self, now: Instant, target: Target, credentials: Credentials) {
        self.targets.entry(target.clone()).or_default().set_credentials(credentials);
        self.wake.push_back(target);
        self.run_wakes(now);
    }

    /// Uses a scheme from the first request on, without waiting to be challenged. For Basic and Bearer that saves a round trip;
    /// for NTLM, the body of the first request too. Allowed or not is still the configuration's to say.
    pub fn assume_scheme(&mut self, target: Target, scheme: AuthScheme) {
        self.targets.entry(target).or_default().scheme = Some(scheme);
    }

    /// Says the binding of a connection, once its TLS handshake is through; before that it is [`ChannelBinding::None`].
    ///
    /// # Errors
    /// [`Error::Misuse`] for a connection that the machine did not open.
    pub fn set_channel_binding(&mut self, conn: ConnectionId, binding: ChannelBinding) -> Result<(), Error> {
        let Some(mut connection) = self.connections.remove(&conn) else {
            return self.stray("set_channel_binding", conn);
        };
        self.on_binding(&mut connection, binding);
        self.connections.insert(conn, connection);
        Ok(())
    }

    /// Says that a connection carries several requests side by side (HTTP/2, HTTP/3): schemes that authenticate a connection are not
    /// used on it, [`FailReason::NeedsHttp11`] tells where they would have been.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a connection that the machine did not open.
    pub fn set_multiplexed(&mut self, conn: ConnectionId) -> Result<(), Error> {
        match self.connections.get_mut(&conn) {
            Some(connection) => {
                connection.multiplexed = true;
                Ok(())
            }
            None => self.stray("set_multiplexed", conn),
        }
    }

    /// Keeps all credentials from the origin of a connection that the machine has opened: its 401 goes to the machine as it is, and a
    /// forward proxy is still answered. For requests that anybody may answer, as Autodiscover's plain GET is.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a connection that the machine did not open.
    pub fn keep_anonymous(&mut self, conn: ConnectionId) -> Result<(), Error> {
        match self.connections.get_mut(&conn) {
            Some(connection) => {
                connection.anonymous = true;
                Ok(())
            }
            None => self.stray("keep_anonymous", conn),
        }
    }

    /// Takes what the machine wants done.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a connection that was not opened or is opened twice, for a second request before the first is over,
    /// and for events that are no part of a request.
    pub fn handle_outgoing(&mut self, now: Instant, transmit: HttpTransmit) -> Result<(), Error> {
        match transmit {
            HttpTransmit::Open { conn, origin } => {
                if self.connections.contains_key(&conn) {
                    let advice = "give each connection a number of its own";
                    return Err(Misuse { call: "handle_outgoing", state: "connection open already", advice }.into());
                }
                event!(debug, conn = conn.number(), origin = %origin, "connection opened");
                self.connections.insert(conn, Connection::new(conn, origin.clone()));
                self.transmits.push_back(HttpTransmit::Open { conn, origin });
                Ok(())
            }
            HttpTransmit::Event { conn, event } => {
                self.on_connection(now, conn, "handle_outgoing", |this, c| this.on_outgoing(now, c, event))
            }
            other => {
                let conn = other.conn();
                let result = self.on_connection(now, conn, "handle_outgoing", |_, c| {
                    c.gone = true;
                    Ok(())
                });
                // Nothing that was waiting to go out need go once the machine drops the connection.
                if matches!(other, HttpTransmit::Abort { .. }) {
                    self.transmits.retain(|t| t.conn() != conn || matches!(t, HttpTransmit::Open { .. }));
                }
                self.transmits.push_back(other);
                result
            }
        }
    }

    /// Takes what a connection said.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a connection that the machine did not open: the state of one authentication belongs to one
    /// connection.
    pub fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        self.on_connection(now, conn, "handle", |this, c| {
            if matches!(event, HttpEvent::Head(Head::Request(_))) {
                let advice = "a client's connection gives responses";
                return Err(Misuse { call: "handle", state: "client", advice }.into());
            }
            this.on_incoming(now, c, event);
            Ok(())
        })
    }

    /// What goes to the network next.
    pub fn poll_transmit(&mut self, _now: Instant) -> Option<HttpTransmit> {
        self.transmits.pop_front()
    }

    /// What goes to the machine next.
    pub fn poll_deliver(&mut self) -> Option<(ConnectionId, HttpEvent)> {
        self.deliveries.pop_front()
    }

    /// What the application is to know next.
    pub fn poll_event(&mut self) -> Option<ClientEvent> {
        self.events.pop_front()
    }

    /// Takes the passing of time. Early, it does nothing; after it no timer is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) {
        let due = |c: &&Connection| c.deadline().is_some_and(|deadline| deadline <= now);
        let mut ids: Vec<_> = self.connections.values().filter(due).map(|c| c.id).collect();
        ids.sort_unstable();
        for id in ids {
            let _ours = self.on_connection(now, id, "handle_timeout", |this, c| {
                this.on_deadline(now, c);
                Ok(())
            });
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due; `None` is never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.connections.values().filter_map(Connection::deadline).min()
    }

    fn deliver(&mut self, conn: ConnectionId, event: HttpEvent) {
        self.deliveries.push_back((conn, event));
    }

    /// Runs `f` on a connection, and what follows from it on others.
    fn on_connection(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        call: &'static str,
        f: impl FnOnce(&mut Self, &mut Connection) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let Some(mut connection) = self.connections.remove(&conn) else { return self.stray(call, conn) };
        let result = f(self, &mut connection);
        self.put_back(connection);
        self.run_wakes(now);
        result
    }

    fn put_back(&mut self, mut connection: Connection) {
        if connection.gone {
            self.forget_call(&mut connection, Side::Origin);
            self.forget_call(&mut connection, Side::Proxy);
            self.drop_exchange(&mut connection);
            self.release(&connection);
            self.closed.add(connection.id);
        } else {
            self.connections.insert(connection.id, connection);
        }
    }

    /// What comes for a connection that is over was on its way; anything else is a mistake of the driver's.
    fn stray(&self, call: &'static str, conn: ConnectionId) -> Result<(), Error> {
        if self.closed.has(conn) {
            return Ok(());
        }
        let advice =
            "pass the machine's `Open` through `handle_outgoing` first, and keep one connection on one `ConnectionId`";
        Err(Misuse { call, state: "no such connection", advice }.into())
    }
}
