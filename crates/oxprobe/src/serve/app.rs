//! The application behind the endpoint: it answers what the machine hands up.

use std::collections::VecDeque;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use oxwire::core::{
    ConnectionId, FileTime, Guid, Limits, Principal, Utf16, decode_all, encode_to_bytes, utf16_le_bytes,
};
use oxwire::mapi::aux_buffer::{AuxBlock, AuxClientControl, AuxExOrgInfo, EnableFlags, OrgFlags, auxiliary_buffer};
use oxwire::mapi::mapihttp::{
    ConnectFlags, ConnectRequest, ConnectResponse, ConnectSuccess, DisconnectRequest, DisconnectResponse,
    DisconnectSuccess, ExecuteRequest,
};
use oxwire::mapi::property::ErrorCode;
use oxwire::mapihttp::server::{CancelReason, ContextId, Event, Refusal, Request, Server};

use super::book::Book;
use super::objects::Objects;
use super::rops::{self, Packing};
use super::users::{User, Users};
use crate::log::Log;
use crate::mailbox::Delivered;

/// A message that somebody sends to a user of this server.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    /// The sender's name.
    pub(crate) sender_name: String,
    /// The sender's address.
    pub(crate) sender_address: String,
    /// The subject.
    pub(crate) subject: String,
    /// Plain text.
    pub(crate) body: String,
}

/// Users, their sessions, and what is said about them.
pub(crate) struct App {
    users: Users,
    contexts: Vec<(ContextId, Principal)>,
    /// Delivered to whoever waits first.
    mail_on_wait: Option<Mail>,
    /// Delivered to whoever waits first over RPC.
    mail_on_async_wait: Option<Mail>,
    /// What was delivered and is not told to the sessions over RPC yet.
    delivered: VecDeque<(Principal, Delivered)>,
    /// What this server calls itself in the entry ids of the address book.
    book_guid: Guid,
    packing: Packing,
    log: Log,
}

/// Advice of the Connect response, in milliseconds and tries.
pub(super) const POLLS_MAX: u32 = 60_000;
pub(super) const RETRY_COUNT: u32 = 6;
pub(super) const RETRY_DELAY: u32 = 10_000;

impl App {
    /// For these users, with answers plain, or compressed and obfuscated.
    pub(crate) fn new(users: Users, mail_on_wait: Option<Mail>, compress: bool, log: Log) -> Self {
        let mail_on_async_wait = mail_on_wait.clone();
        let (contexts, delivered) = (Vec::new(), VecDeque::new());
        let (book_guid, packing) = (super::guid(), Packing::new(compress));
        Self { users, contexts, mail_on_wait, mail_on_async_wait, delivered, book_guid, packing, log }
    }

    /// The users.
    pub(crate) const fn users(&self) -> &Users {
        &self.users
    }

    /// What this server calls itself in the entry ids of the address book.
    pub(super) const fn book_guid(&self) -> Guid {
        self.book_guid
    }

    /// The users as an address book.
    pub(super) fn book(&self) -> Book<'_> {
        Book::new(&self.users, self.book_guid)
    }

    /// Answers, or takes note of, what the machine says.
    pub(crate) fn on_event(&mut self, now: Instant, server: &mut Server<Objects>, event: Event<Objects>) {
        match event {
            Event::Connect(request) => self.on_connect(now, server, &request),
            Event::Execute(request) => self.on_execute(now, server, &request),
            Event::Disconnect(request) => self.on_disconnect(now, server, &request),
            Event::Waiting { context, .. } => self.on_waiting(now, server, context),
            Event::Cancelled { reason: CancelReason::ClientGone, context, .. } => {
                self.log.line(&format!("context {}: the client is gone", context.number()));
            }
            Event::Cancelled { reason, context, .. } => {
                self.log.line(&format!("context {}: cancelled, {reason:?}", context.number()));
            }
            Event::Ended { removed, reason } => {
                self.contexts.retain(|(id, _)| *id != removed.context);
                self.log.line(&format!(
                    "context {} of {}: ended, {reason:?}",
                    removed.context.number(),
                    removed.principal
                ));
            }
            Event::Refused { conn, principal, refusal, detail } => {
                let who = principal.as_ref().map_or("nobody", Principal::name);
                self.log.line(&format!("{conn} {who}: refused, code {}: {detail}", refusal.code()));
            }
            _ => {}
        }
    }

    fn told(&self, request: &Request, what: &str) {
        let context = request.context.number();
        self.log.line(&format!("{} {} context {context}: {what}", request.conn, request.principal));
    }

    fn on_connect(&mut self, now: Instant, server: &mut Server<Objects>, request: &Request) {
        let connect: ConnectRequest<'_> = match decode_all(&request.body, &Limits::DEFAULT) {
            Ok(connect) => connect,
            Err(error) => {
                self.told(request, &format!("Connect refused: {error}"));
                let _ = server.fail(now, request.handle, Refusal::InvalidRequestBody, &error.to_string());
                return;
            }
        };
        let administrator = connect.flags.contains(ConnectFlags::ADMINISTRATOR);
        let verdict = self.connect_verdict(&request.principal, connect.user_dn, administrator);
        let display_name = self.users.of(&request.principal).map_or("", User::display_name);
        let Some(body) = connect_body(verdict, display_name, &self.auxiliary(&[]).unwrap_or_default()) else {
            let _ = server.fail(now, request.handle, Refusal::UnknownFailure, "The response could not be built.");
            return;
        };
        self.told(request, &format!("Connect: {verdict}"));
        if !verdict.is_success() {
            let _ = server.decline(now, request.handle, &[body]);
        } else if server.accept(now, request.handle, Objects::default(), &[body]).is_ok() {
            self.contexts.push((request.context, request.principal.clone()));
        }
    }

    /// Whether a user may open a session under that DN.
    pub(super) fn connect_verdict(&self, principal: &Principal, user_dn: &[u8], administrator: bool) -> ErrorCode {
        match self.users.of(principal) {
            Some(user) if !user_dn.eq_ignore_ascii_case(user.dn.as_bytes()) => ErrorCode::UNKNOWN_USER,
            // An ordinary user has no administrator privilege to ask for.
            Some(_) if administrator => ErrorCode::LOGIN_PERMISSION,
            Some(_) => ErrorCode::SUCCESS,
            None => ErrorCode::UNKNOWN_USER,
        }
    }

    fn on_execute(&mut self, now: Instant, server: &mut Server<Objects>, request: &Request) {
        let answer = self.execute(server, request);
        match answer {
            Ok((body, what)) => {
                self.told(request, &format!("Execute {what}"));
                let _ = server.respond(now, request.handle, &[body]);
                // What did not fit is fetched by a further Execute.
                if server.state_mut(request.context).is_some_and(|objects| objects.next_notice().is_some()) {
                    server.notify(now, request.context);
                }
            }
            Err((refusal, text)) => {
                self.told(request, &format!("Execute refused, code {}: {text}", refusal.code()));
                let _ = server.fail(now, request.handle, refusal, &text);
            }
        }
    }

    fn execute(
        &mut self,
        server: &mut Server<Objects>,
        request: &Request,
    ) -> Result<(Bytes, String), (Refusal, String)> {
        let bad = |error: &dyn std::fmt::Display| (Refusal::InvalidRequestBody, error.to_string());
        let execute: ExecuteRequest<'_> = decode_all(&request.body, &Limits::DEFAULT).map_err(|error| bad(&error))?;
        let payload = execute.rop_payload(&request.body).map_err(|error| bad(&error))?;
        let gone = || (Refusal::ContextNotFound, "The context has ended.".to_owned());
        let user = self.users.of(&request.principal).ok_or_else(gone)?;
        let objects = server.state_mut(request.context).ok_or_else(gone)?;
        let wall = FileTime::from_system(SystemTime::now());
        let asked = (execute.flags, execute.max_rop_out);
        rops::execute(objects, user, &payload, &mut self.packing, asked, wall).map_err(|error| bad(&error))
    }

    fn on_disconnect(&mut self, now: Instant, server: &mut Server<Objects>, request: &Request) {
        let decoded: Result<DisconnectRequest<'_>, _> = decode_all(&request.body, &Limits::DEFAULT);
        let success = DisconnectResponse::Success(DisconnectSuccess { error_code: 0, auxiliary_buffer: &[] });
        match (decoded, encode_to_bytes(&success)) {
            (Ok(_), Ok(body)) => {
                self.told(request, "Disconnect");
                let _ = server.respond(now, request.handle, &[body]);
            }
            (Err(error), _) => {
                let _ = server.fail(now, request.handle, Refusal::InvalidRequestBody, &error.to_string());
            }
            (_, Err(error)) => {
                let _ = server.fail(now, request.handle, Refusal::UnknownFailure, &error.to_string());
            }
        }
    }

    fn on_waiting(&mut self, now: Instant, server: &mut Server<Objects>, context: ContextId) {
        let principal = self.contexts.iter().find(|(id, _)| *id == context).map(|(_, principal)| principal.clone());
        let Some(principal) = principal else { return };
        self.log.line(&format!("{principal} context {}: NotificationWait", context.number()));
        if let Some(mail) = self.mail_on_wait.take() {
            self.deliver(now, server, &principal, &mail);
        }
    }

    /// Puts a message into a user's inbox and tells all of the user's sessions that want to hear of it.
    fn deliver(&mut self, now: Instant, server: &mut Server<Objects>, to: &Principal, mail: &Mail) {
        let wall = FileTime::from_system(SystemTime::now());
        let Some(user) = self.users.of_mut(to) else { return };
        let from = (mail.sender_name.as_str(), mail.sender_address.as_str());
        let Some(delivered) = user.mailbox.deliver(from, &mail.subject, &mail.body, wall) else { return };
        for (context, principal) in &self.contexts {
            if principal == to && server.state_mut(*context).is_some_and(|objects| objects.on_delivered(delivered)) {
                server.notify(now, *context);
            }
        }
        self.delivered.push_back((to.clone(), delivered));
        self.log.line(&format!("a message was delivered to {to}"));
    }

    /// A session over RPC waits for an event that is not there.
    pub(super) fn on_async_waiting(&mut self, now: Instant, server: &mut Server<Objects>, principal: &Principal) {
        if let Some(mail) = self.mail_on_async_wait.take() {
            self.deliver(now, server, principal, &mail);
        }
    }

    /// What was delivered and the sessions over RPC are to hear of.
    pub(super) fn take_delivered(&mut self) -> Option<(Principal, Delivered)> {
        self.delivered.pop_front()
    }

    /// The users, and how answers are stored, as far as the request allows it.
    pub(super) const fn users_and_packing(&mut self) -> (&Users, &mut Packing) {
        (&self.users, &mut self.packing)
    }

    /// The auxiliary buffer of a response to a Connect: what there is to say by either transport, and `more`.
    pub(super) fn auxiliary(&self, more: &[AuxBlock<'_>]) -> Option<Bytes> {
        let organization = AuxBlock::ExOrgInfo(AuxExOrgInfo { org_flags: OrgFlags::NONE });
        let control = AuxClientControl { enable_flags: EnableFlags::ENABLE_COMPRESSION, expiry_time: 0 };
        let control = self.packing.form().is_compressed().then_some(AuxBlock::ClientControl(control));
        let blocks: Vec<_> = std::iter::once(organization).chain(control).chain(more.iter().copied()).collect();
        auxiliary_buffer(self.packing.form(), &blocks).ok()
    }

    /// A line of the log.
    pub(super) fn say(&self, what: &str) {
        self.log.line(what);
    }

    /// Takes note of what no request says.
    pub(crate) fn note(&self, conn: ConnectionId, what: &str) {
        self.log.line(&format!("{conn}: {what}"));
    }
}

fn connect_body(verdict: ErrorCode, display_name: &str, auxiliary_buffer: &[u8]) -> Option<Bytes> {
    let name = utf16_le_bytes(display_name);
    let success = ConnectSuccess {
        error_code: verdict.0,
        polls_max: POLLS_MAX,
        retry_count: RETRY_COUNT,
        retry_delay: RETRY_DELAY,
        dn_prefix: b"/o=oxwire",
        display_name: Utf16::from_truncated(&name),
        auxiliary_buffer,
    };
    encode_to_bytes(&ConnectResponse::Success(success)).ok()
}
