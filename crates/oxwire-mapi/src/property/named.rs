//! Named properties, [MS-OXCDATA] 2.6.1.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, EncodeErrorKind, Guid, Reader, Structure, Utf16, Writer};

/// What names a property within its property set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PropertyNameKind<'a> {
    /// Kind 0x00: a number, LID.
    Lid(u32),
    /// Kind 0x01: a string, without its NUL.
    Name(Utf16<'a>),
    /// Kind 0xFF: the property has no name, in an answer.
    Unnamed,
}

/// PropertyName, [MS-OXCDATA] 2.6.1: the name of a property whose id is 0x8000 or more and differs from mailbox to mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PropertyName<'a> {
    /// The property set.
    pub guid: Guid,
    /// The name in it.
    pub kind: PropertyNameKind<'a>,
}

impl Structure for PropertyName<'_> {
    const NAME: &'static str = "PropertyName";
    const SPEC: &'static str = "[MS-OXCDATA] 2.6.1";
}

impl<'de> Decode<'de> for PropertyName<'de> {
    fn decode(r: &mut Reader<'de>) -> Result<Self, DecodeError> {
        let at = r.offset();
        let kind = r.u8("Kind")?;
        let guid = r.guid("GUID")?;
        let kind = match kind {
            0x00 => PropertyNameKind::Lid(r.u32_le("LID")?),
            0x01 => {
                let at = r.offset();
                let size = r.u8("NameSize")?;
                let name = r.bytes(size.into(), "Name")?;
                // NameSize counts the NUL; a peer that leaves both out is understood too.
                let name = name.strip_suffix(&[0, 0]).filter(|name| name.len().is_multiple_of(2)).unwrap_or(name);
                let name = Utf16::new(name);
                PropertyNameKind::Name(name.ok_or_else(|| r.invalid(at, "NameSize", "an even number", size))?)
            }
            0xFF => PropertyNameKind::Unnamed,
            unknown => return Err(r.invalid(at, "Kind", "0x00, 0x01 or 0xFF", unknown)),
        };
        Ok(Self { guid, kind })
    }
}

impl Encode for PropertyName<'_> {
    fn encoded_len(&self) -> usize {
        17 + match self.kind {
            PropertyNameKind::Lid(_) => 4,
            PropertyNameKind::Name(name) => name.as_bytes().len() + 3,
            PropertyNameKind::Unnamed => 0,
        }
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u8(match self.kind {
            PropertyNameKind::Lid(_) => 0x00,
            PropertyNameKind::Name(_) => 0x01,
            PropertyNameKind::Unnamed => 0xFF,
        });
        w.guid(self.guid);
        match self.kind {
            PropertyNameKind::Lid(lid) => w.u32_le(lid),
            PropertyNameKind::Name(name) => {
                if name.units().any(|unit| unit == 0) {
                    return Err(w.error("Name", EncodeErrorKind::Value { expected: "text without a NUL", found: 0 }));
                }
                w.len_u8(name.as_bytes().len().saturating_add(2), "NameSize")?;
                w.bytes(name.as_bytes());
                w.u16_le(0);
            }
            PropertyNameKind::Unnamed => {}
        }
        Ok(())
    }
}
