//! What a caller decides, and what it is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oxwire_core::ConnectionId;
use oxwire_http::Origin;

use crate::spnego::{self, MechType};
use crate::{AuthScheme, BasicError, BindingKind, ChannelBinding, Charset, Offer};

/// Who asks for authentication.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// The server itself, by 401.
    Origin(Origin),
    /// The forward proxy, by 407.
    Proxy,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Origin(origin) => fmt::Display::fmt(origin, f),
            Self::Proxy => f.write_str("the proxy"),
        }
    }
}

/// What a [`ClientLayer`](super::ClientLayer) may do, and its limits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// The schemes that may be used, best first. Default: Negotiate, NTLM, Bearer, Basic.
    pub preference: Vec<AuthScheme>,
    /// Whether Basic and Bearer may be sent to a server without TLS. Default: no.
    pub cleartext: bool,
    /// Whether Basic and Bearer may be sent to a proxy; the way to it seldom has TLS. Default: no.
    pub cleartext_to_proxy: bool,
    /// The encoding for Basic where the server does not ask for UTF-8. Default: UTF-8.
    pub basic_charset: Charset,
    /// Workstation of NTLM. Default: empty.
    pub workstation: Arc<str>,
    /// The SPN that NTLM and Kerberos name; by default `HTTP/` and the origin's host.
    pub target_name: Option<Arc<str>>,
    /// Mechanisms of the caller's that Negotiate offers to servers in front of NTLM, best first: Kerberos. They are run by the caller
    /// ([`ClientEvent::MechanismNeeded`]), who also has to call
    /// [`set_channel_binding`](super::ClientLayer::set_channel_binding) for each connection with TLS, be it with none: without the
    /// binding no call goes out. Default: none.
    pub outside_mechanisms: Vec<MechType>,
    /// Whether a success that carries no last token of Negotiate is refused. With it, nobody but the server can have answered:
    /// Kerberos proves the server in it, and a list of mechanisms that somebody shortened is found. Servers leave it out all the
    /// same (gromox), hence no by default; [`LastToken::Missing`] tells.
    pub require_last_token: bool,
    /// Bytes of request bodies that all connections together keep for sending again. Default: 64 MiB.
    pub held_bytes: usize,
    /// Bytes of a challenge's token once decoded. Default: 16 KiB.
    pub token_bytes: usize,
    /// How long a leg of a handshake may take, the reading of its response included. Default: 60 seconds.
    pub leg_timeout: Duration,
    /// How long a request waits for the caller's credentials. Default: 5 minutes.
    pub answer_timeout: Duration,
    /// How many connections in a row a server may close in mid-handshake. Default: 3.
    pub max_restarts: u32,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            preference: vec![AuthScheme::Negotiate, AuthScheme::Ntlm, AuthScheme::Bearer, AuthScheme::Basic],
            cleartext: false,
            cleartext_to_proxy: false,
            basic_charset: Charset::Utf8,
            workstation: Arc::default(),
            target_name: None,
            outside_mechanisms: Vec::new(),
            require_last_token: false,
            held_bytes: 64 << 20,
            token_bytes: 16 << 10,
            leg_timeout: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(300),
            max_restarts: 3,
        }
    }
}

/// Names a call to a mechanism of the caller's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallHandle(pub(super) u64);

/// A step of a mechanism of the caller's, and what its context is made of.
#[derive(Debug)]
#[non_exhaustive]
pub struct ClientCall {
    /// The step: run it where blocking is allowed.
    pub call: spnego::MechanismCall,
    /// The service to ask for: `HTTP/` and the host, or [`ClientConfig::target_name`].
    pub service: Arc<str>,
    /// The channel binding.
    pub binding: ChannelBinding,
}

/// What became of the last token of Negotiate, which the server sends with its success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LastToken {
    /// The scheme has none.
    NotUsed,
    /// It came and is right. With Kerberos the server has proved itself.
    Verified,
    /// It did not come: who answered is not proved by the authentication, only by TLS.
    Missing,
}

/// Names a question about credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CredentialsHandle(pub(super) u64);

/// What a [`ClientLayer`](super::ClientLayer) tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// A scheme was chosen among those that were offered; what follows it is sent by it.
    SchemeChosen {
        /// The connection.
        conn: ConnectionId,
        /// Who offered.
        target: Target,
        /// The choice.
        scheme: AuthScheme,
        /// All that was offered, unknown schemes too.
        offered: Vec<Box<str>>,
        /// The scheme that this target took before, where the new one ranks below it in the preference: somebody between the
        /// two ends may have taken the better one out of the list.
        downgrade_from: Option<AuthScheme>,
    },
    /// Credentials are missing, or those that were there are refused: answer by `provide` or `refuse`. The request waits.
    CredentialsNeeded {
        /// Names the question.
        handle: CredentialsHandle,
        /// The connection whose request waits.
        conn: ConnectionId,
        /// For whom.
        target: Target,
        /// What was offered, with parameters (`realm`, `authorization_uri` …).
        offers: Vec<Offer>,
        /// The schemes among them that could be used.
        usable: Vec<AuthScheme>,
        /// What happened to the credentials before, if there were any.
        after: Option<FailReason>,
    },
    /// Negotiate has come to its mechanism: what follows is said by it. Told before anything that proves the user goes out, except
    /// in a mechanism's first token.
    MechanismChosen {
        /// The connection.
        conn: ConnectionId,
        /// With whom.
        target: Target,
        /// The mechanism inside.
        mechanism: MechType,
        /// The mechanism offered first, where the server chose another.
        instead_of: Option<MechType>,
        /// Mechanisms that were not offered, since they could not begin (no ticket), and why.
        skipped: Vec<(MechType, Box<str>)>,
    },
    /// A mechanism of the caller's is to take its next step: fetch it by [`take_call`](super::ClientLayer::take_call), run it, and
    /// bring back what came of it by [`finish_call`](super::ClientLayer::finish_call). The request waits.
    MechanismNeeded {
        /// Names the call.
        handle: CallHandle,
        /// The connection.
        conn: ConnectionId,
        /// With whom.
        target: Target,
    },
    /// The target accepted: with NTLM the connection, with the others this request and, told once a connection, those after it.
    Authenticated {
        /// The connection.
        conn: ConnectionId,
        /// Who accepted.
        target: Target,
        /// By which scheme.
        scheme: AuthScheme,
        /// The mechanism inside of Negotiate.
        mechanism: Option<MechType>,
        /// Which channel binding went along.
        binding: BindingKind,
        /// What became of Negotiate's last token.
        last_token: LastToken,
    },
    /// Authentication failed.
    Failed {
        /// The connection.
        conn: ConnectionId,
        /// With whom.
        target: Target,
        /// By which scheme, if one was chosen.
        scheme: Option<AuthScheme>,
        /// Why.
        reason: FailReason,
    },
}

/// Why an authentication failed, in words that say what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FailReason {
    /// The server refused what was sent. It does not say why: a wrong password and a missing channel binding look the same.
    #[error(
        "refused: the user name or the password is wrong, or the server requires a channel binding (Extended Protection) and \
         {} ; the server's own log tells which",
        binding_hint(*binding)
    )]
    Rejected {
        /// The binding that went along.
        binding: BindingKind,
    },
    /// Nothing that was offered is both built and allowed.
    #[error("no usable scheme among those offered ({offered}); see `ClientConfig::preference`")]
    NoCommonScheme {
        /// The schemes offered.
        offered: Box<str>,
    },
    /// Only schemes that authenticate a connection were left, and this one carries several requests at a time.
    #[error(
        "only NTLM or Negotiate could be used, which authenticate a connection, and this one is shared by requests side by side (HTTP/2): \
         connect by HTTP/1.1"
    )]
    NeedsHttp11,
    /// Negotiate failed.
    #[error("Negotiate: {0}")]
    Negotiate(#[from] spnego::Refusal),
    /// The call to a mechanism of the caller's was not brought back in time.
    #[error("the mechanism of the caller's gave no token within `ClientConfig::answer_timeout`")]
    CallTimeout,
    /// Only schemes that need TLS were left.
    #[error(
        "only Basic or Bearer could be used, and the connection has no TLS; `ClientConfig::cleartext` would allow it"
    )]
    NeedsTls,
    /// The answer to a NEGOTIATE_MESSAGE carries no CHALLENGE_MESSAGE.
    #[error("the server refused to begin NTLM: its 401 carries no challenge")]
    NoToken,
    /// The server's token cannot be used.
    #[error("the server's token: {0}")]
    Token(Box<str>),
    /// Basic cannot carry the credentials.
    #[error(transparent)]
    Basic(#[from] BasicError),
    /// The server closed the connection in mid-handshake, time and again.
    #[error(
        "the connection was closed during the handshake {times} times in a row: a proxy that does not keep connections?"
    )]
    ClosedInHandshake {
        /// How often.
        times: u32,
    },
    /// A leg took too long.
    #[error("no answer to a leg of the handshake in time")]
    LegTimeout,
    /// A 407 to a request that no proxy was to forward, or a 401 to `CONNECT`: whoever answers so asks for credentials that are
    /// another's, and gets none ([RFC 9110] 11.7).
    #[error(
        "a {status} from a side that has no say in this request: something in between answers, or fishes for credentials"
    )]
    Misplaced {
        /// 401 or 407.
        status: u16,
    },
    /// The caller gave no credentials.
    #[error("no credentials were given")]
    NoCredentials,
    /// The body of the request does not fit what is kept for sending again.
    #[error(
        "the request's body is larger than `ClientConfig::held_bytes` ({limit}), so it cannot wait for authentication"
    )]
    BodyTooLarge {
        /// The limit.
        limit: usize,
    },
}

const fn binding_hint(binding: BindingKind) -> &'static str {
    match binding {
        BindingKind::None => "none was sent, since none is known for this connection",
        BindingKind::EndsElsewhere => "none was sent, since TLS ends elsewhere",
        _ => "the one sent is not the one it expects, as when a proxy ends TLS in between",
    }
}
