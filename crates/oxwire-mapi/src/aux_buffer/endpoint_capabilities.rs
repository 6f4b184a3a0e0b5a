//! AUX_ENDPOINT_CAPABILITIES, [MS-OXCRPC] 2.2.2.2.20.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use crate::flags::flags;

flags! {
    /// `EndpointCapabilityFlag` of AUX_ENDPOINT_CAPABILITIES.
    EndpointCapabilityFlags: u32 {
        /// EMSMDB, the address book and the referral interface are served on one HTTP endpoint.
        SINGLE_ENDPOINT = 0x0000_0001;
    }
}

/// AUX_ENDPOINT_CAPABILITIES, [MS-OXCRPC] 2.2.2.2.20: what the server combines on one endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxEndpointCapabilities {
    /// What it combines.
    pub endpoint_capability_flag: EndpointCapabilityFlags,
}

impl Structure for AuxEndpointCapabilities {
    const NAME: &'static str = "AUX_ENDPOINT_CAPABILITIES";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.20";
}

impl Decode<'_> for AuxEndpointCapabilities {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let flags = r.u32_le("EndpointCapabilityFlag")?;
        Ok(Self { endpoint_capability_flag: EndpointCapabilityFlags::from_bits(flags) })
    }
}

impl Encode for AuxEndpointCapabilities {
    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(self.endpoint_capability_flag.bits());
        Ok(())
    }
}
