//! The server's end, [MS-NLMP] 3.2.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use oxwire_core::{
    DecodeError, EncodeError, Entropy, FileTime, Misuse, Part, SecretBytes, SecurityContext, SecurityError, Step,
    Writer, decode_all, encode_to_bytes,
};

use super::av_pair::{put_pair, put_text};
use super::client::incomplete;
use super::crypto::{Key, Mode, equal, hmac_md5, ntowf_v2, prove, rc4k};
use super::session::{SIGNATURE_LEN, Session};
use super::{
    AV_FLAG_MIC, AuthenticateMessage, AvId, ChallengeMessage, NegotiateFlags, NegotiateMessage, NtlmV2Response, Version,
};
use crate::ChannelBinding;

/// Whether a client has to bind its authentication to the TLS connection underneath.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExtendedProtection {
    /// Bindings are not looked at.
    Off,
    /// A binding that is sent has to be the right one; none is accepted too.
    #[default]
    Allow,
    /// The right binding, or no access.
    Require,
}

/// How an [`Acceptor`] presents itself, and what it demands.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AcceptorConfig {
    /// NbMachineName: at most 15 characters, in upper case by custom.
    pub nb_computer: Arc<str>,
    /// NbDomainName: the domain, or the machine again where there is none.
    pub nb_domain: Arc<str>,
    /// DnsMachineName; empty for none.
    pub dns_computer: Arc<str>,
    /// DnsDomainName; empty for none.
    pub dns_domain: Arc<str>,
    /// Whether the server is a member of a domain: says what TargetName is.
    pub domain_joined: bool,
    /// Whether MsvAvTimestamp is sent, which makes clients send a MIC. True by default.
    pub timestamp: bool,
    /// What is told to clients that tell theirs; `None` tells nobody. By default 6.1.0 with revision 15, as Samba.
    pub version: Option<Version>,
    /// The binding that a client has to have: of this connection, or of the proxy that ends TLS in front.
    pub binding: ChannelBinding,
    /// What becomes of a client without it.
    pub extended_protection: ExtendedProtection,
}

impl AcceptorConfig {
    /// An acceptor of that name, outside a domain, that accepts bindings and does not require them.
    #[must_use]
    pub fn new(nb_computer: &str) -> Self {
        let nb_computer: Arc<str> = nb_computer.into();
        Self {
            nb_domain: Arc::clone(&nb_computer),
            nb_computer,
            dns_computer: Arc::default(),
            dns_domain: Arc::default(),
            domain_joined: false,
            timestamp: true,
            version: Some(Version { major: 6, minor: 1, build: 0, revision: 15 }),
            binding: ChannelBinding::None,
            extended_protection: ExtendedProtection::Allow,
        }
    }
}

/// Why an acceptor refuses. It is for the log of this end: on the wire all are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The policy is Require, and the client sent no binding.
    #[error(
        "no channel binding was sent, and Extended Protection is required: the client does not support it, or its TLS library gives it none"
    )]
    NoBindingSent,
    /// The client is bound to another TLS connection.
    #[error(
        "the channel binding is that of another TLS connection: something between client and server ends TLS, or relays"
    )]
    BindingMismatch,
    /// The policy is Require, and this end does not know its own binding.
    #[error(
        "Extended Protection is required, and no channel binding is configured for this connection: give the certificate's, or the proxy's that ends TLS"
    )]
    BindingUnknown,
    /// The messages were changed on the way, or the session key is not the same.
    #[error(
        "the MIC does not match: a message was changed on the way, or the client computed it from another session key"
    )]
    WrongMic,
    /// The caller knows no such user.
    #[error("unknown user")]
    UnknownUser,
    /// The password is not that of the NT hash.
    #[error("the proof does not match the NT hash: wrong password")]
    WrongProof,
    /// The caller said no.
    #[error("refused by the caller's verdict")]
    Verdict,
    /// An NTLMv1 or LM response.
    #[error("an NTLMv1 response; NTLMv2 is required")]
    NtlmV1,
    /// No user name and no response.
    #[error("an anonymous logon")]
    Anonymous,
    /// KEY_EXCH was negotiated, and there is no key of 16 bytes.
    #[error("no EncryptedRandomSessionKey of 16 bytes, though a key exchange was negotiated")]
    NoSessionKey,
    /// Neither UNICODE nor OEM.
    #[error("the client offers neither UNICODE nor OEM")]
    NoCharacterSet,
    /// A token that does not decode.
    #[error("malformed token: {0}")]
    Malformed(#[from] DecodeError),
    /// A token that is not the next one, or without a handshake on this connection.
    #[error("unexpected message on this connection: a proxy or pool that does not keep one client on one connection?")]
    Unexpected,
}

/// What the caller is asked.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Question {
    /// UserName as sent: `user`, or `user@domain` with an empty domain.
    pub user: Box<str>,
    /// DomainName as sent; may be empty.
    pub domain: Box<str>,
    /// Workstation as sent.
    pub workstation: Box<str>,
    /// ServerChallenge, for an external verdict.
    pub server_challenge: [u8; 8],
    /// NtChallengeResponse, for an external verdict.
    pub nt_response: Bytes,
    /// LmChallengeResponse, for an external verdict; may be anything.
    pub lm_response: Bytes,
}

/// The responses are not shown.
impl std::fmt::Debug for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Question")
            .field("user", &self.user)
            .field("domain", &self.domain)
            .field("workstation", &self.workstation)
            .finish_non_exhaustive()
    }
}

/// The caller's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The user's NT hash: the acceptor checks the proof.
    NtHash(Key),
    /// Somebody else checked the proof (a domain controller): the SessionBaseKey that came back.
    SessionBaseKey(Key),
    /// There is no such user.
    UnknownUser,
    /// No.
    Refuse,
}

enum State {
    Start,
    Challenged { negotiate: Bytes, challenge: Bytes, server_challenge: [u8; 8], offered: NegotiateFlags },
    Asked { question: Box<Question>, pending: Box<Pending> },
    Answered { question: Box<Question>, pending: Box<Pending>, verdict: Verdict },
    Complete { session: Box<Session>, name: Box<str>, bound: bool, with_mic: bool },
    Refused(Refusal),
}

/// No messages: who has the challenge and the response tries passwords against them.
impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Start => f.write_str("Start"),
            Self::Challenged { offered, .. } => f.debug_tuple("Challenged").field(offered).finish(),
            Self::Asked { question, .. } => f.debug_tuple("Asked").field(question).finish(),
            Self::Answered { question, verdict, .. } => {
                f.debug_tuple("Answered").field(question).field(verdict).finish()
            }
            Self::Complete { session, name, bound, .. } => {
                f.debug_tuple("Complete").field(session).field(name).field(bound).finish()
            }
            Self::Refused(refusal) => f.debug_tuple("Refused").field(refusal).finish(),
        }
    }
}

/// What is kept of the three messages until the verdict.
struct Pending {
    negotiate: Bytes,
    challenge: Bytes,
    authenticate: Bytes,
    offered: NegotiateFlags,
}

/// The server's end of one NTLM authentication ([MS-NLMP] 3.2), connection-oriented.
///
/// `step(NEGOTIATE_MESSAGE)` gives the CHALLENGE_MESSAGE; `step(AUTHENTICATE_MESSAGE)` is [`Step::Pending`]: [`Acceptor::question`]
/// says who it is, [`Acceptor::answer`] takes the caller's verdict, and `step(None)` completes or refuses with
/// [`Acceptor::refusal`].
#[derive(Debug)]
pub struct Acceptor {
    config: AcceptorConfig,
    state: State,
}

impl Acceptor {
    /// An acceptor that waits for a NEGOTIATE_MESSAGE.
    #[must_use]
    pub const fn new(config: AcceptorConfig) -> Self {
        Self { config, state: State::Start }
    }

    /// Whom the caller is asked about, while [`Step::Pending`].
    #[must_use]
    pub fn question(&self) -> Option<&Question> {
        match &self.state {
            State::Asked { question, .. } => Some(question),
            _ => None,
        }
    }

    /// Takes the caller's verdict; `step(None)` acts on it.
    ///
    /// # Errors
    /// [`Misuse`] when nothing was asked.
    pub fn answer(&mut self, verdict: Verdict) -> Result<(), Misuse> {
        match std::mem::replace(&mut self.state, State::Refused(Refusal::Unexpected)) {
            State::Asked { question, pending } => {
                self.state = State::Answered { question, pending, verdict };
                Ok(())
            }
            state => {
                self.state = state;
                Err(Misuse { call: "answer", state: "nothing asked", advice: "answer once, after `Step::Pending`" })
            }
        }
    }

    /// Why it refused.
    #[must_use]
    pub const fn refusal(&self) -> Option<Refusal> {
        match self.state {
            State::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the client proved that it is bound to this TLS connection. False until complete.
    #[must_use]
    pub const fn is_bound(&self) -> bool {
        matches!(self.state, State::Complete { bound: true, .. })
    }

    fn session(&mut self, call: &'static str) -> Result<&mut Session, SecurityError> {
        match &mut self.state {
            State::Complete { session, .. } => Ok(session),
            _ => Err(incomplete(call)),
        }
    }

    fn challenge(&self, token: &[u8], wall: FileTime, entropy: &mut dyn Entropy) -> Result<State, Stop> {
        use NegotiateFlags as F;
        let limits = oxwire_core::Limits::DEFAULT;
        let negotiate: NegotiateMessage<'_> = decode_all(token, &limits)?;
        let asked = negotiate.flags;
        let mut flags = F::REQUEST_TARGET | F::NTLM | F::ALWAYS_SIGN | F::TARGET_INFO;
        flags = flags | asked & (F::SIGN | F::SEAL | F::EXTENDED_SESSIONSECURITY | F::KEY_56 | F::KEY_128);
        if asked.has(F::UNICODE) {
            flags = flags | F::UNICODE;
        } else if asked.has(F::OEM) {
            flags = flags | F::OEM;
        } else {
            return Err(Refusal::NoCharacterSet.into());
        }
        if asked.exchanges_keys() {
            flags = flags | F::KEY_EXCH;
        }
        // FreeRDP takes a challenge without this flag to be 8 bytes shorter than it is, and its MIC with it.
        let version = if asked.has(F::VERSION) { self.config.version } else { None };
        if version.is_some() {
            flags = flags | F::VERSION;
        }
        let config = &self.config;
        let target = if config.domain_joined { &config.nb_domain } else { &config.nb_computer };
        flags = flags | if config.domain_joined { F::TARGET_TYPE_DOMAIN } else { F::TARGET_TYPE_SERVER };
        let mut server_challenge = [0; 8];
        entropy.fill(&mut server_challenge);

        let info = self.target_info(wall)?;
        let name = if flags.has(F::UNICODE) { oxwire_core::utf16_le_bytes(target) } else { target.as_bytes().to_vec() };
        let message = ChallengeMessage {
            target_name: &name,
            flags,
            server_challenge,
            target_info: &info,
            version: version.unwrap_or(Version::NONE),
        };
        let challenge = encode_to_bytes(&message)?;
        Ok(State::Challenged { negotiate: Bytes::copy_from_slice(token), challenge, server_challenge, offered: flags })
    }

    fn target_info(&self, wall: FileTime) -> Result<BytesMut, EncodeError> {
        let config = &self.config;
        let mut out = BytesMut::with_capacity(128);
        let mut w = Writer::new(&mut out);
        for (id, text) in [
            (AvId::NB_DOMAIN_NAME, &config.nb_domain),
            (AvId::NB_COMPUTER_NAME, &config.nb_computer),
            (AvId::DNS_DOMAIN_NAME, &config.dns_domain),
            (AvId::DNS_COMPUTER_NAME, &config.dns_computer),
        ] {
            if !text.is_empty() {
                put_text(&mut w, id, text)?;
            }
        }
        if config.timestamp {
            put_pair(&mut w, AvId::TIMESTAMP, &wall.intervals().to_le_bytes())?;
        }
        put_pair(&mut w, AvId::EOL, &[])?;
        Ok(out)
    }

    /// Looks at an AUTHENTICATE_MESSAGE as far as that goes without the verdict.
    fn ask(token: &Bytes, server_challenge: [u8; 8]) -> Result<Question, Refusal> {
        let limits = oxwire_core::Limits::DEFAULT;
        let message: AuthenticateMessage<'_> = decode_all(token, &limits)?;
        if message.user.is_empty() && message.nt_response.is_empty() {
            return Err(Refusal::Anonymous);
        }
        if message.nt_response.len() <= 24 {
            return Err(Refusal::NtlmV1);
        }
        decode_all::<NtlmV2Response<'_>>(message.nt_response, &limits)?;
        Ok(Question {
            user: message.user.to_box(),
            domain: message.domain.to_box(),
            workstation: message.workstation.to_box(),
            server_challenge,
            nt_response: token.slice_ref(message.nt_response),
            lm_response: token.slice_ref(message.lm_response),
        })
    }

    fn decide(&self, question: &Question, pending: &Pending, verdict: Verdict) -> Result<State, Refusal> {
        let limits = oxwire_core::Limits::DEFAULT;
        let message: AuthenticateMessage<'_> = decode_all(&pending.authenticate, &limits)?;
        let response: NtlmV2Response<'_> = decode_all(&question.nt_response, &limits)?;
        let base_key = match verdict {
            Verdict::SessionBaseKey(key) => key,
            Verdict::NtHash(hash) => check_proof(&hash, question, &response).ok_or(Refusal::WrongProof)?,
            Verdict::UnknownUser => {
                // The same work as for a user that exists, so that time does not tell.
                check_proof(&Key::new([0; 16]), question, &response);
                return Err(Refusal::UnknownUser);
            }
            Verdict::Refuse => return Err(Refusal::Verdict),
        };
        let flags = message.flags & pending.offered;
        let exported = if flags.exchanges_keys() {
            let encrypted = message.encrypted_session_key.try_into().map_err(|_| Refusal::NoSessionKey)?;
            Key::new(rc4k(&base_key, encrypted))
        } else {
            base_key
        };
        let pairs = response.challenge.pairs;
        let with_mic = pairs.flags() & AV_FLAG_MIC != 0;
        if with_mic {
            check_mic(pending, &message, &exported)?;
        }
        let bound = self.check_binding(pairs.channel_bindings())?;
        let session = Session::new(flags, exported, Mode::Server);
        let name = if question.domain.is_empty() {
            question.user.clone()
        } else {
            format!("{}\\{}", question.domain, question.user).into()
        };
        Ok(State::Complete { session: Box::new(session), name, bound, with_mic })
    }

    /// [MS-NLMP] 3.2.5.1.2 under the policy; true when the client is bound.
    fn check_binding(&self, sent: Option<&[u8]>) -> Result<bool, Refusal> {
        let required = match self.config.extended_protection {
            ExtendedProtection::Off => return Ok(false),
            ExtendedProtection::Allow => false,
            ExtendedProtection::Require => true,
        };
        match (self.config.binding.hash(), sent) {
            (Some(own), Some(sent)) if equal(&own, sent) => Ok(true),
            (Some(_), Some(_)) => Err(Refusal::BindingMismatch),
            (None, _) if required => Err(Refusal::BindingUnknown),
            (Some(_), None) if required => Err(Refusal::NoBindingSent),
            (_, None) | (None, Some(_)) => Ok(false),
        }
    }
}

/// The SessionBaseKey when the proof is right; the domain as sent first, none then ([MS-NLMP] 3.2.5.1.2).
fn check_proof(hash: &Key, question: &Question, response: &NtlmV2Response<'_>) -> Option<Key> {
    [&*question.domain, ""].into_iter().find_map(|domain| {
        let key = ntowf_v2(hash, &question.user, domain);
        let (proof, session_base_key) = prove(&key, &question.server_challenge, response.temp);
        equal(&proof, &response.proof).then_some(session_base_key)
    })
}

fn check_mic(pending: &Pending, message: &AuthenticateMessage<'_>, exported: &Key) -> Result<(), Refusal> {
    let sent = message.mic.ok_or(Refusal::WrongMic)?;
    let (head, rest) = pending.authenticate.split_at_checked(message.mic_offset).ok_or(Refusal::WrongMic)?;
    let (_, tail) = rest.split_at_checked(16).ok_or(Refusal::WrongMic)?;
    let mic = hmac_md5(exported, &[&pending.negotiate, &pending.challenge, head, &[0; 16], tail]);
    if equal(&mic, &sent) { Ok(()) } else { Err(Refusal::WrongMic) }
}

/// A refusal, or a message of our own that does not fit its fields.
enum Stop {
    Refusal(Refusal),
    Encode(EncodeError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

impl From<DecodeError> for Stop {
    fn from(error: DecodeError) -> Self {
        Self::Refusal(error.into())
    }
}

impl From<EncodeError> for Stop {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl SecurityContext for Acceptor {
    fn step(&mut self, token: Option<&[u8]>, wall: FileTime, entropy: &mut dyn Entropy) -> Result<Step, SecurityError> {
        let misuse = |state, advice| Err(SecurityError::Misuse(Misuse { call: "step", state, advice }));
        let (next, step) = match (std::mem::replace(&mut self.state, State::Refused(Refusal::Unexpected)), token) {
            (State::Start, Some(token)) => match self.challenge(token, wall, entropy) {
                Ok(State::Challenged { negotiate, challenge, server_challenge, offered }) => {
                    let step = Step::Continue(challenge.to_vec());
                    (Ok(State::Challenged { negotiate, challenge, server_challenge, offered }), step)
                }
                Ok(state) => (Ok(state), Step::Pending),
                Err(Stop::Refusal(refusal)) => (Err(refusal), Step::Pending),
                Err(Stop::Encode(error)) => return Err(error.into()),
            },
            (State::Challenged { negotiate, challenge, server_challenge, offered }, Some(token)) => {
                let authenticate = Bytes::copy_from_slice(token);
                let asked = Self::ask(&authenticate, server_challenge).map(|question| {
                    let pending = Pending { negotiate, challenge, authenticate, offered };
                    State::Asked { question: Box::new(question), pending: Box::new(pending) }
                });
                (asked, Step::Pending)
            }
            (State::Answered { question, pending, verdict }, None) => {
                (self.decide(&question, &pending, verdict), Step::Complete(None))
            }
            (state @ State::Asked { .. }, None) => {
                self.state = state;
                return Ok(Step::Pending);
            }
            (State::Refused(refusal), _) => (Err(refusal), Step::Pending),
            (state @ (State::Start | State::Challenged { .. }), None) => {
                self.state = state;
                return misuse("waiting for the client", "pass the client's token");
            }
            (state @ State::Complete { .. }, _) => {
                self.state = state;
                return misuse("complete", "NTLM has three messages; make a new context for another authentication");
            }
            (State::Asked { .. } | State::Answered { .. }, Some(_)) => (Err(Refusal::Unexpected), Step::Pending),
        };
        match next {
            Ok(state) => {
                self.state = state;
                Ok(step)
            }
            Err(refusal) => {
                self.state = State::Refused(refusal);
                Err(SecurityError::Refused(Cow::Owned(refusal.to_string())))
            }
        }
    }

    fn is_complete(&self) -> bool {
        matches!(self.state, State::Complete { .. })
    }

    fn signature_len(&self) -> usize {
        SIGNATURE_LEN
    }

    fn sign(&mut self, parts: &[&[u8]], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        self.session("sign")?.sign(parts, signature)
    }

    fn verify(&mut self, parts: &[&[u8]], signature: &[u8]) -> Result<(), SecurityError> {
        self.session("verify")?.verify(parts, signature)
    }

    fn seal(&mut self, parts: &mut [Part<'_>], signature: &mut Vec<u8>) -> Result<(), SecurityError> {
        self.session("seal")?.seal(parts, signature)
    }

    fn unseal(&mut self, parts: &mut [Part<'_>], signature: &[u8]) -> Result<(), SecurityError> {
        self.session("unseal")?.unseal(parts, signature)
    }

    fn session_key(&self) -> Option<SecretBytes> {
        match &self.state {
            State::Complete { session, .. } => Some(session.session_key()),
            _ => None,
        }
    }

    /// `DOMAIN\user`, or the user name alone where the client sent no domain.
    fn peer_name(&self) -> Option<Cow<'_, str>> {
        match &self.state {
            State::Complete { name, .. } => Some(Cow::Borrowed(name)),
            _ => None,
        }
    }

    fn is_bound(&self) -> bool {
        Self::is_bound(self)
    }

    /// Extended session security signs what it is given; the PDUs of DCE/RPC are given whole.
    fn signs_whole_pdu(&self) -> bool {
        self.can_sign()
    }

    fn can_sign(&self) -> bool {
        matches!(&self.state, State::Complete { session, .. } if session.can_sign())
    }

    fn wants_mech_list_mic(&self) -> bool {
        matches!(self.state, State::Complete { with_mic: true, .. })
    }

    fn sign_mech_list(&mut self, list: &[u8], mic: &mut Vec<u8>) -> Result<(), SecurityError> {
        self.session("sign_mech_list")?.sign_mech_list(list, mic)
    }

    fn verify_mech_list(&mut self, list: &[u8], mic: &[u8]) -> Result<(), SecurityError> {
        self.session("verify_mech_list")?.verify_mech_list(list, mic)
    }
}
