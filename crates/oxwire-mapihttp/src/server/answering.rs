//! How a request is answered: by the application, by time, or by the end of its context. [MS-OXCMAPIHTTP] 3.2.5.2.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use oxwire_core::{ConnectionId, encode_to_bytes};
use oxwire_http::HttpEvent;
use oxwire_mapi::mapihttp::{EventPending, MetaTag, NotificationWaitSuccess, RequestType};

use super::answers::{Answer, Reply};
use super::machine::Timer;
use super::response::{diagnostic, done};
use super::{CancelReason, ContextId, EndReason, Event, Refusal, RequestHandle, Server};
use crate::trace::event;

/// Why an answer was not taken. The bytes are still the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Nobody waits: it was answered, or an [`Event::Cancelled`] has told why not.
    #[error("no request waits under this handle: it was answered or cancelled")]
    NotWaiting,
    /// `accept` is for Connect and Bind, `respond` for Disconnect, Unbind and what is done between, `decline` for what is not.
    #[error("a {0} is not answered by this call: `accept` is for Connect and Bind, `respond` for all behind it")]
    OtherRequestType(RequestType),
    /// Larger than [`ServerLimits::response_bytes`](super::ServerLimits::response_bytes): the client has got code 17, Invalid
    /// Response.
    #[error("an answer of {len} bytes is past the limit of {limit}; the client was told code 17")]
    TooLarge {
        /// Bytes of the answer.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// Too much output is not yet taken: answer again when some of it was. The request still waits.
    #[error("{queued} bytes wait to be sent, and {limit} may; take output first, then answer again")]
    Backpressure {
        /// Bytes that are queued.
        queued: usize,
        /// [`ServerLimits::sending_bytes`](super::ServerLimits::sending_bytes).
        limit: usize,
    },
}

/// A Connect that could not be accepted; the state comes back.
pub struct NotAccepted<T> {
    /// Why.
    pub error: AnswerError,
    /// What was given.
    pub state: T,
}

impl<T> fmt::Debug for NotAccepted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotAccepted").field("error", &self.error).finish_non_exhaustive()
    }
}

impl<T> fmt::Display for NotAccepted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl<T> std::error::Error for NotAccepted<T> {}

impl<T> Server<T> {
    /// Accepts a Connect or a Bind: the context lives, with the application's state; `body` is the success response body
    /// (2.2.4.1.2, 2.2.5.1.2), in parts that are sent one behind the other.
    ///
    /// # Errors
    /// [`NotAccepted`] with the state.
    pub fn accept(
        &mut self,
        now: Instant,
        handle: RequestHandle,
        state: T,
        body: &[Bytes],
    ) -> Result<(), NotAccepted<T>> {
        let now = self.advance(now);
        let context = match self.check_answer(now, handle, body, RequestType::begins_context) {
            Ok(context) => context,
            Err(error) => return Err(NotAccepted { error, state }),
        };
        if let Err(state) = self.table.set_state(context, state) {
            return Err(NotAccepted { error: AnswerError::NotWaiting, state });
        }
        event!(debug, context = context.number(), request = handle.0, "context created");
        self.finish(now, handle.0, Reply::Success(body.into()));
        self.resume_held(now);
        Ok(())
    }

    /// Declines a Connect, a Disconnect, a NotificationWait, a Bind or an Unbind in the words of its request type: `body` is the
    /// failure response body (2.2.4.1.3, 2.2.4.3.3, 2.2.4.4.3, 2.2.5.1.3, 2.2.5.2.3), or one of success whose ErrorCode says
    /// otherwise, and X-ResponseCode stays 0. A context whose Connect or Bind is declined ends; one whose Disconnect or Unbind is
    /// declined stays.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn decline(&mut self, now: Instant, handle: RequestHandle, body: &[Bytes]) -> Result<(), AnswerError> {
        let now = self.advance(now);
        let connects = self.exchanges.get(&handle.0).is_some_and(|e| e.kind.begins_context());
        let context = self.check_answer(now, handle, body, |kind| !kind.is_call())?;
        self.finish(now, handle.0, Reply::Success(body.into()));
        if connects {
            self.table.remove(context);
        }
        self.resume_held(now);
        Ok(())
    }

    /// Answers an Execute, a Disconnect, or any request type of the address book endpoint but Bind; `body` is its response body,
    /// in parts that are sent one behind the other. The context of a Disconnect or an Unbind ends.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn respond(&mut self, now: Instant, handle: RequestHandle, body: &[Bytes]) -> Result<(), AnswerError> {
        let now = self.advance(now);
        let disconnects = self.exchanges.get(&handle.0).is_some_and(|e| e.kind.ends_context());
        let answered = |kind: RequestType| kind.is_call() || kind.ends_context();
        let context = self.check_answer(now, handle, body, answered)?;
        self.finish(now, handle.0, Reply::Success(body.into()));
        if disconnects {
            self.end(now, context, EndReason::Disconnected);
        }
        self.resume_held(now);
        Ok(())
    }

    /// Fails a request with an X-ResponseCode behind DONE and a text for people (R2229, R2232). A context whose Connect fails
    /// ends; one whose Disconnect fails stays.
    ///
    /// # Errors
    /// [`AnswerError::NotWaiting`].
    pub fn fail(
        &mut self,
        now: Instant,
        handle: RequestHandle,
        refusal: Refusal,
        text: &str,
    ) -> Result<(), AnswerError> {
        let now = self.advance(now);
        let exchange = self.exchanges.get(&handle.0).ok_or(AnswerError::NotWaiting)?;
        let (kind, context) = (exchange.kind, exchange.context);
        self.finish(now, handle.0, Reply::Failure(refusal, diagnostic(refusal, text)));
        if kind.begins_context() {
            self.table.remove(context);
        }
        self.resume_held(now);
        Ok(())
    }

    /// Tells that an event is queued for a context: a NotificationWait ends flagged pending, now or as soon as it comes, and the
    /// client fetches the event by an Execute (R317). `false` when there is no such context.
    pub fn notify(&mut self, now: Instant, context: ContextId) -> bool {
        let now = self.advance(now);
        let Some(found) = self.table.context_mut(context) else { return false };
        found.notified = true;
        if let Some(waiting) = found.waiting() {
            self.finish_wait(now, waiting, EventPending::PENDING);
        }
        self.resume_held(now);
        true
    }

    /// Ends a context. `false` when there is none.
    pub fn end_context(&mut self, now: Instant, context: ContextId) -> bool {
        let now = self.advance(now);
        let found = self.table.contains(context);
        self.end(now, context, EndReason::Application);
        self.resume_held(now);
        found
    }

    fn check_answer(
        &mut self,
        now: Instant,
        handle: RequestHandle,
        body: &[Bytes],
        fits: impl Fn(RequestType) -> bool,
    ) -> Result<ContextId, AnswerError> {
        let exchange = self.exchanges.get(&handle.0).ok_or(AnswerError::NotWaiting)?;
        let (kind, context) = (exchange.kind, exchange.context);
        if !fits(kind) {
            return Err(AnswerError::OtherRequestType(kind));
        }
        let len = body.iter().fold(0_usize, |len, part| len.saturating_add(part.len()));
        let limits = self.config.limits;
        if len > limits.response_bytes {
            event!(warn, context = context.number(), request = handle.0, limit = "response_bytes", "limit reached");
            let refusal = Refusal::InvalidResponse;
            self.finish(now, handle.0, Reply::Failure(refusal, diagnostic(refusal, refusal.text())));
            if kind.begins_context() {
                self.table.remove(context);
            }
            self.resume_held(now);
            return Err(AnswerError::TooLarge { len, limit: limits.response_bytes });
        }
        let queued = self.sending_bytes;
        if exchange.conn.is_some() && queued > 0 && queued.saturating_add(len) > limits.sending_bytes {
            event!(warn, context = context.number(), request = handle.0, limit = "sending_bytes", "limit reached");
            return Err(AnswerError::Backpressure { queued, limit: limits.sending_bytes });
        }
        Ok(context)
    }

    /// Ends an exchange with that reply. It is kept for a client that repeats the request, and sent if somebody reads it.
    pub(crate) fn finish(&mut self, now: Instant, id: u64, reply: Reply) {
        let Some(exchange) = self.exchanges.remove(&id) else { return };
        self.timers.remove(&(exchange.timer, Timer::Exchange(id)));
        event!(
            debug,
            conn = exchange.conn.map(ConnectionId::number),
            context = exchange.context.number(),
            request = id,
            request_type = exchange.kind.as_str(),
            code = reply.code().number(),
            duration_ms = crate::trace::millis(now.saturating_duration_since(exchange.started)),
            "request answered"
        );
        self.table.release(now, exchange.context, id);
        if let Some(conn) = exchange.conn {
            self.emit_reply(now, conn, exchange.started, &reply);
            if let Some(connection) = self.connections.get_mut(&conn) {
                connection.answering = None;
                self.resumable.push_back(conn);
            }
        }
        if exchange.kind.is_call() && self.config.table.answers_per_context > 0 {
            let request_id = exchange.request_id.to_vec().into_boxed_slice();
            self.table.keep_answer(exchange.context, Answer { request_id, fingerprint: exchange.fingerprint, reply });
        }
    }

    /// DONE, the additional headers, the body, the end (R1244, R2231).
    pub(crate) fn emit_reply(&mut self, now: Instant, conn: ConnectionId, started: Instant, reply: &Reply) {
        let elapsed = now.saturating_duration_since(started);
        let (failure, parts) = match reply {
            Reply::Success(parts) => (None, &**parts),
            Reply::Failure(refusal, text) => (Some(*refusal), std::slice::from_ref(text)),
        };
        self.emit(now, conn, HttpEvent::Body(done(self.wall(started), elapsed, failure)));
        for part in parts {
            self.emit(now, conn, HttpEvent::Body(part.clone()));
        }
        self.emit(now, conn, HttpEvent::End);
    }

    /// Answers a NotificationWait with its success response body (2.2.4.4.2).
    pub(crate) fn finish_wait(&mut self, now: Instant, id: u64, event_pending: EventPending) {
        let body = NotificationWaitSuccess { error_code: 0, event_pending, auxiliary_buffer: &[] };
        let reply = match encode_to_bytes(&body) {
            Ok(body) => Reply::Success([body].into()),
            Err(_) => Reply::Failure(Refusal::UnknownFailure, Bytes::new()),
        };
        self.finish(now, id, reply);
    }

    /// Ends all waits, for a shutdown.
    pub(crate) fn end_waits(&mut self, now: Instant) {
        let waits = self.exchanges.iter().filter(|(_, exchange)| exchange.kind == RequestType::NotificationWait);
        let mut waits: Vec<u64> = waits.map(|(id, _)| *id).collect();
        waits.sort_unstable();
        for id in waits {
            let refusal = Refusal::EndpointShuttingDown;
            self.finish(now, id, Reply::Failure(refusal, diagnostic(refusal, refusal.text())));
        }
    }

    /// Puts an exchange's next moment among the timers.
    pub(crate) fn schedule(&mut self, id: u64) {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        self.timers.remove(&(exchange.timer, Timer::Exchange(id)));
        exchange.timer = match exchange.conn {
            Some(_) => exchange.next_pending.min(exchange.deadline),
            None => exchange.deadline,
        };
        self.timers.insert((exchange.timer, Timer::Exchange(id)));
    }

    pub(crate) fn on_exchange_timer(&mut self, now: Instant, id: u64) {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        let (kind, context) = (exchange.kind, exchange.context);
        if exchange.deadline > now {
            exchange.next_pending = now.checked_add(self.config.keep_alive).unwrap_or(exchange.deadline);
            let conn = exchange.conn;
            self.schedule(id);
            // A peer that has not read what came before learns nothing from more of it.
            let waits = |conn| self.connections.get(&conn).is_some_and(|connection| connection.output.is_empty());
            if let Some(conn) = conn.filter(|conn| waits(*conn)) {
                self.emit(now, conn, HttpEvent::Body(MetaTag::Pending.to_bytes()));
            }
        } else if kind == RequestType::NotificationWait {
            self.finish_wait(now, id, EventPending::default());
        } else {
            let refusal = Refusal::UnknownFailure;
            event!(warn, context = context.number(), request = id, limit = "answer_timeout", "limit reached");
            self.finish(now, id, Reply::Failure(refusal, diagnostic(refusal, "The answer took too long.")));
            let (handle, reason) = (RequestHandle(id), CancelReason::TimedOut);
            self.events.push_back(Event::Cancelled { handle, context, reason });
            if kind.begins_context() {
                self.table.remove(context);
            }
        }
    }

    /// The connection is gone on which an exchange was to be answered.
    pub(crate) fn on_client_gone(&mut self, now: Instant, id: u64) {
        let Some(exchange) = self.exchanges.get_mut(&id) else { return };
        exchange.conn = None;
        let (kind, context) = (exchange.kind, exchange.context);
        match kind {
            RequestType::NotificationWait => return self.finish_wait(now, id, EventPending::default()),
            kind if kind.begins_context() => {
                self.finish(now, id, Reply::Success(Box::default()));
                self.table.remove(context);
            }
            _ => self.schedule(id),
        }
        let (handle, reason) = (RequestHandle(id), CancelReason::ClientGone);
        self.events.push_back(Event::Cancelled { handle, context, reason });
    }
}
