//! What a handshake comes to: verdicts, calls to mechanisms of the caller's, the last token.

use std::time::Instant;

use oxwire_core::{Error, Misuse, Principal, SecurityContext, Step as SecurityStep};
use oxwire_http::{HttpEvent, RequestHead, ResponseHead, name};

use super::connection::{Acceptor, Asked, Connection, Handshake, Step, Waiting};
use super::judge::Refused;
use super::{Answer, QuestionHandle, RefuseReason, ServerCall, ServerEvent, ServerLayer};
use crate::ntlm::{self, ExtendedProtection};
use crate::spnego::{self, MechType, MechanismReply};
use crate::trace::event;
use crate::{AuthScheme, BindingKind, ChannelBinding, token_value};

/// What a verdict comes to.
pub(super) enum Settled {
    /// The request passes.
    Pass(Principal),
    /// The client has one more token to send.
    Token(AuthScheme, Vec<u8>),
    /// The caller is asked again.
    Asked(Asked),
    Refused(RefuseReason),
}

impl ServerLayer {
    /// NTLM's verdict, by itself or inside of Negotiate.
    pub(super) fn settle_proof(
        &mut self,
        now: Instant,
        c: &mut Connection,
        mut acceptor: Acceptor,
        answer: Answer,
    ) -> Settled {
        let (verdict, principal) = match answer {
            Answer::NtHash { hash, principal } => (ntlm::Verdict::NtHash(hash), Some(principal)),
            Answer::SessionBaseKey { key, principal } => (ntlm::Verdict::SessionBaseKey(key), Some(principal)),
            Answer::UnknownUser => (ntlm::Verdict::UnknownUser, None),
            Answer::Refuse | Answer::Accept { .. } => (ntlm::Verdict::Refuse, None),
        };
        if let Some(ntlm) = acceptor.ntlm() {
            // Its question is what was answered.
            let _asked = ntlm.answer(verdict);
        }
        let step = acceptor.context().step(None, self.wall.at(now), &mut *self.entropy);
        let (Ok(step), Some(principal)) = (step, principal) else { return Settled::Refused(acceptor.reason()) };
        self.settle_step(c, acceptor, step, principal)
    }

    /// A mechanism has authenticated the client as that principal.
    fn settle_step(
        &mut self,
        c: &mut Connection,
        acceptor: Acceptor,
        step: SecurityStep,
        principal: Principal,
    ) -> Settled {
        match (acceptor, step) {
            (Acceptor::Ntlm(acceptor), SecurityStep::Complete(_)) => {
                let binding = if acceptor.is_bound() { c.binding.kind() } else { BindingKind::None };
                self.tell_authenticated(c, AuthScheme::Ntlm, None, &principal, binding);
                c.handshaking = Handshake::Done(principal.clone());
                c.last_token = Some(None);
                Settled::Pass(principal)
            }
            (Acceptor::Negotiate { mut acceptor, .. }, SecurityStep::Complete(last)) => {
                self.establish(c, &mut acceptor, &principal, last);
                Settled::Pass(principal)
            }
            (Acceptor::Negotiate { acceptor, .. }, SecurityStep::Continue(token)) => {
                let principal = Some(principal);
                c.handshaking = Handshake::Challenged(Acceptor::Negotiate { acceptor, principal });
                Settled::Token(AuthScheme::Negotiate, token)
            }
            (mut acceptor, _) => Settled::Refused(acceptor.reason()),
        }
    }

    /// Negotiate is through: the connection is the principal's.
    pub(super) fn establish(
        &mut self,
        c: &mut Connection,
        acceptor: &mut spnego::Acceptor,
        principal: &Principal,
        last: Option<Vec<u8>>,
    ) {
        let scheme = AuthScheme::Negotiate;
        let binding = if acceptor.is_bound() { c.binding.kind() } else { BindingKind::None };
        self.tell_authenticated(c, scheme, acceptor.mech(), principal, binding);
        c.handshaking = Handshake::Done(principal.clone());
        c.last_token = Some(last.map(|token| token_value(scheme.as_str(), &token)));
    }

    pub(super) fn tell_authenticated(
        &mut self,
        c: &Connection,
        scheme: AuthScheme,
        mechanism: Option<MechType>,
        principal: &Principal,
        binding: BindingKind,
    ) {
        let conn = c.id;
        event!(debug, conn = conn.number(), scheme = scheme.as_str(), binding = %binding, "authenticated");
        let principal = principal.clone();
        self.events.push_back(ServerEvent::Authenticated { conn, scheme, mechanism, principal, binding });
    }

    /// Puts the last token into the head of the response to the request that brought the one before it ([RFC 4559] 5).
    pub(super) fn with_last_token(&self, c: &mut Connection, head: ResponseHead) -> ResponseHead {
        if head.status() < 200 {
            return head;
        }
        let Some(token) = c.last_token.take() else { return head };
        let mut builder = head.to_builder();
        if let Some(token) = token {
            let field = if self.config.proxy { name::PROXY_AUTHENTICATE } else { name::WWW_AUTHENTICATE };
            builder = builder.field(field, token);
        }
        builder.set(name::PERSISTENT_AUTH, "true").response().unwrap_or(head)
    }

    /// What is to be run for a [`ServerEvent::MechanismNeeded`]; `None` when that is over, and the second time.
    pub fn take_call(&mut self, handle: QuestionHandle) -> Option<ServerCall> {
        let conn = self.questions.get(&handle)?;
        let c = self.connections.get_mut(conn)?;
        let Step::Waiting(waiting) = &mut c.step else { return None };
        let Asked::Call(Acceptor::Negotiate { acceptor, .. }) = &mut waiting.asked else { return None };
        let call = acceptor.take_call()?;
        let extended_protection = self.config.ntlm.extended_protection;
        let binding = match extended_protection {
            ExtendedProtection::Off => ChannelBinding::None,
            _ => c.binding.clone(),
        };
        Some(ServerCall { call, binding, extended_protection })
    }

    /// Takes what came of a call. One that is over (the connection ended, time passed) does nothing.
    ///
    /// # Errors
    /// [`Error::Misuse`] for a handle that was not given out, and for a reply that is another call's.
    pub fn finish_call(&mut self, now: Instant, handle: QuestionHandle, reply: MechanismReply) -> Result<(), Error> {
        if handle.0 >= self.next_handle {
            let advice = "answer with the handle of a `MechanismNeeded`";
            return Err(Misuse { call: "finish_call", state: "no such call", advice }.into());
        }
        let Some(conn) = self.questions.get(&handle).copied() else { return Ok(()) };
        self.on_connection(conn, "finish_call", |this, c| this.on_call_done(now, c, reply))
    }

    fn on_call_done(&mut self, now: Instant, c: &mut Connection, reply: MechanismReply) -> Result<(), Error> {
        let Step::Waiting(waiting) = &mut c.step else { return Ok(()) };
        let Asked::Call(Acceptor::Negotiate { acceptor, .. }) = &mut waiting.asked else {
            let advice = "answer it by `answer`";
            return Err(Misuse { call: "finish_call", state: "another kind of question", advice }.into());
        };
        acceptor.finish_call(reply)?;
        let Step::Waiting(waiting) = std::mem::replace(&mut c.step, Step::Idle) else { return Ok(()) };
        let Waiting { asked, user, value, head, held, .. } = *waiting;
        let Asked::Call(mut acceptor) = asked else { return Ok(()) };
        let step = acceptor.context().step(None, self.wall.at(now), &mut *self.entropy);
        let settled = match (step, acceptor) {
            (Ok(SecurityStep::Continue(token)), acceptor) => {
                c.handshaking = Handshake::Challenged(acceptor);
                Settled::Token(AuthScheme::Negotiate, token)
            }
            (Ok(SecurityStep::Complete(token)), acceptor) => self.ask_principal(c, acceptor, token),
            (_, mut acceptor) => Settled::Refused(acceptor.reason()),
        };
        self.on_settled(now, c, settled, Request { user, value, head, held });
        Ok(())
    }

    pub(super) fn ask_principal(&self, c: &Connection, mut acceptor: Acceptor, token: Option<Vec<u8>>) -> Settled {
        let required = self.config.ntlm.extended_protection == ExtendedProtection::Require;
        if required && c.binding.hash().is_none() {
            return Settled::Refused(ntlm::Refusal::BindingUnknown.into());
        }
        if required && !acceptor.context().is_bound() {
            let mechanism = mech_of(&acceptor);
            return Settled::Refused(RefuseReason::NotBound { mechanism });
        }
        Settled::Asked(Asked::Principal { acceptor, token })
    }

    /// The caller says who the name of a mechanism's is.
    pub(super) fn settle_principal(
        &mut self,
        c: &mut Connection,
        acceptor: Acceptor,
        token: Option<Vec<u8>>,
        answer: Answer,
    ) -> Settled {
        match answer {
            Answer::Accept { principal } => self.settle_step(c, acceptor, SecurityStep::Complete(token), principal),
            Answer::UnknownUser => Settled::Refused(RefuseReason::UnknownUser),
            _ => Settled::Refused(RefuseReason::Verdict),
        }
    }

    /// Goes on with a request that waited.
    pub(super) fn on_settled(&mut self, now: Instant, c: &mut Connection, settled: Settled, request: Request) {
        let Request { user, value, head, held } = request;
        match settled {
            Settled::Pass(principal) => self.pass(c, principal, head, held),
            Settled::Asked(asked) => {
                self.wait(now, c, asked, Request { user, value, head, held }, None);
            }
            Settled::Token(scheme, token) => {
                let reply = self.challenge(c, scheme, token_value(scheme.as_str(), &token));
                self.refuse_held(now, c, &head, held, reply);
            }
            Settled::Refused(reason) => {
                let scheme = crate::challenges(value.expose().as_bytes()).next();
                let scheme = scheme.and_then(|challenge| AuthScheme::from_name(challenge.scheme()));
                self.tell_refused(c, Refused { scheme, user, reason });
                let reply = self.list(c);
                self.refuse_held(now, c, &head, held, reply);
            }
        }
    }

    /// Asks the caller, and lets the request wait.
    pub(super) fn wait(
        &mut self,
        now: Instant,
        c: &mut Connection,
        mut asked: Asked,
        request: Request,
        token: Option<oxwire_core::SecretString>,
    ) {
        let handle = QuestionHandle(self.next_handle);
        self.next_handle += 1;
        self.questions.insert(handle, c.id);
        let conn = c.id;
        event!(trace, conn = conn.number(), scheme = asked.scheme().as_str(), "verdict asked for");
        let Request { user, value, head, held } = request;
        let event = match &mut asked {
            Asked::Proof(acceptor) => {
                let question = acceptor.ntlm().and_then(|ntlm| ntlm.question()).cloned().map(Box::new);
                user.clone().zip(question).map(|(user, question)| ServerEvent::NtHashNeeded {
                    handle,
                    conn,
                    user,
                    question,
                })
            }
            Asked::Call(acceptor) => Some(ServerEvent::MechanismNeeded { handle, conn, mechanism: mech_of(acceptor) }),
            Asked::Principal { acceptor, .. } => {
                let mechanism = mech_of(acceptor);
                let name = acceptor.context().peer_name().unwrap_or_default().into();
                Some(ServerEvent::PrincipalNeeded { handle, conn, mechanism, name })
            }
            Asked::Basic { password } => {
                let password = password.clone();
                user.clone().map(|user| ServerEvent::PasswordNeeded { handle, conn, user, password })
            }
            Asked::Bearer => token.map(|token| ServerEvent::TokenNeeded { handle, conn, token }),
        };
        self.events.extend(event);
        let deadline = now.checked_add(self.config.answer_timeout).unwrap_or(now);
        let held_bytes = held.iter().map(super::flow::held_len).sum();
        c.step = Step::Waiting(Box::new(Waiting { handle, asked, user, value, head, held, held_bytes, deadline }));
    }
}

/// A request that waits, or waited.
pub(super) struct Request {
    pub(super) user: Option<crate::UserName>,
    pub(super) value: oxwire_core::SecretString,
    pub(super) head: RequestHead,
    pub(super) held: Vec<HttpEvent>,
}

fn mech_of(acceptor: &Acceptor) -> MechType {
    match acceptor {
        Acceptor::Ntlm(_) => MechType::NTLM,
        Acceptor::Negotiate { acceptor, .. } => acceptor.mech().unwrap_or(MechType::SPNEGO),
    }
}
