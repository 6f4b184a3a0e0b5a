//! NEGOTIATE_MESSAGE, [MS-NLMP] 2.2.1.1.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use super::NegotiateFlags;
use super::message::{Payload, SIGNATURE, Span, Text, Version, read_start};

/// NEGOTIATE_MESSAGE, [MS-NLMP] 2.2.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NegotiateMessage<'de> {
    /// What the client can do.
    pub flags: NegotiateFlags,
    /// DomainName, in the OEM character set; empty unless OEM_DOMAIN_SUPPLIED.
    pub domain: &'de [u8],
    /// WorkstationName, in the OEM character set; empty unless OEM_WORKSTATION_SUPPLIED.
    pub workstation: &'de [u8],
    /// Version.
    pub version: Version,
}

impl<'de> NegotiateMessage<'de> {
    /// DomainName as text.
    #[must_use]
    pub const fn domain_text(&self) -> Text<'de> {
        Text::Oem(self.domain)
    }

    /// WorkstationName as text.
    #[must_use]
    pub const fn workstation_text(&self) -> Text<'de> {
        Text::Oem(self.workstation)
    }
}

impl Structure for NegotiateMessage<'_> {
    const NAME: &'static str = "NEGOTIATE_MESSAGE";
    const SPEC: &'static str = "[MS-NLMP] 2.2.1.1";
}

/// A message that ends before the domain fields, or before Version, is taken: old clients send it so. Payload bytes that no
/// field refers to are padding.
impl<'de> Decode<'de> for NegotiateMessage<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let message = r.peek_rest();
        read_start(r, 1)?;
        let flags = NegotiateFlags(r.u32_le("NegotiateFlags")?);
        let (mut domain, mut workstation): (&[u8], &[u8]) = (&[], &[]);
        let mut version = Version::NONE;
        if !r.is_empty() {
            let domain_fields = Span::read(r, "DomainNameFields")?;
            let workstation_fields = Span::read(r, "WorkstationFields")?;
            if flags.has(NegotiateFlags::OEM_DOMAIN_SUPPLIED) {
                domain = domain_fields.of(message, r, "DomainName")?;
            }
            if flags.has(NegotiateFlags::OEM_WORKSTATION_SUPPLIED) {
                workstation = workstation_fields.of(message, r, "WorkstationName")?;
            }
        }
        if flags.has(NegotiateFlags::VERSION) && r.left() >= 8 {
            version = Version::read(r)?;
        }
        r.ignore_rest("[MS-NLMP] 2.2.1.1: padding before and after the data");
        Ok(Self { flags, domain, workstation, version })
    }
}

impl Encode for NegotiateMessage<'_> {
    fn encoded_len(&self) -> usize {
        40 + self.domain.len() + self.workstation.len()
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.bytes(&SIGNATURE);
        w.u32_le(1);
        w.u32_le(self.flags.0);
        let mut payload = Payload::after(40);
        payload.field(w, self.domain.len(), "DomainNameFields")?;
        payload.field(w, self.workstation.len(), "WorkstationFields")?;
        self.version.write(w);
        w.bytes(self.domain);
        w.bytes(self.workstation);
        Ok(())
    }
}
