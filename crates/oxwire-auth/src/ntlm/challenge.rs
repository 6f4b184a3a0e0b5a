//! CHALLENGE_MESSAGE, [MS-NLMP] 2.2.1.2.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::message::{Payload, SIGNATURE, Span, Text, Version, read_start};
use super::{AvPairs, NegotiateFlags};

/// CHALLENGE_MESSAGE, [MS-NLMP] 2.2.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChallengeMessage<'de> {
    /// TargetName, in the negotiated character set.
    pub target_name: &'de [u8],
    /// What the server chose.
    pub flags: NegotiateFlags,
    /// ServerChallenge.
    pub server_challenge: [u8; 8],
    /// TargetInfo as it stands, MsvAvEOL included; empty where there is none.
    pub target_info: &'de [u8],
    /// Version.
    pub version: Version,
}

impl<'de> ChallengeMessage<'de> {
    /// TargetName as text.
    #[must_use]
    pub fn target_text(&self) -> Text<'de> {
        Text::new(self.target_name, self.flags.has(NegotiateFlags::UNICODE))
    }

    /// TargetInfo as pairs; none where there is none.
    ///
    /// # Errors
    /// [`DecodeError`] for a list that is cut or has no end. Decoding the message does not look at it.
    pub fn pairs(&self) -> Result<AvPairs<'de>, DecodeError> {
        if self.target_info.is_empty() {
            return Ok(AvPairs::default());
        }
        AvPairs::read(&mut Reader::new(self.target_info).named(Self::NAME, "[MS-NLMP] 2.2.2.1"))
    }
}

impl Structure for ChallengeMessage<'_> {
    const NAME: &'static str = "CHALLENGE_MESSAGE";
    const SPEC: &'static str = "[MS-NLMP] 2.2.1.2";
}

impl<'de> Decode<'de> for ChallengeMessage<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let message = r.peek_rest();
        read_start(r, 2)?;
        let target_name = Span::read(r, "TargetNameFields")?;
        let flags = NegotiateFlags(r.u32_le("NegotiateFlags")?);
        let server_challenge = r.array("ServerChallenge")?;
        let mut info: &[u8] = &[];
        let mut version = Version::NONE;
        // A message without TARGET_INFO may end here, as those of Windows NT do.
        if flags.has(NegotiateFlags::TARGET_INFO) {
            r.bytes(8, "Reserved")?;
            info = Span::read(r, "TargetInfoFields")?.of(message, r, "TargetInfo")?;
            if flags.has(NegotiateFlags::VERSION) && r.left() >= 8 {
                version = Version::read(r)?;
            }
        }
        let target_name = target_name.of(message, r, "TargetName")?;
        r.ignore_rest("[MS-NLMP] 2.2.1.2: padding before and after the data");
        Ok(Self { target_name, flags, server_challenge, target_info: info, version })
    }
}

impl Encode for ChallengeMessage<'_> {
    fn encoded_len(&self) -> usize {
        56 + self.target_name.len() + self.target_info.len()
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.bytes(&SIGNATURE);
        w.u32_le(2);
        let mut payload = Payload::after(56);
        payload.field(w, self.target_name.len(), "TargetNameFields")?;
        w.u32_le(self.flags.0);
        w.bytes(&self.server_challenge);
        w.zeros(8);
        payload.field(w, self.target_info.len(), "TargetInfoFields")?;
        self.version.write(w);
        w.bytes(self.target_name);
        w.bytes(self.target_info);
        Ok(())
    }
}
