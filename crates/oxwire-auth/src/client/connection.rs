//! What is known of one connection.

use std::time::Instant;

use oxwire_core::{ConnectionId, SecretString};
use oxwire_http::{HttpEvent, Origin, RequestHead, ResponseHead, Scheme, Version, name};

use super::{CallHandle, FailReason};
use crate::spnego::Initiator;
use crate::{AuthScheme, ChannelBinding, ntlm};

/// Which of the two a response, or a header, belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Origin,
    Proxy,
}

impl Side {
    pub(super) const fn challenge_field(self) -> &'static str {
        match self {
            Self::Origin => name::WWW_AUTHENTICATE,
            Self::Proxy => name::PROXY_AUTHENTICATE,
        }
    }

    pub(super) const fn credentials_field(self) -> &'static str {
        match self {
            Self::Origin => name::AUTHORIZATION,
            Self::Proxy => name::PROXY_AUTHORIZATION,
        }
    }

    pub(super) const fn of_status(status: u16) -> Option<Self> {
        match status {
            401 => Some(Self::Origin),
            407 => Some(Self::Proxy),
            _ => None,
        }
    }
}

/// How far authentication with one side is, on this connection.
#[derive(Debug, Default)]
pub(super) struct SideState {
    /// The connection is authenticated: requests go without a header.
    pub(super) established: bool,
    /// `Authenticated` was told.
    pub(super) told: bool,
    pub(super) attempt: Attempt,
}

/// What the request that is out carries for one side.
#[derive(Debug, Default)]
pub(super) enum Attempt {
    /// Nothing.
    #[default]
    Nothing,
    /// A NEGOTIATE_MESSAGE; a challenge is awaited.
    Handshake { client: Box<ntlm::Client>, value: SecretString },
    /// A token of Negotiate.
    Negotiate { initiator: Box<Initiator>, value: SecretString, leg: bool },
    /// A mechanism of the caller's makes the next token of Negotiate, or verifies the last one.
    Calling { initiator: Box<Initiator>, handle: CallHandle },
    /// Its call came to nothing.
    Failed(FailReason),
    /// All there is to say: a password, a token, an AUTHENTICATE_MESSAGE.
    Final { scheme: AuthScheme, value: SecretString },
}

impl Attempt {
    pub(super) const fn value(&self) -> Option<&SecretString> {
        match self {
            Self::Nothing | Self::Calling { .. } | Self::Failed(_) => None,
            Self::Handshake { value, .. } | Self::Negotiate { value, .. } | Self::Final { value, .. } => Some(value),
        }
    }

    /// Whether it goes out by a leg without a body: a token to which only a challenge can be the answer. A first token of Kerberos
    /// may be all there is to say, so it rides on the request itself.
    pub(super) fn goes_by_leg(&self) -> bool {
        match self {
            Self::Handshake { .. } => true,
            Self::Negotiate { leg, .. } => *leg,
            _ => false,
        }
    }

    /// What comes next on the wire.
    pub(super) fn next(&self) -> Next {
        match self {
            Self::Calling { .. } | Self::Failed(_) => Next::Call,
            attempt if attempt.goes_by_leg() => Next::Leg,
            _ => Next::Full,
        }
    }

    /// Whether more than one message is still to go.
    pub(super) fn is_under_way(&self) -> bool {
        self.goes_by_leg() || matches!(self, Self::Calling { .. } | Self::Failed(_))
    }
}

/// The kinds of requests that are treated apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A request with its body held until the answer has come.
    Exchange,
    /// RPC_IN_DATA and RPC_OUT_DATA: endless bodies, never held once they flow ([MS-RPCH] 2.1.2.1).
    Channel,
    /// CONNECT: becomes a tunnel, and a proxy's alone to judge.
    Connect,
    /// RPC_CONNECT: becomes a tunnel too, and is the origin's to judge ([MS-RPCH] 2.1.1.1.1).
    RpcConnect,
}

impl Kind {
    pub(super) fn of(head: &RequestHead) -> Self {
        match head.method() {
            "RPC_IN_DATA" | "RPC_OUT_DATA" => Self::Channel,
            "CONNECT" => Self::Connect,
            "RPC_CONNECT" => Self::RpcConnect,
            _ => Self::Exchange,
        }
    }
}

/// What is on the wire for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    /// A leg without a body.
    Leg,
    /// The request itself, as far as the machine has said it.
    Full,
}

/// The machine's request.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) head: RequestHead,
    pub(super) kind: Kind,
    /// A proxy reads it, and so may have credentials of its own.
    pub(super) to_proxy: bool,
    pub(super) held: Vec<HttpEvent>,
    pub(super) held_bytes: usize,
    /// Whether `held` is all of it so far.
    pub(super) complete: bool,
    /// The machine has said its end.
    pub(super) ended: bool,
    /// The request itself is on the wire and has not ended there.
    pub(super) open_on_wire: bool,
}

impl Exchange {
    /// Whether that side may ask for credentials: a 407 from inside of a tunnel, or a 401 from the proxy that is to open one, asks
    /// for those of the other side.
    pub(super) fn may_ask(&self, side: Side) -> bool {
        match side {
            Side::Proxy => self.to_proxy,
            Side::Origin => self.kind != Kind::Connect,
        }
    }

    /// Whether it can be sent again from its beginning.
    pub(super) const fn is_replayable(&self) -> bool {
        self.complete
    }
}

/// What comes next once a refusal is drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Send the request itself with what the attempts hold.
    Full,
    /// Send a leg with what the attempts hold.
    Leg,
    /// Wait for credentials, or for another connection's proof of them.
    Park,
    /// Wait for a mechanism of the caller's.
    Call,
}

#[derive(Debug)]
pub(super) enum Step {
    Idle,
    /// A response is awaited.
    Awaiting {
        wire: Wire,
        deadline: Option<Instant>,
    },
    /// A response that the machine does not see is read to its end.
    Draining {
        side: Side,
        response: ResponseHead,
        next: Next,
        drained: bool,
        close: bool,
        deadline: Instant,
    },
    /// Waits for credentials.
    Parked {
        side: Side,
        response: ResponseHead,
        close: bool,
        deadline: Instant,
    },
    /// Waits for a mechanism of the caller's, with the refusal that it answers, if there was one.
    Calling {
        side: Side,
        response: Option<ResponseHead>,
        deadline: Instant,
    },
    /// A response whose last token a mechanism of the caller's verifies, and what came behind it.
    Verifying {
        side: Side,
        wire: Wire,
        head: ResponseHead,
        events: Vec<HttpEvent>,
        held_bytes: usize,
        deadline: Instant,
    },
    /// The response goes to the machine.
    Responding {
        ended: bool,
    },
    /// Everything passes.
    Tunnel,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) origin: Origin,
    pub(super) binding: ChannelBinding,
    /// The driver has said the binding, or there is no TLS to have one.
    pub(super) binding_said: bool,
    /// Several requests share the connection side by side.
    pub(super) multiplexed: bool,
    /// The origin gets no credentials.
    pub(super) anonymous: bool,
    pub(super) server: SideState,
    pub(super) proxy: SideState,
    pub(super) exchange: Option<Exchange>,
    pub(super) step: Step,
    /// The transport is gone while the request was parked.
    pub(super) dead: bool,
    /// To be removed once the call is over.
    pub(super) gone: bool,
}

impl Connection {
    pub(super) fn new(id: ConnectionId, origin: Origin) -> Self {
        let binding_said = origin.scheme == Scheme::Http;
        Self {
            id,
            origin,
            binding: ChannelBinding::None,
            binding_said,
            multiplexed: false,
            anonymous: false,
            server: SideState::default(),
            proxy: SideState::default(),
            exchange: None,
            step: Step::Idle,
            dead: false,
            gone: false,
        }
    }

    pub(super) const fn side(&mut self, side: Side) -> &mut SideState {
        match side {
            Side::Origin => &mut self.server,
            Side::Proxy => &mut self.proxy,
        }
    }

    /// Whether its request is that of an IN channel, which is not answered while all is well ([MS-RPCH] 2.1.2.1.3).
    pub(super) fn is_in_channel(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.head.method() == "RPC_IN_DATA")
    }

    pub(super) const fn deadline(&self) -> Option<Instant> {
        match &self.step {
            Step::Awaiting { deadline, .. } => *deadline,
            Step::Draining { deadline, .. }
            | Step::Parked { deadline, .. }
            | Step::Calling { deadline, .. }
            | Step::Verifying { deadline, .. } => Some(*deadline),
            Step::Idle | Step::Responding { .. } | Step::Tunnel => None,
        }
    }
}

/// Whether the connection outlasts this response ([RFC 9112] 9.3), `Proxy-Connection` included, which old proxies send.
pub(super) fn keeps_alive(head: &ResponseHead) -> bool {
    let says = |token: &str| {
        let lines = head.fields().all(name::CONNECTION).chain(head.fields().all(name::PROXY_CONNECTION));
        lines
            .flat_map(|line| line.split(|b| *b == b','))
            .any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
    };
    match head.version() {
        Version::Http11 => !says("close"),
        Version::Http10 => says("keep-alive"),
    }
}
