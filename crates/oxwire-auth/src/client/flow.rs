//! From event to event: requests, legs, responses.

use std::time::Instant;

use oxwire_core::{Error, Misuse};
use oxwire_http::{Head, HeadBuilder, HttpEvent, HttpTransmit, RequestHead, Reset, ResetCause, ResponseHead, name};

use super::choice::Choice;
use super::connection::{Attempt, Connection, Exchange, Kind, Next, Side, Step, Wire, keeps_alive};
use super::negotiate::{LastWord, persists};
use super::{ClientLayer, FailReason, LastToken};
use crate::trace::event;

impl ClientLayer {
    pub(super) fn leg_deadline(&self, now: Instant) -> Instant {
        now.checked_add(self.config.leg_timeout).unwrap_or(now)
    }

    // From the machine.

    pub(super) fn on_outgoing(&mut self, now: Instant, c: &mut Connection, event: HttpEvent) -> Result<(), Error> {
        let misuse = |state, advice| Err(Misuse { call: "handle_outgoing", state, advice }.into());
        if matches!(c.step, Step::Tunnel) {
            self.send(c, event);
            return Ok(());
        }
        match event {
            HttpEvent::Head(Head::Request(head)) => {
                if c.exchange.is_some() {
                    return misuse(
                        "exchange under way",
                        "wait for the end of the response, or open another connection",
                    );
                }
                self.begin(now, c, head);
                Ok(())
            }
            HttpEvent::Head(Head::Response(_)) | HttpEvent::Reset(_) => misuse("client", "send requests"),
            event => {
                if c.exchange.as_ref().is_none_or(|exchange| exchange.ended) {
                    return misuse("no request open", "send a request's head first");
                }
                self.on_request_part(now, c, event);
                Ok(())
            }
        }
    }

    /// A new request: with what is known already, or as it is.
    fn begin(&mut self, now: Instant, c: &mut Connection, head: RequestHead) {
        let kind = Kind::of(&head);
        // Only what a proxy reads may carry its credentials: inside a tunnel the origin would.
        let to_proxy = kind == Kind::Connect || head.target().starts_with("http://");
        c.exchange = Some(Exchange {
            head,
            kind,
            to_proxy,
            held: Vec::new(),
            held_bytes: 0,
            complete: true,
            ended: false,
            open_on_wire: false,
        });
        let to_origin = kind != Kind::Connect && !c.anonymous;
        for (side, applies) in [(Side::Proxy, to_proxy), (Side::Origin, to_origin)] {
            c.side(side).attempt = Attempt::Nothing;
            // One handshake at a time, and the proxy's first: behind it, the origin is not reached.
            if !applies || c.side(side).established || c.proxy.attempt.is_under_way() {
                continue;
            }
            let Some(scheme) = self.assumed(c, side) else { continue };
            if let Err(reason) = self.begin_attempt(now, c, side, scheme) {
                self.fail(c, side, Some(scheme), reason);
            }
        }
        if let Some(side) =
            [Side::Proxy, Side::Origin].into_iter().find(|side| c.side(*side).attempt.next() == Next::Call)
        {
            c.step = Step::Calling { side, response: None, deadline: self.answer_deadline(now) };
            return;
        }
        // A channel's body must not begin before its authentication is through: ask first, without it.
        let probe = kind == Kind::Channel && !c.server.established && c.server.attempt.value().is_none();
        if probe || c.server.attempt.goes_by_leg() || c.proxy.attempt.goes_by_leg() {
            self.send_leg(now, c);
        } else {
            self.send_full(c);
        }
    }

    fn on_request_part(&mut self, now: Instant, c: &mut Connection, event: HttpEvent) {
        let Some(exchange) = &mut c.exchange else { return };
        let on_wire = exchange.open_on_wire;
        let ends = matches!(event, HttpEvent::End);
        exchange.ended |= ends;
        let len = match &event {
            HttpEvent::Body(bytes) => bytes.len(),
            _ => 0,
        };
        let settled = matches!(c.step, Step::Responding { .. }) || (exchange.kind == Kind::Channel && on_wire);
        if exchange.complete && !settled {
            if self.held_bytes.saturating_add(len) <= self.config.held_bytes {
                exchange.held.push(event.clone());
                exchange.held_bytes += len;
                self.held_bytes += len;
            } else if on_wire {
                self.forget_body(c);
                if matches!(c.step, Step::Draining { .. }) {
                    // Refused already, and to be sent again here: what is let go now would be missing from it.
                    return self.end_connection(c, "authentication is asked for after the body was let go");
                }
            } else {
                let limit = self.config.held_bytes;
                event!(warn, conn = c.id.number(), limit = "held_bytes", "limit reached");
                self.fail(c, Side::Origin, None, FailReason::BodyTooLarge { limit });
                self.end_connection(c, "the request's body is too large to wait for authentication");
                return;
            }
        } else {
            exchange.complete = false;
        }
        if on_wire {
            if let Some(exchange) = &mut c.exchange {
                exchange.open_on_wire = !ends;
            }
            self.send(c, event);
        }
        if ends {
            match c.step {
                Step::Responding { ended: true } => self.finish(c),
                Step::Draining { .. } => self.go_on(now, c),
                _ => {}
            }
        }
    }

    // To the network.

    fn send(&mut self, c: &Connection, event: HttpEvent) {
        self.transmits.push_back(HttpTransmit::Event { conn: c.id, event });
    }

    /// The head with what the attempts hold. A head that was read can be written again.
    fn head_for(c: &Connection, shape: impl FnOnce(HeadBuilder) -> HeadBuilder) -> Option<RequestHead> {
        let exchange = c.exchange.as_ref()?;
        let mut builder = shape(exchange.head.to_builder());
        for (side, state) in [(Side::Proxy, &c.proxy), (Side::Origin, &c.server)] {
            if let Some(value) = state.attempt.value() {
                builder = builder.set(side.credentials_field(), value.expose());
            }
        }
        builder.request().ok()
    }

    /// A leg: the request without its body.
    pub(super) fn send_leg(&mut self, now: Instant, c: &mut Connection) {
        let has_body = |head: &RequestHead| {
            head.fields().first(name::CONTENT_LENGTH).is_some()
                || head.fields().first(name::TRANSFER_ENCODING).is_some()
        };
        let body = c.exchange.as_ref().is_some_and(|exchange| has_body(&exchange.head));
        let head = Self::head_for(c, |builder| {
            let builder = builder.without(name::TRANSFER_ENCODING).without(name::TRAILER).without(name::EXPECT);
            // IIS answers 411 to a leg without Content-Length.
            if body { builder.set(name::CONTENT_LENGTH, "0") } else { builder }
        });
        let Some(head) = head else { return self.unsendable(c) };
        event!(trace, conn = c.id.number(), "leg sent");
        self.send(c, HttpEvent::Head(Head::Request(head)));
        self.send(c, HttpEvent::End);
        c.step = Step::Awaiting { wire: Wire::Leg, deadline: Some(self.leg_deadline(now)) };
    }

    /// The request itself, as far as the machine has said it.
    pub(super) fn send_full(&mut self, c: &mut Connection) {
        let bare = c.server.attempt.value().is_none() && c.proxy.attempt.value().is_none();
        let head = match &c.exchange {
            Some(exchange) if bare => Some(exchange.head.clone()),
            _ => Self::head_for(c, |builder| builder),
        };
        let Some(head) = head else { return self.unsendable(c) };
        self.send(c, HttpEvent::Head(Head::Request(head)));
        let Some(exchange) = &mut c.exchange else { return };
        exchange.open_on_wire = !exchange.ended;
        let channel = exchange.kind == Kind::Channel;
        for event in exchange.held.clone() {
            self.send(c, event);
        }
        c.step = Step::Awaiting { wire: Wire::Full, deadline: None };
        if channel {
            self.forget_body(c);
        }
        if c.is_in_channel() {
            // No answer will tell whether the credentials are right: others need not wait for one.
            self.release(c);
        }
    }

    /// A value of the caller's (a token with a line break in it) that no head can carry.
    fn unsendable(&mut self, c: &mut Connection) {
        self.fail(c, Side::Origin, None, FailReason::Token("a character that no header can carry".into()));
        self.end_connection(c, "the credentials cannot be sent in a header");
    }

    /// Gives the kept body up: the request can no longer be sent again on this connection.
    pub(super) fn forget_body(&mut self, c: &mut Connection) {
        if let Some(exchange) = &mut c.exchange {
            self.held_bytes = self.held_bytes.saturating_sub(exchange.held_bytes);
            exchange.held_bytes = 0;
            exchange.held = Vec::new();
            exchange.complete = false;
        }
    }

    pub(super) fn drop_exchange(&mut self, c: &mut Connection) {
        self.forget_body(c);
        c.exchange = None;
    }

    /// The exchange is over on both sides.
    fn finish(&mut self, c: &mut Connection) {
        self.drop_exchange(c);
        c.step = Step::Idle;
    }

    /// Closes the connection and lets the machine begin anew on another one.
    fn end_connection(&mut self, c: &mut Connection, why: &str) {
        event!(debug, conn = c.id.number(), reason = why, "connection closed");
        if !c.dead {
            self.transmits.push_back(HttpTransmit::Close { conn: c.id });
        }
        self.deliver(c.id, HttpEvent::Reset(Reset::not_sent(why).with_cause(ResetCause::Authentication)));
        c.gone = true;
    }

    // From the network.

    pub(super) fn on_response(&mut self, now: Instant, c: &mut Connection, head: ResponseHead) {
        let (Step::Awaiting { wire, .. }, Some(exchange)) = (&c.step, &c.exchange) else {
            // Nothing was asked: the machine's to judge.
            return self.deliver(c.id, HttpEvent::Head(Head::Response(head)));
        };
        let (wire, kind) = (*wire, exchange.kind);
        if head.status() < 200 && head.status() != 101 {
            if wire == Wire::Full {
                self.deliver(c.id, HttpEvent::Head(Head::Response(head)));
            }
            return;
        }
        match Side::of_status(head.status()) {
            // Nobody is to log on: the machine's to judge.
            Some(Side::Origin) if c.anonymous => self.on_answer(now, c, wire, kind, head),
            Some(side) if exchange.may_ask(side) => self.on_refusal(now, c, side, head),
            Some(side) => self.on_misplaced(c, side, head),
            None => self.on_answer(now, c, wire, kind, head),
        }
    }

    /// A refusal by a side that has no say in this request: no credentials are sent for it, or asked for.
    fn on_misplaced(&mut self, c: &mut Connection, side: Side, head: ResponseHead) {
        self.fail(c, side, None, FailReason::Misplaced { status: head.status() });
        c.server.attempt = Attempt::Nothing;
        c.proxy.attempt = Attempt::Nothing;
        self.release(c);
        self.forget_body(c);
        c.step = Step::Responding { ended: false };
        self.deliver(c.id, HttpEvent::Head(Head::Response(head)));
    }

    /// Neither 401 nor 407: whoever was told credentials took them.
    fn on_answer(&mut self, now: Instant, c: &mut Connection, wire: Wire, kind: Kind, head: ResponseHead) {
        for side in [Side::Proxy, Side::Origin] {
            match self.last_word(now, c, side, &head) {
                LastWord::Stands(last_token) => self.accepted(c, side, last_token, persists(&head)),
                LastWord::Asked => return self.verify(now, c, side, wire, head),
                LastWord::Wrong(reason) => return self.on_wrong_last_word(c, side, reason),
            }
        }
        self.after_answer(now, c, wire, kind, head);
    }

    /// The same, once its last token is known to be right.
    pub(super) fn after_answer(
        &mut self,
        now: Instant,
        c: &mut Connection,
        wire: Wire,
        kind: Kind,
        head: ResponseHead,
    ) {
        let success = (200..300).contains(&head.status());
        if wire == Wire::Leg && success {
            // Nobody wanted authentication, or it was through with the leg: that was taken for a request, and the request itself
            // has yet to go, with a token of its own where the server authenticates each request.
            let close = !keeps_alive(&head);
            let deadline = self.leg_deadline(now);
            let mut next = Next::Full;
            if !c.server.established
                && let Some(scheme) = self.assumed(c, Side::Origin).filter(|scheme| scheme.is_connection_bound())
                && self.target(c, Side::Origin).mech.is_some()
            {
                next = self.begin_attempt(now, c, Side::Origin, scheme).unwrap_or(Next::Full);
            }
            c.step = Step::Draining { side: Side::Origin, response: head, next, drained: false, close, deadline };
            return;
        }
        self.forget_body(c);
        if wire == Wire::Leg
            && let Some(exchange) = &mut c.exchange
        {
            // The answer to the leg is the answer to the request; what the machine still says of it goes nowhere.
            exchange.open_on_wire = false;
        }
        c.step = if (matches!(kind, Kind::Connect | Kind::RpcConnect) && success) || head.status() == 101 {
            Step::Tunnel
        } else {
            Step::Responding { ended: false }
        };
        self.deliver(c.id, HttpEvent::Head(Head::Response(head)));
    }

    fn on_refusal(&mut self, now: Instant, c: &mut Connection, side: Side, head: ResponseHead) {
        if side == Side::Origin {
            // The proxy let it through.
            self.accepted(c, Side::Proxy, LastToken::Missing, persists(&head));
        } else if matches!(c.server.attempt, Attempt::Handshake { .. } | Attempt::Negotiate { .. }) {
            c.server.attempt = Attempt::Nothing;
        }
        c.side(side).established = false;
        let replayable = c.exchange.as_ref().is_some_and(Exchange::is_replayable);
        let choice = match std::mem::take(&mut c.side(side).attempt) {
            Attempt::Handshake { client, .. } => self.continue_ntlm(now, c, side, *client, &head),
            Attempt::Negotiate { initiator, .. } => self.continue_negotiate(now, c, side, initiator, &head),
            Attempt::Final { scheme, .. } => Choice::Next(self.rejected(c, side, scheme, &head)),
            Attempt::Nothing | Attempt::Calling { .. } | Attempt::Failed(_) => self.choose(now, c, side, &head),
        };
        match choice {
            Choice::Fail(scheme, reason) => {
                self.fail(c, side, scheme, reason);
                self.forget_body(c);
                c.step = Step::Responding { ended: false };
                self.deliver(c.id, HttpEvent::Head(Head::Response(head)));
            }
            Choice::Next(_) if !replayable => {
                self.end_connection(c, "authentication is asked for after the body was let go");
            }
            Choice::Next(next) => {
                let close = !keeps_alive(&head);
                if close {
                    // On another connection the machine begins it anew.
                    self.forget_body(c);
                }
                let deadline = self.leg_deadline(now);
                c.step = Step::Draining { side, response: head, next, drained: false, close, deadline };
            }
        }
    }

    pub(super) fn on_response_end(&mut self, now: Instant, c: &mut Connection) {
        match &mut c.step {
            Step::Draining { drained, .. } => {
                *drained = true;
                self.go_on(now, c);
            }
            Step::Responding { ended } => {
                *ended = true;
                self.deliver(c.id, HttpEvent::End);
                if c.exchange.as_ref().is_none_or(|exchange| exchange.ended) {
                    self.finish(c);
                }
            }
            Step::Parked { .. } | Step::Calling { .. } | Step::Verifying { .. } => {}
            Step::Idle | Step::Awaiting { .. } | Step::Tunnel => self.deliver(c.id, HttpEvent::End),
        }
    }

    /// Takes the next step, once the refusal is read and the refused request has ended on the wire.
    pub(super) fn go_on(&mut self, now: Instant, c: &mut Connection) {
        let open = c.exchange.as_ref().is_some_and(|exchange| exchange.open_on_wire);
        let Step::Draining { drained: true, next, close, side, .. } = c.step else { return };
        if open && !close {
            return;
        }
        if next == Next::Park {
            let Step::Draining { response, .. } = std::mem::replace(&mut c.step, Step::Idle) else { return };
            let deadline = now.checked_add(self.config.answer_timeout).unwrap_or(now);
            c.step = Step::Parked { side, response, close, deadline };
            // The credentials, or their proof, may have come while the body was read.
            self.wake.push_back(Self::target_of(c, side));
            return;
        }
        if close {
            return self.restart(c, side);
        }
        match next {
            Next::Leg => self.send_leg(now, c),
            Next::Full | Next::Park => self.send_full(c),
            Next::Call => {
                let Step::Draining { response, .. } = std::mem::replace(&mut c.step, Step::Idle) else { return };
                let response = Side::of_status(response.status()).map(|_| response);
                c.step = Step::Calling { side, response, deadline: self.answer_deadline(now) };
                self.after_call(now, c);
            }
        }
    }

    /// The server closes where the handshake would go on: another connection, but not for ever.
    fn restart(&mut self, c: &mut Connection, side: Side) {
        let max = self.config.max_restarts;
        let target = self.target(c, side);
        target.restarts = target.restarts.saturating_add(1);
        let times = target.restarts;
        if times <= max {
            return self.end_connection(c, "authentication goes on on another connection: the server closes this one");
        }
        target.restarts = 0;
        self.fail(c, side, None, FailReason::ClosedInHandshake { times });
        if let Step::Draining { response, .. } = std::mem::replace(&mut c.step, Step::Idle) {
            self.hand_over(c, response);
        }
    }

    pub(super) fn on_reset(&mut self, c: &mut Connection, reset: Reset) {
        match c.step {
            Step::Parked { .. } => {
                // The machine would only run into the same question on another connection. What it still says of its request goes
                // nowhere: it begins it anew.
                self.forget_body(c);
                if let Some(exchange) = &mut c.exchange {
                    exchange.open_on_wire = false;
                }
                c.dead = true;
                return;
            }
            Step::Draining { .. } | Step::Calling { .. } | Step::Awaiting { wire: Wire::Leg, .. } => {
                event!(debug, conn = c.id.number(), reason = &*reset.reason, "connection lost during authentication");
                self.count_restart(c);
                let reason = format!("during authentication, before the request was sent: {}", reset.reason);
                let cause = match reset.cause {
                    ResetCause::Unspecified | ResetCause::Lost => ResetCause::Authentication,
                    opening => opening,
                };
                self.deliver(c.id, HttpEvent::Reset(Reset::not_sent(reason).with_cause(cause)));
            }
            _ => self.deliver(c.id, HttpEvent::Reset(reset)),
        }
        c.gone = true;
    }

    /// A connection that is cut in mid-handshake counts like one that is closed there.
    fn count_restart(&mut self, c: &Connection) {
        let side = match &c.step {
            Step::Draining { side, .. } | Step::Calling { side, .. } => *side,
            _ if c.proxy.attempt.value().is_some() => Side::Proxy,
            _ => Side::Origin,
        };
        let max = self.config.max_restarts;
        let target = self.target(c, side);
        target.restarts = target.restarts.saturating_add(1);
        let times = target.restarts;
        if times > max {
            self.fail(c, side, None, FailReason::ClosedInHandshake { times });
        }
    }

    pub(super) fn on_deadline(&mut self, now: Instant, c: &mut Connection) {
        match c.step {
            Step::Parked { .. } => return self.give_up(c, FailReason::NoCredentials),
            Step::Calling { .. } | Step::Verifying { .. } => return self.on_call_timeout(now, c),
            _ => {}
        }
        let side = match c.step {
            Step::Draining { side, .. } => side,
            _ if c.proxy.attempt.value().is_some() => Side::Proxy,
            _ => Side::Origin,
        };
        event!(warn, conn = c.id.number(), limit = "leg_timeout", "limit reached");
        self.fail(c, side, None, FailReason::LegTimeout);
        self.transmits.push_back(HttpTransmit::Abort { conn: c.id });
        let reset = Reset::not_sent("no answer to a leg of the authentication in time");
        self.deliver(c.id, HttpEvent::Reset(reset.with_cause(ResetCause::Timeout)));
        c.gone = true;
    }
}
