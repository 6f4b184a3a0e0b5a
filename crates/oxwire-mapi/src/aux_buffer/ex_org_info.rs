//! AUX_EXORGINFO, [MS-OXCRPC] 2.2.2.2.17.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use crate::flags::flags;

flags! {
    /// `OrgFlags` of AUX_EXORGINFO.
    OrgFlags: u32 {
        /// The organization has public folders. Without it a client must not open a public message store.
        PUBLIC_FOLDERS_ENABLED = 0x0000_0001;
        /// The client is to configure public folders by Autodiscover.
        USE_AUTODISCOVER_FOR_PUBLIC_FOLDER_CONFIGURATION = 0x0000_0002;
    }
}

/// AUX_EXORGINFO, [MS-OXCRPC] 2.2.2.2.17: what the server tells about its organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxExOrgInfo {
    /// What the organization has.
    pub org_flags: OrgFlags,
}

impl Structure for AuxExOrgInfo {
    const NAME: &'static str = "AUX_EXORGINFO";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.17";
}

impl Decode<'_> for AuxExOrgInfo {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { org_flags: OrgFlags::from_bits(r.u32_le("OrgFlags")?) })
    }
}

impl Encode for AuxExOrgInfo {
    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(self.org_flags.bits());
        Ok(())
    }
}
