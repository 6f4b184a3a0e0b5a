//! The client's end, [MS-NLMP] 3.1.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use oxwire_core::{
    EncodeError, Entropy, FileTime, Misuse, Part, Reader, SecretBytes, SecurityContext, SecurityError, Step, Writer,
    encode_to_bytes,
};
use zeroize::Zeroizing;

use super::authenticate::{Authenticate, MIC_OFFSET};
use super::av_pair::{put_pair, put_text};
use super::crypto::{Key, Mode, hmac_md5, lm_v2_response, nt_hash, ntowf_v2, prove, rc4k};
use super::session::{SIGNATURE_LEN, Session};
use super::{
    AV_FLAG_MIC, AV_FLAG_UNVERIFIED_TARGET, AvId, AvPairs, ChallengeMessage, NegotiateFlags, NegotiateMessage, Version,
};
use crate::{ChannelBinding, UserName};

/// Response, the first field of NTLMv2_RESPONSE ([MS-NLMP] 2.2.2.8).
const PROOF_LEN: usize = 16;

/// What a [`Client`] asks for and sends.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Who. `DOMAIN\user` sends both parts; `user@domain` travels whole as the user name, with no domain, as Windows does it.
    pub user: UserName,
    /// The NT hash of the password: [`nt_hash`].
    pub nt_hash: Key,
    /// Workstation; empty by default.
    pub workstation: Arc<str>,
    /// The binding to the TLS connection underneath.
    pub binding: ChannelBinding,
    /// ClientSuppliedTargetName: the SPN, as in `HTTP/mail.example.com`. Empty for none.
    pub target_name: Arc<str>,
    /// UnverifiedTargetName: the SPN comes from an untrusted source.
    pub target_unverified: bool,
    /// Integrity: messages can be signed.
    pub sign: bool,
    /// Confidentiality: messages can be sealed.
    pub seal: bool,
    /// Whether MsvAvChannelBindings and MsvAvTargetName are sent. Windows before 7 does not ([MS-NLMP] notes 50 and 51), the
    /// example 4.2.4 neither; a server with Extended Protection wants them. True by default.
    pub extended_protection: bool,
    /// Version, sent for debugging; `None` by default.
    pub version: Option<Version>,
}

impl ClientConfig {
    /// A configuration for that user: no binding, no target name, neither sign nor seal.
    #[must_use]
    pub fn new(user: UserName, password: &str) -> Self {
        Self::with_hash(user, nt_hash(password))
    }

    /// The same, from the hash.
    #[must_use]
    pub fn with_hash(user: UserName, nt_hash: Key) -> Self {
        Self {
            user,
            nt_hash,
            workstation: Arc::default(),
            binding: ChannelBinding::None,
            target_name: Arc::default(),
            target_unverified: false,
            sign: false,
            seal: false,
            extended_protection: true,
            version: None,
        }
    }

    fn flags(&self) -> NegotiateFlags {
        use NegotiateFlags as F;
        let mut flags = F::REQUEST_TARGET | F::NTLM | F::ALWAYS_SIGN | F::UNICODE | F::EXTENDED_SESSIONSECURITY;
        flags = flags | F::KEY_128 | F::KEY_56;
        if self.sign {
            flags = flags | F::SIGN | F::KEY_EXCH;
        }
        if self.seal {
            flags = flags | F::SIGN | F::SEAL | F::KEY_EXCH;
        }
        if self.version.is_some() { flags | F::VERSION } else { flags }
    }
}

#[derive(Debug)]
enum State {
    Start,
    Negotiated { negotiate: Bytes },
    Complete { session: Box<Session>, with_mic: bool },
    Failed,
}

/// The client's end of one NTLM authentication ([MS-NLMP] 3.1), connection-oriented.
///
/// `step(None)` gives the NEGOTIATE_MESSAGE, `step(CHALLENGE_MESSAGE)` the AUTHENTICATE_MESSAGE; the client is complete then,
/// though it learns only from the server's next word whether the server agrees.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    state: State,
}

impl Client {
    /// A client that has sent nothing yet.
    #[must_use]
    pub const fn new(config: ClientConfig) -> Self {
        Self { config, state: State::Start }
    }

    /// Sets the channel binding, which may become known after the first message.
    pub fn set_binding(&mut self, binding: ChannelBinding) {
        self.config.binding = binding;
    }

    fn session(&mut self, call: &'static str) -> Result<&mut Session, SecurityError> {
        match &mut self.state {
            State::Complete { session, .. } => Ok(session),
            _ => Err(incomplete(call)),
        }
    }

    fn negotiate(&self) -> Result<Bytes, EncodeError> {
        let version = self.config.version.unwrap_or(Version::NONE);
        encode_to_bytes(&NegotiateMessage { flags: self.config.flags(), domain: &[], workstation: &[], version })
    }

    fn authenticate(
        &self,
        negotiate: &[u8],
        token: &[u8],
        wall: FileTime,
        entropy: &mut dyn Entropy,
    ) -> Result<(Vec<u8>, State), SecurityError> {
        use NegotiateFlags as F;
        let config = &self.config;
        let challenge = Reader::new(token).structure::<ChallengeMessage<'_>>()?;
        let pairs = challenge.pairs()?;
        let flags = self.agree(&challenge, &pairs)?;

        let mut client_challenge = [0; 8];
        entropy.fill(&mut client_challenge);
        let timestamp = pairs.timestamp();
        let with_mic = timestamp.is_some();
        let mut nt_response = self.nt_response(&challenge, &pairs, timestamp.unwrap_or(wall), client_challenge)?;

        let (user, domain) = (config.user.user(), config.user.domain());
        let response_key = ntowf_v2(&config.nt_hash, user, domain);
        let temp = nt_response.get(PROOF_LEN..).unwrap_or_default();
        let (proof, key_exchange_key) = prove(&response_key, &challenge.server_challenge, temp);
        nt_response.iter_mut().zip(proof).for_each(|(place, byte)| *place = byte);
        let lm_response = match timestamp {
            Some(_) => [0; 24],
            None => lm_v2_response(&response_key, &challenge.server_challenge, &client_challenge),
        };

        let mut encrypted: &[u8] = &[];
        let exported;
        let encrypted_key;
        if flags.exchanges_keys() {
            let mut random = Zeroizing::new([0; 16]);
            entropy.fill(&mut *random);
            encrypted_key = rc4k(&key_exchange_key, &random);
            encrypted = &encrypted_key;
            exported = Key::new(*random);
        } else {
            exported = key_exchange_key;
        }

        let message = Authenticate {
            lm_response: &lm_response,
            nt_response: &nt_response,
            domain,
            user,
            workstation: &config.workstation,
            encrypted_session_key: encrypted,
            flags,
            version: if flags.has(F::VERSION) { config.version.unwrap_or(Version::NONE) } else { Version::NONE },
            with_mic,
        };
        let mut message = Vec::from(encode_to_bytes(&message)?);
        if with_mic {
            let mic = hmac_md5(&exported, &[negotiate, token, &message]);
            if let Some(place) = message.get_mut(MIC_OFFSET..).and_then(<[u8]>::first_chunk_mut) {
                *place = mic;
            }
        }
        let session = Session::new(flags, exported, Mode::Client);
        Ok((message, State::Complete { session: Box::new(session), with_mic }))
    }

    /// The flags of the AUTHENTICATE_MESSAGE: what the client offered and the server took, and TARGET_INFO.
    fn agree(&self, challenge: &ChallengeMessage<'_>, pairs: &AvPairs<'_>) -> Result<NegotiateFlags, SecurityError> {
        use NegotiateFlags as F;
        let config = &self.config;
        let mut flags = config.flags() & (challenge.flags | F::REQUEST_TARGET);
        flags = flags | challenge.flags & F::TARGET_INFO;
        if !flags.has(F::UNICODE) {
            if !challenge.flags.has(F::OEM) {
                return Err(SecurityError::NotNegotiated("a character set: the challenge has neither UNICODE nor OEM"));
            }
            flags = flags | F::OEM;
        }
        if config.sign || config.seal {
            if !flags.has(F::EXTENDED_SESSIONSECURITY) || !flags.has(F::SIGN) || (config.seal && !flags.has(F::SEAL)) {
                return Err(SecurityError::NotNegotiated(
                    "signing, sealing or extended session security: the server took one of them out",
                ));
            }
            if pairs.first(AvId::NB_COMPUTER_NAME).is_none() || pairs.first(AvId::NB_DOMAIN_NAME).is_none() {
                return Err(SecurityError::Refused(Cow::Borrowed(
                    "the challenge lacks MsvAvNbComputerName or MsvAvNbDomainName, which signing needs ([MS-NLMP] 3.1.5.1.2)",
                )));
            }
        }
        Ok(flags)
    }

    /// NTLMv2_RESPONSE, its proof still to be written. Behind it stands `temp`, the NTLMv2_CLIENT_CHALLENGE: the server's pairs in
    /// their order, with ours behind them.
    fn nt_response(
        &self,
        challenge: &ChallengeMessage<'_>,
        pairs: &AvPairs<'_>,
        time: FileTime,
        client_challenge: [u8; 8],
    ) -> Result<BytesMut, EncodeError> {
        let config = &self.config;
        let has_info = !challenge.target_info.is_empty();
        let bound = config.extended_protection && has_info;
        let mut av_flags = pairs.flags();
        if pairs.timestamp().is_some() {
            av_flags |= AV_FLAG_MIC;
        }
        if bound && config.target_unverified && !config.target_name.is_empty() {
            av_flags |= AV_FLAG_UNVERIFIED_TARGET;
        }

        let capacity = PROOF_LEN + challenge.target_info.len() + 96 + config.target_name.len() * 2;
        let mut out = BytesMut::with_capacity(capacity);
        let mut w = Writer::new(&mut out);
        w.zeros(PROOF_LEN);
        w.bytes(&[1, 1, 0, 0, 0, 0, 0, 0]);
        w.u64_le(time.intervals());
        w.bytes(&client_challenge);
        w.zeros(4);
        let mut flags_written = false;
        for pair in pairs.iter() {
            match pair.id {
                AvId::FLAGS => {
                    if !flags_written {
                        put_pair(&mut w, AvId::FLAGS, &av_flags.to_le_bytes())?;
                    }
                    flags_written = true;
                }
                // These two are the client's to say; a server's would stand before ours and be read first.
                AvId::CHANNEL_BINDINGS | AvId::TARGET_NAME if bound => {}
                _ => put_pair(&mut w, pair.id, pair.value)?,
            }
        }
        if !flags_written && av_flags != 0 {
            put_pair(&mut w, AvId::FLAGS, &av_flags.to_le_bytes())?;
        }
        if bound {
            put_pair(&mut w, AvId::CHANNEL_BINDINGS, &config.binding.hash().unwrap_or_default())?;
            put_text(&mut w, AvId::TARGET_NAME, &config.target_name)?;
        }
        if has_info {
            put_pair(&mut w, AvId::EOL, &[])?;
        }
        w.zeros(4);
        Ok(out)
    }
}

pub(crate) fn incomplete(call: &'static str) -> SecurityError {
    let advice = "drive `step` until `is_complete`";
    SecurityError::Misuse(Misuse { call, state: "authentication not complete", advice })
}

impl SecurityContext for Client {
    fn step(&mut self, token: Option<&[u8]>, wall: FileTime, entropy: &mut dyn Entropy) -> Result<Step, SecurityError> {
        let misuse = |state, advice| Err(SecurityError::Misuse(Misuse { call: "step", state, advice }));
        match (std::mem::replace(&mut self.state, State::Failed), token) {
            (State::Start, None) => {
                let negotiate = self.negotiate()?;
                let token = negotiate.to_vec();
                self.state = State::Negotiated { negotiate };
                Ok(Step::Continue(token))
            }
            (State::Start, Some(_)) => {
                self.state = State::Start;
                misuse("start", "the client speaks first: call `step` without a token")
            }
            (State::Negotiated { negotiate }, Some(token)) => {
                let (message, complete) = self.authenticate(&negotiate, token, wall, entropy)?;
                self.state = complete;
                Ok(Step::Complete(Some(message)))
            }
            (State::Negotiated { negotiate }, None) => {
                self.state = State::Negotiated { negotiate };
                misuse("NEGOTIATE_MESSAGE sent", "pass the server's CHALLENGE_MESSAGE")
            }
            (state @ State::Complete { .. }, _) => {
                self.state = state;
                misuse("complete", "NTLM has three messages; make a new context for another authentication")
            }
            (State::Failed, _) => misuse("failed", "make a new context"),
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

    /// NTLM does not say who the server is.
    fn peer_name(&self) -> Option<Cow<'_, str>> {
        None
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
