//! AUTHENTICATE_MESSAGE, [MS-NLMP] 2.2.1.3, and the NTLMv2_RESPONSE inside it.

use std::fmt;

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, FileTime, Reader, Structure, Writer};

use super::message::{Payload, SIGNATURE, Span, Text, Version, put_text, read_start, text_len};
use super::{AvPairs, NegotiateFlags};

/// Where the MIC stands in the message.
pub(crate) const MIC_OFFSET: usize = 72;
const MIC_END: usize = MIC_OFFSET + 16;
/// Where it stands when Version is left out.
const WITHOUT_VERSION: usize = 64;

/// AUTHENTICATE_MESSAGE, [MS-NLMP] 2.2.1.3.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AuthenticateMessage<'de> {
    /// LmChallengeResponse. FreeRDP fills it from uninitialised memory: nothing here looks at it.
    pub lm_response: &'de [u8],
    /// NtChallengeResponse; [`NtlmV2Response`] reads it.
    pub nt_response: &'de [u8],
    /// DomainName, in the negotiated character set.
    pub domain: Text<'de>,
    /// UserName.
    pub user: Text<'de>,
    /// Workstation.
    pub workstation: Text<'de>,
    /// EncryptedRandomSessionKey.
    pub encrypted_session_key: &'de [u8],
    /// What was negotiated.
    pub flags: NegotiateFlags,
    /// Version.
    pub version: Version,
    /// MIC, where the message has room for one before its payload. Whether it counts says MsvAvFlags.
    pub mic: Option<[u8; 16]>,
    /// Where it stands: [`MIC_OFFSET`], or in Version's place.
    pub(crate) mic_offset: usize,
}

/// Responses and keys are not shown.
impl fmt::Debug for AuthenticateMessage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthenticateMessage")
            .field("domain", &self.domain)
            .field("user", &self.user)
            .field("workstation", &self.workstation)
            .field("flags", &self.flags)
            .field("mic", &self.mic.is_some())
            .finish_non_exhaustive()
    }
}

impl Structure for AuthenticateMessage<'_> {
    const NAME: &'static str = "AUTHENTICATE_MESSAGE";
    const SPEC: &'static str = "[MS-NLMP] 2.2.1.3";
}

impl<'de> Decode<'de> for AuthenticateMessage<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let message = r.peek_rest();
        let start = r.offset();
        read_start(r, 3)?;
        let lm = Span::read(r, "LmChallengeResponseFields")?;
        let nt = Span::read(r, "NtChallengeResponseFields")?;
        let domain = Span::read(r, "DomainNameFields")?;
        let user = Span::read(r, "UserNameFields")?;
        let workstation = Span::read(r, "WorkstationFields")?;
        let key = Span::read(r, "EncryptedRandomSessionKeyFields")?;
        let flags = NegotiateFlags(r.u32_le("NegotiateFlags")?);
        // Version and MIC are there when no payload stands in their place (notes 11 and 12).
        let spans = [lm, nt, domain, user, workstation, key];
        let payload = spans.iter().filter(|span| span.len > 0).map(|span| span.offset).min().unwrap_or(message.len());
        let room = |end: usize| payload >= end && message.len() >= end;
        let mut version = Version::NONE;
        let mut mic = None;
        let mut mic_offset = MIC_OFFSET;
        // Where VERSION was not negotiated, pyspnego and FreeRDP leave the field out, and the MIC stands in its place.
        if !flags.has(NegotiateFlags::VERSION) && payload == WITHOUT_VERSION + 16 && room(WITHOUT_VERSION + 16) {
            mic_offset = WITHOUT_VERSION;
            mic = Some(r.array("MIC")?);
        } else if room(MIC_OFFSET) {
            version = Version::read(r)?;
        }
        if room(MIC_END) && r.offset() == start + MIC_OFFSET {
            mic = Some(r.array("MIC")?);
        }
        let unicode = flags.has(NegotiateFlags::UNICODE);
        let this = Self {
            lm_response: lm.of(message, r, "LmChallengeResponse")?,
            nt_response: nt.of(message, r, "NtChallengeResponse")?,
            domain: Text::new(domain.of(message, r, "DomainName")?, unicode),
            user: Text::new(user.of(message, r, "UserName")?, unicode),
            workstation: Text::new(workstation.of(message, r, "Workstation")?, unicode),
            encrypted_session_key: key.of(message, r, "EncryptedRandomSessionKey")?,
            flags,
            version,
            mic,
            mic_offset,
        };
        r.ignore_rest("[MS-NLMP] 2.2.1.3: padding before and after the data");
        Ok(this)
    }
}

/// What an AUTHENTICATE_MESSAGE is written from: names as text, in the payload order of the examples.
#[derive(Clone, Copy)]
pub(crate) struct Authenticate<'a> {
    pub(crate) lm_response: &'a [u8],
    pub(crate) nt_response: &'a [u8],
    pub(crate) domain: &'a str,
    pub(crate) user: &'a str,
    pub(crate) workstation: &'a str,
    pub(crate) encrypted_session_key: &'a [u8],
    pub(crate) flags: NegotiateFlags,
    pub(crate) version: Version,
    /// Whether sixteen zero bytes are left for a MIC.
    pub(crate) with_mic: bool,
}

impl Structure for Authenticate<'_> {
    const NAME: &'static str = AuthenticateMessage::NAME;
    const SPEC: &'static str = AuthenticateMessage::SPEC;
}

impl Encode for Authenticate<'_> {
    fn encoded_len(&self) -> usize {
        let text = |t| text_len(t, self.flags);
        let fixed = if self.with_mic { MIC_END } else { MIC_OFFSET };
        let responses = self.lm_response.len() + self.nt_response.len() + self.encrypted_session_key.len();
        fixed + text(self.domain) + text(self.user) + text(self.workstation) + responses
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let fixed = if self.with_mic { MIC_END } else { MIC_OFFSET };
        let domain = (text_len(self.domain, self.flags), fixed);
        let user = (text_len(self.user, self.flags), domain.1 + domain.0);
        let workstation = (text_len(self.workstation, self.flags), user.1 + user.0);
        let lm = (self.lm_response.len(), workstation.1 + workstation.0);
        let nt = (self.nt_response.len(), lm.1 + lm.0);
        let key = (self.encrypted_session_key.len(), nt.1 + nt.0);
        w.bytes(&SIGNATURE);
        w.u32_le(3);
        for ((len, offset), field) in [
            (lm, "LmChallengeResponseFields"),
            (nt, "NtChallengeResponseFields"),
            (domain, "DomainNameFields"),
            (user, "UserNameFields"),
            (workstation, "WorkstationFields"),
            (key, "EncryptedRandomSessionKeyFields"),
        ] {
            Payload::field_at(w, len, offset, field)?;
        }
        w.u32_le(self.flags.0);
        self.version.write(w);
        if self.with_mic {
            w.zeros(16);
        }
        for (text, field) in [(self.domain, "DomainName"), (self.user, "UserName"), (self.workstation, "Workstation")] {
            put_text(w, text, self.flags, (Self::NAME, field, Self::SPEC))?;
        }
        w.bytes(self.lm_response);
        w.bytes(self.nt_response);
        w.bytes(self.encrypted_session_key);
        Ok(())
    }
}

/// NTLMv2_RESPONSE, [MS-NLMP] 2.2.2.8.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NtlmV2Response<'de> {
    /// Response: the NTProofStr.
    pub proof: [u8; 16],
    /// NTLMv2_CLIENT_CHALLENGE as it stands: what the proof is over.
    pub temp: &'de [u8],
    /// The same, taken apart.
    pub challenge: ClientChallenge<'de>,
}

impl fmt::Debug for NtlmV2Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NtlmV2Response").field("challenge", &self.challenge).finish_non_exhaustive()
    }
}

impl Structure for NtlmV2Response<'_> {
    const NAME: &'static str = "NTLMv2_RESPONSE";
    const SPEC: &'static str = "[MS-NLMP] 2.2.2.8";
}

impl<'de> Decode<'de> for NtlmV2Response<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let proof = r.array("Response")?;
        let temp = r.peek_rest();
        let challenge = r.structure()?;
        Ok(Self { proof, temp, challenge })
    }
}

/// NTLMv2_CLIENT_CHALLENGE, [MS-NLMP] 2.2.2.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientChallenge<'de> {
    /// TimeStamp.
    pub time: FileTime,
    /// ChallengeFromClient.
    pub client_challenge: [u8; 8],
    /// AvPairs.
    pub pairs: AvPairs<'de>,
}

impl Structure for ClientChallenge<'_> {
    const NAME: &'static str = "NTLMv2_CLIENT_CHALLENGE";
    const SPEC: &'static str = "[MS-NLMP] 2.2.2.7";
}

impl<'de> Decode<'de> for ClientChallenge<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        for field in ["RespType", "HiRespType"] {
            let at = r.offset();
            let found = r.u8(field)?;
            if found != 1 {
                return Err(r.invalid(at, field, "1, NTLMv2", found));
            }
        }
        r.bytes(6, "Reserved1")?;
        let time = FileTime::from_intervals(r.u64_le("TimeStamp")?);
        let client_challenge = r.array("ChallengeFromClient")?;
        r.bytes(4, "Reserved3")?;
        let pairs = AvPairs::read(r)?;
        r.ignore_rest("[MS-NLMP] note 30: Windows adds bytes without defined contents");
        Ok(Self { time, client_challenge, pairs })
    }
}
