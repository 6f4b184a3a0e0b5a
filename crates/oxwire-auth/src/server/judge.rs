//! What a request's `Authorization` comes to.

use std::time::Instant;

use oxwire_core::{Principal, SecretString, Step as SecurityStep};
use oxwire_http::{RequestHead, name};

use super::connection::{Acceptor, Asked, Connection, Handshake};
use super::negotiate::Settled;
use super::{RefuseReason, ServerLayer};
use crate::{AuthScheme, Challenge, UserName, challenges, ntlm, read_basic, spnego, token_value};

/// What becomes of a request.
pub(super) enum Judgement {
    /// It goes to the machine.
    Pass(Principal),
    /// The caller is asked.
    Ask { asked: Asked, user: Option<UserName>, value: SecretString, token: Option<SecretString> },
    /// The list of schemes; with a reason where something was refused.
    List(Option<Refused>),
    /// The next token of a handshake.
    Token(AuthScheme, String),
    /// There is no room for another handshake.
    Busy(AuthScheme),
}

/// What is told of a refusal.
pub(super) struct Refused {
    pub(super) scheme: Option<AuthScheme>,
    pub(super) user: Option<UserName>,
    pub(super) reason: RefuseReason,
}

impl Refused {
    pub(super) fn list(scheme: AuthScheme, reason: impl Into<RefuseReason>) -> Judgement {
        Judgement::List(Some(Self { scheme: Some(scheme), user: None, reason: reason.into() }))
    }
}

impl ServerLayer {
    /// Whether a scheme is offered on that connection.
    pub(super) fn offers(&self, c: &Connection, scheme: AuthScheme) -> bool {
        let safe = if scheme.is_connection_bound() { !c.multiplexed } else { c.secure || self.config.cleartext };
        safe && self.config.schemes.contains(&scheme)
    }

    pub(super) fn judge(&mut self, now: Instant, c: &mut Connection, head: &RequestHead) -> Judgement {
        let field = if self.config.proxy { name::PROXY_AUTHORIZATION } else { name::AUTHORIZATION };
        let mut lines = head.fields().all(field);
        let Some(value) = lines.next() else {
            return match &c.handshaking {
                Handshake::Done(principal) => Judgement::Pass(principal.clone()),
                _ => Judgement::List(None),
            };
        };
        let malformed =
            |scheme, what| Judgement::List(Some(Refused { scheme, user: None, reason: RefuseReason::Malformed(what) }));
        if lines.next().is_some() {
            return malformed(None, "more than one");
        }
        let Some(credentials) = challenges(value).next() else { return malformed(None, "no scheme") };
        if let Some(scheme) = AuthScheme::from_name(credentials.scheme())
            && c.multiplexed
            && scheme.is_connection_bound()
        {
            return Refused::list(scheme, RefuseReason::NeedsHttp11(scheme));
        }
        let Some(scheme) = AuthScheme::from_name(credentials.scheme()).filter(|scheme| self.offers(c, *scheme)) else {
            let reason = RefuseReason::Scheme(credentials.scheme().chars().take(40).collect());
            return Judgement::List(Some(Refused { scheme: None, user: None, reason }));
        };
        let Ok(text) = std::str::from_utf8(value) else { return malformed(Some(scheme), "not ASCII") };
        if text.len() / 4 > self.config.token_bytes / 3 + 16 {
            return malformed(Some(scheme), "longer than `ServerConfig::token_bytes`");
        }
        let value = SecretString::from(text);
        if let Some(accepted) = &c.accepted
            && now < accepted.until
            && accepted.value == value
        {
            return Judgement::Pass(accepted.principal.clone());
        }
        match (scheme, credentials.token()) {
            // Outlook's probe.
            (AuthScheme::Bearer, None) => Judgement::List(None),
            (AuthScheme::Bearer, Some(token)) => {
                let token = Some(SecretString::from(token));
                Judgement::Ask { asked: Asked::Bearer, user: None, value, token }
            }
            (AuthScheme::Basic, Some(token)) => match read_basic(token.as_bytes(), self.config.token_bytes) {
                Ok((user, password)) => {
                    let asked = Asked::Basic { password };
                    Judgement::Ask { asked, user: Some(user), value, token: None }
                }
                Err(_) => malformed(Some(scheme), "not base64 of user name, colon and password"),
            },
            (AuthScheme::Ntlm | AuthScheme::Negotiate, Some(_)) => {
                self.judge_handshake(now, c, scheme, &credentials, value)
            }
            (AuthScheme::Basic | AuthScheme::Ntlm | AuthScheme::Negotiate, None) => malformed(Some(scheme), "no token"),
        }
    }

    fn judge_handshake(
        &mut self,
        now: Instant,
        c: &mut Connection,
        scheme: AuthScheme,
        credentials: &Challenge<'_>,
        value: SecretString,
    ) -> Judgement {
        let Some(token) = credentials.token_bytes(self.config.token_bytes) else {
            return Refused::list(
                scheme,
                RefuseReason::Malformed("not base64, or longer than `ServerConfig::token_bytes`"),
            );
        };
        let before = std::mem::take(&mut c.handshaking);
        let fresh = !matches!(before, Handshake::Challenged(_));
        let mut acceptor = match before {
            Handshake::Challenged(acceptor) if acceptor.scheme() == scheme && !begins(scheme, &token) => acceptor,
            _ if begins(scheme, &token) => {
                if fresh && self.half_open >= self.config.max_half_open {
                    return Judgement::Busy(scheme);
                }
                self.acceptor(c, scheme)
            }
            _ if scheme == AuthScheme::Ntlm => return Refused::list(scheme, ntlm::Refusal::Unexpected),
            _ => return Refused::list(scheme, spnego::Refusal::Unexpected("token")),
        };
        let step = acceptor.context().step(Some(&token), self.wall.at(now), &mut *self.entropy);
        match step {
            Ok(SecurityStep::Continue(token)) => {
                c.handshaking = Handshake::Challenged(acceptor);
                Judgement::Token(scheme, token_value(scheme.as_str(), &token))
            }
            Ok(SecurityStep::Pending) => self.ask_for(acceptor, value),
            // The last leg proved the list of mechanisms; the mechanism had been through before.
            Ok(SecurityStep::Complete(last)) => match acceptor {
                Acceptor::Negotiate { mut acceptor, principal: Some(principal) } => {
                    self.establish(c, &mut acceptor, &principal, last);
                    Judgement::Pass(principal)
                }
                acceptor => match self.ask_principal(c, acceptor, last) {
                    Settled::Asked(asked) => Judgement::Ask { asked, user: None, value, token: None },
                    Settled::Refused(reason) => Refused::list(scheme, reason),
                    Settled::Pass(_) | Settled::Token(..) => Refused::list(scheme, RefuseReason::Verdict),
                },
            },
            Ok(_) | Err(_) => Refused::list(scheme, acceptor.reason()),
        }
    }

    fn acceptor(&self, c: &Connection, scheme: AuthScheme) -> Acceptor {
        let mut config = self.config.ntlm.clone();
        config.binding = c.binding.clone();
        if scheme == AuthScheme::Ntlm {
            return Acceptor::Ntlm(Box::new(ntlm::Acceptor::new(config)));
        }
        let outside = self.config.outside_mechanisms.iter();
        let mut mechanisms: Vec<_> = outside.map(|mech| spnego::Mechanism::outside(*mech, None)).collect();
        if self.config.negotiate_ntlm {
            mechanisms.push(spnego::Mechanism::ntlm_acceptor(config));
        }
        let acceptor = Box::new(spnego::Acceptor::new(mechanisms, self.config.list_protection));
        Acceptor::Negotiate { acceptor, principal: None }
    }

    /// What the pending step waits for.
    fn ask_for(&self, mut acceptor: Acceptor, value: SecretString) -> Judgement {
        let question = acceptor.ntlm().and_then(|ntlm| ntlm.question());
        let user = question.map(|q| UserName::from_parts(&q.domain, &q.user));
        let asked = if user.is_some() { Asked::Proof(acceptor) } else { Asked::Call(acceptor) };
        Judgement::Ask { asked, user, value, token: None }
    }
}

/// Whether a token begins a handshake, and does not go on with one.
fn begins(scheme: AuthScheme, token: &[u8]) -> bool {
    match ntlm::message_type(token) {
        Some(message) => message == ntlm::MessageType::Negotiate,
        None if scheme == AuthScheme::Ntlm => false,
        // A mechanism by itself goes on in ways that nobody here knows; SPNEGO says so.
        None => !matches!(
            spnego::Token::read(token, &oxwire_core::Limits::DEFAULT),
            Ok(spnego::Token::Spnego(spnego::NegotiationToken::Resp(_)))
        ),
    }
}
