//! The server's layers as the driver sees them: authentication over HTTP events, the machine, and the application.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Instant, SystemTime};

use oxwire::auth::ntlm::{ExtendedProtection, nt_hash};
use oxwire::auth::server::{Answer, Delivery, ServerConfig as AuthConfig, ServerEvent, ServerLayer};
use oxwire::auth::spnego::MechType;
use oxwire::auth::{AuthScheme, ChannelBinding};
use oxwire::autodiscover::responder::{Responder, ResponderConfig, Service};
use oxwire::core::{ConnectionId, Error, FileTime, Principal};
use oxwire::http::{Head, HttpEvent, HttpTransmit};
use oxwire::mapihttp::server::{Server, ServerConfig};
use oxwire::rpch::http::PathKind;

use super::app::App;
use super::autodiscover::{Offers, told};
use super::nspi::AddressBook;
use super::objects::Objects;
use super::rpc::RpcSide;
use crate::args::Schemes;
use crate::kerberos::{Helper, work};
use crate::net::driver::{Call, Done, Stack, Work};
use crate::net::socket::Opened;

/// The server's NetBIOS name in NTLM.
pub(super) const SERVER_NAME: &str = "OXPROBE";

/// The server's DNS name in NTLM. impacket takes no challenge without one.
pub(super) const DNS_NAME: &str = "localhost";

/// Authentication, machine, application.
pub(crate) struct ServerStack {
    auth: ServerLayer,
    machine: Server<Objects>,
    responder: Responder,
    address_book: AddressBook,
    rpc: RpcSide,
    /// The addresses of the connections that are open.
    peers: HashMap<ConnectionId, IpAddr>,
    /// Where the request of a connection goes that does not go to `machine`.
    routes: HashMap<ConnectionId, Route>,
    app: App,
    offers: Offers,
    /// `None` without TLS.
    binding: Option<ChannelBinding>,
    kerberos: Option<Helper>,
    work: VecDeque<Work>,
}

/// Who is let in, and how.
pub(crate) struct Trust<'a> {
    /// The schemes offered.
    pub(crate) schemes: Schemes,
    /// Whether clients have to be bound to the TLS connection.
    pub(crate) epa: ExtendedProtection,
    /// The certificate of where TLS ends, in DER: here, or at a proxy in front. `None` without TLS.
    pub(crate) certificate: Option<&'a [u8]>,
    /// Kerberos inside of Negotiate.
    pub(crate) kerberos: Option<Helper>,
}

/// A request that is not the endpoint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Route {
    /// Autodiscover, behind authentication.
    Autodiscover,
    /// The address book, behind authentication.
    AddressBook,
    /// The proxy of RPC over HTTP, behind authentication.
    RpcProxy,
    /// Autodiscover v2: clients ask it without authentication, so it goes around that layer, both ways.
    Anonymous,
}

impl ServerStack {
    /// For the users of `app`.
    ///
    /// # Errors
    /// A layer refuses its configuration.
    pub(crate) fn new(
        app: App,
        offers: Offers,
        trust: Trust<'_>,
        rpc: RpcSide,
        now: Instant,
        wall: FileTime,
    ) -> Result<Self, String> {
        let Trust { schemes, epa, certificate, kerberos } = trust;
        let mut auth = AuthConfig::new(SERVER_NAME);
        let offered = [
            (schemes.negotiate, AuthScheme::Negotiate),
            (schemes.ntlm, AuthScheme::Ntlm),
            (schemes.basic, AuthScheme::Basic),
        ];
        auth.schemes = offered.into_iter().filter_map(|(on, scheme)| on.then_some(scheme)).collect();
        if kerberos.is_some() {
            auth.outside_mechanisms = vec![MechType::KERBEROS];
        }
        // Whoever says --plain wants Basic to work there.
        auth.cleartext = certificate.is_none();
        auth.ntlm.extended_protection = epa;
        auth.ntlm.dns_computer = DNS_NAME.into();
        // RFC 5929 defines no binding for some certificates (Ed25519): clients cannot send one then.
        let binding = certificate.map(|der| ChannelBinding::of_certificate(der).unwrap_or(ChannelBinding::None));
        let config = ServerConfig::new().with_secure_cookies(binding.is_some());
        let machine = Server::new(now, wall, config, crate::entropy::fill).map_err(|error| error.to_string())?;
        let address_book = AddressBook::new(binding.is_some(), now, wall)?;
        let auth = ServerLayer::new(auth, Box::new(crate::entropy::fill), now, wall);
        let responder = Responder::new(ResponderConfig::DEFAULT);
        let (peers, routes) = (HashMap::new(), HashMap::new());
        let work = VecDeque::new();
        Ok(Self { auth, machine, responder, address_book, rpc, peers, routes, app, offers, binding, kerberos, work })
    }

    /// Lets the layers and the application talk until nobody has anything left to say.
    fn settle(&mut self, now: Instant) -> Result<(), Error> {
        let mut result = Ok(());
        loop {
            if let Some(event) = self.auth.poll_event() {
                self.on_auth(now, event);
            } else if let Some(delivery) = self.auth.poll_deliver() {
                result = result.and(self.route(now, delivery));
            } else if let Some(event) = self.responder.poll_event() {
                let who = event.principal.as_ref().map_or("nobody", Principal::name);
                self.app.note(event.conn, &format!("{who}: {}", told(&event.wanted)));
                if let Some(reply) = self.offers.reply(self.app.users(), &event.wanted) {
                    self.responder.reply(event.handle, &reply);
                }
            } else if let Some(event) = self.machine.poll_event() {
                self.app.on_event(now, &mut self.machine, event);
            } else if let Some(event) = self.address_book.machine.poll_event() {
                self.address_book.on_event(now, &self.app, &self.offers, event);
            } else if let Some((to, delivered)) = self.app.take_delivered() {
                self.rpc.on_delivered(&to, delivered);
            } else {
                self.rpc.settle(now, FileTime::from_system(SystemTime::now()), &mut self.app);
                match self.rpc.take_waiting() {
                    Some(principal) => self.app.on_async_waiting(now, &mut self.machine, &principal),
                    None => return result,
                }
            }
        }
    }

    /// Gives what authentication lets through to whom it is for.
    fn route(&mut self, now: Instant, delivery: Delivery) -> Result<(), Error> {
        let Delivery { conn, principal, event, .. } = delivery;
        match &event {
            HttpEvent::Head(Head::Request(head)) => {
                let route = match Service::of_target(head.target()) {
                    Some(_) => Some(Route::Autodiscover),
                    None if AddressBook::serves(head.target()) => Some(Route::AddressBook),
                    None => is_rpc_proxy(head.target()).then_some(Route::RpcProxy),
                };
                match route {
                    Some(route) => drop(self.routes.insert(conn, route)),
                    None => drop(self.routes.remove(&conn)),
                }
            }
            HttpEvent::Reset(_) => {
                if self.routes.remove(&conn) == Some(Route::RpcProxy) {
                    let peer = self.peers.get(&conn).copied();
                    self.rpc.handle(now, conn, peer, None, event.clone())?;
                }
                self.responder.handle(now, conn, None, event.clone())?;
                self.address_book.machine.handle(now, conn, None, event.clone())?;
                return self.machine.handle(now, conn, None, event);
            }
            _ => {}
        }
        match self.routes.get(&conn) {
            Some(Route::RpcProxy) => {
                let peer = self.peers.get(&conn).copied();
                self.rpc.handle(now, conn, peer, principal.as_ref(), event)
            }
            Some(Route::AddressBook) => self.address_book.machine.handle(now, conn, principal.as_ref(), event),
            Some(_) => self.responder.handle(now, conn, principal.as_ref(), event),
            None => self.machine.handle(now, conn, principal.as_ref(), event),
        }
    }

    fn on_auth(&mut self, now: Instant, event: ServerEvent) {
        match event {
            ServerEvent::NtHashNeeded { handle, user, .. } => {
                let answer = match self.app.users().find(user.domain(), user.user()) {
                    Some(user) => {
                        Answer::NtHash { hash: nt_hash(user.password.expose()), principal: user.principal.clone() }
                    }
                    None => Answer::UnknownUser,
                };
                let _ = self.auth.answer(now, handle, answer);
            }
            ServerEvent::PasswordNeeded { handle, user, password, .. } => {
                let answer = match self.app.users().find(user.domain(), user.user()) {
                    Some(user) if user.password == password => Answer::Accept { principal: user.principal.clone() },
                    Some(_) => Answer::Refuse,
                    None => Answer::UnknownUser,
                };
                let _ = self.auth.answer(now, handle, answer);
            }
            ServerEvent::MechanismNeeded { handle, .. } => {
                if let (Some(helper), Some(wanted)) = (&self.kerberos, self.auth.take_call(handle)) {
                    let context = wanted.call.needs_context().then(|| helper.acceptor(&wanted.binding));
                    self.work.push_back(work(Call::Server(handle), wanted.call, context));
                }
            }
            ServerEvent::PrincipalNeeded { handle, name, .. } => {
                let answer = match self.app.users().of_ticket(&name) {
                    Some(user) => Answer::Accept { principal: user.principal.clone() },
                    None => Answer::UnknownUser,
                };
                let _ = self.auth.answer(now, handle, answer);
            }
            // Not offered, so never asked.
            ServerEvent::TokenNeeded { handle, .. } => drop(self.auth.answer(now, handle, Answer::Refuse)),
            ServerEvent::Authenticated { conn, scheme, mechanism, principal, binding } => {
                let inside = mechanism.map(|mechanism| format!(" ({mechanism})")).unwrap_or_default();
                self.app.note(conn, &format!("{principal} authenticated by {scheme}{inside}, binding {binding}"));
            }
            ServerEvent::Refused { conn, user, reason, .. } => {
                let user = user.map_or_else(|| "nobody".to_owned(), |user| user.to_string());
                self.app.note(conn, &format!("{user} refused: {reason}"));
            }
            ServerEvent::TimedOut { conn } => self.app.note(conn, "dropped: it did not authenticate in time"),
            _ => {}
        }
    }
}

impl Stack for ServerStack {
    fn on_open(&mut self, _now: Instant, conn: ConnectionId, opened: &Opened) {
        let binding = self.binding.clone().unwrap_or(ChannelBinding::None);
        // Refused only for a number that is taken, and the driver takes none twice.
        let _ = self.auth.accept(conn, self.binding.is_some(), binding);
        let peer = opened.peer.map(|peer| peer.ip());
        self.peers.extend(peer.map(|peer| (conn, peer)));
        self.machine.open(conn, peer);
        self.address_book.machine.open(conn, peer);
    }

    fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        if let HttpEvent::Head(Head::Request(head)) = &event {
            let anonymous = Service::of_target(head.target()).is_some_and(Service::is_anonymous);
            if anonymous {
                self.routes.insert(conn, Route::Anonymous);
            } else {
                self.routes.remove(&conn);
            }
        }
        let anonymous = self.routes.get(&conn) == Some(&Route::Anonymous);
        let handled = match event {
            HttpEvent::Reset(_) => {
                // The layer tells the machines of those connections only that it let through.
                let told = self.responder.handle(now, conn, None, event.clone());
                let handled = self.auth.handle(now, conn, event);
                let settled = self.settle(now);
                self.routes.remove(&conn);
                self.peers.remove(&conn);
                told.and(handled).and(settled)
            }
            event if anonymous => self.responder.handle(now, conn, None, event),
            event => self.auth.handle(now, conn, event),
        };
        handled.and(self.settle(now))
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        loop {
            if let Some(transmit) = self.auth.poll_transmit(now) {
                return Some(transmit);
            }
            let _ = self.settle(now);
            let transmit = match self.responder.poll_transmit(now) {
                Some(transmit) if self.routes.get(&transmit.conn()) == Some(&Route::Anonymous) => {
                    return Some(transmit);
                }
                Some(transmit) => transmit,
                None => match self.rpc.poll_transmit() {
                    Some(transmit) => transmit,
                    None => match self.address_book.machine.poll_transmit(now) {
                        Some(transmit) => transmit,
                        None => self.machine.poll_transmit(now)?,
                    },
                },
            };
            let conn = transmit.conn();
            if self.auth.handle_outgoing(now, transmit).is_err() {
                return Some(HttpTransmit::Abort { conn });
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.auth.handle_timeout(now);
        self.machine.handle_timeout(now);
        self.responder.handle_timeout(now);
        self.address_book.machine.handle_timeout(now);
        self.rpc.handle_timeout(now);
        let _ = self.settle(now);
    }

    fn take_work(&mut self) -> Option<Work> {
        self.work.pop_front().or_else(|| self.rpc.take_work())
    }

    fn on_work_done(&mut self, now: Instant, done: Done) {
        match done.call {
            // Refused only for a handle that was not given out.
            Call::Server(handle) => drop(self.auth.finish_call(now, handle, done.reply)),
            Call::VirtualConnection(id, security) => {
                let wall = FileTime::from_system(SystemTime::now());
                self.rpc.on_work_done(now, wall, (id, security), done.reply);
            }
            _ => return,
        }
        let _ = self.settle(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let machines = self.machine.poll_timeout().into_iter().chain(self.responder.poll_timeout());
        let machines = machines.chain(self.address_book.machine.poll_timeout());
        machines.chain(self.auth.poll_timeout()).chain(self.rpc.poll_timeout()).min()
    }
}

/// Whether a request goes to the proxy of RPC over HTTP.
fn is_rpc_proxy(target: &str) -> bool {
    PathKind::of(target.split_once('?').map_or(target, |(path, _)| path)).is_some()
}
