//! What the three messages share: signature, type, Version, and payload fields by length and offset ([MS-NLMP] 2.2).

use std::fmt;

use oxwire_core::{DecodeError, DecodeErrorKind, EncodeError, EncodeErrorKind, Reader, Utf16, Writer};

use super::NegotiateFlags;

pub(crate) const SIGNATURE: [u8; 8] = *b"NTLMSSP\0";

/// Which of the three messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageType {
    /// NtLmNegotiate.
    Negotiate,
    /// NtLmChallenge.
    Challenge,
    /// NtLmAuthenticate.
    Authenticate,
}

/// Which of the three messages a token is, by its first twelve bytes; `None` when it is none of them.
#[must_use]
pub fn message_type(token: &[u8]) -> Option<MessageType> {
    match token.strip_prefix(&SIGNATURE)?.first_chunk::<4>()? {
        [1, 0, 0, 0] => Some(MessageType::Negotiate),
        [2, 0, 0, 0] => Some(MessageType::Challenge),
        [3, 0, 0, 0] => Some(MessageType::Authenticate),
        _ => None,
    }
}

/// VERSION, [MS-NLMP] 2.2.2.10: for debugging, without effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Version {
    /// ProductMajorVersion.
    pub major: u8,
    /// ProductMinorVersion.
    pub minor: u8,
    /// ProductBuild.
    pub build: u16,
    /// NTLMRevisionCurrent.
    pub revision: u8,
}

impl Version {
    /// All zero: what stands there when VERSION is not negotiated.
    pub const NONE: Self = Self { major: 0, minor: 0, build: 0, revision: 0 };

    pub(crate) fn read(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [major, minor, b0, b1, _, _, _, revision] = r.array("Version")?;
        Ok(Self { major, minor, build: u16::from_le_bytes([b0, b1]), revision })
    }

    pub(crate) fn write(self, w: &mut Writer<'_>) {
        w.u8(self.major);
        w.u8(self.minor);
        w.u16_le(self.build);
        w.zeros(3);
        w.u8(self.revision);
    }
}

/// Text of a message in its negotiated character set: UTF-16, or OEM bytes.
///
/// The protocol leaves the OEM character set to the two ends; bytes above 0x7F are read as UTF-8 where they are that, and as
/// Latin-1 otherwise.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Text<'de> {
    /// UNICODE.
    Unicode(Utf16<'de>),
    /// OEM.
    Oem(&'de [u8]),
}

impl<'de> Text<'de> {
    pub(crate) fn new(bytes: &'de [u8], unicode: bool) -> Self {
        if unicode { Self::Unicode(Utf16::from_truncated(bytes)) } else { Self::Oem(bytes) }
    }

    /// Whether there is no text.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match self {
            Self::Unicode(text) => text.is_empty(),
            Self::Oem(bytes) => bytes.is_empty(),
        }
    }

    /// The text by itself: one allocation where it is ASCII, as it mostly is.
    pub(crate) fn to_box(self) -> Box<str> {
        match self {
            Self::Unicode(text) => {
                let mut out = String::with_capacity(text.as_bytes().len() / 2);
                out.extend(text.chars());
                out.into()
            }
            Self::Oem(_) => self.to_string().into(),
        }
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unicode(text) => fmt::Display::fmt(text, f),
            Self::Oem(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => f.write_str(text),
                Err(_) => bytes.iter().try_for_each(|byte| fmt::Write::write_char(f, char::from(*byte))),
            },
        }
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

/// Reads signature and type.
pub(crate) fn read_start(r: &mut Reader<'_>, expected: u32) -> Result<(), DecodeError> {
    let at = r.offset();
    let signature: [u8; 8] = r.array("Signature")?;
    if signature != SIGNATURE {
        return Err(r.error_at(at, "Signature", DecodeErrorKind::Text { expected: "NTLMSSP and a NUL" }));
    }
    let at = r.offset();
    let found = r.u32_le("MessageType")?;
    let name = match expected {
        1 => "1, NtLmNegotiate",
        2 => "2, NtLmChallenge",
        _ => "3, NtLmAuthenticate",
    };
    if found == expected { Ok(()) } else { Err(r.invalid(at, "MessageType", name, found)) }
}

/// A field of the payload: its length and where it begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) len: usize,
    pub(crate) offset: usize,
    at: usize,
}

impl Span {
    /// Reads length, maximum length (ignored) and offset.
    pub(crate) fn read(r: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let at = r.offset();
        let len = usize::from(r.u16_le(field)?);
        r.u16_le(field)?;
        let offset = r.len_u32_le(field)?;
        Ok(Self { len, offset, at })
    }

    /// The bytes, out of the whole message. A field of no length may point anywhere.
    pub(crate) fn of<'de>(
        self,
        message: &'de [u8],
        r: &Reader<'de>,
        field: &'static str,
    ) -> Result<&'de [u8], DecodeError> {
        if self.len == 0 {
            return Ok(&[]);
        }
        let bytes = self.offset.checked_add(self.len).and_then(|end| message.get(self.offset..end));
        bytes.ok_or_else(|| {
            let left = message.len().saturating_sub(self.offset);
            r.error_at(self.at, field, DecodeErrorKind::Eof { needed: self.len, left })
        })
    }
}

/// Writes the fields and then the payload behind `fixed` bytes of head.
pub(crate) struct Payload {
    next: usize,
}

impl Payload {
    /// The payload begins `fixed` bytes into the message.
    pub(crate) const fn after(fixed: usize) -> Self {
        Self { next: fixed }
    }

    /// Writes length, maximum length and offset of a field of `len` bytes whose bytes follow those of the field before.
    pub(crate) fn field(&mut self, w: &mut Writer<'_>, len: usize, field: &'static str) -> Result<(), EncodeError> {
        let at = self.next;
        self.next = self.next.saturating_add(len);
        Self::field_at(w, len, at, field)
    }

    /// Writes length, maximum length and an explicit offset.
    pub(crate) fn field_at(
        w: &mut Writer<'_>,
        len: usize,
        offset: usize,
        field: &'static str,
    ) -> Result<(), EncodeError> {
        let too_long = |max, len| w.error(field, EncodeErrorKind::TooLong { max, len });
        let [a, b] = u16::try_from(len).map_err(|_| too_long(0xffff, len))?.to_le_bytes();
        let [c, d, e, f] = u32::try_from(offset).map_err(|_| too_long(0xffff_ffff, offset))?.to_le_bytes();
        w.bytes(&[a, b, a, b, c, d, e, f]);
        Ok(())
    }
}

/// Bytes of a text in the negotiated character set.
pub(crate) fn text_len(text: &str, flags: NegotiateFlags) -> usize {
    if flags.has(NegotiateFlags::UNICODE) { oxwire_core::utf16_le_len(text) } else { text.len() }
}

/// Writes a text in the negotiated character set; OEM takes ASCII only, since nobody agreed on more.
pub(crate) fn put_text(
    w: &mut Writer<'_>,
    text: &str,
    flags: NegotiateFlags,
    (name, field, spec): (&'static str, &'static str, &'static str),
) -> Result<(), EncodeError> {
    if flags.has(NegotiateFlags::UNICODE) {
        w.utf16(text);
        return Ok(());
    }
    if let Some(c) = text.chars().find(|c| !c.is_ascii()) {
        let kind = EncodeErrorKind::Value {
            expected: "ASCII, since UNICODE is not negotiated",
            found: u64::from(u32::from(c)),
        };
        return Err(EncodeError { name, field, spec, kind });
    }
    w.bytes(text.as_bytes());
    Ok(())
}
