//! The server's layers as the driver sees them: authentication over HTTP events, the machine, and the application.

use std::time::Instant;

use oxwire::auth::ntlm::{ExtendedProtection, nt_hash};
use oxwire::auth::server::{Answer, ServerConfig as AuthConfig, ServerEvent, ServerLayer};
use oxwire::auth::{AuthScheme, ChannelBinding};
use oxwire::core::{ConnectionId, Error, FileTime};
use oxwire::http::{HttpEvent, HttpTransmit};
use oxwire::mapihttp::server::{Server, ServerConfig};

use super::app::App;
use super::objects::Objects;
use crate::args::Schemes;
use crate::net::driver::Stack;
use crate::net::socket::Opened;

/// The server's NetBIOS name in NTLM.
const SERVER_NAME: &str = "OXPROBE";

/// Authentication, machine, application.
pub(crate) struct ServerStack {
    auth: ServerLayer,
    machine: Server<Objects>,
    app: App,
    /// `None` without TLS.
    binding: Option<ChannelBinding>,
}

impl ServerStack {
    /// For the users of `app`; `certificate` is this end's, in DER.
    ///
    /// # Errors
    /// A layer refuses its configuration.
    pub(crate) fn new(
        app: App,
        schemes: Schemes,
        certificate: Option<&[u8]>,
        now: Instant,
        wall: FileTime,
    ) -> Result<Self, String> {
        let mut auth = AuthConfig::new(SERVER_NAME);
        auth.schemes = [(schemes.ntlm, AuthScheme::Ntlm), (schemes.basic, AuthScheme::Basic)]
            .into_iter()
            .filter_map(|(on, scheme)| on.then_some(scheme))
            .collect();
        // Whoever says --plain wants Basic to work there.
        auth.cleartext = certificate.is_none();
        // A client that sends a binding has to send the right one; curl sends none.
        auth.ntlm.extended_protection = ExtendedProtection::Allow;
        // RFC 5929 defines no binding for some certificates (Ed25519): clients cannot send one then.
        let binding = certificate.map(|der| ChannelBinding::of_certificate(der).unwrap_or(ChannelBinding::None));
        let config = ServerConfig::new().with_secure_cookies(binding.is_some());
        let machine = Server::new(now, wall, config, crate::entropy::fill).map_err(|error| error.to_string())?;
        let auth = ServerLayer::new(auth, Box::new(crate::entropy::fill), now, wall);
        Ok(Self { auth, machine, app, binding })
    }

    /// Lets the layers and the application talk until nobody has anything left to say.
    fn settle(&mut self, now: Instant) -> Result<(), Error> {
        let mut result = Ok(());
        loop {
            if let Some(event) = self.auth.poll_event() {
                self.on_auth(now, event);
            } else if let Some(delivery) = self.auth.poll_deliver() {
                let handled = self.machine.handle(now, delivery.conn, delivery.principal.as_ref(), delivery.event);
                result = result.and(handled);
            } else if let Some(event) = self.machine.poll_event() {
                self.app.on_event(now, &mut self.machine, event);
            } else {
                return result;
            }
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
            // Not offered, so never asked.
            ServerEvent::TokenNeeded { handle, .. } => drop(self.auth.answer(now, handle, Answer::Refuse)),
            ServerEvent::Authenticated { conn, scheme, principal, binding } => {
                self.app.note(conn, &format!("{principal} authenticated by {scheme}, binding {binding}"));
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
        self.machine.open(conn, opened.peer.map(|peer| peer.ip()));
    }

    fn handle(&mut self, now: Instant, conn: ConnectionId, event: HttpEvent) -> Result<(), Error> {
        let handled = self.auth.handle(now, conn, event);
        handled.and(self.settle(now))
    }

    fn poll_transmit(&mut self, now: Instant) -> Option<HttpTransmit> {
        loop {
            if let Some(transmit) = self.auth.poll_transmit(now) {
                return Some(transmit);
            }
            let _ = self.settle(now);
            let transmit = self.machine.poll_transmit(now)?;
            let conn = transmit.conn();
            if self.auth.handle_outgoing(now, transmit).is_err() {
                return Some(HttpTransmit::Abort { conn });
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.auth.handle_timeout(now);
        self.machine.handle_timeout(now);
        let _ = self.settle(now);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.auth.poll_timeout().into_iter().chain(self.machine.poll_timeout()).min()
    }
}
