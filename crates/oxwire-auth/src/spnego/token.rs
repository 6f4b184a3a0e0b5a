//! NegotiationToken ([RFC 4178] 4.2), and what else travels under the name Negotiate.

use std::fmt;

use der::Tag;
use oxwire_core::{
    Decode, DecodeError, DecodeErrorKind, Encode, EncodeError, Limits, Reader, Structure, Writer, decode_all,
};

use super::asn1::{GSS, any, context, element, is_next, len_of, put_header};
use super::{MechType, NegTokenInit, NegTokenResp};

/// NegotiationToken, [RFC 4178] 4.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NegotiationToken<'de> {
    /// The first token, of either end.
    Init(NegTokenInit<'de>),
    /// Every later one.
    Resp(NegTokenResp<'de>),
}

impl Structure for NegotiationToken<'_> {
    const NAME: &'static str = "NegotiationToken";
    const SPEC: &'static str = "[RFC 4178] 4.2";
}

/// Two slips are taken: a NegTokenInit without the GSS header of [RFC 2743] 3.1, as clients send it that wrap the CHOICE alone, and
/// a NegTokenResp with one, as the SPNEGO of old Sun systems sends it (MIT's library takes it for that reason).
impl<'de> Decode<'de> for NegotiationToken<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        if is_next(r, GSS) {
            let mut inner = any(r, "InitialContextToken")?;
            let at = inner.offset();
            let mech = gss_mech(&mut inner)?;
            if mech != Some(MechType::SPNEGO) {
                let kind = DecodeErrorKind::Unsupported { what: "a mechanism that is not SPNEGO" };
                return Err(inner.error_at(at, "thisMech", kind));
            }
            let token = choice(&mut inner)?;
            inner.finish()?;
            return Ok(token);
        }
        choice(r)
    }
}

fn gss_mech(r: &mut Reader<'_>) -> Result<Option<MechType>, DecodeError> {
    let mut mech = element(r, Tag::ObjectIdentifier, "an OBJECT IDENTIFIER", "thisMech")?;
    Ok(MechType::from_content(mech.rest()))
}

fn choice<'de>(r: &mut Reader<'de>) -> Result<NegotiationToken<'de>, DecodeError> {
    if is_next(r, context(1)) {
        let mut inner = any(r, "negTokenResp")?;
        let resp = inner.structure()?;
        inner.finish()?;
        return Ok(NegotiationToken::Resp(resp));
    }
    let mut inner = element(r, context(0), "[0] or [1]", "negTokenInit")?;
    let init = inner.structure()?;
    inner.finish()?;
    Ok(NegotiationToken::Init(init))
}

impl NegotiationToken<'_> {
    /// Bytes inside of the GSS header.
    fn inner_len(init: &NegTokenInit<'_>) -> usize {
        let mech = len_of(MechType::SPNEGO.as_bytes().len());
        mech + len_of(init.encoded_len())
    }
}

impl Encode for NegotiationToken<'_> {
    fn encoded_len(&self) -> usize {
        match self {
            Self::Init(init) => len_of(Self::inner_len(init)),
            Self::Resp(resp) => len_of(resp.encoded_len()),
        }
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let at = |field| (Self::NAME, field, Self::SPEC);
        match self {
            Self::Init(init) => {
                put_header(w, GSS, Self::inner_len(init), at("InitialContextToken"))?;
                let mech = MechType::SPNEGO;
                put_header(w, Tag::ObjectIdentifier, mech.as_bytes().len(), at("thisMech"))?;
                w.bytes(mech.as_bytes());
                put_header(w, context(0), init.encoded_len(), at("negTokenInit"))?;
                w.structure(init)
            }
            Self::Resp(resp) => {
                put_header(w, context(1), resp.encoded_len(), at("negTokenResp"))?;
                w.structure(resp)
            }
        }
    }
}

/// The tag of AP-REQ, [RFC 4120] 5.5.1.
const AP_REQ: u8 = 0x6E;

/// What a Negotiate header carries: SPNEGO, or a mechanism's token as it is, which Windows sends when it has NTLM alone
/// ([MS-SPNG] note 8) and other clients when they have Kerberos alone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Token<'de> {
    /// SPNEGO's.
    Spnego(NegotiationToken<'de>),
    /// An NTLM message.
    Ntlm(&'de [u8]),
    /// Another mechanism's first token, with its GSS header; or an AP-REQ of Kerberos without one, which is how DCE/RPC has it.
    Mechanism {
        /// The mechanism: Kerberos by either of its identifiers, or one that is not known here.
        mech: MechType,
        /// The whole token.
        token: &'de [u8],
    },
}

impl<'de> Token<'de> {
    /// Reads one token, which is all of `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] for what is neither.
    pub fn read(bytes: &'de [u8], limits: &'de Limits) -> Result<Self, DecodeError> {
        if bytes.starts_with(b"NTLMSSP\0") {
            return Ok(Self::Ntlm(bytes));
        }
        let mut r = Reader::with_limits(bytes, limits);
        if is_next(&r, GSS)
            && let Ok(mut inner) = any(&mut r, "InitialContextToken")
            && let Ok(Some(mech)) = gss_mech(&mut inner)
            && mech != MechType::SPNEGO
        {
            return Ok(Self::Mechanism { mech, token: bytes });
        }
        if bytes.first() == Some(&AP_REQ) {
            return Ok(Self::Mechanism { mech: MechType::KERBEROS, token: bytes });
        }
        decode_all(bytes, limits).map(Self::Spnego)
    }
}

/// Tokens are not shown.
impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spnego(token) => token.fmt(f),
            Self::Ntlm(message) => write!(f, "Ntlm({} bytes)", message.len()),
            Self::Mechanism { mech, token } => write!(f, "Mechanism({mech}, {} bytes)", token.len()),
        }
    }
}
