//! AUX_SERVER_CAPABILITIES, [MS-OXCRPC] 2.2.2.2.19.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use crate::flags::flags;

flags! {
    /// `ServerCapabilityFlags` of AUX_SERVER_CAPABILITIES.
    ServerCapabilityFlags: u32 {
        /// The server takes packed buffers in fast transfer uploads.
        PACKED_FAST_TRANSFER_UPLOAD_BUFFERS = 0x0000_0001;
        /// The server takes packed buffers in stream writes.
        PACKED_WRITE_STREAM_UPLOAD_BUFFERS = 0x0000_0002;
        /// The server can send ultra large packed buffers in fast transfer downloads.
        ULTRA_LARGE_PACKED_DOWNLOAD_BUFFERS = 0x0000_0008;
    }
}

/// AUX_SERVER_CAPABILITIES, [MS-OXCRPC] 2.2.2.2.19: what the server supports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxServerCapabilities {
    /// What it supports.
    pub server_capability_flags: ServerCapabilityFlags,
}

impl Structure for AuxServerCapabilities {
    const NAME: &'static str = "AUX_SERVER_CAPABILITIES";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.19";
}

impl Decode<'_> for AuxServerCapabilities {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { server_capability_flags: ServerCapabilityFlags::from_bits(r.u32_le("ServerCapabilityFlags")?) })
    }
}

impl Encode for AuxServerCapabilities {
    fn encoded_len(&self) -> usize {
        4
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(self.server_capability_flags.bits());
        Ok(())
    }
}
