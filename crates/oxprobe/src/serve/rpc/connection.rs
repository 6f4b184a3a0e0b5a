//! One virtual connection and the association on it.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use oxwire::auth::ntlm::{AcceptorConfig, Verdict, nt_hash};
use oxwire::auth::spnego::{Acceptor, ListProtection, MechType, Mechanism, MechanismReply};
use oxwire::core::{FileTime, Principal};
use oxwire::mapi::mapihttp::EventPending;
use oxwire::mapirpc::async_emsmdb::EcDoAsyncWaitExResponse;
use oxwire::rpc::association::server::{Acceptance, Association, Event, Negotiate};
use oxwire::rpc::association::{CallId, Config, OutgoingPdu, SecurityId};
use oxwire::rpc::ndr::encode_stub;
use oxwire::rpc::pdu::{AuthLevel, AuthType, FaultStatus, RejectReason};
use oxwire::rpch::endpoint::{self, VirtualConnection};

use crate::kerberos::work;
use crate::net::driver::Call;

use super::super::app::App;
use super::super::stack::{DNS_NAME, SERVER_NAME};
use super::calls::{self, Called};
use super::{INTERFACES, Shared};

/// A virtual connection that is open.
pub(super) struct Served {
    pub(super) connection: VirtualConnection,
    association: Association<Acceptor>,
    /// What the association sends and the send queue has no room for.
    unsent: Option<OutgoingPdu>,
    /// Waits that are over, and whether there is an event.
    woken: VecDeque<(CallId, bool)>,
    group: u32,
    principal: Principal,
    /// Somebody else authenticated inside RPC than to the proxy.
    denied: bool,
}

impl Served {
    pub(super) fn new(connection: VirtualConnection, now: Instant) -> Self {
        let mut config = Config::default();
        config.secondary_address = Bytes::from(connection.rpc().port.to_string());
        let association = Association::new(config, INTERFACES.to_vec(), Box::new(crate::entropy::fill), now);
        let principal = connection.principal().cloned().unwrap_or_else(|| Principal::new(""));
        Self { connection, association, unsent: None, woken: VecDeque::new(), group: 0, principal, denied: false }
    }

    /// Lets the two talk until neither has anything left to say.
    pub(super) fn settle(&mut self, now: Instant, wall: FileTime, shared: &mut Shared, app: &mut App) {
        loop {
            while let Some((call, pending)) = self.woken.pop_front() {
                let flags_out = if pending { EventPending::PENDING } else { EventPending::default() };
                let answer = encode_stub(&EcDoAsyncWaitExResponse { flags_out, error_code: 0 });
                self.answer(call, answer.map_err(|_| FaultStatus::NCA_OUT_ARGS_TOO_BIG));
            }
            if let Some(event) = self.connection.poll_event() {
                self.on_connection(now, wall, shared, app, event);
            } else if let Some(event) = self.association.poll_event() {
                self.on_association(now, wall, shared, app, event);
            } else if !self.send(now, shared) {
                return;
            }
        }
    }

    /// Hands one PDU over; false where there is none, or no room.
    fn send(&mut self, now: Instant, shared: &mut Shared) -> bool {
        let pdu = match self.unsent.take() {
            Some(pdu) => pdu,
            None => match self.association.poll_transmit(now) {
                Ok(Some(pdu)) => pdu,
                Ok(None) => {
                    if self.association.is_closed() {
                        let _ = self.connection.close(now);
                    }
                    return false;
                }
                // The association has ended, and says so as an event.
                Err(_) => return true,
            },
        };
        match self.connection.send_pdu(now, pdu) {
            Ok(()) => {
                shared.statistics.packets_out = shared.statistics.packets_out.wrapping_add(1);
                true
            }
            Err(refused) => {
                if !self.connection.is_closed() {
                    self.unsent = Some(refused.pdu);
                }
                false
            }
        }
    }

    fn on_connection(&mut self, now: Instant, wall: FileTime, shared: &mut Shared, app: &App, event: endpoint::Event) {
        match event {
            endpoint::Event::Pdu(pdu) => {
                shared.statistics.packets_in = shared.statistics.packets_in.wrapping_add(1);
                let len = pdu.len();
                // What ends the association is one of its events, too.
                let _ = self.association.handle_pdu(now, wall, pdu);
                let _ = self.connection.consume(now, len);
            }
            endpoint::Event::Recycled(kind) => self.told(app, &format!("{kind} recycled")),
            endpoint::Event::Undelivered(pdu) => {
                self.told(app, &format!("a PDU of {} bytes never went out", pdu.len()))
            }
            endpoint::Event::Closed { error, .. } => {
                self.told(app, &format!("ended: {error}"));
                self.association.handle_lost(now, "the virtual connection has ended");
            }
            _ => {}
        }
    }

    fn on_association(&mut self, now: Instant, wall: FileTime, shared: &mut Shared, app: &mut App, event: Event) {
        match event {
            Event::Negotiate(negotiate) => self.on_negotiate(now, wall, shared, app, &negotiate),
            Event::SecurityPending { security } => self.on_question(now, wall, shared, app, security),
            Event::Authenticated { level, peer, security } => self.on_authenticated(app, security, level, peer),
            Event::SecurityFailed { reason, .. } => {
                self.told(app, &format!("authentication inside RPC failed: {reason}"))
            }
            Event::Request(request) if self.denied => {
                self.answer(request.call, Err(FaultStatus::ACCESS_DENIED));
            }
            Event::Request(request) => {
                shared.statistics.calls_in = shared.statistics.calls_in.wrapping_add(1);
                let id = self.connection.id();
                let (called, what) = calls::call(now, wall, shared, app, &self.principal, (id, self.group), &request);
                self.told(app, &what);
                match called {
                    Called::Answer(stub) => self.answer(request.call, Ok(stub)),
                    Called::Fault(status) => self.answer(request.call, Err(status)),
                    Called::Waits => {}
                }
            }
            Event::Cancel { call } if shared.sessions.end_wait(self.connection.id(), call) => {
                self.answer(call, Err(FaultStatus::NCA_FAULT_CANCEL));
            }
            Event::Abandoned { call } => {
                shared.sessions.end_wait(self.connection.id(), call);
            }
            Event::Closed { reason } => self.told(app, &format!("association ended: {reason}")),
            _ => {}
        }
    }

    fn on_negotiate(&mut self, now: Instant, wall: FileTime, shared: &mut Shared, app: &App, negotiate: &Negotiate) {
        if negotiate.interfaces.is_empty() {
            self.told(app, "bound to no interface that is here");
        }
        let ntlm = || {
            let mut config = AcceptorConfig::new(SERVER_NAME);
            config.dns_computer = DNS_NAME.into();
            Mechanism::ntlm_acceptor(config)
        };
        let kerberos = shared.kerberos.as_ref().map(|_| Mechanism::outside(MechType::KERBEROS, None));
        let acceptor = |mechanisms| Some(Acceptor::new(mechanisms, ListProtection::default()));
        let security = match (negotiate.security, kerberos) {
            (None, _) => None,
            (Some((_, AuthType::WINNT, _)), _) => acceptor(vec![ntlm()]),
            (Some((_, AuthType::GSS_NEGOTIATE, _)), kerberos) => {
                acceptor(kerberos.into_iter().chain([ntlm()]).collect())
            }
            (Some((_, AuthType::GSS_KERBEROS, _)), Some(kerberos)) => acceptor(vec![kerberos]),
            (Some((_, other, _)), _) => {
                self.told(app, &format!("authentication inside RPC refused: {other:?} is not offered"));
                let _ = self.association.refuse(now, wall, RejectReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED);
                return;
            }
        };
        if negotiate.is_bind {
            let peer = self.connection.association_group();
            let joined = shared.groups.join(negotiate.assoc_group_id, peer).or_else(|_| shared.groups.join(0, peer));
            let Ok(group) = joined else {
                let _ = self.association.refuse(now, wall, RejectReason::LOCAL_LIMIT_EXCEEDED);
                return;
            };
            self.group = group;
        }
        let _ = self.association.accept(now, wall, Acceptance { assoc_group_id: self.group, security });
    }

    /// Whoever authenticates inside RPC has to be who authenticated to the proxy. A step of Kerberos is for another thread.
    fn on_question(&mut self, now: Instant, wall: FileTime, shared: &mut Shared, app: &App, security: SecurityId) {
        let Some(acceptor) = self.association.security_mut(security) else { return };
        if let (Some(helper), Some(call)) = (&shared.kerberos, acceptor.take_call()) {
            let context = call.needs_context().then(|| helper.rpc_acceptor());
            shared.work.push_back(work(Call::VirtualConnection(self.connection.id(), security), call, context));
            return;
        }
        let Some(ntlm) = acceptor.ntlm() else { return };
        let Some(question) = ntlm.question() else { return };
        let verdict = match app.users().find(&question.domain, &question.user) {
            Some(user) if user.principal == self.principal => Verdict::NtHash(nt_hash(user.password.expose())),
            Some(_) => Verdict::Refuse,
            None => Verdict::UnknownUser,
        };
        let _ = ntlm.answer(verdict);
        let _ = self.association.resume_security(now, wall, security);
    }

    /// A step of Kerberos has been run.
    pub(super) fn on_work_done(&mut self, now: Instant, wall: FileTime, security: SecurityId, reply: MechanismReply) {
        let Some(acceptor) = self.association.security_mut(security) else { return };
        if acceptor.finish_call(reply).is_ok() {
            // What ends the association is one of its events, too.
            let _ = self.association.resume_security(now, wall, security);
        }
    }

    /// A ticket names its user only now: that has to be who authenticated to the proxy, as NTLM's had.
    fn on_authenticated(&mut self, app: &App, security: SecurityId, level: AuthLevel, peer: Option<String>) {
        let mech = self.association.security(security).and_then(Acceptor::mech).unwrap_or(MechType::NTLM);
        let peer = peer.unwrap_or_else(|| "somebody".to_owned());
        self.told(app, &format!("{peer} authenticated inside RPC, {level:?}, by {mech}"));
        if mech != MechType::NTLM && app.users().of_ticket(&peer).is_none_or(|user| user.principal != self.principal) {
            self.told(app, "refused: not who authenticated to the proxy");
            self.denied = true;
        }
    }

    /// Answers a call; one that nobody waits for any more is no error.
    fn answer(&mut self, call: CallId, answer: Result<Bytes, FaultStatus>) {
        let _ = match answer {
            Ok(stub) => self.association.respond(call, stub),
            Err(status) => self.association.fault(call, status),
        };
    }

    /// A wait is over: there is an event.
    pub(super) fn end_wait(&mut self, call: CallId) {
        self.woken.push_back((call, true));
    }

    /// A wait has lasted long enough.
    pub(super) fn end_wait_empty(&mut self, call: CallId) {
        self.woken.push_back((call, false));
    }

    /// After its end: the association group may have been left by its last connection.
    pub(super) fn end(&mut self, now: Instant, shared: &mut Shared, app: &App) {
        self.association.handle_lost(now, "the virtual connection has ended");
        shared.sessions.end_waits_of(self.connection.id());
        if self.group != 0 && shared.groups.leave(self.group) {
            for session in shared.sessions.run_down(self.group) {
                self.told(app, &format!("session {session} run down"));
            }
            let sessions = shared.address_book.run_down(self.group);
            if sessions > 0 {
                self.told(app, &format!("address book sessions run down: {sessions}"));
            }
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.connection.handle_timeout(now);
        self.association.handle_timeout(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.connection.poll_timeout().into_iter().chain(self.association.poll_timeout()).min()
    }

    fn told(&self, app: &App, what: &str) {
        app.say(&format!("{} virtual connection {}: {what}", self.principal, self.connection.id().number()));
    }
}
