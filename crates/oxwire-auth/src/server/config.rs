//! What a caller decides, is asked and is told.

use std::sync::Arc;
use std::time::Duration;

use oxwire_core::{ConnectionId, Principal, SecretString};

use crate::ntlm::{AcceptorConfig, ExtendedProtection, Key, Question, Refusal};
use crate::spnego::{self, ListProtection, MechType};
use crate::{AuthScheme, BindingKind, ChannelBinding, UserName};

/// What a [`ServerLayer`](super::ServerLayer) offers, and its limits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The schemes offered, in this order, one header line each. Default: NTLM, Basic.
    pub schemes: Vec<AuthScheme>,
    /// The realm of Basic and Bearer. Default: `mail`.
    pub realm: Arc<str>,
    /// Further parameters of the Bearer challenge (`authorization_uri`, `trusted_issuers` …).
    pub bearer_params: Vec<(Arc<str>, Arc<str>)>,
    /// Whether Basic and Bearer are offered on connections without TLS. Default: no.
    pub cleartext: bool,
    /// Names of the server in NTLM, and the Extended Protection policy, which is that of Negotiate too. The binding in it is replaced
    /// by each connection's own.
    pub ntlm: AcceptorConfig,
    /// Mechanisms of the caller's that Negotiate accepts, best first: Kerberos. They are run by the caller
    /// ([`ServerEvent::MechanismNeeded`]). Default: none.
    pub outside_mechanisms: Vec<MechType>,
    /// Whether Negotiate accepts NTLM, behind those. Default: yes.
    pub negotiate_ntlm: bool,
    /// Whether a client of Negotiate has to protect its list of mechanisms where [RFC 4178] 5 asks for it. Default: yes.
    pub list_protection: ListProtection,
    /// Whether it is a proxy: 407 and `Proxy-Authenticate` in place of 401 and `WWW-Authenticate`. Default: no.
    pub proxy: bool,
    /// Bytes of a token once decoded. Default: 16 KiB.
    pub token_bytes: usize,
    /// Bytes of a refused request's body that are read so that the connection can go on; past it the connection is closed.
    /// Default: 256 KiB.
    pub drain_bytes: u64,
    /// Bytes of a request's body that are kept while the caller's answer is awaited; past it the connection is closed. Each
    /// piece counts 64 bytes more than it has. Default: 256 KiB.
    pub held_bytes: usize,
    /// How many handshakes of NTLM and Negotiate may be half-open at one time; past it a client gets 503. Default: 1,024.
    pub max_half_open: usize,
    /// How long a connection may take from its first unauthenticated request until it is authenticated. Default: 60 seconds.
    pub handshake_timeout: Duration,
    /// How long a request waits for the caller's answer. Default: 30 seconds.
    pub answer_timeout: Duration,
    /// How long an accepted Basic or Bearer value is accepted again on the same connection without asking. Zero asks each time.
    /// Default: 1 minute.
    pub recheck: Duration,
}

impl ServerConfig {
    /// NTLM and Basic for a server of that NetBIOS name.
    #[must_use]
    pub fn new(nb_computer: &str) -> Self {
        Self {
            schemes: vec![AuthScheme::Ntlm, AuthScheme::Basic],
            realm: "mail".into(),
            bearer_params: Vec::new(),
            cleartext: false,
            ntlm: AcceptorConfig::new(nb_computer),
            outside_mechanisms: Vec::new(),
            negotiate_ntlm: true,
            list_protection: ListProtection::Required,
            proxy: false,
            token_bytes: 16 << 10,
            drain_bytes: 256 << 10,
            held_bytes: 256 << 10,
            max_half_open: 1_024,
            handshake_timeout: Duration::from_secs(60),
            answer_timeout: Duration::from_secs(30),
            recheck: Duration::from_secs(60),
        }
    }
}

/// Names a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct QuestionHandle(pub(super) u64);

/// A step of a mechanism of the caller's, and what its context is made of.
#[derive(Debug)]
#[non_exhaustive]
pub struct ServerCall {
    /// The step: run it where blocking is allowed.
    pub call: spnego::MechanismCall,
    /// The channel binding that a client has to have; [`ChannelBinding::None`] where the policy is Off.
    pub binding: ChannelBinding,
    /// What becomes of a client without it.
    pub extended_protection: ExtendedProtection,
}

/// What a [`ServerLayer`](super::ServerLayer) asks and tells.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerEvent {
    /// NTLM: answer with the user's NT hash, or with the verdict of somebody who has it.
    NtHashNeeded {
        /// Names the question.
        handle: QuestionHandle,
        /// The connection.
        conn: ConnectionId,
        /// Who the client says it is; user names count in any letter case.
        user: UserName,
        /// What an external verdict needs.
        question: Box<Question>,
    },
    /// A mechanism of the caller's is to take its next step: fetch it by [`take_call`](super::ServerLayer::take_call), run it, and
    /// bring back what came of it by [`finish_call`](super::ServerLayer::finish_call).
    MechanismNeeded {
        /// Names the call.
        handle: QuestionHandle,
        /// The connection.
        conn: ConnectionId,
        /// The mechanism.
        mechanism: MechType,
    },
    /// A mechanism of the caller's has authenticated a client: who is that?
    PrincipalNeeded {
        /// Names the question; `Accept` names the principal.
        handle: QuestionHandle,
        /// The connection.
        conn: ConnectionId,
        /// The mechanism.
        mechanism: MechType,
        /// The name that the mechanism gives, as in `alice@MAIL.TEST`; empty where it gives none.
        name: Box<str>,
    },
    /// Basic: is this the user's password?
    PasswordNeeded {
        /// Names the question.
        handle: QuestionHandle,
        /// The connection.
        conn: ConnectionId,
        /// Who the client says it is.
        user: UserName,
        /// The password that it sent.
        password: SecretString,
    },
    /// Bearer: whose token is it?
    TokenNeeded {
        /// Names the question.
        handle: QuestionHandle,
        /// The connection.
        conn: ConnectionId,
        /// The token.
        token: SecretString,
    },
    /// A client is authenticated: with NTLM the connection, otherwise this request.
    Authenticated {
        /// The connection.
        conn: ConnectionId,
        /// By which scheme.
        scheme: AuthScheme,
        /// The mechanism inside of Negotiate.
        mechanism: Option<MechType>,
        /// As whom.
        principal: Principal,
        /// The channel binding that it proved; [`BindingKind::None`] where it proved none.
        binding: BindingKind,
    },
    /// A client is refused; on the wire it is a bare 401, whatever the reason.
    Refused {
        /// The connection.
        conn: ConnectionId,
        /// The scheme, if it is one that is built.
        scheme: Option<AuthScheme>,
        /// Who the client said it was, as far as it said so.
        user: Option<UserName>,
        /// Why.
        reason: RefuseReason,
    },
    /// A connection did not authenticate in time and was dropped.
    TimedOut {
        /// The connection.
        conn: ConnectionId,
    },
}

/// Why a client is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefuseReason {
    /// NTLM's own reasons.
    #[error("NTLM: {0}")]
    Ntlm(#[from] Refusal),
    /// Negotiate's own reasons.
    #[error("Negotiate: {0}")]
    Negotiate(#[from] spnego::Refusal),
    /// The policy is Require, and a mechanism of the caller's found no channel binding.
    #[error(
        "{mechanism}: no channel binding was proved, and Extended Protection is required: the client sent none, or its mechanism does \
         not tell"
    )]
    NotBound {
        /// The mechanism.
        mechanism: MechType,
    },
    /// NTLM or Negotiate on a connection that carries several requests side by side.
    #[error(
        "{0} authenticates a connection, and this one is shared by requests side by side (HTTP/2): HTTP/1.1 is needed"
    )]
    NeedsHttp11(AuthScheme),
    /// A scheme that is not offered on this connection.
    #[error("the scheme {0} is not offered on this connection")]
    Scheme(Box<str>),
    /// A header that cannot be read: more than one, not base64, too long.
    #[error("the Authorization header cannot be read ({0})")]
    Malformed(&'static str),
    /// The caller knows no such user.
    #[error("unknown user")]
    UnknownUser,
    /// The password is wrong.
    #[error("wrong password")]
    WrongPassword,
    /// The caller said no.
    #[error("refused by the caller's verdict")]
    Verdict,
    /// The caller did not answer in time.
    #[error("no verdict in time")]
    NoVerdict,
    /// The body outgrew `held_bytes` while the answer was awaited.
    #[error("the body grew past `ServerConfig::held_bytes` while the verdict was awaited")]
    BodyTooLarge,
    /// Too many handshakes at once.
    #[error("more than `ServerConfig::max_half_open` handshakes are under way")]
    TooManyHandshakes,
}

/// The caller's answer to a question. It names the principal: the mapping of `DOMAIN\user`, `user@domain` and letter case to
/// one name is the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// The user's NT hash, against which the proof, or Basic's password, is checked.
    NtHash {
        /// The hash.
        hash: Key,
        /// Who it is, if the check succeeds.
        principal: Principal,
    },
    /// NTLM: somebody else checked the proof, and this is the SessionBaseKey that came back.
    SessionBaseKey {
        /// The key.
        key: Key,
        /// Who it is.
        principal: Principal,
    },
    /// Basic, Bearer and a principal: accepted.
    Accept {
        /// Who it is.
        principal: Principal,
    },
    /// No such user.
    UnknownUser,
    /// No.
    Refuse,
}
