//! bind_nak, \[C706\] 12.6.4.5 and [MS-RPCE] 2.2.2.9.

use std::fmt;

use oxwire_core::{DecodeError, EncodeError, Guid, Reader, Writer};

use super::DataRepresentation;

/// provider_reject_reason, \[C706\] 12.6.3.1 and [MS-RPCE] 2.2.2.5; unknown values are kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RejectReason(pub u16);

impl RejectReason {
    /// REASON_NOT_SPECIFIED
    pub const NOT_SPECIFIED: Self = Self(0);
    /// TEMPORARY_CONGESTION: to be taken as LOCAL_LIMIT_EXCEEDED.
    pub const TEMPORARY_CONGESTION: Self = Self(1);
    /// LOCAL_LIMIT_EXCEEDED
    pub const LOCAL_LIMIT_EXCEEDED: Self = Self(2);
    /// PROTOCOL_VERSION_NOT_SPECIFIED: a protocol error in the bind.
    pub const PROTOCOL_VERSION_NOT_SPECIFIED: Self = Self(4);
    /// authentication_type_not_recognized
    pub const AUTHENTICATION_TYPE_NOT_RECOGNIZED: Self = Self(8);
    /// invalid_checksum: the security package failed for good.
    pub const INVALID_CHECKSUM: Self = Self(9);
}

impl fmt::Debug for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NOT_SPECIFIED => f.write_str("REASON_NOT_SPECIFIED"),
            Self::TEMPORARY_CONGESTION => f.write_str("TEMPORARY_CONGESTION"),
            Self::LOCAL_LIMIT_EXCEEDED => f.write_str("LOCAL_LIMIT_EXCEEDED"),
            Self::PROTOCOL_VERSION_NOT_SPECIFIED => f.write_str("PROTOCOL_VERSION_NOT_SPECIFIED"),
            Self::AUTHENTICATION_TYPE_NOT_RECOGNIZED => f.write_str("authentication_type_not_recognized"),
            Self::INVALID_CHECKSUM => f.write_str("invalid_checksum"),
            Self(other) => write!(f, "RejectReason({other})"),
        }
    }
}

/// What the Signature of a [`BindNak`] is when extended error information follows it. [MS-RPCE] 2.2.1.1.2
pub const EXTENDED_ERROR_SIGNATURE: Guid =
    Guid::new(0x9074_0320, 0xfad0, 0x11d3, [0x82, 0xd7, 0x00, 0x90, 0x27, 0xb1, 0x30, 0xab]);

/// The body of bind_nak, [MS-RPCE] 2.2.2.9.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BindNak<'de> {
    /// provider_reject_reason.
    pub reason: RejectReason,
    /// versions: major and minor of each that the server speaks, two bytes each.
    pub versions: &'de [u8],
    /// Extended error information ([MS-EERR]), undecoded: what follows a Signature of [`EXTENDED_ERROR_SIGNATURE`]. What follows
    /// another signature is ignored, as the section asks for.
    pub extended_error: Option<&'de [u8]>,
}

impl<'de> BindNak<'de> {
    pub(super) fn read(r: &mut Reader<'de>, drep: DataRepresentation) -> Result<Self, DecodeError> {
        let reason = RejectReason(drep.u16(r, "provider_reject_reason")?);
        // [C706] has the list of versions; peers leave it out where they have nothing to say.
        let count = if r.is_empty() { 0 } else { r.u8("n_protocols")? };
        let versions = r.bytes(usize::from(count) * 2, "p_protocols")?;
        let signature = r.peek_rest().first_chunk::<16>().is_some().then(|| drep.uuid(r, "Signature")).transpose()?;
        let rest = r.rest();
        let extended_error = (signature == Some(EXTENDED_ERROR_SIGNATURE)).then_some(rest);
        Ok(Self { reason, versions, extended_error })
    }

    pub(super) fn write(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u16_le(self.reason.0);
        w.len_u8(self.versions.len() / 2, "n_protocols")?;
        w.bytes(self.versions);
        if let Some(extended_error) = self.extended_error {
            w.guid(EXTENDED_ERROR_SIGNATURE);
            w.bytes(extended_error);
        }
        Ok(())
    }

    pub(super) fn encoded_len(&self) -> usize {
        3 + self.versions.len() + self.extended_error.map_or(0, |blob| 16 + blob.len())
    }
}
