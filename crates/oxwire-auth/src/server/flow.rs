//! From event to event: requests, questions, refusals.

use std::time::Instant;

use oxwire_core::{Error, Misuse, Principal, SecurityContext};
use oxwire_http::{Head, HttpEvent, HttpTransmit, RequestHead, Reset, ResponseHead, name};

use super::connection::{Accepted, Asked, Connection, Ntlm, Step, Waiting};
use super::judge::{Judgement, Refused};
use super::{Answer, Delivery, QuestionHandle, RefuseReason, ServerEvent, ServerLayer};
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
            Judgement::Ask { asked, user, value, question, token } => {
                let handle = QuestionHandle(self.next_handle);
                self.next_handle += 1;
                self.questions.insert(handle, c.id);
                let conn = c.id;
                event!(trace, conn = conn.number(), scheme = asked.scheme().as_str(), "verdict asked for");
                self.events.extend(match (&asked, question, token) {
                    (Asked::Ntlm(_), Some(question), _) => {
                        let user = crate::UserName::from_parts(&question.domain, &question.user);
                        Some(ServerEvent::NtHashNeeded { handle, conn, user, question })
                    }
                    (Asked::Basic { password }, _, _) => user.clone().map(|user| ServerEvent::PasswordNeeded {
                        handle,
                        conn,
                        user,
                        password: password.clone(),
                    }),
                    (Asked::Bearer, _, Some(token)) => Some(ServerEvent::TokenNeeded { handle, conn, token }),
                    _ => None,
                });
                let deadline = now.checked_add(self.config.answer_timeout).unwrap_or(now);
                let (held, held_bytes) = (Vec::new(), 0);
                let waiting = Waiting { handle, asked, user, value, head, held, held_bytes, deadline };
                c.step = Step::Waiting(Box::new(waiting));
            }
            Judgement::List(refused) => {
                if let Some(refused) = refused {
                    self.tell_refused(c, refused);
                }
                let reply = self.list(c);
                self.refuse(now, c, &head, reply);
            }
            Judgement::Token(value) => {
                event!(trace, conn = c.id.number(), scheme = AuthScheme::Ntlm.as_str(), "challenge sent");
                let reply = self.unauthorized().map(|(builder, field)| builder.field(field, value));
                let reply = reply.and_then(|builder| builder.response().ok());
                self.refuse(now, c, &head, reply);
            }
            Judgement::Busy => {
                let scheme = Some(AuthScheme::Ntlm);
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
    fn pass(&mut self, c: &mut Connection, principal: Principal, head: RequestHead, held: Vec<HttpEvent>) {
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
        self.transmits.push_back(transmit);
        Ok(())
    }

    // From the caller.

    pub(super) fn on_answer(&mut self, now: Instant, c: &mut Connection, answer: Answer) -> Result<(), Error> {
        let Step::Waiting(waiting) = &c.step else { return Ok(()) };
        let fits = match (&waiting.asked, &answer) {
            (_, Answer::UnknownUser | Answer::Refuse) => true,
            (Asked::Ntlm(_), answer) => !matches!(answer, Answer::Accept { .. }),
            (Asked::Basic { .. }, answer) => !matches!(answer, Answer::SessionBaseKey { .. }),
            (Asked::Bearer, answer) => matches!(answer, Answer::Accept { .. }),
        };
        if !fits {
            let advice = "NTLM takes an NT hash or a session key, Basic an NT hash or `Accept`, Bearer `Accept`";
            return Err(Misuse { call: "answer", state: "another kind of question", advice }.into());
        }
        let Step::Waiting(waiting) = std::mem::replace(&mut c.step, Step::Idle) else { return Ok(()) };
        let Waiting { asked, user, value, head, held, .. } = *waiting;
        let scheme = asked.scheme();
        let verdict = match asked {
            Asked::Ntlm(acceptor) => self.settle_ntlm(now, c, acceptor, answer),
            Asked::Basic { password } => settle_basic(password.expose(), answer).map(|p| (p, BindingKind::None)),
            Asked::Bearer => settle_basic("", answer).map(|p| (p, BindingKind::None)),
        };
        match verdict {
            Ok((principal, binding)) => {
                if !scheme.is_connection_bound()
                    && !self.config.recheck.is_zero()
                    && let Some(until) = now.checked_add(self.config.recheck)
                {
                    c.accepted = Some(Accepted { value, principal: principal.clone(), until });
                }
                let conn = c.id;
                event!(debug, conn = conn.number(), scheme = scheme.as_str(), binding = %binding, "authenticated");
                self.events.push_back(ServerEvent::Authenticated {
                    conn,
                    scheme,
                    principal: principal.clone(),
                    binding,
                });
                self.pass(c, principal, head, held);
            }
            Err(reason) => {
                self.tell_refused(c, Refused { scheme: Some(scheme), user, reason });
                self.refuse_held(now, c, &head, held);
            }
        }
        Ok(())
    }

    fn settle_ntlm(
        &mut self,
        now: Instant,
        c: &mut Connection,
        mut acceptor: Box<ntlm::Acceptor>,
        answer: Answer,
    ) -> Result<(Principal, BindingKind), RefuseReason> {
        let (verdict, principal) = match answer {
            Answer::NtHash { hash, principal } => (ntlm::Verdict::NtHash(hash), Some(principal)),
            Answer::SessionBaseKey { key, principal } => (ntlm::Verdict::SessionBaseKey(key), Some(principal)),
            Answer::UnknownUser => (ntlm::Verdict::UnknownUser, None),
            Answer::Refuse | Answer::Accept { .. } => (ntlm::Verdict::Refuse, None),
        };
        let answered = acceptor.answer(verdict).is_ok();
        let stepped = acceptor.step(None, self.wall.at(now), &mut *self.entropy).is_ok();
        match principal {
            Some(principal) if answered && stepped && acceptor.is_complete() => {
                c.ntlm = Ntlm::Done(principal.clone());
                let binding = if acceptor.is_bound() { c.binding.kind() } else { BindingKind::None };
                Ok((principal, binding))
            }
            _ => Err(acceptor.refusal().unwrap_or(ntlm::Refusal::Unexpected).into()),
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
        self.refuse_held(now, c, &head, held);
    }

    fn tell_refused(&mut self, c: &Connection, refused: Refused) {
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

    /// A bare refusal: all schemes, one line each.
    fn list(&self, c: &Connection) -> Option<ResponseHead> {
        event!(debug, conn = c.id.number(), "authentication asked for");
        let (mut builder, field) = self.unauthorized()?;
        for scheme in self.config.schemes.iter().filter(|scheme| self.offers(c, **scheme)) {
            let realm = ("realm", &*self.config.realm);
            let value = match scheme {
                AuthScheme::Ntlm => param_value(scheme.as_str(), &[]),
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
    fn refuse_held(&mut self, now: Instant, c: &mut Connection, head: &RequestHead, held: Vec<HttpEvent>) {
        let reply = self.list(c);
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
        c.ntlm = Ntlm::None;
        c.step = Step::Over;
        c.gone = true;
    }
}

/// Bytes that an event is counted as while it is held: single bytes in chunks of their own take more room than a byte.
fn held_len(event: &HttpEvent) -> usize {
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
