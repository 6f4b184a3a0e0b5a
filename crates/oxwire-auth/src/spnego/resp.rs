//! NegTokenResp, [RFC 4178] 4.2.2.

use std::fmt;

use der::Tag;
use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::MechType;
use super::asn1::{element, field, field_len, len_of, octets, put_field, put_header};

/// negState, [RFC 4178] 4.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NegState {
    /// accept-completed
    AcceptCompleted,
    /// accept-incomplete
    AcceptIncomplete,
    /// reject
    Reject,
    /// request-mic
    RequestMic,
}

impl NegState {
    const fn value(self) -> u8 {
        match self {
            Self::AcceptCompleted => 0,
            Self::AcceptIncomplete => 1,
            Self::Reject => 2,
            Self::RequestMic => 3,
        }
    }
}

/// NegTokenResp, [RFC 4178] 4.2.2.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct NegTokenResp<'de> {
    /// negState; missing in what clients of Windows send last, and allowed to be missing but in the first reply.
    pub neg_state: Option<NegState>,
    /// supportedMech: in the first reply alone.
    pub supported_mech: Option<MechType>,
    /// responseToken: the mechanism's token.
    pub response_token: Option<&'de [u8]>,
    /// mechListMIC.
    pub mech_list_mic: Option<&'de [u8]>,
}

/// Tokens are not shown.
impl fmt::Debug for NegTokenResp<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegTokenResp")
            .field("neg_state", &self.neg_state)
            .field("supported_mech", &self.supported_mech)
            .field("response_token", &self.response_token.map(<[u8]>::len))
            .field("mech_list_mic", &self.mech_list_mic.map(<[u8]>::len))
            .finish()
    }
}

impl NegTokenResp<'_> {
    fn content_len(&self) -> usize {
        let octets = |bytes: Option<&[u8]>| bytes.map_or(0, |bytes| field_len(bytes.len()));
        let state = self.neg_state.map_or(0, |_| field_len(1));
        let mech = self.supported_mech.map_or(0, |mech| field_len(mech.as_bytes().len()));
        state + mech + octets(self.response_token) + octets(self.mech_list_mic)
    }
}

impl Structure for NegTokenResp<'_> {
    const NAME: &'static str = "NegTokenResp";
    const SPEC: &'static str = "[RFC 4178] 4.2.2";
}

impl<'de> Decode<'de> for NegTokenResp<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let mut body = element(r, Tag::Sequence, "a SEQUENCE", "NegTokenResp")?;
        let mut neg_state = None;
        if let Some(mut content) = field(&mut body, 0, Tag::Enumerated, "an ENUMERATED", "negState")? {
            let at = content.offset();
            let value = content.u8("negState")?;
            content.finish()?;
            neg_state = Some(match value {
                0 => NegState::AcceptCompleted,
                1 => NegState::AcceptIncomplete,
                2 => NegState::Reject,
                3 => NegState::RequestMic,
                other => return Err(content.invalid(at, "negState", "0 to 3", other)),
            });
        }
        let mut supported_mech = None;
        if let Some(mut content) = field(&mut body, 1, Tag::ObjectIdentifier, "an OBJECT IDENTIFIER", "supportedMech")?
        {
            let at = content.offset();
            let bytes = content.rest();
            let expected = "an object identifier of at most 39 octets";
            let mech = MechType::from_content(bytes);
            supported_mech =
                Some(mech.ok_or_else(|| content.invalid(at, "supportedMech", expected, bytes.len() as u64))?);
        }
        let response_token = octets(&mut body, 2, "responseToken")?;
        let mut mech_list_mic = octets(&mut body, 3, "mechListMIC")?;
        body.finish()?;
        // Windows 2000 to 2003, and old Samba after it, say the token again in place of a MIC that they do not have.
        if mech_list_mic.is_some() && mech_list_mic == response_token {
            mech_list_mic = None;
        }
        Ok(Self { neg_state, supported_mech, response_token, mech_list_mic })
    }
}

impl Encode for NegTokenResp<'_> {
    fn encoded_len(&self) -> usize {
        len_of(self.content_len())
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let at = |field| (Self::NAME, field, Self::SPEC);
        put_header(w, Tag::Sequence, self.content_len(), at("NegTokenResp"))?;
        if let Some(state) = self.neg_state {
            put_field(w, 0, Tag::Enumerated, &[state.value()], at("negState"))?;
        }
        if let Some(mech) = self.supported_mech {
            put_field(w, 1, Tag::ObjectIdentifier, mech.as_bytes(), at("supportedMech"))?;
        }
        if let Some(token) = self.response_token {
            put_field(w, 2, Tag::OctetString, token, at("responseToken"))?;
        }
        if let Some(mic) = self.mech_list_mic {
            put_field(w, 3, Tag::OctetString, mic, at("mechListMIC"))?;
        }
        Ok(())
    }
}
