//! NegTokenInit ([RFC 4178] 4.2.1) and NegTokenInit2 ([MS-SPNG] 2.2.1).

use std::fmt;

use der::Tag;
use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::MechTypeList;
use super::asn1::{any, context, element, field, field_len, is_next, len_of, octets, put_field, put_header};

/// NegHints, [MS-SPNG] 2.2.1. Nothing is to be learnt from them ([MS-SPNG] 3.2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NegHints<'de> {
    /// hintName: [`NegHints::NOT_DEFINED`] from Windows Vista on; before that, and from old Samba, the server's principal.
    pub name: Option<&'de [u8]>,
    /// hintAddress: never sent.
    pub address: Option<&'de [u8]>,
}

impl NegHints<'static> {
    /// What Windows sends.
    pub const NOT_DEFINED: Self = Self { name: Some(b"not_defined_in_RFC4178@please_ignore"), address: None };
}

/// NegTokenInit, [RFC 4178] 4.2.1, and with hints NegTokenInit2, [MS-SPNG] 2.2.1.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct NegTokenInit<'de> {
    /// mechTypes, best first. Empty where the field is missing, which NegTokenInit2 allows.
    pub mech_types: MechTypeList<'de>,
    /// reqFlags as they stand; not covered by any signature, so ignored on receipt and never sent ([MS-SPNG] 3.1.5.3).
    pub req_flags: Option<&'de [u8]>,
    /// mechToken: the optimistic token of the first mechanism.
    pub mech_token: Option<&'de [u8]>,
    /// negHints, of NegTokenInit2.
    pub hints: Option<NegHints<'de>>,
    /// mechListMIC.
    pub mech_list_mic: Option<&'de [u8]>,
}

/// Tokens are not shown.
impl fmt::Debug for NegTokenInit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegTokenInit")
            .field("mech_types", &self.mech_types)
            .field("mech_token", &self.mech_token.map(<[u8]>::len))
            .field("hints", &self.hints.is_some())
            .field("mech_list_mic", &self.mech_list_mic.map(<[u8]>::len))
            .finish_non_exhaustive()
    }
}

impl NegTokenInit<'_> {
    fn content_len(&self) -> usize {
        let mechs = if self.mech_types.is_empty() { 0 } else { len_of(self.mech_types.as_der().len()) };
        let octets = |bytes: Option<&[u8]>| bytes.map_or(0, |bytes| field_len(bytes.len()));
        let hints = self.hints.map_or(0, |hints| len_of(len_of(hints.content_len())));
        mechs + octets(self.mech_token) + hints + octets(self.mech_list_mic)
    }
}

impl NegHints<'_> {
    fn content_len(&self) -> usize {
        self.name.map_or(0, |name| field_len(name.len()))
    }
}

impl Structure for NegTokenInit<'_> {
    const NAME: &'static str = "NegTokenInit";
    const SPEC: &'static str = "[RFC 4178] 4.2.1, [MS-SPNG] 2.2.1";
}

impl<'de> Decode<'de> for NegTokenInit<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let mut body = element(r, Tag::Sequence, "a SEQUENCE", "NegTokenInit")?;
        let mut mech_types = MechTypeList::default();
        if is_next(&body, context(0)) {
            let mut outer = any(&mut body, "mechTypes")?;
            mech_types = outer.structure()?;
            outer.finish()?;
        }
        // Old Java wrote these flags in other ways than a BIT STRING is written: nobody reads them, so nothing is asked of them.
        let mut req_flags = None;
        if is_next(&body, context(1)) {
            req_flags = Some(any(&mut body, "reqFlags")?.rest());
        }
        let mech_token = octets(&mut body, 2, "mechToken")?;
        // [3] is negHints in NegTokenInit2 and mechListMIC in NegTokenInit; what is inside tells.
        let (mut hints, mut mech_list_mic) = (None, None);
        if is_next(&body, context(3)) {
            let mut inside = any(&mut body.clone(), "negHints")?;
            if is_next(&inside, Tag::Sequence) {
                any(&mut body, "negHints")?;
                hints = Some(decode_hints(&mut inside)?);
                inside.finish()?;
                mech_list_mic = octets(&mut body, 4, "mechListMIC")?;
            } else {
                mech_list_mic = octets(&mut body, 3, "mechListMIC")?;
            }
        } else if is_next(&body, context(4)) {
            mech_list_mic = octets(&mut body, 4, "mechListMIC")?;
        }
        // NegTokenInit2 ends in an extension marker: what a later version adds is passed over.
        if (5..31).any(|number| is_next(&body, context(number))) {
            body.ignore_rest("[MS-SPNG] 2.2.1: extensible");
        }
        body.finish()?;
        Ok(Self { mech_types, req_flags, mech_token, hints, mech_list_mic })
    }
}

fn decode_hints<'de>(r: &mut Reader<'de>) -> Result<NegHints<'de>, DecodeError> {
    let mut body = element(r, Tag::Sequence, "a SEQUENCE", "negHints")?;
    let name =
        field(&mut body, 0, Tag::GeneralString, "a GeneralString", "hintName")?.map(|mut content| content.rest());
    let address = octets(&mut body, 1, "hintAddress")?;
    body.finish()?;
    Ok(NegHints { name, address })
}

impl Encode for NegTokenInit<'_> {
    fn encoded_len(&self) -> usize {
        len_of(self.content_len())
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        let at = |field| (Self::NAME, field, Self::SPEC);
        put_header(w, Tag::Sequence, self.content_len(), at("NegTokenInit"))?;
        if !self.mech_types.is_empty() {
            put_header(w, context(0), self.mech_types.as_der().len(), at("mechTypes"))?;
            w.bytes(self.mech_types.as_der());
        }
        if let Some(token) = self.mech_token {
            put_field(w, 2, Tag::OctetString, token, at("mechToken"))?;
        }
        if let Some(hints) = self.hints {
            put_header(w, context(3), len_of(hints.content_len()), at("negHints"))?;
            put_header(w, Tag::Sequence, hints.content_len(), at("negHints"))?;
            if let Some(name) = hints.name {
                put_field(w, 0, Tag::GeneralString, name, at("hintName"))?;
            }
        }
        if let Some(mic) = self.mech_list_mic {
            let number = if self.hints.is_some() { 4 } else { 3 };
            put_field(w, number, Tag::OctetString, mic, at("mechListMIC"))?;
        }
        Ok(())
    }
}
