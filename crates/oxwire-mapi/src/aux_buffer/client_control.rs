//! AUX_CLIENT_CONTROL, [MS-OXCRPC] 2.2.2.2.15.

use oxwire_core::{Decode, DecodeError, Encode, EncodeError, Reader, Structure, Writer};

use crate::flags::flags;

flags! {
    /// `EnableFlags` of AUX_CLIENT_CONTROL: a behaviour is on where its flag is set, else off.
    EnableFlags: u32 {
        /// The client sends performance data to the server.
        ENABLE_PERF_SENDTOSERVER = 0x0000_0001;
        /// The client sends performance data to a mailbox.
        ENABLE_PERF_SENDTOMAILBOX = 0x0000_0002;
        /// The client compresses what it sends to the server.
        ENABLE_COMPRESSION = 0x0000_0004;
        /// The client uses RPC over HTTP if that is configured.
        ENABLE_HTTP_TUNNELING = 0x0000_0008;
        /// The client includes performance data of its talk with the directory service.
        ENABLE_PERF_SENDGCDATA = 0x0000_0010;
    }
}

/// AUX_CLIENT_CONTROL, [MS-OXCRPC] 2.2.2.2.15: what the server asks of the client's behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AuxClientControl {
    /// What to do.
    pub enable_flags: EnableFlags,
    /// How long the client keeps performance data that it has not sent, in milliseconds.
    pub expiry_time: u32,
}

impl Structure for AuxClientControl {
    const NAME: &'static str = "AUX_CLIENT_CONTROL";
    const SPEC: &'static str = "[MS-OXCRPC] 2.2.2.2.15";
}

impl Decode<'_> for AuxClientControl {
    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            enable_flags: EnableFlags::from_bits(r.u32_le("EnableFlags")?),
            expiry_time: r.u32_le("ExpiryTime")?,
        })
    }
}

impl Encode for AuxClientControl {
    fn encoded_len(&self) -> usize {
        8
    }

    fn encode(&self, w: &mut Writer<'_>) -> Result<(), EncodeError> {
        w.u32_le(self.enable_flags.bits());
        w.u32_le(self.expiry_time);
        Ok(())
    }
}
