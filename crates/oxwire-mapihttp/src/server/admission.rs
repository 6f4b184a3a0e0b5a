//! What a whole request comes to: a new context, a place in a context's sequence, an earlier answer, or a refusal.
//! [MS-OXCMAPIHTTP] 3.2.5.

use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, DecodeError, Limits, Principal, decode_all};
use oxwire_http::{Head, HttpEvent, RequestHead};
use oxwire_mapi::mapihttp::{
    ConnectRequest, DisconnectRequest, EventPending, ExecuteRequest, MetaTag, NotificationWaitRequest, RequestType,
};
use oxwire_mapi::nspi::check_request_body;

use super::answers::{Repeated, Reply, fingerprint};
use super::cookie::{Cookies, Presented};
use super::machine::Exchange;
use super::request::{Detail, Echo};
use super::response::{SetCookies, accepted};
use super::{CancelReason, ContextId, EndReason, Event, Refusal, Request, RequestHandle, Server};
use crate::trace::event;

type Refused = (Refusal, Detail);

const fn plainly(refusal: Refusal) -> Refused {
    (refusal, refusal.text())
}

/// What a request for a place in a context's sequence comes to.
enum Turn {
    /// It has the place.
    Taken,
    /// It was answered before.
    Answered(Reply),
    /// It is being answered: for a connection that is gone, or about to be found so.
    Answering(u64),
}

impl<T> Server<T> {
    /// Takes a request whose head was found good and whose body is whole.
    #[expect(clippy::too_many_arguments, reason = "the parts of one request that was taken apart by the caller")]
    pub(crate) fn admit(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        principal: Principal,
        head: RequestHead,
        echo: &Echo,
        kind: RequestType,
        body: Bytes,
    ) {
        let cookies = Cookies::of(head.fields());
        let admitted = if check_body(kind, &body).is_err() {
            Err(plainly(Refusal::InvalidRequestBody))
        } else {
            let context = self.context_of(now, kind, &cookies, &principal);
            context.and_then(|context| self.take_place(now, context, kind, &cookies, &principal, echo, &body))
        };
        let (context, turn) = match admitted {
            Ok(admitted) => admitted,
            Err((refusal, detail)) => return self.refuse(now, conn, Some(principal), echo, refusal, detail, false),
        };
        // NotificationWait takes no part in the sequence: it may be answered beside an Execute, and a sequence cookie in its head,
        // read late, would put the client back behind that Execute. Exchange leaves it out too.
        self.accept_head(now, conn, echo, context, kind != RequestType::NotificationWait);
        match turn {
            Turn::Answered(reply) => {
                event!(debug, conn = conn.number(), request_type = kind.as_str(), "request answered at once");
                self.emit_reply(now, conn, now, &reply);
            }
            Turn::Answering(exchange) => self.take_over(now, conn, exchange),
            Turn::Taken => {
                let Some(context) = context else { return };
                let handle = self.begin_exchange(now, conn, context, kind, echo, &body);
                let request = Request { handle, request_type: kind, conn, context, principal, head, body };
                match kind {
                    RequestType::Connect => self.events.push_back(Event::Connect(request)),
                    RequestType::Execute => self.events.push_back(Event::Execute(request)),
                    RequestType::Disconnect => self.events.push_back(Event::Disconnect(request)),
                    RequestType::Bind => self.events.push_back(Event::Bind(request)),
                    RequestType::Unbind => self.events.push_back(Event::Unbind(request)),
                    RequestType::NotificationWait => self.on_wait(now, handle, context),
                    _ => self.events.push_back(Event::Call(request)),
                }
            }
        }
    }

    /// The context that a request's cookie names, `None` where it carries no cookie.
    fn context_of(
        &mut self,
        now: Instant,
        kind: RequestType,
        cookies: &Cookies,
        principal: &Principal,
    ) -> Result<Option<ContextId>, Refused> {
        match &cookies.context {
            Presented::Absent => Ok(None),
            // A client that connects anew may bring the cookie of another server: the mailbox has moved (R1283).
            Presented::Foreign if kind.begins_context() => Err(plainly(Refusal::ContextNotFound)),
            Presented::Foreign => Err(plainly(Refusal::InvalidContextCookie)),
            Presented::Cookie(cookie) => match self.table.look_up(now, cookie, principal) {
                Some(context) => Ok(Some(context)),
                None => Err(plainly(Refusal::ContextNotFound)),
            },
        }
    }

    /// The context that answers a request, and how.
    #[expect(clippy::too_many_arguments, reason = "the parts of one request that was taken apart by the caller")]
    fn take_place(
        &mut self,
        now: Instant,
        context: Option<ContextId>,
        kind: RequestType,
        cookies: &Cookies,
        principal: &Principal,
        echo: &Echo,
        body: &[u8],
    ) -> Result<(Option<ContextId>, Turn), Refused> {
        let turn = match (kind, context) {
            (kind, old) if kind.begins_context() => {
                return Ok((Some(self.on_connect(now, old, principal)?), Turn::Taken));
            }
            (RequestType::Ping, _) => {
                // Answered at once; the look-up has begun the context's lifetime anew (R1248).
                let context = context.and_then(|id| self.table.context(id));
                if context.is_some_and(|context| context.working().is_some()) {
                    return Err(plainly(Refusal::InvalidSequence));
                }
                Turn::Answered(Reply::Success(Box::default()))
            }
            (_, None) => return Err(plainly(Refusal::MissingCookie)),
            // Nobody can be notified of a context whose Connect is not answered yet.
            (RequestType::NotificationWait, Some(context)) if self.table.state(context).is_none() => {
                return Err(plainly(Refusal::InvalidSequence));
            }
            (RequestType::NotificationWait, Some(context)) => {
                self.end_wait_of(now, context);
                Turn::Taken
            }
            (_, Some(context)) => self.take_turn(context, kind, cookies, &echo.request_id, body)?,
        };
        Ok((context, turn))
    }

    /// A new context; an old one that the request names is destroyed first, whatever its sequence cookie says (R1277, R1279).
    fn on_connect(
        &mut self,
        now: Instant,
        old: Option<ContextId>,
        principal: &Principal,
    ) -> Result<ContextId, Refused> {
        if let Some(old) = old {
            self.end(now, old, EndReason::Replaced);
        }
        self.expire(now);
        match self.table.create(now, principal, &mut *self.entropy) {
            Ok((context, _)) => Ok(context),
            Err(_) => Err((Refusal::UnknownFailure, "Too many Session Contexts.")),
        }
    }

    /// Holds a request against the context's sequence (R1227, R1228).
    fn take_turn(
        &mut self,
        id: ContextId,
        kind: RequestType,
        cookies: &Cookies,
        request_id: &[u8],
        body: &[u8],
    ) -> Result<Turn, Refused> {
        const OTHER_BODY: Refused = (Refusal::InvalidRequestBody, "The X-RequestId was used with another body.");
        let context = self.table.context_mut(id).ok_or(plainly(Refusal::ContextNotFound))?;
        // A repeated request carries the sequence cookie of its first time, so it is looked for before that is checked.
        if let Some(working) = context.working() {
            let same = self.exchanges.get(&working).filter(|exchange| exchange.request_id == request_id);
            return match same {
                Some(exchange) if exchange.kind != kind => Err(plainly(Refusal::InvalidSequence)),
                Some(exchange) if exchange.fingerprint == fingerprint(body) => Ok(Turn::Answering(working)),
                Some(_) => Err(OTHER_BODY),
                None => Err(plainly(Refusal::InvalidSequence)),
            };
        }
        if kind.is_call() && context.answers.knows(request_id) {
            match context.answers.find(request_id, fingerprint(body)) {
                Repeated::Same(reply) => return Ok(Turn::Answered(reply.clone())),
                Repeated::OtherBody => return Err(OTHER_BODY),
                Repeated::No => {}
            }
        }
        match &cookies.sequence {
            Presented::Absent => return Err(plainly(Refusal::MissingCookie)),
            Presented::Cookie(sequence) if *sequence == context.sequence => {}
            _ => return Err((Refusal::InvalidSequence, "The sequence cookie is not the last one sent.")),
        }
        context.sequence = context.sequence.next();
        if kind.is_call() {
            context.notified = false;
        }
        Ok(Turn::Taken)
    }

    /// The head that says code 0, and PROCESSING behind it: at once, whatever the answer will be (R1237, R1238).
    fn accept_head(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        echo: &Echo,
        context: Option<ContextId>,
        sequence: bool,
    ) {
        let cookie = context.and_then(|id| {
            let last = self.table.context(id)?.sequence;
            Some((self.table.cookie(id)?, sequence.then_some(last)))
        });
        let set = cookie.as_ref().map(|(context, sequence)| SetCookies { context, sequence: *sequence });
        let Ok(head) = accepted(&self.config, echo, set.as_ref()) else { return self.abort(now, conn) };
        self.emit(now, conn, HttpEvent::Head(Head::Response(head)));
        self.emit(now, conn, HttpEvent::Body(MetaTag::Processing.to_bytes()));
    }

    fn begin_exchange(
        &mut self,
        now: Instant,
        conn: ConnectionId,
        context: ContextId,
        kind: RequestType,
        echo: &Echo,
        body: &[u8],
    ) -> RequestHandle {
        self.last_exchange += 1;
        let id = self.last_exchange;
        event!(
            debug,
            conn = conn.number(),
            context = context.number(),
            request = id,
            request_type = kind.as_str(),
            "request taken"
        );
        let waits = kind == RequestType::NotificationWait;
        let patience = if waits { self.config.notification_wait } else { self.config.answer_timeout };
        let keeps_answers = self.config.table.answers_per_context > 0;
        let exchange = Exchange {
            conn: Some(conn),
            context,
            kind,
            request_id: echo.request_id.clone(),
            fingerprint: if keeps_answers && !waits { fingerprint(body) } else { 0 },
            started: now,
            next_pending: now.checked_add(self.config.keep_alive).unwrap_or(now),
            deadline: now.checked_add(patience).unwrap_or(now),
            timer: now,
        };
        self.exchanges.insert(id, exchange);
        self.schedule(id);
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.answering = Some(id);
        }
        self.table.hold(context, id, waits);
        RequestHandle(id)
    }

    /// A repeated request takes the place of its first time: the answer goes where somebody reads it.
    fn take_over(&mut self, now: Instant, conn: ConnectionId, id: u64) {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        let former = exchange.conn.replace(conn);
        event!(debug, conn = conn.number(), request = id, "request repeated");
        exchange.next_pending = now.checked_add(self.config.keep_alive).unwrap_or(now);
        self.schedule(id);
        if let Some(former) = former {
            if let Some(connection) = self.connections.get_mut(&former) {
                connection.answering = None;
            }
            self.abort(now, former);
        }
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.answering = Some(id);
        }
    }

    /// A wait that has begun: over at once where an event is queued.
    fn on_wait(&mut self, now: Instant, handle: RequestHandle, context: ContextId) {
        if self.table.context(context).is_some_and(|context| context.notified) {
            self.finish_wait(now, handle.0, EventPending::PENDING);
        } else {
            self.events.push_back(Event::Waiting { handle, context });
        }
    }

    /// A client that waits a second time has given up the first: its connection died unnoticed, or is about to.
    fn end_wait_of(&mut self, now: Instant, context: ContextId) {
        if let Some(waiting) = self.table.context(context).and_then(|context| context.waiting()) {
            self.finish_wait(now, waiting, EventPending::default());
        }
    }

    /// Takes out every context whose lifetime has passed.
    pub(crate) fn expire(&mut self, now: Instant) {
        while let Some(removed) = self.table.take_expired(now) {
            if removed.state.is_some() {
                event!(
                    debug,
                    context = removed.context.number(),
                    reason = crate::trace::end_reason(EndReason::Expired),
                    "context ended"
                );
                self.events.push_back(Event::Ended { removed, reason: EndReason::Expired });
            }
        }
    }

    /// Ends a context: who still waits for an answer of it gets code 10.
    pub(crate) fn end(&mut self, now: Instant, id: ContextId, reason: EndReason) {
        let Some(context) = self.table.context(id) else { return };
        let (working, waiting) = (context.working(), context.waiting());
        let failure = || {
            let text = super::response::diagnostic(Refusal::ContextNotFound, Refusal::ContextNotFound.text());
            Reply::Failure(Refusal::ContextNotFound, text)
        };
        if let Some(working) = working {
            let handle = RequestHandle(working);
            self.events.push_back(Event::Cancelled { handle, context: id, reason: CancelReason::ContextEnded });
            self.finish(now, working, failure());
        }
        if let Some(waiting) = waiting {
            self.finish(now, waiting, failure());
        }
        // A context whose Connect was never accepted is none that the application knows of.
        if let Some(removed) = self.table.remove(id).filter(|removed| removed.state.is_some()) {
            event!(debug, context = id.number(), reason = crate::trace::end_reason(reason), "context ended");
            self.events.push_back(Event::Ended { removed, reason });
        }
    }
}

/// Whether the bytes are a request body of that type. The application decodes them again, as views: that costs nothing.
fn check_body(kind: RequestType, body: &[u8]) -> Result<(), DecodeError> {
    const LIMITS: &Limits = &Limits::DEFAULT;
    match kind {
        RequestType::Connect => decode_all::<ConnectRequest<'_>>(body, LIMITS).map(drop),
        RequestType::Execute => decode_all::<ExecuteRequest<'_>>(body, LIMITS).map(drop),
        RequestType::Disconnect => decode_all::<DisconnectRequest<'_>>(body, LIMITS).map(drop),
        RequestType::NotificationWait => decode_all::<NotificationWaitRequest<'_>>(body, LIMITS).map(drop),
        // A PING has no body; what comes in one is ignored.
        RequestType::Ping => Ok(()),
        address_book => check_request_body(address_book, body, LIMITS),
    }
}
