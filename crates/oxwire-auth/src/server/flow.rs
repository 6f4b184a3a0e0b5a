//! From event to event: requests, questions, refusals.

use std::time::Instant;

use oxwire_core::{Error, Misuse, Principal, SecretString};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset, ResponseHead, name};

use super::connection::{Accepted, Asked, Connection, Handshake, Step, Waiting};
use super::judge::{Judgement, Refused};
use super::negotiate::{Request, Settled};
use super::{Answer, Delivery, RefuseReason, ServerEvent, ServerLayer};
use crate::trace::event;
use crate::{AuthScheme, BindingKind, ntlm, param_value};

impl ServerLayer {
    // From the network.

    pub(super) fn on_event(&mut self, now: Instant, c: &mut Connection, event: HttpEvent) -> Result<(), Error> {
        if let HttpEvent::Reset(reset) = event {
            self.on_reset(c, reset);
            return Ok(());
        }
        match (&mut c.step, event) {
            (Step::Over, _) => {}
            (Step::Idle, HttpEvent::Head(Head::Request(head))) => self.on_request(now, c, head),
            (_, HttpEvent::Head(head)) => {
                let advice = match head {
                    Head::Request(_) => "hold the next request back until the response in front has ended",
                    Head::Response(_) => "a server's connection gives requests",
                };
                return Err(Misuse { call: "handle", state: "request under way", advice }.into());
            }
            (Step::Passing { .. }, event) => {
                let ends = matches!(event, HttpEvent::End);
                self.deliver(c, event);
                if ends {
                    self.on_request_over(c);
                }
            }
            (Step::Waiting(waiting), event) => {
                if waiting.held.last() == Some(&HttpEvent::End) && waiting.head.method() != "CONNECT" {
                    let advice = "hold the next request back until the response in front has ended";
                    return Err(Misuse { call: "handle", state: "request ended", advice }.into());
                }
                waiting.held_bytes = waiting.held_bytes.saturating_add(held_len(&event));
                let too_large = waiting.held_bytes > self.config.held_bytes;
                waiting.held.push(event);
                if too_large {
                    event!(warn, conn = c.id.number(), limit = "held_bytes", "limit reached");
                    let (scheme, user) = (waiting.asked.scheme(), waiting.user.clone());
                    self.tell_refused(c, Refused { scheme: Some(scheme), user, reason: RefuseReason::BodyTooLarge });
                    let reply = self.list(c);
                    self.reply_and_close(c, reply);
                }
            }
            (Step::Refusing { drained, .. }, HttpEvent::Body(bytes)) => {
                *drained = drained.saturating_add(bytes.len() as u64);
                if *drained > self.config.drain_bytes
                    && let Step::Refusing { reply, .. } = std::mem::replace(&mut c.step, Step::Over)
                {
                    event!(warn, conn = c.id.number(), limit = "drain_bytes", "limit reached");
                    self.reply_and_close(c, Some(reply));
                }
            }
            (Step::Refusing { .. }, HttpEvent::End) => {
                if let Step::Refusing { reply, .. } = std::mem::replace(&mut c.step, Step::Idle) {
                    self.reply(c, reply);
                }
            }
            (Step::Refusing { .. }, _) => {}
            // Of a connection that became, or is about to become, a tunnel.
            (Step::Owed { .. }, event) if c.connect || c.tunnel => self.deliver(c, event),
            (Step::Owed { .. } | Step::Idle, _) => {
                let advice = "a request begins with its head";
                return Err(Misuse { call: "handle", state: "no request open", advice }.into());
            }
        }
        Ok(())
    }

    fn on_request(&mut self, now: Instant, c: &mut Connection, head: RequestHead) {
        match self.judge(now, c, &head) {
            Judgement::Pass(principal) => self.pass(c, principal, head, Vec::new()),
            Judgement::Ask { asked, user, value, token } => {
                self.wait(now, c, asked, Request { user, value, head, held: Vec::new() }, token);
            }
            Judgement::List(refused) => {
                if let Some(refused) = refused {
                    self.tell_refused(c, refused);
                }
                let reply = self.list(c);
                self.refuse(now, c, &head, reply);
            }
            Judgement::Token(scheme, value) => {
                let reply = self.challenge(c, scheme, value);
                self.refuse(now, c, &head, reply);
            }
            Judgement::Busy(scheme) => {
                let scheme = Some(scheme);
                event!(warn, conn = c.id.number(), limit = "max_half_open", "limit reached");
                self.tell_refused(c, Refused { scheme, user: None, reason: RefuseReason::TooManyHandshakes });
                let reply = ResponseHead::builder(503, "Service Unavailable")
                    .field(name::RETRY_AFTER, "5")
                    .field(name::CONTENT_LENGTH, "0");
                self.reply_and_close(c, reply.response().ok());
            }
        }
    }

    /// Lets a request, and what was held of it, through.
    pub(super) fn pass(&mut self, c: &mut Connection, principal: Principal, head: RequestHead, held: Vec<HttpEvent>) {
        c.handshake = None;
        c.seen = true;
        c.responding = true;
        c.connect = head.method() == "CONNECT";
        c.step = Step::Passing { principal };
        self.deliver(c, HttpEvent::Head(Head::Request(head)));
        for event in held {
            let ends = matches!(event, HttpEvent::End);
            self.deliver(c, event);
            if ends {
                self.on_request_over(c);
            }
        }
    }

    /// The machine has all of the request.
    fn on_request_over(&mut self, c: &mut Connection) {
        c.step = match std::mem::replace(&mut c.step, Step::Idle) {
            Step::Passing { principal } if c.responding => Step::Owed { principal },
            Step::Passing { .. } => Step::Idle,
            step => step,
        };
    }

    fn deliver(&mut self, c: &Connection, event: HttpEvent) {
        self.deliveries.push_back(Delivery { conn: c.id, principal: c.principal().cloned(), event });
    }

    fn on_reset(&mut self, c: &mut Connection, reset: Reset) {
        if c.seen {
            self.deliver(c, HttpEvent::Reset(reset));
        }
        c.gone = true;
    }

    // From the machine.

    pub(super) fn on_outgoing(
        &mut self,
        _now: Instant,
        c: &mut Connection,
        transmit: HttpTransmit,
    ) -> Result<(), Error> {
        let misuse = |state, advice| Err(Misuse { call: "handle_outgoing", state, advice }.into());
        match &transmit {
            HttpTransmit::Open { .. } => return misuse("server", "a server opens no connections"),
            HttpTransmit::Event { event, .. } => {
                if !matches!(c.step, Step::Passing { .. } | Step::Owed { .. }) {
                    return misuse("no request delivered", "answer the requests that `poll_deliver` gives");
                }
                if let HttpEvent::Head(Head::Response(head)) = event {
                    c.tunnel |= head.status() == 101 || (c.connect && (200..300).contains(&head.status()));
                }
                // The half-close of a tunnel ends no exchange: the client's half goes on.
                if matches!(event, HttpEvent::End) && !c.tunnel {
                    c.responding = false;
                    if matches!(c.step, Step::Owed { .. }) {
                        c.step = Step::Idle;
                    }
                }
            }
            _ => c.gone = true,
        }
        let transmit = match transmit {
            HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Response(head)) } if c.last_token.is_some() => {
                let head = self.with_last_token(c, head);
                HttpTransmit::Event { conn, event: HttpEvent::Head(Head::Response(head)) }
            }
            transmit => transmit,
        };
        self.transmits.push_back(transmit);
        Ok(())
    }

    // From the caller.

    pub(super) fn on_answer(&mut self, now: Instant, c: &mut Connection, answer: Answer) -> Result<(), Error> {
        let Step::Waiting(waiting) = &c.step else { return Ok(()) };
        let fits = match (&waiting.asked, &answer) {
            (
                Asked::Proof(_) | Asked::Principal { .. } | Asked::Basic { .. } | Asked::Bearer,
                Answer::UnknownUser | Answer::Refuse,
            ) => true,
            (Asked::Proof(_), answer) => !matches!(answer, Answer::Accept { .. }),
            (Asked::Call(_), _) => false,
            (Asked::Basic { .. }, answer) => !matches!(answer, Answer::SessionBaseKey { .. }),
            (Asked::Bearer | Asked::Principal { .. }, answer) => matches!(answer, Answer::Accept { .. }),
        };
        if !fits {
            let advice = "NTLM takes an NT hash or a session key, Basic an NT hash or `Accept`, Bearer and a principal `Accept`, a mechanism `finish_call`";
            return Err(Misuse { call: "answer", state: "another kind of question", advice }.into());
        }
        let Step::Waiting(waiting) = std::mem::replace(&mut c.step, Step::Idle) else { return Ok(()) };
        let Waiting { asked, user, value, head, held, .. } = *waiting;
        let scheme = asked.scheme();
        let settled = match asked {
            Asked::Proof(acceptor) => self.settle_proof(now, c, acceptor, answer),
            Asked::Principal { acceptor, token } => self.settle_principal(c, acceptor, token, answer),
            Asked::Basic { password } => self.settle_each(now, c, scheme, password.expose(), answer, &value),
            Asked::Bearer => self.settle_each(now, c, scheme, "", answer, &value),
            Asked::Call(_) => return Ok(()),
        };
        self.on_settled(now, c, settled, Request { user, value, head, held });
        Ok(())
    }

    /// The verdict of a scheme that authenticates each request.
    fn settle_each(
        &mut self,
        now: Instant,
        c: &mut Connection,
        scheme: AuthScheme,
        password: &str,
        answer: Answer,
        value: &SecretString,
    ) -> Settled {
        match settle_basic(password, answer) {
            Ok(principal) => {
                if !self.config.recheck.is_zero()
                    && let Some(until) = now.checked_add(self.config.recheck)
                {
                    c.accepted = Some(Accepted { value: value.clone(), principal: principal.clone(), until });
                }
                self.tell_authenticated(c, scheme, None, &principal, BindingKind::None);
                Settled::Pass(principal)
            }
            Err(reason) => Settled::Refused(reason),
        }
    }

    // Refusals.

    pub(super) fn on_deadline(&mut self, now: Instant, c: &mut Connection) {
        if c.handshake.is_some_and(|at| at <= now) {
            event!(warn, conn = c.id.number(), limit = "handshake_timeout", "limit reached");
            self.events.push_back(ServerEvent::TimedOut { conn: c.id });
            self.transmits.push_back(HttpTransmit::Abort { conn: c.id });
            if c.seen {
                self.deliver(c, HttpEvent::Reset(Reset::unknown("not authenticated in time")));
            }
            c.gone = true;
            return;
        }
        let Step::Waiting(waiting) = std::mem::replace(&mut c.step, Step::Idle) else { return };
        let Waiting { asked, user, head, held, .. } = *waiting;
        self.tell_refused(c, Refused { scheme: Some(asked.scheme()), user, reason: RefuseReason::NoVerdict });
        let reply = self.list(c);
        self.refuse_held(now, c, &head, held, reply);
    }

    pub(super) fn tell_refused(&mut self, c: &Connection, refused: Refused) {
        let Refused { scheme, user, reason } = refused;
        event!(
            info,
            conn = c.id.number(),
            scheme = scheme.map(AuthScheme::as_str),
            reason = %crate::trace::RefuseReason(&reason),
            "authentication refused"
        );
        self.events.push_back(ServerEvent::Refused { conn: c.id, scheme, user, reason });
    }

    fn unauthorized(&self) -> Option<(oxwire_http::HeadBuilder, &'static str)> {
        let (status, reason, field) = if self.config.proxy {
            (407, "Proxy Authentication Required", name::PROXY_AUTHENTICATE)
        } else {
            (401, "Unauthorized", name::WWW_AUTHENTICATE)
        };
        Some((ResponseHead::builder(status, reason).field(name::CONTENT_LENGTH, "0"), field))
    }

    /// The next token of a handshake.
    pub(super) fn challenge(&self, c: &Connection, scheme: AuthScheme, value: String) -> Option<ResponseHead> {
        event!(trace, conn = c.id.number(), scheme = scheme.as_str(), "challenge sent");
        #[cfg(not(feature = "tracing"))]
        let _only_for_events = (c, scheme);
        let (builder, field) = self.unauthorized()?;
        builder.field(field, value).response().ok()
    }

    /// A bare refusal: all schemes, one line each.
    pub(super) fn list(&self, c: &Connection) -> Option<ResponseHead> {
        event!(debug, conn = c.id.number(), "authentication asked for");
        let (mut builder, field) = self.unauthorized()?;
        for scheme in self.config.schemes.iter().filter(|scheme| self.offers(c, **scheme)) {
            let realm = ("realm", &*self.config.realm);
            let value = match scheme {
                AuthScheme::Ntlm | AuthScheme::Negotiate => param_value(scheme.as_str(), &[]),
                AuthScheme::Basic => param_value(scheme.as_str(), &[realm, ("charset", "UTF-8")]),
                AuthScheme::Bearer => {
                    let more = self.config.bearer_params.iter().map(|(name, value)| (&**name, &**value));
                    param_value(scheme.as_str(), &[realm].into_iter().chain(more).collect::<Vec<_>>())
                }
            };
            builder = builder.field(field, value);
        }
        builder.response().ok()
    }

    /// Refuses a request whose body has yet to come.
    fn refuse(&mut self, now: Instant, c: &mut Connection, head: &RequestHead, reply: Option<ResponseHead>) {
        if c.handshake.is_none() {
            c.handshake = now.checked_add(self.config.handshake_timeout);
        }
        let Some(reply) = reply else { return self.reply_and_close(c, None) };
        let announced = head.fields().text(name::CONTENT_LENGTH).map(|text| text.trim().parse::<u64>());
        let announced = match announced {
            None => 0,
            Some(Ok(len)) => len,
            Some(Err(_)) => u64::MAX,
        };
        if announced > self.config.drain_bytes {
            event!(warn, conn = c.id.number(), limit = "drain_bytes", "limit reached");
            return self.reply_and_close(c, Some(reply));
        }
        c.step = Step::Refusing { reply, drained: 0 };
    }

    /// Refuses a request of which something has come already.
    pub(super) fn refuse_held(
        &mut self,
        now: Instant,
        c: &mut Connection,
        head: &RequestHead,
        held: Vec<HttpEvent>,
        reply: Option<ResponseHead>,
    ) {
        self.refuse(now, c, head, reply);
        for event in held {
            // Nothing here but pieces of a body and its end, which a refused request takes in any number.
            let _never = self.on_event(now, c, event);
        }
    }

    fn send(&mut self, c: &Connection, event: HttpEvent) {
        self.transmits.push_back(HttpTransmit::Event { conn: c.id, event });
    }

    fn reply(&mut self, c: &Connection, reply: ResponseHead) {
        self.send(c, HttpEvent::Head(Head::Response(reply)));
        self.send(c, HttpEvent::End);
    }

    /// Replies, if there is something to say, and lets the connection go.
    fn reply_and_close(&mut self, c: &mut Connection, reply: Option<ResponseHead>) {
        let closing = reply.and_then(|reply| reply.to_builder().set(name::CONNECTION, "close").response().ok());
        if let Some(reply) = closing {
            self.reply(c, reply);
        }
        self.transmits.push_back(HttpTransmit::Close { conn: c.id });
        if c.seen {
            self.deliver(c, HttpEvent::Reset(Reset::unknown("closed by authentication")));
        }
        c.handshaking = Handshake::None;
        c.step = Step::Over;
        c.gone = true;
    }
}

/// Bytes that an event is counted as while it is held: single bytes in chunks of their own take more room than a byte.
pub(super) fn held_len(event: &HttpEvent) -> usize {
    const OVERHEAD: usize = 64;
    OVERHEAD.saturating_add(match event {
        HttpEvent::Body(bytes) => bytes.len(),
        _ => 0,
    })
}

/// Basic's and Bearer's verdict.
fn settle_basic(password: &str, answer: Answer) -> Result<Principal, RefuseReason> {
    match answer {
        Answer::Accept { principal } => Ok(principal),
        Answer::NtHash { hash, principal } => {
            if ntlm::nt_hash(password) == hash {
                Ok(principal)
            } else {
                Err(RefuseReason::WrongPassword)
            }
        }
        Answer::UnknownUser => Err(RefuseReason::UnknownUser),
        Answer::Refuse | Answer::SessionBaseKey { .. } => Err(RefuseReason::Verdict),
    }
}
