//! Mechanisms by their object identifiers.

use std::fmt;

use bytes::BytesMut;
use der::Tag;
use der::asn1::ObjectIdentifier;
use oxwire_core::{Decode, DecodeError, EncodeError, Reader, Structure, Writer};

use super::asn1::{any, element, len_of, put_header};

/// MechType, [RFC 4178] 4.1: a security mechanism's object identifier.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct MechType(ObjectIdentifier);

impl MechType {
    /// Kerberos, [RFC 4121].
    pub const KERBEROS: Self = Self(ObjectIdentifier::new_unwrap("1.2.840.113554.1.2.2"));
    /// Kerberos with its third arc cut to 16 bits, as Windows 2000 wrote it and Windows offers it since ([MS-SPNG] 3.1.5.2).
    pub const MS_KERBEROS: Self = Self(ObjectIdentifier::new_unwrap("1.2.840.48018.1.2.2"));
    /// Kerberos, user to user.
    pub const KERBEROS_USER_TO_USER: Self = Self(ObjectIdentifier::new_unwrap("1.2.840.113554.1.2.2.3"));
    /// NTLM, [MS-NLMP] 1.9.
    pub const NTLM: Self = Self(ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.2.10"));
    /// NEGOEX, [MS-NEGOEX] 1.9.
    pub const NEGOEX: Self = Self(ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.2.30"));
    /// SPNEGO itself.
    pub const SPNEGO: Self = Self(ObjectIdentifier::new_unwrap("1.3.6.1.5.5.2"));

    /// Of an object identifier in dotted form; `None` for what is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        ObjectIdentifier::new(text).ok().map(Self)
    }

    /// The content octets of its encoding.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether both name the same mechanism: the two identifiers of Kerberos do.
    #[must_use]
    pub fn is_same(self, other: Self) -> bool {
        let canonical = |mech| if mech == Self::MS_KERBEROS { Self::KERBEROS } else { mech };
        canonical(self) == canonical(other)
    }

    /// Its name, where it is known here.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        let names = [
            (Self::KERBEROS, "Kerberos"),
            (Self::MS_KERBEROS, "Kerberos (Microsoft)"),
            (Self::KERBEROS_USER_TO_USER, "Kerberos (user to user)"),
            (Self::NTLM, "NTLM"),
            (Self::NEGOEX, "NEGOEX"),
            (Self::SPNEGO, "SPNEGO"),
        ];
        names.into_iter().find(|(mech, _)| *mech == self).map(|(_, name)| name)
    }

    pub(super) fn from_content(content: &[u8]) -> Option<Self> {
        ObjectIdentifier::from_bytes(content).ok().map(Self)
    }
}

/// Its name, or the object identifier.
impl fmt::Display for MechType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl fmt::Debug for MechType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MechType({self})")
    }
}

/// MechTypeList, [RFC 4178] 4.1, as a view: what mechListMIC is computed over, byte for byte.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct MechTypeList<'de> {
    raw: &'de [u8],
    content: &'de [u8],
}

impl<'de> MechTypeList<'de> {
    /// Writes a list, which a view is made of by [`decode_all`](oxwire_core::decode_all).
    ///
    /// # Errors
    /// None for a list that fits into memory.
    pub fn write(mechs: &[MechType]) -> Result<Vec<u8>, EncodeError> {
        let at = ("MechTypeList", "MechType", "[RFC 4178] 4.1");
        let content = mechs.iter().map(|mech| len_of(mech.as_bytes().len())).sum();
        let mut out = BytesMut::with_capacity(len_of(content));
        let mut w = Writer::new(&mut out);
        put_header(&mut w, Tag::Sequence, content, at)?;
        for mech in mechs {
            put_header(&mut w, Tag::ObjectIdentifier, mech.as_bytes().len(), at)?;
            w.bytes(mech.as_bytes());
        }
        Ok(out.into())
    }

    /// The list as it stands, its SEQUENCE header included.
    #[must_use]
    pub const fn as_der(&self) -> &'de [u8] {
        self.raw
    }

    /// The mechanisms in order of preference. An identifier that is longer than any known one, or that is none, comes as `None`.
    pub fn iter(&self) -> impl Iterator<Item = Option<MechType>> + use<'de> {
        let mut r = Reader::new(self.content);
        std::iter::from_fn(move || {
            if r.is_empty() {
                return None;
            }
            any(&mut r, "MechType").ok().map(|mut element| MechType::from_content(element.rest()))
        })
    }

    /// Whether it has no element.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.content.is_empty()
    }
}

impl fmt::Debug for MechTypeList<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl Structure for MechTypeList<'_> {
    const NAME: &'static str = "MechTypeList";
    const SPEC: &'static str = "[RFC 4178] 4.1";
}

impl<'de> Decode<'de> for MechTypeList<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let whole = r.peek_rest();
        let mut elements = element(r, Tag::Sequence, "a SEQUENCE", "MechTypeList")?;
        let raw = whole.get(..whole.len().saturating_sub(r.left())).unwrap_or_default();
        let content = elements.peek_rest();
        let mut count = 0_usize;
        while !elements.is_empty() {
            element(&mut elements, Tag::ObjectIdentifier, "an OBJECT IDENTIFIER", "MechType")?;
            count = elements.count(count.saturating_add(1), 0, "MechType")?;
        }
        Ok(Self { raw, content })
    }
}
