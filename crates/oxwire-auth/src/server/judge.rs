//! What a request's `Authorization` comes to.

use std::time::Instant;

use oxwire_core::{Principal, SecretString, SecurityContext, Step as SecurityStep};
use oxwire_http::{RequestHead, name};

use super::connection::{Asked, Connection, Ntlm};
use super::{RefuseReason, ServerLayer};
use crate::{AuthScheme, Challenge, UserName, challenges, ntlm, read_basic, token_value};

/// What becomes of a request.
pub(super) enum Judgement {
    /// It goes to the machine.
    Pass(Principal),
    /// The caller is asked.
    Ask {
        asked: Asked,
        user: Option<UserName>,
        value: SecretString,
        question: Option<Box<ntlm::Question>>,
        token: Option<SecretString>,
    },
    /// The list of schemes; with a reason where something was refused.
    List(Option<Refused>),
    /// The next token of a handshake.
    Token(String),
    /// There is no room for another handshake.
    Busy,
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
        let safe = scheme.is_connection_bound() || c.secure || self.config.cleartext;
        safe && self.config.schemes.contains(&scheme)
    }

    pub(super) fn judge(&mut self, now: Instant, c: &mut Connection, head: &RequestHead) -> Judgement {
        let field = if self.config.proxy { name::PROXY_AUTHORIZATION } else { name::AUTHORIZATION };
        let mut lines = head.fields().all(field);
        let Some(value) = lines.next() else {
            return match &c.ntlm {
                Ntlm::Done(principal) => Judgement::Pass(principal.clone()),
                _ => Judgement::List(None),
            };
        };
        let malformed =
            |scheme, what| Judgement::List(Some(Refused { scheme, user: None, reason: RefuseReason::Malformed(what) }));
        if lines.next().is_some() {
            return malformed(None, "more than one");
        }
        let Some(credentials) = challenges(value).next() else { return malformed(None, "no scheme") };
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
                Judgement::Ask { asked: Asked::Bearer, user: None, value, question: None, token }
            }
            (AuthScheme::Basic, Some(token)) => match read_basic(token.as_bytes(), self.config.token_bytes) {
                Ok((user, password)) => {
                    let asked = Asked::Basic { password };
                    Judgement::Ask { asked, user: Some(user), value, question: None, token: None }
                }
                Err(_) => malformed(Some(scheme), "not base64 of user name, colon and password"),
            },
            (AuthScheme::Ntlm, Some(_)) => self.judge_ntlm(now, c, &credentials, value),
            (AuthScheme::Basic | AuthScheme::Ntlm, None) => malformed(Some(scheme), "no token"),
        }
    }

    fn judge_ntlm(
        &mut self,
        now: Instant,
        c: &mut Connection,
        credentials: &Challenge<'_>,
        value: SecretString,
    ) -> Judgement {
        let scheme = AuthScheme::Ntlm;
        let Some(token) = credentials.token_bytes(self.config.token_bytes) else {
            return Refused::list(
                scheme,
                RefuseReason::Malformed("not base64, or longer than `ServerConfig::token_bytes`"),
            );
        };
        let before = std::mem::take(&mut c.ntlm);
        let wall = self.wall.at(now);
        match (ntlm::message_type(&token), before) {
            (Some(ntlm::MessageType::Negotiate), before) => {
                let fresh = !matches!(before, Ntlm::Challenged(_));
                if fresh && self.half_open >= self.config.max_half_open {
                    return Judgement::Busy;
                }
                let mut config = self.config.ntlm.clone();
                config.binding = c.binding.clone();
                let mut acceptor = Box::new(ntlm::Acceptor::new(config));
                match acceptor.step(Some(&token), wall, &mut *self.entropy) {
                    Ok(SecurityStep::Continue(challenge)) => {
                        c.ntlm = Ntlm::Challenged(acceptor);
                        Judgement::Token(token_value(scheme.as_str(), &challenge))
                    }
                    _ => Refused::list(scheme, acceptor.refusal().unwrap_or(ntlm::Refusal::Unexpected)),
                }
            }
            (Some(ntlm::MessageType::Authenticate), Ntlm::Challenged(mut acceptor)) => {
                match acceptor.step(Some(&token), wall, &mut *self.entropy) {
                    Ok(SecurityStep::Pending) => {
                        let question = acceptor.question().cloned().map(Box::new);
                        let user = question.as_ref().map(|q| UserName::from_parts(&q.domain, &q.user));
                        Judgement::Ask { asked: Asked::Ntlm(acceptor), user, value, question, token: None }
                    }
                    _ => Refused::list(scheme, acceptor.refusal().unwrap_or(ntlm::Refusal::Unexpected)),
                }
            }
            _ => Refused::list(scheme, ntlm::Refusal::Unexpected),
        }
    }
}
