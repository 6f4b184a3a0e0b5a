//! What is known of one connection.

use std::time::Instant;

use oxwire_core::{ConnectionId, Principal, SecretString, SecurityContext};
use oxwire_http::{HttpEvent, RequestHead, ResponseHead};

use super::{QuestionHandle, RefuseReason};
use crate::{AuthScheme, ChannelBinding, UserName, ntlm, spnego};

/// The acceptor of a scheme that authenticates the connection.
#[derive(Debug)]
pub(super) enum Acceptor {
    Ntlm(Box<ntlm::Acceptor>),
    Negotiate {
        acceptor: Box<spnego::Acceptor>,
        /// Who it is, once that is known and the negotiation is not through.
        principal: Option<Principal>,
    },
}

impl Acceptor {
    pub(super) const fn scheme(&self) -> AuthScheme {
        match self {
            Self::Ntlm(_) => AuthScheme::Ntlm,
            Self::Negotiate { .. } => AuthScheme::Negotiate,
        }
    }

    /// NTLM's acceptor, by itself or inside of Negotiate.
    pub(super) fn ntlm(&mut self) -> Option<&mut ntlm::Acceptor> {
        match self {
            Self::Ntlm(acceptor) => Some(acceptor),
            Self::Negotiate { acceptor, .. } => acceptor.ntlm(),
        }
    }

    pub(super) fn context(&mut self) -> &mut dyn SecurityContext {
        match self {
            Self::Ntlm(acceptor) => &mut **acceptor,
            Self::Negotiate { acceptor, .. } => &mut **acceptor,
        }
    }

    /// Why it refused.
    pub(super) fn reason(&mut self) -> RefuseReason {
        if let Some(refusal) = self.ntlm().and_then(|ntlm| ntlm.refusal()) {
            return refusal.into();
        }
        match self {
            Self::Negotiate { acceptor, .. } => match acceptor.refusal() {
                Some(refusal) => refusal.clone().into(),
                None => spnego::Refusal::Unexpected("token").into(),
            },
            Self::Ntlm(_) => ntlm::Refusal::Unexpected.into(),
        }
    }
}

/// The state of NTLM or Negotiate, which belongs to the connection.
#[derive(Debug, Default)]
pub(super) enum Handshake {
    #[default]
    None,
    /// A token is out.
    Challenged(Acceptor),
    /// The connection is authenticated.
    Done(Principal),
}

/// A Basic or Bearer value that was accepted.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) value: SecretString,
    pub(super) principal: Principal,
    pub(super) until: Instant,
}

/// What a question is about.
#[derive(Debug)]
pub(super) enum Asked {
    /// A proof of NTLM's, by itself or inside of Negotiate.
    Proof(Acceptor),
    /// The next step of a mechanism of the caller's.
    Call(Acceptor),
    /// The principal of a client that such a mechanism has authenticated, and the last token for it.
    Principal {
        acceptor: Acceptor,
        token: Option<Vec<u8>>,
    },
    Basic {
        password: SecretString,
    },
    Bearer,
}

impl Asked {
    pub(super) const fn scheme(&self) -> AuthScheme {
        match self {
            Self::Proof(acceptor) | Self::Call(acceptor) | Self::Principal { acceptor, .. } => acceptor.scheme(),
            Self::Basic { .. } => AuthScheme::Basic,
            Self::Bearer => AuthScheme::Bearer,
        }
    }
}

/// A request that waits for the caller's answer.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) handle: QuestionHandle,
    pub(super) asked: Asked,
    pub(super) user: Option<UserName>,
    /// The header's value, to be accepted again.
    pub(super) value: SecretString,
    pub(super) head: RequestHead,
    pub(super) held: Vec<HttpEvent>,
    pub(super) held_bytes: usize,
    pub(super) deadline: Instant,
}

#[derive(Debug)]
pub(super) enum Step {
    /// A request is awaited.
    Idle,
    /// The request goes to the machine.
    Passing { principal: Principal },
    /// The machine has the request, and owes its response.
    Owed { principal: Principal },
    /// The caller is asked.
    Waiting(Box<Waiting>),
    /// A refused request is read to its end; the reply goes out then.
    Refusing { reply: ResponseHead, drained: u64 },
    /// The connection is about to close; nothing is listened to.
    Over,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) secure: bool,
    pub(super) binding: ChannelBinding,
    pub(super) handshaking: Handshake,
    /// The last token, and `Persistent-Auth`, for the head of the next response.
    pub(super) last_token: Option<Option<String>>,
    /// Several requests share the connection side by side.
    pub(super) multiplexed: bool,
    pub(super) accepted: Option<Accepted>,
    pub(super) step: Step,
    /// The machine has not yet ended the response to the request that it has.
    pub(super) responding: bool,
    /// The request is a CONNECT.
    pub(super) connect: bool,
    /// The connection carries bytes as they are.
    pub(super) tunnel: bool,
    /// The machine knows of the connection.
    pub(super) seen: bool,
    /// When it has to be authenticated.
    pub(super) handshake: Option<Instant>,
    /// The timer that is set for it.
    pub(super) timer: Option<Instant>,
    /// It counts among the half-open ones.
    pub(super) half_open: bool,
    /// To be removed once the call is over.
    pub(super) gone: bool,
}

impl Connection {
    pub(super) const fn new(id: ConnectionId, secure: bool, binding: ChannelBinding) -> Self {
        Self {
            id,
            secure,
            binding,
            handshaking: Handshake::None,
            last_token: None,
            multiplexed: false,
            accepted: None,
            step: Step::Idle,
            responding: false,
            connect: false,
            tunnel: false,
            seen: false,
            handshake: None,
            timer: None,
            half_open: false,
            gone: false,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        let waiting = match &self.step {
            Step::Waiting(waiting) => Some(waiting.deadline),
            _ => None,
        };
        [self.handshake, waiting].into_iter().flatten().min()
    }

    pub(super) const fn principal(&self) -> Option<&Principal> {
        match &self.step {
            Step::Passing { principal } | Step::Owed { principal } => Some(principal),
            _ => match &self.handshaking {
                Handshake::Done(principal) => Some(principal),
                _ => None,
            },
        }
    }
}
