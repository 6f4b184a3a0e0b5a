//! The ends of exchanges and of the connection: keep-alive, close, faults, time.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::{Closing, Connection, Exchange, Receiving, Role, Sending, Timers};
use crate::output::Item;
use crate::scan::{Section, SectionKind};
use crate::trace::event;
use crate::{Fault, HttpEvent, RequestFate, Reset, ResetCause};

impl Connection {
    /// Looks whether the exchange is over, and whether the connection is with it.
    pub(super) fn settle(&mut self, now: Instant) {
        if self.ended.is_some() {
            return;
        }
        match (self.role, &self.receiving, &self.sending) {
            (Role::Client | Role::Server, Receiving::Nothing, Sending::Ended) if self.exchange.persists => {
                self.exchange = Exchange::NONE;
                self.sending = Sending::Nothing;
                if self.role == Role::Server {
                    self.receiving = Receiving::Head(Section::new(SectionKind::RequestHead));
                    self.timers.idle = self.limits.idle_timeout.and_then(|patience| now.checked_add(patience));
                }
            }
            (Role::Client, Receiving::Nothing, _) if !self.exchange.persists => {
                // Also with the request body still open: a server that closes does not read it ([RFC 9112] 9.6).
                let done = matches!(self.sending, Sending::Ended);
                let fate = if done { RequestFate::NotSent } else { self.fate(0) };
                self.end(fate, "the connection does not outlast the response".into(), Closing::Draining);
            }
            (Role::Server, Receiving::Nothing, Sending::Ended) => {
                self.end(
                    RequestFate::Unknown,
                    "the connection does not outlast the response".into(),
                    Closing::Draining,
                );
            }
            (Role::Server, Receiving::Body(_), Sending::Ended) if !self.exchange.persists => {
                self.end(
                    RequestFate::NotSent,
                    "the response closes the connection before the end of the request".into(),
                    Closing::Lingering,
                );
                self.linger(now);
            }
            _ => {}
        }
    }

    fn linger(&mut self, now: Instant) {
        self.output.push(Item::Finish);
        self.timers.linger = now.checked_add(self.limits.linger);
    }

    /// What became of the request, when the transport did not accept the last `unwritten` of the bytes that were taken.
    pub(super) fn fate(&self, unwritten: u64) -> RequestFate {
        let written = self.output.taken().saturating_sub(unwritten);
        let whole = match self.role {
            Role::Client => self.exchange.end.is_some_and(|end| written >= end),
            Role::Server => !matches!(self.receiving, Receiving::Head(_) | Receiving::Body(_)),
            Role::Raw => true,
        };
        if whole { RequestFate::Unknown } else { RequestFate::NotSent }
    }

    /// Ends the connection, tells so once.
    pub(super) fn end(&mut self, request: RequestFate, reason: Arc<str>, closing: Closing) {
        self.end_for(Reset::new(request, reason).with_cause(ResetCause::Lost), closing);
    }

    /// Ends the connection, tells this once.
    pub(super) fn end_for(&mut self, reset: Reset, closing: Closing) {
        if self.ended.is_some() {
            if closing == Closing::Aborting && self.closing != Closing::Closed {
                self.stop(closing);
            }
            return;
        }
        event!(
            debug,
            conn = self.conn.number(),
            request = ?reset.request,
            reason = &*reset.reason,
            "connection closed"
        );
        self.ended = Some(reset.reason.clone());
        self.events.push_back(HttpEvent::Reset(reset));
        self.stop(closing);
    }

    /// Ends the connection because the caller said so.
    pub(super) fn quit(&mut self, reason: &'static str, closing: Closing) {
        if self.closing == Closing::Closed {
            return;
        }
        if self.ended.is_none() {
            event!(debug, conn = self.conn.number(), reason, "connection closed");
            self.ended = Some(reason.into());
        }
        self.stop(closing);
    }

    fn stop(&mut self, closing: Closing) {
        self.receiving = Receiving::Ended;
        self.sending = Sending::Ended;
        self.timers = Timers::default();
        self.input.clear();
        self.held = 0;
        self.closing = closing;
        if closing != Closing::Draining {
            self.gate = None;
        }
    }

    /// Ends the connection because of what the peer did. A server says which, where it has not begun to answer.
    pub(super) fn on_fault(&mut self, now: Instant, fault: Fault) {
        self.fault = Some(fault);
        event!(warn, if let Some(limit) = fault.limit() => conn = self.conn.number(), limit, "limit reached");
        let fate = self.fate(0);
        let answer = match (self.role, &self.sending) {
            (Role::Server, Sending::Nothing | Sending::Head) => fault.status(),
            _ => None,
        };
        match answer {
            Some((status, phrase)) => {
                let text = format!("HTTP/1.1 {status} {phrase}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                self.output.push(Item::Plain(Bytes::from(text)));
                self.end(fate, fault.to_string().into(), Closing::Lingering);
                self.linger(now);
            }
            None if self.role == Role::Server && matches!(self.sending, Sending::Nothing) => {
                self.end(fate, fault.to_string().into(), Closing::Draining);
            }
            None => self.end(fate, fault.to_string().into(), Closing::Aborting),
        }
    }

    pub(super) fn on_eof(&mut self, now: Instant) {
        if self.ended.is_some() {
            if self.closing == Closing::Lingering {
                self.closing = Closing::Draining;
                self.timers.linger = None;
            }
            return;
        }
        match &self.receiving {
            Receiving::Ended => {}
            Receiving::Tunnel => {
                self.events.push_back(HttpEvent::End);
                self.receiving = Receiving::Ended;
                if let Sending::Ended = self.sending {
                    let fate = self.fate(0);
                    self.end(fate, "both ends of the tunnel have ended".into(), Closing::Draining);
                }
            }
            Receiving::Body(reader) if reader.ends_at_close() => {
                self.exchange.persists = false;
                self.on_message_end(now);
            }
            Receiving::Body(_) => self.on_fault(now, Fault::Truncated),
            Receiving::Head(section) if section.has_begun() => self.on_fault(now, Fault::Truncated),
            Receiving::Head(_) if self.role == Role::Client => {
                let fate = self.fate(0);
                self.end(fate, "the server closed the connection without an answer".into(), Closing::Aborting);
            }
            Receiving::Head(_) => {
                self.end(RequestFate::NotSent, "the client closed the connection".into(), Closing::Draining);
            }
            Receiving::Nothing if self.role == Role::Client => {
                let fate = self.fate(0);
                self.end(fate, "the server closed the connection".into(), Closing::Draining);
            }
            Receiving::Nothing => {
                self.end(RequestFate::Unknown, "the client closed the connection unanswered".into(), Closing::Aborting);
            }
        }
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        let due = |timer: Option<Instant>| timer.is_some_and(|at| at <= now);
        if due(self.gate.and_then(|gate| gate.until)) {
            self.gate = None;
        }
        if due(self.timers.linger) {
            self.timers.linger = None;
            self.closing = Closing::Draining;
        }
        if due(self.timers.head) {
            let nothing_came = matches!(&self.receiving, Receiving::Head(section) if !section.has_begun());
            self.on_fault(now, if nothing_came { Fault::IdleTimeout } else { Fault::HeadTimeout });
        } else if due(self.timers.idle) {
            self.on_fault(now, Fault::IdleTimeout);
        } else if due(self.timers.stall) {
            self.on_fault(now, Fault::StallTimeout);
        }
    }
}
