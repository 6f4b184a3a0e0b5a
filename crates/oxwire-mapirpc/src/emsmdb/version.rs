//! Version numbers, [MS-OXCRPC] 3.1.4.1.3.1.

use std::fmt;

use oxwire_core::DecodeError;
use oxwire_rpc::ndr::{NdrReader, NdrWriter};

/// A protocol version as it travels: rgwClientVersion, rgwServerVersion and rgwBestVersion, three words each. Versions are
/// compared in their four-number form, [`ProtocolVersion::normalized`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct ProtocolVersion(pub [u16; 3]);

/// Says that the first word is a major and a minor version, a byte each.
const NEW_SCHEME: u16 = 0x8000;

impl ProtocolVersion {
    /// The three words that say this version, in the new scheme. `None` where a number does not fit: 255.255.32767.65535 at most.
    #[must_use]
    pub fn from_normalized([major, minor, build_major, build_minor]: [u16; 4]) -> Option<Self> {
        let (major, minor) = (u8::try_from(major).ok()?, u8::try_from(minor).ok()?);
        let build = (build_major < NEW_SCHEME).then_some(build_major | NEW_SCHEME)?;
        Some(Self([u16::from_be_bytes([major, minor]), build, build_minor]))
    }

    /// Product major, product minor, build major, build minor: what is compared.
    #[must_use]
    pub const fn normalized(self) -> [u16; 4] {
        let [first, second, third] = self.0;
        if second & NEW_SCHEME != 0 {
            [first >> 8, first & 0xFF, second & !NEW_SCHEME, third]
        } else {
            [first, 0, second, third]
        }
    }

    pub(super) fn read(r: &mut NdrReader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        Ok(Self([r.u16(field)?, r.u16(field)?, r.u16(field)?]))
    }

    pub(super) fn write(self, w: &mut NdrWriter<'_>) {
        self.0.into_iter().for_each(|word| w.u16(word));
    }
}

/// `15.0.847.4040`
impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, build_major, build_minor] = self.normalized();
        write!(f, "{major}.{minor}.{build_major}.{build_minor}")
    }
}

impl fmt::Debug for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProtocolVersion({self})")
    }
}
